# SPDX-License-Identifier: ISC
"""
Bytes that come too early.  Nothing that a client sends after the head of its
upgrade may reach the server before the server's 101 has been checked: a proxy
that lets it is an open pipe into the network behind it.
"""

import hashlib
import random
import time

import pytest

import wire
from wire import (QUIET, Closed, from_client, response, switching, upgrade,
                  wait_until)

EARLY = from_client(b'early bird', wire.TEXT)


def test_client_frames_in_the_segment_of_the_head(under_way):
    c, s, _ = under_way(upgrade() + EARLY)
    s.expect_quiet()
    s.send(switching())
    assert c.read_head() == switching()
    assert s.read(len(EARLY)) == EARLY
    late = from_client(b'late', wire.TEXT)
    c.send(late)
    assert s.read(len(late)) == late


def test_client_frames_between_head_and_101(under_way):
    c, s, _ = under_way(upgrade())
    c.send(EARLY)
    s.expect_quiet()
    s.send(switching())
    assert s.read(len(EARLY)) == EARLY
    assert c.read_head() == switching()


SMUGGLED = b'GET /admin HTTP/1.1\r\nHost: localhost\r\n\r\n'

REFUSALS = {
    '401': response(401, 'no', 'WWW-Authenticate: Basic'),
    '426': response(426, 'no', 'Sec-WebSocket-Version: 13'),
    '200': response(200, 'a page'),
    '404 until close': b'HTTP/1.1 404 X\r\n\r\nno',
    '401 chunked': (b'HTTP/1.1 401 X\r\nTransfer-Encoding: chunked\r\n\r\n'
                    b'2\r\nno\r\n0\r\n\r\n'),
    'false 101': switching('AAAAAAAAAAAAAAAAAAAAAA=='),
    '101 without upgrade': switching().replace(b'Upgrade: websocket\r\n',
                                               b''),
    'no HTTP': b'Unauthorized',
    'garbage': b'\x00\x01\x02\x03',
}


@pytest.mark.parametrize('early', ['frame', 'request'])
@pytest.mark.parametrize('refusal', REFUSALS)
def test_early_bytes_never_reach_a_server_that_refused(
        refusal, early, bowsprit, backend, client):
    b = backend()
    bs = bowsprit(b)
    c = client(bs)
    c.send(upgrade() + (EARLY if early == 'frame' else SMUGGLED))
    s = b.wait_for()
    head = s.read_head()
    s.send(REFUSALS[refusal])
    if 'until close' in refusal:
        s.finish()
    answer = c.read_to_end()
    assert answer.startswith(b'HTTP/1.1 ') and not answer.startswith(
        b'HTTP/1.1 101')
    assert answer.count(b'HTTP/1.1 ') == 1, 'the smuggled one was answered'
    s.expect_gone()
    assert bytes(s.received) == head, 'early bytes reached the server'
    assert len(b.wires) == 1, 'and on no other connection'


def test_early_bytes_sent_while_the_refusal_is_on_its_way(
        bowsprit, backend, client):
    b = backend()
    c = client(bowsprit(b))
    c.send(upgrade())
    s = b.wait_for()
    head = s.read_head()
    s.send(b'HTTP/1.1 403 X\r\nContent-Length: 4\r\n\r\nno')
    c.read_until(b'no')
    c.send(EARLY)
    s.expect_quiet()
    s.send(b'no')
    c.read_until(b'no')
    try:
        c.expect_end()
    except Closed as e:  # it may not, or our answer is lost on real networks
        raise AssertionError(f'reset instead of an orderly end: {e}') from e
    s.expect_gone()
    assert bytes(s.received) == head


def test_a_megabyte_before_the_101(bowsprit, backend, client):
    """It waits in the client's socket: little is held, nothing is lost."""
    b = backend()
    bs = bowsprit(b)
    c = client(bs)
    early = b''.join(from_client(random.randbytes(60000)) for _ in range(18))
    c.send(upgrade())
    s = b.wait_for()
    s.read_head()
    before = bs.rss()
    c.sock.setblocking(False)
    sent = 0
    quiet_since = time.monotonic()
    while sent < len(early) and time.monotonic() < quiet_since + QUIET:
        try:
            sent += c.sock.send(early[sent:])
            quiet_since = time.monotonic()
        except BlockingIOError:
            pass
    s.expect_quiet()
    assert bs.rss() - before < 512, 'KiB held for a client without a 101'
    c.sock.settimeout(c.timeout)
    s.send(switching())
    assert c.read_head() == switching()
    got = s.read(sent)
    assert hashlib.sha1(got).digest() == hashlib.sha1(early[:sent]).digest()
    c.send(early[sent:])
    assert s.read(len(early) - sent) == early[sent:]


def test_server_frames_in_the_segment_of_the_101(under_way):
    c, s, _ = under_way(upgrade())
    frames = wire.frame(b'RFB 003.008\n') + wire.frame(b'y' * 70000)
    s.send(switching() + frames)
    assert c.read(len(switching())) == switching()
    assert c.read(len(frames)) == frames
    s.send(wire.frame(b'z'))
    assert c.read_message() == (wire.BINARY, b'z')


def test_101_and_frames_and_end_at_once(under_way):
    """A server that greets and leaves: all of it arrives, then the end."""
    c, s, bs = under_way(upgrade())
    last = wire.frame(b'bye') + wire.frame(wire.closing(1001), wire.CLOSE)
    s.send(switching() + last)
    s.finish()
    assert c.read_to_end() == switching() + last
    c.close()
    s.expect_gone()
    assert bs.closed()['by'] == 'server'


def test_both_sides_early(under_way):
    c, s, _ = under_way(upgrade() + EARLY)
    s.send(switching() + wire.frame(b'hello'))
    assert c.read_head() == switching()
    assert c.read_message() == (wire.BINARY, b'hello')
    assert s.read(len(EARLY)) == EARLY


def test_early_messages_are_counted(under_way):
    c, s, bs = under_way(upgrade() + EARLY + EARLY)
    frames = wire.frame(b'hello')
    s.send(switching() + frames)
    c.read_head()
    c.read_message()
    s.read(2 * len(EARLY))
    c.send(from_client(wire.closing(1000), wire.CLOSE))
    s.read_frame()
    s.send(wire.frame(wire.closing(1000), wire.CLOSE))
    s.close()
    c.expect_gone()
    c.close()
    line = bs.closed()
    assert line['from_client']['bytes'] == 2 * len(EARLY) + 8
    assert line['from_client']['messages'] == 2
    assert line['from_server']['bytes'] == len(frames) + 4
    assert line['from_server']['messages'] == 1


def test_client_that_leaves_before_the_101(under_way):
    c, s, bs = under_way(upgrade())
    c.close()
    s.expect_gone()  # at once: nobody waits for its answer any more
    wait_until(lambda: bs.events('WebSocket'), 'a line about it')

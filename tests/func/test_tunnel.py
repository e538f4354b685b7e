# SPDX-License-Identifier: ISC
"""
An open tunnel: every frame as it was sent, every end passed on, each ended
with one line that says who, how and why.
"""

import random
import threading
import time

import pytest

import wire
from backends import echoing
from wire import closing, from_client, frame, upgrade, wait_until

STRANGE = {  # frames that a server or a client may not like; we only watch
    'empty': from_client(b''),
    'empty close': from_client(b'', wire.CLOSE),
    'fragments': from_client(b'a', wire.TEXT, fin=False)
    + from_client(b'b', 0, fin=False) + from_client(b'c', 0),
    'ping between fragments': from_client(b'a', wire.TEXT, fin=False)
    + from_client(b'', wire.PING) + from_client(b'b', 0),
    'empty fragments': from_client(b'', wire.TEXT, fin=False)
    + from_client(b'', 0, fin=False) + from_client(b'', 0),
    'compressed': bytes([0xc1]) + from_client(b'\xcaH\xcd\xc9\xc9\x07\0')[1:],
    'no UTF-8': from_client(b'\xff\xfe', wire.TEXT),
    '125': from_client(b'x' * 125), '126': from_client(b'x' * 126),
    '65535': from_client(b'x' * 65535), '65536': from_client(b'x' * 65536),
    'longest ping': from_client(b'x' * 125, wire.PING),
    # What RFC 6455 forbids: it is counted, and the bytes pass.
    'reserved opcode': from_client(b'x', 3) + from_client(b'x', 11),
    'unmasked': frame(b'x'),
    'fragmented ping': from_client(b'x', wire.PING, fin=False),
    'long ping': from_client(b'x' * 200, wire.PING),
    'padded length': bytes([0x82, 0xfe, 0, 5]) + bytes(4) + b'hello',
    'no WebSocket at all': b'RFB 003.008\n' * 100,
    'top bit of the length': bytes([0x82, 0xff, 0x80]) + bytes(11) + b'x',
    'close of one byte': from_client(b'x', wire.CLOSE),
    'frames after a close': from_client(closing(1000), wire.CLOSE)
    + from_client(b'more'),
}


@pytest.mark.parametrize('side', ['client', 'server'])
@pytest.mark.parametrize('name', STRANGE)
def test_frames_pass_as_they_are(name, side, open_tunnel):
    c, s, bs = open_tunnel()
    data = STRANGE[name]
    source, sink = (c, s) if side == 'client' else (s, c)
    source.send(data)
    assert sink.read(len(data)) == data
    sink.send(b'\x82\x03abc')
    assert source.read(5) == b'\x82\x03abc', 'the other way'
    source.close()
    sink.expect_gone()
    sink.close()
    assert bs.closed()['by'] == side


def test_frame_of_2_to_the_40_bytes(open_tunnel):
    """Only said, not sent: its first bytes pass, nothing is waited for."""
    c, s, bs = open_tunnel()
    before = bs.rss()
    start = bytes([0x82, 0x7f]) + (1 << 40).to_bytes(8, 'big') + b'x' * 1000
    s.send(start)
    assert c.read(len(start)) == start
    assert bs.rss() - before < 1024


def test_closing_handshake_from_the_client(bowsprit, backend, client):
    bs = bowsprit(backend(echoing))
    c = client(bs)
    c.open_websocket()
    for size in (0, 1, 125, 126, 1000, 65535, 65536, 200000):
        payload = random.randbytes(size)
        c.send(from_client(payload))
        assert c.read_message() == (wire.BINARY, payload)
    c.send(from_client(closing(1000, b'done'), wire.CLOSE))
    assert c.read_message() == (wire.CLOSE, closing(1000, b'done'))
    c.expect_end()
    c.close()
    line = bs.closed()
    assert (line['by'], line['reason'], line['code']) == (
        'client', 'close', 1000)
    assert line['from_client']['messages'] == 8
    assert line['from_server']['messages'] == 8
    assert line['from_server']['bytes'] > 267000
    assert line['age'] < 10


@pytest.mark.parametrize('piece', [1 << 20, 97, 2])
def test_closing_line_counts_by_opcode(piece, open_tunnel):
    """Whatever the pieces in which they come."""
    c, s, bs = open_tunnel()
    ours = (from_client(b'one', wire.TEXT) + from_client(b'x' * 300)
            + from_client(b'a', wire.TEXT, fin=False)
            + from_client(b'', wire.PING) + from_client(b'bc', 0)
            + from_client(b'', wire.PONG) + from_client(b'', wire.PONG))
    theirs = (frame(b'x' * 1000, wire.TEXT) + frame(b'') + frame(b'y')
              + frame(b'', wire.PING)
              + frame(closing(4321, 'tschüß \'"\n'.encode() + b'\xff'),
                      wire.CLOSE))
    for one, other, data in ((c, s, ours), (s, c, theirs)):
        for i in range(0, len(data), piece):
            one.send(data[i:i + piece])
        assert other.read(len(data)) == data
    s.close()
    c.close()
    line = bs.closed()
    assert (line['by'], line['reason'], line['code']) == (
        'server', 'close', 4321)
    assert line['close_reason'] == 'tschüß \'"\n\xff'
    assert line['from_client'] == {
        'bytes': len(ours), 'messages': 3, 'text': 2, 'binary': 1,
        'largest': 300, 'pings': 1, 'pongs': 2, 'last': 0, 'pong': 0}
    assert line['from_server'] == {
        'bytes': len(theirs), 'messages': 3, 'text': 1, 'binary': 2,
        'largest': 1000, 'pings': 1, 'last': 0}


@pytest.mark.parametrize('side', ['client', 'server'])
def test_closing_line_has_the_first_close(side, open_tunnel):
    """Its code and reason, not those of the answer; the client's unmasked."""
    c, s, bs = open_tunnel()
    first = closing(1008, b'r' * 123)
    if side == 'client':
        c.send(from_client(first, wire.CLOSE))
        assert s.read_message() == (wire.CLOSE, first)
        s.send(frame(closing(1000, b'answer'), wire.CLOSE))
        assert c.read_message() == (wire.CLOSE, closing(1000, b'answer'))
    else:
        s.send(frame(first, wire.CLOSE))
        assert c.read_message() == (wire.CLOSE, first)
        c.send(from_client(closing(1000, b'answer'), wire.CLOSE))
        assert s.read_message() == (wire.CLOSE, closing(1000, b'answer'))
    s.close()
    c.close()
    line = bs.closed()
    assert (line['by'], line['code'], line['close_reason']) == (
        side, 1008, 'r' * 123)


@pytest.mark.parametrize('code', [1001, 1008, 1012, 4000, 4999])
def test_closing_handshake_from_the_server(code, open_tunnel):
    c, s, bs = open_tunnel()
    s.send(frame(closing(code, b'why'), wire.CLOSE))
    assert c.read_message() == (wire.CLOSE, closing(code, b'why'))
    c.send(from_client(closing(code), wire.CLOSE))
    assert s.read_message() == (wire.CLOSE, closing(code))
    s.close()
    c.expect_end()
    c.close()
    line = bs.closed()
    assert (line['by'], line['reason'], line['code']) == (
        'server', 'close', code)


def test_close_frame_and_end_in_one_segment(open_tunnel):
    """Most servers: the Close is the last thing, then at once FIN."""
    c, s, bs = open_tunnel()
    s.send(frame(b'last') + frame(closing(1000), wire.CLOSE))
    s.close()
    assert c.read_message() == (wire.BINARY, b'last')
    assert c.read_message() == (wire.CLOSE, closing(1000))
    c.expect_gone()
    c.close()
    line = bs.closed()
    assert (line['by'], line['reason'], line['code']) == (
        'server', 'close', 1000)


@pytest.mark.parametrize('first', ['client', 'server'])
def test_half_close_is_passed_on(first, open_tunnel):
    c, s, bs = open_tunnel()
    one, other = (c, s) if first == 'client' else (s, c)
    one.send(frame(b'the last of mine'))
    one.finish()
    assert other.read_to_end() == frame(b'the last of mine')
    for i in range(5):  # the other direction goes on
        other.send(frame(b'%d' % i))
        assert one.read_message() == (wire.BINARY, b'%d' % i)
    big = frame(b'x' * 3_000_000)
    sender = threading.Thread(target=other.send, args=(big,), daemon=True)
    sender.start()
    assert one.read(len(big)) == big
    sender.join()
    assert not bs.events('Connection closed'), 'ended too early'
    other.finish()
    one.expect_end()
    line = bs.closed()
    assert (line['by'], line['reason']) == (first, 'eof')


@pytest.mark.parametrize('who', ['client', 'server'])
def test_reset_is_passed_on_and_named(who, open_tunnel):
    c, s, bs = open_tunnel()
    one, other = (c, s) if who == 'client' else (s, c)
    one.send(frame(b'hello'))
    assert other.read_message() == (wire.BINARY, b'hello')
    one.reset()
    other.expect_gone()
    line = bs.closed()
    assert (line['by'], line['reason']) == (who, f'{who}-reset')


@pytest.mark.parametrize('who', ['client', 'server'])
def test_end_without_a_close_is_named(who, open_tunnel):
    c, s, bs = open_tunnel()
    one, other = (c, s) if who == 'client' else (s, c)
    one.close()
    other.expect_gone()
    other.close()
    line = bs.closed()
    assert line['by'] == who
    assert line['reason'] in ('eof', f'{who}-reset')


@pytest.mark.parametrize('source', ['client', 'server'])
def test_end_while_the_reader_is_behind(source, open_tunnel):
    """A FIN overtakes no byte: all that was sent before it arrives."""
    c, s, bs = open_tunnel(client_options={'rcvbuf': 4096})
    one, other = (c, s) if source == 'client' else (s, c)
    data = frame(random.Random(1).randbytes(wire.most_swallowed()))

    def send():
        one.sock.settimeout(30 * wire.SLOW)
        one.send(data)
        one.finish()
    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    sender.join(0.5)  # it is stuck by now: the reader has read nothing
    assert sender.is_alive(), f'all {len(data)} bytes were swallowed'
    other.sock.settimeout(30 * wire.SLOW)
    assert other.read_to_end() == data
    other.finish()
    one.expect_end()


@pytest.mark.parametrize('source', ['client', 'server'])
def test_source_that_closes_while_the_reader_is_behind(source, open_tunnel):
    c, s, bs = open_tunnel(client_options={'rcvbuf': 4096})
    one, other = (c, s) if source == 'client' else (s, c)
    data = frame(random.Random(1).randbytes(300_000))
    one.send(data)
    one.close()  # it has left; what it sent is on the way
    assert other.read_to_end() == data


@pytest.mark.parametrize('gone', ['client', 'server'])
def test_reader_that_is_gone_ends_a_stuck_sender(gone, open_tunnel):
    """Choked and deaf, yet the reset of the reader is heard."""
    c, s, bs = open_tunnel(client_options={'rcvbuf': 4096})
    reader, sender = (c, s) if gone == 'client' else (s, c)
    sender.choke()
    reader.reset()
    sender.expect_gone()
    line = bs.closed()
    assert (line['by'], line['reason']) == (gone, f'{gone}-reset')


@pytest.mark.parametrize('gone', ['client', 'server'])
def test_sender_that_resets_while_choked(gone, open_tunnel):
    """What was taken from it is still delivered, then its end is passed on."""
    c, s, bs = open_tunnel(client_options={'rcvbuf': 4096})
    sender, reader = (c, s) if gone == 'client' else (s, c)
    sender.choke()
    sender.reset()
    bs.expect_rest()
    reader.expect_gone()
    line = bs.closed()
    assert (line['by'], line['reason']) == (gone, f'{gone}-reset')


@pytest.mark.parametrize('gone', ['client', 'server'])
def test_choked_sender_that_has_left_costs_nothing(gone, open_tunnel):
    """A FIN cannot be read behind what is not read: no spinning on it."""
    c, s, bs = open_tunnel(client_options={'rcvbuf': 4096})
    sender, reader = (c, s) if gone == 'client' else (s, c)
    sender.choke()
    sender.finish()
    bs.expect_rest()
    reader.read_to_end()


def test_both_ways_at_once(open_tunnel):
    """Both senders at full speed: neither direction starves the other."""
    c, s, bs = open_tunnel()
    up = from_client(random.Random(1).randbytes(20_000_000))
    down = frame(random.Random(2).randbytes(20_000_000))
    got = {}

    def send(w, data):
        w.sock.settimeout(60)
        w.send(data)

    def read(name, w, n):
        got[name] = w.read(n)
    threads = [threading.Thread(target=f, args=a, daemon=True) for f, a in (
        (send, (c, up)), (send, (s, down)),
        (read, ('down', c, len(down))), (read, ('up', s, len(up))))]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60 * wire.SLOW)
    assert got.get('up') == up
    assert got.get('down') == down


def test_messages_are_never_batched(open_tunnel):
    """Each small one arrives before the next is sent, without delay."""
    c, s, _ = open_tunnel()
    start = time.monotonic()
    for i in range(500):
        c.send(from_client(b'%d' % i))
        assert s.read_message() == (wire.BINARY, b'%d' % i)
        s.send(frame(b'%d' % i))
        assert c.read_message() == (wire.BINARY, b'%d' % i)
    assert time.monotonic() - start < 4 * wire.SLOW


def test_two_small_writes_do_not_wait_for_an_ack(open_tunnel):
    """A frame's header and payload sent apart: Nagle costs 40 ms each."""
    c, s, _ = open_tunnel()
    start = time.monotonic()
    for _ in range(50):
        s.send(b'\x82\x05')
        s.send(b'hello')
        assert c.read_message() == (wire.BINARY, b'hello')
    assert time.monotonic() - start < 1.5 * wire.SLOW


def test_one_line_a_tunnel(bowsprit, backend, client):
    bs = bowsprit(backend(echoing))
    for _ in range(20):
        c = client(bs)
        c.send(upgrade())
        c.read_head()
        c.send(from_client(closing(1000), wire.CLOSE))
        c.read_frame()
        c.expect_gone()
        c.close()
    bs.closed(n=20)
    lines = bs.events('Connection closed')
    assert len(lines) == 20
    assert len({e['id'] for e in lines}) == 20
    opened = {e['id'] for e in bs.events('Connection opened')}
    assert opened == {e['id'] for e in lines}


def test_descriptors_come_back(bowsprit, backend, client):
    b = backend(echoing)
    bs = bowsprit(b)
    client(bs).open_websocket()  # so that all threads have what they need
    before = bs.descriptors()
    for how in ('close', 'reset', 'handshake'):
        for _ in range(20):
            c = client(bs)
            c.send(upgrade())
            if how == 'handshake':
                c.read_head()
                c.send(from_client(closing(1000), wire.CLOSE))
                c.read_frame()
            getattr(c, 'reset' if how == 'reset' else 'close')()
    # A leak in one of the three ways would be 20.
    wait_until(lambda: bs.descriptors() < before + 10,
               'descriptors to be closed')


def test_closing_line_has_ages(open_tunnel):
    """Who fell silent, and whether it still answered pings."""
    c, s, bs = open_tunnel()
    s.send(frame(b'', wire.PING))
    assert c.read_frame()[0] == wire.PING
    time.sleep(1.1)  # so that it is not as old as the tunnel
    c.send(from_client(b'', wire.PONG))
    assert s.read_frame()[0] == wire.PONG
    silent = time.monotonic()
    while time.monotonic() < silent + 2.1:
        s.send(frame(b'x'))
        c.read_message()
        time.sleep(0.1)
    s.send(frame(closing(1000), wire.CLOSE))
    c.read_message()
    c.reset()
    line = bs.closed()
    assert (line['by'], line['reason'], line['code']) == (
        'server', 'close', 1000)
    assert line['from_client']['last'] >= 2
    assert line['age'] > line['from_client']['last']
    assert line['age'] > line['from_client']['pong'] >= 2
    assert line['from_server']['last'] < line['from_client']['last']
    assert 'pong' not in line['from_server']

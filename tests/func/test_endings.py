# SPDX-License-Identifier: ISC
"""
Endings that come at the wrong moment, or only half: a client that says FIN
and then resets, a server that resets behind its last words, an answer that
stops before its end, a drain that meets a connection in an odd state.
"""

import fcntl
import os
import select
import signal
import socket
import struct
import sys
import termios
import threading
import time

import pytest

import wire
from backends import answering, web
from wire import (QUIET, SLOW, Reset, Response, from_client, get, request,
                  response, upgrade, wait_until)

CLOSE_1001 = bytes([0x88, 2, 0x03, 0xe9])
APP = (sys.executable, os.path.join(os.path.dirname(
    os.path.abspath(__file__)), 'app.py'))
LISTEN = ('-l', 'localhost:@PORT@')
HTTP_1_0 = b'GET / HTTP/1.0\r\nHost: x\r\n\r\n'
RELAY_SCRATCH = 64 * 1024 + 256  # src/net/relay.h
BEYOND_32_BITS = '4294968296ms'  # 2^32 ms and one second


def rest_of(w):
    """What comes until the end, whichever way that is said."""
    try:
        return w.read_to_end()
    except Reset:
        return w.take(len(w.buf))


def unsent(w):
    """Bytes that the other end's kernel has not acknowledged yet."""
    return struct.unpack('i', fcntl.ioctl(w.sock, termios.TIOCOUTQ,
                                          b'\0' * 4))[0]


# ---- a client that leaves in two steps

@pytest.mark.parametrize('begun', [
    b'', b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc',
    b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
    b'HTTP/1.1 200 OK\r\n\r\nabc'],
    ids=['no answer yet', 'length', 'chunked', 'until close'])
def test_fin_and_then_reset_of_the_client_ends_the_exchange(begun, under_way):
    """After FIN it may still be there; a reset says that it is not."""
    c, s, _ = under_way()
    if begun:
        s.send(begun)
        c.read_until(b'abc')
    c.finish()
    s.expect_quiet()
    start = time.monotonic()
    c.reset()
    s.expect_gone()
    assert time.monotonic() - start < 2 * SLOW, 'the server worked on for it'


@pytest.mark.parametrize('who', ['client', 'server'])
def test_fin_and_then_reset_of_one_side_ends_the_tunnel(who, open_tunnel):
    """The other one, to which the FIN was passed on, has nothing to say."""
    c, s, bs = open_tunnel()
    one, other = (c, s) if who == 'client' else (s, c)
    one.finish()
    other.expect_end()
    one.reset()
    line = bs.closed(timeout=5 * SLOW)
    assert (line['by'], line['reason']) == (who, 'eof')


# ---- a server that leaves in two steps

LAST_WORDS = wire.frame(b'x' * 10000) * 24


def reset_behind_last_words(c, s):
    """The client reads no more than makes room for all of them."""
    c.send(from_client(b'a'))  # which the server leaves unread: hence RST
    s.send(LAST_WORDS)
    wait_until(lambda: unsent(s) == 0 or not c.fill(),
               'the last bytes to leave the server', pause=0.05)
    s.close()
    time.sleep(QUIET)  # nothing shows that the reset was noticed


def are_last_words(got):
    return len(got) == len(LAST_WORDS) and got == LAST_WORDS


@pytest.mark.parametrize('client_speaks', [False, True])
def test_last_words_of_a_server_that_resets_all_arrive(
        client_speaks, open_tunnel):
    """A frame that can no longer be delivered is no reason to drop others."""
    c, s, bs = open_tunnel(client_options={'rcvbuf': 8192})
    reset_behind_last_words(c, s)
    if client_speaks:
        c.send(from_client(b'b'))
        time.sleep(QUIET)  # nor that a send to it fails
    assert are_last_words(rest_of(c))
    line = bs.closed()
    assert (line['by'], line['reason']) == ('server', 'server-reset')


def test_last_words_of_a_server_that_resets_all_arrive_in_a_drain(
        open_tunnel):
    """As when both are stopped together."""
    c, s, bs = open_tunnel(client_options={'rcvbuf': 8192})
    reset_behind_last_words(c, s)
    bs.drain()
    assert are_last_words(rest_of(c))
    assert bs.wait_end() == 0
    line = bs.closed()
    assert (line['by'], line['reason']) == ('server', 'server-reset')


def test_last_words_of_a_server_that_closes_all_arrive(open_tunnel):
    """Its system answers a late frame with a reset; that is no news."""
    c, s, bs = open_tunnel(client_options={'rcvbuf': 8192})
    s.send(LAST_WORDS)
    s.close()
    for _ in range(3):
        time.sleep(QUIET)  # nothing shows how far it is
        c.send(from_client(b'late'))
    assert are_last_words(rest_of(c))
    assert bs.closed()['by'] == 'server'


@pytest.mark.parametrize('how', ['eof', 'reset'])
@pytest.mark.parametrize('by', ['client', 'server'])
def test_who_broke_a_tunnel(by, how, open_tunnel):
    """What a browser shows as 1006 has a side that did it."""
    c, s, bs = open_tunnel()
    one, other = (c, s) if by == 'client' else (s, c)
    if how == 'reset':
        one.reset()
    else:
        one.finish()
    other.expect_gone()
    other.close()
    line = bs.closed()
    assert (line['by'], line['reason']) == (
        by, how if how == 'eof' else f'{by}-reset')
    assert 'code' not in line


# ---- an answer that is cut must not look whole

def test_truncated_answer_to_an_http_1_0_client(under_way):
    """Without the chunks only a reset tells it from a whole one."""
    c, s, _ = under_way(HTTP_1_0)
    s.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
           + wire.chunk(b'hello'))
    head = c.read_head()
    assert b'chunked' not in head
    assert c.read(5) == b'hello'
    s.close()
    with pytest.raises(Reset):
        c.read_to_end()


def test_whole_answer_to_an_http_1_0_client_ends_with_fin(
        bowsprit, backend, client):
    c = client(bowsprit(backend(answering(
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
        + wire.chunk(b'hello') + wire.LAST_CHUNK))))
    c.send(HTTP_1_0)
    c.read_head()
    assert c.read_to_end() == b'hello'


def expect_whole(bs, b, c, last):
    """The end of an answer came, to a process that was stopped."""
    bs.signal(signal.SIGCONT)
    assert c.read(len(last)) == last
    c.send(get())
    b.wait_for(2)
    assert 'reason' not in bs.wait_status(200)


def test_server_that_resets_behind_a_whole_answer(bowsprit, backend, client):
    """
    Its last bytes fill bowsprit's buffer, so that it looks for more at once.
    """
    first, last = bytes(8_000_000), b'x' * RELAY_SCRATCH
    b = backend()
    bs = bowsprit(b, workers=1)
    c = client(bs)
    c.send(get())
    s = b.wait_for()
    s.read_head()
    s.send(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n'
           % len(first + last))
    sender = threading.Thread(target=s.send, args=(first,))
    sender.start()
    c.read_head()
    c.read(len(first))
    sender.join()
    bs.signal(signal.SIGSTOP)
    s.send(last)
    wait_until(lambda: unsent(s) == 0, 'the last bytes to leave the server')
    s.reset()
    expect_whole(bs, b, c, last)


def test_server_that_resets_an_answer_until_close(under_way):
    c, s, _ = under_way()
    s.send(b'HTTP/1.1 200 OK\r\n\r\nhello')
    c.read_head()
    assert c.read(5) == b'hello'
    s.reset()
    with pytest.raises(Reset):
        c.read_to_end()


@pytest.mark.parametrize('ask, fields', [
    (get(), ''), (HTTP_1_0, ''),
    (HTTP_1_0, 'Transfer-Encoding: chunked\r\n')],
    ids=['until close', 'until close to 1.0', 'chunked to 1.0'])
def test_answer_that_the_end_of_a_drain_cuts(ask, fields, under_way):
    c, s, bs = under_way(ask, timeouts={'drain': '500ms'})
    part = wire.chunk(b'hello') if fields else b'hello'
    s.send(f'HTTP/1.1 200 OK\r\n{fields}\r\n'.encode() + part)
    c.read_head()
    assert c.read(5) == b'hello'
    bs.signal()
    with pytest.raises(Reset):
        c.read_to_end()
    assert bs.wait_end() == 0


# ---- a kept connection that has died

@pytest.mark.parametrize('how', ['reset', 'close'])
def test_post_when_the_kept_connection_has_just_died(
        how, bowsprit, backend, client):
    """
    That the connection is dead can be seen before anything is sent on it, so
    this is no retry: the client gets its answer.
    """
    b = backend()
    b.script = web(b.requests)
    bs = bowsprit(b, workers=1)
    c = client(bs)
    c.send(get('/first'))
    assert c.read_response().body == b'GET /first #1'
    with bs.frozen():
        c.send(request('POST', '/second', 'x', 'Content-Length: 1',
                       body=b'a'))
        kept = b.wires[0]
        if how == 'reset':
            kept.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack('ii', 1, 0))
        # The script's thread is in recv() and would keep the socket open.
        kept.sock.shutdown(socket.SHUT_RD)
        wait_until(lambda: kept.sock.fileno() < 0, 'its end')
    assert c.read_response().body == b'POST /second #2'
    assert [r.method for r in b.requests] == ['GET', 'POST']


# ---- what a trusted proxy in front says of the port

@pytest.mark.parametrize('kind', ['request', 'upgrade'])
@pytest.mark.parametrize('host, fields, port', [
    ('example.com', ('X-Forwarded-Proto: https',), '443'),
    ('example.com', ('X-Forwarded-Proto: https',
                     'X-Forwarded-Host: example.com'), '443'),
    ('localhost:3000', ('X-Forwarded-Proto: https',
                        'X-Forwarded-Host: example.com'), '443'),
    ('example.com', ('X-Forwarded-Proto: https',
                     'X-Forwarded-Host: h:8443'), '8443'),
    ('[2001:db8::1]', ('X-Forwarded-Proto: https',), '443'),
    ('x', ('X-Forwarded-Proto: https',
           'X-Forwarded-Host: [2001:db8::1]:8443'), '8443'),
    ('example.com', ('X-Forwarded-Proto: http',), '80'),
    ('example.com:8080', ('X-Forwarded-Proto: https',
                          'X-Forwarded-Port: 8443'), '8443'),
])
def test_port_behind_a_trusted_proxy(kind, host, fields, port, bowsprit,
                                     backend, client):
    """A wrong one makes an application redirect to where nothing listens."""
    b = backend()
    c = client(bowsprit(b))
    c.send((get if kind == 'request' else upgrade)('/', host, *fields))
    head = wire.Request(b.wait_for().read_head())
    assert head.get('X-Forwarded-Port') == port
    for line in fields:
        name, value = line.split(': ')
        assert head.get(name) == value


# ---- a drain that meets tunnels in an odd state

@pytest.mark.parametrize('side', ['client', 'server'])
def test_drain_of_a_half_closed_tunnel(side, open_tunnel):
    c, s, bs = open_tunnel(timeouts={'drain': '60s'})
    first, other = (c, s) if side == 'client' else (s, c)
    first.finish()
    other.expect_end()
    bs.signal()
    assert rest_of(c) in (b'', CLOSE_1001)
    assert rest_of(s) == b''
    assert bs.wait_end() == 0


@pytest.mark.parametrize('where', ['between reads', 'amid a message'])
def test_drain_of_a_tunnel_that_speaks_no_websocket(where, open_tunnel):
    """Where no message ends, a Close would be garbage in a stream."""
    c, s, bs = open_tunnel(timeouts={'drain': '60s'})
    alien = b'\x83\x00' if where == 'between reads' else b'\xffRFB 003.008\n'
    s.send(alien)
    assert c.read(len(alien)) == alien
    bs.signal()
    assert rest_of(c) == b'', 'put into a stream that is not ours'
    assert bs.wait_end() == 0


# ---- times

@pytest.mark.parametrize('setting', ['tunnel_idle', 'half_close'])
def test_time_of_more_than_32_bits_of_ms(setting, open_tunnel):
    """50 days are not one second."""
    c, s, _ = open_tunnel(timeouts={setting: BEYOND_32_BITS})
    if setting == 'half_close':
        s.finish()
        c.expect_end()
        s.expect_quiet(1.7)
    else:
        c.expect_quiet(1.7)


def test_stall_of_more_than_32_bits_of_ms(open_tunnel):
    c, s, bs = open_tunnel(timeouts={'stall': BEYOND_32_BITS},
                           client_options={'rcvbuf': 4096})
    s.sock.settimeout(1.7)
    with pytest.raises(TimeoutError):
        while True:
            s.send(wire.frame(b'x' * 60000))
    assert not bs.events('Connection closed')


def test_request_whose_body_stops_half_way(bowsprit, backend, client):
    """Nobody is owed anything, and yet nothing will ever come of it."""
    b = backend()
    bs = bowsprit(b, timeouts={'stall': '500ms', 'response': '500ms'})
    c = client(bs)
    c.send(request('POST', '/half', 'x', 'Content-Length: 100', body=b'abc'))
    s = b.wait_for()
    s.read_until(b'abc')
    start = time.monotonic()
    r = c.read_response()
    assert r.status == 408
    assert 0.3 < time.monotonic() - start < 2 * SLOW
    s.expect_gone()
    c.expect_end()
    assert bs.wait_status(408, '/half')['reason'] == 'body-timeout'


def test_reset_in_the_middle_of_an_upload(bowsprit, backend, client):
    """A write hears of it first, to the read behind it it is a mere end."""
    b = backend()
    bs = bowsprit(b)
    c = client(bs)
    c.send(request('POST', '/', 'x', 'Content-Length: 1000000000'))
    s = b.wait_for()
    while select.select([], [c.sock], [], QUIET)[1]:
        c.sock.send(bytes(1 << 16))
    s.reset()
    assert c.read_response().status == 502
    bs.wait_event('[HTTP] POST / 502', reason='server-reset')


def test_body_that_comes_in_drops_is_no_stalled_one(under_way):
    c, s, _ = under_way(
        request('POST', '/', 'x', 'Content-Length: 8'),
        timeouts={'stall': '800ms', 'response': '800ms'})
    for _ in range(8):
        time.sleep(0.2)  # 1.6 s in all
        c.send(b'x')
        assert s.read(1) == b'x'
    s.send(response(200, 'ok'))
    assert c.read_response().body == b'ok'


def test_tunnel_is_not_idle_while_its_reader_is_slow(open_tunnel):
    """The server said it all long ago; the client is still taking it."""
    c, s, _ = open_tunnel(timeouts={'tunnel_idle': '500ms'},
                          client_options={'rcvbuf': 4096})
    words = wire.frame(b'x' * 400_000)
    s.send(words)
    start = time.monotonic()
    while time.monotonic() - start < 2:
        c.need()
        time.sleep(0.1)
    assert c.read(len(words)) == words


# ---- what a drain waits for, and what not

def test_drain_of_0_cuts_nothing(under_way):
    """0 is never, as for every other time."""
    c, s, bs = under_way(timeouts={'drain': '0'})
    bs.drain()
    c.expect_quiet(1)
    assert not bs.ended()
    s.send(response(200, 'late'))
    assert c.read_response().body == b'late'
    c.close()
    assert bs.wait_end() == 0


@pytest.mark.parametrize('answered', ['before', 'during'])
def test_drain_does_not_wait_for_clients_that_linger(answered, under_way):
    """They have their answer; that they do not close is theirs."""
    c, s, bs = under_way(get('/', 'x', 'Connection: close'))
    if answered == 'during':
        bs.drain()
    s.send(response(200, 'ok'))
    assert c.read_response().body == b'ok'
    c.expect_end()  # and keeps its own half open
    start = time.monotonic()
    if answered == 'before':
        bs.signal()
    assert bs.wait_end() == 0
    assert time.monotonic() - start < 1 * SLOW


@pytest.fixture
def elsewhere(bowsprit, backend, client):
    """
    bowsprit with an application and another backend at /held, by which an
    exchange is under way: (bowsprit, its client, its server's wire).
    """
    def start(*args, wait='> Ready on'):
        b = backend()
        bs = bowsprit(argv=(*LISTEN, '-r', f'/held={b.url}'),
                      command=(*APP, *args), wait=wait)
        bs.wait_listening()
        c = client(bs)
        c.send(get('/held'))
        s = b.wait_for()
        s.read_head()
        return bs, c, s
    return start


def test_application_that_ends_during_a_drain(elsewhere):
    """Ctrl-C ends both at once: a new one would only be in the way."""
    bs, c, s = elsewhere()
    bs.drain()
    for pid in bs.family():
        if pid != bs.pid:
            os.kill(pid, signal.SIGTERM)
    wait_until(lambda: bs.family() == [bs.pid], 'the end of the application')
    c.expect_quiet(1.7)  # the first restart comes after 1 s
    assert not bs.ended(), 'an exchange is under way'
    s.send(response(200, 'late'))
    assert c.read_response().body == b'late'
    assert bs.wait_end() == 0
    assert len(bs.lines('the application starts')) == 1
    assert len(bs.lines('> Ready on')) == 1
    assert not bs.lines('started again')


def test_application_that_listens_during_a_drain(elsewhere):
    """It is not ready: it takes no connection any more."""
    bs, c, s = elsewhere('--delay', '1', wait=None)
    bs.wait_line('the application starts')
    bs.drain()
    bs.wait_line('the application listens')
    c.expect_quiet(2 * QUIET)  # the word would come 150 ms later
    s.send(response(200, 'late'))
    assert c.read_response().body == b'late'
    assert bs.wait_end() == 0
    assert not bs.lines('> Ready on')


def test_pipelined_upgrade_and_fin_is_cancelled(bowsprit, backend, client):
    """As one that is alone: nobody is there any more to talk to."""
    b = backend()
    bs = bowsprit(b, workers=1)
    c = client(bs)
    c.send(get() + upgrade('/ws'))
    s = b.wait_for()
    s.read_head()
    c.finish()
    s.send(response(200, 'x'))
    assert c.read_response().body == b'x'
    assert rest_of(c) == b''
    bs.wait_line('Socket error')
    assert len(b.wires) == 1, 'it was forwarded'


# ---- our own answers

def test_pipelined_requests_that_we_answer_ourselves_and_fin(
        bowsprit, backend, client):
    """Each is answered at once, and all of them before the end."""
    b = backend()
    c = client(bowsprit(b, routes=(
        {'path': '/a/**', 'upgrade': 'none', 'backend': 'app'},
        {'path': '/a/b', 'upgrade': 'both', 'backend': 'app'})))
    c.send(get('/a/%62') * 4)  # would be another route's, if decoded
    c.finish()
    for _ in range(4):
        assert c.read_response().status == 400
    c.expect_end()
    assert not b.wires


def test_503_without_a_descriptor_is_as_long_as_it_says(
        bowsprit, backend, client):
    bs = bowsprit(backend(), nofile=(60, 60), workers=1)
    crowd = [client(bs) for _ in range(70)]

    def told():
        sockets = {c.sock: c for c in crowd}
        ready, _, _ = select.select(list(sockets), [], [], 0.05)
        return [sockets[s] for s in ready]
    for c in wait_until(told, 'somebody to be told'):
        r = Response(c.read_head())
        assert r.status == 503
        body = c.read_to_end()
        assert body and r.get('Content-Length') == str(len(body))


def test_426_to_an_ordinary_request_says_what_is_wanted(
        bowsprit, backend, client):
    """RFC 9110 15.5.22: such an answer must have an Upgrade field."""
    c = client(bowsprit(backend(answering(response(
        426, 'no', 'Upgrade: websocket', 'Connection: Upgrade')))))
    c.send(get())
    r = c.read_response()
    assert (r.status, r.body) == (426, b'no')
    assert r.get('Upgrade') == 'websocket'
    options = [o.strip().lower() for o in r.get('Connection').split(',')]
    assert 'upgrade' in options and set(options) <= {'upgrade', 'close'}

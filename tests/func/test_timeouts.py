# SPDX-License-Identifier: ISC
"""
Times: each limit ends what it is for, in time and with its word, and nothing
else.
"""

import time

import pytest

import wire
from backends import tunnel, web
from wire import QUIET, from_client, get, request, response, upgrade


def test_head_that_never_ends(bowsprit, backend, client):
    bs = bowsprit(backend(web()), timeouts={'header': '400ms'})
    c = client(bs)
    start = time.monotonic()
    c.send(b'GET / HTTP/1.1\r\nHost: x\r\n')
    r = c.read_response()
    assert r.status == 408
    c.expect_end()
    assert 0.3 < time.monotonic() - start < 2 * wire.SLOW
    bs.wait_status(408)


def test_head_that_comes_in_drops(bowsprit, backend, client):
    """The limit is for all of it, not for each byte."""
    bs = bowsprit(backend(web()), timeouts={'header': '500ms'})
    c = client(bs)
    start = time.monotonic()
    c.send(b'GET / HTTP/1.1\r\n')
    try:
        while time.monotonic() - start < 3:
            c.send(b'A: b\r\n')
            c.sock.settimeout(0.05)
            try:
                if not c.fill() or c.buf:
                    break
            except AssertionError:
                pass
    except wire.Reset:
        pass
    assert 0.4 < time.monotonic() - start < 2 * wire.SLOW


def test_client_that_says_nothing(bowsprit, backend, client):
    """It is no error to connect and be silent: browsers do it ahead."""
    bs = bowsprit(backend(web()), timeouts={'client_keepalive': '400ms'})
    c = client(bs)
    start = time.monotonic()
    c.expect_end()
    assert 0.3 < time.monotonic() - start < 2 * wire.SLOW
    assert not bs.complaints()


def test_client_that_says_nothing_more(bowsprit, backend, client):
    bs = bowsprit(backend(web()), timeouts={'client_keepalive': '400ms'})
    c = client(bs)
    for _ in range(3):
        c.send(get())
        c.read_response()
    start = time.monotonic()
    c.expect_end()
    assert 0.3 < time.monotonic() - start < 2 * wire.SLOW


def test_response_that_never_begins(bowsprit, backend, client):
    b = backend()
    bs = bowsprit(b, timeouts={'response': '400ms'})
    c = client(bs)
    start = time.monotonic()
    c.send(get('/slow'))
    s = b.wait_for()
    r = c.read_response()
    assert r.status == 504 and b'timeouts.response' in r.body
    assert 0.3 < time.monotonic() - start < 2 * wire.SLOW
    s.expect_gone()
    e = bs.wait_status(504, '/slow')
    assert e['reason'] == 'response-timeout'


def test_response_is_awaited_from_the_last_byte_of_the_request(under_way):
    """A long upload does not use up the server's time to think."""
    c, s, _ = under_way(
        request('POST', '/', 'x', 'Content-Length: 10'),
        timeouts={'response': '600ms'})
    for _ in range(9):
        time.sleep(0.1)
        c.send(b'x')
        s.read(1)
    c.send(b'x')
    s.read(1)
    c.expect_quiet(0.3)
    s.send(response(200, 'ok'))
    assert c.read_response().body == b'ok'


def test_client_that_does_not_take_its_answer(bowsprit, backend, client):
    def script(w, number):
        w.read_request()
        w.send(b'HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n')
        w.sock.settimeout(20)
        while True:
            w.send(b'x' * 1000000)

    b = backend(script)
    bs = bowsprit(b, timeouts={'stall': '500ms'})
    c = client(bs, rcvbuf=4096)
    start = time.monotonic()
    c.send(get('/big'))
    e = bs.wait_event('/big', timeout=5 * wire.SLOW)
    assert e['reason'].startswith('stall')
    assert 0.4 < time.monotonic() - start


def test_server_that_does_not_take_a_body(bowsprit, backend, client):
    b = backend()
    bs = bowsprit(b, timeouts={'stall': '500ms'})
    c = client(bs)
    c.send(request('POST', '/big', 'x', 'Content-Length: 1000000000'))
    c.sock.settimeout(0.5)
    with pytest.raises((OSError, wire.Reset)):
        while True:
            c.send(b'x' * 1000000)
    e = bs.wait_event('/big', timeout=5 * wire.SLOW)
    assert e['reason'].startswith('stall')


def test_slow_but_steady_reader_is_not_cut(bowsprit, backend, client):
    """Stall is about taking nothing at all, not about being slow."""
    size = 24_000_000

    def script(w, number):
        w.read_request()
        w.sock.settimeout(30)
        w.send(response(200, b'x' * size))

    bs = bowsprit(backend(script), timeouts={'stall': '500ms'})
    c = client(bs, rcvbuf=65536)
    c.send(get())
    c.read_head()
    left = size - len(c.take(len(c.buf)))
    start = time.monotonic()
    while left and time.monotonic() - start < 2:  # a slow one for 2 s
        time.sleep(0.1)
        left -= len(c.sock.recv(min(left, 250_000)))
    while left:
        got = len(c.sock.recv(min(left, 1 << 20)))
        assert got, 'cut off'
        left -= got


def test_reader_of_what_the_kernel_holds_is_not_cut(open_tunnel):
    """
    A socket that took megabytes is writable again when a third of them is
    gone; one who needs longer than `stall` for that is slow, no more.
    """
    c, s, bs = open_tunnel(timeouts={'stall': '500ms'})
    sent = s.choke()
    start = time.monotonic()
    while time.monotonic() - start < 3:
        time.sleep(0.1)  # how slow it is
        sent -= len(c.sock.recv(70_000))
    c.sock.settimeout(10 * wire.SLOW)
    while sent:
        got = len(c.sock.recv(min(sent, 1 << 20)))
        assert got, bs.closed()
        sent -= got


@pytest.mark.parametrize('stopped', ['client', 'server'])
def test_tunnel_whose_reader_stops(stopped, open_tunnel):
    c, s, bs = open_tunnel(timeouts={'stall': '500ms'},
                           client_options={'rcvbuf': 4096})
    sender = s if stopped == 'client' else c
    part = (wire.frame(b'x' * 60000) if stopped == 'client'
            else from_client(b'x' * 60000))
    sender.sock.settimeout(10 * wire.SLOW)
    start = time.monotonic()
    with pytest.raises(wire.Reset):
        while time.monotonic() - start < 10 * wire.SLOW:
            sender.send(part)
    line = bs.closed()
    assert line['reason'] == f'stall-{stopped}'
    assert time.monotonic() - start > 0.4


def test_quiet_tunnel_is_no_stalled_one(open_tunnel):
    c, s, bs = open_tunnel(timeouts={'stall': '300ms'})
    c.expect_quiet(1)
    s.send(wire.frame(b'x'))
    assert c.read_message() == (wire.BINARY, b'x')


def test_tunnel_idle(open_tunnel):
    c, s, bs = open_tunnel(timeouts={'tunnel_idle': '500ms'})
    start = time.monotonic()
    while time.monotonic() - start < 1:  # traffic keeps it
        c.send(from_client(b'x'))
        s.read_frame()
        time.sleep(0.1)
    start = time.monotonic()
    answer_close(c, s)
    line = bs.wait_event('Connection closed', reason='tunnel-idle')
    assert line['by'] == 'proxy'
    assert time.monotonic() - start > 0.3


def answer_close(c, s):
    """Both ends do what WebSocket peers do with a Close, or see the end."""
    for w, frame in ((c, from_client), (s, wire.frame)):
        try:
            opcode, payload, _ = w.read_frame()
            assert opcode == wire.CLOSE
            w.send(frame(payload, wire.CLOSE))
        except wire.Closed:
            pass
    return True


def test_tunnel_lifetime(open_tunnel):
    c, s, bs = open_tunnel(timeouts={'tunnel_lifetime': '600ms'})
    start = time.monotonic()
    while time.monotonic() - start < 0.4:
        c.send(from_client(b'x'))
        s.read_frame()
    answer_close(c, s)
    line = bs.wait_event('Connection closed', reason='tunnel-lifetime')
    assert line['by'] == 'proxy'
    assert time.monotonic() - start > 0.5


def test_half_close_limit(open_tunnel):
    c, s, bs = open_tunnel(timeouts={'half_close': '500ms'})
    c.finish()
    s.expect_end()
    for _ in range(8):  # while the other way is in use it stays
        time.sleep(0.1)
        s.send(wire.frame(b'x'))
        assert c.read_message() == (wire.BINARY, b'x')
    start = time.monotonic()
    c.expect_gone()
    assert 0.3 < time.monotonic() - start < 2 * wire.SLOW
    assert bs.closed()['reason'] == 'half-close'


def test_zero_is_never(open_tunnel):
    c, s, _ = open_tunnel(timeouts=dict.fromkeys(
        ('header', 'handshake', 'response', 'stall', 'client_keepalive',
         'tunnel_idle', 'tunnel_lifetime'), '0'))
    c.expect_quiet(QUIET * 2)
    s.send(wire.frame(b'x'))
    assert c.read_message() == (wire.BINARY, b'x')


def test_limits_do_not_wait_for_traffic_of_others(bowsprit, backend, client):
    """One worker, many idle connections, each with its own time."""
    bs = bowsprit(backend(web()), workers=1,
                  timeouts={'header': '600ms', 'client_keepalive': '300ms'})
    silent = [client(bs) for _ in range(20)]
    half = [client(bs) for _ in range(20)]
    start = time.monotonic()
    for c in half:
        c.send(b'GET / HTTP/1.1\r\n')
    for c in silent:
        c.expect_end()
    assert time.monotonic() - start < 1.5 * wire.SLOW
    for c in half:
        assert c.read_response().status == 408
    assert time.monotonic() - start < 2.5 * wire.SLOW


def test_upgrade_after_requests_on_one_connection(bowsprit, backend, client):
    """The limits of the requests before do not follow into the tunnel."""
    def script(w, number):
        while True:
            r = w.read_request()
            if r.get('Upgrade'):
                w.send(wire.switching(r.get('Sec-WebSocket-Key')))
                break
            w.send(response(200))
        w.expect_gone()

    bs = bowsprit(backend(script), timeouts={
        'header': '300ms', 'client_keepalive': '300ms', 'response': '300ms'})
    c = client(bs)
    c.send(get())
    assert c.read_response().status == 200
    c.send(upgrade())
    assert c.read_head() == wire.switching()
    c.expect_quiet(0.8)


def test_a_route_has_times_of_its_own(bowsprit, backend, client):
    """The other routes keep those of all."""
    b = backend()
    bs = bowsprit(b, timeouts={'handshake': '60s', 'response': '60s'},
                  argv=('-r', f'/own/**={b.url} handshake=400ms '
                        'response=500ms'))
    other = client(bs)
    other.send(upgrade('/ws'))
    b.wait_for(1)
    start = time.monotonic()
    for head, word in ((upgrade('/own/ws'), 'handshake-timeout'),
                       (get('/own/'), 'response-timeout')):
        c = client(bs)
        c.send(head)
        r = c.read_response()
        assert r.status == 504 and word.encode() in r.body
    assert 0.8 < time.monotonic() - start < 4 * wire.SLOW
    other.expect_quiet()


def test_a_route_has_an_idle_time_of_its_own(bowsprit, backend, client):
    b = backend(tunnel)
    bs = bowsprit(b, argv=('-w', f'/own={b.url} tunnel_idle=400ms'))
    lasting, short = client(bs), client(bs)
    for c, path in ((lasting, '/ws'), (short, '/own')):
        c.send(upgrade(path))
        assert c.read_head().startswith(b'HTTP/1.1 101 ')
    short.expect_end()
    assert bs.closed()['reason'] == 'tunnel-idle'
    lasting.expect_quiet()

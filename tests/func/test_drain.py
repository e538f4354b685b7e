# SPDX-License-Identifier: ISC
"""
A drain: no new connections, exchanges finish, every WebSocket hears 1001
between two of its messages, and it ends as soon as nothing is left.
"""

import select
import signal
import threading
import time

import pytest

import wire
from backends import CrowdBackend, answering, switch
from wire import (closing, frame, from_client, get, response, switching,
                  wait_until)

CLOSE_1001 = bytes([0x88, 2, 0x03, 0xe9])


def asked(b):
    """The backend has a whole head."""
    s = b.wait_for()
    wait_until(lambda: b'\r\n\r\n' in s.received, 'the request')


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGQUIT])
def test_tunnel_hears_1001(number, open_tunnel):
    c, s, bs = open_tunnel()
    bs.signal(number)
    assert c.read(4) == CLOSE_1001
    c.send(from_client(closing(1001), wire.CLOSE))
    assert s.read_frame()[1] == closing(1001), 'the reply is the server\'s'
    c.expect_gone()
    s.expect_gone()
    assert bs.wait_end() == 0
    line = bs.closed()
    assert (line['by'], line['reason'], line['code']) == ('proxy', 'drain',
                                                         1001)


def test_close_waits_for_the_end_of_a_message(open_tunnel):
    c, s, bs = open_tunnel()
    message = frame(b'x' * 1000)
    s.send(message[:500])
    assert c.read(500) == message[:500]
    bs.drain()
    c.expect_quiet()
    s.send(message[500:] + frame(b'next'))
    assert c.read(len(message) - 500) == message[500:]
    rest = c.read_frame()
    while rest[0] != wire.CLOSE:
        assert rest[1] == b'next', 'a frame that was cut'
        rest = c.read_frame()
    assert rest[1] == closing(1001)
    c.close()
    assert bs.wait_end() == 0


def test_client_that_does_not_answer_is_cut_at_the_end(open_tunnel):
    c, s, bs = open_tunnel(timeouts={'drain': '500ms'})
    began = time.monotonic()
    bs.signal()
    assert c.read(4) == CLOSE_1001
    c.expect_gone()
    assert bs.wait_end() == 0
    assert time.monotonic() - began < 3 * wire.SLOW


def test_exchange_finishes(bowsprit, backend, client):
    go = threading.Event()

    def slow(w, number):
        w.read_request()
        w.send(b'HTTP/1.1 200 Fine\r\nContent-Length: 4\r\n\r\nab')
        assert go.wait(20)
        w.send(b'cd')

    bs = bowsprit(backend(slow))
    c = client(bs)
    c.send(get('/slow'))
    head = c.read_head()
    assert c.read(2) == b'ab', head
    bs.drain()
    assert not bs.ended(), 'an exchange is under way'
    go.set()
    assert c.read(2) == b'cd'
    c.expect_end()
    assert bs.wait_end() == 0


def test_answer_during_a_drain_says_close(bowsprit, backend, client):
    go = threading.Event()

    def late(w, number):
        w.read_request()
        assert go.wait(20)
        w.send(response(200, b'late'))

    b = backend(late)
    bs = bowsprit(b)
    c = client(bs)
    c.send(get('/late'))
    asked(b)
    bs.drain()
    go.set()
    answer = c.read_response()
    assert answer.body == b'late'
    assert answer.get('Connection') == 'close'
    assert bs.wait_end() == 0


@pytest.mark.parametrize('framing', ['chunked', 'until the end'])
def test_events_go_on_to_the_end_of_the_drain(framing, bowsprit, backend,
                                              client):
    """A stream of them never finishes; its reader comes back elsewhere."""
    over = threading.Event()

    def stream(w, number):
        w.read_request()
        w.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n'
               + ('Transfer-Encoding: chunked\r\n' if framing == 'chunked'
                  else '') + '\r\n')
        while not over.wait(0.02):
            event = b'data: tick\n\n'
            w.send(wire.chunk(event) if framing == 'chunked' else event)

    bs = bowsprit(backend(stream), timeouts={'drain': '1s'})
    c = client(bs)
    c.send(get('/events'))
    assert wire.Response(c.read_head()).get('Content-Type')
    c.read_until(b'tick')
    began = time.monotonic()
    bs.drain()
    heard = len(c.received)
    if framing == 'chunked':
        assert not c.read_to_end().endswith(wire.LAST_CHUNK)
    else:
        with pytest.raises(wire.Reset):  # else it would look like the whole
            c.read_to_end()
    took = time.monotonic() - began
    over.set()
    assert bs.wait_end() == 0
    assert 0.9 < took < 1 + 2 * wire.SLOW
    assert bytes(c.received[heard:]).count(b'tick') > 5


def test_idle_connections_do_not_hold_it_up(bowsprit, backend, client):
    bs = bowsprit(backend(answering(response(200, b'a'))))
    c = client(bs)
    c.send(get())
    assert c.read_response().body == b'a'
    began = time.monotonic()
    bs.signal()
    c.expect_end()
    assert bs.wait_end() == 0
    assert time.monotonic() - began < 2 * wire.SLOW, 'of the drain\'s 8 s'


def test_upgrade_that_opens_during_a_drain(bowsprit, backend, client):
    go = threading.Event()

    def late(w, number):
        w.read_request()
        assert go.wait(20)
        w.send(switching())
        w.read_to_end()

    b = backend(late)
    bs = bowsprit(b)
    c = client(bs)
    c.send(wire.upgrade())
    asked(b)
    bs.drain()
    go.set()
    assert c.read_response().status == 101
    assert c.read(4) == CLOSE_1001
    c.close()
    assert bs.wait_end() == 0


def test_many_tunnels_all_hear_it(bowsprit, backend, client):
    def hold(w, number):
        switch(w)
        w.read_to_end()

    bs = bowsprit(backend(hold))
    clients = [client(bs) for _ in range(100)]
    for c in clients:
        c.send(wire.upgrade())
    for c in clients:
        assert c.read_response().status == 101
    bs.signal()
    for c in clients:
        assert c.read(4) == CLOSE_1001
        c.close()
    assert bs.wait_end() == 0
    assert len(bs.events('[WebSocket Proxy] Connection closed')) == 100


@pytest.mark.parametrize('tunnels', [150, 300])
def test_a_crowd_is_told_one_after_the_other(tunnels, bowsprit, backend,
                                             client):
    """Above 200 they would all come back to another server at once."""
    bs = bowsprit(backend(kind=CrowdBackend), timeouts={'drain': '6s'})
    clients = [client(bs) for _ in range(tunnels)]
    for c in clients:
        c.send(wire.upgrade())
    for c in clients:
        assert c.read_response().status == 101
    waiting = {c.sock.fileno(): c for c in clients}
    poll = select.poll()
    for fd in waiting:
        poll.register(fd, select.POLLIN)
    told = []
    bs.signal()
    while waiting:
        ready = poll.poll(wire.PATIENCE * 1000)
        assert ready
        told += [time.monotonic()] * len(ready)
        for fd, _ in ready:
            poll.unregister(fd)
            c = waiting.pop(fd)
            assert c.read(4) == CLOSE_1001
            c.close()
    assert bs.wait_end() == 0
    took = told[-1] - told[0]
    if tunnels < 200:
        assert took < 1.5 * wire.SLOW
        return
    assert took > 1.5, 'half of the drain, nearly'
    middle = [t for t in told if told[0] + took / 4 < t < told[-1] - took / 4]
    assert len(middle) > tunnels / 8, 'evenly'

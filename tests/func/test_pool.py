# SPDX-License-Identifier: ISC
"""
Connections to a server are kept and used again; what that can break is here:
a connection that dies just as a request is put on it.
"""

import threading
import time

import wire
from backends import answering, web
from wire import get, request, response, wait_until

ONE = {'workers': 1}  # the pool is a worker's


def test_connection_is_used_again(bowsprit, backend, client):
    b = backend(web())
    c = client(bowsprit(b))
    for _ in range(20):
        c.send(get())
        assert c.read_response().body == b'GET / #1'
    assert len(b.wires) == 1


def test_also_by_other_clients(bowsprit, backend, client):
    b = backend(web())
    bs = bowsprit(b, **ONE)
    for _ in range(20):
        c = client(bs)
        c.send(get())
        assert c.read_response().body == b'GET / #1'
        c.close()
    assert len(b.wires) == 1


def test_and_after_a_body_both_ways(bowsprit, backend, client):
    b = backend(web())
    c = client(bowsprit(b))
    for _ in range(5):
        c.send(request('POST', '/', 'x', 'Transfer-Encoding: chunked',
                       body=wire.chunk(b'x' * 100000) + wire.LAST_CHUNK))
        assert c.read_response().body == b'POST / #1'
    assert len(b.wires) == 1


def test_not_when_the_server_says_close(bowsprit, backend, client):
    b = backend(answering(response(200, 'x', 'Connection: close')))
    c = client(bowsprit(b))
    for n in 1, 2, 3:
        c.send(get())
        assert c.read_response().body == b'x'
        assert len(b.wires) == n


def test_not_when_the_server_speaks_http_1_0(bowsprit, backend, client):
    b = backend(answering(b'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx'))
    c = client(bowsprit(b))
    for n in 1, 2:
        c.send(get())
        assert c.read_response().body == b'x'
        assert len(b.wires) == n


def test_not_when_more_came_than_was_asked_for(bowsprit, backend, client):
    """A second answer to nothing would be given to somebody else."""
    b = backend(answering(response(200, 'x') + response(200, 'stale')))
    bs = bowsprit(b, **ONE)
    for n in 1, 2, 3:
        c = client(bs)
        c.send(get())
        assert c.read_response().body == b'x'
        assert len(b.wires) == n
        c.close()


def test_bytes_on_an_idle_connection_discard_it(bowsprit, backend, client):
    b = backend(web())
    bs = bowsprit(b, **ONE)
    c = client(bs)
    c.send(get())
    c.read_response()
    b.wires[0].send(response(408, 'stale'))
    c.send(get())
    assert c.read_response().body == b'GET / #2'


def test_bytes_behind_the_request_that_wants_it_discard_it(
        bowsprit, backend, client):
    """
    Both come in one turn of the loop, and the request first: the words of
    before it must not be its answer.
    """
    b = backend(web())
    bs = bowsprit(b, **ONE)
    c = client(bs)
    c.send(get())
    assert c.read_response().body == b'GET / #1'
    with bs.frozen():
        c.send(get())
        b.wires[0].send(response(408, 'stale'))
    assert c.read_response().body == b'GET / #2'


def test_bytes_behind_a_large_answer_are_nobody_s(bowsprit, backend, client):
    """
    A body by a pipe ends where it ends: what is behind it is still in the
    socket when the next request, of the same turn, asks for a connection.
    """
    b = backend()
    bs = bowsprit(b, **ONE)
    first, second = client(bs), client(bs)
    large = b'x' * (100 * 1024)
    half = len(large) // 2
    first.send(get())
    s = b.wait_for()
    s.read_head()
    answer = response(200, large)
    s.send(answer[:-half])
    first.read_head()
    assert first.read(half) == large[:half]
    with bs.frozen():
        s.send(answer[-half:] + response(408, 'stale'))
        second.send(get())
    other = b.wait_for(2)
    other.read_head()
    other.send(response(200, 'fresh'))
    assert second.read_response().body == b'fresh'
    assert first.read(half) == large[half:]


def test_end_on_an_idle_connection_discards_it(bowsprit, backend, client):
    def script(w, number):
        w.read_request()
        w.send(response(200, f'{number}'))
        w.close()

    c = client(bowsprit(backend(script)))
    for n in range(1, 21):
        c.send(get())
        assert c.read_response().body == b'%d' % n


def dies_at_second_request(b, reset=False, after_head=True):
    """First connection: one answer, then the end as the next one comes."""
    def script(w, number):
        if number == 1:
            b.requests.append(w.read_request())
            w.send(response(200, 'first'))
            if after_head:
                b.requests.append(w.read_request())
            return w.reset() if reset else None
        return web(b.requests)(w, number)
    return script


def test_idempotent_request_is_sent_again(bowsprit, backend, client):
    for reset in (False, True):
        b = backend()
        b.script = dies_at_second_request(b, reset)
        c = client(bowsprit(b))
        c.send(get('/a'))
        assert c.read_response().body == b'first'
        c.send(get('/b'))
        assert c.read_response().body == b'GET /b #2'
        assert [r.target for r in b.requests] == ['/a', '/b', '/b']
        assert b.requests[1].raw == b.requests[2].raw


def test_post_is_never_sent_twice(bowsprit, backend, client):
    """It may have had its effect: the client decides."""
    b = backend()
    b.script = dies_at_second_request(b)
    bs = bowsprit(b)
    c = client(bs)
    c.send(get('/a'))
    assert c.read_response().body == b'first'
    c.send(request('POST', '/b', 'x', 'Content-Length: 3', body=b'abc'))
    r = c.read_response()
    assert r.status == 502 and b'RFC 9110 9.2.2' in r.body
    assert 'was not sent again' in bs.wait_status(502, '/b')['hint']
    posts = [r for r in b.requests if r.method == 'POST']
    assert len(posts) == 1


def test_idempotent_request_with_a_large_body_is_not(
        bowsprit, backend, client):
    """It is not held any more: an honest 502."""
    b = backend()
    b.script = dies_at_second_request(b)
    c = client(bowsprit(b))
    c.send(get('/a'))
    assert c.read_response().body == b'first'
    c.send(request('PUT', '/b', 'x', 'Content-Length: 100000',
                   body=b'x' * 100000))
    r = c.read_final_response()
    assert r.status == 502 and b'too large to be kept' in r.body


def test_nor_is_any_sent_a_third_time(bowsprit, backend, client):
    def script(w, number):
        w.read_request()
        if number == 1:
            w.send(response(200, 'first'))
            w.read_request()

    b = backend(script)
    c = client(bowsprit(b))
    c.send(get('/a'))
    assert c.read_response().body == b'first'
    c.send(get('/b'))
    r = c.read_response()
    assert r.status == 502 and b'and then a new one' in r.body
    assert len(b.wires) == 2


def test_second_try_takes_no_kept_connection(bowsprit, backend, client):
    """What was the matter with the first may be so with all of them."""
    def script(w, number):
        b.requests.append(w.read_request())
        both.wait(wire.PATIENCE)
        w.send(response(200, f'#{number}'))
        if number < 3:
            b.requests.append(w.read_request())

    both = threading.Barrier(2)
    b = backend(script)
    bs = bowsprit(b, **ONE)
    clients = [client(bs), client(bs)]
    for c in clients:
        c.send(get())
    for c in clients:
        assert c.read_response().status == 200
    c.send(get())
    both.wait(wire.PATIENCE)
    assert c.read_response().body == b'#3'
    assert len(b.requests) == 4


def test_put_with_a_small_body_is_sent_again(bowsprit, backend, client):
    b = backend()
    b.script = dies_at_second_request(b)
    c = client(bowsprit(b))
    c.send(get('/a'))
    assert c.read_response().body == b'first'
    c.send(request('PUT', '/b', 'x', 'Content-Length: 3', body=b'abc'))
    assert c.read_response().body == b'PUT /b #2'
    assert b.requests[-1].body == b'abc'


def test_fresh_connection_that_dies_is_not_retried(
        bowsprit, backend, client):
    def script(w, number):
        w.read_request()

    b = backend(script)
    c = client(bowsprit(b))
    c.send(get())
    assert c.read_response().status == 502
    assert len(b.wires) == 1


def test_no_retry_after_a_byte_of_the_answer(bowsprit, backend, client):
    def script(w, number):
        w.read_request()
        w.send(response(200, 'first'))
        w.read_request()
        w.send(b'HTTP/1.1 100 Continue\r\n\r\n')

    b = backend(script)
    c = client(bowsprit(b))
    c.send(get())
    assert c.read_response().body == b'first'
    c.send(get())
    assert c.read_final_response().status == 502
    assert len(b.wires) == 1


def test_no_retry_after_a_timeout(bowsprit, backend, client):
    def script(w, number):
        w.read_request()
        w.send(response(200, 'first'))
        w.read_request()
        w.expect_gone()

    b = backend(script)
    c = client(bowsprit(b, timeouts={'response': '300ms'}))
    c.send(get())
    assert c.read_response().body == b'first'
    c.send(get())
    assert c.read_final_response().status == 504
    assert len(b.wires) == 1


def test_post_takes_no_connection_idle_for_a_second(
        bowsprit, backend, client):
    """The longer idle, the likelier is it being closed this very moment."""
    b = backend(web())
    bs = bowsprit(b)
    c = client(bs)
    c.send(get())
    assert c.read_response().body == b'GET / #1'
    c.send(request('POST', '/', 'x', 'Content-Length: 1', body=b'x'))
    assert c.read_response().body == b'POST / #1', 'at once it may'
    time.sleep(1.2)  # the time itself is what is tested
    c.send(request('POST', '/', 'x', 'Content-Length: 1', body=b'x'))
    assert c.read_response().body == b'POST / #2'
    c.send(get())
    assert c.read_response().status == 200


def test_get_takes_one_idle_for_a_second(bowsprit, backend, client):
    b = backend(web())
    c = client(bowsprit(b))
    c.send(get())
    c.read_response()
    time.sleep(1.2)  # the time itself is what is tested
    c.send(get())
    assert c.read_response().body == b'GET / #1'


def closed_after(bowsprit, backend, client, fields, **settings):
    """How long the server sees its idle connection open."""
    b = backend()
    c = client(bowsprit(b, **settings))
    c.send(get())
    s = b.wait_for()
    s.read_head()
    s.send(response(200, 'x', *fields))
    assert c.read_response().body == b'x'
    start = time.monotonic()
    s.expect_end()
    return time.monotonic() - start


def test_idle_connection_is_closed_in_time(bowsprit, backend, client):
    took = closed_after(bowsprit, backend, client, (),
                        timeouts={'backend_keepalive': '500ms'})
    assert 0.3 < took < 2 * wire.SLOW


def test_a_second_before_the_server_would(bowsprit, backend, client):
    took = closed_after(bowsprit, backend, client, (
        'Connection: keep-alive', 'Keep-Alive: timeout=2'))
    assert 0.5 < took < 1.9 * wire.SLOW


def test_time_of_a_slow_client_counts_as_idle(bowsprit, backend, client):
    """
    The server has long said all, and counts from there; its answer lay in
    buffers until the client took it.
    """
    said = threading.Event()

    def script(w, number):
        while True:
            r = w.read_request()
            w.send(response(200, b'x' * 400_000 if r.method == 'GET'
                            else f'#{number}'))
            said.set()

    c = client(bowsprit(backend(script), **ONE), rcvbuf=4096)
    c.send(get())
    assert said.wait(wire.PATIENCE)
    time.sleep(1.2)  # the time itself is what is tested
    assert len(c.read_response().body) == 400_000
    c.send(request('POST', '/', 'x', 'Content-Length: 1', body=b'x'))
    assert c.read_response().body == b'#2'


def test_pool_does_not_grow(bowsprit, backend, client):
    b = backend(web())
    bs = bowsprit(b, pool_size=2, **ONE)
    clients = [client(bs) for _ in range(10)]
    for c in clients:
        c.send(get())
    for c in clients:
        c.read_response()

    def kept():
        open_ones = 0
        for w in list(b.wires):
            try:
                w.sock.getpeername()
            except OSError:
                continue
            open_ones += 1
        return open_ones <= 2
    wait_until(kept, 'all but two connections to be closed')

# SPDX-License-Identifier: ISC
"""
Ordinary HTTP/1.1, as a Next.js application speaks it: framing both ways, as it
comes, whole or visibly cut off.
"""

import hashlib
import random
import threading
import time

import pytest

import wire
from backends import answering, answering_once, web
from wire import (LAST_CHUNK, Closed, Reset, Response, chunk, get, request,
                  response)


def test_get(bowsprit, backend, client):
    c = client(bowsprit(backend(web())))
    c.send(get('/a?b=c'))
    assert c.read_response().body == b'GET /a?b=c #1'


@pytest.mark.parametrize('framing', ['length', 'chunked'])
@pytest.mark.parametrize('size', [0, 1, 4096, 65536, 65537, 3_000_000])
def test_post_and_answer(size, framing, bowsprit, backend, client):
    """The body arrives whole and framed as it was sent; so does the answer."""
    body = random.Random(size).randbytes(size)

    def script(w, number):
        while True:
            r = w.read_request()
            assert r.body == body
            if framing == 'chunked':
                assert r.get('Transfer-Encoding') == 'chunked'
                w.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n'
                       b'\r\n' + (chunk(body) if body else b'') + LAST_CHUNK)
            else:
                assert r.get('Content-Length') == str(size)
                w.send(response(200, body))

    c = client(bowsprit(backend(script)))
    for _ in range(2):
        if framing == 'chunked':
            c.send(request('POST', '/', 'localhost',
                           'Transfer-Encoding: chunked', body=(
                               chunk(body) if body else b'') + LAST_CHUNK))
        else:
            c.send(request('POST', '/', 'localhost',
                           f'Content-Length: {size}', body=body))
        assert c.read_response().body == body


def test_chunks_pass_as_they_are(bowsprit, backend, client):
    """Sizes in odd digits, extensions, trailers: byte for byte."""
    body = (b'5;name="a;b"\r\nhello\r\n000A;x=y\r\n0123456789\r\n1\r\n.\r\n'
            b'0\r\nX-Trailer: 1\r\nx-other:2\r\n\r\n')
    head = (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n'
            b'Trailer: X-Trailer\r\n\r\n')

    def script(w, number):
        while True:
            w.read_head()
            assert w.read(len(body)) == body
            w.send(head + body)

    c = client(bowsprit(backend(script)))
    for _ in range(2):
        c.send(b'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n'
               b'\r\n' + body)
        c.read_head()
        assert c.read(len(body)) == body


BLOCK = random.Random(7).randbytes(1_000_003)  # prime: no period fits buffers
ROUNDS = 105  # a bit over 100 MiB


def digest_of_rounds(rounds=ROUNDS):
    h = hashlib.sha1()
    for _ in range(rounds):
        h.update(BLOCK)
    return h.digest()


def read_digest(w, n):
    """Reads n bytes without keeping them."""
    h = hashlib.sha1(w.buf[:n])
    n -= min(n, len(w.buf))
    w.take(len(w.buf))
    view = memoryview(bytearray(1 << 18))
    while n:
        got = w.sock.recv_into(view[:min(len(view), n)])
        if not got:
            raise Closed(f'{n} bytes are missing')
        h.update(view[:got])
        n -= got
    return h.digest()


@pytest.mark.parametrize('framing', ['length', 'chunked'])
def test_100_mib_down(framing, bowsprit, backend, client):
    def script(w, number):
        w.read_head()
        if framing == 'length':
            w.send(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n'
                   % (len(BLOCK) * ROUNDS))
        else:
            w.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
        for _ in range(ROUNDS):
            w.send(BLOCK if framing == 'length' else chunk(BLOCK))
        if framing == 'chunked':
            w.send(LAST_CHUNK)

    bs = bowsprit(backend(script))
    c = client(bs, timeout=30 * wire.SLOW)
    c.send(get())
    head = Response(c.read_head())
    assert head.status == 200
    if framing == 'length':
        assert read_digest(c, len(BLOCK) * ROUNDS) == digest_of_rounds()
    else:
        size = len(chunk(BLOCK)) * ROUNDS + len(LAST_CHUNK)
        h = hashlib.sha1()
        for _ in range(ROUNDS):
            h.update(chunk(BLOCK))
        h.update(LAST_CHUNK)
        assert read_digest(c, size) == h.digest()


@pytest.mark.parametrize('framing', ['length', 'chunked'])
def test_100_mib_up(framing, bowsprit, backend, client):
    result = []

    def script(w, number):
        w.read_head()
        if framing == 'length':
            result.append(read_digest(w, len(BLOCK) * ROUNDS))
        else:
            h = hashlib.sha1()
            for _ in range(ROUNDS):
                size = int(w.read_until(b'\r\n'), 16)
                h.update(w.read(size))
                w.received.clear()
                w.read_until(b'\r\n')
            result.append(h.digest())
            w.read_until(LAST_CHUNK)
        w.send(response(200, 'thanks'))

    c = client(bowsprit(backend(script)), timeout=30 * wire.SLOW)
    if framing == 'length':
        c.send(request('POST', '/', 'localhost',
                       f'Content-Length: {len(BLOCK) * ROUNDS}'))
    else:
        c.send(request('POST', '/', 'localhost',
                       'Transfer-Encoding: chunked'))
    for _ in range(ROUNDS):
        c.send(BLOCK if framing == 'length' else chunk(BLOCK))
    if framing == 'chunked':
        c.send(LAST_CHUNK)
    assert c.read_response().body == b'thanks'
    assert result == [digest_of_rounds()]


def test_response_streams_as_it_comes(bowsprit, backend, client):
    """Each chunk is seen before the next one is sent."""
    seen = threading.Semaphore(0)

    def script(w, number):
        w.read_head()
        w.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
        for i in range(5):
            w.send(chunk(b'part %d' % i))
            assert seen.acquire(timeout=wire.PATIENCE), f'part {i} not seen'
        w.send(LAST_CHUNK)

    c = client(bowsprit(backend(script)))
    c.send(get())
    c.read_head()  # the head does not wait for the body either
    for i in range(5):
        whole = chunk(b'part %d' % i)
        assert c.read(len(whole)) == whole
        seen.release()
    assert c.read(len(LAST_CHUNK)) == LAST_CHUNK


def test_head_of_a_response_does_not_wait_for_its_body(under_way):
    c, s, _ = under_way()
    s.send(b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n')
    assert Response(c.read_head()).status == 200
    for byte in b'abc':
        s.send(bytes([byte]))
        assert c.read(1) == bytes([byte])


@pytest.mark.parametrize('framing', ['length', 'chunked'])
def test_request_streams_as_it_comes(framing, under_way):
    c, s, _ = under_way(request(
        'POST', '/', 'localhost', 'Content-Length: 18'
        if framing == 'length' else 'Transfer-Encoding: chunked'))
    for i in range(3):
        part = b'part %d' % i if framing == 'length' else chunk(b'part %d' % i)
        c.send(part)
        assert s.read(len(part)) == part
    if framing == 'chunked':
        c.send(LAST_CHUNK)
        assert s.read(len(LAST_CHUNK)) == LAST_CHUNK
    s.send(response(200))
    assert c.read_response().status == 200


def test_server_sent_events(under_way):
    """A response without length, silent for longer than any limit."""
    limits = dict.fromkeys(('header', 'connect', 'handshake', 'response',
                            'stall', 'client_keepalive',
                            'backend_keepalive'), '300ms')
    c, s, _ = under_way(
        get('/events', 'localhost', 'Accept: text/event-stream'),
        timeouts=limits)
    s.send(b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n')
    assert Response(c.read_head()).get('Content-Type') == 'text/event-stream'
    for i in range(2):
        c.expect_quiet(0.8)
        event = b'data: %d\n\n' % i
        s.send(event)
        assert c.read(len(event)) == event
    c.close()
    s.sock.settimeout(15 * wire.SLOW)  # a FIN may be a half-close: 5 s of doubt
    s.expect_gone()  # or a server would stream to nobody for ever


def test_event_stream_whose_client_leaves_in_silence(under_way):
    c, s, _ = under_way()
    s.send(b'HTTP/1.1 200 OK\r\n\r\n')
    c.read_head()
    c.reset()
    s.expect_gone()


def test_head_has_no_body(bowsprit, backend, client):
    head = (b'HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n')
    c = client(bowsprit(backend(answering(head, response(200, 'next')))))
    c.send(get().replace(b'GET', b'HEAD'))
    assert c.read_response('HEAD').get('Content-Length') == '12345'
    c.send(get())
    assert c.read_response().body == b'next'


def test_chunked_answer_to_head_has_no_body(bowsprit, backend, client):
    head = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
    c = client(bowsprit(backend(answering(head, response(200, 'next')))))
    c.send(get().replace(b'GET', b'HEAD'))
    c.read_response('HEAD')
    c.send(get())
    assert c.read_response().body == b'next'


@pytest.mark.parametrize('status, fields', [
    (204, b''), (304, b''), (304, b'Content-Length: 12345\r\n'),
    (304, b'Transfer-Encoding: chunked\r\n')])
def test_status_without_body(status, fields, bowsprit, backend, client):
    head = b'HTTP/1.1 %d X\r\nETag: "a"\r\n%s\r\n' % (status, fields)
    c = client(bowsprit(backend(answering(head, response(200, 'next')))))
    c.send(get())
    assert c.read(len(head)) == head
    c.send(get())
    assert c.read_response().body == b'next'


def test_two_requests_in_one_segment(bowsprit, backend, client):
    """Pipelined: answered in order, each with its own answer."""
    c = client(bowsprit(backend(web())))
    c.send(get('/1') + request('POST', '/2', 'x', 'Content-Length: 3',
                               body=b'abc') + get('/3'))
    for expected in (b'GET /1', b'POST /2', b'GET /3'):
        assert c.read_response().body.startswith(expected)


def test_pipelined_request_waits_for_the_answer_before_it(
        bowsprit, backend, client):
    go = threading.Event()

    def script(w, number):
        while True:
            r = w.read_request()
            if r.target == '/slow':
                assert go.wait(wire.PATIENCE)
            w.send(response(200, r.target))

    c = client(bowsprit(backend(script)))
    c.send(get('/slow') + get('/fast'))
    c.expect_quiet()
    go.set()
    assert c.read_response().body == b'/slow'
    assert c.read_response().body == b'/fast'


def test_expect_100_continue(bowsprit, backend, client):
    b = backend()
    c = client(bowsprit(b))
    c.send(request('POST', '/', 'localhost', 'Expect: 100-continue',
                   'Content-Length: 4'))
    s = b.wait_for()
    assert wire.Request(s.read_head()).get('Expect') == '100-continue'
    s.send(b'HTTP/1.1 100 Continue\r\n\r\n')
    assert c.read_response().status == 100
    c.send(b'body')
    assert s.read(4) == b'body'
    s.send(response(200, 'ok'))
    assert c.read_response().body == b'ok'


def test_expect_100_continue_refused(under_way):
    """The body is never sent; the client reads the refusal."""
    c, s, _ = under_way(request(
        'POST', '/', 'localhost', 'Expect: 100-continue', 'Content-Length: 4'))
    s.send(response(413, 'too much', 'Connection: close'))
    s.finish()
    r = c.read_response()
    assert (r.status, r.body) == (413, b'too much')


def test_early_hints_pass(bowsprit, backend, client):
    hints = b'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n'
    c = client(bowsprit(backend(answering(hints + response(200, 'ok')))))
    for _ in range(2):
        c.send(get())
        assert c.read_head() == hints
        assert c.read_response().body == b'ok'


def test_interim_answers_are_not_shown_to_http_1_0(bowsprit, backend, client):
    b = backend(answering_once(b'HTTP/1.1 100 Continue\r\n\r\n'
                               + response(200, 'ok')))
    c = client(bowsprit(b))
    c.send(b'GET / HTTP/1.0\r\nHost: localhost\r\n\r\n')
    assert c.read_response().body == b'ok'
    c.expect_end()


def test_answer_before_the_body_has_ended(bowsprit, backend, client):
    """413 while the client still sends: it gets to read it."""
    b = backend()
    c = client(bowsprit(b))
    c.send(request('POST', '/', 'localhost', 'Content-Length: 50000000'))
    c.send(b'x' * 100000)
    s = b.wait_for()
    s.read_head()
    s.send(response(413, 'too much', 'Connection: close'))
    s.close()
    try:
        for _ in range(20):
            c.send(b'x' * 100000)
    except Reset:
        pass
    r = c.read_response()
    assert (r.status, r.body) == (413, b'too much')


def test_http_1_0_client(bowsprit, backend, client):
    b = backend()
    b.script = web(b.requests)
    c = client(bowsprit(b))
    c.send(b'GET /x HTTP/1.0\r\n\r\n')
    r = c.read_response()
    assert r.status == 200 and r.body == b'GET /x #1'
    c.expect_end()


def test_http_1_0_client_gets_no_chunks(bowsprit, backend, client):
    """It does not know them: RFC 9112 6.1."""
    def script(w, number):
        r = wire.Request(w.read_head())
        if r.version == 'HTTP/1.0':  # a real server sees that itself
            w.send(b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello')
        else:
            w.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
                   + chunk(b'hello') + LAST_CHUNK)

    c = client(bowsprit(backend(script)))
    c.send(b'GET /x HTTP/1.0\r\nHost: localhost\r\n\r\n')
    r = Response(c.read_head())
    assert r.get('Transfer-Encoding') is None
    assert c.read_to_end() == b'hello'


def test_body_until_the_server_closes(bowsprit, backend, client):
    """However large: the end of the connection is the end of the body."""
    body = BLOCK
    c = client(bowsprit(backend(answering_once(
        b'HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\n' + body))))
    c.send(get())
    r = Response(c.read_head())
    if r.get('Transfer-Encoding') == 'chunked':
        assert b''.join(c.read_chunks()) == body
    else:
        assert c.read_to_end() == body


@pytest.mark.parametrize('end', ['fin', 'rst'])
@pytest.mark.parametrize('sent', [
    b'Content-Length: 1000\r\n\r\nonly this',
    b'Transfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n',
    b'Transfer-Encoding: chunked\r\n\r\n100\r\nonly this'],
    ids=['length', 'between chunks', 'in a chunk'])
def test_truncated_response_is_seen_to_be(sent, end, under_way):
    c, s, bs = under_way()
    s.send(b'HTTP/1.1 200 OK\r\n' + sent)
    c.read_until(b'only this')
    s.close() if end == 'fin' else s.reset()
    try:
        rest = c.read_to_end()
    except Reset:
        rest = b''
    assert rest in (b'', b'\r\n'), 'it was made to look whole'
    bs.wait_event('', reason='server-truncated') if end == 'fin' else None


def test_response_without_length_cut_by_reset_is_seen_to_be(under_way):
    """Only a reset tells that from the whole body."""
    c, s, _ = under_way()
    s.send(b'HTTP/1.1 200 OK\r\n\r\nonly this')
    c.read_until(b'only this')
    s.reset()
    with pytest.raises(Reset):
        c.read_to_end()


def test_request_cut_off_is_no_request(under_way):
    """A body that ends early must not look whole to the server."""
    c, s, _ = under_way(request(
        'POST', '/', 'localhost', 'Transfer-Encoding: chunked',
        body=chunk(b'only this')))
    s.read_until(b'only this')
    c.close()
    s.expect_gone()
    assert not s.received.endswith(LAST_CHUNK)


def test_half_closed_client_gets_its_answer(bowsprit, backend, client):
    """nc -N and old scripts: a whole request, FIN, then they read."""
    b = backend()
    c = client(bowsprit(b))
    c.send(get())
    c.finish()
    s = b.wait_for()
    s.read_head()
    s.expect_quiet()
    s.send(response(200, BLOCK))
    assert c.read_response().body == BLOCK
    c.expect_end()


def test_client_that_is_gone_frees_the_server(under_way):
    c, s, _ = under_way()
    c.reset()
    s.expect_gone()


def test_many_clients_at_once(bowsprit, backend, client):
    b = backend(web())
    bs = bowsprit(b)
    clients = [client(bs) for _ in range(100)]
    for i, c in enumerate(clients):
        c.send(get(f'/{i}'))
    for i, c in enumerate(clients):
        assert c.read_response().body.startswith(b'GET /%d ' % i)


def test_connection_close_is_honoured(bowsprit, backend, client):
    c = client(bowsprit(backend(web())))
    c.send(get('/', 'localhost', 'Connection: close'))
    r = c.read_response()
    assert 'close' in (r.get('Connection') or '').lower()
    c.expect_end()


def test_slow_first_byte_is_no_error(under_way):
    """header and handshake limits are none of an answer's."""
    c, s, _ = under_way(timeouts={
        'header': '300ms', 'handshake': '300ms', 'connect': '300ms',
        'stall': '300ms', 'client_keepalive': '300ms'})
    c.expect_quiet(0.8)
    s.send(response(200, 'late'))
    assert c.read_response().body == b'late'


def test_log_of_a_request(bowsprit, backend, client):
    bs = bowsprit(backend(web()))
    c = client(bs)
    c.send(get('/dashboard?x=1'))
    c.read_response()
    e = bs.wait_event('[HTTP] GET /dashboard')
    assert e['msg'].endswith(' 200') and e['client'].startswith('127.0.0.1')
    assert {'id', 'route', 'ms', 'bytes'} <= set(e)


def test_time_is_not_lost(bowsprit, backend, client):
    """Nagle against delayed ACKs would make each of these wait 40 ms."""
    c = client(bowsprit(backend(web())))
    start = time.monotonic()
    for i in range(100):
        c.send(request('POST', f'/{i}', 'x', 'Content-Length: 3'))
        c.send(b'abc')
        c.read_response()
    assert time.monotonic() - start < 2 * wire.SLOW

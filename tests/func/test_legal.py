# SPDX-License-Identifier: ISC
"""
What is legal passes, however rare it is: each of these was refused, changed or
answered wrongly by some proxy.
"""

import select
import time

import pytest

import wire
from backends import answering, tunnel, web
from wire import (LAST_CHUNK, Request, Response, chunk, from_client, get,
                  request, response, switching, upgrade, wait_until)

GIB = 1 << 30
SHORT = dict.fromkeys(('header', 'connect', 'handshake', 'response', 'stall',
                       'client_keepalive', 'backend_keepalive'), '300ms')


# ---- methods and targets

METHODS = ['GET', 'POST', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'M-SEARCH',
           'get', 'head', 'connect', 'x', 'PRI', '0', 'CONNECTED',
           "!#$%&'*+-.^_`|~09azAZ", 'A' * 300]


def test_any_token_is_a_method(bowsprit, backend, client):
    """RFC 9110 9.1: its case counts, and a body is framed by its fields."""
    b = backend()
    b.script = web(b.requests)
    c = client(bowsprit(b))
    for method in METHODS:
        c.send(request(method, '/m'))
        assert c.read_response().body.startswith(f'{method} /m'.encode())
        c.send(request(method, '/m', 'x', 'Content-Length: 3', body=b'abc'))
        assert c.read_response().body.startswith(f'{method} /m'.encode())
    assert [r.method for r in b.requests[::2]] == METHODS
    assert [r.body for r in b.requests] == [b'', b'abc'] * len(METHODS)


TARGETS = [
    '/a%2Fb', '/a%2fb/%2F', '//', '//a//b//', '/a;v=1;w/b;', '/a??b?c=?',
    '/?', '/?a=/../b', '/%00', '/a%00b?%00', '/%0d%0a%09', '/%', '/%zz%4',
    '/%25%32%46', '/a\\b', '/"<>', '/{a}|^`[b]', '/\xc3\xbc/\xff', '/*',
    '/.well-known/x', '/...', '/..a/a..', '/a./.b', '/%2e%2e%2e', '/~x/$&\'()',
    '/@x:y,z=!', '/a+b%20c', '/' + 'x' * 60000, '/?' + 'y' * 60000,
]


def test_targets_arrive_as_they_were_sent(bowsprit, backend, client):
    b = backend()
    b.script = web(b.requests)
    c = client(bowsprit(b))
    for target in TARGETS:
        c.send(get(target))
        assert c.read_response().status == 200, target[:100]
    assert [r.target for r in b.requests] == TARGETS


def test_options_asterisk_is_for_the_default_backend(
        bowsprit, backend, client):
    """RFC 9110 9.3.7: it asks about the server as a whole."""
    default, api = backend(web()), backend(web())
    bs = bowsprit(argv=['-l', '127.0.0.1:@PORT@', '-b', default.url,
                        '-r', f'/api/**={api.url}', '-r', f'/={api.url}',
                        '-w', f'/**/ws={api.url}'])
    c = client(bs)
    c.send(request('OPTIONS', '*'))
    assert c.read_response().body == b'OPTIONS * #1'
    c.send(request('OPTIONS', '/'))
    assert c.read_response().body == b'OPTIONS / #1'
    assert len(default.wires) == len(api.wires) == 1


# ---- pipelining

def test_pipeline_of_all_sorts_with_an_upgrade_at_its_end(
        bowsprit, backend, client):
    """
    Answered in order, each framed by its own rules; what follows the upgrade
    waits for the 101.
    """
    ready = []

    def script(w, number):
        while True:
            r = w.read_request()
            if r.get('Upgrade'):
                w.expect_quiet()  # the frame is not here before the 101
                w.send(switching())
                ready.append(w)
                return b.KEEP
            if r.target == '/304':
                w.send(b'HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n')
            elif r.target == '/204':
                w.send(b'HTTP/1.1 204 X\r\n\r\n')
            elif r.method == 'HEAD':
                w.send(b'HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\n')
            elif r.target == '/chunks':
                w.send(b'HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n'
                       + chunk(r.body) + LAST_CHUNK)
            else:
                w.send(response(200, r.method.encode() + r.body))

    b = backend(script)
    c = client(bowsprit(b))
    c.send(request('HEAD', '/1') + get('/2')
           + request('POST', '/3', 'x', 'Content-Length: 3', body=b'abc')
           + get('/304') + request('HEAD', '/204') + get('/204')
           + b'\r\n'  # RFC 9112 2.2: old clients send one after a body
           + request('PUT', '/chunks', 'x', 'Transfer-Encoding: chunked',
                     body=chunk(b'de') + chunk(b'f') + LAST_CHUNK)
           + request('DELETE', '/5') + upgrade() + from_client(b'early'))
    assert c.read_response('HEAD').get('Content-Length') == '5'
    assert c.read_response().body == b'GET'
    assert c.read_response().body == b'POSTabc'
    assert c.read_response().status == 304
    assert c.read_response('HEAD').status == 204
    assert c.read_response().status == 204
    assert c.read_response().body == b'def'
    assert c.read_response().body == b'DELETE'
    assert c.read_head() == switching()
    wait_until(lambda: ready, 'the tunnel')
    assert ready[0].read_frame() == (wire.BINARY, b'early', True)


def test_long_pipeline(bowsprit, backend, client):
    """More than what is read ahead, and more than a turn's worth."""
    b = backend(web())
    c = client(bowsprit(b))
    n = 3000
    c.send(b''.join(get(f'/{i}', 'x', 'A: ' + 'b' * 100) for i in range(n)))
    for i in range(n):
        assert c.read_response().body.startswith(b'GET /%d ' % i)


def test_pipelining_faster_than_the_answers(bowsprit, backend, client):
    """No more is read ahead after many answers than before the first."""
    c = client(bowsprit(backend(web())))
    requests, sent = get() * 20000, 0
    for _ in range(1500):
        if select.select([], [c.sock], [], 0)[1]:
            sent += c.sock.send(requests[sent % len(requests):])
        c.read_response()
    assert sent < 48 << 20, 'bytes taken, most of which nobody asked for'


# ---- 100-continue and other interim answers

def asks_first(*fields):
    return request('POST', '/', 'localhost', 'Expect: 100-continue',
                   'Content-Length: 4', *fields)


@pytest.mark.parametrize('status', [200, 401, 417])
def test_final_answer_instead_of_100(status, bowsprit, backend, client):
    """
    The body was never sent: where the next request would begin is unknown on
    both sides, so neither connection is used again.
    """
    b = backend()
    c = client(bowsprit(b))
    c.send(asks_first())
    s = b.wait_for()
    assert Request(s.read_head()).get('Content-Length') == '4'
    s.send(response(status, 'at once'))
    r = c.read_response()
    assert (r.status, r.body) == (status, b'at once')
    assert r.get('Connection').lower() == 'close'
    s.expect_gone()
    c.expect_end()


def test_final_answer_after_100(under_way):
    """It changed its mind, or a slow check behind it did."""
    c, s, _ = under_way(asks_first())
    s.send(b'HTTP/1.1 100 Continue\r\n\r\n' + response(403, 'no'))
    assert c.read_response().status == 100
    assert c.read_response().body == b'no'
    c.expect_end()


def test_client_that_does_not_wait_for_100(bowsprit, backend, client):
    """RFC 9110 10.1.1: it may not have the patience."""
    b = backend()
    c = client(bowsprit(b))
    for _ in range(2):
        c.send(asks_first() + b'body')
        s = b.wait_for()
        s.read_head()
        assert s.read(4) == b'body'
        s.send(b'HTTP/1.1 100 Continue\r\n\r\n' + response(200, 'ok'))
        assert c.read_response().status == 100
        assert c.read_response().body == b'ok'


def test_waiting_for_100_is_limited_by_response_alone(under_way):
    c, s, _ = under_way(asks_first(),
                        timeouts={**SHORT, 'response': '60s'})
    c.expect_quiet(1)
    s.send(b'HTTP/1.1 100 Continue\r\n\r\n')
    assert c.read_response().status == 100
    s.expect_quiet(1)
    c.send(b'body')
    assert s.read(4) == b'body'
    s.send(response(200, 'ok'))
    assert c.read_response().body == b'ok'


INTERIM = (b'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n'
           b'link:</b.js>\r\nX-L: \xe9\r\n\r\n'
           b'HTTP/1.1 100 Continue\r\n\r\n'
           b'HTTP/1.1 102 \r\nX_E:\r\n\r\n'
           b'HTTP/1.1 103\r\n\r\n'
           b'HTTP/1.1 199 Whatever\r\nX: 1\r\n\r\n')


@pytest.mark.parametrize('method', ['GET', 'HEAD', 'POST'])
def test_interim_answers_pass_as_they_are(method, bowsprit, backend, client):
    final = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n'
    final += b'' if method == 'HEAD' else b'ok'
    b = backend(answering(INTERIM + final))
    c = client(bowsprit(b))
    for _ in range(2):
        c.send(request(method, '/', 'x', 'Content-Length: 0'))
        assert c.read(len(INTERIM + final)) == INTERIM + final
    assert len(b.wires) == 1


def test_http_1_0_client_that_expects_100_gets_none(under_way):
    """RFC 9110 10.1.1, 15.2: it does not know what that is."""
    c, s, _ = under_way(
        asks_first().replace(b'HTTP/1.1', b'HTTP/1.0') + b'body')
    assert s.read(4) == b'body'
    s.send(INTERIM + response(200, 'ok'))
    assert c.read_response().body == b'ok'
    c.expect_end()


# ---- trailers

TRAILERS = b'0;last\r\nX-Sum: 1\r\nx_e:\r\nX-L: \xe9 \r\nX-Sum: 2\r\n\r\n'


def test_trailers_pass_as_they_are(bowsprit, backend, client):
    """Both ways, announced or not, and behind them the next message."""
    head = (b'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\n'
            b'Transfer-Encoding: chunked\r\n\r\n')
    body = chunk(b'x' * 70000) + TRAILERS

    def script(w, number):
        while True:
            r = Request(w.read_head())
            assert r.get('Trailer') == 'X-Sum'
            assert w.read(len(body)) == body
            w.send(head + body)

    c = client(bowsprit(backend(script)))
    for _ in range(3):
        c.send(request('POST', '/', 'x', 'Trailer: X-Sum',
                       'Transfer-Encoding: chunked', body=body))
        assert c.read(len(head + body)) == head + body


# ---- HTTP/1.0

KEEP = b'GET /k HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n'


def test_http_1_0_keep_alive(bowsprit, backend, client):
    """RFC 9112 9.3: honoured where the answer's end can be told."""
    b = backend()
    b.script = web(b.requests)
    c = client(bowsprit(b))
    for _ in range(3):
        c.send(KEEP)
        r = c.read_response()
        assert (r.status, r.body) == (200, b'GET /k #1')
        assert r.get('Connection').lower() == 'keep-alive'
    c.send(b'POST /p HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc')
    r = c.read_response()
    assert r.body == b'POST /p #1'
    assert r.get('Connection').lower() == 'close'
    c.expect_end()
    assert b.requests[-1].body == b'abc'
    assert all(r.version == 'HTTP/1.1' and r.get('Host')
               for r in b.requests)


@pytest.mark.parametrize('answer', [
    b'Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n'
    + chunk(b'hel') + b'2;x=y\r\nlo\r\n' + TRAILERS,
    b'Connection: close\r\n\r\nhello'], ids=['chunked', 'until close'])
def test_http_1_0_keep_alive_without_a_length(
        answer, bowsprit, backend, client):
    """Only the end of the connection can end it."""
    def script(w, number):
        w.read_head()
        w.send(b'HTTP/1.1 200 OK\r\n' + answer)

    c = client(bowsprit(backend(script)))
    c.send(KEEP)
    r = Response(c.read_head())
    assert r.get('Transfer-Encoding') is None and r.get('Trailer') is None
    assert r.get('Connection').lower() == 'close'
    assert c.read_to_end() == b'hello'


@pytest.mark.parametrize('status, method', [(200, 'HEAD'), (304, 'GET')])
def test_http_1_0_client_hears_of_no_chunks_without_a_body_either(
        status, method, bowsprit, backend, client):
    """RFC 9112 6.1: no Transfer-Encoding to one that knows none."""
    b = backend(answering(b'HTTP/1.1 %d X\r\nTransfer-Encoding: chunked\r\n'
                          b'\r\n' % status))
    c = client(bowsprit(b))
    for _ in range(2):
        c.send(KEEP.replace(b'GET', method.encode()))
        r = c.read_response(method)
        assert r.status == status and r.get('Transfer-Encoding') is None
        assert r.get('Connection').lower() == 'keep-alive'


def test_http_1_0_server_that_keeps_its_connection(
        bowsprit, backend, client):
    b = backend(answering(b'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n'
                          b'Content-Length: 2\r\n\r\nok'))
    c = client(bowsprit(b))
    for _ in range(3):
        c.send(get())
        r = c.read_response()
        assert r.body == b'ok' and r.get('Connection') is None
    assert len(b.wires) == 1


@pytest.mark.parametrize('head', [
    b'HTTP/1.0 200 OK\r\n\r\n', b'HTTP/1.0 299 \r\nA: b\r\n\r\n',
    b'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n',
    b'HTTP/1.1 200 \r\nConnection: close\r\n\r\n'])
@pytest.mark.parametrize('body', [b'', b'hello', b'x' * 300_000],
                         ids=['empty', 'short', 'long'])
def test_answer_that_the_end_delimits(head, body, bowsprit, backend, client):
    def script(w, number):
        w.read_head()
        w.send(head + body)

    c = client(bowsprit(backend(script)))
    c.send(get())
    r = Response(c.read_head())
    assert r.status in (200, 299)
    assert r.get('Connection').lower() == 'close'
    assert c.read_to_end() == body


# ---- lengths without a body, and bodies without an end in sight

@pytest.mark.parametrize('status, method', [(200, 'HEAD'), (304, 'GET'),
                                            (304, 'HEAD'), (404, 'HEAD')])
def test_length_of_what_is_not_sent(status, method, bowsprit, backend, client):
    """RFC 9110 8.6: as large as the body would be."""
    head = b'HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n' % (status, 6 * GIB)
    b = backend(answering(head))
    c = client(bowsprit(b))
    for _ in range(3):
        c.send(request(method))
        assert c.read(len(head)) == head
    assert len(b.wires) == 1


def test_event_stream_in_chunks_is_silent_for_longer_than_any_limit(under_way):
    c, s, _ = under_way(
        get('/events', 'x', 'Accept: text/event-stream'), timeouts=SHORT)
    s.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n'
           b'Content-Type: text/event-stream\r\n\r\n')
    c.read_head()
    for event in b'data: 1\n\n', b': ping\n\n':
        c.expect_quiet(1)
        s.send(chunk(event))
        assert c.read(len(chunk(event))) == chunk(event)
    s.send(LAST_CHUNK)
    assert c.read(5) == LAST_CHUNK
    c.send(get())
    s.read_head()


def test_both_bodies_at_once_in_no_hurry(under_way):
    """A duplex exchange: each side speaks when the other has spoken."""
    c, s, _ = under_way(
        request('POST', '/', 'x', 'Transfer-Encoding: chunked'),
        timeouts=SHORT)
    s.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    c.read_head()
    for i in range(3):
        word = chunk(b'word %d' % i)
        c.send(word)
        assert s.read(len(word)) == word
        s.expect_quiet(0.5)
        s.send(word)
        assert c.read(len(word)) == word
    c.send(LAST_CHUNK)
    assert s.read(5) == LAST_CHUNK
    s.send(LAST_CHUNK)
    assert c.read(5) == LAST_CHUNK


BLOCK = bytes(range(256)) * 4096  # 1 MiB


def framed(framing, total):
    """The field that announces so many bytes, and what precedes and ends
    them where they are one chunk."""
    if framing == 'length':
        return f'Content-Length: {total}', b'', b''
    return 'Transfer-Encoding: chunked', b'%x\r\n' % total, b'\r\n0\r\n\r\n'


def read_blocks(w, n):
    """Reads n times BLOCK without keeping it."""
    w.received.clear()
    for _ in range(n):
        assert w.read(len(BLOCK)) == BLOCK
        w.received.clear()


def up_and_down(bs, b, c, framing, total, blocks):
    """The first so many blocks of a body of `total` bytes, up, then down."""
    field, before, after = framed(framing, total)
    whole = blocks * len(BLOCK) == total
    done = []

    def script(w, number):
        r = Request(w.read_head())
        assert field in (f'{n}: {v}' for n, v in r.fields)
        assert w.read(len(before)) == before
        read_blocks(w, blocks)
        if whole:
            assert w.read(len(after)) == after
        w.send(f'HTTP/1.1 200 OK\r\n{field}\r\n\r\n'.encode() + before)
        done.append(time.monotonic())
        for _ in range(blocks):
            w.send(BLOCK)
        if whole:
            w.send(after)
        done.append(time.monotonic())
        w.expect_gone()

    b.script = script
    start = time.monotonic()
    c.send(request('POST', '/', 'x', field) + before)
    for _ in range(blocks):
        c.send(BLOCK)
    if whole:
        c.send(after)
    assert field.encode() in c.read_head()
    assert c.read(len(before)) == before
    read_blocks(c, blocks)
    if whole:
        assert c.read(len(after)) == after
        c.expect_quiet()
        assert bs.wait_event('[HTTP] POST')['bytes'] >= total
    return done[0] - start, time.monotonic() - done[0]


@pytest.mark.parametrize('framing', ['length', 'one chunk'])
@pytest.mark.parametrize('total', [(1 << 32) - 1, 1 << 32, (1 << 32) + 1,
                                   5 * GIB, (1 << 63) - 1])
def test_first_megabytes_of_many_gib(total, framing, bowsprit, backend,
                                     client):
    """A length that 32 bits do not hold is no short one."""
    b = backend()
    bs = bowsprit(b)
    up_and_down(bs, b, client(bs), framing, total, 3)


@pytest.mark.long
@pytest.mark.parametrize('framing', ['length', 'one chunk'])
def test_5_gib_up_and_down(framing, bowsprit, backend, client,
                           record_property):
    b = backend()
    bs = bowsprit(b)
    c = client(bs, timeout=60 * wire.SLOW)
    before = bs.rss()
    up, down = up_and_down(bs, b, c, framing, 5 * GIB, 5 * 1024)
    record_property('5 GiB up and down', f'{5120 / up:.0f} and '
                    f'{5120 / down:.0f} MiB/s; RSS {before // 1024} MiB, '
                    f'{bs.rss("VmHWM") // 1024} MiB at most')
    assert bs.rss('VmHWM') - before < 32 * 1024


# ---- heads

ODD_FIELDS = ['X-Latin: caf\xe9 \x80\xff', 'X-Empty:', 'X-Blank: ',
              'X_Under: 1',
              '_: 2', 'a_b-c_d:\t3\t ', "!#$%&'*+-.^_`|~09azAZ: 4",
              'X-Tab: a\tb', 'X-P: :;,="\\()<>@[]{}?/', 'X-Twice: 1',
              'x-twice: 2', 'X-Twice:', 'X-Utf: \xe2\x82\xac',
              'Authorization: Bearer a.b-c_d', 'X-Long: ' + 'z' * 30000]
BIG_COOKIE = 'a=' + 'v' * 40 * 1024
CHUNKED_COOKIES = [f'__Secure-next-auth.session-token.{i}={"c" * 3933}'
                   for i in range(10)]
FIELDS = {
    'odd': (ODD_FIELDS, ODD_FIELDS),
    'one cookie of 40 KiB': ([f'Cookie: {BIG_COOKIE}'],
                             [f'Set-Cookie: {BIG_COOKIE}; Path=/']),
    'chunked cookies': (
        ['Cookie: ' + '; '.join(CHUNKED_COOKIES)],
        [f'Set-Cookie: {v}; HttpOnly' for v in CHUNKED_COOKIES]),
    'a line a cookie': ([f'Cookie: {v}' for v in CHUNKED_COOKIES],
                        [f'set-cookie:{v}' for v in CHUNKED_COOKIES]),
    'lengths': (['Content-Length: 000'], ['A: 1']),
}


@pytest.mark.parametrize('name', FIELDS)
def test_fields_pass_as_they_are(name, bowsprit, backend, client):
    """Of both heads of an ordinary request, byte for byte."""
    ask, reply = FIELDS[name]
    answer = response(200, 'ok', *reply)
    b = backend(answering(answer))
    c = client(bowsprit(b))
    sent = get('/', 'x', *ask)
    for _ in range(2):
        c.send(sent)
        assert c.read(len(answer)) == answer
    came = bytes(b.wires[0].received)
    assert came.startswith(sent[:-2])
    assert came.count(sent[:-2]) == 2


MAX = 65536


def padded(head, size):
    """The head, with a field that makes it as large as that."""
    pad = size - len(head) - len('X-Pad: \r\n')
    return head[:-2] + b'X-Pad: ' + b'p' * pad + b'\r\n\r\n'


@pytest.mark.parametrize('size', [MAX - 1, MAX, MAX + 1])
@pytest.mark.parametrize('kind', ['request', 'with body', 'in two', 'upgrade'])
def test_request_head_at_the_limit(kind, size, bowsprit, backend, client):
    b = backend(tunnel if kind == 'upgrade' else web())
    c = client(bowsprit(b))
    body = b'abc' if kind == 'with body' else b''
    head = padded(upgrade() if kind == 'upgrade' else request(
        'POST', '/', 'x', f'Content-Length: {len(body)}'), size)
    assert len(head) == size
    if kind == 'in two':
        c.send(head[:-1])
        c.expect_quiet() if size <= MAX else None
        head = head[-1:]
    c.send(head + body)
    status = Response(c.read_head()).status
    if size > MAX:
        assert status == 431 and not b.wires
    else:
        assert status == (101 if kind == 'upgrade' else 200)


@pytest.mark.parametrize('size', [MAX - 1, MAX, MAX + 1])
@pytest.mark.parametrize('before', [b'', b'HTTP/1.1 103 X\r\n\r\n'],
                         ids=['', 'after hints'])
def test_response_head_at_the_limit(before, size, bowsprit, backend, client):
    answer = padded(b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n', size)
    c = client(bowsprit(backend(answering(before + answer + b'abc'))))
    c.send(get())
    if size > MAX:
        assert c.read_final_response().status == 502
    else:
        assert c.read(len(before) + size + 3) == before + answer + b'abc'


@pytest.mark.parametrize('fields, status', [(1000, 200), (1001, 431)])
def test_number_of_fields_at_the_limit(fields, status, bowsprit, backend,
                                       client):
    b = backend(web())
    c = client(bowsprit(b))
    c.send(get('/', 'x', *(f'A{i}: b' for i in range(fields - 1))))
    assert c.read_response().status == status

# SPDX-License-Identifier: ISC
"""
Requests that must not pass, since a server may read them otherwise than we do.
Each is answered at once and reaches nobody; the connection then ends in a way
that lets the answer arrive.
"""

import time

import pytest

import wire
from backends import web
from wire import get, request, response, upgrade


def lines(*text, end='\r\n\r\n'):
    return ('\r\n'.join(text) + end).encode('latin-1')


H = 'Host: x'

# name: (bytes, statuses that are right)
BAD = {
    'bare LF ends lines': (b'GET / HTTP/1.1\nHost: x\n\n', {400}),
    'bare LF in a field': (b'GET / HTTP/1.1\r\nHost: x\r\nA: b\nC: d\r\n\r\n',
                           {400}),
    'bare CR': (b'GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n', {400}),
    'NUL in a value': (lines('GET / HTTP/1.1', H, 'A: b\0c'), {400}),
    'NUL in the target': (lines('GET /\0 HTTP/1.1', H), {400}),
    'control in a value': (lines('GET / HTTP/1.1', H, 'A: b\x01'), {400}),
    'control in the target': (lines('GET /\x7f HTTP/1.1', H), {400}),
    'folded line': (lines('GET / HTTP/1.1', H, 'A: b', '  c'), {400}),
    'first line folded': (lines('GET / HTTP/1.1', ' A: b', H), {400}),
    'blank before colon': (lines('GET / HTTP/1.1', H, 'A : b'), {400}),
    'tab before colon': (lines('GET / HTTP/1.1', H, 'A\t: b'), {400}),
    'no colon': (lines('GET / HTTP/1.1', H, 'nonsense'), {400}),
    'no name': (lines('GET / HTTP/1.1', H, ': b'), {400}),
    'blank in a name': (lines('GET / HTTP/1.1', H, 'A b: c'), {400}),
    'obs-text in a name': (lines('GET / HTTP/1.1', H, 'A\xe9: c'), {400}),
    'no Host': (lines('GET / HTTP/1.1', 'A: b'), {400}),
    'two Hosts': (lines('GET / HTTP/1.1', H, 'Host: y'), {400}),
    'two equal Hosts': (lines('GET / HTTP/1.1', H, H), {400}),
    'two lengths': (lines('POST / HTTP/1.1', H, 'Content-Length: 1',
                          'Content-Length: 2') + b'ab', {400}),
    'a list of lengths': (lines('POST / HTTP/1.1', H,
                                'Content-Length: 1, 2') + b'ab', {400}),
    'signed length': (lines('POST / HTTP/1.1', H, 'Content-Length: +1')
                      + b'a', {400}),
    'negative length': (lines('POST / HTTP/1.1', H, 'Content-Length: -1'),
                        {400}),
    'length in hex': (lines('POST / HTTP/1.1', H, 'Content-Length: 0x1')
                      + b'a', {400}),
    'length with blank': (lines('POST / HTTP/1.1', H, 'Content-Length: 1 2')
                          + b'a', {400}),
    'empty length': (lines('POST / HTTP/1.1', H, 'Content-Length:'), {400}),
    'length beyond 64 bits': (lines('POST / HTTP/1.1', H, 'Content-Length: '
                                    '18446744073709551617') + b'a', {400}),
    'length and chunked': (lines(
        'POST / HTTP/1.1', H, 'Content-Length: 3',
        'Transfer-Encoding: chunked') + b'0\r\n\r\n', {400}),
    'chunked and length': (lines(
        'POST / HTTP/1.1', H, 'Transfer-Encoding: chunked',
        'Content-Length: 3') + b'0\r\n\r\n', {400}),
    'chunked twice': (lines('POST / HTTP/1.1', H,
                            'Transfer-Encoding: chunked, chunked'), {400}),
    'chunked not last': (lines('POST / HTTP/1.1', H,
                               'Transfer-Encoding: chunked, gzip'), {400}),
    'identity': (lines('POST / HTTP/1.1', H, 'Transfer-Encoding: identity'),
                 {400, 501}),
    'unknown coding': (lines('POST / HTTP/1.1', H, 'Transfer-Encoding: xyz'),
                       {400, 501}),
    'chunked with a control': (lines(
        'POST / HTTP/1.1', H, 'Transfer-Encoding: \x0bchunked'), {400, 501}),
    'chunked in quotes': (lines('POST / HTTP/1.1', H,
                                'Transfer-Encoding: "chunked"'), {400, 501}),
    'two transfer codings': (lines(
        'POST / HTTP/1.1', H, 'Transfer-Encoding: chunked',
        'Transfer-Encoding: identity'), {400, 501}),
    'chunked in HTTP/1.0': (lines('POST / HTTP/1.0', H,
                                  'Transfer-Encoding: chunked'), {400}),
    'no version': (lines('GET /', H), {400}),
    'HTTP/0.9': (b'GET /\r\n\r\n', {400}),
    'HTTP/2': (lines('GET / HTTP/2.0', H), {400, 505}),
    'h2 preface': (b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', {400, 505}),
    'HTTP/1.10': (lines('GET / HTTP/1.10', H), {400, 505}),
    'http/1.1': (lines('GET / http/1.1', H), {400, 505}),
    'two blanks': (lines('GET  / HTTP/1.1', H), {400}),
    'blank at the end': (lines('GET / HTTP/1.1 ', H), {400, 505}),
    'blank in the target': (lines('GET /a b HTTP/1.1', H), {400}),
    'tab for blank': (lines('GET\t/\tHTTP/1.1', H), {400}),
    'no method': (lines(' / HTTP/1.1', H), {400}),
    'method is no token': (lines('G[T / HTTP/1.1', H), {400}),
    'relative target': (lines('GET x HTTP/1.1', H), {400}),
    'TLS hello': (b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', {400}),
    'SSH': (b'SSH-2.0-OpenSSH_9.2\r\n', {400}),
    'dot segments': (lines('GET /a/../b HTTP/1.1', H), {400}),
    'dot segment at the end': (lines('GET /a/.. HTTP/1.1', H), {400}),
    'single dot': (lines('GET /./b HTTP/1.1', H), {400}),
    'encoded dots': (lines('GET /a/%2e%2E/b HTTP/1.1', H), {400}),
    'half encoded dots': (lines('GET /a/.%2e/b HTTP/1.1', H), {400}),
    'CONNECT': (lines('CONNECT example.com:443 HTTP/1.1', H), {501}),
    'TRACE': (lines('TRACE / HTTP/1.1', H), {405}),
    'two keys': (upgrade('/', 'x', 'Sec-WebSocket-Key: AAAA'), {400}),
    'two versions': (upgrade('/', 'x', 'Sec-WebSocket-Version: 8'), {400}),
    'Host with a path': (lines('GET / HTTP/1.1', 'Host: x/y'), {400}),
    'Host with a user': (lines('GET / HTTP/1.1', 'Host: a@b'), {400}),
}


@pytest.mark.parametrize('name', BAD)
def test_bad_head(name, bowsprit, backend, client):
    data, statuses = BAD[name]
    b = backend(web())
    bs = bowsprit(b)
    c = client(bs)
    start = time.monotonic()
    c.send(data)
    r = c.read_response()
    assert r.status in statuses, r.raw
    c.expect_end()
    assert time.monotonic() - start < 1, 'not at once'
    assert not b.wires, 'a server was asked'
    assert bs.wait_status(r.status)
    c = client(bs)  # and it lives
    c.send(get())
    assert c.read_response().status == 200


BAD_CHUNKS = {
    'no hex': b'x\r\n',
    'empty size': b'\r\n\r\n',
    'sign': b'+5\r\nhello\r\n0\r\n\r\n',
    '0x': b'0x5\r\nhello\r\n0\r\n\r\n',
    'bare LF after size': b'5\nhello\r\n0\r\n\r\n',
    'bare LF in extension': b'5;a\nb\r\nhello\r\n0\r\n\r\n',
    'control in extension': b'5;a\x01\r\nhello\r\n0\r\n\r\n',
    'longer than said': b'5\r\nhello!\r\n0\r\n\r\n',
    'no CRLF after data': b'5\r\nhello0\r\n\r\n',
    'beyond 64 bits': b'10000000000000000\r\nhello',
    'a size without end': b'0' * 100000,
    'an extension without end': b'1;' + b'x' * 100000,
    'a trailer without end': b'0\r\nA: ' + b'x' * 200000,
}


@pytest.mark.parametrize('name', BAD_CHUNKS)
def test_bad_chunk(name, bowsprit, backend, client):
    """The server never gets to see a whole request."""
    b = backend()
    bs = bowsprit(b)
    c = client(bs)
    c.send(request('POST', '/', 'x', 'Transfer-Encoding: chunked',
                   body=b'2\r\nok\r\n'))
    s = b.wait_for()
    s.read_until(b'\r\n\r\n')
    assert s.read(7) == b'2\r\nok\r\n'
    try:
        c.send(BAD_CHUNKS[name])
        r = c.read_response()
        assert r.status == 400
        c.expect_end()
    except wire.Reset:
        pass  # more than a lingering end takes in
    s.expect_gone()
    assert not s.received.endswith(b'0\r\n\r\n')


def test_smuggled_request_is_not_answered(bowsprit, backend, client):
    b = backend(web())
    c = client(bowsprit(b))
    c.send(BAD['length and chunked'][0] + get('/admin'))
    assert c.read_response().status == 400
    c.expect_end()
    assert not b.wires


def test_answer_survives_what_is_still_being_sent(bowsprit, backend, client):
    """Closing with input unread would reset, and eat the answer."""
    b = backend(web())
    c = client(bowsprit(b))
    c.send(request('POST', '/a/../b', 'x', 'Content-Length: 4000000'))
    for _ in range(40):
        c.send(b'x' * 100000)
    assert c.read_response().status == 400
    c.expect_end()


@pytest.mark.parametrize('how', ['a field', 'fields', 'target', 'no end'])
def test_head_too_large(how, bowsprit, backend, client):
    b = backend(web())
    bs = bowsprit(b)
    c = client(bs)
    size = 66 * 1024
    c.send({'a field': lambda: get('/', 'x', f'Cookie: {"c" * size}'),
            'fields': lambda: get('/', 'x', *('A: ' + 'b' * 97,) * 700),
            'target': lambda: get('/' + 'x' * size),
            'no end': lambda: b'GET / HTTP/1.1\r\nA: ' + b'b' * size}[how]())
    r = c.read_response()
    assert r.status in ((414, 431) if how == 'target' else (431,))
    c.expect_end()
    assert not b.wires


def test_max_head_is_a_setting(bowsprit, backend, client):
    b = backend(web())
    bs = bowsprit(b, max_head='2K')
    c = client(bs)
    c.send(get('/', 'x', f'Cookie: {"c" * 2100}'))
    assert c.read_response().status == 431
    bs = bowsprit(b, max_head='128K')
    c = client(bs)
    c.send(get('/', 'x', f'Cookie: {"c" * 100000}'))
    assert c.read_response().status == 200


def test_path_that_decodes_to_another_route(bowsprit, backend, client):
    """%61dmin would be /admin to an application that decodes first."""
    b = backend(web())
    bs = bowsprit(b, backends={
        'app': {'servers': (b.url,)}, 'admin': {'servers': (b.url,)}},
        routes=({'path': '/admin/**', 'backend': 'admin'},
                {'path': '/**', 'upgrade': 'both', 'backend': 'app'}))
    for path in ('/%61dmin/x', '//admin/x', '/admin%2Fx'):
        c = client(bs)
        c.send(get(path))
        assert c.read_response().status == 400, path
    c = client(bs)
    c.send(get('/other%2Fadmin/%61'))
    assert c.read_response().status == 200


BAD_ANSWERS = {
    'bare LF': b'HTTP/1.1 200 OK\nContent-Length: 0\n\n',
    'NUL': b'HTTP/1.1 200 OK\r\nA: \0\r\nContent-Length: 0\r\n\r\n',
    'two lengths': b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n'
                   b'Content-Length: 5\r\n\r\n',
    'length and chunked': b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n'
                          b'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'blank before colon': b'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n',
    'folded line': b'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n'
                   b'Content-Length: 0\r\n\r\n',
    'status 099': b'HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n',
    'no HTTP': b'Unauthorized',
    'too large': b'HTTP/1.1 200 OK\r\nA: ' + b'x' * 70000 + b'\r\n\r\n',
}


@pytest.mark.parametrize('name', BAD_ANSWERS)
def test_bad_answer(name, bowsprit, backend, client):
    """A server's nonsense is a 502 and passes nothing on."""
    def script(w, number):
        w.read_request()
        w.send(BAD_ANSWERS[name])
        w.expect_gone()

    c = client(bowsprit(backend(script)))
    c.send(get())
    assert c.read_response().status == 502


def test_server_that_is_not_there(bowsprit, client, down):
    bs = bowsprit(down)
    c = client(bs)
    for _ in range(2):  # the connection to the client is none the worse
        c.send(get('/x'))
        r = c.read_response()
        assert r.status == 502
        assert down.encode() in r.body, 'who refused is not said'
    e = bs.wait_status(502, '/x')
    assert e['reason'] == 'server-refused' and down in e['hint']
    c.send(request('POST', '/x', 'x', 'Content-Length: 300000',
                   body=b'x' * 300000))
    assert c.read_response().status == 502


def test_own_answer_to_head_has_no_body(bowsprit, client, down):
    c = client(bowsprit(down))
    c.send(get().replace(b'GET', b'HEAD') + get())
    assert c.read_response('HEAD').status == 502
    assert c.read_response().status == 502


def test_answer_can_be_read_by_a_page_of_the_same_host(
        bowsprit, client, down):
    c = client(bowsprit(down))
    c.send(get('/', 'localhost:3000', 'Origin: http://localhost:3000'))
    r = c.read_response()
    assert r.get('Access-Control-Allow-Origin') == 'http://localhost:3000'
    c.send(get('/', 'localhost:3000', 'Origin: http://evil.example'))
    assert c.read_response().get('Access-Control-Allow-Origin') is None


def test_absolute_form_names_the_host(bowsprit, backend, client):
    """RFC 9112 3.2.2: then Host does not count, for routes either."""
    b = backend(web())
    other = backend(lambda w, n: (w.read_head(), w.send(
        response(200, 'other'))))
    bs = bowsprit(b, backends={
        'app': {'servers': (b.url,)}, 'other': {'servers': (other.url,)}},
        routes=({'path': 'other.example/**', 'backend': 'other'},
                {'path': '/**', 'backend': 'app'}))
    c = client(bs)
    c.send(get('/', 'other.example'))
    assert c.read_response().body == b'other'
    c.send(get('http://other.example/', 'localhost'))
    r = c.read_response()  # or a refusal of the two that differ
    assert r.body == b'other' or r.status == 400

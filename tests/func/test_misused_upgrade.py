# SPDX-License-Identifier: ISC
"""
Upgrade where it means no WebSocket: its fields are dropped, and the request
goes on as ordinary HTTP.
"""

import pytest

from backends import web
from wire import KEY, chunk, get, request

SOCKET = ('Connection: Upgrade', 'Upgrade: websocket',
          f'Sec-WebSocket-Key: {KEY}', 'Sec-WebSocket-Version: 13')

MISUSES = {
    'h2c': get('/x', 'localhost', 'Connection: Upgrade, HTTP2-Settings',
               'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'),
    'tls': request('OPTIONS', '/x', 'localhost', 'Connection: Upgrade',
                   'Upgrade: TLS/1.0'),
    'post': request('POST', '/x', 'localhost', *SOCKET, 'Content-Length: 4',
                    body=b'body'),
    'post without body': request('POST', '/x', 'localhost', *SOCKET,
                                 'Content-Length: 0'),
    'get with body': request('GET', '/x', 'localhost', *SOCKET,
                             'Content-Length: 4', body=b'body'),
    'get with chunks': request(
        'GET', '/x', 'localhost', *SOCKET, 'Transfer-Encoding: chunked',
        body=chunk(b'body') + b'0\r\n\r\n'),
    'connection does not list it': get(
        '/x', 'localhost', 'Connection: keep-alive', *SOCKET[1:]),
    'no connection': get('/x', 'localhost', *SOCKET[1:]),
    'lists something like it': get(
        '/x', 'localhost', 'Connection: xUpgrade, Upgraded', *SOCKET[1:]),
    'names something like it': get(
        '/x', 'localhost', 'Connection: Upgrade', 'Upgrade: websockets'),
    'proxy-connection is no connection': get(
        '/x', 'localhost', 'Proxy-Connection: Upgrade', *SOCKET[1:]),
}


@pytest.mark.parametrize('name', MISUSES)
def test_misuse_is_ordinary_http(name, bowsprit, backend, client):
    b = backend()
    b.script = web(b.requests)
    c = client(bowsprit(b))
    for n in 1, 2:  # and the connection goes on afterwards
        c.send(MISUSES[name])
        r = c.read_response()
        assert r.status == 200 and b'/x #' in r.body
    assert len(b.requests) == 2
    for came in b.requests:
        assert came.get('Upgrade') is None
        assert came.get('HTTP2-Settings') is None
        assert came.get('Proxy-Connection') is None
        assert 'upgrade' not in (came.get('Connection') or '').lower()
        assert came.body == (b'body' if b'body' in MISUSES[name] else b'')


def test_http_1_0_cannot_upgrade(bowsprit, backend, client):
    b = backend()
    b.script = web(b.requests)
    c = client(bowsprit(b))
    c.send(get('/x', 'localhost', *SOCKET).replace(b'HTTP/1.1', b'HTTP/1.0'))
    r = c.read_response()
    assert r.status == 200
    c.expect_end()
    assert b.requests[0].get('Upgrade') is None
    assert 'upgrade' not in (b.requests[0].get('Connection') or '').lower()


def test_101_to_a_request_that_asked_for_none(bowsprit, backend, client):
    """It would hand the connection, shared by requests, to the server."""
    def script(w, number):
        w.read_head()
        w.send(b'HTTP/1.1 101 X\r\nUpgrade: websocket\r\n'
               b'Connection: Upgrade\r\n\r\nbytes')
        w.expect_gone()

    c = client(bowsprit(backend(script)))
    c.send(get())
    assert c.read_response().status == 502
    assert b'101' not in c.received.split(b'\r\n')[0]

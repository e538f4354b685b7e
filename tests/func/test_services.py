# SPDX-License-Identifier: ISC
"""
Several services behind one address, as seeds 000 to 002 have them: an
application, an API and a Socket.IO server, which come and go by themselves.
"""

import pytest

import wire
from backends import echoing, web_and_echo
from wire import from_client, get, request, upgrade

SERVICES = ('front', 'api', 'sockets')


def answering_by(name):
    """A script: a server that says which one it is."""
    return web_and_echo(lambda request: f'{name} {request.target}')


def three(urls):
    """The settings that seed 001 has in its nginx."""
    return {'routes': tuple(
        {'path': path, 'upgrade': 'both', 'backend': urls[name]}
        for path, name in (('/**', 'front'), ('/api/**', 'api'),
                           ('/socket.io/**', 'sockets')))}


@pytest.fixture
def services(backend):
    return {name: backend(answering_by(name)) for name in SERVICES}


@pytest.mark.parametrize('target, name', [
    ('/', 'front'), ('/desktop?x=/api/', 'front'), ('/api/', 'api'),
    ('/api/services/1%2F2?a=/socket.io/', 'api'), ('/api', 'front'),
    ('/apis/', 'front'), ('/socket.io/?EIO=4&transport=polling', 'sockets'),
    ('/socket.io', 'front'),
    # What only the services themselves may ask for.
    ('/emit', 'front'), ('/health', 'front')])
def test_each_path_to_its_service(target, name, bowsprit, services, client):
    bs = bowsprit(**three({n: b.url for n, b in services.items()}))
    c = client(bs)
    c.send(get(target))
    assert c.read_response().body == f'{name} {target}'.encode()


def test_restart_of_one_service_disturbs_no_other(bowsprit, services, client,
                                                  backend):
    bs = bowsprit(**three({n: b.url for n, b in services.items()}))
    tunnel = client(bs)
    tunnel.open_websocket('/socket.io/?EIO=4&transport=websocket')
    c = client(bs)

    def says(name, path):
        c.send(get(path))
        r = c.read_response()
        assert (r.status, r.body) == (200, f'{name} {path}'.encode())

    def tunnel_is_open():
        tunnel.expect_echo(b'still there?')
    says('api', '/api/1')
    services['api'].stop()
    for _ in range(3):
        c.send(get('/api/2'))
        assert c.read_response().status == 502
        says('front', '/2')
        tunnel_is_open()
    backend(answering_by('api'), port=services['api'].port)
    says('api', '/api/3')
    says('front', '/3')
    tunnel_is_open()
    assert not bs.events('Connection closed')


def test_preflight_is_between_browser_and_service(bowsprit, backend, client):
    """CORS is the service's own: what it is asked, and what it allows."""
    asked = (b'Origin: http://203.0.113.9:80\r\n'
             b'Access-Control-Request-Method: POST\r\n'
             b'access-control-request-headers: content-type,x-custom\r\n'
             b'Cookie: ssh_session=s%3Aabc.d+e/f==; other="a b"\r\n')
    answer = (b'HTTP/1.1 204 No Content\r\n'
              b'Access-Control-Allow-Origin: http://203.0.113.9:80\r\n'
              b'Access-Control-Allow-Credentials: true\r\n'
              b'Access-Control-Allow-Headers: content-type,x-custom\r\n'
              b'Set-Cookie: a=1; Path=/\r\nvary: Origin\r\n'
              b'Set-Cookie: b=2; HttpOnly\r\n\r\n')
    b = backend()
    c = client(bowsprit(b))
    c.send(request('OPTIONS', '/socket.io/?EIO=4', 'localhost')[:-2] + asked
           + b'\r\n')
    s = b.wait_for()
    assert b'Host: localhost\r\n' + asked in s.read_head()
    s.send(answer)
    assert c.read_head() == answer


TOKEN = 'eyJhbGciOi.J9+x%2By/z.%41-_~=='


def test_token_in_a_query(bowsprit, backend, client):
    """It arrives as it was sent, and is in no line, not at level debug."""
    b = backend(echoing)
    bs = bowsprit(b, log={'format': 'json', 'access': 'all',
                          'level': 'debug'})
    target = f'/ws?token={TOKEN}&x=%20+y'
    c = client(bs)
    c.open_websocket(target)
    head = wire.Request(bytes(b.wait_for().received))
    assert head.target == target
    c.send(from_client(b'{"type":"ping"}', wire.TEXT))
    assert c.read_message() == (wire.TEXT, b'{"type":"ping"}')
    c.reset()
    bs.closed()
    b.stop()
    c = client(bs)
    c.send(upgrade(target))  # and where it fails
    assert c.read_head().startswith(b'HTTP/1.1 502 ')
    assert TOKEN.encode() not in c.read_to_end()
    bs.wait_event('[WebSocket Proxy Error]')
    assert TOKEN not in bs.out() + bs.err()
    assert TOKEN.partition('+')[0] not in bs.out() + bs.err()
    assert bs.lines('x=%20+y'), 'what is no secret is shown'

# SPDX-License-Identifier: ISC
"""
Captures that choose a server: only one that the route lists, and everything
else is a 403 before anybody is connected to.
"""

import signal

import pytest

from backends import answering, tunnel
from daemon import free_port
from wire import SLOW, get, response, upgrade

ROUTE = '/vm/{host}/{port}/ws=http://{host}:{port}/websockify/{host}'


def test_chosen_server(bowsprit, backend, client):
    one, two = backend(tunnel), backend(tunnel)
    bs = bowsprit(argv=('-l', '127.0.0.1:@PORT@', '-w',
                        f'{ROUTE} change_origin '
                        'allowed_targets=127.0.0.0/8'))
    for b in (one, two, one):
        c = client(bs)
        c.open_websocket(f'/vm/127.0.0.1/{b.port}/ws?token=x', 'localhost')
        head = bytes(b.wires[-1].received)
        assert head.startswith(
            b'GET /websockify/127.0.0.1?token=x HTTP/1.1\r\n'
            b'Host: 127.0.0.1:%d\r\n' % b.port)
        assert bs.wait_line(f"backend: '{b.url}'")
    assert len(one.wires) == 2


def test_requests_share_no_connection(bowsprit, backend, client):
    """The pool knows servers by their place in the file."""
    one = backend(answering(response(200, b'one')))
    two = backend(answering(response(200, b'two')))
    c = client(bowsprit(argv=('-l', '127.0.0.1:@PORT@', '-r',
                              '/{port}=http://127.0.0.1:{port} '
                              'allowed_targets=127.0.0.1')))
    for _ in range(2):
        for b, body in ((one, b'one'), (two, b'two')):
            c.send(get(f'/{b.port}'))
            assert c.read_response().body == body


@pytest.mark.parametrize('path, why', [
    ('/vm/127.0.0.2/@BACKEND@/ws', 'another address'),
    ('/vm/127.0.0.1/@OTHER@/ws', 'another port'),
    ('/vm/localhost/@BACKEND@/ws', 'a name'),
    ('/vm/2130706433/@BACKEND@/ws', 'the address as a number'),
    ('/vm/127.1/@BACKEND@/ws', 'the address in short'),
    ('/vm/127.0.0.1/@BACKEND@x/ws', 'a port with a letter'),
    ('/vm/127.0.0.1/-1/ws', 'a port below all'),
    ('/vm/x@127.0.0.1/@BACKEND@/ws', 'a user'),
    ('/vm/127%2e0.0.1/@BACKEND@/ws', 'an escape'),
    ('/vm/127.0.0.1/@PORT@/ws', 'ourselves'),
])
def test_refused(path, why, bowsprit, backend, client):
    b = backend(tunnel)
    bs = bowsprit(
        config='''
        listeners = ( { address = "127.0.0.1"; port = @PORT@; } );
        log = { format = "json"; };
        routes = ( { path = "/vm/{host}/{port}/ws";
                     backend = "http://{host}:{port}";
                     allowed_targets = ( "127.0.0.1:%d, 127.0.0.1:@PORT@",
                                         "127.0.0.9" ); } );
        ''' % b.port)
    path = (path.replace('@BACKEND@', str(b.port))
            .replace('@OTHER@', str(free_port()))
            .replace('@PORT@', str(bs.port)))
    c = client(bs)
    c.send(upgrade(path))
    r = c.read_response()
    assert r.status == 403 and b'target-refused' in r.body
    assert b'allowed_targets' in r.body
    assert not b.wires, 'it was connected to'
    e = bs.wait_event('[WebSocket Proxy Error]')
    assert e['code'] == 'EACCES' and e['reason'] == 'target-refused'


def test_name_in_the_list(bowsprit, backend, client):
    """It is resolved ahead, and again by SIGHUP."""
    b = backend(answering(response(200, b'named')))
    bs = bowsprit(argv=('-l', '127.0.0.1:@PORT@', '-r', '/{h}=http://{h}:'
                        f'{b.port} allowed_targets=localhost'))
    for _ in range(2):
        c = client(bs)
        c.send(get('/LOCALhost'))
        assert c.read_response().body == b'named'
        bs.signal(signal.SIGHUP)
        bs.wait_line('Configuration reloaded')


def test_name_that_does_not_resolve(bowsprit, client):
    bs = bowsprit(argv=('-l', '127.0.0.1:@PORT@', '-r', '/{h}=http://{h}:80 '
                        'allowed_targets=no.such.name.invalid'))
    bs.wait_line('the name no.such.name.invalid does not resolve', 40 * SLOW)
    c = client(bs)
    c.send(get('/no.such.name.invalid'))
    assert c.read_response().status == 502
    c.send(get('/other.invalid'))
    assert c.read_response().status == 403

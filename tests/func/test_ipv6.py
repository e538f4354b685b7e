# SPDX-License-Identifier: ISC
"""
IPv6 wherever an address may stand: listeners, URLs, what is forwarded, who is
trusted, and what a path may choose.
"""

import socket

import pytest

from backends import echoing, web
from daemon import free_port
from wire import connect, get


@pytest.fixture(autouse=True)
def ipv6():
    try:
        socket.create_server(('::1', 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip('this machine has no IPv6')


def ask(client, port, *args, host='::1'):
    c = client(port, host=host)
    c.send(get(*args))
    return c.read_response()


@pytest.fixture
def on_six(bowsprit):
    """bowsprit on a port of ::1 only."""
    def start(b, **settings):
        port = free_port()
        bs = bowsprit(b, listeners=({'address': f'[::1]:{port}'},),
                      **settings)
        bs.port = port
        return bs
    return start


def test_both_sides(on_six, backend, client):
    heads = []
    b = backend(web(heads), host='::1')
    bs = on_six(b, backends={'app': {'servers': (b.url,),
                                     'change_origin': True}})
    assert bs.lines(f'> Ready on http://[::1]:{bs.port}')
    with pytest.raises(OSError):
        connect(bs.port)
    r = ask(client, bs.port, '/x', f'[::1]:{bs.port}')
    assert (r.status, r.body) == (200, b'GET /x #1')
    h = heads[0]
    assert h.get('Host') == f'[::1]:{b.port}'
    assert h.get('X-Forwarded-For') == '::1'
    assert h.get('X-Forwarded-Host') == f'[::1]:{bs.port}'
    assert h.get('X-Forwarded-Port') == str(bs.port)
    assert bs.wait_status(200)['client'] == '::1'


def test_tunnel(on_six, backend, client):
    b = backend(echoing, host='::1')
    bs = on_six(b)
    c = client(bs, host='::1')
    c.open_websocket()
    c.expect_echo()
    assert bs.wait_event('Connection opened')['backend'] == b.url
    c.close()
    bs.closed()


@pytest.mark.parametrize('said,forwarded,is_client', [
    ('2001:db8::1', '2001:db8::1, ::1', '2001:db8::1'),
    ('[2001:db8::1]', '[2001:db8::1], ::1', '2001:db8::1'),
    ('[2001:db8::1]:443', '[2001:db8::1]:443, ::1', '2001:db8::1'),
    ('2001:db8::1, fd00:1::2', '2001:db8::1, fd00:1::2, ::1', '2001:db8::1'),
    ('2001:db8::1, fd01::2', '2001:db8::1, fd01::2, ::1', 'fd01::2'),
    ('::ffff:192.0.2.1', '::ffff:192.0.2.1, ::1', '192.0.2.1')])
def test_forwarded_for(said, forwarded, is_client, on_six, backend, client):
    heads = []
    bs = on_six(backend(web(heads)), trusted_proxies=('::1', 'fd00::/16'))
    assert ask(client, bs.port, '/', 'h',
               f'X-Forwarded-For: {said}').status == 200
    assert heads[0].get('X-Forwarded-For') == forwarded
    assert bs.wait_status(200)['client'] == is_client


def test_not_trusted(on_six, backend, client):
    heads = []
    bs = on_six(backend(web(heads)), trusted_proxies=('fd00::/8',))
    ask(client, bs.port, '/', 'h', 'X-Forwarded-For: 2001:db8::1')
    assert heads[0].get('X-Forwarded-For') == '::1'
    assert bs.wait_event('add "::1" to trusted_proxies')


def test_ipv4_on_a_socket_of_ipv6(bowsprit, backend, client):
    """A socket for both, as systemd opens it: the client is its IPv4 one."""
    if not socket.has_dualstack_ipv6():
        pytest.skip('this machine has no IPv6')
    heads = []
    with socket.create_server(('', free_port()), family=socket.AF_INET6,
                              dualstack_ipv6=True) as sock:
        bs = bowsprit(backend(web(heads)), passed=(sock.fileno(),))
        ask(client, sock.getsockname()[1], host='127.0.0.1')
    assert heads[0].get('X-Forwarded-For') == '127.0.0.1'
    assert bs.wait_status(200)['client'] == '127.0.0.1'


@pytest.mark.parametrize('form,allowed,status', [
    ('[::1]', '[::1]:{port}', 200), ('::1', '[::1]:{port}', 200),
    ('[::1]', '::1', 200), ('0:0::1', '[::]/64:{port}', 200),
    ('[::1]', '[::1]:1-9', 403), ('[::1]', 'fd00::/8', 403),
    ('[::ffff:127.0.0.1]', '::/1', 403), ('[::1', '::1', 403)])
def test_target_of_a_capture(form, allowed, status, bowsprit, backend,
                             client):
    b = backend(web(), host='::1')
    bs = bowsprit(argv=(
        '-l', '127.0.0.1:@PORT@', '-r', '/vm/{host}/{port}=http://{host}:'
        f'{{port}} allowed_targets={allowed.replace("{port}", str(b.port))}'))
    r = ask(client, bs.port, f'/vm/{form}/{b.port}', host='127.0.0.1')
    assert r.status == status, r.body


def test_our_own_listener_is_no_target(on_six, client):
    bs = on_six('http://127.0.0.1:1', routes=(
        {'path': '/vm/{host}/{port}', 'backend': 'http://{host}:{port}',
         'allowed_targets': ('::/0',)},))
    r = ask(client, bs.port, f'/vm/[::1]/{bs.port}')
    assert r.status == 403, r.body


def test_refused(on_six, client):
    """The sentence names the address in its brackets."""
    port = free_port()
    bs = on_six(f'http://[::1]:{port}')
    r = ask(client, bs.port)
    assert r.status == 502
    assert f'nothing listens at http://[::1]:{port}: ' in r.body.decode()

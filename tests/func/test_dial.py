# SPDX-License-Identifier: ISC
"""
Servers with several addresses, and names: an address that is dead costs a
quarter of a second at most, a name may change its address while bowsprit runs.
"""

import os
import shutil
import signal
import socket
import sys
import time

import pytest

import wire
from backends import (RecordingBackend, answering, echoing, tunnel,
                      web)
from daemon import free_port
from machine import (Dnsmasq, Names, Tampered, Traced, own_network,
                     set_kernel)
from test_tls_backends import TlsBackend
from tls import Authority
from wire import SLOW, Response, get, response, upgrade, wait_until

FIRST, SECOND = '127.0.0.2', '127.0.0.3'


@pytest.fixture
def network():
    """The test runs in a network of its own: all ports are free there."""
    try:
        with own_network():
            yield
    except PermissionError:
        pytest.skip('may not have a network of its own here')


@pytest.fixture
def names(tmp_path, monkeypatch):
    """A factory: from then on bowsprit has these names."""
    def make(*args, **options):
        n = Names(tmp_path, *args, **options)
        if n.addresses('localhost') == []:
            pytest.skip('may not mount a hosts file of its own here')
        monkeypatch.setenv('BOWSPRIT', n.wrapper(os.environ['BOWSPRIT']))
        return n
    return make


@pytest.fixture
def dnsmasq(network, tmp_path):
    """A factory: a name server for these names, in a network of its own."""
    if not shutil.which('/usr/sbin/dnsmasq'):
        pytest.skip('no dnsmasq')
    made = []

    def make(**addresses):
        made.append(Dnsmasq(tmp_path, **addresses))
        return made[-1]
    yield make
    for d in made:
        d.stop()


@pytest.fixture
def two(names):
    """two.test has two addresses: they are returned as they are tried."""
    return names(f'{FIRST} two.test\n{SECOND} two.test\n').addresses(
        'two.test')


@pytest.fixture
def hole():
    """A factory of addresses that drop every SYN: their queue is full."""
    made = []

    def make(host, port):
        listener = socket.socket()
        made.append(listener)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(4):
            s = socket.socket()
            made.append(s)
            s.setblocking(False)
            s.connect_ex((host, port))
        return lambda: [s.close() for s in made]

    yield make
    for s in made:
        s.close()


@pytest.fixture
def traced(bowsprit, tmp_path):
    """A factory: strace looks at a bowsprit, but not at its end."""
    if not shutil.which('strace'):
        pytest.skip('no strace')
    made = []

    def make(bs, *words, kind=Traced):
        try:
            made.append(kind(tmp_path, bs.pid, *words))
        except PermissionError:
            pytest.skip('may not trace a process here')
        return made[-1]
    yield make
    for t in made:
        t.stop()


@pytest.fixture
def tampered(traced):
    """The same, and tampers with it."""
    return lambda bs, how: traced(bs, how, kind=Tampered)


def ask(client, bs, path='/'):
    """One request on a connection of its own."""
    c = client(bs, timeout=20 * SLOW)
    c.send(get(path))
    return c.read_response()


# ---- several addresses

@pytest.mark.parametrize('kind', ['request', 'upgrade'])
def test_first_address_that_drops_packets(kind, two, hole, bowsprit, backend,
                                          client):
    """As when IPv6 is announced and leads nowhere: the next one is tried."""
    port = free_port()
    hole(two[0], port)
    backend(web() if kind == 'request' else tunnel, host=two[1], port=port)
    bs = bowsprit(f'http://two.test:{port}', timeouts={'connect': '20s'})
    c = client(bs)
    start = time.monotonic()
    c.send(get() if kind == 'request' else upgrade())
    status = Response(c.read_head()).status
    assert status == (200 if kind == 'request' else 101)
    assert 0.2 < time.monotonic() - start < 4 * SLOW, 'not its share of 20 s'


def test_many_addresses_share_a_short_time(names, hole, bowsprit, backend,
                                           client):
    """None is left out because those before it used up all there is."""
    hosts = [f'127.0.0.{i}' for i in range(2, 8)]
    found = names(''.join(f'{h} many.test\n' for h in hosts)).addresses(
        'many.test')
    port = free_port()
    for h in found[:-1]:
        hole(h, port)
    backend(web(), host=found[-1], port=port)
    bs = bowsprit(f'http://many.test:{port}',
                  timeouts={'connect': f'{int(1200 * SLOW)}ms'})
    assert ask(client, bs).status == 200


def test_address_that_failed_is_tried_last(two, hole, bowsprit, backend,
                                           client):
    port = free_port()
    fill = hole(two[0], port)
    backend(answering(response(200, 'second')), host=two[1], port=port)
    bs = bowsprit(f'http://two.test:{port}', workers=1, pool_size=0)
    assert ask(client, bs).body == b'second'
    fill()
    backend(answering(response(200, 'first')), host=two[0], port=port)
    for _ in range(3):
        assert ask(client, bs).body == b'second'


def test_first_address_that_refuses(two, bowsprit, backend, client):
    """The second is tried at once: at least one time in five fast enough."""
    servers = [backend(web(), host=two[1]) for _ in range(5)]
    bs = bowsprit(timeouts={'connect': '20s'}, routes=tuple(
        {'path': f'/{i}', 'backend': f'http://two.test:{b.port}'}
        for i, b in enumerate(servers)))
    ask(client, bs, '/none')
    took = []
    for i in range(5):
        start = time.monotonic()
        assert ask(client, bs, f'/{i}').status == 200
        took.append(time.monotonic() - start)
    assert min(took) < 0.2, took


@pytest.mark.parametrize('kind', ['request', 'upgrade'])
@pytest.mark.parametrize('dead, status, reason', [
    ('refuses', 502, 'server-refused'), ('drops', 504, 'connect-timeout')])
def test_all_addresses_are_dead(kind, dead, status, reason, two, hole,
                                bowsprit, client):
    """Each is named with its error, in the log and for people on loopback."""
    port = free_port()
    if dead == 'drops':
        hole(two[1], port)
    bs = bowsprit(f'http://two.test:{port}', timeouts={'connect': '600ms'})
    c = client(bs)
    c.send(get('/x') if kind == 'request' else upgrade('/x'))
    r = c.read_response()
    second = 'Connection ' + ('refused' if dead == 'refuses' else 'timed out')
    errors = f'{two[0]}:{port} Connection refused, {two[1]}:{port} {second}'
    assert r.status == status and errors.encode() in r.body
    e = bs.wait_event('', reason=reason)
    assert errors in e['message'] and e['message'].startswith('connect E')


def unanswered(port):
    """How many connections to that port wait for an answer to their SYN."""
    with open('/proc/net/tcp', encoding='ascii') as f:
        rows = [line.split() for line in f][1:]
    return len([r for r in rows if r[3] == '02'
                and r[2].endswith(f':{port:04X}')])


def test_client_leaves_amid_the_attempts(two, hole, bowsprit, client):
    port = free_port()
    hole(two[0], port)
    hole(two[1], port)
    bs = bowsprit(f'http://two.test:{port}', timeouts={'connect': '20s'})
    before = unanswered(port)
    c = client(bs)
    c.send(upgrade())
    wait_until(lambda: unanswered(port) == before + 2, 'both attempts')
    c.close()
    wait_until(lambda: unanswered(port) == before, 'both to be given up')


# ---- localhost

def test_localhost_without_ipv6(network, bowsprit, backend, client):
    if os.path.exists('/proc/sys/net/ipv6'):
        set_kernel('ipv6/conf/all/disable_ipv6', 1)
    with pytest.raises(OSError), socket.socket(socket.AF_INET6) as s:
        s.bind(('::1', 0))
    b = backend(web())
    bs = bowsprit(argv=('-l', 'localhost:@PORT@', '--log-format', 'json',
                        '-b', f'http://localhost:{b.port}'),
                  config='pool_size = 0;')
    assert bs.events('no IPv6')[0]['level'] == 30
    assert ask(client, bs).status == 200
    b.stop_listening()
    r = ask(client, bs)
    assert r.status == 502 and b'server-refused: ' in r.body
    assert b'127.0.0.1:%d Connection refused' % b.port in r.body


def test_localhost_on_ipv6_only(bowsprit, client):
    """As Vite listens; /etc/hosts of many a container does not know it."""
    try:
        listener = socket.create_server(('::1', 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip('this machine has no IPv6')
    with listener:
        bs = bowsprit(f'http://localhost:{listener.getsockname()[1]}')
        c = client(bs)
        c.send(get())
        listener.settimeout(wire.PATIENCE)
        server = wire.Wire(listener.accept()[0])
        server.read_head()
        server.send(response(200, 'six'))
        assert c.read_response().body == b'six'
        server.close()


def test_application_on_ipv6_only(bowsprit, client):
    try:
        socket.create_server(('::1', 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip('this machine has no IPv6')
    port = free_port()
    bs = bowsprit(argv=('-l', '127.0.0.1:@PORT@', '-b',
                        f'http://localhost:{port}'),
                  command=(sys.executable, '-m', 'http.server', str(port),
                           '--bind', '::1'))
    assert ask(client, bs).status == 200


def test_connection_to_itself(network, bowsprit, client):
    """
    The kernel may give a connection to an unused port that very port: here it
    has no other.
    """
    set_kernel('ipv4/ip_local_port_range', '40000 40000')
    bs = bowsprit('http://127.0.0.1:40000', timeouts={'response': '2s'})
    r = ask(client, bs)
    assert r.status == 502 and b'server-refused' in r.body


@pytest.mark.parametrize('port, looks', [
    (39999, False), (40000, True), (41000, True), (41001, False)])
def test_connection_to_itself_is_looked_for_where_it_can_be(
        port, looks, network, traced, bowsprit, backend, client):
    """The kernel gives no other ports to who connects: a call is spared."""
    set_kernel('ipv4/ip_local_port_range', '40000 41000')
    backend(web(), port=port)
    bs = bowsprit(f'http://127.0.0.1:{port}')
    trace = traced(bs, 'trace=connect,getsockname')
    assert ask(client, bs).status == 200
    wait_until(lambda: trace.said('connect('), 'the connection')
    assert trace.said('getsockname(') == looks


# ---- names that change

def test_name_gets_another_address(names, bowsprit, backend, client):
    """New requests go there, also where a connection is kept; tunnels stay."""
    n = names(f'{FIRST} app.test\n')
    port = free_port()
    old = backend(answering(response(200, 'old')), host=FIRST, port=port)
    old_ws = backend(echoing, host=FIRST)
    new = backend(answering(response(200, 'new')), host=SECOND, port=port)
    bs = bowsprit(timeouts={'resolve': '100ms'}, workers=1, routes=(
        {'path': '/**', 'backend': f'http://app.test:{port}'},
        {'path': '/ws', 'backend': f'http://app.test:{old_ws.port}'}))
    t = client(bs)
    t.open_websocket()
    c = client(bs)
    c.send(get())
    assert c.read_response().body == b'old'
    n.set_hosts(f'{SECOND} app.test\n')
    e = bs.wait_event('the name app.test is now at')
    assert SECOND in e['msg'] and FIRST not in e['msg']

    def is_new():
        c.send(get())
        return c.read_response().body == b'new'
    wait_until(is_new, 'the new address')
    assert is_new() and len(old.wires) == 1
    assert len(new.wires) <= 2, 'only one that was made just then is not kept'
    t.expect_echo()
    old.stop()


@pytest.mark.parametrize('gone', ['refused', 'timeout'])
def test_name_whose_addresses_fail_is_asked_for_at_once(gone, names, hole,
                                                        bowsprit, backend,
                                                        client):
    """A container that moved, long before its name's time has come."""
    n = names(f'{FIRST} app.test\n')
    port = free_port()
    old = backend(answering(response(200, 'old')), host=FIRST, port=port)
    backend(answering(response(200, 'new')), host=SECOND, port=port)
    bs = bowsprit(timeouts={'resolve': '10m', 'connect': '500ms'}, routes=(
        {'path': '/**', 'backend': f'http://app.test:{port}'},))
    assert ask(client, bs).body == b'old'
    n.set_hosts(f'{SECOND} app.test\n')
    old.stop()
    if gone == 'timeout':
        hole(FIRST, port)
    assert ask(client, bs).status == (504 if gone == 'timeout' else 502)
    wait_until(lambda: ask(client, bs).body == b'new', 'the new address',
               4 * SLOW)
    assert len(bs.events('the name app.test is now at')) == 1


def test_connection_in_use_when_the_name_changes(names, bowsprit, backend,
                                                 client):
    """It ends its answer, and is not kept for the next."""
    n = names(f'{FIRST} app.test\n')
    port = free_port()
    old = backend(host=FIRST, port=port)
    backend(answering(response(200, 'new')), host=SECOND, port=port)
    bs = bowsprit(f'http://app.test:{port}', workers=1, timeouts={
        'resolve': '100ms', 'backend_keepalive': '60s'})
    c = client(bs)
    c.send(get())
    s = old.wait_for()
    s.read_head()
    n.set_hosts(f'{SECOND} app.test\n')
    bs.wait_event('the name app.test is now at')
    wait_until(lambda: ask(client, bs).body == b'new', 'the new address')
    s.send(response(200, 'old'))
    assert c.read_response().body == b'old'
    s.expect_end()
    c.send(get())
    assert c.read_response().body == b'new'


@pytest.mark.parametrize('allowed, status', [
    (f'{SECOND}', 200), ('vm.test', 200), ('10.0.0.0/8', 403)])
def test_name_of_an_allowed_target(allowed, status, names, bowsprit, backend,
                                   client):
    """Its addresses are asked for ahead, and are those that are allowed."""
    names(f'{FIRST} vm.test\n{SECOND} vm.test\n')
    port = free_port()
    servers = {host: backend(web(), host=host, port=port)
               for host in (FIRST, SECOND)}
    bs = bowsprit(routes=({'path': '/{p}', 'backend': 'http://vm.test:{p}',
                           'allowed_targets': (allowed,)},))
    for _ in range(3):
        assert ask(client, bs, f'/{port}').status == status
    assert allowed == 'vm.test' or not servers[FIRST].wires


def test_reload_asks_again(names, bowsprit, backend, client):
    n = names(f'{FIRST} app.test\n')
    port = free_port()
    backend(answering(response(200, 'old')), host=FIRST, port=port)
    backend(answering(response(200, 'new')), host=SECOND, port=port)
    bs = bowsprit(f'http://app.test:{port}', timeouts={'resolve': '0'})
    assert ask(client, bs).body == b'old'
    n.set_hosts(f'{SECOND} app.test\n')
    assert ask(client, bs).body == b'old'
    bs.signal(signal.SIGHUP)
    bs.wait_event('the name app.test is now at')
    wait_until(lambda: ask(client, bs).body == b'new', 'the new address')


def test_name_server_that_comes_and_goes(dnsmasq, names, bowsprit, backend,
                                         client):
    names(servers=['127.0.0.1'])
    port = free_port()
    backend(answering(response(200, 'one')), host=FIRST, port=port)
    backend(answering(response(200, 'two')), host=SECOND, port=port)
    bs = bowsprit(f'http://app.test:{port}', workers=1, timeouts={
        'resolve': '200ms', 'connect': '60s'})
    bs.wait_event('the name app.test does not resolve')
    r = ask(client, bs)
    assert r.status == 502 and b'server-unknown' in r.body
    assert b'spelled right' in r.body, 'no remedy'

    dns = dnsmasq(app=FIRST)
    bs.wait_event(f'the name app.test is now at {FIRST}', timeout=20 * SLOW)
    wait_until(lambda: ask(client, bs).body == b'one', 'the name')

    dns.stop()
    bs.wait_event('its last addresses stay in use', timeout=20 * SLOW)
    time.sleep(0.6)  # it is asked again, in vain, without another word
    assert ask(client, bs).body == b'one'
    assert len([e for e in bs.events() if e['level'] >= 40
                and 'resolve' in e['msg']]) == 2

    dns = dnsmasq(app=SECOND)
    bs.wait_event(f'the name app.test is now at {SECOND}', timeout=20 * SLOW)
    wait_until(lambda: ask(client, bs).body == b'two', 'the new address')
    dns.set(app=FIRST)
    wait_until(lambda: ask(client, bs).body == b'one', 'the old address',
               20 * SLOW)
    time.sleep(0.6)  # it is asked again, and nothing has changed
    assert len(bs.events('is now at')) == 3, 'said again without a change'


def test_request_waits_for_a_slow_name_server(dnsmasq, names, bowsprit,
                                              backend, client):
    names(servers=['127.0.0.1'])
    b = backend(web(), host=FIRST)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(('127.0.0.1', 53))
        bs = bowsprit(f'http://app.test:{b.port}',
                      timeouts={'connect': '20s'})
        c = client(bs, timeout=20 * SLOW)
        c.send(get())
        c.expect_quiet()
    dnsmasq(app=FIRST)
    assert c.read_response().status == 200


def test_name_server_that_is_silent(network, names, bowsprit, backend,
                                    client):
    """Nobody waits for it longer than for a connection, and no end either."""
    names(servers=['127.0.0.1'])
    b = backend(web())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(('127.0.0.1', 53))
        bs = bowsprit(timeouts={'connect': '400ms'}, routes=(
            {'path': '/dark', 'backend': 'http://app.test:80'},
            {'path': '/lit', 'backend': b.url}))
        assert silent.recv(512), 'the name was asked for'
        c = client(bs)
        c.send(get('/dark'))
        assert ask(client, bs, '/lit').status == 200
        r = c.read_response()
        assert r.status == 502 and b'server-unknown' in r.body
        start = time.monotonic()
        bs.signal()
        assert bs.wait_end() == 0
        assert time.monotonic() - start < 3 * SLOW, 'of 10 s of silence'


# An address that connects, but whose TLS fails


@pytest.fixture
def pki(tmp_path):
    return Authority(str(tmp_path / 'ca'))


def secure_backend(backend, script, cert, **options):
    return backend(script, kind=lambda s, **o: TlsBackend(s, cert, **o),
                   **options)


def no_tls(w, number):
    w.read(1)
    w.send(b'HTTP/1.1 400 Bad Request\r\n\r\n')


def resets(w, number):
    w.read(1)
    w.reset()
    return RecordingBackend.KEEP


@pytest.mark.parametrize('kind', ['request', 'upgrade'])
@pytest.mark.parametrize('first, reason', [
    ('wrong name', 'server-cert-name'), ('no tls', 'server-tls'),
    ('resets', 'server-reset')])
def test_first_address_fails_in_tls(first, reason, kind, two, pki, bowsprit,
                                    backend, client):
    """Nothing was sent there; it is said, and it is tried last for a while."""
    port = free_port()
    if first == 'wrong name':
        bad = secure_backend(backend, echoing, pki.issue('other.test'),
                             host=two[0], port=port)
    else:
        bad = backend({'no tls': no_tls, 'resets': resets}[first],
                      host=two[0], port=port)
    good = secure_backend(backend, echoing if kind == 'upgrade' else web(),
                          pki.issue('two.test'), host=two[1], port=port)
    url = f'https://two.test:{port}'
    bs = bowsprit(url, workers=1, pool_size=0, backends={'app': {
        'servers': (url,), 'ca': pki.file}})
    for _ in range(2):
        c = client(bs)
        c.send(get() if kind == 'request' else upgrade())
        assert Response(c.read_head()).status == (
            200 if kind == 'request' else 101)
    line = bs.wait_event('the next address is tried')
    assert (line['level'], line['address'], line['reason']) == (
        40, f'{two[0]}:{port}', reason)
    assert line['backend'] == url and line['message'] and line['hint']
    assert (len(bad.wires), len(good.wires)) == (1, 2)


def test_all_addresses_fail_in_tls(two, pki, bowsprit, backend, client):
    """Each is named; what is wrong with a certificate is the reason."""
    port = free_port()
    secure_backend(backend, web(), pki.issue('other.test'), host=two[1],
                   port=port)
    url = f'https://two.test:{port}'
    bs = bowsprit(url, workers=1, backends={'app': {
        'servers': (url,), 'ca': pki.file}})
    r = ask(client, bs)
    errors = (f'{two[0]}:{port} Connection refused, '
              f'{two[1]}:{port} hostname mismatch')
    assert r.status == 502 and errors.encode() in r.body, r.body
    e = bs.wait_event('', reason='server-cert-name')
    assert errors in e['message']


def test_all_addresses_speak_plain_http(two, bowsprit, backend, client):
    """What is to be done is said as for a single address."""
    port = free_port()
    for host in two:
        backend(no_tls, host=host, port=port)
    bs = bowsprit(f'https://two.test:{port}', workers=1)
    r = ask(client, bs)
    assert r.status == 502 and b'then write http://' in r.body, r.body
    assert bs.wait_status(502)['hint'].endswith('then write http://')


def test_first_address_is_silent_in_tls(two, pki, bowsprit, backend, client):
    """That takes all the time there is; the next request goes elsewhere."""
    port = free_port()
    backend(None, host=two[0], port=port)
    good = secure_backend(backend, web(), pki.issue('two.test'), host=two[1],
                          port=port)
    url = f'https://two.test:{port}'
    bs = bowsprit(url, workers=1, pool_size=0, backends={'app': {
        'servers': (url,), 'ca': pki.file}}, timeouts={'connect': '700ms'})
    assert ask(client, bs).status == 504
    for _ in range(2):
        assert ask(client, bs).status == 200
    assert len(good.wires) == 2


def test_limit_holds_for_all_handshakes(two, pki, bowsprit, backend, client):
    """The second address has what the first has left."""
    port = free_port()
    backend(no_tls, host=two[0], port=port)
    backend(None, host=two[1], port=port)
    bs = bowsprit(f'https://two.test:{port}', workers=1,
                  timeouts={'connect': '600ms'})
    r = ask(client, bs)
    assert r.status == 504 and b'connect-timeout' in r.body
    assert bs.wait_event('the next address is tried')['hint'].endswith(
        'then write http://')
    assert 500 < bs.wait_status(504)['ms'] < 1100 * SLOW


def test_client_leaves_amid_the_second_handshake(two, pki, bowsprit, backend,
                                                 client):
    port = free_port()
    backend(no_tls, host=two[0], port=port)
    silent = backend(None, host=two[1], port=port)
    bs = bowsprit(f'https://two.test:{port}', workers=1)
    c = client(bs)
    c.send(upgrade())
    w = silent.wait_for()
    c.close()
    w.expect_gone()


# An address that connects, and is gone before it has the request


class AfterHeader(TlsBackend):
    """It wants a PROXY header of version 2, for IPv4, before TLS."""

    def _serve(self, w, number):
        w.sock.recv(28, socket.MSG_WAITALL)
        super()._serve(w, number)


AT_ONCE = '[HTTP] A server was lost before it had the request'
IN_TLS = '[TLS] Handshake with a server failed'


@pytest.mark.parametrize('kind', ['request', 'upgrade'])
@pytest.mark.parametrize('proxy, tls, how, words', [
    ('none', False, 'delay_enter=1s', AT_ONCE),
    ('v1', False, 'delay_enter=1s', AT_ONCE),
    ('v2', True, 'delay_enter=1s', IN_TLS),
    ('none', True, 'delay_enter=1s', IN_TLS),
    ('none', True, 'error=EAGAIN:delay_enter=1s', IN_TLS)])
def test_first_address_resets_at_once(proxy, tls, how, words, kind, two, pki,
                                      tampered, bowsprit, backend, client):
    """While it is sent the first that it gets: the second gets it all."""
    port = free_port()
    watch = []

    def resets(w, number):
        wait_until(lambda: watch and watch[0].is_held_up(), 'what is sent')
        w.reset()
        return RecordingBackend.KEEP

    def serves(w, number):
        if proxy == 'v1':
            w.read_until(b'\r\n')
        (echoing if kind == 'upgrade' else web())(w, number)
    backend(resets, host=two[0], port=port)
    if tls:
        speaks = AfterHeader if proxy == 'v2' else TlsBackend
        backend(serves, kind=lambda s, **o: speaks(
            s, pki.issue('two.test'), **o), host=two[1], port=port)
    else:
        backend(serves, host=two[1], port=port)
    url = f'{"https" if tls else "http"}://two.test:{port}'
    bs = bowsprit(url, workers=1, backends={'app': {
        'servers': (url,), 'send_proxy': proxy,
        **({'ca': pki.file} if tls else {})}})
    watch.append(tampered(bs, how))
    c = client(bs)
    c.send(get() if kind == 'request' else upgrade())
    assert Response(c.read_head()).status == (
        200 if kind == 'request' else 101)
    line = bs.wait_event('the next address is tried')
    assert line['msg'].startswith(words)
    assert (line['level'], line['address']) == (40, f'{two[0]}:{port}')
    assert line['reason'] in ('server-reset', 'server-closed')

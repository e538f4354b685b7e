# SPDX-License-Identifier: ISC
"""
The PROXY protocol, before us and behind us: whose connection it is, who may
say so, and what stands in no connection's first bytes but the header.
"""

import os
import signal
import socket
import struct
import subprocess
import tempfile
import time

import pytest

import wire
from backends import RecordingBackend, tunnel, web, web_and_echo
from daemon import free_port
from programs import haproxy, nginx
from test_takeover import line  # noqa: F401 (a fixture)
from tls import Authority, Secured, context
from wire import get, response, switching, upgrade, wait_until

SIGNATURE = b'\r\n\r\n\0\r\nQUIT\n'


def v2(source, target, *ports, command=0x21, tlvs=b''):
    """Addresses as text, of one family."""
    family = socket.AF_INET6 if ':' in source else socket.AF_INET
    block = (socket.inet_pton(family, source) +
             socket.inet_pton(family, target) + struct.pack('>HH', *ports) +
             tlvs)
    code = 0x21 if family == socket.AF_INET6 else 0x11
    return SIGNATURE + struct.pack('>BBH', command, code, len(block)) + block


V1 = b'PROXY TCP4 192.0.2.1 192.0.2.2 54321 80\r\n'
V2 = v2('192.0.2.1', '192.0.2.2', 54321, 80)
V2_TLV = v2('192.0.2.1', '192.0.2.2', 54321, 80,
            tlvs=b'\x20\0\5\1\0\0\0\0\4' + struct.pack('>H', 900) + b'x' * 900)
UNIX = (SIGNATURE + struct.pack('>BBH', 0x21, 0x31, 216) +
        (b'/run/x' + bytes(102)) * 2)
HEADERS = {'v1': V1, 'v2': V2, 'tlv': V2_TLV}


@pytest.fixture
def behind(bowsprit):
    """bowsprit, behind somebody who sends the header."""
    def start(b, **settings):
        port = free_port()
        bs = bowsprit(b, listeners=({'address': f'127.0.0.1:{port}',
                                     'proxy_protocol': True},), **settings)
        bs.port = port
        return bs
    return start


def ask(client, bs, header, *fields):
    c = client(bs)
    c.send(header + get('/', 'h', *fields))
    return c.read_response()


# Before us

@pytest.mark.parametrize('header,forwarded', [
    (V1, '192.0.2.1'), (V2, '192.0.2.1'), (V2_TLV, '192.0.2.1'),
    (b'PROXY TCP6 2001:db8::1 ::1 1 2\r\n', '2001:db8::1'),
    (v2('2001:db8::1', '::1', 1, 2), '2001:db8::1'),
    (v2('::ffff:192.0.2.1', '::1', 1, 2), '192.0.2.1'),
    (b'PROXY UNKNOWN\r\n', '127.0.0.1'),
    (b'PROXY UNKNOWN whatever 1 2\r\n', '127.0.0.1'),
    (SIGNATURE + b'\x20\0\0\0', '127.0.0.1'),
    (v2('192.0.2.1', '192.0.2.2', 1, 2, command=0x20), '127.0.0.1'),
    (UNIX, '127.0.0.1')])
def test_client_is_whom_it_names(header, forwarded, behind, backend, client):
    heads = []
    bs = behind(backend(web(heads)))
    assert ask(client, bs, header).status == 200
    assert heads[0].get('X-Forwarded-For') == forwarded
    assert bs.wait_status(200)['client'] == forwarded


@pytest.mark.parametrize('trusted,header,forwarded', [
    # The client that it names is one of our proxies, too
    (('127.0.0.0/8', '192.0.2.0/24'), V1, '198.51.100.7, 192.0.2.1'),
    # or is not, and then it must not speak for others
    (('127.0.0.0/8',), V1, '192.0.2.1'),
    (('127.0.0.0/8',), b'PROXY UNKNOWN\r\n', '198.51.100.7, 127.0.0.1')])
def test_trust_is_in_the_client(trusted, header, forwarded, behind, backend,
                                client):
    heads = []
    bs = behind(backend(web(heads)), trusted_proxies=trusted)
    ask(client, bs, header, 'X-Forwarded-For: 198.51.100.7')
    assert heads[0].get('X-Forwarded-For') == forwarded


def test_a_second_request_and_a_tunnel(behind, backend, client):
    """It stands once, at the beginning of the connection."""
    heads = []
    bs = behind(backend(web_and_echo(requests=heads)))
    c = client(bs)
    c.send(V2 + get('/1') + get('/2'))
    assert c.read_response().status == c.read_response().status == 200
    c.open_websocket()
    assert [h.get('X-Forwarded-For') for h in heads] == ['192.0.2.1'] * 3
    assert bs.wait_event('Handling')['client'] == '192.0.2.1'


def test_limit_of_an_address(behind, backend, client):
    bs = behind(backend(tunnel), websocket={'max_tunnels_per_address': 1})
    for header, status in ((V1, 101), (V2, 429),
                           (V1.replace(b'.1 ', b'.3 '), 101)):
        c = client(bs)
        c.send(header + upgrade())
        assert c.read_response().status == status


@pytest.mark.parametrize('form', HEADERS)
def test_split_anywhere(form, behind, backend, client):
    """Byte by byte, and in two at each place; what follows comes glued."""
    header = HEADERS[form]
    heads = []
    bs = behind(backend(web(heads)))
    places = range(1, len(header)) if len(header) < 100 else (
        1, 12, 15, 16, 17, 27, 28, len(header) - 1)
    for at in places:
        c = client(bs)
        c.send(header[:at])
        wait_until(lambda: taken(c, bs), 'it takes the first part')
        c.send(header[at:] + get())
        assert c.read_response().status == 200
        c.close()
    c = client(bs)
    for byte in header + get():
        c.send(bytes([byte]))
    assert c.read_response().status == 200
    assert {h.get('X-Forwarded-For') for h in heads} == {'192.0.2.1'}


def taken(c, bs):
    """All that was sent on that connection was read."""
    port = c.sock.getsockname()[1]
    with open('/proc/net/tcp', encoding='ascii') as f:
        for line in f:
            fields = line.split()
            if fields[1].endswith(f':{bs.port:04X}') and (
                    fields[2].endswith(f':{port:04X}')):
                return fields[4].endswith(':00000000')
    return False


@pytest.mark.parametrize('half', [V1[:-1], V1[:5], V2[:15], V2[:-1]])
def test_half_a_header_does_not_spin(half, behind, backend, client):
    """What was only looked at would wake the loop again and again."""
    bs = behind(backend(web()), timeouts={'header': '1s'})
    c = client(bs)
    cpu = bs.cpu()
    c.send(half)
    r = c.read_response()
    assert r.status == 408 and b'no whole PROXY header' in r.body
    assert bs.cpu() - cpu < 0.4 * wire.SLOW
    assert bs.wait_status(408)['reason'] == 'header-timeout'


def test_nothing_at_all(behind, backend, client):
    """Not even the first byte of it; a health check that leaves is no news."""
    bs = behind(backend(web()), timeouts={'header': '300ms'})
    client(bs).close()
    half = client(bs)
    half.send(V1[:10])
    half.close()
    c = client(bs)
    assert c.read_response().status == 408
    bs.wait_status(408)
    assert len(bs.events('[HTTP]')) == 1


@pytest.mark.parametrize('sent,why', [
    (get(), 'no PROXY header'), (b'\x16\3\1\2\0\1', 'no PROXY header'),
    (b'PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n' + get(), 'of version 1'),
    (b'PROXY UNKNOWN ' + b'x' * 100, 'of version 1'),
    (SIGNATURE + b'\x21\x11\xff\xff', 'longer than 4096'),
    (SIGNATURE + b'\x22\x11\0\x0c', 'version or command'),
    (SIGNATURE + b'\x21\x11\0\x08' + bytes(8), 'too short')])
def test_no_header(sent, why, behind, backend, client):
    b = backend(web())
    bs = behind(b)
    c = client(bs)
    c.send(sent)
    r = c.read_response()
    assert r.status == 400 and b'bad-proxy-header: ' in r.body
    assert why in r.body.decode() and 'send-proxy' in r.body.decode()
    c.expect_end()
    line = bs.wait_status(400)
    assert line['reason'] == 'bad-proxy-header' and why in line['message']
    assert not b.wires


def test_only_of_trusted_proxies(behind, backend, client):
    """Else anybody could pass for any address."""
    b = backend(web())
    bs = behind(b, trusted_proxies=('10.0.0.0/8',), error_detail='all')
    for header in HEADERS.values():
        r = ask(client, bs, header)
        assert r.status == 403 and b'proxy-untrusted: ' in r.body
    line = bs.wait_status(403)
    assert line['client'] == '127.0.0.1'
    assert 'if 127.0.0.1 is a proxy of yours, add it' in line['message']
    assert not b.wires


def test_a_header_where_none_is_expected(bowsprit, backend, client):
    b = backend(web())
    bs = bowsprit(b)
    assert ask(client, bs, V1).status == 400
    c = client(bs)
    c.send(V2 + get())
    assert c.read_response().status == 400
    assert not b.wires


@pytest.mark.parametrize('form', HEADERS)
def test_before_tls(form, bowsprit, backend, tmp_path):
    """It is plain, whatever follows; cut anywhere, and glued to that."""
    heads = []
    authority = Authority(str(tmp_path / 'ca'))
    cert, key = authority.issue('localhost')
    port = free_port()
    bowsprit(backend(web(heads)), listeners=(
        {'address': f'127.0.0.1:{port}', 'proxy_protocol': True,
         'certificate': cert, 'key': key},))
    header = HEADERS[form]
    for at in (0, 1, 10, len(header) - 1, len(header)):
        with socket.create_connection(('127.0.0.1', port),
                                      wire.PATIENCE) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s = Secured(sock, context(authority), name='localhost')
            sock.sendall(header[:at])
            time.sleep(0.01)  # perhaps two segments, perhaps one
            s.outgoing.write(header[at:])
            s.shake()
            c = wire.Wire(s)
            c.send(get())
            assert c.read_response().status == 200
    assert {(h.get('X-Forwarded-For'), h.get('X-Forwarded-Proto'))
            for h in heads} == {('192.0.2.1', 'https')}


def test_on_a_unix_socket(bowsprit, backend):
    heads = []
    with tempfile.TemporaryDirectory(prefix='bs') as folder:
        path = os.path.join(folder, 'x.sock')
        bs = bowsprit(backend(web(heads)), listeners=(
            {'address': f'unix:{path}', 'proxy_protocol': True},))
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
            c = wire.Wire(s)
            c.send(V1 + get())
            assert c.read_response().status == 200
        bs.signal()
        bs.wait_end()
    assert heads[0].get('X-Forwarded-For') == '192.0.2.1'


def test_handed_to_another_worker(behind, backend, client):
    """The other one waits for the header as well."""
    bs = behind(backend(web()), workers=4)
    crowd = [client(bs) for _ in range(40)]
    for c in crowd:
        c.send(V1 + get())
    assert {c.read_response().status for c in crowd} == {200}
    assert {e['client'] for e in bs.events('[HTTP]')} == {'192.0.2.1'}


def test_after_a_takeover(line, backend, client):  # noqa: F811
    """The new process knows which of the sockets want the header."""
    heads = []
    port = free_port()
    bs = line(backend(web(heads)), listeners=(
        {'address': f'127.0.0.1:{port}', 'proxy_protocol': True},))
    bs.pass_on()
    c = client(port)
    c.send(V1 + get())
    assert c.read_response().status == 200
    assert heads[0].get('X-Forwarded-For') == '192.0.2.1'


@pytest.mark.parametrize('sent', [b'', V1[:7], V1, V1 + get()])
def test_drain(sent, behind, backend, client):
    """A request behind its header is still answered, no other is waited for."""
    bs = behind(backend(web()), workers=1)
    c = client(bs)
    os.kill(bs.pid, signal.SIGSTOP)
    c.send(sent)
    bs.signal()
    os.kill(bs.pid, signal.SIGCONT)
    if sent.endswith(b'\r\n\r\n'):
        assert c.read_response().status == 200
    else:
        c.expect_end()
    assert bs.wait_end() == 0


# Behind us

def reading(heads):
    """A server that wants the header: (header, request) of each."""
    def script(w, number):
        start = w.read(6)
        if start == b'PROXY ':
            header = start + w.read_until(b'\r\n')
        else:
            start += w.read(10)
            header = start + w.read(struct.unpack('>H', start[14:])[0])
        while True:
            heads.append((header, w.read_request()))
            if heads[-1][1].get('Upgrade'):
                w.send(switching())
                return RecordingBackend.KEEP
            w.send(response(200))
    return script


@pytest.mark.parametrize('version', ['v1', 'v2'])
def test_sent_to_a_backend(version, bowsprit, backend, client):
    heads = []
    b = backend(reading(heads))
    bs = bowsprit(b, backends={'app': {'servers': (b.url,),
                                       'send_proxy': version}},
                  timeouts={'backend_keepalive': '1m'})
    c = client(bs)
    port = c.sock.getsockname()[1]
    expected = v2('127.0.0.1', '127.0.0.1', port, bs.port)
    if version == 'v1':
        expected = (f'PROXY TCP4 127.0.0.1 127.0.0.1 {port} {bs.port}'
                    '\r\n').encode()
    for _ in range(2):
        c.send(get())
        assert c.read_response().status == 200
    c.open_websocket()
    assert [h for h, _ in heads] == [expected] * 3
    assert len(b.wires) == 3, 'none is used for another client'
    wait_until(lambda: b.wires[1].sock.fileno() < 0, 'none is kept')


def test_of_the_client_behind_a_proxy(bowsprit, backend, client):
    heads = []
    b = backend(reading(heads))
    bs = bowsprit(b, backends={'app': {'servers': (b.url,),
                                       'send_proxy': 'v1'}})
    for said, header in (
            ('192.0.2.1', f'TCP4 192.0.2.1 127.0.0.1 0 {bs.port}'),
            ('2001:db8::1', f'TCP6 2001:db8::1 ::ffff:127.0.0.1 0 {bs.port}')):
        c = client(bs)
        c.send(get('/', 'h', f'X-Forwarded-For: {said}'))
        assert c.read_response().status == 200
        assert heads[-1][0] == f'PROXY {header}\r\n'.encode()


@pytest.mark.parametrize('form', HEADERS)
def test_from_one_to_the_other(form, behind, backend, client):
    """Whom we are told of, with his port, we tell of."""
    heads = []
    b = backend(reading(heads))
    bs = behind(b, backends={'app': {'servers': (b.url,),
                                     'send_proxy': 'v2'}})
    assert ask(client, bs, HEADERS[form]).status == 200
    assert heads[0][0] == v2('192.0.2.1', '127.0.0.1', 54321, bs.port)


def test_of_a_route_and_no_other(bowsprit, backend, client):
    """The route's own word counts, and connections without it are kept."""
    heads = []
    with_it, without = backend(reading(heads)), backend(web())
    bs = bowsprit(argv=('-l', '127.0.0.1:@PORT@', '-r', f'/**={without.url}',
                        '-r', f'/p/**={with_it.url} send_proxy=v2',
                        '-w', f'/ws={with_it.url} send_proxy=v1'))
    c = client(bs)
    for path in ('/p/1', '/', '/'):
        c.send(get(path))
        assert c.read_response().status == 200
    c.open_websocket()
    assert len(without.wires) == 1
    assert [h[:6] for h, _ in heads] == [SIGNATURE[:6], b'PROXY ']


def test_a_client_without_an_address(bowsprit, backend):
    heads = []
    with tempfile.TemporaryDirectory(prefix='bs') as folder:
        path = os.path.join(folder, 'x.sock')
        b = backend(reading(heads), path=os.path.join(folder, 'b.sock'))
        bs = bowsprit(b, listeners=({'address': f'unix:{path}'},),
                      backends={'app': {'servers': (b.url,),
                                        'send_proxy': 'v2'}})
        for fields in ((), ('X-Forwarded-For: 192.0.2.1',)):
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(path)
                c = wire.Wire(s)
                c.send(get('/', 'h', *fields))
                assert c.read_response().status == 200
        bs.signal()
        bs.wait_end()
    assert heads[0][0] == SIGNATURE + b'\x21\0\0\0'
    assert heads[1][0] == v2('192.0.2.1', '0.0.0.0', 0, 0)


# Real ones

@pytest.mark.parametrize('how', [
    'send-proxy', 'send-proxy-v2', 'send-proxy-v2 check inter 100ms',
    'send-proxy-v2 proxy-v2-options unique-id,crc32c'])
def test_behind_haproxy(how, behind, backend, program, client):
    """It names the client, as which its own address on another net serves."""
    heads = []
    bs = behind(backend(web_and_echo(requests=heads)),
                trusted_proxies=('127.0.0.1',))
    port = free_port()
    haproxy(program, port, bs.port, server=how)
    for headers in (get(), upgrade()):
        sock = socket.create_connection(('127.0.0.1', port), wire.PATIENCE,
                                        ('127.0.0.9', 0))
        c = wire.Wire(sock)
        c.send(headers)
        assert c.read_response().status in (200, 101)
        assert heads[-1].get('X-Forwarded-For') == '127.0.0.9'
    c.expect_echo()
    c.close()
    bs.wait_line('Handling')
    assert {e['client'] for e in bs.events('Handling')} == {'127.0.0.9'}
    assert not bs.complaints()


@pytest.mark.parametrize('version', ['v1', 'v2'])
def test_in_front_of_haproxy(version, bowsprit, backend, program, client):
    """It takes ours, and says it again to a server that we can ask."""
    heads = []
    b = backend(reading(heads))
    port = free_port()
    haproxy(program, port, b.port, 'accept-proxy', 'send-proxy')
    bs = bowsprit(argv=('-l', '127.0.0.1:@PORT@', '-r',
                        f'/**=http://127.0.0.1:{port} send_proxy={version}'))
    c = client(bs)
    own = c.sock.getsockname()[1]
    c.send(get())
    assert c.read_response().status == 200
    c.open_websocket()
    assert {h for h, _ in heads} == {
        f'PROXY TCP4 127.0.0.1 127.0.0.1 {own} {bs.port}\r\n'.encode()}


@pytest.mark.parametrize('version', ['v1', 'v2'])
def test_in_front_of_nginx(version, bowsprit, program, client):
    port = free_port()
    nginx(program, port, f'listen 127.0.0.1:{port} proxy_protocol; '
          'location / { return 200 "$proxy_protocol_addr '
          '$proxy_protocol_port $http_host"; }')
    bs = bowsprit(argv=('-l', '127.0.0.1:@PORT@', '-r',
                        f'/**=http://127.0.0.1:{port} send_proxy={version}'))
    for _ in range(2):
        c = client(bs)
        c.send(get('/', 'example.com'))
        assert c.read_response().body == (
            f'127.0.0.1 {c.sock.getsockname()[1]} example.com'.encode())


@pytest.mark.parametrize('host', ['127.0.0.1', '[::1]'])
def test_curl(host, bowsprit, backend):
    heads = []
    port = free_port()
    bowsprit(backend(web(heads)), listeners=(
        {'address': f'{host}:{port}', 'proxy_protocol': True},),
        trusted_proxies=('127.0.0.0/8', '::1'))
    p = subprocess.run(['curl', '-sS', '--haproxy-protocol',
                        f'http://{host}:{port}/1', f'http://{host}:{port}/2'],
                       capture_output=True, text=True, check=True,
                       timeout=60 * wire.SLOW)
    assert p.stdout == 'GET /1 #1GET /2 #1'
    assert {h.get('X-Forwarded-For') for h in heads} == {host.strip('[]')}

# SPDX-License-Identifier: ISC
"""
Backends with TLS: who they must prove to be, what is said when they do not, and
that everything else is as over TCP.
"""

import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import threading

import pytest

import programs
import wire
from backends import (RecordingBackend, answering, echoing, tunnel,
                      web)
from daemon import free_port
from programs import uvicorn
from test_endings import RELAY_SCRATCH, expect_whole, unsent
from test_real_servers import talk_to_echo_app
from tls import Authority, Secured, connect as connect_tls, context, openssl
from wire import Wire, from_client, get, request, response, upgrade, wait_until


@pytest.fixture(scope='module')
def authority(tmp_path_factory):
    return Authority(str(tmp_path_factory.mktemp('ca')))


@pytest.fixture(scope='module')
def issued(authority):
    return authority.issue('localhost', '127.0.0.1', '::1', file='server')


def server_context(cert, ca=None, versions=None, alpn=('http/1.1',)):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx.load_cert_chain(*cert)
    if ca:
        ctx.load_verify_locations(ca.file)
        ctx.verify_mode = ssl.CERT_REQUIRED
    if versions:
        ctx.minimum_version, ctx.maximum_version = versions
    if alpn:
        ctx.set_alpn_protocols(list(alpn))
    return ctx


class TlsBackend(RecordingBackend):
    """One that speaks TLS; .failed has what its handshakes ended with."""

    def __init__(self, script, cert, host='127.0.0.1', port=0, **options):
        self.ctx = server_context(cert, **options)
        self.ctx.sni_callback = self._on_name
        self.names = []
        self.failed = []
        super().__init__(script, host=host, port=port)
        self.url = self.url.replace('http:', 'https:')

    def _on_name(self, sock, name, ctx):
        self.names.append(name)

    def _serve(self, w, number):
        s = Secured(w.sock, self.ctx, server_side=True)
        try:
            s.shake()
        except (OSError, ssl.SSLError) as e:
            self.failed.append(e)
            w.close()
            return
        w.sock = s
        super()._serve(w, number)

    def stop(self):
        self.stop_listening()
        for w in self.wires:
            raw = getattr(w.sock, 'raw', w.sock)
            try:
                raw.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            w.close()


@pytest.fixture
def secured(backend, issued):
    """A factory of backends with TLS, by default with a good certificate."""
    def make(script, cert=None, **options):
        return backend(script, kind=lambda s, **o: TlsBackend(
            s, cert or issued, **o), **options)
    return make


def to(b, authority, **more):
    """A configuration with that backend, of which the CA is known."""
    return {'backends': {'app': {'servers': (b.url,), 'ca': authority.file,
                                 **more}}}


def ask(client, bs, *args):
    c = client(bs)
    c.send(get(*args))
    return c.read_response()


# What goes there

def test_requests_are_kept(secured, bowsprit, authority, client):
    heads = []
    b = secured(web(heads))
    bs = bowsprit(b, workers=1, **to(b, authority, change_origin=True))
    for i in range(3):
        r = ask(client, bs, f'/{i}', 'example.com')
        assert (r.status, r.body) == (200, f'GET /{i} #1'.encode())
    assert len(b.wires) == 1
    assert heads[0].get('Host') == f'127.0.0.1:{b.port}'
    assert heads[0].get('X-Forwarded-Proto') == 'http'
    assert b.names == [None], 'an address is no name to ask for'


@pytest.mark.parametrize('scheme', ['https', 'wss'])
def test_names_and_options(scheme, secured, bowsprit, authority, client):
    b = secured(echoing)
    bs = bowsprit(argv=(
        '-l', '127.0.0.1:@PORT@', '--log-format', 'json', '-w',
        f'/ws={scheme}://localhost:{b.port} ca={authority.file}'))
    c = client(bs)
    c.open_websocket()
    c.expect_echo()
    assert b.names == ['localhost']
    opened = bs.wait_event('Connection opened')
    assert opened['backend'] == f'https://localhost:{b.port}'


def test_the_systems_cas(secured, bowsprit, authority, client):
    """By default, wherever the system has them."""
    b = secured(web())
    bs = bowsprit(b, env={'SSL_CERT_FILE': authority.file})
    assert ask(client, bs).status == 200


def test_ca_is_instead_of_the_systems(secured, bowsprit, authority, client,
                                      tmp_path):
    b = secured(web())
    other = Authority(str(tmp_path / 'other'), 'Other CA')
    bs = bowsprit(b, env={'SSL_CERT_FILE': authority.file}, **to(b, other))
    assert ask(client, bs).status == 502


def test_ca_may_be_the_certificate_itself(secured, bowsprit, issued, client):
    b = secured(web())
    bs = bowsprit(b, backends={'app': {'servers': (b.url,),
                                       'ca': issued[0]}})
    assert ask(client, bs).status == 200


def test_ipv6_and_a_final_dot(secured, bowsprit, authority, client):
    six, named = secured(web(), host='::1'), secured(web())
    bs = bowsprit(argv=(
        '-l', '127.0.0.1:@PORT@', '-r', f'/6={six.url} ca={authority.file}',
        '-r', f'/n=https://localhost.:{named.port} ca={authority.file}'))
    assert ask(client, bs, '/6').status == 200
    r = ask(client, bs, '/n')
    assert r.status == 200 or b'ENOTFOUND' in r.body, r.body


@pytest.mark.parametrize('versions', [
    (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2),
    (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3)])
def test_versions_and_alpn(versions, secured, bowsprit, authority, client):
    b = secured(web(), versions=versions, alpn=('h2', 'http/1.1'))
    bs = bowsprit(b, **to(b, authority))
    assert ask(client, bs).status == 200
    assert b.wires[0].sock.tls.selected_alpn_protocol() == 'http/1.1'


@pytest.mark.parametrize('versions', [
    (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2),
    (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3)])
def test_sessions_are_taken_up(versions, secured, bowsprit, authority,
                               client):
    """By all workers; each upgrade has a connection of its own."""
    b = secured(echoing, versions=versions)
    bs = bowsprit(b, workers=2, **to(b, authority))
    for i in range(6):
        c = client(bs)
        c.open_websocket()
        c.expect_echo()
        c.close()
        bs.closed(n=i + 1)
    reused = [w.sock.tls.session_reused for w in b.wires]
    assert not reused[0] and all(reused[1:]), reused


def test_own_certificate(secured, bowsprit, authority, client, tmp_path):
    b = secured(web(), ca=authority)
    cert, key = authority.issue('bowsprit', file='us')
    both = tmp_path / 'both.pem'
    with open(cert, encoding='ascii') as f, open(key, encoding='ascii') as g:
        both.write_text(f.read() + g.read())
    bs = bowsprit(argv=(
        '-l', '127.0.0.1:@PORT@',
        '-r', f'/2={b.url} ca={authority.file} certificate={cert} key={key}',
        '-r', f'/1={b.url} ca={authority.file} certificate={both}',
        '-r', f'/0={b.url} ca={authority.file}'))
    assert ask(client, bs, '/2').status == 200
    assert ask(client, bs, '/1').status == 200
    assert dict(sum(b.wires[0].sock.tls.getpeercert()['subject'], ())) == {
        'commonName': 'bowsprit'}
    r = ask(client, bs, '/0')
    assert r.status == 502 and b'server-tls: ' in r.body
    assert b'it wants a certificate of ours' in r.body, r.body


def test_proxy_header_comes_first(bowsprit, backend, issued, authority,
                                  client):
    """Before TLS, as HAProxy and nginx expect it."""
    got = []

    def script(w, number):
        got.append(w.read_until(b'\r\n'))
        s = Secured(w.sock, server_context(issued), server_side=True)
        s.incoming.write(w.take(len(w.buf)))  # of the handshake, by chance
        s.shake()
        return web()(Wire(s), number)
    b = backend(script)
    url = b.url.replace('http:', 'https:')
    bs = bowsprit(url, **{'backends': {'app': {
        'servers': (url,), 'ca': authority.file, 'send_proxy': 'v1'}}})
    c = client(bs)
    c.send(get())
    assert c.read_response().status == 200
    assert got[0].startswith(b'PROXY TCP4 127.0.0.1 127.0.0.1 ')


def test_captures_choose_a_host(secured, bowsprit, authority, client):
    """The name that they choose is the one that it must prove to have."""
    b = secured(web())
    bs = bowsprit(argv=(
        '-l', '127.0.0.1:@PORT@', '-r', f'/vm/{{h}}/x=https://{{h}}:{b.port} '
        f'ca={authority.file} allowed_targets=127.0.0.0/8,localhost'))
    assert ask(client, bs, '/vm/localhost/x').status == 200
    assert ask(client, bs, '/vm/127.0.0.1/x').status == 200
    assert b.names == ['localhost', None]
    r = ask(client, bs, '/vm/127.0.0.2/x')
    assert r.status == 502


# Who it is not

def failed(client, bs, reason, status=502):
    """A request's answer; the line of an upgrade that failed the same way."""
    r = ask(client, bs)
    assert r.status == status and f'\n{reason}: '.encode() in r.body, r.body
    c = client(bs)
    c.send(upgrade())
    assert c.read_response().status == status
    return bs.wait_event('[WebSocket Proxy Error]', reason=reason)


def test_expired(secured, bowsprit, authority, client):
    b = secured(web(), authority.issue('127.0.0.1', days=-1, file='old'))
    line = failed(client, bowsprit(b, **to(b, authority)),
                  'server-cert-expired')
    assert line['message'] == 'certificate has expired'
    assert line['code'] == 'CERT_HAS_EXPIRED'
    assert "is this machine's clock wrong" in line['hint']
    assert not any(w.received for w in b.wires), 'not a byte of a request'


@pytest.mark.parametrize('names,url,message', [
    (('example.com',), 'https://localhost:{}', 'hostname mismatch'),
    (('localhost',), 'https://127.0.0.1:{}', 'IP address mismatch'),
    (('127.0.0.2', 'localhost'), 'https://127.0.0.1:{}',
     'IP address mismatch')])
def test_wrong_name(names, url, message, secured, bowsprit, authority,
                    client):
    b = secured(web(), authority.issue(*names, file='wrong'))
    b.url = url.format(b.port)
    line = failed(client, bowsprit(b, **to(b, authority)), 'server-cert-name')
    assert message in line['message']
    assert line['code'] == 'ERR_TLS_CERT_ALTNAME_INVALID'


def test_self_signed(secured, bowsprit, authority, client, tmp_path):
    cert, key = str(tmp_path / 's.pem'), str(tmp_path / 's.key')
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt',
            'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert,
            '-days', 2, '-subj', '/CN=us', '-addext',
            'subjectAltName=IP:127.0.0.1')
    b = secured(web(), (cert, key))
    line = failed(client, bowsprit(b, **to(b, authority)),
                  'server-cert-self-signed')
    assert line['code'] == 'DEPTH_ZERO_SELF_SIGNED_CERT'
    assert 'write ca = ' in line['hint']
    bs = bowsprit(b, backends={'app': {'servers': (b.url,), 'ca': cert}})
    assert ask(client, bs).status == 200, 'as the hint says'


def test_unknown_ca(secured, bowsprit, client):
    b = secured(web())
    line = failed(client, bowsprit(b), 'server-cert-issuer')
    assert line['message'] == 'unable to get local issuer certificate'
    assert line['code'] == 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'
    assert 'write ca = ' in line['hint']


def test_not_verified(secured, bowsprit, authority, client):
    """It is possible, and said."""
    b = secured(web(), authority.issue('example.com', days=-1, file='worst'))
    bs = bowsprit(b, backends={'app': {'servers': (b.url,),
                                       'tls_verify': False}})
    assert ask(client, bs).status == 200
    warning = bs.wait_event('tls_verify = false')
    assert warning['level'] == 40 and b.url in warning['msg']


def test_wrong_name_after_a_right_one(secured, bowsprit, authority, client,
                                      tmp_path):
    """Of another route: what one trusts is no other's business."""
    b = secured(web())
    bs = bowsprit(argv=(
        '-l', '127.0.0.1:@PORT@', '-r', f'/a={b.url} ca={authority.file}',
        '-r', f'/b={b.url}', '-r', f'/c={b.url} tls_verify=false'))
    assert ask(client, bs, '/c').status == 200
    assert ask(client, bs, '/a').status == 200
    assert ask(client, bs, '/b').status == 502
    assert ask(client, bs, '/a').status == 200


# What is no TLS

def test_plain_http_there(program, bowsprit, client):
    """It answers the handshake with a 400, as node does."""
    port = free_port()
    program(['node', '-e', 'require("http").createServer((q, a) => a.end())'
             f'.listen({port}, "127.0.0.1")'], port)
    line = failed(client, bowsprit(f'https://127.0.0.1:{port}'), 'server-tls')
    assert line['message'] == 'wrong version number'
    assert 'then write http://' in line['hint']


def test_it_closes(bowsprit, backend, client):
    def script(w, number):
        w.read(1)
    b = backend(script)
    line = failed(client, bowsprit(b.url.replace('http', 'https')),
                  'server-tls')
    assert 'within the TLS handshake: does it speak TLS' in line['hint']


def test_it_resets(bowsprit, backend, client):
    def script(w, number):
        w.read(1)
        w.reset()
        return RecordingBackend.KEEP
    failed(client, bowsprit(backend(script).url.replace('http', 'https')),
           'server-reset')


def test_it_says_nothing(bowsprit, backend, client):
    """The limit for connecting holds for TLS as well."""
    bs = bowsprit(backend(None).url.replace('http', 'https'),
                  timeouts={'connect': '300ms'})
    line = failed(client, bs, 'connect-timeout', 504)
    assert 'the TLS handshake was not whole' in line['hint']


@pytest.mark.parametrize('limit,reason', [
    ({'connect': '0', 'handshake': '300ms'}, 'handshake-timeout')])
def test_limit_of_an_upgrade(limit, reason, bowsprit, backend, client):
    bs = bowsprit(backend(None).url.replace('http', 'https'), timeouts=limit)
    c = client(bs)
    c.send(upgrade())
    assert c.read_response().status == 504
    assert bs.wait_event('[WebSocket Proxy Error]', reason=reason)


def test_client_leaves_within_the_handshake(bowsprit, backend, client):
    b = backend(None)
    bs = bowsprit(b.url.replace('http', 'https'))
    c = client(bs)
    c.send(upgrade())
    w = b.wait_for()
    c.close()
    w.expect_gone()


def test_old_protocol(bowsprit, backend, client):
    """An alert: the server knows nothing newer than TLS 1.1."""
    def script(w, number):
        w.read(5)
        w.send(b'\x15\x03\x01\0\2\2\x46')
        w.read_to_end()
    b = backend(script)
    line = failed(client, bowsprit(b.url.replace('http', 'https')),
                  'server-tls')
    assert 'protocol version' in line['message']


def test_tls_where_http_is_expected(secured, bowsprit, client):
    """The other way round: http:// to a port that speaks TLS."""
    b = secured(web())
    b.url = b.url.replace('https', 'http')
    bs = bowsprit(b)
    r = ask(client, bs)
    assert r.status == 502
    line = bs.wait_status(502)
    assert line['reason'] in ('not-http', 'server-closed')
    if line['reason'] == 'not-http':
        assert 'then write https://' in line['hint']


def test_an_alert_is_told_apart(bowsprit, backend, client):
    def script(w, number):
        w.read_head()
        w.send(b'\x15\x03\x01\0\2\2\x46')
    line = failed(client, bowsprit(backend(script)), 'not-http')
    assert 'then write https://' in line['hint']


# Tunnels and bodies

@pytest.fixture(params=['plain', 'tls'])
def side(request, issued, authority):
    """How clients come: settings of the listener, and a way to connect."""
    if request.param == 'plain':
        return {}, lambda bs, **o: bs.connect(**o)
    listener = {'certificate': issued[0], 'key': issued[1]}
    return listener, lambda bs, **o: connect_tls(
        bs.port, context(authority), **o)


@pytest.fixture
def through(side, bowsprit, authority):
    """bowsprit to a backend with TLS, and one client's Wire."""
    listener, connect = side
    made = []

    def start(b, connect_options=None, **settings):
        port = free_port()
        bs = bowsprit(b, listeners=({'address': '127.0.0.1', 'port': port,
                                     **listener},),
                      **{**to(b, authority), **settings})
        bs.port = port
        c = connect(bs, **(connect_options or {}))
        made.append(c)
        return bs, c
    yield start
    for c in made:
        c.close()


def open_tunnel(through, secured, **options):
    b = secured(tunnel)
    bs, c = through(b, **options)
    c.open_websocket()
    s = b.wait_for()
    wait_until(lambda: b'\r\n\r\n' in s.received, 'its head')
    return bs, c, s


def test_matrix_http(through, secured):
    heads = []

    def script(w, number):
        while True:
            heads.append(w.read_request())
            w.send(response(200, heads[-1].body))
    bs, c = through(secured(script))
    for n in (0, 1, 100, 70_000, 3_000_000):
        data = random.randbytes(n)
        c.send(request('POST', '/', 'h', f'Content-Length: {n}', body=data))
        assert c.read_response().body == data
    secure = hasattr(c.sock, 'tls')
    assert heads[0].get('X-Forwarded-Proto') == (
        'https' if secure else 'http')


def test_matrix_answer_that_ends_with_the_connection(through, secured):
    """close_notify is its end; a FIN alone might be anybody's."""
    def script(w, number):
        if w.read_request().target == '/whole':
            w.send(b'HTTP/1.1 200 Fine\r\n\r\nwhole')
            w.finish()
        else:
            w.send(b'HTTP/1.1 200 Fine\r\n\r\npart')
            w.sock.cut()
        w.read_to_end()
    bs, c = through(secured(script))
    c.send(get('/whole'))
    assert c.read_response().body == b'whole'
    c = bs.connect() if not hasattr(c.sock, 'tls') else connect_tls(
        bs.port, context())
    c.send(get('/part'))
    assert is_broken(c), 'no part looks like the whole'
    c.close()
    assert bs.wait_event('[HTTP]', reason='server-truncated')


def test_whole_answer_and_a_fin_alone(secured, bowsprit, authority, client):
    """
    Its last bytes fill bowsprit's buffer, so that it looks for more at once.
    """
    first, last = bytes(3_000_000), b'x' * RELAY_SCRATCH
    taken, sent = threading.Event(), threading.Event()

    def script(w, number):
        w.read_request()
        w.send(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n'
               % len(first + last))
        w.send(first)
        taken.wait()
        w.send(last)
        w.sock.cut()
        wait_until(lambda: unsent(w) == 0, 'the last bytes to leave')
        sent.set()
        w.read_to_end()
    b = secured(script)
    bs = bowsprit(b, workers=1, **to(b, authority))
    c = client(bs)
    c.send(get())
    c.read_head()
    c.read(len(first))
    bs.signal(signal.SIGSTOP)
    taken.set()
    sent.wait(wire.PATIENCE)
    expect_whole(bs, b, c, last)


def is_broken(c):
    """Does its client see that the answer is not whole?"""
    try:
        c.read_to_end()
    except (wire.Reset, ConnectionResetError):
        return True
    return hasattr(c.sock, 'tls') and not c.sock.clean


def test_matrix_refusal(through, secured):
    refusal = response(401, 'who are you?', 'X-A: b')
    bs, c = through(secured(answering(refusal)))
    c.send(upgrade())
    r = c.read_response()
    assert (r.status, r.body, r.get('X-A')) == (401, b'who are you?', 'b')
    c.expect_end()


def test_matrix_messages(through, secured):
    bs, c, s = open_tunnel(through, secured)
    for n in (0, 1, 125, 126, 1369, 16384, 65536, 500_000):
        data = random.randbytes(n)
        c.send(from_client(data))
        assert s.read_message() == (wire.BINARY, data)
        s.send(wire.frame(data))
        assert c.read_message() == (wire.BINARY, data)


@pytest.mark.parametrize('ends', ['client', 'server'])
def test_matrix_half_close(ends, through, secured):
    bs, c, s = open_tunnel(through, secured)
    first, second = (c, s) if ends == 'client' else (s, c)
    first.send(b'\x81\x04last' if ends == 'server' else from_client(b'last'))
    first.finish()
    second.read_message()
    second.expect_end()
    second.send(wire.frame(b'word') if ends == 'client'
                else from_client(b'word'))
    assert first.read_message() == (wire.BINARY, b'word')
    second.finish()
    first.expect_end()
    line = bs.closed()
    assert (line['by'], line['reason']) == (ends, 'eof')


def test_matrix_cut_without_close_notify(through, secured):
    bs, c, s = open_tunnel(through, secured)
    s.send(wire.frame(b'last'))
    s.sock.cut()
    assert c.read_message() == (wire.BINARY, b'last')
    c.read_to_end()
    c.close()
    line = bs.closed()
    assert (line['by'], line['reason']) == ('server', 'eof-unclean')


def test_matrix_slow_reader(through, secured):
    """It stops the server, and loses nothing."""
    bs, c, s = open_tunnel(through, secured, connect_options={'rcvbuf': 4096})
    data = wire.frame(random.randbytes(wire.most_swallowed()))
    done = threading.Event()

    def send():
        s.sock.settimeout(60 * wire.SLOW)
        s.send(data)
        done.set()
    threading.Thread(target=send, daemon=True).start()
    assert not done.wait(1), 'nobody reads'
    c.sock.settimeout(60 * wire.SLOW)
    assert c.read(len(data)) == data
    assert done.wait(wire.PATIENCE)


def test_matrix_drain(through, secured):
    bs, c, s = open_tunnel(through, secured)
    bs.signal()
    opcode, payload = c.read_message()
    assert (opcode, payload[:2]) == (wire.CLOSE, wire.closing(1001))
    c.send(from_client(payload, wire.CLOSE))
    assert s.read_message()[0] == wire.CLOSE
    s.finish()
    s.read_to_end()
    c.read_to_end()
    assert bs.wait_end() == 0


# What comes after the handshake, and is no TLS

# Application data, 32 bytes that no key has sealed.
TAMPERED = b'\x17\x03\x03\0\x20' + bytes(32)


def tamper(sock):
    sock.raw.sendall(TAMPERED)


def alert(sock):
    """What it says, sealed, if such a record comes from the other end."""
    with sock.lock:
        sock.incoming.write(TAMPERED)
        with pytest.raises(ssl.SSLError):
            sock.tls.read(1)
    sock.flush()


@pytest.mark.parametrize('by', ['client', 'server'])
def test_matrix_tampered_record_in_a_tunnel(by, through, secured):
    """Not a reset; what came before goes on."""
    bs, c, s = open_tunnel(through, secured)
    one, other = (c, s) if by == 'client' else (s, c)
    if not hasattr(one.sock, 'tls'):
        return  # its client is plain, and can send what it likes
    message = from_client(b'last') if by == 'client' else wire.frame(b'last')
    one.send(message)
    tamper(one.sock)
    assert other.read(len(message)) == message
    try:
        other.read_to_end()
    except (wire.Reset, ConnectionResetError):
        pass
    other.close()
    line = bs.closed()
    assert (line['by'], line['reason']) == (by, f'{by}-tls-fault')
    assert line['message'] == 'decryption failed or bad record mac'


def test_matrix_alert_in_a_tunnel(through, secured):
    bs, c, s = open_tunnel(through, secured)
    alert(s.sock)
    c.read_to_end()
    line = bs.closed()
    assert (line['by'], line['reason']) == ('server', 'server-tls-fault')
    assert 'alert bad record mac' in line['message']


@pytest.mark.parametrize('said,reason,status', [
    (b'', 'server-tls-fault', 502),
    (b'HTTP/1.1 200 Fine\r\nContent-Length: 9\r\n\r\npart',
     'server-tls-fault', 200)])
def test_tampered_answer(said, reason, status, secured, bowsprit, authority,
                         client):
    def script(w, number):
        w.read_head()
        if said:
            w.send(said)
        tamper(w.sock)
        w.read_to_end()
    b = secured(script)
    bs = bowsprit(b, **to(b, authority))
    c = client(bs)
    c.send(request('POST', '/', 'h', 'Content-Length: 0'))
    if status == 502:
        assert c.read_response().status == 502
    else:
        assert b'part' in c.read_to_end()
    line = bs.wait_event(f'[HTTP] POST / {status}', reason=reason)
    assert 'bad record mac' in line['message']


@pytest.mark.parametrize('within', ['body', 'wait'])
def test_tampered_request(within, bowsprit, backend, issued, authority):
    b = backend(None)
    port = free_port()
    bs = bowsprit(b, listeners=(
        {'address': '127.0.0.1', 'port': port, 'certificate': issued[0],
         'key': issued[1]},))
    c = connect_tls(port, context(authority))
    if within == 'body':
        c.send(request('POST', '/', 'h', 'Content-Length: 9', body=b'part'))
        b.wait_for()
    else:
        c.send(upgrade())
        b.wait_for()
    tamper(c.sock)
    with pytest.raises(ssl.SSLError, match='BAD_RECORD_MAC'):
        c.read_to_end()
    c.close()
    if within == 'body':
        line = bs.wait_event('[HTTP] POST / 499', reason='client-tls-fault')
        assert 'bad record mac' in line['message']
    else:
        assert bs.wait_event('Socket error: decryption failed or bad record '
                             'mac', reason='client-tls-fault')


# Certificates that cannot be used

@pytest.mark.parametrize('kind,said', [
    ('no file', 'certificate "{}/none" cannot be read: No such file'),
    ('no certificate', '"{}/text" has no certificate in it'),
    ('no key', '"{}/us.pem" has no private key in it'),
    ('no such key', 'key "{}/none" cannot be read: No such file'),
    ('other key', 'key "{}/them.key" is not that of certificate "{}/us.pem"'),
    ('passphrase', 'key "{}/locked.key" has a passphrase'),
    ('no ca', 'ca "{}/none" cannot be read: No such file'),
    ('bad ca', '"{}/text" has no certificate in it')])
def test_mistakes_in_files(kind, said, authority):
    folder = authority.folder
    authority.issue('us')
    authority.issue('them')
    with open(f'{folder}/text', 'w', encoding='ascii') as f:
        f.write('hello\n')
    openssl('pkey', '-in', f'{folder}/us.key', '-aes128', '-passout',
            'pass:x', '-out', f'{folder}/locked.key')
    files = {
        'no file': 'certificate={}/none', 'no certificate':
        'certificate={}/text', 'no key': 'certificate={}/us.pem',
        'no such key': 'certificate={}/us.pem key={}/none',
        'other key': 'certificate={}/us.pem key={}/them.key',
        'passphrase': 'certificate={}/us.pem key={}/locked.key',
        'no ca': 'ca={}/none', 'bad ca': 'ca={}/text'}[kind]
    p = subprocess.run(
        [os.environ['BOWSPRIT'], '-t', '-w',
         '/x=https://h ' + files.replace('{}', folder)],
        capture_output=True, text=True, check=False, timeout=60)
    assert p.returncode == 1
    assert 'bowsprit: --ws: ' + said.replace('{}', folder) in p.stderr


def test_reload(secured, bowsprit, authority, client, tmp_path):
    """A mistake keeps what runs; a tunnel keeps what it began with."""
    b = secured(echoing)
    bs = bowsprit(b, **to(b, authority))
    c = client(bs)
    c.open_websocket()
    file = tmp_path / 'bowsprit0' / 'bowsprit.cfg'
    good = file.read_text()
    file.write_text(good.replace(authority.file, '/none'))
    bs.signal(signal.SIGHUP)
    bs.wait_line('the running one stays')
    assert bs.wait_event('ca "/none" cannot be read')
    file.write_text(good.replace('ca = ', 'tls_verify = false; #'))
    bs.signal(signal.SIGHUP)
    bs.wait_line('Configuration reloaded')
    for _ in range(3):
        d = client(bs)
        d.open_websocket()
        d.close()
    c.expect_echo()


# Files that change while we run

def put(source, target):
    """As certbot and others do: nobody ever reads the half of a file."""
    shutil.copy(source, target + '.new')
    os.rename(target + '.new', target)


def test_new_own_certificate_is_noticed(secured, bowsprit, authority, client,
                                        tmp_path):
    """A tunnel keeps what it has; no kept connection has the old one."""
    old, new = (authority.issue(n, file=n) for n in ('us-1', 'us-2'))
    files = str(tmp_path / 'us.pem'), str(tmp_path / 'us.key')

    def replace(pair):
        for source, target in zip(pair, files):
            put(source, target)

    def number():
        """That of the connection that a request goes by."""
        return int(ask(client, bs).body.split(b'#')[1])

    def shown(n):
        return dict(sum(b.wires[n - 1].sock.tls.getpeercert()['subject'],
                        ()))['commonName']

    replace(old)
    b = secured(lambda w, n: echoing(w, n) if n == 1 else web()(w, n),
                ca=authority)
    bs = bowsprit(b, workers=1, timeouts={'backend_keepalive': '100s'},
                  **to(b, authority, certificate=files[0], key=files[1]))
    c = client(bs)
    c.open_websocket()
    assert [number(), number()] == [2, 2], 'it is kept'
    assert shown(1) == shown(2) == 'us-1'
    replace(new)
    bs.wait_line(f'> Certificates for {b.url} were read again',
                 20 * wire.SLOW)
    wait_until(lambda: number() > 2, 'a new connection')
    second = number()
    assert shown(second) == 'us-2'
    # One that does not fit is told of, once, and nothing changes.
    put(old[1], files[1])
    bs.wait_line(f'the certificates for {b.url} stay as they were',
                 20 * wire.SLOW)
    assert bs.lines('is not that of certificate')
    assert number() == second, 'nor is it closed for that'
    put(old[0], files[0])
    bs.wait_line('were read again', 20 * wire.SLOW, n=2)
    assert len(bs.lines('stay as they were')) == 1
    wait_until(lambda: number() > second, 'a new connection')
    assert shown(number()) == 'us-1'
    c.send(from_client(b'alive'))
    assert c.read_message() == (wire.BINARY, b'alive')


def test_connection_in_use_is_not_kept_after_that(secured, bowsprit,
                                                  authority, client,
                                                  tmp_path):
    """It is when its request began, and what it proved is out of date."""
    trusted = str(tmp_path / 'trusted.pem')
    put(authority.file, trusted)
    go_on = threading.Event()

    def script(w, number):
        while True:
            if w.read_request().target == '/slow':
                go_on.wait(wire.PATIENCE)
            w.send(response(200, b'#%d' % number))
    b = secured(script)
    bs = bowsprit(b, workers=1, **to(b, authority, ca=trusted))
    c = client(bs)
    c.send(get('/slow'))
    wait_until(lambda: b.wires and b'/slow' in b.wires[0].received, 'it')
    put(authority.file, trusted)
    bs.wait_line('were read again', 20 * wire.SLOW)
    go_on.set()
    assert c.read_response().body == b'#1'
    assert ask(client, bs).body == b'#2'


def test_new_ca_is_noticed(secured, bowsprit, authority, client, tmp_path):
    """A session of the old trust is not taken up."""
    other = Authority(str(tmp_path / 'other'), 'Other CA')
    trusted = str(tmp_path / 'trusted.pem')
    put(authority.file, trusted)
    b = secured(web())
    bs = bowsprit(b, **to(b, authority, ca=trusted))
    assert ask(client, bs).status == 200
    (tmp_path / 'junk').write_text('hello\n')
    put(str(tmp_path / 'junk'), trusted)
    bs.wait_line('stay as they were', 20 * wire.SLOW)
    assert bs.lines('has no certificate in it')
    assert ask(client, bs).status == 200
    put(other.file, trusted)
    bs.wait_line('were read again', 20 * wire.SLOW)
    wait_until(lambda: ask(client, bs).status == 502, 'no trust')
    assert bs.wait_status(502)['reason'] == 'server-cert-issuer'
    put(authority.file, trusted)
    bs.wait_line('were read again', 20 * wire.SLOW, n=2)
    wait_until(lambda: ask(client, bs).status == 200, 'trust')


def test_files_of_a_backend_that_a_reload_brings(secured, bowsprit, authority,
                                                 client, tmp_path):
    """There was nothing to look at before."""
    b = secured(web())
    trusted = str(tmp_path / 'trusted.pem')
    put(authority.file, trusted)
    bs = bowsprit(b, backends={'app': {'servers': (b.url,),
                                       'tls_verify': False}})
    file = tmp_path / 'bowsprit0' / 'bowsprit.cfg'
    file.write_text(file.read_text().replace(
        'tls_verify = false', f'ca = "{trusted}"'))
    bs.signal(signal.SIGHUP)
    bs.wait_line('Configuration reloaded')
    assert ask(client, bs).status == 200
    put(Authority(str(tmp_path / 'other'), 'Other CA').file, trusted)
    bs.wait_line('were read again', 20 * wire.SLOW)
    wait_until(lambda: ask(client, bs).status == 502, 'no trust')


# Real ones

@pytest.fixture
def nginx(program, issued, authority):
    """A factory: its port, on which it says what it knows of us."""
    def start(more=''):
        port = free_port()
        programs.nginx(program, port, f'''
    listen 127.0.0.1:{port} ssl {more};
    ssl_certificate {issued[0]};
    ssl_certificate_key {issued[1]};
    ssl_client_certificate {authority.file};
    ssl_verify_client optional;
    ssl_protocols TLSv1.2 TLSv1.3;
    location / {{
      return 200 "$ssl_server_name $ssl_protocol $ssl_client_s_dn $ssl_session_reused $proxy_protocol_addr";
    }}
''')
        return port
    return start


def test_nginx(nginx, bowsprit, authority, client):
    port = nginx()
    us = authority.issue('bowsprit', file='us')
    bs = bowsprit(argv=(
        '-l', '127.0.0.1:@PORT@', '-r', f'/**=https://localhost:{port} '
        f'ca={authority.file} certificate={us[0]} key={us[1]}'))
    assert ask(client, bs).body == b'localhost TLSv1.3 CN=bowsprit . '
    c = client(bs)
    for _ in range(200):
        c.send(get())
        assert c.read_response().status == 200


def test_nginx_with_a_proxy_header(nginx, bowsprit, authority, client):
    """Before TLS; each request then has a connection, all but one resumed."""
    port = nginx('proxy_protocol')
    bs = bowsprit(argv=(
        '-l', '127.0.0.1:@PORT@', '-r', f'/**=https://localhost:{port} '
        f'ca={authority.file} send_proxy=v2'))
    c = client(bs)
    said = []
    for _ in range(3):
        c.send(get())
        said.append(c.read_response().body)
    assert said == [b'localhost TLSv1.3  . 127.0.0.1'] + [
        b'localhost TLSv1.3  r 127.0.0.1'] * 2


def test_uvicorn(program, bowsprit, issued, authority):
    port = free_port()
    uvicorn(program, port, '--ssl-certfile', issued[0],
            '--ssl-keyfile', issued[1])
    url = f'https://localhost:{port}'
    talk_to_echo_app(bowsprit(url, backends={'app': {
        'servers': (url,), 'ca': authority.file}}))


NODE = '''
const fs = require("fs");
const [port, cert, key] = process.argv.slice(1);
require("https").createServer(
  { cert: fs.readFileSync(cert), key: fs.readFileSync(key) },
  (q, a) => { q.resume(); q.on("end", () => a.end(q.socket.servername)); }
).listen(port, "127.0.0.1");
'''


def test_node(program, bowsprit, issued, authority, client):
    port = free_port()
    program(['node', '-e', NODE, str(port), *issued], port)
    bs = bowsprit(argv=(
        '-l', '127.0.0.1:@PORT@', '-r', f'/**=https://localhost:{port} '
        f'ca={authority.file}'))
    c = client(bs)
    for body in (b'', b'1', b'2' * 70000):
        c.send(request('POST', '/', 'h', f'Content-Length: {len(body)}',
                       body=body))
        assert c.read_response().body == b'localhost'

# SPDX-License-Identifier: ISC
"""
Listeners with TLS: who is let in, with which certificate, and what is said of
those who are not.
"""

import concurrent.futures
import os
import re
import select
import shutil
import signal
import ssl
import subprocess
import threading
import time

import pytest

import tls
import wire
from backends import answering, echoing, tunnel, web
from daemon import config_text, free_port
from test_config import run
from test_slow_reader import FRAMES, Sender, digest, read_digest
from test_takeover import (  # noqa: F401 (two fixtures)
    calling, line, serve_through, status_of_old)
from wire import from_client, get, response, upgrade, wait_until

TLS12 = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
TLS13 = (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3)


@pytest.fixture(scope='session')
def ca(tmp_path_factory):
    return tls.Authority(str(tmp_path_factory.mktemp('pki')))


@pytest.fixture(scope='session')
def local(ca):
    """The certificate of most tests."""
    return ca.issue('localhost', '127.0.0.1')


@pytest.fixture
def secure(bowsprit, local):
    """A factory: bowsprit with one listener that speaks TLS."""
    def start(backend, *certs, listener=None, others=(), **settings):
        certs = certs or (local,)
        first = {'address': '127.0.0.1', 'port': 0,
                 'certificate': [c for c, _ in certs],
                 'key': [k for _, k in certs], **(listener or {})}
        port = first['port'] = free_port()
        bs = bowsprit(backend, listeners=(first, *others), **settings)
        bs.port = port
        return bs
    return start


@pytest.fixture
def secured(bowsprit, ca):
    """A factory of clients with TLS."""
    made = []

    def make(to, ctx=None, **options):
        w = tls.connect(getattr(to, 'port', to), ctx or tls.context(ca),
                        **options)
        made.append(w)
        return w

    yield make
    for w in made:
        w.close()


def handshakes_failed(bs, reason, n=1):
    bs.wait_line(f'"reason":"{reason}"', n=n)
    return [e for e in bs.events('[TLS] Handshake failed')
            if e['reason'] == reason]


# ---- what is spoken


@pytest.mark.parametrize('versions', [TLS12, TLS13], ids=['1.2', '1.3'])
def test_requests(versions, secure, secured, backend, ca):
    b = backend(answering(response(200, b'x' * 100000)))
    bs = secure(b)
    assert bs.lines(f'> Ready on https://127.0.0.1:{bs.port}')
    c = secured(bs, tls.context(ca, versions=versions))
    assert c.sock.tls.version() == 'TLSv1.2' if versions is TLS12 else \
        'TLSv1.3'
    assert c.sock.tls.selected_alpn_protocol() == 'http/1.1'
    for _ in range(3):
        c.send(get())
        assert c.read_response().body == b'x' * 100000
    assert len(b.wires) == 1
    head = b.wires[0].received.decode()
    assert 'X-Forwarded-Proto: https\r\n' in head
    assert 'X-Forwarded-Port: 443\r\n' in head, 'Host names none'
    c.send(get('/', 'localhost:8443'))
    c.read_response()
    assert 'X-Forwarded-Port: 8443\r\n' in b.wires[0].received.decode()


@pytest.mark.parametrize('options,words', [
    (['-tls1_1'], 'protocol version'),
    (['-tls1_2', '-cipher', 'AES128-SHA'], 'handshake failure'),
    (['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-SHA'], 'handshake failure'),
    (['-alpn', 'h2'], 'no application protocol'),
])
def test_what_is_not_spoken(options, words, secure, backend):
    bs = secure(backend(web()))
    r = subprocess.run(['openssl', 's_client', '-connect',
                        f'127.0.0.1:{bs.port}', *options],
                       input=b'', capture_output=True)
    assert words in r.stderr.decode()
    assert handshakes_failed(bs, 'tls-handshake')


# What Mozilla calls intermediate, but for its DHE suites.
OFFERED = """\
TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256
TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384
TLSv1.2 ECDHE-ECDSA-CHACHA20-POLY1305
TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256
TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384
TLSv1.2 ECDHE-RSA-CHACHA20-POLY1305
TLSv1.2 P-256
TLSv1.2 P-384
TLSv1.2 X25519
TLSv1.3 P-256
TLSv1.3 P-384
TLSv1.3 TLS_AES_128_GCM_SHA256
TLSv1.3 TLS_AES_256_GCM_SHA384
TLSv1.3 TLS_CHACHA20_POLY1305_SHA256
TLSv1.3 X25519
"""
GROUPS = ('X25519', 'X448', 'P-256', 'P-384', 'P-521', 'P-224', 'secp256k1',
          'brainpoolP256r1', 'ffdhe2048', 'ffdhe8192')


def chosen(port, *options):
    """The cipher of a handshake of s_client's; None if there is none."""
    r = subprocess.run(['openssl', 's_client', '-connect',
                        f'127.0.0.1:{port}', *options], input=b'',
                       capture_output=True, timeout=wire.PATIENCE)
    cipher = re.search(r'^New, .*, Cipher is (.*)$', r.stdout.decode(), re.M)
    assert cipher, r.stderr.decode()
    return None if cipher[1] == '(NONE)' else cipher[1]


def ciphers_of(port, version, option, every):
    """What is taken, then what is taken of the rest, until nothing is."""
    rest, after = list(every), '' if option == '-ciphersuites' \
        else ':@SECLEVEL=0'
    while rest and (cipher := chosen(port, version, option,
                                     ':'.join(rest) + after)):
        yield cipher
        rest.remove(cipher)


def test_what_is_offered(secure, backend, ca):
    """As a scanner lists it, of all that Debian's openssl has."""
    rsa_port = free_port()
    rsa = ca.issue('localhost', file='rsa', kind=('rsa:2048',))
    bs = secure(backend(web()), ca.issue('localhost', file='ec'), others=(
        {'address': '127.0.0.1', 'port': rsa_port, 'certificate': rsa[0],
         'key': rsa[1]},))
    old = tls.openssl('ciphers', 'ALL:COMPLEMENTOFALL').decode().strip() \
        .split(':')
    old = [c for c in old if not c.startswith('TLS_')]
    new = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384',
           'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_CCM_SHA256',
           'TLS_AES_128_CCM_8_SHA256']
    assert len(old) > 50
    seen = {f'{name} {group}' for name, option in (('TLSv1.2', '-tls1_2'),
                                                   ('TLSv1.3', '-tls1_3'))
            for group in GROUPS
            if chosen(rsa_port, option, '-groups', group)}
    for port in bs.port, rsa_port:
        for name, *how in (('TLSv1', '-tls1', '-cipher', old),
                           ('TLSv1.1', '-tls1_1', '-cipher', old),
                           ('TLSv1.2', '-tls1_2', '-cipher', old),
                           ('TLSv1.3', '-tls1_3', '-ciphersuites', new)):
            seen |= {f'{name} {c}' for c in ciphers_of(port, *how)}
    listing = ''.join(f'{line}\n' for line in sorted(seen))
    print(listing)
    assert listing == OFFERED


def test_curl(secure, backend, ca):
    bs = secure(backend(web()))
    out = subprocess.run(
        ['curl', '--http1.1', '-sS', '--cacert', ca.file,
         f'https://localhost:{bs.port}/a', f'https://localhost:{bs.port}/b'],
        capture_output=True, check=True).stdout
    assert out == b'GET /a #1GET /b #1'


# ---- which certificate


def shown(bs, ca, name):
    w = tls.connect(bs.port, tls.context(), name=name)
    der = w.sock.tls.getpeercert(binary_form=True)
    w.close()
    text = tls.openssl('x509', '-inform', 'der', '-noout', '-subject',
                       input=der).decode()
    return text.strip().rpartition('= ')[2].rpartition('=')[2].strip()


def test_certificate_is_chosen_by_name(secure, backend, ca):
    names = ('localhost', 'one.example.com', '*.example.com', 'other.org')
    bs = secure(backend(web()), *(ca.issue(n) for n in names))
    for asked, got in [('localhost', 'localhost'),
                       ('one.example.com', 'one.example.com'),
                       ('ONE.example.com', 'one.example.com'),
                       ('two.example.com', '*.example.com'),
                       ('a.b.example.com', 'localhost'),
                       ('other.org', 'other.org'),
                       ('unknown.net', 'localhost'),
                       (None, 'localhost')]:
        assert shown(bs, ca, asked) == got, asked


def test_key_in_the_same_file(bowsprit, backend, local, tmp_path, secured):
    both = tmp_path / 'both.pem'
    both.write_text(open(local[0]).read() + open(local[1]).read())
    port = free_port()
    bs = bowsprit(backend(web()), listeners=(
        {'address': '127.0.0.1', 'port': port, 'certificate': str(both)},))
    c = secured(port)
    c.send(get())
    assert c.read_response().status == 200
    assert bs.lines('Ready on https://')


def mistakes(tmp_path, **listener):
    (tmp_path / 't.cfg').write_text(config_text(
        {'listeners': ({'port': 3000, **listener},)}))
    status, _, err = run('-t', '-c', 't.cfg', cwd=tmp_path)
    assert status == 1
    return err


def test_mistakes_are_told(tmp_path, ca, local):
    cert, key = local
    other = ca.issue('other.org')[1]
    secret = tmp_path / 'secret.key'
    tls.openssl('pkey', '-in', key, '-aes128', '-passout', 'pass:abcd',
                '-out', secret)
    junk = tmp_path / 'junk.pem'
    junk.write_text('hello\n')
    for settings, words in [
        ({'certificate': 'no.pem'}, 'certificate "no.pem" cannot be read: '
                                    'No such file'),
        ({'certificate': cert, 'key': 'no.key'}, 'key "no.key" cannot be'),
        ({'certificate': cert, 'key': other}, 'is not that of certificate'),
        ({'certificate': str(junk), 'key': key}, 'has no certificate in it'),
        ({'certificate': cert}, 'has no private key in it'),
        ({'certificate': cert, 'key': str(junk)}, 'has no private key'),
        ({'certificate': cert, 'key': str(secret)}, 'has a passphrase'),
        ({'certificate': cert, 'key': key, 'verify_client': 'required',
          'client_ca': str(junk)}, 'client_ca "'),
    ]:
        said = mistakes(tmp_path, **settings)
        assert words in said and said.startswith('t.cfg:'), said


def test_expired_certificate_is_warned_of(secure, backend, ca):
    bs = secure(backend(web()), ca.issue('localhost', days=-1, file='old'))
    assert len(bs.lines('has expired')) == 1


def test_mistake_at_the_start(secure, backend, local, tmp_path):
    bs = secure(backend(web()), (str(tmp_path / 'gone.pem'), local[1]),
                wait=None, status=(1,))
    assert bs.wait_end() == 1
    assert 'gone.pem" cannot be read' in bs.err()


# ---- clients' certificates


@pytest.mark.parametrize('versions', [TLS12, TLS13], ids=['1.2', '1.3'])
def test_client_certificates(versions, secure, secured, backend, ca, tmp_path):
    stranger = tls.Authority(str(tmp_path / 'stranger'), 'Stranger')
    known, unknown = ca.issue('me'), stranger.issue('me')

    def ask(bs, cert):
        c = tls.connect(bs.port, tls.context(ca, cert, versions))
        try:
            c.send(get())
            return c.read_response().status
        finally:
            c.close()

    def refused(bs, cert):
        with pytest.raises((ssl.SSLError, wire.Closed, OSError)):
            ask(bs, cert)
        return True

    bs = secure(backend(web()), listener={'verify_client': 'required',
                                          'client_ca': ca.file})
    assert ask(bs, known) == 200
    assert refused(bs, None)
    handshakes_failed(bs, 'tls-client-certificate')
    assert refused(bs, unknown)
    handshakes_failed(bs, 'tls-client-certificate', n=2)
    bs = secure(backend(web()), listener={'verify_client': 'optional',
                                          'client_ca': ca.file})
    assert ask(bs, known) == 200
    assert ask(bs, None) == 200
    assert refused(bs, unknown)


def test_other_host_than_the_handshakes(secure, secured, backend, ca):
    certs = [ca.issue('localhost'), ca.issue('other.org')]
    bs = secure(backend(web()), *certs)
    c = secured(bs)
    c.send(get('/', 'other.org'))
    assert c.read_response().status == 200, 'nothing depends on it'
    bs = secure(backend(web()), *certs, listener={
        'verify_client': 'optional', 'client_ca': ca.file})
    c = secured(bs)
    c.send(get('/', 'LOCALHOST:99'))
    assert c.read_response().status == 200
    c.send(get('/', 'other.org'))
    assert c.read_response().status == 421
    bs.wait_status(421)
    c = secured(bs, tls.context(), name=None)
    c.send(get('/', 'other.org'))
    assert c.read_response().status == 200, 'no name was said'


# ---- sessions


def resumed(bs, ctx, session=None):
    """Was it, and the session for the next time."""
    c = tls.connect(bs.port, ctx, session=session)
    c.send(get())
    assert c.read_response().status == 200
    was, new = c.sock.tls.session_reused, c.sock.tls.session
    c.close()
    return was, new


@pytest.mark.parametrize('versions', [TLS12, TLS13], ids=['1.2', '1.3'])
def test_resumption_at_any_worker(versions, secure, backend, ca):
    bs = secure(backend(web()), workers=4)
    ctx = tls.context(ca, versions=versions)
    was, session = resumed(bs, ctx)
    assert not was
    for _ in range(20):
        was, session = resumed(bs, ctx, session)
        assert was
    bs.signal(signal.SIGHUP)
    bs.wait_line('Configuration reloaded')
    for _ in range(5):
        was, session = resumed(bs, ctx, session)
        assert was, 'the reload has the same keys'


@pytest.mark.parametrize('versions', [TLS12, TLS13], ids=['1.2', '1.3'])
def test_session_is_of_its_certificate_only(versions, bowsprit, backend, ca,
                                            local):
    """Else a session of an open listener would open the guarded one."""
    cert, key = local
    plain, guarded = free_port(), free_port()
    bs = bowsprit(backend(web()), listeners=(
        {'address': '127.0.0.1', 'port': plain, 'certificate': cert,
         'key': key},
        {'address': '127.0.0.1', 'port': guarded, 'certificate': cert,
         'key': key, 'verify_client': 'required', 'client_ca': ca.file}))
    ctx = tls.context(ca, versions=versions)
    bs.port = plain
    _, session = resumed(bs, ctx)
    assert resumed(bs, ctx, session)[0]
    bs.port = guarded
    with pytest.raises((ssl.SSLError, wire.Closed, OSError)):
        resumed(bs, ctx, session)


@pytest.mark.parametrize('versions', [TLS12, TLS13], ids=['1.2', '1.3'])
def test_session_is_of_its_client_ca_only(versions, secure, backend, ca,
                                          tmp_path):
    """A new key under the old name is another CA: the old one has leaked."""
    old, new = (tls.Authority(str(tmp_path / name), 'Clients')
                for name in ('old', 'new'))
    trusted = str(tmp_path / 'clients.pem')
    shutil.copy(old.file, trusted)
    bs = secure(backend(web()), listener={'verify_client': 'required',
                                          'client_ca': trusted})
    ctx = tls.context(ca, old.issue('me'), versions)
    _, session = resumed(bs, ctx)
    assert resumed(bs, ctx, session)[0]
    shutil.copy(new.file, trusted)
    bs.signal(signal.SIGHUP)
    bs.wait_line('Configuration reloaded')
    with pytest.raises((ssl.SSLError, wire.Closed, OSError)):
        resumed(bs, ctx, session)
    resumed(bs, tls.context(ca, new.issue('me'), versions))


def test_session_of_another_name(secure, backend, ca):
    """OpenSSL looks for the session before it asks for the certificate."""
    bs = secure(backend(web()), ca.issue('localhost'), ca.issue('other.org'))
    for versions in (TLS12, TLS13):
        ctx = tls.context(ca, versions=versions)
        ctx.check_hostname = False
        c = tls.connect(bs.port, ctx, name='other.org')
        c.send(get())
        c.read_response()
        session = c.sock.tls.session
        c.close()
        again = tls.connect(bs.port, ctx, name='other.org', session=session)
        assert again.sock.tls.session_reused
        again.close()
        c = tls.connect(bs.port, ctx, session=session)
        assert not c.sock.tls.session_reused
        c.close()


# ---- tunnels; test_over_tls has more


def open_tunnel_to(bs, b, secured, n=1, **options):
    c = secured(bs, **options)
    c.send(upgrade())
    assert c.read_head() == wire.switching()
    return c, b.wait_for(n)


@pytest.mark.parametrize('versions', [TLS12, TLS13], ids=['1.2', '1.3'])
def test_cut_and_clean_end_are_told_apart(versions, secure, secured, backend,
                                          ca):
    b = backend(tunnel)
    bs = secure(b)
    ctx = tls.context(ca, versions=versions)
    for n, (end, reason) in enumerate([('finish', 'eof'),
                                       ('cut', 'eof-unclean')], 1):
        c, s = open_tunnel_to(bs, b, secured, n, ctx=ctx)
        c.send(from_client(b'last'))
        c.finish() if end == 'finish' else c.sock.cut()
        assert s.read_to_end() == from_client(b'last')
        s.send(wire.frame(b'answer'))
        assert c.read_message() == (wire.BINARY, b'answer')
        s.close()
        c.expect_end()
        assert c.sock.clean, 'our own end is a clean one'
        line = bs.closed(n=n)
        assert (line['by'], line['reason']) == ('client', reason)


def test_a_record_that_comes_in_drops(secure, secured, backend):
    """It is of no use before its last byte, and nothing spins on it."""
    b = backend(tunnel)
    bs = secure(b, workers=1)
    c, s = open_tunnel_to(bs, b, secured)
    message = from_client(os.urandom(16000))
    c.sock.tls.write(message)
    sealed = c.sock.outgoing.read()
    cpu = bs.cpu()
    for i in range(0, len(sealed) - 1, 1000):
        c.sock.raw.sendall(sealed[i:min(i + 1000, len(sealed) - 1)])
    s.expect_quiet(1)
    assert bs.cpu() - cpu < 0.3 * wire.SLOW, 'it spins'
    c.sock.raw.sendall(sealed[-1:])
    assert s.read(len(message)) == message


def test_large_records_to_a_slow_reader(secure, secured, backend):
    """Each read takes less than a record, and none of it is forgotten."""
    b = backend(tunnel)
    bs = secure(b)
    c, s = open_tunnel_to(bs, b, secured, rcvbuf=4096)
    data = os.urandom(1 << 20)
    sent = wire.frame(data)
    sender = Sender(s, sent, 1)
    got = bytearray()
    while len(got) < len(sent):
        c.need()
        got += c.take(len(c.buf))
    assert got == sent
    sender.join()


def test_key_updates(secure, backend, ca):
    """`K` has s_client ask for new keys of both sides."""
    bs = secure(backend(web()))
    p = subprocess.Popen(
        ['openssl', 's_client', '-quiet', '-no_ign_eof', '-CAfile', ca.file,
         '-connect', f'localhost:{bs.port}'], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said, told = b'', b''
    for i in range(4):
        p.stdin.write(get(f'/{i}'))
        p.stdin.flush()
        while f'GET /{i} #1'.encode() not in said:
            part = os.read(p.stdout.fileno(), 4096)
            assert part, said
            said += part
        p.stdin.write(b'K\n')
        p.stdin.flush()
        while told.count(b'KEYUPDATE') <= i:
            assert select.select([p.stderr], [], [], wire.PATIENCE)[0], told
            told += os.read(p.stderr.fileno(), 4096)
    p.stdin.close()
    p.wait()


def test_key_updates_behind_what_is_owed(secure, secured, backend):
    """Ours come when the reader does, and it is heard meanwhile."""
    b = backend(tunnel)
    bs = secure(b)
    c, s = open_tunnel_to(bs, b, secured, rcvbuf=4096)
    sender = Sender(s, FRAMES['down'], 20)
    sender.wait_stuck()
    for i in range(3):
        c.sock.update_keys()
        c.send(from_client(b'still here %d' % i))
        assert s.read_message() == (wire.BINARY, b'still here %d' % i)
    assert read_digest(c, 20 * len(FRAMES['down'])) == \
        digest(FRAMES['down'], 20)
    sender.join()


def test_flood_of_key_updates(secure, secured, backend):
    bs = secure(backend(web()), workers=1)
    c, other = secured(bs), secured(bs)
    try:
        c.sock.update_keys(12000)
    except OSError:
        pass
    c.expect_gone()
    other.send(get())
    assert other.read_response().status == 200


def test_reused_descriptor_numbers(secure, secured, backend):
    b = backend(echoing)
    bs = secure(b, workers=1)
    before = bs.descriptors()
    for i in range(1, 11):
        c = secured(bs)
        c.send(upgrade() + from_client(b'early %d' % i))
        assert c.read_head() == wire.switching()
        assert c.read_message() == (wire.BINARY, b'early %d' % i)
        c.send(from_client(b'x' * 50000))
        assert c.read_message() == (wire.BINARY, b'x' * 50000)
        c.finish() if i % 2 else c.reset()
        bs.closed(n=i)
        wait_until(lambda: bs.descriptors() == before, 'its descriptors')


# ---- what is no handshake


def test_plain_http(secure, backend, client):
    bs = secure(backend(web()))
    for request in (get(), upgrade()):
        c = client(bs)
        c.send(request)
        r = c.read_response()
        assert r.status == 400
        assert b'plain-on-tls-port' in r.body and b'https://' in r.body
        c.expect_end()
    c = client(bs)
    c.send(wire.request('HEAD'))
    assert c.read_response('HEAD').status == 400
    c.expect_end()
    bs.wait_status(400)


@pytest.mark.parametrize('garbage,reason', [
    (b'\x00\x01\x02', 'not-tls'),
    (b'hello', 'not-tls'),
    (b'\x80\x2e\x01\x03\x01', 'not-tls'),
    (b'\x16\x03\x01\x00\x05hello', 'tls-handshake'),
    (b'\x16\x03\x01\xff\xff' + b'x' * 70000, 'tls-handshake'),
])
def test_garbage(garbage, reason, secure, backend, client):
    bs = secure(backend(web()))
    c = client(bs)
    start = time.monotonic()
    try:
        c.send(garbage)
    except wire.Reset:
        pass
    c.expect_gone()
    assert time.monotonic() - start < 1 * wire.SLOW
    assert len(handshakes_failed(bs, reason)) == 1
    assert len(bs.events('[TLS]')) == 1


def test_handshake_that_never_ends(secure, backend, client):
    bs = secure(backend(web()), timeouts={'header': '500ms'})
    silent, begun = client(bs), client(bs)
    begun.send(b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03')
    silent.expect_gone()
    begun.expect_gone()
    assert len(handshakes_failed(bs, 'tls-timeout')) == 1, 'one said nothing'


def test_cut_within_the_handshake(secure, secured, backend, client):
    bs = secure(backend(web()), workers=1)
    c = client(bs)
    c.send(b'\x16\x03\x01\x02\x00\x01')
    c.finish()
    c.expect_gone()
    assert handshakes_failed(bs, 'client-gone')
    client(bs).close()  # as load balancers look whether anybody is there
    last = secured(bs)
    last.send(get())
    assert last.read_response().status == 200
    bs.wait_status(200)
    assert len(bs.events('[TLS]')) == 1


def test_one_does_not_harm_the_next(secure, secured, backend, client):
    """OpenSSL's queue of errors is the thread's."""
    bs = secure(backend(echoing), workers=1)
    c = secured(bs)
    c.send(upgrade())
    assert c.read_head() == wire.switching()
    for i in range(50):
        bad = client(bs)
        bad.send(b'\x16\x03\x01\x00\x05hello')
        bad.expect_gone()
        c.send(from_client(b'%d' % i))
        assert c.read_message() == (wire.BINARY, b'%d' % i)


def test_no_descriptor_is_left(secure, backend, client):
    """No word in the clear: its client would take it for a broken TLS."""
    bs = secure(backend(web()), nofile=(60, 60), workers=1)
    crowd = [client(bs) for _ in range(70)]

    def told():
        sockets = {c.sock: c for c in crowd}
        ready, _, _ = select.select(list(sockets), [], [], 0.05)
        return [sockets[s] for s in ready]
    for c in wait_until(told, 'somebody to be closed'):
        assert c.read_to_end() == b''
    assert bs.wait_line('no file descriptor is left, new connections are '
                        'closed before their TLS handshake')


# ---- redirects


def test_redirect(bowsprit, backend, client, local):
    secure_port, port = free_port(), free_port()
    bs = bowsprit(backend(web()), listeners=(
        {'address': '127.0.0.1', 'port': port, 'redirect': 'https'},
        {'address': '127.0.0.1', 'port': secure_port,
         'certificate': local[0], 'key': local[1]}))
    c = client(port)
    for path in ('/', '/a%20b?c=d&e', '/api/x'):
        c.send(get(path, f'Example.com:{port}'))
        r = c.read_response()
        assert r.status == 308
        assert r.get('Location') == \
            f'https://Example.com:{secure_port}{path}'
    c.send(wire.request('POST', '/p', '[::1]', 'Content-Length: 3',
                        body=b'abc'))
    r = c.read_response()
    assert r.get('Location') == f'https://[::1]:{secure_port}/p'
    c = client(port)
    c.send(upgrade('/ws', 'h'))
    assert c.read_response().get('Location') == f'https://h:{secure_port}/ws'
    bs.wait_status(308)
    c = client(port)
    c.send(b'GET / HTTP/1.0\r\n\r\n')
    r = c.read_response()
    assert r.status == 400 and b'without a Host' in r.body, \
        'nothing goes on in the clear'


# ---- --self-signed


def test_self_signed(bowsprit, backend, tmp_path):
    cache = tmp_path / 'cache'
    file = cache / 'bowsprit' / 'localhost.pem'
    b = backend(web())
    for _ in range(2):
        bs = bowsprit(argv=['--self-signed', '-l', '@PORT@', '-b', b.url],
                      env={'XDG_CACHE_HOME': str(cache)})
        assert bs.lines(f'> Ready on https://localhost:{bs.port}')
        assert file.stat().st_mode & 0o777 == 0o600
        was = file.read_bytes()
        for host in ('localhost', '127.0.0.1'):
            subprocess.run(['curl', '--http1.1', '-sS', '--cacert',
                            str(file), f'https://{host}:{bs.port}/'],
                           capture_output=True, check=True)
    assert file.read_bytes() == was, 'made once'


def test_self_signed_without_a_cache(bowsprit, backend):
    bs = bowsprit(argv=['--self-signed', '-l', '@PORT@', '-b',
                        backend(web()).url],
                  env={'XDG_CACHE_HOME': '/proc/none', 'HOME': '/proc/none'})
    c = tls.connect(bs.port, tls.context())
    c.send(get())
    assert c.read_response().status == 200
    c.close()


# ---- certificates that change


def test_new_files_are_noticed(bowsprit, secure, secured, backend, ca,
                               tmp_path):
    old, new = ca.issue('localhost', file='v1'), ca.issue('localhost',
                                                         file='v2')
    files = str(tmp_path / 'live.pem'), str(tmp_path / 'live.key')

    def put(pair):
        for source, target in zip(pair, files):
            shutil.copy(source, target + '.new')
            os.rename(target + '.new', target)

    def serial():
        w = tls.connect(bs.port, tls.context(ca))
        number = w.sock.tls.getpeercert()['serialNumber']
        w.close()
        return number

    put(old)
    bs = secure(backend(echoing), files)
    first = serial()
    c = secured(bs)
    c.send(upgrade())
    assert c.read_head() == wire.switching()
    put(new)
    bs.wait_line('were read again', 20 * wire.SLOW)
    wait_until(lambda: serial() != first, 'the new certificate')
    c.expect_echo(b'alive')
    # One that does not fit is told of, once, and nothing changes.
    second = serial()
    shutil.copy(ca.issue('other.org')[1], files[1])
    bs.wait_line('stay as they were', 20 * wire.SLOW)
    assert bs.lines('is not that of certificate')
    assert serial() == second
    put(old)
    bs.wait_line('were read again', 20 * wire.SLOW, n=2)
    assert serial() == first
    assert len(bs.lines('stay as they were')) == 1
    c.expect_echo(b'alive')
    # At a reload they are read in any case.
    shutil.copy(ca.issue('other.org')[1], files[1])
    bs.signal(signal.SIGHUP)
    bs.wait_line('stay as they were', n=2)
    assert serial() == first


def test_replaced_under_load(secure, backend, ca, tmp_path):
    """Handshakes at all workers, while main reads and frees certificates."""
    pairs = [[ca.issue(name, file=f'{name}{i}') for name in
              ('localhost', 'other.org')] for i in range(2)]
    files = [(str(tmp_path / f'{i}.pem'), str(tmp_path / f'{i}.key'))
             for i in range(2)]

    def put(certs):
        for pair, targets in zip(certs, files):
            for source, target in zip(pair, targets):
                shutil.copy(source, target + '.new')
                os.rename(target + '.new', target)

    def ask():
        ctx, name, n = tls.context(ca), 'localhost', 0
        ctx.check_hostname = False
        while not done.is_set():
            name = 'other.org' if name == 'localhost' else 'localhost'
            c = tls.connect(bs.port, ctx, name=name)
            c.send(get())
            assert c.read_response().status == 200
            cert = c.sock.tls.getpeercert()
            assert ('DNS', name) in cert['subjectAltName']
            seen.add(cert['serialNumber'])
            c.close()
            n += 1
        return n

    put(pairs[0])
    bs = secure(backend(web()), *files, workers=4)
    done, seen = threading.Event(), set()
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        askers = [threads.submit(ask) for _ in range(4)]
        try:
            for i in range(20):
                put(pairs[i % 2])
                bs.signal(signal.SIGHUP)
                bs.wait_line('were read again', n=i + 1)
        finally:
            done.set()
        assert min(a.result() for a in askers) > 0
    assert len(seen) == 4, 'both of both names'


def s_client(port, ca, versions, *options):
    """One request by openssl's client; is its session taken up?"""
    version = '-tls1_2' if versions is TLS12 else '-tls1_3'
    said = tls.openssl(
        's_client', '-connect', f'localhost:{port}', '-CAfile', ca.file,
        '-verify_return_error', version, '-ign_eof', *options,
        input=wire.request('GET', '/', 'localhost', 'Connection: close'),
        timeout=wire.PATIENCE).decode()
    assert 'HTTP/1.1 200' in said
    return re.search('^(New|Reused), ', said, re.M)[1] == 'Reused'


@pytest.mark.parametrize('versions', [TLS12, TLS13], ids=['1.2', '1.3'])
def test_sessions_outlive_a_takeover(versions, line,  # noqa: F811
                                     backend, ca, local, tmp_path):
    """Its tickets, and those of all before it, at any worker of the next."""
    port, b = free_port(), backend(web())
    old = line(b, workers=2, listeners=(
        {'address': '127.0.0.1', 'port': port, 'certificate': local[0],
         'key': local[1]},))
    sessions = []
    for i in range(3):
        if i > 0:
            old.pass_on()
        for file in sessions * 4:
            assert s_client(port, ca, versions, '-sess_in', file)
        sessions.append(str(tmp_path / f'session{i}'))
        assert not s_client(port, ca, versions, '-sess_out', sessions[i])
    status_of_old(old)


def test_no_handshake_is_lost(line, backend, calling, ca,  # noqa: F811
                              local):
    """From take-over to take-over."""
    port = free_port()
    listeners = ({'address': '127.0.0.1', 'port': port,
                  'certificate': local[0], 'key': local[1]},)
    b, ctx = backend(web()), tls.context(ca)
    old = line(b, listeners=listeners, workers=2)
    callers = calling(lambda: tls.connect(port, ctx))
    serve_through(old, callers, (1, 3), b, listeners=listeners)
    status_of_old(old)

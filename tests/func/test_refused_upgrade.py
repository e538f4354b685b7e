# SPDX-License-Identifier: ISC
"""
Upgrades that end in something else than a tunnel: the server refuses, lies,
babbles, hangs or is not there.  The client gets a status and, on loopback, the
cause and the remedy; the log has one line that says the same.
"""

import re
import time

import pytest

import wire
from backends import RecordingBackend, answering_once, tunnel
from daemon import free_port
from wire import (KEY, QUIET, Response, accept_of, chunk, from_client, get,
                  response, switching, upgrade, wait_until)

BODY = b'{"error":"session expired"}' + b' ' * 3000
FIELDS = ('WWW-Authenticate: Basic realm="x"', 'X-Odd:1', 'set-cookie: a=b')


def body_with_length(status):
    return response(status, BODY, *FIELDS)


def body_in_chunks(status):
    return (f'HTTP/1.1 {status} Fine\r\nTransfer-Encoding: chunked\r\n'
            + ''.join(f + '\r\n' for f in FIELDS) + '\r\n'
            ).encode() + chunk(BODY[:10]) + chunk(BODY[10:]) + wire.LAST_CHUNK


def body_until_close(status):
    return (f'HTTP/1.1 {status} Fine\r\nConnection: close\r\n'
            + ''.join(f + '\r\n' for f in FIELDS) + '\r\n').encode() + BODY


@pytest.mark.parametrize('framing', [body_with_length, body_in_chunks,
                                     body_until_close],
                         ids=['length', 'chunked', 'until-close'])
@pytest.mark.parametrize('status', [401, 403, 404, 426, 502, 200, 302])
def test_refusal_reaches_the_client_whole(
        status, framing, bowsprit, backend, client):
    answer = framing(status)

    def script(w, number):
        w.read_head()
        w.send(answer)
        if framing is body_until_close:
            return None
        w.expect_gone()  # it would keep the connection: bowsprit ends it
        w.gone = True
        return None

    b = backend(script)
    bs = bowsprit(b)
    c = client(bs)
    c.send(upgrade())
    came = c.read_to_end()
    head, _, body = came.partition(b'\r\n\r\n')
    sent_head, _, sent_body = answer.partition(b'\r\n\r\n')
    r = Response(head + b'\r\n\r\n')
    assert (r.status, r.phrase) == (status, 'Fine')
    for field in FIELDS:
        assert f'\r\n{field}\r\n'.encode() in r.raw
    # The framing may be said anew, the body may not be another.
    if r.get('Transfer-Encoding'):
        again = wire.Wire.__new__(wire.Wire)
        again.buf, again.received = bytearray(body), bytearray()
        assert b''.join(again.read_chunks()) == BODY
    else:
        assert body == BODY
    if framing is not body_until_close:
        wait_until(lambda: hasattr(b.wires[0], 'gone'),
                   'the end of the connection to the server')
    assert not bs.events('Connection opened')
    bs.wait_status(status)


def test_refusal_of_a_megabyte(bowsprit, backend, client):
    body = bytes(range(256)) * 4096
    c = client(bowsprit(backend(answering_once(response(403, body)))))
    c.send(upgrade())
    r = c.read_response()
    assert r.status == 403 and r.body == body
    c.expect_end()


def failed(bs, c, status, code, message=None, started=None):
    """
    What a failed upgrade must leave: status, cause and remedy for the client,
    one line in the log with the same; then the end.
    """
    r = c.read_final_response()
    c.expect_end()
    assert r.status == status, r.raw + r.body
    e = bs.wait_event('[WebSocket Proxy Error]')
    assert len(bs.events('[WebSocket Proxy Error]')) == 1
    assert e['code'] == code, e
    if message:
        assert e['message'] == message
    assert e['url'] == '/ws' and e['headers'], e
    assert e['hint'], 'no remedy in the log'
    text = re.sub(r'\s+', ' ', r.body.decode())
    hint = re.sub(r'\s+', ' ', e['hint'])
    assert hint in text or hint in re.sub('<[^>]*>|&#?[a-z0-9]+;', '', text), (
        f'no remedy in the body: {text!r}')
    assert not bs.events('Connection opened')
    return e, text


REFUTED = {
    'wrong accept': switching('AAAAAAAAAAAAAAAAAAAAAA=='),
    'no accept': switching().replace(
        f'Sec-WebSocket-Accept: {accept_of(KEY)}\r\n'.encode(), b''),
    'accept in lower case': switching().replace(
        accept_of(KEY).encode(), accept_of(KEY).lower().encode()),
    'accept twice': switching().replace(
        b'\r\n\r\n', f'\r\nSec-WebSocket-Accept: {accept_of("x")}\r\n\r\n'
        .encode()),
    'no upgrade': switching().replace(b'Upgrade: websocket\r\n', b''),
    'other upgrade': switching().replace(b'websocket', b'h2c'),
    'no connection': switching().replace(b'Connection: Upgrade\r\n', b''),
    'other connection': switching().replace(b'Connection: Upgrade',
                                            b'Connection: close'),
}


@pytest.mark.parametrize('case', REFUTED)
def test_101_that_is_not_ours(case, bowsprit, backend, client):
    b = backend(lambda w, n: (w.read_head(), w.send(REFUTED[case]),
                              w.expect_gone()))
    bs = bowsprit(b)
    c = client(bs)
    c.send(upgrade())
    failed(bs, c, 502, 'EPROTO')
    assert b'HTTP/1.1 101' not in c.received


def test_101_with_wrong_accept_passes_where_that_was_asked_for(
        bowsprit, backend, client):
    def script(w, number):
        w.read_head()
        w.send(REFUTED['wrong accept'])
        return RecordingBackend.KEEP

    c = client(bowsprit(backend(script), routes=(
        {'path': '/**', 'upgrade': 'both', 'backend': 'app',
         'verify_accept': False},)))
    c.send(upgrade())
    assert c.read_head() == REFUTED['wrong accept']


@pytest.mark.parametrize('interim', [
    b'HTTP/1.1 100 Continue\r\n\r\n',
    b'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n',
    b'HTTP/1.1 100 Continue\r\n\r\n' * 3])
@pytest.mark.parametrize('glued', [True, False])
def test_interim_answer_before_the_101(
        glued, interim, bowsprit, backend, client):
    def script(w, number):
        w.read_head()
        if glued:
            w.send(interim + switching() + wire.frame(b'hi'))
        else:
            w.send(interim)
            time.sleep(0.05)  # another segment; either order must work
            w.send(switching() + wire.frame(b'hi'))
        return RecordingBackend.KEEP

    c = client(bowsprit(backend(script)))
    c.send(upgrade())
    heads = b''
    while (head := c.read_head()) != switching():
        heads += head
    assert heads in (interim, b''), 'passed on as they came, or not at all'
    assert c.read_message() == (wire.BINARY, b'hi')


@pytest.mark.parametrize('first', [b'HTTP/1.1 100 Continue\r\n\r\n', b''])
def test_interim_answer_before_a_refusal(first, bowsprit, backend, client):
    c = client(bowsprit(backend(answering_once(first + response(403, 'no')))))
    c.send(upgrade())
    r = c.read_final_response()
    assert (r.status, r.body) == (403, b'no')
    c.expect_end()


def test_bare_word_of_the_dev_server(bowsprit, backend, client):
    """Next's dev server answers a foreign Origin with no HTTP at all."""
    b = backend(answering_once(b'Unauthorized'))
    bs = bowsprit(b)
    c = client(bs)
    c.send(upgrade())
    _, text = failed(bs, c, 502, 'HPE_INVALID_CONSTANT')
    assert 'allowedDevOrigins' in text


@pytest.mark.parametrize('garbage', [
    b'\x16\x03\x01\x00\x05hello', b'SSH-2.0-OpenSSH_9.2\r\n',
    b'RFB 003.008\n', b'HTTP/2.0 200 OK\r\n\r\n', b'HTTP/1.1 1 X\r\n\r\n',
    b'HTTP/1.1 101\nUpgrade: websocket\n\n', b'\r\n' * 100, b'H' * 100000])
def test_garbage_is_answered_at_once(garbage, bowsprit, backend, client):
    """Not only at the handshake's limit, and whether it closes or not."""
    def script(w, number):
        w.read_head()
        w.send(garbage)
        w.expect_gone()

    bs = bowsprit(backend(script))
    c = client(bs)
    c.send(upgrade())
    assert c.read_response().status == 502
    c.expect_end()
    assert bs.wait_event('[WebSocket Proxy Error]')['hint']


def test_server_that_closes(bowsprit, backend, client):
    bs = bowsprit(backend(lambda w, n: w.read_head() and None))
    c = client(bs)
    c.send(upgrade())
    failed(bs, c, 502, 'ECONNRESET', 'socket hang up')


def test_server_that_resets(bowsprit, backend, client):
    bs = bowsprit(backend(lambda w, n: w.read_head() and w.reset()))
    c = client(bs)
    c.send(upgrade())
    failed(bs, c, 502, 'ECONNRESET', 'socket hang up')


def test_server_that_closes_within_its_head(bowsprit, backend, client):
    bs = bowsprit(backend(answering_once(switching()[:50])))
    c = client(bs)
    c.send(upgrade())
    failed(bs, c, 502, 'ECONNRESET')


def test_server_that_accepts_and_closes_unread(bowsprit, backend, client):
    bs = bowsprit(backend(lambda w, n: None))
    c = client(bs)
    c.send(upgrade())
    failed(bs, c, 502, 'ECONNRESET')


def test_server_that_is_not_there(bowsprit, client, down):
    bs = bowsprit(down)
    c = client(bs)
    c.send(upgrade())
    _, text = failed(bs, c, 502, 'ECONNREFUSED')
    assert down in text


def test_upgrade_is_never_sent_twice(bowsprit, backend, client):
    """Not even if the connection to a server dies at once."""
    b = backend(lambda w, n: w.read_head() and w.reset())
    c = client(bowsprit(b))
    c.send(upgrade())
    assert c.read_response().status == 502
    assert len(b.wires) == 1


@pytest.mark.parametrize('babble', [b'', b'HTTP/1.1 101 Switching',
                                    b'HTTP/1.1 100 Continue\r\n\r\n'])
def test_silent_server(babble, bowsprit, backend, client):
    """Whatever it sent before: only a whole head ends the handshake."""
    def script(w, number):
        w.read_head()
        w.send(babble)
        w.expect_gone()
        w.gone = True

    b = backend(script)
    bs = bowsprit(b, timeouts={'handshake': '400ms'})
    c = client(bs)
    start = time.monotonic()
    c.send(upgrade())
    failed(bs, c, 504, 'ETIMEDOUT', 'socket timeout')
    assert 0.35 < time.monotonic() - start < 2 * wire.SLOW
    wait_until(lambda: hasattr(b.wires[0], 'gone'), 'the server to be let go')


def test_limit_of_the_handshake_ends_with_it(open_tunnel):
    c, s, _ = open_tunnel(timeouts={'handshake': '300ms',
                                    'response': '300ms', 'stall': '300ms',
                                    'header': '300ms',
                                    'client_keepalive': '300ms',
                                    'backend_keepalive': '300ms'})
    c.expect_quiet(1)
    s.send(wire.frame(b'still here'))
    assert c.read_message() == (wire.BINARY, b'still here')
    c.send(from_client(b'me too'))
    assert s.read_message() == (wire.BINARY, b'me too')


def test_connect_limit(bowsprit, client):
    """A server whose queue is full: its kernel drops our SYN."""
    import socket
    full = socket.socket()
    full.bind(('127.0.0.1', 0))
    full.listen(0)
    port = full.getsockname()[1]
    fillers = []
    for _ in range(4):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(('127.0.0.1', port))
        fillers.append(s)
    try:
        bs = bowsprit(f'http://127.0.0.1:{port}',
                      timeouts={'connect': '300ms'})
        c = client(bs)
        start = time.monotonic()
        c.send(upgrade())
        failed(bs, c, 504, 'ETIMEDOUT', 'connect ETIMEDOUT')
        assert time.monotonic() - start < 2 * wire.SLOW
    finally:
        for s in [full, *fillers]:
            s.close()


def test_unknown_path_is_told_the_nearest_pattern(bowsprit, backend, client):
    b = backend(tunnel)
    bs = bowsprit(argv=[
        '-l', '127.0.0.1:@PORT@', '--log-format', 'json', '-b', b.url,
        '-w', f'/api/auth/session/{{id}}/novnc/websock={b.url}',
        '-w', f'/logs/**={b.url}'])
    start = time.monotonic()
    c = client(bs)
    c.send(upgrade('/api/auth/session/7/novnc/websocket'))
    r = c.read_response()
    c.expect_end()
    assert r.status == 404
    assert b'/api/auth/session/{id}/novnc/websock' in r.body
    assert b'/logs/' not in r.body
    assert time.monotonic() - start < 1, 'not at once'
    assert not b.wires, 'no server was asked'
    bs.wait_event('Failed to proxy')
    lines = [e for e in bs.events() if '/novnc/websocket' in str(e)]
    assert any('{id}/novnc/websock' in str(e) for e in lines), lines


def test_default_backend_takes_upgrades_of_next_only(
        bowsprit, backend, client):
    b = backend(tunnel)
    bs = bowsprit(argv=['-l', '127.0.0.1:@PORT@', '--log-format', 'json',
                        '-b', b.url])
    c = client(bs)
    c.open_websocket('/_next/webpack-hmr?id=1')
    c = client(bs)
    c.send(upgrade('/anything'))
    assert c.read_response().status == 404
    c.expect_end()


@pytest.mark.parametrize('takes, upgrades, requests', [
    ('websocket', True, False), ('both', True, True), ('none', False, True),
    ('next', False, True)])
def test_what_a_route_takes(takes, upgrades, requests, bowsprit, backend,
                            client):
    def script(w, number):
        r = wire.Request(w.read_head())
        if r.get('Upgrade'):
            w.send(switching(r.get('Sec-WebSocket-Key')))
            return RecordingBackend.KEEP
        w.send(response(200))
        return None

    b = backend(script)
    rest = backend(answering_once(response(299)))
    bs = bowsprit(b, backends={
        'app': {'servers': (b.url,)}, 'rest': {'servers': (rest.url,)}},
        routes=({'path': '/ws', 'upgrade': takes, 'backend': 'app'},
                {'path': '/**', 'backend': 'rest'}))
    c = client(bs)
    c.send(upgrade())
    assert c.read_head().startswith(
        b'HTTP/1.1 101 ' if upgrades else b'HTTP/1.1 404 ')
    c = client(bs)
    c.send(get('/ws'))
    assert c.read_response().status == (200 if requests else 299)


def test_upgrade_without_key_is_the_servers_affair(
        bowsprit, backend, client):
    """curl -H 'Upgrade: websocket' to find out who answers."""
    b = backend(answering_once(response(400, 'no key', 'X-Who: me')))
    c = client(bowsprit(b))
    c.send(upgrade(key=None))
    r = c.read_response()
    assert (r.status, r.body, r.get('X-Who')) == (400, b'no key', 'me')
    assert b'\r\nUpgrade: websocket\r\n' in b.wires[0].received


def test_101_without_key_is_refused(bowsprit, backend, client):
    bs = bowsprit(backend(answering_once(
        b'HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
        b'\r\n')))
    c = client(bs)
    c.send(upgrade(key=None) + from_client(b'early'))
    failed(bs, c, 502, 'EPROTO')


@pytest.mark.parametrize('detail, told', [('all', True), ('local', True),
                                          ('none', False)])
def test_error_detail(detail, told, bowsprit, client, down):
    bs = bowsprit(down, error_detail=detail)
    c = client(bs)
    c.send(upgrade())
    r = c.read_response()
    assert r.status == 502
    e = bs.wait_event('[WebSocket Proxy Error]')
    assert (down.encode() in r.body) == told
    if not told:
        assert b'ECONNREFUSED' not in r.body
        assert str(e['id']).encode() in r.body, 'no id to look for in the log'


def test_detail_is_not_for_clients_from_afar(bowsprit, client, down):
    """Who says so is the nearest proxy that we trust."""
    bs = bowsprit(down)
    c = client(bs)
    c.send(upgrade('/ws', 'localhost', 'X-Forwarded-For: 203.0.113.7'))
    r = c.read_response()
    assert r.status == 502
    assert down.encode() not in r.body and b'REFUSED' not in r.body


def test_own_answer_is_no_page_of_the_peer(bowsprit, client, down):
    """Nothing from the request stands unescaped in an HTML body."""
    c = client(bowsprit(down))
    c.send(upgrade('/<script>alert(1)</script>'.replace('<', '%3C')
                   + '?<script>', 'localhost<script>'))
    r = c.read_response()
    if 'html' in (r.get('Content-Type') or ''):
        assert b'<script>' not in r.body


def test_client_goes_during_connect(bowsprit, backend, client):
    """And the next one is served."""
    b = backend(tunnel)
    bs = bowsprit(b)
    for _ in range(50):
        c = client(bs)
        c.send(upgrade())
        c.reset()
    c = client(bs)
    c.open_websocket()


def test_refused_by_a_port_that_opens_later(bowsprit, backend, client):
    """A backend that was down is asked again by the next upgrade."""
    port = free_port()
    bs = bowsprit(f'http://127.0.0.1:{port}')
    c = client(bs)
    c.send(upgrade())
    assert c.read_response().status == 502
    b = backend(tunnel, port=port)
    c = client(bs)
    c.open_websocket()
    assert len(b.wires) == 1


def test_silence_is_not_confused_with_slowness(bowsprit, backend, client):
    """A 101 within the limit is in time, however slow its bytes are."""
    def script(w, number):
        w.read_head()
        for byte in switching():
            w.send(bytes([byte]))
            time.sleep(0.003)
        return RecordingBackend.KEEP

    c = client(bowsprit(backend(script), timeouts={'handshake': '5s'}))
    c.open_websocket()
    c.expect_quiet(QUIET)

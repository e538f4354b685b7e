# SPDX-License-Identifier: ISC
"""
The promise: heads pass as the bytes that came, less and plus what the manual
lists.  Compared as bytes, never as parsed fields.
"""

import re

import pytest

from backends import answering, tunnel
from wire import (KEY, Request, accept_of, get, response, switching, upgrade,
                  wait_until)

GOOD_ID = rb'[A-Za-z0-9._-]{1,128}'


def added(host='localhost', request_id=True):
    """A pattern for what is put before the last CRLF, and nothing else."""
    lines = ['X-Forwarded-For: 127.0.0.1',
             'X-Forwarded-Proto: http',
             f'X-Forwarded-Host: {re.escape(host)}',
             # As http-proxy has it: the one in Host, or the scheme's.
             f'X-Forwarded-Port: {host.partition(":")[2] or "80"}']
    block = ''.join(line + '\r\n' for line in lines).encode('latin-1')
    if request_id:
        block += b'X-Request-Id: ' + GOOD_ID + b'\r\n'
    return block


def assert_sent_plus(came, sent, block):
    """came is sent, with the block of additions before the empty line."""
    sent = bytes(sent)
    assert came.startswith(sent[:-2]), (
        f'changed at byte {first_difference(came, sent[:-2])}:\n'
        f'sent {sent!r}\ncame {came!r}')
    rest = came[len(sent) - 2:]
    assert re.fullmatch(block + b'\r\n', rest), f'added: {rest!r}'


def first_difference(a, b):
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y),
                min(len(a), len(b)))


def head(*lines, first='GET /ws HTTP/1.1'):
    return ''.join(s + '\r\n' for s in (first, *lines, '')).encode('latin-1')


HOST = 'Host: localhost'
UP = ('Upgrade: websocket', 'Connection: Upgrade')
SEC = (f'Sec-WebSocket-Key: {KEY}', 'Sec-WebSocket-Version: 13')
PLAIN = (HOST, *UP, *SEC)

# Each is a legal head of an upgrade that some client, proxy or test suite
# sends and some proxy rewrites.
UPGRADES = {
    'plain': head(*PLAIN),
    'chromium': head(
        HOST, 'Connection: Upgrade', 'Pragma: no-cache',
        'Cache-Control: no-cache', 'User-Agent: Mozilla/5.0 (X11; Linux '
        'x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0',
        'Upgrade: websocket', 'Origin: http://localhost:3000',
        'Sec-WebSocket-Version: 13', 'Accept-Encoding: gzip, deflate, br, '
        'zstd', 'Accept-Language: en-US,en;q=0.9',
        'Cookie: ssh_session=tok.1-_~; theme=dark',
        f'Sec-WebSocket-Key: {KEY}', 'Sec-WebSocket-Extensions: '
        'permessage-deflate; client_max_window_bits',
        first='GET /api/auth/session/abc-123/novnc/websock HTTP/1.1'),
    'firefox': head(HOST, 'Connection: keep-alive, Upgrade',
                    'Upgrade: websocket', *SEC, 'Sec-Fetch-Mode: websocket'),
    'connection on two lines': head(
        HOST, 'Connection: keep-alive', 'Connection: Upgrade',
        'Upgrade: websocket', *SEC),
    'connection with blanks': head(
        HOST, 'Connection: ,  keep-alive ,\tUPGRADE,,', 'Upgrade: websocket',
        *SEC),
    'lower case': head(*(s.partition(':')[0].lower() + ':' + s.partition(
        ':')[2] for s in PLAIN)),
    'upper case': head(*(s.partition(':')[0].upper() + ':' + s.partition(
        ':')[2] for s in PLAIN)),
    'mixed case': head(HOST, 'uPGRADE: WebSocket', 'cOnNeCtIoN: uPgRaDe',
                       f'sEc-wEbSoCkEt-kEy: {KEY}',
                       'SEC-websocket-VERSION: 13'),
    'reverse order': head(*reversed(PLAIN)),
    'host last': head(*UP, *SEC, 'X-Before: 1', HOST),
    'upgrade lists two': head(HOST, 'Upgrade: foo/2, websocket',
                              'Connection: Upgrade', *SEC),
    'duplicates': head(
        *PLAIN, 'X-Twice: one', 'Cookie: a=1', 'X-Twice: two', 'Cookie: b=2',
        'x-twice: one', 'Sec-WebSocket-Protocol: binary',
        'Sec-WebSocket-Protocol: base64',
        'Sec-WebSocket-Extensions: permessage-deflate',
        'Sec-WebSocket-Extensions: x-webkit-deflate-frame'),
    'no blank after colon': head(*(s.replace(': ', ':') for s in PLAIN)),
    'many blanks': head(*(s.replace(': ', ': \t  ') + ' \t ' for s in PLAIN)),
    'empty values': head(*PLAIN, 'X-Empty:', 'X-Blank: ', 'X-Tab:\t',
                         'Origin:', 'Sec-WebSocket-Protocol: binary'),
    'obs-text': head(*PLAIN, 'X-Latin: caf\xe9 \x80\xff',
                     'Cookie: name=\xc3\xbc'),
    'tab within': head(*PLAIN, 'X-Tab: a\tb'),
    'underscores': head(*PLAIN, 'X_Underscore: kept', '_: 1', 'a_b-c_d: 2'),
    'every token character': head(*PLAIN, "!#$%&'*+-.^_`|~09azAZ: 1"),
    'punctuation': head(*PLAIN, 'X-P: :;,="\\()<>@[]{}?/ \'%00%0d%0a\\r\\n'),
    'hop-by-hop fields': head(
        HOST, 'Connection: Upgrade, Keep-Alive, X-Hop', 'Upgrade: websocket',
        *SEC, 'X-Hop: 1', 'Keep-Alive: timeout=5', 'TE: trailers',
        'Proxy-Connection: keep-alive'),
    'content-length of 0': head(*PLAIN, 'Content-Length: 0'),
    'authorization': head(*PLAIN, 'Authorization: Bearer a.b.c',
                          'Proxy-Authorization: Basic eDp5'),
    'subprotocol with token': head(
        *PLAIN, 'Sec-WebSocket-Protocol: graphql-ws, '
        'base64url.bearer.authorization.k8s.io.Zm9v'),
    'other version': head(HOST, *UP, f'Sec-WebSocket-Key: {KEY}',
                          'Sec-WebSocket-Version: 8'),
    'slash encoded': head(*PLAIN, first='GET /a%2Fb/%2f?x=%2F HTTP/1.1'),
    'percent': head(*PLAIN, first='GET /%20%E2%82%AC/%7e?%3f=%26 HTTP/1.1'),
    'empty parameters': head(*PLAIN, first='GET /ws?a=&&=b&c=+&?? HTTP/1.1'),
    'brackets': head(*PLAIN, first='GET /ws?q[]=1&r={2}|3 HTTP/1.1'),
    'intercepting route': head(*PLAIN, first='GET /feed/(..)photo/1 HTTP/1.1'),
    'dots in the query': head(*PLAIN, first='GET /ws?next=/../x HTTP/1.1'),
    'matrix parameters': head(*PLAIN, first='GET /ws;v=1/x,y:z@1 HTTP/1.1'),
    'long target': head(*PLAIN, first=f'GET /{"x" * 8000} HTTP/1.1'),
    'bare question mark': head(*PLAIN, first='GET /ws? HTTP/1.1'),
    '300 fields': head(*PLAIN, *(f'X-{i}: {i}' for i in range(300))),
    '40 KiB of cookies': head(*PLAIN, *(
        f'Cookie: s.{i}={"v" * 3900}' for i in range(10))),
    'a cookie of 40 KiB': head(*PLAIN, f'Cookie: s={"v" * 40960}'),
    '60 KiB': head(*PLAIN, *(f'X-{i}: {"y" * 1000}' for i in range(59)),
                   f'X-Last: {"z" * 700}'),
}


@pytest.mark.parametrize('name', UPGRADES)
def test_upgrade_reaches_the_server_as_it_was_sent(
        name, bowsprit, backend, client):
    b = backend(tunnel)
    bs = bowsprit(b)
    sent = UPGRADES[name]
    c = client(bs)
    c.send(sent)
    assert c.read_head() == switching()
    came = bytes(b.wait_for().received)
    assert_sent_plus(came, sent, added())


REQUESTS = {
    'plain': get('/'),
    'odd': head(HOST, 'aCCept:*/*', 'X_Under: 1', 'Cookie: a=1', 'X-E:',
                'Cookie: b=2', 'X-L: \xe9', first='GET /x%2Fy?&a HTTP/1.1'),
    'rsc': head(HOST, 'RSC: 1', 'Next-Router-State-Tree: %5B%22%22%5D',
                'Next-Url: /a', first='GET /a?_rsc=1x HTTP/1.1'),
    'unknown method': head(HOST, first='PROPFIND /x HTTP/1.1'),
    'options': head(HOST, first='OPTIONS /x HTTP/1.1'),
    'empty line before': b'\r\n' + get('/'),
}


@pytest.mark.parametrize('name', REQUESTS)
def test_ordinary_request_reaches_the_server_as_it_was_sent(
        name, bowsprit, backend, client):
    b = backend(answering(response(200, 'ok')))
    bs = bowsprit(b)
    sent = REQUESTS[name]
    c = client(bs)
    c.send(sent)
    assert c.read_response().status == 200
    came = bytes(b.wait_for().received)
    # Empty lines before the request line are skipped, not forwarded.
    assert_sent_plus(came, sent.lstrip(b'\r\n'), added())


def odd_101(*lines, first='HTTP/1.1 101 Switching Protocols'):
    return head(*lines, first=first)


ACCEPT = f'Sec-WebSocket-Accept: {accept_of(KEY)}'

SWITCHINGS = {
    'websockify': odd_101(
        'Upgrade: websocket', 'Connection: Upgrade', ACCEPT,
        first='HTTP/1.1 101 Switching Protocols'),
    'http-proxy': odd_101('upgrade: websocket', 'connection: Upgrade',
                          ACCEPT.lower()[:21] + ACCEPT[21:]),
    'fields of its own': odd_101(
        'Server: X/1 (y)', 'Date: Sat, 21 Nov 2026 00:19:41 GMT',
        'Set-Cookie: a=1', 'Upgrade:WebSocket', 'Set-Cookie: b=2; Path=/',
        'Connection:  upgrade , keep-alive\t', ACCEPT, 'X_Under: 1',
        'X-Empty:', 'X-Latin: \xe9', 'Keep-Alive: timeout=5',
        'Sec-WebSocket-Protocol: binary', 'Via: 1.1 x'),
    'other phrase': odd_101(
        'Upgrade: websocket', 'Connection: Upgrade', ACCEPT,
        first='HTTP/1.1 101 Web Socket Protocol Handshake \xe9'),
    'no phrase': odd_101('Upgrade: websocket', 'Connection: Upgrade', ACCEPT,
                         first='HTTP/1.1 101 '),
    'huge': odd_101('Upgrade: websocket', 'Connection: Upgrade', ACCEPT, *(
        f'Set-Cookie: c{i}={"v" * 3900}' for i in range(10))),
}


@pytest.mark.parametrize('name', SWITCHINGS)
def test_101_reaches_the_client_as_it_was_sent(
        name, bowsprit, backend, client):
    answer = SWITCHINGS[name]

    def script(w, number):
        w.read_head()
        w.send(answer)
        return b.KEEP

    b = backend(script)
    c = client(bowsprit(b))
    c.send(upgrade())
    came = c.read(len(answer))
    assert came == answer, f'differs at {first_difference(came, answer)}'
    c.expect_quiet()


def test_response_head_reaches_the_client_as_it_was_sent(
        bowsprit, backend, client):
    answer = head('dATE: yesterday', 'Set-Cookie: a=1', 'X_U:1', 'X-E:',
                  'Set-Cookie: b=2', 'X-L: \xe9\t ', 'Content-Length: 2',
                  'Vary: RSC', first='HTTP/1.1 200 It is  fine \xe9') + b'ok'
    b = backend(answering(answer))
    c = client(bowsprit(b))
    c.send(get())
    assert c.read(len(answer)) == answer
    c.expect_quiet()


def test_response_keeps_all_but_what_is_between_server_and_bowsprit(
        bowsprit, backend, client):
    b = backend(answering(head(
        'A: 1', 'Connection: close, X-Hop', 'X-Hop: 1', 'B: 2',
        'Keep-Alive: timeout=5', 'Content-Length: 2', 'C: 3',
        first='HTTP/1.1 200 OK') + b'ok'))
    c = client(bowsprit(b))
    c.send(get())
    r = c.read_response()
    names = [n for n, _ in r.fields
             if n.lower() not in ('connection', 'keep-alive')]
    assert names == ['A', 'B', 'Content-Length', 'C']
    assert 'X-Hop' not in (r.get('Connection') or '')
    c.send(get())  # the server's "close" was not the client's affair
    assert c.read_response().status == 200


def test_version_of_a_response_is_ours(bowsprit, backend, client):
    def script(w, number):
        w.read_head()
        w.send(b'HTTP/1.0 200 OK\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nok')

    c = client(bowsprit(backend(script)))
    c.send(get())
    r = c.read_response()  # it insists on HTTP/1.1
    assert (r.get('X-A'), r.body) == ('1', b'ok')


def test_hop_by_hop_fields_of_a_request_end_here(bowsprit, backend, client):
    b = backend(answering(response(200, 'ok')))
    bs = bowsprit(b)
    c = client(bs)
    c.send(get('/', 'localhost', 'A: 1',
               'Connection: keep-alive, X-Hop, Cookie, Host, Authorization, '
               'Origin, X-Forwarded-For, Content-Length',
               'X-Hop: 1', 'Keep-Alive: 5', 'Proxy-Connection: keep-alive',
               'TE: trailers', 'Cookie: a=1', 'Authorization: x',
               'Origin: http://localhost', 'B: 2'))
    assert c.read_response().status == 200
    r = Request(bytes(b.wait_for().received))
    names = [n for n, _ in r.fields if n.lower() != 'connection']
    assert names == ['Host', 'A', 'Cookie', 'Authorization', 'Origin', 'B',
                     'X-Forwarded-For', 'X-Forwarded-Proto',
                     'X-Forwarded-Host', 'X-Forwarded-Port', 'X-Request-Id']
    assert 'x-hop' not in (r.get('Connection') or '').lower()


FORGED = ['X-Forwarded-For: 6.6.6.6', 'X-Forwarded-Proto: https',
          'x-forwarded-host: evil.example', 'X-FORWARDED-PORT: 1',
          'X-Real-IP: 6.6.6.6', 'Forwarded: for=6.6.6.6',
          'X_Forwarded_For: 6.6.6.6', 'X-Forwarded_Proto: https',
          'x_forwarded-host: evil', 'X-Forwarded-For: 7.7.7.7']


@pytest.mark.parametrize('kind', ['upgrade', 'request'])
def test_stranger_cannot_forge_forwarding(kind, bowsprit, backend, client):
    """From a peer that is not trusted those fields are removed first."""
    if kind == 'upgrade':
        b = backend(tunnel)
        clean = ['Host: localhost', *UP, *SEC, 'A: 1', 'X-Forwarded-Server: s',
                 'B: 2']
    else:
        b = backend(answering(response(200)))
        clean = ['Host: localhost', 'A: 1', 'X-Forwarded-Server: s', 'B: 2']
    bs = bowsprit(b, trusted_proxies=())
    forged = list(FORGED)
    sent = []
    for line in clean:  # between, before and after the others
        sent += [line, forged.pop(0)] if forged else [line]
    sent = forged + sent if kind == 'upgrade' else sent + forged
    c = client(bs)
    c.send(head(*sent))
    c.read_head()
    assert_sent_plus(bytes(b.wait_for().received), head(*clean), added())
    warning = bs.wait_event('not trusted', level=40)
    assert 'trusted_proxies' in str(warning), 'no word of how to trust it'
    c = client(bs)
    c.send(head(*sent))
    c.read_head()
    assert len(bs.events('not trusted')) <= 2, (
        'one warning for a peer is enough (one a worker at most)')


def test_trusted_peer_keeps_its_forwarding(bowsprit, backend, client):
    b = backend(tunnel)
    bs = bowsprit(b)  # loopback is trusted by default
    c = client(bs)
    c.send(upgrade('/ws', 'app.example', 'X-Forwarded-For: 203.0.113.7',
                   'X-Forwarded-Proto: https', 'A: 1',
                   'X-Forwarded-Host: app.example:8443',
                   'X-Forwarded-Port: 8443', 'X-Real-IP: 203.0.113.7',
                   'Forwarded: for=203.0.113.7'))
    assert c.read_head() == switching()
    r = Request(bytes(b.wait_for().received))
    joined = ', '.join(r.all('X-Forwarded-For'))
    assert joined == '203.0.113.7, 127.0.0.1'
    assert r.get('X-Forwarded-Proto') == 'https'
    assert r.get('X-Forwarded-Host') == 'app.example:8443'
    assert r.get('X-Forwarded-Port') == '8443'
    assert r.get('X-Real-IP') == '203.0.113.7'
    assert r.get('Forwarded') == 'for=203.0.113.7'
    assert not bs.complaints()
    line = bs.wait_event('Handling')
    assert line['client'].startswith('203.0.113.7'), 'the client in logs'


def test_trusted_peer_that_says_only_for(bowsprit, backend, client):
    b = backend(tunnel)
    bs = bowsprit(b)
    c = client(bs)
    c.open_websocket('/ws', f'localhost:{bs.port}',
                     'X-Forwarded-For: 10.1.1.1')
    r = Request(bytes(b.wait_for().received))
    assert ', '.join(r.all('X-Forwarded-For')) == '10.1.1.1, 127.0.0.1'
    assert r.get('X-Forwarded-Proto') == 'http'
    assert r.get('X-Forwarded-Host') == f'localhost:{bs.port}'
    assert r.get('X-Forwarded-Port') == str(bs.port)


def test_trusted_network(bowsprit, backend, client):
    """127.0.0.0/8 is not meant when only another network is trusted."""
    b = backend(tunnel)
    bs = bowsprit(b, trusted_proxies=('10.0.0.0/8',))
    c = client(bs)
    c.open_websocket('/ws', 'localhost', 'X-Forwarded-For: 10.1.1.1')
    r = Request(bytes(b.wait_for().received))
    assert r.all('X-Forwarded-For') == ['127.0.0.1']


def test_good_request_id_is_kept(bowsprit, backend, client):
    b = backend(tunnel)
    bs = bowsprit(b)
    c = client(bs)
    sent = upgrade('/ws', 'localhost', 'X-Request-Id: ' + 'aZ9._-' + 'x' * 122)
    c.send(sent)
    assert c.read_head() == switching()
    assert_sent_plus(bytes(b.wait_for().received), sent,
                     added(request_id=False))


@pytest.mark.parametrize('bad', ['', 'a b', 'x' * 129, 'a"b', '\xe9'])
def test_bad_request_id_is_replaced(bad, bowsprit, backend, client):
    b = backend(tunnel)
    c = client(bowsprit(b))
    c.open_websocket('/ws', 'localhost', f'X-Request-Id: {bad}')
    value = Request(bytes(b.wait_for().received)).get('X-Request-Id')
    assert re.fullmatch(GOOD_ID.decode(), value) and value != bad


def test_request_ids_differ(bowsprit, backend, client):
    b = backend(answering(response(200)))
    bs = bowsprit(b)
    c = client(bs)
    for _ in range(20):
        c.send(get())
        c.read_response()
    seen = re.findall(rb'X-Request-Id: (\S+)', bytes(b.wires[0].received))
    assert len(set(seen)) == 20


@pytest.mark.parametrize('kind', ['upgrade', 'request'])
def test_change_origin_changes_the_host_and_nothing_else(
        kind, bowsprit, backend, client):
    b = backend(tunnel if kind == 'upgrade' else answering(response(200)))
    bs = bowsprit(b, backends={'app': {'servers': (b.url,),
                                       'change_origin': True}})
    lines = (*UP, *SEC) if kind == 'upgrade' else ('B: 2',)
    c = client(bs)
    c.send(head('A: 1', 'hOST:  app.example:99', *lines))
    c.read_head()
    came = bytes(b.wait_for().received)
    host = re.search(rb'(?i)\r\nhost:[ \t]*([^\r]*)\r\n', came)
    assert host.group(1) == f'127.0.0.1:{b.port}'.encode()
    restored = came.replace(host.group(0), b'\r\nhOST:  app.example:99\r\n')
    assert_sent_plus(restored, head('A: 1', 'hOST:  app.example:99', *lines),
                     added('app.example:99'))


@pytest.mark.parametrize('method, target, heard', [
    ('GET', 'http://localhost/ws?a=http://b/', '/ws?a=http://b/'),
    ('GET', 'WSS://LOCALHOST/%2Fx', '/%2Fx'),
    ('GET', 'http://localhost?a/b', '/?a/b'),
    ('GET', 'http://localhost', '/'),
    ('OPTIONS', 'http://localhost', '*'),
    ('OPTIONS', 'http://localhost/', '/'),
    ('GET', '/http://localhost/x', '/http://localhost/x')])
def test_servers_are_asked_in_origin_form(method, target, heard, bowsprit,
                                          backend, client):
    """RFC 9112 3.2.1; Next fetched what a URL named (CVE-2026-44578)."""
    b = backend(answering(response(200)))
    bs = bowsprit(b)
    for fields in ([HOST], PLAIN) if method == 'GET' else ([HOST],):
        sent = head(*fields, first=f'{method} {target} HTTP/1.1')
        c = client(bs)
        c.send(sent)
        assert c.read_response(method).status == 200
        came = bytes(b.wires[-1].received)
        assert_sent_plus(came, sent.replace(
            f' {target} '.encode(), f' {heard} '.encode()), added())


def test_host_of_an_absolute_form_is_the_host(bowsprit, backend, client):
    """An HTTP/1.0 request has it there only."""
    b = backend(answering(response(200)))
    c = client(bowsprit(b))
    c.send(b'GET http://a.example:81/x HTTP/1.0\r\n\r\n')
    assert c.read_response().status == 200
    came = Request(b.wires[0].received)
    assert (came.target, came.get('Host')) == ('/x', 'a.example:81')


def test_url_with_a_path_replaces_only_the_target(bowsprit, backend, client):
    b = backend(tunnel)
    bs = bowsprit(argv=['-l', '127.0.0.1:@PORT@', '--log-format', 'json', '-w',
                        f'/vm/{{id}}/websock={b.url}/websockify?vm={{id}}'])
    c = client(bs)
    c.send(head(*PLAIN, first='GET /vm/a%20b/websock?lost=1 HTTP/1.1'))
    assert c.read_head() == switching()
    came = bytes(b.wait_for().received)
    assert_sent_plus(came, head(
        *PLAIN, first='GET /websockify?vm=a%20b HTTP/1.1'), added())


def test_url_with_a_path_keeps_the_query(bowsprit, backend, client):
    b = backend(tunnel)
    bs = bowsprit(argv=['-l', '127.0.0.1:@PORT@', '--log-format', 'json', '-w',
                        f'/x/**={b.url}/y/{{**}}'])
    c = client(bs)
    c.open_websocket('/x/1/%41%2F2?token=3&')
    wait_until(lambda: b.wires, 'a connection')
    assert Request(bytes(b.wires[0].received)).target == (
        '/y/1/%41%2F2?token=3&')


def test_version_of_a_101_is_ours(bowsprit, backend, client):
    """A later minor version means ours (RFC 9110 2.5), whatever is said."""
    answer = switching(KEY, 'X-One: 1')

    def script(w, number):
        w.read_head()
        w.send(answer.replace(b'HTTP/1.1', b'HTTP/1.9'))
        return b.KEEP

    b = backend(script)
    c = client(bowsprit(b))
    c.send(upgrade())
    assert c.read_head() == answer

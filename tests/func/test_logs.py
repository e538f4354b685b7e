# SPDX-License-Identifier: ISC
"""
Log lines: the words of the server.js that bowsprit replaces, the same fields
in both formats, no secret and no control character of a peer in any.
"""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import time

import pytest

import wire
from backends import answering, answering_once, echoing, tunnel
from daemon import free_port
from wire import closing, from_client, get, response, switching, upgrade

PATH = '/api/auth/session/abc-123/novnc/websock'


def one_session(bowsprit, backend, client, *argv, name='novnc'):
    """What seed 004 shows: an upgrade, data, the end; its log."""
    b = backend(echoing)
    bs = bowsprit(argv=('-l', '127.0.0.1:@PORT@', *argv, '-w',
                        f'/api/auth/session/{{id}}/novnc/websock={b.url} '
                        f'name={name}'))
    c = client(bs)
    c.send(upgrade(PATH, f'localhost:{bs.port}', 'Sec-WebSocket-Extensions: '
                   'permessage-deflate; client_max_window_bits'))
    assert c.read_head() == switching()
    c.send(from_client(b'x' * 122))
    c.read_message()
    c.send(from_client(closing(1000, b"it's\x1b[0m \n"), wire.CLOSE))
    c.read_message()
    c.expect_gone()
    c.close()
    bs.wait_line('Connection closed')
    return bs, b


# The seed's own: "tail -f … | grep -E …", its list of indicators, and what it
# expects after the start, in this order.
SEQUENCE = [
    r'^> Ready on http://(localhost|127\.0\.0\.1):\d+$',
    r'^> WebSocket proxy enabled for novnc connections$',
    r'^> Proxying to: http://127\.0\.0\.1:\d+ \(novnc\)$',
    r'^\[WebSocket Upgrade\] Handling novnc connection: \{ ',
    r'^\[WebSocket Proxy\] Proxying WebSocket upgrade: \{ ',
    r'^\[WebSocket Proxy\] Connection opened to backend(: \{ |$)',
    r'^\[WebSocket Proxy\] Received data from backend: 124 bytes( \{|: \{|$)',
    r'^\[WebSocket Proxy\] Connection closed: \{ ',
]


def test_words_and_order_of_server_js(bowsprit, backend, client):
    bs, _ = one_session(bowsprit, backend, client, '-v')
    lines = bs.out().splitlines()
    at = []
    for pattern in SEQUENCE:
        found = [i for i, line in enumerate(lines) if re.search(pattern, line)]
        assert found, f'no line like {pattern}'
        at.append(found[0])
    assert at == sorted(at), 'another order'
    grep = [s for s in lines if re.search('WebSocket|upgrade|websock', s)]
    assert len(grep) >= 7
    handling = lines[at[3]]
    for part in (f"pathname: '{PATH}'", "client: '127.0.0.1'", 'headers: { ',
                 "upgrade: 'websocket'", "connection: 'Upgrade'",
                 f"host: 'localhost:{bs.port}'"):
        assert part in handling
    proxying = lines[at[4]]
    for part in (f"url: '{PATH}'", "'sec-websocket-version': '13'",
                 f"'sec-websocket-key': '{wire.KEY}'",
                 "'sec-websocket-extensions': 'permessage-deflate; "
                 "client_max_window_bits'"):
        assert part in proxying
    closed = lines[at[7]]
    for part in ("by: 'client'", "reason: 'close'", 'code: 1000',
                 r"close_reason: 'it\'s\x1b[0m \x0a'", 'age: 0',
                 'from_client: { bytes: 146, messages: 1, text: 0, binary: 1, '
                 'largest: 122, last: 0 }'):
        assert part in closed, closed
    assert len([s for s in lines if 'Connection closed' in s]) == 1


# Seed 004 as it is: its command, its marks of success and of failure.
SEED_GREP = "grep -E '(WebSocket|upgrade|websock)'"
SEED_SUCCESS = ['[WebSocket Upgrade] Handling noVNC connection',
                '[WebSocket Proxy] Proxying WebSocket upgrade',
                '[WebSocket Proxy] Connection opened to backend',
                '[WebSocket Proxy] Received data from backend']
SEED_FAILURE = ['[WebSocket Proxy Error]', '[WebSocket Upgrade] Socket error',
                '[WebSocket Upgrade] Failed to proxy']


def grep(command, file):
    return subprocess.run(f'{command} {shlex.quote(str(file))}', shell=True,
                          stdout=subprocess.PIPE, text=True,
                          check=False).stdout.splitlines()


def test_greps_of_seed_004(bowsprit, backend, client, down):
    bs, _ = one_session(bowsprit, backend, client, '-v', name='noVNC')
    shown = grep(SEED_GREP, bs.out_path)
    at = [min(i for i, line in enumerate(shown) if mark in line)
          for mark in SEED_SUCCESS]
    assert at == sorted(at), 'another order'
    for mark in SEED_FAILURE:
        assert not grep(f'grep -F {shlex.quote(mark)}', bs.out_path)

    bs = bowsprit(argv=('-l', '127.0.0.1:@PORT@', '-b', down, '-w',
                        f'/vm/**={down}'))
    c = client(bs)
    c.send(upgrade('/vm/1'))
    c.read_response()
    bs.wait_line('Proxy Error')
    c = client(bs)
    c.send(upgrade('/nowhere'))
    c.read_response()
    bs.wait_line('Failed to proxy')
    error, = grep(f"grep -F {shlex.quote(SEED_FAILURE[0])}", bs.out_path)
    assert re.search("message: '[^']+', code: 'ECONNREFUSED'", error)


def test_access_on_a_terminal(bowsprit, backend, client):
    """What went wrong, and of a good upgrade opened and closed."""
    def script(w, number):
        head = w.read_head()
        if b'websocket' in head:
            w.send(switching())
            w.expect_gone()
        else:
            w.send(response(404 if b'/bad' in head else 200, '',
                            'Connection: close'))

    port, b = free_port(), backend(script)
    master, slave = os.openpty()
    p = subprocess.Popen(
        [os.environ['BOWSPRIT'], '-l', f'127.0.0.1:{port}', '-r',
         f'/**={b.url}'], stdin=slave, stdout=slave, stderr=slave,
        start_new_session=True)
    os.close(slave)
    text = b''

    def shows(words):
        nonlocal text
        text += os.read(master, 65536)
        return words in text

    try:
        wire.wait_until(lambda: shows(b'> Proxying to'), 'the start')
        for head in (get('/good'), get('/bad'), upgrade('/ws')):
            c = client(port)
            c.send(head)
            c.read_head()
            c.close()
        wire.wait_until(lambda: shows(b'Connection closed'), 'the last line')
        p.send_signal(signal.SIGINT)
        assert p.wait(5 * wire.SLOW) == 0
    finally:
        p.kill()
        p.wait()
        os.close(master)
    lines = [s for s in text.decode().splitlines() if s.startswith('[')]
    assert [s.partition(':')[0].partition(' {')[0] for s in lines] == [
        '[HTTP] GET /bad 404',
        '[WebSocket Proxy] Connection opened to backend',
        '[WebSocket Proxy] Connection closed']
    assert b'\x1b' not in text, 'no colours'


def no_duplicates(pairs):
    names = [k for k, _ in pairs]
    assert len(names) == len(set(names)), f'a name twice: {names}'
    return dict(pairs)


def test_json_lines(bowsprit, backend, client):
    bs, b = one_session(bowsprit, backend, client, '-v', '--log-format',
                        'json')
    events = [json.loads(s, object_pairs_hook=no_duplicates)
              for s in bs.out().splitlines()]
    for e in events:
        assert e['level'] in (20, 30, 40, 50)
        assert e['pid'] == bs.pid
        assert e['hostname'] == socket.gethostname()
        assert abs(e['time'] / 1000 - time.time()) < 60
        assert not e['msg'].endswith((':', '{'))
    by_msg = {e['msg']: e for e in events}
    handling = by_msg['[WebSocket Upgrade] Handling novnc connection']
    assert handling['pathname'] == PATH
    assert handling['headers'] == {
        'host': f'localhost:{bs.port}', 'upgrade': 'websocket',
        'connection': 'Upgrade'}
    proxying = by_msg['[WebSocket Proxy] Proxying WebSocket upgrade']
    assert proxying['url'] == PATH and proxying['backend'] == b.url
    assert proxying['headers']['sec-websocket-key'] == wire.KEY
    opened = by_msg['[WebSocket Proxy] Connection opened to backend']
    assert opened['backend'] == b.url and opened['ms'] >= 0
    assert {'protocol', 'extensions'} <= set(opened)
    closed = by_msg['[WebSocket Proxy] Connection closed']
    assert (closed['by'], closed['reason'], closed['code']) == (
        'client', 'close', 1000)
    assert len({handling['id'], proxying['id'], opened['id'],
                closed['id']}) == 1


def keys_of_text(line):
    """The names of the fields of a line in text."""
    line = re.sub(r"('(?:\\.|[^'\\])*')(:?)",  # without values
                  lambda m: m[0] if m[2] else "''", line)
    return set(re.findall(r"[{,] '?([\w-]+)'?:", line))


def keys_of_json(event):
    keys = set()
    for k, v in event.items():
        keys.add(k)
        if isinstance(v, dict):
            keys |= keys_of_json(v)
    return keys - {'level', 'time', 'pid', 'hostname', 'msg'}


def test_both_formats_have_the_same_fields(bowsprit, backend, client):
    text, _ = one_session(bowsprit, backend, client, '-v')
    js, _ = one_session(bowsprit, backend, client, '-v', '--log-format',
                        'json')
    lines = text.out().splitlines()
    events = [json.loads(s) for s in js.out().splitlines()]
    assert len(lines) == len(events)
    for line, e in zip(lines, events):
        message = re.sub(r'\d+', '', e['msg'])
        line = line.removeprefix('warning: ')
        assert re.sub(r'\d+', '', line).startswith(message)
        assert keys_of_text(line[len(message):]) == keys_of_json(e), line


@pytest.mark.parametrize('log_format', ['text', 'json'])
@pytest.mark.parametrize('outcome', ['opened', 'refused', 'no-http', 'down',
                                     'request'])
def test_no_secret_is_in_any_line(outcome, log_format, bowsprit, backend,
                                  client, down):
    scripts = {'opened': lambda w, n: (w.read_head(), w.send(switching(
                   wire.KEY, 'Set-Cookie: session=SECRET13',
                   'Sec-WebSocket-Protocol: bearer.SECRET5')),
                   w.expect_gone()),
               'refused': answering_once(response(
                   401, 'SECRET11', 'Set-Cookie: a=SECRET12')),
               'no-http': answering_once(b'SECRET14 SECRET15'),
               'request': answering(response(
                   200, 'SECRET11', 'Set-Cookie: a=SECRET12'))}
    url = backend(scripts[outcome]).url if outcome in scripts else down
    bs = bowsprit(url, log={'format': log_format, 'level': 'debug',
                            'access': 'all'})
    fields = ('Cookie: session=SECRET1; b=SECRET2',
              'Authorization: Bearer SECRET3',
              'Proxy-Authorization: Basic SECRET4',
              'Sec-WebSocket-Protocol: chat, bearer.SECRET5',
              'X-Auth-Token: SECRET16', 'X-Api-Key: SECRET17')
    query = ('/p?token=SECRET6&x=shown&access_token=SECRET7&auth=SECRET8'
             '&sid=SECRET9&ticket=SECRET10&password=SECRET18&TOKEN=SECRET19'
             '&api_key=SECRET20&to%6ben=SECRET21')
    c = client(bs)
    c.send((get if outcome == 'request' else upgrade)(
        query, 'localhost', *fields))
    c.read_head()
    if outcome == 'opened':
        c.send(from_client(b'SECRET22', wire.TEXT))
    c.close()
    bs.wait_line({'opened': 'Connection closed', 'request': '[HTTP]'}.get(
        outcome, 'Proxy Error'))
    for number, line in enumerate(bs.out().splitlines()):
        assert 'SECRET' not in line, f'line {number}'
    if outcome in ('refused', 'no-http', 'down'):
        assert 'x=shown' in bs.out(), 'what is no secret is of use'


@pytest.mark.parametrize('log_format', ['text', 'json'])
def test_bytes_of_a_peer_cannot_forge_a_line(log_format, bowsprit, backend,
                                             client):
    bs = bowsprit(backend(answering_once(b"\x1b[2J\n\r\x9b\x00' }\n> Ready")),
                  log={'format': log_format, 'level': 'debug',
                       'access': 'all'})
    c = client(bs)
    c.send(upgrade("/x'%20%7D?a=\\\\'&b=\"", 'localhost',
                   'X-Evil: \x9b31m\x80\xff\' }, { "level": 60, \\',
                   "Origin: http://e'vil\"\\",
                   'User-Agent: \xe2\x80\xae\xc2\x85 \xef\xbf\xbe'
                   '\xe2\x80\xa8'))
    c.read_response()
    bs.wait_line('Proxy Error')
    with open(bs.out_path, 'rb') as f:
        raw = f.read()
    for i, byte in enumerate(raw):
        assert byte >= 0x20 and byte != 0x7f or byte == 0x0a, (
            f'control {byte:#x} in {raw[max(0, i - 60):i + 20]!r}')
    text = raw.decode('utf-8')  # strict: no broken sequence either
    assert not re.search('[\x80-\x9f\u2028-\u202e]', text)
    assert len(re.findall('(?m)^.*Ready on', text)) == 1
    escaped = '\\u009b31m' if log_format == 'json' else '\\x9b31m'
    assert escaped in text, 'what was there is to be seen'
    if log_format == 'json':
        for line in text.splitlines():
            json.loads(line, object_pairs_hook=no_duplicates)
    else:
        error = [s for s in text.splitlines() if 'Proxy Error' in s]
        assert len(error) == 1 and error[0].endswith(' }')


def test_bad_heads_are_escaped_too(bowsprit, backend, client):
    bs = bowsprit(backend(answering(response(200))))
    for data in (b'G\x1b[31mT / HTTP/1.1\r\nHost: x\r\n\r\n',
                 b'GET /\x00\x1b HTTP/1.1\r\nHost: x\r\n\r\n',
                 b'GET / HTTP/1.1\r\nHo\x1bst: x\r\n\r\n', b'\x16\x03\x01'):
        c = client(bs)
        c.send(data)
        assert c.read_response().status == 400
    bs.wait_line('400', n=4)
    with open(bs.out_path, 'rb') as f:
        raw = f.read()
    assert b'\x1b' not in raw and b'\0' not in raw
    for line in raw.splitlines():
        json.loads(line)


def test_repeated_headers_are_one_field(bowsprit, backend, client):
    """A name twice in an object is no JSON that one can rely on."""
    bs = bowsprit(backend(answering_once(b'no HTTP')))
    c = client(bs)
    c.send(upgrade('/x', 'localhost', 'X-A: 1', 'x-a: 2',
                   'Sec-WebSocket-Protocol: a', 'Sec-WebSocket-Protocol: b'))
    c.read_response()
    bs.wait_line('Proxy Error')
    for line in bs.out().splitlines():
        json.loads(line, object_pairs_hook=no_duplicates)
    e = bs.events('Proxy Error')[0]
    assert e['headers']['x-a'] == '1, 2', 'as Node shows them'


def test_a_huge_value_does_not_fill_the_log(bowsprit, backend, client):
    bs = bowsprit(backend(answering_once(b'no HTTP')))
    c = client(bs)
    c.send(upgrade('/' + 'x' * 20000, 'localhost', f'X-A: {"y" * 30000}'))
    c.read_response()
    bs.wait_line('Proxy Error')
    assert max(map(len, bs.out().splitlines())) < 8192
    for line in bs.out().splitlines():
        json.loads(line)


def test_answer_that_breaks_off_is_an_error(bowsprit, backend, client):
    """Also where good answers are not logged, and whatever its status."""
    b = backend(answering_once(b'HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\n'))
    bs = bowsprit(b, log={'format': 'json', 'access': 'errors'})
    c = client(bs)
    c.send(get('/_next/x'))
    c.read_head()
    assert bs.wait_event('', reason='server-truncated')['level'] == 40


@pytest.mark.parametrize('access, lines', [('all', 2), ('errors', 1),
                                           ('none', 0), ('auto', 2)])
def test_access(access, lines, bowsprit, backend, client):
    bs = bowsprit(backend(answering(response(200), response(404))),
                  log={'format': 'json', 'access': access})
    c = client(bs)
    for path in ('/one', '/two', '/_next/static/x.js'):
        c.send(get(path))
        c.read_response()
    c.close()
    bs.signal()
    bs.wait_end()
    found = [e['msg'] for e in bs.events('[HTTP]') if '_next' not in e['msg']]
    assert len(found) == lines, found


def test_access_none_but_failed_upgrades(bowsprit, client, down):
    bs = bowsprit(down, log={'format': 'json', 'access': 'none'})
    for head, status in ((b'GET /\x1b HTTP/1.1\r\n\r\n', 400), (get(), 502),
                         (upgrade(), 502)):
        c = client(bs)
        c.send(head)
        assert c.read_response().status == status
    bs.signal()
    bs.wait_end()
    assert not bs.events('[HTTP]')
    assert len(bs.events('[WebSocket Proxy Error]')) == 1


def test_next_s_own_files_are_at_level_debug(bowsprit, backend, client):
    b = backend(answering(response(200)))
    for level, n in (('info', 0), ('debug', 1)):
        bs = bowsprit(b, log={'format': 'json', 'level': level,
                              'access': 'all'})
        c = client(bs)
        c.send(get('/_next/static/x.js'))
        c.read_response()
        c.send(get('/last'))
        c.read_response()
        bs.wait_line('/last')
        assert len(bs.lines('/_next/')) == n


def test_levels(bowsprit, backend, client, down):
    """A failure of a server is no information, a refusal of ours no error."""
    bs = bowsprit(down)
    c = client(bs)
    c.send(upgrade())
    c.read_response()
    assert bs.wait_event('[WebSocket Proxy Error]')['level'] == 50
    c = client(bs)
    c.send(get('/x'))
    c.read_response()
    assert bs.wait_status(502, '/x')['level'] >= 40


def fail(bs, client, n):
    for head in (upgrade(), get('/x')):
        for _ in range(n):
            c = client(bs)
            c.send(head)
            c.read_response()
            c.close()


def test_failures_that_repeat_are_counted(bowsprit, client, down):
    bs = bowsprit(down, workers=1, log={'format': 'json'})
    fail(bs, client, 50)
    for msg in ('[WebSocket Proxy Error]', '[HTTP] 5xx'):
        e = bs.wait_event(f'{msg} … 30 more like this in the last 10 s',
                          timeout=30 * wire.SLOW)
        assert (e['more'], e['route'], e['reason']) == (
            30, '/**', 'server-refused')
    assert len(bs.events('[WebSocket Proxy Error]')) == 20 + 1
    assert len(bs.events('[HTTP] GET /x 502')) == 20
    # Whoever did what is known of all: these are no failures yet.
    assert len(bs.events('[WebSocket Upgrade] Handling')) == 50
    fail(bs, client, 1)
    wire.wait_until(lambda: len(bs.events('[HTTP] GET /x 502')) == 21,
                    'a new count')


def test_counts_are_not_lost_at_the_end(bowsprit, client, down):
    bs = bowsprit(down, workers=1, log={'format': 'json'})
    fail(bs, client, 21)
    bs.signal()
    bs.wait_end()
    assert len(bs.events('1 more like this')) == 2


def test_all_requests_have_their_lines_where_all_are_asked_for(
        bowsprit, client, down):
    bs = bowsprit(down, workers=1, log={'format': 'json', 'access': 'all'})
    fail(bs, client, 30)
    bs.signal()
    bs.wait_end()
    assert len(bs.events('[HTTP] GET /x 502')) == 30
    assert len(bs.events('[WebSocket Proxy Error]')) == 20 + 1


def test_nothing_is_left_out_at_level_debug(bowsprit, client, down):
    bs = bowsprit(down, workers=1, log={'format': 'json', 'access': 'all',
                                        'level': 'debug'})
    fail(bs, client, 30)
    bs.signal()
    bs.wait_end()
    assert len(bs.events('[WebSocket Proxy Error]')) == 30
    assert len(bs.events('[HTTP] GET /x 502')) == 30


def test_client_in_the_log_is_the_first_that_is_not_trusted(
        bowsprit, backend, client):
    bs = bowsprit(backend(tunnel), trusted_proxies=(
        '127.0.0.0/8', '10.0.0.0/8'))
    c = client(bs)
    c.send(upgrade('/ws', 'localhost', 'X-Forwarded-For: 6.6.6.6, '
                   '203.0.113.9, 10.1.2.3'))
    c.read_head()
    assert bs.wait_event('Handling')['client'] == '203.0.113.9'


def test_log_that_nobody_reads_stops_nothing(bowsprit, backend, client,
                                             tmp_path):
    """Its reader is gone: bowsprit goes on, tunnels too."""
    fifo = tmp_path / 'fifo'
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    b = backend(echoing)
    bs = bowsprit(b, wait=None, log={'format': 'json', 'access': 'all',
                                     'file': str(fifo)})
    bs.wait_listening()
    os.close(reader)  # EPIPE from now on, and no SIGPIPE
    for _ in range(5):
        c = client(bs)
        c.open_websocket()
        c.expect_echo()
    assert not bs.ended()

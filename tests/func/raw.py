# SPDX-License-Identifier: ISC
"""
Runs rows of raw bytes through a running bowsprit, both of whose sides are
played here, in one thread: what came where, and where it ended, is compared
byte by byte.
"""

import json
import os
import re
import select
import socket
import struct
import time

import wire
from daemon import Bowsprit, config_text, free_port, parse_json_line
from wire import Response

SMUGGLED = b'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
INJECTED = b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\ninjected'
OK = b'HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\n\r\nok'
CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'


class Peer:
    """One of our ends of a connection to bowsprit."""

    def __init__(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.unread = b''
        self.end = None  # 'fin' or 'reset', once it came

    def send(self, data):
        self.sock.setblocking(True)
        try:
            self.sock.sendall(data)
        except OSError:
            pass  # what was said before shows why

    def finish(self):
        self.sock.shutdown(socket.SHUT_WR)

    def receive(self):
        try:
            data = self.sock.recv(1 << 18)
            self.unread += data
            self.end = None if data else 'fin'
        except OSError:
            self.end = 'reset'
        if self.end:
            self.sock.close()

    def close(self):
        """With a reset, which needs no answer."""
        if self.end:
            return
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack('ii', 1, 0))
        self.sock.close()
        self.end = 'ours'


class Bench:
    """A bowsprit between clients and servers of ours."""

    def __init__(self, binary, folder, port, patience=wire.PATIENCE):
        self.patience = patience
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.own_port = self.listener.getsockname()[1]
        self.servers, self.clients = [], []
        self.probes = 0
        config = os.path.join(folder, 'bowsprit.cfg')
        with open(config, 'w', encoding='ascii') as f:
            f.write(config_text({
                'listeners': ({'address': '127.0.0.1', 'port': port},),
                'backends': {'app': {'servers': (
                    f'http://127.0.0.1:{self.own_port}',)}},
                'routes': tuple({'path': path, 'upgrade': 'both',
                                 'backend': 'app'}
                                for path in ('/admin/**', '/**')),
                'workers': 1,
                'log': {'format': 'json', 'access': 'all'}}))
        self.bs = Bowsprit(binary, folder, ['-c', config], port)
        self.log, self.log_read = open(self.bs.out_path, 'rb'), b''
        self.bs.wait_line('> Ready on')

    def stop(self):
        for p in self.servers + self.clients:
            p.close()
        self.listener.close()
        self.log.close()
        return self.bs.finish()

    # What happens

    def wait(self, condition, what):
        end = time.monotonic() + self.patience
        while not condition():
            left = end - time.monotonic()
            assert left > 0, (
                f'waited in vain: {what}; clients '
                f'{[(c.unread[-400:], c.end) for c in self.clients]}, servers '
                f'{[(s.unread[-400:], s.end) for s in self.servers]}')
            open_ones = {p.sock: p for p in self.servers + self.clients
                         if not p.end}
            for sock in select.select(
                    [self.listener, *open_ones], [], [], left)[0]:
                if sock is self.listener:
                    self.servers.append(Peer(sock.accept()[0]))
                else:
                    open_ones[sock].receive()

    def client(self, data=b''):
        c = Peer(socket.create_connection(('127.0.0.1', self.bs.port)))
        self.clients.append(c)
        c.send(data)
        return c

    def clear(self):
        """Between rows: what ended is forgotten, of the rest all was read."""
        for c in self.clients:
            c.close()
        clients, self.clients = self.clients, []
        left = [p.unread for p in clients + self.servers if p.unread]
        self.servers = [s for s in self.servers if not s.end]
        self.read_log()
        assert not left, f'bytes that nobody expected: {left}'

    def reset(self):
        """After a row that failed nothing is known: all begins anew."""
        for p in self.clients + self.servers:
            p.close()
        self.clients, self.servers = [], []
        self.read_log()

    # What is expected

    def server_gets(self, request, exactly=True):
        """The server connection on which that came, and nothing elsewhere."""
        def came():
            return [s for s in self.servers if s.unread]
        self.wait(lambda: any(b'\r\n\r\n' in s.unread for s in came()) and
                  (not exactly or any(
                      len(s.unread) >= len(self.forwarded(request, s.unread))
                      for s in came())),
                  f'{request[-400:]!r} at a server')
        s, = came()
        if exactly:
            expected = self.forwarded(request, s.unread)
            assert s.unread == expected, (s.unread, expected)
            s.unread = b''
        return s

    def forwarded(self, request, came):
        return forwarded(request, came, f'127.0.0.1:{self.own_port}')

    def gets(self, peer, data):
        """These bytes, and nothing behind them so far."""
        self.wait(lambda: len(peer.unread) >= len(data) or peer.end,
                  f'{data[-400:]!r}')
        assert peer.unread == data, (peer.unread[-4000:], data[-4000:])
        peer.unread = b''

    def gets_answer(self, client, status, closed):
        """One of bowsprit's own, and no other byte."""
        self.wait(lambda: is_whole(client.unread) or client.end, status)
        if closed:
            self.ends(client)
            assert client.end == 'fin', client.end
        head, _, body = client.unread.partition(b'\r\n\r\n')
        r = Response(head + b'\r\n\r\n')
        assert r.status == status, client.unread
        assert len(body) == int(r.get('Content-Length')), client.unread
        assert r.get('Connection') == ('close' if closed else None), head
        client.unread = b''

    def ends(self, peer):
        self.wait(lambda: peer.end, 'the end of a connection')

    def rest(self, peer):
        """All that comes until its end."""
        self.ends(peer)
        data, peer.unread = peer.unread, b''
        return data

    def read_log(self):
        """The lines that came since the last time."""
        self.log_read += self.log.read()
        lines, end, self.log_read = self.log_read.rpartition(b'\n')
        return [e for e in map(parse_json_line, lines.split(b'\n')) if e]

    def logs(self, **fields):
        """A line that has these, of this row."""
        seen = []

        def there():
            seen.extend(self.read_log())
            return any(all(e.get(k) == v for k, v in fields.items())
                       for e in seen)
        wire.wait_until(there, f'{fields} in {seen}', self.patience)

    def probe(self, client=None, server=None, not_server=None, begun=b''):
        """
        A request gets its own answer: on that connection of a client, or a
        new one; on that connection to a server.
        """
        self.probes += 1
        path = b'/probe-%d' % self.probes
        request = b'GET %s HTTP/1.1\r\nHost: a\r\n\r\n' % path
        c = client or self.client()
        assert request.startswith(begun)
        c.send(request[len(begun):])
        s = self.server_gets(request)
        assert server in (None, s), 'the connection is not used again'
        assert s is not not_server, 'the connection is used again'
        answer = wire.response(200, path)
        s.send(answer)
        self.gets(c, answer)


def is_whole(answer):
    head, end, body = answer.partition(b'\r\n\r\n')
    length = re.search(rb'\r\nContent-Length: (\d+)', head)
    return end and length and len(body) >= int(length.group(1))


# ---- what bowsprit changes: written here once more, from its manual ----

DROPPED = {'connection', 'keep-alive', 'proxy-connection', 'te'}
KEPT = {'host', 'cookie', 'set-cookie', 'authorization', 'origin',
        'content-length', 'transfer-encoding', 'trailer', 'content-type',
        'content-encoding', 'x-forwarded-for', 'x-forwarded-host',
        'x-forwarded-port', 'x-forwarded-proto', 'x-real-ip', 'x-request-id',
        'forwarded'}


class Parts:
    """A head's lines, and what a few of its fields say."""

    def __init__(self, head):
        self.start, *self.lines = head.decode('latin-1').split('\r\n')[:-2]
        self.fields = [(line, line.partition(':')[0].lower(),
                        line.partition(':')[2].strip(' \t'))
                       for line in self.lines]
        self.listed = {t.strip(' \t').lower() for t in
                       ','.join(self.all('connection')).split(',')} - {''}

    def all(self, name):
        return [v for _, n, v in self.fields if n == name]

    def first(self, name):
        return (self.all(name) or [None])[0]

    def is_upgrade(self):
        protocols = ','.join(self.all('upgrade')).lower().split(',')
        return (self.start.startswith('GET ') and
                self.start.endswith('HTTP/1.1') and
                'websocket' in [p.strip() for p in protocols] and
                'upgrade' in self.listed and not self.has_body())

    def has_body(self):
        return (self.first('transfer-encoding') is not None or
                int(self.first('content-length') or 0) > 0)

    def kept(self, also_dropped=()):
        return [line for line, n, _ in self.fields
                if n not in DROPPED and n not in also_dropped and
                (n not in self.listed or n in KEPT)]


def split(message):
    """The empty lines before a message's head; the head; what follows."""
    rest = message.lstrip(b'\r\n')
    head, end, body = rest.partition(b'\r\n\r\n')
    return message[:len(message) - len(rest)], head + end, body


def forwarded(request, came, backend):
    """That request as a server must get it; its id is what came."""
    _, head, body = split(request)
    p = Parts(head)
    method, target, version = p.start.split(' ')
    host = p.first('host')
    if '://' in target and target[0] != '/':
        authority, slash, path = target.partition('://')[2].partition('/')
        authority, question, query = authority.partition('?')
        host = host or authority
        target = (slash + path or question and '/?' + query or
                  ('*' if method == 'OPTIONS' else '/'))
    lines = [f'{method} {target} HTTP/1.1']
    lines += (p.lines if p.is_upgrade() else
              p.kept({'upgrade', 'http2-settings'}))
    if p.first('host') is None:
        lines.append(f'Host: {host or backend}')
    port = re.search(r':(\d+)$', host or '')
    lines += ['X-Forwarded-For: 127.0.0.1', 'X-Forwarded-Proto: http']
    lines += [f'X-Forwarded-Host: {host}'] if host else []
    lines += ['X-Forwarded-Port: ' + (port.group(1) if port else '80')]
    made = re.search(rb'\r\nX-Request-Id: ([0-9a-f]{32})\r\n', came)
    lines += ['X-Request-Id: ' + (made.group(1).decode() if made else '?')]
    if method in ('GET', 'HEAD', 'OPTIONS', 'DELETE') and p.has_body():
        lines.append('Connection: close')
    return '\r\n'.join(lines + ['', '']).encode('latin-1') + body


def passed_on(head, closes, to_10=False):
    """A response's head as a client must get it."""
    p = Parts(head)
    status = int(p.start[9:12])
    drop = set() if status == 426 else {'upgrade'}
    if to_10 or status < 200 or status == 204:
        drop |= {'transfer-encoding', 'trailer'}
        if (status < 200 or status == 204) and p.has_body():
            drop |= {'content-length'}
    lines = ['HTTP/1.1' + p.start[8:], *p.kept(drop)]
    if status == 426 and p.first('upgrade'):
        lines.append('Connection: upgrade')
    if closes:
        lines.append('Connection: close')
    elif to_10:
        lines.append('Connection: keep-alive')
    return '\r\n'.join(lines + ['', '']).encode('latin-1')


def is_persistent(head):
    p = Parts(head)
    version = p.start if p.start.startswith('HTTP/') else p.start[-8:]
    if version.startswith('HTTP/1.0'):
        return 'keep-alive' in p.listed and 'close' not in p.listed
    return 'close' not in p.listed


def is_unfinished(chunks):
    """Are these the beginning of a chunked body, as a strict reader sees it?"""
    while chunks:
        m = re.match(rb'([0-9A-Fa-f]{1,16})(;[\t\x20-\x7e\x80-\xff]*)?\r\n',
                     chunks)
        if not m:
            return b'\n' not in chunks
        n = int(m.group(1), 16)
        rest = chunks[m.end():]
        if n == 0:
            return rest[:2] != b'\r\n' and b'\r\n\r\n' not in rest
        if len(rest) < n + 2:
            return True
        if rest[n:n + 2] != b'\r\n':
            return False
        chunks = rest[n + 2:]
    return True


# ---- the rows of tests/unit ----

def a_body(head, lengths_up_to=64):
    """A body for this head; None if it would be too large to send."""
    p = Parts(head)
    if p.first('transfer-encoding') is not None:
        return b'3;x\r\nabc\r\n0\r\nA: b\r\n\r\n'
    n = int(p.first('content-length') or 0)
    return b'x' * n if n <= lengths_up_to else None


def refused_request(b, row):
    """
    What may look like another request behind it is none.  (Behind what is not
    even a line nothing stands: it must be refused at once.)
    """
    is_line = row['bytes'].endswith(b'\n')
    c = b.client(row['bytes'] + (SMUGGLED if is_line else b''))
    b.gets_answer(c, row['status'], closed=True)
    b.logs(reason=row['word'], message=row['says'])
    b.probe()
    assert not c.unread


def passing_request(b, row):
    _, head, _ = split(row['bytes'])
    body = a_body(head)
    c = b.client(row['bytes'] + (body or b''))
    s = b.server_gets(row['bytes'] + (body or b''))
    if body is None:
        c.close()
        b.ends(s)
        return b.probe()
    s.send(OK)
    keeps = is_persistent(head)
    to_10 = b'HTTP/1.0\r\n' in head
    b.gets(c, passed_on(split(OK)[1], not keeps, to_10) + b'ok')
    if not keeps:
        b.ends(c)
        assert c.end == 'fin'
    overlooked = re.match(b'(GET|HEAD|OPTIONS|DELETE) ', head) and body
    if overlooked:
        b.ends(s)
    b.probe(c if keeps else None, None if overlooked else s)


def request_row(b, row):
    (refused_request if row['word'] else passing_request)(b, row)


def ask(b, request=b'GET /row HTTP/1.1\r\nHost: a\r\n\r\n'):
    c = b.client(request)
    return c, b.server_gets(request)


def refused_response(b, row):
    c, s = ask(b)
    s.send(row['bytes'] + INJECTED)
    b.gets_answer(c, 502, closed=False)
    b.ends(s)
    b.logs(message=row['says'])
    b.probe(c, not_server=s)


def switching_unasked(b, row):
    c, s = ask(b)
    s.send(row['bytes'] + INJECTED)
    b.gets_answer(c, 502, closed=False)
    b.ends(s)
    b.logs(reason='bad-upgrade')
    b.probe(c, not_server=s)


def passing_response(b, row):
    _, head, _ = split(row['bytes'])
    status = int(head[9:12])
    if status == 101:
        return switching_unasked(b, row)
    c, s = ask(b)
    p = Parts(head)
    delimited = (status == 204 or p.first('content-length') is not None or
                 p.first('transfer-encoding') is not None)
    if status == 100:
        s.send(head + OK)
        b.gets(c, passed_on(head, False) + OK)
        return b.probe(c, s)
    body = a_body(head) if delimited else b'until the end'
    s.send(head + body)
    if not delimited:
        s.finish()
    b.gets(c, passed_on(head, not delimited) + body)
    if not delimited:
        b.ends(c)
        assert c.end == 'fin'
        return b.probe(not_server=s)
    b.probe(c, s)


def response_row(b, row):
    (refused_response if row['status'] else passing_response)(b, row)


POST = b'POST /row HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'


def uploaded_row(b, row):
    """A body's row in a request, all at once."""
    uploaded(b, row, b.client(POST + row['bytes']))


def streamed_row(b, row):
    """The same, behind the request's head."""
    c = b.client(POST)
    b.wait(lambda: any(b'\r\n\r\n' in s.unread for s in b.servers),
           'the head')
    c.send(row['bytes'])
    uploaded(b, row, c)


def uploaded(b, row, c):
    body, behind = row['bytes'][:row['taken']], row['bytes'][row['taken']:]
    if row['end'] == 'bad':
        b.gets_answer(c, 400, closed=True)
        s = b.server_gets(POST, exactly=False)
        b.ends(s)
        head = b.forwarded(POST, s.unread)
        assert s.unread.startswith(head)
        came = s.unread[len(head):]
        assert row['bytes'].startswith(came) and is_unfinished(came), came
        s.unread = b''
        b.logs(reason='bad-body', message=row['says'])
        return b.probe()
    s = b.server_gets(POST + body)
    if row['end'] == 'open':
        c.close()
        b.ends(s)
        assert not s.unread
        return b.probe()
    s.send(OK)
    b.gets(c, OK)
    b.probe(c, s, begun=behind)


def downloaded_row(b, row):
    """A body's row in a response, all at once."""
    c, s = ask(b)
    s.send(CHUNKED + row['bytes'])
    downloaded(b, row, c, s)


def trickled_row(b, row):
    """The same, behind the response's head."""
    c, s = ask(b)
    s.send(CHUNKED)
    b.wait(lambda: c.unread == CHUNKED, 'the head')
    s.send(row['bytes'])
    downloaded(b, row, c, s)


def downloaded(b, row, c, s):
    body, behind = row['bytes'][:row['taken']], row['bytes'][row['taken']:]
    if row['end'] == 'whole':
        b.gets(c, CHUNKED + body)
        return b.probe(c, None if behind else s, s if behind else None)
    if row['end'] == 'open':
        s.finish()
    came = b.rest(c)
    b.ends(s)
    assert came.startswith(CHUNKED)
    came = came[len(CHUNKED):]
    assert row['bytes'].startswith(came)
    assert is_unfinished(came)
    assert row['end'] == 'bad' or came == row['bytes']
    if row['end'] == 'bad':
        b.logs(reason='bad-response', message=row['says'])
    else:
        b.logs(reason='server-truncated')
    b.probe(not_server=s)


def unwrapped_row(b, row):
    """A body's row in an answer to HTTP/1.0, which gets no chunks."""
    c, s = ask(b, b'GET /row HTTP/1.0\r\nHost: a\r\n\r\n')
    s.send(CHUNKED + row['bytes'])
    head = passed_on(CHUNKED, True, to_10=True)
    if row['end'] == 'whole':
        b.gets(c, head + row['payload'])
        b.ends(c)
        assert c.end == 'fin'
        behind = len(row['bytes']) > row['taken']
        return b.probe(None, None if behind else s, s if behind else None)
    if row['end'] == 'open':
        s.finish()
    assert b.rest(c).startswith(head)
    assert c.end == 'reset', 'a part looks like the whole'
    b.ends(s)
    b.probe(not_server=s)


KEY_FIELDS = f'Sec-WebSocket-Key: {wire.KEY}\r\n'.encode()


def tunnel_works(b, c, s):
    for to, by in (s, c), (c, s):
        by.send(b'\x82\x01x')
        b.gets(to, b'\x82\x01x')
    c.close()
    b.ends(s)


def upgrade_row(b, row):
    if row['upgrade'] != 'websocket':
        return passing_request(b, row)
    request = row['bytes'][:-2] + KEY_FIELDS + b'\r\n'
    c, s = ask(b, request)
    s.send(wire.switching())
    b.gets(c, wire.switching())
    tunnel_works(b, c, s)
    b.probe(not_server=s)


EARLY = b'\x82\x05early'


def answer_row(b, row):
    """What the client says before the 101 stays here until then."""
    request = wire.upgrade('/row', 'a')
    c = b.client(request + EARLY)
    s = b.server_gets(request)
    s.send(row['bytes'])
    if not row['says']:
        b.gets(c, row['bytes'])
        b.gets(s, EARLY)
        tunnel_works(b, c, s)
    elif row['bytes'][9:12] != b'101':
        s.finish()
        came = b.rest(c)
        assert came == passed_upgrade_refusal(row['bytes']), came
    else:
        b.gets_answer(c, 502, closed=True)
        b.logs(reason='bad-upgrade', message=row['says'])
    b.ends(s)
    assert not s.unread, 'early bytes reached a server that refused'
    b.probe(not_server=s)


def passed_upgrade_refusal(answer):
    p = Parts(split(answer)[1])
    p.listed -= {'upgrade'}
    lines = [p.start, *p.kept(), 'Connection: close', '', '']
    return '\r\n'.join(lines).encode('latin-1')


RUNS = {'request': [request_row], 'response': [response_row],
        'body': [uploaded_row, streamed_row, downloaded_row, trickled_row,
                 unwrapped_row],
        'upgrade': [upgrade_row], 'answer': [answer_row]}


def runs_of(row):
    """The ways in which a row is tried, each a function of bench and row."""
    if 'run' in row:
        return [row['run']]
    return RUNS[row['id'].partition(':')[0]]


def read_rows(text):
    """What test_rows --print has printed."""
    rows = [json.loads(line) for line in text.splitlines()]
    for row in rows:
        for key in 'bytes', 'payload':
            if key in row:
                row[key] = bytes.fromhex(row[key])
    return rows


# ---- for tests/mutants/run.py ----

def rows_that_fail(binary, rows, folder, patience):
    """The ids of those that do not hold with that bowsprit."""
    failing, bench = set(), None
    for row in rows:
        for run in runs_of(row):
            if bench is None or bench.bs.ended():
                bench = Bench(binary, folder, free_port(), patience)
            try:
                run(bench, row)
                bench.clear()
            except Exception:
                failing.add(row['id'])
                bench.reset()
    if bench:
        bench.stop()
    return failing

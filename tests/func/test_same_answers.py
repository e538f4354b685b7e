# SPDX-License-Identifier: ISC
"""
The same hundred requests by real clients to real servers, direct and through
bowsprit: the same answers, and the server sees the same, but for what the
documentation says is changed.
"""

import json
import os
import re
import subprocess
import sys

import pytest

import wire
from daemon import can_connect, free_port
from wire import wait_until

PEERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'peers')
HOP = {'connection', 'keep-alive', 'proxy-connection', 'te',
       'x-hop'}
# A body in these asks the server to close (bowsprit(8)).
BODILESS = {'GET', 'HEAD', 'OPTIONS', 'DELETE'}
SERVERS = {
    'node': ['node', 'server.mjs', '{port}'],
    'uvicorn': [sys.executable, '-m', 'uvicorn', 'asgi:app', '--port',
                '{port}', '--timeout-keep-alive', '60'],
}
CLIENTS = {
    'curl': [sys.executable, 'client.py', 'curl', '{port}', '{folder}'],
    'python': [sys.executable, 'client.py', 'python', '{port}', '{folder}'],
    'http': ['node', 'client.mjs', 'http', '{port}'],
    'fetch': ['node', 'client.mjs', 'fetch', '{port}'],
}


class Server:
    """One of SERVERS in a process of its own, and the heads that it saw."""

    def __init__(self, name, folder):
        self.port = free_port()
        self.record = folder / 'seen'
        self.log = open(folder / 'server.log', 'wb')
        self.process = subprocess.Popen(
            [a.format(port=self.port) for a in SERVERS[name]], cwd=PEERS,
            env={**os.environ, 'RECORD': str(self.record)},
            stdout=self.log, stderr=self.log)
        wait_until(lambda: can_connect(self.port), name, 20 * wire.SLOW)

    def seen(self):
        """What it saw since it was last asked."""
        lines = self.record.read_text().splitlines()
        self.record.unlink()
        return [json.loads(line) for line in lines]

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


@pytest.fixture(params=SERVERS)
def server(request, bowsprit, tmp_path):
    s = Server(request.param, tmp_path)
    yield s
    s.stop()


def ask(client, port, folder):
    """The answers, with the port and the time made equal."""
    folder.mkdir()
    p = subprocess.run(
        [a.format(port=port, folder=folder) for a in CLIENTS[client]],
        cwd=PEERS, capture_output=True, timeout=60 * wire.SLOW, check=False)
    assert p.returncode == 0, p.stderr.decode()
    return [json.loads(line) for line in same_port(p.stdout, port)]


def same_port(text, port):
    return text.decode().replace(f'127.0.0.1:{port}', 'HOST').splitlines()


def comparable(answer):
    """Without what is each connection's own, and with any date alike."""
    own = [[n, re.sub(r'^\w{3}, [\d]{2} \w{3} \d{4} [\d:]{8} GMT$', 'DATE', v)
            if n.lower() == 'date' else v]
           for n, v in answer['headers'] if n.lower() not in HOP]
    return {**answer, 'headers': own}


def has_body(head):
    fields = {n.lower(): v for n, v in head['headers']}
    return ('transfer-encoding' in fields
            or fields.get('content-length', '0') != '0')


def forwarded(head, port):
    """The head that the server should see, by the one that it saw direct."""
    fields = {n.lower(): i for i, (n, _) in enumerate(head['headers'])}
    headers = [list(h) for h in head['headers']]
    added = [['X-Forwarded-Proto', 'http'], ['X-Forwarded-Host', 'HOST'],
             ['X-Forwarded-Port', str(port)], ['X-Request-Id', 'ID']]
    if 'x-forwarded-for' in fields:
        headers[fields['x-forwarded-for']][1] += ', 127.0.0.1'
    else:
        added.insert(0, ['X-Forwarded-For', '127.0.0.1'])
    headers += [a for a in added if a[0].lower() not in fields]
    headers = [h for h in headers if h[0].lower() not in HOP]
    if head['method'] in BODILESS and has_body(head):
        headers.append(['Connection', 'close'])
    return {**head, 'headers': headers}


def plain(head, port, lower):
    """Made comparable: the port, the ids; names as ASGI gives them."""
    headers = [[n.lower() if lower else n,
                v.replace(f'127.0.0.1:{port}', 'HOST')]
               for n, v in head['headers']]
    for h in headers:
        if h[0].lower() == 'x-request-id' and re.fullmatch('[0-9a-f]{32}',
                                                           h[1]):
            h[1] = 'ID'
    return {**head, 'headers': headers}


@pytest.mark.parametrize('client', CLIENTS)
def test_same_answers(client, server, bowsprit, tmp_path):
    bs = bowsprit(f'http://127.0.0.1:{server.port}')
    server.record.write_text('')
    direct = ask(client, server.port, tmp_path / 'direct')
    sent = server.seen()
    through = ask(client, bs.port, tmp_path / 'through')
    seen = server.seen()
    assert len(direct) >= 100 and len(sent) >= 100
    assert [a for a in direct if 'error' in a] == []
    assert [a for a in through if 'error' in a] == []
    for a, b in zip(direct, through, strict=True):
        assert comparable(b) == comparable(a)
        hops = [[n.lower(), v] for n, v in b['headers'] if n.lower() in HOP]
        assert hops in ([], [['connection', 'close']]), b['name']
    lower = 'query' in sent[0]
    for a, b in zip(sent, seen, strict=True):
        a = forwarded(plain(a, server.port, lower), bs.port)
        assert plain(b, bs.port, lower) == plain(a, 0, lower)


@pytest.mark.parametrize('options', [['-k'], []], ids=['kept', 'http10'])
def test_ab(options, bowsprit, tmp_path):
    server = Server('node', tmp_path)
    try:
        bs = bowsprit(f'http://127.0.0.1:{server.port}')
        p = subprocess.run(
            ['ab', '-q', *options, '-c', '20', '-n', '1000',
             f'http://127.0.0.1:{bs.port}/bytes/3000'],
            capture_output=True, text=True, timeout=60 * wire.SLOW,
            check=True)
    finally:
        server.stop()
    assert re.search(r'Complete requests: +1000\n', p.stdout), p.stdout
    assert re.search(r'Failed requests: +0\n', p.stdout), p.stdout
    assert 'Non-2xx' not in p.stdout
    if options:
        assert re.search(r'Keep-Alive requests: +1000\n', p.stdout), p.stdout

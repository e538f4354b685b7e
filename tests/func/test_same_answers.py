# SPDX-License-Identifier: ISC
"""
The same hundred requests by real clients to real servers, direct and through
bowsprit: the same answers, and the server sees the same, but for what the
documentation says is changed.
"""

import os
import re
import subprocess
import sys

import pytest

import wire
from daemon import free_port
from programs import PEERS
from same import differences, run_of

REQUESTS = os.path.join(PEERS, 'requests.json')
FILES = os.path.join(PEERS, 'files.json')
SERVERS = {
    'node': ['node', 'server.mjs', '{port}'],
    'uvicorn': [sys.executable, '-m', 'uvicorn', 'asgi:app', '--port',
                '{port}', '--timeout-keep-alive', '60'],
    'http.server': [sys.executable, '-m', 'http.server', '{port}',
                    '--bind', '127.0.0.1', '--directory', '{site}'],
}
CLIENTS = {
    'curl': [sys.executable, 'client.py', 'curl', '{port}', '{folder}',
             '{file}'],
    'python': [sys.executable, 'client.py', 'python', '{port}', '{folder}',
               '{file}'],
    'http': ['node', 'client.mjs', 'http', '{port}', '{file}'],
    'fetch': ['node', 'client.mjs', 'fetch', '{port}', '{file}'],
}


class Server:
    """One of SERVERS in a process of its own, and the heads that it saw."""

    def __init__(self, name, program, folder):
        self.port = free_port()
        self.record = folder / 'seen'
        program([a.format(port=self.port, site=folder / 'site')
                 for a in SERVERS[name]], self.port, cwd=PEERS,
                env={**os.environ, 'RECORD': str(self.record)})

    def seen(self):
        """What it saw since it was last asked."""
        text = self.record.read_text() if self.record.exists() else ''
        self.record.unlink(missing_ok=True)
        return text


@pytest.fixture(params=['node', 'uvicorn'])
def server(request, program, tmp_path):
    return Server(request.param, program, tmp_path)


def ask(client, server, port, folder, file=REQUESTS):
    """Sends the requests to that port, of the server's or bowsprit's."""
    folder.mkdir()
    p = subprocess.run(
        [a.format(port=port, folder=folder, file=file)
         for a in CLIENTS[client]],
        cwd=PEERS, capture_output=True, timeout=60 * wire.SLOW, check=False)
    assert p.returncode == 0, p.stderr.decode()
    return run_of(port, p.stdout.decode(), server.seen())


@pytest.mark.parametrize('client', CLIENTS)
def test_same_answers(client, server, bowsprit, tmp_path):
    bs = bowsprit(f'http://127.0.0.1:{server.port}')
    direct = ask(client, server, server.port, tmp_path / 'direct')
    through = ask(client, server, bs.port, tmp_path / 'through')
    assert len(direct.answers) >= 100 and len(direct.seen) >= 100
    assert list(differences(direct, through)) == []


def test_same_files(program, bowsprit, tmp_path):
    """Python's http.server, whose answers are HTTP/1.0."""
    site = tmp_path / 'site'
    (site / 'below').mkdir(parents=True)
    (site / 'a b.txt').write_text('hello\n')
    (site / 'empty').touch()
    (site / 'large.bin').write_bytes(os.urandom(3_000_000))
    server = Server('http.server', program, tmp_path)
    bs = bowsprit(f'http://127.0.0.1:{server.port}')
    direct = ask('curl', server, server.port, tmp_path / 'direct', FILES)
    through = ask('curl', server, bs.port, tmp_path / 'through', FILES)
    for answer in direct.answers:
        assert answer['start'].startswith('HTTP/1.0 ')
        answer['start'] = answer['start'].replace('1.0', '1.1', 1)
    assert list(differences(direct, through)) == []
    assert [a['status'] for a in through.answers] == [
        200, 200, 200, 200, 200, 301, 404, 304, 200, 501, 501]


@pytest.mark.parametrize('options', [['-k'], []], ids=['kept', 'http10'])
def test_ab(options, program, bowsprit, tmp_path):
    server = Server('node', program, tmp_path)
    bs = bowsprit(f'http://127.0.0.1:{server.port}')
    p = subprocess.run(
        ['ab', '-q', *options, '-c', '20', '-n', '1000',
         f'http://127.0.0.1:{bs.port}/bytes/3000'],
        capture_output=True, text=True, timeout=60 * wire.SLOW, check=True)
    assert re.search(r'Complete requests: +1000\n', p.stdout), p.stdout
    assert re.search(r'Failed requests: +0\n', p.stdout), p.stdout
    assert 'Non-2xx' not in p.stdout
    if options:
        assert re.search(r'Keep-Alive requests: +1000\n', p.stdout), p.stdout

# SPDX-License-Identifier: ISC
"""
tests/bench itself: does it see a byte that a proxy has changed, name a peer
that fails, and yield a table?
"""

import fcntl
import os
import socket
import subprocess
import sys

import pytest

from wire import SLOW

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.join(HERE, '..', 'bench', 'bench.py')


@pytest.fixture(scope='module')
def build():
    """The build folder of the bowsprit under test, with the bench's programs."""
    folder = os.path.dirname(os.path.abspath(os.environ['BOWSPRIT']))
    with open(f'{folder}/bench-programs.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of pytest-xdist's other workers
        subprocess.run(['make', '-s', '-C', folder, 'bench-programs'],
                       check=True, stdout=subprocess.DEVNULL)
    return folder


@pytest.fixture
def program(build):
    """A factory: backend or forwarder runs, and its port is returned."""
    started = []

    def start(name, *argv):
        process = subprocess.Popen([f'{build}/tests/bench/{name}', *argv],
                                   stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process.stdout.readline().split()[1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def load(build, *argv, say='run 0.2\n'):
    done = subprocess.run([f'{build}/tests/bench/load', *argv], input=say,
                          stdout=subprocess.PIPE, text=True,
                          timeout=60 * SLOW)
    return done.returncode, done.stdout.splitlines()


def bench(build, out, *argv, path=None):
    environ = dict(os.environ, PYTHONDONTWRITEBYTECODE='1')
    if path:
        environ['PATH'] = f'{path}:{environ["PATH"]}'
    done = subprocess.run(
        [sys.executable, BENCH, '--build', build, '--out', str(out), '--quick',
         '--rounds', '1', '--seconds', '0.1', *argv], env=environ,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=60 * SLOW)
    return done.returncode, done.stdout


WORKS = [
    ('echo', '--size', '64', '--conns', '5'),
    ('down', '--size', '65536', '--conns', '2'),
    ('up', '--size', '65536', '--conns', '2'),
    ('open', '--conns', '4'),
    ('get', '--size', '16384', '--conns', '3'),
    ('post', '--size', '100000', '--conns', '3'),
]


@pytest.mark.parametrize('how', [(), ('--splice',)])
@pytest.mark.parametrize('work', WORKS, ids=lambda w: w[0])
def test_load_is_content_with_the_forwarder(build, program, work, how):
    backend = program('backend', '0')
    port = program('forwarder', *how, f'127.0.0.1:{backend}')
    status, lines = load(build, *work, f'127.0.0.1:{port}',
                         say='run 0.1\nrun 0.1\nclose\n')
    assert status == 0, lines
    assert lines[0] == 'ready' and lines[-1] == 'closed'
    for line in lines[1:3]:
        figures = dict(word.split('=') for word in line.split()[1:])
        assert int(figures['units']) > 0


@pytest.mark.parametrize('way, work, named', [
    # The heads before them have fewer than 5000 bytes.
    ('down', WORKS[0], 'from the backend: message'),
    ('down', WORKS[1], 'from the backend: message 0: byte 4'),
    ('down', WORKS[4], 'was changed'),
    ('up', WORKS[0], 'to the backend: message'),
    ('up', WORKS[2], 'to the backend: message 0: byte'),
    ('up', WORKS[5], 'a byte of the body was changed'),
], ids=lambda v: v[0] if isinstance(v, tuple) else v.split()[0])
def test_load_sees_a_changed_byte(build, program, way, work, named):
    backend = program('backend', '0')
    port = program('forwarder', f'--corrupt-{way}', '5000',
                   f'127.0.0.1:{backend}')
    status, lines = load(build, *work, f'127.0.0.1:{port}')
    assert status == 1
    assert lines[-1].startswith('failed: ') and named in lines[-1], lines


def test_load_sees_that_nothing_comes(build):
    """A proxy that hangs is a failure after some seconds, not for ever."""
    with socket.create_server(('127.0.0.1', 0)) as silent:
        status, lines = load(build, '--conns', '2', '--patience', '1', 'echo',
                             f'127.0.0.1:{silent.getsockname()[1]}')
    assert status == 1
    assert 'nothing has come for 1 s' in lines[-1], lines


def test_quick_bench_yields_a_table(build, tmp_path):
    status, said = bench(build, tmp_path, 'echo_1k', '--peers', 'bowsprit')
    assert status == 0, said
    heading = next(s for s in said.splitlines() if ' bowsprit' in s
                   and 'forwarder  ' in s).split()
    row = next(s for s in said.splitlines()
               if s.startswith('echo of 1 KiB')).split()
    assert heading == ['forwarder', 'bowsprit']
    assert all(float(cell) > 0 for cell in row[-2:]), said
    rows = (tmp_path / 'results.tsv').read_text().splitlines()
    for peer in ('forwarder', 'bowsprit'):
        assert any(r.startswith(f'echo_1k\t0\t{peer}\tcost\t') for r in rows)
    assert 'bowsprit and its peers' in (tmp_path / 'chart.svg').read_text()


def test_bench_goes_on_where_it_was_stopped(build, tmp_path):
    status, said = bench(build, tmp_path, 'echo_1k', '--peers', 'bowsprit',
                         '--limit', '0.001')
    assert '1 of 2 are left' in said
    status, said = bench(build, tmp_path, 'echo_1k', '--peers', 'bowsprit')
    assert status == 0 and '1/1 ' in said and '1/2 ' not in said, said
    status, said = bench(build, tmp_path, 'echo_1k', '--peers', 'bowsprit',
                         '--fresh')
    assert status == 0 and '1/2 ' in said, said


def test_bench_names_a_peer_that_fails(build, tmp_path):
    fake = tmp_path / 'nginx'
    fake.write_text('#!/bin/sh\n'
                    '[ "$1" != -v ] || { echo nginx/9.8.7; exit 0; }\n'
                    'echo "no licence to serve"; exit 1\n')
    fake.chmod(0o755)
    status, said = bench(build, tmp_path / 'out', 'echo_1k', '--peers',
                         'nginx', path=tmp_path)
    assert status == 1
    assert 'failed: nginx, echo_1k: it ended at once: no licence to serve' \
        in said, said
    assert 'nginx: 9.8.7' in said


def test_bench_leaves_out_a_peer_that_is_not_there(build, tmp_path):
    fake = tmp_path / 'caddy'
    fake.write_text('#!/bin/sh\nexit 127\n')
    fake.chmod(0o755)
    status, said = bench(build, tmp_path / 'out', 'echo_1k', '--peers',
                         'caddy', path=tmp_path)
    assert status == 0
    assert 'caddy is not there: left out' in said

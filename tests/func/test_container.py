# SPDX-License-Identifier: ISC
"""
In a container: what nobody can reach is said, pid 1 hears signals and reaps
whom it inherits, and nothing needs a terminal.
"""

import contextlib
import os
import signal
import subprocess

import pytest

import wire
from backends import web
from daemon import can_connect, free_port
from tls import Authority
from wire import get, wait_until

UNSHARE = ('unshare', '--pid', '--fork', '--mount-proc', '--kill-child')


def loopback_warning(bowsprit, how, env=None):
    bs = bowsprit(**how, env={'container': 'podman', **(env or {})})
    line = bs.wait_line('this is a container')
    assert line.startswith('warning: ')
    return bs, line.partition('; listen on every address: ')[2]


def test_loopback_in_a_container(bowsprit):
    """The remedy is one where the listener was chosen."""
    port = free_port()
    _, remedy = loopback_warning(bowsprit, {}, {'PORT': str(port)})
    assert remedy == f'-l :{port}, or HOST=0.0.0.0'
    bs, remedy = loopback_warning(bowsprit, {'argv': ('-l', '@PORT@')})
    assert remedy == f'-l :{bs.port} in place of -l {bs.port}'
    bs, remedy = loopback_warning(bowsprit, {'config': 'listeners = (\n'
        '  { address = "localhost"; port = @PORT@; } );\n'})
    assert remedy == f'address = "*" in {bs.argv[2]}:2'


@pytest.mark.parametrize('remedy', ['-l', 'HOST'])
def test_its_remedy(remedy, bowsprit, backend):
    b = backend(web())
    argv, env = ('-l', ':@PORT@'), {'container': 'podman'}
    if remedy == 'HOST':
        argv, env = (), {**env, 'HOST': '0.0.0.0', 'PORT': str(free_port())}
    bs = bowsprit(argv=(*argv, '-b', b.url), env=env)
    bs.wait_line('> Ready on')
    bs.signal()
    bs.wait_end()
    assert not bs.lines('container')


def children(pid):
    """Pids of those whose parent it is, zombies too."""
    found = []
    for name in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{name}/stat', encoding='ascii') as f:
                parent = int(f.read().rpartition(')')[2].split()[1])
        except (OSError, ValueError):
            continue
        if parent == pid:
            found.append(int(name))
    return found


@pytest.fixture
def first(tmp_path):
    """A bowsprit that is pid 1 of a namespace: its pid out here."""
    if subprocess.run([*UNSHARE, 'true'], stderr=subprocess.DEVNULL,
                      check=False).returncode != 0:
        pytest.skip('may not make a pid namespace here')
    started = []

    def start(*argv, wait=can_connect):
        port = free_port()
        with open(tmp_path / 'out', 'wb') as out:
            p = subprocess.Popen(
                [*UNSHARE, os.environ['BOWSPRIT'], '-l', f'127.0.0.1:{port}',
                 *argv], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env={**os.environ, 'ASAN_OPTIONS': 'detect_leaks=0'})
        started.append(p)
        wait_until(lambda: wait(port), 'it to listen')
        pid, = children(p.pid)
        return p, pid

    yield start
    for p in started:
        p.kill()
        p.wait()


@pytest.mark.parametrize('application', [False, True])
def test_pid_1_reaps_orphans(application, first):
    command = ('--', 'sh', '-c', 'exec sleep 600') if application else ()
    p, pid = first('-b', 'http://127.0.0.1:9', *command)
    wait_until(lambda: len(children(pid)) == application, 'the application')
    before = set(children(pid))
    subprocess.run(['nsenter', '-t', str(pid), '-p', '-m', 'sh', '-c',
                    '(exec sleep 600) & exit'], check=True,
                   stdout=subprocess.DEVNULL)
    orphan, = wait_until(lambda: set(children(pid)) - before, 'an orphan')
    os.kill(orphan, signal.SIGKILL)
    wait_until(lambda: not set(children(pid)) - before, 'its end')
    os.kill(pid, signal.SIGTERM)
    assert p.wait(12 * wire.SLOW) == 0


def test_pid_1_hears_what_came_while_it_starts(first, tmp_path):
    """Early: while it reads a file, which is a pipe, so that we know."""
    ca = Authority(str(tmp_path / 'ca'))
    pipe = tmp_path / 'pipe'
    os.mkfifo(pipe)
    opened = []

    def is_reading(port):
        with contextlib.suppress(OSError):  # it is not there yet
            opened.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        return opened
    p, pid = first('-r', f'/**=https://127.0.0.1:9 ca={pipe}',
                   wait=is_reading)
    os.kill(pid, signal.SIGTERM)
    with open(ca.file, 'rb') as f, open(opened[0], 'wb') as to:
        to.write(f.read())
    assert p.wait(12 * wire.SLOW) == 0
    assert b'SIGTERM: finishing' in (tmp_path / 'out').read_bytes()


def test_without_standard_descriptors(bowsprit, backend, tmp_path):
    """No socket is taken for them, nor the log's file."""
    port, log = free_port(), tmp_path / 'log'
    config = tmp_path / 'cfg'
    config.write_text(f'log = {{ file = "{log}"; access = "all"; }};')
    argv = [os.environ['BOWSPRIT'], '-c', str(config), '-l',
            f'127.0.0.1:{port}', '-b', backend(web()).url]
    shell = 'exec "$@" <&- >&- 2>&-'
    p = subprocess.Popen(['sh', '-c', shell, 'sh', *argv])
    try:
        wait_until(lambda: can_connect(port), 'it to listen')
        for fd in range(3):
            assert os.readlink(f'/proc/{p.pid}/fd/{fd}') == '/dev/null'
        c = wire.connect(port)
        c.send(get('/x'))
        assert c.read_response().status == 200
        c.close()
        p.terminate()
        assert p.wait(12 * wire.SLOW) == 0
        assert '[HTTP] GET /x 200' in log.read_text()
    finally:
        p.kill()
        p.wait()

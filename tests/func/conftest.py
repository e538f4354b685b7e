# SPDX-License-Identifier: ISC
"""
Fixtures: a real bowsprit, real sockets, real servers, all on free ports.

	BOWSPRIT=/path/of/bowsprit /usr/bin/python3 -m pytest tests/func

BOWSPRIT              the binary (required)
BOWSPRIT_ATTACH       a command to run beside each, with {pid} in it, e.g.
                      'gdb -batch -p {pid} -ex continue -ex bt'
BOWSPRIT_SLOW         a factor on every limit of time (valgrind: 10)
BOWSPRIT_RSS_MIB      what slow-reader tests allow it to have (64, or 320 if
                      it is built with ASan)
BOWSPRIT_TUNNELS      how many test_2000_tunnels opens (2000)
BOWSPRIT_MIX_SECONDS  how long test_mix goes on (8), and
BOWSPRIT_MIX_SEED     with what (1)

Tests marked `long` take minutes or gigabytes, and run only if asked for:
by their whole name, or `-m long` (make check-long, contrib/run-tests.sh long).

-n N of pytest-xdist runs them in parallel: all ports are chosen, none fixed.
"""

import os
import resource
import signal

import pytest

from backends import RecordingBackend, tunnel
from daemon import Bowsprit, config_text, free_port
from programs import Program
from wire import SLOW, Wire, connect, get, wait_until

TEST_SECONDS = 120 * SLOW


def pytest_configure(config):
    if not os.access(os.environ.get('BOWSPRIT', ''), os.X_OK):
        raise pytest.UsageError('BOWSPRIT must name the bowsprit to test')
    config.addinivalue_line('markers', 'long: minutes or gigabytes')
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = 16384
    resource.setrlimit(resource.RLIMIT_NOFILE,
                       (want if hard == resource.RLIM_INFINITY
                        else min(want, hard), hard))


def pytest_collection_modifyitems(config, items):
    if config.option.markexpr or any('::' in a for a in config.args):
        return
    config.hook.pytest_deselected(
        items=[i for i in items if i.get_closest_marker('long')])
    items[:] = [i for i in items if not i.get_closest_marker('long')]


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    """Remembers how a test went, and has the logs printed if it failed."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for bs in getattr(item, 'bowsprits', []):
            report.sections.append((f'bowsprit {bs.pid}', bs.report()))


@pytest.fixture(autouse=True)
def time_limit(request):
    """No test hangs: past its time the main thread is interrupted."""
    seconds = TEST_SECONDS
    if request.node.get_closest_marker('long'):
        seconds *= 10

    def late(number, frame):
        raise AssertionError(f'the test took over {seconds:.0f} s')
    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(int(seconds))
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def bowsprit(request, tmp_path):
    """
    A factory:

        bs = bowsprit(backend)                       all to that backend
        bs = bowsprit(backend, timeouts={...})       and any other setting
        bs = bowsprit(argv=['-b', url], log=None)    by options alone
        bs = bowsprit(config='…@PORT@…')             by a file's text

    It waits until bowsprit says that it is ready (wait=None: does not), and
    at the end of the test for an orderly end: the status, no report of a
    sanitizer, no process left.
    """
    request.node.bowsprits = started = []

    def start(backend=None, argv=(), config=None, wait='> Ready on', env=None,
              nofile=None, status=(0,), cwd=None, command=(), timeout=None,
              ready_within=10, passed=(), user=None, **settings):
        port = free_port()
        folder = tmp_path / f'bowsprit{len(started)}'
        folder.mkdir()
        args = list(argv)
        if backend is not None:
            config = config_text({**basic(backend, port), **settings})
        elif settings:
            config = config_text(
                {'listeners': ({'address': '127.0.0.1', 'port': port},),
                 'log': {'format': 'json', 'access': 'all'}, **settings})
        if config is not None:
            file = folder / 'bowsprit.cfg'
            file.write_text(config.replace('@PORT@', str(port)),
                            encoding='latin-1')
            args = ['-c', str(file), *args]
        args = [a.replace('@PORT@', str(port)) for a in args]
        if command:
            args += ['--', *command]
        bs = Bowsprit(os.environ['BOWSPRIT'], str(folder), args, port,
                      env=env, nofile=nofile, cwd=cwd, passed=passed,
                      user=user)
        bs.expected = status
        started.append(bs)
        if wait:
            bs.wait_line(wait, ready_within * SLOW)
        return bs

    yield start
    problems = []
    for bs in started:
        problems += [f'bowsprit {bs.pid} {p}' for p in bs.finish()]
    assert not problems, '; '.join(problems)


def basic(backend, port):
    """Requests and upgrades of every path to one backend."""
    url = backend if isinstance(backend, str) else backend.url
    return {
        'listeners': ({'address': '127.0.0.1', 'port': port},),
        'backends': {'app': {'servers': (url,)}},
        'routes': ({'path': '/**', 'upgrade': 'both', 'backend': 'app'},),
        'log': {'format': 'json', 'access': 'all'},
    }


@pytest.fixture
def backend(bowsprit):
    """
    A factory of RecordingBackends.  (It asks for bowsprit so as to be torn
    down before it: a drain then has nothing to wait for.)
    """
    made = []

    def make(script=None, kind=RecordingBackend, **options):
        b = kind(script, **options) if script else kind(**options)
        made.append(b)
        return b

    yield make
    for b in made:
        b.stop()
    errors = [e for b in made for e in b.errors]
    assert not errors, 'in a backend:\n' + '\n'.join(errors)


@pytest.fixture
def client(bowsprit):
    """Connects to a bowsprit (or a port); closed when the test ends."""
    made = []

    def make(to, **options) -> Wire:
        w = connect(getattr(to, 'port', to), **options)
        made.append(w)
        return w

    yield make
    for w in made:
        w.close()


@pytest.fixture
def open_tunnel(bowsprit, backend, client):
    """
    A factory of whole tunnels: (client's wire, backend's wire, bowsprit).
    """
    def make(path='/ws', client_options=None, **settings):
        b = backend(tunnel)
        bs = bowsprit(b, **settings)
        c = client(bs, **(client_options or {}))
        c.open_websocket(path)
        s = b.wait_for()
        wait_until(lambda: b'\r\n\r\n' in s.received, 'its head')
        return c, s, bs

    return make


@pytest.fixture
def under_way(bowsprit, backend, client):
    """
    A factory of requests whose head has reached the backend, and which nobody
    has answered: (client's wire, backend's wire, bowsprit).
    """
    def make(request=get(), **settings):
        b = backend()
        bs = bowsprit(b, **settings)
        c = client(bs)
        c.send(request)
        s = b.wait_for()
        s.read_head()
        return c, s, bs

    return make


@pytest.fixture
def program(bowsprit, tmp_path):
    """A factory of Programs, of which it knows the folder."""
    made = []

    def start(*args, **options):
        made.append(Program(tmp_path, *args, **options))
        return made[-1]

    yield start
    for p in made:
        p.stop()


@pytest.fixture
def down():
    """The URL of a server that is not there."""
    return f'http://127.0.0.1:{free_port()}'


def pytest_terminal_summary(terminalreporter):
    """What tests measured."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, 'when', '') != 'call':
                continue
            for name, value in report.user_properties:
                terminalreporter.write_line(f'measured: {name}: {value}')

# SPDX-License-Identifier: ISC
"""
SIGUSR2: a new process on the same sockets, while the old one drains.  Nobody
who connects notices, whatever the new one's configuration and workers are,
and a new one that fails leaves the old one as it was.
"""

import asyncio
import os
import random
import shutil
import signal
import socket
import threading
import time

import pytest

import wire
from backends import echoing, tunnel, web
from conftest import basic
from daemon import can_connect, config_text, free_port
from test_container import first  # noqa: F401 (a fixture)
from test_goodbye import PersistentClient
from test_listeners import (ask, connect_to, dual_socket,  # noqa: F401
                            listening, path, port_of, port_socket, status_at)
from test_reload import settings
from test_real_servers import run
from wire import closing, from_client, get, response, wait_until

ACCEPTS = 'accepts; finishing what is under way here'
STAYS = 'goes on'


class Line:
    """A bowsprit and those that take over from it: what it wrote is theirs."""

    def __init__(self, bs):
        self.bs = bs
        self.pids = [bs.pid]

    @property
    def pid(self):
        """Of the one that is to be told."""
        return self.pids[-1]

    def signal(self, number):
        os.kill(self.pid, number)

    def configure(self, text):
        file = os.path.join(self.bs.folder, 'bowsprit.cfg')
        with open(file + '.new', 'w', encoding='ascii') as f:
            f.write(text)
        os.rename(file + '.new', file)

    def pass_on(self):
        """A take-over that works; the old one still drains."""
        n = len(self.pids)
        self.signal(signal.SIGUSR2)
        wait_until(lambda: self.lines(ACCEPTS) >= n, 'the new one',
                   15 * wire.SLOW)
        line = self.bs.lines(ACCEPTS)[n - 1]
        self.pids.append(int(line.partition('(pid ')[2].partition(')')[0]))

    def lines(self, words):
        return len(self.bs.lines(words))

    def fails(self, words=STAYS, within=5):
        """A take-over that does not; returns why."""
        n = self.lines(words)
        self.signal(signal.SIGUSR2)
        wait_until(lambda: self.lines(words) > n, words, within * wire.SLOW)
        return self.bs.lines(words)[n]

    def end(self):
        """All of them, orderly."""
        for pid in self.bs.family():
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        wait_until(lambda: not self.bs.family(), 'the end of all',
                   12 * wire.SLOW)


@pytest.fixture
def line(bowsprit):
    """
    A factory: of what the fixture bowsprit takes, a Line; or of a bowsprit.
    """
    made = []

    def make(*args, **options):
        made.append(Line(bowsprit(*args, **options)))
        return made[-1]

    yield make
    for one in made:
        one.end()


# Nothing is lost

class Callers(threading.Thread):
    """
    A client that calls again and again, on connections that last for one
    request or for some, now at once, now after a pause; what went wrong is in
    .errors.
    """

    def __init__(self, open_wire, number):
        super().__init__(daemon=True)
        self.open_wire = open_wire
        self.random = random.Random(number)
        self.errors = []
        self.served = 0
        self.stopping = False

    def call(self):
        w = self.open_wire()
        for last in (*[False] * self.random.choice([0, 0, 0, 3]), True):
            if self.random.random() < 0.1:
                time.sleep(self.random.random() / 20)
            w.send(get('/', 'localhost', *['Connection: close'] * last))
            answer = w.read_response()
            assert answer.status == 200
            self.served += 1
            if last or answer.get('Connection') == 'close':
                w.expect_end()
                break
        w.close()

    def run(self):
        while not self.stopping:
            try:
                self.call()
            except Exception as e:  # pylint: disable=broad-except
                self.errors.append(repr(e))


@pytest.fixture
def calling():
    """callers = calling(a function that connects); stopped at the end."""
    made = []

    def make(open_wire, n=4):
        made.extend(Callers(open_wire, i) for i in range(n))
        for c in made:
            c.start()
        return made

    yield make
    for c in made:
        c.stopping = True
    for c in made:
        c.join(10)


def serve_through(line, callers, numbers, b, **more):
    """A take-over by one with so many workers, and the next."""
    def served():
        return sum(c.served for c in callers)

    def some():
        enough = served() + 300
        wait_until(lambda: served() > enough, '300 answers', 30 * wire.SLOW)

    some()
    for n in numbers:
        line.configure(config_text({**basic(b, line.bs.port), 'workers': n,
                                    **more}))
        line.pass_on()
        some()
    for c in callers:
        c.stopping = True
    for c in callers:
        c.join(10 * wire.SLOW)
    assert [e for c in callers for e in c.errors] == []


@pytest.mark.parametrize('numbers', [(1, 1, 1), (1, 4, 2, 1, 3), (3, 3, 1)])
def test_no_connection_is_lost(numbers, line, backend, calling):
    b = backend(web())
    old = line(b, workers=numbers[0])
    callers = calling(old.bs.connect)
    serve_through(old, callers, numbers[1:], b)
    status_of_old(old)


def status_of_old(old):
    """The first has ended, and well."""
    assert old.bs.wait_end(12 * wire.SLOW) == 0


def test_no_connection_to_a_unix_socket_is_lost(line, backend, calling,
                                                path):  # noqa: F811
    b = backend(web())
    old = line(b, workers=2, listeners=listening(path))
    callers = calling(lambda: connect_to(path))
    serve_through(old, callers, (1, 3), b, listeners=listening(path))
    status_of_old(old)
    assert ask(path) == 200, 'its file is still there'
    old.signal(signal.SIGTERM)
    wait_until(lambda: not old.bs.family(), 'the end')
    assert not os.path.exists(path), 'the last one removes it'


def test_no_connection_to_a_passed_socket_is_lost(line, backend, calling,
                                                  port_socket):  # noqa: F811
    b = backend(web())
    old = line(b, workers=2, passed=(port_socket.fileno(),))
    port = port_of(port_socket)
    callers = calling(lambda: wire.connect(port))
    serve_through(old, callers, (1, 2), b)
    old.bs.wait_end(12 * wire.SLOW)
    assert status_at(port) == 200 and status_at(old.bs.port) == 200


def test_passed_sockets_that_the_file_names(line, backend, port_socket,
                                            path):  # noqa: F811
    """They stay the service manager's, whoever follows whom."""
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(path)
        unix.listen(10)
        port = port_of(port_socket)
        old = line(backend(web()), workers=2, listeners=(
            {'address': '127.0.0.1', 'port': port}, *listening(path)),
            passed=(port_socket.fileno(), unix.fileno()))
        for _ in range(2):
            old.pass_on()
            status_of_old(old)
            assert status_at(port) == 200 and ask(path) == 200
        old.end()
        assert os.path.exists(path), 'it is not ours'


def test_passed_socket_on_both_families(line, backend,
                                        dual_socket):  # noqa: F811
    """The file's :PORT is its, before and after."""
    port = port_of(dual_socket)
    old = line(backend(web()), passed=(dual_socket.fileno(),),
               listeners=({'address': '*', 'port': port},))
    old.pass_on()
    status_of_old(old)
    assert status_at(port) == 200


def test_every_queue_has_an_ear(line, backend):
    """
    Fewer workers than sockets: the kernel fills them all, and each is served.
    """
    b = backend(web())
    old = line(b, workers=4)
    old.configure(config_text({**basic(b, old.bs.port), 'workers': 1}))
    old.pass_on()
    status_of_old(old)
    for _ in range(60):
        assert status_at(old.bs.port) == 200


def queues(port):
    """The sockets that listen there, by the kernel's numbers for them."""
    with open('/proc/net/tcp', encoding='ascii') as f:
        rows = [row.split() for row in f][1:]
    return {row[9] for row in rows
            if row[1] == f'0100007F:{port:04X}' and row[3] == '0A'}


@pytest.mark.parametrize('workers', [1, 3, 4])
def test_no_queue_is_closed(workers, line, backend):
    """Who waits in one that is closed would be reset, though others listen."""
    b = backend(web())
    old = line(b, workers=3)
    before = queues(old.bs.port)
    old.configure(config_text({**basic(b, old.bs.port), 'workers': workers}))
    old.pass_on()
    status_of_old(old)
    assert queues(old.bs.port) >= before


@pytest.mark.parametrize('few', [1, 2])
def test_more_workers_have_a_queue_each(few, line, bowsprit, backend):
    """Else all of them would be woken for each connection."""
    b = backend(web())
    old = line(b, workers=few)
    old.configure(config_text({**basic(b, old.bs.port), 'workers': 5}))
    old.pass_on()
    status_of_old(old)
    assert len(queues(old.bs.port)) == len(queues(
        bowsprit(b, workers=5).port))
    for _ in range(60):
        assert status_at(old.bs.port) == 200


def test_request_under_way_is_finished(line, backend, client):
    b = backend()
    old = line(b)
    c = client(old.bs)
    c.send(get())
    s = b.wait_for()
    s.read_head()
    old.pass_on()
    s.send(response(200, 'whole'))
    r = c.read_response()
    assert (r.status, r.body) == (200, b'whole')
    c.close()
    status_of_old(old)


def test_silent_connection_may_still_ask(line, backend, client):
    """Its request was perhaps on its way; one that asks nothing goes."""
    b = backend(web())
    old = line(b, timeouts={'drain': '4s'})
    fresh, kept, silent = (client(old.bs) for _ in range(3))
    kept.send(get())
    kept.read_response()
    old.pass_on()
    for c in fresh, kept:
        wait_until(lambda: c.send(get()) or
                   c.read_response().get('Connection') == 'close',
                   'the answer that says that it is the last')
        c.expect_end()
    silent.expect_end()
    status_of_old(old)


def test_answer_that_did_not_say_so_is_not_the_last(line, backend, client):
    """Its client may rely on one more."""
    b = backend()
    old = line(b)
    c = client(old.bs)
    c.send(get())
    s = b.wait_for()
    s.read_head()
    s.send(response(200, 'whole')[:-2])
    assert b'close' not in c.read_head()
    old.pass_on()
    time.sleep(wire.QUIET)  # no sign of its drain is to be seen
    s.send(b'le')
    assert c.read(5) == b'whole'
    c.send(get())
    s = b.wait_for(2)
    s.read_head()
    s.send(response(200, 'last'))
    r = c.read_response()
    assert (r.body, r.get('Connection')) == (b'last', 'close')
    c.expect_end()
    status_of_old(old)


# Tunnels

def test_tunnels_hear_1012(line, backend, client):
    """And 1001 from the one that follows, when that is stopped."""
    b = backend(tunnel)
    old = line(b)
    before = client(old.bs)
    before.open_websocket()
    s = b.wait_for()
    old.pass_on()
    opcode, payload = before.read_message()
    assert (opcode, payload[:2]) == (wire.CLOSE, closing(1012))
    before.send(from_client(closing(1012), wire.CLOSE))
    assert s.read_message() == (wire.CLOSE, closing(1012))
    s.close()
    before.expect_end()
    status_of_old(old)
    assert old.bs.closed()['reason'] == 'drain'
    assert old.bs.closed()['code'] == 1012

    after = client(old.bs)
    after.open_websocket()
    old.signal(signal.SIGTERM)
    opcode, payload = after.read_message()
    assert (opcode, payload[:2]) == (wire.CLOSE, closing(1001))
    after.send(from_client(closing(1001), wire.CLOSE))
    after.close()
    assert old.bs.closed(n=2)['code'] == 1001


def test_code_of_a_close_from_before(line, backend, client):
    """Its closing line has what was sent, not what others hear since."""
    b = backend(tunnel)
    old = line(b, timeouts={'tunnel_lifetime': '300ms', 'drain': '60s'})
    c = client(old.bs)
    c.open_websocket()
    s = b.wait_for()
    assert c.read_message() == (wire.CLOSE, closing(1001))
    old.pass_on()
    c.send(from_client(closing(1001), wire.CLOSE))
    assert s.read_message() == (wire.CLOSE, closing(1001))
    s.close()
    c.expect_end()
    closed = old.bs.closed()
    assert (closed['reason'], closed['code']) == ('tunnel-lifetime', 1001)


def test_message_under_way_is_finished(line, backend, client):
    b = backend(tunnel)
    old = line(b)
    c = client(old.bs)
    c.open_websocket()
    s = b.wait_for()
    whole = wire.frame(b'x' * 1000)
    s.send(whole[:500])
    assert c.read(500) == whole[:500]
    old.pass_on()
    c.expect_quiet()
    s.send(whole[500:])
    assert c.read(len(whole) - 500) == whole[500:]
    assert c.read_message()[1][:2] == closing(1012)
    c.close()


def test_client_is_back_at_once(line, backend):
    """No attempt of its fails: there is always one that accepts."""
    old = line(backend(echoing))
    client = PersistentClient(f'ws://127.0.0.1:{old.bs.port}/ws')

    async def through():
        task = asyncio.ensure_future(client.run())
        loop = asyncio.get_event_loop()
        while client.echoes < 1:
            assert not task.done()
            await asyncio.sleep(0.01)
        await loop.run_in_executor(None, old.pass_on)
        while client.echoes < 2:
            assert not task.done(), 'it has given up'
            await asyncio.sleep(0.01)
        old.signal(signal.SIGTERM)
        await task
    run(through())
    assert client.codes == [1012, 1001]
    assert client.failed == 0


# What the new one is

def test_configuration_and_options_are_the_new_ones(line, backend, client):
    """The file as it is now, beside the options as they were then."""
    b, new, option = (backend(web()) for _ in range(3))
    old = line(b, argv=('-r', f'/opt={option.url}'))
    old.configure(settings(old.bs.port, new.url))
    old.pass_on()
    status_of_old(old)
    for target, there in ('/', new), ('/opt', option):
        c = client(old.bs)
        c.send(get(target))
        assert c.read_response().status == 200
        assert len(there.wires) == 1
    assert not b.wires


def test_another_binary_at_the_path(bowsprit, line, backend, tmp_path,
                                    monkeypatch):
    """What is at the path now, as a package's upgrade leaves it."""
    real = os.environ['BOWSPRIT']
    copy = tmp_path / 'bowsprit'
    shutil.copy(real, copy)
    monkeypatch.setenv('BOWSPRIT', str(copy))
    old = line(backend(web()))
    new = tmp_path / 'new'
    new.write_text(f'#!/bin/sh\necho the new one >&2\nexec {real} "$@"\n')
    new.chmod(0o755)
    os.rename(new, copy)
    old.pass_on()
    assert old.bs.lines('the new one')
    status_of_old(old)
    assert status_at(old.bs.port) == 200


def test_by_name_it_is_looked_for_in_path(bowsprit, line, backend, tmp_path):
    real = os.environ['BOWSPRIT']
    (tmp_path / 'bin').mkdir()
    os.symlink(real, tmp_path / 'bin' / 'bowsprit')
    os.environ['BOWSPRIT'], before = 'bowsprit', os.environ['BOWSPRIT']
    path_before = os.environ['PATH']
    os.environ['PATH'] = f'{tmp_path}/bin:{path_before}'
    try:
        old = line(backend(web()))
    finally:
        os.environ['BOWSPRIT'], os.environ['PATH'] = before, path_before
    old.pass_on()
    status_of_old(old)
    assert status_at(old.bs.port) == 200


def test_listeners_come_and_go(line, backend, path):  # noqa: F811
    """One that the new configuration lacks ends with the old process."""
    b = backend(web())
    port, kept, added = free_port(), free_port(), free_port()

    def on(*ports):
        return tuple({'address': '127.0.0.1', 'port': p} for p in ports)

    old = line(b, listeners=(*on(port, kept), *listening(path)), workers=2)
    old.configure(config_text({**basic(b, 0), 'listeners': on(kept, added),
                               'workers': 2}))
    old.pass_on()
    wait_until(lambda: not can_connect(port), 'the end of that one')
    status_of_old(old)
    assert status_at(kept) == 200 and status_at(added) == 200
    assert not can_connect(port) and not os.path.exists(path)


def test_listener_that_another_covers(line, backend):
    """A mistake in the file: no reason to end the process that serves."""
    b = backend(web())
    port = free_port()
    old = line(b, listeners=({'address': 'localhost', 'port': port},))
    old.configure(config_text({**basic(b, 0), 'listeners': tuple(
        {'address': a, 'port': port} for a in ('localhost', '127.0.0.1'))}))
    assert 'ended with status 1 before it' in old.fails()
    assert old.lines(f'cannot listen on 127.0.0.1:{port}: another listener '
                     'of this configuration')
    assert status_at(port) == 200


def test_unix_socket_gets_its_new_mode(line, backend, path):  # noqa: F811
    b = backend(web())
    old = line(b, listeners=listening(path, mode='0600'))
    old.configure(config_text({**basic(b, 0),
                               'listeners': listening(path, mode='0666')}))
    old.pass_on()
    wait_until(lambda: os.stat(path).st_mode & 0o777 == 0o666, 'the mode')


# The file of a unix socket is not there any more

def nothing(path):  # noqa: F811
    os.unlink(path)


def left_behind(path):  # noqa: F811
    """By another, which has ended."""
    os.unlink(path)
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)


@pytest.mark.parametrize('instead', [nothing, left_behind])
def test_unix_socket_that_has_lost_its_file(instead, line, backend,
                                            path):  # noqa: F811
    """Nobody can connect to it: the next one listens anew, and says so."""
    old = line(backend(echoing), listeners=listening(path))
    c = connect_to(path)
    c.open_websocket()
    instead(path)
    with pytest.raises(OSError):
        connect_to(path)
    old.pass_on()
    new = connect_to(path)
    new.open_websocket()
    opcode, payload = c.read_message()
    assert (opcode, payload[:2]) == (wire.CLOSE, closing(1012))
    c.close()
    status_of_old(old)
    new.expect_echo()
    new.close()
    assert old.lines(f'unix:{path}: the process that is replaced had lost'
                     ) == 1
    old.signal(signal.SIGTERM)
    wait_until(lambda: not old.bs.family(), 'the end')
    assert not os.path.exists(path), 'it is the new one\'s to be removed'


def test_unix_socket_whose_place_another_has(line, backend, client,
                                             path):  # noqa: F811
    """As at a start; nothing has happened then."""
    b = backend(web())
    port = free_port()
    old = line(b, listeners=({'address': '127.0.0.1', 'port': port},
                             *listening(path)))
    old.bs.port = port
    c = client(old.bs)
    os.unlink(path)
    other = backend(web(), path=path)
    assert 'ended with status 1 before it' in old.fails()
    assert old.lines(f'cannot listen on unix:{path}: ')
    still_serves(old, c)
    assert ask(path) == 200 and other.wires[-1].received
    old.signal(signal.SIGHUP)
    old.bs.wait_line(f'unix:{path}: its file was removed or replaced')


def test_log_goes_on_in_the_same_file(line, backend, tmp_path, client):
    log = tmp_path / 'log'
    b = backend(web())
    old = line(b, wait=None, log={'file': str(log), 'access': 'all'})
    wait_until(lambda: log.exists() and 'Ready' in log.read_text(), 'ready')
    c = client(old.bs)
    old.signal(signal.SIGUSR2)
    wait_until(lambda: ACCEPTS in log.read_text(), 'the new one')
    c.send(get('/old'))
    assert c.read_response().status == 200
    status_of_old(old)
    assert status_at(old.bs.port) == 200
    wait_until(lambda: 'GET /old 200' in log.read_text()
               and 'GET / 200' in log.read_text(), 'both their lines')
    assert log.read_text().count('> Ready on') == 2


# It fails, and nothing has happened

def still_serves(old, c):
    """The old one does, on the connection that was there and on others."""
    c.send(get())
    r = c.read_response()
    assert r.status == 200 and r.get('Connection') != 'close'
    assert status_at(old.bs.port) == 200
    assert old.bs.family() == [old.bs.pid] and not old.bs.ended()


def test_mistake_in_the_configuration(line, backend, client):
    b = backend(web())
    old = line(b)
    c = client(old.bs)
    good = config_text(basic(b, old.bs.port))
    old.configure(good + 'colour = "green";\n')
    for _ in range(3):
        assert 'ended with status 1 before it' in old.fails()
        still_serves(old, c)
    assert old.bs.lines('unknown setting "colour"'), 'its own words'
    c.close()  # or it may ask until half of the drain
    old.configure(good)
    old.pass_on()
    status_of_old(old)
    assert status_at(old.bs.port) == 200


def test_port_that_another_has(line, backend, client, path):  # noqa: F811
    """It fails late, with the sockets in its hands."""
    b = backend(web())
    port = free_port()
    old = line(b, listeners=({'address': '127.0.0.1', 'port': port},
                             *listening(path)))
    old.bs.port = port
    c = client(old.bs)
    with socket.create_server(('127.0.0.1', free_port())) as taken:
        old.configure(config_text({**basic(b, old.bs.port), 'listeners': (
            {'address': '127.0.0.1', 'port': old.bs.port}, *listening(path),
            {'address': '127.0.0.1', 'port': port_of(taken)})}))
        old.fails()
        assert old.bs.lines(f'cannot listen on 127.0.0.1:{port_of(taken)}')
    still_serves(old, c)
    assert ask(path) == 200, 'the file is there'


@pytest.mark.parametrize('workers', [1, 2])
@pytest.mark.parametrize('then,now', [('*', '127.0.0.1'),
                                      ('127.0.0.1', '*')])
def test_wider_or_narrower_is_said_to_take_a_restart(then, now, workers, line,
                                                     backend, client):
    """It must not go on to listen on all addresses, unasked."""
    b = backend(web())
    port = free_port()
    old = line(b, listeners=({'address': then, 'port': port},),
               workers=workers)
    old.bs.port = port
    c = client(old.bs)
    old.configure(config_text({**basic(b, port), 'workers': workers,
                               'listeners': ({'address': now,
                                              'port': port},)}))
    old.fails()
    assert old.bs.lines('takes a restart')
    still_serves(old, c)


@pytest.fixture
def replaceable(line, backend, tmp_path, monkeypatch):
    """A bowsprit at a path of its own: (its Line, the path)."""
    copy = tmp_path / 'bowsprit'
    os.symlink(os.environ['BOWSPRIT'], copy)
    monkeypatch.setenv('BOWSPRIT', str(copy))
    old = line(backend(web()))
    copy.unlink()
    return old, copy


def test_no_binary(replaceable, client):
    old, copy = replaceable
    c = client(old.bs)
    assert f'{copy} cannot be started: No such file' in old.fails()
    still_serves(old, c)


@pytest.mark.parametrize('script,said', [
    ('exit 0', 'ended with status 0'), ('kill -SEGV $$', 'by signal 11')])
def test_program_that_ends(script, said, replaceable, client):
    old, copy = replaceable
    copy.write_text(f'#!/bin/sh\n{script}\n')
    copy.chmod(0o755)
    c = client(old.bs)
    assert said in old.fails()
    still_serves(old, c)


SLEEPER = '#!/bin/sh\nexec sleep 60\n'


def test_program_that_never_accepts(replaceable, client):
    """It is killed after 10 s; meanwhile there is no second one."""
    old, copy = replaceable
    copy.write_text(SLEEPER)
    copy.chmod(0o755)
    c = client(old.bs)
    old.signal(signal.SIGUSR2)
    old.bs.wait_line('starts on the same sockets')
    assert status_at(old.bs.port) == 200
    old.fails('is still starting')
    wait_until(lambda: old.bs.lines('within 10 s and was killed'), 'its end',
               12 * wire.SLOW)
    still_serves(old, c)


# Signals meanwhile

def test_end_meanwhile_ends_both(replaceable):
    old, copy = replaceable
    copy.write_text(SLEEPER)
    copy.chmod(0o755)
    old.signal(signal.SIGUSR2)
    old.bs.wait_line('starts on the same sockets')
    old.signal(signal.SIGTERM)
    status_of_old(old)
    wait_until(lambda: not old.bs.family(), 'the end of the new one')


def slow_start(copy, real):
    """The real one, once the test says so: an empty file named go."""
    copy.write_text(f'#!/bin/sh\nwhile ! [ -e {copy}.go ]; do sleep 0.1; done'
                    f'\nexec {real} "$@"\n')
    copy.chmod(0o755)
    return copy.with_name(copy.name + '.go')


def test_reload_meanwhile_is_the_new_ones(replaceable, monkeypatch):
    """The operator's file is read by who stays, not by who goes."""
    old, copy = replaceable
    go = slow_start(copy, os.path.realpath(REAL))
    old.signal(signal.SIGUSR2)
    old.bs.wait_line('starts on the same sockets')
    old.signal(signal.SIGHUP)
    old.signal(signal.SIGUSR2)
    old.bs.wait_line('is still starting')
    assert not old.bs.lines('Configuration reloaded')
    go.touch()
    old.bs.wait_line('> Configuration reloaded')
    event, = old.bs.events('> Configuration reloaded')
    assert event['pid'] != old.bs.pid
    status_of_old(old)


def test_reload_meanwhile_is_done_if_it_fails(replaceable):
    old, copy = replaceable
    go = slow_start(copy, '/bin/false')
    old.signal(signal.SIGUSR2)
    old.bs.wait_line('starts on the same sockets')
    old.signal(signal.SIGHUP)
    old.signal(signal.SIGUSR2)
    old.bs.wait_line('is still starting')
    go.touch()
    old.bs.wait_line('> Configuration reloaded')
    event, = old.bs.events('> Configuration reloaded')
    assert event['pid'] == old.bs.pid
    still = old.bs.family()
    assert still == [old.bs.pid]


def test_first_end_signal_to_the_old_one_cuts_nobody(line, backend, client):
    """A service manager's stop reaches all of a unit's processes."""
    b = backend(web())
    old = line(b, timeouts={'drain': '6s'})
    c = client(old.bs)
    old.pass_on()
    time.sleep(1.5)  # longer than what makes a signal the second one
    old.bs.signal()
    c.send(get())
    assert c.read_response().status == 200
    c.expect_end()
    status_of_old(old)


def test_variable_of_another_process_means_nothing(line, backend):
    """Only who started us can have left us sockets."""
    old = line(backend(web()), env={'BOWSPRIT_TAKEOVER': '1:oo'})
    assert status_at(old.bs.port) == 200
    old.pass_on()
    status_of_old(old)
    assert status_at(old.bs.port) == 200


# It is refused

def test_with_a_command(line, backend):
    old = line(argv=('-l', '127.0.0.1:@PORT@'), command=(
        'python3', '-c', 'import os, http.server as h; h.HTTPServer(("",'
        'int(os.environ["PORT"])), h.SimpleHTTPRequestHandler)'
        '.serve_forever()'))
    assert 'COMMAND' in old.fails('cannot be handed over')
    assert status_at(old.bs.port) == 200


def test_as_pid_1(first, tmp_path):  # noqa: F811
    p, pid = first('-b', 'http://127.0.0.1:9')
    os.kill(pid, signal.SIGUSR2)
    wait_until(lambda: 'as pid 1 this process cannot be replaced'
               in (tmp_path / 'out').read_text(), 'the refusal')
    os.kill(pid, signal.SIGTERM)
    assert p.wait(12 * wire.SLOW) == 0


def test_while_it_ends(line, backend, client):
    b = backend()
    old = line(b)
    c = client(old.bs)
    c.send(get())
    b.wait_for().read_head()
    old.signal(signal.SIGTERM)
    wait_until(lambda: not can_connect(old.bs.port), 'the drain')
    old.fails('is ending already')


# systemd

@pytest.fixture(params=['path', 'abstract'])
def manager(request, tmp_path):
    """What a service manager hears: a datagram socket and its name."""
    name = str(tmp_path / 'notify') if request.param == 'path' else (
        '@bowsprit-test-%d' % os.getpid())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(wire.PATIENCE)
        sock.bind(name.replace('@', '\0'))
        yield sock, name


def test_service_manager_follows(line, backend, manager):
    sock, name = manager
    old = line(backend(web()), env={'NOTIFY_SOCKET': name})
    assert sock.recv(100) == b'READY=1'
    old.pass_on()
    assert sock.recv(100) == b'MAINPID=%d' % old.pid
    sock.settimeout(wire.QUIET)
    with pytest.raises(socket.timeout):
        assert not sock.recv(100), 'the new one is known by now'


def test_service_manager_that_would_not_follow(line, backend, monkeypatch,
                                               tmp_path):
    """Of a unit with Type=simple the main process must stay."""
    wrapper = tmp_path / 'unit'
    wrapper.write_text('#!/bin/sh\nexport SYSTEMD_EXEC_PID=$$\n'
                       f'exec {REAL} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv('BOWSPRIT', str(wrapper))
    old = line(backend(web()))
    assert 'write Type=notify' in old.fails('systemd would end')
    assert status_at(old.bs.port) == 200


REAL = os.environ.get('BOWSPRIT', '')

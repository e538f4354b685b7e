# SPDX-License-Identifier: ISC
"""
Many tunnels at once, and what is left of them: 2,000 that echo, what an idle
one costs, running out of descriptors, a backend that dies and comes back
under load.
"""

import os
import random
import socket
import threading
import time

import pytest

import wire
from backends import CrowdBackend, echoing, web, web_and_echo
from daemon import NO_QUARANTINE, free_port, has_asan
from wire import (Closed, closing, connect, from_client, get, switching,
                  upgrade, wait_until)

TUNNELS = int(os.environ.get('BOWSPRIT_TUNNELS', '2000'))


def shake_hands(crowd):
    for c in crowd:
        c.send(upgrade())
    for c in crowd:
        assert c.read_head() == switching()


def echo_on_all(crowd, word):
    for i, c in enumerate(crowd):
        c.send(from_client(b'%s %d' % (word, i)))
    for i, c in enumerate(crowd):
        assert c.read_message() == (wire.BINARY, b'%s %d' % (word, i))


def test_2000_tunnels(bowsprit, backend, client, record_property):
    b = backend(kind=CrowdBackend)
    bs = bowsprit(b)
    warm = client(bs)
    warm.send(upgrade())
    warm.read_head()
    before = bs.rss()
    crowd = [client(bs, timeout=30 * wire.SLOW) for _ in range(TUNNELS)]
    shake_hands(crowd)
    assert len(b.open) == TUNNELS + 1
    idle = (bs.rss() - before) * 1024 / TUNNELS
    record_property('resident bytes of an idle tunnel', f'{idle:.0f}')
    echo_on_all(crowd, b'one')
    echo_on_all(crowd, b'two')
    used = (bs.rss() - before) * 1024 / TUNNELS
    record_property('and after two echoes', f'{used:.0f}')
    bs.expect_rest(0.5, 0.2)
    for c in crowd[::2]:
        c.send(from_client(closing(1000), wire.CLOSE))
    for c in crowd[::2]:
        assert c.read_message() == (wire.CLOSE, closing(1000))
    for i, c in enumerate(crowd):
        c.reset() if i % 4 == 1 else c.close()
    wait_until(lambda: len(b.open) == 1, 'the server to see them go',
               20 * wire.SLOW)
    bs.closed(n=TUNNELS, timeout=20 * wire.SLOW)
    wait_until(lambda: bs.descriptors() < 100, 'descriptors to be closed')
    warm.expect_echo(b'still')


def test_memory_is_used_again(bowsprit, backend, client):
    """Crowds come and go; sooner or later the process stops to grow."""
    b = backend(kind=CrowdBackend)
    # One worker, so that each crowd is of the same size for it.
    bs = bowsprit(b, log={'format': 'json', 'access': 'none'}, workers=1,
                  env=NO_QUARANTINE)
    sizes = []
    while len(sizes) < 4 or sizes[-1] - sizes[-4] > 60:
        crowd = [client(bs, timeout=30 * wire.SLOW) for _ in range(300)]
        shake_hands(crowd)
        echo_on_all(crowd, b'x')
        for c in crowd:
            c.close()
        wait_until(lambda: not b.open, 'the server to see them go')
        sizes.append(bs.rss())
        assert len(sizes) < 30, f'KiB, round by round: {sizes}'


@pytest.mark.long
def test_memory_comes_back(bowsprit, backend, client):
    """
    Of a crowd that opens at once nothing stays but its tunnels, and when it
    goes they do.  Some 700 KiB are once for all: a log ring, the poller's table.
    """
    if has_asan():
        pytest.skip('ASan keeps what is freed')
    b = backend(kind=CrowdBackend)
    bs = bowsprit(b, workers=1)
    start = bs.rss()
    crowd = [client(bs, timeout=30 * wire.SLOW) for _ in range(4000)]
    shake_hands(crowd)
    echo_on_all(crowd, b'x')
    wait_until(lambda: bs.rss() - start < 4000 * 1000 / 1024,
               'no more than 1,000 bytes for each', 10 * wire.SLOW)
    for c in crowd:
        c.close()
    wait_until(lambda: not b.open, 'the server to see them go')
    wait_until(lambda: bs.rss() - start < 1536, 'what they had to come back',
               10 * wire.SLOW)


def fill(bs, n):
    """Opens connections until one is refused or n are open."""
    crowd = []
    for _ in range(n):
        try:
            crowd.append(connect(bs.port, timeout=0.5 * wire.SLOW))
        except OSError:
            break
    return crowd


def stands_still(bs):
    """Has it said nothing for a moment?  Lines come from a writer thread."""
    before = len(bs.out())
    time.sleep(0.3)
    return len(bs.out()) == before


def test_out_of_descriptors_and_back(bowsprit, backend, client):
    """It neither dies nor spins, and serves again when there are some."""
    b = backend(kind=CrowdBackend)
    bs = bowsprit(b, nofile=(80, 80), workers=1,
                  timeouts={'header': '30s', 'client_keepalive': '30s'})
    early = client(bs)
    early.open_websocket()
    crowd, refused = [], 0
    while refused < 3 and len(crowd) < 80:  # one by one, until none gets in
        c = client(bs, timeout=2 * wire.SLOW)
        crowd.append(c)
        try:
            c.send(upgrade())
            head = c.read_head()
            assert head == switching() or head.startswith(b'HTTP/1.1 503 ')
            refused += head != switching()
        except Closed:
            refused += 1
    assert 5 < len(crowd) - refused < 40 and refused == 3
    crowd += fill(bs, 60)
    early.send(from_client(b'x'))  # who is in is not hurt
    assert early.read_message() == (wire.BINARY, b'x')
    wait_until(lambda: bs.lines('EMFILE') or bs.lines('descriptors'),
               'a word about it')
    wait_until(lambda: stands_still(bs), 'what it says of them')
    before = len(bs.out())
    bs.expect_rest(1, 0.4)
    assert len(bs.out()) - before < 10000, 'it fills the log'
    for c in crowd:
        c.close()

    def works():
        try:
            c = client(bs, timeout=1)
            c.send(upgrade())
            return c.read_head() == switching()
        except (Closed, AssertionError, OSError):
            return False
    wait_until(works, 'it to serve again', 10 * wire.SLOW)
    early.expect_echo(b'y')


def test_all_who_wait_are_told_that_there_is_no_room(bowsprit, backend):
    """Not one after each pause: the last would wait for seconds."""
    bs = bowsprit(backend(web()), nofile=(60, 60), workers=1,
                  timeouts={'client_keepalive': '60s'})
    hogs = fill(bs, 60)
    bs.wait_line('descriptor')
    late = [connect(bs.port) for _ in range(100)]
    start = time.monotonic()
    for c in late:
        assert c.read_response().status == 503
    assert time.monotonic() - start < 2.5 * wire.SLOW
    for c in hogs + late:
        c.close()


def test_waiting_connections_are_served_when_there_is_room(
        bowsprit, backend, client):
    """Those that wait in the queue are not forgotten."""
    b = backend(web())
    bs = bowsprit(b, nofile=(60, 60), workers=1,
                  timeouts={'client_keepalive': '60s'})
    hogs = fill(bs, 70)
    late = client(bs, timeout=10 * wire.SLOW)
    late.send(get())
    bs.wait_line('no file descriptor is left')
    for c in hogs:
        c.close()
    try:
        assert late.read_response().status in (200, 503)
    except Closed:
        pass  # told at once that there is no room


class Load:
    """Clients that upgrade, echo and ask until told to stop."""

    def __init__(self, port, kinds=('tunnel', 'tunnel', 'get', 'get')):
        self.port = port
        self.ok = self.failed = 0
        self.strange = []
        self.stopping = False
        self.threads = [threading.Thread(
            target=self._run, args=(getattr(self, '_' + k),), daemon=True)
            for k in kinds]
        for t in self.threads:
            t.start()

    def _run(self, once):
        while not self.stopping:
            try:
                c = connect(self.port)
                try:
                    once(c)
                finally:
                    c.close()
            except (Closed, socket.error):
                self.failed += 1
            except AssertionError as e:
                self.strange.append(str(e))
            time.sleep(0.002)

    def _tunnel(self, c):
        c.send(upgrade('/ws'))
        r = c.read_head()
        if r.startswith(b'HTTP/1.1 502 '):
            self.failed += 1
            return
        assert r == switching(), r
        for i in range(20):
            c.send(from_client(b'%d' % i))
            assert c.read_message() == (wire.BINARY, b'%d' % i)
        self.ok += 1

    def _get(self, c):
        for _ in range(10):
            c.send(get('/x'))
            r = c.read_final_response()
            if r.status == 502:
                self.failed += 1
            else:
                assert r.status == 200, r.raw
                self.ok += 1

    def stop(self):
        self.stopping = True
        for t in self.threads:
            t.join(20 * wire.SLOW)
            assert not t.is_alive(), 'a client hangs'


def test_backend_killed_and_back_under_load(bowsprit, backend, client):
    port = free_port()
    b = backend(web_and_echo(), port=port)
    bs = bowsprit(b)
    load = Load(bs.port)
    for n in range(3):
        ok = load.ok
        wait_until(lambda: load.ok > ok + 50, 'it to work', 20 * wire.SLOW)
        b.stop()
        failed = load.failed
        wait_until(lambda: load.failed > failed + 20, 'failures',
                   20 * wire.SLOW)
        b = backend(web_and_echo(), port=port)
    ok = load.ok
    wait_until(lambda: load.ok > ok + 50, 'it to work', 20 * wire.SLOW)
    load.stop()
    assert not load.strange, load.strange[:3]
    wait_until(lambda: len(bs.events('Connection closed')) ==
               len(bs.events('Connection opened')) > 0,
               'one closing line for each tunnel')
    c = client(bs)
    c.send(get())
    assert c.read_response().status == 200


def test_clients_that_come_and_go_at_random(bowsprit, backend, client):
    """Every moment of a connection's life is one at which it may end."""
    b = backend(web_and_echo())
    bs = bowsprit(b, timeouts={'header': '2s'})
    rnd = random.Random(11)
    head = upgrade('/ws', 'localhost', 'Cookie: ' + 'x' * 2000)
    for _ in range(300):
        c = client(bs)
        try:
            c.send(head[:rnd.choice([0, 1, 16, 100, len(head), len(head)])])
            if rnd.random() < 0.5:
                c.send(from_client(b'x' * rnd.choice([0, 10, 5000])))
            if rnd.random() < 0.3:
                c.sock.settimeout(0.02)
                c.fill()
        except (Closed, AssertionError):
            pass
        rnd.choice([c.reset, c.close, c.reset, c.finish])()
    good = client(bs)
    good.open_websocket()
    good.expect_echo(b'ok')


def test_connections_spread_over_workers(bowsprit, backend, client):
    """A tunnel works on whichever thread it lands."""
    b = backend(echoing)
    bs = bowsprit(b, workers=4)
    for i in range(40):
        c = client(bs)
        c.open_websocket()
        c.send(from_client(b'%d' % i))
        assert c.read_message() == (wire.BINARY, b'%d' % i)
    opened = 'Connection opened'
    wait_until(lambda: len(bs.events(opened)) == 40, 'their lines')
    ids = [e['id'] for e in bs.events(opened)]
    assert len(set(ids)) == 40, 'ids are unique over all threads'

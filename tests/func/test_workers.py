# SPDX-License-Identifier: ISC
"""
Workers: one for each core, and each with its share of the connections.
"""

import collections
import os

import pytest

import wire
from backends import CrowdBackend, web
from test_crowd import Load
from wire import from_client, get, switching, upgrade, wait_until

TUNNELS = int(os.environ.get('BOWSPRIT_TUNNELS', '2000'))
WORKERS = 3


def threads(bs):
    return len(os.listdir(f'/proc/{bs.pid}/task'))


def test_one_worker_for_each_core_we_may_use(bowsprit, backend):
    with open(os.environ['BOWSPRIT'], 'rb') as f:
        if b'sched_getaffinity' not in f.read():
            pytest.skip('built with --disable-linux')
    may = os.sched_getaffinity(0)
    one = bowsprit(backend(web()), workers=1)
    try:
        os.sched_setaffinity(0, {min(may)})
        bs = bowsprit(backend(web()))
    finally:
        os.sched_setaffinity(0, may)
    for some in one, bs:  # all threads are there when one serves
        get_from(some)
    assert threads(bs) == threads(one)


def get_from(bs):
    c = bs.connect()
    c.send(get())
    assert c.read_response().status == 200
    c.close()


def open_crowd(client, bs, first, n):
    """n tunnels, of which the i-th asks for /ws/i; in steps of a hundred."""
    crowd = {}
    for at in range(first, first + n, 100):
        step = range(at, min(at + 100, first + n))
        for i in step:
            crowd[i] = client(bs, timeout=30 * wire.SLOW)
            crowd[i].send(upgrade(f'/ws/{i}'))
        for i in step:
            assert crowd[i].read_head() == switching()
    return crowd


def worker_of(bs, n):
    """The worker of the i-th tunnel: ids are dealt to workers in turn."""
    opened = wait_until(
        lambda: (lambda e: len(e) == n and e)(bs.events('Handling')),
        f'{n} upgrades in the log')
    return {int(e['pathname'].rpartition('/')[2]): (e['id'] - 1) % WORKERS
            for e in opened}


def spread(workers):
    """How far the fullest is above the emptiest, in parts of the mean."""
    count = collections.Counter(workers)
    most, least = max(count.values()), min(count[w] for w in range(WORKERS))
    return (most - least) / (len(workers) / WORKERS)


def test_tunnels_are_level(bowsprit, backend, client, record_property):
    """Also when one worker has lost all of its own."""
    b = backend(kind=CrowdBackend)
    bs = bowsprit(b, workers=WORKERS)
    crowd = open_crowd(client, bs, 0, TUNNELS)
    others = bs.descriptors() - 2 * TUNNELS
    worker = worker_of(bs, TUNNELS)
    assert spread([worker[i] for i in crowd]) < 0.1
    gone = [i for i in crowd if worker[i] == 0]
    for i in gone:
        crowd.pop(i).close()
    bs.closed(n=len(gone))
    crowd.update(open_crowd(client, bs, TUNNELS, len(gone)))
    worker = worker_of(bs, TUNNELS + len(gone))
    found = spread([worker[i] for i in crowd])
    record_property('spread of tunnels over workers', f'{found:.3f}')
    assert found < 0.1
    for i, c in crowd.items():
        c.send(from_client(b'%d' % i))
    for i, c in crowd.items():
        assert c.read_message() == (wire.BINARY, b'%d' % i)
        c.close()
    wait_until(lambda: bs.descriptors() == others, 'all to be closed')


def test_drain_while_connections_come(bowsprit, backend, client):
    """Some of them are on their way from one worker to another."""
    b = backend(web())
    bs = bowsprit(b, workers=WORKERS)
    kept = [client(bs) for _ in range(20)]
    load = Load(bs.port, ('get',) * 4)
    wait_until(lambda: load.ok > 50, 'it to work', 20 * wire.SLOW)
    bs.signal()
    assert bs.wait_end(4 * wire.SLOW) == 0, 'well within the drain'
    load.stop()
    assert not load.strange, load.strange[:3]
    for c in kept:
        c.expect_end()

# SPDX-License-Identifier: ISC
"""
Listening elsewhere than on a port of our own: unix sockets.
"""

import os
import signal
import socket
import stat
import tempfile

import pytest

import wire
from backends import CrowdBackend, echoing, web
from wire import Wire, from_client, get, switching, upgrade, wait_until


@pytest.fixture
def path():
    """Of a socket: short, whatever the folder of the test is called."""
    with tempfile.TemporaryDirectory(prefix='bs') as folder:
        yield os.path.join(folder, 'web.sock')


def listening(path, **more):
    return ({'address': f'unix:{path}', **more},)


def connect_to(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(wire.PATIENCE)
    sock.connect(path)
    return Wire(sock, wire.PATIENCE)


def ask(path, *fields):
    c = connect_to(path)
    c.send(get('/', 'localhost', *fields))
    status = c.read_response().status
    c.close()
    return status


def refusal(path, bowsprit, b, **more):
    """What a second one says, which ends with 1."""
    bs = bowsprit(b, listeners=listening(path, **more), wait=None,
                  status=(1,))
    bs.wait_end()
    return bs.out() + bs.err()


def test_requests_and_tunnels(bowsprit, backend, path):
    bs = bowsprit(backend(echoing), listeners=listening(path))
    assert bs.lines(f'> Ready on unix:{path}')
    c = connect_to(path)
    c.send(upgrade())
    assert c.read_head() == switching()
    c.send(from_client(b'x'))
    assert c.read_message() == (wire.BINARY, b'x')
    c.close()
    assert bs.closed()['by'] == 'client'


@pytest.mark.parametrize('chain', [None, '192.0.2.1', '192.0.2.1, 10.0.0.1'])
def test_forwarded_for(bowsprit, backend, path, chain):
    """The peer has no address; it is trusted, and what it says stays."""
    heads = []
    bs = bowsprit(backend(web(heads)), listeners=listening(path))
    fields = [f'X-Forwarded-For: {chain}'] if chain else []
    assert ask(path, *fields) == 200
    assert heads[0].get('X-Forwarded-For') == chain
    assert heads[0].get('X-Forwarded-Proto') == 'http'
    client = chain.rpartition(', ')[2] if chain else 'unix'
    assert bs.wait_status(200)['client'] == client


@pytest.mark.parametrize('said,mode', [
    ({}, 0o660), ({'mode': '0666'}, 0o666), ({'mode': 600}, 0o600)])
def test_mode_and_end(bowsprit, backend, path, said, mode):
    bs = bowsprit(backend(web()), listeners=listening(path, **said))
    assert stat.S_IMODE(os.stat(path).st_mode) == mode
    bs.signal()
    assert bs.wait_end() == 0
    assert not os.path.exists(path), 'the file is removed'


def test_one_that_was_left(bowsprit, backend, path):
    b = backend(web())
    killed = bowsprit(b, listeners=listening(path), status=(-9,))
    killed.signal(signal.SIGKILL)
    killed.wait_end()
    assert os.path.exists(path)
    bowsprit(b, listeners=listening(path))
    assert ask(path) == 200


def test_one_that_is_in_use(bowsprit, backend, path):
    b = backend(web())
    bs = bowsprit(b, listeners=listening(path))
    assert f'(pid {bs.pid}) listens there' in refusal(path, bowsprit, b)
    assert ask(path) == 200, 'and is still there'


def test_one_that_was_replaced_is_not_removed(bowsprit, backend, path):
    b = backend(web())
    old = bowsprit(b, listeners=listening(path))
    os.unlink(path)
    bowsprit(b, listeners=listening(path))
    old.signal()
    assert old.wait_end() == 0
    assert ask(path) == 200


def test_a_file_is_not_removed(bowsprit, backend, path):
    with open(path, 'w', encoding='ascii') as f:
        f.write('precious')
    assert 'that is no socket' in refusal(path, bowsprit, backend(web()))
    with open(path, encoding='ascii') as f:
        assert f.read() == 'precious'


def test_no_folder(bowsprit, backend, path):
    said = refusal(f'{path}/x', bowsprit, backend(web()))
    assert 'cannot listen on unix:' in said
    os.rmdir(os.path.dirname(path))
    said = refusal(path, bowsprit, backend(web()))
    os.mkdir(os.path.dirname(path))
    assert 'its folder does not exist; make it' in said


def test_workers_share_it(bowsprit, backend, path):
    """The kernel does not spread these, the workers do."""
    b = backend(kind=CrowdBackend)
    bs = bowsprit(b, listeners=listening(path), workers=3)
    crowd = [connect_to(path) for _ in range(90)]
    for c in crowd:
        c.send(upgrade())
        assert c.read_head() == switching()
    wait_until(lambda: len(bs.events('Connection opened')) == 90, 'the log')
    ids = [e['id'] for e in bs.events('Connection opened')]
    counts = [sum((i - 1) % 3 == w for i in ids) for w in range(3)]
    assert max(counts) - min(counts) <= 9, counts
    for c in crowd:
        c.close()

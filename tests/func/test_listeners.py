# SPDX-License-Identifier: ISC
"""
Listening elsewhere than on a port of our own: unix sockets, and those that a
service manager passes.
"""

import os
import signal
import socket
import stat
import tempfile

import pytest

import wire
from backends import CrowdBackend, RecordingBackend, echoing, web
from daemon import free_port
from wire import Wire, connect, get, response, wait_until


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
    c.open_websocket()
    c.expect_echo()
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


def test_owner_and_group(bowsprit, backend, path):
    """By name or number; any user may give it to a group of his own."""
    root = os.geteuid() == 0
    said = {'owner': 'nobody', 'group': '65533'} if root else {
        'group': str(os.getegid())}
    bowsprit(backend(web()), listeners=listening(path, **said))
    there = os.stat(path)
    assert there.st_uid == (65534 if root else os.geteuid())
    assert there.st_gid == (65533 if root else os.getegid())
    assert stat.S_IMODE(there.st_mode) == 0o660
    assert ask(path) == 200


def test_owner_that_only_root_may_choose(bowsprit, backend, path):
    root = os.geteuid() == 0
    os.chmod(os.path.dirname(path), 0o777)
    with tempfile.TemporaryDirectory(prefix='bs') as folder:
        os.chmod(folder, 0o755)
        config = os.path.join(folder, 'b.cfg')
        with open(config, 'w', encoding='ascii') as f:
            f.write(f'listeners = ( {{ address = "unix:{path}"; '
                    'owner = "root"; } );\n')
        os.chmod(config, 0o644)
        bs = bowsprit(argv=('-c', config), wait=None, status=(1,),
                      user=65534 if root else None)
        assert bs.wait_end() == 1
    assert 'only root may give a socket to another owner' in (
        bs.out() + bs.err())
    assert not os.path.exists(path), 'and nothing is left'


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
        c.open_websocket()
    wait_until(lambda: len(bs.events('Connection opened')) == 90, 'the log')
    ids = [e['id'] for e in bs.events('Connection opened')]
    counts = [sum((i - 1) % 3 == w for i in ids) for w in range(3)]
    assert max(counts) - min(counts) <= 9, counts
    for c in crowd:
        c.close()


# Sockets that are passed

@pytest.fixture
def port_socket():
    with socket.create_server(('127.0.0.1', free_port())) as sock:
        yield sock


@pytest.fixture
def dual_socket():
    """[::] that takes IPv4, as systemd opens it."""
    if not socket.has_dualstack_ipv6():
        pytest.skip('this machine has no IPv6')
    with socket.create_server(('', free_port()), family=socket.AF_INET6,
                              dualstack_ipv6=True) as sock:
        yield sock


def port_of(sock):
    return sock.getsockname()[1]


def status_at(port):
    c = connect(port)
    c.send(get())
    status = c.read_response().status
    c.close()
    return status


def test_passed_instead_of_the_default(bowsprit, backend, port_socket):
    bs = bowsprit(argv=('-b', backend(web()).url),
                  passed=(port_socket.fileno(),))
    assert [e.rpartition(' ')[2] for e in bs.lines('> Ready on')] == [
        f'http://127.0.0.1:{port_of(port_socket)}']
    assert status_at(port_of(port_socket)) == 200


def test_passed_for_a_listener(bowsprit, backend, port_socket, path):
    """Two of them, a port and a path, that the file names as well."""
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(path)
        unix.listen(10)
        port = port_of(port_socket)
        bs = bowsprit(backend(web()), listeners=(
            {'address': '127.0.0.1', 'port': port}, *listening(path)),
            passed=(port_socket.fileno(), unix.fileno()))
        bs.wait_line('> Ready on', n=2)
        assert status_at(port) == 200 and ask(path) == 200
        bs.signal()
        assert bs.wait_end() == 0
        assert os.path.exists(path), 'it is not ours'


def test_passed_beside_a_listener(bowsprit, backend, port_socket):
    bs = bowsprit(backend(web()), passed=(port_socket.fileno(),))
    assert status_at(bs.port) == 200
    assert status_at(port_of(port_socket)) == 200


def test_passed_on_both_families(bowsprit, backend, dual_socket):
    """It stands for :PORT."""
    port = port_of(dual_socket)
    bowsprit(backend(web()), listeners=({'address': '*', 'port': port},),
             passed=(dual_socket.fileno(),))
    assert status_at(port) == 200


def test_passed_what_does_not_listen(bowsprit, backend):
    with socket.socket() as sock:
        bs = bowsprit(backend(web()), wait=None, status=(1,),
                      passed=(sock.fileno(),))
        assert bs.wait_end() == 1
    assert 'descriptor 3, which the service manager passed' in (
        bs.out() + bs.err())


def test_passed_to_the_next_one(bowsprit, backend, port_socket):
    """Who connects while one ends is served by the next."""
    b = backend(kind=RecordingBackend)
    old = bowsprit(b, passed=(port_socket.fileno(),))
    c = connect(port_of(port_socket))
    c.send(get())
    s = b.wait_for()
    s.read_head()
    old.drain()
    late = connect(port_of(port_socket))
    late.send(get())
    s.send(response(200, 'old'))
    assert c.read_response().body == b'old'
    assert old.wait_end() == 0
    bowsprit(backend(web()), passed=(port_socket.fileno(),))
    assert late.read_response().status == 200


def test_not_passed_on(bowsprit, backend, port_socket, tmp_path):
    """The application gets neither the variables nor the descriptor."""
    said = tmp_path / 'said'
    bowsprit(wait=None, passed=(port_socket.fileno(),), status=(0, 1, 7),
             command=('sh', '-c', f'(env; ls -l /proc/self/fd) > {said}.new; '
                      f'mv {said}.new {said}; exit 7'))
    wait_until(said.exists, 'the application')
    text = said.read_text()
    assert 'LISTEN_' not in text
    inode = os.stat(port_socket.fileno()).st_ino
    assert f'socket:[{inode}]' not in text


def test_passed_and_shut_down_by_another(bowsprit, backend, port_socket):
    """Accepting then fails for ever, at which nothing must spin."""
    bs = bowsprit(backend(web()), passed=(port_socket.fileno(),))
    assert status_at(port_of(port_socket)) == 200
    port_socket.shutdown(socket.SHUT_RDWR)
    bs.wait_line('cannot accept connections: ')
    bs.expect_rest(1, 0.4)
    assert len(bs.lines('cannot accept connections: ')) <= 2 * os.cpu_count()
    assert status_at(bs.port) == 200

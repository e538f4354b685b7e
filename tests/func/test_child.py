# SPDX-License-Identifier: ISC
"""
The application as a child: started, waited for, started again, ended, and
every way in which that goes wrong.
"""

import json
import os
import signal
import sys
import time

import pytest

import wire
from daemon import can_connect, free_port
from test_head_split import wait_taken
from wire import from_client, get, switching, upgrade, wait_until

APP = (sys.executable, os.path.join(os.path.dirname(
    os.path.abspath(__file__)), 'app.py'))
LISTEN = ('-l', 'localhost:@PORT@')


@pytest.fixture
def run(bowsprit):
    """bowsprit … -- app.py ARGS"""
    def start(*args, argv=LISTEN, **options):
        return bowsprit(argv=argv, command=(*APP, *args), **options)
    return start


def environment(c):
    """It may have to start first: on a busy machine that takes its time."""
    c.sock.settimeout(20 * wire.SLOW)
    c.send(get('/env'))
    r = c.read_response()
    assert r.status == 200, r.body
    return json.loads(r.body)


def test_it_is_told_where_to_listen(run, client):
    bs = run(env={'PORT': '1', 'HOSTNAME': 'box', 'X': 'y'})
    env = environment(client(bs))
    assert env['HOSTNAME'] == '127.0.0.1'
    assert env['X'] == 'y', 'and has the rest of our environment'
    assert int(env['PORT']) not in (1, bs.port)


def test_ready_is_the_last_line_of_the_start(run, client):
    bs = run('--delay', '0.5', wait=None)
    bs.wait_line('> Ready on', 10 * wire.SLOW)
    lines = bs.out().splitlines()
    env = environment(client(bs))
    assert lines[-1] == (
        f'> Ready on http://localhost:{bs.port} '
        f'(open this one; {env["PORT"]} is the application itself)')
    assert 'the application listens' in bs.out(), 'it came too early'
    assert lines.index('the application starts') < len(lines) - 1


def test_port_of_the_environment_is_ours(bowsprit, client):
    """PORT=3000 bowsprit -- app: we are on 3000, it is elsewhere."""
    port = free_port()
    bs = bowsprit(command=APP, env={'PORT': str(port)})
    c = client(port)
    env = environment(c)
    assert env['PORT'] != str(port)
    assert bs.lines(f'> Ready on http://localhost:{port} ')


def test_listens_on_both_families_of_localhost(run, client):
    bs = run()
    environment(client(bs))
    try:
        c = client(bs, host='::1')
    except OSError:
        assert bs.lines('::1') or bs.lines('IPv6'), 'not even said'
        return
    environment(c)


def test_requests_wait_while_it_starts(run, client):
    bs = run('--delay', '1', wait=None)
    bs.wait_listening()
    assert not bs.lines('> Ready on')
    waiting = [client(bs) for _ in range(5)]
    for c in waiting:
        c.send(get('/env'))
    assert not bs.lines('the application listens'), 'the test was too slow'
    for c in waiting:
        assert c.read_response().status == 200
    bs.wait_line('> Ready on')


def test_upgrades_wait_while_it_starts(bowsprit, client):
    """And their limit does not run meanwhile; early bytes are kept."""
    bs = bowsprit(argv=('--log-format', 'json'), wait=None,
                  command=(*APP, '--delay', '1.2'),
                  timeouts={'handshake': '500ms', 'response': '500ms',
                            'connect': '500ms', 'boot': '10s'})
    bs.wait_listening()
    c = client(bs)
    c.send(upgrade('/_next/hmr') + from_client(b'early'))
    other = client(bs)
    other.send(get('/env'))
    assert c.read_head() == switching()
    assert c.read_message() == (wire.BINARY, b'early')
    assert other.read_response().status == 200


@pytest.mark.parametrize('how', ['close', 'reset'])
def test_client_that_leaves_while_it_starts(how, run, client):
    """What nobody waits for is not done: design, section 4, CONNECT."""
    bs = run('--delay', '1', wait=None)
    bs.wait_listening()
    c = client(bs)
    c.send(get('/exit/9'))
    getattr(c, how)()
    bs.wait_line('> Ready on')
    environment(client(bs))
    assert not bs.lines('status 9'), 'it was done all the same'


def test_other_backends_do_not_wait_for_it(bowsprit, backend, client):
    from backends import tunnel
    b = backend(tunnel)
    bs = bowsprit(argv=(*LISTEN, '-w', f'/ws={b.url}'), wait=None,
                  command=(*APP, '--never'))
    bs.wait_listening()
    c = client(bs)
    c.open_websocket('/ws')


def test_it_never_listens(bowsprit, client):
    bs = bowsprit(wait=None, command=(*APP, '--never'),
                  timeouts={'boot': '700ms'})
    bs.wait_listening()
    start = time.monotonic()
    c, u = client(bs), client(bs)
    c.send(get())
    u.send(upgrade('/_next/hmr'))
    for w in c, u:
        r = w.read_response()
        assert r.status == 503
        assert int(r.get('Retry-After')) > 0
    assert time.monotonic() - start < 3 * wire.SLOW
    assert not bs.lines('> Ready on')
    c = client(bs)  # later ones hear it sooner or later, too
    c.send(get())
    assert c.read_response().status == 503


@pytest.mark.parametrize('status', [1, 3, 0])
def test_it_ends_before_it_listens(status, run):
    bs = run('--delay', '0.3', '--status', str(status), wait=None,
             status=(status,))
    assert bs.wait_end(5 * wire.SLOW) == status
    assert 'it ends' in bs.err(), 'its own words are to be seen'
    if status:
        assert bs.lines(f'status {status}')


def test_waiting_clients_are_told_when_it_ends(run, client):
    bs = run('--delay', '1', '--status', '3', wait=None, status=(3,))
    bs.wait_listening()
    c = client(bs)
    c.send(get())
    try:
        assert c.read_response().status in (502, 503)
    except wire.Closed:
        pass
    assert bs.wait_end(5 * wire.SLOW) == 3


@pytest.mark.parametrize('command, status, word', [
    (('no-such-command-here',), 127, 'not found'),
    (('./no/such/file',), 127, 'not found'),
    (('./plain.txt',), 126, 'chmod'),
    (('/',), 126, 'folder'),
    (('./script',), 126, 'interpreter'),
])
def test_command_that_cannot_be_run(command, status, word, bowsprit,
                                    tmp_path):
    (tmp_path / 'plain.txt').write_text('x')
    (tmp_path / 'script').write_text('#!/no/such/interpreter\n')
    (tmp_path / 'script').chmod(0o755)
    bs = bowsprit(argv=LISTEN, command=command, wait=None, cwd=tmp_path,
                  status=(status,), env={'PATH': '/usr/bin:/bin'})
    assert bs.wait_end() == status
    assert bs.lines(word), 'no reason is given'
    assert bs.lines(command[0])


def test_arguments_arrive_as_they_are(bowsprit, tmp_path):
    out = tmp_path / 'args'
    code = ('import sys, json; json.dump(sys.argv[1:], '
            f'open({str(out)!r}, "w")); sys.exit(5)')
    bs = bowsprit(argv=LISTEN, wait=None, status=(5,), command=(
        sys.executable, '-c', code, '-p', '--', '', 'a b', '$HOME', '-l'))
    assert bs.wait_end() == 5
    assert json.loads(out.read_text()) == ['-p', '--', '', 'a b', '$HOME',
                                           '-l']


def test_it_listens_elsewhere(run, client):
    port = free_port()
    bs = run('--port', str(port), wait='the application listens on')
    line = bs.lines('the application listens on')[0]
    told = [w for w in line.split() if w.rstrip(':').isdigit()]
    assert f'the application listens on {port}, not ' in line
    assert line.rstrip().endswith(': remove -p from its script')
    assert told and not bs.lines('> Ready on')


def test_crash_after_it_was_ready(run, client):
    bs = run()
    first = environment(client(bs))
    c = client(bs)
    c.send(get('/exit/3'))
    r = c.read_response()
    assert r.status == 502
    assert bs.wait_line('status 3')
    start = time.monotonic()
    c = client(bs)
    c.send(get('/env'))  # held until it is up again
    r = c.read_response()
    assert r.status == 200
    assert 0.3 < time.monotonic() - start < 5 * wire.SLOW
    assert json.loads(r.body)['PORT'] == first['PORT']
    assert not bs.ended()
    bs.wait_line('> Ready on', n=2)


def test_crash_after_a_reload(run, client):
    """What it is started with must outlive the configuration it stood in."""
    bs = run()
    bs.signal(signal.SIGHUP)
    bs.wait_line('> Configuration reloaded')
    c = client(bs)
    c.send(get('/exit/3'))
    assert c.read_response().status == 502
    environment(client(bs))


def test_crash_by_a_signal(run, client):
    bs = run()
    c = client(bs)
    c.send(get('/abort'))
    c.read_response()
    assert bs.wait_line('signal 9')
    environment(client(bs))


@pytest.mark.parametrize('kept', [True, False])
def test_request_as_it_crashes(kept, run, client):
    """
    Its connections are lost, or refused, before we know that it has ended:
    what may be asked again is held until the next one is up.
    """
    bs = run()
    c = client(bs)
    port = int(environment(c)['PORT'])
    app, = (pid for pid in bs.family() if pid != bs.pid)
    if kept:
        c.send(get('/slow/0.5'))
        wait_taken(c)
        os.kill(app, signal.SIGKILL)
    else:  # and it hears of all that at once
        bs.signal(signal.SIGSTOP)
        os.kill(app, signal.SIGKILL)
        wait_until(lambda: not can_connect(port), 'its end')
        c.send(get('/slow/0'))
        bs.signal(signal.SIGCONT)
    r = c.read_response()
    assert r.status == 200, r.body
    assert json.loads(r.body)['PORT'] == str(port)


def test_kept_connection_that_it_closes(run, client):
    """It need not have crashed for that."""
    c = client(run())
    environment(c)
    c.send(get('/hang-up'))
    assert c.read_response().status == 200


def test_tunnels_of_others_survive_its_crash(bowsprit, backend, client):
    from backends import tunnel
    b = backend(tunnel)
    bs = bowsprit(argv=(*LISTEN, '-w', f'/other={b.url}'), command=APP)
    c = client(bs)
    c.open_websocket('/other')
    own = client(bs)
    own.open_websocket('/_next/hmr')
    killer = client(bs)
    killer.send(get('/exit/1'))
    own.expect_gone()
    c.send(from_client(b'x'))
    assert b.wires[0].read_message() == (wire.BINARY, b'x')


def test_it_keeps_crashing(run, client, tmp_path):
    """Started again after 1, 2, 4 and 8 s; the fifth end is the last."""
    bs = run('--then-broken', str(tmp_path / 'started'), status=(7,))
    c = client(bs)
    c.send(get('/exit/6'))
    c.read_response()
    start = time.monotonic()
    assert bs.wait_end(30 * wire.SLOW) == 7
    assert 14 < time.monotonic() - start < 25 * wire.SLOW
    assert len(bs.lines('ended with status 7')) == 4
    assert len(bs.lines('ended with status')) == 5


def test_it_ends_with_success(run, client):
    bs = run()
    c = client(bs)
    c.send(get('/exit/0'))
    assert bs.wait_end(5 * wire.SLOW) == 0


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT,
                                    signal.SIGQUIT])
def test_signal_ends_all_of_it(number, run, client, tmp_path):
    """The command, what it started, and whatever that is called."""
    pid_file = tmp_path / 'grandchild'
    bs = run('--child', str(pid_file))
    environment(client(bs))
    grandchild = int(pid_file.read_text())
    assert grandchild in bs.family() and len(bs.family()) == 3
    bs.signal(number)
    assert bs.wait_end(5 * wire.SLOW) == 0
    wait_until(lambda: not bs.family(), 'all processes to be gone', 1)


def test_stubborn_one_is_killed(run, client, tmp_path):
    bs = run('--stubborn', '--child', str(tmp_path / 'grandchild'))
    environment(client(bs))
    start = time.monotonic()
    bs.signal()
    assert bs.wait_end(10 * wire.SLOW) == 0
    assert time.monotonic() - start < 9.5 * wire.SLOW, 'docker has killed us'
    wait_until(lambda: not bs.family(), 'all processes to be gone', 1)


def test_it_ends_when_we_are_killed(run, client, tmp_path):
    """SIGKILL to bowsprit leaves no application on the port (Linux)."""
    bs = run(status=(-9,))
    environment(client(bs))
    os.kill(bs.pid, signal.SIGKILL)
    bs.wait_end()
    wait_until(lambda: not bs.family(), 'the application to end')


def test_signal_while_it_starts(run):
    bs = run('--never', wait='the application starts')
    bs.signal()
    assert bs.wait_end(5 * wire.SLOW) == 0


def test_its_request_finishes_before_it_is_ended(run, client):
    bs = run()
    c = client(bs)
    c.send(get('/slow/1'))
    wait_taken(c)
    bs.signal()
    assert c.read_response().status == 200
    c.close()
    assert bs.wait_end(5 * wire.SLOW) == 0


def test_it_gets_default_signals_and_no_descriptor_of_ours(
        bowsprit, tmp_path):
    out = tmp_path / 'seen'
    code = f'''
import json, os
status = dict(l.split(":", 1) for l in open("/proc/self/status"))
json.dump({{"blocked": int(status["SigBlk"], 16),
           "ignored": int(status["SigIgn"], 16),
           "group": os.getpgid(0) == os.getpid(),
           "fds": sorted(int(f) for f in os.listdir("/proc/self/fd"))}},
          open({str(out)!r}, "w"))
os._exit(5)'''
    bs = bowsprit(argv=LISTEN, wait=None, status=(5,),
                  command=(sys.executable, '-c', code))
    assert bs.wait_end() == 5
    seen = json.loads(out.read_text())
    assert seen['blocked'] == 0
    assert not seen['ignored'] & 1 << (signal.SIGTERM - 1)
    assert seen['group'], 'no process group of its own'
    # 0 to 2, the folder being listed, and the file being written.
    assert len(seen['fds']) <= 5, seen['fds']


def test_it_gets_the_limit_of_descriptors_that_we_got(bowsprit, tmp_path):
    out = tmp_path / 'seen'
    code = (f'import resource; open({str(out)!r}, "w").write(str('
            'resource.getrlimit(resource.RLIMIT_NOFILE)[0])); exit(5)')
    bs = bowsprit(argv=LISTEN, wait=None, status=(5,), nofile=(321, 4000),
                  command=(sys.executable, '-c', code))
    assert bs.wait_end() == 5
    assert out.read_text() == '321'


def test_with_a_backend_it_is_not_told_a_port(bowsprit, client):
    port = free_port()
    bs = bowsprit(argv=(*LISTEN, '-b', f'http://127.0.0.1:{port}'),
                  command=(*APP, '--port', str(port)),
                  env={'HOSTNAME': 'box'})
    env = environment(client(bs))
    assert 'PORT' not in env and env['HOSTNAME'] == 'box'


def test_somebody_else_is_on_its_port(bowsprit, backend, client):
    from backends import web
    b = backend(web())
    bs = bowsprit(argv=(*LISTEN, '-b', b.url), wait=None,
                  command=(*APP, '--never'))
    bs.wait_line('something else accepts connections')

# SPDX-License-Identifier: ISC
"""
The admin socket and bowspritctl: what an operator sees of the connections of a
running bowsprit, and how one of them is ended.
"""

import asyncio
import concurrent.futures
import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest
import websockets

import wire
from backends import echoing
from daemon import can_connect
from test_real_servers import run
from wire import Wire, closing, frame, from_client, get, upgrade, wait_until

CTL = os.path.join(os.path.dirname(os.environ['BOWSPRIT']), 'bowspritctl')
CLOSE_1001 = bytes([0x88, 2, 0x03, 0xe9])


def ctl(bs, *words, which=True, env=None, user=None):
    """
    (status, stdout, stderr) of bowspritctl, asking that one; not `which`: the
    one that it finds, where others may run on this machine as well.
    """
    p = subprocess.run(
        [CTL, *(['-p', str(bs.pid)] if which else []), *words],
        capture_output=True, timeout=30 * wire.SLOW, text=True,
        env={**os.environ, 'RUNTIME_DIRECTORY': bs.folder,
             'XDG_RUNTIME_DIR': '', **(env or {})}, user=user, group=user,
        extra_groups=[] if user else None)
    return p.returncode, p.stdout, p.stderr


def told(bs, *words):
    """Its answer as JSON."""
    status, out, err = ctl(bs, '-j', *words)
    assert (status, err) == (0, ''), err
    return json.loads(out)


def socket_of(bs):
    return os.path.join(bs.folder, f'{bs.pid}.sock')


def call(bs, data=b''):
    s = socket.socket(socket.AF_UNIX)
    s.connect(socket_of(bs))
    w = Wire(s)
    w.send(data)
    return w


def ask(bs, line):
    """(status, body) of a request by hand."""
    w = call(bs, line + b' HTTP/1.1\r\nHost: x\r\n\r\n')
    answer = w.read_to_end()
    w.close()
    head, _, body = answer.partition(b'\r\n\r\n')
    return int(head.split()[1]), body


def chunks_of(answer):
    """Those of a whole answer, without the last one, which is empty."""
    head, _, rest = answer.partition(b'\r\n\r\n')
    assert b'\r\nTransfer-Encoding: chunked' in head
    chunks = []
    while not chunks or chunks[-1]:
        size, _, rest = rest.partition(b'\r\n')
        n = int(size, 16)
        assert rest[n:n + 2] == b'\r\n'
        chunks.append(rest[:n])
        rest = rest[n + 2:]
    assert not rest
    return chunks[:-1]


def open_many(bs, client, n):
    clients = []
    for _ in range(n):
        c = client(bs)
        c.send(upgrade('/ws'))
        c.read_head()
        clients.append(c)
    return clients


@contextlib.contextmanager
def busy(bs, seconds):
    """Its workers do something else for so long in each turn of their loops."""
    if not shutil.which('strace'):
        pytest.skip('no strace')
    # The first two are main and the log's writer.
    workers = sorted(map(int, os.listdir(f'/proc/{bs.pid}/task')))[2:]
    tracer = subprocess.Popen(
        ['strace', '-o', '/dev/null',
         '-e', f'inject=/epoll_p?wait$:delay_enter={int(seconds * 1e6)}',
         *(word for t in workers for word in ('-p', str(t)))],
        stderr=subprocess.PIPE, text=True)
    try:
        for _ in workers:
            line = tracer.stderr.readline()
            if 'Operation not permitted' in line:
                pytest.skip('may not trace a process here')
            assert 'attached' in line, line
        yield
    finally:
        tracer.terminate()
        tracer.stderr.close()
        tracer.wait()


# What it shows

def test_list_of_three_workers(bowsprit, backend):
    b = backend(echoing)
    bs = bowsprit(b, workers=3)

    async def many():
        all_of_them = [await websockets.connect(
            f'ws://127.0.0.1:{bs.port}/ws/{i}?token=secret')
            for i in range(30)]
        for n, ws in enumerate(all_of_them):
            for _ in range(n):
                await ws.send('hello')
                assert await ws.recv() == 'hello'
        rows = told(bs, 'list')
        status, table, _ = ctl(bs, 'list')
        for ws in all_of_them:
            await ws.close()
        return rows, status, table

    rows, status, table = run(many())
    assert len(rows) == 30
    ids = [r['id'] for r in rows]
    assert ids == sorted(set(ids))
    assert {(i - 1) % 3 for i in ids} == {0, 1, 2}, 'of all workers'
    assert sorted(r['from_client']['messages'] for r in rows) == [*range(30)]
    for r in rows:
        n = r['from_client']['messages']
        assert r['from_client']['bytes'] == 11 * n
        assert r['from_server']['bytes'] == 7 * n
        assert r['from_server']['text'] == n
        assert r['from_server']['largest'] == (5 if n else 0)
        assert (r['state'], r['route'], r['client']) == ('open', '/**',
                                                         '127.0.0.1')
        assert r['server'] == b.url.removeprefix('http://')
        assert 0 <= r['age'] < 60
        assert r['from_client']['unsent'] == 0
    assert status == 0
    lines = table.splitlines()
    assert len(lines) == 31
    assert lines[0].split() == [
        'ID', 'STATE', 'AGE', 'IDLE', 'ROUTE', 'CLIENT', 'SERVER',
        'FROM-CLIENT', 'MSGS', 'FROM-SERVER', 'MSGS']
    assert [int(line.split()[0]) for line in lines[1:]] == ids
    assert 'secret' not in table + str(rows)
    assert not bs.complaints()


def test_nothing_to_list(bowsprit, down):
    bs = bowsprit(down)
    assert told(bs, 'list') == []
    assert told(bs, 'list', '-a') == []
    status, out, _ = ctl(bs, 'list')
    assert (status, len(out.splitlines())) == (0, 1)


def test_more_than_a_slice(bowsprit, backend, client):
    """Of one worker, which is asked again and again, while some end."""
    b = backend(echoing)
    bs = bowsprit(b, workers=1)
    clients = open_many(bs, client, 400)
    assert len(told(bs, 'list')) == 400
    stay = {r['id'] for r in told(bs, 'list')[300:]}
    ending = threading.Thread(
        target=lambda: [c.reset() for c in clients[:300]])
    ending.start()
    seen = 400
    while seen > 100:
        rows = told(bs, 'list')
        ids = [r['id'] for r in rows]
        assert ids == sorted(set(ids))
        assert stay <= set(ids), 'one that did not end'
        assert len(ids) <= seen
        seen = len(ids)
    ending.join()


def test_who_waits_for_whom(open_tunnel):
    c, s, bs = open_tunnel(client_options={'rcvbuf': 4096})
    s.sock.settimeout(0.2)
    with pytest.raises((AssertionError, OSError)):
        while True:
            s.send(frame(b'x' * 60000))
    row, = told(bs, 'list')
    assert row['from_server']['unsent'] > 0
    assert told(bs, 'show', str(row['id']))['id'] == row['id']
    status, out, _ = ctl(bs, 'show', str(row['id']))
    assert status == 0
    assert 'wait for the other side to read' in out
    c.reset()


def test_a_request_is_shown_without_its_secrets(bowsprit, backend, client):
    b = backend(lambda w, number: w.read_to_end())
    bs = bowsprit(b)
    c = client(bs)
    c.send(get('/slow?token=hunter2&x=1'))
    wait_until(lambda: told(bs, 'list', '-a'), 'the request')
    row, = told(bs, 'list', '-a')
    assert row['request'] == 'GET /slow?token=[redacted]&x=1'
    assert row['state'] in ('connecting', 'waiting')
    assert told(bs, 'list') == []
    status, table, _ = ctl(bs, 'list', '-a')
    assert status == 0
    assert '/slow' in table and 'hunter2' not in table


def test_the_client_behind_a_trusted_proxy(bowsprit, backend, client):
    b = backend(echoing)
    bs = bowsprit(b)
    c = client(bs)
    c.send(upgrade('/ws', 'localhost', 'X-Forwarded-For: 192.0.2.7'))
    c.read_head()
    assert told(bs, 'list')[0]['client'] == '192.0.2.7'


def test_status(open_tunnel):
    _, _, bs = open_tunnel(workers=2)
    s = told(bs, 'status')
    assert (s['pid'], s['state'], s['tunnels']) == (bs.pid, 'serving', 1)
    assert len(s['workers']) == 2
    assert s['routes'] == [{'name': '/**', 'tunnels': 1}]
    status, out, _ = ctl(bs, 'status')
    assert status == 0
    assert f'pid {bs.pid}, serving for' in out


# How it ends one

def test_kill_one_of_many_that_talk(bowsprit, backend):
    """Its messages are whole, its client sees 1001, the others go on."""
    b = backend(echoing)
    bs = bowsprit(b, workers=3)
    counts = [0] * 12

    async def talk(i, ws, heard, over):
        with contextlib.suppress(websockets.ConnectionClosed):
            while not over.is_set():
                message = b'%d ' % counts[i] * 3000
                await ws.send(message)
                assert await ws.recv() == message
                counts[i] += 1
                async with heard:
                    heard.notify_all()

    async def until_more_talk(heard, n):
        before = counts[:]
        async with heard:
            await asyncio.wait_for(heard.wait_for(lambda: sum(
                a > b for a, b in zip(counts, before)) >= n), wire.PATIENCE)

    async def many():
        over, heard = asyncio.Event(), asyncio.Condition()
        all_of_them = [await websockets.connect(
            f'ws://127.0.0.1:{bs.port}/ws') for _ in counts]
        talks = [asyncio.ensure_future(talk(i, ws, heard, over))
                 for i, ws in enumerate(all_of_them)]
        loop = asyncio.get_running_loop()
        await until_more_talk(heard, 12)
        rows = await loop.run_in_executor(None, told, bs, 'list')
        answer = await loop.run_in_executor(
            None, told, bs, 'kill', str(rows[5]['id']))
        done, _ = await asyncio.wait(talks, timeout=10 * wire.SLOW,
                                     return_when=asyncio.FIRST_COMPLETED)
        assert len(done) == 1
        await until_more_talk(heard, 11)
        codes = [ws.close_code for ws in all_of_them]
        left = await loop.run_in_executor(None, told, bs, 'list')
        over.set()
        await asyncio.gather(*talks)
        for ws in all_of_them:
            await ws.close()
        return rows[5]['id'], answer, codes, left

    id, answer, codes, left = run(many())
    assert f'{id} (' in answer['done']
    assert sorted(c for c in codes if c) == [1001]
    assert len(left) == 11 and id not in {r['id'] for r in left}
    line = bs.wait_event('Connection closed', id=id)
    assert (line['by'], line['reason'], line['code']) == ('operator', 'kill',
                                                          1001)
    assert line['from_server']['messages'] == counts[codes.index(1001)]


def test_kill_waits_for_the_message_to_end(open_tunnel):
    c, s, bs = open_tunnel()
    part = frame(b'first', wire.TEXT, fin=False)
    s.send(part)
    assert c.read(len(part)) == part
    id = told(bs, 'list')[0]['id']
    told(bs, 'kill', str(id))
    c.expect_quiet()
    assert told(bs, 'list')[0]['state'] == 'ending'
    told(bs, 'kill', str(id))  # makes it no later
    s.send(frame(b'last', 0))
    assert c.read_message() == (0, b'last')
    assert c.read(4) == CLOSE_1001
    c.send(from_client(closing(1001), wire.CLOSE))
    assert s.read_message() == (wire.CLOSE, closing(1001))
    s.close()
    c.expect_end()
    line = bs.closed()
    assert (line['by'], line['reason'], line['code']) == ('operator', 'kill',
                                                          1001)


@pytest.mark.parametrize('silent', ['server', 'client'])
def test_kill_takes_five_seconds_at_most(silent, open_tunnel):
    """Of one whose message does not end, or that does not answer."""
    c, s, bs = open_tunnel()
    if silent == 'server':
        s.send(frame(b'x' * 1000)[:500])
        c.read(500)
    began = time.monotonic()
    told(bs, 'kill', str(told(bs, 'list')[0]['id']))
    if silent == 'client':
        assert c.read(4) == CLOSE_1001
        c.sock.settimeout(9 * wire.SLOW)
    else:
        c.sock.settimeout(9 * wire.SLOW)
    c.expect_gone()
    assert 4.5 < time.monotonic() - began < 8 * wire.SLOW
    line = bs.closed()
    assert (line['by'], line['reason']) == ('operator', 'kill')


@pytest.mark.parametrize('who', ['client', 'server'])
def test_kill_of_one_that_is_half_closed(who, open_tunnel):
    c, s, bs = open_tunnel()
    (c if who == 'client' else s).finish()
    (s if who == 'client' else c).expect_end()
    row, = told(bs, 'list')
    assert row['state'] == 'half-closed'
    told(bs, 'kill', str(row['id']))
    c.expect_gone()
    line = bs.closed()
    assert (line['by'], line['reason']) == ('operator', 'kill')


def test_kill_of_a_request(bowsprit, backend, client):
    """503 while there is no answer; one that has begun is cut."""
    def script(w, number):
        w.read_head()
        if '/begun' in w.received.decode('latin-1'):
            w.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart')
        w.read_to_end()
    b = backend(script)
    bs = bowsprit(b)
    c = client(bs)
    c.send(get('/quiet'))
    wait_until(lambda: told(bs, 'list', '-a'), 'the request')
    told(bs, 'kill', str(told(bs, 'list', '-a')[0]['id']))
    assert c.read_head().startswith(b'HTTP/1.1 503 ')
    c.read_until(b'kill: killed')
    c = client(bs)
    c.send(get('/begun'))
    assert c.read_until(b'part')
    told(bs, 'kill', str(told(bs, 'list', '-a')[0]['id']))
    c.expect_gone()
    assert len([e for e in bs.events('[HTTP]') if e['reason'] == 'kill']) == 2


@pytest.mark.parametrize('id', ['1', '77777', '18446744073709551615'])
def test_kill_of_one_that_is_not_there(id, bowsprit, down):
    bs = bowsprit(down)
    for what in 'kill', 'show':
        status, out, err = ctl(bs, what, id)
        assert (status, out) == (1, '')
        assert f'there is no connection with the id {id}' in err


# The rest that it does

def test_drain(open_tunnel):
    c, s, bs = open_tunnel()
    told(bs, 'drain')
    assert c.read(4) == CLOSE_1001
    assert told(bs, 'status')['state'] == 'draining'
    assert told(bs, 'list')[0]['state'] == 'closing'
    status, _, err = ctl(bs, 'drain')
    assert (status, 'ending already' in err) == (1, True)
    c.close()
    s.close()
    assert bs.wait_end() == 0
    assert not os.path.exists(socket_of(bs))


def test_reload(bowsprit, down):
    bs = bowsprit(down)
    told(bs, 'reload')
    bs.wait_line('Configuration reloaded')
    with open(os.path.join(bs.folder, 'bowsprit.cfg'), 'a') as f:
        f.write('nonsense = 1;\n')
    status, _, err = ctl(bs, 'reload')
    assert (status, 'has mistakes' in err) == (1, True)


def test_log_level(bowsprit, backend, client):
    b = backend(echoing)
    bs = bowsprit(b)
    told(bs, 'log-level', 'debug')
    c = client(bs)
    c.send(upgrade('/ws') + from_client(b'hello'))
    bs.wait_line('Received data from backend')
    status, _, err = ctl(bs, 'log-level', 'loud')
    assert (status, 'debug, info, warn and error' in err) == (1, True)


# Whom it finds

def test_nobody_to_ask(tmp_path, bowsprit, down):
    bs = bowsprit(down)
    status, _, err = ctl(bs, '-p', '999999999', 'list')
    assert status == 2
    assert 'no bowsprit with process id 999999999' in err
    status, _, err = ctl(bs, '-s', str(tmp_path / 'none'), 'list')
    assert status == 2
    assert 'nobody listens there' in err


@pytest.mark.parametrize('words, sentence', [
    ((), 'what is it to do?'), (('lsit',), 'no command "lsit"'),
    (('show',), 'of which one?'), (('log-level', 'info', '2'), '"2" is too much'),
    (('list', '1'), '"1" is too much'), (('kill', '../x'), 'is no id'),
    (('top',), 'not built yet'), (('-p', 'x', 'list'), 'no process id')])
def test_what_was_typed_wrong(words, sentence, bowsprit, down):
    bs = bowsprit(down)
    status, out, err = ctl(bs, *words)
    assert (status, out) == (2, '')
    assert sentence in err


def test_several(bowsprit, down):
    """In one folder; the one that was killed is forgotten."""
    a = bowsprit(down)
    dead = bowsprit(down, env={'RUNTIME_DIRECTORY': a.folder}, status=(-9,))
    dead.signal(signal.SIGKILL)
    dead.wait_end()
    left = os.path.join(a.folder, f'{dead.pid}.sock')
    assert os.path.exists(left)
    assert ctl(a, 'list', which=False)[0] == 0
    b = bowsprit(down, env={'RUNTIME_DIRECTORY': a.folder})
    assert not os.path.exists(left)
    status, _, err = ctl(a, 'list', which=False)
    assert status == 2
    assert f'-p {a.pid}' in err and f'-p {b.pid}' in err
    status, out, _ = ctl(a, 'status', which=False)
    assert status == 0
    assert f'pid {a.pid},' in out and f'pid {b.pid},' in out


@pytest.mark.skipif(os.geteuid() != 0, reason='not root')
def test_only_its_owner_may_ask(bowsprit, down):
    bs = bowsprit(down)
    mode = os.stat(socket_of(bs)).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
    path = bs.folder
    while path != '/':
        os.chmod(path, os.stat(path).st_mode | 0o055)
        path = os.path.dirname(path)
    status, _, err = ctl(bs, '-s', socket_of(bs), 'list', user=65534)
    assert status == 2
    assert "it is another user's" in err


def test_where_it_is_when_nobody_says(tmp_path, bowsprit, down):
    """A folder of its own in the session's; nothing is left at the end."""
    bs = bowsprit(down, env={'RUNTIME_DIRECTORY': '',
                             'XDG_RUNTIME_DIR': str(tmp_path)})
    places = [f'/run/bowsprit/{bs.pid}.sock',
              f'{tmp_path}/bowsprit/{bs.pid}.sock']
    path, = [p for p in places if os.path.exists(p)]
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
    status, _, _ = ctl(bs, 'status', env={'XDG_RUNTIME_DIR': str(tmp_path)})
    assert status == 0
    bs.signal()
    bs.wait_end()
    assert not os.path.exists(path)


def test_a_path_of_its_own(tmp_path, bowsprit, down):
    path = str(tmp_path / 'admin.sock')
    bs = bowsprit(down, admin={'socket': path})
    assert ctl(bs, '-s', path, 'status')[0] == 0
    other = bowsprit(down, admin={'socket': path})
    line = other.wait_line('no admin socket')
    assert f'(pid {bs.pid}) listens at {path} already' in line
    other.signal()
    assert other.wait_end() == 0
    assert ctl(bs, '-s', path, 'status')[0] == 0


def test_none(bowsprit, down):
    bs = bowsprit(down, admin={'socket': 'none'})
    assert not os.path.exists(socket_of(bs))


def test_a_takeover_keeps_the_path(tmp_path, bowsprit, down):
    path = str(tmp_path / 'admin.sock')
    bs = bowsprit(down, admin={'socket': path}, timeouts={'drain': '1s'})
    bs.signal(signal.SIGUSR2)
    bs.wait_line('accepts; finishing')
    def replaced():
        out = ctl(bs, '-s', path, '-j', 'status')[1]
        return out and json.loads(out)['pid'] != bs.pid and json.loads(out)
    s = wait_until(replaced, 'the new process')
    assert bs.wait_end() == 0
    assert ctl(bs, '-s', path, 'status')[0] == 0
    os.kill(s['pid'], signal.SIGTERM)
    wait_until(lambda: not can_connect(bs.port), 'its end')


# Who connects, and does what it should not

@pytest.mark.parametrize('data, status', [
    (b'GET /nonsense HTTP/1.1\r\nHost: x\r\n\r\n', b'404'),
    (b'POST /tunnels HTTP/1.1\r\nHost: x\r\n\r\n', b'405'),
    (b'GET /tunnels/x HTTP/1.1\r\nHost: x\r\n\r\n', b'404'),
    (b'\x16\x03\x01\x00', b'400'), (b'hello\n', b'400'),
    (b'GET /' + b'x' * 9000, b'4')])
def test_garbage(data, status, bowsprit, down):
    bs = bowsprit(down)
    w = call(bs, data)
    assert w.read_head().split()[1].startswith(status)
    w.expect_gone()
    w.close()
    assert told(bs, 'list') == []


TWO_HOSTS = b'GET /tunnels HTTP/1.1\r\nAccept: %s\r\nHost: x\r\nHost: y\r\n\r\n'


@pytest.mark.parametrize('data, json_wanted', [
    (TWO_HOSTS % b'application/json', True), (TWO_HOSTS % b'*/*', True),
    (TWO_HOSTS % b'text/plain', False), (b'hello\n', True),
    (b'GET /none HTTP/1.1\r\nHost: x\r\nAccept: text/plain\r\n\r\n', False)])
def test_the_form_of_what_is_wrong(data, json_wanted, bowsprit, down):
    """JSON, also of a head that is bad, unless it was heard to want text."""
    w = call(bowsprit(down), data)
    head, _, body = w.read_to_end().partition(b'\r\n\r\n')
    w.close()
    assert (b'application/json' in head) == json_wanted
    assert (b'text/plain' in head) != json_wanted
    assert body.startswith(b'{"error":"') == json_wanted
    assert not json_wanted or json.loads(body)['error']


def test_a_worker_that_does_not_answer(bowsprit, backend):
    bs = bowsprit(backend(echoing), workers=1)
    with busy(bs, 30 * wire.SLOW):
        status, out, err = ctl(bs, '-j', 'list')
        if status == 0:  # it was heard before that
            status, out, err = ctl(bs, '-j', 'list')
    assert (status, out) == (1, '')
    said = json.loads(err.removeprefix('bowspritctl: '))
    assert 'has not answered for 10 s' in said['error']


def test_workers_that_take_their_time(bowsprit, backend, client):
    """
    Five slices, of 4 s each: as long as one comes after the other who waits,
    for them or behind them, is not told that a worker does not answer.
    """
    bs = bowsprit(backend(echoing), workers=1)
    open_many(bs, client, 530)
    id = told(bs, 'list')[0]['id']
    before = bs.descriptors()
    began = time.monotonic()
    with busy(bs, 4.2), concurrent.futures.ThreadPoolExecutor() as pool:
        rows = pool.submit(told, bs, 'list')
        wait_until(lambda: bs.descriptors() > before, 'its call')
        w = call(bs, b'GET /tunnels/%d HTTP/1.1\r\nHost: x\r\n\r\n' % id)
        assert len(rows.result()) == 530
        assert time.monotonic() - began > 15, 'not slow at all'
        w.sock.settimeout(20 * wire.SLOW)
        heads = w.read_to_end().split(b'\r\n\r\n')
        w.close()
    assert len(heads) > 3
    assert {h.split()[1] for h in heads[:-2]} == {b'100'}
    assert heads[-2].split()[1] == b'200'
    assert json.loads(heads[-1])['id'] == id


def test_callers_that_say_nothing(bowsprit, down):
    """They neither keep others out nor stay."""
    bs = bowsprit(down)
    before = bs.descriptors()
    silent = [call(bs, b'GET /tun') for _ in range(50)]
    assert told(bs, 'list') == []
    assert bs.descriptors() < before + 20
    for w in silent:
        w.sock.settimeout(15 * wire.SLOW)
        w.expect_gone()
        w.close()
    wait_until(lambda: bs.descriptors() == before, 'their descriptors')


def test_a_caller_that_does_not_read(bowsprit, backend, client):
    b = backend(echoing)
    bs = bowsprit(b)
    c = open_many(bs, client, 1500)[-1]
    before = bs.descriptors()
    w = call(bs, b'GET /tunnels HTTP/1.1\r\nHost: x\r\n\r\n')
    assert len(told(bs, 'list')) == 1500
    c.send(from_client(b'hello'))
    assert c.read_message()[1] == b'hello'
    wait_until(lambda: bs.descriptors() == before, 'its end', 15 * wire.SLOW)
    assert not w.read_to_end().endswith(b'\r\n0\r\n\r\n'), 'a part looks whole'
    w.close()


def test_a_long_list_comes_in_pieces(bowsprit, backend, client):
    """As they are taken; others do not wait for who is slow to do so."""
    bs = bowsprit(backend(echoing), workers=2)
    open_many(bs, client, 700)
    w = call(bs, b'GET /tunnels HTTP/1.1\r\nHost: x\r\n\r\n')
    w.read_head()
    rows = told(bs, 'list')
    w.read_to_end()
    w.close()
    slow = chunks_of(bytes(w.received))
    assert len(slow) > 10 and max(map(len, slow)) < 20000
    assert [r['id'] for r in json.loads(b''.join(slow))] == [
        r['id'] for r in rows]
    w = call(bs, b'GET /tunnels HTTP/1.1\r\nHost: x\r\n'
                 b'Accept: text/plain\r\n\r\n')
    table = b''.join(chunks_of(w.read_to_end())).decode()
    w.close()
    assert len({len(line) for line in table.splitlines()}) == 1
    assert ctl(bs, 'list')[1].splitlines()[700].split()[
        0] == str(rows[-1]['id'])


def test_a_list_for_who_knows_no_chunks(bowsprit, backend, client):
    """HTTP/1.0; and the end of what it said is not its going."""
    bs = bowsprit(backend(echoing))
    open_many(bs, client, 200)
    w = call(bs, b'GET /tunnels HTTP/1.0\r\nHost: x\r\n\r\n')
    w.finish()
    head, _, body = w.read_to_end().partition(b'\r\n\r\n')
    w.close()
    assert b'Transfer-Encoding' not in head
    assert len(json.loads(body)) == 200


CONTINUE = b'HTTP/1.1 100 Continue\r\n\r\n'
CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'


@pytest.mark.parametrize('answer, status', [
    (CHUNKED + b'3\r\nab\n\r\n0\r\n\r\n', 0),
    (CHUNKED + b'1\r\na\r\n2\r\nb\n\r\n0\r\n\r\n', 0),
    (CONTINUE + CONTINUE + CHUNKED + b'3\r\nab\n\r\n0\r\n\r\n', 0),
    (CONTINUE, 2), (CHUNKED + b'3\r\nab\n\r\n', 2), (CHUNKED + b'4\r\nab\n', 2),
    (CHUNKED, 2), (CHUNKED + b'ab\n', 2),
    (b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab\n', 0),
    (b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab\n', 2),
    (b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab\n', 2),
    (b'HTTP/1.1 409 No\r\nContent-Length: 3\r\n\r\nab\n', 1),
    (b'SSH-2.0-OpenSSH\r\n\r\n', 2), (b'HTTP/1.1 200 OK\r\n', 2)])
def test_a_part_of_an_answer_is_none(answer, status, tmp_path, bowsprit,
                                     backend, down):
    """To bowspritctl, whatever ended in the midst of it."""
    def script(w, number):
        w.read_head()
        w.send(answer)
    path = str(tmp_path / 'other.sock')
    backend(script, path=path)
    got, out, err = ctl(bowsprit(down), '-s', path, 'list')
    assert (got, out) == (status, '' if status else 'ab\n')
    assert ('no bowsprit' in err) == (status == 2)


def test_a_caller_that_goes_away(bowsprit, down):
    bs = bowsprit(down)
    before = bs.descriptors()
    for _ in range(200):
        # Where 16 wait for their answers one more is closed at once.
        with contextlib.suppress(wire.Reset):
            call(bs, b'GET /tunnels HTTP/1.1\r\nHost: x\r\n\r\n').close()
    wait_until(lambda: bs.descriptors() == before, 'their ends')
    assert told(bs, 'list') == []
    wait_until(lambda: bs.descriptors() == before, 'their descriptors')


def test_the_next_does_not_wait_for_who_has_gone(bowsprit, backend, client):
    """Of a worker with five slices only the one under way is waited for."""
    bs = bowsprit(backend(echoing), workers=1)
    open_many(bs, client, 600)
    id = told(bs, 'list')[0]['id']
    before = bs.descriptors()
    list_all = b'GET /tunnels HTTP/1.1\r\nHost: x\r\n\r\n'
    with busy(bs, 1.5):
        for _ in range(3):
            call(bs, list_all).close()
        began = time.monotonic()
        # Who has only said all is no such.
        w = call(bs, b'GET /tunnels/%d HTTP/1.1\r\nHost: x\r\n\r\n' % id)
        w.finish()
        w.sock.settimeout(20 * wire.SLOW)
        answer = w.read_to_end()
        took = time.monotonic() - began
    w.close()
    # It may have heard a 100 before.
    assert json.loads(answer.rpartition(b'\r\n\r\n')[2])['id'] == id
    assert took < 5 * wire.SLOW
    wait_until(lambda: bs.descriptors() == before, 'their ends')


def test_a_drain_is_not_held_up_by_callers(open_tunnel):
    c, s, bs = open_tunnel()
    w = call(bs, b'GET /tun')
    c.close()
    s.close()
    bs.signal()
    assert bs.wait_end() == 0
    w.expect_gone()


def test_curl(open_tunnel):
    _, _, bs = open_tunnel()
    out = subprocess.run(
        ['curl', '-sS', '--fail', '--unix-socket', socket_of(bs),
         'http://x/tunnels'], capture_output=True, text=True, check=True,
        timeout=20).stdout
    assert json.loads(out)[0]['state'] == 'open'

# SPDX-License-Identifier: ISC
"""
Keep-alive to a real Node server, which closes idle connections just as the
next request is on its way, or is restarted with requests in its hands.  A
request that may not be sent twice must not be lost to the first; of the
second every one is accounted for.
"""

import collections
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

import wire
from daemon import free_port
from test_head_split import wait_taken
from wire import Closed, connect, get, request, wait_until

SERVER = os.path.join(os.path.dirname(__file__), 'node_server.js')


class Node:
    """node_server.js with these settings, and perhaps a socket of ours."""

    def __init__(self, folder, listener=None, **settings):
        node = shutil.which('node')
        assert node, 'these tests need Node.js (on Debian: nodejs)'
        self.inherited = [listener.fileno()] if listener else []
        if listener:
            settings['fd'] = listener.fileno()
        self.out = os.path.join(folder, 'node.out')
        self.argv = [node, SERVER,
                     *(f'{k}={v}' for k, v in settings.items())]
        self.start()

    def start(self):
        with open(self.out, 'wb') as out:
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                pass_fds=self.inherited)
        self.port = wait_until(self._port, 'Node to listen', 15 * wire.SLOW)
        self.url = f'http://127.0.0.1:{self.port}'

    def _port(self):
        with open(self.out, encoding='utf-8') as f:
            text = f.read()
        assert self.process.poll() is None, f'Node has ended: {text}'
        return int(text.split()[-1]) if text.endswith('\n') else None

    def end(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        self.process.wait(15 * wire.SLOW)


@pytest.fixture
def node(bowsprit, tmp_path):
    made = []

    def make(**settings):
        made.append(Node(str(tmp_path), **settings))
        return made[-1]

    yield make
    for n in made:
        n.end()


# ---- connections that the server closes as a request comes

def ask_in_rounds(clients, method, rounds, pause, spread):
    """
    Every client asks once a round, some ms after each other, so that each of
    the kept connections has been idle for another while.
    """
    for i in range(rounds):
        for n, c in enumerate(clients):
            c.send(request(method, f'/{i}-{n}', 'x', 'Content-Length: 3',
                           body=b'abc'))
            time.sleep(spread / len(clients))
        for n, c in enumerate(clients):
            r = c.read_response()
            assert (r.status, r.body) == (200, f'{i}-{n} {method} 3'.encode())
        time.sleep(pause())


@pytest.mark.parametrize('method, settings, timeouts', [
    ('POST', {}, {}),
    ('POST', {'silent': 1}, {'backend_keepalive': '200ms'}),
    ('PUT', {'silent': 1}, {}),
], ids=['it says its limit', 'we know its limit', 'nobody knows'])
def test_request_as_the_server_closes(method, settings, timeouts, node,
                                      bowsprit, client):
    """
    Idle connections are closed after 800 ms, and asked again after about as
    long, by a server that is too busy to look for requests first.  What may
    be sent again never fails, whatever is known of the limit.
    """
    n = node(keepalive=800, busy=15, **settings)
    bs = bowsprit(n, timeouts=timeouts, workers=1)
    clients = [client(bs, timeout=15 * wire.SLOW) for _ in range(24)]
    ask_in_rounds(clients, method, 5,
                  lambda: random.uniform(0.72, 0.76), 0.048)


@pytest.mark.long
@pytest.mark.parametrize('crowd', [1, 8])
def test_post_every_5_s_to_a_server_that_keeps_for_5_s(crowd, node, bowsprit,
                                                       client):
    """Two minutes; Node's own 5 s, our own 4 s."""
    bs = bowsprit(node())
    clients = [client(bs) for _ in range(crowd)]
    ask_in_rounds(clients, 'POST', 24, lambda: random.uniform(4.9, 5.1) - 0.02,
                  0.02)


# ---- a server that is restarted

BIG = 40_000  # more than is held for another try

Asked = collections.namedtuple('Asked', 'id method kind')
Answer = collections.namedtuple('Answer', 'status body')  # status 0: cut off


class Load(threading.Thread):
    """A client that asks until it is told to stop, and keeps account."""

    def __init__(self, bs, name):
        super().__init__(daemon=True)
        self.bs = bs
        self.label = name
        self.random = random.Random(name)
        self.account = {}   # Asked: Answer
        self.error = None
        self.stopped = False
        self.wire = None

    def run(self):
        try:
            while not self.stopped:
                asked = Asked(f'{self.label}-{len(self.account)}',
                              *self.random.choice((
                                  ('GET', ''), ('GET', 'slow'), ('PUT', ''),
                                  ('PUT', 'big'), ('POST', ''),
                                  ('POST', 'chunked'), ('POST', 'big'))))
                self.account[asked] = self.ask(asked)
                time.sleep(0.005)
        except Exception as e:  # pylint: disable=broad-except
            self.error = e

    def ask(self, asked):
        self.wire = self.wire or connect(self.bs.port, timeout=15 * wire.SLOW)
        w = self.wire
        w.received.clear()
        try:
            w.send(bytes_of(asked))
        except wire.Reset:
            pass  # it has answered already
        try:
            r = w.read_final_response()
        except Closed:
            assert w.received.startswith(b'HTTP/1.1 200 '), (
                f'{asked}: no answer at all')
            self.hang_up()
            return Answer(0, b'')
        if 'close' in (r.get('Connection') or ''):
            self.hang_up()
        return Answer(r.status, r.body)

    def hang_up(self):
        self.wire.close()
        self.wire = None


def size_of(asked):
    return {'GET': 0}.get(asked.method, BIG if asked.kind == 'big' else 3)


def bytes_of(asked):
    path = f'/{asked.id}' + ('/slow' if asked.kind == 'slow' else '')
    body = b'x' * size_of(asked)
    if asked.kind == 'chunked':
        return request(asked.method, path, 'x', 'Transfer-Encoding: chunked',
                       body=wire.chunk(body) + wire.LAST_CHUNK)
    return request(asked.method, path, 'x', f'Content-Length: {len(body)}',
                   body=body)


def check_answered(asked, answer, done):
    body = f'{asked.id} {asked.method} {size_of(asked)}'.encode()
    assert answer.body == body, f'{asked} got the answer of another'
    assert done >= 1, f'{asked}: answered, and nobody did it'


def check_failed(asked, answer, done, line):
    """What is said of the one that failed, and whether it had to fail."""
    assert line['reason'] and line['hint'], line
    if answer.status == 0:
        assert asked.kind == 'slow' or done >= 1, line
        assert line['reason'] == 'server-truncated', line
        return
    assert answer.status == 502, line
    assert line['reason'] in ('server-refused', 'server-closed',
                              'server-reset'), line
    if line['reason'] == 'server-refused':
        assert asked.method != 'POST' or done == 0, 'it was asked before'
    elif asked.method == 'POST':
        assert 'not sent again (RFC 9110 9.2.2)' in line['hint'], line
    elif asked.kind != 'big':
        assert 'and then a new one' in line['hint'] or is_new(line), line


def is_new(line):
    """It was lost with a connection that was made for it: no second try."""
    return 'does it handle this path' in line['hint'] or (
        'its own log should say why' in line['hint'])


def test_what_the_server_had_in_hand_when_it_was_killed(
        node, bowsprit, client, tmp_path):
    """
    Its socket goes on listening, as a supervisor's does.  What may be sent
    again is answered by the next one; what may not is a 502 that says so.
    """
    journal = tmp_path / 'journal'
    listener = socket.create_server(('127.0.0.1', 0))
    n = node(listener=listener, journal=journal)
    bs = bowsprit(n, workers=1)
    asked = [Asked('1', 'GET', ''), Asked('2', 'PUT', ''),
             Asked('3', 'DELETE', ''), Asked('4', 'POST', ''),
             Asked('5', 'PATCH', 'chunked'), Asked('6', 'PUT', 'big')]
    clients = [client(bs, timeout=15 * wire.SLOW) for _ in asked]
    for c in clients:
        c.send(get('/warm/slow'))
    for c in clients:
        assert c.read_response().status == 200
    n.process.send_signal(signal.SIGSTOP)
    for a, c in zip(asked, clients):
        c.send(bytes_of(a))
        wait_taken(c)
    c = client(bs)
    c.send(get('/../'))  # when we hear of that, those are with the server
    assert c.read_response().status == 400
    n.end()
    for a, c in zip(asked[3:], clients[3:]):
        r = c.read_response()
        line = bs.wait_status(502, f'/{a.id}')
        assert r.status == 502 and line['hint'].encode() in r.body
        assert ('too large to be kept' if a.kind == 'big' else
                'not sent again (RFC 9110 9.2.2)') in line['hint']
    n.start()
    for a, c in zip(asked[:3], clients):
        check_answered(a, c.read_response(), 1)
    done = [line.split()[0] for line in journal.read_text().splitlines()]
    assert sorted(done) == ['1', '2', '3', *['warm'] * 6]
    listener.close()


def test_server_restarted_under_load(node, bowsprit, tmp_path,
                                     record_property):
    journal = tmp_path / 'journal'
    n = node(port=free_port(), journal=journal)
    bs = bowsprit(n, log={'format': 'json', 'access': 'all'})
    loads = [Load(bs, f'c{i}') for i in range(8)]
    down = []  # the times in which requests may fail

    def answered():
        return sum(len(load.account) for load in loads)

    for load in loads:
        load.start()
    for number in (signal.SIGKILL, signal.SIGTERM) * 3:
        enough = answered() + 200
        wait_until(lambda: answered() >= enough or any(
            load.error for load in loads), 'the load', 30 * wire.SLOW)
        began = time.time()
        n.end(number)
        n.start()
        down.append((began * 1000 - 50, time.time() * 1000 + 1000))
    enough = answered() + 200
    wait_until(lambda: answered() >= enough or any(
        load.error for load in loads), 'the load', 30 * wire.SLOW)
    for load in loads:
        load.stopped = True
    for load in loads:
        load.join(20 * wire.SLOW)
        assert not load.error and not load.is_alive(), load.error

    account = {k: v for load in loads for k, v in load.account.items()}
    done = collections.Counter(
        line.split()[0] for line in journal.read_text().splitlines())
    wait_until(lambda: len(bs.events('[HTTP] ')) >= len(account), 'the log')
    lines = collections.defaultdict(list)
    for e in bs.events('[HTTP] '):
        lines[e['msg'].split()[2].split('/')[1]].append(e)
    counts = collections.Counter()
    for asked, answer in account.items():
        assert len(lines[asked.id]) == 1, (asked, lines[asked.id])
        line, = lines[asked.id]
        if asked.method == 'POST':
            assert done[asked.id] <= 1, f'{asked} was done twice'
        if answer.status == 200:
            check_answered(asked, answer, done[asked.id])
            counts[f'{asked.method} answered'] += 1
            counts[f'{asked.method} done again'] += done[asked.id] - 1
            continue
        check_failed(asked, answer, done[asked.id], line)
        counts[f'{asked.method} {asked.kind} {line["reason"]}'] += 1
        assert any(a < line['time'] < b for a, b in down), (
            'it failed while the server was there', line)
    assert not set(done) - {a.id for a in account}
    record_property('restarts', dict(counts))

# SPDX-License-Identifier: ISC
"""
All at once, at random: WebSockets and ordinary exchanges, over TCP, TLS and
unix sockets on both sides, in pieces of any size, to readers of any speed.
WebSockets end in all ways that there are (talk.py), bowsprit pings who is
silent and is replaced now and then (SIGUSR2), and at last told to end.
Every byte is compared, and in the end what the log says.

BOWSPRIT_MIX_SECONDS (8) says for how long, BOWSPRIT_MIX_SEED (1) which ones.
"""

import collections
import itertools
import os
import random
import signal
import socket
import tempfile
import threading
import time

import pytest

import wire
from daemon import free_port
from talk import ENDS, LIMIT, MAX_MESSAGE, Pair, Talk, Task, some_bytes
from test_takeover import line, queues  # noqa: F401 (a fixture)
from test_tls_backends import TlsBackend
from tls import Authority, connect as connect_tls, context
from wire import Closed, Request, Response, Wire, wait_until

SECONDS = float(os.environ.get('BOWSPRIT_MIX_SECONDS', '8'))
SEED = int(os.environ.get('BOWSPRIT_MIX_SEED', '1'))
AT_ONCE = 10
TAKEOVERS = 3


def framed(r, framing):
    """A body as it goes over the wire, and the fields that say so."""
    if framing != 'chunked':
        body = some_bytes(r)
        return ([f'Content-Length: {len(body)}'] if framing == 'length'
                else []), body
    raw = b''
    for _ in range(r.randrange(6)):
        raw += wire.chunk(some_bytes(r) or b'x')
    trailer = b'X-Sum: 1\r\n' * r.choice([0, 0, 1])
    return ['Transfer-Encoding: chunked'], raw + b'0\r\n' + trailer + b'\r\n'


class Exchange:
    """A request and its answer, which both sides know."""

    def __init__(self, seed, number, last):
        r = random.Random(f'{seed} {number}')
        self.method = r.choice(['GET', 'POST', 'POST', 'PUT', 'HEAD'])
        fields, self.body = [], b''
        if self.method in ('POST', 'PUT'):
            fields, self.body = framed(r, r.choice(['length', 'chunked']))
        self.asked = wire.request(
            self.method, f'/{seed}/{number}/{int(last)}', 'h', *fields)
        self.interim = b'HTTP/1.1 103 Early\r\nLink: a\r\n\r\n' * r.choice(
            [0, 0, 2])
        status = r.choice([200, 200, 200, 404, 204, 304])
        bodiless = self.method == 'HEAD' or status in (204, 304)
        self.ends = last and not bodiless and r.random() < 0.7
        fields, self.answer = framed(
            r, 'end' if self.ends else r.choice(['length', 'chunked']))
        if status == 204:
            fields = []
        self.head = '\r\n'.join(
            [f'HTTP/1.1 {status} Fine', *fields, '', '']).encode()
        if bodiless:
            self.answer = b''
        self.status = status


# How it is said, and heard

def say(w, data, r):
    """In pieces; Wire's own timeout is for waits that must be short."""
    slow = r.random() < 0.3
    at = 0
    while at < len(data):
        n = r.choice([1, 5, 1000, 16384, 65792, 300_000, 2_000_000])
        w.send(data[at:at + n])
        at += n
        if slow and r.random() < 0.1:
            time.sleep(r.random() / 50)  # that is how slow it is


def hear(w, n, r):
    """n bytes, at a speed of its own."""
    slow = r.random() < 0.5
    got = bytearray(w.take(min(n, len(w.buf))))
    while len(got) < n:
        most = r.choice([10, 5000, 65536, 1 << 18])
        data = w.sock.recv(min(most, n - len(got)))
        assert data, f'{n - len(got)} of {n} bytes are missing'
        got += data
        if slow and r.random() < 0.2:
            time.sleep(r.random() / 50)  # that is how slow it is
    return bytes(got)


def same(got, wanted, what):
    if got != wanted:
        at = next((i for i, (a, b) in enumerate(zip(got, wanted)) if a != b),
                  min(len(got), len(wanted)))
        raise AssertionError(f'{what}: byte {at} of {len(wanted)} differs')


# The two ends

class Servers:
    """The servers' ends of WebSockets, when they are over."""

    def __init__(self):
        self.talks = {}
        self.change = threading.Condition()

    def serve(self, w, number):
        w.sock.settimeout(LIMIT)
        while True:
            head = Request(w.read_head())
            *seed, number, last = head.target.split('/')[1:]
            seed = '/'.join(seed)
            if head.get('Upgrade'):
                w.send(wire.switching(head.get('Sec-WebSocket-Key')))
                return self.talk(w, seed)
            e = Exchange(seed, number, last == '1')
            r = random.Random(f'{seed} {number} server')
            same(hear(w, len(e.body), r), e.body, f'{head.target}: the request')
            say(w, e.interim + e.head + e.answer, r)
            if e.ends:
                w.finish()
                return w.read_to_end()

    def talk(self, w, seed):
        talk = Talk(w, seed, 'server')
        talk.run()
        with self.change:
            self.talks[seed] = talk
            self.change.notify_all()

    def wait_for(self, seed):
        with self.change:
            there = self.change.wait_for(lambda: seed in self.talks, LIMIT)
            assert there, f'{seed}: the server has no end'
            return self.talks.pop(seed)


def final_head(w):
    while (head := Response(w.read_head())).status == 103:
        pass
    return head


def exchanges(w, seed):
    """All that are planned, or those up to one that says that it is the last."""
    r = random.Random(f'{seed} client')
    n = r.randrange(1, 6)
    plan = [Exchange(seed, i, i == n - 1) for i in range(n)]
    asked = [e.asked + e.body for e in plan]
    if pipelined := r.random() < 0.4:
        talk = Task(say, w, b''.join(asked), random.Random(f'{seed} talk'))
    for e, data in zip(plan, asked):
        if not pipelined:
            talk = Task(say, w, data, random.Random(f'{seed} talk'))
        head = final_head(w)
        assert head.status == e.status, (seed, head.raw)
        same(hear(w, len(e.answer), r), e.answer, f'{seed}: {e.asked}')
        if head.get('Connection') == 'close' and e is not plan[-1]:
            raise Closed('in a drain')
        talk.finish() if not pipelined else None
    talk.finish()
    if plan[-1].ends:
        w.expect_end()


class Mix:
    """A bowsprit, those that replace it, and whoever calls them."""

    def __init__(self, line, port, ways, servers):
        self.line, self.port = line, port
        self.ways, self.servers = ways, servers
        self.pairs = {}
        self.open = 0  # have got through to it
        self.drains = 0  # begun or over: odd, as long as one lets go
        self.places = threading.Semaphore(AT_ONCE)
        self.ending = threading.Event()

    def upgrade(self, w, seed):
        w.send(wire.upgrade(f'/{seed}/0/1', 'h'))
        head = Response(w.read_head())
        assert head.status == 101, head.raw
        self.open += 1
        talk = Talk(w, seed, 'client')
        talk.run()
        self.pairs[seed] = Pair(talk, self.servers.wait_for(seed))

    def exchange(self, w, seed, drains):
        self.open += 1
        try:
            exchanges(w, seed)
        except (Closed, ConnectionResetError):
            assert drains % 2 or self.drains != drains, seed

    def call(self, way, seed):
        drains = self.drains
        try:
            w = way()
            w.sock.settimeout(LIMIT)
            if '/http/' in seed:
                self.exchange(w, seed, drains)
            else:
                self.upgrade(w, seed)
            w.close()
        finally:
            self.places.release()

    def replace(self, r):
        """Again and again."""
        while not self.ending.wait(r.uniform(0.3, 1.5)):
            old = self.line.pid
            self.drains += 1
            self.line.pass_on()
            wait_until(lambda: not self.listens(old), 'the old one to let go')
            self.drains += 1

    def listens(self, pid):
        """Has that process the sockets open?"""
        inodes = queues(self.port)
        try:
            return any(os.readlink(f'/proc/{pid}/fd/{fd}')[8:-1] in inodes
                       for fd in os.listdir(f'/proc/{pid}/fd'))
        except FileNotFoundError:
            return False  # a process, or descriptor, that is closed by now

    def go_on(self, seconds):
        r = random.Random(SEED)
        end = time.monotonic() + seconds
        replacing = Task(self.replace, random.Random(f'{SEED} replace'))
        deck, running = [], []
        for number in itertools.count():
            deck = deck or r.sample([*ENDS, *['http'] * len(ENDS)],
                                    2 * len(ENDS))
            backend = r.choice(['plain', 'plain', 'unix', 'tls'])
            assert self.places.acquire(timeout=LIMIT)
            running.append(Task(self.call, r.choice([self.ways[0],
                                                     *self.ways]),
                                f'{backend}/{deck.pop()}/{SEED}.{number}'))
            if time.monotonic() > end:
                break
            if not running[0].is_alive():
                running.pop(0).finish()
        self.ending.set()
        replacing.finish()
        return number + 1, running

    def end(self, started, running):
        """SIGTERM, in the midst of it."""
        wait_until(lambda: self.open == started or
                   any(t.error for t in running), 'all to get through', LIMIT)
        self.drains += 1
        self.line.signal(signal.SIGTERM)
        for task in running:
            task.finish()

    def check_log(self):
        """Of each WebSocket what went by, and how it ended."""
        bs = self.line.bs
        wait_until(lambda: len(bs.events('Connection closed')) ==
                   len(self.pairs), 'a line on the end of each')
        drains, seeds = {}, {}
        for e in bs.events('finishing what is under way'):
            drains.setdefault(e['pid'], e['time'])
        for e in bs.events('Handling'):
            seeds[e['pid'], e['id']] = '/'.join(
                e['pathname'].split('/')[1:4])
        for e in bs.events('Connection closed'):
            drained = e['time'] >= drains.get(e['pid'], e['time'] + 1)
            self.pairs.pop(seeds[e['pid'], e['id']]).check_line(e, drained)


@pytest.fixture
def mix(backend, line):  # noqa: F811
    with tempfile.TemporaryDirectory(prefix='bs') as folder:
        authority = Authority(f'{folder}/ca')
        cert = authority.issue('localhost', '127.0.0.1', file='server')
        servers = Servers()
        urls = {'plain': backend(servers.serve).url,
                'unix': backend(servers.serve, path=f'{folder}/app').url,
                'tls': backend(servers.serve,
                               kind=lambda s: TlsBackend(s, cert)).url}
        plain, secure, path = free_port(), free_port(), f'{folder}/in'

        def over_unix():
            s = socket.socket(socket.AF_UNIX)
            s.connect(path)
            return Wire(s)

        yield Mix(line(
            listeners=({'address': '127.0.0.1', 'port': plain},
                       {'address': '127.0.0.1', 'port': secure,
                        'certificate': cert[0], 'key': cert[1]},
                       {'address': f'unix:{path}'}),
            backends={name: {'servers': (url,), **(
                {'ca': authority.file} if name == 'tls' else {})}
                for name, url in urls.items()},
            routes=tuple({'path': f'/{name}/{end}/**', 'upgrade': 'both',
                          'backend': name, 'tunnel_lifetime': lifetime}
                         for name in urls for end, lifetime in (
                             ('*', '0'), ('lifetime', '700ms'))),
            timeouts={'stall': '50s', 'backend_keepalive': '1s',
                      'drain': '60s'},
            websocket={'ping_interval': '50ms', 'ping_timeout': '60s',
                       'max_message': str(MAX_MESSAGE), 'strict': True},
            workers=2), plain, (
                lambda: wire.connect(plain), over_unix,
                lambda: connect_tls(secure, context())), servers)


def test_everything_at_once(mix, record_property):
    mix.end(*mix.go_on(SECONDS))
    pairs = [*mix.pairs.values()]
    mix.check_log()
    seen = collections.Counter(p.end for p in pairs)
    seen.update(f'Close {p.ours}' for p in pairs if p.ours)
    seen['pings'] = sum(sum(p.pings) for p in pairs)
    record_property('test_mix', dict(seen))
    for what in (*ENDS, 'pings', *(f'Close {n}' for n in (
            1001, 1002, 1009, 1012))):
        assert seen[what], f'none of {what} in {SECONDS} s'

# SPDX-License-Identifier: ISC
"""
All at once, at random: WebSockets and ordinary exchanges, over TCP, TLS and
unix sockets on both sides, in pieces of any size, to readers of any speed.
Every byte is compared, and in the end what the log counted.

BOWSPRIT_MIX_SECONDS (8) says for how long, BOWSPRIT_MIX_SEED (1) which ones.
"""

import os
import random
import socket
import tempfile
import threading
import time
import traceback

import pytest

import wire
from backends import RecordingBackend
from daemon import free_port
from test_tls_backends import TlsBackend
from tls import Authority, connect as connect_tls, context
from wire import Request, Response, Wire, frame, wait_until

SECONDS = float(os.environ.get('BOWSPRIT_MIX_SECONDS', '8'))
SEED = int(os.environ.get('BOWSPRIT_MIX_SEED', '1'))
AT_ONCE = 6
LIMIT = 30 * wire.SLOW  # longer than any may take
TABLE = random.Random(0).randbytes(1 << 22)
SIZES = (0, 1, 125, 126, 1000, 4096, 16370, 16384, 20000, 65535, 65536,
         65792, 100_000, 262_144, 300_000, 1_000_000)


def some_bytes(r, n=None):
    if n is None:
        n = r.choice(SIZES) if r.random() < 0.8 else r.randrange(400_000)
    at = r.randrange(len(TABLE) - n)
    return TABLE[at:at + n]


# What is said

class Speech:
    """What one side of a WebSocket says; .data, and what of it is counted."""

    def __init__(self, r, masks):
        self.r, self.masks = r, masks
        self.text = self.binary = self.pings = self.pongs = 0
        frames = []
        limit = r.choice([1000, 300_000, 4_000_000])
        small = r.random() < 0.3
        while sum(map(len, frames)) < limit and len(frames) < 400:
            frames += self.message(small)
        self.data = b''.join(frames)

    def frame(self, payload, opcode, fin=True):
        mask = None
        if self.masks:
            mask = self.r.choice([b'\0\0\0\0', self.r.randbytes(4)])
        return frame(payload, opcode, mask, fin)

    def control(self):
        opcode = self.r.choice([wire.PING, wire.PONG])
        self.pings += opcode == wire.PING
        self.pongs += opcode == wire.PONG
        return self.frame(some_bytes(self.r, self.r.randrange(126)), opcode)

    def message(self, small):
        r = self.r
        if r.random() < 0.2:
            return [self.control()]
        opcode = r.choice([wire.TEXT, wire.BINARY])
        self.text += opcode == wire.TEXT
        self.binary += opcode == wire.BINARY
        parts = r.choice([1, 1, 1, 2, 5])
        frames = []
        for i in range(parts):
            n = r.randrange(200) if small else None
            frames.append(self.frame(some_bytes(r, n), opcode if i == 0 else 0,
                                     i == parts - 1))
            if r.random() < 0.1:
                frames.append(self.control())
        return frames

    def counts(self):
        return {'bytes': len(self.data), 'text': self.text,
                'binary': self.binary, 'pings': self.pings,
                'pongs': self.pongs}


def speech(seed, side):
    return Speech(random.Random(f'{seed} {side}'), side == 'client')


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


class Task(threading.Thread):
    """A function in a thread; join() raises what that has raised."""

    def __init__(self, f, *args):
        super().__init__(daemon=True)
        self.f, self.args, self.error = f, args, None
        self.start()

    def run(self):
        try:
            self.f(*self.args)
        except Exception:  # pylint: disable=broad-except
            self.error = traceback.format_exc()

    def finish(self):
        self.join(LIMIT)
        assert not self.is_alive(), f'{self.f.__name__}{self.args} hangs'
        assert not self.error, self.error


def same(got, wanted, what):
    if got != wanted:
        at = next((i for i, (a, b) in enumerate(zip(got, wanted)) if a != b),
                  min(len(got), len(wanted)))
        raise AssertionError(f'{what}: byte {at} of {len(wanted)} differs')


def both_ways(w, seed, side):
    """One side of a tunnel, to its end."""
    other = 'server' if side == 'client' else 'client'
    r = random.Random(f'{seed} {side} pieces')
    wanted = speech(seed, other).data
    talk = Task(say, w, speech(seed, side).data, r)
    same(hear(w, len(wanted), random.Random(f'{seed} {side} ears')), wanted,
         f'{seed}, from the {other}')
    talk.finish()
    if side == 'client':
        w.finish()
        w.expect_end()
    else:
        w.expect_end()
        w.finish()


# The two ends

def serve(w, number):
    w.sock.settimeout(LIMIT)
    while True:
        head = Request(w.read_head())
        seed, number, last = head.target.split('/')[1:]
        if head.get('Upgrade'):
            w.send(wire.switching(head.get('Sec-WebSocket-Key')))
            return both_ways(w, seed, 'server')
        e = Exchange(seed, number, last == '1')
        r = random.Random(f'{seed} {number} server')
        same(hear(w, len(e.body), r), e.body, f'{head.target}: the request')
        say(w, e.interim + e.head + e.answer, r)
        if e.ends:
            w.finish()
            return w.read_to_end()


def upgrade(w, seed):
    w.send(wire.upgrade(f'/{seed}/0/1', 'h'))
    head = Response(w.read_head())
    assert head.status == 101
    both_ways(w, seed, 'client')


def exchanges(w, seed):
    r = random.Random(f'{seed} client')
    n = r.randrange(1, 6)
    plan = [Exchange(seed, i, i == n - 1) for i in range(n)]
    pipelined = r.random() < 0.4
    asked = [e.asked + e.body for e in plan]
    talk = None
    if pipelined:
        talk = Task(say, w, b''.join(asked), random.Random(f'{seed} talk'))
    for e, data in zip(plan, asked):
        if not pipelined:
            talk = Task(say, w, data, random.Random(f'{seed} talk'))
        while True:
            head = Response(w.read_head())
            if head.status != 103:
                break
        assert head.status == e.status, (seed, head.raw)
        same(hear(w, len(e.answer), r), e.answer, f'{seed}: {e.asked}')
        talk.finish() if not pipelined else None
    talk.finish()
    if plan[-1].ends:
        w.expect_end()


@pytest.fixture
def there(backend, bowsprit):
    """bowsprit, and functions that connect to it, one for each way."""
    with tempfile.TemporaryDirectory(prefix='bs') as folder:
        authority = Authority(f'{folder}/ca')
        cert = authority.issue('localhost', '127.0.0.1', file='server')
        urls = {'plain': backend(serve).url,
                'unix': backend(serve, path=f'{folder}/app').url,
                'tls': backend(serve, kind=lambda s: TlsBackend(s, cert)).url}
        plain, secure, path = free_port(), free_port(), f'{folder}/in'

        def over_unix():
            s = socket.socket(socket.AF_UNIX)
            s.connect(path)
            return Wire(s)

        yield bowsprit(
            listeners=({'address': '127.0.0.1', 'port': plain},
                       {'address': '127.0.0.1', 'port': secure,
                        'certificate': cert[0], 'key': cert[1]},
                       {'address': f'unix:{path}'}),
            backends={name: {'servers': (url,), **(
                {'ca': authority.file} if name == 'tls' else {})}
                for name, url in urls.items()},
            routes=tuple({'path': f'/{name}-*/**', 'upgrade': 'both',
                          'backend': name} for name in urls),
            timeouts={'stall': '50s', 'backend_keepalive': '1s'},
            workers=2), (
                lambda: wire.connect(plain), over_unix,
                lambda: connect_tls(secure, context()))


def check_log(bs, seeds):
    """Of each WebSocket what went by, whoever has counted it."""
    wait_until(lambda: len(bs.events('Connection closed')) == len(seeds),
               'a line on the end of each')
    lines = {e['id']: e for e in bs.events('Connection closed')}
    for e in bs.events('Handling'):
        seed = e['pathname'].split('/')[1]
        for side in 'client', 'server':
            said = lines[e['id']][f'from_{side}']
            wanted = speech(seed, side).counts()
            assert {k: said.get(k, 0) for k in wanted} == wanted, (seed, side)


def one(connect, seed, does):
    w = connect()
    try:
        w.sock.settimeout(LIMIT)
        does(w, seed)
    finally:
        w.close()


def test_everything_at_once(there):
    bs, ways = there
    r = random.Random(SEED)
    end, running, upgrades = time.monotonic() + SECONDS, [], []
    for number in range(1_000_000):
        if time.monotonic() > end:
            break
        backend = r.choice(['plain', 'plain', 'unix', 'tls'])
        seed = f'{backend}-{SEED}.{number}'
        does = r.choice([upgrade, exchanges])
        upgrades += [seed] * (does is upgrade)
        running.append(Task(one, r.choice([ways[0], *ways]), seed, does))
        if len(running) == AT_ONCE:
            running.pop(0).finish()
    for task in running:
        task.finish()
    check_log(bs, upgrades)

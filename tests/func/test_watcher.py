# SPDX-License-Identifier: ISC
"""
The watcher of frames: it counts as an independent decoder does, wherever the
bytes are cut, and what real libraries say goes through it byte for byte.
"""

import asyncio
import hashlib
import random
import socket
import threading

import pytest

import wire
from wire import closing, frame, from_client

websockets = pytest.importorskip('websockets')
wsproto = pytest.importorskip('wsproto.frame_protocol')


# ---- against wsproto

def some_message(rng, make):
    """A message in one to five frames, pings and pongs between them."""
    opcode = rng.choice((wire.TEXT, wire.BINARY))
    n = rng.randrange(1, 6)
    for i in range(n):
        size = rng.choice((0, 1, 3, 125, 126, 127, 1000, 65535, 65536, 70001))
        yield make(b'x' * size, opcode if i == 0 else 0, fin=i == n - 1)
        while rng.random() < 0.2:
            yield make(b'p' * rng.randrange(126),
                       rng.choice((wire.PING, wire.PONG)))


DATA = (wsproto.Opcode.TEXT, wsproto.Opcode.BINARY)


def decoded(data, is_client):
    """What wsproto makes of it: messages, and the Close's code."""
    p = wsproto.FrameProtocol(client=not is_client, extensions=[])
    p.receive_bytes(data)
    messages, code = 0, None
    for f in p.received_frames():
        if f.opcode in DATA and f.message_finished:
            messages += 1
        elif f.opcode is wsproto.Opcode.CLOSE:
            code = int(f.payload[0])
    return messages, code


@pytest.mark.parametrize('by', ['client', 'server'])
@pytest.mark.parametrize('seed', range(12))
def test_counts_as_wsproto_does(seed, by, open_tunnel):
    rng = random.Random(seed)
    c, s, bs = open_tunnel(websocket={'strict': True,
                                      'max_message': '400000'})
    one, make, other = ((c, from_client, s) if by == 'client'
                        else (s, frame, c))
    parts = [f for _ in range(rng.randrange(1, 12))
             for f in some_message(rng, make)]
    code = rng.choice((1000, 1001, 3000, 4999))
    data = b''.join(parts) + make(closing(code, b'why'), wire.CLOSE)
    want = decoded(data, by == 'client')
    got = []

    def read():
        other.sock.settimeout(60)
        got.append(other.read(len(data)))
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    one.sock.settimeout(60)
    at = 0
    while at < len(data):  # small pieces where headers may be
        n = rng.choice((1, 2, 3, 7, 100, 5000, 65536))
        one.send(data[at:at + n])
        at += n
    reader.join()
    assert got == [data]
    one.close()
    other.close()
    line = bs.closed()
    assert line['by'] == by
    assert (line[f'from_{by}']['messages'], line['code']) == want
    assert want[1] == code
    assert 'frames' not in line[f'from_{by}']


# ---- real libraries, between two taps

class Tap:
    """Forwards connections to a port, and keeps what went each way."""

    def __init__(self, port):
        self.port = port
        self.up, self.down = bytearray(), bytearray()
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.own_port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        near, _ = self.listener.accept()
        with near, socket.create_connection(('127.0.0.1', self.port)) as far:
            up = threading.Thread(target=self._move, daemon=True,
                                  args=(near, far, self.up))
            up.start()
            self._move(far, near, self.down)
            up.join()
        self.listener.close()

    @staticmethod
    def _move(source, sink, kept):
        try:
            while data := source.recv(65536):
                kept += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def frames_of(data):
    """What follows the head."""
    return bytes(data).partition(b'\r\n\r\n')[2]


def mixed(n):
    """Small ones mostly, as Socket.IO's, some big, some that do not shrink."""
    rng = random.Random(7)
    for i in range(n):
        kind = rng.randrange(20)
        if kind == 0:
            yield rng.randbytes(rng.randrange(100_000))
        elif kind < 4:
            yield rng.randbytes(rng.randrange(300))
        else:
            yield f'42["event",{{"n":{i},"s":"{"ab" * rng.randrange(50)}"}}]'


async def converse(url, n):
    """Echoes of n messages, up to 32 on the way, and pings among them."""
    async with websockets.connect(url, max_size=None,
                                  ping_interval=0.05) as ws:
        assert ws.extensions, 'not compressed'
        free = asyncio.Semaphore(32)

        async def send():
            for message in mixed(n):
                await free.acquire()
                await ws.send(message)
        sender = asyncio.create_task(send())
        for message in mixed(n):
            assert await ws.recv() == message
            free.release()
        await sender


class EchoServer:
    """websockets' own, in a thread."""

    def __init__(self):
        self.ready = threading.Event()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        assert self.ready.wait(wire.PATIENCE)

    def _run(self):
        async def echo(ws):
            async for message in ws:
                await ws.send(message)

        async def serve():
            self.done = asyncio.Event()
            async with websockets.serve(echo, '127.0.0.1', 0, max_size=None,
                                        ping_interval=0.05) as server:
                self.port = server.sockets[0].getsockname()[1]
                self.ready.set()
                await self.done.wait()
        self.loop.run_until_complete(serve())

    def stop(self):
        self.loop.call_soon_threadsafe(self.done.set)
        self.thread.join()
        self.loop.close()


def test_10000_mixed_messages_byte_for_byte(bowsprit):
    """
    Compressed, with the pings and pongs of both libraries: what enters
    bowsprit is what leaves it.
    """
    n = 10_000
    server = EchoServer()
    inner = Tap(server.port)
    bs = bowsprit(f'http://127.0.0.1:{inner.own_port}',
                  websocket={'strict': True, 'max_message': '1M'})
    outer = Tap(bs.port)
    asyncio.run(converse(f'ws://127.0.0.1:{outer.own_port}/', n))
    for tap in (outer, inner):
        tap.thread.join(wire.PATIENCE)
    server.stop()
    assert len(frames_of(outer.up)) > 1_000_000
    assert frames_of(outer.up) == frames_of(inner.up)
    assert frames_of(outer.down) == frames_of(inner.down)
    line = bs.closed()
    assert (line['by'], line['reason'], line['code']) == (
        'client', 'close', 1000)
    for side in ('from_client', 'from_server'):
        assert line[side]['messages'] == n
        assert 'pong' in line[side]


# ---- one that is very long

@pytest.mark.long
@pytest.mark.parametrize('by', ['client', 'server'])
def test_message_of_1_gib(by, open_tunnel):
    c, s, bs = open_tunnel(websocket={'strict': True, 'max_message': '1G'})
    one, other = (c, s) if by == 'client' else (s, c)
    block, size = random.Random(1).randbytes(1 << 20), 1 << 30
    head = bytes([0x82, 0xff if by == 'client' else 0x7f])
    head += size.to_bytes(8, 'big') + (bytes(4) if by == 'client' else b'')
    sums = hashlib.sha256(), hashlib.sha256()
    before = bs.rss()

    def send():
        one.sock.settimeout(600)
        one.send(head)
        for _ in range(size >> 20):
            one.send(block)
            sums[0].update(block)
    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    assert other.read(len(head)) == head
    other.sock.settimeout(600)
    sums[1].update(other.take(len(other.buf)))
    left = size - (len(other.received)
                   - other.received.index(b'\r\n\r\n') - 4 - len(head))
    while left:
        data = other.sock.recv(min(left, 1 << 20))
        assert data, 'it ended early'
        sums[1].update(data)
        left -= len(data)
    sender.join()
    assert sums[0].digest() == sums[1].digest()
    assert bs.rss() - before < 20 * 1024
    one.close()
    other.close()
    assert bs.closed()[f'from_{by}']['messages'] == 1

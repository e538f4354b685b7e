# SPDX-License-Identifier: ISC
"""
The goodbye of a drain, seen from both ends: where our Close may stand, what
still passes behind it, and what is cut.
"""

import asyncio
import random
import signal
import struct
import threading
import time

import pytest
import websockets

import wire
from backends import echoing
from conftest import basic
from daemon import config_text
from test_admin import told
from test_real_servers import run
from wire import closing, frame, from_client, wait_until

CLOSE_1001 = bytes([0x88, 2, 0x03, 0xe9])
FRAGMENT = frame(b'first', wire.TEXT, fin=False)


def test_a_message_without_an_end_is_interrupted(open_tunnel):
    """But only after half of the drain, and not within a frame."""
    c, s, bs = open_tunnel(timeouts={'drain': '3s'})
    s.send(FRAGMENT)
    assert c.read(len(FRAGMENT)) == FRAGMENT
    began = time.monotonic()
    bs.signal()
    assert c.read(4) == CLOSE_1001
    assert time.monotonic() - began > 1.2
    c.send(from_client(closing(1001), wire.CLOSE))
    assert s.read_message() == (wire.CLOSE, closing(1001))
    s.close()
    assert bs.wait_end() == 0
    assert bs.closed()['reason'] == 'drain'


@pytest.mark.parametrize('what', ['lifetime', 'drain'])
@pytest.mark.parametrize('glued', [False, True])
def test_half_of_our_pong_is_no_frame_to_the_client(glued, what, open_tunnel):
    """A place for our Close, though the server's frame is not whole."""
    c, s, bs = open_tunnel(
        websocket={'ping_interval': '50ms', 'ping_timeout': '60s',
                   'ping': 'backend'},
        timeouts={'tunnel_lifetime': '600ms' if what == 'lifetime' else '0',
                  'drain': '60s'})
    opcode, tag, _ = s.read_frame()
    assert (opcode, len(tag)) == (wire.PING, 16)
    if glued:
        s.send(FRAGMENT)
        assert c.read(len(FRAGMENT)) == FRAGMENT
    pong = frame(tag, wire.PONG)
    s.send((frame(b'', 0) if glued else b'') + pong[:9])
    if glued:
        assert c.read_message() == (0, b'')
    if what == 'drain':
        bs.signal()
    began = time.monotonic()
    assert c.read(4) == CLOSE_1001
    assert time.monotonic() - began < 4
    s.send(pong[9:] + frame(b'behind'))
    c.send(from_client(closing(1001), wire.CLOSE))
    assert s.read_message() == (wire.CLOSE, closing(1001))
    c.expect_end()
    s.close()
    c.close()
    line = bs.closed()
    assert line['reason'] == {'lifetime': 'tunnel-lifetime'}.get(what, what)


@pytest.mark.parametrize('what', ['drain', 'close'])
def test_a_lifetime_that_is_over_leaves_time_for_the_answer(what,
                                                            open_tunnel):
    """To a Close of ours, or of a client's: it was on its way already."""
    c, s, bs = open_tunnel(timeouts={'tunnel_lifetime': '1s',
                                     'drain': '60s'})
    if what == 'drain':
        bs.signal()
        one, other, code = c, s, 1001
    else:
        c.send(from_client(closing(4000), wire.CLOSE))
        one, other, code = s, c, 4000
    assert one.read_message() == (wire.CLOSE, closing(code))
    one.expect_quiet(1.3)
    masked = from_client if one is c else frame
    for message in (b'last', wire.BINARY), (closing(code), wire.CLOSE):
        one.send(masked(*message))
        assert other.read_message() == message[::-1]
    c.close()
    s.close()
    line = bs.closed()
    assert (line['reason'], line['code']) == (what, code)


def test_half_a_tunnel_hears_that_its_lifetime_is_over(open_tunnel):
    """Its client has said all it had, but is still being told."""
    c, s, bs = open_tunnel(timeouts={'tunnel_lifetime': '600ms'})
    c.finish()
    s.expect_end()
    s.send(FRAGMENT)
    assert c.read(len(FRAGMENT)) == FRAGMENT
    c.expect_quiet(1)
    s.send(frame(b'', 0))
    assert c.read_message() == (0, b'')
    assert c.read(4) == CLOSE_1001
    c.expect_end()
    s.close()
    line = bs.closed()
    assert (line['reason'], line['code']) == ('tunnel-lifetime', 1001)


def test_last_words_before_a_fin_are_not_lost_in_a_drain(open_tunnel):
    """The server has yet to read them, and says something itself."""
    c, s, bs = open_tunnel()
    last = from_client(b'x' * 300_000)
    c.send(last)
    c.finish()
    wait_until(lambda: told(bs, 'list')[0]['state'] == 'half-closed',
               'its FIN')
    bs.signal()
    assert c.read(4) == CLOSE_1001
    assert told(bs, 'list')[0]['state'] == 'closing'
    s.send(frame(b'behind'))
    assert s.read(len(last)) == last
    s.expect_end()
    s.close()
    c.expect_end()
    assert bs.wait_end() == 0
    assert bs.closed()['reason'] == 'eof'


def test_a_cut_behind_a_goodbye_lets_no_half_pong_go(open_tunnel):
    c, s, bs = open_tunnel(
        websocket={'ping_interval': '50ms', 'ping_timeout': '60s',
                   'ping': 'backend', 'max_message': '16'},
        timeouts={'tunnel_lifetime': '600ms'})
    _, tag, _ = s.read_frame()
    s.send(frame(tag, wire.PONG)[:9])
    assert c.read(4) == CLOSE_1001
    c.send(from_client(b'x' * 17))
    c.expect_end()
    c.close()
    s.close()
    line = bs.closed()
    assert (line['reason'], line['from_server']['bytes']) == (
        'tunnel-lifetime', 0)


def test_a_message_that_ends_in_time_is_not_interrupted(open_tunnel):
    c, s, bs = open_tunnel(timeouts={'drain': '20s'})
    s.send(FRAGMENT + frame(b'', wire.PING))
    assert c.read(len(FRAGMENT) + 2)
    bs.drain()
    c.expect_quiet()
    s.send(frame(b'last', 0))
    assert c.read_message() == (0, b'last')
    assert c.read(4) == CLOSE_1001
    c.close()
    s.close()
    assert bs.wait_end() == 0


def test_a_frame_without_an_end_is_cut(open_tunnel):
    c, s, bs = open_tunnel(timeouts={'drain': '1s'})
    part = frame(b'x' * 1000)[:500]
    s.send(part)
    assert c.read(len(part)) == part
    bs.signal()
    assert c.read_to_end() == b'', 'no Close where it would be payload'
    assert bs.wait_end() == 0
    line = bs.closed()
    assert (line['by'], line['reason']) == ('proxy', 'cut')
    assert bs.events('WebSockets that were cut, as no Close could be sent '
                     'to them in time: 1')


def test_a_close_that_nobody_answers_is_the_reason_at_the_end(open_tunnel):
    """The first sign counts, also where the drain's end cuts."""
    c, s, bs = open_tunnel(timeouts={'drain': '500ms'})
    s.send(frame(closing(4000, b'enough'), wire.CLOSE))
    assert c.read_message() == (wire.CLOSE, closing(4000, b'enough'))
    bs.signal()
    c.expect_gone()
    assert bs.wait_end() == 0
    line = bs.closed()
    assert (line['by'], line['reason'], line['code']) == ('server', 'close',
                                                          4000)


def test_a_close_of_a_client_that_is_idle_then(open_tunnel):
    c, s, bs = open_tunnel(timeouts={'tunnel_idle': '1s'})
    c.send(from_client(closing(4001), wire.CLOSE))
    assert s.read_message() == (wire.CLOSE, closing(4001))
    line = bs.closed()
    assert (line['by'], line['reason'], line['code']) == ('client', 'close',
                                                          4001)


@pytest.mark.parametrize('what', ['idle', 'cut', 'answer'])
def test_our_close_is_the_one_that_is_logged(what, open_tunnel):
    """Whatever the client answers, and if it does not."""
    c, s, bs = open_tunnel(timeouts={
        'drain': '500ms' if what == 'cut' else '20s',
        'tunnel_idle': '1s' if what == 'idle' else '0'})
    bs.signal()
    assert c.read(4) == CLOSE_1001
    if what == 'answer':
        c.send(from_client(closing(4002, b'mine'), wire.CLOSE))
        assert s.read_message() == (wire.CLOSE, closing(4002, b'mine'))
        s.close()
    c.expect_gone()
    assert bs.wait_end() == 0
    line = bs.closed()
    assert (line['by'], line['reason'], line['code']) == ('proxy', 'drain',
                                                          1001)
    assert 'close_reason' not in line


def test_the_client_is_heard_to_its_close(open_tunnel):
    """A server that is busy sending reads none of it before it is through."""
    c, s, bs = open_tunnel(timeouts={'drain': '20s'})
    s.send(FRAGMENT)
    assert c.read(len(FRAGMENT)) == FRAGMENT
    s.send(frame(b'', 0))
    assert c.read_message() == (0, b'')
    bs.signal()
    assert c.read(4) == CLOSE_1001
    sent = b''.join(from_client(random.randbytes(5000)) for _ in range(400))
    sent += from_client(closing(1001), wire.CLOSE)
    heard, failed = threading.Event(), []

    def babble():
        try:
            while not heard.is_set():
                s.send(frame(b'x' * 100_000))
            s.send(frame(closing(1001), wire.CLOSE))
            s.finish()
        except (OSError, wire.Closed) as e:
            failed.append(e)
    s.sock.settimeout(20 * wire.SLOW)
    threads = [threading.Thread(target=f, daemon=True)
               for f in (babble, lambda: c.send(sent))]
    for t in threads:
        t.start()
    for at in range(0, len(sent), 20_000):
        time.sleep(0.002)  # so that there is always more on its way
        part = sent[at:at + 20_000]
        assert s.read(len(part)) == part
    heard.set()
    for t in threads:
        t.join()
    assert not failed
    c.expect_end()
    c.close()
    s.expect_end()
    assert bs.wait_end() == 0
    line = bs.closed()
    assert (line['reason'], line['code']) == ('drain', 1001)
    assert line['from_client']['messages'] == 400


@pytest.mark.parametrize('pings', [False, True])
def test_large_messages_are_whole_before_our_close(pings, open_tunnel):
    """Their payload goes by unseen; its ends do not."""
    c, s, bs = open_tunnel(
        client_options={'rcvbuf': 65536}, timeouts={'drain': '60s'},
        websocket={'ping_interval': '20ms' if pings else '0',
                   'ping': 'backend'})
    payload = random.randbytes(700_000)
    fragments = (frame(payload[:300_000], fin=False) + frame(b'', wire.PING)
                 + frame(payload[300_000:], 0))
    over = threading.Event()

    def stream():
        try:
            while not over.is_set():
                s.send(frame(payload) + fragments)
        except (OSError, wire.Closed):
            pass
    s.sock.settimeout(20 * wire.SLOW)
    thread = threading.Thread(target=stream, daemon=True)
    thread.start()
    messages, part, opcode = 0, b'', None
    while opcode != wire.CLOSE:
        opcode, data, fin = c.read_frame()
        if opcode in (wire.BINARY, 0):
            part += data
        if opcode in (wire.BINARY, 0) and fin:
            assert part == payload
            messages, part = messages + 1, b''
            if messages == 20:
                bs.signal()
    assert (part, data) == (b'', closing(1001)), 'a message was interrupted'
    over.set()
    c.send(from_client(closing(1001), wire.CLOSE))
    c.expect_end()
    c.close()
    thread.join()
    s.close()
    assert bs.wait_end() == 0
    line = bs.closed()
    assert line['reason'] == 'drain'
    assert line['from_server']['messages'] == messages


def test_server_that_does_not_end_holds_nothing_up(open_tunnel):
    c, s, bs = open_tunnel(timeouts={'drain': '60s'})
    bs.signal()
    assert c.read(4) == CLOSE_1001
    c.send(from_client(closing(1001), wire.CLOSE))
    began = time.monotonic()
    assert s.read_message() == (wire.CLOSE, closing(1001))
    s.expect_end()
    c.expect_end()
    assert bs.wait_end() == 0
    assert time.monotonic() - began < 4 * wire.SLOW


# Many at once

TUNNELS = 1000


async def read_frame(reader):
    b0, b1 = await reader.readexactly(2)
    n = b1 & 0x7f
    if n == 126:
        n, = struct.unpack('>H', await reader.readexactly(2))
    mask = await reader.readexactly(4) if b1 & 0x80 else bytes(4)
    return b0, wire.masked(await reader.readexactly(n), mask)


async def talk(writer, pack, stop):
    """Numbered messages: a frame in two halves, or two fragments with a Ping
    between them."""
    n = 0
    try:
        while not stop.is_set():
            payload = b'%d ' % n * 60
            if n % 2:
                parts = [pack(payload[:90], wire.BINARY, False)
                         + pack(b'%d' % n, wire.PING, True),
                         pack(payload[90:], 0, True)]
            else:
                whole = pack(payload, wire.BINARY, True)
                parts = [whole[:90], whole[90:]]
            for part in parts:
                writer.write(part)
                await asyncio.sleep(random.uniform(0.3, 0.9))
            n += 1
    except ConnectionError:
        pass
    return n


async def hear(reader):
    """(how many messages, each whole and in turn; the Close's code)"""
    n, payload = 0, b''
    while True:
        b0, part = await read_frame(reader)
        if b0 & 0x0f == wire.PING:
            assert payload and part == b'%d' % n, 'of a message before'
            continue
        if b0 & 0x0f == wire.CLOSE:
            assert not payload, 'a message was interrupted'
            return n, struct.unpack('>H', part)[0]
        payload += part
        if b0 & 0x80:
            assert payload == b'%d ' % n * 60
            n, payload = n + 1, b''


class ChattingBackend:
    """Talks and listens on every tunnel until it hears a Close."""

    def __init__(self):
        self.heard = {}
        self.errors = []
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        self.thread = threading.Thread(target=self._main, args=(ready,),
                                       daemon=True)
        self.thread.start()
        assert ready.wait(10)

    def _main(self, ready):
        async def main():
            server = await asyncio.start_server(self._serve, '127.0.0.1', 0,
                                                backlog=1024)
            self.url = 'http://127.0.0.1:%d' % (
                server.sockets[0].getsockname()[1])
            self.over = asyncio.Event()
            ready.set()
            await self.over.wait()
            server.close()
        self.loop.run_until_complete(main())

    async def _serve(self, reader, writer):
        request = wire.Request(await reader.readuntil(b'\r\n\r\n'))
        writer.write(wire.switching(request.get('Sec-WebSocket-Key')))
        stop = asyncio.Event()
        talking = asyncio.ensure_future(talk(
            writer, lambda p, op, fin: frame(p, op, fin=fin), stop))
        try:
            self.heard[request.target] = await hear(reader)
            stop.set()
            await talking
            writer.write(frame(closing(1001), wire.CLOSE))
        except (AssertionError, OSError, EOFError) as e:
            self.errors.append(f'{request.target}: {e!r}')
        stop.set()
        writer.close()

    def stop(self):
        self.loop.call_soon_threadsafe(self.over.set)
        self.thread.join(10)


async def chat(port, number, opened):
    """(messages sent, messages heard, the Close's code)"""
    reader, writer = await asyncio.open_connection('127.0.0.1', port)
    writer.write(wire.upgrade(f'/{number}'))
    await reader.readuntil(b'\r\n\r\n')
    opened.append(number)
    stop = asyncio.Event()
    talking = asyncio.ensure_future(talk(
        writer, lambda p, op, fin: from_client(p, op, fin), stop))
    heard, code = await hear(reader)
    stop.set()
    sent = await talking
    writer.write(from_client(closing(code), wire.CLOSE))
    rest = await reader.read()
    writer.close()
    assert rest == b'', 'nothing behind our Close, and no reset'
    return sent, heard, code


def test_drain_of_1000_talking_tunnels(bowsprit, backend):
    b = backend(kind=ChattingBackend)
    bs = bowsprit(b, timeouts={'drain': '12s'})

    async def crowd():
        opened = []
        gate = asyncio.Semaphore(50)

        async def one(number):
            async with gate:
                task = asyncio.ensure_future(chat(bs.port, number, opened))
                while number not in opened and not task.done():
                    await asyncio.sleep(0.01)
            return await task
        tasks = [asyncio.ensure_future(one(i)) for i in range(TUNNELS)]
        while len(opened) < TUNNELS:
            await asyncio.sleep(0.05)
        bs.signal()
        return await asyncio.wait_for(asyncio.gather(*tasks),
                                      60 * wire.SLOW)

    results = asyncio.new_event_loop().run_until_complete(crowd())
    assert bs.wait_end(20 * wire.SLOW) == 0
    assert {code for _, _, code in results} == {1001}
    assert sum(heard for _, heard, _ in results) > TUNNELS / 2
    wait_until(lambda: len(b.heard) + len(b.errors) == TUNNELS, 'all there')
    assert not b.errors
    for number, (sent, _, _) in enumerate(results):
        assert b.heard[f'/{number}'] == (sent, 1001), number
    lines = bs.events('Connection closed')
    assert len(lines) == TUNNELS
    assert {(e['reason'], e['code']) for e in lines} == {('drain', 1001)}


# A restart under clients

class PersistentClient:
    """
    A browser's WebSocket that comes back: 5 attempts in a row, the first
    after 1 s, each after twice the time of the one before, 30 s at most.
    """

    def __init__(self, url):
        self.url = url
        self.codes = []
        self.failed = self.opened = self.echoes = 0

    async def run(self):
        attempts = 0
        while attempts < 5:
            try:
                async with websockets.connect(self.url) as ws:
                    attempts = 0
                    self.opened += 1
                    await ws.send(f'hello {self.opened}')
                    assert await ws.recv() == f'hello {self.opened}'
                    self.echoes += 1
                    await ws.wait_closed()
                    self.codes.append(ws.close_code)
            except (OSError, websockets.InvalidHandshake):
                self.failed += 1
            if self.opened == 2:
                return
            await asyncio.sleep(min(30, 2 ** attempts))
            attempts += 1
        raise AssertionError('it has given up')


@pytest.mark.parametrize('down', [0, 1.5])
def test_restart_is_survived(down, bowsprit, backend):
    """At once, and by one that missed its first attempt."""
    b = backend(echoing)
    first = bowsprit(b)
    client = PersistentClient(f'ws://127.0.0.1:{first.port}/ws')

    async def restart():
        task = asyncio.ensure_future(client.run())
        while client.echoes < 1:
            assert not task.done()
            await asyncio.sleep(0.01)
        first.signal(signal.SIGTERM)
        while not first.ended():
            await asyncio.sleep(0.01)
        await asyncio.sleep(down)
        second = bowsprit(config=config_text(basic(b, first.port)))
        while client.echoes < 2:
            assert not task.done(), 'it has given up'
            await asyncio.sleep(0.01)
        second.signal()
        await task
    run(restart())
    assert client.codes == [1001, 1001]
    assert client.failed == (1 if down else 0)

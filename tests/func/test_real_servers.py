# SPDX-License-Identifier: ISC
"""
Real peers rather than ours: the websockets library on both ends, uvicorn with
either of its WebSocket implementations, Python's own HTTP server and client.
"""

import asyncio
import http.client
import random
import threading

import pytest

import programs
import wire
from daemon import free_port

websockets = pytest.importorskip('websockets')


@pytest.fixture(params=['websockets', 'wsproto'])
def uvicorn(request, program):
    """Its port."""
    port = free_port()
    programs.uvicorn(program, port, '--ws', request.param)
    return port


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 60 * wire.SLOW))


async def echo_until_it_leaves(ws, sizes=(0, 125, 65536, 400_000)):
    """Messages come back from peers/echo_app.py, then it is told to close."""
    for size in sizes:
        data = random.randbytes(size)
        await ws.send(data)
        assert await ws.recv() == data
        await ws.send('ä' * size)
        assert await ws.recv() == 'ä' * size
    await ws.send('leave')
    with pytest.raises(websockets.ConnectionClosed):
        await ws.recv()
    assert ws.close_code == 4001


def talk_to_echo_app(bs):
    """All of it through bowsprit, whose log knows who closed, and how."""
    async def talk():
        async with websockets.connect(f'ws://127.0.0.1:{bs.port}/') as ws:
            await echo_until_it_leaves(ws)
    run(talk())
    line = bs.closed()
    assert (line['by'], line['reason'], line['code']) == (
        'server', 'close', 4001)


def test_websockets_to_uvicorn(uvicorn, bowsprit):
    bs = bowsprit(f'http://127.0.0.1:{uvicorn}')

    async def talk():
        uri = f'ws://127.0.0.1:{bs.port}/x?y=%2F'
        async with websockets.connect(uri, subprotocols=['a', 'b']) as ws:
            assert ws.subprotocol == 'a'
            await (await ws.ping())
            await echo_until_it_leaves(
                ws, (0, 1, 125, 126, 65535, 65536, 400_000))
    run(talk())
    line = bs.closed()
    assert (line['by'], line['reason'], line['code']) == (
        'server', 'close', 4001)


def test_uvicorn_refuses(uvicorn, bowsprit):
    bs = bowsprit(f'http://127.0.0.1:{uvicorn}')

    async def talk():
        with pytest.raises(websockets.InvalidStatusCode) as e:
            await websockets.connect(f'ws://127.0.0.1:{bs.port}/refused')
        assert e.value.status_code == 403
    run(talk())


def test_uvicorn_many_at_once(uvicorn, bowsprit):
    bs = bowsprit(f'http://127.0.0.1:{uvicorn}')

    async def one(n):
        uri = f'ws://127.0.0.1:{bs.port}/{n}'
        async with websockets.connect(uri, open_timeout=30) as ws:
            for i in range(20):
                await ws.send(f'{n} {i}')
                assert await ws.recv() == f'{n} {i}'

    async def talk():
        await asyncio.gather(*(one(n) for n in range(50)))
    run(talk())
    bs.closed(n=50)
    assert {e['code'] for e in bs.events('Connection closed')} == {1000}


def test_uvicorn_http(uvicorn, bowsprit):
    bs = bowsprit(f'http://127.0.0.1:{uvicorn}')
    c = http.client.HTTPConnection('127.0.0.1', bs.port, timeout=10)
    for size in (0, 10, 1_000_000):
        body = random.randbytes(size)
        c.request('POST', '/a%2Fb', body=body)
        r = c.getresponse()
        assert (r.status, r.read()) == (200, body)
        assert r.headers['x-path'] == '/a%2Fb'
        c.request('PUT', '/', body=iter([body, b'end']),
                  encode_chunked=True)  # in chunks
        r = c.getresponse()
        assert (r.status, r.read()) == (200, body + b'end')
    c.close()


class LibraryServer:
    """websockets.serve in a thread."""

    def __init__(self, handler, **options):
        self.loop = asyncio.new_event_loop()
        self.port = None
        started = threading.Event()

        async def serve():
            server = await websockets.serve(handler, '127.0.0.1', 0,
                                            **options)
            self.port = server.sockets[0].getsockname()[1]
            started.set()
            self.stop_event = asyncio.Event()
            await self.stop_event.wait()
            server.close()
            await server.wait_closed()
        self.thread = threading.Thread(
            target=lambda: self.loop.run_until_complete(serve()),
            daemon=True)
        self.thread.start()
        assert started.wait(10)

    def stop(self):
        self.loop.call_soon_threadsafe(self.stop_event.set)
        self.thread.join(15)


@pytest.fixture
def library_server(bowsprit):
    made = []

    def make(handler, **options):
        made.append(LibraryServer(handler, **options))
        return made[-1]
    yield make
    for s in made:
        s.stop()


@pytest.mark.parametrize('compression', ['deflate', None])
def test_websockets_on_both_ends(compression, bowsprit, library_server):
    """Extensions are between the two: compressed messages just pass."""
    seen = []

    async def echo(ws):
        seen.append((ws.path, ws.extensions, ws.request_headers['Origin'],
                     ws.request_headers['X-Forwarded-For']))
        async for message in ws:
            await ws.send(message)

    server = library_server(echo, max_size=None, compression=compression)
    bs = bowsprit(f'http://127.0.0.1:{server.port}')

    async def talk():
        async with websockets.connect(
                f'ws://localhost:{bs.port}/a?b', max_size=None,
                host='127.0.0.1', origin='http://localhost:3000',
                compression=compression) as ws:
            assert bool(ws.extensions) == (compression == 'deflate')
            for size in (0, 10, 5000, 3_000_000):
                data = b'abc' * (size // 3)
                await ws.send(data)
                assert await ws.recv() == data
            await ws.send(['frag', 'ments'])
            assert await ws.recv() == 'fragments'
    run(talk())
    path, extensions, origin, xff = seen[0]
    assert (path, origin, xff) == ('/a?b', 'http://localhost:3000',
                                   '127.0.0.1')
    assert bool(extensions) == (compression == 'deflate')
    assert bs.closed()['code'] == 1000


def test_pings_of_the_server_keep_a_tunnel(bowsprit, library_server):
    """Pong answers ping through us; none is swallowed or made up."""
    async def wait(ws):
        await ws.wait_closed()

    server = library_server(wait, ping_interval=0.1, ping_timeout=2)
    bs = bowsprit(f'http://127.0.0.1:{server.port}')

    async def talk():
        async with websockets.connect(
                f'ws://127.0.0.1:{bs.port}/', ping_interval=0.1) as ws:
            await asyncio.sleep(1)
            assert ws.open
    run(talk())


def test_server_process_that_is_killed(program, bowsprit):
    """SIGKILL: its kernel says so, and the client hears of it at once."""
    port = free_port()
    server = programs.uvicorn(program, port)
    bs = bowsprit(f'http://127.0.0.1:{port}')

    async def talk():
        ws = await websockets.connect(f'ws://127.0.0.1:{bs.port}/')
        await ws.send('x')
        assert await ws.recv() == 'x'
        server.stop()
        with pytest.raises(websockets.ConnectionClosedError):
            await asyncio.wait_for(ws.recv(), 5 * wire.SLOW)
    run(talk())
    assert bs.closed()['by'] == 'server'

# SPDX-License-Identifier: ISC
"""
Pings of our own (ping_interval): to a silent side only, between two frames,
with the Pong taken out again and all else left as it is.
"""

import asyncio
import threading
import time

import pytest
import websockets

import wire
from test_real_servers import library_server, run  # noqa: F401
from wire import frame, from_client, wait_until

SOON = {'ping_interval': '100ms', 'ping_timeout': '60s'}
NAME = b'bowsprit'


def reply(side, payload, opcode=wire.PONG):
    return (from_client if side == 'client' else frame)(payload, opcode)


def read_ping(w):
    """Our Ping's payload."""
    opcode, payload, fin = w.read_frame()
    assert (opcode, len(payload), fin) == (wire.PING, 16, True)
    assert payload.startswith(NAME)
    return payload


@pytest.fixture
def pinged(open_tunnel):
    """(the side that is pinged, the other one, bowsprit)"""
    def make(side, **settings):
        ping = 'client' if side == 'client' else 'backend'
        c, s, bs = open_tunnel(websocket={**SOON, 'ping': ping, **settings})
        return (c, s, bs) if side == 'client' else (s, c, bs)
    return make


def test_none_by_default(open_tunnel):
    c, s, bs = open_tunnel()
    c.expect_quiet(0.5)
    s.expect_quiet(0.5)


@pytest.mark.parametrize('side', ['client', 'server'])
def test_silent_side_is_pinged(side, pinged):
    one, other, bs = pinged(side, ping_timeout='2s')
    tags = set()
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        tag = read_ping(one)
        one.send(reply(side, tag))
        tags.add(tag)
    assert len(tags) > 2, 'over ping_interval and ping_timeout'
    other.expect_quiet()
    one.close()
    line = bs.closed()
    assert (line['by'], line['from_' + side]['bytes']) == (side, 0), \
        'our Pongs do not count'


def test_pings_to_the_server_are_masked_with_other_keys(pinged):
    s, c, bs = pinged('server')
    keys = set()
    for _ in range(3):
        head = s.read(6)
        assert head[:2] == bytes([0x89, 0x90])
        tag = wire.masked(s.read(16), head[2:])
        assert tag.startswith(NAME)
        keys.add(head[2:])
        s.send(reply('server', tag))
    assert len(keys) == 3


def test_ping_to_the_client_is_not_masked(pinged):
    c, s, bs = pinged('client')
    assert c.read(10) == bytes([0x89, 0x10]) + NAME


@pytest.mark.parametrize('side', ['client', 'server'])
def test_side_that_does_not_answer(side, pinged):
    one, other, bs = pinged(side, ping_timeout='300ms')
    began = time.monotonic()
    read_ping(one)
    one.expect_quiet(0.1)  # one of ours at most
    other.expect_gone()
    one.expect_gone()
    assert time.monotonic() - began > 0.25
    line = bs.closed()
    assert (line['by'], line['reason']) == ('proxy', f'{side}-ping-timeout')


@pytest.mark.parametrize('side', ['client', 'server'])
def test_a_byte_is_life(side, pinged):
    """Not a Pong, nor a whole frame: it was heard of, and is asked later."""
    one, other, bs = pinged(side, ping_interval='1s', ping_timeout='1s')
    message = reply(side, b'x' * 100, wire.BINARY)
    end = time.monotonic() + 1.8
    sent = 0
    while time.monotonic() < end:
        one.send(message[sent % len(message):][:1])
        sent += 1
        time.sleep(0.02)
    assert not one.buf
    one.sock.settimeout(0.01)
    with pytest.raises(TimeoutError):
        one.sock.recv(1)
    one.sock.settimeout(one.timeout)
    assert len(other.read(sent)) == sent
    assert not bs.events('Connection closed')


def test_life_puts_off_the_verdict(pinged):
    """It sends, but does not answer: silence counts from its last byte."""
    c, s, bs = pinged('client', ping_interval='300ms', ping_timeout='1500ms')
    read_ping(c)
    end = time.monotonic() + 2.2
    while time.monotonic() < end:
        c.send(from_client(b'x'))
        assert s.read_message() == (wire.BINARY, b'x')
        time.sleep(0.02)
    assert not bs.events('Connection closed')
    c.expect_gone()
    assert bs.closed()['reason'] == 'client-ping-timeout'
    assert time.monotonic() - end > 1.7


PLACES = {
    'split': lambda pong, data: [*(bytes([b]) for b in pong)],
    'glued': lambda pong, data: [data + pong + data],
    'split and glued': lambda pong, data: [data[:3], data[3:] + pong[:1],
                                           pong[1:9], pong[9:] + data],
    'split, and not ours': lambda pong, data: [
        *(bytes([b]) for b in pong[:-1]), bytes([pong[-1] ^ 1]), pong],
    'behind one like it': lambda pong, data: [
        pong[:-1] + bytes([pong[-1] ^ 1]) + pong],
    'twice': lambda pong, data: [pong + pong],
    'too short': lambda pong, data: [pong[:1] + bytes([pong[1] - 1])
                                     + pong[2:-1] + pong],
}


@pytest.mark.parametrize('side', ['client', 'server'])
@pytest.mark.parametrize('place', PLACES)
def test_pong_is_taken_out(place, side, pinged):
    one, other, bs = pinged(side)
    data = reply(side, b'hello', wire.BINARY)
    pong = reply(side, read_ping(one))
    parts = PLACES[place](pong, data)
    for part in parts:
        one.send(part)
        time.sleep(0.002)  # in reads of their own, mostly
    one.send(data)
    left = b''.join(parts).replace(pong, b'', 1) + data
    assert other.read(len(left)) == left
    assert read_ping(one), 'it counts as answered'
    other.expect_quiet(0.05)


@pytest.mark.parametrize('side', ['client', 'server'])
def test_late_answer_is_one(side, pinged):
    """Within ping_timeout: nobody is asked twice meanwhile."""
    one, other, bs = pinged(side)
    tag = read_ping(one)
    one.expect_quiet(0.5)
    one.send(reply(side, tag))
    assert read_ping(one) != tag
    other.expect_quiet(0.05)


@pytest.mark.parametrize('side', ['client', 'server'])
def test_flood_of_pongs(side, pinged):
    """Nobody asked for them, half are nearly ours: all pass, ours does not."""
    one, other, bs = pinged(side)
    tag = read_ping(one)
    flood = [reply(side, payload) for i in range(1000)
             for payload in (b'%d' % i, tag[:i % 16] + bytes([i & 0x7f]) * (
                 16 - i % 16))]
    one.send(b''.join(flood[:777]) + reply(side, tag) + b''.join(flood[777:]))
    flood = b''.join(flood)
    assert other.read(len(flood)) == flood
    read_ping(one)
    other.expect_quiet(0.05)
    one.close()
    other.close()
    line = bs.closed()
    assert (line['by'], line['from_' + side]['bytes'],
            line['from_' + side]['pongs']) == (side, len(flood), 2001)


@pytest.mark.parametrize('side', ['client', 'server'])
def test_end_within_what_may_be_our_pong(side, pinged):
    one, other, bs = pinged(side)
    pong = reply(side, read_ping(one))
    one.send(pong[:-1])
    other.expect_quiet(0.1)
    one.finish()
    assert other.read_to_end() == pong[:-1]


@pytest.mark.parametrize('opcode, size, code', [
    (wire.BINARY, 1001, 1009),  # max_message
    (3, 10, 1002)])             # strict
@pytest.mark.parametrize('cut', [0, 1, 2, 7, 17])
@pytest.mark.parametrize('side', ['client', 'server'])
def test_fault_behind_our_pong(side, cut, opcode, size, code, pinged):
    """Limits hold behind what is taken out, however the bytes come."""
    one, other, bs = pinged(side, max_message='1000', strict=True)
    pong = reply(side, read_ping(one))
    one.send(reply(side, b'last', wire.BINARY) + pong[:cut])
    assert other.read_message() == (wire.BINARY, b'last')
    one.send(pong[cut:] + reply(side, b'x' * size, opcode) + b'more')
    for w in (other, one):
        opcode, payload, _ = w.read_frame()
        assert (opcode, payload[:2]) == (wire.CLOSE, wire.closing(code))
        w.expect_end()
    one.close()
    other.close()
    line = bs.closed()
    assert (line['by'], line['code'], line['from_' + side]['messages']) == (
        'proxy', code, 1)


@pytest.mark.parametrize('cut', [1, 2, 7, 17])
@pytest.mark.parametrize('side', ['client', 'server'])
def test_fault_of_the_other_side_within_our_pong(side, cut, pinged):
    """What has come of it is not lost: the Close needs a whole frame."""
    one, other, bs = pinged(side, max_message='1000')
    tag = read_ping(one)
    pong = reply(side, tag)
    one.send(reply(side, b'last', wire.BINARY) + pong[:cut])
    assert other.read_message() == (wire.BINARY, b'last')
    other.send(reply('server' if side == 'client' else 'client',
                     b'x' * 1001, wire.BINARY))
    opcode, payload, _ = one.read_frame()
    assert (opcode, payload[:2]) == (wire.CLOSE, wire.closing(1009))
    one.send(pong[cut:])
    assert other.read_message() == (wire.PONG, tag)
    opcode, payload, _ = other.read_frame()
    assert (opcode, payload[:2]) == (wire.CLOSE, wire.closing(1009))
    other.expect_end()


@pytest.mark.parametrize('side', ['client', 'server'])
def test_ping_waits_for_the_end_of_a_frame(side, pinged):
    one, other, bs = pinged(side, ping_interval='200ms')
    from_other = reply('server' if side == 'client' else 'client',
                       b'y' * 70000, wire.BINARY)
    fragment = bytes([from_other[0] & 0x7f]) + from_other[1:]
    other.send(fragment[:-1])
    assert one.read(len(fragment) - 1) == fragment[:-1]
    one.expect_quiet(0.5)
    other.send(fragment[-1:])
    assert one.read(1) == fragment[-1:]
    one.send(reply(side, read_ping(one)))
    rest = bytes([0x80]) + from_other[1:]
    other.send(rest)
    got = b''
    while len(got) < len(rest):  # perhaps behind another one
        head = one.read(2)
        if head[0] == 0x89:
            one.read(head[1] & 0x7f if head[1] < 0x80 else 20)
        else:
            got = head + one.read(len(rest) - 2)
    assert got == rest


@pytest.mark.parametrize('side', ['client', 'server'])
def test_ping_waits_for_pongs_that_are_owed(side, pinged):
    """RFC 6455 5.5.3: a peer may answer the latest Ping only."""
    one, other, bs = pinged(side, ping_interval='300ms')
    opposite = 'server' if side == 'client' else 'client'
    for payload in (b'first', b'second'):
        other.send(reply(opposite, payload, wire.PING))
        assert one.read_message() == (wire.PING, payload)
    one.expect_quiet(0.6)
    one.send(reply(side, b'first'))
    assert other.read_message() == (wire.PONG, b'first')
    one.expect_quiet(0.6)
    one.send(reply(side, b'second'))
    assert other.read_message() == (wire.PONG, b'second')
    read_ping(one)


def test_answer_to_a_later_ping_is_one_to_ours(pinged):
    c, s, bs = pinged('client', ping_interval='200ms', ping_timeout='3s')
    for i in range(4):
        read_ping(c)
        s.send(frame(b'theirs', wire.PING))
        assert c.read_message() == (wire.PING, b'theirs')
        c.send(from_client(b'theirs', wire.PONG))
        assert s.read_message() == (wire.PONG, b'theirs')
    assert not bs.events('Connection closed')


def test_who_is_not_read_is_not_silent(open_tunnel):
    """Its Pong stands behind what its slow reader does not take."""
    c, s, bs = open_tunnel(
        client_options={'rcvbuf': 4096},
        websocket={**SOON, 'ping_timeout': '200ms', 'ping': 'backend'})
    s.choke()
    time.sleep(0.6)  # three times as long as one that is silent is given
    assert not bs.events('Connection closed')


@pytest.mark.parametrize('side', ['client', 'server'])
def test_what_stands_behind_a_ping_follows_it(side, pinged):
    """At once: nothing else may come that would move it."""
    one, other, bs = pinged(side, ping_interval='200ms')
    message = reply('server' if side == 'client' else 'client',
                    b'y' * 1000, wire.BINARY)
    other.send(message[:-1])
    assert one.read(len(message) - 1) == message[:-1]
    one.expect_quiet(0.5)
    other.send(message[-1:] + message + message[:500])
    assert one.read(1) == message[-1:]
    tag = read_ping(one)
    assert one.read(len(message) + 500) == message + message[:500]
    one.send(reply(side, tag))
    other.send(message[500:])
    assert one.read(len(message) - 500) == message[500:]


@pytest.fixture
def streaming():
    """
    Has a side send messages without a pause, to the end of the test or of its
    connection: what bowsprit reads of them ends anywhere.
    """
    over, threads = threading.Event(), []

    def start(w, message):
        def run():
            block = message * (1 + 400_000 // len(message))
            at = len(message) // 2
            try:
                w.send(block[:at])
                while not over.is_set():
                    w.send(block[at:] + block[:at])
                w.send(block[at:])
            except (OSError, wire.Closed):
                pass
        threads.append(threading.Thread(target=run, daemon=True))
        threads[-1].start()

    yield start
    over.set()
    for t in threads:
        t.join()


def read_stream(w, message):
    """Whole messages only, to our Ping: its payload."""
    end = time.monotonic() + wire.PATIENCE
    while (head := w.read(1)) != b'\x89':
        assert time.monotonic() < end, 'no Ping came'
        assert head + w.read(len(message) - 1) == message
        w.received.clear()  # it would be gigabytes
    w.buf[:0] = head
    return read_ping(w)


def read_stream_to_end(w, message):
    with pytest.raises(wire.Closed):
        while True:
            assert w.read(len(message)) == message
            w.received.clear()


# By copying, and by pipes where they may be.
@pytest.mark.parametrize('size', [15_000, 65_536])
@pytest.mark.parametrize('side', ['client', 'server'])
def test_ping_finds_a_place_in_a_stream_without_a_pause(side, size, pinged,
                                                        streaming):
    one, other, bs = pinged(side, ping_interval='200ms', ping_timeout='1500ms')
    message = reply('server' if side == 'client' else 'client',
                    b'y' * size, wire.BINARY)
    streaming(other, message)
    began = time.monotonic()
    for _ in range(2):
        one.send(reply(side, read_stream(one, message)))
    assert time.monotonic() - began < 3 * wire.SLOW
    other.expect_quiet()
    read_stream(one, message)
    asked = time.monotonic()
    read_stream_to_end(one, message)
    assert 1.2 < time.monotonic() - asked < 3.5 * wire.SLOW
    line = bs.closed()
    assert (line['by'], line['reason']) == ('proxy', f'{side}-ping-timeout')
    assert line['from_' + side]['bytes'] == 0, 'our Pongs do not count'


@pytest.mark.parametrize('size', [15_000, 65_536])
def test_ping_finds_a_place_before_a_slow_reader(size, open_tunnel, streaming):
    """Something is owed to it whenever its Ping is due."""
    c, s, bs = open_tunnel(
        client_options={'rcvbuf': 4096},
        websocket={**SOON, 'ping_interval': '200ms', 'ping': 'client'})
    message, fill = frame(b'y' * size), c.fill

    def slowly():
        time.sleep(0.001)  # for each 64 KiB at most
        return fill()
    c.fill = slowly
    streaming(s, message)
    began = time.monotonic()
    for _ in range(3):
        c.send(from_client(read_stream(c, message), wire.PONG))
    assert time.monotonic() - began < 4 * wire.SLOW
    s.expect_quiet()
    c.close()
    assert bs.closed()['by'] == 'client'


def test_route_of_its_own(bowsprit, backend, client):
    from backends import tunnel
    b = backend(tunnel)
    bs = bowsprit(b, routes=(
        {'path': '/a', 'backend': b.url, 'upgrade': 'both',
         'ping_interval': '100ms', 'ping': 'client'},
        {'path': '/b', 'backend': b.url, 'upgrade': 'both'}))
    wires = {}
    for path in '/a', '/b':
        wires[path] = client(bs)
        wires[path].send(wire.upgrade(path))
        assert wires[path].read_response().status == 101
    read_ping(wires['/a'])
    wires['/b'].expect_quiet(0.3)
    for s in b.wires:
        wait_until(lambda s=s: b'\r\n\r\n' in s.received, 'its head')
        s.expect_quiet(0.1)


def test_flood_of_pings_through_ours(bowsprit, library_server):  # noqa: F811
    """Each of the peer's is answered once and in order."""
    async def wait(ws):
        await ws.wait_closed()

    server = library_server(wait, ping_interval=None)
    bs = bowsprit(f'http://127.0.0.1:{server.port}',
                  websocket={**SOON, 'ping_interval': '10ms',
                             'ping_timeout': '5s'})
    c = bs.connect()
    c.send(wire.upgrade())
    assert c.read_response().status == 101
    for burst in range(20):
        c.send(b''.join(from_client(b'%d' % (burst * 100 + i), wire.PING)
                        for i in range(100)))
        time.sleep(0.02)
    n = 0
    while n < 2000:
        opcode, payload = c.read_message()
        if opcode == wire.PING:
            c.send(from_client(payload, wire.PONG))
        else:
            assert (opcode, payload) == (wire.PONG, b'%d' % n)
            n += 1
    c.close()
    assert bs.closed()['by'] == 'client'


def test_libraries_with_pings_of_their_own(bowsprit,
                                           library_server):  # noqa: F811
    """Their timers go on through ours, messages are not touched."""
    async def echo(ws):
        async for message in ws:
            await ws.send(message)

    server = library_server(echo, ping_interval=0.05, ping_timeout=5)
    bs = bowsprit(f'http://127.0.0.1:{server.port}',
                  websocket={**SOON, 'ping_interval': '30ms',
                             'ping_timeout': '5s'})

    async def talk():
        async with websockets.connect(f'ws://127.0.0.1:{bs.port}/',
                                      ping_interval=0.05,
                                      ping_timeout=5) as ws:
            for i in range(30):
                await asyncio.sleep(0.05)
                message = b'%d' % i * (i * i)
                await ws.send([message, message])
                assert await ws.recv() == message * 2
            await asyncio.sleep(0.5)
            assert ws.open
    run(talk())
    line = bs.closed()
    assert (line['by'], line['reason'], line['code']) == (
        'client', 'close', 1000)
    assert line['from_client']['messages'] == 30
    assert line['from_server']['messages'] == 30

# SPDX-License-Identifier: ISC
"""
A slow reader against a fast sender.  The sender is stopped; what waits does
not pile up in bowsprit, and nothing is lost, however much it is.
"""

import hashlib
import random
import threading
import time

import pytest

import wire
from daemon import NO_QUARANTINE, rss_limit
from wire import QUIET, from_client, frame, wait_until

MIB = 1 << 20
RSS_LIMIT = rss_limit()
PAYLOAD = random.Random(5).randbytes(MIB + 7)
# Clients mask; with a key of zeros that costs the test no time.
FRAMES = {'down': frame(PAYLOAD),
          'up': from_client(PAYLOAD, mask=b'\0\0\0\0')}


class Sender(threading.Thread):
    """Sends as fast as it is let; .sent says how far it got."""

    def __init__(self, w, data, rounds):
        super().__init__(daemon=True)
        self.w, self.data, self.rounds = w, data, rounds
        self.sent = 0
        w.sock.settimeout(100 * wire.SLOW)
        self.start()

    def run(self):
        view = memoryview(self.data)
        for _ in range(self.rounds):
            at = 0
            while at < len(view):
                try:
                    n = self.w.sock.send(view[at:at + 262144])
                except OSError:  # the test has ended, or fails where it reads
                    return
                at += n
                self.sent += n

    def wait_stuck(self):
        """Until nothing more was taken for a while."""
        state = [-1]

        def stuck():
            before, state[0] = state[0], self.sent
            if before == state[0] and self.sent:
                return True
            self.join(QUIET)
            return False
        wait_until(stuck, 'the sender to be stopped', 20 * wire.SLOW)


def digest(data, rounds):
    h = hashlib.sha1()
    for _ in range(rounds):
        h.update(data)
    return h.digest()


def read_digest(w, n):
    h = hashlib.sha1(w.buf)
    n -= len(w.take(len(w.buf)))
    view = memoryview(bytearray(MIB))
    while n:
        got = w.sock.recv_into(view[:min(len(view), n)])
        assert got, f'{n} bytes are missing'
        h.update(view[:got])
        n -= got
    return h.digest()


def ends(direction, c, s):
    return (s, c) if direction == 'down' else (c, s)


@pytest.mark.parametrize('direction', ['down', 'up'])
def test_300_mib_to_a_reader_that_sleeps_first(direction, open_tunnel):
    c, s, bs = open_tunnel()
    source, sink = ends(direction, c, s)
    data = FRAMES[direction]
    sender = Sender(source, data, 300)
    sender.wait_stuck()
    assert sender.sent < 40 * MIB, 'nobody stopped the sender'
    assert bs.rss() < RSS_LIMIT
    got = read_digest(sink, len(data) * 300)
    assert bs.rss('VmHWM') < RSS_LIMIT
    assert got == digest(data, 300)
    source.close()
    sink.expect_gone()
    sink.close()
    line = bs.closed()
    said = line['from_server' if direction == 'down' else 'from_client']
    assert (said['bytes'], said['binary']) == (len(data) * 300, 300)


@pytest.mark.parametrize('direction', ['down', 'up'])
def test_1_gib_with_a_checksum(direction, open_tunnel):
    c, s, bs = open_tunnel()
    source, sink = ends(direction, c, s)
    data = FRAMES[direction]
    rounds = (1 << 30) // len(data) + 1
    Sender(source, data, rounds)
    sink.sock.settimeout(60 * wire.SLOW)
    got = read_digest(sink, len(data) * rounds)
    assert got == digest(data, rounds)
    assert bs.rss('VmHWM') < RSS_LIMIT


@pytest.mark.parametrize('direction', ['down', 'up'])
def test_tiny_frames_to_a_reader_that_sleeps(direction, open_tunnel):
    """A buffer that grows by a block for each frame would show here."""
    c, s, bs = open_tunnel(client_options={'rcvbuf': 4096},
                           env=NO_QUARANTINE)
    source, sink = ends(direction, c, s)
    tiny = frame(b'') if direction == 'down' else from_client(b'')
    before = bs.rss()
    sender = Sender(source, tiny * (MIB // len(tiny)), 24)
    sender.wait_stuck()
    assert bs.rss() - before < 1024, 'KiB held for one slow reader'
    sink.sock.settimeout(60 * wire.SLOW)
    total = len(sender.data) * 24
    assert read_digest(sink, total) == digest(sender.data, 24)


def test_a_crowd_of_slow_readers(bowsprit, backend, client):
    """50 stuck tunnels hold what 50 tunnels may hold, not more."""
    from backends import tunnel
    b = backend(tunnel)
    bs = bowsprit(b)
    before = bs.rss()
    senders = []
    for i in range(50):
        c = client(bs, rcvbuf=4096)
        c.send(wire.upgrade())
        assert c.read_head() == wire.switching()
        senders.append(Sender(b.wait_for(i + 1), FRAMES['down'], 4))
    for sender in senders:
        sender.wait_stuck()
    held = bs.rss() - before
    assert held < 50 * 256, f'{held / 50:.0f} KiB for each'


@pytest.mark.parametrize('direction', ['down', 'up'])
def test_stuck_tunnel_disturbs_no_other(direction, bowsprit, backend, client):
    """One worker: while one is stuck, the next echoes at once."""
    from backends import echoing, switch

    def script(w, number):
        if number > 1:
            return echoing(w, number)
        switch(w)
        return b.KEEP

    b = backend(script)
    bs = bowsprit(b, workers=1)
    c = client(bs, rcvbuf=4096)
    c.send(wire.upgrade())
    assert c.read_head() == wire.switching()
    source, _ = ends(direction, c, b.wait_for())
    sender = Sender(source, FRAMES[direction], 40)
    sender.wait_stuck()
    cpu = bs.cpu()
    other = client(bs)
    other.send(wire.upgrade())
    assert other.read_head() == wire.switching()
    start = time.monotonic()
    for i in range(50):
        other.send(from_client(b'%d' % i))
        assert other.read_message() == (wire.BINARY, b'%d' % i)
    assert time.monotonic() - start < 2 * wire.SLOW
    other.expect_quiet(0.5)
    assert bs.cpu() - cpu < 0.4 * wire.SLOW, 'it spins on the stuck one'


@pytest.mark.parametrize('framing', ['length', 'chunked'])
def test_slow_reader_of_a_response(framing, bowsprit, backend, client):
    def script(w, number):
        w.read_request()
        w.sock.settimeout(60 * wire.SLOW)
        size = len(PAYLOAD) * 100
        if framing == 'length':
            w.send(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % size)
        else:
            w.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
        part = PAYLOAD if framing == 'length' else wire.chunk(PAYLOAD)
        for _ in range(100):
            w.send(part)
            b.parts += 1
        if framing == 'chunked':
            w.send(wire.LAST_CHUNK)

    b = backend(script)
    b.parts = 0
    bs = bowsprit(b)
    c = client(bs)
    c.send(wire.get())
    seen = [-1]

    def stuck():
        before, seen[0] = seen[0], b.parts
        time.sleep(QUIET)
        return before == b.parts
    wait_until(stuck, 'the server to be stopped', 20 * wire.SLOW)
    assert b.parts < 40
    assert bs.rss() < RSS_LIMIT
    c.sock.settimeout(60 * wire.SLOW)
    c.read_head()
    part = PAYLOAD if framing == 'length' else wire.chunk(PAYLOAD)
    assert read_digest(c, len(part) * 100) == digest(part, 100)
    assert bs.rss('VmHWM') < RSS_LIMIT


def test_slow_reader_of_a_request(under_way):
    c, s, bs = under_way(wire.request(
        'POST', '/', 'x', f'Content-Length: {len(PAYLOAD) * 100}'))
    sender = Sender(c, PAYLOAD, 100)
    sender.wait_stuck()
    assert sender.sent < 40 * MIB
    assert bs.rss() < RSS_LIMIT
    s.sock.settimeout(60 * wire.SLOW)
    assert read_digest(s, len(PAYLOAD) * 100) == digest(PAYLOAD, 100)
    s.send(wire.response(200, 'ok'))
    assert c.read_response().body == b'ok'

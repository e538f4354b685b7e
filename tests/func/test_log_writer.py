# SPDX-License-Identifier: ISC
"""
A log that nobody reads, a full disk, a file that is moved: no tunnel waits
for it, and what is lost is counted and said.
"""

import fcntl
import os
import re
import signal
import time

import wire
from backends import answering, echoing
from wire import from_client, get, response, wait_until

TUNNELS = 200
ECHOES = 25  # of each tunnel: more lines than the ring and the pipe take


def settings(file):
    return {'workers': 1, 'log': {'format': 'text', 'level': 'debug',
                                  'access': 'all', 'file': str(file)}}


def start(bowsprit, b, file):
    bs = bowsprit(b, wait=None, **settings(file))
    bs.wait_listening()
    return bs


def echo_in_many_tunnels(bs, client):
    """Returns how many lines that makes."""
    tunnels = []
    for _ in range(TUNNELS):
        c = client(bs)
        c.open_websocket()
        tunnels.append(c)
    slowest = 0
    for i in range(ECHOES):
        for c in tunnels:
            began = time.monotonic()
            c.send(from_client(b'x%d' % i))
            assert c.read_message() == (wire.BINARY, b'x%d' % i)
            slowest = max(slowest, time.monotonic() - began)
    assert slowest < 5 * wire.SLOW, 'a tunnel has waited for the log'
    return TUNNELS * (3 + ECHOES)


def lost_of(text):
    """Counts of all reports, after a look at their fields."""
    found = re.findall(r'(?m)^\[Log\] (\d+) lines were lost: [^{}]+: \{ '
                       r"lost: (\d+), since: '[-0-9T:]+Z', "
                       r"reason: '([a-z-]+)' \}$", text)
    assert all(words == field for words, field, _ in found)
    return sum(int(n) for n, _, _ in found), {why for _, _, why in found}


def of_tunnels(text):
    return len(re.findall(r'(?m)^\[WebSocket (?!.*Connection closed)', text))


def test_stalled_reader_stops_no_tunnel(bowsprit, backend, client, tmp_path):
    fifo = tmp_path / 'fifo'
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        fcntl.fcntl(reader, 1031, 4096)  # F_SETPIPE_SZ
        bs = start(bowsprit, backend(echoing), fifo)
        total = echo_in_many_tunnels(bs, client)
        read = b''

        def reported():
            nonlocal read
            try:
                read += os.read(reader, 65536)
            except BlockingIOError:
                pass
            text = read.decode()
            lost, why = lost_of(text)
            assert why <= {'slow-reader'}
            return lost > 0 and of_tunnels(text) + lost >= total
        wait_until(reported, 'all lines, or their loss')
        assert of_tunnels(read.decode()) + lost_of(read.decode())[0] == total
    finally:
        os.close(reader)


def test_full_disk_then_another_one(bowsprit, backend, client, tmp_path):
    """What the ring has held is in the new file, the rest is counted."""
    link, file = tmp_path / 'link', tmp_path / 'file'
    link.symlink_to('/dev/full')
    bs = start(bowsprit, backend(echoing), link)
    total = echo_in_many_tunnels(bs, client)
    link.unlink()
    link.symlink_to(file)
    bs.signal(signal.SIGUSR1)
    wait_until(lambda: file.exists() and '[Log] ' in file.read_text(),
               'a report')
    text = file.read_text()
    assert text.startswith('> '), 'the first lines were kept'
    lost, why = lost_of(text)
    assert why == {'no-space'}
    assert of_tunnels(text) + lost == total


def test_disk_that_stays_full(bowsprit, backend, client):
    bs = start(bowsprit, backend(echoing), '/dev/full')
    c = client(bs)
    c.open_websocket()
    c.close()
    bs.signal()
    assert bs.wait_end() == 0
    assert 'the log lacks its last lines: No space left' in bs.err()


def test_no_line_is_lost_over_a_rotation(bowsprit, backend, client, tmp_path):
    file = tmp_path / 'log'
    bs = start(bowsprit, backend(answering(response(200))), file)
    c = client(bs)
    moved = []
    for i in range(200):
        c.send(get(f'/number/{i}'))
        c.read_response()
        if i % 20 == 0:
            wait_until(file.exists, 'the new file')
            moved.append(tmp_path / f'log.{i}')
            file.rename(moved[-1])
            bs.signal(signal.SIGUSR1)
    c.close()
    bs.signal()
    assert bs.wait_end() == 0
    text = ''.join(f.read_text() for f in [*moved, file])
    assert re.findall(r'\[HTTP\] GET /number/(\d+) 200', text) == [
        str(i) for i in range(200)]

# SPDX-License-Identifier: ISC
"""
Signals: an end that cuts nobody off who is nearly done, and one that comes.
"""

import os
import signal
import time

import pytest

import wire
from backends import RecordingBackend, switch, tunnel, web
from wire import (closing, from_client, get, response, switching, upgrade,
                  wait_until)

ENDS = [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT]
# Whoever ends while a test has patience did not wait for the drain's end.
LONG = {'drain': '60s'}


@pytest.mark.parametrize('number', ENDS)
def test_end_when_idle(number, bowsprit, backend, client):
    bs = bowsprit(backend(web()), timeouts=LONG)
    c = client(bs)
    c.send(get())
    c.read_response()  # and keeps its connection
    silent = client(bs)
    bs.signal(number)
    assert bs.wait_end() == 0
    c.expect_end()
    silent.expect_end()


@pytest.mark.parametrize('number', ENDS)
def test_request_under_way_is_finished(number, under_way):
    c, s, bs = under_way(timeouts=LONG)
    bs.drain(number)
    assert not bs.ended()
    s.send(response(200, 'whole'))
    r = c.read_response()
    assert (r.status, r.body) == (200, b'whole')
    assert 'close' in (r.get('Connection') or ''), 'it should not ask again'
    c.expect_end()
    c.close()
    assert bs.wait_end() == 0


def test_body_under_way_is_finished(under_way):
    c, s, bs = under_way(timeouts=LONG)
    s.send(b'HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n')
    c.read_head()
    bs.drain()
    for _ in range(3):
        s.send(b'x' * 100000)
        c.read(100000)
    c.expect_end()
    c.close()
    assert bs.wait_end() == 0


def test_upgrade_under_way_is_told_to_go(under_way):
    """Its 101 may come; then it is said goodbye to like the others."""
    c, s, bs = under_way(upgrade(), timeouts=LONG)
    bs.drain()
    s.send(switching())
    head = c.read_head()
    if head == switching():
        opcode, payload = c.read_message()
        assert (opcode, payload[:2]) == (wire.CLOSE, closing(1001))
        c.send(from_client(closing(1001), wire.CLOSE))
    else:
        assert head.startswith(b'HTTP/1.1 503 ')
    s.close()
    c.expect_gone()
    c.close()
    assert bs.wait_end() == 0


def test_tunnels_are_closed_politely(bowsprit, backend, client):
    """Close 1001 to both, masked towards the server, then the end."""
    b = backend(tunnel)
    bs = bowsprit(b, timeouts=LONG)
    pairs = []
    for i in range(5):
        c = client(bs)
        c.open_websocket()
        pairs.append((c, b.wait_for(i + 1)))
    bs.signal()
    for c, s in pairs:
        first = c.read(2)
        assert first[0] == 0x88 and not first[1] & 0x80
        assert c.read(first[1])[:2] == closing(1001)
        c.send(from_client(closing(1001), wire.CLOSE))
        first = s.read(2)
        assert first[0] == 0x88 and first[1] & 0x80, 'not masked'
        n, mask = first[1] & 0x7f, s.read(4)
        assert wire.masked(s.read(n), mask)[:2] == closing(1001)
        s.send(wire.frame(closing(1001), wire.CLOSE))
    for c, s in pairs:
        s.close()
        c.close()
    assert bs.wait_end() == 0
    lines = bs.events('Connection closed')
    assert len(lines) == 5
    assert {(e['by'], e['reason']) for e in lines} == {('proxy', 'drain')}


@pytest.mark.parametrize('cut', ['in a frame', 'between fragments'])
def test_goodbye_waits_for_the_end_of_a_message(cut, open_tunnel):
    """Within a message a Close would be read as part of it."""
    c, s, bs = open_tunnel(timeouts=LONG)
    whole = wire.frame(b'x' * 500, fin=False) + wire.frame(b'y' * 500, 0)
    at = 300 if cut == 'in a frame' else len(wire.frame(b'x' * 500))
    s.send(whole[:at])
    assert c.read(at) == whole[:at]
    bs.drain()
    c.expect_quiet()
    s.send(whole[at:])
    assert c.read(len(whole) - at) == whole[at:]
    opcode, payload = c.read_message()
    assert (opcode, payload[:2]) == (wire.CLOSE, closing(1001))
    c.send(from_client(closing(1001), wire.CLOSE))
    s.read_frame()
    c.close()
    s.close()
    assert bs.wait_end() == 0


def test_goodbye_does_not_wait_for_the_client(open_tunnel):
    """Its own unfinished message goes the other way, and may end."""
    c, s, bs = open_tunnel(timeouts=LONG)
    whole = from_client(b'x' * 1000)
    c.send(whole[:500])
    assert s.read(500) == whole[:500]
    bs.signal()
    opcode, payload = c.read_message()
    assert (opcode, payload[:2]) == (wire.CLOSE, closing(1001))
    s.expect_quiet()
    c.send(whole[500:] + from_client(closing(1001), wire.CLOSE))
    assert s.read(500 + 8) == whole[500:]
    assert s.read_message() == (wire.CLOSE, closing(1001))
    c.close()
    s.close()
    assert bs.wait_end() == 0


def test_peers_that_do_not_answer_are_cut(open_tunnel):
    c, s, bs = open_tunnel(timeouts={'drain': '1s'})
    start = time.monotonic()
    bs.signal()
    assert bs.wait_end(5 * wire.SLOW) == 0
    assert 0.8 < time.monotonic() - start < 3 * wire.SLOW
    assert len(bs.events('Connection closed')) == 1


def test_hanging_request_is_cut_after_the_drain(bowsprit, backend, client):
    b = backend()
    bs = bowsprit(b, timeouts={'drain': '1s'})
    c = client(bs)
    c.send(get())
    b.wait_for().read_head()
    start = time.monotonic()
    bs.signal()
    c.expect_gone()
    assert bs.wait_end() == 0
    assert 0.8 < time.monotonic() - start < 3 * wire.SLOW


def test_second_signal_ends_at_once(open_tunnel):
    c, s, bs = open_tunnel(timeouts=LONG)
    bs.signal()
    c.read_message()
    time.sleep(1.2)  # within a second it would be the same one
    assert not bs.ended()
    bs.signal()
    bs.wait_end()
    bs.expected = (0, 1, 130, 143)


def test_second_signal_within_a_second_is_the_same_one(under_way):
    """npm and a terminal both deliver ^C."""
    c, s, bs = under_way(timeouts=LONG)
    bs.signal(signal.SIGINT)
    bs.signal(signal.SIGINT)
    bs.drain(signal.SIGTERM)
    s.send(response(200, 'whole'))
    assert c.read_response().body == b'whole'
    c.close()
    assert bs.wait_end() == 0


def test_signals_on_the_way_out_change_nothing(bowsprit, backend, client):
    """Whoever asks again while we are going still gets our own status."""
    for _ in range(10):
        bs = bowsprit(backend(web()))
        while not bs.ended():
            bs.signal()
        assert bs.status == 0


def test_signals_that_end_others_do_not_end_us(bowsprit, backend, client):
    bs = bowsprit(backend(web()))
    for number in (signal.SIGPIPE, signal.SIGUSR1, signal.SIGUSR2,
                   signal.SIGHUP, signal.SIGCHLD):
        bs.signal(number)
    c = client(bs)
    c.send(get())
    assert c.read_response().status == 200
    assert not bs.ended()


def test_log_is_reopened(bowsprit, backend, client, tmp_path):
    for number in (signal.SIGUSR1, signal.SIGHUP):
        file = tmp_path / f'log{number}'
        bs = bowsprit(backend(web()), wait=None, log={
            'format': 'json', 'access': 'all', 'file': str(file)})
        wait_until(lambda: file.exists() and 'Ready' in file.read_text(),
                   'the log')
        moved = tmp_path / f'moved{number}'
        os.rename(file, moved)
        bs.signal(number)
        wait_until(file.exists, 'the new file')
        c = client(bs)
        c.send(get('/after'))
        c.read_response()
        wait_until(lambda: '/after' in file.read_text(), 'a line in it')
        assert '/after' not in moved.read_text()


def test_reload(bowsprit, backend, client):
    """New requests by the new file, the tunnels that are open stay."""
    def script(w, number):
        switch(w)
        return RecordingBackend.KEEP

    b, new = backend(script), backend(web())
    bs = bowsprit(b)
    c = client(bs)
    c.open_websocket()
    file = os.path.join(bs.folder, 'bowsprit.cfg')
    with open(file, encoding='ascii') as f:
        text = f.read()
    with open(file, 'w', encoding='ascii') as f:
        f.write(text.replace(b.url, 'nonsense'))
    bs.signal(signal.SIGHUP)
    bs.wait_line('running one stays')
    with open(file, 'w', encoding='ascii') as f:
        f.write(text.replace(b.url, new.url))
    bs.signal(signal.SIGHUP)
    bs.wait_line('reloaded')
    other = client(bs)
    other.send(get())
    assert other.read_response().status == 200
    assert len(new.wires) == 1
    c.send(from_client(b'x'))
    assert b.wires[0].read_message() == (wire.BINARY, b'x')

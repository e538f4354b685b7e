# SPDX-License-Identifier: ISC
"""
Limits of a route's WebSockets: how many there may be, and what each may do.
"""

import os
import select
import threading
import time

import pytest

import wire
from backends import answering_once, tunnel
from test_reload import rewrite
from wire import (closing, frame, from_client, response, upgrade,
                  wait_until)


def limited(backend, workers=2, path='/**', **limits):
    """Settings of a bowsprit whose one route has limits."""
    return {'workers': workers, 'routes': (
        {'name': 'desk', 'path': path, 'upgrade': 'both',
         'backend': backend.url, **limits},)}


def ask(bs, client, *fields, path='/'):
    """A client whose upgrade was answered, and with what."""
    c = client(bs)
    c.send(upgrade(path, 'x', *fields))
    head = c.read_head()
    return c, int(head.split()[1]), head


def opened(bs, client, *fields):
    c, status, _ = ask(bs, client, *fields)
    assert status == 101
    return c


def until_opened(bs, client, *fields):
    """The place of one that has left is free once that was noticed."""
    found = []

    def is_open():
        c, status, _ = ask(bs, client, *fields)
        if status == 101:
            found.append(c)
        return found
    wait_until(is_open, 'a free place')
    return found[0]


# ---- max_tunnels

def test_max_tunnels_over_all_workers(bowsprit, backend, client):
    b = backend(tunnel)
    bs = bowsprit(b, **limited(b, workers=3, max_tunnels=4))
    cs = [opened(bs, client) for _ in range(4)]
    for _ in range(6):
        c, status, head = ask(bs, client)
        assert status == 503
        assert b'\r\nRetry-After: ' in head
        assert b'max-tunnels: ' in c.read_to_end()
    assert len(b.wires) == 4, 'a refused one was dialled'
    line = bs.wait_event('[WebSocket Proxy Error]')
    assert (line['reason'], line['status']) == ('max-tunnels', 503)
    assert 'max_tunnels' in line['hint']
    cs[0].reset()
    until_opened(bs, client)
    assert ask(bs, client)[1] == 503


def test_max_tunnels_are_a_routes_own(bowsprit, backend, client):
    b = backend(tunnel)
    bs = bowsprit(b, websocket={'max_tunnels': 1}, routes=(
        {'path': '/a', 'backend': b.url},
        {'path': '/b', 'backend': b.url},
        {'path': '/c', 'backend': b.url, 'max_tunnels': 0}))
    for path, statuses in (('/a', [101, 503]), ('/b', [101, 503]),
                           ('/c', [101, 101])):
        assert [ask(bs, client, path=path)[1] for _ in range(2)] == statuses


@pytest.mark.parametrize('how', ['refused', 'no backend', 'gone', 'bad'])
def test_upgrade_that_fails_gives_its_place_back(
        how, bowsprit, backend, client, down):
    answer = {'refused': response(401, 'no'), 'bad': b'junk\r\n\r\n'}.get(how)
    b = backend(answering_once(answer) if answer else None)
    if how == 'no backend':
        b.url = down
    bs = bowsprit(b, **limited(b, max_tunnels=1))
    for _ in range(3):
        c = client(bs)
        c.send(upgrade())
        if how == 'gone':
            b.wait_for()
            c.close()
            bs.wait_line('client-gone')
            break
        assert c.read_head().split()[1] in (b'401', b'502')
    b.script = tunnel
    if how != 'no backend':
        until_opened(bs, client)


def test_max_tunnels_counts_handshakes(bowsprit, backend, client):
    """Else a slow backend would be asked for any number at once."""
    b = backend()
    bs = bowsprit(b, **limited(b, max_tunnels=1))
    c = client(bs)
    c.send(upgrade())
    b.wait_for()
    assert ask(bs, client)[1] == 503


def reload(bs, client, text, detail):
    """Until the one worker goes by it, which error_detail shows."""
    def is_there():
        c = client(bs)
        c.send('GET / HTTP/1.1\r\n\r\n')
        return (b'host-missing' in c.read_to_end()) == (detail == 'all')
    rewrite(bs, text + f'error_detail = "{detail}";\n')
    wait_until(is_there, 'the new configuration')


def test_max_tunnels_survives_a_reload(bowsprit, backend, client):
    """Tunnels from before count on, and so does a new limit."""
    b = backend(tunnel)
    bs = bowsprit(b, **limited(b, workers=1, max_tunnels=2))
    with open(os.path.join(bs.folder, 'bowsprit.cfg'), encoding='ascii') as f:
        text = f.read()
    assert 'max_tunnels = 2' in text
    cs = [opened(bs, client) for _ in range(2)]
    reload(bs, client, text.replace('max_tunnels = 2', 'max_tunnels = 3'),
           'none')
    cs.append(opened(bs, client))
    assert ask(bs, client)[1] == 503
    reload(bs, client, text.replace('max_tunnels = 2', 'max_tunnels = 1'),
           'all')
    for n, c in enumerate(cs):
        assert ask(bs, client)[1] == 503
        c.reset()
        bs.closed(n=n + 1)
    until_opened(bs, client)


def test_requests_are_no_tunnels(bowsprit, backend, client):
    b = backend(answering_once(response(200, 'ok')))
    bs = bowsprit(b, **limited(b, max_tunnels=1))
    for _ in range(3):
        c = client(bs)
        c.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
        assert c.read_response().status == 200


# ---- max_tunnels_per_address

def test_max_tunnels_per_address(bowsprit, backend, client):
    b = backend(tunnel)
    bs = bowsprit(b, **limited(b, workers=3, max_tunnels_per_address=2))
    first = [opened(bs, client, 'X-Forwarded-For: 10.0.0.1')
             for _ in range(2)]
    c, status, head = ask(bs, client, 'X-Forwarded-For: 10.0.0.1')
    assert status == 429
    assert b'\r\nRetry-After: ' in head
    assert len(b.wires) == 2, 'it was dialled'
    line = bs.wait_event('[WebSocket Proxy Error]')
    assert (line['reason'], line['client']) == ('max-tunnels-per-address',
                                                '10.0.0.1')
    opened(bs, client, 'X-Forwarded-For: 10.0.0.2')
    opened(bs, client)  # 127.0.0.1 itself
    first[1].reset()
    until_opened(bs, client, 'X-Forwarded-For: 10.0.0.1')
    assert ask(bs, client, 'X-Forwarded-For: 10.0.0.1')[1] == 429


def test_max_tunnels_per_address_of_ipv6(bowsprit, backend, client):
    """Who has one address has its /64."""
    b = backend(tunnel)
    bs = bowsprit(b, **limited(b, max_tunnels_per_address=1))
    for address, wanted in (
            ('2001:db8:0:1::1', 101), ('2001:db8:0:1:ffff::2', 429),
            ('2001:db8:0:2::1', 101), ('32.1.13.184', 101)):
        status = ask(bs, client, f'X-Forwarded-For: {address}')[1]
        assert status == wanted, address


def test_max_tunnels_of_an_untrusted_header(bowsprit, backend, client):
    """A client cannot choose as whom it counts."""
    b = backend(tunnel)
    bs = bowsprit(b, trusted_proxies=('10.0.0.0/8',),
                  **limited(b, max_tunnels_per_address=1))
    opened(bs, client, 'X-Forwarded-For: 192.0.2.1')
    assert ask(bs, client, 'X-Forwarded-For: 192.0.2.2')[1] == 429


# ---- max_message, strict

def sides(c, s, by):
    """The one that breaks the rule, its frames, and the other."""
    if by == 'client':
        return c, from_client, s
    return s, frame, c


def is_told(w, code):
    """A Close with that code, and nothing behind it."""
    opcode, payload, _ = w.read_frame()
    assert (opcode, payload[:2]) == (wire.CLOSE, closing(code))
    w.expect_end()


@pytest.mark.parametrize('by', ['client', 'server'])
def test_max_message(by, open_tunnel):
    c, s, bs = open_tunnel(websocket={'max_message': '1000'})
    one, data, other = sides(c, s, by)
    one.send(data(b'x' * 1000))
    assert other.read_message() == (wire.BINARY, b'x' * 1000)
    one.send(data(b'last') + data(b'x' * 1001) + data(b'more'))
    assert other.read_message() == (wire.BINARY, b'last')
    is_told(other, 1009)
    is_told(one, 1009)
    one.close()
    other.close()
    line = bs.closed()
    assert (line['by'], line['reason'], line['code']) == (
        'proxy', f'max-message-{by}', 1009)


@pytest.mark.parametrize('by', ['client', 'server'])
def test_max_message_of_fragments(by, open_tunnel):
    """A ping between them is none; what came before is not taken back."""
    c, s, bs = open_tunnel(websocket={'max_message': '1000'})
    one, data, other = sides(c, s, by)
    before = (data(b'x' * 600, wire.TEXT, fin=False)
              + data(b'p' * 125, wire.PING) + data(b'x' * 400, 0, fin=False))
    one.send(before)
    assert other.read(len(before)) == before
    one.send(data(b'y', 0))
    is_told(other, 1009)
    is_told(one, 1009)


@pytest.mark.parametrize('by', ['client', 'server'])
def test_max_message_in_a_stream_of_large_ones(by, open_tunnel):
    """Where payloads go through pipes unseen, their headers are seen."""
    c, s, bs = open_tunnel(websocket={'max_message': '300K'})
    one, data, other = sides(c, s, by)
    fine = os.urandom(200 * 1024)
    sender = threading.Thread(target=one.send, daemon=True, args=(
        data(fine) * 30 + data(b'tick', wire.PING) + data(fine)
        + data(b'x' * 400 * 1024) + data(b'more'),))
    sender.start()
    for i in range(32):
        expected = ((wire.PING, b'tick') if i == 30
                    else (wire.BINARY, fine))
        assert other.read_message() == expected, i
    is_told(other, 1009)
    is_told(one, 1009)
    one.close()
    other.close()
    assert bs.closed()['reason'] == f'max-message-{by}'


def test_max_message_that_is_only_said(open_tunnel):
    """The header is enough, no byte of the payload is waited for."""
    c, s, bs = open_tunnel(websocket={'max_message': '1M'})
    s.send(bytes([0x82, 0x7f]) + (1 << 62).to_bytes(8, 'big'))
    is_told(c, 1009)
    is_told(s, 1009)


def test_max_message_whose_header_comes_in_pieces(open_tunnel):
    """Its first byte went on: there is no place for a Close behind it."""
    c, s, bs = open_tunnel(websocket={'max_message': '1000'})
    s.send(b'\x82')
    assert c.read(1) == b'\x82'
    s.send(b'\x7e')
    assert c.read(1) == b'\x7e'
    s.send(b'\x10\x00')
    c.expect_end()
    is_told(s, 1009)
    c.close()
    s.close()
    assert bs.closed()['reason'] == 'max-message-server'


def test_max_message_while_the_other_direction_is_in_a_frame(open_tunnel):
    """The client hears of it behind that frame, not within it."""
    c, s, bs = open_tunnel(websocket={'max_message': '1000'})
    s.send(frame(b'x' * 1000)[:500])
    c.read(500)
    c.send(from_client(b'y' * 1001))
    is_told(s, 1009)
    s.send(frame(b'x' * 1000)[500:] + frame(b'late'))
    assert c.read(504) == b'x' * 504
    is_told(c, 1009)


def test_max_message_of_one_that_goes_on_sending(open_tunnel):
    """What it sends is thrown away; a reset would eat our Close."""
    c, s, bs = open_tunnel(websocket={'max_message': '1000'})
    c.send(from_client(b'x' * 500_000))
    is_told(s, 1009)
    for _ in range(20):
        c.send(from_client(b'x' * 50_000))
    is_told(c, 1009)
    assert b'x' not in s.received.partition(b'\r\n\r\n')[2]


def test_max_message_of_a_client_whose_server_resets_then(open_tunnel):
    """That does not reset the client, which has our Close yet to read."""
    c, s, bs = open_tunnel(websocket={'max_message': '1000'})
    c.send(from_client(b'x' * 500_000))
    is_told(s, 1009)
    s.reset()
    for _ in range(20):
        time.sleep(0.01)  # so that there is always more on its way
        c.send(from_client(b'x' * 50_000))
    is_told(c, 1009)
    c.close()
    line = bs.closed()
    assert (line['by'], line['reason'], line['code']) == (
        'proxy', 'max-message-client', 1009)


@pytest.mark.parametrize('before', ['close', 'drain'])
def test_max_message_behind_a_close_is_not_the_reason(before, open_tunnel):
    c, s, bs = open_tunnel(websocket={'max_message': '1000'})
    if before == 'close':
        s.send(frame(closing(4000, b'enough'), wire.CLOSE))
    else:
        bs.signal()
    c.read_message()
    c.send(from_client(b'x' * 1001))
    is_told(s, 1009)
    c.expect_end()
    c.close()
    s.close()
    line = bs.closed()
    assert (line['by'], line['reason'], line['code']) == (
        ('server', 'close', 4000) if before == 'close'
        else ('proxy', 'drain', 1001))
    assert line.get('close_reason') == (
        'enough' if before == 'close' else None)


def test_strict_with_peers_that_do_not_leave(open_tunnel):
    """After five seconds it is over, whatever they still send."""
    c, s, bs = open_tunnel(websocket={'strict': True})
    c.send(frame(b'no mask'))
    is_told(c, 1002)
    is_told(s, 1002)

    def is_over():
        try:
            c.send(from_client(b'x'))
        except wire.Reset:
            return True
        return False
    wait_until(is_over, 'its end', timeout=5 + wire.PATIENCE, pause=0.1)
    assert bs.closed()['reason'] == 'strict-client'


FORBIDDEN = {
    'reserved opcode': (b'\x83\x01x', False),
    'reserved control opcode': (b'\x8b\x01x', False),
    'fragmented ping': (b'\x09\x01x', False),
    'long ping': (b'\x89\x7e\x00\x7e' + b'x' * 126, False),
    'close of one byte': (b'\x88\x01x', False),
    'continues nothing': (b'\x80\x01x', False),
    'top bit': (b'\x82\x7f\x80' + bytes(7), False),
    'wrong mask': (b'\x82\x01x', True),
}


@pytest.mark.parametrize('by', ['client', 'server'])
@pytest.mark.parametrize('name', FORBIDDEN)
def test_strict(name, by, open_tunnel):
    c, s, bs = open_tunnel(websocket={'strict': True})
    one, data, other = sides(c, s, by)
    bad, wrong_mask = FORBIDDEN[name]
    if wrong_mask == (by == 'server'):  # it is to have a mask
        n = 10 if bad[1] == 127 else 4 if bad[1] == 126 else 2
        bad = (bad[:1] + bytes([bad[1] | 0x80]) + bad[2:n] + bytes(4)
               + bad[n:])
    one.send(data(b'good') + bad)
    assert other.read_message() == (wire.BINARY, b'good')
    is_told(other, 1002)
    is_told(one, 1002)
    one.close()
    other.close()
    line = bs.closed()
    assert (line['by'], line['reason'], line['code']) == (
        'proxy', f'strict-{by}', 1002)
    assert line[f'from_{by}']['frames'] == 'lost'


def test_strict_leaves_extensions_alone(open_tunnel):
    c, s, bs = open_tunnel(websocket={'strict': True})
    for first in (0xc2, 0xa2, 0x92, 0xf1):
        s.send(bytes([first, 1]) + b'x')
        assert c.read(3) == bytes([first, 1]) + b'x'


def test_strict_of_one_route(bowsprit, backend, client):
    b = backend(tunnel)
    bs = bowsprit(b, websocket={'strict': True}, routes=(
        {'path': '/a', 'backend': b.url, 'strict': False},
        {'path': '/b', 'backend': b.url}))
    for path, passes in (('/a', True), ('/b', False)):
        c, status, _ = ask(bs, client, path=path)
        assert status == 101
        c.send(frame(b'no mask'))
        s = b.wait_for(1 if passes else 2)
        if passes:
            wait_until(lambda: s.fill() and b'no mask' in s.buf, 'it')
        else:
            is_told(c, 1002)


def test_lost_frames_are_named(open_tunnel):
    c, s, bs = open_tunnel()
    c.send(from_client(b'good') + b'\x83\x00')
    s.send(frame(b'good'))
    c.read_message()
    s.reset()
    line = bs.closed()
    assert line['from_client']['frames'] == 'lost'
    assert 'frames' not in line['from_server']


# ---- tunnel_lifetime, tunnel_idle

def test_limit_that_is_broken_before_the_goodbye(open_tunnel):
    """The first Close is the one that is logged, and that is the limit's."""
    c, s, bs = open_tunnel(timeouts={'tunnel_lifetime': '300ms'},
                           websocket={'max_message': '1000'})
    s.send(frame(b'one', wire.TEXT, fin=False))
    c.read_frame()
    c.expect_quiet(0.5)
    s.send(frame(b'x' * 1000, 0))
    assert c.read_message() == (wire.CLOSE, closing(1009))
    c.send(from_client(closing(1009), wire.CLOSE))
    c.close()
    s.close()
    line = bs.closed()
    assert (line['reason'], line['code']) == ('max-message-server', 1009)


def test_lifetime_ends_with_a_close(open_tunnel):
    """Between two messages; the client's answer reaches the server."""
    c, s, bs = open_tunnel(timeouts={'tunnel_lifetime': '400ms'})
    s.send(frame(b'one', wire.TEXT, fin=False))
    c.read_frame()
    c.expect_quiet(0.6)
    s.send(frame(b'two', 0))
    c.read_frame()
    assert c.read_message() == (wire.CLOSE, closing(1001))
    c.send(from_client(closing(1001), wire.CLOSE))
    assert s.read_message() == (wire.CLOSE, closing(1001))
    c.expect_end()
    s.expect_gone()
    line = bs.closed()
    assert (line['by'], line['reason']) == ('proxy', 'tunnel-lifetime')


@pytest.mark.parametrize('what', ['silent', 'never between messages'])
def test_lifetime_of_a_client_that_does_not_answer(what, open_tunnel):
    c, s, bs = open_tunnel(timeouts={'tunnel_lifetime': '200ms'})
    if what == 'silent':
        assert c.read_message() == (wire.CLOSE, closing(1001))
    else:
        s.send(frame(b'one', wire.TEXT, fin=False))
        c.read_frame()

    def is_over():
        try:
            c.send(from_client(b'x'))  # that does not make it last longer
        except wire.Reset:
            return True
        return False
    wait_until(is_over, 'its end', timeout=5 + wire.PATIENCE, pause=0.1)
    line = bs.closed()
    assert (line['by'], line['reason']) == ('proxy', 'tunnel-lifetime')


def test_lifetimes_do_not_end_together(bowsprit, backend, client):
    """By up to a tenth they are shorter than they may be."""
    b = backend(tunnel)
    bs = bowsprit(b, workers=1, timeouts={'tunnel_lifetime': '2s'})
    cs = [opened(bs, client) for _ in range(20)]
    left, heard = {c.sock: c for c in cs}, []
    while left:
        for sock in select.select(left, (), (), 10 * wire.SLOW)[0]:
            heard.append(time.monotonic())
            c = left.pop(sock)
            assert c.read_message() == (wire.CLOSE, closing(1001))
            c.reset()
    bs.closed(n=20)
    begun = {e['id']: e['time'] for e in bs.events('Connection opened')}
    assert min(e['time'] - begun[e['id']]
               for e in bs.events('Connection closed')) > 1700
    assert heard[-1] - heard[0] > 0.06, 'all at once'


@pytest.mark.parametrize('by', ['client', 'server'])
@pytest.mark.parametrize('opcode', [wire.PING, wire.PONG])
def test_pings_do_not_keep_an_idle_tunnel(opcode, by, open_tunnel):
    c, s, bs = open_tunnel(timeouts={'tunnel_idle': '600ms'})
    one, data, other = sides(c, s, by)

    def is_over():
        try:
            one.send(data(b'', opcode))
        except wire.Reset:
            return True
        return bool(bs.events('Connection closed'))
    wait_until(is_over, 'its end', pause=0.1)
    assert bs.closed()['reason'] == 'tunnel-idle'


@pytest.mark.parametrize('frame_of', ['a message', 'no frames'])
def test_other_bytes_keep_an_idle_tunnel(frame_of, open_tunnel):
    """Also those of one long message, and those that are no frames."""
    idle = f'{int(1000 * wire.SLOW)}ms'
    c, s, bs = open_tunnel(timeouts={'tunnel_idle': idle})
    s.send(frame(bytes(1000))[:4] if frame_of == 'a message' else b'\x83\x00')
    end = time.monotonic() + 1.6 * wire.SLOW
    while time.monotonic() < end:
        s.send(b'x')
        time.sleep(0.1)
    assert not bs.events('Connection closed')

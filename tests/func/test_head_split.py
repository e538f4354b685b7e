# SPDX-License-Identifier: ISC
"""
Heads that come in pieces, cut at every byte.
"""

import fcntl
import socket
import struct

import pytest

import wire
from backends import RecordingBackend
from wire import (Request, from_client, get, response, switching, upgrade,
                  wait_until)

PATIENT = {'header': '100s', 'handshake': '100s'}
SIOCOUTQNSD = 0x894b  # bytes that were not even sent


def unread(local, remote):
    """
    Bytes that the process which has the socket local-remote did not read
    yet: asked of the kernel by sock_diag(7), since /proc/net/tcp takes long
    on a machine with thousands of sockets.
    """
    tcp, request, error, by_family = 6, 1, 2, 20
    a, b = (socket.inet_aton(end[0]).ljust(16, b'\0')
            for end in (local, remote))
    ask = (struct.pack('=BBBxI', socket.AF_INET, tcp, 0, 0xffffffff)
           + struct.pack('>HH', local[1], remote[1]) + a + b
           + struct.pack('=III', 0, 0xffffffff, 0xffffffff))
    head = struct.pack('=IHHII', 16 + len(ask), by_family, request, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as s:
        s.send(head + ask)
        answer = s.recv(65536)
    kind, = struct.unpack_from('=H', answer, 4)
    assert kind in (error, by_family)
    if kind == error:  # there is no such socket
        return None
    return struct.unpack_from('=I', answer, 16 + 4 + 48 + 4)[0]


def wait_taken(w):
    """
    Waits until the process at the other end of a loopback connection has read
    all we sent, so that what we send next comes in another read.
    """
    here, there = w.sock.getsockname(), w.sock.getpeername()

    def taken():
        unsent = struct.unpack('i', fcntl.ioctl(
            w.sock, SIOCOUTQNSD, b'\0\0\0\0'))[0]
        return not unsent and unread(there, here) == 0
    wait_until(taken, 'the other end to read what was sent', pause=0.001)


def speak(w, data, cuts):
    start = 0
    for cut in [*cuts, len(data)]:
        w.send(data[start:cut])
        wait_taken(w)
        start = cut


def echo_of(c, word):
    c.send(from_client(word))
    assert c.read_message() == (wire.BINARY, word)


def echo_after_101(answer_with):
    def script(w, number):
        r = Request(w.read_head())
        answer_with(w, switching(r.get('Sec-WebSocket-Key')))
        while True:
            opcode, payload, _ = w.read_frame()
            w.send(wire.frame(payload, opcode))
    return script


@pytest.fixture
def small_head():
    return upgrade('/ws', 'localhost', 'Cookie: a=b')


def test_request_head_cut_at_every_byte(bowsprit, backend, client, small_head):
    b = backend(echo_after_101(lambda w, answer: w.send(answer)))
    bs = bowsprit(b)
    for cut in range(1, len(small_head)):
        c = client(bs)
        speak(c, small_head, [cut])
        assert c.read_head() == switching(), f'cut at {cut}'
        echo_of(c, b'%d' % cut)
        assert bytes(b.wires[-1].received).startswith(small_head[:-2])
        c.close()


def test_request_head_byte_by_byte(bowsprit, backend, client, small_head):
    b = backend(echo_after_101(lambda w, answer: w.send(answer)))
    c = client(bowsprit(b, timeouts=PATIENT))
    speak(c, small_head, range(1, len(small_head)))
    assert c.read_head() == switching()
    echo_of(c, b'x')


def test_request_head_of_60_kib_in_small_pieces(bowsprit, backend, client):
    b = backend(echo_after_101(lambda w, answer: w.send(answer)))
    c = client(bowsprit(b, timeouts=PATIENT))
    head = upgrade('/ws', 'localhost', *(f'Cookie: {"c" * 1000}',) * 58)
    speak(c, head, range(1000, len(head), 1000))
    assert c.read_head() == switching()
    echo_of(c, b'x')
    assert bytes(b.wires[0].received).startswith(head[:-2])


def test_101_cut_at_every_byte(bowsprit, backend, client):
    cuts = iter(range(1, len(switching())))
    b = backend(echo_after_101(
        lambda w, answer: speak(w, answer, [next(cuts)])))
    bs = bowsprit(b)
    for cut in range(1, len(switching())):
        c = client(bs)
        c.send(upgrade())
        assert c.read_head() == switching(), f'cut at {cut}'
        echo_of(c, b'%d' % cut)
        c.close()


def test_101_byte_by_byte(bowsprit, backend, client):
    b = backend(echo_after_101(
        lambda w, answer: speak(w, answer, range(1, len(answer)))))
    c = client(bowsprit(b, timeouts=PATIENT))
    c.open_websocket()
    echo_of(c, b'x')


def test_nothing_of_a_101_is_shown_before_it_is_whole(under_way):
    c, s, _ = under_way(upgrade())
    speak(s, switching()[:-1], [])
    c.expect_quiet()
    s.send(b'\n')
    assert c.read_head() == switching()


def test_glue_at_every_byte_after_the_101(bowsprit, backend, client):
    """The 101 and frames are cut in two at each byte around its end."""
    frames = wire.frame(b'first', wire.TEXT) + wire.frame(b'second')
    whole = switching() + frames
    cuts = iter(range(len(switching()) - 4, len(whole)))

    def script(w, number):
        w.read_head()
        speak(w, whole, [next(cuts)])
        return RecordingBackend.KEEP

    bs = bowsprit(backend(script))
    for cut in range(len(switching()) - 4, len(whole)):
        c = client(bs)
        c.send(upgrade())
        assert c.read(len(whole)) == whole, f'cut at {cut}'
        c.close()


@pytest.mark.parametrize('side', ['client', 'server'])
def test_frame_cut_at_every_byte(side, open_tunnel):
    """Also of its header: no byte waits for the rest of its frame."""
    c, s, bs = open_tunnel()
    whole = (from_client(b'x' * 300) if side == 'client'
             else wire.frame(b'x' * 300))
    source, sink = (c, s) if side == 'client' else (s, c)
    for i in range(len(whole)):
        source.send(whole[i:i + 1])
        assert sink.read(1) == whole[i:i + 1]
    c.send(from_client(wire.closing(1000), wire.CLOSE))
    s.read_frame()
    s.send(wire.frame(wire.closing(1000), wire.CLOSE))
    c.read_frame()
    s.close()
    c.expect_end()
    c.close()
    line = bs.closed()
    assert line['code'] == 1000, 'the watcher lost count'


def test_response_head_cut_at_every_byte(bowsprit, backend, client):
    answer = response(200, b'hello', 'Set-Cookie: a=b')
    cuts = iter(range(1, len(answer)))

    def script(w, number):
        while True:
            w.read_head()
            speak(w, answer, [next(cuts)])

    c = client(bowsprit(backend(script)))
    for cut in range(1, len(answer)):
        c.send(get())
        assert c.read(len(answer)) == answer, f'cut at {cut}'


def test_chunked_body_cut_at_every_byte(bowsprit, backend, client):
    head = (b'POST / HTTP/1.1\r\nHost: localhost\r\n'
            b'Transfer-Encoding: chunked\r\n\r\n')
    body = b'5;x=y\r\nhello\r\n00A\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n'

    def script(w, number):
        while True:
            w.read_head()
            assert w.read(len(body)) == body
            w.send(response(200))

    c = client(bowsprit(backend(script)))
    for cut in range(1, len(body)):
        c.send(head)
        speak(c, body, [cut])
        assert c.read_response().status == 200, f'cut at {cut}'

# SPDX-License-Identifier: ISC
"""
The bytes of HTTP/1.1 and WebSocket, written and read by hand.

A client library hides what these tests are about: which bytes, in which
segment, in which order.  Wire is a socket with a deadline on every wait and a
record of all that came; the same class serves both ends.  Everything here is
strict: a reply that a lenient library would forgive fails the test.
"""

import base64
import contextlib
import hashlib
import os
import socket
import struct
import time

SLOW = float(os.environ.get('BOWSPRIT_SLOW', '1'))  # for valgrind and the like
PATIENCE = 5 * SLOW  # how long a thing that must happen may take
QUIET = 0.2 * SLOW   # how long we watch that a thing does not happen

KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Closed(Exception):
    """The other end closed before it had sent what was asked for."""


class Reset(Closed):
    """The same by RST."""


class Wire:
    def __init__(self, sock, timeout=PATIENCE):
        self.sock = sock
        self.timeout = timeout
        self.received = bytearray()  # all that ever came
        self.buf = bytearray()       # of it, what nobody has read yet
        sock.settimeout(timeout)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    # Sending

    def send(self, data):
        if isinstance(data, str):
            data = data.encode('latin-1')
        try:
            self.sock.sendall(data)
        except (ConnectionResetError, BrokenPipeError) as e:
            raise Reset(str(e)) from e

    def choke(self):
        """
        Sends frames until the other end has long taken no more; how many bytes
        it took, of which the last are a part of a frame.
        """
        data, taken = frame(b'x' * 60000), 0
        self.sock.settimeout(0.3 * SLOW)
        with contextlib.suppress(TimeoutError):
            while True:
                taken += self.sock.send(data[taken % len(data):])
        self.sock.settimeout(self.timeout)
        return taken

    def finish(self):
        """Half-close: no more from here."""
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()

    def reset(self):
        """Closes with RST rather than FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack('ii', 1, 0))
        self.sock.close()

    # Receiving

    def fill(self):
        """Waits for some bytes; False at the end of the stream."""
        try:
            data = self.sock.recv(65536)
        except socket.timeout:
            raise AssertionError(
                f'nothing more came in {self.sock.gettimeout():.1f} s; '
                f'unread so far: {bytes(self.buf[-400:])!r}') from None
        except ConnectionResetError as e:
            raise Reset(f'reset; unread: {bytes(self.buf[-400:])!r}') from e
        self.received += data
        self.buf += data
        return bool(data)

    def need(self):
        if not self.fill():
            raise Closed('closed; unread: %r' % bytes(self.buf[-400:]))

    def take(self, n):
        data = bytes(self.buf[:n])
        del self.buf[:n]
        return data

    def read(self, n):
        while len(self.buf) < n:
            self.need()
        return self.take(n)

    def read_until(self, mark):
        start = 0
        while (at := self.buf.find(mark, start)) < 0:
            start = max(0, len(self.buf) - len(mark) + 1)
            self.need()
        return self.take(at + len(mark))

    def read_head(self):
        return self.read_until(b'\r\n\r\n')

    def read_to_end(self):
        """All until FIN.  A reset is no end: it raises."""
        while self.fill():
            pass
        return self.take(len(self.buf))

    def expect_end(self):
        rest = self.read_to_end()
        assert rest == b'', f'more came before the end: {rest[:400]!r}'

    def expect_gone(self):
        """The end, by FIN or by RST, after whatever else was on its way."""
        try:
            self.read_to_end()
        except Reset:
            pass

    def expect_quiet(self, seconds=QUIET):
        """Nothing comes, neither bytes nor an end."""
        assert not self.buf, f'unread: {bytes(self.buf[:400])!r}'
        self.sock.settimeout(seconds)
        try:
            data = self.sock.recv(65536)
        except socket.timeout:
            return
        finally:
            self.sock.settimeout(self.timeout)
        self.received += data
        raise AssertionError(f'expected silence, got {data[:400]!r}'
                             if data else 'expected silence, got the end')

    # Whole messages

    def read_chunks(self):
        """A chunked body, as the list of its chunks; no trailers."""
        chunks = []
        while True:
            line = self.read_until(b'\r\n')[:-2]
            size = int(line, 16)
            data = self.read(size + 2)
            assert data[-2:] == b'\r\n', f'no CRLF after a chunk: {data!r}'
            if size == 0:
                return chunks
            chunks.append(data[:-2])

    def read_body(self, head):
        if head.get('Transfer-Encoding') == 'chunked':
            return b''.join(self.read_chunks())
        if head.get('Content-Length') is not None:
            return self.read(int(head.get('Content-Length')))
        return self.read_to_end() if isinstance(head, Response) else b''

    def read_response(self, method='GET'):
        """The response's head, with its body in .body."""
        r = Response(self.read_head())
        bodiless = (method == 'HEAD' or r.status in (204, 304)
                    or 100 <= r.status < 200)
        r.body = b'' if bodiless else self.read_body(r)
        return r

    def read_final_response(self, method='GET'):
        """The same, after whatever interim ones there are."""
        while True:
            r = self.read_response(method)
            if r.status == 101 or r.status >= 200:
                return r

    def read_request(self):
        r = Request(self.read_head())
        r.body = self.read_body(r)
        return r

    def open_websocket(self, path='/ws', host='localhost', *fields):
        """An upgrade, and the 101 to it as the backends here word it."""
        self.send(upgrade(path, host, *fields))
        assert self.read_head() == switching()

    def expect_echo(self, payload=b'x'):
        """What a client says in a tunnel comes back."""
        self.send(from_client(payload))
        assert self.read_message() == (BINARY, payload)

    def read_frame(self):
        """One frame as (opcode, payload, fin), unmasked if it was masked."""
        b0, b1 = self.read(2)
        n = b1 & 0x7f
        if n == 126:
            n, = struct.unpack('>H', self.read(2))
        elif n == 127:
            n, = struct.unpack('>Q', self.read(8))
        mask = self.read(4) if b1 & 0x80 else None
        payload = self.read(n)
        if mask:
            payload = masked(payload, mask)
        return b0 & 0x0f, payload, bool(b0 & 0x80)

    def read_message(self):
        opcode, payload, fin = self.read_frame()
        assert fin, 'a fragment where a whole message was expected'
        return opcode, payload


def connect(port, host='127.0.0.1', timeout=PATIENCE, rcvbuf=None):
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    if rcvbuf:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    sock.settimeout(timeout)
    sock.connect((host, port))
    return Wire(sock, timeout)


class Head:
    """A message head, refused if it is not written as RFC 9112 wants it."""

    def __init__(self, raw):
        self.raw = bytes(raw)
        text = self.raw.decode('latin-1')
        assert text.endswith('\r\n\r\n'), text
        self.line, *lines = text[:-4].split('\r\n')
        self.fields = []
        for line in lines:
            name, colon, value = line.partition(':')
            assert colon and name and name == name.strip(), repr(line)
            self.fields.append((name, value.strip(' \t')))
        self.body = b''

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def get(self, name):
        values = self.all(name)
        assert len(values) <= 1, f'{name} more than once: {values}'
        return values[0] if values else None


class Request(Head):
    def __init__(self, raw):
        super().__init__(raw)
        self.method, self.target, self.version = self.line.split(' ')
        assert self.version in ('HTTP/1.1', 'HTTP/1.0'), self.line


class Response(Head):
    def __init__(self, raw):
        super().__init__(raw)
        self.version, status, self.phrase = self.line.split(' ', 2)
        assert self.version == 'HTTP/1.1', self.line
        assert len(status) == 3, self.line
        self.status = int(status)


def get(path='/', host='localhost', *fields):
    return request('GET', path, host, *fields)


def request(method, path='/', host='localhost', *fields, body=b''):
    lines = [f'{method} {path} HTTP/1.1', f'Host: {host}', *fields]
    return ('\r\n'.join(lines) + '\r\n\r\n').encode('latin-1') + body


def response(status, body=b'', *fields, phrase='Fine'):
    """A response with Content-Length."""
    if isinstance(body, str):
        body = body.encode()
    lines = [f'HTTP/1.1 {status} {phrase}', *fields,
             f'Content-Length: {len(body)}']
    return ('\r\n'.join(lines) + '\r\n\r\n').encode('latin-1') + body


def chunk(data):
    return b'%x\r\n%s\r\n' % (len(data), data)


LAST_CHUNK = b'0\r\n\r\n'


def upgrade(path='/ws', host='localhost', *fields, key=KEY):
    """The head of an upgrade, as Chromium words it."""
    lines = [f'GET {path} HTTP/1.1', f'Host: {host}', 'Connection: Upgrade',
             'Upgrade: websocket', 'Sec-WebSocket-Version: 13',
             *([f'Sec-WebSocket-Key: {key}'] if key else []), *fields]
    return ('\r\n'.join(lines) + '\r\n\r\n').encode('latin-1')


def accept_of(key):
    digest = hashlib.sha1((key + GUID).encode()).digest()
    return base64.b64encode(digest).decode()


def switching(key=KEY, *fields):
    """The head of the 101 to that key."""
    lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket',
             'Connection: Upgrade',
             f'Sec-WebSocket-Accept: {accept_of(key)}', *fields]
    return ('\r\n'.join(lines) + '\r\n\r\n').encode('latin-1')


def masked(payload, mask):
    n = len(payload)
    if not n or mask == b'\0\0\0\0':
        return bytes(payload)
    pad = (mask * (n // 4 + 1))[:n]
    return (int.from_bytes(payload, 'big')
            ^ int.from_bytes(pad, 'big')).to_bytes(n, 'big')


def frame(payload, opcode=BINARY, mask=None, fin=True):
    """One frame: clients mask (with any four bytes), servers do not."""
    if isinstance(payload, str):
        payload = payload.encode()
    n = len(payload)
    bit = 0x80 if mask is not None else 0
    head = bytes([(0x80 if fin else 0) | opcode])
    if n < 126:
        head += bytes([bit | n])
    elif n < 65536:
        head += struct.pack('>BH', bit | 126, n)
    else:
        head += struct.pack('>BQ', bit | 127, n)
    if mask is None:
        return head + payload
    return head + mask + masked(payload, mask)


def from_client(payload, opcode=BINARY, fin=True, mask=b'\x5a\x01\xfe\x33'):
    return frame(payload, opcode, mask, fin)


def closing(code, reason=b''):
    return struct.pack('>H', code) + reason


def most_swallowed():
    """
    Bytes that a proxy and the kernel hold at most, of what nobody reads: the
    sockets of two connections, and some more. Some kernels let one grow to 6
    MB, others to 32.
    """
    limits = 0
    for name in ('tcp_rmem', 'tcp_wmem'):
        with open('/proc/sys/net/ipv4/' + name, encoding='ascii') as f:
            limits += int(f.read().split()[2])
    return 2 * limits + (1 << 20)


def wait_until(cond, what, timeout=None, pause=0.01):
    """Polls until cond() is true; that value is returned."""
    end = time.monotonic() + (PATIENCE if timeout is None else timeout)
    while True:
        value = cond()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f'waited in vain: {what}')
        time.sleep(pause)

# SPDX-License-Identifier: ISC
"""
TLS for wires, and certificates of Debian's openssl.

Python's own SSLSocket cannot half-close, and hides how the other end ended;
this one keeps the socket and OpenSSL apart, as bowsprit does.
"""

import ctypes
import os
import socket
import ssl
import subprocess
import threading

import wire
from wire import Wire


P256 = 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'


def openssl(*args, **options):
    return subprocess.run(['openssl', *map(str, args)], check=True,
                          capture_output=True, **options).stdout


class Authority:
    """A CA, and what it has signed."""

    def __init__(self, folder, name='Test CA'):
        self.folder = folder
        self.name = name
        self.file = os.path.join(folder, 'ca.pem')
        self.key = os.path.join(folder, 'ca.key')
        os.makedirs(folder, exist_ok=True)
        openssl('req', '-x509', '-newkey', *P256, '-nodes', '-keyout',
                self.key, '-out', self.file, '-days', 30, '-subj',
                f'/CN={name}')

    def issue(self, *names, days=20, file=None, kind=P256):
        """A certificate with its key, as (file, key file)."""
        file = os.path.join(self.folder, file or names[0].replace('*', '_'))
        alt = ','.join(('IP:' if n[0].isdigit() or ':' in n else 'DNS:') + n
                       for n in names)
        openssl('req', '-newkey', *kind, '-nodes', '-keyout', file + '.key',
                '-out', file + '.csr', '-subj', f'/CN={names[0]}')
        with open(file + '.ext', 'w') as f:
            f.write(f'subjectAltName={alt}\n')
        openssl('x509', '-req', '-in', file + '.csr', '-CA', self.file,
                '-CAkey', self.key, '-CAcreateserial', '-days', days,
                '-extfile', file + '.ext', '-out', file + '.pem')
        return file + '.pem', file + '.key'


def context(ca=None, cert=None, versions=None, alpn=('http/1.1',)):
    """A client's context, which trusts only that CA, or anybody."""
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca:
        ctx.load_verify_locations(ca.file)
    else:
        ctx.check_hostname = False
        ctx.verify_mode = ssl.CERT_NONE
    if cert:
        ctx.load_cert_chain(*cert)
    if versions:
        ctx.minimum_version, ctx.maximum_version = versions
    if alpn:
        ctx.set_alpn_protocols(list(alpn))
    return ctx


class Secured:
    """A socket's methods, with TLS behind them."""

    def __init__(self, sock, ctx, server_side=False, name=None,
                 session=None):
        self.raw = sock
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = ctx.wrap_bio(self.incoming, self.outgoing,
                                server_side=server_side, server_hostname=name,
                                session=session)
        self.lock = threading.RLock()
        self.family = sock.family
        self.clean = None  # did the other end say close_notify?

    def flush(self):
        with self.lock:
            data = self.outgoing.read()
            if data:
                self.raw.sendall(data)

    def shake(self):
        while True:
            try:
                self.tls.do_handshake()
                self.flush()
                return
            except ssl.SSLWantReadError:
                self.flush()
            except ssl.SSLError:
                self.flush()
                raise
            data = self.raw.recv(65536)
            if not data:
                raise ConnectionResetError('ended within the handshake')
            self.incoming.write(data)

    def recv(self, n):
        while self.clean is None:
            with self.lock:
                try:
                    data = self.tls.read(n)
                    if data:
                        return data
                    self.clean = True
                    break
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLZeroReturnError:
                    self.clean = True
                    break
            data = self.raw.recv(65536)
            if not data:
                self.clean = False
                break
            self.incoming.write(data)
        return b''

    def recv_into(self, view, n=0):
        data = self.recv(n or len(view))
        view[:len(data)] = data
        return len(data)

    def sendall(self, data):
        for i in range(0, len(data), 65536):
            with self.lock:
                self.tls.write(data[i:i + 65536])
                sealed = self.outgoing.read()
            self.raw.sendall(sealed)

    def send(self, data):
        self.sendall(data[:65536])
        return min(len(data), 65536)

    def shutdown(self, how):
        """
        close_notify, and then FIN.  Python's unwrap() would wait for that of
        the other end, and throw away what comes before it.
        """
        lib, p = self.openssl()
        with self.lock:
            lib.SSL_shutdown(p)
        self.flush()
        self.raw.shutdown(how)

    def openssl(self):
        """Python does not know of all of it; behind its object is OpenSSL's."""
        return ctypes.CDLL('libssl.so.3'), ctypes.c_void_p(
            ctypes.c_void_p.from_address(
                id(self.tls._sslobj) + 3 * ctypes.sizeof(ctypes.c_void_p)
            ).value)

    def update_keys(self, n=1):
        """
        Asks for a new key of the other end, n times, and sends it at once.
        """
        lib, p = self.openssl()
        with self.lock:
            for _ in range(n):
                assert lib.SSL_key_update(p, 1) == 1
                assert lib.SSL_do_handshake(p) == 1
        self.flush()

    def cut(self):
        """FIN alone."""
        self.raw.shutdown(socket.SHUT_WR)

    def close(self):
        self.raw.close()

    def settimeout(self, seconds):
        self.raw.settimeout(seconds)

    def gettimeout(self):
        return self.raw.gettimeout()

    def setblocking(self, on):
        self.raw.setblocking(on)

    def setsockopt(self, *args):
        self.raw.setsockopt(*args)

    def fileno(self):
        return self.raw.fileno()


def connect(port, ctx, name='localhost', session=None, **options):
    """A Wire with TLS."""
    w = wire.connect(port, **options)
    s = Secured(w.sock, ctx, name=name, session=session)
    try:
        s.shake()
    except BaseException:
        w.close()
        raise
    return Wire(s, w.timeout)

# SPDX-License-Identifier: ISC
"""
Backends that do exactly what a test says, and keep what came to them.
"""

import selectors
import socket
import threading
import traceback

import wire
from wire import Closed, Request, Wire, wait_until


class RecordingBackend:
    """
    A server on a free port (or the given one), or on the path of a unix
    socket.  Each connection is handed, in
    a thread of its own, to script(wire, number); when that returns the
    connection is closed, unless it returned KEEP.  Without a script nothing
    is ever read.  .wires has the connections in the order in which they came;
    wire.received of each is every byte that the script took from it.

    A failed assertion in a script fails the test; the other end going away
    does not, since that is often what a test is about.
    """

    KEEP = object()

    def __init__(self, script=None, port=0, backlog=128, host='127.0.0.1',
                 path=None):
        self.script = script
        self.wires = []
        self.requests = []  # for scripts to note what they read
        self.errors = []
        if path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(path)
            self.url = f'unix:{path}'
        else:
            self._bind(host, port)
        self.listener.listen(backlog)
        threading.Thread(target=self._accept, daemon=True).start()

    def _bind(self, host, port):
        six = ':' in host
        self.listener = socket.socket(
            socket.AF_INET6 if six else socket.AF_INET)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, port))
        self.port = self.listener.getsockname()[1]
        self.url = f'http://[{host}]:{self.port}' if six else (
            f'http://{host}:{self.port}')

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            w = Wire(sock)
            self.wires.append(w)
            threading.Thread(target=self._serve, args=(w, len(self.wires)),
                             daemon=True).start()

    def _serve(self, w, number):
        if self.script is None:
            return
        try:
            if self.script(w, number) is not self.KEEP:
                w.close()
        except (Closed, OSError):
            w.close()
        except Exception:
            self.errors.append(traceback.format_exc())
            w.close()

    def wait_for(self, n=1, timeout=None):
        """The n-th connection, once it has come."""
        wait_until(lambda: len(self.wires) >= n,
                   f'connection {n} at the backend', timeout)
        return self.wires[n - 1]

    def wait_for_requests(self, n=1):
        wait_until(lambda: len(self.requests) >= n, f'request {n} there')
        return self.requests[n - 1]

    def stop_listening(self):
        """New connections are refused from now on."""
        try:  # wakes the thread in accept()
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def stop(self):
        self.stop_listening()
        for w in self.wires:
            try:  # wakes the thread in recv(), which holds the socket open
                w.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            w.close()


def answering(*answers):
    """
    A script: reads requests, answers with these bytes in turn (the last one
    again and again), and keeps the connection.
    """
    def script(w, number):
        i = 0
        while True:
            w.read_request()
            w.send(answers[min(i, len(answers) - 1)])
            i += 1
    return script


def answering_once(data):
    """A script: one request, these bytes, the end."""
    def script(w, number):
        w.read_head()
        w.send(data)
    return script


def switch(w, *fields):
    """Reads an upgrade's head and answers it rightly; returns the head."""
    head = Request(w.read_head())
    w.send(wire.switching(head.get('Sec-WebSocket-Key'), *fields))
    return head


def echoing(w, number):
    """A script: answers upgrades, echoes each message, then the Close."""
    switch(w)
    echo(w)


def echo(w):
    w.sock.settimeout(None)
    while True:
        opcode, payload, fin = w.read_frame()
        w.send(wire.frame(payload, opcode, fin=fin))
        if opcode == wire.CLOSE:
            return


def tunnel(w, number):
    """A script: answers an upgrade, and leaves the rest to the test."""
    switch(w)
    return RecordingBackend.KEEP


def web(backend_requests=None):
    """A script: a web server with keep-alive that says what it was asked."""
    def script(w, number):
        while True:
            r = w.read_request()
            if backend_requests is not None:
                backend_requests.append(r)
            w.send(wire.response(200, f'{r.method} {r.target} #{number}'))
    return script


def web_and_echo(say=lambda request: 'ok', requests=None):
    """A script: a web server that also takes upgrades, and echoes there."""
    def script(w, number):
        while True:
            r = w.read_request()
            if requests is not None:
                requests.append(r)
            if r.get('Upgrade'):
                w.send(wire.switching(r.get('Sec-WebSocket-Key')))
                return echo(w)
            w.send(wire.response(200, say(r)))
    return script


class CrowdBackend:
    """
    An echo server for thousands of tunnels: one thread, raw frames.  Whole
    small frames are expected, one a read, as the crowd's tests send them.
    """

    def __init__(self, port=0):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(('127.0.0.1', port))
        self.listener.listen(1024)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.url = f'http://127.0.0.1:{self.port}'
        self.errors = []
        self.open = {}
        self.total = 0
        self.stopping = False
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.stopping:
            for key, _ in self.selector.select(0.05):
                if key.fileobj is self.listener:
                    self._accept()
                else:
                    self._read(key.fileobj)
        for sock in [*self.open, self.listener]:
            sock.close()
        self.selector.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except BlockingIOError:
                return
            self.open[sock] = b''
            self.total += 1
            self.selector.register(sock, selectors.EVENT_READ)

    def _drop(self, sock):
        self.selector.unregister(sock)
        self.open.pop(sock)
        sock.close()

    def _read(self, sock):
        try:
            data = sock.recv(65536)
            if not data:
                return self._drop(sock)
            self._take(sock, data)
        except OSError:
            self._drop(sock)

    def _take(self, sock, data):
        head = self.open[sock]
        if head is None:  # a masked frame of less than 126 bytes
            n = data[1] & 0x7f
            sock.send(wire.frame(wire.masked(data[6:6 + n], data[2:6]),
                                 data[0] & 0x0f))
        elif (head + data).endswith(b'\r\n\r\n'):
            key = Request(head + data).get('Sec-WebSocket-Key')
            sock.send(wire.switching(key))
            self.open[sock] = None
        else:
            self.open[sock] = head + data

    def stop(self):
        self.stopping = True
        self.thread.join()

# SPDX-License-Identifier: ISC
"""
Backends on unix sockets: all that a backend on a port can do, and what may be
wrong with a path.
"""

import http.client
import os
import random
import signal
import socket
import sys
import tempfile

import pytest

import wire
from backends import answering, echoing, switch, web
from programs import uvicorn
from test_real_servers import talk_to_echo_app
from wire import from_client, get, request, response, upgrade

NOBODY = 65534
APP = (sys.executable, os.path.join(os.path.dirname(
    os.path.abspath(__file__)), 'app.py'))


@pytest.fixture
def path():
    """Of a socket: short, and in a folder that anybody may enter."""
    with tempfile.TemporaryDirectory(prefix='bs') as folder:
        os.chmod(folder, 0o755)
        yield os.path.join(folder, 'app.sock')


@pytest.fixture
def options(bowsprit):
    """bowsprit with options only, and a port that it listens on."""
    def start(*args, **more):
        return bowsprit(argv=('-l', '127.0.0.1:@PORT@', '--log-format',
                              'json', *args), **more)
    return start


def ask(client, bs, *args, **more):
    c = client(bs)
    c.send(get(*args))
    return c.read_response(**more)


# What goes there

@pytest.mark.parametrize('change', [False, True])
def test_requests(change, bowsprit, backend, path, client):
    heads = []
    b = backend(web(heads), path=path)
    bs = bowsprit(b, backends={'app': {'servers': (b.url,),
                                       'change_origin': change}})
    r = ask(client, bs, '/a%2Fb?c', 'example.com')
    assert (r.status, r.body) == (200, b'GET /a%2Fb?c #1')
    assert heads[0].get('Host') == ('localhost' if change else 'example.com')
    assert heads[0].get('X-Forwarded-For') == '127.0.0.1'
    assert heads[0].get('X-Forwarded-Host') == 'example.com'


def test_options(options, backend, path, client):
    """-b for requests, -w and -r with another path behind the socket's."""
    heads = []
    b = backend(web(heads), path=path)
    e = backend(echoing, path=path + '2')
    bs = options('-b', b.url, '-w', f'/ws={e.url}:/echo',
                 '-r', f'/api/**={b.url}:/v1/{{**}} change_origin')
    assert ask(client, bs, '/x').status == 200
    assert ask(client, bs, '/api/y?z').status == 200
    assert [h.target for h in heads] == ['/x', '/v1/y?z']
    c = client(bs)
    c.open_websocket('/ws')
    assert b'GET /echo HTTP/1.1\r\n' in e.wires[0].received
    c.expect_echo()
    opened = bs.wait_event('Connection opened')
    assert opened['backend'] == e.url
    c.close()
    assert bs.closed()['by'] == 'client'


def test_connections_are_kept(bowsprit, backend, path, client):
    b = backend(web(), path=path)
    bs = bowsprit(b, workers=1)
    for _ in range(3):
        assert ask(client, bs).status == 200
    assert len(b.wires) == 1
    b.wires[0].finish()
    assert ask(client, bs).status == 200
    assert len(b.wires) == 2


def test_large_bodies(bowsprit, backend, path, client):
    """More than any buffer holds, both ways, past a reader that is slow."""
    def script(w, number):
        r = w.read_request()
        w.send(response(200, r.body))
    data = random.randbytes(8_000_000)
    bs = bowsprit(backend(script, path=path))
    c = client(bs, rcvbuf=4096)
    c.send(request('POST', '/', 'x', f'Content-Length: {len(data)}',
                   body=data))
    assert c.read_response().body == data


def test_half_close_and_end(bowsprit, backend, path, client):
    """A FIN goes on; what the server says after it arrives."""
    def script(w, number):
        switch(w)
        assert w.read_to_end() == from_client(b'last')
        w.send(wire.frame(b'word'))
    bs = bowsprit(backend(script, path=path))
    c = client(bs)
    c.open_websocket()
    c.send(from_client(b'last'))
    c.finish()
    assert c.read_to_end() == wire.frame(b'word')
    line = bs.closed()
    assert (line['by'], line['reason']) == ('client', 'eof')


def test_server_that_closes_with_a_slow_reader(bowsprit, backend, path,
                                               client):
    """
    A unix socket hangs up as soon as its peer has closed it, though bytes wait
    in it still: they arrive all the same.
    """
    data = wire.frame(random.randbytes(3_000_000))

    def script(w, number):
        switch(w)
        w.send(data)
    bs = bowsprit(backend(script, path=path))
    c = client(bs, rcvbuf=4096)
    c.open_websocket()
    assert c.read_to_end() == data
    assert bs.closed()['by'] == 'server'


def test_answer_to_its_end(bowsprit, backend, path, client):
    """One whose end only the connection's is."""
    def script(w, number):
        w.read_request()
        w.send(b'HTTP/1.1 200 Fine\r\n\r\n' + b'x' * 1_000_000)
    bs = bowsprit(backend(script, path=path))
    c = client(bs, rcvbuf=4096)
    c.send(get())
    assert c.read_response().body == b'x' * 1_000_000


def test_drain(bowsprit, backend, path, client):
    b = backend(echoing, path=path)
    bs = bowsprit(b)
    c = client(bs)
    c.open_websocket()
    bs.signal()
    opcode, payload = c.read_message()
    assert (opcode, payload[:2]) == (wire.CLOSE, wire.closing(1001))
    c.send(from_client(payload, wire.CLOSE))
    c.read_to_end()
    assert bs.wait_end() == 0
    assert bs.closed()['reason'] == 'drain'


# What may be wrong

def refused(client, bs, status, reason):
    """A request's answer, and the same of an upgrade, whose line is returned."""
    r = ask(client, bs)
    assert r.status == status and f'\n{reason}: '.encode() in r.body, r.body
    c = client(bs)
    c.send(upgrade())
    assert c.read_response().status == status
    return bs.wait_event('[WebSocket Proxy Error]', reason=reason)


def test_no_file(options, path, client):
    bs = options('-r', f'/**=unix:{path}')
    line = refused(client, bs, 502, 'socket-missing')
    assert line['code'] == 'ENOENT'
    assert line['hint'].startswith(f'there is no socket at unix:{path}: ')


def test_file_without_a_server(options, path, client):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
    bs = options('-r', f'/**=unix:{path}')
    line = refused(client, bs, 502, 'server-refused')
    assert line['code'] == 'ECONNREFUSED'
    assert line['hint'].startswith(f'nobody listens at unix:{path}, though ')


def test_not_allowed(options, path, client, backend):
    b = backend(web(), path=path)
    os.chmod(path, 0o600)
    bs = options('-r', f'/**={b.url}',
                 user=None if os.geteuid() else NOBODY)
    if os.geteuid():
        os.chmod(path, 0)
    line = refused(client, bs, 502, 'server-forbidden')
    assert line['code'] == 'EACCES' and 'write to it' in line['hint']
    os.chmod(path, 0o666)
    assert ask(client, bs).status == 200


def test_no_stream(options, path, client):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        bs = options('-r', f'/**=unix:{path}')
        line = refused(client, bs, 502, 'server-unreachable')
        assert 'no stream socket' in line['hint']


@pytest.fixture
def full(path):
    """A socket that lets one wait, and one does: the kernel says EAGAIN."""
    with socket.socket(socket.AF_UNIX) as s, \
            socket.socket(socket.AF_UNIX) as first:
        s.settimeout(wire.PATIENCE)
        s.bind(path)
        s.listen(0)
        first.connect(path)
        with socket.socket(socket.AF_UNIX) as late:
            late.setblocking(False)
            with pytest.raises(BlockingIOError):
                late.connect(path)
        yield s


def test_queue_is_full_for_a_while(full, options, path, client):
    """As a TCP connection would it waits for its turn."""
    bs = options('-r', f'/**=unix:{path}')
    c = client(bs)
    c.send(get('/late'))
    c.expect_quiet()
    full.accept()[0].close()
    sock = full.accept()[0]
    w = wire.Wire(sock)
    assert w.read_request().target == '/late'
    w.send(response(200, 'served'))
    assert c.read_response().body == b'served'
    sock.close()


def test_queue_is_full_for_ever(full, options, path, client):
    bs = options('-r', f'/**=unix:{path} connect=300ms')
    line = refused(client, bs, 504, 'connect-timeout')
    assert 'accepts no connections' in line['hint']


def test_path_changes_with_a_reload(bowsprit, backend, path, client,
                                    tmp_path):
    old, new = backend(answering(response(200, 'old')), path=path), backend(
        answering(response(200, 'new')), path=path + '2')
    bs = bowsprit(old)
    assert ask(client, bs).body == b'old'
    file = tmp_path / 'bowsprit0' / 'bowsprit.cfg'
    file.write_text(file.read_text().replace(old.url, new.url))
    bs.signal(signal.SIGHUP)
    bs.wait_line('Configuration reloaded')
    assert ask(client, bs).body == b'new'


# The application on one

def test_command_on_a_socket(bowsprit, path, client):
    """It is ready when it accepts there; a second one replaces the file."""
    bs = bowsprit(argv=('-l', 'localhost:@PORT@', '-b', f'unix:{path}'),
                  command=(*APP, '--path', path, '--delay', '0.3'))
    line = bs.lines('> Ready on')[0]
    assert f'(open this one; unix:{path} is the application itself)' in line
    assert 'the application listens' in bs.out(), 'it came too early'
    assert ask(client, bs, '/env').status == 200
    assert ask(client, bs, '/exit/3').status == 502
    assert ask(client, bs, '/env').status == 200, 'held until it is up again'
    assert os.path.exists(path)


def test_somebody_else_is_on_its_socket(bowsprit, backend, path, client):
    """Its warning names the path; ready is only who listens there of ours."""
    b = backend(web(), path=path)
    bs = bowsprit(argv=('-l', 'localhost:@PORT@', '-b', b.url),
                  command=(*APP, '--path', path, '--delay', '0.5'))
    assert bs.lines(f'something else accepts connections on {path} already')
    assert 'the application listens' in bs.out(), 'it came too early'
    assert ask(client, bs, '/env').status == 200


# Real ones

def test_uvicorn(program, bowsprit, path):
    uvicorn(program, path)
    bs = bowsprit(f'unix:{path}')
    talk_to_echo_app(bs)
    c = http.client.HTTPConnection('127.0.0.1', bs.port, timeout=10)
    for _ in range(3):
        body = random.randbytes(100_000)
        c.request('POST', '/a%2Fb', body=body)
        r = c.getresponse()
        assert (r.status, r.read()) == (200, body)
    c.close()


NODE = '''
const http = require("http"), crypto = require("crypto");
const server = http.createServer((q, a) => {
  const parts = [];
  q.on("data", (d) => parts.push(d));
  q.on("end", () => a.end(q.headers.host + " " + Buffer.concat(parts)));
});
server.on("upgrade", (q, socket) => {
  const key = q.headers["sec-websocket-key"] +
              "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  socket.write("HTTP/1.1 101 Fine\\r\\nUpgrade: websocket\\r\\n" +
               "Connection: Upgrade\\r\\nSec-WebSocket-Accept: " +
               crypto.createHash("sha1").update(key).digest("base64") +
               "\\r\\n\\r\\n");
  socket.pipe(socket);
});
server.listen(process.argv[1]);
'''


def test_node(program, bowsprit, path, client):
    program(['node', '-e', NODE, path], path)
    bs = bowsprit(f'unix:{path}')
    c = client(bs)
    for body in (b'1', b'2' * 70000):
        c.send(request('POST', '/', 'h', f'Content-Length: {len(body)}',
                       body=body))
        assert c.read_response().body == b'h ' + body
    c = client(bs)
    c.send(upgrade())
    c.read_head()
    c.expect_echo()

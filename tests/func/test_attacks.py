# SPDX-License-Identifier: ISC
"""
Attacks that are no single bad head: sequences, pauses, what stands behind a
request or an answer, and what one side says in the place of the other.

The invariants: a server never hears two requests where a client sent one; what
follows a refused upgrade reaches nobody; an answer's surplus is never given to
the next request.
"""

import shutil
import subprocess
import sys

import pytest

import wire
from backends import answering, tunnel, web
from daemon import can_connect, free_port
from wire import (LAST_CHUNK, chunk, get, request, response, switching,
                  upgrade, wait_until)

ONE = {'workers': 1}  # the pool is a worker's
SMUGGLED = get('/smuggled', 'x')


# ---- heads that announce what does not come

@pytest.mark.parametrize('line, claim', [
    ('HTTP/1.1 103 Early Hints', 'Content-Length: 39'),
    ('HTTP/1.1 103 Early Hints', 'Transfer-Encoding: chunked'),
    ('HTTP/1.0 100 Continue', 'Content-Length: 39')])
def test_interim_answer_that_claims_a_body(line, claim, bowsprit, backend,
                                           client):
    """Who believed it would take the final answer for that body."""
    interim = (f'{line}\r\nLink: </a>\r\n{claim}\r\n'
               'Connection: close\r\nKeep-Alive: timeout=5\r\n\r\n')
    b = backend(answering(interim.encode() + response(200, 'x')))
    c = client(bowsprit(b))
    for _ in range(2):
        c.send(get())
        r = c.read_response()
        assert r.line == 'HTTP/1.1 ' + line[9:]
        assert r.fields == [('Link', '</a>')]
        assert c.read_response().body == b'x'


@pytest.mark.parametrize('claim', ['Content-Length: 39',
                                   'Transfer-Encoding: chunked'])
def test_204_that_claims_a_body(claim, bowsprit, backend, client):
    b = backend(answering(f'HTTP/1.1 204 X\r\nA: b\r\n{claim}\r\n\r\n'
                          .encode()))
    c = client(bowsprit(b))
    for _ in range(2):
        c.send(get())
        assert c.read_response().fields == [('A', 'b')]
    assert len(b.wires) == 1


def test_http_1_0_client_hears_of_no_chunks(bowsprit, backend, client):
    """Not even of those that an answer to HEAD does not have."""
    b = backend(answering(b'HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n'
                          b'\r\n'))
    c = client(bowsprit(b))
    for _ in range(2):
        c.send(b'HEAD / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n')
        assert c.read_response('HEAD').fields == [('Connection', 'keep-alive')]


# ---- fields that the next one would not see

@pytest.mark.parametrize('name', ['Host', 'cookie', 'X-Forwarded-For',
                                  'x-request-id', 'Content-Length'])
def test_upgrade_whose_connection_hides_a_field(name, bowsprit, backend,
                                                client):
    """Connection of an upgrade goes on as it came."""
    b = backend(tunnel)
    bs = bowsprit(b)
    sent = upgrade().replace(b'Connection: Upgrade',
                             b'Connection: Upgrade, X-Hop, %s' % name.encode())
    c = client(bs)
    c.send(sent)
    assert c.read_response().status == 400
    c.expect_end()
    assert not b.wires
    c = client(bs)
    c.send(sent.replace(b', ' + name.encode(), b''))
    assert c.read_head() == switching()


@pytest.mark.parametrize('name', ['X-Forwarded-For', 'x_real_ip', 'Host',
                                  'Content-Length', 'Cookie'])
def test_trailer_that_belongs_in_the_head(name, bowsprit, backend, client):
    """Some servers merge the two: it would pass by what is removed."""
    b = backend()
    c = client(bowsprit(b))
    c.send(request('POST', '/', 'x', 'Transfer-Encoding: chunked',
                   f'Trailer: {name}',
                   body=chunk(b'x') + f'0\r\n{name}: 1\r\n\r\n'.encode()))
    assert c.read_response().status == 400
    c.expect_end()
    s = b.wait_for()
    s.expect_gone()
    assert name.encode() + b':' not in s.received.partition(b'\r\n\r\n')[2]


# ---- what stands behind a request

@pytest.mark.parametrize('keep', [True, False])
@pytest.mark.parametrize('status', [200, 400, 426])
def test_requests_behind_a_refused_upgrade(status, keep, bowsprit, backend,
                                           client):
    """A wrong version is refused, and some proxies have a tunnel by then."""
    b = backend()
    bs = bowsprit(b, **ONE)
    c = client(bs)
    head = upgrade().replace(b'Version: 13', b'Version: 777')
    c.send(head + SMUGGLED)
    s = b.wait_for()
    assert wire.Request(s.read_head()).target == '/ws'
    c.send(SMUGGLED)
    s.send(response(status, 'no', *([] if keep else ['Connection: close'])))
    r = c.read_response()
    assert (r.status, r.body, r.get('Connection')) == (status, b'no', 'close')
    c.expect_end()
    s.expect_gone()
    assert b'smuggled' not in s.received
    assert len(b.wires) == 1


@pytest.mark.parametrize('expect', [(), ('Expect: 100-continue',),
                                    ('Expect: y 100-continue',)])
@pytest.mark.parametrize('framing', ['length', 'chunks'])
def test_body_that_comes_after_the_answer(framing, expect, bowsprit, backend,
                                          client):
    """
    A server that answers a head alone would take the body, when it comes, for
    a request of its own (pauses, Expect, 0.CL).
    """
    b = backend()
    bs = bowsprit(b, **ONE)
    c = client(bs)
    c.send(request('POST', '/first', 'x', *expect,
                   f'Content-Length: {len(SMUGGLED)}' if framing == 'length'
                   else 'Transfer-Encoding: chunked'))
    s = b.wait_for()
    s.read_head()
    s.send(response(200, 'first'))
    r = c.read_response()
    assert (r.body, r.get('Connection')) == (b'first', 'close')
    try:
        c.send(SMUGGLED + SMUGGLED)
        c.expect_end()
    except wire.Closed:
        pass
    s.expect_gone()
    assert b'smuggled' not in s.received, 'before it the connection ended'
    assert len(b.wires) == 1
    d = client(bs)
    d.send(get('/second'))
    s = b.wait_for(2)
    assert wire.Request(s.read_head()).target == '/second'
    s.send(response(200, 'second'))
    assert d.read_response().body == b'second'


def test_http_2_behind_a_refused_h2c(bowsprit, backend, client):
    """Its preface is a request of its own, and refused."""
    b = backend()
    b.script = web(b.requests)
    c = client(bowsprit(b))
    c.send(get('/', 'x', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c',
               'HTTP2-Settings: AAMAAABkAAQAAP__')
           + b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + SMUGGLED)
    assert c.read_response().status == 200
    assert c.read_response().status == 505
    c.expect_end()
    assert [r.target for r in b.requests] == ['/']


@pytest.mark.parametrize('bad', [
    b'5\nhello\r\n0\r\n\r\n', b'5;\nxx\r\nhello\r\n0\r\n\r\n',
    b'5;a\rb\r\nhello\r\n0\r\n\r\n', b'5\r\nhello\n0\r\n\r\n',
    b'5\r\nhelloXX0\r\n\r\n', b'5 \r\nhello\r\n0\r\n\r\n',
    b'0x5\r\nhello\r\n0\r\n\r\n', b'0\n\r\n', b'0\r\n\n', b'0\r\n\r\r\n',
    b'0\r\nX:\n\r\n', b'0\r\nGET /smuggled HTTP/1.1\r\n\r\n'])
def test_requests_behind_a_bad_chunk(bad, bowsprit, backend, client):
    """Where one reader sees the end, another sees a request."""
    b = backend()
    bs = bowsprit(b, **ONE)
    c = client(bs)
    c.send(request('POST', '/', 'x', 'Transfer-Encoding: chunked',
                   body=bad + SMUGGLED))
    s = b.wait_for()
    s.expect_gone()
    assert b'smuggled' not in s.received
    assert c.read_response().status == 400
    c.expect_end()
    assert len(b.wires) == 1


# ---- what stands behind an answer

POISON = response(200, 'poisoned')
BEHIND = {
    'a length': (get('/'), response(200, 'x')),
    'no length': (get('/'), response(200)),
    'HEAD': (request('HEAD'), b'HTTP/1.1 200 X\r\nContent-Length: 46\r\n\r\n'),
    'HEAD with chunks': (request('HEAD'), b'HTTP/1.1 200 X\r\n'
                         b'Transfer-Encoding: chunked\r\n\r\n'),
    '204': (get('/'), b'HTTP/1.1 204 X\r\nContent-Length: 46\r\n\r\n'),
    '304': (get('/'), b'HTTP/1.1 304 X\r\nContent-Length: 46\r\n\r\n'),
    'chunks': (get('/'), b'HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n'
               b'\r\n' + chunk(b'x') + LAST_CHUNK),
}


@pytest.mark.parametrize('later', [False, True])
@pytest.mark.parametrize('name', BEHIND)
def test_surplus_of_an_answer(name, later, bowsprit, backend, client):
    """A second answer, or a body where there is none, is nobody's."""
    asked, answer = BEHIND[name]
    b = backend()
    bs = bowsprit(b, **ONE)
    c = client(bs)
    method = asked.split(b' ')[0].decode()
    c.send(asked)
    s = b.wait_for()
    s.read_head()
    s.send(answer if later else answer + POISON)
    assert b'poison' not in c.read_response(method).body
    if later:
        s.send(POISON)
    s.expect_gone()
    for d in c, client(bs):
        d.send(get('/next'))
        s = b.wait_for(2)
        assert wire.Request(s.read_head()).target == '/next'
        s.send(response(200, 'own'))
        assert d.read_response().body == b'own'


@pytest.mark.parametrize('n', [16, 17])
def test_interim_answers_without_end(n, bowsprit, backend, client):
    b = backend(answering(b'HTTP/1.1 102 X\r\n\r\n' * n + response(200, 'x')))
    c = client(bowsprit(b))
    c.send(get())
    assert c.read_final_response().status == (200 if n <= 16 else 502)


# ---- servers that read requests in their own ways

# Each prints the target of every request that it takes.
NODE = '''
require('http').createServer((req, res) => {
	console.log(req.url);
	req.resume();
	res.end('ok');
}).listen(+process.argv[1], '127.0.0.1');
'''
PYTHON = '''
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        print(self.path, flush=True)
        self.send_response(200)
        self.send_header('Content-Length', '2')
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(b'ok')
    do_HEAD = do_OPTIONS = do_DELETE = do_GET
http.server.ThreadingHTTPServer(
    ('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
'''
UVICORN = '''
import sys, uvicorn
async def app(scope, receive, send):
    if scope['type'] != 'http':
        return
    print(scope['path'], flush=True)
    while (await receive()).get('more_body'):
        pass
    await send({'type': 'http.response.start', 'status': 200,
                'headers': [(b'content-length', b'2')]})
    await send({'type': 'http.response.body', 'body': b'ok'})
uvicorn.run(app, port=int(sys.argv[1]), log_level='error')
'''


@pytest.fixture(params=['node', 'python', 'uvicorn'])
def server(request, bowsprit, tmp_path):
    """A real one: its URL, and a function for the targets that it heard."""
    port = free_port()
    name, text = {'node': (shutil.which('node'), NODE),
                  'python': (sys.executable, PYTHON),
                  'uvicorn': (sys.executable, UVICORN)}[request.param]
    assert name, 'this test needs Node.js (on Debian: nodejs)'
    out, err = tmp_path / 'heard', tmp_path / 'server.err'
    with out.open('wb') as o, err.open('wb') as e:
        p = subprocess.Popen(
            [name, '-e' if request.param == 'node' else '-c', text,
             str(port)], stdin=subprocess.DEVNULL, stdout=o, stderr=e)

    def up():
        assert p.poll() is None, err.read_text()
        return can_connect(port)
    wait_until(up, 'the server', 30 * wire.SLOW)
    yield f'http://127.0.0.1:{port}', lambda: out.read_text().split()
    p.kill()
    p.wait()


LENGTH = f'Content-Length: {len(SMUGGLED)}'
CHUNKED = 'Transfer-Encoding: chunked'
CHUNKS = chunk(SMUGGLED) + LAST_CHUNK
# What passes, and what some server might read as two requests.
PASSING = [
    *((method, [LENGTH], SMUGGLED)
      for method in ('GET', 'HEAD', 'OPTIONS', 'DELETE')),
    *((method, [CHUNKED], CHUNKS)
      for method in ('GET', 'HEAD', 'OPTIONS', 'DELETE')),
    ('GET', ['Content-Length: 000%d' % len(SMUGGLED)], SMUGGLED),
    ('GET', [LENGTH, 'Connection: Content-Length'], SMUGGLED),
    ('GET', [LENGTH, 'Connection: keep-alive, close'], SMUGGLED),
    ('GET', [LENGTH, 'Content_Length: 0'], SMUGGLED),
    ('GET', [LENGTH, 'Transfer_Encoding: chunked'], SMUGGLED),
    ('GET', [LENGTH, 'X: \x85Content-Length: 0', 'Y: \xa0'], SMUGGLED),
    ('GET', [LENGTH, 'Upgrade: websocket', 'Connection: Upgrade'], SMUGGLED),
    ('GET', [LENGTH, 'Upgrade: h2c', 'Connection: Upgrade'], SMUGGLED),
    ('GET', [CHUNKED.upper(), 'Connection: Transfer-Encoding'], CHUNKS),
    ('GET', [CHUNKED, 'TE: trailers', 'Trailer: X'],
     chunk(SMUGGLED) + b'0\r\nX: y\r\n\r\n'),
    ('GET', [CHUNKED], b'%x;a="b;c"\r\n' % len(SMUGGLED) + SMUGGLED
     + b'\r\n0;' + b'x' * 4000 + b'\r\n\r\n'),
]


def test_one_request_is_one_to_real_servers(server, bowsprit, client):
    """Python's overlooks the bodies of all of these, and so does websockify."""
    url, heard = server
    bs = bowsprit(url, **ONE)
    sent = []
    for method, fields, body in PASSING:
        c = client(bs)
        sent.append(f'/{len(sent)}')
        c.send(request(method, sent[-1], 'x', *fields, body=body))
        assert c.read_final_response(method).status == 200, (method, fields)
        c.close()
        d = client(bs)
        sent.append(f'/{len(sent)}')
        d.send(get(sent[-1]))
        assert d.read_response().body == b'ok', (method, fields)
        d.close()
    wait_until(lambda: heard()[-1:] == sent[-1:], 'the last one')
    assert heard() == sent


def test_request_behind_a_body_that_was_lost(bowsprit, backend, client):
    """Its first bytes came with the end of what the server did not take."""
    b = backend()
    bs = bowsprit(b, workers=1)
    c = client(bs)
    c.send(request('POST', '/', 'x', 'Content-Length: 9', body=b'abc'))
    s = b.wait_for()
    s.read_until(b'\r\n\r\n')
    assert s.read(3) == b'abc'
    with bs.frozen():
        c.send(b'defghi' + get('/next')[:3])
        s.reset()
    assert c.read_response().status == 502
    c.send(get('/next')[3:])
    assert b.wait_for(2).read_until(b'\r\n').startswith(b'GET /next ')

# SPDX-License-Identifier: ISC
"""
Attacks that are no single bad head: sequences, pauses, what stands behind a
request or an answer, and what one side says in the place of the other.

The invariants: a server never hears two requests where a client sent one; what
follows a refused upgrade reaches nobody; an answer's surplus is never given to
the next request.
"""

import pytest

import wire
from backends import answering, tunnel, web
from wire import (LAST_CHUNK, chunk, get, request, response, switching,
                  upgrade)

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

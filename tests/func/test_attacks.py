# SPDX-License-Identifier: ISC
"""
Attacks that are no single bad head: sequences, pauses, what stands behind a
request or an answer, and what one side says in the place of the other.

The invariants: a server never hears two requests where a client sent one; what
follows a refused upgrade reaches nobody; an answer's surplus is never given to
the next request.
"""

import pytest

from backends import answering, tunnel
from wire import chunk, get, request, response, switching, upgrade


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

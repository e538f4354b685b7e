# SPDX-License-Identifier: ISC
"""
Attacks that are no single bad head: sequences, pauses, what stands behind a
request or an answer, and what one side says in the place of the other.

The invariants: a server never hears two requests where a client sent one; what
follows a refused upgrade reaches nobody; an answer's surplus is never given to
the next request.
"""

import pytest

from backends import answering
from wire import get, response


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

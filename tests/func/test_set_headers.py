# SPDX-License-Identifier: ISC
"""
Headers that the operator sets or removes, and nothing else of a head.
"""

import re

from backends import answering, tunnel
from wire import (KEY, chunk, get, request, response, switching,
                  upgrade)

from test_byte_identity import added

RULES = {'set_headers': ('X-Tenant: a  b', 'origin: http://localhost:3001'),
         'remove_headers': ('X-Internal-User',)}
SENT = ('X-One: 1', 'ORIGIN: http://evil', 'x_internal_user: root',
        'X-Two:  2 ', 'X-INTERNAL-USER: root', 'x-tenant: forged')
LEFT = ('X-One: 1', 'X-Two:  2 ')
SET = b'X-Tenant: a  b\r\norigin: http://localhost:3001\r\n'


def came(b):
    return bytes(b.wires[0].received).partition(b'\r\n\r\n')[0] + b'\r\n\r\n'


def test_request(bowsprit, backend, client):
    b = backend(answering(response(200)))
    c = client(bowsprit(b, **RULES))
    c.send(get('/', 'localhost', *SENT))
    assert c.read_response().status == 200
    assert re.fullmatch(
        re.escape(get('/', 'localhost', *LEFT)[:-2]) + added() +
        re.escape(SET) + b'\r\n', came(b))


def test_upgrade(bowsprit, backend, client):
    b = backend(tunnel)
    c = client(bowsprit(b, **RULES))
    c.open_websocket('/ws', 'localhost', *SENT)
    assert re.fullmatch(
        re.escape(upgrade('/ws', 'localhost', *LEFT)[:-2]) + added() +
        re.escape(SET) + b'\r\n', came(b))


def test_what_bowsprit_adds_itself(bowsprit, backend, client):
    """Set and removed like any other, also where a trusted peer has it."""
    b = backend(answering(response(200)))
    bs = bowsprit(b, set_headers=('X-Forwarded-Proto: https',
                                  'X-Forwarded-For: 192.0.2.1'),
                  remove_headers=('X-Forwarded-Port', 'X-Request-Id'))
    c = client(bs)
    c.send(get('/', 'localhost', 'X-Forwarded-Proto: http',
               'X-Forwarded-For: 10.9.9.9', 'X-Request-Id: a b'))
    assert c.read_response().status == 200
    assert came(b) == (get('/', 'localhost')[:-2] +
                       b'X-Forwarded-Host: localhost\r\n'
                       b'X-Forwarded-Proto: https\r\n'
                       b'X-Forwarded-For: 192.0.2.1\r\n\r\n')


ANSWER = ('Server: x', 'X-Frame-Options: ALLOWALL', 'Set-Cookie: a=1',
          'x-powered_by: y', 'Set-Cookie: b=2')
ANSWER_RULES = {'set_response_headers': ('X-Frame-Options: DENY',),
                'remove_response_headers': ('server', 'X-Powered-By')}
ANSWER_LEFT = ('Set-Cookie: a=1', 'Set-Cookie: b=2')


def test_answer(bowsprit, backend, client):
    b = backend(answering(response(200, b'body', *ANSWER)))
    c = client(bowsprit(b, **ANSWER_RULES))
    c.send(get())
    r = c.read_response()
    assert r.raw == response(200, b'body', *ANSWER_LEFT).replace(
        b'\r\n\r\nbody', b'\r\nX-Frame-Options: DENY\r\n\r\n')
    assert r.body == b'body'
    c.send(get())
    assert c.read_response().body == b'body', 'on the same connection'


def test_answer_to_an_upgrade(bowsprit, backend, client):
    def script(w, number):
        w.read_head()
        w.send(switching(KEY, *ANSWER) + b'\x82\x02hi')
        return b.KEEP

    b = backend(script)
    c = client(bowsprit(b, **ANSWER_RULES))
    c.send(upgrade())
    assert c.read_head() == switching(KEY, *ANSWER_LEFT,
                                      'X-Frame-Options: DENY')
    assert c.read_frame()[1] == b'hi'


def test_refused_upgrade(bowsprit, backend, client):
    b = backend(answering(response(401, b'no', *ANSWER)))
    c = client(bowsprit(b, **ANSWER_RULES))
    c.send(upgrade())
    r = c.read_response()
    assert r.status == 401 and r.body == b'no'
    assert r.all('X-Frame-Options') == ['DENY'] and not r.get('Server')


def test_answers_of_our_own_are_left_alone(bowsprit, client, down):
    c = client(bowsprit(down, **ANSWER_RULES))
    c.send(get())
    r = c.read_response()
    assert r.status == 502 and not r.get('X-Frame-Options')


def test_a_route_has_its_own(bowsprit, backend, client):
    b = backend(answering(response(200)))
    bs = bowsprit(
        b, set_headers=('X-A: all', 'X-B: all'),
        argv=('-r', f'/own={b.url} set_headers="X-B: its own" '
              'set_response_headers=X-C:1'))
    c = client(bs)
    c.send(get('/own') + get('/'))
    assert c.read_response().get('X-C') == '1'
    assert c.read_response().get('X-C') is None
    heads = [h for w in b.wires for h in
             bytes(w.received).decode().split('\r\n\r\n')]
    own = next(h for h in heads if h.startswith('GET /own'))
    other = next(h for h in heads if h.startswith('GET / '))
    assert own.endswith('\r\nX-B: its own\r\nX-A: all')
    assert other.endswith('\r\nX-A: all\r\nX-B: all')


def test_interim_answers_get_none(bowsprit, backend, client):
    b = backend(answering(b'HTTP/1.1 103 X\r\nLink: </a>\r\n\r\n'
                          + response(200, 'x')))
    c = client(bowsprit(b, set_response_headers=('X-Frame-Options: DENY',)))
    c.send(get())
    assert c.read_head() == b'HTTP/1.1 103 X\r\nLink: </a>\r\n\r\n'
    assert c.read_response().get('X-Frame-Options') == 'DENY'


def test_connection_of_an_upgrade_hides_none(bowsprit, backend, client):
    """The next proxy would drop what it lists."""
    b = backend(tunnel)
    c = client(bowsprit(b, **RULES))
    c.send(upgrade().replace(b'n: Upgrade', b'n: Upgrade, x_tenant'))
    assert c.read_response().status == 400
    assert not b.wires


def test_trailers_have_none(bowsprit, backend, client):
    """Some servers merge them into the head."""
    b = backend(lambda w, number: (w.read_until(b'\r\n0\r\n'),
                                   w.read_until(b'\r\n\r\n'),
                                   w.send(response(200))))
    bs = bowsprit(b, **RULES)
    for name, status in ('X-Internal-Users', 200), ('x_internal-user', 400):
        c = client(bs)
        c.send(request('POST', '/', 'x', 'Transfer-Encoding: chunked',
                       body=chunk(b'x') + f'0\r\n{name}: root\r\n\r\n'
                       .encode()))
        assert c.read_response().status == status

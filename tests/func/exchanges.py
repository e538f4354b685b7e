# SPDX-License-Identifier: ISC
"""
Rows that take two sides to tell: each with its reason, its RFC section and
its mutant of tests/mutants/proxy.txt, run by test_raw.py.
"""

from raw import (INJECTED, OK, POST, SMUGGLED, ask, is_unfinished, passed_on,
                 split)
from wire import KEY, response, switching, upgrade

EXCHANGES = []


def exchange(mutant, why):
    def note(run):
        EXCHANGES.append({
            'id': f'exchange:{run.__name__}', 'mutant': mutant, 'why': why,
            'run': lambda bench, row: run(bench)})
        return run
    return note


def head(start, *lines):
    return '\r\n'.join([start, *lines, '', '']).encode('latin-1')


def get(*lines):
    return head('GET /row HTTP/1.1', 'Host: a', *lines)


def answer(*lines, status='200 OK'):
    return head(f'HTTP/1.1 {status}', *lines)


def passes(b, request, answer=OK):
    """It goes to the server and back, and both connections stay."""
    c, s = ask(b, request)
    s.send(answer)
    b.gets(c, answer)
    b.probe(c, s)


def is_refused(b, request, status, word, closed=True):
    c = b.client(request + SMUGGLED)
    b.gets_answer(c, status, closed)
    b.logs(reason=word)
    b.probe()


def is_untrusted(b, said, word, request=get(), fin=False):
    """The client gets a 502, and that server is not used again."""
    c, s = ask(b, request)
    s.send(said)
    if fin:
        s.finish()
    b.gets_answer(c, 502, closed=False)
    b.ends(s)
    b.logs(reason=word)
    b.probe(c, not_server=s)


# ---- routes ----

@exchange('routes a path by its letters alone',
          'RFC 3986 6.2.2: /admin/x to whoever decodes first')
def path_of_another_route(b):
    for path in '/%61dmin/x', '//admin/x', '/admin%2Fx':
        c = b.client(head(f'GET {path} HTTP/1.1', 'Host: a'))
        b.gets_answer(c, 400, closed=False)
        b.logs(reason='ambiguous-path')
        b.probe(c)


@exchange('refuses what can be decoded',
          'RFC 3986 6.2.2: the same route however it is read')
def path_of_the_same_route(b):
    for path in '/admin/%61', '/%62//admin/x', '/admin/a%2Fb':
        passes(b, head(f'GET {path} HTTP/1.1', 'Host: a'))


# ---- hop by hop, RFC 9110 7.6.1 ----

@exchange('drops whatever Connection lists',
          'RFC 9110 7.6.1: framing and identity are not to be listed')
def connection_lists_end_to_end_fields(b):
    passes(b, head(
        'POST /row HTTP/1.1', 'Host: a',
        'Connection: content-length, host, authorization, cookie, origin',
        'Connection: transfer-encoding, x-forwarded-for, x-request-id',
        'Authorization: x', 'Cookie: y', 'Origin: http://a',
        'Content-Length: 4') + b'body')


@exchange('passes on what Connection lists', 'RFC 9110 7.6.1')
def connection_lists_a_field(b):
    passes(b, get('Connection: keep-alive, X-Mine', 'X-Mine: 1', 'X-Other: 2'))


@exchange('passes on hop-by-hop fields', 'RFC 9110 7.6.1')
def hop_by_hop_fields_of_a_request(b):
    passes(b, get('TE: trailers', 'Keep-Alive: timeout=9', 'A: b',
                  'Proxy-Connection: keep-alive', 'Connection: TE'))


@exchange('passes on hop-by-hop fields', 'RFC 9110 7.6.1')
def hop_by_hop_fields_of_a_response(b):
    c, s = ask(b)
    said = answer('Connection: X-Mine', 'Keep-Alive: timeout=9', 'X-Mine: 1',
                  'A: b', 'Proxy-Connection: x', 'Content-Length: 0')
    s.send(said)
    b.gets(c, passed_on(said, False))
    b.probe(c, s)


@exchange('drops whatever Connection lists', 'RFC 9110 7.6.1')
def response_lists_end_to_end_fields(b):
    c, s = ask(b)
    said = answer('Connection: Content-Length, Set-Cookie', 'Set-Cookie: x',
                  'Content-Length: 2')
    s.send(said + b'ok')
    b.gets(c, passed_on(said, False) + b'ok')
    b.probe(c, s)


@exchange('lets an upgrade hide fields',
          'RFC 9110 7.6.1: the next proxy would drop it')
def upgrade_lists_an_end_to_end_field(b):
    request = upgrade('/row', 'a').replace(b'n: Upgrade',
                                           b'n: Upgrade, Cookie')
    is_refused(b, request, 400, 'connection-hides-field')


@exchange('keeps the connection whatever the client said',
          'RFC 9112 9.6: Connection: close')
def client_asks_to_close(b):
    c, s = ask(b, get('Connection: close'))
    s.send(OK)
    b.gets(c, passed_on(split(OK)[1], True) + b'ok')
    b.ends(c)
    assert c.end == 'fin'
    b.probe(None, s)


# ---- sizes ----

def padded(size, *lines):
    """A request's head of so many bytes."""
    request = get(*lines, 'A: ')
    return request[:-4] + b'x' * (size - len(request)) + b'\r\n\r\n'


@exchange('allows heads of one byte less',
          'RFC 6585 5: a head of max_head, 64 KiB')
def largest_head(b):
    passes(b, padded(65536))


@exchange('knows no largest head', 'RFC 6585 5: one byte more')
def head_above_the_limit(b):
    is_refused(b, padded(65537), 431, 'head-too-large')


@exchange('waits for the end of any head', 'RFC 6585 5: it never ends')
def head_without_end(b):
    c = b.client(b'GET / HTTP/1.1\r\nA: ' + b'x' * 70000)
    b.gets_answer(c, 431, closed=True)
    b.logs(reason='head-too-large')
    b.probe()


@exchange('answers 431 to any head', 'RFC 9110 15.5.15: the line alone')
def target_above_the_limit(b):
    is_refused(b, b'GET /' + b'x' * 70000, 414, 'target-too-long')


@exchange('allows 999 fields', 'RFC 6585 5: 1000 fields')
def most_fields(b):
    passes(b, get(*('A: b',) * 999))


@exchange('allows any number of fields', 'RFC 6585 5: 1001')
def fields_above_the_limit(b):
    is_refused(b, get(*('A: b',) * 1000), 431, 'too-many-fields')


def padded_answer(size):
    said = answer('Content-Length: 0', 'A: ')
    return said[:-4] + b'x' * (size - len(said)) + b'\r\n\r\n'


@exchange('allows heads of one byte less',
          'RFC 9110 5.4: an answer of max_head, 64 KiB')
def largest_head_of_a_response(b):
    passes(b, get(), padded_answer(65536))


@exchange('knows no largest head', 'RFC 9110 5.4: one byte more')
def response_head_above_the_limit(b):
    is_untrusted(b, padded_answer(65537), 'bad-response')


@exchange('waits for the end of any head', 'RFC 9110 5.4: it never ends')
def response_head_without_end(b):
    is_untrusted(b, answer('A: ' + 'x' * 70000)[:-4], 'bad-response')


def extended(size):
    """A chunk whose line has so many bytes, its CRLF left out."""
    return b'1;' + b'x' * (size - 2) + b'\r\nx\r\n'


@exchange('allows extensions of one byte less', 'RFC 9112 7.1.1: 4 KiB')
def longest_extension(b):
    passes(b, POST + extended(4095) + b'0\r\n\r\n')


@exchange('knows no longest extension', 'RFC 9112 7.1.1: a byte more')
def extension_above_the_limit(b):
    cuts_body(b, extended(4096))


def cuts_body(b, body):
    """400, and the server never gets to see a whole request."""
    c = b.client(POST + body + b'0\r\n\r\n')
    b.gets_answer(c, 400, closed=True)
    b.logs(reason='bad-body')
    s = b.server_gets(POST, exactly=False)
    b.ends(s)
    came = s.unread[len(b.forwarded(POST, s.unread)):]
    assert (body + b'0\r\n\r\n').startswith(came) and is_unfinished(came)
    s.unread = b''
    b.probe()


def trailers(size):
    """A last chunk with so many bytes of trailers, the last CRLF included."""
    return b'0\r\nA: ' + b'x' * (size - 7) + b'\r\n\r\n'


@exchange('allows trailers of one byte less', 'RFC 9112 7.1.2: 16 KiB')
def longest_trailers(b):
    passes(b, POST + trailers(16384))


@exchange('knows no longest trailers', 'RFC 9112 7.1.2: a byte more')
def trailers_above_the_limit(b):
    cuts_body(b, trailers(16385))


# ---- one request is one request ----

@exchange('forgets what is pipelined', 'RFC 9112 9.3.2: answered in order')
def pipelined_requests(b):
    requests = [head(f'GET /{n} HTTP/1.1', 'Host: a') for n in range(3)]
    c = b.client(b''.join(requests))
    for n, request in enumerate(requests):
        s = b.server_gets(request)
        s.send(response(200, str(n)))
        b.gets(c, response(200, str(n)))
    b.probe(c)


@exchange('goes on behind a refused head',
          'RFC 9112 11.2: what follows a smuggled request is not believed')
def request_behind_a_refused_one(b):
    is_refused(b, get('A : b'), 400, 'blank-before-colon')


@exchange('keeps the connection behind an unread body',
          'RFC 9112 9.3: the body would be the next request')
def request_behind_an_unread_body(b):
    is_refused(b, head('POST http://b/ HTTP/1.1', 'Host: a',
                       f'Content-Length: {len(SMUGGLED)}'),
               400, 'host-differs')


@exchange('keeps the connection behind half a body',
          'RFC 9112 9.3: an answer before the body has come')
def answer_before_the_body(b):
    request = head('POST /row HTTP/1.1', 'Host: a', 'Content-Length: 100')
    c = b.client(request + b'half')
    s = b.server_gets(request + b'half')
    s.send(OK)
    b.gets(c, passed_on(split(OK)[1], True) + b'ok')
    b.ends(c)
    assert c.end == 'fin'
    b.ends(s)
    b.probe()


@exchange('reuses a server that may overlook a body',
          'RFC 9112 11.2: CL.0')
def get_with_a_body(b):
    request = get('Content-Length: 4') + b'body'
    c, s = ask(b, request)
    s.send(OK)
    b.gets(c, OK)
    b.ends(s)
    b.probe(c)


@exchange('takes half a body for the whole', 'RFC 9112 8')
def truncated_request(b):
    request = head('POST /row HTTP/1.1', 'Host: a', 'Content-Length: 100')
    c = b.client(request + b'half')
    s = b.server_gets(request + b'half')
    c.finish()
    b.ends(s)
    b.ends(c)
    b.logs(reason='client-gone')
    b.probe()


@exchange('waits for a request behind the last one',
          'RFC 9112 9.6: no more follows, but the answer is wanted')
def client_half_closes_behind_its_request(b):
    c, s = ask(b)
    c.finish()
    s.send(OK)
    b.gets(c, OK)
    b.ends(c)
    b.probe(None, s)


# ---- upgrades ----

@exchange('sends early bytes before the 101',
          'RFC 6455 4.1: they wait for the 101')
def bytes_behind_a_refused_upgrade(b):
    request = upgrade('/row', 'a')
    c = b.client(request + SMUGGLED)
    s = b.server_gets(request)
    said = answer('Content-Length: 0', status='403 No')
    s.send(said)
    b.gets(c, passed_on(said, True))
    b.ends(c)
    b.ends(s)
    assert not s.unread
    b.probe(not_server=s)


@exchange('believes a 101 without a key', 'RFC 6455 4.1: nothing to verify')
def upgrade_without_a_key(b):
    request = upgrade('/row', 'a', key=None)
    c, s = ask(b, request)
    s.send(switching(''))
    b.gets_answer(c, 502, closed=True)
    b.ends(s)
    b.logs(reason='bad-upgrade')
    b.probe(not_server=s)


@exchange('switches whoever asked for it',
          'RFC 9110 15.2.2: nobody asked')
def switching_that_nobody_asked_for(b):
    is_untrusted(b, answer('Connection: Upgrade', 'Upgrade: websocket',
                           status='101 X') + INJECTED, 'bad-upgrade')


@exchange('switches whoever asked for it',
          'RFC 9110 7.8: what was asked for was dropped on the way')
def switching_after_a_misused_upgrade(b):
    request = head('POST /row HTTP/1.1', 'Host: a', 'Connection: Upgrade',
                   'Upgrade: websocket', f'Sec-WebSocket-Key: {KEY}',
                   'Content-Length: 0')
    is_untrusted(b, answer('Connection: Upgrade', 'Upgrade: websocket',
                           status='101 X') + INJECTED, 'bad-upgrade', request)


@exchange('drops Upgrade from a 426', 'RFC 9110 15.5.22')
def upgrade_required(b):
    c, s = ask(b)
    said = answer('Upgrade: websocket', 'Content-Length: 0', status='426 X')
    s.send(said)
    b.gets(c, passed_on(said, False))
    b.probe(c, s)


@exchange('drops Upgrade from a 426',
          'RFC 6455 4.4: the version that the server wants')
def upgrade_required_of_an_upgrade(b):
    c, s = ask(b, upgrade('/row', 'a'))
    said = answer('Upgrade: websocket', 'Sec-WebSocket-Version: 13',
                  'Content-Length: 0', status='426 X')
    s.send(said)
    b.gets(c, passed_on(said, True))
    b.ends(s)
    b.probe(not_server=s)


# ---- interim responses, RFC 9110 15.2 ----

CONTINUE = answer(status='100 Continue')
HINTS = answer('Link: </a>', status='103 Early Hints')


@exchange('allows fifteen interim responses', 'RFC 9110 15.2: sixteen')
def most_interim_responses(b):
    c, s = ask(b)
    s.send(HINTS * 16 + OK)
    b.gets(c, HINTS * 16 + OK)
    b.probe(c, s)


@exchange('drops the limit of 16 interim responses',
          'RFC 9110 15.2: endless ones')
def interim_responses_above_the_limit(b):
    c, s = ask(b)
    s.send(HINTS * 17 + OK)
    b.ends(s)
    b.wait(lambda: len(c.unread) > len(HINTS * 16), 'the 502')
    assert c.unread.startswith(HINTS * 16), c.unread
    c.unread = c.unread[len(HINTS * 16):]
    b.gets_answer(c, 502, closed=False)
    b.logs(reason='bad-response',
           message='the backend goes on with interim answers (RFC 9110 15.2);'
                   ' 16 are passed on')
    b.probe(c, not_server=s)


@exchange('takes 100 for the answer', 'RFC 9110 10.1.1')
def expected_continue(b):
    request = head('POST /row HTTP/1.1', 'Host: a', 'Expect: 100-continue',
                   'Content-Length: 4')
    c, s = ask(b, request)
    s.send(CONTINUE)
    b.gets(c, CONTINUE)
    c.send(b'body')
    b.gets(s, b'body')
    s.send(OK)
    b.gets(c, OK)
    b.probe(c, s)


@exchange('sends 1xx to HTTP/1.0', 'RFC 9110 15.2: it knows none')
def interim_response_for_http_1_0(b):
    c, s = ask(b, b'GET /row HTTP/1.0\r\n\r\n')
    s.send(CONTINUE + HINTS + OK)
    b.gets(c, passed_on(split(OK)[1], True) + b'ok')
    b.ends(c)
    b.probe(None, s)


# ---- answers without a body, RFC 9112 6.3 ----

def has_no_body(b, said, request=get(), expected=None):
    """The connection to the server is used again."""
    c, s = ask(b, request)
    s.send(said)
    b.gets(c, expected or passed_on(said, False))
    b.probe(c, s)


def has_surplus(b, said, request=get()):
    """What comes behind it reaches nobody."""
    c, s = ask(b, request)
    s.send(said + INJECTED)
    b.gets(c, passed_on(said, False))
    b.ends(s)
    b.probe(c, not_server=s)


HEAD = head('HEAD /row HTTP/1.1', 'Host: a')


@exchange('waits for the body of an answer to HEAD', 'RFC 9110 9.3.2')
def head_with_a_length(b):
    has_no_body(b, answer('Content-Length: 5'), HEAD)


@exchange('waits for the body of an answer to HEAD', 'RFC 9110 9.3.2')
def head_with_chunks(b):
    has_no_body(b, answer('Transfer-Encoding: chunked'), HEAD)


@exchange('waits for the body of a 304', 'RFC 9110 15.4.5')
def not_modified_with_a_length(b):
    has_no_body(b, answer('Content-Length: 5', status='304 X'))


@exchange('waits for the body of a 204', 'RFC 9110 15.3.5')
def no_content_with_a_length(b):
    said = answer('Content-Length: 5', 'A: b', status='204 X')
    has_no_body(b, said, expected=answer('A: b', status='204 X'))


@exchange('reuses a server that said more', 'RFC 9110 9.3.2: a body to HEAD')
def head_with_a_body(b):
    has_surplus(b, answer('Content-Length: 5'), HEAD)


@exchange('reuses a server that said more', 'RFC 9110 15.4.5: of a 304')
def not_modified_with_a_body(b):
    has_surplus(b, answer('Content-Length: 5', status='304 X'))


@exchange('reuses a server that said more', 'RFC 9110 15.3.5: of a 204')
def no_content_with_a_body(b):
    has_surplus(b, answer(status='204 X'))


# ---- where answers end ----

@exchange('reuses a server that said more', 'RFC 9112 11.1: splitting')
def bytes_behind_a_length(b):
    c, s = ask(b)
    s.send(OK + INJECTED)
    b.gets(c, OK)
    b.ends(s)
    b.probe(c, not_server=s)


@exchange('keeps a server that speaks unasked',
          'RFC 9112 9.2: bytes while nothing was asked')
def bytes_between_two_requests(b):
    c, s = ask(b)
    s.send(OK)
    b.gets(c, OK)
    s.send(INJECTED)
    b.ends(s)
    b.probe(c, not_server=s)


@exchange('keeps what HTTP/1.0 closes', 'RFC 9112 9.3: HTTP/1.0')
def http_1_0_server(b):
    c, s = ask(b)
    s.send(OK.replace(b'1.1', b'1.0'))
    b.gets(c, OK)
    b.ends(s)
    b.probe(c, not_server=s)


@exchange('closes what HTTP/1.0 keeps', 'RFC 9112 9.3: HTTP/1.0')
def http_1_0_server_with_keep_alive(b):
    c, s = ask(b)
    s.send(OK.replace(b'1.1', b'1.0').replace(
        b'A: b', b'Connection: keep-alive\r\nA: b'))
    b.gets(c, OK)
    b.probe(c, s)


@exchange('keeps what HTTP/1.0 closes', 'RFC 9112 9.6')
def server_asks_to_close(b):
    c, s = ask(b)
    s.send(OK.replace(b'A: b', b'Connection: close\r\nA: b'))
    b.gets(c, OK)
    b.ends(s)
    b.probe(c, not_server=s)


@exchange('closes what HTTP/1.0 keeps', 'RFC 9112 9.3: HTTP/1.0')
def http_1_0_client_with_keep_alive(b):
    c, s = ask(b, b'GET /row HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
    s.send(OK)
    b.gets(c, passed_on(split(OK)[1], False, to_10=True) + b'ok')
    b.probe(c, s)


@exchange('takes any end for the end of a length', 'RFC 9112 8')
def truncated_length(b):
    c, s = ask(b)
    s.send(OK[:-1])
    s.finish()
    assert b.rest(c) == OK[:-1]
    b.logs(reason='server-truncated')
    b.probe(not_server=s)


@exchange('takes any end for the end of an unwrapped body', 'RFC 9112 8')
def truncated_chunks_for_http_1_0(b):
    c, s = ask(b, b'GET /row HTTP/1.0\r\n\r\n')
    s.send(answer('Transfer-Encoding: chunked') + b'5\r\nhel')
    s.finish()
    assert b.rest(c).endswith(b'\r\n\r\nhel') and c.end == 'reset'
    b.probe(not_server=s)


@exchange('takes the end for the end of a head', 'RFC 9112 8')
def truncated_head(b):
    is_untrusted(b, OK[:20], 'server-truncated', fin=True)


@exchange('takes silence for an answer', 'RFC 9110 15.6.3')
def no_answer(b):
    # (a GET would be sent again, to another connection)
    is_untrusted(b, b'', 'server-closed', fin=True, request=head(
        'POST /row HTTP/1.1', 'Host: a', 'Content-Length: 0'))

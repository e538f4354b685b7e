# SPDX-License-Identifier: ISC
"""
Requests that bowsprit answers itself, beside those of test_raw.py: what they
need is another configuration, or a body that is still on its way.
"""

import time
from email.utils import formatdate, parsedate_to_datetime

from backends import web
from wire import get, request, response


def test_answer_survives_what_is_still_being_sent(bowsprit, backend, client):
    """Closing with input unread would reset, and eat the answer."""
    b = backend(web())
    c = client(bowsprit(b))
    c.send(request('POST', '/a/../b', 'x', 'Content-Length: 4000000'))
    for _ in range(40):
        c.send(b'x' * 100000)
    assert c.read_response().status == 400
    c.expect_end()


def test_max_head_is_a_setting(bowsprit, backend, client):
    b = backend(web())
    bs = bowsprit(b, max_head='2K')
    c = client(bs)
    c.send(get('/', 'x', f'Cookie: {"c" * 2100}'))
    assert c.read_response().status == 431
    bs = bowsprit(b, max_head='128K')
    c = client(bs)
    c.send(get('/', 'x', f'Cookie: {"c" * 100000}'))
    assert c.read_response().status == 200


def test_path_that_decodes_to_another_route(bowsprit, backend, client):
    """%61dmin would be /admin to an application that decodes first."""
    b = backend(web())
    bs = bowsprit(b, backends={
        'app': {'servers': (b.url,)}, 'admin': {'servers': (b.url,)}},
        routes=({'path': '/admin/**', 'backend': 'admin'},
                {'path': '/**', 'upgrade': 'both', 'backend': 'app'}))
    for path in ('/%61dmin/x', '//admin/x', '/admin%2Fx'):
        c = client(bs)
        c.send(get(path))
        assert c.read_response().status == 400, path
    c = client(bs)
    c.send(get('/other%2Fadmin/%61'))
    assert c.read_response().status == 200


def test_server_that_is_not_there(bowsprit, client, down):
    bs = bowsprit(down)
    c = client(bs)
    for _ in range(2):  # the connection to the client is none the worse
        c.send(get('/x'))
        r = c.read_response()
        assert r.status == 502
        assert down.encode() in r.body, 'who refused is not said'
    e = bs.wait_status(502, '/x')
    assert e['reason'] == 'server-refused' and down in e['hint']
    c.send(request('POST', '/x', 'x', 'Content-Length: 300000',
                   body=b'x' * 300000))
    assert c.read_response().status == 502


def test_own_answer_to_head_has_no_body(bowsprit, client, down):
    c = client(bowsprit(down))
    c.send(get().replace(b'GET', b'HEAD') + get())
    assert c.read_response('HEAD').status == 502
    assert c.read_response().status == 502


def test_own_answer_has_a_date(bowsprit, client, down):
    """RFC 9110 6.6.1: a gateway is an origin server to its clients."""
    c = client(bowsprit(down))
    c.send(get())
    date = c.read_response().get('Date')
    at = parsedate_to_datetime(date).timestamp()
    assert date == formatdate(at, usegmt=True)
    assert abs(time.time() - at) < 600


def test_answer_can_be_read_by_a_page_of_the_same_host(
        bowsprit, client, down):
    c = client(bowsprit(down))
    c.send(get('/', 'localhost:3000', 'Origin: http://localhost:3000'))
    r = c.read_response()
    assert r.get('Access-Control-Allow-Origin') == 'http://localhost:3000'
    c.send(get('/', 'localhost:3000', 'Origin: http://evil.example'))
    assert c.read_response().get('Access-Control-Allow-Origin') is None


def test_absolute_form_names_the_host(bowsprit, backend, client):
    """RFC 9112 3.2.2: for routes, too, and where there is no Host."""
    b = backend(web())
    other = backend(lambda w, n: (w.read_head(), w.send(
        response(200, 'other'))))
    bs = bowsprit(b, backends={
        'app': {'servers': (b.url,)}, 'other': {'servers': (other.url,)}},
        routes=({'path': 'other.example/**', 'backend': 'other'},
                {'path': '/**', 'backend': 'app'}))
    c = client(bs)
    c.send(get('/', 'other.example'))
    assert c.read_response().body == b'other'
    c.send(b'GET http://other.example/ HTTP/1.0\r\n\r\n')
    assert c.read_response().body == b'other'

# SPDX-License-Identifier: ISC
"""
The demonstration, as its page uses it: what entered and what came out, told
to the page that sent it and to nobody else.
"""

import json
import re
import time

import pytest

import wire
from wire import closing, from_client, get, upgrade, wait_until

DEMO = ('--demo', '-l', '127.0.0.1:@PORT@')
LOG_WORDS = ('[WebSocket Upgrade] Handling', '[WebSocket Proxy] Proxying',
             '[WebSocket Proxy] Connection opened')


class Feed:
    """A page's events."""

    def __init__(self, w):
        self.w = w
        w.send(get('/events'))
        self.head = wire.Response(w.read_head())
        assert self.head.status == 200, self.head.line
        assert self.head.get('Content-Type') == 'text/event-stream'
        assert self.head.get('Transfer-Encoding') == 'chunked'
        self.text = ''
        self.ticket = self.wait_for('ticket')

    def read_chunk(self):
        """False at the end."""
        size = int(self.w.read_until(b'\r\n'), 16)
        data = self.w.read(size + 2)[:-2]
        self.text += data.decode()
        return size > 0

    def events(self, name):
        return [json.loads(data) for data in re.findall(
            rf'^event: {name}\ndata: (.*)\n\n', self.text, re.M)]

    def wait_for(self, name, n=1):
        while len(self.events(name)) < n:
            assert self.read_chunk(), f'it ended without {n} {name}'
        return self.events(name)[n - 1]

    def lines(self):
        return [e['text'] for e in self.events('line')]

    def wait_line(self, words):
        while not any(words in line for line in self.lines()):
            assert self.read_chunk(), f'it ended without {words}'

    def read_to_end(self):
        while self.read_chunk():
            pass

    def expect_quiet(self):
        """Nothing but what is sent to see whether somebody is there."""
        before = self.text
        with pytest.raises(AssertionError, match='nothing more came'):
            self.w.sock.settimeout(wire.QUIET)
            while self.read_chunk():
                pass
        self.w.sock.settimeout(self.w.timeout)
        assert self.text[len(before):].replace(':\n\n', '') == ''


@pytest.fixture
def feed(client):
    return lambda bs: Feed(client(bs))


def sides(event):
    """The two heads that the event tells of."""
    before = ''.join(li.get('before', '') for li in event['lines'])
    after = ''.join(li['before'] if li['sign'] == '=' else li.get('after', '')
                    for li in event['lines'])
    return before.encode('latin-1'), after.encode('latin-1')


def names(event, sign):
    return [(li.get('after') or li['before']).partition(':')[0]
            for li in event['lines'] if li['sign'] == sign]


def open_own(bs, client, f, *fields):
    """The page's WebSocket; its request as sent, and its 101."""
    c = client(bs)
    request = upgrade(f'/ws?ticket={f.ticket}', f'localhost:{bs.port}', *fields)
    c.send(request)
    answer = c.read_head()
    assert answer.startswith(b'HTTP/1.1 101 ')
    return c, request, answer


@pytest.mark.parametrize('path, kind', [
    ('/', 'text/html'), ('/demo.css', 'text/css'),
    ('/demo.js', 'text/javascript'), ('/demo.svg', 'image/svg+xml')])
def test_files(path, kind, bowsprit, client):
    """They need nothing from elsewhere, and would not get it."""
    bs = bowsprit(argv=DEMO)
    c = client(bs)
    c.send(get(path, f'localhost:{bs.port}'))
    r = c.read_response()
    assert r.status == 200 and r.get('Content-Type').startswith(kind)
    text = r.body.decode()
    assert not re.findall(r'https?://(?!www\.w3\.org/2000/svg")', text)
    assert 'style=' not in text and 'onclick=' not in text
    policy = dict(p.split(' ', 1)
                  for p in r.get('Content-Security-Policy').split('; '))
    assert policy.pop('connect-src') == (
        f"'self' ws://localhost:{bs.port} wss://localhost:{bs.port}")
    own = {policy.pop(p + '-src') for p in ('script', 'style', 'img')}
    assert own == {"'self'"} and set(policy.values()) == {"'none'"}


def test_host_does_not_widen_the_policy(bowsprit, client):
    bs = bowsprit(argv=DEMO)
    backend = int(re.search(r'127\.0\.0\.1:(\d+)',
                            bs.wait_line('> Proxying to')).group(1))
    c = client(backend)  # bowsprit itself would refuse such a host
    c.send(get('/', "a;script-src *"))
    assert 'script-src *' not in \
        c.read_response().get('Content-Security-Policy')


def test_both_sides_of_the_handshake(bowsprit, client, feed):
    bs = bowsprit(argv=DEMO)
    f = feed(bs)
    _, request, answer = open_own(bs, client, f, 'X-Odd_Name:  odd \xe9value',
                                  'x-tag: a', 'X-Tag: b', 'Pragma: no-cache')
    event = f.wait_for('request')
    before, after = sides(event)
    assert before == request
    assert after.startswith(request[:-2] + b'X-Forwarded-For: 127.0.0.1\r\n')
    assert names(event, '+') == ['X-Forwarded-For', 'X-Forwarded-Proto',
                                 'X-Forwarded-Host', 'X-Forwarded-Port',
                                 'X-Request-Id']
    assert len(names(event, '=')) == len(request.split(b'\r\n')) - 1
    assert sides(f.wait_for('answer')) == (answer, answer)


def test_every_kind_of_difference(bowsprit, client, feed):
    bs = bowsprit(argv=('--demo',), set_headers=('X-Set: new',),
                  remove_headers=('Pragma',),
                  set_response_headers=('X-Answer: 1',),
                  remove_response_headers=('Date',))
    f = feed(bs)
    _, request, answer = open_own(bs, client, f, 'X-Forwarded-For: 10.0.0.1',
                                  'Pragma: no-cache', 'X-Last: 1')
    event = f.wait_for('request')
    assert sides(event)[0] == request
    assert names(event, '-') == ['Pragma']
    assert 'X-Set' in names(event, '+')
    change, = [li for li in event['lines'] if li['sign'] == '~']
    assert change['after'] == 'X-Forwarded-For: 10.0.0.1, 127.0.0.1\r\n'
    assert change['head'] == len('X-Forwarded-For: 10.0.0.1')
    event = f.wait_for('answer')
    assert sides(event)[1] == answer
    assert names(event, '-') == ['Date'] and names(event, '+') == ['X-Answer']


def test_echo_and_log_lines(bowsprit, client, feed):
    """As they come, of level debug too, though the log itself is quiet."""
    bs = bowsprit(argv=(*DEMO, '-q'), wait=None)
    wait_until(lambda: not bs.ended() and can_feed(bs, feed), 'a feed')
    f = feed(bs)
    c, _, _ = open_own(bs, client, f)
    for words in LOG_WORDS:
        f.wait_line(words)
    c.send(from_client('hello', wire.TEXT))
    assert c.read_message() == (wire.TEXT, b'hello')
    f.wait_line('Received data from backend: 7 bytes')
    assert f.events('line')[-1]['level'] == 20
    c.send(from_client(closing(4001), wire.CLOSE))
    assert c.read_message() == (wire.CLOSE, closing(4001))
    f.wait_line('Connection closed')
    assert "by: 'client', reason: 'close', code: 4001" in f.lines()[-1]
    assert bs.lines('WebSocket') == []


def can_feed(bs, feed):
    try:
        feed(bs)
        return True
    except ConnectionRefusedError:
        return False


def test_others_are_told_nothing(bowsprit, client, feed):
    bs = bowsprit(argv=DEMO)
    f, other = feed(bs), feed(bs)
    assert f.ticket != other.ticket
    open_own(bs, client, f)
    f.wait_for('answer')
    for path in ('/ws', '/ws?ticket=', f'/ws?ticket={f.ticket}0',
                 f'/ws?ticket={f.ticket[:-1]}', f'/ws?x={f.ticket}'):
        c = client(bs)
        c.send(upgrade(path))
        assert c.read_head().startswith(b'HTTP/1.1 101 ')
    other.expect_quiet()
    assert other.events('request') == [] and other.lines() == []
    assert len(f.events('request')) == 1
    assert {re.search(r'id: (\d+)', line).group(1) for line in f.lines()} == \
        {str(f.wait_for('request')['id'])}


def test_secrets(bowsprit, client, feed):
    """Marked, for the page to cover; and redacted where the log does it."""
    bs = bowsprit(argv=DEMO)
    f = feed(bs)
    open_own(bs, client, f, 'Cookie: a=S3CRET', 'X-Api-Key: S3CRET',
             'Sec-WebSocket-Protocol: bearer, S3CRET', 'X-Plain: 1')
    event = f.wait_for('request')
    f.wait_for('answer')
    secret = {li['before'].partition(':')[0] for li in event['lines']
              if li.get('secret')}
    assert secret == {'Cookie', 'X-Api-Key', 'Sec-WebSocket-Protocol'}
    assert 'S3CRET' not in ''.join(f.lines()) + bs.out() + bs.err()
    assert f.ticket not in ''.join(f.lines()) + bs.out() + bs.err()


def test_next_websocket_of_a_page(bowsprit, client, feed):
    bs = bowsprit(argv=DEMO)
    f = feed(bs)
    for i in range(1, 6):
        c, request, _ = open_own(bs, client, f, f'X-Number: {i}')
        assert sides(f.wait_for('request', i))[0] == request
        c.send(from_client(closing(1000), wire.CLOSE))
        assert c.read_message() == (wire.CLOSE, closing(1000))
        c.close()
        f.wait_line(f'id: {f.wait_for("request", i)["id"]}, route')


def test_head_in_pieces(bowsprit, client):
    """What the backend looks at lies there meanwhile, and costs nothing."""
    bs = bowsprit(argv=DEMO)
    port = int(re.search(r'127\.0\.0\.1:(\d+)',
                         bs.wait_line('> Proxying to')).group(1))
    c = client(port)
    head = get('/echo', 'localhost', 'X-Long: ' + 'x' * 5000)
    for byte in head[:100]:
        c.send(bytes([byte]))
    before, end = bs.cpu(), time.monotonic() + 0.5
    wait_until(lambda: time.monotonic() > end, 'half a second')
    assert bs.cpu() - before < 0.2
    c.send(head[100:])
    assert b'X-Long: xxx' in c.read_response().body
    c.send(get('/echo', 'again'))
    assert b'Host: again' in c.read_response().body
    c = client(port)
    c.send(head[:100])
    c.finish()
    c.expect_gone()


def test_echo_as_text(bowsprit, client):
    bs = bowsprit(argv=DEMO)
    c = client(bs)
    c.send(get('/echo?a=%20b', 'localhost', 'X-Odd_Name: odd value'))
    r = c.read_response()
    assert r.body.startswith(b'GET /echo?a=%20b HTTP/1.1\n')
    assert b'X-Odd_Name: odd value\n' in r.body


def test_pages_that_went_leave_their_place(bowsprit, client, feed):
    """64 may be open; that one has gone is noticed within seconds."""
    bs = bowsprit(argv=DEMO)
    feeds = [feed(bs) for _ in range(64)]
    c = client(bs)
    c.send(get('/events'))
    assert c.read_response().status == 503
    feeds[0].w.close()

    def is_let_in():
        c.send(get('/events'))
        return wire.Response(c.read_head()).status == 200 or \
            not c.read(len('too many pages are open\n'))
    wait_until(is_let_in, 'a place', 15 * wire.SLOW, pause=0.2)


def test_open_pages_hold_up_no_drain(bowsprit, client, feed):
    """The last lines come, and then the end of the feed."""
    bs = bowsprit(argv=DEMO)
    idle, f = feed(bs), feed(bs)
    c, _, _ = open_own(bs, client, f)
    f.wait_for('answer')
    began = time.monotonic()
    bs.signal()
    assert c.read_message() == (wire.CLOSE, closing(1001))
    idle.read_to_end()
    c.send(from_client(closing(1001), wire.CLOSE))
    f.read_to_end()
    assert 'Connection closed' in f.lines()[-1]
    bs.wait_end()
    assert time.monotonic() - began < 3 * wire.SLOW


def test_end_with_a_page_that_stays(bowsprit, client, feed):
    """At a second signal nothing is waited for."""
    bs = bowsprit(argv=DEMO)
    f = feed(bs)
    open_own(bs, client, f)
    f.wait_for('answer')
    bs.signal()
    end = time.monotonic() + 1.2
    wait_until(lambda: time.monotonic() > end, 'more than a second')
    bs.signal()
    bs.wait_end(3 * wire.SLOW)

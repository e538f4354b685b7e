# SPDX-License-Identifier: ISC
"""
contrib/examples/log-stream as its users run it: by the environment that the
server had, each name of which does what it did.
"""

import json
import os
import subprocess
import time

import pytest

import wire
from backends import echoing, switch, tunnel
from daemon import free_port
from wire import closing, frame, from_client, switching, upgrade, wait_until

EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       '../../contrib/examples/log-stream/bowsprit.cfg')


@pytest.fixture
def log_stream(bowsprit, backend):
    """A factory: the example with that environment, and its server."""
    def make(script=tunnel, **env):
        b = backend(script)
        port = free_port()
        bs = bowsprit(argv=('-c', EXAMPLE),
                      env={'PORT': str(port), 'HOST': '127.0.0.1',
                           'LOG_SERVER': b.url, **env})
        bs.port = port
        return bs, b
    return make


def open_one(bs, client):
    c = client(bs)
    c.open_websocket('/')
    return c


def test_port_and_host(log_stream, client):
    bs, _ = log_stream(echoing, HOST='127.0.0.2')
    with pytest.raises(OSError):
        client(bs)
    c = client(bs, host='127.0.0.2')
    c.open_websocket('/')


def test_max_sessions(log_stream, client):
    bs, b = log_stream(MAX_SESSIONS='2')
    cs = [open_one(bs, client) for _ in range(2)]
    late = client(bs)
    late.send(upgrade('/'))
    refused = late.read_response()
    assert refused.status == 503
    assert refused.get('Retry-After')
    assert len(b.wires) == 2
    cs[0].reset()
    bs.closed()

    def is_free():
        c = client(bs)
        c.send(upgrade('/'))
        return c.read_response().status == 101
    wait_until(is_free, 'the place of the one that left')


def pinging(heard):
    """A script: a server that pings once by itself, and answers pings."""
    def script(w, number):
        switch(w)
        w.send(frame(b'theirs', wire.PING))
        while True:
            opcode, payload = w.read_message()
            heard.append((opcode, payload))
            if opcode == wire.PING:
                w.send(frame(payload, wire.PONG))
    return script


def answer_pings(c, until):
    """Until that many were bowsprit's, or its end; (how many, theirs)."""
    ours, theirs = 0, 0
    try:
        while ours < until:
            opcode, payload = c.read_message()
            assert opcode == wire.PING
            ours += payload.startswith(b'bowsprit')
            theirs += payload == b'theirs'
            c.send(from_client(payload, wire.PONG))
    except wire.Closed:
        pass
    return ours, theirs


def test_session_timeout(log_stream, client):
    """In milliseconds; pings, the server's or ours, are no use of it."""
    heard = []
    bs, _ = log_stream(pinging(heard), SESSION_TIMEOUT='1000',
                       WS_PING_INTERVAL='100')
    c = open_one(bs, client)
    began = time.monotonic()
    ours, _ = answer_pings(c, 1000)
    assert ours > 1
    assert 0.9 < time.monotonic() - began < 1 + wire.PATIENCE
    line = bs.closed()
    assert (line['by'], line['reason']) == ('proxy', 'tunnel-idle')


def test_ping_interval_and_timeout(log_stream, client):
    """In milliseconds; the server's own pings and the Pongs to them pass."""
    heard = []
    bs, _ = log_stream(pinging(heard), WS_PING_INTERVAL='300',
                       WS_PING_TIMEOUT='600')
    c = open_one(bs, client)
    began = time.monotonic()
    assert answer_pings(c, 3) == (3, 1)
    assert time.monotonic() - began > 0.8, 'three intervals'
    began = time.monotonic()
    c.expect_gone()
    assert 0.8 < time.monotonic() - began < 4 * wire.SLOW
    assert bs.closed()['reason'] == 'client-ping-timeout'
    assert [p for opcode, p in heard if opcode == wire.PONG] == [b'theirs']
    assert sum(opcode == wire.PING for opcode, _ in heard) > 1


@pytest.mark.parametrize('level, is_told', [('debug', True), ('info', False)])
def test_log_level(level, is_told, log_stream, client):
    """And the token, which is within a message, is in no line."""
    bs, _ = log_stream(echoing, LOG_LEVEL=level)
    c = open_one(bs, client)
    message = json.dumps({'type': 'subscribe', 'sessionId': 'session-123',
                          'auth': {'token': 'your-auth-token'}}).encode()
    c.send(from_client(message, wire.TEXT))
    assert c.read_message() == (wire.TEXT, message)
    c.send(from_client(closing(1000), wire.CLOSE))
    assert c.read_message() == (wire.CLOSE, closing(1000))
    c.close()
    bs.closed()
    told = bs.events('Received data from backend')
    assert bool(told) == is_told
    assert {e['level'] for e in told} <= {20}
    assert 'your-auth-token' not in bs.out() + bs.err()


def test_probe_with_curl(log_stream):
    """As the server's own documentation has it."""
    bs, _ = log_stream(echoing)
    p = subprocess.run(
        ['curl', '-isN', '--max-time', '1', '-H', 'Connection: Upgrade',
         '-H', 'Upgrade: websocket',
         '-H', 'Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==',
         '-H', 'Sec-WebSocket-Version: 13', f'http://127.0.0.1:{bs.port}'],
        stdout=subprocess.PIPE, check=False)
    assert p.stdout == switching('x3JJHMbDL1EzLkh9GBhXDw==')
    assert b': HSmrc0sMlYUkAGmm5OPpG2HaGWk=\r\n' in p.stdout
    assert bs.closed()['by'] == 'client'

# SPDX-License-Identifier: ISC
"""
SIGHUP: the next request goes by the new configuration, what is under way is
left alone, and a mistake changes nothing.
"""

import os
import signal

from backends import answering, echoing
from daemon import config_text
from wire import frame, from_client, get, response, upgrade, wait_until


def settings(port, url, **more):
    return config_text({
        'listeners': ({'address': '127.0.0.1', 'port': port},),
        'routes': ({'path': '/**', 'upgrade': 'both', 'backend': url},),
        'log': {'format': 'json', 'access': 'all'}, **more})


def rewrite(bs, text):
    """As an editor does: the old file or the new one, never a half."""
    path = os.path.join(bs.folder, 'bowsprit.cfg')
    with open(path + '.new', 'w', encoding='ascii') as f:
        f.write(text)
    os.rename(path + '.new', path)
    bs.signal(signal.SIGHUP)


def ask(c):
    c.send(get())
    return c.read_response()


def test_next_request_goes_by_the_new_one(bowsprit, backend, client):
    old = backend(answering(response(200, b'old')))
    new = backend(answering(response(200, b'new')))
    bs = bowsprit(old)
    c = client(bs)
    assert ask(c).body == b'old'
    rewrite(bs, settings(bs.port, new.url))
    bs.wait_line('Configuration reloaded')
    wait_until(lambda: ask(client(bs)).body == b'new', 'the new backend')
    c2 = client(bs)
    c2.send(get())
    assert c2.read_response().body == b'new'


def test_tunnel_lives_on(bowsprit, backend, client):
    bs = bowsprit(backend(echoing))
    c = client(bs)
    c.send(upgrade())
    assert c.read_response().status == 101
    other = backend(answering(response(200, b'new')))
    for n in range(20):
        rewrite(bs, settings(bs.port, other.url))
        bs.wait_line('Configuration reloaded', n=n + 1)
        c.send(from_client(b'still here'))
        assert c.read_frame()[1] == b'still here'
    assert not bs.events('[WebSocket Proxy] Connection closed')


def test_mistake_changes_nothing(bowsprit, backend, client):
    b = backend(answering(*[response(200, b'old')] * 9))
    bs = bowsprit(b)
    c = client(bs)
    assert ask(c).body == b'old'
    rewrite(bs, settings(bs.port, b.url, colour='green'))
    bs.wait_line('the running one stays')
    assert any(e['level'] == 50 and 'unknown setting "colour"' in e['msg']
               for e in bs.events()), 'in the log, where an operator looks'
    assert not bs.err()
    assert ask(c).body == b'old', 'on the same connection'
    assert not bs.ended()


def test_log_level_changes(bowsprit, backend, client):
    b = backend(echoing)
    bs = bowsprit(b)
    rewrite(bs, settings(bs.port, b.url).replace(
        'access = "all"', 'access = "all"; level = "debug"'))
    bs.wait_line('Configuration reloaded')
    c = client(bs)
    c.send(upgrade())
    assert c.read_response().status == 101
    c.send(from_client(b'x'))
    assert c.read(3) == frame(b'x')
    bs.wait_event('Received data from backend: 3 bytes')


def test_log_file_is_opened_again(bowsprit, backend, tmp_path, client):
    log = tmp_path / 'moved.log'
    b = backend(answering(*[response(200, b'a')] * 9))
    bs = bowsprit(b, wait=None, log={'file': str(log), 'access': 'all'})
    wait_until(lambda: log.exists() and 'Ready' in log.read_text(), 'ready')
    log.rename(tmp_path / 'moved.log.1')
    bs.signal(signal.SIGUSR1)
    wait_until(log.exists, 'a new file')
    assert ask(client(bs)).status == 200
    wait_until(lambda: '[HTTP] GET / 200' in log.read_text(), 'its line')

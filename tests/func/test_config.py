# SPDX-License-Identifier: ISC
"""
What the operator says, and what is said back: options, the file, mistakes.
"""

import os
import re
import socket
import subprocess

import pytest

from backends import answering, tunnel, web
from daemon import config_text, free_port
from wire import get, response, upgrade, wait_until

BOWSPRIT = os.environ.get('BOWSPRIT', 'bowsprit')


def run(*args, cwd, env=None):
    """Runs it to its end: (status, stdout, stderr)."""
    environ = {k: v for k, v in os.environ.items()
               if k not in ('PORT', 'HOST', 'HOSTNAME')}
    p = subprocess.run([BOWSPRIT, *args], cwd=cwd, env={**environ,
                       **(env or {})}, stdin=subprocess.DEVNULL,
                       capture_output=True, timeout=20, check=False)
    assert b'Sanitizer' not in p.stderr and b'runtime error' not in p.stderr
    return p.returncode, p.stdout.decode(), p.stderr.decode()


@pytest.mark.parametrize('option', ['-V', '--version'])
def test_version(option, tmp_path):
    status, out, err = run(option, cwd=tmp_path)
    assert status == 0 and not err
    assert re.fullmatch(r'bowsprit \d+\.\d+\.\d+\S*\n', out)


@pytest.mark.parametrize('option', ['-h', '--help'])
def test_help(option, tmp_path):
    status, out, err = run(option, cwd=tmp_path)
    assert status == 0 and not err
    for word in ('-c', '-l', '-b', '-r', '-w', '-t', '-v', '-q', '-V', '-h',
                 '--log-format', '--demo', '-- COMMAND'):
        assert word in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize('args, said', [
    (('--lisen', '3'), '--listen'),
    (('-x',), '-x'),
    (('--nonsense',), '--nonsense'),
    (('-c',), '-c'),
    (('-l', 'x:y:z'), '--listen'),
    (('-l', '99999'), '99999'),
    (('-b', 'gopher://x'), 'gopher'),
    (('-w', '/x'), '--ws'),
    (('-r', 'x=http://127.0.0.1:1'), '--route'),
    (('-w', '/x=http://127.0.0.1:1 no_such=1'), 'no_such'),
    (('-w', '/a=http://127.0.0.1:1', '-w', '/a=http://127.0.0.1:2'), '/a'),
    (('-c', 'missing.cfg'), 'missing.cfg'),
    (('stray',), 'stray'),
    (('--',), '--'),
    (('--log-format', 'xml'), 'xml'),
])
def test_mistaken_option(args, said, tmp_path):
    for test in ((), ('-t',)):
        status, out, err = run(*test, *args, cwd=tmp_path)
        assert status == 1
        assert said in err and 'bowsprit' in err
        assert not out


def mistakes(tmp_path, text, *args):
    (tmp_path / 'b.cfg').write_text(text)
    status, out, err = run('-t', '-c', 'b.cfg', *args, cwd=tmp_path)
    assert status == 1, out
    return err.splitlines()


def test_mistakes_have_file_and_line_and_come_all_at_once(tmp_path):
    said = mistakes(tmp_path, '''\
listeners = ( { address = "localhost"; port = 70000; } );
backends = { next = { servers = ( "http://127.0.0.1:3001" ); }; };
routes = (
  { path = "/a"; backend = "nxet"; },
  { path = "b"; backend = "next"; },
  { path = "/c"; backend = "next"; upgrade = "yes"; }
);
timeouts = { header = 5; connect = "5 parsecs"; };
proxy_read_timeout = "3s";
lisetners = ();
''')
    for line, words in ((1, '70000'), (4, 'did you mean "next"?'), (5, '"b"'),
                        (6, 'upgrade'), (8, 'header'), (8, 'parsecs'),
                        (9, 'tunnel_idle'),
                        (10, 'did you mean "listeners"?')):
        assert any(s.startswith(f'b.cfg:{line}: ') and words in s
                   for s in said), (line, words, said)
    assert len(said) == 8


@pytest.mark.parametrize('text, line, words', [
    ('listeners = ( { port = 3000; }\n', 2, 'the line before'),
    ('a = "x\n\n\n', 4, 'begins in line 1'),
    ('log = { level = = "info" };\n', 1, ''),
    ('routes = ( { path = "/"; backend = "x"; }, );\n', 1, 'comma'),
    ('\n\nport = 1;\nport = 2;\n', 4, ''),
    ('timeouts = { stall = 5; };\n', 1, '"5s"'),
    ('max_head = "64Q";\n', 1, '64Q'),
    ('log = { level = "loud"; };\n', 1, 'debug'),
    ('trusted_proxies = ( "10.0.0.0/99" );\n', 1, '10.0.0.0/99'),
    ('routes = ( { path = "/a"; backend = "http://${NO_SUCH_NAME}:1"; } );',
     1, 'NO_SUCH_NAME'),
])
def test_mistake_in_a_file(text, line, words, tmp_path):
    said = mistakes(tmp_path, text)
    assert any(re.match(rf'b\.cfg:{line}(:|-| )', s) and words in s
               for s in said), said


@pytest.mark.parametrize('word, here', [
    ('proxy_read_timeout', 'tunnel_idle'), ('changeOrigin', 'change_origin'),
    ('proxy_pass', ''), ('timeout', ''), ('xfwd', '')])
def test_words_of_others_are_known(word, here, tmp_path):
    said = mistakes(tmp_path, f'{word} = "1s";\n')
    assert word in said[0] and here in said[0]


def test_two_equal_routes_name_both_lines(tmp_path):
    said = mistakes(tmp_path, '''\
backends = { a = { servers = ( "http://127.0.0.1:1" ); }; };
routes = (
  { path = "/x/{id}"; backend = "a"; },
  { path = "/y"; backend = "a"; },
  { path = "/x/{name}"; backend = "a"; }
);
''')
    assert any('b.cfg:3' in s and 'b.cfg:5' in s for s in said), said


def test_backend_that_is_ourselves(tmp_path):
    port = free_port()
    status, _, err = run('-t', '-l', f'127.0.0.1:{port}', '-b',
                         f'http://127.0.0.1:{port}', cwd=tmp_path)
    assert status == 1 and str(port) in err


def test_what_test_prints(tmp_path):
    (tmp_path / 'b.cfg').write_text(config_text({
        'listeners': ({'address': '127.0.0.1', 'port': 3456},),
        'backends': {'next': {'servers': ('http://127.0.0.1:3001',)},
                     'vnc': {'servers': ('http://10.0.0.5:4000',),
                             'change_origin': True}},
        'routes': ({'path': '/**', 'backend': 'next'},
                   {'path': '/api/', 'backend': 'next'},
                   {'path': '/vm/*/x', 'backend': 'next'},
                   {'path': '/vm/{id}/websock', 'upgrade': 'websocket',
                    'backend': 'vnc'},
                   {'path': '/vm/1/websock', 'backend': 'next'}),
        'timeouts': {'handshake': '7s', 'connect': '2s', 'stall': '90s'}}))
    status, out, err = run('-t', '-c', 'b.cfg', cwd=tmp_path)
    assert status == 0 and not err
    assert 'b.cfg' in out and '127.0.0.1:3456' in out
    order = [out.index(s) for s in (
        '/api/ ', '/vm/1/websock', '/vm/{id}/websock', '/**')]
    assert order[1] < order[2] < order[3] and order[0] < order[3]
    assert 'http://10.0.0.5:4000' in out
    assert "did you mean '/api/**'?" in out
    assert '7s' in out and '1m30s' in out


def test_test_needs_no_free_port(bowsprit, tmp_path, down):
    bs = bowsprit(down)
    status, _, err = run('-t', '-l', f'127.0.0.1:{bs.port}', cwd=tmp_path)
    assert status == 0, err


@pytest.mark.parametrize('host', ['127.0.0.1', ''])
@pytest.mark.parametrize('taken_by', ['bowsprit', 'other'])
def test_port_that_is_taken(taken_by, host, bowsprit, tmp_path, down):
    """A second bowsprit must not take half of the connections."""
    if taken_by == 'bowsprit':
        bs = bowsprit(down)
        port, owner = bs.port, f'bowsprit (pid {bs.pid})'
    else:
        other = socket.create_server(('127.0.0.1', free_port()))
        port, owner = other.getsockname()[1], f'(pid {os.getpid()})'
    status, out, err = run('-l', f'{host}:{port}', cwd=tmp_path)
    assert status == 1
    said = out + err
    assert str(port) in said and '> Ready' not in said
    assert re.search(r'-l|--listen|port =|another port|lsof|ss -', said), (
        'no remedy: ' + said)
    assert owner in said


def test_port_that_we_have_ourselves(tmp_path):
    port = free_port()
    status, out, err = run('-l', f'127.0.0.1:{port}', '-l', f'0.0.0.0:{port}',
                           cwd=tmp_path)
    assert status == 1 and 'another listener of this conf' in out + err


def test_localhost_taken_on_one_family(tmp_path):
    port = free_port()
    try:
        other = socket.create_server(('::1', port), family=socket.AF_INET6)
    except OSError:
        pytest.skip('this machine has no IPv6')
    with other:
        status, out, err = run('-l', f'localhost:{port}', cwd=tmp_path)
    assert status == 1 and str(port) in out + err


def test_without_anything(bowsprit, backend, client, tmp_path):
    """localhost:$PORT in front of 127.0.0.1:3001, and it says so."""
    port = free_port()
    bs = bowsprit(cwd=tmp_path, env={'PORT': str(port)})
    assert bs.lines(f'> Ready on http://localhost:{port}')
    assert re.search('(?i)default', bs.out()), 'which configuration?'
    status, out, _ = run('-t', cwd=tmp_path)
    assert status == 0
    assert '3000' in out and 'http://127.0.0.1:3001' in out


def test_file_in_the_present_folder(bowsprit, backend, client, tmp_path):
    b = backend(web())
    port = free_port()
    (tmp_path / 'bowsprit.cfg').write_text(config_text({
        'listeners': ({'address': '127.0.0.1', 'port': port},),
        'routes': ({'path': '/**', 'backend': b.url},)}))
    bs = bowsprit(cwd=tmp_path)
    assert bs.lines('bowsprit.cfg')
    c = client(port)
    c.send(get('/x'))
    assert c.read_response().status == 200


def test_options_win_over_the_file(bowsprit, backend, client):
    from_file, from_option = backend(web()), backend(
        answering(response(200, 'option')))
    bs = bowsprit(from_file, argv=(
        '-r', f'/x/**={from_option.url}', '--log-format', 'text'))
    c = client(bs)
    c.send(get('/x/1') + get('/y'))
    assert c.read_response().body == b'option'
    assert c.read_response().body.startswith(b'GET /y')
    assert bs.out().startswith('>'), 'the format of the log'


def test_environment_in_the_file(bowsprit, backend, client):
    b = backend(web())
    bs = bowsprit(config='''
        listeners = ( { address = "${ADDRESS:-127.0.0.1}"; port = "@PORT@"; } );
        backends = { app = { servers = ( "http://${BACKEND}" );
                             change_origin = "${CHANGE:-true}"; }; };
        routes = ( { path = "/**"; backend = "app"; } );
        timeouts = { stall = "${STALL:-7s}"; };
    ''', env={'BACKEND': f'127.0.0.1:{b.port}'})
    c = client(bs)
    c.send(get('/x'))
    assert c.read_response().status == 200
    assert f'Host: 127.0.0.1:{b.port}'.encode() in b.wires[0].received


def test_most_specific_pattern_wins(bowsprit, backend, client):
    """Whatever the order in the file."""
    patterns = ['/**', '/a/**', '/a/*', '/a/{id}/c', '/a/b', '/a/b/c',
                '/a/x*', 'app.example/**', '/a/**/z']
    backends, routes = {}, []
    for i, p in enumerate(patterns):
        b = backend(answering(response(200, p)))
        backends[f'b{i}'] = {'servers': (b.url,)}
        routes.append({'path': p, 'backend': f'b{i}'})
    for order in (routes, routes[::-1]):
        bs = bowsprit(backends=backends, routes=tuple(order))
        c = client(bs)
        for path, host, expected in (
                ('/', 'x', '/**'),
                ('/a/q', 'x', '/a/*'), ('/a/b', 'x', '/a/b'),
                ('/a/q/c', 'x', '/a/{id}/c'), ('/a/b/c', 'x', '/a/b/c'),
                ('/a/xyz', 'x', '/a/x*'), ('/a/q/r/s', 'x', '/a/**'),
                ('/a/q/r/z', 'x', '/a/**/z'), ('/b', 'x', '/**'),
                ('/a?x=/b', 'x', '/**'),
                ('/b', 'app.example', 'app.example/**'),
                ('/b', 'APP.example:99', 'app.example/**')):
            c.send(get(path, host))
            assert c.read_response().body.decode() == expected, path


def test_upgrade_only_comes_before_both(bowsprit, backend, client):
    ws, app = backend(tunnel), backend(web())
    bs = bowsprit(argv=('-l', '127.0.0.1:@PORT@', '-r', f'/x={app.url}',
                        '-w', f'/x={ws.url}'))
    c = client(bs)
    c.send(get('/x'))
    assert c.read_response().body == b'GET /x #1'
    c.open_websocket('/x')
    assert len(ws.wires) == 1


@pytest.mark.parametrize('scheme', ['http', 'ws'])
def test_schemes(scheme, bowsprit, backend, client):
    b = backend(tunnel)
    bs = bowsprit(argv=('-l', '127.0.0.1:@PORT@', '-w',
                        f'/x={scheme}://127.0.0.1:{b.port}'))
    c = client(bs)
    c.open_websocket('/x')


@pytest.mark.parametrize('setting', ['change_origin', 'change_origin=true',
                                     'change_origin=false'])
def test_setting_after_the_url(setting, bowsprit, backend, client):
    b = backend(tunnel)
    bs = bowsprit(argv=('-l', '127.0.0.1:@PORT@', '-w',
                        f'/x={b.url} {setting} name=desktop'))
    c = client(bs)
    c.open_websocket('/x')
    changed = f'Host: 127.0.0.1:{b.port}'.encode() in b.wires[0].received
    assert changed == (not setting.endswith('false'))
    assert bs.lines('enabled for desktop connections')


@pytest.mark.parametrize('listen, hosts', [
    ('@PORT@', ['127.0.0.1', '::1']), (':@PORT@', ['127.0.0.1', '::1']),
    ('127.0.0.1:@PORT@', ['127.0.0.1']), ('[::1]:@PORT@', ['::1'])])
def test_listen(listen, hosts, bowsprit, backend, client):
    try:
        socket.create_server(('::1', 0), family=socket.AF_INET6).close()
    except OSError:
        hosts = [h for h in hosts if h != '::1']
        if not hosts:
            pytest.skip('this machine has no IPv6')
    b = backend(web())
    bs = bowsprit(argv=('-l', listen, '-b', b.url))
    for host in ('127.0.0.1', '::1'):
        try:
            c = client(bs, host=host)
        except OSError:
            assert host not in hosts
            continue
        assert host in hosts
        c.send(get())
        assert c.read_response().status == 200


def test_several_listeners(bowsprit, backend, client):
    b = backend(web())
    other = free_port()
    bs = bowsprit(argv=('-l', '127.0.0.1:@PORT@', '-l',
                        f'127.0.0.1:{other}', '-b', b.url))
    for port in (bs.port, other):
        c = client(port)
        c.send(get())
        assert c.read_response().status == 200


def test_quiet_and_verbose(bowsprit, backend, client):
    b = backend(tunnel)
    argv = ('-l', '127.0.0.1:@PORT@', '-w', f'/x={b.url}')
    bs = bowsprit(argv=(*argv, '-v'))
    c = client(bs)
    c.send(upgrade('/x'))
    c.read_head()
    b.wires[0].send(b'\x82\x05hello')
    c.read(7)
    bs.wait_line('Received data from backend: 7 bytes')
    bs = bowsprit(argv=(*argv, '-q'), wait=None)
    bs.wait_listening()
    c = client(bs)
    c.open_websocket('/x')
    assert not [s for s in bs.lines() if 'this is a container' not in s]


def test_log_file(bowsprit, backend, client, tmp_path):
    b = backend(web())
    file = tmp_path / 'x.log'
    bs = bowsprit(b, wait=None, log={'format': 'json', 'file': str(file)})
    wait_until(lambda: file.exists() and 'Ready' in file.read_text(),
               'the log file')
    c = client(bs)
    c.send(get('/seen'))
    c.read_response()
    wait_until(lambda: '/seen' in file.read_text(), 'a line')
    assert bs.out() == ''


def test_log_file_that_cannot_be(tmp_path):
    (tmp_path / 'b.cfg').write_text(
        'log = { file = "/no/such/folder/x.log"; };\n')
    status, _, err = run('-c', 'b.cfg', '-l', f'127.0.0.1:{free_port()}',
                         cwd=tmp_path)
    assert status == 1 and '/no/such/folder/x.log' in err


def test_log_file_that_is_a_pipe_without_a_reader(tmp_path):
    """To wait for one would be to hang without a word."""
    os.mkfifo(tmp_path / 'log')
    (tmp_path / 'b.cfg').write_text('log = { file = "log"; };\n')
    status, _, err = run('-c', 'b.cfg', '-l', f'127.0.0.1:{free_port()}',
                         cwd=tmp_path)
    assert status == 1
    assert 'the log file log cannot be opened: Broken pipe' in err


# ---- the example whose settings come from the environment

LOG_STREAM = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                          '../../contrib/examples/log-stream/bowsprit.cfg')


@pytest.mark.parametrize('env, wanted', [
    ({}, ('http://0.0.0.0:8080 ', 'max_tunnels 100,', 'tunnel_idle 5m,')),
    ({'PORT': '9000', 'HOST': '127.0.0.1', 'MAX_SESSIONS': '7',
      'SESSION_TIMEOUT': '60000', 'WS_PING_INTERVAL': '15000',
      'WS_PING_TIMEOUT': '2000', 'LOG_LEVEL': 'debug'},
     ('http://127.0.0.1:9000 ', 'max_tunnels 7,', 'tunnel_idle 1m,'))],
    ids=['none', 'all'])
def test_example_log_stream(env, wanted, tmp_path):
    status, out, err = run('-t', '-c', LOG_STREAM, cwd=tmp_path, env=env)
    assert (status, err) == (0, '')
    for words in wanted:
        assert words in out


@pytest.mark.parametrize('name', ['MAX_SESSIONS', 'SESSION_TIMEOUT',
                                  'WS_PING_INTERVAL', 'WS_PING_TIMEOUT',
                                  'LOG_LEVEL', 'PORT'])
def test_example_log_stream_of_nonsense(name, tmp_path):
    """Each of the names is used: nonsense in it is a mistake."""
    status, _, err = run('-t', '-c', LOG_STREAM, cwd=tmp_path,
                         env={name: 'nonsense'})
    assert status == 1
    assert 'nonsense' in err

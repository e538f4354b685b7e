# SPDX-License-Identifier: ISC
"""
Each sentence about a mistake in the configuration is told for an input that
somebody would write.  The sentences are taken out of the sources and the
inputs are run through `bowsprit -t`, so that neither a new sentence without an
input nor one that can never be told goes unseen.  The unit tests have them
word by word.
"""

import glob
import os
import re

from test_config import run

ROOT = os.path.join(os.path.dirname(__file__), '..', '..')
SOURCES = sorted(glob.glob(os.path.join(ROOT, 'src/conf/*.c'))) + [
    os.path.join(ROOT, 'src/proto/pattern_compile.c')]
# What explain.c prints is no mistake; test_conf has all of it.
SILENT = ('explain.c',)
NOT_SAID = re.compile(r'Usage: |^\$HOST and \$PORT$')

TOKEN = re.compile(r'''/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\])*"
                   | '(?:\\.|[^'\\])*' | \s+ | .''', re.S | re.X)
DIRECTIVE = re.compile(r'%(?:%|[-.*0-9]*(?:ll|z)?[a-zX])')


def literals(path):
    """A source's string literals, those side by side joined."""
    with open(path, encoding='utf-8') as f:
        text = f.read()
    joined = None
    for m in TOKEN.finditer(text):
        token = m.group(0)
        if token[0] == '"':
            joined = (joined or '') + token[1:-1]
        elif not token.isspace() and not token.startswith('/*'):
            if joined is not None:
                yield joined
            joined = None


def sentences():
    """What may be said, as regular expressions: literals of three words."""
    for path in SOURCES:
        if os.path.basename(path) in SILENT:
            continue
        for text in literals(path):
            if text.count(' ') < 2 or NOT_SAID.search(text):
                continue
            text = re.sub(r'\\(.)', r'\1', text)
            pieces = DIRECTIVE.split(text)
            marks = DIRECTIVE.findall(text) + ['']
            yield text, ''.join(
                re.escape(p) + ({'%%': '%', '': ''}.get(m, '.*'))
                for p, m in zip(pieces, marks))


def foreign_words():
    """Those of nginx and http-proxy, all of the table."""
    with open(os.path.join(ROOT, 'src/conf/suggest.c'),
              encoding='utf-8') as f:
        return re.findall(r'^\t\{ "(\w+)",', f.read(), re.M)


B = 'backends = { a = { servers = ( "http://127.0.0.1:1" ); }; };\n'

# Files, each by itself; several mistakes are told in one run.
FILES = [
    # Grammar, of which the first mistake is the last
    'routes = ( { path = "/"; backend = "x"; }, );\n',
    'log = { file = "x;\n};\n',
    '\ufeffworkers = 1;\n',
    'listen 3000;\n',
    'workers = 1;\nworkers = 2;\n',
    'trusted_proxies = [ "::1", 2 ];\n',
    '{ "workers": 1 }\n',
    "error_detail = 'all';\n",
    'workers = ${N:-1};\n',
    'timeouts.handshake = "5s";\n',
    '@include more.cfg\n',
    '@include "missing.cfg"\n',
    '@include "folder"\n',
    '@include "/etc/bowsprit/more.cfg"\n',
    '@include "b.cfg"\n',
    '@include "large.cfg"\n',
    'workers = 1; /* for now\npool_size = 5;\n',
    # Names and values
    'worker = 1;\nproxy_pas = 1;\nhandshake = "3s";\nlog = { workers = 1; };\ncolour = 1;\n'
    'tls = { };\nadmin = { listen = "20"; };\n',
    'admin = { socket = "admin.sock"; };\n',
    'pool_size = 4294967297;\nworkers = "many"; error_detail = "lokal";\n'
    'max_head = "64KB"; log = { file = 5; };\n'
    'timeouts = { header = 10; connect = "5 s"; stall = 1.5; };\n',
    'workers = "${NO_SUCH}"; pool_size = "${}"; max_head = "${A:-1";\n',
    'log = 5; trusted_proxies = "10.0.0.0/8";\n',
    'trusted_proxies = ( "10.0.0.0/33", 5 );\n',
    'set_headers = ( "X-A", 5, "X A: b", "X-A:", "X-A: b\\nc" );\n'
    'remove_headers = ( "Host", "Connection", "Content-Length",'
    ' "Sec-WebSocket-Key" );\n',
    # Listeners
    'listeners = ( );\n',
    'listeners = { port = 3000; };\n',
    'listeners = ( { port = 0; }, 5, "http://x:1", "[::1",'
    ' "localhost:1", "localhost:1", "unix:" );\n',
    'listeners = ( { address = "localhost"; mode = "0660"; },'
    ' { address = "unix:/run/x.sock"; port = 3000; },'
    ' { address = "unix:/run/y.sock"; mode = "0680"; },'
    ' { address = "unix:/run/z.sock"; owner = "nobody-of-that-name"; },'
    ' { address = "unix:/run/z.sock"; group = "nobody-of-that-name"; } );\n',
    'listeners = ( { port = 1; certificate = ( "a", "b" ); key = "c"; },'
    ' { port = 2; client_ca = "a"; },'
    ' { port = 3; verify_client = "optional"; client_ca = "a"; },'
    ' { port = 4; certificate = "a"; verify_client = "required"; },'
    ' { port = 5; certificate = "a"; redirect = "https"; } );\n',
    # Backends
    'backends = ( );\nroutes = { };\n',
    'backends = { a = { }; b = 5; c = { servers = "http://x"; };'
    ' d = { servers = ( "http://x", "http://y" ); };'
    ' e = { servers = ( 5 ); }; f = { servers = ( "http://x/y" ); };'
    ' g = { servers = ( "http://{x}" ); }; };\n',
    'backends = { a = { servers = ( "https://a" ); key = "/k"; };'
    ' b = { servers = ( "http://b" ); ca = "/c"; };'
    ' c = { servers = ( "https://c" ); ca = "/c"; tls_verify = false; };'
    ' d = { servers = ( "https://d" ); }; };\n'
    'routes = ( { path = "/d"; backend = "d"; tls_verify = false; } );\n',
    B + 'routes = ( { path = "/a"; backend = "aa"; },\n'
    '{ path = "/b"; backend = "10.0.0.5:80"; }, { path = "/c"; },'
    '{ backend = "a"; }, 5, { path = "/d"; backend = "a"; },\n'
    '{ path = "/d"; backend = "a"; } );\n',
    # URLs
    'routes = (' + ', '.join(
        f'{{ path = "/{i}"; backend = "{url}"; }}'
        for i, url in enumerate((
            'tcp://x', 'unix:', 'unix:/{x}', 'gopher://x',
            'http://', 'http://[x]', 'http://' + 'x' * 300, 'http://b\u00fcro',
            'http://a,b', 'http://10.0.0.256', 'http://x/a b', 'http://x#y',
            'http://me:secret@x', 'http://[::1', 'http://x:70000'))) + ');\n',
    # Patterns
    B + 'routes = (' + ', '.join(
        f'{{ path = "{path}"; backend = "a"; }}'
        for path in (
            '', 'example.com', 'ws', '/a?b', '/a b', 'http://a/b',
            'a.*.b/x', 'a_b@c/x', 'a.b:80/x', '/a**', '/{}', '/{a.b}',
            '/{a}/{a}', '/a}', '/{a', '/x{a}', '/a/../b',
            '/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}')) + ');\n',
]

# Command lines
OPTIONS = [
    ('--lisen', '3'), ('-x',), ('-l',), ('--',), ('npx', 'next'),
    ('-l', 'localhost', '-l', '::1:3000'),
    ('--doctor', 'http://a/ws'), ('-b', 'next'),
    ('-b', 'http://a', '-b', 'http://b'),
    ('-l', '127.0.0.1:3456', '-b', 'http://127.0.0.1:3456'),
    ('--demo', '--', 'next'),
    ('-w', '/x', '-w', '/y=10.0.0.5:80'),
    ('-w', '/x=http://h path=/y backend=http://y name'
     ' change_origin=maybe set_headers="X-A: b'),
    ('-w', '/x/{id}=http://h/{nr}', '-w', '/y=http://h/{nr}'),
    ('-w', '/{h}=http://{h}:80'),
    ('-w', '/x=http://h allowed_targets=10.0.0.5'),
    ('-w', '/{h}=http://{h}:80 allowed_targets=10.0.0.256'),
    ('-c', 'missing.cfg'),
    ('-c', 'app.cfg', '--', 'next'),
]

# What is legal, but remarked on by -t.
REMARKED = '''
backends = { spare = { servers = ( "http://127.0.0.1:1" ); }; };
routes = ( { path = "/api/"; backend = "http://a"; },
           { path = "/:id"; backend = "http://a"; },
           { path = "/u/**"; backend = "http://u/x"; },
           { path = "/v/**"; backend = "http://v"; },
           { path = "/t"; backend = "https://v"; tls_verify = false; } );
timeouts = { handshake = "1s"; connect = "2s"; backend_keepalive = "6s";
             drain = "30s"; };
'''


def all_that_is_said(tmp_path):
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'app.cfg').write_text('backends = { app = { servers = ( '
                                      '"http://127.0.0.1:1" ); }; };\n')
    with open(tmp_path / 'large.cfg', 'wb') as f:
        f.truncate(17 * 1024 * 1024)
    words = ''.join(f'{word} = 1;\n' for word in foreign_words())
    said = ''
    for text in (*FILES, words):
        (tmp_path / 'b.cfg').write_text(text, encoding='utf-8')
        status, _, err = run('-t', '-c', 'b.cfg', cwd=tmp_path)
        assert status == 1 and err, text
        said += err
    for args in OPTIONS:
        status, _, err = run('-t', *args, cwd=tmp_path)
        assert status == 1 and err, args
        said += err
    for env in ({'PORT': 'http'}, {'PORT': '0', 'HOST': '1.2.3.4'}):
        status, _, err = run('-t', cwd=tmp_path, env=env)
        assert status == 1
        said += err
    (tmp_path / 'b.cfg').write_text(REMARKED)
    status, out, _ = run('-t', '-c', 'b.cfg', '-r', '/v/**=http://w',
                         cwd=tmp_path)
    assert status == 0
    return said + out


def test_every_sentence_has_its_mistake(tmp_path):
    said = all_that_is_said(tmp_path)
    every = list(sentences())
    assert len(every) > 100, 'what became of them?'
    silent = [text for text, pattern in every
              if not re.search(pattern, said)]
    # Nobody is refused as root; test_conf becomes somebody else for it.
    silent.remove('let this user read it, and enter its folder')
    assert not silent, 'nothing has them said: ' + '\n'.join(silent)

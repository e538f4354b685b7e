# SPDX-License-Identifier: ISC
"""
The proxies: how each is started with one backend, and which version it is.
"""

import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
READY_SECONDS = 15


class Failed(Exception):
    """A proxy or the load generator failed; the text says how."""


@dataclass(frozen=True)
class Peer:
    name: str
    title: str
    config: str = ''     # a file of peers/
    argv: tuple = ()     # @CONFIG@, @PORT@, @BACKEND@, @BUILD@, …
    version: tuple = ()  # a command that prints it
    plain: dict = field(default_factory=dict)  # for @NAME@ in the config
    tls: dict = None                           # the same with wss; None: cannot
    env: dict = field(default_factory=dict)
    quick: bool = False
    announces: bool = False  # prints the port that it has chosen
    log: str = 'default access log to a file'

    def can(self, case):
        return not case.tls or self.tls is not None


BUFFERS = ('proxy_buffer_size 64k; proxy_buffers 8 64k; '
           'client_body_buffer_size 64k;')
SPLICE = 'option splice-request\n\toption splice-response'


def nginx(name, title, buffers):
    return Peer(
        name, title, 'nginx.conf', quick=True, version=('nginx', '-v'),
        argv=('nginx', '-e', '@DIR@/error.log', '-p', '@DIR@', '-c',
              '@CONFIG@'),
        plain={'BUFFERS': buffers, 'SSL': '', 'CERTIFICATE': ''},
        tls={'BUFFERS': buffers, 'SSL': ' ssl',
             'CERTIFICATE': 'ssl_certificate @OUT@/cert.pem; '
                            'ssl_certificate_key @OUT@/key.pem; '
                            'ssl_protocols TLSv1.2 TLSv1.3;'})


def haproxy(name, title, splice, quick):
    return Peer(
        name, title, 'haproxy.cfg', ('haproxy', '-f', '@CONFIG@'),
        ('haproxy', '-v'), quick=quick,
        plain={'SPLICE': splice, 'SSL': ''},
        tls={'SPLICE': splice, 'SSL': ' ssl crt @OUT@/both.pem'})


def forwarder(name, title, *options):
    """(It has no TLS: where the others have, it is what they add to.)"""
    return Peer(
        name, title, quick=True, announces=True, tls={}, log='none',
        argv=('@BUILD@/tests/bench/forwarder', *options,
              '127.0.0.1:@BACKEND@'),
        version=('echo', 'of this bench'))


PEERS = [
    forwarder('forwarder', 'bare forwarder'),
    forwarder('splice', 'bare forwarder by splice', '--splice'),
    Peer('bowsprit', 'bowsprit', 'bowsprit.cfg',
         ('@BUILD@/bowsprit', '-c', '@CONFIG@'),
         ('@BUILD@/bowsprit', '-V'), quick=True, plain={'TLS': ''},
         tls={'TLS': 'certificate = "@OUT@/cert.pem"; key = "@OUT@/key.pem";'},
         log='default log to a file'),
    nginx('nginx', 'nginx', ''),
    nginx('nginx64', 'nginx with 64 KiB buffers', BUFFERS),
    haproxy('haproxy', 'HAProxy', '', True),
    haproxy('fsplice', 'HAProxy with forced splice', SPLICE, False),
    Peer('caddy', 'Caddy', 'Caddyfile',
         ('caddy', 'run', '--adapter', 'caddyfile', '--config', '@CONFIG@'),
         ('caddy', 'version'),
         plain={'SITE': 'http://:@PORT@', 'TLS': ''},
         tls={'SITE': 'https://:@PORT@',
              'TLS': 'tls @OUT@/cert.pem @OUT@/key.pem'},
         env={'GOMAXPROCS': '@WORKERS@', 'HOME': '@DIR@',
              'XDG_CONFIG_HOME': '@DIR@', 'XDG_DATA_HOME': '@DIR@'},
         log='access log to a file'),
    Peer('lighttpd', 'lighttpd', 'lighttpd.conf',
         ('lighttpd', '-D', '-f', '@CONFIG@'), ('lighttpd', '-v'),
         plain={'SSL': ''},
         tls={'SSL': 'server.modules += ( "mod_openssl" )\n'
                     'ssl.engine = "enable"\n'
                     'ssl.pemfile = "@OUT@/cert.pem"\n'
                     'ssl.privkey = "@OUT@/key.pem"'},
         log='access log to a file'),
    Peer('http-proxy', 'node http-proxy', 'http-proxy.json',
         ('node', f'{HERE}/peers/http-proxy.js', '@CONFIG@'),
         ('node', '-p',
          '"http-proxy " + require("http-proxy/package.json").version'
          ' + ", Node " + process.version'),
         plain={'TLS': 'null'},
         tls={'TLS': '{ "cert": "@OUT@/cert.pem", "key": "@OUT@/key.pem" }'},
         env={'NODE_PATH': '@BUILD@/bench/node_modules',
              'NODE_ENV': 'production'}, log='no access log'),
]


def choose(names, quick):
    known = {p.name: p for p in PEERS}
    for n in names:
        if n not in known:
            raise SystemExit(f'bench: there is no peer "{n}"; there are: '
                             + ' '.join(known))
    return [p for p in PEERS
            if (p.name in names if names else p.quick or not quick)]


def filled(text, values):
    """@NAME@ replaced, also in what it was replaced by."""
    def value(match):
        return filled(str(values[match.group(1)]), values)
    return re.sub(r'@([A-Z0-9]+)@', value, text)


def version_of(peer, build):
    """The version as the program tells it, or None if it is not there."""
    values = {'BUILD': build, 'WORKERS': 1, 'DIR': build}
    try:
        done = subprocess.run(
            [filled(a, values) for a in peer.version], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=environment(peer, values))
    except OSError:
        return None
    if done.returncode or not shutil.which(filled(peer.argv[0], values)):
        return None
    line = done.stdout.splitlines()[0] if done.stdout else ''
    number = re.search(r'\d+\.\d+(\.\d+)*', line)
    if peer.name == 'http-proxy' or not number:
        return line
    return number.group()


def environment(peer, values):
    return {**os.environ, **{k: filled(v, values)
                             for k, v in peer.env.items()}}


def make_certificate(out):
    """cert.pem, key.pem, and both.pem as HAProxy wants it: of P-256."""
    if os.path.exists(f'{out}/both.pem'):
        return
    subprocess.run(
        ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
         'ec_paramgen_curve:P-256', '-nodes', '-days', '3650', '-subj',
         '/CN=localhost', '-addext',
         'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout',
         f'{out}/key.pem', '-out', f'{out}/cert.pem'],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(f'{out}/both.pem', 'w') as both:
        for name in ('cert.pem', 'key.pem'):
            with open(f'{out}/{name}') as f:
                both.write(f.read())


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def spawn(argv, cores, output, **options):
    """A process on those cores, in a group of its own, that dies with us."""
    libc = ctypes.CDLL(None)

    def prepare():
        os.setpgid(0, 0)
        os.sched_setaffinity(0, cores)
        libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    return subprocess.Popen(argv, stdout=output, stderr=subprocess.STDOUT,
                            preexec_fn=prepare, **options)


def stop(process):
    """All of the group: a master's workers do not end with it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


class Proxy:
    """A peer that runs; .pid and .port."""

    def __init__(self, peer, case, build, out, backend, cores):
        folder = f'{out}/{peer.name}'
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        self.output = f'{folder}/output'
        self.port = 0 if peer.announces else free_port()
        values = {'BUILD': build, 'OUT': out, 'DIR': folder,
                  'PORT': self.port, 'BACKEND': backend,
                  'WORKERS': case.workers,
                  'CHILDREN': 0 if case.workers == 1 else case.workers,
                  'CONFIG': f'{folder}/config',
                  **(peer.tls if case.tls else peer.plain)}
        if peer.config:
            with open(f'{HERE}/peers/{peer.config}') as f:
                text = filled(f.read(), values)
            with open(values['CONFIG'], 'w') as f:
                f.write(text)
        with open(self.output, 'wb') as f:
            self.process = spawn([filled(a, values) for a in peer.argv],
                                 cores, f, stdin=subprocess.DEVNULL,
                                 env=environment(peer, values))
        self.pid = self.process.pid
        try:
            self.wait_ready()
        except Failed:
            self.stop()
            raise

    def wait_ready(self):
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise Failed(f'it ended at once: {self.last_line()}')
            if self.accepts():
                return
            time.sleep(0.02)
        raise Failed(f'it did not listen within {READY_SECONDS} s')

    def accepts(self):
        if not self.port:
            line = self.last_line()
            self.port = int(line.split()[1]) if 'listening' in line else 0
            return bool(self.port)
        try:
            socket.create_connection(('127.0.0.1', self.port), 1).close()
            return True
        except OSError:
            return False

    def last_line(self):
        with open(self.output, errors='replace') as f:
            lines = f.read().splitlines()
        return lines[-1] if lines else 'it said nothing'

    def check(self):
        if self.process.poll() is not None:
            raise Failed(f'it ended: {self.last_line()}')

    def stop(self):
        stop(self.process)

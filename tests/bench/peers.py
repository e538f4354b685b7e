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
    values: dict = field(default_factory=dict)  # for @NAME@ in the config
    env: dict = field(default_factory=dict)
    max_workers: int = 64
    quick: bool = False
    announces: bool = False  # prints the port that it has chosen
    log: str = 'default access log to a file'


NGINX = dict(
    config='nginx.conf',
    argv=('nginx', '-e', '@DIR@/error.log', '-p', '@DIR@', '-c', '@CONFIG@'),
    version=('nginx', '-v'))
HAPROXY = dict(
    config='haproxy.cfg', argv=('haproxy', '-f', '@CONFIG@'),
    version=('haproxy', '-v'))
FORWARDER = dict(
    version=('echo', 'of this bench'), announces=True, log='none',
    max_workers=1)

PEERS = [
    Peer('forwarder', 'bare forwarder', quick=True,
         argv=('@BUILD@/tests/bench/forwarder', '127.0.0.1:@BACKEND@'),
         **FORWARDER),
    Peer('splice', 'bare forwarder, splice', quick=True,
         argv=('@BUILD@/tests/bench/forwarder', '--splice',
               '127.0.0.1:@BACKEND@'), **FORWARDER),
    Peer('bowsprit', 'bowsprit', 'bowsprit.cfg',
         ('@BUILD@/bowsprit', '-c', '@CONFIG@'),
         ('@BUILD@/bowsprit', '-V'), quick=True,
         log='default log to a file'),
    Peer('nginx', 'nginx', values={'BUFFERS': ''}, quick=True, **NGINX),
    Peer('nginx64', 'nginx, 64 KiB buffers',
         values={'BUFFERS': 'proxy_buffer_size 64k; proxy_buffers 8 64k; '
                            'client_body_buffer_size 64k;'},
         quick=True, **NGINX),
    Peer('haproxy', 'HAProxy', values={'SPLICE': ''}, quick=True, **HAPROXY),
    Peer('fsplice', 'HAProxy, splice forced',
         values={'SPLICE': 'option splice-request\n'
                           '\toption splice-response'}, **HAPROXY),
    Peer('caddy', 'Caddy', 'Caddyfile',
         ('caddy', 'run', '--adapter', 'caddyfile', '--config', '@CONFIG@'),
         ('caddy', 'version'),
         env={'GOMAXPROCS': '@WORKERS@', 'HOME': '@DIR@',
              'XDG_CONFIG_HOME': '@DIR@', 'XDG_DATA_HOME': '@DIR@'},
         log='access log to a file'),
    Peer('lighttpd', 'lighttpd', 'lighttpd.conf',
         ('lighttpd', '-D', '-f', '@CONFIG@'), ('lighttpd', '-v'),
         log='access log to a file'),
    Peer('http-proxy', 'node http-proxy',
         argv=('node', f'{HERE}/peers/http-proxy.js', '@PORT@', '@BACKEND@',
               '@WORKERS@'),
         version=('node', '-p',
                  '"http-proxy " + require("http-proxy/package.json").version'
                  ' + ", Node " + process.version'),
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
    return re.sub(r'@([A-Z0-9]+)@', lambda m: str(values[m.group(1)]), text)


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

    def __init__(self, peer, build, folder, backend, cores, workers=1):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        self.output = f'{folder}/output'
        self.port = 0 if peer.announces else free_port()
        values = {'BUILD': build, 'DIR': folder, 'PORT': self.port,
                  'BACKEND': backend, 'WORKERS': workers,
                  'WORKERSBUT1': 0 if workers == 1 else workers,
                  'CONFIG': f'{folder}/config', **peer.values}
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

# SPDX-License-Identifier: ISC
"""
A real bowsprit in a process of its own, and what it wrote.
"""

import contextlib
import json
import os
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import time
import uuid

from wire import SLOW, connect, wait_until

# Below the range that the kernel takes for outgoing connections, so that
# nobody gets a port between our look and the use of it.
_ports = iter(random.Random(os.getpid() ^ random.getrandbits(32)).sample(
    range(10000, 32000), 20000))

SANITIZER = re.compile(
    r'ERROR: \w+Sanitizer|WARNING: \w+Sanitizer|runtime error:'
    r'|Assertion .* failed|==\d+==ERROR')


# Executes a program with descriptors from 3 on, as systemd does.
PASS_ON = '''
import fcntl, os, sys
given = [int(n) for n in sys.argv[1].split(',')]
fds = [fcntl.fcntl(n, fcntl.F_DUPFD, 100) for n in given]
for n in given:
    os.close(n)
for i, fd in enumerate(fds):
    os.dup2(fd, 3 + i)
    os.close(fd)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)))
os.execv(sys.argv[2], sys.argv[2:])
'''


# For a `bowsprit` whose memory is measured: what it frees is let go, where a
# sanitizer would keep it to catch its use.
NO_QUARANTINE = {'ASAN_OPTIONS': 'quarantine_size_mb=0:'
                                 'thread_local_quarantine_size_kb=0'}


def has_asan():
    """Its shadow and quarantine count as resident memory, too."""
    with open(os.environ['BOWSPRIT'], 'rb') as f:
        return b'__asan_init' in f.read()


def rss_limit():
    """KiB that it may have while a reader is slow, by BOWSPRIT_RSS_MIB."""
    return int(os.environ.get('BOWSPRIT_RSS_MIB',
                              320 if has_asan() else 64)) * 1024


def free_port():
    """A port of ours on which nothing listens, on either family."""
    for port in _ports:
        try:
            for family, host in ((socket.AF_INET, ''), (socket.AF_INET6, '')):
                with socket.socket(family) as s:
                    if family == socket.AF_INET6:
                        s.setsockopt(socket.IPPROTO_IPV6,
                                     socket.IPV6_V6ONLY, 1)
                    s.bind((host, port))
        except OSError as e:
            if e.errno == 97:  # this machine has no IPv6
                return port
            continue
        return port
    raise RuntimeError('no port is free')


def can_connect(port):
    try:
        connect(port).close()
        return True
    except OSError:
        return False


def libconfig(value, depth=0):
    """A Python value as libconfig writes it."""
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, (list, tuple)):
        return '( ' + ', '.join(libconfig(v, depth) for v in value) + ' )'
    pad = '  ' * depth
    inner = ''.join(f'{pad}  {k} = {libconfig(v, depth + 1)};\n'
                    for k, v in value.items())
    return '{\n' + inner + pad + '}'


def config_text(settings):
    return ''.join(f'{k} = {libconfig(v)};\n' for k, v in settings.items())


class Bowsprit:
    """
    bowsprit, started with a configuration file or with options only.

    .port is where it listens; out() and err() are what it wrote so far.
    """

    def __init__(self, binary, folder, argv, port, env=None, nofile=None,
                 cwd=None, passed=(), user=None):
        self.port = port
        self.folder = folder
        self.mark = uuid.uuid4().hex
        self.status = None
        self.expected = (0,)
        self.argv = [binary, *argv]
        if passed:
            self.argv = [sys.executable, '-c', PASS_ON,
                         ','.join(map(str, passed)), *self.argv]
        environ = {k: v for k, v in os.environ.items()
                   if k not in ('PORT', 'HOST', 'HOSTNAME')}
        environ['ASAN_OPTIONS'] = ':'.join(filter(None, [
            environ.get('ASAN_OPTIONS'), 'detect_leaks=1', 'exitcode=99']))
        environ['UBSAN_OPTIONS'] = 'print_stacktrace=1'
        environ['RUNTIME_DIRECTORY'] = folder  # of its admin socket
        environ.update(env or {})
        environ['BOWSPRIT_TEST_MARK'] = self.mark

        def limit():
            if nofile:
                resource.setrlimit(resource.RLIMIT_NOFILE, nofile)

        self.out_path = os.path.join(folder, 'stdout')
        self.err_path = os.path.join(folder, 'stderr')
        with open(self.out_path, 'wb') as out, \
                open(self.err_path, 'wb') as err:
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                env=environ, cwd=cwd or folder, preexec_fn=limit,
                start_new_session=True, pass_fds=passed, user=user,
                group=user, extra_groups=[] if user else None)
        self.pid = self.process.pid
        self.attached = self._attach()

    def _attach(self):
        """BOWSPRIT_ATTACH='gdb -batch -p {pid} -ex continue -ex bt'"""
        command = os.environ.get('BOWSPRIT_ATTACH')
        if not command:
            return None
        self.attach_path = os.path.join(self.folder, 'attached')
        return subprocess.Popen(
            command.format(pid=self.pid), shell=True,
            stdin=subprocess.DEVNULL, stdout=open(self.attach_path, 'wb'),
            stderr=subprocess.STDOUT)

    # What it wrote

    def out(self):
        with open(self.out_path, encoding='utf-8', errors='replace') as f:
            return f.read()

    def err(self):
        with open(self.err_path, encoding='utf-8', errors='replace') as f:
            return f.read()

    def lines(self, words=''):
        """Lines of either stream that contain the words."""
        return [line for line in (self.out() + self.err()).splitlines()
                if words in line]

    def wait_line(self, words, timeout=None, n=1):
        wait_until(lambda: len(self.lines(words)) >= n or self.ended(),
                   f'{n} line(s) with {words!r}', timeout)
        found = self.lines(words)
        assert len(found) >= n, f'ended without a line with {words!r}'
        return found[n - 1]

    def events(self, msg=''):
        """Log lines as objects, of a bowsprit with JSON lines."""
        return [e for e in map(parse_json_line, self.out().splitlines())
                if e and msg in e['msg']]

    def complaints(self):
        """Warnings and errors, but for the one on where the test runs."""
        return [e for e in self.events() if e['level'] > 30
                and 'this is a container' not in e['msg']]

    def wait_event(self, msg, timeout=None, **fields):
        def there():
            for e in self.events(msg):
                if all(e.get(k) == v for k, v in fields.items()):
                    return e
            return None
        return wait_until(there, f'event {msg!r} {fields}', timeout)

    def wait_status(self, status, path='', timeout=None):
        """The line about a request that was answered so."""
        def there():
            for e in self.events():
                if path in str(e) and (e.get('status') == status or
                                       e['msg'].endswith(f' {status}')):
                    return e
            return None
        return wait_until(there, f'a line on {path} {status}', timeout)

    def closed(self, timeout=None, n=1):
        """The n-th closing line of a tunnel."""
        words = 'Connection closed'
        wait_until(lambda: len(self.events(words)) >= n,
                   f'{n} closing line(s)', timeout)
        return self.events(words)[n - 1]

    # What it is

    def connect(self, **options):
        return connect(self.port, **options)

    def ended(self):
        if self.status is None:
            self.status = self.process.poll()
        return self.status is not None

    def wait_end(self, timeout=None):
        wait_until(self.ended, 'the end of bowsprit', timeout)
        return self.status

    def wait_listening(self):
        """It accepts, though the application may not be ready."""
        wait_until(lambda: can_connect(self.port), 'it to listen')

    def drain(self, number=signal.SIGTERM):
        """It is told to end, and accepts no more from here on."""
        self.signal(number)
        wait_until(lambda: not can_connect(self.port), 'no more connections')

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    @contextlib.contextmanager
    def frozen(self):
        """All its threads stand still; what comes meanwhile it hears at once."""
        self.signal(signal.SIGSTOP)
        try:
            wait_until(self._stands_still, 'it to stop')
            yield
        finally:
            self.signal(signal.SIGCONT)

    def _stands_still(self):
        states = []
        for thread in os.listdir(f'/proc/{self.pid}/task'):
            with open(f'/proc/{self.pid}/task/{thread}/stat',
                      encoding='ascii') as f:
                states.append(f.read().rpartition(')')[2].split()[0])
        return set(states) == {'T'}

    def rss(self, which='VmRSS'):
        """Resident memory in KiB; VmHWM for the most there ever was."""
        with open(f'/proc/{self.pid}/status', encoding='ascii') as f:
            for line in f:
                if line.startswith(which + ':'):
                    return int(line.split()[1])
        raise KeyError(which)

    def descriptors(self):
        return len(os.listdir(f'/proc/{self.pid}/fd'))

    def cpu(self):
        """Seconds of processor time used so far."""
        with open(f'/proc/{self.pid}/stat', encoding='ascii') as f:
            fields = f.read().rpartition(')')[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def expect_rest(self, seconds=0.6, share=0.3):
        """For some time it takes next to none of a processor."""
        before = self.cpu()
        time.sleep(seconds)  # the time itself is what is looked at
        used = self.cpu() - before
        assert used < seconds * share * SLOW, f'it spins: {used} s'

    def family(self):
        """Pids of it and all that descend from it, wherever they went."""
        mark = f'BOWSPRIT_TEST_MARK={self.mark}'.encode()
        found = []
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open(f'/proc/{pid}/environ', 'rb') as f:
                    if mark in f.read().split(b'\0'):
                        found.append(int(pid))
            except OSError:
                pass
        return found

    def finish(self):
        """SIGTERM, and what must hold at the end of every test."""
        problems = []
        if not self.ended():
            self.signal()
            try:
                self.wait_end(12 * SLOW)
            except AssertionError:
                problems.append('did not end within 12 s of SIGTERM')
        if self.ended() and self.status not in self.expected:
            problems.append(f'ended with status {self.status}')
        try:
            wait_until(lambda: not self.family(), 'its processes', 2 * SLOW)
        except AssertionError:
            left = self.family()
            problems.append(f'processes left: {left}')
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        self.process.wait()
        if self.attached:
            self.attached.wait(10)
        report = SANITIZER.search(self.out() + self.err())
        if report:
            problems.append(f'a sanitizer reported: {report.group(0)}')
        return problems

    def report(self):
        text = f'$ {" ".join(self.argv)}\n(status {self.status})\n'
        for name in ('bowsprit.cfg', 'stdout', 'stderr', 'attached'):
            path = os.path.join(self.folder, name)
            if os.path.exists(path):
                with open(path, encoding='utf-8', errors='replace') as f:
                    data = f.read()
                if len(data) > 40000:
                    data = data[:20000] + '\n[…]\n' + data[-20000:]
                text += f'--- {name}\n{data}\n'
        return text


def parse_json_line(line):
    """An event, or None for what others wrote to the same stream."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and 'msg' in event else None


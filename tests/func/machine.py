# SPDX-License-Identifier: ISC
"""
What else a machine may be: names that are its own, a network of its own, calls
that take their time.
"""

import contextlib
import ctypes
import fcntl
import glob
import os
import shlex
import socket
import struct
import subprocess

from wire import wait_until

CLONE_NEWNET = 0x40000000
IFF_UP = 1
SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914

_libc = ctypes.CDLL(None, use_errno=True)


def _call(function, *args):
    if function(*args) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def _raise_loopback():
    with socket.socket() as s:
        request = struct.pack('16sh22x', b'lo', 0)
        flags = struct.unpack('16sh22x', fcntl.ioctl(
            s, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack('16sh22x', b'lo',
                                                 flags | IFF_UP))


@contextlib.contextmanager
def own_network():
    """
    For this thread, and the processes that it starts, the network is a
    loopback interface that nobody else has.  OSError where that is refused.
    """
    before = os.open('/proc/self/ns/net', os.O_RDONLY | os.O_CLOEXEC)
    try:
        _call(_libc.unshare, CLONE_NEWNET)
        try:
            _raise_loopback()
            yield
        finally:
            _call(_libc.setns, before, CLONE_NEWNET)
    finally:
        os.close(before)


def set_kernel(name, value):
    """Of the present network: set_kernel('ipv4/ip_forward', 1)."""
    with open(f'/proc/sys/net/{name}', 'w', encoding='ascii') as f:
        f.write(str(value))


class Names:
    """
    A hosts file, a resolv.conf and an nsswitch.conf in a folder, and .run, a
    command before which they are those of /etc.
    """

    def __init__(self, folder, hosts='', servers=()):
        self.folder = folder
        self.set_hosts(hosts)
        (folder / 'resolv.conf').write_text(
            ''.join(f'nameserver {s}\n' for s in servers)
            + 'options timeout:1 attempts:5\n')
        (folder / 'nsswitch.conf').write_text('hosts: files dns\n')
        mounts = ' && '.join(
            f'mount --bind {folder}/{name} /etc/{name}'
            for name in ('hosts', 'resolv.conf', 'nsswitch.conf'))
        self.run = ('unshare -m' if os.geteuid() == 0 else 'unshare -rm') + (
            f" sh -c '{mounts} && exec \"$0\" \"$@\"' ")

    def set_hosts(self, hosts):
        """In place, as the mount needs it, and never half a file."""
        path = self.folder / 'hosts'
        text = f'127.0.0.1 localhost\n{hosts}'.ljust(500, '\n')
        fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        os.pwrite(fd, text.encode(), 0)
        os.close(fd)

    def addresses(self, name):
        """In the order in which the system has them."""
        found = subprocess.run(f'{self.run} getent ahosts {name}', shell=True,
                               capture_output=True, text=True, check=False)
        return list(dict.fromkeys(
            line.split()[0] for line in found.stdout.splitlines()))

    def wrapper(self, binary):
        """The path of a program that is the binary with these names."""
        path = self.folder / 'with-own-names'
        path.write_text(f'#!/bin/sh\nexec {self.run} '
                        f'{shlex.quote(str(binary))} "$@"\n')
        path.chmod(0o755)
        return str(path)


class Dnsmasq:
    """Debian's dnsmasq on port 53 of 127.0.0.1: a DNS server, no more."""

    def __init__(self, folder, **names):
        self.file = folder / 'dns-hosts'
        self._write(names)
        self.process = subprocess.Popen(
            ['/usr/sbin/dnsmasq', '--keep-in-foreground', '--no-resolv',
             '--no-hosts', '--conf-file=/dev/null', '--user=root',
             '--pid-file', '--listen-address=127.0.0.1', '--bind-interfaces',
             f'--addn-hosts={self.file}', '--local-ttl=0'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(folder / 'dnsmasq.log', 'ab'))
        try:
            wait_until(self._answers, 'dnsmasq')
        except BaseException:
            self.stop()
            raise

    def _write(self, names):
        self.file.write_text(''.join(f'{address} {name}.test\n'
                                     for name, address in names.items()))

    @staticmethod
    def _answers():
        """To the question for the address of "x."."""
        question = (b'\0\1\1\0\0\1\0\0\0\0\0\0' b'\1x\0' b'\0\1\0\1')
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.2)
            s.connect(('127.0.0.1', 53))
            try:
                s.send(question)
                return bool(s.recv(512))
            except OSError:
                return False

    def set(self, **names):
        self._write(names)
        self.process.send_signal(1)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


class Traced:
    """A process at whose system calls strace looks, by the words of -e."""

    def __init__(self, folder, pid, *words):
        self.pid = pid
        self.path = folder / 'strace'
        options = [o for w in words for o in ('-e', w)]
        with open(self.path, 'wb') as err:
            self.process = subprocess.Popen(
                ['strace', '-f', '-p', str(pid), *options], stderr=err)
        wait_until(lambda: self.said('attached') or self.process.poll(),
                   'strace')
        if self.process.poll():
            raise PermissionError(self.path.read_text())

    def said(self, words):
        return words in self.path.read_text()

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


class Tampered(Traced):
    """
    One whose first sendto(2) is held up for a second, or fails as well, by the
    words of --inject.
    """

    SENDTO = ('44', '206')  # on x86-64, aarch64

    def __init__(self, folder, pid, how='delay_enter=1s'):
        super().__init__(folder, pid, 'trace=sendto',
                         f'inject=sendto:{how}:when=1')

    def is_held_up(self):
        """In that call, which is number -1 to the kernel if it is to fail."""
        for task in glob.glob(f'/proc/{self.pid}/task/*'):
            with open(f'{task}/stat', encoding='ascii') as f:
                stopped = f.read().rpartition(') ')[2].startswith('t')
            with open(f'{task}/syscall', encoding='ascii') as f:
                if stopped and f.read().split()[0] in (*self.SENDTO, '-1'):
                    return True
        return False

# SPDX-License-Identifier: ISC
"""
One cell of the table: a backend, a proxy, and the load, all fresh.
"""

import os
import select
import subprocess
import time

import proc
from peers import Failed, Proxy, spawn, stop
from proc import cpu_seconds as cpu_of

WARM_SECONDS = 0.3
IDLE_SECONDS = 2
ANSWER_SECONDS = 60


class Tool:
    """load or backend: a line for a line."""

    def __init__(self, argv, cores):
        self.process = spawn(argv, cores, subprocess.PIPE,
                             stdin=subprocess.PIPE, bufsize=0)
        self.pid = self.process.pid
        self.rest = b''

    def say(self, line):
        try:
            self.process.stdin.write(f'{line}\n'.encode())
        except BrokenPipeError:
            pass  # its last words tell why
        return self.hear()

    def hear(self, seconds=ANSWER_SECONDS):
        """The next line; what begins with "failed: " is raised."""
        end = time.monotonic() + seconds
        while b'\n' not in self.rest:
            left = end - time.monotonic()
            if not select.select([self.process.stdout], [], [],
                                 max(left, 0))[0]:
                raise Failed(f'the load did not end within {seconds} s')
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                raise Failed('the load ended without a word')
            self.rest += data
        line, _, self.rest = self.rest.partition(b'\n')
        text = line.decode(errors='replace')
        if text.startswith('failed: '):
            raise Failed(text[len('failed: '):])
        return text

    def stop(self):
        stop(self.process)
        self.process.stdout.close()
        self.process.stdin.close()


class Cores:
    """
    The proxy has a core for itself, load and backend have the others; with
    two workers, or a single core, all have all.
    """

    def __init__(self):
        mine = sorted(os.sched_getaffinity(0))
        self.all = set(mine)
        self.proxy = {mine[0]}
        self.others = set(mine[1:]) or self.all

    def for_case(self, case):
        if case.workers > 1:
            return self.all, self.all
        return self.proxy, self.others


def figures(line):
    """"done units=5 seconds=0.5 …" as a dict."""
    return {k: float(v) for k, v in
            (word.split('=') for word in line.split()[1:])}


class Cell:
    """What runs while a cell is measured."""

    def __init__(self, case, peer, given, cores):
        for_proxy, for_load = cores.for_case(case)
        self.case = case
        self.running = []
        try:
            programs = f'{given.build}/tests/bench'
            self.backend = self.keep(Tool([f'{programs}/backend', '0'],
                                          for_load))
            port = int(self.backend.hear().split()[1])
            self.proxy = self.keep(Proxy(peer, case, given.build, given.out,
                                         port, for_proxy))
            self.before = proc.rss(self.proxy.pid)
            tls = case.tls and peer.tls
            self.load = self.keep(Tool(
                [f'{programs}/load', '--conns', str(case.conns), '--size',
                 str(case.size), *(['--tls'] if tls else []), case.work,
                 f'127.0.0.1:{self.proxy.port}'], for_load))
        except Failed:
            self.stop()
            raise

    def keep(self, program):
        self.running.append(program)
        return program

    def stop(self):
        for program in reversed(self.running):
            program.stop()

    def ours(self):
        """CPU of everything that belongs to the bench."""
        own = os.times()
        return own.user + own.system + sum(
            proc.cpu_seconds(p.pid) for p in self.running)

    def say(self, line):
        """To the load; if the proxy is dead, its own last words say more."""
        try:
            return self.load.say(line)
        except Failed:
            self.proxy.check()
            raise


def measure(case, peer, given, cores):
    """A dict of what was measured; Failed says what went wrong."""
    cell = Cell(case, peer, given, cores)
    try:
        cell.load.hear()
        return idle(cell) if case.kind == 'idle' else busy(cell, given.seconds)
    except Failed:
        cell.proxy.check()
        raise
    finally:
        cell.stop()


def busy(cell, seconds):
    case, pid = cell.case, cell.proxy.pid
    rate = f' {case.rate}' if case.rate else ''
    cell.say(f'run {WARM_SECONDS}{rate}')
    machine, ours, cpu = proc.machine_seconds(), cell.ours(), cpu_of(pid)
    done = figures(cell.say(f'run {seconds}{rate}'))
    cpu, ours = cpu_of(pid) - cpu, cell.ours() - ours
    machine = proc.machine_seconds() - machine
    cell.proxy.check()
    if not done['units']:
        raise Failed('nothing was done in the time given')
    per = (cpu * 1e9 / done['bytes'] if case.kind == 'stream'
           else cpu * 1e6 / done['units'])
    return {'cost': per, 'rate': done['units'] / done['seconds'],
            'p50': done['p50'], 'p99': done['p99'],
            'load': cpu / done['seconds'],
            'others': max(0, machine - ours)
            / (done['seconds'] * os.cpu_count())}


def idle(cell):
    conns, pid = cell.case.conns, cell.proxy.pid
    cell.say('once')
    time.sleep(0.5)  # logs and pools come to rest
    full = proc.rss(pid)
    slept, cpu, began = proc.wakeups(pid), cpu_of(pid), time.monotonic()
    time.sleep(IDLE_SECONDS)
    seconds = time.monotonic() - began
    slept, cpu = proc.wakeups(pid) - slept, cpu_of(pid) - cpu
    cell.say('once')  # they are all alive
    cell.say('close')
    time.sleep(0.5)
    return {'cost': (full - cell.before) / conns, 'start': cell.before,
            'wakeups': slept / seconds, 'idle_cpu': cpu * 1e3 / seconds,
            'after': (proc.rss(pid) - cell.before) / conns}

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

WARM_SECONDS = 0.3
ANSWER_SECONDS = 60


class Tool:
    """load or backend: a line for a line."""

    def __init__(self, argv, cores):
        self.process = spawn(argv, cores, subprocess.PIPE,
                             stdin=subprocess.PIPE, bufsize=0)
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


def cell(case, peer, build, folder, seconds, cores):
    """A dict of what was measured; Failed says what went wrong."""
    for_proxy, for_load = cores.for_case(case)
    backend = Tool([f'{build}/tests/bench/backend', '0'], for_load)
    proxy = load = None
    try:
        port = int(backend.hear().split()[1])
        proxy = Proxy(peer, build, folder, port, for_proxy, case.workers)
        before = proc.rss(proxy.pid)
        load = Tool([f'{build}/tests/bench/load', '--conns', str(case.conns),
                     '--size', str(case.size), case.work,
                     f'127.0.0.1:{proxy.port}'], for_load)
        load.hear()
        if case.kind == 'idle':
            return {'start': before, **idle(case, proxy, load, before)}
        return busy(case, proxy, load, seconds)
    except Failed:
        if proxy:
            proxy.check()  # its own last words, if it is dead, say more
        raise
    finally:
        for one in (load, proxy, backend):
            if one:
                one.stop()


def busy(case, proxy, load, seconds):
    rate = f' {case.rate}' if case.rate else ''
    load.say(f'run {WARM_SECONDS}{rate}')
    before = proc.cpu_seconds(proxy.pid)
    done = figures(load.say(f'run {seconds}{rate}'))
    cpu = proc.cpu_seconds(proxy.pid) - before
    proxy.check()
    if not done['units']:
        raise Failed('nothing was done in the time given')
    per = (cpu * 1e9 / done['bytes'] if case.kind == 'stream'
           else cpu * 1e6 / done['units'])
    return {'cost': per, 'rate': done['units'] / done['seconds'],
            'p50': done['p50'], 'p99': done['p99'],
            'load': cpu / done['seconds']}


def idle(case, proxy, load, before):
    load.say('once')
    time.sleep(0.5)  # logs and pools come to rest
    full = proc.rss(proxy.pid)
    slept, cpu, began = (proc.wakeups(proxy.pid),
                         proc.cpu_seconds(proxy.pid), time.monotonic())
    time.sleep(2)
    seconds = time.monotonic() - began
    slept = proc.wakeups(proxy.pid) - slept
    cpu = proc.cpu_seconds(proxy.pid) - cpu
    load.say('once')  # they are all alive
    load.say('close')
    time.sleep(0.5)
    return {'cost': (full - before) / case.conns, 'wakeups': slept / seconds,
            'idle_cpu': cpu * 1e3 / seconds,
            'after': (proc.rss(proxy.pid) - before) / case.conns}

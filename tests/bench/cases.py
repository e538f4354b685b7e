# SPDX-License-Identifier: ISC
"""
What is measured: a name, the work that load.c does, and what one unit of it
costs the proxy.
"""

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    work: str          # of load.c
    size: int = KIB    # bytes of a message or body
    conns: int = 1
    rate: int = 0      # messages a second, of all connections; 0: no limit
    kind: str = 'cpu'  # or 'stream': by the byte; 'idle': memory and wake-ups
    workers: int = 1
    tls: bool = False  # on the proxy's listener; the forwarder stays plain
    quick: bool = False
    target: float = 0  # what bowsprit is to reach, as a ratio to the forwarder


CASES = [
    Case('echo_64', 'echo of 64 B, 100 connections', 'echo', 64, 100,
         quick=True, target=1.08),
    Case('echo_1k', 'echo of 1 KiB, 100 connections', 'echo', KIB, 100,
         quick=True, target=1.08),
    Case('echo_16k', 'echo of 16 KiB, 100 connections', 'echo', 16 * KIB, 100,
         quick=True, target=1.05),
    Case('lone_64', 'echo of 64 B, 1 connection', 'echo', 64),
    Case('lone_1k', 'echo of 1 KiB, 1 connection', 'echo', KIB, quick=True),
    Case('lone_16k', 'echo of 16 KiB, 1 connection', 'echo', 16 * KIB),
    Case('down', 'stream of 64 KiB messages down, 4 connections', 'down',
         64 * KIB, 4, kind='stream', quick=True, target=0.55),
    Case('up', 'stream of 64 KiB messages up, 4 connections', 'up',
         64 * KIB, 4, kind='stream', quick=True, target=0.55),
    Case('handshake', 'a WebSocket opened and closed, 8 at a time', 'open',
         KIB, 8, quick=True, target=1.10),
    Case('get_1k', 'keep-alive GET of 1 KiB, 32 connections', 'get', KIB, 32,
         quick=True, target=1.25),
    Case('get_16k', 'keep-alive GET of 16 KiB, 32 connections', 'get',
         16 * KIB, 32),
    Case('get_1m', 'keep-alive GET of 1 MiB, 8 connections', 'get', MIB, 8),
    Case('post_1m', 'keep-alive POST of 1 MiB, 8 connections', 'post', MIB, 8),
    Case('idle', 'idle WebSockets, 5,000, each after one message', 'echo',
         KIB, 5000, kind='idle', quick=True, target=1024),
    Case('grow_100', '5,000 echoes of 1 KiB a second on 100 WebSockets',
         'echo', KIB, 100, rate=5000),
    Case('grow_1000', '5,000 echoes of 1 KiB a second on 1,000 WebSockets',
         'echo', KIB, 1000, rate=5000),
    Case('grow_9000', '5,000 echoes of 1 KiB a second on 9,000 WebSockets',
         'echo', KIB, 9000, rate=5000),
    Case('two_workers', 'echo of 1 KiB, 100 connections, two workers', 'echo',
         KIB, 100, workers=2),
    Case('tls_echo_1k', 'wss: echo of 1 KiB, 100 connections', 'echo', KIB,
         100, tls=True, target=1.50),
    Case('tls_down', 'wss: stream of 64 KiB messages down, 4 connections',
         'down', 64 * KIB, 4, kind='stream', tls=True, target=2.2),
    Case('tls_up', 'wss: stream of 64 KiB messages up, 4 connections', 'up',
         64 * KIB, 4, kind='stream', tls=True, target=2.3),
    Case('tls_handshake', 'wss: opened and closed, 8 at a time', 'open', KIB,
         8, tls=True, target=9),
    Case('tls_idle', 'wss: idle, 2,000, each after one message', 'echo', KIB,
         2000, kind='idle', tls=True, target=16000),
]


def unit_of(case):
    return {'cpu': 'µs', 'stream': 's/GB', 'idle': 'B'}[case.kind]


def choose(names, quick):
    """
    Those of that name, or else those that begin with it; without `names` all
    of them, or the quick ones.
    """
    exact = {c.name for c in CASES}
    chosen = [c for c in CASES
              if (any(c.name == n if n in exact else c.name.startswith(n)
                      for n in names) if names
                  else c.quick or not quick)]
    for n in names:
        if not any(c.name.startswith(n) for c in CASES):
            known = ' '.join(c.name for c in CASES)
            raise SystemExit(f'bench: there is no case "{n}"; there are: '
                             f'{known}')
    return chosen

#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""
bowsprit and its peers side by side: what each costs the processor, and how
much memory.  `make bench` and contrib/bench.sh call it.

Each cell of the table is a backend, a proxy and a load generator, all fresh;
the proxies take turns, round after round.  The figure is the user and system
time of all of the proxy's threads by unit of work, shown as a ratio to the
bare forwarder of the same round; each with one worker and a core of its own,
the load generator and the backend share the others.
"""

import argparse
import datetime
import hashlib
import os
import sys
import textwrap
import time

import cases as all_cases
import chart
import peers as all_peers
from measure import Cores, measure
from peers import Failed
from results import Results
from table import table

# Of the machine's time: what is measured beside that is no good.
DISTURBED = 0.15


def options():
    p = argparse.ArgumentParser(
        prog='bench', description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='cases: ' + ' '.join(c.name for c in all_cases.CASES)
        + '\npeers: ' + ' '.join(p.name for p in all_peers.PEERS))
    p.add_argument('case', nargs='*',
                   help='a case, or what the names of some begin with')
    p.add_argument('--peers', default='', metavar='A,B',
                   help='these only; the forwarder is always among them')
    p.add_argument('--rounds', type=int, metavar='N', help='(5; quick: 2)')
    p.add_argument('--seconds', type=float, metavar='S',
                   help='of work in each cell (1.5; quick: 0.5)')
    p.add_argument('--quick', action='store_true',
                   help='fewer cases and peers, in some three minutes')
    p.add_argument('--fresh', action='store_true',
                   help='measure again what was measured already')
    p.add_argument('--limit', type=float, metavar='S',
                   help='stop after that many seconds; the next run goes on')
    p.add_argument('--build', default='.', metavar='DIR',
                   help='the build folder (.)')
    p.add_argument('--out', metavar='DIR',
                   help='for results.tsv and the proxies\' files '
                        '(bench/ of the build folder)')
    given = p.parse_args()
    given.rounds = given.rounds or (2 if given.quick else 5)
    given.seconds = given.seconds or (0.5 if given.quick else 1.5)
    given.build = os.path.abspath(given.build)
    given.out = os.path.abspath(given.out or f'{given.build}/bench')
    return given


def chosen_peers(given):
    """Those that are asked for and are there, with their versions."""
    names = [n for n in given.peers.split(',') if n]
    if names and 'forwarder' not in names:
        names.append('forwarder')
    there, versions = [], {}
    for peer in all_peers.choose(names, given.quick):
        version = all_peers.version_of(peer, given.build)
        if version:
            there.append(peer)
            versions[peer.name] = version
        else:
            print(f'{peer.name} is not there: left out '
                  '(contrib/bench.sh installs the peers)')
    return there, versions


def check_build(build):
    """A sanitizer's build is measured by nobody on purpose."""
    with open(f'{build}/bowsprit', 'rb') as f:
        binary = f.read()
    if b'__asan_init' in binary or b'__tsan_init' in binary:
        print('NOTE: this bowsprit is built with a sanitizer: '
              'its figures mean nothing', file=sys.stderr)
    return hashlib.sha256(binary).hexdigest()[:16]


def conditions(given, binary):
    return {'bowsprit': binary, 'seconds': given.seconds,
            'machine': machine()}


def machine():
    with open('/proc/cpuinfo') as f:
        models = [line.split(':')[1].strip() for line in f
                  if line.startswith('model name')]
    with open('/proc/meminfo') as f:
        kib = int(f.readline().split()[1])
    return (f'{len(models) or os.cpu_count()} cores'
            f'{", " + models[0] if models else ""}, '
            f'{kib / 1048576:.0f} GiB, Linux {os.uname().release}')


def measure_all(given, cases, peers, results):
    todo = [(c, n, p) for c in cases for n in range(given.rounds)
            for p in turn(peers, n)
            if p.can(c) and not results.has(c, n, p)]
    cores, began = Cores(), time.monotonic()
    for i, (case, number, peer) in enumerate(todo):
        passed = time.monotonic() - began
        if given.limit and passed > given.limit:
            print(f'{len(todo) - i} of {len(todo)} are left: the same command '
                  'goes on')
            return
        figures = undisturbed(case, peer, given, cores)
        results.add(case, number, peer, figures)
        print(f'{i + 1:4}/{len(todo)} {passed:5.0f} s  round {number + 1}  '
              f'{case.name:13} {peer.name:11} {in_words(case, figures)}',
              flush=True)


def undisturbed(case, peer, given, cores):
    """Measures again, once, if others were at work meanwhile."""
    for attempt in range(2):
        try:
            figures = measure(case, peer, given, cores)
        except Failed as e:
            return {'failed': str(e).replace('\t', ' ')}
        if figures.get('others', 0) < DISTURBED:
            break
    return figures


def in_words(case, figures):
    if 'failed' in figures:
        return f'failed: {figures["failed"]}'
    others = figures.get('others', 0)
    return (f'{figures["cost"]:.2f} {all_cases.unit_of(case)}'
            + (f'  (others took {others:.0%} of the machine)'
               if others >= DISTURBED else ''))


def turn(peers, number):
    """Each round begins with another, so that none always follows the same."""
    k = number % len(peers)
    return peers[k:] + peers[:k]


def head(versions, peers):
    return '\n'.join([
        f'{datetime.date.today()}, {machine()}',
        'Medians of CPU by unit of work: the forwarder\'s, and the ratio of '
        'the others to it in the same round;',
        'below them the least and the most of all rounds. Idle: resident '
        'bytes by WebSocket.'] + [
        f'  {p.name:11} {p.title}: {versions[p.name]}; {p.log}'
        for p in peers])


def report(given, cases, peers, versions, results):
    """Prints the table, and leaves it and the chart beside results.tsv."""
    text = head(versions, peers) + '\n\n' + table(results, cases, peers)
    print('\n' + text)
    with open(f'{given.out}/table.txt', 'w') as f:
        f.write(text + '\n')
    seen = ', '.join(dict.fromkeys(
        versions[p.name] if p.name == 'http-proxy' else
        f'{p.title.split(" with ")[0]} {versions[p.name]}'
        for p in peers if not p.announces))
    footer = textwrap.wrap(
        f'{machine()}; {seen}. One worker each, default logs; medians of '
        f'{given.rounds} rounds, the thin line from the least to the most.',
        140, break_on_hyphens=False)
    with open(f'{given.out}/chart.svg', 'w') as f:
        f.write(chart.svg(results, cases, peers, 'bowsprit and its peers, '
                          f'{datetime.date.today()}', footer))


def main():
    given = options()
    cases = all_cases.choose(given.case, given.quick)
    peers, versions = chosen_peers(given)
    os.makedirs(given.out, exist_ok=True)
    if any(c.tls for c in cases):
        all_peers.make_certificate(given.out)
    results = Results(f'{given.out}/results.tsv',
                      conditions(given, check_build(given.build)),
                      given.fresh)
    try:
        measure_all(given, cases, peers, results)
    except KeyboardInterrupt:
        print('stopped: the same command goes on')
    report(given, cases, peers, versions, results)
    failed = any(results.failure(c, p) for c in cases for p in peers)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())

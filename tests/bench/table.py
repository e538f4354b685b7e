# SPDX-License-Identifier: ISC
"""
The results as a table for people: a case is two lines, the medians and, below
them, the least and the most of the rounds.
"""

from cases import unit_of
from results import median

WIDTH = 16


def amount(value, unit):
    if unit == 'B':
        return f'{value:,.0f}'
    return f'{value:.2f}' if value < 10 else f'{value:.1f}'


def shown(results, case, peer):
    """What is shown of a peer: its values, and how each is written."""
    unit = unit_of(case)
    if unit == 'B' or case.rate or peer.name == 'forwarder':
        return (results.values(case, peer, 'cost'),
                lambda v: amount(v, unit))
    return results.ratios(case, peer), lambda v: f'{v:.2f}'


def columns(results, case, peer):
    if not peer.can(case):
        return '-', ''
    if results.failure(case, peer):
        return 'failed', ''
    values, write = shown(results, case, peer)
    if not values:
        return '', ''
    spread = (f'{write(min(values))}-{write(max(values))}'
              if len(values) > 1 else '')
    return write(median(values)), spread


def table(results, cases, peers):
    names = max(len(f'{c.title}, {unit_of(c)}') for c in cases)
    lines = [' ' * names + ''.join(f'{p.name:>{WIDTH}}' for p in peers)]
    for case in cases:
        cells = [columns(results, case, p) for p in peers]
        title = f'{case.title}, {unit_of(case)}'
        lines.append(f'{title:{names}}'
                     + ''.join(f'{c[0]:>{WIDTH}}' for c in cells))
        if any(c[1] for c in cells):
            lines.append(' ' * names
                         + ''.join(f'{c[1]:>{WIDTH}}' for c in cells))
        if case.kind == 'idle':
            lines += idle_lines(results, case, peers, names)
    return '\n'.join(lines + failures(results, cases, peers))


IDLE = [('start', 'resident before the first, KiB', lambda v: v / 1024),
        ('after', 'resident after the last, B for each that was', float),
        ('wakeups', 'wake-ups a second while all are idle', float),
        ('idle_cpu', 'CPU while all are idle, ms/s', float)]


def idle_lines(results, case, peers, names):
    lines = []
    for figure, title, scaled in IDLE:
        cells = []
        for peer in peers:
            values = results.values(case, peer, figure)
            value = scaled(median(values)) if values else None
            cells.append('' if value is None else
                         f'{value:,.0f}' if value >= 10 else f'{value:.1f}')
        lines.append(f'{"  " + title:{names}}'
                     + ''.join(f'{c:>{WIDTH}}' for c in cells))
    return lines


def failures(results, cases, peers):
    return [f'failed: {p.name}, {c.name}: {results.failure(c, p)}'
            for c in cases for p in peers if results.failure(c, p)]

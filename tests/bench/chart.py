# SPDX-License-Identifier: ISC
"""
The results as an SVG: a panel for each case, a bar for each peer with its
median, a thin line from the least to the most of the rounds.

The ground is drawn too, so that whatever page it stands in, light or dark, the
text is readable.
"""

from html import escape

from results import median
from table import shown

PANELS = ['echo_64', 'echo_1k', 'echo_16k', 'down', 'up', 'idle', 'handshake',
          'get_1k', 'get_16k']
TITLES = {'echo_64': 'echo of 64 B', 'echo_1k': 'echo of 1 KiB',
          'echo_16k': 'echo of 16 KiB', 'down': 'stream down',
          'up': 'stream up', 'idle': 'idle WebSocket, bytes',
          'handshake': 'opened and closed', 'get_1k': 'GET of 1 KiB',
          'get_16k': 'GET of 16 KiB'}
WIDTH, MARGIN, NAMES = 920, 20, 170
BAR, STEP, TITLE, GAP = 11, 18, 28, 22
VALUE = 44        # room for a number behind the longest bar
MOST = 4.0        # ratios beyond are cut off; the number tells
MOST_BYTES = 24e3

STYLE = '''
    .ground { fill: #ffffff; } text { fill: #24292f; stroke: #ffffff; }
    .soft { fill: #57606a; } .bar { fill: #a3b3c5; } .ours { fill: #0b7a75; }
    .line { stroke: #57606a; } .base { stroke: #cf5b1c; }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #161b22; } text { fill: #e6edf3; stroke: #161b22; }
      .soft { fill: #9aa5b1; } .bar { fill: #566577; } .ours { fill: #2fb8ae; }
      .line { stroke: #aab4bf; } .base { stroke: #f0883e; }
    }
    text { font: 12px system-ui, sans-serif; stroke-width: 3px;
      paint-order: stroke; }
    .title { font-weight: 600; }
    .small { font-size: 11px; } .bold { font-weight: 600; }
'''


def text(x, y, words, kind='', anchor='start'):
    return (f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" '
            f'text-anchor="{anchor}">{escape(words)}</text>')


def line(x1, x2, y1, y2, kind, extra=''):
    return (f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}" '
            f'class="{kind}" {extra}/>')


def panel(results, case, peers, x, y, width):
    """One case, its bars from x on."""
    most = MOST_BYTES if case.kind == 'idle' else MOST

    def at(value):
        return x + min(value, most) / most * (width - VALUE)
    out = [text(x, y + 14, TITLES[case.name], 'title')]
    bottom = y + TITLE + STEP * len(peers) - (STEP - BAR)
    if case.kind != 'idle':
        out.append(line(at(1), at(1), y + TITLE - 4, bottom + 4, 'base',
                        'stroke-dasharray="3 3"'))
    for i, peer in enumerate(peers):
        out += bar(results, case, peer, x, y + TITLE + STEP * i, at)
    return out


def bar(results, case, peer, x, y, at):
    values, write = shown(results, case, peer)
    if not values or results.failure(case, peer):
        return [text(x, y + BAR - 1, 'failed' if values else '–',
                     'soft small')]
    middle = median(values)
    ours = peer.name == 'bowsprit'
    out = [f'<rect x="{x:.1f}" y="{y:.1f}" width="{at(middle) - x:.1f}" '
           f'height="{BAR}" rx="2" class="{"ours" if ours else "bar"}"/>']
    if at(max(values)) > at(min(values)):
        out.append(line(at(min(values)), at(max(values)), y + BAR / 2,
                        y + BAR / 2, 'line'))
    out.append(text(max(at(middle), at(max(values))) + 5, y + BAR - 1,
                    write(middle), 'small bold' if ours else 'small'))
    return out


def names(peers, y):
    return [text(MARGIN + NAMES - 10, y + TITLE + STEP * i + BAR - 1, p.title,
                 'bold' if p.name == 'bowsprit' else '', 'end')
            for i, p in enumerate(peers)]


def svg(results, cases, peers, headline, footer):
    peers = [p for p in peers if p.name != 'forwarder']
    panels = [c for name in PANELS for c in cases if c.name == name]
    width = (WIDTH - 2 * MARGIN - NAMES) / 3
    height = TITLE + STEP * len(peers) + GAP
    out = [text(MARGIN, 32, headline, 'title'),
           text(MARGIN, 52, 'CPU by unit of work, as a ratio to a bare '
                'forwarder (dashed: 1); bytes of memory by idle WebSocket. '
                f'Shorter is better; bars end at {MOST:.0f}.', 'soft')]
    y = 72
    for i, case in enumerate(panels):
        if i % 3 == 0:
            out += names(peers, y)
        out += panel(results, case, peers, MARGIN + NAMES + width * (i % 3),
                     y, width - 12)
        if i % 3 == 2 or i == len(panels) - 1:
            y += height
    for i, words in enumerate(footer):
        out.append(text(MARGIN, y + 8 + 16 * i, words, 'soft small'))
    y += 16 * len(footer) + 8
    return '\n'.join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
        f'height="{y:.0f}" viewBox="0 0 {WIDTH} {y:.0f}" role="img">',
        f'<title>{escape(headline)}</title>', f'<style>{STYLE}</style>',
        f'<rect width="{WIDTH}" height="{y:.0f}" rx="8" class="ground"/>',
        *out, '</svg>', ''])

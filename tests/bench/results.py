# SPDX-License-Identifier: ISC
"""
The TSV that a run appends to and is resumed from: one line for each figure.

	case  round  peer  figure  value

Lines that begin with '#' say under which conditions: a run under others does
not go on with it.
"""

import os
import statistics


class Results:
    def __init__(self, name, conditions, fresh=False):
        self.name = name
        self.cells = {}  # (case, round, peer): {figure: value}
        self.conditions = conditions
        if os.path.exists(name):
            if fresh or not self.read():
                print('what was measured under other conditions is now '
                      f'{name}.old')
                os.replace(name, f'{name}.old')
                self.cells = {}
        if not os.path.exists(name):
            with open(name, 'w') as f:
                for key, value in conditions.items():
                    f.write(f'# {key}\t{value}\n')
                f.write('case\tround\tpeer\tfigure\tvalue\n')

    def read(self):
        """Whether the file was made under our conditions."""
        seen = {}
        with open(self.name) as f:
            for line in f:
                words = line.rstrip('\n').split('\t')
                if line.startswith('# '):
                    seen[words[0][2:]] = words[1]
                elif len(words) == 5 and words[0] != 'case':
                    case, number, peer, figure, value = words
                    self.cells.setdefault((case, int(number), peer), {})[
                        figure] = (value if figure == 'failed'
                                   else float(value))
        return seen == {k: str(v) for k, v in self.conditions.items()}

    def has(self, case, number, peer):
        return (case.name, number, peer.name) in self.cells

    def add(self, case, number, peer, figures):
        self.cells[case.name, number, peer.name] = figures
        with open(self.name, 'a') as f:
            for figure, value in figures.items():
                f.write(f'{case.name}\t{number}\t{peer.name}\t{figure}\t'
                        f'{value}\n')

    def values(self, case, peer, figure):
        return [cell[figure]
                for (c, _, p), cell in sorted(self.cells.items())
                if (c, p) == (case.name, peer.name) and figure in cell]

    def ratios(self, case, peer):
        """Its cost by the forwarder's of the same round."""
        base = {n: cell['cost'] for (c, n, p), cell in self.cells.items()
                if (c, p) == (case.name, 'forwarder') and 'cost' in cell}
        return [cell['cost'] / base[n]
                for (c, n, p), cell in sorted(self.cells.items())
                if (c, p) == (case.name, peer.name) and 'cost' in cell
                and base.get(n)]

    def failure(self, case, peer):
        for (c, _, p), cell in self.cells.items():
            if (c, p) == (case.name, peer.name) and 'failed' in cell:
                return cell['failed']
        return None


def median(values):
    return statistics.median(values) if values else None

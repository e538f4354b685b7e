# SPDX-License-Identifier: ISC
"""
The rows of tests/unit/*_rows.h, and the exchanges of exchanges.py, through a
running bowsprit: see raw.py.
"""

import os
import subprocess

import pytest

from daemon import free_port
from exchanges import EXCHANGES
from raw import Bench, read_rows, runs_of

PRINTER = os.path.join(os.path.dirname(os.environ['BOWSPRIT']),
                       'tests/unit/test_rows')  # of the same build
ROWS = read_rows(subprocess.run(
    [PRINTER, '--print'], check=True,
    stdout=subprocess.PIPE).stdout) + EXCHANGES
CASES = {f'{row["id"]}-{run.__name__}' if 'run' not in row else row['id']:
         (row, run) for row in ROWS for run in runs_of(row)}


@pytest.fixture(scope='module')
def bench(tmp_path_factory):
    """One bowsprit for all rows."""
    b = Bench(os.environ['BOWSPRIT'], str(tmp_path_factory.mktemp('raw')),
              free_port())
    yield b
    problems = b.stop()
    assert not problems, (problems, b.bs.report())


@pytest.mark.parametrize('name', CASES)
def test_raw(name, bench):
    row, run = CASES[name]
    print(row.get('rfc'), row['why'], row.get('bytes'))
    try:
        run(bench, row)
        bench.clear()
    except BaseException:
        bench.reset()
        raise

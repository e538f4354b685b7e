#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""
run.py [--live] BUILD SOURCE [NAME...]: does every row fail under its mutant?

BUILD is a configured and built tree of SOURCE; `make check-mutants` calls
this.  For each mutant (of *.txt here, or those whose names hold a NAME) the
file is compiled as it was, but for the change, and linked before
libbowsprit.a, which has the rest.  A mutant of rows that test_rows.c knows is
tried by that program; one of rows that need a running bowsprit
(tests/func/exchanges.py), or with --live any one, by that; one that names a
test of tests/func, by pytest.

It is an error if a row names no mutant, or one that is not there, or no RFC;
if a row or test fails without any change; if a mutant has neither row nor test; if the lines that it
changes are not there once (it is stale); and if a row or test still passes
under its mutant.
"""

import concurrent.futures
import glob
import os
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
FUNC = os.path.join(os.path.dirname(HERE), 'func')
sys.path.insert(0, FUNC)

from exchanges import EXCHANGES  # noqa: E402
from raw import read_rows, rows_that_fail  # noqa: E402
from wire import PATIENCE  # noqa: E402

IMPATIENCE = 1  # most rows fail by what they wait for in vain


class Mutant:
    def __init__(self, name):
        self.name = name
        self.hunks = []  # [file, old, new]
        self.rows = []
        self.test = None  # FILE::NAME

    def texts(self, source):
        """The changed files, {path: text}; a stale hunk is an error."""
        texts = {}
        for path, old, new in self.hunks:
            if path not in texts:
                with open(os.path.join(source, 'src', path),
                          encoding='utf-8') as f:
                    texts[path] = '\n' + f.read()
            if texts[path].count('\n' + old) != 1:
                raise ValueError(f'"{self.name}" is stale: its lines are in '
                                 f'{path} {texts[path].count(chr(10) + old)} '
                                 'times')
            texts[path] = texts[path].replace('\n' + old, '\n' + new)
        return texts


def read_mutants():
    mutants = {}
    for file in sorted(glob.glob(os.path.join(HERE, '*.txt'))):
        with open(file, encoding='utf-8') as f:
            lines = f.read().splitlines()
        for number, line in enumerate(lines, 1):
            if not line or line.startswith('#'):
                continue
            if line.startswith('= '):
                if line[2:] in mutants:
                    raise ValueError(f'{file}:{number}: it is there twice')
                mutant = mutants[line[2:]] = Mutant(line[2:])
            elif line.startswith('% '):
                mutant.test = line[2:]
            elif line.startswith('@ '):
                mutant.hunks.append([line[2:], '', ''])
            elif line[0] in '-+':
                mutant.hunks[-1][1 if line[0] == '-' else 2] += line[1:] + '\n'
            else:
                raise ValueError(f'{file}:{number}: begins with none of =%@-+')
    return mutants


class Build:
    """What Makefile knows: how to compile one file, how to link."""

    def __init__(self, build):
        self.build = build
        names = ('CC', 'DEFS', 'AM_CPPFLAGS', 'BS_SANITIZE', 'EVENT_CFLAGS',
                 'CRYPTO_CFLAGS', 'CONFIG_CFLAGS', 'MICROHTTPD_CFLAGS',
                 'our_libs', 'CMOCKA_LIBS', 'LIBS')
        show = ''.join(f"\t@echo '{n}=$({n})'\n" for n in names)
        out = subprocess.run(
            ['make', '-s', '-f', '-', 'show'], cwd=build, check=True,
            input=f'include Makefile\nshow:\n{show}', text=True,
            stdout=subprocess.PIPE).stdout
        self.var = {n: shlex.split(v) for n, v in
                    (line.split('=', 1) for line in out.splitlines()
                     if '=' in line)
                    if n in names}

    def run(self, *argv):
        r = subprocess.run(argv, cwd=self.build, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if r.returncode != 0:
            raise ValueError(f'{" ".join(argv)}: {r.stdout}')

    def compile(self, source, object):
        v = self.var
        self.run(*v['CC'], '-w', '-O0', '-std=gnu11', *v['DEFS'], '-I.',
                 *v['AM_CPPFLAGS'], *v['BS_SANITIZE'], *v['EVENT_CFLAGS'],
                 *v['CRYPTO_CFLAGS'], *v['CONFIG_CFLAGS'],
                 *v['MICROHTTPD_CFLAGS'], '-c', source, '-o', object)

    def program(self, folder, main, texts):
        """Links `main` with these changed files, and returns its path."""
        objects = []
        for path, text in texts.items():
            name = os.path.join(folder, path.replace('/', '-'))
            with open(name, 'w', encoding='utf-8') as f:
                f.write(text)
            objects.append(name[:-1] + 'o')
            self.compile(name, objects[-1])
        v = self.var
        out = os.path.join(folder, 'program')
        self.run(*v['CC'], *v['BS_SANITIZE'], '-o', out, main, *objects,
                 *v['our_libs'], *v['CMOCKA_LIBS'], *v['LIBS'])
        return out


def failing_rows(program):
    r = subprocess.run([program, '--failing'], text=True, timeout=60,
                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if r.returncode != 0:
        raise ValueError(f'the program ended with status {r.returncode}')
    return set(r.stdout.split())


def attempt(build, texts, rows, live, patience):
    """The rows that pass with these changed files, and those that fail."""
    known = [r for r in rows if 'run' not in r]
    rest = [r for r in rows if live or 'run' in r]
    passed, failed = [], []
    with tempfile.TemporaryDirectory() as folder:
        failing = set()
        if known:
            failing = failing_rows(
                build.program(folder, 'tests/unit/test_rows.o', texts))
        for r in known:
            (failed if r['id'] in failing else passed).append(r)
        if rest:
            failing = rows_that_fail(
                build.program(folder, 'src/main.o', texts), rest, folder,
                patience)
        for r in rest:
            (failed if r['id'] in failing else passed).append(r)
    return passed, failed


def passes_test(build, texts, test):
    """Does that test of tests/func, with these changed files?  None: skipped."""
    with tempfile.TemporaryDirectory() as folder:
        r = subprocess.run(
            ['/usr/bin/python3', '-m', 'pytest', '-q', '-x', '-p',
             'no:cacheprovider', '-rs', os.path.join(FUNC, test)], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={
                **os.environ,
                'BOWSPRIT': build.program(folder, 'src/main.o', texts)})
    if r.returncode not in (0, 1):
        raise ValueError(f'{test} did not run: {r.stdout}')
    if 'SKIPPED' in r.stdout:
        return None
    return r.returncode == 0


def main(argv):
    live = '--live' in argv
    build, source, *names = [a for a in argv if a != '--live']
    source = os.path.abspath(source)
    build = Build(os.path.abspath(build))
    mutants = read_mutants()
    rows = EXCHANGES + read_rows(subprocess.run(
        [os.path.join(build.build, 'tests/unit/test_rows'), '--print'],
        check=True, stdout=subprocess.PIPE).stdout)
    problems = []
    for row in rows:
        if row['mutant'] in mutants:
            mutants[row['mutant']].rows.append(row)
        else:
            problems.append(f'{row["id"]} names "{row["mutant"]}", which is '
                            'no mutant')
        if 'RFC ' not in row.get('rfc', '') + row['why']:
            problems.append(f'{row["id"]} names no RFC')
    chosen = [m for m in mutants.values()
              if not names or any(n in m.name for n in names)]

    _, failed = attempt(build, {}, [r for m in chosen for r in m.rows], live,
                        PATIENCE)
    problems += [f'{r["id"]} ({r["why"]}) fails without any change'
                 for r in failed]
    tests = {m.test: passes_test(build, {}, m.test)
             for m in chosen if m.test}
    problems += [f'{test} fails without any change'
                 for test, passes in tests.items() if passes is False]

    def problems_of(mutant):
        if not mutant.rows and not mutant.test:
            return [f'no row names "{mutant.name}"']
        try:
            if mutant.test and tests[mutant.test] is None:
                print(f'skipped: "{mutant.name}", since {mutant.test} is')
                return []
            if mutant.test:
                return [f'{mutant.test} passes under "{mutant.name}"'
                        ] * passes_test(build, mutant.texts(source),
                                        mutant.test)
            passed, _ = attempt(build, mutant.texts(source), mutant.rows,
                                live, IMPATIENCE)
            return [f'{r["id"]} ({r["why"]}) passes under "{mutant.name}"'
                    for r in passed]
        except Exception as e:  # of this one; the others go on
            return [f'"{mutant.name}": {e}']

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(problems_of, chosen))
    problems += [p for r in results for p in r]
    for problem in problems:
        print(problem)
    failed = sum(1 for r in results if r)
    print(f'{len(rows)} rows, {len(chosen) - failed} mutants passed, '
          f'{failed} failed')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

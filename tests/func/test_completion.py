# SPDX-License-Identifier: ISC
"""
What bash and zsh offer after "bowsprit" and a Tab.
"""

import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

import wire

FILE = os.path.abspath(os.path.join(
    os.path.dirname(__file__), '..', '..', 'contrib/completion/bowsprit'))
BOWSPRIT = os.environ.get('BOWSPRIT', 'bowsprit')

# As bash calls it, which sets these before.
OFFER = '''
. "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_bowsprit
printf '%s\\n' "${COMPREPLY[@]}"
'''


def offered(folder, *words):
    p = subprocess.run(['bash', '-c', OFFER, 'bash', FILE, BOWSPRIT, *words],
                       cwd=folder, capture_output=True, timeout=20, text=True,
                       check=True)
    assert not p.stderr
    return p.stdout.split()


@pytest.mark.parametrize('words, expected', [
    (('--lo',), ['--log-format']),
    (('-q', '--lis'), ['--listen']),
    (('--log-format', ''), ['text', 'json']),
    (('--log-format', '=', 'j'), ['json']),
    (('--log-format', '='), ['text', 'json']),
    (('-c', 'b'), ['b.cfg']),
    (('--config', 'b'), ['b.cfg']),
    (('-w', ''), []),
    (('--', 'cat', 'b'), ['b.cfg']),
    (('--', 'mkfif'), ['mkfifo']),
    (('--nonsense',), []),
])
def test_offer(words, expected, tmp_path):
    (tmp_path / 'b.cfg').touch()
    assert set(offered(tmp_path, *words)) == set(expected)


def test_every_option_is_offered(tmp_path):
    """Each of --help once, and what follows the options."""
    text = subprocess.run([BOWSPRIT, '--help'], capture_output=True,
                          text=True, timeout=20, check=True).stdout
    options = re.findall(r'^  +(?:(-\w), )?(--[a-z-]+)', text, re.M)
    options = [word for pair in options for word in pair if word]
    assert len(options) > 15
    assert sorted(offered(tmp_path, '-')) == sorted(options + ['--'])


class Terminal:
    """A shell, with the completion loaded, and what one sees of it."""

    def __init__(self, folder, shell, load):
        os.symlink(os.path.abspath(BOWSPRIT), folder / 'bowsprit')
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(shell[0], shell, {
                'PATH': f'{folder}:/usr/bin:/bin', 'PS1': 'ready> ',
                'INPUTRC': '/dev/null', 'TERM': 'dumb', 'COLUMNS': '200'})
        self.seen = ''
        self.wait_for('ready> ')
        self.type(f'{load}; echo lo\'\'aded\n')
        self.wait_for('loaded\r\n')
        self.wait_for('ready> ')

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def wait_for(self, text):
        """It, and all before it, has been seen then."""
        end = time.monotonic() + 10 * wire.SLOW
        while text not in self.seen and time.monotonic() < end:
            if select.select([self.fd], [], [], 0.1)[0]:
                self.seen += os.read(self.fd, 4096).decode(errors='replace')
        assert text in self.seen, self.seen
        self.seen = self.seen.partition(text)[2]

    def close(self):
        self.type('\x15exit\n')
        os.close(self.fd)
        os.waitpid(self.pid, 0)


@pytest.fixture
def bash(tmp_path):
    t = Terminal(tmp_path, ['bash', '--norc', '--noprofile', '-i'],
                 f'. {FILE}')
    yield t
    t.close()


def test_tab_in_bash(bash):
    """Through readline, which says more of what COMPREPLY must be."""
    bash.type('bowsprit --lo\t')
    bash.wait_for('bowsprit --log-format ')
    bash.type('j\t')
    bash.wait_for('json ')


@pytest.fixture
def zsh(tmp_path):
    if not shutil.which('zsh'):
        pytest.skip('zsh is not installed')
    (tmp_path / 'b.cfg').touch()
    t = Terminal(tmp_path, ['zsh', '-f', '-i'],
                 f'fpath=({os.path.dirname(FILE)} $fpath); '
                 'autoload -U compinit; compinit -u -D')
    yield t
    t.close()


@pytest.mark.parametrize('typed, completed', [
    ('--lo', 'g-format='), ('--log-format j', 'son '),
    ('--log-format=j', 'son '), ('-c b', '.cfg '), ('--config b', '.cfg '),
    ('-q --lis', 'ten='), ('-l 1 -l 2 --lis', 'ten='),
    ('-- cat b', '.cfg '), ('-q -- mkfif', 'o ')])
def test_tab_in_zsh(typed, completed, zsh):
    zsh.type(f'bowsprit {typed}')
    zsh.wait_for(typed)
    zsh.type('\t')
    zsh.wait_for(completed)


def test_every_option_is_offered_by_zsh(zsh):
    """With what --help says of it, also where that is on the next line."""
    text = subprocess.run([BOWSPRIT, '--help'], capture_output=True,
                          text=True, timeout=20, check=True).stdout
    zsh.type('bowsprit -\t')
    for option in sorted(re.findall(r'^  +(?:-\w, )?(--[a-z-]+)', text, re.M)):
        zsh.wait_for(f'\n{option} ')
        zsh.wait_for(' -- what no route takes' if option == '--backend'
                     else ' -- ')

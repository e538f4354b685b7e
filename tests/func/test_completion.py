# SPDX-License-Identifier: ISC
"""
What bash offers after "bowsprit" and a Tab.
"""

import os
import pty
import re
import select
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


def test_tab_in_a_terminal(tmp_path):
    """Through readline, which says more of what COMPREPLY must be."""
    os.symlink(os.path.abspath(BOWSPRIT), tmp_path / 'bowsprit')
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execve('/bin/bash', ['bash', '--norc', '--noprofile', '-i'], {
            'PATH': f'{tmp_path}:/usr/bin:/bin', 'PS1': 'ready> ',
            'INPUTRC': '/dev/null', 'TERM': 'dumb'})
    seen = ''

    def wait_for(text):
        nonlocal seen
        end = time.monotonic() + 10 * wire.SLOW
        while text not in seen and time.monotonic() < end:
            if select.select([fd], [], [], 0.1)[0]:
                seen += os.read(fd, 4096).decode(errors='replace')
        assert text in seen, seen

    try:
        wait_for('ready> ')
        seen = ''
        os.write(fd, f'. {FILE}\n'.encode())
        wait_for('ready> ')
        os.write(fd, b'bowsprit --lo\t')
        wait_for('bowsprit --log-format ')
        os.write(fd, b'j\t')
        wait_for('bowsprit --log-format json ')
    finally:
        os.write(fd, b'\x15exit\n')
        os.close(fd)
        os.waitpid(pid, 0)

# SPDX-License-Identifier: ISC
"""
What /proc tells of a process and its children.
"""

import glob
import os


def tree(pid):
    """The process and all that descend from it."""
    pids = [pid]
    for p in pids:
        for name in glob.glob(f'/proc/{p}/task/*/children'):
            with open(name) as f:
                pids += map(int, f.read().split())
    return pids


def tasks(pid):
    return [t for p in tree(pid) for t in glob.glob(f'/proc/{p}/task/*')]


def cpu_seconds(pid):
    """
    User and system time of all threads.  The scheduler's own figure has
    nanoseconds, where utime and stime have ticks of 10 ms.
    """
    ns = 0
    for task in tasks(pid):
        with open(f'{task}/schedstat') as f:
            ns += int(f.read().split()[0])
    return ns / 1e9


def rss(pid):
    """Resident bytes.  (VmRSS may be some pages per processor behind.)"""
    return 1024 * sum(field(f'/proc/{p}/smaps_rollup', 'Rss:')
                      for p in tree(pid))


def wakeups(pid):
    """How often its threads have gone to sleep, each once per wake-up."""
    return sum(field(f'{t}/status', 'voluntary_ctxt_switches:')
               for t in tasks(pid))


def field(name, key):
    with open(name) as f:
        for line in f:
            if line.startswith(key):
                return int(line.split()[1])
    return 0


def machine_seconds():
    """What all processors together have worked, or were not given to us."""
    with open('/proc/stat') as f:
        user, nice, system, _, _, irq, soft, steal = map(
            int, f.readline().split()[1:9])
    return ((user + nice + system + irq + soft + steal)
            / os.sysconf('SC_CLK_TCK'))

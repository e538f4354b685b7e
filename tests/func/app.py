#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""
The application behind bowsprit: a small web server that takes upgrades, echoes
and can be told to misbehave.

    app.py [--delay S] [--port N] [--path FILE] [--status N] [--never] [--child FILE]
           [--stubborn] [--then-broken FILE]

GET /env says what is in its environment, /exit/N ends it with that status,
/abort by a signal, /slow/S answers after S seconds, /hang-up not at all when
it is asked first; /ws is a WebSocket.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from backends import RecordingBackend  # noqa: E402
import wire  # noqa: E402

p = argparse.ArgumentParser()
p.add_argument('--delay', type=float, default=0, help='before it listens')
p.add_argument('--port', type=int, help='listen there, whatever PORT says')
p.add_argument('--path', help='listen on a unix socket there')
p.add_argument('--status', type=int, help='end with it, before listening')
p.add_argument('--never', action='store_true', help='never listen')
p.add_argument('--child', help='have a child of ours; its pid goes there')
p.add_argument('--stubborn', action='store_true', help='ignore SIGTERM')
p.add_argument('--then-broken', help='end with 7 if this file exists, else '
               'make it: the first start works, no other does')
o = p.parse_args()


hung_up = []


def serve(w, number):
    while True:
        r = w.read_request()
        path = r.target
        if r.get('Upgrade'):
            w.send(wire.switching(r.get('Sec-WebSocket-Key')))
            break
        if path.startswith('/exit/'):
            os._exit(int(path[6:]))
        if path == '/hang-up' and not hung_up:
            hung_up.append(True)
            return
        if path == '/abort':
            os.kill(os.getpid(), signal.SIGKILL)
        if path.startswith('/slow/'):
            time.sleep(float(path[6:]))
        w.send(wire.response(200, json.dumps(dict(os.environ))))
    while True:
        opcode, payload, _ = w.read_frame()
        w.send(wire.frame(payload, opcode))
        if opcode == wire.CLOSE:
            return


if o.stubborn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if o.child:
    child = subprocess.Popen(['sleep', '1000'])
    with open(o.child, 'w', encoding='ascii') as f:
        f.write(str(child.pid))
if o.then_broken:
    if os.path.exists(o.then_broken):
        sys.exit(7)
    open(o.then_broken, 'w', encoding='ascii').close()
print('the application starts', flush=True)
time.sleep(o.delay)
if o.status is not None:
    print('it ends', file=sys.stderr, flush=True)
    sys.exit(o.status)
if o.path:
    try:  # of the one before
        os.unlink(o.path)
    except FileNotFoundError:
        pass
    RecordingBackend(serve, path=o.path)
    print('the application listens', flush=True)
elif not o.never:
    RecordingBackend(serve, port=o.port or int(os.environ['PORT']))
    print('the application listens', flush=True)
threading.Event().wait()

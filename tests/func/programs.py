# SPDX-License-Identifier: ISC
"""
Programs of other people, run as they are: servers, and proxies beside us.
"""

import os
import socket
import subprocess
import sys

from wire import SLOW, wait_until

PEERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'peers')


class Program:
    """
    One that runs until stop(); it accepts when it is made, on a port of
    127.0.0.1 or, where that is a string, at a path.  A configuration becomes
    a file, whose name is the last argument.
    """

    def __init__(self, folder, argv, where, config=None, **options):
        name = os.path.basename(argv[0])
        if config is not None:
            (folder / f'{name}.cfg').write_text(config)
            argv = [*argv, str(folder / f'{name}.cfg')]
        self.log = folder / f'{name}.log'
        with open(self.log, 'wb') as log:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                **{'cwd': folder, **options})
        try:
            wait_until(lambda: self._accepts(where), name, 20 * SLOW)
        except BaseException:
            self.stop()
            raise

    def _accepts(self, where):
        assert self.process.poll() is None, self.log.read_text()
        with socket.socket(socket.AF_UNIX if isinstance(where, str)
                           else socket.AF_INET) as s:
            return s.connect_ex(where if isinstance(where, str)
                                else ('127.0.0.1', where)) == 0

    def stop(self):
        self.process.kill()
        self.process.wait()


# What follows takes the fixture `program` first, and returns a Program.

HAPROXY = '''
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen front
  bind 127.0.0.1:{front} {bind}
  server it 127.0.0.1:{back} {server}
'''


def haproxy(program, port, back, bind='', server=''):
    """From port to port, in TCP mode."""
    return program(['haproxy', '-db', '-f'], port, HAPROXY.format(
        front=port, back=back, bind=bind, server=server))


NGINX = '''
daemon off;
pid nginx.pid;
error_log stderr;
events { }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server { @SERVER@ }
}
'''


def nginx(program, port, server):
    """With these lines in its server block, which listens on the port."""
    return program(['nginx', '-p', '.', '-e', 'stderr', '-c'], port,
                   NGINX.replace('@SERVER@', server))


def uvicorn(program, where, *options):
    """peers/echo_app.py."""
    at = ['--uds' if isinstance(where, str) else '--port', str(where)]
    return program([sys.executable, '-m', 'uvicorn', 'echo_app:app', *at,
                    '--log-level', 'warning', *options], where, cwd=PEERS)

# SPDX-License-Identifier: ISC
"""
client.py python|curl PORT FOLDER [FILE]: sends the requests of FILE, one after
the other, by http.client or curl; as client.mjs prints the answers.
"""

import hashlib
import http.client
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def body_of(row):
    text = 'x' * row['size'] if 'size' in row else row.get('body')
    return None if text is None else text.encode('latin-1')


def by_python(rows, port):
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=30)
    for row in rows:
        body = body_of(row)
        c.putrequest(row['method'], row['target'], skip_accept_encoding=True)
        for name, value in row.get('headers', ()):
            c.putheader(name, value.encode('latin-1'))
        if row.get('chunked'):
            c.putheader('Transfer-Encoding', 'chunked')
            body = [body[i:i + 50000] for i in range(0, len(body), 50000)]
        elif body is not None:
            c.putheader('Content-Length', str(len(body)))
        c.endheaders(body, encode_chunked=bool(row.get('chunked')))
        r = c.getresponse()
        yield {'version': r.version, 'status': r.status, 'reason': r.reason,
               'headers': r.headers.items(), 'body': r.read()}


def quoted(text):
    for a, b in (('\\', '\\\\'), ('"', '\\"')):
        text = text.replace(a, b)
    return f'"{text}"'


def by_curl(rows, port, folder):
    lines = []
    for i, row in enumerate(rows):
        body = body_of(row)
        file = os.path.join(folder, str(i))
        lines += ['next'] if lines else []
        lines += ['silent', 'raw', 'globoff', 'path-as-is', 'max-time = 30',
                  'url = ' + quoted(f'http://127.0.0.1:{port}'
                                    + row['target']),
                  f'dump-header = "{file}.head"']
        if row['method'] == 'HEAD':  # whose output would be the head again
            lines += ['head', 'output = "/dev/null"']
        else:
            lines += [f'request = {row["method"]}',
                      f'output = "{file}.body"']
        for name, value in row.get('headers', ()):
            lines.append('header = ' + quoted(
                f'{name}: {value}' if value else f'{name};'))
        if body is not None:
            with open(file, 'wb') as f:
                f.write(body)
            lines.append(f'data-binary = "@{file}"')
        if row.get('chunked'):
            lines.append('header = "Transfer-Encoding: chunked"')
    config = os.path.join(folder, 'curl.cfg')
    with open(config, 'w', encoding='latin-1') as f:
        f.write('\n'.join(lines) + '\n')
    subprocess.run(['curl', '-q', '--config', config], check=True,
                   stdout=subprocess.DEVNULL)
    for i in range(len(rows)):
        yield curl_answer(os.path.join(folder, str(i)))


def curl_answer(file):
    """What was dumped: heads, interim ones first, and the body."""
    with open(file + '.head', encoding='latin-1', newline='') as f:
        heads = f.read().split('\r\n\r\n')[:-1]
    body = b''
    if os.path.exists(file + '.body'):  # not where there is none
        with open(file + '.body', 'rb') as f:
            body = f.read()
    start, *fields = heads[-1].split('\r\n')
    return {'start': start, 'status': int(start.split(' ')[1]),
            'interim': heads[:-1], 'body': body,
            'headers': [f.split(': ', 1) if ': ' in f else [f, '']
                        for f in fields]}


def main(client, port, folder, file=os.path.join(HERE, 'requests.json')):
    with open(file, encoding='ascii') as f:
        rows = [r for r in json.load(f) if client not in r.get('not', ())]
    answers = (by_python(rows, int(port)) if client == 'python'
               else by_curl(rows, port, folder))
    for row, answer in zip(rows, answers):
        body = answer['body']
        answer['body'] = (body.decode('latin-1') if len(body) <= 5000
                          else hashlib.sha256(body).hexdigest())
        print(json.dumps({'name': row['name'], **answer}))


main(*sys.argv[1:])

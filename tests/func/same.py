# SPDX-License-Identifier: ISC
"""
What may differ between requests sent direct and through bowsprit, and nothing
else may: the documented changes of heads.

same.py PORT FOLDER PORT FOLDER: compares two runs, direct and through, each by
the port that was asked and a folder with its "answers" and "seen", a line of
JSON each (peers/client.mjs, peers/record.mjs); prints the differences.
"""

import itertools
import json
import os
import re
import sys
from collections import Counter, namedtuple

HOP = {'connection', 'keep-alive', 'proxy-connection', 'te',
       'x-hop'}
# A body in these asks the server to close (bowsprit(8)).
BODILESS = {'GET', 'HEAD', 'OPTIONS', 'DELETE'}
UUID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
ROOT_ID = r'"[\w-]{21}[vm]"'
FLIGHT = r'<script>self\.__next_f\.push\(\[1,"(.*?)"\]\)</script>'

# The port that was asked; what the client got, what the server saw.
Run = namedtuple('Run', 'port answers seen')


def run_of(port, answers, seen):
    """A run from two texts of JSON lines; where it went is made equal."""
    answers = answers.replace(f'127.0.0.1:{port}', 'HOST')
    return Run(port, *([json.loads(line) for line in lines.split('\n') if line]
                       for lines in (answers, seen)))


def comparable(answer):
    """Without what is each connection's own, and with any date alike."""
    own = [[n, re.sub(r'^\w{3}, [\d]{2} \w{3} \d{4} [\d:]{8} GMT$', 'DATE', v)
            if n.lower() == 'date' else re.sub(UUID, 'UUID', v)]
           for n, v in answer['headers'] if n.lower() not in HOP]
    return {**answer, 'headers': own, 'body': page(answer['body'])}


def page(body):
    """Next sends a page's data in scripts and an order that vary."""
    body = re.sub(ROOT_ID, '"ID"', body)
    data = ''.join(re.findall(FLIGHT, body)).split('\\n')
    if body.startswith('1:"$S'):
        body, data = '', body.split('\n')
    return [re.sub(FLIGHT, '', body), sorted(data)]


def has_body(head):
    fields = {n.lower(): v for n, v in head['headers']}
    return ('transfer-encoding' in fields
            or fields.get('content-length', '0') != '0')


def forwarded(head, port):
    """The head that the server should see, by the one that it saw direct."""
    fields = {n.lower(): i for i, (n, _) in enumerate(head['headers'])}
    headers = [list(h) for h in head['headers']]
    added = [['X-Forwarded-Proto', 'http'], ['X-Forwarded-Host', 'HOST'],
             ['X-Forwarded-Port', str(port)], ['X-Request-Id', 'ID']]
    if 'x-forwarded-for' in fields:
        headers[fields['x-forwarded-for']][1] += ', 127.0.0.1'
    else:
        added.insert(0, ['X-Forwarded-For', '127.0.0.1'])
    headers += [a for a in added if a[0].lower() not in fields]
    headers = [h for h in headers if h[0].lower() not in HOP]
    if head['method'] in BODILESS and has_body(head):
        headers.append(['Connection', 'close'])
    return {**head, 'headers': headers}


def plain(head, port, lower):
    """Made comparable: the port, the ids; names as ASGI gives them."""
    headers = [[n.lower() if lower else n,
                v.replace(f'127.0.0.1:{port}', 'HOST')]
               for n, v in head['headers']]
    for h in headers:
        if h[0].lower() == 'x-request-id' and re.fullmatch('[0-9a-f]{32}',
                                                           h[1]):
            h[1] = 'ID'
    return {**head, 'headers': headers}


def differences(direct, through):
    """Sentences: which answer is not the same, what the server saw else."""
    for a, b in itertools.zip_longest(direct.answers, through.answers):
        if a is None or b is None or 'error' in a or 'error' in b:
            yield f'no answer:\n  direct  {a}\n  through {b}'
            continue
        hops = [[n.lower(), v] for n, v in b['headers'] if n.lower() in HOP]
        if hops not in ([], [['connection', 'close']]):
            yield f'{b["name"]}: {hops}'
        a, b = comparable(a), comparable(b)
        for key in sorted({*a, *b}):
            if a.get(key) != b.get(key):
                yield (f'{b["name"]}: {key}\n  direct  {a.get(key)}\n'
                       f'  through {b.get(key)}')
    lower = any('query' in head for head in direct.seen)
    wanted = Counter(json.dumps(plain(forwarded(
        plain(h, direct.port, lower), through.port), 0, lower))
        for h in direct.seen)
    seen = Counter(json.dumps(plain(h, through.port, lower))
                   for h in through.seen)
    for text in (wanted - seen).elements():
        yield f'the server should have seen {text}'
    for text in (seen - wanted).elements():
        yield f'the server saw {text}'


def read(port, folder):
    def text(name):
        with open(os.path.join(folder, name), encoding='utf-8') as f:
            return f.read()
    return run_of(int(port), text('answers'), text('seen'))


def main(direct_port, direct, through_port, through):
    a, b = read(direct_port, direct), read(through_port, through)
    found = list(differences(a, b))
    print(len(a.answers), 'answers', len(found), 'differences')
    for text in found[:20]:
        print(text[:2000])
    sys.exit(1 if found else 0)


if __name__ == '__main__':
    main(*sys.argv[1:])

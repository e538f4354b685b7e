# SPDX-License-Identifier: ISC
"""
An application for uvicorn: it writes the head of each request to the file
$RECORD, one line of JSON each, and answers in several ways.
"""

import hashlib
import json
import os


async def app(scope, receive, send):
    if scope['type'] != 'http':
        return
    target = scope['raw_path'].decode()
    query = scope['query_string'].decode()
    headers = [[n.decode('latin-1'), v.decode('latin-1')]
               for n, v in scope['headers']]
    with open(os.environ['RECORD'], 'a', encoding='ascii') as f:
        print(json.dumps({'method': scope['method'], 'target': target,
                          'query': query, 'headers': headers}), file=f)
    body = await read(receive)
    name, _, argument = target[1:].partition('/')
    status, fields, parts = answer(name, argument, dict(headers))
    if parts is None:
        parts = [json.dumps({
            'method': scope['method'], 'target': target, 'query': query,
            'length': len(body),
            'sha256': hashlib.sha256(body).hexdigest()}).encode()]
    await send({'type': 'http.response.start', 'status': status,
                'headers': fields})
    for part in parts:
        await send({'type': 'http.response.body', 'body': part,
                    'more_body': True})
    await send({'type': 'http.response.body', 'body': b''})


async def read(receive):
    body = b''
    while True:
        m = await receive()
        body += m.get('body', b'')
        if not m.get('more_body'):
            return body


def answer(name, argument, headers):
    """Status, fields, and parts of the body, or None for an echo."""
    if name == 'status':
        empty = argument in ('204', '205', '304')
        return (int(argument), [(b'x-why', b'asked for')],
                [] if empty else [b'this is it\n'])
    if name == 'redirect':
        return int(argument), [(b'location', b'/echo?from=here')], []
    if name == 'bytes':
        n = int(argument)
        if headers.get('if-none-match') == f'"{n}"':
            return 304, [(b'etag', b'"%d"' % n)], []
        return (200, [(b'content-length', b'%d' % n)],
                [(b'0123456789' * (n // 10))[i:i + 65536]
                 for i in range(0, n, 65536)])
    if name == 'chunks':
        return 200, [], [b'chunk %d\n' % i for i in range(int(argument))]
    if name == 'closes':
        return 200, [(b'connection', b'close')], [b'good bye']
    if name == 'cookies':
        return 200, [(b'Set-Cookie', b'a=1'), (b'set-cookie', b'b=2')], []
    if name == 'odd':
        return (200, [(b'x-LoWeR', b'Case'), (b'X_Under', b'1'),
                      (b'X-Empty', b''), (b'X-Obs', b'caf\xe9'),
                      (b'x-twice', b'1'), (b'X-Twice', b'2')], [b'odd'])
    return 200, [(b'content-type', b'application/json')], None

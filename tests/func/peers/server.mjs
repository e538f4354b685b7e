// SPDX-License-Identifier: ISC
//
// server.mjs PORT: handler.mjs behind node:http.

import { createServer } from 'node:http';

import handler from './handler.mjs';
import './record.mjs';

const server = createServer(handler);

server.keepAliveTimeout = 60_000;
server.listen(Number(process.argv[2]), '127.0.0.1');

// SPDX-License-Identifier: ISC
//
// main.mjs [-k NAME]: all scenarios, or those whose name contains NAME.

import { parseArgs } from 'node:util';

import { runAll } from './runner.mjs';
import './browser-sockets.test.mjs';
import './compare.test.mjs';
import './demo.test.mjs';
import './hmr.test.mjs';
import './logs.test.mjs';
import './novnc.test.mjs';
import './same.test.mjs';
import './socketio.test.mjs';
import './ws.test.mjs';

const { values } = parseArgs({ options: { k: { type: 'string', short: 'k' } } });

process.exit(await runAll(values.k ?? ''));

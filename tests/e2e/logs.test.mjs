// SPDX-License-Identifier: ISC
//
// logs.test.mjs: pino's own pretty printer reads the lines of format "json".

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { BOWSPRIT, DIR, freePort, launch } from './fronts.mjs';
import { test } from './runner.mjs';

// Nobody listens there.
const NOBODY = 'http://127.0.0.1:9';

test('pino-pretty reads the log', async (t) => {
	const port = await freePort();
	const front = await launch(t, 'json-log', BOWSPRIT,
		['-l', String(port), '-b', NOBODY, '--log-format', 'json'], port);

	// An escape, a quote and a line's end: what a peer would forge with.
	assert.equal((await fetch(`${front.url}/it's-"x"`, {
		headers: { 'user-agent': '\x9b31m' } })).status, 502);
	assert.equal(await front.stop(), 0);

	const pretty = prettyPrint(front.log());
	const lines = front.log().trimEnd().split('\n');

	assert.equal(pretty.match(/^\[\d\d:\d\d:\d\d\.\d{3}\] [A-Z]+ \(/gm).length,
		lines.length, pretty);
	assert.match(pretty, /INFO \(\d+\): > Ready on http:\/\/localhost:/);
	assert.match(pretty, /WARN \(\d+\): \[HTTP\] GET \/it's-%22x%22 502$/m);
	assert.match(pretty, /^ {4}reason: "server-refused"$/m);
	assert.doesNotMatch(pretty, /[\0-\x09\x0b-\x1f\x7f-\x9f]/);
});

function prettyPrint(input) {
	const { status, stdout, stderr } = spawnSync(process.execPath,
		[join(DIR, 'node_modules/pino-pretty/bin.js'),
			'--translateTime', 'HH:MM:ss.l'],
		{ input, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } });

	assert.equal(status, 0, stderr);
	return stdout;
}

// SPDX-License-Identifier: ISC
//
// compare.test.mjs: what differs from server.js, point by point. The rows of
// the reference are its known failures, as table.mjs shows them: if one of
// these tests fails, README's table is no longer true.

import assert from 'node:assert/strict';

import {
	measureDown, measureHeaders, measureRefused, measureSilent, measureUnknown,
} from './measure.mjs';
import { test } from './runner.mjs';

const LIMIT = 2000;

const nothing = (answer) => assert.deepEqual(
	{ end: answer.end, bytes: answer.bytes }, { end: 'open', bytes: '' });

test('compare: headers, bowsprit', async (t) => {
	const { end, target, request, response } =
		await measureHeaders(t, 'bowsprit');

	assert.equal(end, 'upgraded');
	assert.ok(target, 'the request line is as sent');
	assert.deepEqual(request.changed, ['Host']);
	assert.equal(request.asSent, request.of - 1);
	assert.deepEqual(request.recased, []);
	assert.ok(request.ordered && request.addedLast, 'order');
	assert.deepEqual(request.added, ['X-Forwarded-For', 'X-Forwarded-Proto',
		'X-Forwarded-Host', 'X-Forwarded-Port', 'X-Request-Id']);
	assert.equal(response.asSent, response.of);
	assert.deepEqual(response.added, []);
	assert.ok(response.ordered, 'order of the 101');
});

test('compare: headers, server.js', async (t) => {
	const { end, request, response } = await measureHeaders(t, 'server.js');

	assert.equal(end, 'upgraded');
	assert.ok(request.recased.length > 0 && !request.ordered);
	assert.deepEqual(request.changed, ['Host', 'X-Tag']);
	assert.ok(response.recased.length > 0);
});

test('compare: silent backend, bowsprit', async (t) => {
	const answer = await measureSilent(t, 'bowsprit', LIMIT);

	assert.match(answer.bytes, /^HTTP\/1\.1 504 /);
	assert.equal(answer.end, 'closed');
	assert.ok(answer.ms >= LIMIT - 100 && answer.ms < LIMIT + 1000,
		`after ${answer.ms} ms`);
});

test('compare: silent backend, server.js', async (t) =>
	nothing(await measureSilent(t, 'server.js', LIMIT)));

test('compare: backend down, bowsprit', async (t) => {
	const answer = await measureDown(t, 'bowsprit');

	assert.match(answer.bytes, /^HTTP\/1\.1 502 /);
	assert.equal(answer.end, 'closed');
	assert.match(answer.bytes, /refused/i, 'a loopback client sees the cause');
});

test('compare: backend down, server.js', async (t) => {
	const answer = await measureDown(t, 'server.js');

	assert.deepEqual({ end: answer.end, bytes: answer.bytes },
		{ end: 'closed', bytes: '' });
});

test('compare: refused upgrade, bowsprit', async (t) => {
	const answer = await measureRefused(t, 'bowsprit');

	assert.match(answer.bytes, /^HTTP\/1\.1 401 Unauthorized\r\n/);
	assert.ok(answer.body, 'its body');
	assert.equal(answer.end, 'closed');
	assert.deepEqual(answer.response.recased, []);
});

test('compare: refused upgrade, server.js', async (t) => {
	const answer = await measureRefused(t, 'server.js');

	assert.match(answer.bytes, /^HTTP\/1\.1 401 Unauthorized\r\n/);
	assert.ok(answer.response.recased.length > 0);
});

test('compare: unknown path, bowsprit', async (t) => {
	const answer = await measureUnknown(t, 'bowsprit');

	assert.match(answer.bytes, /^HTTP\/1\.1 404 /);
	assert.match(answer.bytes, /\/api\/auth\/session\/\{id\}\/novnc\/websock/,
		'the nearest pattern');
	assert.ok(answer.ms < 1000, `after ${answer.ms} ms`);
});

test('compare: unknown path, server.js', async (t) =>
	nothing(await measureUnknown(t, 'server.js')));

// SPDX-License-Identifier: ISC
//
// browser-sockets.test.mjs: what a page hears of the end of its WebSocket, and
// what bowsprit's log says of it.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';

import { openPage } from './browser.mjs';
import { closingLine, DIR, startRoute } from './fronts.mjs';
import { test, until } from './runner.mjs';

const { WebSocketServer } = createRequire(`${DIR}/`)('ws');

test('browser, a restart of bowsprit', async (t) => {
	const server = await startServer(t);
	const first = await startRoute(t, server.address().port);
	const seen = await openSocket(t, first);

	await until('a message', async () => (await seen()).includes('connected'));
	assert.equal(await first.stop(), 0);
	assert.equal((await closingLine(first)).reason, 'drain');
	await startRoute(t, server.address().port, '', first.port);
	await until('a message again', async () =>
		(await seen()).lastIndexOf('connected') > 1);
	assert.deepEqual((await seen()).slice(0, 3),
		['open', 'connected', 'closed 1001']);
});

test('browser, 1006 names the side that broke', async (t) => {
	const server = await startServer(t);
	const front = await startRoute(t, server.address().port);
	const seen = await openSocket(t, front);

	await until('a message', async () => (await seen()).includes('connected'));
	for (const socket of server.clients)
		socket.terminate();
	await until('the end', async () => (await seen()).length > 2);
	assert.equal((await seen())[2], 'closed 1006');
	const { by, reason, code } = await closingLine(front);
	assert.deepEqual({ by, reason, code },
		{ by: 'server', reason: 'eof', code: undefined });
});

async function startServer(t) {
	const server = new WebSocketServer({ host: '127.0.0.1', port: 0,
		perMessageDeflate: true });

	server.on('connection', (socket) => socket.send('connected'));
	t.after(() => {
		for (const socket of server.clients)
			socket.terminate();
		server.close();
	});
	await once(server, 'listening');
	return server;
}

/**
 * A page whose WebSocket comes back as seed 002's does: five attempts, the
 * first after 1 s, each after twice the time of the one before.  Returns a
 * function that gives what it has seen.
 */
async function openSocket(t, { port }) {
	const page = await openPage(t);

	await page.evaluate((url) => {
		let attempts = 0;

		window.seen = [];
		const connect = () => {
			const socket = new WebSocket(url);

			socket.onopen = () => {
				attempts = 0;
				window.seen.push('open');
			};
			socket.onmessage = ({ data }) => window.seen.push(data);
			socket.onclose = ({ code }) => {
				window.seen.push(`closed ${code}`);
				if (attempts < 5)
					setTimeout(connect, 1000 * 2 ** attempts++);
			};
		};
		connect();
	}, `ws://localhost:${port}/ws?token=secret`);
	return () => page.evaluate(() => window.seen);
}

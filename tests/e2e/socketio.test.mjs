// SPDX-License-Identifier: ISC
//
// socketio.test.mjs: Socket.IO on both ends.  10,000 mixed messages each way
// arrive as on a direct connection, by WebSocket, by polling, and while the
// one is upgraded to the other; its own pings go on through those of bowsprit;
// and a client lives through a restart of bowsprit.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

import { closingLine, DIR, freePort, startRoute } from './fronts.mjs';
import { COUNT, line, mixed, sameLines } from './mixed.mjs';
import { test, until } from './runner.mjs';
import { assertSameStreams, startTap } from './tap.mjs';

const require = createRequire(`${DIR}/`);
const { Server } = require('socket.io');
const { io } = require('socket.io-client');

const SEEDS = { client: 5, server: 6 };

const WEBSOCKET = ['websocket'];
const POLLING = ['polling'];
const UPGRADE = ['polling', 'websocket'];

test('Socket.IO, mixed messages, WebSocket', async (t) => {
	const server = await startServer(t);
	const direct = await converse(t, server, server.port, WEBSOCKET);
	const inner = await startTap(t, server.port);
	const front = await startRoute(t, inner.port, 'strict max_message=1M');
	const outer = await startTap(t, front.port);

	assertSame(await converse(t, server, outer.port, WEBSOCKET), direct);
	assert.equal((await closingLine(front)).reason, 'close');
	assertSameStreams(outer, inner);
	assert.equal(await front.stop(), 0);
	await goesOnWithPings(t, server, direct, WEBSOCKET);
});

test('Socket.IO, mixed messages, polling', async (t) => {
	const server = await startServer(t);
	const direct = await converse(t, server, server.port, POLLING);
	const front = await startRoute(t, server.port);

	assertSame(await converse(t, server, front.port, POLLING), direct);
	assert.equal(await front.stop(), 0);
});

test('Socket.IO, mixed messages, upgraded from polling', async (t) => {
	const server = await startServer(t);
	const direct = await converse(t, server, server.port, UPGRADE);

	await goesOnWithPings(t, server, direct, UPGRADE);
});

async function goesOnWithPings(t, server, direct, transports) {
	const front = await startRoute(t, server.port,
		'strict max_message=1M ping_interval=20ms ping_timeout=60s');

	assertSame(await converse(t, server, front.port, transports, untilPinged),
		direct);
	assert.equal(await front.stop(), 0);
}

async function startServer(t) {
	const web = createServer();
	const server = new Server(web, { pingInterval: 100, pingTimeout: 60_000,
		perMessageDeflate: { threshold: 1024, serverNoContextTakeover: true,
			clientNoContextTakeover: true } });

	web.listen(0, '127.0.0.1');
	await once(web, 'listening');
	t.after(() => server.close());
	return { io: server, port: web.address().port };
}

/** What both have heard at last. */
async function converse(t, server, port, transports, pause = async () => {}) {
	const accepted = once(server.io, 'connection');
	const client = listen(io(`http://127.0.0.1:${port}`,
		{ transports, forceNew: true, perMessageDeflate: { threshold: 1024 } }));

	t.after(() => client.socket.disconnect());
	const served = listen((await accepted)[0]);
	await Promise.all([talk(client, SEEDS.client, pause),
		talk(served, SEEDS.server, pause)]);
	await until('the pongs of Socket.IO', () =>
		served.asked > 5 && served.answered === served.asked);
	assert.equal(client.engine.transport.name, transports.at(-1));
	client.socket.disconnect();
	await Promise.all([client.closed, served.closed]);
	return { client, served };
}

/**
 * `heard` has a line for all that the other end has sent; `asked` and
 * `answered` count the server's own pings, `pings` and `pongs` those of
 * frames, of which Socket.IO has none.
 */
function listen(socket) {
	const engine = socket.conn ?? socket.io.engine;
	const peer = { socket, engine, heard: [], asked: 0, answered: 0,
		pings: 0, pongs: 0 };

	countFrames(peer, engine.transport);
	engine.on('upgrade', (transport) => countFrames(peer, transport));
	engine.on('packetCreate', ({ type }) => peer.asked += type === 'ping');
	engine.on('heartbeat', () => peer.answered++);
	socket.on('mixed', (value) => peer.heard.push(line(value)));
	socket.on('sync', (reply) => reply());
	peer.closed = once(socket, 'disconnect').then(([reason]) =>
		peer.heard.push(`disconnected: ${reason}`));
	return peer;
}

// The server's transport has a WebSocket of ws as .socket, the client's as .ws.
function countFrames(peer, { name, socket, ws = socket }) {
	if (name !== 'websocket')
		return;
	ws.on('ping', () => peer.pings++);
	ws.on('pong', () => peer.pongs++);
}

// The acknowledgement of every 200th is waited for, so that no more are on
// the way.
async function talk(peer, seed, pause) {
	const { socket } = peer;
	let n = 0;

	for (const body of mixed(seed)) {
		socket.emit('mixed', n % 5 ? body : { n, body, again: body });
		if (++n % 200 === 0)
			await socket.timeout(60_000).emitWithAck('sync');
		if (n % 2000 === 0)
			await pause(peer);
	}
}

/** Until bowsprit has asked whether it is still there. */
async function untilPinged(peer) {
	const before = peer.pings;

	await until('a ping of bowsprit', () => peer.pings > before);
}

function assertSame(through, direct) {
	for (const end of ['client', 'served']) {
		assert.ok(through[end].heard.length > COUNT);
		sameLines(through[end].heard, direct[end].heard, end);
		assert.equal(through[end].pongs, 0, 'pongs to bowsprit');
	}
}

for (const [name, transports] of [['WebSocket', WEBSOCKET],
	['polling', POLLING], ['upgraded from polling', UPGRADE]])
	test(`Socket.IO, a restart of bowsprit, ${name}`, async (t) =>
		survivesRestart(t, transports));

// Seed 002's times: five attempts, the first after 1 s, each after twice the
// time of the one before.
const PERSISTENT = { reconnectionAttempts: 5, reconnectionDelay: 1000,
	reconnectionDelayMax: 30_000, randomizationFactor: 0 };

async function survivesRestart(t, transports) {
	const server = await startServer(t);
	const ticking = setInterval(() => server.io.emit('tick'), 20);
	const first = await startRoute(t, server.port);
	const client = io(first.url, { transports, forceNew: true,
		...PERSISTENT });
	const seen = [];

	t.after(() => clearInterval(ticking));
	t.after(() => client.disconnect());
	client.on('tick', () => seen.push('tick'));
	client.on('disconnect', (reason, details) =>
		seen.push([reason, details?.context?.code ?? ''].join(' ').trim()));
	client.io.on('reconnect_failed', () => seen.push('given up'));
	await until('a tick', () => seen.includes('tick') &&
		client.io.engine.transport.name === transports.at(-1));
	assert.equal(await first.stop(), 0);
	await startRoute(t, server.port, '', first.port);
	await until('ticks again', () => client.connected &&
		seen.at(-1) === 'tick');
	const ends = seen.filter((text) => text !== 'tick');
	assert.deepEqual(ends, transports === POLLING
		? ['transport error'] : ['transport close 1001']);
}

// SPDX-License-Identifier: ISC
//
// ws.test.mjs: npm's ws on both ends.  10,000 mixed messages each way,
// compressed, fragmented, with pings and pongs between and within them, arrive
// as on a direct connection; the stream that enters bowsprit is the one that
// leaves it; and with pings of bowsprit's own the peers' go on.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';

import { closingLine, DIR, startRoute } from './fronts.mjs';
import { COUNT, dice, line, mixed, sameLines } from './mixed.mjs';
import { test, until } from './runner.mjs';
import { assertSameStreams, startTap } from './tap.mjs';

const { WebSocket, WebSocketServer } = createRequire(`${DIR}/`)('ws');

const SEEDS = { client: 3, server: 4 };

test('ws, mixed messages', async (t) => {
	const server = await startServer(t);
	const direct = await converse(server, server.port);

	await isUntouched(t, server, direct);
	await goesOnWithPings(t, server, direct);
});

async function isUntouched(t, server, direct) {
	const inner = await startTap(t, server.port);
	const front = await startRoute(t, inner.port, 'strict max_message=1M');
	const outer = await startTap(t, front.port);

	assertSame(await converse(server, outer.port), direct);
	await assertClosing(front);
	assertSameStreams(outer, inner);
}

async function goesOnWithPings(t, server, direct) {
	const front = await startRoute(t, server.port,
		'strict max_message=1M ping_interval=20ms ping_timeout=60s');

	assertSame(await converse(server, front.port, untilPinged), direct);
	await assertClosing(front);
}

async function startServer(t) {
	const server = new WebSocketServer({ host: '127.0.0.1', port: 0,
		perMessageDeflate: { serverNoContextTakeover: true } });

	t.after(() => {
		for (const socket of server.clients)
			socket.terminate();
		server.close();
	});
	await once(server, 'listening');
	return { port: server.address().port,
		accept: () => once(server, 'connection') };
}

/** What both have heard at last. */
async function converse(server, port, pause = async () => {}) {
	const accepted = server.accept();
	const client = listen(new WebSocket(`ws://127.0.0.1:${port}/ws`));
	const opened = once(client.socket, 'open');
	const served = listen((await accepted)[0]);

	await opened;
	assert.match(client.socket.extensions, /permessage-deflate/);
	await Promise.all([talk(client, SEEDS.client, pause),
		talk(served, SEEDS.server, pause)]);
	await until('all messages and pongs', () => [client, served].every(
		({ heard, asked, answered }) => heard.at(-1) === 'text the last' &&
			answered.length === asked.length));
	client.socket.close(1000, 'all said');
	await Promise.all([client.closed, served.closed]);
	return { client, served };
}

/**
 * `heard` has a line for all that the other end sent of itself, `asked` the
 * payloads of our pings, `answered` those of their pongs; `pings` counts those
 * of bowsprit.
 */
function listen(socket) {
	const peer = { socket, heard: [], asked: [], answered: [], pings: 0 };

	socket.on('message', (data, isBinary) =>
		peer.heard.push(line(isBinary ? data : String(data))));
	socket.on('ping', (data) => {
		if (String(data).startsWith('bowsprit'))
			peer.pings++;
		else if (!String(data).startsWith('timer'))
			peer.heard.push(`ping ${data}`);
	});
	socket.on('pong', (data) => {
		if (String(data).startsWith('unasked'))
			peer.heard.push(`pong ${data}`);
		else
			peer.answered.push(String(data));
	});
	peer.closed = once(socket, 'close').then(([code, reason]) =>
		peer.heard.push(`close ${code} ${reason}`));
	return peer;
}

async function talk(peer, seed, pause) {
	const rng = dice(seed + 100);
	const timer = setInterval(() => ask(peer, 'timer'), 50);
	let n = 0;

	for (const message of mixed(seed)) {
		// ws leaves a peer that lets sixty of its pongs wait.
		while (peer.asked.length - peer.answered.length > 30)
			await once(peer.socket, 'pong');
		await say(peer, message, rng);
		if (++n % 1000 === 0)
			await pause(peer);
	}
	await send(peer.socket, 'the last', {});
	clearInterval(timer);
}

function ask(peer, why) {
	const payload = `${why} ${peer.asked.length}`;

	peer.asked.push(payload);
	peer.socket.ping(payload);
}

// One in eight in fragments, with control frames between them.
async function say(peer, message, rng) {
	const { socket } = peer;
	const binary = Buffer.isBuffer(message);
	const bytes = Buffer.from(message);
	const cuts = rng(8) ? [] : Array.from({ length: 1 + rng(4) },
		() => rng(bytes.length + 1)).sort((a, b) => a - b);
	let from = 0;

	for (const cut of cuts) {
		socket.send(bytes.subarray(from, cut), { binary, fin: false });
		from = cut;
		if (rng(2))
			ask(peer, 'within');
		if (rng(2))
			socket.pong(`unasked ${from}`);
	}
	await send(socket, bytes.subarray(from), { binary });
	if (rng(16) === 0)
		ask(peer, 'behind');
}

// Waits where much is on its way already.
function send(socket, data, options) {
	return new Promise((resolve, reject) => {
		const done = (error) => error ? reject(error) : resolve();

		if (socket.bufferedAmount > 1 << 18)
			socket.send(data, options, done);
		else
			done(socket.send(data, options));
	});
}

/** Until bowsprit has asked whether it is still there. */
async function untilPinged(peer) {
	const before = peer.pings;

	await until('a ping of bowsprit', () => peer.pings > before);
}

// Numbers of pings are left out: timers of either side count in them, too.
const unnumbered = (heard) =>
	heard.map((text) => text.replace(/^(ping \w+) \d+$/, '$1'));

function assertSame(through, direct) {
	for (const end of ['client', 'served']) {
		const { heard, asked, answered } = through[end];

		assert.ok(heard.length > COUNT);
		sameLines(unnumbered(heard), unnumbered(direct[end].heard), end);
		sameLines(answered, asked, `pongs to the ${end}`);
		assert.ok(asked.some((text) => text.startsWith('timer')));
		assert.equal(direct[end].pings, 0);
	}
}

async function assertClosing(front) {
	const { by, reason, code, ...rest } = await closingLine(front);

	assert.deepEqual({ by, reason, code },
		{ by: 'client', reason: 'close', code: 1000 });
	for (const side of ['from_client', 'from_server'])
		assert.equal(rest[side].messages, COUNT + 1);
	assert.equal(await front.stop(), 0);
}

// SPDX-License-Identifier: ISC
//
// tap.mjs: forwards connections to a port, and keeps the digest of what went
// each way behind the heads.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/**
 * `port` is where it listens, `streams` has { up, down } of each connection,
 * each with `bytes` and `digest()`.
 */
export async function startTap(t, to) {
	const streams = [];
	const sockets = new Set();
	const server = createServer({ allowHalfOpen: true }, (near) => {
		const far = connect({ port: to, host: '127.0.0.1',
			allowHalfOpen: true });
		streams.push({ up: forward(near, far), down: forward(far, near) });
		for (const socket of [near, far]) {
			sockets.add(socket);
			socket.setNoDelay();
			socket.on('error', () => { near.destroy(); far.destroy(); });
		}
	});

	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => {
		server.close();
		for (const socket of sockets)
			socket.destroy();
	});
	return { port: server.address().port, streams };
}

function forward(from, to) {
	const hash = createHash('sha256');
	const seen = { bytes: 0, digest: () => hash.copy().digest('hex') };
	let head = Buffer.alloc(0);

	from.on('data', (data) => {
		if (head !== null) {
			head = Buffer.concat([head, data]);
			const end = head.indexOf('\r\n\r\n');
			data = head.subarray(end < 0 ? head.length : end + 4);
			head = end < 0 ? head : null;
		}
		seen.bytes += data.length;
		hash.update(data);
	});
	from.pipe(to);
	return seen;
}

/** Of the one connection that both have seen. */
export function assertSameStreams(outer, inner) {
	for (const way of ['up', 'down']) {
		const [one, other] = [outer, inner].map(({ streams }) => streams[0][way]);

		assert.ok(one.bytes > 1_000_000, `${one.bytes} bytes ${way}`);
		assert.equal(other.bytes, one.bytes, way);
		assert.equal(other.digest(), one.digest(), way);
	}
}

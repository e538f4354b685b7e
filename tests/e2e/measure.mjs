// SPDX-License-Identifier: ISC
//
// measure.mjs: what a front does with upgrades, seen on both sides as bytes:
// a raw client, a raw backend, and the front between them.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';

import { BOWSPRIT, DIR, freePort, launch, startFront } from './fronts.mjs';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = createHash('sha1')
	.update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const PATH = '/api/auth/session/abc-123/novnc/websock?view=a%2Fb&q=1+2';

// A browser's upgrade (as Firefox sends Connection), with what proxies in
// front of us add: a name in odd case, a line twice, two spaces.
const SENT = (port, path) => [
	`GET ${path} HTTP/1.1`,
	`Host: localhost:${port}`,
	'User-Agent: Mozilla/5.0 (X11; Linux x86_64)',
	'Accept: */*',
	'Accept-Language: en-US,en;q=0.5',
	'Sec-WebSocket-Version: 13',
	`Origin: http://localhost:${port}`,
	'Sec-WebSocket-Extensions: permessage-deflate',
	`Sec-WebSocket-Key: ${KEY}`,
	'X-SessionID:  abc-123',
	'X-Tag: one',
	'X-Tag: two',
	'Connection: keep-alive, Upgrade',
	'Cookie: ssh_session=tok.1-_~; theme=dark',
	'Upgrade: websocket',
];

const ACCEPTED = [
	'HTTP/1.1 101 Switching Protocols',
	'Upgrade: websocket',
	'X-Tag: one',
	'X-Tag: two',
	'Connection: Upgrade',
	`Sec-WebSocket-Accept: ${ACCEPT}`,
];

const REFUSED = [
	'HTTP/1.1 401 Unauthorized',
	'Content-Type: application/json',
	'WWW-Authenticate: Bearer',
	'Content-Length: 27',
	'Connection: close',
];
const REFUSAL = '{"error":"session expired"}';

/** A backend that answers each head with `answer`, and keeps what it saw. */
async function startBackend(t, answer) {
	const sockets = new Set();
	const backend = { heads: [] };
	const server = createServer((socket) => {
		let head = '';

		sockets.add(socket);
		socket.on('error', () => {});
		socket.on('data', (bytes) => {
			head += bytes.toString('latin1');
			if (!head.endsWith('\r\n\r\n'))
				return;
			backend.heads.push(head);
			answer(socket);
		});
	}).listen(0, '127.0.0.1');

	await once(server, 'listening');
	backend.url = `http://127.0.0.1:${server.address().port}`;
	t.after(() => {
		sockets.forEach((socket) => socket.destroy());
		server.close();
	});
	return backend;
}

const lines = (list) => list.map((line) => `${line}\r\n`).join('') + '\r\n';

/**
 * Starts `front` without a desktop; `limit` (ms) is what the operator has
 * asked for as the time of a handshake.
 */
async function startPlain(t, front, target, limit) {
	if (front !== 'bowsprit')
		return startFront(t, front, join(DIR, 'app'), 'start', target, limit);
	const port = await freePort();
	const file = join(DIR, 'compare.cfg');
	writeFileSync(file, `
listeners = ( { address = "localhost"; port = ${port}; } );
backends = {
  next  = { servers = ( "http://127.0.0.1:${await freePort()}" ); };
  novnc = { servers = ( "${target}" ); change_origin = true; };
};
routes = (
  { path = "/api/auth/session/{id}/novnc/websock"; upgrade = "websocket";
    backend = "novnc"; },
  { path = "/**"; backend = "next"; }
);
timeouts = { handshake = "${limit}ms"; };
`);
	return launch(t, 'bowsprit-plain', BOWSPRIT, ['-c', file], port);
}

/**
 * Sends an upgrade and waits until the front has closed, has answered 101, or
 * `patience` ms have gone by.
 */
async function ask(t, front, path, patience) {
	const socket = connect(front.port, 'localhost');
	const began = Date.now();
	let bytes = '';
	let first = null;

	t.after(() => socket.destroy());
	socket.on('error', () => {});
	socket.write(lines(SENT(front.port, path)), 'latin1');
	const ended = new Promise((resolve) => {
		const timer = setTimeout(() => resolve('open'), patience);
		const end = (how) => {
			clearTimeout(timer);
			resolve(how);
		};
		socket.on('data', (data) => {
			first ??= Date.now() - began;
			bytes += data.toString('latin1');
			if (/^HTTP\/1.1 101 [^]*\r\n\r\n/.test(bytes))
				end('upgraded');
		});
		socket.on('close', () => end('closed'));
	});
	return { end: await ended, ms: first ?? Date.now() - began, bytes };
}

/** How a head differs after the front: names, by what became of them. */
export function differences(sent, received) {
	const parse = (list) => list.map((line) => {
		const [, name, value] = /^([^:]*):(.*)$/.exec(line);
		return { line, name, value, key: name.toLowerCase() };
	});
	const before = parse(sent);
	const after = parse(received);
	const old = new Set(before.map((field) => field.key));
	const kept = after.filter((field) => old.has(field.key));
	const values = (list, key) => list.filter((field) => field.key === key)
		.map((field) => field.value.trim());
	const names = (list) => [...new Set(list.map((field) => field.name))];

	return {
		asSent: before.filter((b) => after.some((a) => a.line === b.line)).length,
		of: before.length,
		added: names(after.filter((field) => !old.has(field.key))),
		recased: names(before.filter((b) =>
			!after.some((a) => a.name === b.name))),
		changed: names(before.filter((b) => values(before, b.key).join('\n') !==
			values(after, b.key).join('\n'))),
		ordered: names(kept).map((name) => name.toLowerCase()).join() ===
			[...old].join(),
		addedLast: after.slice(0, kept.length).every((f) => old.has(f.key)),
	};
}

/** The handshake's bytes, both ways. */
export async function measureHeaders(t, name) {
	const backend = await startBackend(t,
		(socket) => socket.write(lines(ACCEPTED)));
	const front = await startPlain(t, name, backend.url, 5000);
	const answer = await ask(t, front, PATH, 5000);
	const received = backend.heads[0]?.trimEnd().split('\r\n') ?? [];
	const returned = answer.bytes.trimEnd().split('\r\n');

	return {
		end: answer.end,
		target: received[0] === SENT(front.port, PATH)[0],
		request: differences(SENT(front.port, PATH).slice(1), received.slice(1)),
		response: differences(ACCEPTED.slice(1), returned.slice(1)),
	};
}

/** A backend that takes the upgrade and never says a word. */
export async function measureSilent(t, name, limit) {
	const backend = await startBackend(t, () => {});
	const front = await startPlain(t, name, backend.url, limit);

	return ask(t, front, PATH, 3 * limit);
}

/** A port where nobody listens. */
export async function measureDown(t, name) {
	const front = await startPlain(t, name,
		`http://127.0.0.1:${await freePort()}`, 5000);

	return ask(t, front, PATH, 8000);
}

/** A backend that answers 401 with a body. */
export async function measureRefused(t, name) {
	const backend = await startBackend(t,
		(socket) => socket.end(lines(REFUSED) + REFUSAL));
	const front = await startPlain(t, name, backend.url, 5000);
	const answer = await ask(t, front, PATH, 8000);
	const head = answer.bytes.split('\r\n\r\n')[0].split('\r\n');

	return {
		...answer,
		body: answer.bytes.includes(REFUSAL),
		response: differences(REFUSED.slice(1), head.slice(1)),
	};
}

/** An upgrade on a path that neither Next nor a route takes. */
export async function measureUnknown(t, name) {
	const front = await startPlain(t, name, 'http://127.0.0.1:9', 5000);

	return ask(t, front, '/api/auth/sesion/abc-123/novnc/websock', 8000);
}

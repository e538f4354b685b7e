// SPDX-License-Identifier: ISC
//
// client.mjs CLIENT PORT [FILE [PREFIX]]: sends the requests of FILE
// (requests.json) with PREFIX before their targets: CLIENT http and fetch one
// after the other, pipelined four on the way at a time (undici's Client), pool
// on four connections (its Pool).  Prints a line of JSON for each: name, status,
// headers, body and the like.  HOST in a header's value is the server's.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';

const [, , client, port, file, prefix = ''] = process.argv;
const host = `127.0.0.1:${port}`;
const origin = `http://${host}`;
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const byClient = { http: byHttp, fetch: byFetch };

// What undici refuses to send, or sends in its own way.
const NOT_SENT = /^(connection|keep-alive|te|expect)$/i;

const pairs = (list) => list.reduce((out, value, i) => {
	if (i % 2 === 0)
		out.push([String(value), '']);
	else
		out.at(-1)[1] = Buffer.isBuffer(value)
			? value.toString('latin1') : value;
	return out;
}, []);

function bodyOf(row) {
	const text = row.size ? 'x'.repeat(row.size) : row.body;

	return text === undefined ? null : Buffer.from(text, 'latin1');
}

async function* parts(body) {
	for (let i = 0; i < body.length; i += 50_000)
		yield body.subarray(i, i + 50_000);
}

function byHttp(row) {
	const { promise, resolve, reject } = deferred();
	const body = bodyOf(row);
	const interim = [];
	const headers = [['Host', host], ...row.headers ?? []];

	if (row.chunked)
		headers.push(['Transfer-Encoding', 'chunked']);
	else if (body)
		headers.push(['Content-Length', String(body.length)]);
	const req = http.request({
		host: '127.0.0.1', port, agent, method: row.method,
		path: row.target, headers: headers.flat(),
	});
	req.on('error', reject);
	req.on('information', (info) =>
		interim.push([info.statusCode, pairs(info.rawHeaders)]));
	req.on('response', async (res) => {
		try {
			const got = Buffer.concat(await res.toArray());
			resolve({
				version: res.httpVersion,
				status: res.statusCode,
				reason: res.statusMessage,
				headers: pairs(res.rawHeaders),
				trailers: pairs(res.rawTrailers),
				interim,
				body: got,
			});
		} catch (error) {
			reject(error);
		}
	});
	const send = async () => {
		for await (const part of row.chunked ? parts(body) : [body ?? ''])
			req.write(part);
		req.end();
	};

	if (headers.some(([name]) => name === 'Expect'))
		req.on('continue', send);
	else if (body)
		send();
	else
		req.end();
	return promise;
}

async function byFetch(row) {
	const body = bodyOf(row);
	const res = await fetch(origin + row.target, {
		method: row.method,
		headers: row.headers ?? [],
		body: row.chunked ? ReadableStream.from?.(parts(body)) ?? body : body,
		duplex: 'half',
		redirect: 'manual',
	});

	return {
		status: res.status,
		reason: res.statusText,
		headers: [...res.headers],
		body: Buffer.from(await res.arrayBuffer()),
	};
}

// It is a package of the folder where this runs.
function undici() {
	const { Client, Pool } = createRequire(`${process.cwd()}/`)('undici');

	return client === 'pool'
		? new Pool(origin, { connections: 4, pipelining: 1 })
		: new Client(origin, { pipelining: 4 });
}

// What is sent behind a request that ends the connection would be sent twice.
// "blocking" ends with any answer, so nobody else's is to be on the way.
async function byUndici(dispatcher, row) {
	const body = bodyOf(row);
	const interim = [];
	const res = await dispatcher.request({
		method: row.method,
		path: row.target,
		headers: row.headers?.flat() ?? [],
		body: row.chunked ? parts(body) : body,
		blocking: row.ends === true,
		idempotent: row.ends ? false : undefined,
		responseHeaders: 'raw',
		onInfo: (info) => interim.push([info.statusCode, info.headers]),
	});

	return {
		status: res.statusCode,
		headers: pairs(res.headers),
		interim,
		body: Buffer.from(await res.body.arrayBuffer()),
		trailers: res.trailers,
	};
}

function deferred() {
	const out = {};

	out.promise = new Promise((resolve, reject) =>
		Object.assign(out, { resolve, reject }));
	return out;
}

function canSend(row) {
	if (client === 'http')
		return true;
	if ((row.headers ?? []).some(([name]) => NOT_SENT.test(name)))
		return false;
	return row.method !== 'GET' || bodyOf(row) === null;
}

async function ask(row) {
	try {
		const answer = await send(row);

		return {
			name: row.name,
			...answer,
			body: answer.body.length > 20_000
				? createHash('sha256').update(answer.body).digest('hex')
				: answer.body.toString('latin1'),
		};
	} catch (error) {
		return { name: row.name, error: `${error} ${error.cause ?? ''}` };
	}
}

// The whole of a row as this client is to send it.
const prepared = (row) => ({
	...row,
	target: prefix + row.target,
	headers: row.headers?.map(([name, value]) =>
		[name, value.replace('HOST', host)]),
});

const rows = JSON.parse(readFileSync(
	file ?? new URL('requests.json', import.meta.url)))
	.filter(canSend).map(prepared);
const dispatcher = byClient[client] ? null : undici();
const send = byClient[client] ?? byUndici.bind(null, dispatcher);
const answers = [];

if (dispatcher)
	answers.push(...await Promise.all(rows.map(ask)));
else
	for (const row of rows)
		answers.push(await ask(row));
agent.destroy();
await dispatcher?.close();
process.stdout.write(answers.map((a) => `${JSON.stringify(a)}\n`).join(''));

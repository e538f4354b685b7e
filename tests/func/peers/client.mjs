// SPDX-License-Identifier: ISC
//
// client.mjs http|fetch PORT: sends the requests of requests.json, one after
// the other, by node:http or fetch (undici).  Prints a line of JSON for each:
// name, status, headers, body and the like.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';

const [, , client, port] = process.argv;
const origin = `http://127.0.0.1:${port}`;
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

// What fetch refuses to send, or sends in its own way.
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
	const headers = [['Host', `127.0.0.1:${port}`], ...row.headers ?? []];

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
		const answer = await (client === 'http' ? byHttp : byFetch)(row);

		return {
			name: row.name,
			...answer,
			body: answer.body.length > 5000
				? createHash('sha256').update(answer.body).digest('hex')
				: answer.body.toString('latin1'),
		};
	} catch (error) {
		return { name: row.name, error: `${error} ${error.cause ?? ''}` };
	}
}

const rows = JSON.parse(readFileSync(
	new URL('requests.json', import.meta.url))).filter(canSend);
const answers = [];

for (const row of rows)
	answers.push(await ask(row));
agent.destroy();
process.stdout.write(answers.map((a) => `${JSON.stringify(a)}\n`).join(''));

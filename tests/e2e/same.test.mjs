// SPDX-License-Identifier: ISC
//
// same.test.mjs: the hundred requests of tests/func/peers and pages of
// Next.js, direct and through bowsprit, give the same answers, and Next.js
// sees the same heads but for what is documented.  All 105 are sent to the
// API; the four that undici cannot send (Connection, Keep-Alive, TE, Expect)
// go by node:http alone.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { BOWSPRIT, DIR, freePort, launch } from './fronts.mjs';
import { test } from './runner.mjs';

const FUNC = join(import.meta.dirname, '../func');
const REQUESTS = join(FUNC, 'peers/requests.json');
const APP = join(DIR, 'app');
const FOLDER = join(DIR, 'same');
const RECORD = join(FOLDER, 'record');
const PAGE = '/dashboard/remote-cli';
const run = promisify(execFile);

for (const client of ['http', 'fetch', 'pipelined', 'pool'])
	test(`same answers by an API of Next, ${client}`, async (t) => {
		const answers = await same(t, client, REQUESTS, '/api/peers');

		assert.ok(answers.length >= 100, `${answers.length} answers`);
		const kinds = new Set(answers.map(({ status }) => status));
		assert.ok(kinds.size > 30, `the statuses ${[...kinds]}`);
	});

for (const client of ['http', 'pipelined'])
	test(`same pages of Next, ${client}`, async (t) => {
		const file = join(DIR, 'pages.json');
		const answers = await same(t, client, file, '', async (port) =>
			writeFileSync(file, JSON.stringify(await pages(port))));
		const seen = answers.map(({ name, status }) => `${name}: ${status}`);

		assert.deepEqual(seen, [
			'page: 200', 'compressed page: 200', 'streamed page: 200',
			'route handler: 200', 'data of a page: 200', 'head: 200',
			'redirect: 307', 'missing page: 404', 'bundle: 200',
			'bundle not modified: 304', 'file: 200', 'file not modified: 304',
			'part of a file: 206', 'no such part: 416', 'action: 303',
			'action from elsewhere: 500',
		]);
	});

/** Sends what is in `file` both ways, and compares; returns the answers. */
async function same(t, client, file, prefix, prepare = () => {}) {
	const next = await startNext(t);
	const port = await freePort();
	const folders = ['direct', 'through'].map((name) => join(FOLDER, name));

	await launch(t, 'bowsprit-same', BOWSPRIT,
		['-l', String(port), '-b', `http://127.0.0.1:${next}`], port);
	await prepare(next);
	for (const [i, to] of [next, port].entries()) {
		writeFileSync(RECORD, '');
		const { stdout } = await run(process.execPath,
			[join(FUNC, 'peers/client.mjs'), client, to, file, prefix],
			{ cwd: DIR, maxBuffer: 1e8 });
		mkdirSync(folders[i], { recursive: true });
		writeFileSync(join(folders[i], 'answers'), stdout);
		writeFileSync(join(folders[i], 'seen'), readFileSync(RECORD));
	}
	assert.ok(lines(join(folders[0], 'seen')).length >= 16, 'is recorded');
	await run('python3', ['-B', join(FUNC, 'same.py'), next, folders[0],
		port, folders[1]]).catch((e) => { throw new Error(e.stdout || e); });
	return lines(join(folders[1], 'answers')).map((line) => JSON.parse(line));
}

function lines(file) {
	return readFileSync(file, 'utf8').trim().split('\n');
}

/** The example's production build by itself, writing down what it sees. */
async function startNext(t) {
	const port = await freePort();
	const env = { ...process.env, RECORD,
		NODE_OPTIONS: `--import ${join(FUNC, 'peers/record.mjs')}` };

	mkdirSync(FOLDER, { recursive: true });
	await launch(t, 'next-same', process.execPath,
		['node_modules/next/dist/bin/next', 'start', '-H', '127.0.0.1',
			'-p', String(port), '--keepAliveTimeout', '60000'],
		port, { cwd: APP, env }, 'Ready in');
	return port;
}

async function pages(port) {
	const html = await text(port, PAGE);
	const [, bundle] = /"(\/_next\/static\/[^"]+\.js)"/.exec(html);
	const [, action] = /name="(\$ACTION_ID_[0-9a-f]+)"/.exec(html);
	const core = '/novnc/core/rfb.js';
	const get = (name, target, ...headers) =>
		({ name, method: 'GET', target, headers });
	const post = (name, origin) => ({
		name, method: 'POST', target: PAGE,
		headers: [['Content-Type', 'multipart/form-data; boundary=xyz'],
			['Origin', origin]],
		body: form({ [action]: '', provider: 'Codex' }),
	});

	return [
		get('page', PAGE),
		get('compressed page', PAGE, ['Accept-Encoding', 'gzip']),
		get('streamed page', '/streamed'),
		get('route handler', '/api/auth/session/1/novnc'),
		get('data of a page', await dataOf(port, PAGE), ['RSC', '1']),
		{ ...get('head', PAGE), method: 'HEAD' },
		get('redirect', '/'),
		get('missing page', '/no/such/page'),
		get('bundle', bundle),
		get('bundle not modified', bundle,
			['If-None-Match', await etag(port, bundle)]),
		get('file', core),
		get('file not modified', core,
			['If-None-Match', await etag(port, core)]),
		get('part of a file', core, ['Range', 'bytes=10-19']),
		get('no such part', core, ['Range', 'bytes=9999999-']),
		post('action', 'http://HOST'),
		post('action from elsewhere', 'http://elsewhere.example'),
	];
}

async function text(port, path) {
	return (await fetch(`http://127.0.0.1:${port}${path}`)).text();
}

// Next redirects to the URL that has the right hash of the headers in it.
async function dataOf(port, path) {
	const res = await fetch(`http://127.0.0.1:${port}${path}?_rsc=0`,
		{ headers: { RSC: '1' } });
	const { pathname, search } = new URL(res.url);

	await res.arrayBuffer();
	return pathname + search;
}

async function etag(port, path) {
	const res = await fetch(`http://127.0.0.1:${port}${path}`,
		{ headers: { 'Accept-Encoding': 'identity' } });

	await res.arrayBuffer();
	return res.headers.get('etag');
}

function form(fields) {
	return Object.entries(fields).map(([name, value]) => '--xyz\r\n' +
		`Content-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`)
		.concat('--xyz--\r\n').join('');
}

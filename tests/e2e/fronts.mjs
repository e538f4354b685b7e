// SPDX-License-Identifier: ISC
//
// fronts.mjs: starts what is tested and what it is compared with: the
// example's own script line with bowsprit in it, and the reference server.js.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, copyFileSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';

import { until, within } from './runner.mjs';

const HERE = import.meta.dirname;
const EXAMPLE = join(HERE, '../../contrib/examples/novnc');

export const DIR = resolve(process.env.E2E_DIR);
export const BOWSPRIT = resolve(process.env.BOWSPRIT);

/** The names that a test's `front` can have. */
export const FRONTS = ['bowsprit', 'server.js'];

export async function freePort() {
	const server = createServer().listen(0, '127.0.0.1');

	await once(server, 'listening');
	const { port } = server.address();
	server.close();
	await once(server, 'close');
	return port;
}

/**
 * Starts `front` with the Next.js application in the folder `app`, in mode
 * "start" or "dev", upgrades going to `target`; `timeout` (ms) is for the
 * reference alone, bowsprit's own default being 30 s as well.
 */
export async function startFront(t, front, app, mode, target, timeout = 30000) {
	const port = await freePort();
	const { command, args, env } = front === 'bowsprit'
		? bowspritLine(app, mode, target, port)
		: reference(app, mode, target, port, timeout);

	return launch(t, `${front}-${mode}`, command, args, port, {
		cwd: app,
		env: { ...process.env, ...env },
	});
}

/** bowsprit by the same line and with a certificate of its own making. */
export async function startSecureFront(t, app, mode, target) {
	const port = await freePort();
	const url = `https://localhost:${port}`;
	const { command, args, env } =
		bowspritLine(app, mode, target, port, '--self-signed');
	const front = await launch(t, `bowsprit-${mode}-https`, command, args, port, {
		cwd: app,
		env: { ...process.env, ...env },
	}, `> Ready on ${url}`);

	return { ...front, url };
}

// The very line of package.json, with the port of this test's desktop.
function bowspritLine(app, mode, target, port, options = '') {
	const { scripts } = JSON.parse(readFileSync(join(app, 'package.json')));
	const line = scripts[mode]
		.replace(/^bowsprit /, `exec '${BOWSPRIT}' ${options} `)
		.replace('http://127.0.0.1:4000', target);

	if (!line.startsWith('exec ') || !line.includes(target))
		throw new Error(`scripts.${mode} is not as expected: ${line}`);
	return {
		command: 'sh',
		args: ['-c', line],
		env: {
			PORT: String(port),
			PATH: `${join(app, 'node_modules/.bin')}:${process.env.PATH}`,
		},
	};
}

// It resolves "next" beside itself, and "http-proxy" one folder further up.
function reference(app, mode, target, port, timeout) {
	copyFileSync(join(HERE, 'reference/server.js'), join(app, 'server.cjs'));
	return {
		command: process.execPath,
		args: ['server.cjs'],
		env: {
			PORT: String(port),
			TARGET: target,
			TIMEOUT: String(timeout),
			NODE_ENV: mode === 'dev' ? 'development' : 'production',
		},
	};
}

/** Starts a front and waits until its log has the text `ready`. */
export async function launch(t, name, command, args, port, options = {},
	ready = `> Ready on http://localhost:${port}`) {
	const path = join(DIR, `${name}.log`);
	const log = openSync(path, 'w');
	const child = spawn(command, args,
		{ ...options, stdio: ['ignore', log, log], detached: true });
	const ended = once(child, 'exit');
	const front = {
		port,
		url: `http://localhost:${port}`,
		log: () => readFileSync(path, 'utf8'),
		stop: () => stop(child, ended),
	};

	closeSync(log);
	t.after(front.stop);
	t.explain(() => `The last lines of ${path}:\n` +
		front.log().trimEnd().split('\n').slice(-10).join('\n'));
	await until(`"${ready}" in ${path}`, () => {
		if (child.exitCode !== null)
			throw new Error(`${name} ended`);
		return front.log().includes(ready);
	});
	return front;
}

/**
 * Starts bowsprit, with lines of JSON, in front of a server on port `to`: all
 * requests and upgrades, by a route with these `settings`.
 */
export async function startRoute(t, to, settings = '', port = undefined) {
	const own = port ?? await freePort();

	return launch(t, 'bowsprit-route', BOWSPRIT,
		['-l', String(own), '--log-format', 'json', '-r',
			`/**=http://127.0.0.1:${to} ${settings}`], own);
}

/** The first closing line of a WebSocket in its log, as an object. */
export async function closingLine(front) {
	return JSON.parse(await until('the closing line', () => front.log()
		.split('\n').find((line) => line.includes('Connection closed'))));
}

// Its own process group is ended at last, should the front have left anybody.
async function stop(child, ended) {
	child.kill('SIGTERM');
	try {
		const [code, signal] = await within(12_000, ended);
		return signal ?? code;
	} finally {
		try {
			process.kill(-child.pid, 'SIGKILL');
		} catch {
			// nobody is left
		}
	}
}

/** Starts the desktop with websockify in front of it. */
export async function startDesktop(t) {
	const dir = join(DIR, 'desktop');
	const port = await freePort();

	desktop('start', dir, String(port));
	t.after(() => desktop('stop', dir));
	return {
		url: `http://127.0.0.1:${port}`,
		typed: () => readFileSync(join(dir, 'typed'), 'utf8'),
	};
}

function desktop(...args) {
	const { status, stderr } = spawnSync('sh',
		[join(EXAMPLE, 'desktop.sh'), ...args],
		{ stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });

	if (status !== 0)
		throw new Error(`desktop.sh ${args[0]}: ${stderr}`);
}

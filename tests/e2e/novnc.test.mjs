// SPDX-License-Identifier: ISC
//
// novnc.test.mjs: the noVNC desktop in a page of Next.js, as a person uses it:
// connects by the form (a Server Action), sees the screen, types.  Over https
// as well, where a page may open wss only.

import assert from 'node:assert/strict';
import { join } from 'node:path';

import { openPage } from './browser.mjs';
import {
	DIR, FRONTS, startDesktop, startFront, startSecureFront,
} from './fronts.mjs';
import { test, until } from './runner.mjs';

// The colour of the desktop, by desktop.sh.
const COLOUR = [0x1f, 0x6f, 0x8b];

for (const front of FRONTS) {
	for (const mode of ['start', 'dev'])
		test(`noVNC, next ${mode}, ${front}`, (t) => drive(t, front, mode));
}

test('noVNC, next start, https', driveSecurely);

async function drive(t, name, mode) {
	const desktop = await startDesktop(t);
	const front = await startFront(t, name, join(DIR, 'app'), mode, desktop.url);

	await use(await openPage(t), front, desktop);
	if (name === 'bowsprit')
		assert.equal(await front.stop(), 0, 'exit status');
}

// Nobody has signed the certificate, which is all that Chromium overlooks: from
// this page it would not open a WebSocket without TLS.
async function driveSecurely(t) {
	const desktop = await startDesktop(t);
	const front = await startSecureFront(t, join(DIR, 'app'), 'start',
		desktop.url);
	const page = await openPage(t, { ignoreHTTPSErrors: true });
	const opened = [];

	page.on('websocket', (socket) => opened.push(new URL(socket.url())));
	await use(page, front, desktop);
	assert.deepEqual(opened.map((url) => url.protocol + url.host),
		[`wss:localhost:${front.port}`]);
	assert.ok(await page.evaluate(() => window.isSecureContext &&
		location.protocol === 'https:'));
	assert.equal(await front.stop(), 0, 'exit status');
}

async function use(page, front, desktop) {
	await connect(page, front);
	const canvas = page.frameLocator('#screen').locator('canvas');
	await seesColour(canvas);
	await typesKeys(page, canvas, desktop);
	assert.deepEqual(page.complaints, []);
	assert.match(front.log(), /\[WebSocket Proxy\] Connection opened/);
}

// In dev mode a click before hydration would submit the form without script,
// which is as good: a Server Action works either way.
async function connect(page, front) {
	await page.goto(`${front.url}/dashboard/remote-cli`);
	await page.selectOption('select', 'Codex');
	await page.click('text=Connect Provider');
	await page.waitForURL(/session=/);
	assert.equal(await page.textContent('#connected'), 'Connected to Codex');
	const id = new URL(page.url()).searchParams.get('session');
	await until('the WebSocket of noVNC', () =>
		page.sockets.includes(`/api/auth/session/${id}/novnc/websock`));
}

// Three points of the lower half, away from the text.
async function seesColour(canvas) {
	let seen;

	await until(`the desktop's colour ${COLOUR}`, async () => {
		seen = await canvas.evaluate((c) => [200, 400, 700].map((x) =>
			[...c.getContext('2d').getImageData(x, 500, 1, 1).data]
				.slice(0, 3)));
		return seen.every((pixel) => String(pixel) === String(COLOUR));
	}).catch((error) => {
		throw new Error(`${error.message}; seen ${JSON.stringify(seen)}`);
	});
}

async function typesKeys(page, canvas, desktop) {
	await canvas.click();
	await page.keyboard.type('bowsprit 42');
	await until('the keys at the desktop',
		() => desktop.typed() === 'bowsprit 42').catch((error) => {
		throw new Error(`${error.message}; typed ${desktop.typed()}`);
	});
}

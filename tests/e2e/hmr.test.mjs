// SPDX-License-Identifier: ISC
//
// hmr.test.mjs: an edit of a page arrives in the browser without a reload,
// over the WebSocket of next dev.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { openPage } from './browser.mjs';
import { DIR, FRONTS, startFront } from './fronts.mjs';
import { test, until } from './runner.mjs';

// Nobody listens there: this page shows no desktop.
const NO_DESKTOP = 'http://127.0.0.1:9';

const VERSIONS = [
	{ next: 16, app: 'app', socket: '/_next/hmr' },
	{ next: 15, app: 'app15', socket: '/_next/webpack-hmr' },
];

for (const front of FRONTS) {
	for (const version of VERSIONS)
		test(`HMR, next ${version.next} dev, ${front}`,
			(t) => edit(t, front, version));
}

async function edit(t, name, { app, socket }) {
	const folder = join(DIR, app);
	const front = await startFront(t, name, folder, 'dev', NO_DESKTOP);
	const page = await openPage(t);

	await page.goto(`${front.url}/dashboard/remote-cli`);
	await until(`the WebSocket ${socket}`, () => page.sockets.includes(socket));
	await until('hydration', () => page.evaluate(isHydrated));
	await page.evaluate(() => { window.before = true; });
	changeHeading(t, folder, 'Edited while you look');
	await until('the edited heading', async () =>
		(await page.textContent('h1')) === 'Edited while you look');
	assert.equal(await page.evaluate(() => window.before), true,
		'the page was reloaded');
	assert.deepEqual(page.complaints, []);
}

// React marks the elements that it has taken over; an edit before that would
// rightly be complained of as a difference from what the server sent.
function isHydrated() {
	return Object.keys(document.querySelector('select'))
		.some((key) => key.startsWith('__reactProps'));
}

function changeHeading(t, folder, text) {
	const path = join(folder, 'app/dashboard/remote-cli/page.jsx');
	const before = readFileSync(path, 'utf8');
	const after = before.replace("'Remote CLI'", `'${text}'`);

	assert.notEqual(after, before);
	t.after(() => writeFileSync(path, before));
	writeFileSync(path, after);
}

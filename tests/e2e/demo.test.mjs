// SPDX-License-Identifier: ISC
//
// demo.test.mjs: the demonstration's page, as people see it first.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';

import { openPage } from './browser.mjs';
import { BOWSPRIT, DIR, freePort, launch } from './fronts.mjs';
import { test, until } from './runner.mjs';

const ADDED = ['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host',
	'X-Forwarded-Port', 'X-Request-Id'];
const COOKIE = 'session=S3CRET';
const AA = 4.5; // contrast of text, WCAG 2.1

test('demo: what entered beside what came out', async (t) => {
	const { page, front } = await openDemo(t);
	const rows = await rowsOf(page, 'request');
	const same = rows.filter((row) => row.sign === '=');
	const added = rows.filter((row) => row.sign === '+');

	assert.equal(rows.length, same.length + added.length, JSON.stringify(rows));
	assert.match(same[0].before, /^GET \/ws\?ticket=\w+ HTTP\/1\.1CR LF$/);
	for (const row of same)
		assert.equal(row.before, row.after);
	assert.deepEqual(added.map((row) => row.after.split(':')[0]), ADDED);
	assert.ok(added.every((row) => row.before === ''));
	assert.equal(await page.textContent('#request .summary'),
		`${same.length - 1} lines arrived as sent, byte for byte; 5 added`);

	const answer = await rowsOf(page, 'answer');
	assert.equal(answer[0].after, 'HTTP/1.1 101 Switching ProtocolsCR LF');
	assert.equal(await page.textContent('#answer .summary'),
		`${answer.length - 1} lines arrived as sent, byte for byte, and nothing else`);
	assert.deepEqual(page.complaints, []);
	assert.equal(await front.stop(), 0, 'exit status, the page being open');
});

test('demo: secrets are covered until asked for', async (t) => {
	const { page, front } = await openDemo(t, {}, [], COOKIE);
	const cookies = async () => (await rowsOf(page, 'request'))
		.filter((row) => row.before.startsWith('Cookie:'))
		.map((row) => [row.before, row.after]);

	assert.doesNotMatch(await page.content(), /S3CRET/);
	assert.deepEqual(await cookies(),
		[Array(2).fill(`Cookie: •••••• ${COOKIE.length} bytes, coveredCR LF`)]);
	await page.focus('#reveal');
	await page.keyboard.press('Space');
	assert.deepEqual(await cookies(), [Array(2).fill(`Cookie: ${COOKIE}CR LF`)]);
	assert.doesNotMatch(await page.textContent('#lines'), /S3CRET/);
	assert.doesNotMatch(front.log(), /S3CRET/);
});

// The first bowsprit's X-Forwarded-For is appended to by the second.
test('demo: changed and removed lines', async (t) => {
	const config = join(DIR, 'demo.cfg');
	writeFileSync(config, 'remove_headers = ("Pragma");\n' +
		'remove_response_headers = ("Date");\n');
	const { front } = await startDemo(t, ['-c', config]);
	const port = await freePort();
	await launch(t, 'demo-front', BOWSPRIT,
		['-l', String(port), '-r', `/**=http://127.0.0.1:${front.port}`], port);

	for (const colorScheme of ['light', 'dark']) {
		const page = await openPage(t, { colorScheme });
		await show(page, `http://localhost:${port}`);
		const rows = await rowsOf(page, 'request');
		const [changed] = rows.filter((row) => row.sign === '~');
		const [removed] = rows.filter((row) => row.sign === '−');

		assert.match(changed.after,
			/^X-Forwarded-For: \S+, (127\.0\.0\.1|::1)CR LF$/);
		assert.equal(changed.mark, changed.after
			.slice(changed.before.length - 'CR LF'.length, -'CR LF'.length));
		assert.equal(removed.before, 'Pragma: no-cacheCR LF');
		assert.equal(removed.after, '');
		assert.match(await page.textContent('#request .summary'),
			/^\d+ lines arrived as sent, byte for byte; 1 changed, 1 removed$/);
		assert.match(await page.textContent('#answer .summary'),
			/^\d+ lines arrived as sent, byte for byte; 1 removed$/);
		assert.deepEqual(await faintTexts(page), []);
		assert.deepEqual(page.complaints, []);
	}
});

test('demo: what is typed comes back, and the log tells of it', async (t) => {
	const { page } = await openDemo(t);
	const lines = () => page.textContent('#lines');

	// By the keyboard alone; and markup is text.
	await page.focus('#text');
	await page.keyboard.type('<b>hello</b> ü');
	await page.keyboard.press('Enter');
	await page.waitForSelector('#messages .back');
	assert.match(await page.textContent('#messages .there'),
		/^→<b>hello<\/b> ü\d\d:\d\d:\d\d\.\d{3}$/);
	assert.match(await page.textContent('#messages .back'),
		/^←<b>hello<\/b> ü after \d+\.\d ms\d\d:\d\d:\d\d\.\d{3}$/);

	for (const words of ['[WebSocket Upgrade] Handling',
		'[WebSocket Proxy] Proxying WebSocket upgrade',
		'[WebSocket Proxy] Connection opened to backend',
		'[WebSocket Proxy] Received data from backend: 17 bytes'])
		await until(words, async () => (await lines()).includes(words));
	assert.equal(await page.textContent('#lines .debug .level'), 'debug');

	await page.click('#toggle');
	await page.waitForSelector('#state[data-state=closed]');
	assert.equal(await page.textContent('#state'), 'closed, code 1000');
	await until('the closing line', async () =>
		/Connection closed: \{.*by: 'client', reason: 'close', code: 1000/
			.test(await lines()));
	assert.equal(await page.isDisabled('#send'), true);

	const first = await page.textContent('#which');
	await page.click('#toggle');
	await page.waitForSelector('#state[data-state=open]');
	await until('another id', async () =>
		await page.textContent('#which') !== first);
	await page.fill('#text', 'again');
	await page.press('#text', 'Enter');
	await until('a second echo', async () =>
		(await page.textContent('#messages li:last-child')).startsWith('←again'));
	assert.deepEqual(page.complaints, []);
});

test('demo: light and dark', async (t) => {
	const { front } = await startDemo(t);
	const seen = {};

	for (const colorScheme of ['light', 'dark']) {
		const page = await openPage(t, { colorScheme });
		await show(page, front.url);
		await page.fill('#text', 'hello');
		await page.press('#text', 'Enter');
		await page.waitForSelector('#messages .back');
		assert.deepEqual(await faintTexts(page), [], colorScheme);
		seen[colorScheme] = await page.evaluate(() =>
			['body', 'section', '.added .after', '#state'].map((selector) => {
				const s = getComputedStyle(document.querySelector(selector));
				return [s.color, s.backgroundColor];
			}));
	}
	seen.light.flat().forEach((colour, i) =>
		assert.notEqual(colour, seen.dark.flat()[i]));
});

test('demo: a narrow screen', async (t) => {
	const { page } = await openDemo(t,
		{ viewport: { width: 360, height: 700 } });
	const [width, added, same] = await page.evaluate(() => [
		document.documentElement.scrollWidth,
		document.querySelector('.added .after').getBoundingClientRect().left,
		document.querySelector('.same .before').getBoundingClientRect().left,
	]);

	assert.equal(width, 360);
	assert.equal(added, same, 'one below the other');
	assert.equal(await page.isVisible('.same .after'), false);
});

test('demo: bowsprit goes and comes back', async (t) => {
	const { page, front } = await openDemo(t);

	assert.equal(await front.stop(), 0);
	await page.waitForSelector('#state[data-state=gone]');
	assert.match(await page.textContent('#lines'), /Connection closed: .*1001/);
	await startDemo(t, [], front.port);
	await page.waitForSelector('#state[data-state=open]');
});

async function startDemo(t, args = [], port = undefined) {
	port ??= await freePort();
	return { front: await launch(t, 'demo', BOWSPRIT,
		['-l', String(port), '--demo', ...args], port) };
}

async function openDemo(t, options = {}, args = [], cookie = undefined) {
	const { front } = await startDemo(t, args);
	const page = await openPage(t, options);

	if (cookie)
		await page.context().addCookies([{ url: front.url,
			name: cookie.split('=')[0], value: cookie.split('=')[1] }]);
	await show(page, front.url);
	return { page, front };
}

async function show(page, url) {
	await page.goto(url);
	await page.waitForSelector('#state[data-state=open]');
	await page.waitForSelector('#request tbody tr');
	await page.waitForSelector('#answer tbody tr');
}

function rowsOf(page, id) {
	return page.$$eval(`#${id} tbody tr`, (rows) => rows.map((row) => {
		const text = (name) => row.querySelector(name)?.textContent;

		return { sign: text('.sign'), before: text('.before'),
			after: text('.after'), mark: text('.after mark') };
	}));
}

/** Texts that are hard to read: of less contrast than AA (WCAG 2.1, 1.4.3). */
function faintTexts(page) {
	return page.evaluate((least) => {
		const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
		const light = (c) => c <= 10.31 ? c / 255 / 12.92
			: ((c / 255 + 0.055) / 1.055) ** 2.4;
		const luminance = ([r, g, b]) => 0.2126 * light(r) +
			0.7152 * light(g) + 0.0722 * light(b);
		const background = (e) => {
			const colour = numbers(getComputedStyle(e).backgroundColor);

			return colour[3] === 0 ? background(e.parentElement) : colour;
		};
		const contrast = (e) => {
			const [a, b] = [numbers(getComputedStyle(e).color), background(e)]
				.map(luminance).sort((x, y) => y - x);

			return (a + 0.05) / (b + 0.05);
		};
		const hasText = (e) => [...e.childNodes].some((n) =>
			n.nodeType === Node.TEXT_NODE && n.data.trim());

		return [...document.body.querySelectorAll('*')]
			.filter((e) => e.offsetParent && hasText(e))
			.map((e) => [e.textContent.trim(), contrast(e)])
			.filter(([, value]) => value < least);
	}, AA);
}

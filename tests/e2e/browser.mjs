// SPDX-License-Identifier: ISC
//
// browser.mjs: Debian's Chromium, and what its pages complained of.

import { createRequire } from 'node:module';

// It is installed in the build folder, where an import would not find it.
const require = createRequire(`${process.env.E2E_DIR}/`);
const { chromium } = require('playwright-core');

/**
 * A page of a new browser, with Playwright's `options`; its `complaints` should
 * stay empty.
 */
export async function openPage(t, options = {}) {
	const browser = await chromium.launch({
		executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
		args: [
			'--disable-gpu', '--disable-quic', '--no-first-run',
			'--disable-background-networking',
			'--disable-component-update', '--disable-sync',
			...(process.getuid() === 0 ? ['--no-sandbox'] : []),
		],
	});
	t.after(() => browser.close());

	const page = await browser.newPage(options);
	page.complaints = [];
	page.sockets = [];
	page.on('pageerror', (error) => page.complaints.push(String(error)));
	page.on('console', (message) => {
		if (message.type() === 'error')
			page.complaints.push(message.text());
	});
	page.on('websocket', (socket) => {
		page.sockets.push(new URL(socket.url()).pathname);
		socket.on('socketerror',
			(error) => page.complaints.push(`WebSocket: ${error}`));
	});
	return page;
}

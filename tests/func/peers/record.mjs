// SPDX-License-Identifier: ISC
//
// record.mjs: loaded into a server, it writes the head of each request to the
// file $RECORD, one line of JSON each.

import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync } from 'node:fs';

subscribe('http.server.request.start', ({ request }) => {
	const { method, url, rawHeaders } = request;
	const headers = [];

	for (let i = 0; i < rawHeaders.length; i += 2)
		headers.push(rawHeaders.slice(i, i + 2));
	appendFileSync(process.env.RECORD,
		`${JSON.stringify({ method, target: url, headers })}\n`);
});

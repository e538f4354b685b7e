// SPDX-License-Identifier: ISC
//
// table.mjs [SECONDS]: measures server.js and bowsprit and prints the table of
// README.md; SECONDS is the limit of a handshake, 30 unless given.

import { FRONTS } from './fronts.mjs';
import {
	measureDown, measureHeaders, measureRefused, measureSilent, measureUnknown,
} from './measure.mjs';

const limit = 1000 * Number(process.argv[2] ?? 30);

/** Runs one measurement with each front, tidying up after it. */
async function row(title, measure, describe) {
	const cells = [];

	for (const front of [...FRONTS].reverse()) {
		const tidy = [];
		const t = { after: (fn) => tidy.unshift(fn), explain: () => {} };
		cells.push(describe(await measure(t, front)));
		for (const fn of tidy)
			await fn();
	}
	console.log(`| ${title} | ${cells.join(' | ')} |`);
}

const list = (names) => names.join(', ');

function headerText({ asSent, of, recased, changed, added, ordered }) {
	return [
		`${asSent} of ${of} lines arrive as sent`,
		ordered ? 'same order' : 'another order',
		recased.length ? `re-cased: ${list(recased)}` : 'no name re-cased',
		changed.length ? `value changed: ${list(changed)}` : 'no value changed',
		added.length ? `added: ${list(added)}` : 'nothing added',
	].join('; ');
}

function answerText({ end, ms, bytes }) {
	const status = bytes.split('\r\n')[0];
	const seconds = (ms / 1000).toFixed(ms < 1000 ? 2 : 1);

	if (end === 'open' && !bytes)
		return `nothing, and still open after ${seconds} s`;
	return `${status ? `\`${status}\`` : 'closed without a status line'}` +
		` after ${seconds} s`;
}

console.log('| | server.js (http-proxy 1.18.1) | bowsprit |\n|---|---|---|');
await row('request head at the backend', measureHeaders,
	({ request }) => headerText(request));
await row('head of the 101 at the client', measureHeaders,
	({ response }) => headerText(response));
await row(`silent backend, limit of ${limit / 1000} s`,
	(t, front) => measureSilent(t, front, limit), answerText);
await row('backend down', measureDown, answerText);
await row('401 with a body', measureRefused, (answer) =>
	`${answerText(answer)}, body ${answer.body ? 'passed on' : 'lost'}, ` +
	`${answer.end}; ${headerText(answer.response)}`);
await row('upgrade on a path that nobody takes', measureUnknown, answerText);

// SPDX-License-Identifier: ISC
//
// handler.mjs: an application that answers in many ways, for node:http.

import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

const DATE = 'Thu, 01 Jan 2026 00:00:00 GMT';

const answers = {
	echo(req, res, _, body) {
		res.setHeader('Content-Type', 'application/json');
		res.end(JSON.stringify({
			method: req.method,
			url: req.url,
			length: body.length,
			sha256: createHash('sha256').update(body).digest('hex'),
		}));
	},
	status(req, res, n) {
		res.statusCode = Number(n);
		res.setHeader('X-Why', 'asked for');
		if (n === '401')
			res.setHeader('WWW-Authenticate', 'Basic realm="a, b"');
		if (n === '405')
			res.setHeader('Allow', 'GET, HEAD');
		res.end(/^(204|205|304)$/.test(n) ? undefined : `this is ${n}\n`);
	},
	redirect(req, res, n) {
		res.writeHead(Number(n), { Location: '/echo?from=here#there' });
		res.end();
	},
	bytes(req, res, n) {
		const all = Buffer.alloc(Number(n), '0123456789');
		const asked = /^bytes=(\d*)-(\d*)$/.exec(req.headers.range);

		res.setHeader('ETag', `"${n}"`);
		res.setHeader('Last-Modified', DATE);
		res.setHeader('Accept-Ranges', 'bytes');
		if (req.headers['if-none-match'] === `"${n}"` ||
		    req.headers['if-modified-since'] === DATE) {
			res.statusCode = 304;
			res.end();
		} else if (asked) {
			part(res, all, asked);
		} else {
			res.setHeader('Content-Length', all.length);
			res.end(all);
		}
	},
	async chunks(req, res, n) {
		for (let i = 0; i < Number(n); i++) {
			res.write(`chunk ${i}\n`);
			await new Promise(setImmediate);
		}
		res.end();
	},
	async events(req, res) {
		res.writeHead(200, {
			'Content-Type': 'text/event-stream',
			'Cache-Control': 'no-cache, no-transform',
		});
		for (let i = 0; i < 3; i++) {
			res.write(`id: ${i}\ndata: tick\n\n`);
			await new Promise((resolve) => setTimeout(resolve, 20));
		}
		res.end();
	},
	gzip(req, res) {
		const text = Buffer.from('compress me '.repeat(500));

		res.setHeader('Vary', 'Accept-Encoding');
		if (!/gzip/.test(req.headers['accept-encoding']))
			return res.end(text);
		res.setHeader('Content-Encoding', 'gzip');
		return res.end(gzipSync(text));
	},
	trailers(req, res) {
		res.writeHead(200, { Trailer: 'X-Sum' });
		res.write('with a sum');
		res.addTrailers({ 'X-Sum': '42' });
		res.end();
	},
	early(req, res) {
		res.writeEarlyHints({ link: '</a.css>; rel=preload; as=style' });
		res.end('late');
	},
	closes(req, res) {
		res.setHeader('Connection', 'close');
		res.end('good bye');
	},
	eof(req, res) {
		res.useChunkedEncodingByDefault = false;
		res.write('until ');
		res.end('the end');
	},
	cookies(req, res) {
		res.setHeader('Set-Cookie', ['a=1; Path=/; HttpOnly',
			'b=2; Expires=Thu, 01 Jan 2099 00:00:00 GMT', 'c=']);
		res.end();
	},
	odd(req, res) {
		res.setHeader('x-LoWeR', 'Case');
		res.setHeader('X_Under', '1');
		res.setHeader('X-Empty', '');
		res.setHeader('X-Twice', ['1', '2']);
		res.setHeader('X-Obs', 'caf\xe9');
		res.setHeader('X-Long', 'v'.repeat(4000));
		res.setHeader('Server', 'odd/1 (a; b)');
		res.setHeader('Via', '1.1 behind');
		res.end('odd');
	},
};

function part(res, all, [, from, to]) {
	const first = from ? Number(from) : all.length - Number(to);
	const last = from && to ? Number(to) : all.length - 1;

	if (first > last) {
		res.writeHead(416, { 'Content-Range': `bytes */${all.length}` });
		res.end();
		return;
	}
	res.writeHead(206, {
		'Content-Range': `bytes ${first}-${last}/${all.length}`,
		'Content-Length': last - first + 1,
	});
	res.end(all.subarray(first, last + 1));
}

export default async function handler(req, res) {
	const [name, argument] = req.url.split('?')[0].split('/').slice(1);
	const parts = [];

	if (name !== 'status') // whose bodies nobody reads
		for await (const data of req)
			parts.push(data);
	await (answers[name] ?? answers.echo)(req, res, argument,
		Buffer.concat(parts));
}

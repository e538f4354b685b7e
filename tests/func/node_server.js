// SPDX-License-Identifier: ISC
//
// node_server.js [SETTING=VALUE]...: node's own http server, which says its
// port, notes in a journal what it has done before it answers, and closes
// idle connections when it likes to.
//
//	port=N		0: any that is free
//	fd=N		an inherited socket that listens already
//	journal=FILE	a line "ID METHOD" for each request that it has read
//	keepalive=MS	keepAliveTimeout; else Node's 5 s
//	silent=1	says nothing of it in its answers
//	busy=MS		its loop is blocked so long, again and again: a request
//			may wait unread while its connection times out
//
// A request to /ID is answered after some ms by "ID METHOD BYTES"; one to
// /ID/slow has its answer in two parts.  SIGTERM ends it gracefully.
'use strict';
const fs = require('fs');
const http = require('http');

const set = Object.fromEntries(process.argv.slice(2).map(s => s.split('=')));
let stopping = false;
const journal = set.journal ? fs.openSync(set.journal, 'a') : null;

function answer(req, res, bytes) {
	const [id, slow] = req.url.slice(1).split('/');
	const body = `${id} ${req.method} ${bytes}`;
	if (journal !== null)
		fs.writeSync(journal, `${id} ${req.method}\n`);
	if (stopping)
		res.setHeader('Connection', 'close');
	else if (set.silent)
		res.setHeader('Connection', 'keep-alive');
	if (slow) {
		res.writeHead(200, { 'Content-Length': body.length });
		res.write(body.slice(0, 3));
		setTimeout(() => res.end(body.slice(3)), 20);
	} else {
		setTimeout(() => res.end(body), set.busy ? 0 : 3);
	}
}

// Later versions of Node 20 close a second later than they say.
function without_grace(socket, res) {
	res.on('finish', () => socket.setTimeout(server.keepAliveTimeout));
}

const server = http.createServer((req, res) => {
	let bytes = 0;
	without_grace(req.socket, res);
	req.on('data', data => { bytes += data.length; });
	req.on('end', () => answer(req, res, bytes));
});
if (set.keepalive)
	server.keepAliveTimeout = Number(set.keepalive);
if (set.busy)
	setInterval(() => {
		const end = Date.now() + Number(set.busy);
		while (Date.now() < end);
	}, 1);
process.on('SIGTERM', () => {
	stopping = true;
	server.close(() => process.exit(0));
});
server.listen(set.fd ? { fd: Number(set.fd) }
	: { port: Number(set.port || 0), host: '127.0.0.1', backlog: 1024 },
() => console.log(`listens on ${server.address().port}`));

// SPDX-License-Identifier: ISC
// node http-proxy as a custom server.js has it.  It knows no access log.
'use strict';

const cluster = require('cluster');
const fs = require('fs');
const http = require('http');
const https = require('https');
const httpProxy = require('http-proxy');

const { port, backend, workers, tls } =
	JSON.parse(fs.readFileSync(process.argv[2]));

function serve() {
	const proxy = httpProxy.createProxyServer({
		target: `http://127.0.0.1:${backend}`,
		agent: new http.Agent({ keepAlive: true }),
		xfwd: true,
		ws: true,
	});
	proxy.on('error', (error, req, res) => {
		console.error(error);
		if (res.writeHead) {
			res.writeHead(502);
			res.end();
		} else {
			res.destroy();
		}
	});
	const web = (req, res) => proxy.web(req, res);
	const server = tls ? https.createServer({
		cert: fs.readFileSync(tls.cert),
		key: fs.readFileSync(tls.key),
	}, web) : http.createServer(web);
	server.on('upgrade', (req, socket, head) =>
		proxy.ws(req, socket, head));
	server.listen(port, '127.0.0.1', 4096);
}

if (workers > 1 && cluster.isPrimary)
	for (let i = 0; i < workers; i++)
		cluster.fork();
else
	serve();

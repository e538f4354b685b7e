// SPDX-License-Identifier: ISC
//
// server.js: the custom server that bowsprit replaces, after the document of
// the real system: Next.js in this process, and http-proxy for the upgrades.
// It is kept as the reference: the same scenarios run against both, and what
// it gets wrong is written down where it is expected.
//
// PORT, TARGET and TIMEOUT stand for what the document has in plain figures.

const { createServer } = require('node:http');
const { parse } = require('node:url');

const httpProxy = require('http-proxy');
const next = require('next');

const dev = process.env.NODE_ENV !== 'production';
const hostname = 'localhost';
const port = Number(process.env.PORT ?? 3000);
const target = process.env.TARGET ?? 'http://127.0.0.1:4000';
const timeout = Number(process.env.TIMEOUT ?? 30000);

const app = next({ dev, hostname, port });
const handle = app.getRequestHandler();

const wsProxy = httpProxy.createProxyServer({
	target,
	ws: true,
	changeOrigin: true,
	secure: false,
	timeout,
	proxyTimeout: timeout,
	xfwd: true,
});

wsProxy.on('proxyReqWs', (proxyReq, req) => {
	proxyReq.setHeader('Upgrade', req.headers.upgrade || 'websocket');
	proxyReq.setHeader('Connection', req.headers.connection || 'Upgrade');
	for (const name of ['Version', 'Key', 'Protocol', 'Extensions']) {
		const value = req.headers[`sec-websocket-${name.toLowerCase()}`];
		if (value)
			proxyReq.setHeader(`Sec-WebSocket-${name}`, value);
	}
	console.log('[WebSocket Proxy] Proxying WebSocket upgrade:', {
		url: req.url,
		headers: {
			upgrade: req.headers.upgrade,
			connection: req.headers.connection,
			'sec-websocket-version': req.headers['sec-websocket-version'],
			'sec-websocket-key': req.headers['sec-websocket-key'],
		},
	});
});

wsProxy.on('error', (err, req) => {
	console.error('[WebSocket Proxy Error]:', {
		message: err.message,
		code: err.code,
		url: req.url,
		headers: req.headers,
	});
});

wsProxy.on('open', (proxySocket) => {
	console.log('[WebSocket Proxy] Connection opened to backend');
	proxySocket.on('data', (data) => {
		console.log('[WebSocket Proxy] Received data from backend:',
			data.length, 'bytes');
	});
});

wsProxy.on('close', () => {
	console.log('[WebSocket Proxy] Connection closed');
});

function isNovnc(pathname) {
	return pathname?.startsWith('/api/auth/session/') &&
		pathname.includes('/novnc/websock');
}

function onUpgrade(req, socket, head) {
	const { pathname } = parse(req.url);

	if (!isNovnc(pathname))
		return; // Next has a listener of its own
	console.log('[WebSocket Upgrade] Handling noVNC connection:', {
		pathname,
		url: req.url,
		headers: {
			upgrade: req.headers.upgrade,
			connection: req.headers.connection,
			host: req.headers.host,
		},
	});
	socket.on('error', (err) => {
		console.error('[WebSocket Upgrade] Socket error:', err.message);
	});
	try {
		wsProxy.ws(req, socket, head);
	} catch (err) {
		console.error('[WebSocket Upgrade] Failed to proxy:', err.message);
		socket.destroy();
	}
}

app.prepare().then(() => {
	const server = createServer((req, res) =>
		handle(req, res, parse(req.url, true)));
	server.on('upgrade', onUpgrade);
	server.listen(port, hostname, () => {
		console.log(`> Ready on http://${hostname}:${port}`);
		console.log('> WebSocket proxy enabled for noVNC connections');
		console.log(`> Proxying to: ${target}`);
	});
});

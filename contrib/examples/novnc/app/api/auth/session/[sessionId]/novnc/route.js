// SPDX-License-Identifier: ISC
//
// The page inside the iframe: noVNC on a bare screen. It is plain HTTP below
// the same prefix as the WebSocket: this goes to Next, …/novnc/websock goes
// to websockify.

const PAGE = `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Remote desktop</title>
<link rel="icon" href="data:,">
<style>html, body, #screen { height: 100%; margin: 0; } #status { position: fixed; right: 0; }</style>
<div id="status">Connecting</div>
<div id="screen"></div>
<script type="module">
import RFB from '/novnc/core/rfb.js';

const say = (text) => { document.getElementById('status').textContent = text; };
const url = new URL(location.pathname + '/websock', location.href);
url.protocol = url.protocol.replace('http', 'ws');

const rfb = new RFB(document.getElementById('screen'), url.href);
rfb.addEventListener('connect', () => { say(''); rfb.focus(); });
rfb.addEventListener('disconnect', (e) =>
	say(e.detail.clean ? 'Disconnected' : 'Disconnected: error'));
</script>
`;

export async function GET(request, { params }) {
	const { sessionId } = await params;

	if (!/^[\w-]{1,64}$/.test(sessionId))
		return Response.json({ error: 'no such session' }, { status: 404 });
	return new Response(PAGE, {
		headers: { 'Content-Type': 'text/html; charset=utf-8' },
	});
}

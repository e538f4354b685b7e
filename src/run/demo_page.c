/* SPDX-License-Identifier: ISC */
/*
 * demo_page.c: the demonstration's page: a request's head, and a box whose
 * text goes through a WebSocket and back.
 */
#include "run/demo_page.h"

static const char before_head[] =
	"<!DOCTYPE html>\n"
	"<html lang=\"en\">\n"
	"<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n"
	"<title>bowsprit: what reached the backend</title>\n"
	"<style>\n"
	":root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }\n"
	"body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }\n"
	"pre { padding: 1rem; overflow-x: auto; border-radius: 6px;\n"
	"  background: color-mix(in srgb, CanvasText 8%, Canvas) }\n"
	"input { font: inherit; width: 20rem; max-width: 100% }\n"
	"button { font: inherit }\n"
	"</style>\n"
	"<h1>What reached the backend</h1>\n"
	"<p>This page comes from a small server behind bowsprit. It shows the "
	"head of the request for it as it arrived there; "
	"<a href=\"/echo\">/echo</a> shows it as plain text.</p>\n"
	"<pre id=\"head\">";

static const char after_head[] =
	"</pre>\n"
	"<h2>A WebSocket through bowsprit</h2>\n"
	"<form id=\"form\"><input id=\"text\" value=\"hello\" "
	"aria-label=\"message\"> <button>Send</button></form>\n"
	"<pre id=\"log\" role=\"log\"></pre>\n"
	"<script>\n"
	"const log = document.getElementById('log');\n"
	"const say = line => { log.textContent += line + '\\n'; };\n"
	"const socket = new WebSocket(\n"
	"  location.origin.replace(/^http/, 'ws') + '/ws');\n"
	"socket.onopen = () => say('open');\n"
	"socket.onmessage = event => say('< ' + event.data);\n"
	"socket.onclose = event => say('closed: ' + event.code);\n"
	"document.getElementById('form').onsubmit = event => {\n"
	"  event.preventDefault();\n"
	"  const text = document.getElementById('text').value;\n"
	"  if (socket.readyState !== WebSocket.OPEN)\n"
	"    return say('not open');\n"
	"  say('> ' + text);\n"
	"  socket.send(text);\n"
	"};\n"
	"</script>\n"
	"</html>\n";

/* What HTML takes for markup; NULL for any other character. */
static const char *
entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

static bool
add_escaped(struct buf **out, struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		const char *e = entity(text.p[i]);

		if (!(e ? buf_add(out, e, strlen(e))
			: buf_add(out, &text.p[i], 1)))
			return false;
	}
	return true;
}

bool
demo_page(struct buf **out, struct slice head)
{
	return buf_add(out, before_head, sizeof(before_head) - 1) &&
	       add_escaped(out, head) &&
	       buf_add(out, after_head, sizeof(after_head) - 1);
}

/* SPDX-License-Identifier: ISC */
/*
 * strict.c: another reader of HTTP/1, to hold ours against.
 */
#include "strict.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/attrib.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

static bool
is_token(struct slice s)
{
	static const char token[] =
		"!#$%&'*+-.^_`|~0123456789"
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	for (size_t i = 0; i < s.n; i++)
		if (!memchr(token, s.p[i], sizeof(token) - 1))
			return false;
	return s.n > 0;
}

/* Neither control characters nor, unless asked for, blanks. */
static bool
is_text(struct slice s, bool blanks)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == ' ' || c == '\t' ? !blanks : c < 0x20 || c == 0x7f)
			return false;
	}
	return true;
}

static bool
is_digits(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

/* Takes what stands before `end` off the front; false if it is not there. */
static bool
take_until(struct slice *s, const char *end, struct slice *before)
{
	size_t n = strlen(end);
	const char *at = s->n > 0 ? memmem(s->p, s->n, end, n) : NULL;

	if (!at)
		return false;
	*before = slice_of(s->p, (size_t)(at - s->p));
	*s = slice_of(at + n, s->n - before->n - n);
	return true;
}

static bool
read_version(struct slice s, unsigned *minor)
{
	if (s.n != 8 || memcmp(s.p, "HTTP/1.", 7) != 0 ||
	    !is_digits(slice_of(s.p + 7, 1)))
		return false;
	*minor = (unsigned)(s.p[7] - '0');
	return true;
}

static bool
read_request_line(struct slice line, struct strict_head *h)
{
	return take_until(&line, " ", &h->method) && is_token(h->method) &&
	       take_until(&line, " ", &h->target) && h->target.n > 0 &&
	       is_text(h->target, false) &&
	       !memchr(h->target.p, '#', h->target.n) &&
	       read_version(line, &h->minor);
}

static bool
read_status_line(struct slice line, struct strict_head *h)
{
	struct slice code;

	if (line.n < 12 || line.p[8] != ' ' ||
	    !read_version(slice_of(line.p, 8), &h->minor))
		return false;
	code = slice_of(line.p + 9, 3);
	if (!is_digits(code) || code.p[0] < '1' || code.p[0] > '5')
		return false;
	h->status = (unsigned)((code.p[0] - '0') * 100 +
			       (code.p[1] - '0') * 10 + (code.p[2] - '0'));
	return (line.n == 12 || line.p[12] == ' ') && is_text(line, true);
}

bool
strict_next_field(struct slice *fields, struct slice *name,
		  struct slice *value)
{
	struct slice line;

	if (!take_until(fields, "\r\n", &line))
		return false;
	*value = line;
	if (!take_until(value, ":", name))
		*name = SLICE_NONE;
	*value = slice_trim(*value);
	return true;
}

unsigned
strict_count(const struct strict_head *h, const char *wanted,
	     struct slice *value)
{
	struct slice rest = h->fields, name, v;
	unsigned n = 0;

	*value = SLICE_NONE;
	while (strict_next_field(&rest, &name, &v)) {
		if (!slice_ieq(name, slice_str(wanted)))
			continue;
		*value = v;
		n++;
	}
	return n;
}

/* Does any of the fields of that name list the word? */
static bool
lists(const struct strict_head *h, const char *field, const char *word)
{
	struct slice rest = h->fields, name, v;

	while (strict_next_field(&rest, &name, &v))
		if (slice_ieq(name, slice_str(field)) &&
		    slice_list_has(v, slice_str(word)))
			return true;
	return false;
}

static bool
read_length(struct slice s, uint64_t *length)
{
	*length = 0;
	for (size_t i = 0; i < s.n; i++) {
		uint64_t digit = (uint64_t)(s.p[i] - '0');

		if (*length > (INT64_MAX - digit) / 10)
			return false;
		*length = *length * 10 + digit;
	}
	return is_digits(s);
}

static bool
read_framing(enum strict_kind kind, struct strict_head *h)
{
	struct slice length, coding;
	unsigned lengths = strict_count(h, "Content-Length", &length);
	unsigned codings = strict_count(h, "Transfer-Encoding", &coding);

	h->framing = kind == STRICT_REQUEST ? FRAMED_NONE : FRAMED_CLOSE;
	if (lengths + codings > 1)
		return false;
	if (lengths == 1) {
		h->framing = FRAMED_LENGTH;
		return read_length(length, &h->length);
	}
	if (codings == 1) {
		h->framing = FRAMED_CHUNKED;
		return h->minor > 0 && slice_ieq(coding, SLICE("chunked"));
	}
	return true;
}

static bool
read_fields(enum strict_kind kind, struct strict_head *h)
{
	struct slice rest = h->fields, name, value;
	unsigned hosts;

	while (strict_next_field(&rest, &name, &value))
		if (!is_token(name) || !is_text(value, true))
			return false;
	hosts = strict_count(h, "Host", &value);
	if (kind == STRICT_REQUEST &&
	    (hosts > 1 || (h->minor > 0 && hosts == 0)))
		return false;
	h->close = lists(h, "Connection", "close") ||
		   (h->minor == 0 && !lists(h, "Connection", "keep-alive"));
	h->websocket = lists(h, "Upgrade", "websocket") &&
		       lists(h, "Connection", "upgrade");
	return read_framing(kind, h);
}

enum strict
strict_head(enum strict_kind kind, struct slice bytes, struct strict_head *h)
{
	struct slice rest = bytes, line;

	*h = (struct strict_head){ .all = SLICE_NONE };
	if (!take_until(&rest, "\r\n\r\n", &line))
		return STRICT_MORE;
	h->all = slice_of(bytes.p, line.n + 4);
	h->fields = slice_of(bytes.p, line.n + 2);
	take_until(&h->fields, "\r\n", &line);
	if (kind == STRICT_REQUEST ? !read_request_line(line, h)
				   : !read_status_line(line, h))
		return STRICT_BAD;
	return read_fields(kind, h) ? STRICT_WHOLE : STRICT_BAD;
}

bool
strict_is_upgrade(const struct strict_head *req)
{
	return slice_eq(req->method, SLICE("GET")) && req->minor > 0 &&
	       req->websocket && req->framing != FRAMED_CHUNKED &&
	       req->length == 0;
}

/* base64(SHA-1(key + GUID)) */
static bool
belongs_to_key(struct slice accept, struct slice key)
{
	unsigned char text[256], sha1[EVP_MAX_MD_SIZE], base64[64];
	unsigned len = 0;

	if (key.n == 0 || key.n > sizeof(text) - sizeof(GUID))
		return key.n > 0; /* too long for here: not our affair */
	memcpy(text, key.p, key.n);
	memcpy(text + key.n, GUID, sizeof(GUID) - 1);
	if (!EVP_Digest(text, key.n + sizeof(GUID) - 1, sha1, &len,
			EVP_sha1(), NULL))
		return false;
	EVP_EncodeBlock(base64, sha1, (int)len);
	return slice_eq(accept, slice_str((const char *)base64));
}

bool
strict_claims_body(const struct strict_head *res)
{
	return (res->status < 200 || res->status == 204) &&
	       (res->framing == FRAMED_CHUNKED || res->length > 0);
}

bool
strict_is_switch(const struct strict_head *req, const struct strict_head *res)
{
	struct slice accept, key, upgrade;

	return res->status == 101 && res->minor >= 1 &&
	       strict_is_upgrade(req) &&
	       !strict_claims_body(res) &&
	       strict_count(res, "Upgrade", &upgrade) == 1 &&
	       slice_ieq(upgrade, SLICE("websocket")) && res->websocket &&
	       strict_count(res, "Sec-WebSocket-Accept", &accept) == 1 &&
	       strict_count(req, "Sec-WebSocket-Key", &key) == 1 &&
	       belongs_to_key(accept, key);
}

enum strict_framing
strict_response_framing(const struct strict_head *res, struct slice method)
{
	if (res->status < 200 || res->status == 204 || res->status == 304 ||
	    slice_eq(method, SLICE("HEAD")))
		return FRAMED_NONE;
	return res->framing;
}

/* ---- chunks: line by line, unlike proto/body.c, which goes byte by byte */

/*
 * A line at *at, which is moved behind it.  One that is not whole yet is
 * judged by what there is of it; it has *ended when only its LF is missing.
 */
static enum strict
take_line(struct slice bytes, size_t *at, struct slice *line, bool *ended)
{
	struct slice rest = slice_of(bytes.p + *at, bytes.n - *at);
	enum strict found = STRICT_WHOLE;

	*ended = true;
	if (!take_until(&rest, "\r\n", line)) {
		*line = rest;
		*ended = line->n > 0 && line->p[line->n - 1] == '\r';
		line->n -= *ended;
		found = STRICT_MORE;
	}
	if (!is_text(*line, true))
		return STRICT_BAD;
	*at = (size_t)(line->p - bytes.p) + line->n +
	      (found == STRICT_WHOLE ? 2 : 0);
	return found;
}

/* "1f;name=value", or the beginning of it. */
static bool
read_size(struct slice line, bool ended, uint64_t *size)
{
	size_t i;

	*size = 0;
	for (i = 0; i < line.n && line.p[i] != ';'; i++) {
		const char *hex = "0123456789abcdef";
		char c = line.p[i];
		const char *digit = strchr(hex, c >= 'A' && c <= 'F'
						   ? c + ('a' - 'A')
						   : c);

		if (!c || !digit || *size >> 59)
			return false;
		*size = *size * 16 + (uint64_t)(digit - hex);
	}
	return i > 0 || (line.n == 0 && !ended);
}

/* Those of RFC 9110 6.5.1 and others that somebody believes, "_" or "-". */
static bool
is_of_head(struct slice name)
{
	static const char *const names[] = {
		"accept", "authorization", "connection", "content-length",
		"content-type", "cookie", "expect", "forwarded", "host",
		"http2-settings", "keep-alive", "location", "origin",
		"proxy-authorization", "proxy-connection",
		"sec-websocket-accept", "sec-websocket-extensions",
		"sec-websocket-key", "sec-websocket-protocol",
		"sec-websocket-version", "set-cookie", "te",
		"transfer-encoding", "upgrade", "user-agent",
		"x-forwarded-for", "x-forwarded-host", "x-forwarded-port",
		"x-forwarded-proto", "x-real-ip", "x-request-id"
	};
	char copy[32];

	if (name.n >= sizeof(copy))
		return false;
	for (size_t i = 0; i < name.n; i++)
		copy[i] = name.p[i] == '_' ? '-' : name.p[i];
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (slice_ieq(slice_of(copy, name.n), slice_str(names[i])))
			return true;
	return false;
}

static bool
read_trailer(struct slice line, bool ended)
{
	struct slice name;

	if (take_until(&line, ":", &name))
		return is_token(name) && !is_of_head(name);
	return line.n == 0 || (!ended && is_token(line));
}

static enum strict
read_trailers(struct slice bytes, size_t *len)
{
	struct slice line;
	enum strict found;
	size_t at = *len;
	bool ended;

	for (;;) {
		found = take_line(bytes, &at, &line, &ended);
		if (found == STRICT_WHOLE && line.n == 0) {
			*len = at;
			return STRICT_WHOLE;
		}
		if (found == STRICT_BAD ||
		    !read_trailer(line, ended))
			return STRICT_BAD;
		if (found == STRICT_MORE)
			return STRICT_MORE;
		*len = at;
	}
}

/* The CRLF after a chunk's payload. */
static enum strict
read_chunk_end(struct slice bytes, size_t *len)
{
	size_t n = bytes.n - *len < 2 ? bytes.n - *len : 2;

	if (memcmp(bytes.p + *len, "\r\n", n) != 0)
		return STRICT_BAD;
	if (n < 2)
		return STRICT_MORE;
	*len += 2;
	return STRICT_WHOLE;
}

/* The payload goes to `out`, if there is one. */
static enum strict
read_chunks(struct slice bytes, size_t *len, uint64_t *payload, char *out)
{
	struct slice line;
	enum strict found;
	uint64_t size;
	size_t at;
	bool ended;

	for (;;) {
		at = *len;
		found = take_line(bytes, &at, &line, &ended);
		if (found == STRICT_BAD || !read_size(line, ended, &size))
			return STRICT_BAD;
		if (found == STRICT_MORE)
			return STRICT_MORE;
		*len = at;
		if (size == 0)
			return read_trailers(bytes, len);
		if (size > bytes.n - at)
			size = bytes.n - at, found = STRICT_MORE;
		if (out)
			memcpy(out + *payload, bytes.p + at, size);
		*len += size;
		*payload += size;
		if (found == STRICT_WHOLE)
			found = read_chunk_end(bytes, len);
		if (found != STRICT_WHOLE)
			return found;
	}
}

enum strict
strict_body(enum strict_framing framing, uint64_t length, struct slice bytes,
	    size_t *len, uint64_t *payload)
{
	enum strict found = STRICT_MORE;

	*len = 0;
	*payload = 0;
	switch (framing) {
	case FRAMED_NONE:
		return STRICT_WHOLE;
	case FRAMED_CHUNKED:
		found = read_chunks(bytes, len, payload, NULL);
		/* What is not whole yet is this body's all the same. */
		if (found == STRICT_MORE)
			*len = bytes.n;
		return found;
	case FRAMED_LENGTH:
		*len = bytes.n < length ? bytes.n : (size_t)length;
		found = *len == length ? STRICT_WHOLE : STRICT_MORE;
		break;
	case FRAMED_CLOSE:
		*len = bytes.n;
		break;
	}
	*payload = *len;
	return found;
}

size_t
strict_unchunk(struct slice bytes, char *out)
{
	uint64_t payload = 0;
	size_t len = 0;

	(void)read_chunks(bytes, &len, &payload, out);
	return (size_t)payload;
}

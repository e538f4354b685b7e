/* SPDX-License-Identifier: ISC */
/*
 * framing.c: what a head's fields say about its body and its connection.
 *
 * Stricter than RFC 9112 6.3, which lets equal lengths be merged and a length
 * beside chunked be overruled: we forward what came and merge nothing, so the
 * backend would have to choose as we did.
 */
#include "proto/framing.h"

#include "proto/chars.h"
#include "proto/fault.h"

FAULT_BOTH(length_and_te, 400, "length-and-te",
	   "the head has both Content-Length and Transfer-Encoding "
	   "(RFC 9112 6.1)");
FAULT_BOTH(length_twice, 400, "length-twice",
	   "the head has more than one Content-Length (RFC 9112 6.3)");
FAULT_BOTH(length_invalid, 400, "length-invalid",
	   "Content-Length is no decimal number (RFC 9110 8.6)");
FAULT_BOTH(te_in_10, 400, "te-in-http-1.0",
	   "an HTTP/1.0 message has Transfer-Encoding (RFC 9112 6.1)");
FAULT_BOTH(te_empty, 400, "te-empty",
	   "Transfer-Encoding names no coding (RFC 9112 6.1)");
FAULT_BOTH(te_not_last, 400, "te-chunked-not-last",
	   "chunked is not the last coding, or applied twice "
	   "(RFC 9112 6.1, 6.3)");
FAULT_BOTH(te_empty_member, 400, "te-empty-member",
	   "Transfer-Encoding has an empty member, which some take for no "
	   "chunked (RFC 9110 5.6.1)");
FAULT_BOTH(te_unknown, 501, "te-unknown",
	   "a transfer coding other than chunked (RFC 9112 6.1)");

/* Any number of fields makes one list (RFC 9110 5.3). */
static const struct head_fault *
read_codings(const struct head *h)
{
	const struct head_field *f = head_first(h, F_TRANSFER_ENCODING);
	unsigned all = 0, chunked = 0;
	bool last = false;
	struct slice list, coding;

	for (; f; f = head_next(h, f)) {
		list = field_value(h, f);
		while (slice_next_element(&list, &coding)) {
			last = slice_ieq(coding, SLICE("chunked"));
			chunked += last;
			all++;
		}
	}
	if (all == 0)
		return &te_empty[h->kind];
	/* The status for other codings is only for those that chunks end. */
	if (chunked > 1 || !last)
		return &te_not_last[h->kind];
	if (all > 1)
		return &te_unknown[h->kind];
	f = head_first(h, F_TRANSFER_ENCODING);
	if (head_next(h, f) || !slice_ieq(field_value(h, f), SLICE("chunked")))
		return &te_empty_member[h->kind];
	return NULL;
}

/* At most 2^63 - 1: whoever counts in signed numbers counts the same. */
static bool
read_length(struct slice s, uint64_t *length)
{
	uint64_t digit;

	*length = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (!char_is(s.p[i], CHAR_DIGIT))
			return false;
		digit = (uint64_t)(s.p[i] - '0');
		if (*length > (INT64_MAX - digit) / 10)
			return false;
		*length = *length * 10 + digit;
	}
	return s.n > 0;
}

/*
 * A tab behind the number is white space that may stand there (RFC 9110 5.5),
 * but not every parser takes it, and no sender has one.
 */
static bool
tab_follows(const struct head *h, const struct head_field *f)
{
	uint32_t at = f->value + f->value_len;

	return memchr(h->base + at, '\t', f->end - at) != NULL;
}

static const struct head_fault *
read_body(struct head *h)
{
	const struct head_field *te = head_first(h, F_TRANSFER_ENCODING);
	const struct head_field *length = head_first(h, F_CONTENT_LENGTH);

	h->framing = h->kind == HEAD_REQUEST ? BODY_NONE : BODY_UNTIL_CLOSE;
	if (te && length)
		return &length_and_te[h->kind];
	if (te) {
		h->framing = BODY_CHUNKED;
		return h->minor == 0 ? &te_in_10[h->kind] : read_codings(h);
	}
	if (length) {
		h->framing = BODY_LENGTH;
		if (head_next(h, length))
			return &length_twice[h->kind];
		if (tab_follows(h, length) ||
		    !read_length(field_value(h, length), &h->content_length))
			return &length_invalid[h->kind];
	}
	return NULL;
}

static bool
reads_persistent(const struct head *h)
{
	if (head_lists(h, F_CONNECTION, SLICE("close")))
		return false;
	return h->minor > 0 ||
	       head_lists(h, F_CONNECTION, SLICE("keep-alive"));
}

const struct head_fault *
framing_read(struct head *h)
{
	h->persistent = reads_persistent(h);
	return read_body(h);
}

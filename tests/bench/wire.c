/* SPDX-License-Identifier: ISC */
/*
 * wire.c: recv and sendmsg, or OpenSSL.
 */
#include "wire.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "net.h"

#define RECORD (16 * 1024) /* the most that a TLS record holds */

static SSL_CTX *tls;

void
wire_use_tls(void)
{
	char group[] = "X25519";

	tls = SSL_CTX_new(TLS_client_method());
	if (!tls || !SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) ||
	    !SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256") ||
	    !SSL_CTX_set1_groups_list(tls, group))
		net_fail("OpenSSL cannot do TLS 1.3 with AES-128-GCM");
	SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	/* Not every proxy says goodbye in TLS before it closes. */
	SSL_CTX_set_options(tls, SSL_OP_IGNORE_UNEXPECTED_EOF);
}

void
wire_open(struct wire *w, int fd)
{
	w->fd = fd;
	w->tls = NULL;
	w->wants_read = false;
	if (!tls)
		return;
	w->tls = SSL_new(tls);
	if (!w->tls || !SSL_set_fd(w->tls, fd))
		net_fail("out of memory");
	SSL_set_connect_state(w->tls);
}

void
wire_close(struct wire *w)
{
	if (w->tls) {
		(void)SSL_shutdown(w->tls);
		SSL_free(w->tls);
		w->tls = NULL;
	}
	close(w->fd);
}

static ssize_t
result(ssize_t n)
{
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return WIRE_AGAIN;
	return n;
}

static ssize_t
tls_result(struct wire *w, int n)
{
	if (n > 0)
		return n;
	switch (SSL_get_error(w->tls, n)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return WIRE_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		return -1;
	}
}

/* As many records as there are: one call of SSL_read takes one. */
static ssize_t
tls_recv(struct wire *w, char *to, size_t size)
{
	size_t got = 0;

	while (got < size) {
		int n = SSL_read(w->tls, to + got, (int)(size - got));

		if (n <= 0)
			return got ? (ssize_t)got : tls_result(w, n);
		got += (size_t)n;
	}
	return (ssize_t)got;
}

ssize_t
wire_recv(struct wire *w, void *to, size_t size)
{
	if (w->tls)
		return tls_recv(w, to, size);
	return result(recv(w->fd, to, size, 0));
}

bool
wire_pending(const struct wire *w)
{
	return w->tls && SSL_pending(w->tls) > 0;
}

/* As one record, as far as it holds them. */
static ssize_t
tls_send(struct wire *w, const void *head, size_t nhead, const void *body,
	 size_t nbody)
{
	uint8_t record[RECORD];
	size_t n = nhead < RECORD ? nhead : RECORD;
	size_t m = nbody < RECORD - n ? nbody : RECORD - n;

	int sent;

	memcpy(record, head, n);
	memcpy(record + n, body, m);
	sent = SSL_write(w->tls, record, (int)(n + m));
	w->wants_read = SSL_want_read(w->tls);
	return tls_result(w, sent);
}

ssize_t
wire_send(struct wire *w, const void *head, size_t nhead, const void *body,
	  size_t nbody)
{
	struct iovec iov[2] = {
		{(void *)(uintptr_t)head, nhead},
		{(void *)(uintptr_t)body, nbody},
	};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	if (w->tls)
		return tls_send(w, head, nhead, body, nbody);
	return result(sendmsg(w->fd, &msg, MSG_NOSIGNAL));
}

bool
wire_take_head(struct wire_head *h, const uint8_t **data, size_t *len)
{
	while (*len && h->n < WIRE_HEAD) {
		h->text[h->n++] = (char)*(*data)++;
		(*len)--;
		if (h->n >= 4 &&
		    memcmp(h->text + h->n - 4, "\r\n\r\n", 4) == 0) {
			h->text[h->n] = '\0';
			return true;
		}
	}
	return false;
}

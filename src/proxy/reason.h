/* SPDX-License-Identifier: ISC */
/*
 * reason.h: why a request failed or a connection ended: the one list.
 *
 * Every close carries one of these, and the same word stands in the log, in
 * the metric and in the test.  They are constants, compared by address.
 */
#ifndef PROXY_REASON_H
#define PROXY_REASON_H

#include "base/attrib.h"

struct reason {
	const char *word;
	unsigned status;     /* of our answer to the client; 0: none is made */
	const char *message; /* what Node would say */
	const char *code;    /* Node's error code */
	const char *hint;    /* a remedy; "{server}" stands for its URL */
};

extern const struct reason
	/* how it went, rather than what went wrong */
	reason_done,          /* a response delivered, the connection kept */
	reason_close,         /* a WebSocket's Close handshake */
	reason_eof,           /* a FIN: without a Close, in a tunnel */
	reason_eof_unclean,   /* a FIN that no close_notify of TLS announced */
	reason_half_close,    /* after a FIN the other side stayed silent */

	/* the client */
	reason_client_gone,   /* left before its answer */
	reason_client_reset,
	reason_client_tls_fault, /* after the handshake */
	reason_header_timeout,
	reason_keepalive_timeout,
	reason_not_tls,       /* its first byte, where TLS is spoken */
	reason_tls_handshake, /* we did not understand each other */
	reason_tls_alert,     /* it ended the handshake, and said why */
	reason_tls_client_certificate,
	reason_tls_timeout,
	reason_misdirected,   /* Host is not the name of its handshake */
	reason_redirect,      /* to https */
	reason_bad_request,   /* with a head_fault, which says what is bad */
	reason_bad_proxy_header,
	reason_proxy_untrusted, /* it may not say who its client is */
	reason_bad_body,
	reason_body_timeout,  /* it stopped in the middle of its body */
	reason_bad_forwarding, /* a path that reads differently when decoded */

	/* the server */
	reason_server_unknown, /* its name does not resolve */
	reason_server_refused,
	reason_socket_missing, /* a unix socket's file is not there */
	reason_server_forbidden,
	reason_server_cert_expired,
	reason_server_cert_name,
	reason_server_cert_self,   /* signed by itself */
	reason_server_cert_issuer, /* signed by somebody we do not trust */
	reason_server_cert,
	reason_server_tls,
	reason_server_tls_fault, /* after the handshake */
	reason_server_unreachable,
	reason_server_reset,
	reason_server_closed, /* before it answered */
	reason_server_truncated,
	reason_connect_timeout,
	reason_handshake_timeout,
	reason_response_timeout,
	reason_not_http,
	reason_bad_response,
	reason_bad_upgrade,   /* a 101 that is not the one asked for */

	/* bowsprit */
	reason_no_route,
	reason_target_refused, /* captures chose a server not allowed */
	reason_max_tunnels,
	reason_max_tunnels_per_address,
	reason_booting,
	reason_app_ended,
	reason_no_descriptors,
	reason_no_memory,
	reason_stall_client,
	reason_stall_server,
	reason_client_ping_timeout, /* no Pong, nor anything else */
	reason_server_ping_timeout,
	reason_max_message_client,
	reason_max_message_server,
	reason_strict_client,
	reason_strict_server,
	reason_tunnel_idle,
	reason_tunnel_lifetime,
	reason_kill, /* an operator's word */
	reason_cut, /* a tunnel that a drain had no place to say goodbye to */
	reason_drain;

#define REASON_HINT_MAX 512
/*
 * A hint with `server` where it says {server}, cut at the room there is.
 * Returns out, or the hint itself.
 */
const char *reason_hint(const char *hint, const char *server,
			char out[REASON_HINT_MAX]) NONNULL(1, 2, 3);

/* What a failed connect, send or recv on the server's side means. */
const struct reason *reason_of_server_errno(int error);

#endif

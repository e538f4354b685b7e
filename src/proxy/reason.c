/* SPDX-License-Identifier: ISC */
/*
 * reason.c: why a request failed or a connection ended: the one list.
 */
#include "proxy/reason.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const struct reason
	reason_done = { "done", 0, NULL, NULL, NULL },
	reason_close = { "close", 0, NULL, NULL, NULL },
	reason_eof = { "eof", 0, NULL, NULL, NULL },
	reason_eof_unclean = { "eof-unclean", 0, NULL, NULL, NULL },
	reason_half_close = { "half-close", 0, NULL, NULL, NULL },

	reason_client_gone = {
		"client-gone", 0, "client closed the connection", "ECONNRESET",
		"the client left before it was answered",
	},
	reason_client_reset = {
		"client-reset", 0, "read ECONNRESET", "ECONNRESET", NULL,
	},
	reason_client_tls_fault = {
		"client-tls-fault", 0, "TLS broke off", "EPROTO",
		"what came was no record of the client's, or an alert: either "
		"its TLS gave up, or somebody on the way changed it",
	},
	reason_header_timeout = {
		"header-timeout", 408, "request head not whole in time",
		"ETIMEDOUT", "send the whole request head within "
		"timeouts.header",
	},
	reason_keepalive_timeout = { "keepalive-timeout", 0, NULL, NULL, NULL },
	reason_not_tls = {
		"not-tls", 0, "what the client sends is no TLS", "EPROTO",
		NULL,
	},
	reason_tls_handshake = {
		"tls-handshake", 0, "TLS handshake failed", "EPROTO",
		"TLS 1.2 and 1.3 are spoken here, with HTTP/1.1",
	},
	reason_tls_alert = {
		"tls-alert", 0, "the client ended the TLS handshake", "EPROTO",
		"the client says so: most often it does not trust the "
		"certificate, or asked for another name",
	},
	reason_tls_client_certificate = {
		"tls-client-certificate", 0,
		"the client's certificate is not taken", "EACCES",
		"verify_client wants one that a CA in client_ca has signed",
	},
	reason_tls_timeout = {
		"tls-timeout", 0, "TLS handshake not whole in time",
		"ETIMEDOUT", "a client has timeouts.header for it",
	},
	reason_misdirected = {
		"misdirected", 421,
		"Host is not the name of the TLS handshake", "EINVAL",
		"where client certificates are asked for, each host is asked "
		"for on a connection of its own (RFC 9110 15.5.20)",
	},
	reason_redirect = {
		"redirect", 308, "this port sends every request to https",
		"EPROTO", NULL,
	},
	reason_bad_request = {
		"bad-request", 400, "bad request", "EINVAL", NULL,
	},
	reason_bad_proxy_header = {
		"bad-proxy-header", 400, "no PROXY header", "EPROTO",
		"let the proxy before this listener send one (send-proxy in "
		"HAProxy, proxy_protocol in nginx), or leave proxy_protocol "
		"out here",
	},
	reason_proxy_untrusted = {
		"proxy-untrusted", 403, "not a trusted proxy", "EACCES",
		"clients connect to the proxy, not here",
	},
	reason_bad_body = {
		"bad-body", 400, "the request body's chunks are malformed",
		"EINVAL", "chunk sizes are hexadecimal, lines end with CRLF "
		"(RFC 9112 7.1)",
	},
	reason_body_timeout = {
		"body-timeout", 408, "request body not whole in time",
		"ETIMEDOUT", "the client stopped in the middle of its request "
		"body for timeouts.response",
	},
	reason_bad_forwarding = {
		"ambiguous-path", 400,
		"the path leads to another route once it is decoded", "EINVAL",
		"send the path as the route is written, without needless "
		"percent-encoding",
	},

	reason_server_unknown = {
		"server-unknown", 502, "getaddrinfo ENOTFOUND", "ENOTFOUND",
		"the name in {server} does not resolve: is it spelled right, "
		"does the name server know it? It is asked for again each "
		"second",
	},
	reason_server_refused = {
		"server-refused", 502, "connect ECONNREFUSED", "ECONNREFUSED",
		"nothing listens at {server}: is it started, on this port?",
	},
	reason_socket_missing = {
		"socket-missing", 502, "connect ENOENT", "ENOENT",
		"there is no socket at {server}: is the server started, and "
		"does it make its socket there?",
	},
	reason_server_forbidden = {
		"server-forbidden", 502, "connect EACCES", "EACCES",
		"we are not allowed to connect to {server}: a unix socket's "
		"file must let bowsprit's user write to it, and its folders "
		"let that enter; else SELinux or a firewall forbids it",
	},
	reason_server_cert_expired = {
		"server-cert-expired", 502, "certificate has expired",
		"CERT_HAS_EXPIRED", "the certificate of {server} is not valid "
		"at this time: give it a new one, or is this machine's clock "
		"wrong?",
	},
	reason_server_cert_name = {
		"server-cert-name", 502, "certificate is for another name",
		"ERR_TLS_CERT_ALTNAME_INVALID", "the certificate of {server} "
		"does not have that name: write the URL with a name that it "
		"has, or give it one with this name",
	},
	reason_server_cert_self = {
		"server-cert-self-signed", 502, "self-signed certificate",
		"DEPTH_ZERO_SELF_SIGNED_CERT", "{server} has signed its "
		"certificate itself: if it is yours, write ca = that "
		"certificate's file, or tls_verify = false where nobody is in "
		"between",
	},
	reason_server_cert_issuer = {
		"server-cert-issuer", 502, "certificate of an unknown CA",
		"UNABLE_TO_VERIFY_LEAF_SIGNATURE", "nobody we trust has "
		"signed the certificate of {server}: write ca = the file of "
		"its CA, or let it send its whole chain",
	},
	reason_server_cert = {
		"server-cert", 502, "certificate is not taken", "EPROTO",
		"the certificate of {server} is not good enough: openssl "
		"s_client -connect shows it",
	},
	reason_server_tls = {
		"server-tls", 502, "TLS handshake failed", "EPROTO",
		"{server} and we have no TLS in common: 1.2 and 1.3 with "
		"today's ciphers, and HTTP/1.1; or it wants a certificate of "
		"ours (certificate, key)",
	},
	reason_server_tls_fault = {
		"server-tls-fault", 502, "TLS broke off", "EPROTO",
		"what came was no record of {server}, or an alert: either its "
		"TLS gave up, or somebody on the way changed it",
	},
	reason_server_unreachable = {
		"server-unreachable", 502, "connect EHOSTUNREACH",
		"EHOSTUNREACH", "there is no way to {server}: check its "
		"address, and that its machine and network are up",
	},
	reason_server_reset = {
		"server-reset", 502, "socket hang up", "ECONNRESET",
		"{server} reset the connection before it answered: its own "
		"log should say why",
	},
	reason_server_closed = {
		"server-closed", 502, "socket hang up", "ECONNRESET",
		"{server} closed the connection without an answer: does it "
		"handle this path?",
	},
	reason_server_truncated = {
		"server-truncated", 502, "aborted", "ECONNRESET",
		"{server} closed the connection in the middle of its answer",
	},
	reason_connect_timeout = {
		"connect-timeout", 504, "connect ETIMEDOUT", "ETIMEDOUT",
		"{server} does not answer at all within timeouts.connect: is "
		"its machine up, does a firewall drop the packets?",
	},
	reason_handshake_timeout = {
		"handshake-timeout", 504, "socket timeout", "ETIMEDOUT",
		"{server} took the upgrade but did not answer it within "
		"timeouts.handshake: it may not know this path (Next.js "
		"leaves such upgrades hanging)",
	},
	reason_response_timeout = {
		"response-timeout", 504, "socket timeout", "ETIMEDOUT",
		"{server} did not begin its answer within timeouts.response",
	},
	reason_not_http = {
		"not-http", 502, "Parse Error: Expected HTTP/",
		"HPE_INVALID_CONSTANT", "{server} did not answer in HTTP: is "
		"this the right port? (the bare word Unauthorized is Next.js' "
		"dev server refusing a foreign Origin: see allowedDevOrigins "
		"in next.config.js)",
	},
	reason_bad_response = {
		"bad-response", 502, "Parse Error", "HPE_INVALID_HEADER_TOKEN",
		"{server} answered in a way that not all would read alike",
	},
	reason_bad_upgrade = {
		"bad-upgrade", 502, "Invalid 101 answer", "EPROTO",
		"{server} answered 101, but not to this request: is it a "
		"WebSocket server?",
	},

	reason_no_route = { "no-route", 404, "no route", "ENOENT", NULL },
	reason_target_refused = {
		"target-refused", 403, "target not allowed", "EACCES",
		"the path chose {server}, which is not among the route's "
		"allowed_targets",
	},
	reason_max_tunnels = {
		"max-tunnels", 503, "too many WebSockets", "EAGAIN",
		"the route has as many WebSockets as its max_tunnels allows: "
		"try again when one has ended",
	},
	reason_max_tunnels_per_address = {
		"max-tunnels-per-address", 429,
		"too many WebSockets from this address", "EAGAIN",
		"the client's address has as many WebSockets as the route's "
		"max_tunnels_per_address allows; behind another proxy see "
		"trusted_proxies",
	},
	reason_booting = {
		"booting", 503, "the application is still starting", "EAGAIN",
		"the application did not accept connections within "
		"timeouts.boot: its own output should say why",
	},
	reason_app_ended = {
		"app-ended", 503, "the application has ended", "ECONNREFUSED",
		"its own output should say why; bowsprit ends with its status",
	},
	reason_no_descriptors = {
		"no-descriptors", 503, "socket EMFILE", "EMFILE",
		"all file descriptors are in use: raise the limit (ulimit -n, "
		"LimitNOFILE in a systemd unit)",
	},
	reason_no_memory = {
		"no-memory", 503, "out of memory", "ENOMEM",
		"memory is short: lower the number of connections, or give "
		"more",
	},
	reason_stall_client = {
		"stall-client", 0, "client does not read", "ETIMEDOUT",
		"the client took none of the bytes waiting for it within "
		"timeouts.stall",
	},
	reason_stall_server = {
		"stall-server", 504, "server does not read", "ETIMEDOUT",
		"{server} took none of the bytes waiting for it within "
		"timeouts.stall",
	},
	reason_client_ping_timeout = {
		"client-ping-timeout", 0, NULL, NULL, NULL,
	},
	reason_server_ping_timeout = {
		"server-ping-timeout", 0, NULL, NULL, NULL,
	},
	reason_max_message_client = {
		"max-message-client", 0, NULL, NULL, NULL
	},
	reason_max_message_server = {
		"max-message-server", 0, NULL, NULL, NULL
	},
	reason_strict_client = { "strict-client", 0, NULL, NULL, NULL },
	reason_strict_server = { "strict-server", 0, NULL, NULL, NULL },
	reason_tunnel_idle = { "tunnel-idle", 0, NULL, NULL, NULL },
	reason_tunnel_lifetime = { "tunnel-lifetime", 0, NULL, NULL, NULL },
	reason_kill = {
		"kill", 503, "killed", "ECANCELED",
		"an operator has ended it (bowspritctl kill)",
	},
	reason_cut = { "cut", 0, NULL, NULL, NULL },
	reason_drain = {
		"drain", 503, "shutting down", "ECANCELED",
		"bowsprit is being stopped: try again",
	};

const char *
reason_hint(const char *hint, const char *server, char out[REASON_HINT_MAX])
{
	static const char place[] = "{server}";
	const char *at = strstr(hint, place);

	if (!at)
		return hint;
	snprintf(out, REASON_HINT_MAX, "%.*s%s%s", (int)(at - hint), hint,
		 server, at + sizeof(place) - 1);
	return out;
}

const struct reason *
reason_of_server_errno(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return &reason_server_refused;
	case ENOENT:
	case ENOTDIR:
		return &reason_socket_missing;
	case EACCES:
	case EPERM:
		return &reason_server_forbidden;
	case ETIMEDOUT:
		return &reason_connect_timeout;
	case EMFILE:
	case ENFILE:
		return &reason_no_descriptors;
	case ENOMEM:
	case ENOBUFS:
		return &reason_no_memory;
	case EPROTO:
		return &reason_server_tls;
	case ECONNRESET:
	case EPIPE:
		return &reason_server_reset;
	default:
		return &reason_server_unreachable;
	}
}

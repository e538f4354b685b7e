/* SPDX-License-Identifier: ISC */
/*
 * loop_end.c: the end of the process: nobody is accepted any more, and what is
 * under way finishes, or is cut off.
 */
#include "run/loop_impl.h"

#include "base/log.h"
#include "proto/frame.h"

#define TERMINAL_DRAIN 700 /* ms: ^C is meant */
#define ENDLESS_SPREAD 4000 /* ms: of a drain that may take for ever */

void
loop_stop_if_done(struct loop *l)
{
	if (l->draining && l->idle >= l->started && !l->child)
		event_base_loopbreak(l->base);
}

void
loop_cut(struct loop *l)
{
	l->cut = true;
	loop_post_all(l, MSG_CUT, NULL);
	if (l->child)
		child_free(l->child);
	l->child = NULL;
	loop_stop_if_done(l);
}

static void
on_drain_end(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	loop_cut(arg);
}

static void
drain(struct loop *l, uint64_t limit, struct drain how)
{
	struct timeval tv = { .tv_sec = (time_t)(limit / 1000),
			      .tv_usec = (suseconds_t)(limit % 1000 * 1000) };

	if (l->draining)
		return;
	l->draining = true;
	l->how = how;
	loop_post_all(l, MSG_DEAFEN, NULL);
	if (l->child)
		child_drain(l->child);
	if (l->demo)
		demo_drain(l->demo);
	if (limit > 0) /* 0: as long as it takes */
		event_add(&l->end, &tv);
	loop_stop_if_done(l);
}

void
loop_drain_slowly(struct loop *l, uint16_t close_code)
{
	uint64_t limit = l->conf->timeouts.drain;

	drain(l, limit, (struct drain){
		.spread = limit ? limit / 2 : ENDLESS_SPREAD,
		.replaced = close_code == CLOSE_SERVICE_RESTART,
		.close_code = close_code });
}

void
loop_drain_at_once(struct loop *l)
{
	drain(l, TERMINAL_DRAIN, (struct drain){
		.close_code = CLOSE_GOING_AWAY });
}

/*
 * No worker accepts any more, so none hands a connection to another.  The
 * sockets were not closed before: a descriptor's number may be reused at once.
 */
static void
on_all_deaf(struct loop *l)
{
	sockets_close(&l->sockets);
	loop_post_all(l, MSG_DRAIN, &l->how);
	if (l->cut)
		loop_post_all(l, MSG_CUT, NULL);
}

void
loop_on_deaf(struct loop *l)
{
	if (++l->deaf == l->started)
		on_all_deaf(l);
}

/* The application serves until the last exchange has ended. */
void
loop_on_worker_idle(struct loop *l)
{
	if (++l->idle < l->started)
		return;
	if (l->child)
		child_stop(l->child, 2000);
	loop_stop_if_done(l);
}

void
loop_end_init(struct loop *l)
{
	event_assign(&l->end, l->base, -1, 0, on_drain_end, l);
}

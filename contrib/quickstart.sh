#!/bin/sh
# SPDX-License-Identifier: ISC
#
# quickstart.sh [--check]: installs what the build needs, builds bowsprit in
# build/quickstart, and runs its demonstration.
#
# quickstart.sh novnc [--check]: the same, and a desktop in a page of Next.js:
# TigerVNC and websockify, and the application of contrib/examples/novnc as
# bowsprit's child.
#
# With --check it makes one upgrade, prints what came of it, and stops.  It
# asks nothing, and leaves nothing outside the checkout but Debian's packages.
set -eu

TOP=$(cd "$(dirname "$0")/.." && pwd)
BUILD=$TOP/build/quickstart
LOGS=$BUILD/logs
. "$TOP/contrib/lib.sh"
. "$TOP/contrib/lib-npm.sh"

EXAMPLE=$TOP/contrib/examples/novnc
WEBSOCKET=/api/auth/session/quickstart/novnc/websock

usage() {
	sed -n '4,13s/^# \{0,1\}//p' "$0"
}

main() {
	what=demo
	check=''
	for argument in "$@"; do
		case $argument in
		novnc) what=novnc ;;
		--check) check=yes ;;
		-h | --help) usage; exit 0 ;;
		*)
			usage >&2
			printf '\nquickstart.sh: "%s" is none of these\n' \
				"$argument" >&2
			exit 2
			;;
		esac
	done
	bowsprit_pid=''
	desktop=''
	trap stop_all EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP

	"prepare_$what"
	"start_$what"
	step_done
	if [ -n "$check" ]; then
		"check_$what"
	else
		"explain_$what"
		watch_log
	fi
}

# ----------------------------------------------------------------- the steps

prepare_demo() {
	step "Debian's packages for the build"
	# shellcheck disable=SC2086
	need_packages $BUILD_PACKAGES
	build_bowsprit
}

prepare_novnc() {
	step "Debian's packages for the build, the desktop and Node.js"
	node_packages=
	command -v npm > /dev/null || node_packages="nodejs npm"
	# shellcheck disable=SC2086
	need_packages $BUILD_PACKAGES $DESKTOP_PACKAGES $node_packages
	build_bowsprit
	prepare_application
}

build_bowsprit() {
	step "Building bowsprit in build/quickstart"
	build_into "$BUILD"
}

prepare_application() {
	keep_inside "$BUILD"
	application=$BUILD/novnc
	step "Node.js $NODE_NEEDED or newer"
	ensure_node "$NODE_NEEDED" "$BUILD/node"
	step "The Next.js application's packages"
	copy_sources "$EXAMPLE" "$application"
	npm_ready "$application"
	step "Its production build"
	next_built "$application"
}

start_demo() {
	take_port
	step "Starting bowsprit --demo"
	launch "$BUILD/bowsprit" -l "$port" --demo
}

start_novnc() {
	start_desktop
	take_port
	step "Starting bowsprit, with Next.js as its child"
	cd "$application"
	PATH=$application/node_modules/.bin:$PATH
	launch "$BUILD/bowsprit" -l "$port" -w \
"/api/auth/session/{id}/novnc/websock=http://127.0.0.1:$desktop_port change_origin" \
		-- next start
	cd "$TOP"
}

# Each run has a desktop of its own; what a killed run has left goes first.
start_desktop() {
	step "Starting the desktop"
	for old in "$BUILD"/desktop.*; do
		if [ -d "$old" ] && ! kill -0 "${old##*.}" 2>/dev/null; then
			sh "$EXAMPLE/desktop.sh" stop "$old"
			rm -rf "$old"
		fi
	done
	desktop=$BUILD/desktop.$$
	desktop_port=$(free_port 4000)
	logged desktop "Try it by hand: sh $EXAMPLE/desktop.sh start /tmp/desktop" \
		sh "$EXAMPLE/desktop.sh" start "$desktop" "$desktop_port"
	say "websockify is at 127.0.0.1:$desktop_port"
}

# ---------------------------------------------------------- starting, ending

take_port() {
	wanted_port=${PORT:-3000}
	port=$(free_port "$wanted_port")
	[ "$port" = "$wanted_port" ] ||
		say "port $wanted_port is taken: using $port"
	log=$LOGS/bowsprit-$port.log
}

# launch COMMAND...: until it says that it is ready.
launch() {
	mkdir -p "$LOGS"
	: > "$log"
	"$@" >> "$log" 2>&1 < /dev/null &
	bowsprit_pid=$!
	tries=400
	until grep -q '^> Ready on' "$log"; do
		if [ $tries -eq 0 ] || ! kill -0 "$bowsprit_pid" 2>/dev/null
		then
			give_up "Try it by hand: $*" "$log"
		fi
		tries=$((tries - 1))
		sleep 0.1
	done
}

stop_all() {
	trap '' INT TERM HUP
	[ -z "$watch_pid" ] || kill "$watch_pid" 2>/dev/null || true
	if [ -n "$bowsprit_pid" ]; then
		kill -s TERM "$bowsprit_pid" 2>/dev/null || true
		wait "$bowsprit_pid" 2>/dev/null || true
	fi
	if [ -n "$desktop" ]; then
		sh "$EXAMPLE/desktop.sh" stop "$desktop"
		rm -rf "$desktop"
	fi
}

# Shows the log until bowsprit ends; Ctrl-C ends this wait, and all else.
watch_pid=
watch_log() {
	tail -n +1 -f "$log" &
	watch_pid=$!
	status=0
	wait "$bowsprit_pid" || status=$?
	exit "$status"
}

# ------------------------------------------------------------------ --check

check_demo() {
	check_with "http://localhost:$port/ws"
}

check_novnc() {
	check_with --rfb "http://localhost:$port$WEBSOCKET"
}

check_with() {
	step "One upgrade through bowsprit"
	result=$(perl "$TOP/contrib/ws-check.pl" "$@") || give_up \
		"It said \"$result\"; the log above may tell why" "$log"
	say "$result"
	step_done
	echo "The check has passed."
}

# -------------------------------------------------------------- explanations

explain_demo() {
	cat <<-END

	Open http://localhost:$port/ : a WebSocket's handshake on both sides.
	$(from_elsewhere)

	Then try:
	    perl contrib/ws-check.pl http://localhost:$port/ws
	    sh contrib/quickstart.sh novnc

	Ctrl-C stops it. Its log:

	END
}

explain_novnc() {
	cat <<-END

	Open http://localhost:$port/dashboard/remote-cli and choose Connect
	Provider: a desktop appears, and shows what you type into it.
	$(from_elsewhere)

	Then try:
	    perl contrib/ws-check.pl --rfb http://localhost:$port$WEBSOCKET
	    sh contrib/run-tests.sh e2e

	Ctrl-C stops it all. The log of bowsprit and of Next.js:

	END
}

from_elsewhere() {
	cat <<-END
	From another machine, first: ssh -L $port:localhost:$port $(id -un)@$(uname -n)
	END
}

main "$@"

# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# lib.sh: what quickstart.sh and run-tests.sh share: installing packages,
# building into a folder, steps with their times, free ports, a Node.js that
# is new enough.  To be read with "." from a script that has set
#
#	TOP	the source tree
#	LOGS	a folder for logs, within the build folder
#
# and runs under "set -eu".

# What the build needs, by Debian's names.
# shellcheck disable=SC2034
BUILD_PACKAGES="gcc libc6-dev make autoconf automake pkg-config libevent-dev \
libssl-dev libconfig-dev libmicrohttpd-dev libhttp-parser-dev"

# The desktop of contrib/examples/novnc, and the e2e tests.
DESKTOP_PACKAGES="tigervnc-standalone-server python3-websockify xterm"
# shellcheck disable=SC2034
E2E_PACKAGES="$DESKTOP_PACKAGES chromium"

# The Node.js taken from the npm registry where the system's is too old.
NODE_MAJOR=22

# ------------------------------------------------------ steps and failures

step_number=0
step_text=
step_began=0

# step TEXT: closes the step before with its time and begins the next.
step() {
	step_done
	step_number=$((step_number + 1))
	step_text=$1
	step_began=$(date +%s)
	printf '%d. %s\n' "$step_number" "$step_text"
}

step_done() {
	[ -n "$step_text" ] || return 0
	printf '   done in %d s\n' "$(($(date +%s) - step_began))"
	step_text=
}

say() {
	printf '   %s\n' "$*"
}

# give_up REMEDY [LOG]: ends the script with the step that failed, the last
# ten lines of its log, and one remedy.
give_up() {
	{
		printf '\nFailed: %s\n' "${step_text:-$0}"
		if [ -n "${2:-}" ] && [ -s "$2" ]; then
			printf 'The last lines of %s:\n' "$2"
			tail -n 10 "$2" | sed 's/^/    /'
		fi
		printf '%s\n' "$1"
	} >&2
	exit 1
}

# logged NAME REMEDY COMMAND...: runs it with its output in LOGS/NAME.log.
logged() {
	mkdir -p "$LOGS"
	logged_to=$LOGS/$1.log
	logged_remedy=$2
	shift 2
	"$@" > "$logged_to" 2>&1 < /dev/null ||
		give_up "$logged_remedy" "$logged_to"
}

# ---------------------------------------------------------------- packages

# missing_packages PACKAGE...: prints those that are not installed.
missing_packages() {
	for package in "$@"; do
		state=$(dpkg-query -W -f '${db:Status-Status}' \
			"$package" 2>/dev/null) || state=none
		[ "$state" = installed ] || printf '%s ' "$package"
	done
}

# Prints how to become root: nothing, or sudo; fails if there is no way.
# sudo may ask for a password only where somebody is there to give it.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		return 0
	elif command -v sudo > /dev/null &&
	    { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
		echo sudo
	else
		return 1
	fi
}

# need_packages PACKAGE...: installs those that are missing.
need_packages() {
	command -v dpkg-query > /dev/null || {
		say "no Debian packages here; taken to be there: $*"
		return 0
	}
	missing=$(missing_packages "$@")
	missing=${missing% }
	[ -n "$missing" ] || return 0
	root=$(as_root) || give_up "Run this as root, then repeat: \
apt-get update && apt-get install -y --no-install-recommends $missing"
	say "apt-get install $missing"
	apt_remedy="Try it by hand: \
apt-get update && apt-get install -y --no-install-recommends $missing"
	# shellcheck disable=SC2086
	logged apt-update "$apt_remedy" $root apt-get update
	# shellcheck disable=SC2086
	logged apt-install "$apt_remedy" $root \
		env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y --no-install-recommends $missing
}

# ------------------------------------------------------------------- build

# Prints how many processors there are.
processors() {
	getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1
}

# make_configure: runs autogen.sh when ./configure is missing or old.
make_configure() {
	if [ ! -f "$TOP/configure" ] || [ ! -f "$TOP/Makefile.in" ] ||
	    [ -n "$(find "$TOP/configure.ac" "$TOP/Makefile.am" \
		-newer "$TOP/configure")" ]; then
		logged autogen "Is the checkout complete, and writable?" \
			sh "$TOP/autogen.sh"
	fi
}

# configure_into DIR ARGUMENT...: again only when the arguments differ or
# configure is newer.
configure_into() {
	build_dir=$1
	shift
	mkdir -p "$build_dir"
	make_configure
	wanted="${CC:-cc} $*"
	if [ -f "$build_dir/configured" ] &&
	    [ "$(cat "$build_dir/configured")" = "$wanted" ] &&
	    [ -z "$(find "$TOP/configure" -newer "$build_dir/configured")" ]
	then
		return 0
	fi
	build_log=$build_dir/configure.log
	rm -f "$build_dir/configured"
	(cd "$build_dir" && "$TOP/configure" "$@") > "$build_log" 2>&1 \
		< /dev/null || give_up \
		"configure names above what is missing; install it and repeat" \
		"$build_log"
	printf '%s\n' "$wanted" > "$build_dir/configured"
}

# build_into DIR ARGUMENT...: configures and makes; logs go to DIR/*.log.
build_into() {
	configure_into "$@"
	make -C "$1" -j "$(processors)" > "$1/make.log" 2>&1 < /dev/null ||
		give_up "Start afresh: rm -rf $1, then repeat" "$1/make.log"
}

# ------------------------------------------------------------------- ports

# Prints the ports of TCP that somebody listens on, one a line.
busy_ports() {
	if [ -r /proc/net/tcp ]; then
		cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
		while read -r _ local _ state _; do
			[ "$state" != 0A ] || echo "$((0x${local##*:}))"
		done
	else
		netstat -an -p tcp |
			sed -n 's/.*[.:]\([0-9]*\) .*LISTEN.*/\1/p'
	fi
}

# free_port FROM: prints the first port from FROM on that nobody listens on.
free_port() {
	busy=" $(busy_ports | tr '\n' ' ') "
	port=$1
	while :; do
		case $busy in
		*" $port "*) port=$((port + 1)) ;;
		*) break ;;
		esac
	done
	echo "$port"
}

# -------------------------------------------------------------------- Node

# node_is_at_least MAJOR.MINOR
node_is_at_least() {
	command -v node > /dev/null || return 1
	node -e '
		const [major, minor] = process.versions.node.split(".").map(Number);
		const [M, m] = process.argv[1].split(".").map(Number);
		process.exit(major > M || (major === M && minor >= m) ? 0 : 1);
	' "$1"
}

# ensure_node MAJOR.MINOR DIR: puts a Node.js that is new enough in front of
# PATH: the system's own, or one from the npm registry, installed in DIR.
ensure_node() {
	node_home=$2/node_modules/node/bin
	[ ! -x "$node_home/node" ] || PATH=$node_home:$PATH
	! command -v npm > /dev/null || ! node_is_at_least "$1" || return 0
	command -v npm > /dev/null || need_packages nodejs npm
	! node_is_at_least "$1" || return 0
	say "Node.js $(node --version 2>/dev/null || echo '(none)') is too old:" \
		"taking $NODE_MAJOR from the npm registry into $2"
	mkdir -p "$2"
	[ -f "$2/package.json" ] || echo '{ "private": true }' > "$2/package.json"
	logged npm-node "Is the npm registry within reach? Try: npm ping" \
		npm install --prefix "$2" --no-audit --no-fund \
		--no-save "node@$NODE_MAJOR"
	PATH=$node_home:$PATH
	export PATH
	node_is_at_least "$1" || give_up \
		"Install Node.js $1 or newer yourself, then repeat" \
		"$LOGS/npm-node.log"
}

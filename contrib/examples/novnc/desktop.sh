#!/bin/sh
# SPDX-License-Identifier: ISC
#
# desktop.sh start DIR [PORT]: a small X desktop on loopback, and websockify
# in front of it on PORT (default 4000).  It stands for the virtual machine of
# the real system.  desktop.sh stop DIR ends both.
#
# The screen is 800x600 in one colour, #1f6f8b, and shows what is typed; it
# is no shell, since anybody on this machine can reach it.  DIR receives:
#
#	*.pid, *.log	one each for vnc, screen and websockify
#	display		the number of the X display
#	typed		every key, as it was typed
set -eu

usage() {
	sed -n '4,14s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

[ $# -ge 2 ] || usage
action=$1
port=${3:-4000}
mkdir -p "$2"
cd "$2" # also because the path of a Unix socket must be short
dir=$(pwd)

# launch NAME COMMAND...: in a session of its own, so that one signal reaches
# all that it starts and Ctrl-C reaches none of it.
launch() {
	name=$1
	shift
	setsid "$@" > "$name.log" 2>&1 < /dev/null &
	echo $! > "$name.pid"
}

# Whether a process lives; one that has ended and waits for its parent does not.
runs() {
	grep -qs '^State:.[^Z]' "/proc/$1/status"
}

# One that is ours still has DIR in its environment: a number that another
# process has got since is left alone.
is_ours() {
	tr '\0' '\n' 2>/dev/null < "/proc/$1/environ" |
		grep -qxF "DESKTOP_DIR=$dir"
}

end() {
	[ -s "$1.pid" ] || return 0
	pid=$(cat "$1.pid")
	if is_ours "$pid"; then
		kill -s TERM -- "-$pid" 2>/dev/null || true
		tries=30
		while runs "$pid" && [ $tries -gt 0 ]; do
			tries=$((tries - 1))
			sleep 0.1
		done
		kill -s KILL -- "-$pid" 2>/dev/null || true
	fi
	rm -f "$1.pid"
}

stop() {
	end websockify
	end screen
	end vnc
}

give_up() {
	echo "desktop.sh: $1 did not start:" >&2
	tail -n 5 "$1.log" >&2
	stop
	exit 1
}

# until_ready NAME COMMAND...: waits up to ten seconds for COMMAND to succeed.
until_ready() {
	name=$1
	shift
	tries=100
	until "$@" 2>/dev/null; do
		runs "$(cat "$name.pid")" || give_up "$name"
		[ $tries -gt 0 ] || give_up "$name"
		tries=$((tries - 1))
		sleep 0.1
	done
}

# listens PORT: whether somebody does, by the table of the kernel.
listens() {
	grep -qi "^ *[0-9]*: [0-9a-f]*:$(printf %04x "$1") [0-9a-f:]* 0a " \
		/proc/net/tcp /proc/net/tcp6
}

# The display's number is whichever is free; a Unix socket that only this
# user may open takes the place of a VNC port.
start_vnc() {
	rm -f display vnc.sock
	launch vnc sh -c 'exec 3> display && exec Xtigervnc -displayfd 3 \
		-geometry 800x600 -depth 24 -SecurityTypes None \
		-rfbport -1 -rfbunixpath vnc.sock -nolisten tcp'
	until_ready vnc test -s display
	DISPLAY=:$(cat display)
	export DISPLAY
}

# cat takes each key as it comes, and the terminal echoes it.  The window is
# larger than the screen, so that all of it has the one colour and the keys.
start_screen() {
	rm -f typed
	launch screen xterm -geometry 140x50+0+0 -bw 0 -bg '#1f6f8b' \
		-fg white -e sh -c 'stty -icanon -isig -ixon
			printf "This is a desktop. Type: "
			exec cat > typed'
	until_ready screen test -e typed
}

start_websockify() {
	if listens "$port"; then
		echo "port $port is taken" > websockify.log
		give_up websockify
	fi
	launch websockify websockify --unix-target=vnc.sock "127.0.0.1:$port"
	until_ready websockify listens "$port"
}

DESKTOP_DIR=$dir
export DESKTOP_DIR
case $action in
start)
	stop
	start_vnc
	start_screen
	start_websockify
	;;
stop) stop ;;
*) usage ;;
esac

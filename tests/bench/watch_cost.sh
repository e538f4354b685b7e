#!/bin/sh
# SPDX-License-Identifier: ISC
# What watching frames costs, in instructions a message (perf stat where it
# counts, else callgrind) and in nanoseconds of processor time.  `make
# watch-cost`, in any build folder: what is measured is compiled for itself,
# without sanitizers.
set -eu

src=$1
count=64000
out=tests/bench
mkdir -p $out

${CC:-cc} -O2 -std=gnu11 -I"$src/src" -o $out/watch_cost \
	"$src/tests/bench/watch_cost.c" "$src/src/proto/frame.c" \
	"$src/src/proto/ping.c"

by_perf() {
	perf stat -x, -e instructions:u -- "$@" 2>&1 >/dev/null |
		sed -n 's/^\([0-9][0-9]*\),.*instructions.*/\1/p'
}

by_callgrind() {
	valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 |
		sed -n 's/.*Collected *: *\([0-9]*\).*/\1/p'
}

if [ -n "$(by_perf true 2>/dev/null)" ]; then
	counter=by_perf
elif command -v valgrind >/dev/null; then
	counter=by_callgrind
else
	echo "this needs perf with hardware counters, or valgrind" >&2
	exit 1
fi
echo "instructions a message more than unwatched, $counter:"

# Nanoseconds of processor time a message: the program's own clock.
cpu() {
	$out/watch_cost "$@" $((100 * count))
}

# What it is, side, bytes, messages a piece, where a piece is cut.
row() {
	off=$($counter $out/watch_cost off $2 $3 $4 $5 $count)
	watch=$($counter $out/watch_cost watch $2 $3 $4 $5 $count)
	pings=$($counter $out/watch_cost pings $2 $3 $4 $5 $count)
	idle=$(cpu off $2 $3 $4 $5)
	printf '%-36s %8d %8d ns %8d %8d ns\n' "$1" \
		$(((watch - off) / count)) \
		$(($(cpu watch $2 $3 $4 $5) - idle)) \
		$(((pings - off) / count)) \
		$(($(cpu pings $2 $3 $4 $5) - idle))
}

printf '%-36s %20s %20s\n' '' watched 'with pings'
for side in server client; do
	row "$side, 32 bytes" $side 32 1 0
	row "$side, 1 KiB (16-bit length)" $side 1024 1 0
	row "$side, 64 KiB (64-bit length)" $side 65536 1 0
	row "$side, 32 bytes, 32 of them a read" $side 32 32 0
	row "$side, 32 bytes, cut behind a byte" $side 32 1 1
done

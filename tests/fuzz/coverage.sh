#!/bin/sh
# SPDX-License-Identifier: ISC
#
# coverage.sh SOURCE: what `make fuzz-coverage` does, below ./fuzz-coverage:
# how much of each file of src/ the committed corpora reach, and which
# functions none of them does.  FUZZ_CORPUS names another folder of corpora,
# such as check-long/corpus.
set -eu

SOURCE=$1
WORK=$PWD/fuzz-coverage
CORPUS=${FUZZ_CORPUS:-$SOURCE/tests/fuzz/corpus}
MAKE=${MAKE:-make}
TARGETS='body conf conn frame head pattern ping proxyhdr splice'
COVER='-fprofile-instr-generate -fcoverage-mapping'

build() {
	mkdir -p "$WORK/build"
	cd "$WORK/build"
	[ -f Makefile ] || "$SOURCE/configure" -q CC=clang "CFLAGS=-g $COVER"
	replays=
	for target in $TARGETS; do
		replays="$replays tests/fuzz/replay_$target"
	done
	# shellcheck disable=SC2086
	$MAKE $replays
}

(build) > "$PWD/fuzz-coverage.log" 2>&1 || {
	tail -n 20 "$PWD/fuzz-coverage.log" >&2
	exit 1
}
cd "$WORK/build"
rm -f "$WORK"/*.profraw
objects=
for target in $TARGETS; do
	LLVM_PROFILE_FILE=$WORK/$target.profraw \
		"tests/fuzz/replay_$target" "$CORPUS/$target" > /dev/null 2>&1
	objects="$objects -object tests/fuzz/replay_$target"
done
llvm-profdata merge -o "$WORK/all.profdata" "$WORK"/*.profraw
# shellcheck disable=SC2086
set -- ${objects# -object} -instr-profile="$WORK/all.profdata"

# report OPTION...: without what the readers of other folders are told.
report() {
	llvm-cov report "$@" "$SOURCE/src/proto" "$SOURCE/src/conf" \
		"$SOURCE/src/net" "$SOURCE/src/proxy" 2>/dev/null
}

echo 'lines and branches reached, of each file:'
report "$@" | awk '$1 ~ /\.c$/ || $1 == "TOTAL" {
	printf "%-28s %8s %8s\n", $1, $10, $13 }'
echo 'functions that none reaches:'
report -show-functions "$@" | awk '
	/^File/ { file = $2; gsub(".*/src/|.:$", "", file) }
	$4 == "0.00%" && file ~ /\.c$/ {
		sub(".*:", "", $1); print "  " file ": " $1 }'

#!/bin/sh
# SPDX-License-Identifier: ISC
#
# check-long.sh SOURCE: what `make check-long` does, below ./check-long:
#
#	each fuzzer for FUZZ_SECONDS (600) from its corpus
#	the connection corpus again with every allocation failing in turn
#	the unit tests and all corpora under valgrind
#
# FUZZ_TARGETS picks some of the fuzzers.  Finds stay in ./check-long/finds, and
# inputs that reached something new in ./check-long/corpus.
set -eu

SOURCE=$1
WORK=$PWD/check-long
SECONDS_EACH=${FUZZ_SECONDS:-600}
TARGETS=${FUZZ_TARGETS:-body conf conn frame head pattern splice}
CORPUS=$SOURCE/tests/fuzz/corpus
MAKE=${MAKE:-make}
# Tiny allocations by the million would fill the quarantine.
ASAN_OPTIONS=quarantine_size_mb=16
export ASAN_OPTIONS
failed=

if [ -f "$SOURCE/config.status" ]; then
	echo "check-long makes builds of its own, which a build within the" \
		"source tree prevents: run make distclean, and configure in" \
		"another folder" >&2
	exit 1
fi
command -v valgrind > /dev/null || {
	echo "valgrind is not there; on Debian: apt-get install valgrind" >&2
	exit 1
}

# build NAME OPTION...: configures and builds below ./check-long/NAME.
build() {
	mkdir -p "check-long/$1"
	(
		cd "check-long/$1"
		shift
		[ -f Makefile ] || "$SOURCE/configure" -q "$@"
		$MAKE
	) > "check-long/$1.log" 2>&1 || {
		tail -n 20 "check-long/$1.log" >&2
		exit 1
	}
}

# The size up to which an input of that kind says anything new.
longest() {
	case $1 in
	body) echo 5000 ;;
	pattern) echo 400 ;;
	frame | splice) echo 600 ;;
	*) echo 4096 ;;
	esac
}

fuzz() {
	dict=
	case $1 in
	body | conn | head) dict=-dict=$SOURCE/tests/fuzz/http.dict ;;
	conf) dict=-dict=$SOURCE/tests/fuzz/conf.dict ;;
	esac
	mkdir -p "$WORK/finds" "$WORK/corpus/$1"
	"$WORK/fuzz/tests/fuzz/fuzz_$1" ${dict:+"$dict"} \
		-max_total_time="$SECONDS_EACH" -max_len="$(longest "$1")" \
		-timeout=20 -close_fd_mask=3 -print_final_stats=1 \
		-artifact_prefix="$WORK/finds/$1-" \
		"$WORK/corpus/$1" "$CORPUS/$1" > "$WORK/fuzz-$1.log" 2>&1
}

# verdict NAME COMMAND...: runs it, says how it went, and remembers.
verdict() {
	name=$1
	shift
	if "$@"; then
		echo "PASS: $name"
	else
		echo "FAIL: $name"
		failed="$failed $name"
	fi
}

build fuzz CC=clang --enable-fuzz
(cd check-long/fuzz && $MAKE fuzz tests/fuzz/replay_starved) \
	> check-long/fuzzers.log 2>&1 || {
	tail -n 20 check-long/fuzzers.log >&2
	exit 1
}
for target in $TARGETS; do
	verdict "fuzz $target, $SECONDS_EACH s" fuzz "$target"
	grep -E '^#[0-9]+[[:space:]]+DONE|ERROR|does not hold' \
		"check-long/fuzz-$target.log" | head -n 3 || :
done

verdict "conn without memory" sh -c '
	srcdir=$1 check-long/fuzz/tests/fuzz/replay_starved \
		> check-long/starved.log 2>&1' sh "$SOURCE"

# test_child's programs fail to execute on purpose, which valgrind cannot bear.
under_valgrind() {
	case $1 in
	*.* | *_child) return ;;
	esac
	verdict "valgrind ${1##*/}" sh -c '
		srcdir=$1 valgrind -q --error-exitcode=9 --leak-check=full \
			--errors-for-leak-kinds=definite \
			--suppressions="$1/tests/fuzz/valgrind.supp" "$2" \
			>> check-long/valgrind-tests.log 2>&1' sh "$SOURCE" "$1"
}

build valgrind
(cd check-long/valgrind && $MAKE check TESTS=) > check-long/tests.log 2>&1
rm -f check-long/valgrind-tests.log
for test in check-long/valgrind/tests/unit/test_* \
	check-long/valgrind/tests/fuzz/replay_*; do
	under_valgrind "$test"
done

if [ -n "$failed" ]; then
	echo "failed:$failed; logs are in check-long" >&2
	exit 1
fi

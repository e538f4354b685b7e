#!/bin/sh
# SPDX-License-Identifier: ISC
#
# check-long.sh SOURCE: what `make check-long` does, below ./check-long:
#
#	each fuzzer for FUZZ_SECONDS (600) from its corpus
#	the unit tests and all corpora under valgrind
#	the connection corpus again with every allocation failing in turn
#	the functional tests that take minutes or gigabytes
#
# FUZZ_JOBS of these run at a time (one a processor), and FUZZ_TARGETS picks
# some of the fuzzers.  Finds stay in ./check-long/finds, inputs that reached
# something new in ./check-long/corpus, and what each job said in
# ./check-long/logs.
#
# check-long.sh SOURCE JOB does one of them: fuzz-TARGET, valgrind-PROGRAM,
# starved or func.
set -eu

SOURCE=$1
WORK=$PWD/check-long
SECONDS_EACH=${FUZZ_SECONDS:-600}
TARGETS=${FUZZ_TARGETS:-body conf conn frame head pattern ping proxyhdr splice}
JOBS=${FUZZ_JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)}
CORPUS=$SOURCE/tests/fuzz/corpus
FUZZERS=$WORK/fuzz/tests/fuzz
PLAIN=$WORK/valgrind/tests
MAKE=${MAKE:-make}
# Tiny allocations by the million would fill the quarantine.
ASAN_OPTIONS=quarantine_size_mb=16
export ASAN_OPTIONS MAKE
srcdir=$SOURCE
export srcdir

# ------------------------------------------------------------------- one job

# The size up to which an input of that kind says anything new.
longest() {
	case $1 in
	body) echo 5000 ;;
	pattern) echo 400 ;;
	frame | splice) echo 600 ;;
	*) echo 4096 ;;
	esac
}

# The targets may not write while they are fuzzed, so a find is run once more.
fuzz() {
	dict=
	case $1 in
	body | conn | head) dict=-dict=$SOURCE/tests/fuzz/http.dict ;;
	conf) dict=-dict=$SOURCE/tests/fuzz/conf.dict ;;
	esac
	mkdir -p "$WORK/finds" "$WORK/corpus/$1"
	status=0
	"$FUZZERS/fuzz_$1" ${dict:+"$dict"} \
		-max_total_time="$SECONDS_EACH" -max_len="$(longest "$1")" \
		-timeout=60 -close_fd_mask=3 -print_final_stats=1 \
		-artifact_prefix="$WORK/finds/$1-" \
		"$WORK/corpus/$1" "$CORPUS/$1" || status=$?
	[ "$status" -ne 0 ] || return 0
	find=$(sed -n 's/.*Test unit written to //p' "$WORK/logs/fuzz-$1")
	[ -z "$find" ] || "$FUZZERS/fuzz_$1" "$find" || true
	return "$status"
}

under_valgrind() {
	valgrind -q --error-exitcode=9 --leak-check=full \
		--errors-for-leak-kinds=definite \
		--suppressions="$SOURCE/tests/fuzz/valgrind.supp" "$1"
}

# job NAME: leaves PASS or FAIL in results/NAME.
job() {
	verdict=PASS
	case $1 in
	fuzz-*) fuzz "${1#fuzz-}" ;;
	valgrind-test_*) under_valgrind "$PLAIN/unit/${1#valgrind-}" ;;
	valgrind-*) under_valgrind "$PLAIN/fuzz/${1#valgrind-}" ;;
	starved) "$FUZZERS/replay_starved" ;;
	func) BOWSPRIT=$WORK/valgrind/bowsprit PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 \
		-m pytest -p no:cacheprovider -m long "$SOURCE/tests/func" ;;
	esac > "$WORK/logs/$1" 2>&1 || verdict=FAIL
	echo "$verdict" > "$WORK/results/$1"
	echo "$verdict: $1"
	[ "$verdict" = PASS ] || tail -n 20 "$WORK/logs/$1"
}

if [ $# -gt 1 ]; then
	job "$2"
	exit
fi

# ---------------------------------------------------------------- all of them

give_up() {
	echo "$*" >&2
	exit 1
}

[ ! -f "$SOURCE/config.status" ] || give_up "check-long makes builds of its" \
	"own, which a build within the source tree prevents: run make" \
	"distclean, and configure in another folder"
for tool in clang valgrind; do
	command -v "$tool" > /dev/null ||
		give_up "$tool is not there; on Debian: apt-get install $tool"
done

# build NAME GOALS OPTION...: configures, and makes all, then the goals.
build() {
	log=$WORK/logs/build-$1
	goals=$2
	mkdir -p "$WORK/$1"
	(
		cd "$WORK/$1"
		shift 2
		[ -f Makefile ] || "$SOURCE/configure" -q "$@"
		unset MAKEFLAGS
		$MAKE -j "$JOBS"
		# shellcheck disable=SC2086
		$MAKE -j "$JOBS" $goals
	) > "$log" 2>&1 || {
		tail -n 20 "$log" >&2
		exit 1
	}
}

run() {
	printf '%s\n' "$@" | xargs -n 1 -P "$JOBS" sh "$0" "$SOURCE"
}

# The programs of make check, but for test_child's, which fail to execute on
# purpose: valgrind cannot bear that.
valgrind_jobs() {
	for program in "$PLAIN"/unit/test_* "$PLAIN"/fuzz/replay_*; do
		case $program in
		*.* | *_child) ;;
		*) echo "valgrind-${program##*/}" ;;
		esac
	done
}

# number LOG PATTERN: the last number that stands behind it there, or 0.
number() {
	found=$(sed -n "s/.*$2 *\([0-9][0-9]*\).*/\1/p" "$WORK/logs/$1" |
		tail -n 1)
	echo "${found:-0}"
}

summary() {
	printf '\n%-8s %10s %7s %11s %8s\n' \
		fuzzer runs edges 'new inputs' crashes
	for target in $TARGETS; do
		crashes=0
		grep -q PASS "$WORK/results/fuzz-$target" || crashes=1
		printf '%-8s %10s %7s %11s %8s\n' "$target" \
			"$(number "fuzz-$target" stat::number_of_executed_units:)" \
			"$(number "fuzz-$target" 'cov:')" \
			"$(number "fuzz-$target" stat::new_units_added:)" \
			"$crashes"
	done
	passed=$(cat "$WORK/results"/* | grep -c PASS) || :
	failed=$(($# - passed))
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ] || give_up "logs and finds are in check-long"
}

rm -rf "$WORK/results" "$WORK/logs"
mkdir -p "$WORK/results" "$WORK/logs"
build fuzz 'fuzz tests/fuzz/replay_starved' CC=clang --enable-fuzz
build valgrind 'check TESTS='
# shellcheck disable=SC2086
fuzz_jobs=$(printf 'fuzz-%s ' $TARGETS)
# shellcheck disable=SC2046,SC2086
set -- $fuzz_jobs $(valgrind_jobs) starved func
run "$@"
summary "$@"

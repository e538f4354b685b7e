#!/bin/sh
# SPDX-License-Identifier: ISC
#
# run-tests.sh [GROUP...] [-k NAME]: installs what the tests need and runs
# them; without a GROUP all of them, in this order:
#
#	unit		make check, with warnings as errors and sanitizers
#	clang		the same checks in a build by clang
#	portable	the same without the calls that only Linux has
#	mutants		do the tables' rows fail where the lint is broken?
#	func		pytest: a real bowsprit (with sanitizers), real sockets
#	install		make install, make distcheck
#	quick		contrib/quickstart.sh --check
#	e2e		Next.js, noVNC and a desktop in a real browser; ws, Socket.IO
#	long		only if named: tests of minutes and gigabytes
#
# -k NAME runs only the tests with NAME in their name (unit, clang, portable,
# mutants, func, e2e, long).  A skip fails the run in CI (CI=true) unless
# tests/skips.txt lists it.  Everything is built in build/tests; nothing is left
# elsewhere.
set -eu

TOP=$(cd "$(dirname "$0")/.." && pwd)
cd "$TOP"
WORK=$TOP/build/tests
LOGS=$WORK/logs
. "$TOP/contrib/lib.sh"

ALL="unit clang portable mutants func install quick e2e"
UNIT_PACKAGES="$BUILD_PACKAGES libcmocka-dev"
FUNC_PACKAGES="$UNIT_PACKAGES python3 python3-pytest python3-pytest-xdist \
python3-websockets python3-wsproto python3-uvicorn dnsmasq-base curl \
apache2-utils haproxy nginx-light zsh strace"
MUTANTS_PACKAGES=$FUNC_PACKAGES
INSTALL_PACKAGES="$UNIT_PACKAGES xz-utils"

SANITIZED=$WORK/sanitized
PLAIN=$WORK/plain

usage() {
	sed -n '4,22s/^# \{0,1\}//p' "$0"
}

# misused WHY: what was wrong is said last, where it is seen.
misused() {
	usage >&2
	printf '\nrun-tests.sh: %s\n' "$1" >&2
	exit 2
}

# ------------------------------------------------------- what a group reports

# counted PASSED FAILED SKIPPED: adds to what the present group has counted.
counted() {
	passed=$((passed + $1))
	failed=$((failed + $2))
	skipped=$((skipped + $3))
}

# repeat NAME...: prints the commands that run the failed tests again, alone.
repeat() {
	for test in "$@"; do
		say "again: sh contrib/run-tests.sh $group -k $test"
	done
}

# skipped_because LINES: a skip is shown, and fails CI unless it is listed.
skipped_because() {
	[ -n "$1" ] || return 0
	printf '%s\n' "$1" > "$LOGS/$group-skips.log"
	while read -r line; do
		say "skipped: $line"
		if [ "${CI:-}" = true ] && ! is_listed "$line"; then
			say "that skip is not in tests/skips.txt"
			counted 0 1 -1
		fi
	done < "$LOGS/$group-skips.log"
}

# Does a line of tests/skips.txt, a comment aside, begin this one?
is_listed() {
	[ -f tests/skips.txt ] || return 1
	while read -r listed; do
		case $listed in
		'' | '#'*) continue ;;
		esac
		case $1 in
		"$listed"*) return 0 ;;
		esac
	done < tests/skips.txt
	return 1
}

# --------------------------------------------------------------------- groups

# sanitizer_settings: any finding ends the program, so that it is seen.
sanitizer_settings() {
	export ASAN_OPTIONS="abort_on_error=1:detect_leaks=1"
	export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"
}

# unit_tests: prints the programs whose name holds $only.
unit_tests() {
	find tests/unit -name 'test_*.c' | sed 's/\.c$//' |
		{ grep -F -e "$only" || true; } | LC_ALL=C sort | tr '\n' ' '
}

# check_in DIR: make check there, counted from cmocka's own summaries.
check_in() {
	tests=$(unit_tests)
	[ -n "$tests" ] || return 0
	find "$1/tests" -name 'test_*.trs' -exec rm -f {} + 2>/dev/null || true
	status=0
	make -C "$1" -k -j "$(processors)" check "TESTS=$tests" \
		> "$LOGS/$group.log" 2>&1 < /dev/null || status=$?
	for test in $tests; do
		count_cmocka "$1/$test"
	done
	[ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || {
		tail -n 20 "$LOGS/$group.log"
		counted 0 1 0
	}
}

# count_cmocka TEST: reads TEST.log; one that ended otherwise than by its own
# summary (it did not compile, it crashed) is one failure.
count_cmocka() {
	ok=$(cmocka_number PASSED "$1.log")
	bad=$(cmocka_number FAILED "$1.log")
	left=$(cmocka_number SKIPPED "$1.log")
	if ! grep -q '^:test-result: \(PASS\|SKIP\)' "$1.trs" 2>/dev/null; then
		[ "$bad" -gt 0 ] || bad=1
		if [ -f "$1.log" ]; then
			tail -n 40 "$1.log"
		else
			grep -A 8 -e 'error' "$LOGS/$group.log" | head -n 40 ||
				true
		fi
		repeat "$(basename "$1")"
	fi
	counted "$ok" "$bad" "$left"
	[ "$left" -eq 0 ] || skipped_because "$(sed -n \
		's/^\[  SKIPPED \] \(test_.*\)/\1/p' "$1.log" | sort -u)"
}

cmocka_number() {
	number=$(sed -n "s/^\[  $1 *\] \([0-9]*\) test(s).*/\1/p" \
		"$2" 2>/dev/null | tail -n 1)
	echo "${number:-0}"
}

group_unit() {
	# shellcheck disable=SC2086
	need_packages $UNIT_PACKAGES
	build_into "$SANITIZED" --enable-werror --enable-asan --enable-ubsan
	sanitizer_settings
	check_in "$SANITIZED"
}

group_clang() {
	# shellcheck disable=SC2086
	need_packages $UNIT_PACKAGES clang
	CC=clang
	export CC
	build_into "$WORK/clang" --enable-werror
	check_in "$WORK/clang"
}

group_portable() {
	# shellcheck disable=SC2086
	need_packages $UNIT_PACKAGES
	build_into "$WORK/portable" --enable-werror --disable-linux
	check_in "$WORK/portable"
}

group_mutants() {
	# shellcheck disable=SC2086
	need_packages $MUTANTS_PACKAGES
	build_into "$SANITIZED" --enable-werror --enable-asan --enable-ubsan
	log=$LOGS/mutants.log
	status=0
	make -s -C "$SANITIZED" check-mutants MUTANTS="'$only'" \
		> "$log" 2>&1 < /dev/null || status=$?
	last=$(tail -n 1 "$log" | sed 's/mutants passed/passed/')
	counted "$(number_before passed)" "$(number_before failed)" 0
	[ "$status" -ne 0 ] || return 0
	tail -n 60 "$log"
	say "again: sh contrib/run-tests.sh mutants${only:+ -k $only}"
	[ "$failed" -gt 0 ] || counted 0 1 0
}

group_func() {
	functional_tests
}

group_long() {
	functional_tests -m long
}

# functional_tests [OPTION...]: those that pytest picks by its options.
functional_tests() {
	# shellcheck disable=SC2086
	need_packages $FUNC_PACKAGES
	command -v node > /dev/null || need_packages nodejs
	build_into "$SANITIZED" --enable-werror --enable-asan --enable-ubsan
	sanitizer_settings
	log=$LOGS/$group.log
	make -C "$SANITIZED" tests/unit/test_rows bench-programs > "$log" 2>&1 < /dev/null ||
		give_up "See the whole of it: $log" "$log"
	status=0
	run_pytest "$log" -n 2 ${only:+-k "$only"} "$@" tests/func || status=$?
	count_pytest "$log"
	[ "$status" -ne 0 ] || return 0
	if [ "$status" -eq 5 ] && [ -n "$only" ]; then
		return 0 # no test of that name is here
	fi
	tail -n 150 "$log"
	# shellcheck disable=SC2046
	repeat $(sed -n 's/^\(FAILED\|ERROR\) [^:]*::\([A-Za-z0-9_]*\).*/\2/p' \
		"$log" | sort -u)
	[ "$failed" -gt 0 ] || counted 0 1 0
	second_try "$log"
}

# run_pytest LOG ARGUMENT...
run_pytest() {
	pytest_log=$1
	shift
	BOWSPRIT=$SANITIZED/bowsprit PYTHONDONTWRITEBYTECODE=1 \
		/usr/bin/python3 -m pytest -p no:cacheprovider -q -rfEs \
		--tb=short --basetemp "$WORK/py" "$@" \
		> "$pytest_log" 2>&1 < /dev/null
}

# second_try LOG: a test or two that failed beside others are run again alone;
# what passes then counts as passed, and is named.  More than two are no
# matter of a busy machine.
second_try() {
	sed -n 's/^FAILED \([^ []*\(\[[^]]*\]\)\{0,1\}\).*/\1/p' \
		"$1" > "$LOGS/func-again.txt"
	again=$(wc -l < "$LOGS/func-again.txt")
	[ "$again" -eq "$failed" ] && [ "$again" -le 2 ] || return 0
	while read -r test; do
		run_pytest "$LOGS/func-again.log" "$test" || continue
		say "passed alone, at the second try: $test"
		counted 1 -1 0
	done < "$LOGS/func-again.txt"
}

# count_pytest LOG: "3 failed, 98 passed, 1 skipped, 1 error in 60.12s".
count_pytest() {
	last=$(grep -E '^=* *[0-9]+ (passed|failed|skipped|error).* in ' "$1" |
		tail -n 1)
	ok=$(number_before passed)
	bad=$(($(number_before failed) + $(number_before error)))
	left=$(number_before skipped)
	counted "$ok" "$bad" "$left"
	skipped_because "$(sed -n 's/^SKIPPED \[[0-9]*\] //p' "$1" |
		sed 's/:[0-9]*: /: /')"
}

# number_before WORD: the number that stands before WORD in $last, or 0.
number_before() {
	number=$(printf ' %s\n' "$last" |
		sed -n "s/.*[^0-9]\([0-9][0-9]*\) $1.*/\1/p")
	echo "${number:-0}"
}

group_install() {
	# shellcheck disable=SC2086
	need_packages $INSTALL_PACKAGES
	build_into "$PLAIN" --enable-werror --prefix=/usr --sysconfdir=/etc
	rm -rf "$WORK/install"
	make -C "$PLAIN" install DESTDIR="$WORK/install" \
		> "$LOGS/install.log" 2>&1 < /dev/null ||
		give_up "See the whole of it: $LOGS/install.log" \
			"$LOGS/install.log"
	for file in usr/bin/bowsprit usr/bin/bowspritctl \
	    usr/share/man/man8/bowsprit.8 \
	    usr/share/man/man5/bowsprit.cfg.5 \
	    usr/share/man/man1/bowspritctl.1 \
	    usr/share/bash-completion/completions/bowsprit \
	    usr/share/bash-completion/completions/bowspritctl \
	    usr/share/zsh/site-functions/_bowsprit \
	    etc/bowsprit/bowsprit.cfg.sample
	do
		if [ -s "$WORK/install/$file" ]; then
			counted 1 0 0
		else
			say "make install did not install $file"
			counted 0 1 0
		fi
	done
	make -C "$PLAIN" -j "$(processors)" distcheck \
		> "$LOGS/distcheck.log" 2>&1 < /dev/null ||
		give_up "again: sh contrib/run-tests.sh install" \
			"$LOGS/distcheck.log"
	counted 1 0 0
}

group_quick() {
	sh contrib/quickstart.sh --check > "$LOGS/quick.log" 2>&1 < /dev/null ||
		give_up "again: sh contrib/quickstart.sh --check" \
			"$LOGS/quick.log"
	counted 1 0 0
}

group_e2e() {
	# shellcheck disable=SC2086
	need_packages $BUILD_PACKAGES $E2E_PACKAGES
	build_into "$PLAIN" --enable-werror --prefix=/usr --sysconfdir=/etc
	log=$LOGS/e2e.log
	status=0
	BOWSPRIT=$PLAIN/bowsprit E2E_DIR=$WORK/e2e \
		sh tests/e2e/run.sh ${only:+-k "$only"} \
		> "$log" 2>&1 < /dev/null || status=$?
	last=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1) ||
		true
	counted "$(number_before passed)" "$(number_before failed)" \
		"$(number_before skipped)"
	skipped_because "$(sed -n 's/^skip //p' "$log")"
	[ "$status" -ne 0 ] || return 0
	if [ -n "$only" ] && [ "$last" = "0 passed, 0 failed, 0 skipped" ]; then
		return 0
	fi
	tail -n 100 "$log"
	say "again: sh contrib/run-tests.sh e2e${only:+ -k $only}"
	[ "$failed" -gt 0 ] || counted 0 1 0
}

# ----------------------------------------------------------------------- main

# In a subshell of its own, since give_up ends it; its counts are in a file.
run_group() {
	group=$1
	step "$group"
	rm -f "$WORK/$group.count"
	set +e
	(
		set -e
		passed=0 failed=0 skipped=0
		"group_$group"
		echo "$passed $failed $skipped" > "$WORK/$group.count"
	)
	set -e
	if [ ! -f "$WORK/$group.count" ]; then
		say "again: sh contrib/run-tests.sh $group${only:+ -k $only}"
		echo "0 1 0" > "$WORK/$group.count"
	fi
	step_done
}

# The closing lines: one for each group, then the sum alone on a line.
summary() {
	passed=0 failed=0 skipped=0
	for group in $groups; do
		read -r p f s < "$WORK/$group.count"
		printf '%s: %d passed, %d failed, %d skipped\n' \
			"$group" "$p" "$f" "$s"
		counted "$p" "$f" "$s"
	done
	if [ -n "$only" ] && [ $((passed + failed + skipped)) -eq 0 ]; then
		say "no test has \"$only\" in its name" >&2
	fi
	printf '%d passed, %d failed, %d skipped\n' \
		"$passed" "$failed" "$skipped"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

groups=''
only=''
while [ $# -gt 0 ]; do
	case $1 in
	-k)
		[ -n "${2:-}" ] || misused "-k needs a NAME"
		only=$2
		shift
		;;
	-h | --help) usage; exit 0 ;;
	*)
		case " $ALL long " in
		*" $1 "*) groups="$groups $1" ;;
		*) misused "there is no group \"$1\"; there are: $ALL long" ;;
		esac
		;;
	esac
	shift
done
if [ -z "$groups" ]; then
	groups=$ALL
	# The others have no names to choose from.
	[ -z "$only" ] || groups="unit clang portable mutants func e2e"
fi

mkdir -p "$LOGS" "$WORK/tmp"
TMPDIR=$WORK/tmp
export TMPDIR
for group in $groups; do
	run_group "$group"
done
summary

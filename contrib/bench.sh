#!/bin/sh
# SPDX-License-Identifier: ISC
#
# bench.sh [OPTION...]: installs the peers from Debian and npm, builds bowsprit
# without sanitizers, and measures them side by side.  The options are those
# of tests/bench/bench.py: --help names them; --quick takes some three minutes.
#
# Everything is in build/bench: results.tsv, table.txt, the proxies' files.
set -eu

TOP=$(cd "$(dirname "$0")/.." && pwd)
BUILD=$TOP/build/bench
# shellcheck disable=SC2034
LOGS=$BUILD/logs
. "$TOP/contrib/lib.sh"
. "$TOP/contrib/lib-npm.sh"

PEER_PACKAGES="python3 nginx-light haproxy caddy lighttpd \
lighttpd-mod-openssl nodejs openssl"

case " $* " in
*" --help "* | *" -h "*) exec python3 "$TOP/tests/bench/bench.py" --help ;;
esac

step "packages"
# shellcheck disable=SC2086
need_packages $BUILD_PACKAGES $PEER_PACKAGES

step "build"
build_into "$BUILD" CFLAGS=-O2
make -C "$BUILD" -j "$(processors)" bench-programs > "$BUILD/make.log" 2>&1 ||
	give_up "Start afresh: rm -rf $BUILD, then repeat" "$BUILD/make.log"

step "http-proxy"
mkdir -p "$BUILD/bench"
keep_inside "$BUILD/bench"
ensure_node 18.0 "$BUILD/bench/node"
cp "$TOP/tests/bench/package.json" "$TOP/tests/bench/package-lock.json" \
	"$TOP/tests/bench/.npmrc" "$BUILD/bench/"
npm_ready "$BUILD/bench"

step "measurements"
PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$TOP/tests/bench/bench.py" \
	--build "$BUILD" "$@"

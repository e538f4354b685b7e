#!/bin/sh
# SPDX-License-Identifier: ISC
#
# run.sh [-k NAME]: bowsprit in front of real Next.js applications, driven by
# a real browser, and the same against reference/server.js.
# run.sh --table [SECONDS]: measures what differs, as a table in Markdown.
#
#	BOWSPRIT	the binary (default: build/quickstart/bowsprit)
#	E2E_DIR		for all files (default: build/e2e of the checkout)
#
# Needs the packages of E2E_PACKAGES in contrib/lib.sh.
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
TOP=$(cd "$HERE/../.." && pwd)
BOWSPRIT=${BOWSPRIT:-$TOP/build/quickstart/bowsprit}
E2E_DIR=${E2E_DIR:-$TOP/build/e2e}
mkdir -p "$E2E_DIR"
E2E_DIR=$(cd "$E2E_DIR" && pwd)
# shellcheck disable=SC2034
LOGS=$E2E_DIR/logs
export BOWSPRIT E2E_DIR
. "$TOP/contrib/lib.sh"
. "$TOP/contrib/lib-npm.sh"

EXAMPLE=$TOP/contrib/examples/novnc

[ -x "$BOWSPRIT" ] || give_up "$BOWSPRIT is not there: build it, or set BOWSPRIT"
keep_inside "$E2E_DIR"
ensure_node "$NODE_NEEDED" "$E2E_DIR/node"

# The browser's driver and the reference's proxy; the reference finds the
# latter one folder above the application.
cp "$HERE/package.json" "$HERE/package-lock.json" "$HERE/.npmrc" "$E2E_DIR/"
npm_ready "$E2E_DIR"

# The example itself, with an API and a page for same.test.mjs; and the same
# with Next 15.
copy_sources "$EXAMPLE" "$E2E_DIR/app"
copy_sources "$HERE/peers" "$E2E_DIR/app"
cp "$TOP/tests/func/peers/handler.mjs" "$E2E_DIR/app/"
npm_ready "$E2E_DIR/app"
next_built "$E2E_DIR/app"
copy_sources "$EXAMPLE" "$E2E_DIR/app15"
copy_sources "$HERE/next15" "$E2E_DIR/app15"
npm_ready "$E2E_DIR/app15"

script=main.mjs
if [ "${1:-}" = --table ]; then
	script=table.mjs
	shift
fi
exec node "$HERE/$script" "$@"

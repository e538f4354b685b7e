# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# lib-npm.sh: Next.js applications for quickstart.sh and the e2e tests; to be
# read after lib.sh.

# Next 16 runs on this Node.js or a newer one.
# shellcheck disable=SC2034
NODE_NEEDED=20.9

# keep_inside DIR: npm, Next.js and Chromium leave their caches there, and
# nothing in the home of whoever runs this.
keep_inside() {
	mkdir -p "$1/tmp"
	export TMPDIR="$1/tmp" XDG_CONFIG_HOME="$1/tmp" XDG_CACHE_HOME="$1/tmp"
	export npm_config_cache="$1/npm-cache" npm_config_update_notifier=false
	export NEXT_TELEMETRY_DISABLED=1
}

# copy_sources FROM TO: all but what installing and building have made there.
copy_sources() {
	mkdir -p "$2"
	(cd "$1" && tar -cf - --exclude ./node_modules --exclude ./.next \
		--exclude ./public/novnc --exclude ./next-env.d.ts .) |
		(cd "$2" && tar -xf -)
}

# npm_ready DIR: has installed what DIR/package-lock.json names.  Not "npm ci":
# that wants the compilers of all platforms in the lock file, and not every
# registry has those.
npm_ready() {
	wanted=$(cd "$1" && cksum package.json package-lock.json)
	! is_stamped "$1/node_modules/.ready" "$wanted" || return 0
	logged "npm-$(basename "$1")" \
		"Is the npm registry within reach? Try: npm ping" \
		npm --prefix "$1" install --no-audit --no-fund
	printf '%s\n' "$wanted" > "$1/node_modules/.ready"
}

# next_built DIR: has made the production build of the application in DIR.
next_built() {
	wanted=$(node --version && cd "$1" &&
		find . \( -name node_modules -o -name .next -o -name public \) \
			-prune -o \( -name '*.js' -o -name '*.jsx' -o \
			-name '*.mjs' -o -name package-lock.json \) \
			-exec cksum {} +)
	! is_stamped "$1/.next/ready" "$wanted" || return 0
	logged "next-build" "Try it by hand: cd $1 && npm run build" \
		npm --prefix "$1" run build
	printf '%s\n' "$wanted" > "$1/.next/ready"
}

# is_stamped FILE TEXT: whether FILE says so.
is_stamped() {
	[ -f "$1" ] && [ "$(cat "$1")" = "$2" ]
}

#!/bin/sh
# SPDX-License-Identifier: ISC
# autogen.sh: makes ./configure from configure.ac, in a checkout from git.
# A release's archive has it already.
set -eu
cd "$(dirname "$0")"

for tool in autoreconf automake pkg-config; do
	command -v "$tool" >/dev/null || {
		echo "autogen.sh: $tool is not installed;" \
		    "on Debian: apt-get install autoconf automake pkg-config" >&2
		exit 1
	}
done
exec autoreconf --force --install

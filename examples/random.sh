#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Random numbers: from the file for all, and as a session with a length and a format.
set -eu
: "${ACRYPTO:=/acrypto}"
session=$(mktemp -d "$ACRYPTO/sessions/random.XXXXXX")
trap 'rmdir "$session"' EXIT

bytes=$(head -c 1000000 "$ACRYPTO/random" | gzip -c | wc -c)
[ "$bytes" -ge 1000000 ] || {
	echo "random numbers that gzip makes smaller: $bytes bytes" >&2
	exit 1
}

echo random > "$session/op"
echo 24 > "$session/length"
echo base64 > "$session/format"
password=$(cat "$session/dst")
[ "${#password}" = 32 ] || {
	echo "24 bytes are 32 base64 characters, not ${#password}" >&2
	exit 1
}

#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The HMAC of each file, in hexadecimal.
set -eu
: "${ACRYPTO:=/acrypto}"
session=$(mktemp -d "$ACRYPTO/sessions/hmac.XXXXXX")
trap 'rmdir "$session"' EXIT

echo hmac-sha256 > "$session/alg"
echo hex > "$session/format"
printf 'a secret of some length' > "$session/key"

for file in "$0" /dev/null; do
	cat "$file" > "$session/src"
	mine=$(cat "$session/dst")
	theirs=$(openssl dgst -sha256 -hmac 'a secret of some length' -r "$file" | cut -d ' ' -f 1)
	[ "$mine" = "$theirs" ] || {
		echo "$file: $mine is not $theirs" >&2
		exit 1
	}
done

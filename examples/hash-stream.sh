#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The digest of a pipe: any length, in little memory. $1: how many MiB.
set -eu
: "${ACRYPTO:=/acrypto}"
session=$(mktemp -d "$ACRYPTO/sessions/hash.XXXXXX")
trap 'rmdir "$session"' EXIT

input()
{
	# Pseudo-random numbers that can be made twice.
	openssl enc -aes-128-ctr -K 00112233445566778899aabbccddeeff \
		-iv 00000000000000000000000000000000 -in /dev/zero 2>/dev/null |
		head -c "$((${1:-64} * 1048576))"
}

echo sha512 > "$session/alg"
echo hex > "$session/format"
echo 1 > "$session/stream"

input "$@" > "$session/src" & # one end of the pipe
mine=$(cat "$session/dst")    # and the other
wait
theirs=$(input "$@" | sha512sum | cut -d ' ' -f 1)
[ "$mine" = "$theirs" ] || {
	echo "$mine is not $theirs" >&2
	exit 1
}

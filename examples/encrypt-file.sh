#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Encrypt many files with one key in one session, each with an IV of its own, so that openssl
# can read them.
set -eu
: "${ACRYPTO:=/acrypto}"
work=$(mktemp -d)
session=$(mktemp -d "$ACRYPTO/sessions/encrypt.XXXXXX")
trap 'rmdir "$session"; rm -rf "$work"' EXIT

key=$(openssl rand -hex 32)
echo aes-256-ctr > "$session/alg"
echo "hex:$key" > "$session/key"

for bytes in 0 1 15 16 17 4096 1000000; do
	head -c "$bytes" /dev/urandom > "$work/plain"
	iv=$(openssl rand -hex 16)
	echo "hex:$iv" > "$session/iv"
	cat "$work/plain" > "$session/src" # opening it anew starts the next request
	cat "$session/dst" > "$work/cipher"
	openssl enc -d -aes-256-ctr -K "$key" -iv "$iv" -in "$work/cipher" |
		cmp - "$work/plain"
done

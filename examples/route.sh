#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Encrypt, then MAC, in one session of two stages; then a digest of the result, added to the
# route when the first two were done.
set -eu
: "${ACRYPTO:=/acrypto}"
work=$(mktemp -d)
trap 'cd /; rm -rf "$work" "$ACRYPTO"/sessions/route.$$.*' EXIT
key=000102030405060708090a0b0c0d0e0f iv=f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff

cd "$(mktemp -d "$ACRYPTO/sessions/route.$$.XXXXXX")"
echo aes-128-cbc > alg
echo "hex:$key" > key
echo "hex:$iv" > iv
mkdir route/2
echo hmac-sha256 > route/2/alg
printf 'another secret' > route/2/key
cat "$0" > src
cat dst > "$work/mac"
cat route/1/dst > "$work/ciphertext"
cat history

openssl enc -aes-128-cbc -K $key -iv $iv -in "$0" | cmp - "$work/ciphertext"
openssl dgst -sha256 -mac hmac -macopt key:'another secret' -binary "$work/ciphertext" |
	cmp - "$work/mac"

mkdir route/3
echo sha512 > route/3/alg
echo 1 > route/3/input
echo continue > ctl
openssl dgst -sha512 -binary "$work/ciphertext" | cmp - dst

#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Sign with a private key in PEM; verify here, and with openssl, and see that a change is found.
set -eu
: "${ACRYPTO:=/acrypto}"
folder=$(mktemp -d)
session=$(mktemp -d "$ACRYPTO/sessions/sign.XXXXXX")
trap 'rmdir "$session"; rm -r "$folder"' EXIT

(umask 077; openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 \
	-out "$folder/private.pem")
openssl pkey -in "$folder/private.pem" -pubout -out "$folder/public.pem"

echo ecdsa-prime256v1-sha256 > "$session/alg" # and so `op` is sign
cat "$folder/private.pem" > "$session/key"
cat "$0" > "$session/src"
cat "$session/dst" > "$folder/signature"

openssl dgst -sha256 -verify "$folder/public.pem" -signature "$folder/signature" "$0" > "$folder/log"

echo verify > "$session/op"
cat "$folder/public.pem" > "$session/key"
cat "$folder/signature" > "$session/sig"
cat "$0" > "$session/src"
[ "$(cat "$session/dst")" = valid ]

# One more line, and reading dst gives EBADMSG.
{ cat "$0"; echo; } > "$session/src"
if cat "$session/dst" 2> "$folder/log"; then
	echo "a changed file was verified" >&2
	exit 1
fi
grep -q '^error: EBADMSG' "$session/status"

#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A key from a passphrase (PBKDF2), and keys for two purposes from that one (HKDF).
set -eu
: "${ACRYPTO:=/acrypto}"
session=$(mktemp -d "$ACRYPTO/sessions/derive.XXXXXX")
trap 'rmdir "$session"' EXIT

same()
{
	[ "$1" = "$2" ] || {
		echo "$1 is not $2" >&2
		exit 1
	}
}

# derive ALG SALT-HEX: the rest is in the session already.
derive()
{
	echo "$1" > "$session/alg"
	echo "hex:$2" > "$session/iv"
	echo 32 > "$session/length"
	echo hex > "$session/format"
	echo start > "$session/ctl" # a request without input begins by a word
	cat "$session/dst"
}

openssl_kdf()
{
	openssl kdf -keylen 32 "$@" | tr -d ':\n' | tr A-F a-f
}

salt=000102030405060708090a0b0c0d0e0f
printf 'correct horse battery staple' > "$session/key"
echo iterations=10000 > "$session/params"
master=$(derive pbkdf2-sha256 $salt)
same "$master" "$(openssl_kdf -kdfopt digest:SHA256 -kdfopt hexsalt:$salt -kdfopt iter:10000 \
	-kdfopt pass:'correct horse battery staple' PBKDF2)"

echo reset > "$session/ctl"
echo "hex:$master" > "$session/key"
for purpose in encryption authentication; do
	printf %s $purpose > "$session/aad"
	same "$(derive hkdf-sha256 $salt)" "$(openssl_kdf -kdfopt digest:SHA256 \
		-kdfopt hexkey:"$master" -kdfopt hexsalt:$salt -kdfopt info:$purpose HKDF)"
done

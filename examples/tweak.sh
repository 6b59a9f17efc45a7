#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A tweakable cipher as a route of three stages: exclusive or with a tweak, a block cipher,
# exclusive or with the tweak again. The tweak itself is a block number that went through the
# cipher under a second key, as in XTS; so for one block the result is that of XTS.
set -eu
: "${ACRYPTO:=/acrypto}"
trap 'cd /; rm -rf "$ACRYPTO"/sessions/tweak.$$.*' EXIT
key1=11111111111111111111111111111111 key2=22222222222222222222222222222222
number=33333333330000000000000000000000

# session OP ALG KEY: a session that is ready for its input, as the current folder.
session()
{
	cd "$(mktemp -d "$ACRYPTO/sessions/tweak.$$.XXXXXX")"
	echo "$2" > alg
	echo "$1" > op
	echo "hex:$3" > key
	echo hex > format
}

session encrypt aes-128-ecb $key2
echo none > padding
printf '33333\000\000\000\000\000\000\000\000\000\000\000' > src # the number's bytes
tweak=$(cat dst)

session encrypt xor "$tweak"
mkdir route/2 route/3
echo aes-128-ecb > route/2/alg
echo "hex:$key1" > route/2/key
echo none > route/2/padding
echo xor > route/3/alg
echo "hex:$tweak" > route/3/key
printf 'one block, tweak' > src
mine=$(cat dst)

session encrypt aes-128-xts $key1$key2
echo "hex:$number" > iv
printf 'one block, tweak' > src
[ "$mine" = "$(cat dst)" ] || {
	echo "$mine is not $(cat dst)" >&2
	exit 1
}

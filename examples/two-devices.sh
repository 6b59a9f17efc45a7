#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Encrypt on one card, then make the MAC of that on another: a route of two stages, each bound to
# its device.
#
#	examples/two-devices.sh CIPHER-DEVICE MAC-DEVICE
#
# Without names, or without a daemon at ACRYPTO, models of two cards take the part: a CE99C003B and
# a HIFN 7956. They are in the source's folder after ./quickstart --build-only.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=${ACR_BUILDDIR:-${here%/*}}
data=$here/two-devices.sh # what is encrypted
scratch=$(mktemp -d)
mount=${ACRYPTO-}
cipher=${1-} mac=${2-}
added='' pids='' # what is to be undone

clean_up()
{
	cd /
	for session in "$mount/sessions/two-devices.$$".*/; do
		[ ! -d "$session" ] || rmdir "$session"
	done
	for device in $added; do
		echo "$device" >"$mount/devices/remove"
	done
	for pid in $pids; do
		kill "$pid" 2>/dev/null || continue
		wait "$pid" || true
	done
	rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# until_true COMMAND...: for 20 seconds at most.
until_true()
{
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 400 ] || { echo "never: $*" >&2; exit 1; }
		sleep 0.05
	done
}

# model DRIVER: a model of its card becomes a device of this name and our number.
model()
{
	program=$top/tests/models/$1/$1-model
	[ -x "$program" ] || { echo "$program is not built: ./quickstart --build-only" >&2; exit 1; }
	"$program" --socket "$scratch/$1" --strict 2>>"$scratch/log" >&2 &
	pids="$! $pids"
	until_true test -S "$scratch/$1"
	echo "$1-$$=$1:vfio-user=$scratch/$1" >"$mount/devices/add"
	added="$added $1-$$"
}

if [ -z "$mount" ]; then
	mount=$scratch/mnt
	mkdir "$mount"
	"$top/acryptod" -f "$mount" &
	pids=$!
	until_true test -e "$mount/version"
fi
if [ -z "$mac" ]; then
	model ce99
	model hifn795x
	cipher=ce99-$$ mac=hifn795x-$$
fi

key=0123456789abcdef23456789abcdef01456789abcdef0123 iv=1234567890abcdef
session=$(mktemp -d "$mount/sessions/two-devices.$$.XXXXXX")
cd "$session"
echo des-ede3-cbc >alg
echo "hex:$key" >key
echo "hex:$iv" >iv
echo "$cipher" >device
mkdir route/2
echo hmac-sha1 >route/2/alg
printf 'a secret for the MAC' >route/2/key
echo "$mac" >route/2/device
cat "$data" >src
cat dst >"$scratch/mac"
cat route/1/dst >"$scratch/ciphertext"
cat history

openssl enc -des-ede3-cbc -K $key -iv $iv -in "$data" | cmp - "$scratch/ciphertext"
openssl dgst -sha1 -mac hmac -macopt key:'a secret for the MAC' -binary "$scratch/ciphertext" |
	cmp - "$scratch/mac"
for device in "$cipher" "$mac"; do
	grep -qw -- "$device" history || { echo "$device did nothing" >&2; exit 1; }
done
cd /
rmdir "$session"

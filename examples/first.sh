#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The README's first example, and its inverse.
set -eu
: "${ACRYPTO:=/acrypto}"
work=$(mktemp -d)
trap 'cd /; rm -rf "$work" "$ACRYPTO"/sessions/first.$$.*' EXIT
cp "$0" "$work/report.pdf"

(umask 077; head -c 32 /dev/urandom > "$work/report.key")
cd "$(mktemp -d "$ACRYPTO/sessions/first.$$.XXXXXX")"
echo aes-256-cbc > alg
cat "$work/report.key" > key
cat "$work/report.pdf" > src
cat dst > "$work/report.pdf.enc"

cd "$(mktemp -d "$ACRYPTO/sessions/first.$$.XXXXXX")"
echo decrypt > op
echo aes-256-cbc > alg
cat "$work/report.key" > key
cat "$work/report.pdf.enc" > src
cat dst > "$work/report.back"

cmp "$work/report.pdf" "$work/report.back"
if cmp -s "$work/report.pdf" "$work/report.pdf.enc"; then
	echo "it is not encrypted" >&2
	exit 1
fi

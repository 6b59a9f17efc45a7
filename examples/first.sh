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
echo aes-256-gcm > alg
cat "$work/report.key" > key
cat "$work/report.pdf" > src
cat dst > "$work/report.pdf.enc"

cd "$(mktemp -d "$ACRYPTO/sessions/first.$$.XXXXXX")"
echo decrypt > op
echo aes-256-gcm > alg
cat "$work/report.key" > key
cat "$work/report.pdf.enc" > src
cat dst > "$work/report.back"

cmp "$work/report.pdf" "$work/report.back"

# A changed file is noticed: nothing of it comes out.
printf x >> "$work/report.pdf.enc"
cat "$work/report.pdf.enc" > src
if cat dst > "$work/report.back" 2> "$work/errors" || [ -s "$work/report.back" ]; then
	echo "the change was not noticed" >&2
	exit 1
fi

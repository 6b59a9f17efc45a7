#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A crypto card without a card: the model of a HIFN 7956 in a process of its own appears as a
# device, takes work, dies in the middle of it, and comes back. From the source's folder, after
# ./quickstart --build-only:
#
#	examples/hifn-model.sh
#
# With ACRYPTO=mountpoint a daemon that runs already gets the card; else one is started.
set -eu

top=${ACR_BUILDDIR:-$(cd "$(dirname "$0")/.." && pwd)}
model=$top/tests/models/hifn795x/hifn795x-model
[ -x "$model" ] || { echo "$model is not built: ./quickstart --build-only" >&2; exit 1; }
scratch=$(mktemp -d)
mount=${ACRYPTO-}
card=card$$ # its name as a device
model_pid='' daemon_pid=''

clean_up()
{
	cd /
	rm -f "$scratch"/wanted
	for session in "$mount"/sessions/"$card"-*/; do
		[ ! -d "$session" ] || rmdir "$session"
	done
	[ ! -d "$mount/devices/$card" ] || echo "$card" >"$mount/devices/remove"
	[ -z "$daemon_pid" ] || { kill "$daemon_pid" && wait "$daemon_pid"; } || true
	[ -z "$model_pid" ] || { kill "$model_pid" && wait "$model_pid"; } 2>/dev/null || true
	rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# until COMMAND...: for 20 seconds at most.
until_true()
{
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 400 ] || { echo "never: $*" >&2; exit 1; }
		sleep 0.05
	done
}

start_model()
{
	rm -f "$scratch/socket"
	# At the speed of a slow card, so that there is something to be seen.
	"$model" --socket "$scratch/socket" --strict --fault slow=1000000 2>>"$scratch/log" >&2 &
	model_pid=$!
	until_true test -S "$scratch/socket"
}

line()
{
	printf '%-10s %-8s' "$(head -n 1 "$mount/devices/$card/state" | cut -c 1-8)" "$1"
	grep -E '^(queued|running):' "$mount/devices/$card/load" | tr '\n' ' '
	echo
}

# Sessions that hash a file each, started and not waited for. WORD is their name.
give_work()
{
	for i in $(seq "$2"); do
		session=$mount/sessions/$card-$1-$i
		mkdir "$session"
		echo sha1 >"$session/alg"
		[ -z "${3-}" ] || echo "$3" >"$session/device"
		cat "$scratch/file" >"$session/src"
		echo start >"$session/ctl"
	done
}

check_work()
{
	for i in $(seq "$2"); do
		session=$mount/sessions/$card-$1-$i
		od -An -v -tx1 "$session/dst" | tr -d ' \n' >"$scratch/got"
		cmp -s "$scratch/got" "$scratch/wanted" || { echo "a wrong digest" >&2; exit 1; }
		rmdir "$session"
	done
}

is_broken()
{
	grep -q ^broken "$mount/devices/$card/state"
}

head -c 50000 /dev/urandom >"$scratch/file"
sha1sum "$scratch/file" | cut -c 1-40 | tr -d '\n' >"$scratch/wanted"
start_model
if [ -z "$mount" ]; then
	mount=$scratch/mnt
	mkdir "$mount"
	# Software, but not so fast that nothing is left for the card.
	"$top/acryptod" -f --device other=delay:us=30000 "$mount" &
	daemon_pid=$!
	until_true test -e "$mount/version"
fi

echo "1. The card is added while the daemon runs:"
echo "$card=hifn795x:vfio-user=$scratch/socket" >"$mount/devices/add"
ls "$mount/devices"

echo "2. 30 sessions bound to it; it is slow, so they queue:"
give_work bound 30 "$card"
line loaded
check_work bound 30
line "done"

echo "3. 30 sessions for whichever device; its process is killed under them:"
give_work free 30
line loaded
kill -KILL "$model_pid"
wait "$model_pid" 2>/dev/null || true
until_true is_broken
line killed
check_work free 30
echo "   and yet all 30 digests are right: another device made them."

echo "4. The process is started again, and the device repaired:"
start_model
echo repair >"$mount/devices/$card/ctl"
give_work again 5 "$card"
check_work again 5
line back

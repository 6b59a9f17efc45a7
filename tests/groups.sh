# SPDX-License-Identifier: LGPL-2.1-or-later
# For ./check: groups of tests that run in lanes beside each other, what they count, and what is
# shown meanwhile. Lanes are processes, so what they tell each other stands in files of $run.
# shellcheck shell=bash
# shellcheck source=tests/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

expected= # the groups that take the time, and their usual time: "SECONDS LABEL", one a line
run=$logs/run # now-LANE: what a lane is at; progress-GROUP: see tests/lib/progress.py
times=$logs/times # seconds of each group when it last ran here

begin_run()
{
	rm -rf "$run"
	mkdir -p "$run"
	: >"$run/counts"
	touch "$times"
}

# A label as a part of a file's name.
slug()
{
	local words=${1//[^A-Za-z0-9]/-}
	echo "${words,,}"
}

# How long a group took here the last time; SECONDS, if it never ran.
usual_time()
{
	awk -F '\t' -v label="$1" -v usual="$2" '$1 == label { usual = $2 } END { print usual }' "$times"
}

# tell "line": show a line above the one that changes.
tell()
{
	[ ! -t 1 ] || printf '\r\033[K'
	printf '%s\n' "$1"
}

# count LABEL PASSED FAILED SKIPPED [SECONDS]: add one group to the sum, and show it.
count()
{
	printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" >>"$run/counts"
	[ -z "${5-}" ] || printf '%s\t%.0f\n' "$1" "$5" >>"$times"
	tell "$(printf '%-34s %5d passed, %3d failed, %3d skipped  %6s s' "$1" "$2" "$3" "$4" \
		"${5:--}")"
}

# The number before one of the words in the last line of a log that counts anything.
counted()
{
	grep -aE '[0-9]+ (passed|failed|skipped|errors?)\b' "$1" | tail -n 1 |
		grep -oE "[0-9]+ ($2)\b" | awk '{ n += $1 } END { print n + 0 }'
}

# What of a log explains a failure: pytest's own part, or the end.
explain()
{
	echo "---- $1, from $2:"
	if grep -qaE '^=+ (FAILURES|ERRORS) =+$' "$2"; then
		sed -nE '/^=+ (FAILURES|ERRORS) =+$/,$p' "$2" | tail -n 300
	else
		tail -n 40 "$2"
	fi
	echo "----"
}

# at_work LABEL: what this lane does now, for the line of progress and for the watchdog.
at_work()
{
	echo "$1" >"$run/now-$lane"
}

# group LABEL command...: its output goes to a log, and the counts of its last line to the sum.
# Exit status 5 is pytest's: nothing was selected.
group()
{
	local label=$1 log start=$EPOCHREALTIME status=0 bad
	shift
	log=$logs/group-$(slug "$label").log
	at_work "$label"
	ACR_PROGRESS=$run/progress-$(slug "$label") "$@" >"$log" 2>&1 </dev/null || status=$?
	bad=$(counted "$log" 'failed|errors?')
	[ "$status" = 0 ] || [ "$status" = 5 ] || [ "$bad" != 0 ] || bad=1
	count "$label" "$(counted "$log" passed)" "$bad" "$(counted "$log" 'skipped|xfailed')" \
		"$(since "$start")"
	[ "$bad" = 0 ] || explain "$label" "$log"
}

# must "what" command...: a step whose failure counts as one failed test.
must()
{
	local label=$1 log
	shift
	log=$logs/step-$(slug "$label").log
	at_work "$label"
	"$@" >"$log" 2>&1 </dev/null && return 0
	count "$label" 0 1 0
	explain "$label" "$log"
	return 1
}

# one_of_each PROGRAM: run it in its own way (function $runner) and leave its exit status.
one_of_each()
{
	local status=0
	"$runner" "$1" || status=$?
	echo "$status $1" >>"$statuses"
}

# run_each RUNNER AT_ONCE PROGRAM...: run each, so many at a time; 77 is a skip. A last line
# counts them.
run_each()
{
	local runner=$1 at_once=$2 program statuses
	shift 2
	statuses=$(mktemp)
	for program; do
		while [ "$(jobs -rp | wc -l)" -ge "$at_once" ]; do
			wait -n
		done
		one_of_each "$program" &
	done
	wait
	awk '$1 == 0 { good++ } $1 == 77 { skip++ }
		$1 != 0 && $1 != 77 { bad++; print $2 ": exit status " $1 }
		END { printf "%d passed, %d failed, %d skipped\n", good, bad, skip; exit (bad > 0) }' \
		"$statuses"
	local status=$?
	rm -f "$statuses"
	return $status
}

# ---- lanes ----

# What every lane is at, two blanks, and the tests that run now: a line for each.
at_work_now()
{
	local file label
	for file in "$run"/now-*; do
		[ -s "$file" ] || continue
		label=$(<"$file")
		echo "$label  $(tail -n +2 "$run/progress-$(slug "$label")" 2>/dev/null | paste -sd ' ')"
	done
}

# How many seconds the groups in $expected, one "SECONDS LABEL" a line, have still to go.
seconds_left()
{
	local usual label finished total left=0
	while read -r usual label; do
		cut -f 1 "$run/counts" | grep -qxF "$label" && continue
		usual=$(usual_time "$label" "$usual") finished=0 total=0
		[ ! -f "$run/progress-$(slug "$label")" ] ||
			read -r finished total <"$run/progress-$(slug "$label")"
		[ "$total" = 0 ] || usual=$((usual - usual * finished / total))
		left=$((left + usual))
	done <<<"$expected"
	echo $left
}

# One line on the terminal: time, what runs, an estimate of what is left.
show_progress()
{
	local left line=() text label what
	for label in "$run"/now-*; do
		[ -s "$label" ] || continue
		what=$(<"$label")
		[ ! -f "$run/progress-$(slug "$what")" ] ||
			what+=" $(sed -n '1s| |/|p; 2s|.*/||p' "$run/progress-$(slug "$what")" | paste -sd ' ')"
		line+=("$what")
	done
	left=$(seconds_left)
	text=$(printf '%s; ' "${line[@]}")
	text=$(printf '%d:%02d, about %d min left: %s' $((SECONDS / 60)) $((SECONDS % 60)) \
		$(((left + 59) / 60)) "${text%; }")
	printf '\r\033[K%s' "${text:0:$((${COLUMNS:-$(tput cols 2>/dev/null || echo 80)} - 1))}"
}

# run_lanes LIMIT FUNCTION...: all of them beside each other. If they have not ended after LIMIT
# seconds, what hangs is named, counts as failed, and is ended.
run_lanes()
{
	local limit=$1
	shift
	set -m # a process group for each lane
	for lane; do
		{ "$lane"; rm -f "$run/now-$lane"; } &
	done
	set +m
	trap 'kill_lanes; exit 130' INT TERM
	while [ -n "$(jobs -rp)" ]; do
		if [ $SECONDS -ge "$limit" ]; then
			while read -r lane; do
				tell "HANGS: after $limit s this still runs: $lane"
				count "${lane%%  *}" 0 1 0
			done < <(at_work_now)
			kill_lanes
		fi
		[ ! -t 1 ] || show_progress
		sleep 1
	done
	[ ! -t 1 ] || printf '\r\033[K'
}

kill_lanes()
{
	local pid
	for pid in $(jobs -rp); do
		kill -KILL -- "-$pid"
	done
	wait 2>/dev/null # no word of each that was killed
	rm -f "$run"/now-*
}

# ---- at the end ----

# Why tests were skipped, each reason once, with how often.
skip_reasons()
{
	cat "$logs"/group-*.log | sed -nE 's/^SKIPPED \[([0-9]+)\] [^ ]+ (.*)$/\1\t\2/p' |
		awk -F '\t' '{ n[$2] += $1 } END { for (why in n) printf "%6d  %s\n", n[why], why }' |
		sort -rn
}

# Everything that was counted, and why tests were skipped. Exit status 0: nothing failed.
summarize()
{
	local reasons
	reasons=$(skip_reasons)
	[ -z "$reasons" ] || printf '\nSkipped, and why:\n%s\n' "$reasons"
	[ -d "$top/../shared/vectors" ] ||
		printf '\n%s\n' "No ../shared/vectors beside this clone: test vectors of others were NOT checked."
	printf '\nAfter %d:%02d:\n' $((SECONDS / 60)) $((SECONDS % 60))
	awk -F '\t' '{ printf "%-34s %5d passed, %3d failed, %3d skipped\n", $1, $2, $3, $4
			good += $2; bad += $3; skip += $4 }
		END { printf "%d passed, %d failed, %d skipped\n", good, bad, skip; exit (bad > 0) }' \
		"$run/counts"
}

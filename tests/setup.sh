# SPDX-License-Identifier: LGPL-2.1-or-later
# Shared by quickstart, check and tests/run: packages, builds, steps with their time.
# shellcheck shell=bash

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs=$top/build/logs
# shellcheck disable=SC2034
build_packages=(gcc libc6-dev make autoconf automake pkgconf libglib2.0-dev libfuse3-dev
	libssl-dev libpci-dev liburing-dev fuse3 openssl)
# shellcheck disable=SC2034
test_packages=(python3 python3-pytest python3-pytest-timeout python3-pytest-xdist python3-prometheus-client python3-cryptography mandoc gdb valgrind g++ perl spin
	clang libclang-rt-dev clang-format clang-tools shellcheck cppcheck gcovr busybox cpio rsync rust-coreutils tcl zsh)

# Seconds since the time given, with two decimals.
since()
{
	awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }'
}

# step "what" command...: one numbered line; its output goes to a log whose end is shown if
# the command fails. On a terminal a dot a second tells that it is still at work.
step_number=0
step()
{
	local what=$1 start=$EPOCHREALTIME log dots status=0
	shift
	step_number=$((step_number + 1))
	log=$logs/$step_number-${1##*/}.log
	mkdir -p "$logs"
	printf '%2d. %-46s ' "$step_number" "$what"
	[ ! -t 1 ] || { while sleep 1; do printf .; done; } & dots=$!
	"$@" >"$log" 2>&1 </dev/null || status=$?
	kill "$dots" 2>/dev/null
	wait "$dots" 2>/dev/null
	if [ $status = 0 ]; then
		printf ' ok  %6s s\n' "$(since "$start")"
		return 0
	fi
	printf ' FAILED after %s s\n' "$(since "$start")"
	printf '    the end of %s:\n' "$log"
	tail -n 30 "$log" | sed 's/^/    | /'
	return 1
}

# Which of the packages are not installed.
missing_packages()
{
	local package
	for package; do
		case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
		'install ok installed') ;;
		*) echo "$package" ;;
		esac
	done
}

# The same under this release's names: some packages were renamed, split or made virtual. What
# apt knows is no help here: a fresh machine has no lists yet.
release_names()
{
	local package release
	# shellcheck source=/dev/null
	release=$(. /etc/os-release && echo "$ID${VERSION_ID-}")
	for package; do
		case $package,$release in
		libclang-rt-dev,debian12) echo libclang-rt-14-dev ;;
		openssl,debian12) echo openssl ;;
		openssl,debian*) echo openssl openssl-provider-legacy ;; # DES and its like
		*) echo "$package" ;;
		esac
	done
}

# What of the packages named has to be installed.
packages_to_install()
{
	# shellcheck disable=SC2046 # names without spaces
	missing_packages $(release_names "$@")
}

# need_packages "what" NAME...: a step that installs what is missing. Nothing is asked of apt,
# and no right to install is needed, where everything is there. Without that right, a line says
# what to do.
need_packages()
{
	local what=$1 missing
	shift
	command -v dpkg-query >/dev/null || {
		echo "no dpkg here: these are needed under this system's names: $*"
		return 0
	}
	missing=$(packages_to_install "$@")
	# shellcheck disable=SC2086
	right_to_install $missing && step "$what" install_packages $missing
}

# Of the words, set $sudo to those that give the right to install. sudo may ask for a password
# on the terminal: so this is no step, whose output goes to a log.
right_to_install()
{
	local update="apt-get update" get="apt-get install -y --no-install-recommends $*" line
	sudo=()
	[ $# -gt 0 ] && [ "$(id -u)" != 0 ] || return 0
	if ! command -v sudo >/dev/null; then
		# A login: without, the user's PATH stays, in which dpkg misses /usr/sbin.
		line="su - -c '$update && $get'"
	else
		sudo=(sudo)
		sudo -n true 2>/dev/null && return 0
		has_terminal && sudo -v && return 0
		line="sudo $update && sudo $get"
	fi
	printf 'These packages are missing. This installs them:\n    %s\n' "$line"
	return 1
}

has_terminal()
{
	{ : </dev/tty; } 2>/dev/null
}

# Lists may be missing or stale: they are fetched only if it doesn't work without.
install_packages()
{
	[ $# -gt 0 ] || return 0
	set -- "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y --no-install-recommends "$@"
	"$@" || { "${sudo[@]}" apt-get update && "$@"; }
}

# The configure script and Makefile.in, unless they are as new as what they are made from.
bootstrap()
(
	cd "$top" || return 1
	if [ configure.ac -nt configure ] || [ Makefile.am -nt Makefile.in ] ||
		[ sources.mk -nt Makefile.in ]; then
		autoreconf -fi
	fi
)

# What the folder's configuration is: where from, where, and with which words.
configuration()
{
	sed -n 's/^abs_top_srcdir = //p; s/^abs_top_builddir = //p' Makefile
	./config.status --config
}

# configure_in FOLDER SOURCE WORD...: configure unless that was done just so; what another
# configuration, or the same one before the tree was moved, has left there is cleaned first.
configure_in()
(
	folder=$1 source=$2
	shift 2
	mkdir -p "$folder" && cd "$folder" || return 1
	if [ -f Makefile ] && [ -x config.status ]; then
		{ echo "$source $folder $*"; configuration; } 2>/dev/null |
			cmp -s - .configured-with && return 0
		echo "the folder was configured differently: starting anew"
		make -s distclean || true # a Makefile of a moved tree may not even load
		find src common cli fsops drivers lb tests -name '*.o' -delete -o -name '*.so' -delete
	fi
	rm -f Makefile config.status .configured-with
	# By a relative name: those of a source folder with spaces in it are refused by automake.
	"$(realpath --relative-to . "$source")/configure" -q "$@" || return 1
	{ echo "$source $folder $*"; configuration; } >.configured-with
)

# One job a processor, but no more than memory carries.
build_jobs()
{
	local cpus memory
	cpus=$(nproc)
	memory=$(awk '/MemAvailable/ { print int($2 / 400000) + 1 }' /proc/meminfo)
	echo $((cpus < memory ? cpus : memory))
}

# Whether the tree itself is configured, with whatever words, and stands where it did then.
configured_here()
{
	[ -x "$top/config.status" ] && [ -f "$top/Makefile" ] &&
		(cd "$top" && configuration | head -n 2) 2>/dev/null |
		cmp -s - <(printf '%s\n' "$top" "$top")
}

# build WORD...: in the tree itself. A configuration that is there stays, whoever made it, and
# outlives a move of the tree. Where there is none, the words are for configure.
build()
{
	local words
	bootstrap || return
	if ! configured_here; then
		words=$("$top/config.status" --config 2>/dev/null) && eval "set -- $words"
		configure_in "$top" "$top" "$@" || return
	fi
	make -s -C "$top" -j"$(build_jobs)"
}

# A python3 that has pytest: the first in PATH may be one without Debian's packages.
find_python()
{
	local python
	for python in "${PYTHON:-python3}" /usr/bin/python3; do
		"$python" -c 'import pytest, xdist, prometheus_client, cryptography' 2>/dev/null &&
			echo "$python" && return 0
	done
	echo "no python3 with pytest, xdist, prometheus_client and cryptography: ./check installs them" >&2
	return 1
}

#!/usr/bin/env bash
# usage: tools/fuzz.sh FUZZTIME
# Runs every fuzz target of this module, one after the other, for FUZZTIME each. New ones are found by themselves.
set -euo pipefail
cd "$(dirname "$0")/.."

fuzztime=${1:?usage: $0 FUZZTIME}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# `go test -list` prints the names of a package's targets, then "ok" and the package.
if ! listing=$(go test -vet=off -list '^Fuzz' ./...); then
	printf '%s\n' "$listing"
	exit 1
fi
targets=$(awk '/^Fuzz/ { names[n++] = $1 } /^ok/ { for (i = 0; i < n; i++) print $2, names[i]; n = 0 }' <<<"$listing")
if [[ -z $targets ]]; then
	echo "no fuzz targets"
	exit
fi

# Before Go 1.27 the fuzzer itself now and then takes the end of its time for a failure. Such a run names no input, has
# nothing else to say between "--- FAIL" and "FAIL", and tells nothing about the target.
only_time_is_up() {
	[[ $(sed -n '/^--- FAIL/,/^FAIL$/ { /FAIL/! p }' "$log" | tr -s '[:space:]' ' ') == " context deadline exceeded " ]]
}

# Coverage differs from run to run where goroutines take part, so that making an input smaller may find no end: it gets
# ten tries.
fuzz() {
	local package=$1 target=$2
	echo "--> $target in $package"
	for _ in 1 2 3; do
		if go test -run='^$' -fuzz="^$target\$" -fuzztime="$fuzztime" -fuzzminimizetime=10x "$package" 2>&1 </dev/null | tee "$log"; then
			return
		fi
		only_time_is_up || return 1
		echo "--> the fuzzer failed, not the target: again, three times at most"
	done
	return 1
}

while read -r package target; do
	fuzz "$package" "$target"
done <<<"$targets"

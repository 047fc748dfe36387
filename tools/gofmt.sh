#!/usr/bin/env bash
# usage: tools/gofmt.sh check|write
# Formats this tree's Go files, or fails naming those that are not formatted.
set -euo pipefail
cd "$(dirname "$0")/.."

# The gofmt of the go command in use: versions differ in details.
gofmt=$(go env GOROOT)/bin/gofmt

# Not gofmt's own walk: it would enter node_modules, where packages bring Go files of their own.
go_files() {
	find . \( -name '.?*' -o -name node_modules -o -name testdata \) -prune -o -name '*.go' -print0
}

case ${1-} in
write)
	go_files | xargs -0 "$gofmt" -w
	;;
check)
	unformatted=$(go_files | xargs -0 "$gofmt" -l)
	if [[ -n $unformatted ]]; then
		printf 'Not formatted:\n%s\nTo fix it: make format\n' "$unformatted" >&2
		exit 1
	fi
	;;
*)
	echo "usage: $0 check|write" >&2
	exit 2
	;;
esac

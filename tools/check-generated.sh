#!/usr/bin/env bash
# usage: tools/check-generated.sh
# Fails when a directory of generated code is not exactly what proto/ generates now. It generates beside the tree and
# compares, so it neither changes a file nor cares about what is committed.
set -euo pipefail
cd "$(dirname "$0")/.."

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
go tool -modfile=tools/buf/go.mod buf generate --output "$fresh"

stale=
while read -r out; do
	diff -rq "$out" "$fresh/$out" >&2 || stale=1
done < <(sed -n 's/^ *out: *//p' buf.gen.yaml | sort -u)

if [[ -n $stale ]]; then
	echo "Generated code is not what proto/ generates. To fix it: make generate" >&2
	exit 1
fi

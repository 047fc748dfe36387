#!/usr/bin/env bash
# usage: tools/check-tidy.sh
# Fails when `go mod tidy` would change this module or one of the modules in tools/.
set -euo pipefail
cd "$(dirname "$0")/.."

untidy=()
for mod in go.mod tools/*/go.mod; do
	dir=$(dirname "$mod")
	go -C "$dir" mod tidy -diff || untidy+=("$dir")
done

if [[ ${#untidy[@]} != 0 ]]; then
	echo "Not tidy. To fix it:" >&2
	printf '  go -C %s mod tidy\n' "${untidy[@]}" >&2
	exit 1
fi

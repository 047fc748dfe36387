#!/usr/bin/env bash
# usage: tools/web-deps.sh
# Installs what clients/web is built and tested with, if it is not there as package-lock.json has it.
set -euo pipefail
cd "$(dirname "$0")/../clients/web"

# npm notes in this file what it has installed.
installed=node_modules/.package-lock.json
if [[ ! -e $installed || package-lock.json -nt $installed ]]; then
	echo "==> npm ci"
	npm ci --no-audit --no-fund
	touch "$installed"
fi

#!/usr/bin/env bash
# usage: tools/need.sh go|cc|make|nginx|node|chromium ...
# Makes sure that what the build cannot do without is there. Debian's packages are installed where that is allowed
# (root, apt-get); otherwise the line that installs what is missing is printed.
set -euo pipefail
cd "$(dirname "$0")/.."

# debian PACKAGE PURPOSE
debian() {
	if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
		echo "==> apt-get install $1 ($2)"
		# At run level 1 nothing that is installed is started.
		if apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qq -y "$1" </dev/null; then
			return
		fi
	fi
	echo "$2 is missing. On Debian or Ubuntu: apt-get install $1" >&2
	exit 1
}

need_make() {
	command -v make >/dev/null || debian make "make"
}

# The race detector needs cgo, and cgo a C compiler.
need_cc() {
	local cc
	cc=$(go env CC 2>/dev/null) || cc=${CC:-gcc}
	command -v "${cc%% *}" >/dev/null || debian gcc "a C compiler (${cc%% *}) for go test -race"
}

need_go() {
	local want have
	want=$(sed -n 's/^go //p' go.mod tools/*/go.mod | sort -V | tail -n 1)
	if ! command -v go >/dev/null; then
		echo "Go is missing. Install $want or later: https://go.dev/doc/install" >&2
		exit 1
	fi
	have=$(go env GOVERSION)
	have=${have#go}
	if [[ $(printf '%s\n' "$want" "${have%% *}" | sort -V | head -n 1) != "$want" ]]; then
		echo "Go $have is too old. This lets it fetch what is needed: go env -w GOTOOLCHAIN=go$want+auto" >&2
		echo "Or install $want or later: https://go.dev/doc/install" >&2
		exit 1
	fi
}

# Debian has it where only root looks for programs.
need_nginx() {
	command -v nginx >/dev/null || [[ -x /usr/sbin/nginx ]] || debian nginx "nginx, for the test of deploy/nginx.conf"
}

# Debian's own Node is too old as a rule, so that it is not installed here.
need_node() {
	local want=20.19 have=none
	if command -v node >/dev/null && command -v npm >/dev/null; then
		have=$(node --version)
		have=${have#v}
		[[ $(printf '%s\n' "$want" "$have" | sort -V | head -n 1) != "$want" ]] || return 0
	fi
	echo "Node.js $want or later, with npm, is needed for the TypeScript client (here: $have): https://nodejs.org" >&2
	exit 1
}

need_chromium() {
	[[ -x ${BECKON_CHROMIUM:-/usr/bin/chromium} ]] || debian chromium "Chromium, for the browser tests (or BECKON_CHROMIUM=path)"
}

for tool in "$@"; do
	"need_$tool"
done

#!/usr/bin/env bash
# usage: tools/bench-guard.sh [REF]
# Measures this tree beside REF, by default the last tag, and fails when it got worse: when a benchmark of the hot path makes
# more allocations, when a session takes more heap, or when the server is slower beside the bare relay than it was. Times are shown, but decide nothing: on a
# machine that others use, too, they say little. tools/benchguard decides.
#
# Exit code: 0, nothing got worse; 1, something did; 2, it could not be measured.
set -Eeuo pipefail
cd "$(dirname "$0")/.."

count=${COUNT:-6}              # How often each benchmark runs, the two trees in turns.
benchtime=${BENCHTIME:-100ms}  # How long each time.
calls=${CALLS:-3}              # How often each tree is measured beside the bare relay, in turns.
rounds=${ROUNDS:-3}            # Rounds of one such measurement.
duration=${DURATION:-1s}       # How long one round is.
pairs=${PAIRS:-100}            # Pairs that call in it.
core=${CORE:-}                 # The processor that benchmarks run on. Default: the last one that this process may use.
keep=${KEEP:-}                 # A directory that gets what was measured.
packages=(server/hub server/wire server/roomlog/memlog)
benchmarks=${BENCHMARKS:-'^Benchmark(Relay|Append|IdleSession)$'}

fail() {
	echo "bench-guard: $*" >&2
	exit 2
}
trap 'fail "line $LINENO: \"$BASH_COMMAND\" failed"' ERR

ref=${1:-$(git describe --tags --abbrev=0 2>/dev/null || true)}
[[ -n $ref ]] || fail "there is no tag yet; say what to compare with, such as: $0 HEAD"
commit=$(git rev-parse --verify --quiet "$ref^{commit}") || fail "\"$ref\" is no commit"

tmp=$(mktemp -d)
clean() {
	if [[ -e $tmp/tree ]]; then
		git worktree remove --force "$tmp/tree" || true
	fi
	rm -rf "$tmp"
}
trap clean EXIT
trap 'exit 2' INT TERM

# Both trees are built alike. A package that the old one does not have cannot have got worse.
mkdir -p "$tmp/old" "$tmp/new"
git worktree add --quiet --detach "$tmp/tree" "$commit"
echo "==> building $ref and this tree"
measured=()
for package in "${packages[@]}"; do
	if [[ ! -d $tmp/tree/$package ]]; then
		echo "$ref has no $package: left out"
		continue
	fi
	measured+=("$package")
	go -C "$tmp/tree" test -c -o "$tmp/old/${package//\//-}.test" "./$package"
	go test -c -o "$tmp/new/${package//\//-}.test" "./$package"
done
go -C "$tmp/tree" build -o "$tmp/old/beckon" ./cmd/beckon
go build -o "$tmp/new/beckon" ./cmd/beckon
go build -o "$tmp/benchguard" ./tools/benchguard

pin=()
if command -v taskset >/dev/null; then
	if [[ -z $core ]]; then
		core=$(taskset -cp $$ | sed 's/.*[:,-] *//')
	fi
	pin=(taskset -c "$core")
fi

# in_turns N COMMAND: runs COMMAND TREE ROUND for both trees, N times, and neither is always the first.
in_turns() {
	local n=$1 round
	shift
	for ((round = 1; round <= n; round++)); do
		if ((round % 2)); then
			"$@" old "$round"
			"$@" new "$round"
		else
			"$@" new "$round"
			"$@" old "$round"
		fi
	done
}

run_benchmarks() {
	local tree=$1 package root=.
	[[ $tree == new ]] || root=$tmp/tree
	for package in "${measured[@]}"; do
		(cd "$root/$package" && GOMAXPROCS=1 "${pin[@]}" "$tmp/$tree/${package//\//-}.test" -test.run='^$' -test.bench="$benchmarks" \
			-test.benchmem -test.benchtime="$benchtime") >>"$tmp/$tree.txt"
	done
}

run_calls() {
	"$tmp/$1/beckon" bench calls --against bare --json --rounds "$rounds" --duration "$duration" --warm-up 500ms --pairs "$pairs" \
		>"$tmp/$1-$2.json"
}

echo "==> benchmarks, $count times each"
in_turns "$count" run_benchmarks
echo "==> calls beside the bare relay, $calls times each"
in_turns "$calls" run_calls

benchstat=(go tool -modfile=tools/benchstat/go.mod benchstat)
"${benchstat[@]}" old="$tmp/old.txt" new="$tmp/new.txt"
"${benchstat[@]}" -format csv old="$tmp/old.txt" new="$tmp/new.txt" >"$tmp/stat.csv" 2>/dev/null # Its remarks were above.
if [[ -n $keep ]]; then
	mkdir -p "$keep"
	cp "$tmp"/*.txt "$tmp"/*.csv "$tmp"/*.json "$keep"
fi

trap - ERR
"$tmp/benchguard" -stat "$tmp/stat.csv" -old "$tmp/old-*.json" -new "$tmp/new-*.json" ${WORSE:+-worse "$WORSE"}

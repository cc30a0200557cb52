#!/usr/bin/env bash
# Runs a fuzz target for a while: libFuzzer with its counters, without a sanitizer (those want a nightly compiler, and what is
# looked for here are broken promises and panics, not memory: the code has no unsafe but in two audited modules).
#
# fuzz.sh TARGET [SECONDS] [-OPTION=…]…    default: 600 s; further options are libFuzzer's
# fuzz.sh --list                           the targets
#
# What is found is kept in tests/fuzz/artifacts/TARGET; make it a case of the property test with the same body.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cd "$ATOLL_ROOT/tests/fuzz"
targets=$(sed -n 's/^name = "\(.*\)"$/\1/p' Cargo.toml | grep -v '^fuzz$')
if [[ ${1:-} == --list ]]; then
  printf '%s\n' "$targets"
  exit 0
fi
target=${1:-} seconds=${2:-600}
grep -qxF -- "$target" <<<"$targets" || die "fuzz.sh: which target? $(tr '\n' ' ' <<<"$targets")"
shift $(($# < 2 ? $# : 2))
"$ATOLL_ROOT/scripts/rust.sh" fuzz
mkdir -p "$ATOLL_ROOT/webchat/dist" # built in, be it nothing
# The versions of the workspace, and what drives the targets besides.
cp "$ATOLL_ROOT/Cargo.lock" Cargo.lock
# Apart: everything is built once more, with counters in it.
export CARGO_TARGET_DIR=$ATOLL_CACHE/target-fuzz
exec cargo fuzz run --fuzz-dir . --sanitizer none "$target" -- -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 "$@"

#!/usr/bin/env bash
# Sees to it that there is a Rust toolchain new enough for this project and, when asked for, the two
# cargo commands that ./check uses.
#
# rust.sh                  cargo and rustc
# rust.sh nextest deny     …and cargo-nextest, cargo-deny; cargo-fuzz is there for scripts/fuzz.sh
#
# Exit code: 0 all there; 1 something can't be had (named); 3 only cargo-deny can't be had.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The versions that are installed where there are none: known to build with this project's Rust.
NEXTEST=0.9.114
DENY=0.20.2
FUZZ=0.13.2

minimum=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$ATOLL_ROOT/Cargo.toml")

# A missing toolchain is installed as its makers say, for this user only.
install_rust() {
  say "There is no Rust toolchain (cargo). Installing one with rustup's own installer,"
  say "from https://sh.rustup.rs into ~/.cargo and ~/.rustup, for you only; no file of your shell is changed."
  local script
  script=$(mktemp)
  curl --proto '=https' --tlsv1.2 --silent --show-error --fail https://sh.rustup.rs --output "$script" ||
    die "rustup's installer can't be had. Install Rust $minimum or newer by hand (https://rustup.rs) and start again."
  sh "$script" -y --no-modify-path --profile minimal --component rustfmt --component clippy ||
    die "rustup's installer failed; see its words above."
  rm -f "$script"
  PATH=$PATH:$HOME/.cargo/bin
}

# cargo_tool COMMAND VERSION WHAT_FOR: from cargo's registry into the cache; compiled once, some minutes.
# Without optimisation: they are built once and run for seconds.
cargo_tool() {
  local log=$ATOLL_CACHE/$1.log
  have "$1" && return
  say "Installing $1 ($3) from cargo's registry into $ATOLL_CACHE/tools; this compiles it, once (log: $log)"
  if ! CARGO_TARGET_DIR=$ATOLL_CACHE/tools/target \
    cargo install --locked --debug --root "$ATOLL_CACHE/tools" "$1" --version "=$2" >"$log" 2>&1 </dev/null; then
    warn "$1 could not be installed: $(tail -n 1 "$log")"
    return 1
  fi
  rm -rf "$ATOLL_CACHE/tools/target"
}

have cargo || install_rust
have rustc || die "cargo is here but rustc isn't: reinstall the Rust toolchain (https://rustup.rs)."
version=$(rustc --version | cut -d' ' -f2)
version_at_least "$version" "$minimum" || die "Rust $version is too old, Atoll needs $minimum or newer. With rustup: rustup update stable"

# rustfmt and clippy come with most toolchains, not with all.
if (($#)) && have rustup; then
  for part in fmt clippy; do
    cargo "$part" --version >/dev/null 2>&1 || rustup component add "${part/#fmt/rustfmt}" ||
      die "cargo $part can't be had: rustup component add ${part/#fmt/rustfmt}"
  done
fi

status=0
for tool in "$@"; do
  case $tool in
    nextest) cargo_tool cargo-nextest "$NEXTEST" 'runs the tests' || die "Without cargo-nextest the tests can't run." ;;
    deny) cargo_tool cargo-deny "$DENY" 'checks licences' || status=3 ;;
    fuzz) cargo_tool cargo-fuzz "$FUZZ" 'runs the fuzz targets' || die "Without cargo-fuzz the fuzz targets can't run." ;;
    *) die "rust.sh: no tool '$tool'; there are nextest, deny and fuzz" ;;
  esac
done
exit "$status"

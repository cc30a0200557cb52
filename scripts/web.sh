#!/bin/sh
# Builds the web chat into webchat/dist, unless it is there already and as new as its sources.
# Wants Node 20.19 or later with npm; the packages come from the npm registry, exactly those of package-lock.json.
#   scripts/web.sh            build if need be
#   scripts/web.sh --force    build anyhow
set -eu
cd "$(dirname "$0")/../webchat"

fresh() {
    [ -f dist/index.html ] || return 1
    [ -z "$(find src public index.html package.json package-lock.json vite.config.ts tsconfig.json \
        -newer dist/index.html -print | head -n 1)" ]
}

if [ "${1:-}" != --force ] && fresh; then
    echo "web chat: up to date"
    exit 0
fi

command -v npm >/dev/null || {
    echo "web chat: npm is missing; install Node.js 20.19 or later with npm" >&2
    exit 1
}

# npm writes this file last, so it tells whether the installation is whole and of this lock.
if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    npm ci --no-audit --no-fund
    touch node_modules/.package-lock.json
fi
npm run --silent build
echo "web chat: built in webchat/dist"

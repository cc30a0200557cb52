# shellcheck shell=bash disable=SC2034,SC2153  # shared with the script that sources this file
# ./check --as-new: everything as on a machine that never saw the project, in a folder that ends with the run. Sourced after
# lib.sh and legs.sh.

# as_new ARGUMENT…: ./check with these, on the last commit, with a home and caches that are empty.
as_new() {
  local name from=$HOME keep=()
  git -C "$ATOLL_ROOT" rev-parse --quiet --verify HEAD >/dev/null || die "--as-new wants a clone with at least one commit."
  [[ -z $(git -C "$ATOLL_ROOT" status --porcelain) ]] || warn "What is not committed is not looked at."
  rm -rf "$LOGS_AS_NEW"
  mkdir -p "$LOGS_AS_NEW"
  own_dir
  say "As new, in $OWN_DIR (some 20 GB for all legs; elsewhere with TMPDIR); the logs stay in $LOGS_AS_NEW"
  mkdir "$OWN_DIR/home" "$OWN_DIR/cargo"
  git clone --quiet --no-hardlinks "$ATOLL_ROOT" "$OWN_DIR/atoll"
  # How this machine reaches its registries is no cache, and neither is its toolchain.
  for name in config.toml config; do
    [[ ! -e ${CARGO_HOME:-$from/.cargo}/$name ]] || cp "${CARGO_HOME:-$from/.cargo}/$name" "$OWN_DIR/cargo/"
  done
  [[ ! -e $from/.npmrc ]] || keep+=(NPM_CONFIG_USERCONFIG="${NPM_CONFIG_USERCONFIG:-$from/.npmrc}")
  [[ ! -e $from/.config/pip/pip.conf ]] || keep+=(PIP_CONFIG_FILE="${PIP_CONFIG_FILE:-$from/.config/pip/pip.conf}")
  [[ ! -d ${RUSTUP_HOME:-$from/.rustup} ]] || keep+=(RUSTUP_HOME="${RUSTUP_HOME:-$from/.rustup}")
  # Whatever else the caller's shell says about Atoll is not known there.
  for name in $(compgen -v ATOLL_); do
    [[ $name == ATOLL_SUMMARY || $name == ATOLL_RUN ]] || export -n "${name?}"
  done
  # The tools that a former run compiled into the cache are not there either.
  PATH=${PATH//"$ATOLL_CACHE/tools/bin:"/}
  env "${keep[@]}" HOME="$OWN_DIR/home" CARGO_HOME="$OWN_DIR/cargo" CARGO_TARGET_DIR="$OWN_DIR/target" \
    ATOLL_CACHE="$OWN_DIR/cache" ATOLL_LOGS="$LOGS_AS_NEW" XDG_CACHE_HOME="$OWN_DIR/home/.cache" \
    npm_config_cache="$OWN_DIR/home/.npm" "$BASH" "$OWN_DIR/atoll/check" "$@" &
  own $! check
  wait $!
}

# shellcheck shell=bash disable=SC2034  # what is set here is used by those who source this file
# What ./demo, ./check, ./bench and the scripts beside this file share: where things are kept, how
# messages look, who may install, and the promise that whatever was started here also ends here.
#
# Sourced, never run. The caller has `set -euo pipefail` on.
#
# Environment it heeds:
#   ATOLL_CACHE        folder for everything that is built or downloaded (default ~/.cache/atoll)
#   CARGO_TARGET_DIR   where cargo builds (default $ATOLL_CACHE/target)

ATOLL_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export ATOLL_CACHE=${ATOLL_CACHE:-${HOME:?HOME is not set}/.cache/atoll}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$ATOLL_CACHE/target}
# Debian's own interpreter: the slixmpp package belongs to it, and not to one from pyenv or conda.
PYTHON=/usr/bin/python3
mkdir -p "$ATOLL_CACHE"

# Tools that a former run put into the cache come first; rustup's folder may not be in PATH yet.
PATH=$ATOLL_CACHE/tools/bin:$PATH
[[ -d $HOME/.cargo/bin && :$PATH: != *:$HOME/.cargo/bin:* ]] && PATH=$PATH:$HOME/.cargo/bin
# Debian keeps libvirtd and friends where ordinary users don't look.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH


# -- Messages ---------------------------------------------------------------------------------

if [[ -t 2 && -z ${NO_COLOR:-} ]]; then
  _bold=$'\e[1m' _red=$'\e[31m' _yellow=$'\e[33m' _plain=$'\e[0m'
else
  _bold='' _red='' _yellow='' _plain=''
fi

# say WORDS…: one line of progress, on standard error so that standard output stays usable.
say() { printf '%s\n' "${_bold}·${_plain} $*" >&2; }

# warn WORDS…: something is not as it should be, and we go on.
warn() { printf '%s\n' "${_yellow}! $*${_plain}" >&2; }

# die WORDS…: what went wrong and what to do, then the end (exit code 1).
die() {
  printf '%s\n' "${_red}✗ $*${_plain}" >&2
  exit 1
}

# have COMMAND: is there such a program?
have() { command -v "$1" >/dev/null 2>&1; }

# version_at_least HAVE WANT: compares dotted versions.
version_at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n1) == "$2" ]]; }


# -- Rights -----------------------------------------------------------------------------------

am_root() { [[ $(id -u) -eq 0 ]]; }

# as_root COMMAND…: as it is when root, else through sudo, else a clear end.
as_root() {
  if am_root; then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    die "This needs root, and there is no sudo: run as root once:  $*"
  fi
}


# -- What we start ends with us ----------------------------------------------------------------
#
# Every process that is to outlive the line that starts it is written into a list with its start
# time, so that a number the kernel has given to somebody else meanwhile is never signalled. The
# list is worked off, last started first, by a trap on every way out, and by a guard process when
# we are killed so hard (SIGKILL) that no trap runs.

OWN_DIR=''

# process_born PID: when it started, in clock ticks since boot; empty when there is no such process.
process_born() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  # The name in parentheses may hold blanks: field 22 is the 20th after it.
  set -- "${stat##*) }"
  # shellcheck disable=SC2086  # to be split into fields
  set -- $1
  [[ $1 == Z ]] || printf '%s' "${20}"
}

# own_dir: makes the private folder of this run in a short path, because a Unix socket's path
# may have 107 bytes and libvirt's are long. Gives it in OWN_DIR and sets the traps.
own_dir() {
  OWN_DIR=$(mktemp -d "${TMPDIR:-/tmp}/atoll-XXXXXX")
  chmod 711 "$OWN_DIR"
  : >"$OWN_DIR/pids"
  trap 'own_end' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
  # The guard holds nothing of ours open and is out of reach of the terminal's Ctrl-C.
  setsid --fork "$BASH" "$ATOLL_ROOT/scripts/guard.sh" $$ "$(process_born $$)" "$OWN_DIR" \
    </dev/null >/dev/null 2>&1
  # From here on every descendant carries this mark, see own_strays.
  export ATOLL_RUN=$OWN_DIR
}

# own PID NAME: this process is ours and ends with us.
own() {
  local born
  born=$(process_born "$1")
  [[ -z $born ]] || printf '%s %s %s\n' "$1" "$born" "$2" >>"$OWN_DIR/pids"
}

# start USER NAME LOG COMMAND…: starts a process of ours as that user (empty: as ourselves), in a
# session of its own (Ctrl-C must reach us only, so that things end in order), told by the kernel
# to end should we die. Gives its number in STARTED.
start() {
  local user=$1 name=$2 log=$3 as=(setpriv)
  shift 3
  [[ -z $user ]] || as+=(--reuid "$user" --regid "$(id -g "$user")" "${START_GROUPS:---clear-groups}")
  setsid "${as[@]}" --pdeathsig TERM "$@" </dev/null >>"$log" 2>&1 &
  STARTED=$!
  own "$STARTED" "$name"
}

# alive PID: does this process of ours still run?
alive() { [[ -n $(process_born "$1") ]]; }

# own_kill SIGNAL PID BORN: the process and its group, only if it is still the one we started.
own_kill() {
  [[ $(process_born "$2") == "$3" ]] || return 1
  kill "-$1" -- "-$2" 2>/dev/null || kill "-$1" "$2" 2>/dev/null
}

# own_guests: machines of a private libvirtd in OWN_DIR outlive it, by libvirt's design. Each is
# written "PID BORN" if its command line names our folder.
own_guests() {
  local file pid
  for file in "$OWN_DIR"/*/libvirt/qemu/run/*.pid; do
    pid=$(cat "$file" 2>/dev/null) || continue
    grep -qF "$OWN_DIR" "/proc/$pid/cmdline" 2>/dev/null || continue
    printf '%s %s\n' "$pid" "$(process_born "$pid")"
  done
}

# own_strays: descendants whose parents ended without them; told by the mark in their environment.
own_strays() {
  local file pid
  while read -r file; do
    pid=${file#/proc/}
    pid=${pid%/environ}
    [[ $pid == "$$" || $pid == "$BASHPID" ]] || printf '%s %s\n' "$pid" "$(process_born "$pid")"
  done < <(grep -lszxF -f <(printf 'ATOLL_RUN=%s' "$OWN_DIR") /proc/[0-9]*/environ)
}

# own_end: ends everything in the list, last first, each asked (SIGTERM) and given 10 s before
# SIGKILL; then the machines and what else is left; then removes the folder. Safe to be called twice.
own_end() {
  local status=$? pid born _ guests
  trap '' INT TERM HUP
  [[ -d ${OWN_DIR:-} ]] || return "$status"
  exec 2>/dev/null # the shell's own words about the children that end now
  guests=$(own_guests)
  while read -r pid born _; do
    own_kill TERM "$pid" "$born" || continue
    for _ in {1..200}; do
      [[ $(process_born "$pid") == "$born" ]] || break
      sleep 0.05
    done
    own_kill KILL "$pid" "$born" || true
  done < <(tac "$OWN_DIR/pids")
  guests+=$'\n'$(own_guests)$'\n'$(own_strays)
  while read -r pid born; do
    [[ -z $born ]] || own_kill KILL "$pid" "$born" || true
  done <<<"$guests"
  rm -rf "$OWN_DIR"
  return "$status"
}

# wait_for SECONDS PID COMMAND…: until the command succeeds. Fails at the deadline, and as soon as
# the process that is to bring it about (0: none) is gone.
wait_for() {
  local deadline=$((SECONDS + $1)) pid=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || return 1
    ((pid == 0)) || alive "$pid" || return 1
    sleep 0.1
  done
}

# listens PORT: does something on the loopback accept connections there?
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_ports N: so many different ports of the loopback that nobody uses.
free_ports() {
  "$PYTHON" - "$1" <<'PY'
import socket, sys
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(s.getsockname()[1] for s in held))
PY
}

# random_word: 24 hexadecimal digits of the kernel's randomness.
random_word() { od -An -N12 -tx1 /dev/urandom | tr -d ' \n'; }

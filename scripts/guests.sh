# shellcheck shell=bash disable=SC2034,SC2153,SC2154  # shared with those who source this file
# The guests of ./demo: small real machines under the private libvirtd of servers.sh. Their kernel and
# initramfs come from guest.sh, their description from tests/hosts/guest.xml, the same as in the tests.

# The machines of each host.
HV1_MACHINES=(web1 web2 db1)
HV2_MACHINES=(mail1)
MACHINES=("${HV1_MACHINES[@]}" "${HV2_MACHINES[@]}")

GUEST_IMAGE=$ATOLL_CACHE/guest

# guest_image_ready: kernel and initramfs are in the cache. The kernel is a Debian package that is
# fetched and not installed: should apt not find it, its lists may be missing or old.
guest_image_ready() {
  "$ATOLL_ROOT/scripts/guest.sh" >/dev/null && return
  say "Trying again with fresh package lists (apt-get update)"
  as_root apt-get -o DPkg::Lock::Timeout=300 -qq update >&2 || true
  "$ATOLL_ROOT/scripts/guest.sh" >/dev/null ||
    die "The guests' image could not be built. Without guests: ./demo --test-driver"
}

# guests_prepare: what they boot from; GUEST_KIND says whether with KVM.
guests_prepare() {
  local user boot=$OWN_DIR/boot
  user=$(libvirt_user)
  mkdir -p "$boot"
  # QEMU's user may not look into our home.
  cp -L "$GUEST_IMAGE/vmlinuz" "$GUEST_IMAGE/initrd.gz" "$boot/"
  [[ -z $user ]] || chown -R "$user:" "$boot"
  GUEST_KIND=qemu
  if kvm_works "$user" "$boot"; then
    GUEST_KIND=kvm
  fi
}

# guests_start HOST NAME…: a storage pool "default" of its own, and the machines: all defined, all but web2
# running. They boot while the rest goes on.
guests_start() {
  local user host=$1 pool=$OWN_DIR/pool-$1 boot=$OWN_DIR/boot name
  shift
  user=$(libvirt_user)
  mkdir -p "$pool"
  [[ -z $user ]] || chown "$user:" "$pool"
  virsh_on "$host" pool-define-as default dir --target "$pool" >/dev/null
  virsh_on "$host" pool-start default >/dev/null
  virsh_on "$host" pool-autostart default >/dev/null
  for name in "$@"; do
    virsh_on "$host" vol-create-as default "$name.qcow2" 1GiB --format qcow2 >/dev/null
    guest_xml "$name" "$pool" >"$boot/$name.xml"
    virsh_on "$host" define "$boot/$name.xml" >/dev/null || die "libvirt refused the description of $name, see above."
  done
  for name in "$@"; do
    [[ $name == web2 ]] || virsh_on "$host" start "$name" >/dev/null || die "$name did not start, see above."
  done
}

# guest_xml NAME POOL: the template filled in, with its disk in that folder.
guest_xml() {
  sed -e "s|{NAME}|$1|g" -e "s|{KIND}|$GUEST_KIND|g" -e "s|{MEMORY}|128|g" -e "s|{BOOT}|$OWN_DIR/boot|g" \
    -e "s|{DISK}|$2/$1.qcow2|g" -e "s|{CONSOLE}|$OWN_DIR/boot/$1.console|g" \
    "$ATOLL_ROOT/tests/hosts/guest.xml"
}

# kvm_works USER FOLDER: does a guest boot with KVM, as that user? Tried, because /dev/kvm may be there
# and not work (nested machines), or be closed to this user. FOLDER holds kernel and initramfs.
kvm_works() {
  local console=$2/kvm.console works=1
  [[ -e /dev/kvm ]] || return 1
  start "$1" kvm-try "$2/../kvm.log" qemu-system-x86_64 -accel kvm -m 128 -display none -nodefaults \
    -no-reboot -serial "file:$console" -kernel "$2/vmlinuz" -initrd "$2/initrd.gz" \
    -append 'console=ttyS0 quiet panic=-1'
  wait_for 10 "$STARTED" grep -q 'atoll guest is up' "$console" || works=0
  kill -KILL "$STARTED" 2>/dev/null || true
  wait "$STARTED" 2>/dev/null || true
  ((works))
}

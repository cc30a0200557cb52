#!/bin/sh
# Builds the small guest for tests and for the demo: Debian's cloud kernel and an initramfs of busybox and the QEMU guest agent.
#
#   scripts/guest.sh [FOLDER]      default: ${ATOLL_CACHE:-$HOME/.cache/atoll}/guest
#
# Leaves FOLDER/vmlinuz and FOLDER/initrd.gz, and prints FOLDER. Does nothing when they are there and made by this very
# script. Nothing is installed: the kernel package is downloaded and unpacked. Needs no root.
# Packages: busybox-static cpio gzip kmod qemu-guest-agent, and package lists (apt-get update).
#
# The guest: powers off on the ACPI power button, answers the guest agent (channel org.qemu.guest_agent.0), takes and lets go of
# disks while it runs, asks DHCP for an address when it has a network card, gives a shell on its serial console.
set -eu

folder=${1:-${ATOLL_CACHE:-$HOME/.cache/atoll}/guest}
here=$(cd "$(dirname "$0")" && pwd)
made_by=$(sha256sum "$here/guest.sh" | cut -c1-16)

say() { echo "guest.sh: $*" >&2; }
fail() { say "$*"; exit 1; }

mkdir -p "$folder"
exec 9>"$folder/lock"
flock 9 || fail "can't lock $folder"
if [ "$(cat "$folder/made-by" 2>/dev/null)" = "$made_by" ] && [ -s "$folder/vmlinuz" ] && [ -s "$folder/initrd.gz" ]; then
    echo "$folder"
    exit 0
fi

for program in /bin/busybox /usr/sbin/qemu-ga cpio gzip dpkg apt-get; do
    command -v "$program" >/dev/null || fail "$program is missing (busybox-static, qemu-guest-agent, cpio)"
done
PATH=$PATH:/usr/sbin:/sbin
command -v depmod >/dev/null || fail "depmod is missing (kmod)"

work=$(mktemp -d "${TMPDIR:-/tmp}/atoll-guest.XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM

# The kernel package that is in the folder, if any.
fetched() {
    for package in "$folder"/linux-image-[0-9]*.deb; do
        if [ -e "$package" ]; then echo "$package"; fi
    done | tail -n 1
}

# The kernel: the package that Debian's cloud kernel stands for at present.
kernel=$(fetched)
if [ -z "$kernel" ]; then
    package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
    [ -n "$package" ] || fail "no cloud kernel in the package lists: run apt-get update"
    say "downloading $package"
    # Moved when it is whole: an interrupted download is no package.
    mkdir "$work/download"
    (cd "$work/download" && apt-get -q -o APT::Sandbox::User="$(id -un)" download "$package" >&2) || fail "can't download $package"
    mv "$work"/download/*.deb "$folder/"
    kernel=$(fetched)
fi
say "unpacking $(basename "$kernel")"
dpkg -x "$kernel" "$work/kernel"
version=$(ls "$work/kernel/lib/modules")
depmod -b "$work/kernel" "$version" 2>/dev/null

say "building the initramfs"
root=$work/root
mkdir -p "$root/bin" "$root/sbin" "$root/proc" "$root/sys" "$root/dev" "$root/etc" "$root/run" "$root/tmp" "$root/modules" "$root/usr/sbin" "$root/var/run"
cp /bin/busybox "$root/bin/busybox"

# Modules in the order in which they are loaded, each after those it stands on.
for module in virtio_pci virtio_blk virtio_console virtio_net virtio_balloon button evdev af_packet pvpanic-pci; do
    modprobe -d "$work/kernel" -S "$version" --show-depends "$module" 2>/dev/null | sed -n 's/^insmod \([^ ]*\).*/\1/p'
done | awk '!seen[$0]++' | while read -r file; do
    cp "$file" "$root/modules/"
    basename "$file" >>"$root/modules/order"
done

# The guest agent with the libraries it is linked to.
cp /usr/sbin/qemu-ga "$root/usr/sbin/qemu-ga"
ldd /usr/sbin/qemu-ga | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p; s/^[[:space:]]*\(\/[^ ]*ld-linux[^ ]*\).*/\1/p' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done

cat >"$root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin:/sbin:/usr/sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
while read -r module; do insmod "/modules/$module" 2>/dev/null; done </modules/order
hostname "$(sed -n 's/.*atoll.name=\([^ ]*\).*/\1/p' /proc/cmdline)"

# Any event of the power button is a press.
for event in /sys/class/input/event*; do
    if grep -q 'Power Button' "$event/device/name" 2>/dev/null; then
        (dd if="/dev/input/$(basename "$event")" of=/dev/null bs=24 count=1 2>/dev/null; echo "power button"; poweroff -f) &
    fi
done

# The agent's channel is one of the virtio ports; it tells its name.
mkdir -p /dev/virtio-ports
for port in /sys/class/virtio-ports/*; do
    name=$(cat "$port/name" 2>/dev/null)
    [ -n "$name" ] && ln -sf "../$(basename "$port")" "/dev/virtio-ports/$name"
done
[ -e /dev/virtio-ports/org.qemu.guest_agent.0 ] && qemu-ga -d -t /run >/dev/null 2>&1

if [ -e /sys/class/net/eth0 ]; then
    ip link set lo up
    ip link set eth0 up
    udhcpc -q -b -i eth0 -s /bin/lease >/dev/null 2>&1 &
fi
echo "atoll guest is up"
while :; do setsid cttyhack sh; done
INIT

# The agent calls it: -P and -H end, -r begins again.
cat >"$root/sbin/shutdown" <<'SHUTDOWN'
#!/bin/busybox sh
case " $* " in
    *" -r "*) /bin/busybox reboot -f ;;
    *) /bin/busybox poweroff -f ;;
esac
SHUTDOWN

cat >"$root/bin/lease" <<'LEASE'
#!/bin/busybox sh
[ "$1" = bound ] && ip addr add "$ip/${mask:-24}" dev "$interface"
LEASE
chmod +x "$root/init" "$root/sbin/shutdown" "$root/bin/lease"

(cd "$root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) | gzip -6 >"$work/initrd.gz"
cp "$work/kernel/boot/vmlinuz-$version" "$work/vmlinuz"
chmod a+r "$work/vmlinuz" "$work/initrd.gz"
mv "$work/vmlinuz" "$work/initrd.gz" "$folder/"
echo "$made_by" >"$folder/made-by"
say "done: kernel $version, $(du -h "$folder/initrd.gz" | cut -f1) initramfs"
echo "$folder"

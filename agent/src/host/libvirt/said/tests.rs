//! The table against what real hosts say.

use super::*;

/// What libvirt 9.0 with QEMU 7.2 said when each of these was provoked: sentence, first value, message.
const REAL: &str = include_str!("real.txt");

/// From libvirt's and QEMU's sources, for what can't be provoked without its hardware or rights.
const FROM_SOURCES: &[(&str, &str, &str)] = &[
    ("missing_bridge", "br9", "Cannot get interface MTU on 'br9': No such device"),
    (
        "device_in_use",
        "0000:01:00.0",
        "Requested operation is not valid: PCI device 0000:01:00.0 is in use by driver QEMU, domain render2",
    ),
    (
        "missing_device",
        "0000:7f:00.0",
        "Device 0000:7f:00.0 not found: could not access /sys/bus/pci/devices/0000:7f:00.0/config: No such file or directory",
    ),
    (
        "locked",
        "/pool/a.qcow2",
        "internal error: process exited while connecting to monitor: 2026-01-05T09:00:00Z qemu-system-x86_64: -blockdev {\"node-name\":\"x\"}: Failed to get shared \"write\" lock\nIs another process using the image [/pool/a.qcow2]?",
    ),
    ("locked_some", "", "Failed to get \"consistent read\" lock"),
    (
        "no_kvm",
        "",
        "Could not access KVM kernel module: Permission denied\nfailed to initialize kvm: Permission denied",
    ),
    (
        "snapshot_blocked",
        "",
        "internal error: unable to execute QEMU command 'savevm': State blocked by non-migratable device '0000:00:05.0/vfio'",
    ),
    ("agent_silent", "", "Guest agent is not responding: QEMU guest agent is not connected"),
    (
        "cpu_features",
        "avx2",
        "the CPU is incompatible with host CPU: Host CPU does not provide required features: missing features: avx2",
    ),
];

fn values(reason: &Reason) -> Option<&str> {
    reason.values.first().map(|(_, value)| value.as_str())
}

#[test]
fn what_real_hosts_say_is_recognised() {
    for line in REAL.lines() {
        let [sentence, value, message] = line.splitn(3, '\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let message = message.replace("\\n", "\n");
        let (reason, _) = recognise(&message).unwrap_or_else(|| panic!("not recognised: {message}"));
        assert_eq!((reason.sentence, values(&reason).unwrap_or_default()), (sentence, value), "{message}");
    }
}

#[test]
fn what_needs_hardware_is_recognised_as_the_sources_say_it() {
    for (sentence, value, message) in FROM_SOURCES {
        let (reason, _) = recognise(message).unwrap_or_else(|| panic!("not recognised: {message}"));
        assert_eq!((reason.sentence, values(&reason).unwrap_or_default()), (*sentence, *value), "{message}");
    }
}

#[test]
fn what_nobody_knows_is_told_in_its_own_words_without_the_noise() {
    let raw = "internal error: qemu unexpectedly closed the monitor: 2026-11-28T16:01:25.616972Z qemu-system-x86_64: -blockdev \
               {\"driver\":\"x\",\"a\":1}: Something\nnew happened";
    assert_eq!(recognise(raw), None);
    assert_eq!(words(raw), "Something new happened");
    assert_eq!(words(&"x".repeat(1_000)).chars().count(), MOST + 1);
}

//! What libvirt and QEMU say, recognised: one table from their words to a reason that has a sentence.
//!
//! libvirt's codes say little where it matters: most of what keeps a machine from starting is "internal error" (1), "operation
//! failed" (9), "unsupported" (67) or "system error" (38), with the reason in the message alone. The messages are libvirt's
//! in English: the daemon writes them in its own language, and an unknown one is told as it is.

use std::sync::LazyLock;

use regex::Regex;

use crate::host::{HostErrorKind as Kind, Reason};

/// One thing that is said.
struct Known {
    /// In the message; named groups become values of the sentence.
    pattern: &'static str,
    /// What sort of failure it is; `None` as libvirt's code has it.
    kind: Option<Kind>,
    /// `why_<sentence>` in `phrases.txt`.
    sentence: &'static str,
}

const fn known(pattern: &'static str, sentence: &'static str) -> Known {
    Known { pattern, kind: None, sentence }
}

const fn sort(pattern: &'static str, kind: Kind, sentence: &'static str) -> Known {
    Known { pattern, kind: Some(kind), sentence }
}

/// The first that fits counts: special ones before general ones.
static TABLE: &[Known] = &[
    // Files behind disks and firmware.
    known(
        r"(?s)Cannot access backing file '(?<path>[^']+)' of storage file '(?<image>[^']+)'.*: No such file",
        "missing_backing",
    ),
    known(
        r"(?s)backing file '(?<path>[^']+)' of storage file '(?<image>[^']+)'.*: Permission denied",
        "denied_backing",
    ),
    known(r"could not open kernel file '(?<path>[^']+)': No such file", "missing_file"),
    known(r"(?s)Could not open backing file.*Could not open '(?<path>[^']+)': No such file", "missing_file"),
    known(
        r"(?s)(?:Cannot access storage file|[Ff]ailed to open(?: file)?|cannot open file|Could not open|Unable to open) '(?<path>[^']+)'.*: No such (?:file|device)",
        "missing_file",
    ),
    known(
        r"(?s)(?:Cannot access storage file|[Ff]ailed to open(?: file)?|cannot open file|Could not open|Unable to open|cannot create path|Failed to create file|cannot extend file|Could not create) '?(?<path>/[^':]+)'?.*: (?:Permission denied|Operation not permitted)",
        "denied_file",
    ),
    known(r"cannot open directory '(?<path>[^']+)': No such file", "missing_folder"),
    known(r"cannot open (?:directory|volume) '(?<path>[^']+)': Permission denied", "denied_file"),
    known(r"cannot stat file '(?<path>[^']+)': No such file", "missing_file"),
    known(r"Image is not in (?<format>\w+) format", "wrong_format"),
    known(r"(?:Image is corrupt|qcow2: Image is corrupt|cannot be opened read/write)", "corrupt"),
    known(r"(?s)Is another process using the image \[(?<path>[^\]]+)\]", "locked"),
    sort(r#"Failed to get (?:shared )?"[\w ]+" lock"#, Kind::Busy, "locked_some"),
    sort(
        r"storage file .*'(?<path>[^']+)' .*already in use|volume '(?<path2>[^']+)' is still being allocated",
        Kind::Busy,
        "locked",
    ),
    known(r"Unknown driver '(?<name>[^']+)'", "no_driver"),
    known(r"Failed to connect to '(?<name>[^']+)': |error connecting to (?<name2>\S+)", "no_server"),
    // Volumes and pools.
    known(r"no storage (?:vol|volume) with matching (?:name|path|key) '(?<name>[^']+)'", "missing_volume"),
    known(r"no storage pool with matching (?:name|uuid|target path) '(?<name>[^']+)'", "missing_pool"),
    known(r"storage pool '(?<name>[^']+)' (?:containing volume '[^']*' )?is not active", "stopped_pool"),
    sort(
        r"storage volume '(?<name>[^']+)' exists already|storage vol(?:ume)? '(?<name2>[^']+)' already exists",
        Kind::Exists,
        "exists_volume",
    ),
    sort(r"pool '(?<name>[^']+)' (?:already exists|is already defined) with uuid", Kind::Exists, "exists_pool"),
    known(r"pool '(?<name>[^']+)' has asynchronous jobs running", "busy_pool"),
    sort(r"No space left on device|Disk quota exceeded", Kind::NoRoom, "no_space"),
    sort(r"File too large|numerical overflow: value too large", Kind::NoRoom, "too_large"),
    known(r"unknown volume format type (?<name>\S+)", "format_unknown"),
    // Firmware, machine types, processors, memory.
    known(
        r"Unable to find any firmware to satisfy '(?<name>[^']+)'|Unable to find any master var store for loader",
        "no_firmware",
    ),
    sort(
        r"does not support virt type 'kvm'|Could not access KVM kernel module|failed to initialize kvm|KVM is not available",
        Kind::Unsupported,
        "no_kvm",
    ),
    known(
        r"does not support machine type '(?<name>[^']+)'|unsupported machine type '?(?<name2>[^']+)'?",
        "machine_type",
    ),
    known(
        r"No emulator found for arch '(?<name>[^']+)'|could not find capabilities for arch=(?<name2>\S+)",
        "no_emulator",
    ),
    known(
        r"Cannot check QEMU binary (?<path>[^:]+): No such file|Cannot find QEMU binary (?<path2>\S+)",
        "missing_qemu",
    ),
    known(r"Unknown CPU model (?<name>\S+)", "cpu_unknown"),
    known(
        r"CPU mode '(?<name>[^']+)' .*not supported|unable to find CPU definition|'host-(?:passthrough|model)' .*requires KVM",
        "cpu_mode",
    ),
    known(
        r"(?:guest CPU doesn't match specification|CPU is incompatible with host CPU)(?s:.*?missing features: (?<name>[\w.,-]+))?",
        "cpu_features",
    ),
    sort(r"cannot set up guest memory|Cannot allocate memory", Kind::NoRoom, "no_memory"),
    known(
        r"hugetlbfs filesystem is not mounted|unable to map backing store for guest RAM|Unable to find any usable hugetlbfs",
        "no_hugepages",
    ),
    known(r"TPM version '(?<name>[^']+)' is not supported|Unable to find '?swtpm|Could not find '?swtpm", "no_tpm"),
    known(
        r"virtiofs is not yet supported in session mode|Unable to find a (?:satisfying|usable) virtiofsd",
        "no_virtiofs",
    ),
    // Networks.
    known(r"no network with matching (?:name|uuid) '(?<name>[^']+)'", "missing_network"),
    known(r"network '(?<name>[^']+)' is not active", "stopped_network"),
    known(
        r"(?:Cannot get interface MTU on|cannot find bridge|Unable to (?:add bridge|get bridge)) '?(?<name>[\w.@-]+)'?.*: No such device",
        "missing_bridge",
    ),
    known(r"--br=(?<name>\S+) .*failed to communicate with bridge helper", "no_bridge"),
    known(
        r"Unable to get index for interface (?<name>\S+): No such device|Cannot get interface (?:flags|index) (?:on|for) '?(?<name2>[\w.@-]+)'?: No such device",
        "missing_interface",
    ),
    sort(r"Network is already in use by interface (?<name>\S+)", Kind::Busy, "network_in_use"),
    known(r"error creating bridge interface (?<name>\S+): Operation not permitted", "denied_network"),
    sort(
        r"Address already in use|Unable to (?:bind|find an unused) port|Failed to find an available port",
        Kind::Busy,
        "port_in_use",
    ),
    // Devices of the host.
    sort(
        r"(?:PCI|USB|SCSI|mediated) device (?<name>\S+) is (?:already )?in use by .*domain(?: QEMU driver)?,? ?'?(?<other>[^',]+)'?",
        Kind::Busy,
        "device_in_use",
    ),
    sort(r"(?:PCI|USB|SCSI|mediated) device (?<name>\S+) is (?:already )?in use", Kind::Busy, "device_in_use_some"),
    known(
        r"Device (?<name>\S+) not found|Did not find (?:USB|mdev) device '?(?<name2>[^']+?)'?$|device not found: (?<name3>mediated device \S+)",
        "missing_device",
    ),
    known(r"host doesn't support passthrough of host PCI devices|requires VFIO support|No IOMMU", "no_passthrough"),
    // Machines and snapshots.
    sort(r"domain '(?<name>[^']+)' is already defined with uuid (?<uuid>\S+)", Kind::Exists, "exists_uuid"),
    sort(
        r"domain '(?<name>[^']+)' already exists with uuid|domain with name '(?<name2>[^']+)' already exists",
        Kind::Exists,
        "exists_machine",
    ),
    sort(r"domain (?:snapshot|moment) '?(?<name>[^']+?)'? already exists", Kind::Exists, "exists_snapshot"),
    known(r"no domain snapshot with matching name '(?<name>[^']+)'", "missing_snapshot"),
    known(r"no domain with matching (?:name|uuid|id) '(?<name>[^']+)'", "missing_machine"),
    known(r"internal snapshots? of a VM with pflash based firmware", "snapshot_uefi"),
    known(r"internal snapshot for disk (?<name>\S+) unsupported for storage type (?<format>\S+)", "snapshot_format"),
    known(r"(?:disk|Device) '?(?<name>[\w.-]+)'? .*does not support (?:internal )?snapshot", "snapshot_disk"),
    known(r"nothing selected for snapshot|snapshots require all disks to be selected", "snapshot_diskless"),
    known(r"internal inactive snapshots are not supported on '[^']+' disks", "snapshot_network"),
    known(r"unable to save metadata for snapshot", "snapshot_metadata"),
    known(r"revert to external snapshot not supported yet", "snapshot_external"),
    known(
        r"(?:State blocked by|[Mm]igration is disabled|non-migratable|cannot migrate domain with|migration .*blocked)",
        "snapshot_blocked",
    ),
    known(r"deletion of \d+ external disk snapshots not supported yet", "snapshot_external_delete"),
    // Jobs, agents, states.
    sort(r"cannot acquire state change lock", Kind::Busy, "locked_machine"),
    sort(r"no job is active on the domain", Kind::WrongState, "no_job"),
    known(r"guest agent is not configured", "no_agent"),
    known(
        r"[Gg]uest agent is not (?:responding|connected|available)|guest agent (?:command timed out|not available for now)",
        "agent_silent",
    ),
    sort(r"domain is already running", Kind::WrongState, "running_already"),
];

static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let compile = |known: &Known| Regex::new(known.pattern).expect("the table's patterns are regular expressions");
    TABLE.iter().map(compile).collect()
});

/// Values are called alike however often a pattern names them: a group can have its name but once.
const ALIKE: [(&str, &str); 9] = [
    ("name", "name"),
    ("name2", "name"),
    ("name3", "name"),
    ("path", "path"),
    ("path2", "path"),
    ("image", "image"),
    ("format", "format"),
    ("other", "other"),
    ("uuid", "uuid"),
];

/// The reason in a message, and what sort of failure it is if that says more than libvirt's code.
pub fn recognise(message: &str) -> Option<(Reason, Option<Kind>)> {
    let at = PATTERNS.iter().position(|pattern| pattern.is_match(message))?;
    let groups = PATTERNS[at].captures(message)?;
    let mut reason = Reason::new(TABLE[at].sentence);
    for (group, key) in ALIKE {
        if let Some(value) = groups.name(group) {
            reason = reason.with(key, value.as_str());
        }
    }
    Some((reason, TABLE[at].kind))
}

/// All sentences of the table; each must have its words.
#[cfg(test)]
pub(crate) fn sentences() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|known| known.sentence)
}

/// What people are told of a message that nobody recognises: without libvirt's "internal error", QEMU's time and arguments, and
/// line breaks, and no longer than a few lines.
pub fn words(message: &str) -> String {
    static NOISE: LazyLock<Vec<Regex>> = LazyLock::new(|| {
        [
            r"^(?:internal error|operation failed|Requested operation is not valid|unsupported configuration): ",
            r"(?s)^(?:process exited while connecting to monitor|qemu unexpectedly closed the monitor): ",
            r"\d{4}-\d\d-\d\dT[\d:.]+Z ",
            r"qemu-system-\w+: ",
            r"-[\w-]+ \{.*?\}: ",
        ]
        .iter()
        .map(|pattern| Regex::new(pattern).expect("constant regular expressions"))
        .collect()
    });
    let mut text = message.to_owned();
    for noise in NOISE.iter() {
        text = noise.replace_all(&text, "").into_owned();
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// Longest message that is told, in characters.
const MOST: usize = 300;

#[cfg(test)]
mod tests;

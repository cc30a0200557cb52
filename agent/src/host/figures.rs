//! What is read live: a hypervisor's hardware and versions, a machine's use.

use grammar::size::Bytes;

/// The hardware and software of a hypervisor (`virNodeGetInfo`, versions).
#[derive(Clone, Debug, PartialEq)]
pub struct HostInfo {
    /// The host's own name.
    pub hostname: String,
    /// CPU model: `x86_64`.
    pub cpu_model: String,
    /// Logical CPUs.
    pub cpus: u32,
    /// All of its memory.
    pub memory: Bytes,
    /// What is free of it (`virNodeGetFreeMemory`); `None` where the driver can't tell.
    pub free_memory: Option<Bytes>,
    /// Driver: `QEMU`, `Test`.
    pub driver: String,
    /// Version of the hypervisor as `7.2.0`.
    pub version: String,
    /// Version of libvirt.
    pub libvirt: String,
}

/// What a running domain uses, over a short sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MachineStats {
    /// Share of its virtual CPUs in use, 0–100; `None` when the driver can't tell.
    pub cpu_percent: Option<f64>,
    /// Memory the guest uses (balloon), when it tells.
    pub memory_used: Option<Bytes>,
    /// Bytes read from and written to disks since start.
    pub disk_bytes: Option<(u64, u64)>,
    /// Bytes received and sent since start.
    pub net_bytes: Option<(u64, u64)>,
}

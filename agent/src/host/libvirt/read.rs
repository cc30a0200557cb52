//! Reads domains, pools and volumes from a live connection, in the words of `host.rs`.

use grammar::size::Bytes;
use virt::connect::Connect;
use virt::domain::Domain;
use virt::enumutil::Enum;
use virt::error::{Error, ErrorNumber};
use virt::storage_pool::StoragePool;

use super::fault::Fault;
use crate::host::events::sys;
use crate::host::xml::read::{self, DiskDef};
use crate::host::{Disk, DiskUse, HostInfo, Machine, MachineId, Pool, Snapshot, State, Volume};

/// Folders of the known pools, to see which disks are volumes: (folder, pool).
pub type PoolFolders = Vec<(String, String)>;

/// `virStoragePoolState`: running, degraded.
const POOL_ACTIVE: [u32; 2] = [2, 3];
/// `virDomainSnapshotListFlags`: parents before their children (libvirt 5.2).
const LIST_TOPOLOGICAL: u32 = 1 << 10;
/// `virDomainState`: suspended by the guest's power management.
pub const PM_SUSPENDED: i32 = 7;

/// A domain's state in people's words (`virDomainState` folded).
pub fn state(raw: i32) -> State {
    match raw {
        3 | PM_SUSPENDED => State::Paused,
        5 => State::Off,
        6 => State::Crashed,
        _ => State::Running, // running, blocked, in shutdown; drivers that can't tell
    }
}

/// Reads one domain; with libvirt's reason for its state.
pub fn machine(domain: &Domain, hypervisor: &str, pools: &PoolFolders) -> Result<(Machine, i32), Fault> {
    let (raw_state, reason) = sys::state(domain)?;
    let definition = read::domain(&domain.xml_desc(0)?)?;
    let machine = Machine {
        id: MachineId { hypervisor: hypervisor.to_owned(), uuid: definition.uuid },
        name: definition.name,
        state: state(raw_state),
        since: None,
        vcpus: definition.vcpus,
        memory: definition.memory,
        disks: definition.disks.into_iter().map(|disk| with_volume(disk, pools)).collect(),
        snapshots: snapshots(domain)?,
        persistent: domain.is_persistent().unwrap_or(true),
        autostart: domain.autostart().unwrap_or(false),
        os: definition.os,
    };
    Ok((machine, reason))
}

/// A disk whose path is directly in a pool's folder is that pool's volume.
fn with_volume(disk: DiskDef, pools: &PoolFolders) -> Disk {
    let volume = disk.volume.or_else(|| {
        let (folder, file) = disk.source.as_deref()?.rsplit_once('/')?;
        let (_, pool) = pools.iter().find(|(path, _)| path.trim_end_matches('/') == folder)?;
        Some((pool.clone(), file.to_owned()))
    });
    Disk { target: disk.target, device: disk.device, source: disk.source, volume, format: disk.format, bus: disk.bus }
}

/// All snapshots, oldest first. A driver without snapshots has none.
fn snapshots(domain: &Domain) -> Result<Vec<Snapshot>, Fault> {
    // Two of the same second are told apart by which stands on which; older daemons can't say.
    let listed = match domain.list_all_snapshots(LIST_TOPOLOGICAL).or_else(|_| domain.list_all_snapshots(0)) {
        Ok(listed) => listed,
        Err(error) if is(&error, ErrorNumber::NoSupport) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut snapshots = Vec::with_capacity(listed.len());
    for snapshot in listed {
        // One that is deleted while we read is gone, which is no failure.
        let Ok(xml) = snapshot.xml_desc(0) else { continue };
        let definition = read::snapshot(&xml)?;
        let current = snapshot.is_current(0).unwrap_or(false);
        snapshots.push(Snapshot {
            name: definition.name,
            created: definition.created,
            state: definition.state,
            current,
        });
    }
    snapshots.sort_by_key(|snapshot| snapshot.created);
    Ok(snapshots)
}

/// All pools and their folders. A driver without storage has none.
pub fn pools(connection: &Connect) -> Result<(Vec<Pool>, PoolFolders), Fault> {
    let listed = match connection.list_all_storage_pools(0) {
        Ok(listed) => listed,
        Err(error) if is(&error, ErrorNumber::NoSupport) => return Ok((Vec::new(), Vec::new())),
        Err(error) => return Err(error.into()),
    };
    let (mut pools, mut folders) = (Vec::new(), Vec::new());
    for pool in listed {
        let Ok(info) = pool.info() else { continue };
        let definition = read::pool(&pool.xml_desc(0)?)?;
        if let Some(folder) = definition.target {
            folders.push((folder, definition.name.clone()));
        }
        pools.push(Pool {
            name: definition.name,
            kind: definition.kind,
            active: POOL_ACTIVE.contains(&info.state),
            capacity: Bytes(info.capacity),
            available: Bytes(info.available),
        });
    }
    Ok((pools, folders))
}

/// The volumes of a pool, by name.
pub fn volumes(pool: &StoragePool) -> Result<Vec<Volume>, Fault> {
    let mut volumes = Vec::new();
    for volume in pool.list_all_volumes(0)? {
        let (Ok(name), Ok(path), Ok(info)) = (volume.name(), volume.path(), volume.info()) else { continue };
        volumes.push(Volume { name, path, capacity: Bytes(info.capacity), allocation: Bytes(info.allocation) });
    }
    volumes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(volumes)
}

/// How full a disk is. Drivers without block information tell by the volume behind it.
pub fn disk_use(domain: &Domain, target: &str) -> Result<DiskUse, Fault> {
    let info = domain.block_info(target, 0)?;
    Ok(DiskUse { capacity: Bytes(info.capacity), allocation: Bytes(info.allocation) })
}

/// Hardware and versions.
pub fn host_info(connection: &Connect) -> Result<HostInfo, Fault> {
    let node = connection.node_info()?;
    Ok(HostInfo {
        hostname: connection.hostname()?,
        cpu_model: node.model,
        cpus: node.cpus,
        memory: Bytes(node.memory.saturating_mul(1024)),
        free_memory: connection.free_memory().ok().filter(|&free| free > 0).map(Bytes),
        driver: connection.driver_type()?,
        version: version(connection.hyp_version().unwrap_or(0)),
        libvirt: version(connection.lib_version()?),
    })
}

/// libvirt counts versions as major × 1,000,000 + minor × 1,000 + release.
fn version(number: u32) -> String {
    format!("{}.{}.{}", number / 1_000_000, number / 1_000 % 1_000, number % 1_000)
}

/// Counters of a running domain at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    /// Processor time used since start, in nanoseconds.
    pub cpu_time: Option<u64>,
    /// Its virtual CPUs.
    pub vcpus: u32,
    /// Memory the guest uses.
    pub memory_used: Option<Bytes>,
    /// Bytes read and written.
    pub disk_bytes: Option<(u64, u64)>,
    /// Bytes received and sent.
    pub net_bytes: Option<(u64, u64)>,
}

/// Reads the counters that a driver has; those it has not are `None`.
pub fn counters(domain: &Domain) -> Result<Counters, Fault> {
    let info = domain.info()?;
    let definition = read::domain(&domain.xml_desc(0)?)?;
    let pair = |read: i64, written: i64| Some((u64::try_from(read).ok()?, u64::try_from(written).ok()?));
    let disks = definition.disks.iter().filter_map(|disk| {
        let stats = domain.block_stats(&disk.target).ok()?;
        pair(stats.rd_bytes, stats.wr_bytes)
    });
    let nics = definition.nics.iter().filter_map(|nic| {
        let stats = domain.interface_stats(nic).ok()?;
        pair(stats.rx_bytes, stats.tx_bytes)
    });
    let sum = |a: (u64, u64), b: (u64, u64)| (a.0.saturating_add(b.0), a.1.saturating_add(b.1));
    Ok(Counters {
        cpu_time: (info.cpu_time > 0).then_some(info.cpu_time),
        vcpus: info.nr_virt_cpu.max(1),
        memory_used: memory_used(domain),
        disk_bytes: disks.reduce(sum),
        net_bytes: nics.reduce(sum),
    })
}

/// What the guest's balloon driver tells: available less usable, in KiB (`virDomainMemoryStatTags` 5, 8, else 4).
fn memory_used(domain: &Domain) -> Option<Bytes> {
    let stats = domain.memory_stats(0).ok()?;
    let value = |tag: u32| stats.iter().find(|stat| stat.tag == tag).map(|stat| stat.val);
    let free = value(8).or_else(|| value(4))?;
    Some(Bytes(value(5)?.saturating_sub(free).saturating_mul(1024)))
}

/// Whether this is libvirt's error of that number.
pub fn is(error: &Error, number: ErrorNumber) -> bool {
    error.code() == Enum::Known(number)
}

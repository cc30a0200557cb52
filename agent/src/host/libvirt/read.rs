//! Reads domains, pools and volumes from a live connection, in the words of `host.rs`.

use std::collections::HashMap;

use grammar::size::Bytes;
use virt::connect::Connect;
use virt::domain::Domain;
use virt::enumutil::Enum;
use virt::error::{Error, ErrorNumber};
use virt::storage_pool::StoragePool;

use super::fault::Fault;
use crate::host::events::{is_step_of_move, sys};
use crate::host::xml::domain::{self as definition, DiskDef};
use crate::host::xml::read::{self, PoolDef};
use crate::host::{Disk, DiskUse, HostInfo, Machine, MachineId, Pool, Snapshot, State, Volume};

/// Which paths are volumes of which pool, as the pools themselves list them.
#[derive(Debug, Default)]
pub struct PoolVolumes {
    /// Path → pool and volume.
    paths: HashMap<String, (String, String)>,
    /// Folders of the active pools.
    folders: Vec<String>,
}

impl PoolVolumes {
    /// The volume at that path. What a pool does not list is none of it, whatever folder it lies in; one that came since the
    /// pools were read is looked up.
    fn at(&self, connection: &Connect, path: &str) -> Option<(String, String)> {
        if let Some(volume) = self.paths.get(path) {
            return Some(volume.clone());
        }
        self.folders
            .iter()
            .find(|folder| path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/')))?;
        let volume = connection.lookup_storage_vol_by_path(path).ok()?;
        Some((volume.lookup_storage_pool().ok()?.name().ok()?, volume.name().ok()?))
    }
}

/// `virStoragePoolState`: running, degraded.
const POOL_ACTIVE: [u32; 2] = [2, 3];
/// `virDomainSnapshotListFlags`: parents before their children (libvirt 5.2).
const LIST_TOPOLOGICAL: u32 = 1 << 10;
/// `virDomainState`: suspended by the guest's power management.
const PM_SUSPENDED: i32 = 7;

/// A domain's state in people's words (`virDomainState` folded).
pub fn state(raw: i32) -> State {
    match raw {
        3 => State::Paused,
        PM_SUSPENDED => State::Asleep,
        5 => State::Off,
        6 => State::Crashed,
        _ => State::Running, // running, blocked, in shutdown; drivers that can't tell
    }
}

/// Reads one domain; with libvirt's reason for its state.
pub fn machine(
    connection: &Connect,
    domain: &Domain,
    hypervisor: &str,
    pools: &PoolVolumes,
) -> Result<(Machine, i32), Fault> {
    let (raw_state, reason) = sys::state(domain)?;
    // Nobody has paused what is only handed over, for some milliseconds, or still comes.
    let moving = is_step_of_move(state(raw_state), reason);
    let state = if moving { State::Running } else { state(raw_state) };
    let definition = definition::domain(&domain.xml_desc(0)?)?;
    let id = MachineId { hypervisor: hypervisor.to_owned(), uuid: definition.uuid };
    let machine = Machine {
        title: definition.title,
        description: definition.description,
        metadata_name: definition.metadata_name,
        vcpus: definition.vcpus,
        vcpus_max: definition.vcpus_max,
        memory: definition.memory,
        memory_max: definition.memory_max,
        disks: definition.disks.into_iter().map(|disk| with_volume(connection, disk, pools)).collect(),
        nics: definition.nics,
        passed: definition.passed,
        uefi: definition.uefi,
        snapshots: snapshots(domain)?,
        persistent: domain.is_persistent().unwrap_or(true),
        autostart: domain.autostart().unwrap_or(false),
        os: definition.os,
        // A driver that can't save has saved nothing.
        saved: state == State::Off && domain.has_managed_save(0).unwrap_or(false),
        moving,
        ..Machine::new(id, definition.name, state)
    };
    Ok((machine, reason))
}

/// A disk is a volume when a pool says so.
fn with_volume(connection: &Connect, disk: DiskDef, pools: &PoolVolumes) -> Disk {
    let is_path = matches!(disk.kind.as_str(), "file" | "block" | "dir");
    let path = disk.source.as_deref().filter(|_| is_path);
    let volume = disk.volume.or_else(|| pools.at(connection, path?));
    Disk {
        target: disk.target,
        device: disk.device,
        kind: disk.kind,
        protocol: disk.protocol,
        source: disk.source,
        volume,
        format: disk.format,
        bus: disk.bus,
        readonly: disk.readonly,
        shared: disk.shared,
    }
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
            disks: definition.disks,
        });
    }
    snapshots.sort_by_key(|snapshot| snapshot.created);
    Ok(snapshots)
}

/// All pools and what is in the active ones. A driver without storage has none.
pub fn pools(connection: &Connect) -> Result<(Vec<Pool>, PoolVolumes), Fault> {
    let listed = match connection.list_all_storage_pools(0) {
        Ok(listed) => listed,
        Err(error) if is(&error, ErrorNumber::NoSupport) => return Ok((Vec::new(), PoolVolumes::default())),
        Err(error) => return Err(error.into()),
    };
    let (mut pools, mut volumes) = (Vec::new(), PoolVolumes::default());
    for pool in listed {
        let Ok(info) = pool.info() else { continue };
        let definition = read::pool(&pool.xml_desc(0)?)?;
        let active = POOL_ACTIVE.contains(&info.state);
        if active {
            list_paths(&pool, &definition, &mut volumes);
        }
        pools.push(Pool {
            name: definition.name,
            kind: definition.kind,
            active,
            capacity: Bytes(info.capacity),
            available: Bytes(info.available),
        });
    }
    Ok((pools, volumes))
}

/// Notes the paths of a pool's volumes. One that vanishes meanwhile is left out; a pool that can't be listed has none.
fn list_paths(pool: &StoragePool, definition: &PoolDef, volumes: &mut PoolVolumes) {
    // In folders the key is the path, and known without asking again.
    let folders = matches!(definition.kind.as_str(), "dir" | "fs" | "netfs");
    for volume in pool.list_all_volumes(0).unwrap_or_default() {
        let path = if folders { volume.key() } else { volume.path() };
        if let (Ok(name), Ok(path)) = (volume.name(), path) {
            volumes.paths.entry(path).or_insert_with(|| (definition.name.clone(), name));
        }
    }
    volumes.folders.extend(definition.target.as_deref().map(|folder| folder.trim_end_matches('/').to_owned()));
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

/// `virConnectListAllNetworksFlags`: active ones.
const ACTIVE_NETWORKS: u32 = 2;

/// The names of the active networks, in order. A driver without networks has none.
pub fn networks(connection: &Connect) -> Result<Vec<String>, Fault> {
    let listed = match connection.list_all_networks(ACTIVE_NETWORKS) {
        Ok(listed) => listed,
        Err(error) if is(&error, ErrorNumber::NoSupport) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut names = listed.iter().map(|network| network.name()).collect::<Result<Vec<_>, _>>()?;
    names.sort_unstable();
    Ok(names)
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
    let definition = definition::domain(&domain.xml_desc(0)?)?;
    let pair = |read: i64, written: i64| Some((u64::try_from(read).ok()?, u64::try_from(written).ok()?));
    let disks = definition.disks.iter().filter_map(|disk| {
        let stats = domain.block_stats(&disk.target).ok()?;
        pair(stats.rd_bytes, stats.wr_bytes)
    });
    let nics = definition.nic_targets.iter().filter_map(|nic| {
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

//! Ops: each looks at what it finds, refuses what does not fit, and then asks libvirt for one thing.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

use virt::connect::Connect;
use virt::domain::Domain;
use virt::domain_snapshot::DomainSnapshot;
use virt::error::ErrorNumber;
use virt::storage_pool::StoragePool;
use virt::storage_vol::StorageVol;

use super::fault::Fault;
use super::link::Lane;
use super::read;
use super::uses;
use super::watch::Signal;
use super::{Host, lock};
use crate::host::events::sys;
use crate::host::names::{Thing, check};
use crate::host::xml::bus_of;
use crate::host::xml::image::{self, Format};
use crate::host::xml::write::{self, DiskXml};
use crate::host::{HostError, HostErrorKind, HostOp, Late, MachineId, Reason, State, Uses};

/// `virDomainModificationImpact`, `virDomainDeviceModifyFlags`.
const AFFECT_LIVE: u32 = 1;
const AFFECT_CONFIG: u32 = 2;
/// `virDomainXMLFlags`: the definition of the next start.
pub const XML_INACTIVE: u32 = 2;
/// `virDomainSnapshotRevertFlags`: also when libvirt fears for the state that the person has agreed to lose.
const REVERT_FORCE: u32 = 4;
/// `virStorageVolType`: a block device.
const VOLUME_BLOCK: u32 = 1;
impl Host {
    /// Does one op, and has the mirror read again what it changed. `late` hears of an op that could not be waited for.
    pub fn apply(self: &Arc<Self>, op: &HostOp, late: Late) -> Result<(), HostError> {
        let operation = op.operation();
        let on = self.subject(op);
        let begun = Instant::now();
        let (host, asked) = (self.clone(), op.clone());
        let perform = move |connection: &Connect| {
            // A snapshot pauses a running machine for a moment; people are told of the op and not of its steps.
            let snapshot = match &asked {
                HostOp::CreateSnapshot { machine, .. } => Some(machine.uuid),
                _ => None,
            };
            if let Some(uuid) = snapshot {
                lock(&host.quiet).begin(uuid);
            }
            let done = host.perform(connection, &asked);
            if let Some(uuid) = snapshot {
                lock(&host.quiet).end(uuid, Instant::now());
            }
            done
        };
        let (after, tried) = (self.clone(), op.clone());
        let done = self.call_late(self.timeouts.write, Lane::Write, operation, &on, perform, move |done| {
            after.ended(&tried, done.is_ok(), begun);
            // Whoever asked may have gone meanwhile.
            let _ = late.send(done);
        });
        self.ended(op, done.is_ok(), begun);
        done
    }

    /// Also after a failure: what was done in part shows.
    fn ended(&self, op: &HostOp, worked: bool, begun: Instant) {
        self.show(op, worked.then_some(begun));
        if let (HostOp::Shutdown { machine }, true) = (op, worked) {
            self.mirror.set_ending(machine, Some(jiff::Timestamp::now()));
        }
    }

    /// What an op is done on, for errors.
    fn subject(&self, op: &HostOp) -> String {
        match op {
            HostOp::CreateVolume { pool, name, .. } | HostOp::DeleteVolume { pool, name, .. } => {
                format!("{pool}/{name}")
            }
            op => op.machine().map(|id| self.called(id)).unwrap_or_default(),
        }
    }

    fn called(&self, id: &MachineId) -> String {
        self.mirror.machine(id).map_or_else(|| id.to_string(), |machine| machine.name.clone())
    }

    /// Has the watch read a machine again, and waits for it: libvirt tells of no change to the definition of one that is off.
    pub(super) fn look_again(&self, id: &MachineId) {
        let (done, waited) = channel();
        let _ = self.signals.send(Signal::Refresh { uuid: id.uuid, reverted: None, done });
        let _ = waited.recv_timeout(self.timeouts.read);
    }

    /// Has the watch read again what the op changed, and waits for it, so that whoever reads next sees it.
    fn show(&self, op: &HostOp, worked: Option<Instant>) {
        let (done, waited) = channel();
        let signal = |done: Sender<bool>| match op.machine() {
            Some(machine) => {
                let reverted = worked.filter(|_| matches!(op, HostOp::RevertSnapshot { .. }));
                Signal::Refresh { uuid: machine.uuid, reverted, done }
            }
            None => Signal::Pools { done },
        };
        let _ = self.signals.send(signal(done));
        let _ = waited.recv_timeout(self.timeouts.read);
    }

    /// On a worker's thread.
    fn perform(&self, connection: &Connect, op: &HostOp) -> Result<(), Fault> {
        match op {
            HostOp::CreateVolume { pool, name, format, capacity, .. } => {
                check(Thing::Volume, name)?;
                Format::of(format).ok_or(Fault::new(HostErrorKind::Unsupported))?;
                let pool = active_pool(connection, pool)?;
                if pool.lookup_storage_vol_by_name(name).is_ok() {
                    let reason = Reason::new("exists_volume").with("name", name);
                    return Err(Fault::new(HostErrorKind::Exists).because(reason));
                }
                StorageVol::create_xml(&pool, &write::volume(name, format, *capacity), 0)?;
                Ok(())
            }
            HostOp::DeleteVolume { pool, name, .. } => {
                active_pool(connection, pool)?;
                refuse_used(name, &uses::of(connection, pool, name)?, true)?;
                // Looked up again: what was found above may have been deleted meanwhile.
                Ok(active_pool(connection, pool)?.lookup_storage_vol_by_name(name)?.delete(0)?)
            }
            op => {
                let machine = op.machine().expect("ops without a machine were handled above");
                let domain = connection.lookup_domain_by_uuid(machine.uuid)?;
                self.perform_on(connection, &domain, op)
            }
        }
    }

    fn perform_on(&self, connection: &Connect, domain: &Domain, op: &HostOp) -> Result<(), Fault> {
        let (raw, _) = sys::state(domain)?;
        let state = read::state(raw);
        let needs = |states: &[State]| {
            if states.contains(&state) { Ok(()) } else { Err(Fault::new(HostErrorKind::WrongState)) }
        };
        match op {
            HostOp::Start { .. } => {
                needs(&[State::Off, State::Asleep])?;
                if state == State::Asleep {
                    domain.pm_wakeup(0)?
                } else {
                    domain.create()?
                };
            }
            HostOp::Shutdown { .. } => {
                needs(&[State::Running])?;
                domain.shutdown()?;
            }
            HostOp::ForceOff { .. } => {
                needs(&[State::Running, State::Paused, State::Asleep, State::Crashed])?;
                domain.destroy()?;
            }
            HostOp::ClearCrash { .. } => {
                needs(&[State::Crashed])?;
                domain.destroy()?;
            }
            HostOp::Reboot { .. } => {
                needs(&[State::Running])?;
                domain.reboot(0)?;
            }
            HostOp::Reset { .. } => {
                needs(&[State::Running, State::Paused, State::Asleep])?;
                domain.reset()?;
            }
            HostOp::Pause { .. } => {
                needs(&[State::Running])?;
                domain.suspend()?;
            }
            HostOp::Resume { .. } => {
                needs(&[State::Paused, State::Asleep])?;
                if state == State::Asleep {
                    domain.pm_wakeup(0)?
                } else {
                    domain.resume()?
                };
            }
            HostOp::AttachDisk { pool, volume, format, target, .. } => {
                self.attach(connection, domain, state, [pool, volume, format, target])?;
            }
            HostOp::DetachDisk { target, .. } => self.detach(domain, state, target)?,
            HostOp::CreateSnapshot { name, .. } => {
                check(Thing::Snapshot, name)?;
                refuse_raw_disks(connection, domain)?;
                if snapshot(domain, name).is_ok() {
                    let reason = Reason::new("exists_snapshot").with("name", name);
                    return Err(Fault::new(HostErrorKind::Exists).because(reason));
                }
                domain.create_snapshot_xml(&write::snapshot(name), 0)?;
            }
            HostOp::RevertSnapshot { name, .. } => {
                let snapshot = snapshot(domain, name)?;
                match snapshot.revert(0) {
                    Err(error) if read::is(&error, ErrorNumber::SnapshotRevertRisky) => {
                        snapshot.revert(REVERT_FORCE)?
                    }
                    other => other?,
                }
            }
            HostOp::DeleteSnapshot { name, .. } => snapshot(domain, name)?.delete(0)?,
            HostOp::CreateVolume { .. } | HostOp::DeleteVolume { .. } => {}
        }
        Ok(())
    }

    fn attach(
        &self,
        connection: &Connect,
        domain: &Domain,
        state: State,
        [pool, volume, format, target]: [&str; 4],
    ) -> Result<(), Fault> {
        check(Thing::Target, target)?;
        if targets(domain, 0)?.contains(target) || targets(domain, XML_INACTIVE)?.contains(target) {
            return Err(Fault::new(HostErrorKind::Exists));
        }
        let found = active_pool(connection, pool)?.lookup_storage_vol_by_name(volume)?;
        // Two machines on one image destroy it, and so does writing to what another image stands on.
        refuse_used(volume, &uses::of(connection, pool, volume)?, false)?;
        Format::of(format).ok_or(Fault::new(HostErrorKind::Unsupported))?;
        if connection.driver_type()?.eq_ignore_ascii_case("QEMU") {
            image::inspect(&uses::header(connection, &found, image::HEADER)?, format)?;
        }
        let path = found.path()?;
        let block = found.info()?.kind == VOLUME_BLOCK;
        let xml = write::disk(DiskXml { path: &path, block, format, target, bus: bus_of(target) });
        domain.attach_device_flags(&xml, affects(domain, state)?)?;
        Ok(())
    }

    fn detach(&self, domain: &Domain, state: State, target: &str) -> Result<(), Fault> {
        let live = state != State::Off && targets(domain, 0)?.contains(target);
        let config = domain.is_persistent()? && targets(domain, XML_INACTIVE)?.contains(target);
        if !live && !config {
            return Err(Fault::new(HostErrorKind::NotFound).because(Reason::new("missing_target").with("name", target)));
        }
        let flags = if live { AFFECT_LIVE } else { 0 } | if config { AFFECT_CONFIG } else { 0 };
        let deadline = Instant::now() + self.timeouts.detach;
        domain.detach_device_flags(&write::detach(target, bus_of(target)), flags)?;
        if live { self.wait_gone(domain, target, deadline) } else { Ok(()) }
    }

    /// libvirt only asks the guest to let go; it has when the disk has left the live definition.
    fn wait_gone(&self, domain: &Domain, target: &str, deadline: Instant) -> Result<(), Fault> {
        loop {
            let heard = *lock(&self.devices);
            if !targets(domain, 0)?.contains(target) {
                return Ok(());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Fault::new(HostErrorKind::TimedOut));
            }
            let nothing_new = |count: &mut u64| *count == heard;
            let waited = self.device_heard.wait_timeout_while(lock(&self.devices), left, nothing_new);
            drop(waited);
        }
    }
}

/// A volume that somebody uses. When all must be seen, one of which that can't be said counts as used.
fn refuse_used(volume: &str, uses: &Uses, all_seen: bool) -> Result<(), Fault> {
    let busy = |reason| Err(Fault::new(HostErrorKind::Busy).because(reason));
    match (uses.by.first(), uses.unseen.first().filter(|_| all_seen)) {
        (Some(by), _) => busy(Reason::used(volume, by)),
        (None, Some(unseen)) => busy(Reason::unseen(volume, unseen)),
        (None, None) => Ok(()),
    }
}

/// Live when it runs, and in the definition when there is one.
fn affects(domain: &Domain, state: State) -> Result<u32, Fault> {
    let live = if state == State::Off { 0 } else { AFFECT_LIVE };
    Ok(if domain.is_persistent()? { live | AFFECT_CONFIG } else { live })
}

/// The targets of a domain's disks, live or of the next start.
fn targets(domain: &Domain, flags: u32) -> Result<HashSet<String>, Fault> {
    let definition = crate::host::xml::domain::domain(&domain.xml_desc(flags)?)?;
    Ok(definition.disks.into_iter().map(|disk| disk.target).collect())
}

/// A pool that is there and active.
fn active_pool(connection: &Connect, name: &str) -> Result<StoragePool, Fault> {
    let pool = connection.lookup_storage_pool_by_name(name)?;
    if pool.is_active()? { Ok(pool) } else { Err(Fault::new(HostErrorKind::WrongState)) }
}

fn snapshot(domain: &Domain, name: &str) -> Result<DomainSnapshot, Fault> {
    Ok(Domain::lookup_snapshot_by_name(domain, name, 0)?)
}

/// QEMU keeps snapshots inside qcow2 images; a machine with another kind of disk can't have one.
fn refuse_raw_disks(connection: &Connect, domain: &Domain) -> Result<(), Fault> {
    if !connection.driver_type()?.eq_ignore_ascii_case("QEMU") {
        return Ok(());
    }
    let definition = crate::host::xml::domain::domain(&domain.xml_desc(0)?)?;
    let raw = definition
        .disks
        .iter()
        .any(|disk| disk.device == "disk" && !disk.readonly && disk.source.is_some() && disk.format != "qcow2");
    if raw { Err(Fault::new(HostErrorKind::Unsupported)) } else { Ok(()) }
}

//! How ops are done on libvirt: on a worker's thread, each by its own file in `ops/`, with what [`At`] offers.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use virt::connect::Connect;
use virt::domain::Domain;
use virt::domain_snapshot::DomainSnapshot;
use virt::error::ErrorNumber;
use virt::storage_pool::StoragePool;
use virt::storage_vol::StorageVol;

use super::Host;
use super::fault::Fault;
use super::link::Lane;
use super::read;
use super::uses;
use super::watch::Signal;
use crate::host::events::sys;
use crate::host::xml::bus_of;
use crate::host::xml::domain::{self, DiskDef};
use crate::host::xml::image;
use crate::host::xml::write;
use crate::host::{HostError, HostErrorKind, Late, MachineId, Reason, State};
use crate::ops::{Op, Stands};

/// `virDomainModificationImpact`, `virDomainDeviceModifyFlags`.
const AFFECT_LIVE: u32 = 1;
const AFFECT_CONFIG: u32 = 2;
/// `virDomainXMLFlags`: the definition of the next start.
pub const XML_INACTIVE: u32 = 2;
/// `virDomainSnapshotRevertFlags`: also when libvirt fears for the state that the person has agreed to lose.
const REVERT_FORCE: u32 = 4;
/// How often a copy under way is looked at: libvirt has events of it, but the definition alone says when it is complete.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(200);
/// `virStorageVolType`: a block device.
const VOLUME_BLOCK: u32 = 1;

impl Host {
    /// Does one op, and has the mirror read again what it changed. `late` hears of an op that could not be waited for.
    pub fn apply(self: &Arc<Self>, op: &Op, late: Late) -> Result<(), HostError> {
        let operation = op.operation();
        let on = op.subject(&self.mirror);
        let begun = Instant::now();
        let (host, asked) = (self.clone(), op.clone());
        let perform = move |connection: &Connect| {
            // A running machine is paused for a moment; people are told of the op and not of its steps.
            let pauses = asked.machine().filter(|_| asked.kind().pauses).map(|machine| machine.uuid);
            if let Some(uuid) = pauses {
                host.quiet.lock().begin(uuid);
            }
            let done = At::of(&host, connection, &asked).and_then(|at| asked.on_libvirt(&at));
            if let Some(uuid) = pauses {
                host.quiet.lock().end(uuid, Instant::now());
            }
            done
        };
        let (after, tried) = (self.clone(), op.clone());
        let lane = if op.kind().is_long { Lane::Long } else { Lane::Write };
        let done = self.call_late(self.time_for(lane), lane, operation, &on, perform, move |done| {
            after.ended(&tried, done.is_ok(), begun);
            // Whoever asked may have gone meanwhile.
            let _ = late.send(done);
        });
        self.ended(op, done.is_ok(), begun);
        done
    }

    /// Looks at an op that is under way, or has it stop: beside it, on the lane of those who read.
    pub fn beside<T: Send + 'static>(
        self: &Arc<Self>,
        op: &Op,
        operation: &'static str,
        look: impl FnOnce(&At<'_>, &Op) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, HostError> {
        let (name, host, op) = (op.subject(&self.mirror), self.clone(), op.clone());
        let look = move |connection: &Connect| look(&At::looking(&host, connection, op.machine())?, &op);
        self.call(Lane::Read, operation, &name, look)
    }

    /// Looks at an op of which nobody heard how it ended. A machine that hangs costs this call, and nobody else's.
    pub fn cut_off(
        self: &Arc<Self>,
        op: &Op,
        look: impl FnOnce(&At<'_>, &Op) -> Result<Stands, Fault> + Send + 'static,
    ) -> Result<Stands, HostError> {
        let (name, host, op) = (op.subject(&self.mirror), self.clone(), op.clone());
        let look = move |connection: &Connect| look(&At::finding(&host, connection, op.machine())?, &op);
        self.call(Lane::Long, "look at", &name, look)
    }

    /// Goes on with an op of which libvirt did not hear that nobody waits for it any more.
    pub fn take_up(self: &Arc<Self>, op: &Op) -> Result<Stands, HostError> {
        let begun = Instant::now();
        let stands = self.cut_off(op, |at, op| op.take_up_on_libvirt(at));
        self.ended(op, matches!(stands, Ok(Stands::Done)), begun);
        stands
    }

    /// Also after a failure: what was done in part shows.
    fn ended(&self, op: &Op, worked: bool, begun: Instant) {
        self.show(op, worked.then_some(begun));
        if let (Some(machine), true) = (op.machine(), worked && op.kind().asks_to_end()) {
            self.mirror.set_ending(machine, Some(jiff::Timestamp::now()));
        }
    }

    /// Has the watch read a machine again, and waits for it: libvirt tells of no change to the definition of one that is off.
    pub(super) fn look_again(&self, id: &MachineId) {
        let (done, waited) = channel();
        let _ = self.signals.send(Signal::Refresh { uuid: id.uuid, reverted: None, done });
        let _ = waited.recv_timeout(self.timeouts.read);
    }

    /// Has the watch read again what the op changed, and waits for it, so that whoever reads next sees it.
    fn show(&self, op: &Op, worked: Option<Instant>) {
        let (done, waited) = channel();
        let signal = |done: Sender<bool>| match op.machine() {
            Some(machine) => {
                let reverted = worked.filter(|_| op.kind().reverts);
                Signal::Refresh { uuid: machine.uuid, reverted, done }
            }
            None => Signal::Pools { done },
        };
        let _ = self.signals.send(signal(done));
        let _ = waited.recv_timeout(self.timeouts.read);
    }
}

/// Where an op is done: a connection, on a worker's thread, and the machine that the op is about, in a state from which it can be done.
pub struct At<'a> {
    pub(super) host: &'a Host,
    pub(super) connection: &'a Connect,
    machine: Option<(Domain, State)>,
}

impl<'a> At<'a> {
    /// To do an op: its machine must be in a state from which that can be.
    fn of(host: &'a Host, connection: &'a Connect, op: &Op) -> Result<Self, Fault> {
        let at = Self::looking(host, connection, op.machine())?;
        match at.machine {
            Some((_, state)) if !op.kind().can_be_done(state) => Err(Fault::new(HostErrorKind::WrongState)),
            _ => Ok(at),
        }
    }

    /// To look at what its machine is now, if it still is.
    pub(super) fn finding(host: &'a Host, connection: &'a Connect, machine: Option<&MachineId>) -> Result<Self, Fault> {
        match Self::looking(host, connection, machine) {
            Err(fault) if fault.kind == HostErrorKind::NotFound => Self::looking(host, connection, None),
            found => found,
        }
    }

    /// To look.
    fn looking(host: &'a Host, connection: &'a Connect, machine: Option<&MachineId>) -> Result<Self, Fault> {
        let Some(id) = machine else { return Ok(Self { host, connection, machine: None }) };
        let domain = connection.lookup_domain_by_uuid(id.uuid)?;
        let state = read::state(sys::state(&domain)?.0);
        Ok(Self { host, connection, machine: Some((domain, state)) })
    }
}

impl At<'_> {
    /// The host that it is done on.
    pub(super) fn host(&self) -> &Host {
        self.host
    }

    pub(super) fn connection(&self) -> &Connect {
        self.connection
    }

    /// The machine.
    pub fn domain(&self) -> &Domain {
        &self.machine.as_ref().expect("an op on a machine asks for it").0
    }

    /// Its state, as it was just before.
    pub fn state(&self) -> State {
        self.machine.as_ref().expect("an op on a machine asks for it").1
    }

    /// Whether its machine is there at all: asked about an op that was cut off.
    pub fn is_there(&self) -> bool {
        self.machine.is_some()
    }

    /// A pool that is there and active.
    pub fn pool(&self, name: &str) -> Result<StoragePool, Fault> {
        let pool = self.connection.lookup_storage_pool_by_name(name)?;
        if pool.is_active()? { Ok(pool) } else { Err(Fault::new(HostErrorKind::WrongState)) }
    }

    /// Creates a volume of that definition.
    pub fn create_volume(&self, pool: &StoragePool, xml: &str) -> Result<(), Fault> {
        StorageVol::create_xml(pool, xml, 0)?;
        Ok(())
    }

    /// How far the job is that libvirt works on for its machine, in percent (`virDomainGetJobInfo`; of one without a job virt 0.5 makes
    /// a list out of a null pointer in `job_stats`).
    pub fn job_progress(&self) -> Result<Option<u8>, Fault> {
        let job = self.domain().job_info()?;
        Ok(job.data_total.filter(|total| *total > 0).map(|total| percent(job.data_processed.unwrap_or(0), total)))
    }

    /// Stops it (`virDomainAbortJob`).
    pub fn stop_job(&self) -> Result<(), Fault> {
        Ok(sys::abort_job(self.domain())?)
    }

    /// Refuses a volume that somebody uses: [`Uses::refusal`](crate::host::Uses::refusal).
    pub fn refuse_used(&self, pool: &str, volume: &str, all_seen: bool) -> Result<(), Fault> {
        match uses::of(self.connection, pool, volume)?.refusal(volume, all_seen) {
            Some(reason) => Err(Fault::new(HostErrorKind::Busy).because(reason)),
            None => Ok(()),
        }
    }

    /// Whether libvirt's driver is QEMU's.
    pub fn is_qemu(&self) -> Result<bool, Fault> {
        Ok(self.connection.driver_type()?.eq_ignore_ascii_case("QEMU"))
    }

    /// The first bytes of a volume.
    pub fn header(&self, volume: &StorageVol) -> Result<Vec<u8>, Fault> {
        uses::header(self.connection, volume, image::HEADER)
    }

    /// The disks and drives of its machine, as they are or, with [`XML_INACTIVE`], of the next start.
    pub(super) fn disks(&self, flags: u32) -> Result<Vec<DiskDef>, Fault> {
        Ok(domain::domain(&self.domain().xml_desc(flags)?)?.disks)
    }

    /// The one at that target.
    fn disk(&self, target: &str, flags: u32) -> Result<Option<DiskDef>, Fault> {
        Ok(self.disks(flags)?.into_iter().find(|disk| disk.target == target))
    }

    /// Whether its machine has a disk at that target as it is; as it is defined when it is off.
    pub fn has_target_now(&self, target: &str) -> Result<bool, Fault> {
        Ok(self.disk(target, 0)?.is_some())
    }

    /// Whether its machine will have a disk at that target when it is started the next time.
    pub fn has_target_at_next_start(&self, target: &str) -> Result<bool, Fault> {
        Ok(self.disk(target, XML_INACTIVE)?.is_some())
    }

    /// Attaches a device: at once when its machine runs, and in the definition when there is one.
    pub fn attach(&self, xml: &str) -> Result<(), Fault> {
        let live = if self.state() == State::Off { 0 } else { AFFECT_LIVE };
        let flags = if self.domain().is_persistent()? { live | AFFECT_CONFIG } else { live };
        self.domain().attach_device_flags(xml, flags)?;
        Ok(())
    }

    /// Copies a disk onto a volume while its machine goes on, and has it use that one.
    pub fn mirror(&self, target: &str, to: &StorageVol, format: &str) -> Result<(), Fault> {
        // Somebody else's.
        if self.mirrored(target)?.is_some() {
            return Err(Fault::new(HostErrorKind::Busy));
        }
        self.begin_mirror(target, to, format)?;
        self.end_mirror(target, &to.path()?)
    }

    pub(super) fn begin_mirror(&self, target: &str, to: &StorageVol, format: &str) -> Result<(), Fault> {
        let xml = write::disk_source(&to.path()?, is_block(to)?, format);
        let transient = if self.domain().is_persistent()? { sys::COPY_TRANSIENT_JOB } else { 0 };
        let most = self.host.timeouts.copy_bandwidth;
        Ok(sys::block_copy(self.domain(), target, &xml, most, sys::COPY_REUSE_EXT | transient)?)
    }

    /// Waits until the copy of a disk onto that file or device is complete, and has its machine use it.
    pub fn end_mirror(&self, target: &str, path: &str) -> Result<(), Fault> {
        loop {
            match self.mirrored(target)? {
                Some(true) => break,
                Some(false) => drop(self.host.device_heard.wait_for(&mut self.host.devices.lock(), LOOK_EVERY)),
                // Stopped, or it could not go on: then the disk is where it was.
                None => return Err(Fault::new(HostErrorKind::Failed)),
            }
        }
        sys::block_abort(self.domain(), target, sys::ABORT_PIVOT)?;
        if self.has_disk_at(target, path)? { Ok(()) } else { Err(Fault::new(HostErrorKind::Failed)) }
    }

    /// Whether a disk is being copied, and whether the copy is complete.
    pub(super) fn mirrored(&self, target: &str) -> Result<Option<bool>, Fault> {
        Ok(self.disk(target, 0)?.and_then(|disk| disk.mirrored))
    }

    /// Whether a disk is being copied onto that file or device.
    pub fn is_copied_to(&self, target: &str, path: &str) -> Result<bool, Fault> {
        Ok(self.disk(target, 0)?.is_some_and(|disk| disk.mirrored_to.as_deref() == Some(path)))
    }

    /// How far that is, in percent (`virDomainGetBlockJobInfo`).
    pub fn mirror_progress(&self, target: &str) -> Result<Option<u8>, Fault> {
        Ok(sys::block_job(self.domain(), target)?.map(|(done, total)| percent(done, total)))
    }

    /// Stops it; the disk stays where it is.
    pub fn stop_mirror(&self, target: &str) -> Result<(), Fault> {
        Ok(sys::block_abort(self.domain(), target, 0)?)
    }

    /// Whether a disk is that file or device, now and at the next start.
    pub fn has_disk_at(&self, target: &str, path: &str) -> Result<bool, Fault> {
        let at = |flags| -> Result<bool, Fault> {
            let Some(disk) = self.disk(target, flags)? else { return Ok(false) };
            let found = match &disk.volume {
                Some((pool, volume)) => Some(self.pool(pool)?.lookup_storage_vol_by_name(volume)?.path()?),
                None => disk.source,
            };
            Ok(found.as_deref() == Some(path))
        };
        Ok(at(0)? && (!self.domain().is_persistent()? || at(XML_INACTIVE)?))
    }

    /// Has the definition name another volume for a disk.
    pub fn point(&self, target: &str, to: &StorageVol, format: &str) -> Result<(), Fault> {
        let definition = self.domain().xml_desc(XML_INACTIVE)?;
        let xml = write::moved(&definition, target, &to.path()?, is_block(to)?, format)?.ok_or_else(|| {
            Fault::new(HostErrorKind::NotFound).because(Reason::new("missing_target").with("name", target))
        })?;
        self.domain().update_device_flags(&xml, AFFECT_CONFIG)?;
        Ok(())
    }

    /// Creates a volume of that definition with what another holds.
    pub fn copy_volume(&self, pool: &StoragePool, from: &StorageVol, xml: &str) -> Result<(), Fault> {
        StorageVol::create_xml_from(pool, xml, from, 0)?;
        Ok(())
    }

    /// How far that is, by what the copy takes.
    pub fn copy_progress(&self, from: (&str, &str), to: (&str, &str)) -> Result<Option<u8>, Fault> {
        let takes = |(pool, name): (&str, &str)| -> Result<u64, Fault> {
            Ok(self.pool(pool)?.lookup_storage_vol_by_name(name)?.info()?.allocation)
        };
        let total = takes(from)?;
        Ok(takes(to).ok().map(|done| percent(done, total)))
    }

    /// Detaches the disk at a target, and waits for the guest to let go of it.
    pub fn detach(&self, target: &str) -> Result<(), Fault> {
        let live = self.state() != State::Off && self.has_target_now(target)?;
        let config = self.domain().is_persistent()? && self.has_target_at_next_start(target)?;
        if !live && !config {
            return Err(Fault::new(HostErrorKind::NotFound).because(Reason::new("missing_target").with("name", target)));
        }
        let flags = if live { AFFECT_LIVE } else { 0 } | if config { AFFECT_CONFIG } else { 0 };
        let deadline = Instant::now() + self.host.timeouts.detach;
        self.domain().detach_device_flags(&write::detach(target, bus_of(target)), flags)?;
        if live { self.wait_gone(target, deadline) } else { Ok(()) }
    }

    /// libvirt only asks the guest to let go; it has when the disk has left the live definition.
    fn wait_gone(&self, target: &str, deadline: Instant) -> Result<(), Fault> {
        loop {
            let heard = *self.host.devices.lock();
            if !self.has_target_now(target)? {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(Fault::new(HostErrorKind::TimedOut));
            }
            let nothing_new = |count: &mut u64| *count == heard;
            self.host.device_heard.wait_while_until(&mut self.host.devices.lock(), nothing_new, deadline);
        }
    }

    /// A snapshot by its name.
    pub fn snapshot(&self, name: &str) -> Result<DomainSnapshot, Fault> {
        Ok(Domain::lookup_snapshot_by_name(self.domain(), name, 0)?)
    }

    /// Goes back to a snapshot, also where libvirt would rather not: what is lost was agreed to.
    pub fn revert(&self, name: &str) -> Result<(), Fault> {
        let snapshot = self.snapshot(name)?;
        match snapshot.revert(0) {
            Err(error) if read::is(&error, ErrorNumber::SnapshotRevertRisky) => snapshot.revert(REVERT_FORCE)?,
            other => other?,
        }
        Ok(())
    }

    /// QEMU keeps snapshots inside qcow2 images; a machine with another kind of disk can't have one.
    pub fn refuse_raw_disks(&self) -> Result<(), Fault> {
        if !self.is_qemu()? {
            return Ok(());
        }
        let raw = self
            .disks(0)?
            .iter()
            .any(|disk| disk.device == "disk" && !disk.readonly && disk.source.is_some() && disk.format != "qcow2");
        if raw { Err(Fault::new(HostErrorKind::Unsupported)) } else { Ok(()) }
    }
}

/// Never more than all.
pub(super) fn percent(done: u64, total: u64) -> u8 {
    u8::try_from((u128::from(done) * 100 / u128::from(total.max(1))).min(100)).unwrap_or(100)
}

/// Whether a volume is a block device, and no file.
pub fn is_block(volume: &StorageVol) -> Result<bool, Fault> {
    Ok(volume.info()?.kind == VOLUME_BLOCK)
}

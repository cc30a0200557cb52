//! How a machine goes from one libvirt to another. The agent's own two connections are the client of both (no peer-to-peer), so that a
//! migration ends with the agent: libvirt gives it up, and the machine stays where it is.

use std::cell::Cell;
use std::sync::Arc;

use uuid::Uuid;
use virt::connect::Connect;
use virt::domain::MigrateParameters;
use virt::error::ErrorNumber;
use virt::storage_pool::StoragePool;
use virt::storage_vol::StorageVol;
use virt::stream::Stream;

use super::ops::{At, XML_INACTIVE, is_block, percent};
use super::{Fault, Host, read};
use crate::host::xml::{domain, write};
use crate::host::{HostErrorKind, MachineId, Reason, State};
use crate::ops::Copied;

/// `virDomainMigrateFlags`.
mod flag {
    pub const LIVE: u32 = 1;
    pub const PERSIST_DEST: u32 = 8;
    pub const UNDEFINE_SOURCE: u32 = 16;
    pub const NON_SHARED_DISK: u32 = 64;
    pub const ABORT_ON_ERROR: u32 = 4096;
}
/// `virDomainXMLFlags`: with passwords, and as another host can take it.
const XML_SECURE: u32 = 1;
const XML_MIGRATABLE: u32 = 8;
/// How much of a volume is passed on at once.
const CHUNK: usize = 1 << 20;

impl At<'_> {
    /// Has its machine go to another hypervisor, with these disks. What was made there is deleted again where that fails.
    pub fn migrate(&self, to: &str, disks: &[Copied]) -> Result<(), Fault> {
        let uuid = self.domain().uuid().map_err(Fault::from)?;
        let runs = self.state() != State::Off;
        self.there(to, |there| {
            self.refuse_no_place(there, uuid)?;
            let made = Cell::new(0);
            let done = disks
                .iter()
                .try_for_each(|disk| {
                    make(there, disk)?;
                    made.set(made.get() + 1);
                    Ok(())
                })
                .and_then(|()| {
                    if runs { self.migrate_live(there, disks) } else { self.migrate_off(there, to, uuid, disks) }
                });
            let arrived = there.lookup_domain_by_uuid(uuid).is_ok_and(|domain| !runs || domain.is_active() == Ok(true));
            match done {
                Err(fault) if arrived && self.has_left(uuid, runs) => {
                    tracing::warn!(?fault, "the machine is there all the same");
                    Ok(())
                }
                Err(fault) => {
                    if !arrived {
                        disks[..made.get()].iter().for_each(|disk| unmake(there, disk));
                    }
                    Err(fault)
                }
                Ok(()) if arrived => Ok(()),
                Ok(()) => Err(Fault::new(HostErrorKind::Failed)),
            }
        })
    }

    /// Another hypervisor.
    fn peer(&self, name: &str) -> Option<Arc<Host>> {
        self.host().peers.all().into_iter().find(|host| host.config.name == name)
    }

    /// Calls on another hypervisor.
    pub(super) fn there<T>(&self, name: &str, f: impl FnOnce(&Connect) -> Result<T, Fault>) -> Result<T, Fault> {
        let link =
            self.peer(name).and_then(|host| host.link()).ok_or_else(|| Fault::new(HostErrorKind::Unreachable))?;
        link.with(f)
    }

    /// Whether it is here no more, or off here though it ran.
    fn has_left(&self, uuid: Uuid, ran: bool) -> bool {
        match self.connection().lookup_domain_by_uuid(uuid) {
            Ok(domain) => ran && domain.is_active() == Ok(false),
            Err(error) => read::is(&error, ErrorNumber::NoDomain),
        }
    }

    /// Nobody there may have its name or be it, and what runs needs its memory.
    fn refuse_no_place(&self, there: &Connect, uuid: Uuid) -> Result<(), Fault> {
        let name = self.domain().name()?;
        if there.lookup_domain_by_uuid(uuid).is_ok() || there.lookup_domain_by_name(&name).is_ok() {
            return Err(Fault::new(HostErrorKind::Exists));
        }
        let needs = self.domain().info()?.memory.saturating_mul(1024);
        if self.state() != State::Off && there.free_memory().is_ok_and(|free| free > 0 && free < needs) {
            return Err(Fault::new(HostErrorKind::NoRoom));
        }
        Ok(())
    }

    fn migrate_live(&self, there: &Connect, disks: &[Copied]) -> Result<(), Fault> {
        let persistent = self.domain().is_persistent()?;
        let places = places(there, disks)?;
        let definition = |flags: u32| -> Result<String, Fault> {
            let xml = self.domain().xml_desc(flags | XML_SECURE | XML_MIGRATABLE)?;
            Ok(write::relocated(&xml, &places)?)
        };
        let bandwidth = Some(self.host().timeouts.copy_bandwidth).filter(|bandwidth| *bandwidth > 0);
        let parameters = MigrateParameters {
            bandwidth,
            dest_xml: Some(definition(0)?),
            persist_xml: if persistent { Some(definition(XML_INACTIVE)?) } else { None },
            migrate_disks: disks.iter().map(|disk| disk.target.clone()).collect(),
            ..MigrateParameters::default()
        };
        let mut flags = flag::LIVE | flag::ABORT_ON_ERROR;
        if persistent {
            flags |= flag::PERSIST_DEST | flag::UNDEFINE_SOURCE;
        }
        if !disks.is_empty() {
            flags |= flag::NON_SHARED_DISK;
        }
        self.domain().migrate3(there, parameters, flags)?;
        Ok(())
    }

    /// First what its disks hold, then its definition; only then it is undefined here.
    fn migrate_off(&self, there: &Connect, to: &str, uuid: Uuid, disks: &[Copied]) -> Result<(), Fault> {
        let stops = &self.host().stops;
        stops.lock().remove(&uuid);
        let stopped = || if stops.lock().remove(&uuid) { Err(Fault::new(HostErrorKind::Stopped)) } else { Ok(()) };
        for disk in disks {
            let from = self.pool(&disk.pool)?.lookup_storage_vol_by_name(&disk.volume)?;
            let to = pool(there, &disk.pool)?.lookup_storage_vol_by_name(&disk.volume)?;
            pass_on((self.connection(), &from), (there, &to), &stopped)?;
        }
        // Whoever started it meanwhile has changed what was copied.
        if self.domain().is_active()? {
            return Err(Fault::new(HostErrorKind::WrongState));
        }
        let xml = self.domain().xml_desc(XML_INACTIVE | XML_SECURE)?;
        let defined = there.define_domain_xml(&write::relocated(&xml, &places(there, disks)?)?)?;
        // Seen there before it is gone here, it has moved and was never away.
        if let Some(host) = self.peer(to) {
            host.look_again(&MachineId { hypervisor: to.to_owned(), uuid });
        }
        let undefine = || -> Result<(), Fault> {
            if self.domain().autostart()? {
                defined.set_autostart(true)?;
            }
            Ok(self.domain().undefine()?)
        };
        undefine().inspect_err(|_| drop(defined.undefine()))
    }

    /// How far that is: of what runs libvirt says it, of what is off the volumes that grow.
    pub fn migration_progress(&self, to: &str, disks: &[Copied]) -> Result<Option<u8>, Fault> {
        if self.state() != State::Off {
            return self.job_progress();
        }
        let takes = |connection: &Connect| -> Result<u64, Fault> {
            let one = |disk: &Copied| -> Result<u64, Fault> {
                Ok(pool(connection, &disk.pool)?.lookup_storage_vol_by_name(&disk.volume)?.info()?.allocation)
            };
            disks.iter().map(one).sum()
        };
        let total = takes(self.connection())?;
        Ok(self.there(to, takes).ok().map(|done| percent(done, total)))
    }

    /// Stops it; the machine stays here.
    pub fn stop_migration(&self) -> Result<(), Fault> {
        if self.state() != State::Off {
            return self.stop_job();
        }
        self.host().stops.lock().insert(self.domain().uuid()?);
        Ok(())
    }

    /// Refuses what a machine has left behind unless it is away from here, and has that disk where it is now.
    pub fn refuse_not_moved(
        &self,
        uuid: Uuid,
        now_on: &str,
        target: &str,
        (pool_name, volume): (&str, &str),
    ) -> Result<(), Fault> {
        let there = self.there(now_on, |there| {
            let path = pool(there, pool_name)?.lookup_storage_vol_by_name(volume)?.path()?;
            let machine = there.lookup_domain_by_uuid(uuid)?;
            let at = |flags: u32| -> Result<bool, Fault> {
                let disks = domain::domain(&machine.xml_desc(flags)?)?.disks;
                Ok(disks.iter().any(|disk| disk.target == target && disk.source.as_deref() == Some(path.as_str())))
            };
            Ok(at(0)? && (!machine.is_persistent()? || at(XML_INACTIVE)?))
        })?;
        let gone = match self.connection().lookup_domain_by_uuid(uuid) {
            Ok(_) => false,
            Err(error) if read::is(&error, ErrorNumber::NoDomain) => true,
            Err(error) => return Err(error.into()),
        };
        if there && gone { Ok(()) } else { Err(Fault::new(HostErrorKind::WrongState)) }
    }
}

/// An active pool, as it is on the disk now.
fn pool(connection: &Connect, name: &str) -> Result<StoragePool, Fault> {
    let pool = connection.lookup_storage_pool_by_name(name)?;
    if pool.is_active()? { Ok(pool) } else { Err(Fault::new(HostErrorKind::WrongState)) }
}

/// Makes the empty volume of a disk.
fn make(there: &Connect, disk: &Copied) -> Result<(), Fault> {
    let pool = pool(there, &disk.pool)?;
    // A file that others put there is not overwritten.
    pool.refresh(0)?;
    if pool.lookup_storage_vol_by_name(&disk.volume).is_ok() {
        let reason = Reason::new("volume_there").with("volume", &disk.volume).with("pool", &disk.pool);
        return Err(Fault::new(HostErrorKind::Exists).because(reason));
    }
    StorageVol::create_xml(&pool, &write::volume(&disk.volume, &disk.format, disk.capacity), 0)?;
    Ok(())
}

/// Deletes what was made. What can't be is told when it is looked for the next time.
fn unmake(there: &Connect, disk: &Copied) {
    let volume = pool(there, &disk.pool).and_then(|pool| Ok(pool.lookup_storage_vol_by_name(&disk.volume)?));
    let deleted = volume.and_then(|volume| Ok(volume.delete(0)?));
    if let Err(fault) = deleted {
        tracing::warn!(?fault, volume = disk.volume, "what was made for a machine that did not come can't be deleted");
    }
}

/// Where its disks are there: target, path, whether a block device, format.
fn places(there: &Connect, disks: &[Copied]) -> Result<Vec<write::Place>, Fault> {
    let place = |disk: &Copied| -> Result<write::Place, Fault> {
        let volume = pool(there, &disk.pool)?.lookup_storage_vol_by_name(&disk.volume)?;
        let (path, block) = (volume.path()?, is_block(&volume)?);
        Ok(write::Place { target: disk.target.clone(), path, block, format: disk.format.clone() })
    };
    disks.iter().map(place).collect()
}

/// Passes on what a volume holds to another, byte by byte (`virStorageVolDownload`, `virStorageVolUpload`).
fn pass_on(
    (here, from): (&Connect, &StorageVol),
    (there, to): (&Connect, &StorageVol),
    stopped: &dyn Fn() -> Result<(), Fault>,
) -> Result<(), Fault> {
    let (down, up) = (Stream::new(here, 0)?, Stream::new(there, 0)?);
    from.download(&down, 0, 0, 0)?;
    to.upload(&up, 0, 0, 0)?;
    let mut chunk = vec![0; CHUNK];
    let passed = loop {
        if let Err(fault) = stopped() {
            break Err(fault);
        }
        let read = match down.recv(&mut chunk) {
            Ok(read) => usize::try_from(read).unwrap_or(0),
            Err(error) => break Err(error.into()),
        };
        if read == 0 {
            break Ok(());
        }
        if let Err(fault) = send_all(&up, &chunk[..read]) {
            break Err(fault);
        }
    };
    match passed {
        Ok(()) => {
            down.finish()?;
            up.finish()?;
            Ok(())
        }
        Err(fault) => {
            // What broke may be the stream itself.
            let _ = (down.abort(), up.abort());
            Err(fault)
        }
    }
}

fn send_all(up: &Stream, mut bytes: &[u8]) -> Result<(), Fault> {
    while !bytes.is_empty() {
        match usize::try_from(up.send(bytes)?) {
            Ok(sent) if sent > 0 => bytes = &bytes[sent..],
            _ => return Err(Fault::new(HostErrorKind::Failed)),
        }
    }
    Ok(())
}

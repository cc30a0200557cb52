//! How a copy of a machine is made and taken away on libvirt.

use std::time::Instant;

use super::fault::Fault;
use super::ops::{At, LOOK_EVERY, XML_INACTIVE, is_block};
use crate::host::events::sys;
use crate::host::xml::clone;
use crate::host::xml::write::Place;
use crate::host::{HostErrorKind, MachineId, Reason, State};
use crate::ops::ClonedDisk;

impl At<'_> {
    /// Defines a copy of its machine with those disks, and waits until it is seen.
    pub fn define_clone(&self, name: &str, disks: &[ClonedDisk]) -> Result<(), Fault> {
        if self.connection.lookup_domain_by_name(name).is_ok() {
            let reason = Reason::new("exists_machine").with("name", name);
            return Err(Fault::new(HostErrorKind::Exists).because(reason));
        }
        let place = |disk: &ClonedDisk| -> Result<Place, Fault> {
            let volume = self.pool(&disk.pool)?.lookup_storage_vol_by_name(&disk.volume)?;
            let (target, format) = (disk.target.clone(), disk.format.clone());
            Ok(Place { target, path: volume.path()?, block: is_block(&volume)?, format })
        };
        let places: Vec<Place> = disks.iter().map(place).collect::<Result<_, _>>()?;
        let xml = clone::clone(&self.domain().xml_desc(XML_INACTIVE)?, name, &places)?;
        let made = self.connection.define_domain_xml(&xml)?;
        let id = MachineId { hypervisor: self.host.config.name.clone(), uuid: made.uuid()? };
        self.host.look_again(&id);
        Ok(())
    }

    /// Copies disks onto volumes while their machine goes on, and lets go of them all at one moment. If one can't be copied none is.
    pub fn copy_disks(&self, disks: &[ClonedDisk]) -> Result<(), Fault> {
        for disk in disks {
            // Somebody else's, or what is left of an earlier one.
            if self.mirrored(&disk.target)?.is_some() {
                return Err(Fault::new(HostErrorKind::Busy));
            }
        }
        let copied = self.begin_copies(disks).and_then(|()| self.end_copies(disks));
        if copied.is_err() {
            // What was begun is worth nothing any more; the machine never used it.
            let _ = self.stop_copies(disks);
        }
        copied
    }

    /// Goes on with copies that nobody waited for any more; all of them must be there still.
    pub fn take_up_copies(&self, disks: &[ClonedDisk]) -> Result<(), Fault> {
        let copied = self.end_copies(disks);
        if copied.is_err() {
            let _ = self.stop_copies(disks);
        }
        copied
    }

    fn begin_copies(&self, disks: &[ClonedDisk]) -> Result<(), Fault> {
        for disk in disks {
            let to = self.pool(&disk.pool)?.lookup_storage_vol_by_name(&disk.volume)?;
            self.begin_mirror(&disk.target, &to, &disk.format)?;
        }
        Ok(())
    }

    /// Once all are complete, what the guest writes goes to both until the copies are let go of.
    fn end_copies(&self, disks: &[ClonedDisk]) -> Result<(), Fault> {
        for disk in disks {
            while !self.mirrored(&disk.target)?.ok_or(Fault::new(HostErrorKind::Failed))? {
                self.host.device_heard.wait_for(&mut self.host.devices.lock(), LOOK_EVERY);
            }
        }
        // One lets go in one moment; several must be of the same.
        let stands_still = disks.len() > 1 && super::read::state(sys::state(self.domain())?.0) == State::Running;
        let uuid = self.domain().uuid()?;
        if stands_still {
            // People are told of the copy and not of its steps.
            self.host.quiet.lock().begin(uuid);
            self.domain().suspend()?;
        }
        let ended = disks.iter().try_for_each(|disk| -> Result<(), Fault> {
            // Stopped just before, it may not be complete.
            if self.mirrored(&disk.target)? != Some(true) {
                return Err(Fault::new(HostErrorKind::Failed));
            }
            Ok(sys::block_abort(self.domain(), &disk.target, 0)?)
        });
        if stands_still {
            let resumed = self.domain().resume();
            self.host.quiet.lock().end(uuid, Instant::now());
            resumed?;
        }
        ended
    }

    /// Stops copies that are under way; the machine goes on with its own disks.
    pub fn stop_copies(&self, disks: &[ClonedDisk]) -> Result<(), Fault> {
        for disk in disks {
            if self.mirrored(&disk.target)?.is_some() {
                sys::block_abort(self.domain(), &disk.target, 0)?;
            }
        }
        Ok(())
    }

    /// Whether its machine, which is off, was on since libvirt knows it or was itself started: only then it says why it is off.
    pub fn was_started(&self) -> Result<bool, Fault> {
        Ok(sys::state(self.domain())?.1 != 0)
    }

    /// Whether its machine writes to no other disks than those volumes, by pool and name.
    pub fn writes_only_to(&self, volumes: &[(String, String)]) -> Result<bool, Fault> {
        let path = |(pool, name): &(String, String)| -> Result<String, Fault> {
            Ok(self.pool(pool)?.lookup_storage_vol_by_name(name)?.path()?)
        };
        let paths: Vec<String> = volumes.iter().map(path).collect::<Result<_, _>>()?;
        let disks = self.disks(XML_INACTIVE)?;
        let mut written = disks.iter().filter(|disk| disk.device == "disk" && !disk.readonly && !disk.shared);
        Ok(written.all(|disk| disk.source.as_ref().is_some_and(|source| paths.contains(source))))
    }
}

//! `virStorageVolCreateXMLFrom`: a new volume with what another holds, which nobody may be writing to. What the other stands on is copied too.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Kind, Left, Lock, On, Operation, Stands};
use crate::host::names::{Thing, check};
use crate::host::xml::image::Format;
use crate::host::xml::write;
use crate::host::{EventKind, Feature, HostErrorKind, Reason, fake, libvirt};

pub(super) static KIND: Kind = Kind {
    verb: "copy_volume",
    operation: "copy volume",
    danger: Danger::Reversible,
    is_long: true,
    called: &["copy", "move", "clone"],
    read: super::read::<CopyVolume>,
    ..Kind::PLAIN
};

/// Copies a volume.
#[derive(Debug, Serialize, Deserialize)]
pub struct CopyVolume {
    /// The configured name of the hypervisor.
    pub hypervisor: String,
    /// Where the volume is that is copied.
    pub from_pool: String,
    /// Its name.
    pub from: String,
    /// Where the copy goes.
    pub pool: String,
    /// The copy's name.
    pub name: String,
    /// The copy's format: `qcow2`, `raw`.
    pub format: String,
}

impl Operation for CopyVolume {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn on(&self) -> On<'_> {
        On::Volume { hypervisor: &self.hypervisor, pool: &self.pool, name: &self.name }
    }

    fn locks(&self) -> Vec<Lock> {
        let volume = |pool, name| Lock::volume(&self.hypervisor, pool, name);
        vec![volume(&self.from_pool, &self.from), volume(&self.pool, &self.name)]
    }

    fn object(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn on_libvirt(&self, at: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        check(Thing::Volume, &self.name)?;
        Format::of(&self.format).ok_or(libvirt::Fault::new(HostErrorKind::Unsupported))?;
        let from = at.pool(&self.from_pool)?.lookup_storage_vol_by_name(&self.from)?;
        let pool = at.pool(&self.pool)?;
        if pool.lookup_storage_vol_by_name(&self.name).is_ok() {
            let reason = Reason::new("exists_volume").with("name", &self.name);
            return Err(libvirt::Fault::new(HostErrorKind::Exists).because(reason));
        }
        let capacity = grammar::size::Bytes(from.info()?.capacity);
        at.copy_volume(&pool, &from, &write::volume(&self.name, &self.format, capacity))
    }

    /// libvirt tells no progress of it, but the copy grows.
    fn progress_on_libvirt(&self, at: &libvirt::At<'_>) -> Result<Option<u8>, libvirt::Fault> {
        at.copy_progress((&self.from_pool, &self.from), (&self.pool, &self.name))
    }

    /// Nothing stops it: libvirt copies to the end.
    fn stop_on_libvirt(&self, _: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        Ok(())
    }

    /// libvirt deletes again what it could not copy; what is there after libvirt was stopped itself may be anything.
    fn stands_on_libvirt(&self, at: &libvirt::At<'_>) -> Result<Stands, libvirt::Fault> {
        Ok(match at.is_being_made(&self.pool, &self.name)? {
            None => Stands::NotDone,
            Some(true) => Stands::GoesOn,
            Some(false) => Stands::Unknown,
        })
    }

    /// Seen while it was made, it is whole if it is there in the end.
    fn take_up_on_libvirt(&self, at: &libvirt::At<'_>) -> Result<Stands, libvirt::Fault> {
        Ok(if at.wait_made(&self.pool, &self.name)? { Stands::Done } else { Stands::NotDone })
    }

    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        check(Thing::Volume, &self.name).map_err(|_| HostErrorKind::Failed)?;
        Format::of(&self.format).ok_or(HostErrorKind::Unsupported)?;
        at.needs(Feature::Volumes)?;
        at.pool(&self.from_pool)?;
        at.pool(&self.pool)?;
        let from = at.volume(&self.from_pool, &self.from).ok_or(HostErrorKind::NotFound)?;
        at.create_volume(&self.pool, &self.name, from.capacity)?;
        at.fill_volume(&self.pool, &self.name, from.allocation);
        Ok(None)
    }

    fn line(&self, _: &str) -> String {
        format!("copy volume {}/{} {}/{} {}", self.from_pool, self.from, self.pool, self.name, self.format)
    }

    fn leaves(&self) -> Vec<Left<'_>> {
        vec![Left { hypervisor: &self.hypervisor, pool: &self.pool, name: &self.name }]
    }
}

//! `virStorageVolCreateXML`: an empty volume in a pool that has none of that name.

use dialogue::spec::Danger;
use grammar::size::Bytes;
use serde::{Deserialize, Serialize};

use super::{Kind, Left, On, Operation};
use crate::host::names::{Thing, check};
use crate::host::xml::image::Format;
use crate::host::xml::write;
use crate::host::{EventKind, Feature, HostErrorKind, Reason, fake, libvirt};

pub(super) static KIND: Kind = Kind {
    verb: "create_volume",
    operation: "create volume",
    danger: Danger::Reversible,
    read: super::read::<CreateVolume>,
    ..Kind::PLAIN
};

/// Creates a volume.
#[derive(Debug, Serialize, Deserialize)]
pub struct CreateVolume {
    /// The configured name of the hypervisor.
    pub hypervisor: String,
    /// The pool.
    pub pool: String,
    /// The volume's name: `data.qcow2`.
    pub name: String,
    /// `qcow2`, `raw`.
    pub format: String,
    /// What a guest sees of it.
    pub capacity: Bytes,
}

impl Operation for CreateVolume {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn on(&self) -> On<'_> {
        On::Volume { hypervisor: &self.hypervisor, pool: &self.pool, name: &self.name }
    }

    fn object(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn on_libvirt(&self, at: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        check(Thing::Volume, &self.name)?;
        Format::of(&self.format).ok_or(libvirt::Fault::new(HostErrorKind::Unsupported))?;
        let pool = at.pool(&self.pool)?;
        if pool.lookup_storage_vol_by_name(&self.name).is_ok() {
            let reason = Reason::new("exists_volume").with("name", &self.name);
            return Err(libvirt::Fault::new(HostErrorKind::Exists).because(reason));
        }
        at.create_volume(&pool, &write::volume(&self.name, &self.format, self.capacity))
    }

    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        check(Thing::Volume, &self.name).map_err(|_| HostErrorKind::Failed)?;
        Format::of(&self.format).ok_or(HostErrorKind::Unsupported)?;
        at.needs(Feature::Volumes)?;
        at.pool(&self.pool)?;
        at.create_volume(&self.pool, &self.name, self.capacity)?;
        Ok(None)
    }

    fn leaves(&self) -> Vec<Left<'_>> {
        vec![Left { hypervisor: &self.hypervisor, pool: &self.pool, name: &self.name }]
    }

    fn line(&self, _: &str) -> String {
        format!("create volume {}/{} {} {}", self.pool, self.name, self.capacity, self.format)
    }
}

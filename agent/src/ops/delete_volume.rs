//! `virStorageVolDelete`: a volume that nobody uses, which is proved on the host itself.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Kind, On, Operation};
use crate::host::{EventKind, Feature, fake, libvirt};

pub(super) static KIND: Kind = Kind {
    verb: "delete_volume",
    operation: "delete volume",
    danger: Danger::Destructive,
    read: super::read::<DeleteVolume>,
    ..Kind::PLAIN
};

/// Deletes a volume.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeleteVolume {
    /// The configured name of the hypervisor.
    pub hypervisor: String,
    /// The pool.
    pub pool: String,
    /// The volume's name.
    pub name: String,
}

impl Operation for DeleteVolume {
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
        at.pool(&self.pool)?;
        at.refuse_used(&self.pool, &self.name, true)?;
        // Looked up again: what was found above may have been deleted meanwhile.
        at.pool(&self.pool)?.lookup_storage_vol_by_name(&self.name)?.delete(0)?;
        Ok(())
    }

    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        at.needs(Feature::Volumes)?;
        at.pool(&self.pool)?;
        at.refuse_used(&self.pool, &self.name, true)?;
        at.delete_volume(&self.pool, &self.name)?;
        Ok(None)
    }

    fn line(&self, _: &str) -> String {
        format!("delete volume {}/{}", self.pool, self.name)
    }
}

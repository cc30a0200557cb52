//! `virDomainAttachDeviceFlags`: a volume as a disk, at once when its machine runs, and in the definition. The target must be free,
//! and nobody may use the volume.

use dialogue::spec::Danger;
use serde::{Deserialize, Serialize};

use super::{Kind, Left, Lock, On, Operation};
use crate::host::names::{Thing, check};
use crate::host::xml::bus_of;
use crate::host::xml::image::{self, Format};
use crate::host::xml::write::{self, DiskXml};
use crate::host::{Disk, EventKind, Feature, HostErrorKind, Machine, MachineId, State, fake, libvirt};

pub(super) static KIND: Kind = Kind {
    verb: "attach_disk",
    operation: "attach disk",
    danger: Danger::Reversible,
    causes: &[&[EventKind::DeviceAdded], &[EventKind::Changed]],
    read: super::read::<AttachDisk>,
    ..Kind::PLAIN
};

/// Attaches a volume to a machine.
#[derive(Debug, Serialize, Deserialize)]
pub struct AttachDisk {
    /// To which.
    pub machine: MachineId,
    /// The pool of the volume.
    pub pool: String,
    /// The volume's name.
    pub volume: String,
    /// `qcow2`, `raw`: what the image must be.
    pub format: String,
    /// What it is called in the guest's order: `vdb`.
    pub target: String,
}

impl Operation for AttachDisk {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn on(&self) -> On<'_> {
        On::Machine(&self.machine)
    }

    fn locks(&self) -> Vec<Lock> {
        Lock::machine_and_volume(&self.machine, &self.pool, &self.volume)
    }

    fn object(&self) -> Option<&str> {
        Some(&self.volume)
    }

    fn on_libvirt(&self, at: &libvirt::At<'_>) -> Result<(), libvirt::Fault> {
        check(Thing::Target, &self.target)?;
        if at.has_target_now(&self.target)? || at.has_target_at_next_start(&self.target)? {
            return Err(libvirt::Fault::new(HostErrorKind::Exists));
        }
        let found = at.pool(&self.pool)?.lookup_storage_vol_by_name(&self.volume)?;
        // Two machines on one image destroy it, and so does writing to what another image stands on.
        at.refuse_used(&self.pool, &self.volume, false)?;
        Format::of(&self.format).ok_or(libvirt::Fault::new(HostErrorKind::Unsupported))?;
        if at.is_qemu()? {
            image::inspect(&at.header(&found)?, &self.format)?;
        }
        let (path, block) = (found.path()?, libvirt::is_block(&found)?);
        let (format, target) = (self.format.as_str(), self.target.as_str());
        at.attach(&write::disk(DiskXml { path: &path, block, format, target, bus: bus_of(target) }))
    }

    fn on_fake(&self, at: &mut fake::At<'_>) -> Result<Option<EventKind>, fake::Fault> {
        at.needs(Feature::DeviceAttach)?;
        check(Thing::Target, &self.target).map_err(|_| HostErrorKind::Failed)?;
        if at.machine().disks.iter().any(|disk| disk.target == self.target) {
            return Err(HostErrorKind::Exists.into());
        }
        at.pool(&self.pool)?;
        let path = at.volume(&self.pool, &self.volume).ok_or(HostErrorKind::NotFound)?.path;
        at.refuse_used(&self.pool, &self.volume, false)?;
        Format::of(&self.format).ok_or(HostErrorKind::Unsupported)?;
        at.machine().disks.push(Disk {
            target: self.target.clone(),
            device: "disk".to_owned(),
            kind: "file".to_owned(),
            protocol: None,
            source: Some(path),
            volume: Some((self.pool.clone(), self.volume.clone())),
            format: self.format.clone(),
            bus: bus_of(&self.target).to_owned(),
            readonly: false,
            shared: false,
        });
        // Without a guest there is nobody to see a device come or go, and libvirt tells nothing.
        Ok((at.machine().state != State::Off).then_some(EventKind::DeviceAdded))
    }

    fn leaves(&self) -> Vec<Left<'_>> {
        vec![Left { hypervisor: &self.machine.hypervisor, pool: &self.pool, name: &self.volume }]
    }

    fn line(&self, name: &str) -> String {
        format!("attach {name} {} {}/{}", self.target, self.pool, self.volume)
    }

    fn shows(&self, machine: &Machine) -> Option<bool> {
        Some(machine.disks.iter().any(|disk| disk.target == self.target))
    }
}

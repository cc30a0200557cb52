//! "which disks do you have, how full?": every disk of a machine with its size, live use, format and place.

use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Slot, Spec};

use super::ANYWHERE;
use crate::host::{Disk, Machine};
use crate::skill::{Args, Plan, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "disk.list",
    category: Category::Storage,
    scopes: ANYWHERE,
    danger: Danger::Read,
    role: Role::Viewer,
    slots: &[Slot::target()],
    allocates: false,
    planned: false,
};

/// Disks of a machine.
pub struct DiskList;

impl Skill for DiskList {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, _: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let machine = scene.machine()?;
        if machine.disks.is_empty() {
            return Ok(Plan::Answer(Reply::say(Phrase::new("disk.list/none").with("name", &machine.name))));
        }
        let rows = machine.disks.iter().map(|disk| row(machine, disk, scene)).collect();
        let count = machine.disks.iter().filter(|disk| is_disk(disk)).count();
        Ok(Plan::Answer(Reply::list(
            Phrase::new("disk.list/head").with("name", &machine.name).with("count", count),
            rows,
        )))
    }
}

/// Whether it holds data, unlike drives for discs and floppies.
pub(super) fn is_disk(disk: &Disk) -> bool {
    disk.is_disk()
}

fn row(machine: &Machine, disk: &Disk, scene: &Scene<'_>) -> Phrase {
    let place = match (&disk.volume, &disk.source) {
        (Some((pool, volume)), _) => Phrase::new("disk.list/in_pool").with("pool", pool).with("volume", volume),
        (None, Some(source)) => Phrase::new("disk.list/at_path").with("path", source),
        (None, None) => Phrase::new("disk.list/empty"),
    };
    let row = |id: &str| {
        Phrase::new(format!("disk.list/{id}"))
            .with("target", &disk.target)
            .with("format", &disk.format)
            .with("place", place)
    };
    if !is_disk(disk) {
        return row("drive");
    }
    // A disk whose use can't be read is still listed; the others have theirs.
    match scene.host.disk_use(&machine.id, &disk.target) {
        Ok(used) if used.capacity.0 > 0 => {
            let percent = (used.allocation.0 as f64 / used.capacity.0 as f64 * 100.0).round();
            row("row").with("size", used.capacity).with("used", used.allocation).with("percent", percent)
        }
        _ => row("row_unknown"),
    }
}

//! "which disks do you have, how full?": every disk of a machine with its size, live use, format and place.

use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Scope, Slot, Spec};

use super::ANYWHERE;
use crate::host::{Disk, DiskUse, Machine};
use crate::skill::{Args, Plan, Refusal, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "disk.list",
    category: Category::Storage,
    scopes: ANYWHERE,
    danger: Danger::Read,
    role: Role::Viewer,
    slots: &[Slot::subject()],
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
        let Some(machine) = &scene.target else { return everybody(scene) };
        let dated = |reply| Ok(Plan::Answer(super::host_status::dated(reply, &machine.id.hypervisor, scene)));
        if machine.disks.is_empty() {
            return dated(Reply::say(Phrase::new("disk.list/none").with("name", &machine.name)));
        }
        let (disks, drives): (Vec<&Disk>, Vec<&Disk>) = machine.disks.iter().partition(|disk| disk.is_disk());
        let rows = disks.iter().chain(&drives).map(|disk| row(machine, disk, scene)).collect();
        let head = match (disks.len(), drives.len()) {
            (_, 0) => "head",
            (0, _) => "head_drives",
            _ => "head_both",
        };
        let head = Phrase::new(format!("disk.list/{head}"))
            .with("name", &machine.name)
            .with("count", disks.len())
            .with("drives", drives.len());
        dated(Reply::list(head, rows))
    }
}

/// At a host or the desk, with no machine named: whose disks are how large.
fn everybody(scene: &Scene<'_>) -> Result<Plan, Stop> {
    if scene.scope == Scope::Machine {
        return Err(Refusal::WhichMachine.into());
    }
    let machines = super::machines_of(scene);
    let disks = |machine: &Machine| -> Vec<Phrase> {
        let sized = |disk: &&Disk| {
            let size = scene.host.disk_use(&machine.id, &disk.target).map(|used| used.capacity);
            let known = size.as_ref().is_ok_and(|size| size.0 > 0);
            let phrase = Phrase::new(if known { "disk.list/sized" } else { "disk.list/unsized" });
            let phrase = phrase.with("target", &disk.target);
            if let Ok(size) = size { phrase.with("size", size) } else { phrase }
        };
        machine.disks.iter().filter(|disk| is_disk(disk)).map(|disk| sized(&disk)).collect()
    };
    let having: Vec<_> = machines.iter().filter(|machine| !disks(machine).is_empty()).collect();
    if having.is_empty() {
        return Ok(Plan::Answer(Reply::say(Phrase::new("disk.list/nobody"))));
    }
    let rows = having.iter().map(|machine| {
        Phrase::new("disk.list/row_machine")
            .with("name", super::shown(machine, &machines))
            .with("disks", disks(machine))
    });
    let head = Phrase::new("disk.list/everybody").with("count", having.len());
    Ok(Plan::Answer(Reply::list(head, rows.collect())))
}

/// Whether it holds data, unlike drives for discs and floppies.
pub(super) fn is_disk(disk: &Disk) -> bool {
    disk.is_disk()
}

fn row(machine: &Machine, disk: &Disk, scene: &Scene<'_>) -> Phrase {
    let place = match (&disk.volume, &disk.protocol, &disk.source) {
        (Some((pool, volume)), ..) => Phrase::new("disk.list/in_pool").with("pool", pool).with("volume", volume),
        (None, Some(protocol), Some(source)) => {
            Phrase::new("disk.list/on_network").with("protocol", protocol).with("source", source)
        }
        (None, Some(protocol), None) => Phrase::new("disk.list/on_network_unnamed").with("protocol", protocol),
        (None, None, Some(source)) => Phrase::new("disk.list/at_path").with("path", source),
        (None, None, None) if disk.is_empty() => Phrase::new("disk.list/empty"),
        (None, None, None) => Phrase::new("disk.list/of_kind").with("kind", &disk.kind),
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
        Ok(used) if used.capacity.0 > 0 && snapshots_inside(machine, disk, used) => {
            row("row_snapshots").with("size", used.capacity).with("used", used.allocation)
        }
        Ok(used) if used.capacity.0 > 0 => {
            let percent = (used.allocation.0 as f64 / used.capacity.0 as f64 * 100.0).round();
            row("row").with("size", used.capacity).with("used", used.allocation).with("percent", percent)
        }
        _ => row("row_unknown"),
    }
}

/// Whether what a disk takes on the host says nothing about how full it is: its snapshots are kept in the same image, with the
/// memory of a machine that ran. More than its size can only be so.
pub(super) fn snapshots_inside(machine: &Machine, disk: &Disk, used: DiskUse) -> bool {
    used.allocation > used.capacity || disk.format == "qcow2" && !disk.readonly && !machine.snapshots.is_empty()
}

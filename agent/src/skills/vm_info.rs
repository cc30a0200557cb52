//! "how much memory do you have?": what a machine is made of. At a host or the desk, with no machine named, the host's hardware.

use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Scope, Slot, Spec};

use super::{ANYWHERE, disk_list, host_info, vm_status};
use crate::host::Machine;
use crate::skill::{Args, Plan, Refusal, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "vm.info",
    category: Category::Know,
    scopes: ANYWHERE,
    danger: Danger::Read,
    role: Role::Viewer,
    slots: &[Slot::subject()],
    allocates: false,
    planned: false,
};

/// What a machine is made of.
pub struct VmInfo;

impl Skill for VmInfo {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, _: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        match &scene.target {
            Some(machine) => Ok(Plan::Answer(describe(machine))),
            None if scene.scope == Scope::Machine => Err(Refusal::WhichMachine.into()),
            None => Ok(Plan::Answer(host_info::report(scene, None)?)),
        }
    }
}

fn describe(machine: &Machine) -> Reply {
    let head = Phrase::new("vm.info/head")
        .with("name", &machine.name)
        .with("state", vm_status::state(machine.state))
        .with("memory", machine.memory)
        .with("cpus", machine.vcpus)
        .with("disks", disks(machine));
    let mut reply = Reply::say(head);
    if let Some(os) = &machine.os {
        reply = reply.and(Phrase::new("vm.info/os").with("os", os));
    }
    reply = reply.and(Phrase::new(if machine.autostart { "vm.info/autostart" } else { "vm.info/no_autostart" }));
    if !machine.persistent {
        reply = reply.and(Phrase::new("vm.info/transient").with("name", &machine.name));
    }
    if !machine.snapshots.is_empty() {
        reply = reply.and(Phrase::new("vm.info/snapshots").with("count", machine.snapshots.len()));
    }
    reply
}

/// Targets of its disks: "vda and vdb"; drives for discs and floppies are not disks to people.
fn disks(machine: &Machine) -> Phrase {
    let targets: Vec<String> =
        machine.disks.iter().filter(|disk| disk_list::is_disk(disk)).map(|disk| disk.target.clone()).collect();
    Phrase::new(match targets.len() {
        0 => "vm.info/no_disk",
        _ => "vm.info/disks",
    })
    .with("count", targets.len())
    .with("targets", targets)
}

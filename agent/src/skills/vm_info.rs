//! "how much memory do you have?": what a machine is made of. At a host or the desk, with no machine named, the host's hardware.

use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Scope, Slot, Spec};

use super::{ANYWHERE, host_info, host_status, vm_status};
use crate::host::{Machine, Nic, PassedKind};
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
            Some(machine) => Ok(Plan::Answer(host_status::dated(describe(machine), &machine.id.hypervisor, scene))),
            None if scene.scope == Scope::Machine => Err(Refusal::WhichMachine.into()),
            None => Ok(Plan::Answer(host_info::report(scene, None)?)),
        }
    }
}

fn describe(machine: &Machine) -> Reply {
    let line = |id: &str| Phrase::new(format!("vm.info/{id}")).with("name", &machine.name);
    let head = line("head")
        .with("state", vm_status::how(machine))
        .with("memory", memory(machine))
        .with("cpus", cpus(machine))
        .with("disks", disks(machine));
    let mut reply = Reply::say(head);
    if let Some(title) = &machine.title {
        reply = reply.and(line("title").with("title", title));
    }
    if let Some(called) = machine.metadata_name.as_ref().filter(|called| **called != machine.name) {
        reply = reply.and(line("metadata_name").with("called", called));
    }
    if let Some(description) = &machine.description {
        reply = reply.and(line("description").with("description", description));
    }
    if let Some(os) = &machine.os {
        reply = reply.and(line("os").with("os", os));
    }
    if machine.uefi {
        reply = reply.and(line("uefi"));
    }
    for sentence in nics(machine).into_iter().chain(passed(machine)) {
        reply = reply.and(sentence);
    }
    reply = reply.and(line(if machine.autostart { "autostart" } else { "no_autostart" }));
    if !machine.persistent {
        reply = reply.and(line("transient"));
    }
    if !machine.snapshots.is_empty() {
        reply = reply.and(line("snapshots").with("count", machine.snapshots.len()));
    }
    reply
}

/// What it has now, and the most it can be given when that is more.
fn memory(machine: &Machine) -> Phrase {
    let more = machine.memory_max > machine.memory;
    Phrase::new(if more { "vm.info/memory_most" } else { "vm.info/memory" })
        .with("memory", machine.memory)
        .with("most", machine.memory_max)
}

fn cpus(machine: &Machine) -> Phrase {
    let more = machine.vcpus_max > machine.vcpus;
    Phrase::new(if more { "vm.info/cpus_most" } else { "vm.info/cpus" })
        .with("cpus", machine.vcpus)
        .with("most", machine.vcpus_max)
}

/// Targets of its disks: "vda and vdb"; drives for discs and floppies are not disks to people, and are named apart.
fn disks(machine: &Machine) -> Phrase {
    let targets = |wanted: bool| -> Vec<String> {
        machine.disks.iter().filter(|disk| disk.is_disk() == wanted).map(|disk| disk.target.clone()).collect()
    };
    let (disks, drives) = (targets(true), targets(false));
    let named = Phrase::new(if disks.is_empty() { "vm.info/no_disk" } else { "vm.info/disks" })
        .with("count", disks.len())
        .with("targets", disks);
    if drives.is_empty() {
        return named;
    }
    Phrase::new("vm.info/and_drives").with("disks", named).with("count", drives.len()).with("targets", drives)
}

/// Its network cards: what each is connected to, and its model.
fn nics(machine: &Machine) -> Option<Phrase> {
    let words = |nic: &Nic| {
        let to = nic.source.as_ref().unwrap_or(&nic.kind);
        let more: Vec<&str> = nic.model.iter().chain(&nic.mac).map(String::as_str).collect();
        if more.is_empty() { to.clone() } else { format!("{to} ({})", more.join(", ")) }
    };
    let nics: Vec<String> = machine.nics.iter().map(words).collect();
    let phrase = || Phrase::new("vm.info/nics").with("count", nics.len()).with("nics", nics.clone());
    (!nics.is_empty()).then(phrase)
}

/// What it is given of its host, one sentence for each sort.
fn passed(machine: &Machine) -> impl Iterator<Item = Phrase> {
    const SORTS: [(PassedKind, &str); 8] = [
        (PassedKind::Pci, "passed_pci"),
        (PassedKind::Mediated, "passed_mediated"),
        (PassedKind::Usb, "passed_usb"),
        (PassedKind::Scsi, "passed_scsi"),
        (PassedKind::Other, "passed_other"),
        (PassedKind::Redirected, "passed_redirected"),
        (PassedKind::Tpm, "passed_tpm"),
        (PassedKind::Folder, "passed_folder"),
    ];
    SORTS.into_iter().filter_map(|(kind, id)| {
        let of_kind = machine.passed.iter().filter(|passed| passed.kind == kind);
        let which: Vec<String> = of_kind.map(|passed| passed.what.clone()).collect();
        let phrase = || Phrase::new(format!("vm.info/{id}")).with("count", which.len()).with("which", which.clone());
        (!which.is_empty()).then(phrase)
    })
}

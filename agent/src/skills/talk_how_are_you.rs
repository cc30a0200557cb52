//! "how are you?": state, load, memory, disks and network, live, the worst first. A host or the desk tells how its hypervisors are.

use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Scope, Spec};
use grammar::size::Bytes;

use super::{ANYWHERE, disk_list, host_status, vm_status};
use crate::host::{Machine, MachineStats, State};
use crate::skill::{Args, Plan, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "talk.how_are_you",
    category: Category::Talk,
    scopes: ANYWHERE,
    danger: Danger::Read,
    role: Role::Viewer,
    slots: &[],
    allocates: false,
    planned: false,
};

/// From this share on (per cent), something is said to be scarce.
const SCARCE: f64 = 90.0;

/// How it is doing.
pub struct TalkHowAreYou;

impl Skill for TalkHowAreYou {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, _: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let reply = match (scene.scope, &scene.target) {
            (Scope::Machine, Some(machine)) => machine_report(machine, scene),
            _ => host_status::report(scene, None)?,
        };
        Ok(Plan::Answer(reply))
    }
}

/// One thing told: how scarce it is in per cent, for the order, and its line.
type Item = (f64, Phrase);

fn machine_report(machine: &Machine, scene: &Scene<'_>) -> Reply {
    let hosts = scene.host.hypervisors();
    if hosts.iter().any(|host| host.name == machine.id.hypervisor && host.unreachable.is_some()) {
        return Reply::say(vm_status::sentence(machine, scene));
    }
    if machine.state != State::Running {
        return Reply::say(Phrase::new("talk.how_are_you/idle").with("state", super::talk_manners::key(machine.state)))
            .and(vm_status::sentence(machine, scene));
    }
    // Figures that can't be had are left out: half an answer is better than none.
    let stats = scene.host.stats(&machine.id).unwrap_or_default();
    let items = items(machine, &stats, scene);
    let worst = items.first().map_or(0.0, |item| item.0);
    let head = Phrase::new(if worst >= SCARCE { "talk.how_are_you/strained" } else { "talk.how_are_you/well" });
    let mut rows: Vec<Phrase> = items.into_iter().map(|(_, line)| line).collect();
    if let Some((received, sent)) = stats.net_bytes {
        rows.push(line("network").with("received", Bytes(received)).with("sent", Bytes(sent)));
    }
    let mut reply = Reply::say(head).and(vm_status::sentence(machine, scene));
    reply.rows = rows;
    reply
}

/// The figures of a machine that runs and can be seen, the scarcest first.
pub(super) fn figures(machine: &Machine, scene: &Scene<'_>) -> Vec<Phrase> {
    let seen = |host: &crate::host::Hypervisor| host.name == machine.id.hypervisor && host.unreachable.is_none();
    if machine.state != State::Running || !scene.host.hypervisors().iter().any(seen) {
        return Vec::new();
    }
    let stats = scene.host.stats(&machine.id).unwrap_or_default();
    items(machine, &stats, scene).into_iter().map(|(_, line)| line).collect()
}

/// What is told of it, the scarcest first.
fn items(machine: &Machine, stats: &MachineStats, scene: &Scene<'_>) -> Vec<Item> {
    let mut items = usage(machine, stats);
    items.extend(disks(machine, scene));
    items.sort_by(|a, b| b.0.total_cmp(&a.0));
    items
}

fn usage(machine: &Machine, stats: &MachineStats) -> Vec<Item> {
    let cpu = stats
        .cpu_percent
        .map(|percent| (percent, line("cpu").with("percent", percent.round()).with("cpus", machine.vcpus)));
    let memory = stats.memory_used.filter(|_| machine.memory.0 > 0).map(|used| {
        let percent = share(used, machine.memory);
        (percent, line("memory").with("percent", percent.round()).with("used", used).with("memory", machine.memory))
    });
    cpu.into_iter().chain(memory).collect()
}

fn disks(machine: &Machine, scene: &Scene<'_>) -> Vec<Item> {
    machine
        .disks
        .iter()
        .filter(|disk| disk_list::is_disk(disk))
        .filter_map(|disk| {
            let used = scene.host.disk_use(&machine.id, &disk.target).ok().filter(|used| used.capacity.0 > 0)?;
            if disk_list::snapshots_inside(machine, disk, used) {
                let phrase = line("disk_snapshots").with("target", &disk.target);
                return Some((0.0, phrase.with("used", used.allocation).with("size", used.capacity)));
            }
            let percent = share(used.allocation, used.capacity);
            let phrase = line("disk")
                .with("target", &disk.target)
                .with("percent", percent.round())
                .with("used", used.allocation)
                .with("size", used.capacity);
            // A raw image takes all of its size on the host, however empty it is inside: no sign of strain.
            Some((if disk.format == "raw" { 0.0 } else { percent }, phrase))
        })
        .collect()
}

fn share(part: Bytes, whole: Bytes) -> f64 {
    part.0 as f64 / whole.0 as f64 * 100.0
}

fn line(id: &str) -> Phrase {
    Phrase::new(format!("talk.how_are_you/{id}"))
}

//! "which machines are off?", "who uses most memory?": the machines of a host, or of all, by name, state or use.

use std::sync::Arc;

use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Slot, Spec};
use grammar::kind::{Kind, Of};

use super::{ANYWHERE, host_status, talk_manners, vm_status};
use crate::host::{Machine, MachineStats, State};
use crate::skill::{Args, Plan, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "vm.list",
    category: Category::Know,
    scopes: ANYWHERE,
    danger: Danger::Read,
    role: Role::Viewer,
    slots: &[
        Slot::optional("state", Kind::Choice(&["running", "off", "paused", "crashed"])),
        Slot::optional("order", Kind::Choice(&["memory", "cpu", "name"])),
        Slot::optional("host", Kind::Name(Of::Hypervisor)),
    ],
    allocates: false,
    planned: false,
};

/// Most machines whose use is asked for live; beyond, what they may use decides.
const MOST_LIVE: usize = 100;

/// Lists machines.
pub struct VmList;

impl Skill for VmList {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let hosts = host_status::hosts(scene, args.word("host"))?;
        let mut machines = scene.host.machines();
        machines.retain(|machine| hosts.iter().any(|host| host.name == machine.id.hypervisor));
        let total = machines.len();
        let wanted = args.word("state");
        machines.retain(|machine| wanted.is_none_or(|state| talk_manners::key(machine.state) == state));
        let running = machines.iter().filter(|machine| machine.state == State::Running).count();
        let head = |id: &str| {
            Phrase::new(format!("vm.list/{id}"))
                .with("count", machines.len())
                .with("total", total)
                .with("running", running)
                .with("state", wanted.unwrap_or("any"))
        };
        if machines.is_empty() {
            return Ok(Plan::Answer(Reply::say(head(if total == 0 { "nobody" } else { "none" }))));
        }
        let head = head(if wanted.is_some() { "some" } else { "all" });
        let several_hosts = hosts.len() > 1;
        let rows = match args.word("order") {
            Some("memory") => by_memory(machines, scene),
            Some("cpu") => by_cpu(machines, scene),
            _ => machines.iter().map(|machine| row(machine, several_hosts)).collect(),
        };
        Ok(Plan::Answer(Reply::list(head, rows)))
    }
}

fn row(machine: &Machine, with_host: bool) -> Phrase {
    Phrase::new(if with_host { "vm.list/row_host" } else { "vm.list/row" })
        .with("name", &machine.name)
        .with("state", vm_status::state(machine.state))
        .with("memory", machine.memory)
        .with("host", &machine.id.hypervisor)
}

/// By what they use now; what a guest does not tell is taken as all that it may use.
fn by_memory(machines: Vec<Arc<Machine>>, scene: &Scene<'_>) -> Vec<Phrase> {
    let mut rows: Vec<_> = with_stats(machines, scene)
        .into_iter()
        .map(|(machine, stats)| {
            let off = machine.state == State::Off;
            let used = stats.memory_used.filter(|_| !off);
            let phrase = Phrase::new(if off {
                "vm.list/row_off"
            } else if used.is_some() {
                "vm.list/row_memory"
            } else {
                "vm.list/row_memory_unknown"
            })
            .with("name", &machine.name)
            .with("memory", machine.memory);
            let weight = if off { 0 } else { used.unwrap_or(machine.memory).0 };
            (weight, if let Some(used) = used { phrase.with("used", used) } else { phrase })
        })
        .collect();
    rows.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    rows.into_iter().map(|(_, phrase)| phrase).collect()
}

fn by_cpu(machines: Vec<Arc<Machine>>, scene: &Scene<'_>) -> Vec<Phrase> {
    let mut rows: Vec<_> = with_stats(machines, scene)
        .into_iter()
        .map(|(machine, stats)| {
            let percent = stats.cpu_percent.filter(|_| machine.state == State::Running);
            let phrase = Phrase::new(match (machine.state, percent) {
                (State::Off, _) => "vm.list/row_off",
                (_, Some(_)) => "vm.list/row_cpu",
                (_, None) => "vm.list/row_cpu_unknown",
            })
            .with("name", &machine.name)
            .with("memory", machine.memory)
            .with("cpus", machine.vcpus);
            (
                percent.unwrap_or(-1.0),
                if let Some(percent) = percent { phrase.with("percent", percent.round()) } else { phrase },
            )
        })
        .collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    rows.into_iter().map(|(_, phrase)| phrase).collect()
}

fn with_stats(machines: Vec<Arc<Machine>>, scene: &Scene<'_>) -> Vec<(Arc<Machine>, MachineStats)> {
    let live = machines.iter().filter(|machine| machine.state == State::Running).count() <= MOST_LIVE;
    machines
        .into_iter()
        .map(|machine| {
            let ask = live && machine.state == State::Running;
            let stats = if ask { scene.host.stats(&machine.id).unwrap_or_default() } else { MachineStats::default() };
            (machine, stats)
        })
        .collect()
}

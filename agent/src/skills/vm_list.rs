//! "which machines are off?", "who uses most memory?": the machines of a host, or of all, by name, state or use.

use std::collections::HashMap;
use std::sync::Arc;

use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Slot, Spec};
use grammar::kind::{Kind, Of};
use jiff::Timestamp;

use self::figures::{HOW, TRAITS, WHAT};
use super::{ANYWHERE, host_status, vm_status};
use crate::host::{Hypervisor, Machine, MachineId, MachineStats, State};
use crate::refusal::at_host;
use crate::skill::{Args, Plan, Scene, Skill, Stop};

mod figures;

static SPEC: Spec = Spec {
    id: "vm.list",
    category: Category::Know,
    scopes: ANYWHERE,
    danger: Danger::Read,
    role: Role::Viewer,
    slots: &[
        Slot::optional("state", Kind::Choice(&["running", "off", "paused", "crashed", "saved", "not-running", "down"])),
        Slot::optional("order", Kind::Choice(&["memory", "cpu", "name"])),
        Slot::optional("host", Kind::Name(Of::Hypervisor)),
        Slot::optional("what", Kind::Choice(WHAT)),
        Slot::optional("how", Kind::Choice(HOW)),
        Slot::optional("size", Kind::Size),
        Slot::optional("count", Kind::Count),
        Slot::optional("trait", Kind::Choice(TRAITS)),
        Slot::optional("place", Kind::Choice(&["next"])),
        Slot::optional("each", Kind::Choice(&["one-by-one"])),
        Slot::optional("every", Kind::Choice(&["every"])),
        Slot::optional("group", Kind::Name(Of::Tag)),
        Slot::optional("of", Kind::Machines),
        // "the total memory of web1 and web2", where "the biggest disk of web1" is asked of that one.
        Slot::optional("sum", Kind::Choice(&["total"])),
    ],
    allocates: false,
    planned: false,
};

/// Lists machines.
pub struct VmList;

impl Skill for VmList {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        // "the biggest, db1, isn't it?": the name of a machine is none of a host.
        let host = args.word("host").filter(|name| scene.host.named(name).is_empty());
        let hosts = host_status::hosts(scene, host)?;
        // "all but db1", "of web1 and web2": those and no others.
        let of = args.machines("of");
        let meant = |machine: &Machine| of.is_none_or(|names| names.contains(&at_host(&machine.id, &machine.name)));
        let mut machines = scene.host.machines();
        machines.retain(|machine| hosts.iter().any(|host| host.name == machine.id.hypervisor) && meant(machine));
        let total = machines.len();
        let wanted = args.word("state");
        machines.retain(|machine| wanted.is_none_or(|state| figures::is(machine, state)));
        // What can't be seen is said first, and not counted as seen.
        let mut notes = host_status::missing(&hosts, scene);
        let sight =
            Sight { away: hosts.iter().filter(|host| host.unreachable.is_some()).collect(), hosts: hosts.len() };
        let seen = |machine: &&Arc<Machine>| sight.since(machine).is_none();
        let running = machines.iter().filter(seen).filter(|machine| machine.state == State::Running).count();
        let in_sight = machines.iter().filter(seen).count();
        let head = |id: &str| {
            let how = match id {
                _ if sight.away.is_empty() => "",
                "all" if in_sight == machines.len() => "_seen",
                "all" if in_sight == 0 => "_was",
                _ => "_then",
            };
            Phrase::new(format!("vm.list/{id}{how}"))
                .with("count", machines.len())
                .with("total", total)
                .with("seen", in_sight)
                .with("running", running)
                .with("state", wanted.unwrap_or("any"))
        };
        if total == 0 && !sight.away.is_empty() {
            return Ok(Plan::Answer(Reply { head: notes, ..Reply::default() }));
        }
        if total > 0 && figures::asked(args) {
            let mut seen = scene.host.machines();
            seen.retain(|machine| hosts.iter().any(|host| host.name == machine.id.hypervisor) && meant(machine));
            let mut reply = figures::answer(seen, args, scene, &sight);
            reply.head.splice(0..0, notes);
            return Ok(Plan::Answer(reply));
        }
        if machines.is_empty() {
            notes.push(if total == 0 { Phrase::new("vm.list/nobody") } else { head("none") });
            return Ok(Plan::Answer(Reply { head: notes, ..Reply::default() }));
        }
        let head = head(if wanted.is_some() { "some" } else { "all" });
        let rows = match args.word("order") {
            Some(order @ ("memory" | "cpu")) => {
                let (used, silent) = usage(&hosts, scene);
                notes.extend(silent.into_iter().map(|host| Phrase::new("host.status/silent").with("host", host)));
                if order == "cpu" { by_cpu(machines, &used, &sight) } else { by_memory(machines, &used, &sight) }
            }
            _ => machines.iter().map(|machine| row(machine, &sight)).collect(),
        };
        notes.push(head);
        Ok(Plan::Answer(Reply { head: notes, rows, ..Reply::default() }))
    }
}

/// Which of the hypervisors asked about can be seen.
struct Sight<'a> {
    away: Vec<&'a Hypervisor>,
    hosts: usize,
}

impl Sight<'_> {
    /// Since when a machine is out of sight; `None` while it can be seen.
    fn since(&self, machine: &Machine) -> Option<Timestamp> {
        let host = self.away.iter().find(|host| host.name == machine.id.hypervisor)?;
        host.unreachable.as_ref().map(|(since, _)| *since)
    }
}

/// What machines use, each hypervisor asked at the same time as the others; and those that did not answer.
fn usage(hosts: &[Hypervisor], scene: &Scene<'_>) -> (HashMap<MachineId, MachineStats>, Vec<String>) {
    let host = scene.host;
    let reachable = hosts.iter().filter(|host| host.unreachable.is_none());
    let answers: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> = reachable.map(|asked| (&asked.name, scope.spawn(|| host.usage(&asked.name)))).collect();
        asked.into_iter().map(|(name, answer)| (name, answer.join().ok().and_then(Result::ok))).collect()
    });
    let (mut all, mut silent) = (HashMap::new(), Vec::new());
    for (hypervisor, answer) in answers {
        match answer {
            Some(used) => {
                let id = |uuid| MachineId { hypervisor: hypervisor.clone(), uuid };
                all.extend(used.into_iter().map(|(uuid, stats)| (id(uuid), stats)));
            }
            None => silent.push(hypervisor.clone()),
        }
    }
    (all, silent)
}

fn line(id: &str) -> Phrase {
    Phrase::new(format!("vm.list/{id}"))
}

fn row(machine: &Machine, sight: &Sight<'_>) -> Phrase {
    let since = sight.since(machine);
    let phrase = Phrase::new(match (since, sight.hosts > 1) {
        (None, false) => "vm.list/row",
        (None, true) => "vm.list/row_host",
        (Some(_), false) => "vm.list/row_then",
        (Some(_), true) => "vm.list/row_host_then",
    })
    .with("name", &machine.name)
    .with("state", vm_status::how(machine))
    .with("memory", machine.memory)
    .with("host", &machine.id.hypervisor);
    since.into_iter().fold(phrase, |phrase, since| phrase.with("since", since))
}

/// By what they use now; what a guest does not tell is taken as all that it may use.
fn by_memory(machines: Vec<Arc<Machine>>, used: &HashMap<MachineId, MachineStats>, sight: &Sight<'_>) -> Vec<Phrase> {
    let mut rows: Vec<_> = machines
        .into_iter()
        .map(|machine| {
            if sight.since(&machine).is_some() {
                return (0, row(&machine, sight));
            }
            let stats = used.get(&machine.id).cloned().unwrap_or_default();
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

fn by_cpu(machines: Vec<Arc<Machine>>, used: &HashMap<MachineId, MachineStats>, sight: &Sight<'_>) -> Vec<Phrase> {
    let mut rows: Vec<_> = machines
        .into_iter()
        .map(|machine| {
            if sight.since(&machine).is_some() {
                return (-2.0, row(&machine, sight));
            }
            let stats = used.get(&machine.id).cloned().unwrap_or_default();
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

//! Figures of many machines: "how much memory in total", "which one has the most disks", "with more than 2 snapshots".

use std::sync::Arc;

use dialogue::reply::{Phrase, Reply};
use grammar::size::Bytes;

use super::{Sight, line, row};
use crate::host::{Machine, State};
use crate::skill::{Args, Scene};

/// What is asked about machines.
pub(super) const WHAT: &[&str] = &["memory", "cpu", "disk", "snapshot", "space"];
/// How machines are looked at: in an order, beyond a number, as a sum, or one by one.
pub(super) const HOW: &[&str] =
    &["most", "biggest", "least", "smallest", "above", "below", "at-least", "at-most", "total"];
/// What machines have or lack.
pub(super) const TRAITS: &[&str] = &["autostart", "no-autostart", "snapshots", "no-snapshots"];
/// What is measured of a machine.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Memory,
    Cpus,
    Disks,
    Snapshots,
    /// The largest of its disks; all of them in a sum.
    Space,
}

impl What {
    /// What was asked about; "disks" with a size, or the biggest of them, is about space.
    fn asked(args: &Args) -> Option<Self> {
        let word = args.word("what").or_else(|| args.word("order"));
        let sized = args.size("size").is_some() || matches!(args.word("how"), Some("biggest" | "smallest"));
        Some(match word {
            Some("memory") => Self::Memory,
            Some("cpu") => Self::Cpus,
            Some("disk") if sized => Self::Space,
            Some("disk") => Self::Disks,
            Some("snapshot") => Self::Snapshots,
            Some("space") => Self::Space,
            _ if sized
                || matches!(args.word("how"), Some("most" | "least" | "total"))
                || args.word("sum").is_some()
                || args.word("place").is_some() =>
            {
                Self::Memory
            }
            _ => return None,
        })
    }

    fn of(self, machine: &Machine, sum: bool, scene: &Scene<'_>) -> u64 {
        let disks = || machine.disks.iter().filter(|disk| disk.is_disk());
        match self {
            Self::Memory => machine.memory.0,
            Self::Cpus => u64::from(machine.vcpus),
            Self::Disks => disks().count() as u64,
            Self::Snapshots => machine.snapshots.len() as u64,
            Self::Space => {
                let size = |target: &str| scene.host.disk_use(&machine.id, target).map_or(0, |used| used.capacity.0);
                let sizes = disks().map(|disk| size(&disk.target));
                if sum { sizes.sum() } else { sizes.max().unwrap_or(0) }
            }
        }
    }

    fn say(self, amount: u64) -> Phrase {
        match self {
            Self::Memory => line("of_memory").with("size", Bytes(amount)),
            Self::Cpus => line("of_cpus").with("count", amount as f64),
            Self::Disks => line("of_disks").with("count", amount as f64),
            Self::Snapshots => line("of_snapshots").with("count", amount as f64),
            Self::Space => line("of_space").with("size", Bytes(amount)),
        }
    }
}

/// Whether more is asked than which machines there are, or are in a state.
pub(super) fn asked(args: &Args) -> bool {
    ["what", "how", "sum", "place", "trait", "group", "every"].iter().any(|slot| args.word(slot).is_some())
        || args.word("state").is_some_and(rests)
}

/// The machines that are meant, and what was asked of them; `seen` are all that there are.
pub(super) fn answer(seen: Vec<Arc<Machine>>, args: &Args, scene: &Scene<'_>, sight: &Sight<'_>) -> Reply {
    let mut among = seen;
    if let Some(group) = args.word("group") {
        among = grouped(&among, group);
        if among.is_empty() {
            return Reply::say(line("no_such").with("group", group));
        }
    }
    let total = among.len();
    let state = args.word("state");
    if let Some(state) = state.filter(|_| args.word("every").is_some()) {
        return every(&among, state, sight);
    }
    among.retain(|machine| state.is_none_or(|state| is(machine, state)));
    among.retain(|machine| args.word("trait").is_none_or(|wanted| has(machine, wanted)));
    let what = What::asked(args);
    let how = args.word("how").or_else(|| args.word("sum")).or_else(|| args.word("place").map(|_| "most"));
    let sum = how == Some("total");
    let mut measured: Vec<(u64, Arc<Machine>)> =
        among.into_iter().map(|machine| (what.map_or(0, |what| what.of(&machine, sum, scene)), machine)).collect();
    let bound = args.size("size").map(|size| size.0).or_else(|| args.count("count"));
    match (what, how, bound) {
        (Some(what), Some("total"), _) => totals(measured, what, sight),
        (Some(what), Some(how @ ("most" | "biggest" | "least" | "smallest")), _) => {
            ranked(measured, what, how, args.word("place").is_some(), sight)
        }
        (Some(what), _, bound) => {
            // "which have snapshots?": a thing alone is had or not.
            measured.retain(|(amount, _)| match (how, bound) {
                (Some("below"), Some(bound)) => *amount < bound,
                (Some("above"), Some(bound)) => *amount > bound,
                (Some("at-least"), Some(bound)) => *amount >= bound,
                (Some("at-most"), Some(bound)) => *amount <= bound,
                (_, Some(bound)) => *amount == bound,
                (_, None) => *amount > 0,
            });
            fitting(measured, Some(what), total, sight)
        }
        (None, ..) if asked_only(args) => {
            let head = line(if measured.is_empty() { "none_resting" } else { "resting" });
            let head = head.with("count", measured.len()).with("total", total);
            Reply::list(head, measured.iter().map(|(_, machine)| row(machine, sight)).collect())
        }
        (None, ..) => fitting(measured, None, total, sight),
    }
}

/// Whether nothing more is asked than which are not running.
fn asked_only(args: &Args) -> bool {
    args.word("state").is_some_and(rests) && args.word("trait").is_none()
}

/// Whether a word stands for more than one state.
fn rests(state: &str) -> bool {
    matches!(state, "not-running" | "down")
}

/// Those whose name has that word in it, also as one of many: "students" are student01 and student02.
fn grouped(machines: &[Arc<Machine>], group: &str) -> Vec<Arc<Machine>> {
    let group = group.to_lowercase();
    let named = |part: &str| -> Vec<Arc<Machine>> {
        let fits = |machine: &&Arc<Machine>| machine.name.to_lowercase().contains(part);
        machines.iter().filter(fits).cloned().collect()
    };
    let all = named(&group);
    match group.strip_suffix('s') {
        Some(one) if all.is_empty() && !one.is_empty() => named(one),
        _ => all,
    }
}

/// Whether a machine is so, in a word of the slot `state`.
pub(super) fn is(machine: &Machine, state: &str) -> bool {
    match state {
        "not-running" => machine.state != State::Running,
        "down" => matches!(machine.state, State::Off | State::Crashed),
        "saved" => machine.state == State::Off && machine.saved,
        state => crate::skills::talk_manners::key(machine.state) == state,
    }
}

fn has(machine: &Machine, wanted: &str) -> bool {
    match wanted {
        "autostart" => machine.autostart,
        "no-autostart" => !machine.autostart,
        "snapshots" => !machine.snapshots.is_empty(),
        _ => machine.snapshots.is_empty(),
    }
}

/// "are they all running?": yes, or which are not.
fn every(among: &[Arc<Machine>], state: &str, sight: &Sight<'_>) -> Reply {
    let others: Vec<&Arc<Machine>> = among.iter().filter(|machine| !is(machine, state)).collect();
    if others.is_empty() {
        return Reply::say(line("every").with("count", among.len()).with("state", state));
    }
    let head = line("not_every").with("count", others.len()).with("total", among.len());
    Reply::list(head, others.into_iter().map(|machine| row(machine, sight)).collect())
}

fn totals(mut measured: Vec<(u64, Arc<Machine>)>, what: What, sight: &Sight<'_>) -> Reply {
    measured.sort_by_key(|(amount, _)| std::cmp::Reverse(*amount));
    let all = measured.iter().map(|(amount, _)| amount).sum();
    let head = line("total").with("count", measured.len()).with("value", what.say(all));
    Reply::list(head, rows(&measured, what, sight))
}

fn ranked(mut measured: Vec<(u64, Arc<Machine>)>, what: What, how: &str, next: bool, sight: &Sight<'_>) -> Reply {
    measured.sort_by_key(|(amount, _)| std::cmp::Reverse(*amount));
    let least = matches!(how, "least" | "smallest");
    if least {
        measured.reverse();
    }
    let mut before = None;
    if next && measured.len() > 1 {
        before = Some(measured.remove(0).1);
    }
    let Some((best, first)) = measured.first().cloned() else {
        return Reply::say(line("none_fit").with("total", 0_usize));
    };
    let value = what.say(best);
    let level = measured.iter().filter(|(amount, _)| *amount == best);
    let names: Vec<String> = level.map(|(_, machine)| machine.name.clone()).collect();
    let (head, said) = match before {
        Some(before) => (line("next").with("first", &before.name).with("name", &first.name).with("value", value), 1),
        None if names.len() > 1 => (line("alike").with("names", names.clone()).with("value", value), names.len()),
        None => (line("first").with("name", &first.name).with("value", value).with("end", how), 1),
    };
    measured.drain(..said);
    Reply::list(head, rows(&measured, what, sight))
}

fn fitting(measured: Vec<(u64, Arc<Machine>)>, what: Option<What>, total: usize, sight: &Sight<'_>) -> Reply {
    if measured.is_empty() {
        return Reply::say(line("none_fit").with("total", total));
    }
    let head = line("fit").with("count", measured.len()).with("total", total);
    let rows = match what {
        Some(what @ (What::Disks | What::Snapshots | What::Cpus | What::Space)) => rows(&measured, what, sight),
        Some(What::Memory) | None => measured.iter().map(|(_, machine)| row(machine, sight)).collect(),
    };
    Reply::list(head, rows)
}

fn rows(measured: &[(u64, Arc<Machine>)], what: What, sight: &Sight<'_>) -> Vec<Phrase> {
    let each = |(amount, machine): &(u64, Arc<Machine>)| {
        line(if sight.hosts > 1 { "row_value_host" } else { "row_value" })
            .with("name", &machine.name)
            .with("host", &machine.id.hypervisor)
            .with("value", what.say(*amount))
    };
    measured.iter().map(each).collect()
}

//! "how is hv1?", "free memory?": how a hypervisor is doing, live: machines running, memory and storage left.

use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Slot, Spec};
use grammar::kind::{Kind, Of};

use super::ANYWHERE;
use crate::host::{HostError, Hypervisor, State};
use crate::skill::{Args, Plan, Refusal, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "host.status",
    category: Category::Know,
    scopes: ANYWHERE,
    danger: Danger::Read,
    role: Role::Viewer,
    slots: &[Slot::optional("host", Kind::Name(Of::Hypervisor))],
    allocates: false,
    planned: false,
};

/// How a hypervisor is doing.
pub struct HostStatus;

impl Skill for HostStatus {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        Ok(Plan::Answer(report(scene, args.word("host"))?))
    }
}

/// How the hypervisor named is doing, else the one spoken to, else all.
///
/// # Errors
/// An unknown name; the only host asked about does not answer.
pub(super) fn report(scene: &Scene<'_>, named: Option<&str>) -> Result<Reply, Stop> {
    report_of(&hosts(scene, named)?, scene)
}

/// One hypervisor in a sentence and its pools in rows; several in a row each.
///
/// # Errors
/// The only host asked about does not answer.
pub(super) fn report_of(hosts: &[Hypervisor], scene: &Scene<'_>) -> Result<Reply, Stop> {
    if let [host] = hosts {
        if !host.read {
            return Ok(Reply { head: missing(hosts, scene), ..Reply::default() });
        }
        let mut reply = Reply { head: ailing(hosts, scene), ..Reply::default() }.and(line(host, scene)?);
        reply.head.extend(rest(hosts, scene));
        if host.unreachable.is_none() {
            reply.rows = pools(&host.name, scene);
        }
        return Ok(reply);
    }
    let rows = hosts
        .iter()
        .map(|host| line(host, scene).unwrap_or_else(|_| Phrase::new("host.status/silent").with("host", &host.name)))
        .collect();
    let mut head = ailing(hosts, scene);
    head.push(Phrase::new("host.status/head").with("count", hosts.len()));
    Ok(Reply { head, rows, ..Reply::default() })
}

/// What is not as it should be on hypervisors that can be seen: who has crashed, who is paused. It is said first.
fn ailing(hosts: &[Hypervisor], scene: &Scene<'_>) -> Vec<Phrase> {
    by_state(&[(State::Crashed, "crashed"), (State::Paused, "paused")], hosts, scene)
}

/// Who is up and who is off, where they are few.
fn rest(hosts: &[Hypervisor], scene: &Scene<'_>) -> Vec<Phrase> {
    let there = |name: &str| hosts.iter().any(|host| host.name == name);
    let count = scene.host.machines().iter().filter(|machine| there(&machine.id.hypervisor)).count();
    let states = [(State::Running, "up"), (State::Off, "off")];
    if count > MOST_NAMES { Vec::new() } else { by_state(&states, hosts, scene) }
}

/// A sentence for each state that somebody is in.
fn by_state(states: &[(State, &str)], hosts: &[Hypervisor], scene: &Scene<'_>) -> Vec<Phrase> {
    let seen = |name: &str| hosts.iter().any(|host| host.name == name && host.unreachable.is_none());
    let machines = scene.host.machines();
    let are = |state: State| -> Vec<String> {
        let there = machines.iter().filter(|machine| machine.state == state && seen(&machine.id.hypervisor));
        there.map(|machine| machine.name.clone()).collect()
    };
    states
        .iter()
        .map(|(state, id)| (are(*state), id))
        .filter(|(names, _)| !names.is_empty())
        .map(|(names, id)| Phrase::new(format!("host.status/{id}")).with("count", names.len()).with("names", names))
        .collect()
}

/// The hypervisor named, else the one spoken to, else all.
///
/// # Errors
/// There is none of that name.
pub(super) fn hosts(scene: &Scene<'_>, named: Option<&str>) -> Result<Vec<Hypervisor>, Stop> {
    let all = scene.host.hypervisors();
    let Some(wanted) = named.or(scene.hypervisor) else {
        return Ok(all);
    };
    match all.iter().find(|host| host.name.eq_ignore_ascii_case(wanted)) {
        Some(host) => Ok(vec![host.clone()]),
        None => {
            let close = all.into_iter().map(|host| host.name).collect();
            Err(Refusal::NotFound { kind: Of::Hypervisor, said: wanted.to_owned(), close }.into())
        }
    }
}

/// Most names that are remembered in a sentence.
const MOST_NAMES: usize = 10;

/// A sentence on each of these hypervisors that can't be seen now: as of when what is told of it is, or that nothing is known.
pub(super) fn missing(hosts: &[Hypervisor], scene: &Scene<'_>) -> Vec<Phrase> {
    let sentence = |host: &Hypervisor| {
        let (since, _) = host.unreachable.as_ref()?;
        if host.read {
            return Some(Phrase::new("host.status/as_it_was").with("host", &host.name).with("since", *since));
        }
        let names: Vec<String> = scene
            .host
            .remembered()
            .into_iter()
            .filter(|(id, _)| id.hypervisor == host.name)
            .map(|(_, name)| name)
            .collect();
        let id = match names.len() {
            0 => "host.status/never",
            1..=MOST_NAMES => "host.status/never_known",
            _ => "host.status/never_many",
        };
        Some(Phrase::new(id).with("host", &host.name).with("count", names.len()).with("names", names))
    };
    hosts.iter().filter_map(sentence).collect()
}

/// An answer about what is on a hypervisor, with as of when it is while that can't be reached.
pub(super) fn dated(mut reply: Reply, hypervisor: &str, scene: &Scene<'_>) -> Reply {
    let hosts: Vec<Hypervisor> = scene.host.hypervisors().into_iter().filter(|host| host.name == hypervisor).collect();
    reply.head.splice(0..0, missing(&hosts, scene));
    reply
}

fn line(host: &Hypervisor, scene: &Scene<'_>) -> Result<Phrase, HostError> {
    if !host.read {
        return Ok(Phrase::new("host.status/never").with("host", &host.name));
    }
    if let Some((since, _)) = &host.unreachable {
        return Ok(Phrase::new("host.status/unreachable").with("host", &host.name).with("since", *since));
    }
    let machines = scene.host.machines();
    let states = || machines.iter().filter(|machine| machine.id.hypervisor == host.name).map(|machine| machine.state);
    let info = scene.host.host_info(&host.name)?;
    let id = if info.free_memory.is_some() { "host.status/line" } else { "host.status/line_no_memory" };
    let phrase = Phrase::new(id)
        .with("host", &host.name)
        .with("count", states().count())
        .with("running", states().filter(|state| *state == State::Running).count())
        .with("memory", info.memory);
    Ok(match info.free_memory {
        Some(free) => phrase.with("free", free),
        None => phrase,
    })
}

fn pools(hypervisor: &str, scene: &Scene<'_>) -> Vec<Phrase> {
    scene
        .host
        .pools(hypervisor)
        .into_iter()
        .map(|pool| {
            Phrase::new(if pool.active { "host.status/pool" } else { "host.status/pool_stopped" })
                .with("pool", &pool.name)
                .with("free", pool.available)
                .with("capacity", pool.capacity)
        })
        .collect()
}

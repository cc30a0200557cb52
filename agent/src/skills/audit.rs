//! "who stopped you last night?", "why did you stop?": what was done or happened, by whom and when, from the journal.

use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Scope, Slot, Spec};
use grammar::kind::{Kind, Of};

use super::ANYWHERE;
use crate::refusal;
use crate::skill::{Args, Plan, Refusal, Scene, Skill, Stop};
use crate::state::journal::Told;

/// One question to the past.
pub struct Audit(&'static Spec);

/// Who did it.
pub static WHO: Audit = Audit(&SPECS[0]);
/// Why it is so.
pub static WHY: Audit = Audit(&SPECS[1]);

static SPECS: [Spec; 2] = [audit("audit.who"), audit("audit.why")];

/// What may have been done, in the order of asking; the words for each are in the lexicon.
const DEEDS: &[&str] = &["start", "stop", "reboot", "pause", "resume", "snapshot", "revert", "disk"];
/// Most lines looked through: far enough for last night on a busy host.
const LOOKED_AT: usize = 500;
/// Most lines shown.
const SHOWN: usize = 5;

const SLOTS: &[Slot] = &[
    Slot::optional("about", Kind::Name(Of::Machine)),
    Slot::optional("deed", Kind::Choice(DEEDS)),
    super::audit_log::PERIOD,
    Slot::optional("ask", Kind::Choice(&["when"])),
];

const fn audit(id: &'static str) -> Spec {
    Spec {
        id,
        category: Category::Know,
        scopes: ANYWHERE,
        danger: Danger::Read,
        role: Role::Viewer,
        slots: SLOTS,
        allocates: false,
        planned: false,
    }
}

impl Skill for Audit {
    fn spec(&self) -> &'static Spec {
        self.0
    }

    fn plan(&self, args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let about = about(args, scene)?;
        let deed = args.word("deed");
        // "why" asks for the last change of state, unless it says which.
        let wanted = |told: &Told| match (deed, self.0.id) {
            (Some(deed), _) => is(deed, &told.verb),
            (None, "audit.why") => {
                ["start", "stop", "reboot", "pause", "resume"].into_iter().any(|deed| is(deed, &told.verb))
            }
            (None, _) => true,
        };
        let (since, until) = super::audit_log::span(args, scene.now);
        let then = |told: &Told| since.is_none_or(|since| told.at >= since) && until.is_none_or(|end| told.at < end);
        let all: Vec<Told> = records(scene, about.as_deref()).into_iter().filter(wanted).collect();
        let of_then: Vec<Told> = all.iter().filter(|told| then(told)).take(SHOWN).cloned().collect();
        // Nothing of that then, but at another time: people are often wrong about when.
        let other_time = of_then.is_empty() && !all.is_empty();
        let told = if other_time { all.into_iter().take(1).collect() } else { of_then };
        let name = about.as_deref().unwrap_or(scene.entity);
        let reply = match told.split_first() {
            None => Reply::say(Phrase::new(format!("{}/nothing", self.0.id)).with("name", name)),
            Some((last, before)) => {
                let head = other_time.then(|| Phrase::new("audit.who/not_then"));
                let mut reply = Reply { head: head.into_iter().collect(), ..Reply::default() }.and(line("last", last));
                if last.actor.is_none() {
                    reply = reply.and(Phrase::new("audit.who/nobody"));
                }
                if !before.is_empty() && self.0.id == "audit.who" {
                    reply = reply.and(Phrase::new("audit.who/before"));
                    reply.rows = before.iter().map(|told| line("row", told)).collect();
                }
                reply
            }
        };
        Ok(Plan::Answer(reply))
    }
}

/// What is on record of a machine, or of the one spoken to; a host knows of all that are on it, the desk of all. Newest first.
pub(super) fn records(scene: &Scene<'_>, machine: Option<&str>) -> Vec<Told> {
    match (machine, scene.scope) {
        (Some(name), _) => scene.affairs.history(Some(name), LOOKED_AT),
        (None, Scope::Machine) => scene.affairs.history(Some(scene.entity), LOOKED_AT),
        (None, Scope::Desk) => scene.affairs.history(None, LOOKED_AT),
        (None, Scope::Host) => {
            let machines = scene.host.machines();
            let here = |about: &str| {
                let on = |name: &str| scene.hypervisor.is_some_and(|host| host.eq_ignore_ascii_case(name));
                // Of what is gone nobody knows where it was: it is told of, rather than kept back.
                let mut of_that_name = machines.iter().filter(|machine| machine.name == about).peekable();
                on(about) || of_that_name.peek().is_none() || of_that_name.any(|machine| on(&machine.id.hypervisor))
            };
            scene.affairs.history(None, LOOKED_AT).into_iter().filter(|told| here(&told.about)).collect()
        }
    }
}

/// The machine named, if one is.
fn about(args: &Args, scene: &Scene<'_>) -> Result<Option<String>, Stop> {
    let Some(said) = args.word("about") else { return Ok(None) };
    let machines = scene.host.machines();
    match machines.iter().find(|machine| machine.name.eq_ignore_ascii_case(said)) {
        Some(machine) => Ok(Some(machine.name.clone())),
        None => {
            let names: Vec<String> = machines.iter().map(|machine| machine.name.clone()).collect();
            // "who restarted mango?", where only shop-mango is called so.
            if let [only] = refusal::begun(said, &names).as_slice() {
                return Ok(Some(only.clone()));
            }
            let close = refusal::close(said, machines.iter().map(|machine| machine.name.clone()));
            Err(Refusal::NotFound { kind: Of::Machine, said: said.to_owned(), close }.into())
        }
    }
}

/// Whether a verb of the journal, a skill's id or `event.` and its name, is such a deed.
fn is(deed: &str, verb: &str) -> bool {
    let verb = verb.strip_prefix("event.").unwrap_or(verb);
    match deed {
        "start" => matches!(verb, "vm.start" | "started" | "restored" | "restored_paused" | "moved_here" | "woken"),
        "stop" => matches!(
            verb,
            "vm.shutdown"
                | "vm.force_off"
                | "shut_down"
                | "forced_off"
                | "saved"
                | "moved_away"
                | "failed"
                | "crashed"
                | "hibernated"
        ),
        "reboot" => matches!(verb, "vm.reboot" | "vm.reset" | "rebooted"),
        "pause" => verb == "vm.pause" || verb.starts_with("paused") || verb == "asleep",
        "resume" => matches!(verb, "vm.resume" | "resumed" | "woken"),
        "snapshot" => matches!(verb, "snapshot.create" | "snapshot.delete"),
        "revert" => matches!(verb, "snapshot.revert" | "reverted"),
        "disk" => verb.starts_with("disk.") || matches!(verb, "device_added" | "device_removed"),
        _ => false,
    }
}

fn line(id: &str, told: &Told) -> Phrase {
    Phrase::new(format!("audit.who/{id}")).with("at", told.at).with("text", told.said())
}

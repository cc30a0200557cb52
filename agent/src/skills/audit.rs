//! "who stopped you last night?", "why did you stop?": what was done or happened, by whom and when, from the journal.

use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Scope, Slot, Spec};
use grammar::kind::{Kind, Of};

use super::ANYWHERE;
use crate::journal::Told;
use crate::refusal;
use crate::skill::{Args, Plan, Refusal, Scene, Skill, Stop};

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

const SLOTS: &[Slot] = &[Slot::optional("about", Kind::Name(Of::Machine)), Slot::optional("deed", Kind::Choice(DEEDS))];

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
        let told: Vec<Told> =
            scene.office.history(about.as_deref(), LOOKED_AT).into_iter().filter(wanted).take(SHOWN).collect();
        let name = about.as_deref().unwrap_or(scene.entity);
        let reply = match told.split_first() {
            None => Reply::say(Phrase::new(format!("{}/nothing", self.0.id)).with("name", name)),
            Some((last, before)) => {
                let mut reply = Reply::say(line("last", last));
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

/// The machine named, else the machine or host spoken to; the desk knows of all.
fn about(args: &Args, scene: &Scene<'_>) -> Result<Option<String>, Stop> {
    if let Some(said) = args.word("about") {
        let machines = scene.host.machines();
        return match machines.iter().find(|machine| machine.name.eq_ignore_ascii_case(said)) {
            Some(machine) => Ok(Some(machine.name.clone())),
            None => {
                let close = refusal::close(said, machines.iter().map(|machine| machine.name.clone()));
                Err(Refusal::NotFound { kind: Of::Machine, said: said.to_owned(), close }.into())
            }
        };
    }
    Ok((scene.scope != Scope::Desk).then(|| scene.entity.to_owned()))
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

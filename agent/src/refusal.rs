//! Refusals in words: each kind has its sentence in `phrases.txt`; a value that can't be right becomes a question again.

use dialogue::machine::Planned;
use dialogue::reply::{Choice, Phrase, Reply, Var};
use grammar::kind::Of;

use crate::host::{HostErrorKind, State};
use crate::skill::Refusal;

/// What the conversation is told instead of a plan.
pub fn planned(refusal: &Refusal, call: usize) -> Planned {
    match refusal {
        Refusal::Ambiguous { slot, candidates } => {
            // In quotation marks a name of several words is one name.
            let says = |name: &String| if name.contains(' ') { format!("\"{name}\"") } else { name.clone() };
            let choices =
                candidates.iter().map(|name| Choice { label: name.as_str().into(), says: says(name) }).collect();
            Planned::Ask {
                call,
                slot: (*slot).to_owned(),
                question: Reply::say(Phrase::common("ambiguous")).choose(choices),
            }
        }
        Refusal::BadValue { slot, why, .. } => Planned::Ask {
            call,
            slot: (*slot).to_owned(),
            question: Reply::say(Phrase::common("bad_value").with("why", why.clone())),
        },
        other => Planned::Refused(Reply::say(phrase(other))),
    }
}

/// The sentence of a refusal.
pub fn phrase(refusal: &Refusal) -> Phrase {
    match refusal {
        Refusal::NotFound { kind, said, close } if close.is_empty() => {
            Phrase::common("not_found").with("kind", kind_word(*kind)).with("said", said)
        }
        Refusal::NotFound { kind, said, close } => Phrase::common("not_found_close")
            .with("kind", kind_word(*kind))
            .with("said", said)
            .with("close", one_of(close)),
        Refusal::Ambiguous { .. } => Phrase::common("ambiguous"),
        Refusal::BadValue { why, .. } => Phrase::common("bad_value").with("why", why.clone()),
        Refusal::WrongState { name, is, needs } => {
            Phrase::common("wrong_state").with("name", name).with("is", state_word(*is)).with("needs", needs.clone())
        }
        Refusal::Denied { needs, ask_whom } => {
            let role = Phrase::common(match needs {
                dialogue::spec::Role::Viewer => "role_viewer",
                dialogue::spec::Role::Operator => "role_operator",
                dialogue::spec::Role::Admin => "role_admin",
            });
            if ask_whom.is_empty() {
                Phrase::common("denied_nobody").with("role", role)
            } else {
                Phrase::common("denied").with("role", role).with("whom", ask_whom.clone())
            }
        }
        Refusal::Busy { who, what } => Phrase::common("busy").with("who", who).with("name", what.clone()),
        Refusal::NoRoom { need, have } => Phrase::common("no_room").with("need", *need).with("have", *have),
        Refusal::Unsupported { what } => Phrase::common("unsupported").with("what", what.clone()),
        Refusal::Protected { name } => Phrase::common("protected").with("name", name),
        Refusal::WhichMachine => Phrase::common("which_machine"),
    }
}

/// "web1, web2 or web3".
fn one_of(names: &[String]) -> Var {
    match names {
        [before @ .., last] if !before.is_empty() => {
            Phrase::common("list_or").with("before", before.join(", ")).with("last", last.as_str()).into()
        }
        names => names.concat().into(),
    }
}

/// A state in words.
pub fn state_word(state: State) -> Phrase {
    Phrase::common(match state {
        State::Running => "state_running",
        State::Paused => "state_paused",
        State::Off => "state_off",
        State::Crashed => "state_crashed",
    })
}

/// A host's failure in words.
pub fn why(kind: HostErrorKind) -> Phrase {
    Phrase::common(match kind {
        HostErrorKind::NotFound => "why_not_found",
        HostErrorKind::Exists => "why_exists",
        HostErrorKind::WrongState => "why_wrong_state",
        HostErrorKind::Unsupported => "why_unsupported",
        HostErrorKind::Denied => "why_denied",
        HostErrorKind::NoRoom => "why_no_room",
        HostErrorKind::Busy => "why_busy",
        HostErrorKind::Unreachable => "why_unreachable",
        HostErrorKind::Lost => "why_lost",
        HostErrorKind::TimedOut => "why_timed_out",
        HostErrorKind::Failed => "why_failed",
    })
}

fn kind_word(of: Of) -> Phrase {
    Phrase::common(match of {
        Of::Machine => "kind_machine",
        Of::Hypervisor => "kind_hypervisor",
        Of::Disk => "kind_disk",
        Of::Snapshot => "kind_snapshot",
        Of::Pool => "kind_pool",
        Of::Volume => "kind_volume",
        Of::Network => "kind_network",
        Of::Room => "kind_room",
        Of::Tag => "kind_tag",
        Of::Iso => "kind_iso",
    })
}

/// Most names that are offered for a part of a name.
const MOST_BEGUN: usize = 6;

/// The names that what was said is the beginning of, or a whole part of ("web" of web1, "eu" of db-eu-3); none when they are too many.
pub fn begun(said: &str, names: &[String]) -> Vec<String> {
    let said = said.to_lowercase();
    if said.chars().count() < 2 {
        return Vec::new();
    }
    let fits = |name: &&String| {
        let name = name.to_lowercase();
        name.starts_with(&said) || name.split(['-', '_', '.', ' ']).any(|part| part == said)
    };
    let mut begun: Vec<String> = names.iter().filter(fits).cloned().collect();
    begun.sort();
    begun.dedup();
    if begun.len() > MOST_BEGUN { Vec::new() } else { begun }
}

/// The names nearest to what was said, nearest first, at most three.
pub fn close(said: &str, names: impl Iterator<Item = String>) -> Vec<String> {
    let said = said.to_lowercase();
    let mut near: Vec<(f64, String)> = names
        .map(|name| (strsim::normalized_damerau_levenshtein(&said, &name.to_lowercase()), name))
        .filter(|(score, name)| *score >= 0.5 || name.to_lowercase().starts_with(&said))
        .collect();
    near.sort_by(|one, other| other.0.total_cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

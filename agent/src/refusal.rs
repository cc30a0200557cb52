//! Refusals in words: each kind has its sentence in `phrases.txt`; a value that can't be right becomes a question again.

use std::sync::LazyLock;

use dialogue::machine::Planned;
use dialogue::reply::{Choice, Phrase, Reply, Var};
use dialogue::spec::Role;
use grammar::kind::Of;
use grammar::known::is_piece;
use regex::Regex;

use crate::host::names::{self, NameError, Thing};
use crate::host::{HostError, HostErrorKind, Machine, MachineId, Reason, State, libvirt};
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
        Refusal::NotFound { said, close, .. } if !close.is_empty() => {
            Planned::Near { call, said: said.clone(), close: close.clone(), reply: Reply::say(phrase(refusal)) }
        }
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
                Role::Viewer => "role_viewer",
                Role::Operator => "role_operator",
                Role::Admin => "role_admin",
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
        Refusal::Unreachable { host, since: Some(since), .. } => {
            Phrase::common("unreachable").with("host", host).with("since", *since)
        }
        Refusal::Unreachable { host, name, since: None } => {
            Phrase::common("unreachable_yet").with("host", host).with("name", name)
        }
        Refusal::Protected { name } => Phrase::common("protected").with("name", name),
        Refusal::WhichMachine => Phrase::common("which_machine"),
    }
}

/// Checks a name that a thing is to be given, before anything is asked; what is wrong becomes the question for another one.
///
/// # Errors
/// [`Refusal::BadValue`] of that slot.
pub fn check_name(thing: Thing, slot: &'static str, name: &str) -> Result<(), Refusal> {
    names::check(thing, name).map_err(|error| Refusal::BadValue { slot, said: name.to_owned(), why: bad_name(error) })
}

fn bad_name(error: NameError) -> Phrase {
    match error {
        NameError::Empty => Phrase::common("name_empty"),
        NameError::TooLong { most } => Phrase::common("name_long").with("most", most),
        NameError::Leading => Phrase::common("name_leading"),
        NameError::Blank => Phrase::common("name_blank"),
        NameError::Character(shown) => Phrase::common("name_character").with("character", shown.to_string()),
        NameError::Number => Phrase::common("name_number"),
        NameError::NoTarget => Phrase::common("name_target"),
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

/// How a machine is, in a word or two: as its state, and what more is known of that.
pub fn how(machine: &Machine) -> Phrase {
    match machine.state {
        State::Off if machine.saved => Phrase::common("state_saved"),
        State::Running if machine.ending.is_some() => Phrase::common("state_ending"),
        state => state_word(state),
    }
}

/// A state in words.
pub fn state_word(state: State) -> Phrase {
    Phrase::common(match state {
        State::Running => "state_running",
        State::Paused => "state_paused",
        State::Asleep => "state_asleep",
        State::Off => "state_off",
        State::Crashed => "state_crashed",
    })
}

/// A host's failure in words: why exactly where that is known, what sort of failure it is where libvirt's code tells, else
/// libvirt's own words. Whoever may only look hears no paths of the host.
pub fn why(error: &HostError, role: Role) -> Phrase {
    let cleaned = |text: &str| if role > Role::Viewer { text.to_owned() } else { without_paths(text) };
    if let Some(reason) = &error.reason {
        let phrase = Phrase::common(&format!("why_{}", reason.sentence));
        return reason.values.iter().fold(phrase, |phrase, (key, value)| phrase.with(key, cleaned(value)));
    }
    match (error.kind, &error.source) {
        (HostErrorKind::Failed, Some(source)) => {
            Phrase::common("why_said").with("said", cleaned(&libvirt::words(&source.to_string())))
        }
        (kind, _) => why_kind(kind).with("on", cleaned(&error.on)),
    }
}

/// Why something is refused before it is tried: a whole sentence.
pub fn reason(reason: &Reason, role: Role) -> Phrase {
    let error = HostError {
        kind: HostErrorKind::Busy,
        operation: "",
        on: String::new(),
        reason: Some(reason.clone()),
        source: None,
    };
    Phrase::common("left_alone").with("why", why(&error, role))
}

/// Of every path only its last part.
fn without_paths(text: &str) -> String {
    static PATH: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"/[^\s'":;,()\[\]]*/"#).expect("a constant regular expression"));
    let mut rest = PATH.replace_all(text, "").into_owned();
    if rest.starts_with('/') {
        rest.remove(0);
    }
    rest
}

/// A sort of failure in words.
pub fn why_kind(kind: HostErrorKind) -> Phrase {
    Phrase::common(match kind {
        HostErrorKind::NotFound => "why_not_found",
        HostErrorKind::Exists => "why_exists",
        HostErrorKind::WrongState => "why_wrong_state",
        HostErrorKind::Unsupported => "why_unsupported",
        HostErrorKind::Denied => "why_denied",
        HostErrorKind::NoRoom => "why_no_room",
        HostErrorKind::Busy => "why_busy",
        HostErrorKind::Unreachable => "why_unreachable",
        HostErrorKind::Full => "why_full",
        HostErrorKind::Lost => "why_lost",
        HostErrorKind::TimedOut => "why_timed_out",
        HostErrorKind::Stopped => "why_stopped",
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

/// How one of several of a name is offered: "web1 (hv2)".
pub fn at_host(id: &MachineId, name: &str) -> String {
    format!("{name} ({})", id.hypervisor)
}

/// Most names that are offered for a part of a name.
const MOST_BEGUN: usize = 6;

/// The names that what was said is the beginning of, or a whole part of ("web" of web1, "eu" of db-eu-3); none when they are too many.
pub fn begun(said: &str, names: &[String]) -> Vec<String> {
    let said = said.to_lowercase();
    if said.chars().count() < 2 && !said.chars().all(|c| c.is_ascii_digit()) {
        return Vec::new();
    }
    let fits = |name: &&String| {
        let name = name.to_lowercase();
        let begins = name.starts_with(&said) && said.chars().count() > 1;
        begins || is_piece(&said, &name)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: HostErrorKind, said: Option<&str>, reason: Option<Reason>) -> HostError {
        let source = said.map(|said| std::io::Error::other(said.to_owned()).into());
        HostError { kind, operation: "start", on: "web1".to_owned(), reason, source }
    }

    #[test]
    fn every_reason_has_its_sentence_in_every_language() {
        let book = dialogue::book::Book::load(crate::skills::specs(), &crate::nlu::corpus()).unwrap();
        let used = include_str!("host/reason.rs");
        let own = used.split('"').filter(|word| word.starts_with("used_") || word.starts_with("unseen_"));
        for sentence in libvirt::sentences().chain(own) {
            let phrase = Phrase::common(&format!("why_{sentence}"));
            for language in book.languages() {
                let known = book.words(language).phrases.wants(&phrase.key).is_some();
                assert!(known, "{language}: why_{sentence}");
            }
        }
    }

    #[test]
    fn viewers_hear_no_paths_and_operators_do() {
        let reason = || Some(Reason::new("missing_file").with("path", "/var/lib/images/a b.qcow2"));
        let told = |role, said, reason| format!("{:?}", why(&error(HostErrorKind::Failed, said, reason), role));
        assert!(told(Role::Operator, None, reason()).contains("/var/lib/images/a b.qcow2"));
        assert!(!told(Role::Viewer, None, reason()).contains("/var"));
        let said = Some("cannot frob '/srv/x/y.img': strange");
        assert!(told(Role::Admin, said, None).contains("/srv/x/y.img"));
        let viewer = told(Role::Viewer, said, None);
        assert!(viewer.contains("cannot frob 'y.img': strange") && !viewer.contains("/srv"), "{viewer}");
    }
}

//! The sentences of events: one each, and one for many.

use std::time::Duration;

use dialogue::reply::{Phrase, Var};
use jiff::SignedDuration;

use super::{Burst, News};
use crate::host::{EventKind, HostEvent};

/// Most names in one line.
const NAMES: usize = 3;

/// The sentence of an event.
pub fn phrase(event: &HostEvent, actor: Option<&str>) -> Phrase {
    let (id, _) = words(event.kind);
    let name = event.machine.as_ref().map_or(event.hypervisor.as_str(), |(_, name)| name.as_str());
    let phrase = Phrase::common(&format!("event_{id}")).with("name", name).with("actor", who(event.kind, actor));
    let phrase = phrase.with("host", &event.hypervisor);
    match &event.was {
        Some(was) => phrase.with("was", was),
        None if event.kind == EventKind::Renamed => phrase.with("was", "?"),
        None => phrase,
    }
}

/// The sentence of the end of a definition whose machine runs on.
pub fn undefined_running(phrase: Phrase) -> Phrase {
    Phrase { key: Phrase::common("event_undefined_running").key, ..phrase }
}

/// The sentence of a storm: what happened to one machine or host, and how it is now.
pub fn storm(news: &[News], over: Duration, is: Option<Phrase>) -> Phrase {
    let name = news.first().map_or("", |news| {
        news.event.machine.as_ref().map_or(news.event.hypervisor.as_str(), |(_, name)| name.as_str())
    });
    let counts = counts(news);
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
    // "paused and resumed 30 times" when they took turns, else each with its own count.
    let in_turn = counts.iter().all(|(kind, count)| was_done(*kind) && count + 1 >= most);
    let phrase = Phrase::common(match (in_turn, is.is_some()) {
        (true, true) => "storm_in_turn",
        (false, true) => "storm",
        (_, false) => "storm_unseen",
    });
    let did = if in_turn && is.is_some() {
        and(counts.iter().map(|(kind, _)| did(*kind)).collect())
    } else {
        let times = |(kind, count): &(EventKind, usize)| {
            Phrase::common("did_times").with("did", did(*kind)).with("count", *count)
        };
        and(counts.iter().map(times).collect())
    };
    let phrase = phrase.with("name", name).with("did", did).with("count", most).with("span", span(over));
    match is {
        Some(is) => phrase.with("is", is),
        None => phrase,
    }
}

/// The sentence of a burst: how much of what on one host, and a few names.
pub fn burst(burst: &Burst) -> Phrase {
    let many =
        |(kind, count): &(EventKind, usize)| Phrase::common("did_many").with("did", did(*kind)).with("count", *count);
    let mut names: Vec<String> = Vec::new();
    for (_, name) in burst.news.iter().filter_map(|news| news.event.machine.as_ref()) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    let more = names.len().saturating_sub(NAMES);
    names.truncate(NAMES);
    let names = if more == 0 {
        Phrase::common("names").with("names", names)
    } else {
        Phrase::common("names_more").with("names", names.join(", ")).with("more", more)
    };
    // Who did it is said when it was one of us for all of it.
    let actor = burst.news.first().and_then(|first| first.actor.clone());
    let one = actor.filter(|actor| burst.news.iter().all(|news| news.actor.as_ref() == Some(actor)));
    let phrase = Phrase::common(if one.is_some() { "burst_by" } else { "burst" })
        .with("host", &burst.hypervisor)
        .with("did", and(counts(&burst.news).iter().map(many).collect()))
        .with("names", names)
        .with("span", span(burst.over));
    match one {
        Some(actor) => phrase.with("actor", actor),
        None => phrase,
    }
}

/// The journal's verb of an event.
pub fn verb(kind: EventKind) -> String {
    format!("event.{}", words(kind).0)
}

/// Whether everybody is told of it, or only sees it in the presence and finds it in the journal. What runs twice only the admins hear of.
pub fn worth_telling(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Changed | EventKind::Doubled)
}

fn who(kind: EventKind, actor: Option<&str>) -> Var {
    match (actor, words(kind).1) {
        (Some(actor), _) => actor.into(),
        (None, Doer::Itself) => Phrase::common("by_itself").into(),
        (None, Doer::Somebody) => Phrase::common("somebody_outside").into(),
    }
}

/// Who does such things, when none of us did.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doer {
    /// Somebody with another tool.
    Somebody,
    /// The machine, or the host.
    Itself,
}

/// The name of a kind in the corpus (`event_<name>`, `did_<name>`) and the journal (`event.<name>`), and who does such things.
fn words(kind: EventKind) -> (&'static str, Doer) {
    use Doer::{Itself, Somebody};
    use EventKind as Kind;
    match kind {
        Kind::Defined => ("defined", Somebody),
        Kind::Changed => ("changed", Somebody),
        Kind::Renamed => ("renamed", Somebody),
        Kind::Undefined => ("undefined", Somebody),
        Kind::Started => ("started", Somebody),
        Kind::Restored => ("restored", Somebody),
        Kind::RestoredPaused => ("restored_paused", Somebody),
        Kind::MovedHere => ("moved_here", Somebody),
        Kind::Woken => ("woken", Itself),
        Kind::Paused => ("paused", Somebody),
        Kind::PausedByDisk => ("paused_by_disk", Itself),
        Kind::PausedNoRoom => ("paused_no_room", Itself),
        Kind::PausedByWatchdog => ("paused_by_watchdog", Itself),
        Kind::PausedByFault => ("paused_by_fault", Itself),
        Kind::PausedByMove => ("paused_by_move", Itself),
        Kind::Resumed => ("resumed", Somebody),
        Kind::ShutDown => ("shut_down", Itself),
        Kind::ForcedOff => ("forced_off", Somebody),
        Kind::Saved => ("saved", Somebody),
        Kind::MovedAway => ("moved_away", Somebody),
        Kind::Moved => ("moved", Somebody),
        Kind::Doubled => ("doubled", Itself),
        Kind::Failed => ("failed", Itself),
        Kind::Crashed => ("crashed", Itself),
        Kind::CrashKernel => ("crash_kernel", Itself),
        Kind::Asleep => ("asleep", Itself),
        Kind::Hibernated => ("hibernated", Itself),
        Kind::Rebooted => ("rebooted", Itself),
        Kind::Reverted => ("reverted", Somebody),
        Kind::DeviceAdded => ("device_added", Somebody),
        Kind::DeviceRemoved => ("device_removed", Somebody),
        Kind::HostLost => ("host_lost", Itself),
        // The second is never told: what it changes is seen in the contacts.
        Kind::HostBack | Kind::HostRead => ("host_back", Itself),
    }
}

/// Whether it reads well after "was": "was paused".
fn was_done(kind: EventKind) -> bool {
    use EventKind as Kind;
    matches!(
        kind,
        Kind::Defined
            | Kind::Renamed
            | Kind::Undefined
            | Kind::Started
            | Kind::Paused
            | Kind::Resumed
            | Kind::ForcedOff
            | Kind::Saved
    )
}

fn did(kind: EventKind) -> Phrase {
    Phrase::common(&format!("did_{}", words(kind).0))
}

/// How often each kind is there, in the order of their first.
fn counts(news: &[News]) -> Vec<(EventKind, usize)> {
    let mut counts: Vec<(EventKind, usize)> = Vec::new();
    for news in news {
        match counts.iter_mut().find(|(kind, _)| *kind == news.event.kind) {
            Some((_, count)) => *count += 1,
            None => counts.push((news.event.kind, 1)),
        }
    }
    counts
}

/// "a, b and c", of phrases.
fn and(mut phrases: Vec<Phrase>) -> Var {
    let Some(last) = phrases.pop() else { return "".into() };
    let Some(before) = phrases
        .into_iter()
        .reduce(|before, last| Phrase::common("list_comma").with("before", before).with("last", last))
    else {
        return last.into();
    };
    Phrase::common("list_and").with("before", before).with("last", last).into()
}

/// In whole seconds, one at least.
fn span(over: Duration) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(over.as_millis().div_ceil(1_000)).unwrap_or(i64::MAX).max(1))
}

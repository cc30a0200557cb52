//! "what happened today?", "what changed since Friday?", "what did bob do to web1?": what was done and what happened, from the journal.

use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Slot, Spec};
use grammar::kind::{Kind, Of};
use grammar::value::Value;
use jiff::{Timestamp, ToSpan, Zoned};

use super::{ANYWHERE, audit};
use crate::skill::{Args, Plan, Scene, Skill, Stop};
use crate::state::journal::Told;

static SPEC: Spec = Spec {
    id: "audit.log",
    category: Category::Know,
    scopes: ANYWHERE,
    danger: Danger::Read,
    role: Role::Viewer,
    slots: &[
        Slot::optional("who", Kind::Name(Of::Tag)),
        Slot::optional("mine", Kind::Choice(&["mine"])),
        Slot::subject(),
        Slot::optional("since", Kind::When),
        PERIOD,
        Slot::optional("nth", Kind::Choice(&["final", "before-that"])),
    ],
    allocates: false,
    planned: false,
};

/// A time that is over, or not quite, as people say it.
pub(super) const PERIOD: Slot = Slot::optional("period", Kind::Choice(PERIODS));
const PERIODS: &[&str] = &["today", "yesterday", "last-night", "this-week", "last-week", "weekend", "this-month"];

/// The record of what was done.
pub struct AuditLog;

impl Skill for AuditLog {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let mut told = audit::records(scene, scene.target.as_ref().map(|machine| machine.name.as_str()));
        let who = match args.word("mine") {
            Some(_) => Some(scene.asker),
            None => args.word("who").map(|who| who.split('@').next().unwrap_or(who)),
        };
        let by = |told: &Told| who.is_none_or(|who| told.actor.as_deref().is_some_and(|a| a.eq_ignore_ascii_case(who)));
        let (since, until) = span(args, scene.now);
        told.retain(|told| {
            by(told) && since.is_none_or(|since| told.at >= since) && until.is_none_or(|until| told.at < until)
        });
        // "in the last hour" is no last thing.
        let nth = args.word("nth").filter(|_| since.is_none());
        match nth {
            Some("final") => told.truncate(1),
            Some(_) if told.len() > 1 => told = told.split_off(1),
            _ => {}
        }
        let rows: Vec<Phrase> = told.iter().map(|told| line("row", told)).collect();
        let head = |id: &str| {
            let phrase = Phrase::new(format!("audit.log/{id}")).with("count", rows.len());
            let phrase = phrase.with("name", scene.target.as_ref().map_or(scene.entity, |machine| &machine.name));
            let phrase = who.into_iter().fold(phrase, |phrase, who| phrase.with("who", who));
            since.into_iter().fold(phrase, |phrase, since| phrase.with("since", since))
        };
        if let (Some("final"), [only]) = (nth, rows.as_slice()) {
            return Ok(Plan::Answer(Reply::say(only.clone())));
        }
        let id = match (rows.is_empty(), since, who) {
            (true, None, None) => "nothing",
            (true, None, Some(_)) => "nothing_by",
            (true, Some(_), None) => "nothing_since",
            (true, Some(_), Some(_)) => "nothing_by_since",
            (false, None, _) => "head",
            (false, Some(_), _) => "head_since",
        };
        Ok(Plan::Answer(Reply::list(head(id), rows.clone())))
    }
}

/// From when to when is asked about.
pub(super) fn span(args: &Args, now: &Zoned) -> (Option<Timestamp>, Option<Timestamp>) {
    if let Some(Value::When(when)) = args.0.get("since") {
        // "friday", in a question about the past, is the one before now, and "tonight" is the evening before.
        let mut at = when.at.clone();
        let within_a_day = now.checked_add(1.day()).is_ok_and(|tomorrow| at <= tomorrow) && !when.day_only;
        let back = if within_a_day { 1.day() } else { 1.week() };
        while at > *now {
            match at.checked_sub(back) {
                Ok(earlier) => at = earlier,
                Err(_) => break,
            }
        }
        return (Some(at.timestamp()), None);
    }
    let Ok(today) = now.start_of_day() else { return (None, None) };
    let back = |days: i64| today.checked_sub(days.days()).ok().map(|day| day.timestamp());
    let hours = |hours: i64| today.checked_add(hours.hours()).ok().map(|time| time.timestamp());
    let monday = i64::from(today.weekday().to_monday_zero_offset());
    match args.word("period") {
        Some("today") => (back(0), None),
        Some("yesterday") => (back(1), back(0)),
        Some("last-night") => (hours(-6), hours(10)),
        Some("this-week") => (back(monday), None),
        Some("last-week") => (back(monday + 7), back(monday)),
        // Saturday and Sunday: the last ones, or those that it is now.
        Some("weekend") => (back(if monday >= 5 { monday - 5 } else { monday + 2 }), None),
        Some("this-month") => (back(i64::from(today.day()) - 1), None),
        _ => (None, None),
    }
}

fn line(id: &str, told: &Told) -> Phrase {
    Phrase::new(format!("audit.log/{id}")).with("at", told.at).with("text", told.said())
}

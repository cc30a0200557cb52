//! `atoll journal show`: what stands in the journal, as people read it or for programs.

use std::collections::{BTreeSet, HashMap};
use std::io::{BufWriter, ErrorKind, Write};

use anyhow::Context;
use clap::Args;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::cli::{Where, span};
use crate::config::Config;
use crate::host::names::shown;
use crate::state::journal::{Entry, Holding, Journal, Outcome, Seen};

/// Print what was done, told and noted: when, who, which machine, what, and how it ended. Only looks, also beside a running agent.
#[derive(Args)]
pub(in crate::cli) struct Show {
    #[command(flatten)]
    place: Where,
    /// Only from then on: a length of time like 2h, 7d or 2w, a day like 2026-11-28, or a time like 2026-11-28T14:30, in the
    /// configuration's time zone.
    #[arg(long, value_parser = since)]
    since: Option<Since>,
    /// Only what concerns this machine or host.
    #[arg(long)]
    machine: Option<String>,
    /// Only what this person did, or what was noted of them: a name or an address.
    #[arg(long)]
    who: Option<String>,
    /// What holds instead of what happened: contacts, rooms, addresses, languages, each since when.
    #[arg(long)]
    facts: bool,
    /// As JSON, one object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy)]
enum Since {
    Ago(SignedDuration),
    Local(DateTime),
    At(Timestamp),
}

fn since(text: &str) -> Result<Since, String> {
    let ago = || span(text).ok().map(Since::Ago);
    let at = || text.parse().ok().map(Since::At);
    let local = || text.parse().ok().map(Since::Local);
    ago().or_else(at).or_else(local).ok_or_else(|| {
        format!(
            "{text} is no length of time like 2h, 7d or 2w, no day like 2026-11-28 and no time like 2026-11-28T14:30"
        )
    })
}

impl Since {
    fn instant(self, now: Timestamp, zone: &TimeZone) -> anyhow::Result<Timestamp> {
        Ok(match self {
            Self::Ago(ago) => now.checked_sub(ago).unwrap_or(Timestamp::MIN),
            Self::Local(local) => zone.to_ambiguous_zoned(local).compatible()?.timestamp(),
            Self::At(at) => at,
        })
    }
}

/// What there is of one entry, for people and for programs.
struct Row {
    who: Option<String>,
    machine: Option<String>,
    text: String,
    json: Value,
}

/// How each op ended, by its id.
type Ends = HashMap<String, (Outcome, Option<String>)>;

/// Prints it; whoever reads only the beginning, as `head` does, is no failure.
pub(super) fn show(asked: &Show) -> anyhow::Result<()> {
    let config = Config::read(&asked.place.config)?;
    let zone = TimeZone::get(&config.time_zone).context("time_zone")?;
    let from = asked.since.map(|since| since.instant(Timestamp::now(), &zone)).transpose()?;
    let young = |at: Timestamp| from.is_none_or(|from| at >= from);
    let time = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut written = Ok(());
    let mut put = |text: &str| {
        if written.is_ok() {
            written = writeln!(out, "{text}");
        }
    };
    let folder = config.store.path.as_path();
    let damaged = if asked.facts {
        for (sort, key, Holding { value, since }) in Journal::facts(folder)?.all() {
            if !young(*since) || !asked.is_about(key, value) {
                continue;
            }
            if asked.json {
                put(&json!({ "sort": sort, "key": key, "value": value, "since": since }).to_string());
            } else {
                put(&format!("{}  {sort}  {}  {}", time(*since), shown(key), shown(&said(value))));
            }
        }
        Some(0)
    } else {
        let mut ends = Ends::new();
        Journal::read(folder, |seen| {
            if let Some(Entry::After { id, outcome, why }) = seen.entry {
                ends.insert(id, (outcome, why));
            }
        })?;
        Journal::read(folder, |seen| {
            let Some(row) = Some(&seen).filter(|seen| young(seen.at)).and_then(|seen| row(seen, &ends, &time)) else {
                return;
            };
            if !asked.wants(&row, &seen) {
                return;
            }
            if asked.json {
                put(&row.json.to_string());
            } else {
                let column = |text: Option<&str>| shown(text.unwrap_or("-"));
                let (who, machine) = (column(row.who.as_deref()), column(row.machine.as_deref()));
                put(&format!("{}  {who}  {machine}  {}", time(seen.at), shown(&row.text)));
            }
        })?
    };
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => return Err(error).context("standard output"),
        _ => {}
    }
    if let Some(damaged @ 1..) = damaged {
        eprintln!("{damaged} places can't be read or were changed: `atoll journal verify` names them.");
    }
    Ok(())
}

impl Show {
    fn wants(&self, row: &Row, seen: &Seen) -> bool {
        if let Some(Entry::Fact { key, value, before, .. }) = &seen.entry {
            return self.is_about(key, if value.is_null() { before } else { value });
        }
        self.machine
            .as_ref()
            .is_none_or(|machine| row.machine.as_ref().is_some_and(|is| is.eq_ignore_ascii_case(machine)))
            && self.who.as_ref().is_none_or(|who| row.who.as_ref().is_some_and(|is| same_person(is, who)))
    }

    /// Whether a fact is about the machine and the person that are asked for: its key names them, or what it says.
    fn is_about(&self, key: &str, value: &Value) -> bool {
        let said = |name: &str| value.get(name).and_then(Value::as_str);
        let mut named = key.split('|').chain(said("name"));
        let mut people = key.split('|').chain(said("by"));
        self.machine.as_ref().is_none_or(|machine| named.any(|name| name.eq_ignore_ascii_case(machine)))
            && self.who.as_ref().is_none_or(|who| people.any(|name| same_person(name, who)))
    }
}

/// Whether one of them may be the other: where only one is a whole address, names decide.
fn same_person(is: &str, asked: &str) -> bool {
    let name = |text: &str| text.split_once('@').map_or_else(|| text.to_owned(), |(name, _)| name.to_owned());
    is.eq_ignore_ascii_case(asked)
        || !(is.contains('@') && asked.contains('@')) && name(is).eq_ignore_ascii_case(&name(asked))
}

/// An entry as it is shown; the end of an op stands with its beginning.
fn row(seen: &Seen, ends: &Ends, time: &dyn Fn(Timestamp) -> String) -> Option<Row> {
    let Seen { seq, at, entry } = seen;
    let plain = |kind: &str, text: String| Row {
        who: None,
        machine: None,
        json: json!({ "seq": seq, "at": at, "kind": kind, "text": text }),
        text,
    };
    Some(match entry {
        Some(Entry::Before { actor, verb, about, op, id }) => {
            let end = ends.get(id);
            let outcome = end.map(|(outcome, _)| *outcome);
            let why = end.and_then(|(_, why)| why.clone());
            let what = op.get("op").and_then(Value::as_str).map_or_else(|| verb.clone(), |op| format!("{verb}: {op}"));
            let how = match outcome {
                Some(Outcome::Done) => "done",
                Some(Outcome::Failed) => "failed",
                Some(Outcome::Unknown) => "nobody knows whether it happened",
                None => "not ended",
            };
            let reason = why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            let json = json!({
                "seq": seq, "at": at, "kind": "op", "who": actor, "machine": about, "verb": verb, "op": op,
                "outcome": outcome, "why": why,
            });
            Row { who: Some(actor.clone()), machine: about.clone(), text: format!("{what}, {how}{reason}"), json }
        }
        Some(Entry::After { .. }) => return None,
        Some(Entry::Told(told)) => {
            let (who, machine, verb, text) = (&told.actor, &told.about, &told.verb, told.text.clone());
            let json = json!({
                "seq": seq, "at": at, "kind": "told", "who": who, "machine": machine, "verb": verb, "text": text,
            });
            Row { who: who.clone(), machine: Some(machine.clone()), text, json }
        }
        Some(Entry::Fact { sort, key, before, value, since }) => {
            let text = match since {
                Some(since) => format!("{sort} {key}: {}, since {}", said(value), time(*since)),
                None => format!("{sort} {key}: {}", change(before, value)),
            };
            let json = json!({
                "seq": seq, "at": at, "kind": "fact", "sort": sort, "key": key, "before": before, "value": value,
                "since": since,
            });
            Row { who: None, machine: None, text, json }
        }
        Some(Entry::Retired { first }) => plain("retired", format!("what came before entry {first} was let go")),
        Some(Entry::Damage(damage)) => plain("damage", damage.to_string()),
        Some(Entry::Accepted(damage)) => plain("accepted", format!("{damage} (accepted)")),
        None => plain("unknown", format!("entry {seq} was written by a later version of Atoll")),
    })
}

/// What a fact says, for people: its parts without their braces.
fn said(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        Value::Object(parts) => {
            let parts =
                parts.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| format!("{name} {value}"));
            parts.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// What a fact said and says: of one with parts those that are others.
fn change(before: &Value, after: &Value) -> String {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return format!("{} → {}", said(before), said(after));
    };
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let part = |of: &serde_json::Map<String, Value>, name: &str| of.get(name).cloned().unwrap_or_default();
    let changed = names.into_iter().filter(|name| part(old, name) != part(new, name));
    let changed = changed.map(|name| format!("{name} {} → {}", said(&part(old, name)), said(&part(new, name))));
    changed.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_when_on_is_a_length_of_time_a_day_or_a_time() {
        let now: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
        let paris = TimeZone::get("Europe/Paris").unwrap();
        let from = |text: &str| since(text).unwrap().instant(now, &paris).unwrap().to_string();
        assert_eq!(from("2h"), "2026-11-28T10:00:00Z");
        assert_eq!(from("1w"), "2026-11-21T12:00:00Z");
        assert_eq!(from("2026-11-28"), "2026-11-27T23:00:00Z");
        assert_eq!(from("2026-11-28T14:30"), "2026-11-28T13:30:00Z");
        assert_eq!(from("2026-11-28T14:30:00Z"), "2026-11-28T14:30:00Z");
        for bad in ["", "yesterday", "2026-13-01", "14:30"] {
            assert!(since(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_fact_that_changes_in_part_is_shown_by_that_part() {
        let seen = |seen: &str| json!({ "person": "ann@example.org", "seen": seen });
        assert_eq!(change(&seen("asked"), &seen("yes")), "seen asked → yes");
        assert_eq!(change(&Value::Null, &json!("fr")), "nothing → fr");
        assert_eq!(change(&seen("yes"), &Value::Null), "person \"ann@example.org\", seen \"yes\" → nothing");
    }

    #[test]
    fn a_person_is_found_by_name_and_by_address_and_no_other_of_that_name() {
        assert!(same_person("alice@example.org", "alice") && same_person("alice", "alice@example.org"));
        assert!(same_person("Alice@example.org", "alice@example.org"));
        assert!(!same_person("alice@example.net", "alice@example.org") && !same_person("malice", "alice"));
    }
}

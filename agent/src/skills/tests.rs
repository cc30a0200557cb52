//! All skills over the fake host: every sentence has its text and all its values, and what a host can't is said before it is tried.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use dialogue::book::Book;
use dialogue::reply::{Phrase, Reply, Var};
use dialogue::spec::{Need, Role, Scope, Spec};
use grammar::kind::Kind;
use grammar::size::Bytes;
use grammar::value::Value;
use jiff::{Timestamp, Zoned};

use super::*;
use crate::engine::jobs::Jobs;
use crate::host::HostRead;
use crate::host::fake::Fake;
use crate::skill::{AgentRead, Args, Health, Plan, Receipt, Refusal, Scene, Stop};
use crate::state::journal::Told;

/// Affairs with a bit of everything in them.
struct Desk;

impl AgentRead for Desk {
    fn people(&self) -> Vec<String> {
        Vec::new()
    }

    fn contacts(&self, _: Option<&str>) -> Vec<(String, String)> {
        vec![("carol@example.org".to_owned(), "web1".to_owned())]
    }
    fn may_be_room(&self, _room: &str) -> bool {
        true
    }

    fn rooms(&self, _: &str) -> Vec<String> {
        vec!["ops@rooms.example.org".to_owned()]
    }
    fn history(&self, _: Option<&str>, _: usize) -> Vec<Told> {
        let told = |actor: Option<&str>, verb: &str| Told {
            at: Timestamp::UNIX_EPOCH,
            actor: actor.map(str::to_owned),
            verb: verb.to_owned(),
            about: "web1".to_owned(),
            text: "web1 was stopped.".to_owned(),
            phrase: None,
        };
        vec![told(None, "crashed"), told(Some("bob"), "vm.reboot")]
    }
    fn health(&self) -> Vec<Health> {
        let detail = Phrase::new("agent.doctor/detail").with("text", "fake");
        vec![
            Health { leg: "libvirt", state: Ok(detail) },
            Health { leg: "xmpp", state: Err(Phrase::new("agent.doctor/not_connected")) },
        ]
    }
}

fn book() -> &'static Book {
    static BOOK: OnceLock<Book> = OnceLock::new();
    BOOK.get_or_init(|| Book::load(specs(), &crate::nlu::corpus()).unwrap())
}

fn jobs() -> &'static Jobs {
    static JOBS: OnceLock<Jobs> = OnceLock::new();
    JOBS.get_or_init(Jobs::default)
}

fn now() -> Zoned {
    "2026-11-21T12:00:00+00:00[UTC]".parse().unwrap()
}

fn fake(fixture: &str) -> Arc<Fake> {
    Fake::new(fixture, now().timestamp()).unwrap().0
}

fn scene<'a>(host: &'a Fake, scope: Scope, entity: &'a str, target: Option<&str>, now: &'a Zoned) -> Scene<'a> {
    let target = target.map(|name| host.machine(&host.id(name).unwrap()).unwrap());
    let hypervisor = (scope != Scope::Desk).then_some("hv1");
    Scene {
        host,
        affairs: &Desk,
        jobs: jobs(),
        book: book(),
        scope,
        entity,
        hypervisor,
        target,
        asker: "alice",
        asker_jid: "alice@example.org",
        role: Role::Admin,
        now,
        language: "en",
        talk: dialogue::topics::Talk::default(),
    }
}

/// Values for every slot but the machine: those of a sensible request, and those of one that can't be right.
fn arguments(spec: &Spec) -> Vec<Args> {
    let value = |kind: Kind, good: bool| match kind {
        Kind::Size => Value::Size(Bytes(if good { 5 << 30 } else { 0 })),
        Kind::Choice(values) => Value::Choice(values[usize::from(!good).min(values.len() - 1)].to_owned()),
        Kind::Jid => Value::Jid(if good { "dave@example.org" } else { "carol@example.org" }.to_owned()),
        Kind::Duration => grammar_duration(),
        Kind::Topic | Kind::Text => Value::Text(if good { "snapshots" } else { "quantum" }.to_owned()),
        _ => Value::Name(if good { "before-upgrade" } else { "a/b" }.to_owned()),
    };
    let all = |good: bool, only_required: bool| {
        let slots = spec
            .slots
            .iter()
            .filter(|slot| slot.need != Need::Target && (slot.need == Need::Required || !only_required));
        Args(slots.map(|slot| (slot.name.to_owned(), value(slot.kind, good))).collect())
    };
    vec![Args::default(), all(true, true), all(true, false), all(false, true), all(false, false)]
}

fn grammar_duration() -> Value {
    let words = book().words("en");
    let cx = grammar::read::Context { lexicon: &words.lexicon, known: &Nobody, now: now() };
    grammar::read::parse(Kind::Duration, "5 minutes", &cx).unwrap()
}

struct Nobody;

impl grammar::known::Known for Nobody {
    fn names(&self, _: grammar::kind::Of) -> Arc<[String]> {
        Arc::default()
    }
    fn has(&self, _: grammar::kind::Of, _: &str) -> Option<String> {
        None
    }
}

/// Every phrase in what came of planning, with the value that the bot adds.
fn phrases(outcome: &Result<Plan, Stop>) -> Vec<Phrase> {
    let of_reply = |reply: &Reply| {
        let labels = reply
            .choices
            .iter()
            .filter_map(|choice| if let Var::Phrase(phrase) = &choice.label { Some((**phrase).clone()) } else { None });
        [reply.head.clone(), reply.rows.clone(), reply.tail.clone(), labels.collect()].concat()
    };
    match outcome {
        Ok(Plan::Answer(reply)) => of_reply(reply),
        Ok(Plan::Change(change)) => {
            vec![change.summary.clone(), change.done.clone(), change.told.clone().with("actor", "alice")]
        }
        Ok(Plan::Ask { question, choices, .. }) => of_reply(&Reply::say(question.clone()).choose(choices.clone())),
        Err(Stop::Refused(
            Refusal::BadValue { why: phrase, .. }
            | Refusal::WrongState { needs: phrase, .. }
            | Refusal::Unsupported { what: phrase },
        )) => vec![phrase.clone()],
        Err(_) => Vec::new(),
    }
}

/// What a phrase wants and is not given, itself and inside its values.
fn lacking(phrase: &Phrase, into: &mut BTreeSet<String>) {
    let Some(wanted) = book().words("en").phrases.wants(&phrase.key) else {
        into.insert(format!("no text `{}`", phrase.key));
        return;
    };
    for name in wanted.iter().filter(|name| !phrase.vars.iter().any(|(given, _)| given == *name)) {
        into.insert(format!("`{}` is not given ${name}", phrase.key));
    }
    for (_, value) in &phrase.vars {
        if let Var::Phrase(inner) = value {
            lacking(inner, into);
        }
    }
}

#[test]
fn the_list_is_in_order_and_names_each_skill_once() {
    assert!(ALL.is_sorted_by(|a, b| a.spec().id < b.spec().id));
    assert!(specs().is_sorted_by(|a, b| a.id < b.id));
    assert!(ALL.iter().all(|skill| !skill.spec().planned && !skill.spec().scopes.is_empty()));
}

#[test]
fn every_sentence_of_every_skill_has_its_text_and_all_its_values() {
    let now = now();
    let mut wrong = BTreeSet::new();
    let mut said = BTreeSet::new();
    for fixture in ["two_vms", "fleet", "empty"] {
        for trouble in ["", "web1 crashed", "hv1 lost"] {
            let host = fake(fixture);
            let _ = host.happen(trouble);
            // What a host can do is tried once: it changes nothing about its troubles.
            for able in [true, false] {
                if !able && !trouble.is_empty() {
                    continue;
                }
                if !able {
                    host.set_features("hv1", &[]);
                }
                for skill in ALL {
                    let machines = host.machines();
                    // One machine in each state is enough.
                    let one_of_each = machines
                        .iter()
                        .enumerate()
                        .filter(|(at, machine)| !machines[..*at].iter().any(|other| other.state == machine.state));
                    let targets = one_of_each.map(|(_, machine)| Some(machine.name.as_str())).chain([None]);
                    for target in targets {
                        for scope in [Scope::Machine, Scope::Host, Scope::Desk] {
                            let entity = match scope {
                                Scope::Machine => target.unwrap_or("web1"),
                                Scope::Host => "hv1",
                                Scope::Desk => "vms.example.org",
                            };
                            let scene = scene(&host, scope, entity, target, &now);
                            for args in arguments(skill.spec()) {
                                for phrase in phrases(&skill.plan(&args, &scene)) {
                                    said.insert(phrase.key.clone());
                                    lacking(&phrase, &mut wrong);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(said.len() > 100, "only {} different sentences were tried", said.len());
}

#[test]
fn what_a_host_cannot_do_is_refused_before_the_first_op_and_hidden_from_help() {
    let (host, now) = (fake("two_vms"), now());
    host.set_features("hv1", &[]);
    let scene = scene(&host, Scope::Machine, "web1", Some("web1"), &now);
    for id in ["disk.create", "snapshot.create", "snapshot.revert", "snapshot.delete", "vm.reset"] {
        let skill = find(id).unwrap();
        let refused = skill.plan(&arguments(skill.spec())[2], &scene);
        assert!(matches!(refused, Err(Stop::Refused(Refusal::Unsupported { .. }))), "{id}: {refused:?}");
    }
    let Ok(Plan::Answer(help)) = find("talk.help").unwrap().plan(&Args::default(), &scene) else {
        panic!("help answers")
    };
    let shown = book().words("en").phrases.reply(&help, &now).text;
    assert!(shown.contains("shut down") && !shown.contains("snapshot of") && !shown.contains("reset"), "{shown}");
}

#[test]
fn a_plan_holds_no_op_above_the_danger_of_its_skill() {
    let now = now();
    for fixture in ["two_vms", "fleet"] {
        let host = fake(fixture);
        for skill in ALL {
            for machine in host.machines() {
                let scene = scene(&host, Scope::Machine, &machine.name, Some(&machine.name), &now);
                for args in arguments(skill.spec()) {
                    let Ok(Plan::Change(change)) = skill.plan(&args, &scene) else {
                        continue;
                    };
                    assert!(change.ops.iter().all(|op| op.danger() <= skill.spec().danger), "{}", skill.spec().id);
                }
            }
        }
    }
}

#[test]
fn a_new_disk_is_taken_back_only_while_it_is_still_that_disk() {
    let (host, now) = (fake("two_vms"), now());
    let scene = scene(&host, Scope::Machine, "web1", Some("web1"), &now);
    let receipt = |pool: &str, volume: &str, target: &str| Receipt {
        skill: "disk.create".to_owned(),
        args: Default::default(),
        machine: Some("web1".to_owned()),
        id: None,
        facts: [("pool", pool), ("volume", volume), ("target", target)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
    };
    let undo = |receipt: Receipt| match find("disk.create").unwrap().undo(&receipt, &scene) {
        Err(Stop::Refused(Refusal::Unsupported { what })) => what.key,
        other => format!("{other:?}"),
    };
    assert_eq!(undo(receipt("default", "web1.qcow2", "vda")), "disk.create/undo_not_empty");
    assert_eq!(undo(receipt("default", "data.qcow2", "vdb")), "disk.create/undo_moved");
}

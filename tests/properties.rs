//! Invariants of conversations over random people, random understanding and random hosts. The bodies are shared with the fuzz targets.

use std::sync::Arc;

use agent::channels::terminal;
use agent::config::Grant;
use agent::conversation::{Bot, Parts};
use agent::host::fake::Fake;
use agent::measure::explain::{Question, explain};
use agent::message::{Asker, Message};
use agent::people::languages::{Languages, Spoken};
use agent::skills;
use agent::state::journal::Journal;
use agent::state::store::Store;
use dialogue::machine::{Action, Around, Input, Planned, Ranking, Sure, Utterance};
use dialogue::reply::{Phrase, Reply};
use dialogue::session::{About, Decision, PlanRef, Session};
use dialogue::spec::{Danger, Need, Role, Scope, Slot, Spec};
use grammar::answer::{Answer, answer};
use grammar::kind::Kind;
use grammar::read::Context;
use jiff::Zoned;
use proptest::prelude::*;
use tests::bodies::{self, Names, machine, sentences};
use tests::transcript::nlu;

#[path = "properties/almost.rs"]
mod almost;
#[path = "properties/answers.rs"]
mod answers;
#[path = "properties/clauses.rs"]
mod clauses;
#[path = "properties/ledger.rs"]
mod ledger;
#[path = "properties/machines.rs"]
mod machines;
#[path = "properties/riders.rs"]
mod riders;
#[path = "properties/several.rs"]
mod several;
#[path = "properties/talk.rs"]
mod talk;
#[path = "properties/told.rs"]
mod told;
#[path = "properties/turned.rs"]
mod turned;
#[path = "properties/whole.rs"]
mod whole;

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(400), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_harmful_happens_unasked_however_people_talk(data in proptest::collection::vec(any::<u8>(), 0..600)) {
        bodies::conversation(&data);
    }

    #[test]
    fn every_reader_survives_every_text(data in proptest::collection::vec(any::<u8>(), 0..300)) {
        bodies::readers(&data);
    }

    #[test]
    fn whatever_a_server_says_is_taken_or_refused_and_the_stream_goes_on(data in proptest::collection::vec(any::<u8>(), 0..1500)) {
        bodies::stream(&data);
    }

    #[test]
    fn whatever_became_of_the_journal_what_is_whole_in_it_is_kept(data in proptest::collection::vec(any::<u8>(), 0..200)) {
        bodies::journal(&data);
    }

    #[test]
    fn whatever_rooms_claim_gives_nobody_a_right_that_the_named_service_did_not_say(data in proptest::collection::vec(any::<u8>(), 0..600)) {
        bodies::rooms(&data);
    }

    #[test]
    fn every_configuration_is_read_or_refused_with_its_line(data in proptest::collection::vec(any::<u8>(), 0..300)) {
        bodies::config(&data);
    }

    #[test]
    fn every_reader_survives_every_text_of_letters(text in "\\PC{0,120}") {
        bodies::readers(text.as_bytes());
    }
}

fn now() -> Zoned {
    "2026-11-21T12:00:00+00:00[UTC]".parse().expect("a time")
}

/// A conversation with one machine over a driver whose plans can all be made.
struct Talk {
    session: Session,
    applied: usize,
    planned: Vec<PlanRef>,
    done: Vec<PlanRef>,
}

impl Talk {
    fn new() -> Self {
        Self { session: Session::default(), applied: 0, planned: Vec::new(), done: Vec::new() }
    }

    /// Says it; the classifier is sure of that skill, or of nothing.
    fn say(&mut self, text: &str, skill: Option<&str>) {
        let now = now();
        let around = Around {
            now: &now,
            known: &Names,
            scope: Scope::Machine,
            entity: "web1",
            room: false,
            asker: "alice",
            ask_disruptive: false,
        };
        let mut inputs = std::collections::VecDeque::from([Input::Said(Utterance {
            text: text.to_owned(),
            ..Utterance::default()
        })]);
        while let Some(input) = inputs.pop_front() {
            let (session, actions) = machine().on(std::mem::take(&mut self.session), input, &around);
            self.session = session;
            for action in actions {
                match action {
                    Action::Rank(_) => inputs.push_back(Input::Ranked(Ranking {
                        ranked: skill.map(|id| (id.to_owned(), 0.99)).into_iter().collect(),
                        sure: if skill.is_some() { Sure::Yes } else { Sure::No },
                        ..Ranking::default()
                    })),
                    Action::Plan(calls) => {
                        let danger = calls
                            .iter()
                            .filter_map(|call| machine().book().spec(&call.skill))
                            .map(|spec| spec.danger)
                            .max()
                            .expect("a call");
                        let plan = PlanRef {
                            digest: format!("{calls:?}"),
                            calls,
                            danger,
                            summary: vec![Phrase::common("nothing")],
                            typed: "web1".to_owned(),
                            subjects: vec!["web1".to_owned()],
                            allocates: false,
                            doubtful: false,
                        };
                        if danger == Danger::Read {
                            let answers = vec![Reply::say(Phrase::common("no_more"))];
                            inputs.push_back(Input::Planned(Planned::Ready { answers, change: None }));
                            continue;
                        }
                        self.planned.push(plan.clone());
                        inputs.push_back(Input::Planned(Planned::Ready { answers: Vec::new(), change: Some(plan) }));
                    }
                    Action::Apply(plan) => {
                        self.applied += 1;
                        self.done.push(plan);
                    }
                    Action::Ask(_) | Action::Remind(_) => inputs.push_back(Input::Shown { on: String::new() }),
                    _ => {}
                }
            }
        }
    }

    /// The slots that are still asked for.
    fn missing(&self) -> Vec<String> {
        match self.session.open.as_ref().map(|open| &open.about) {
            Some(About::Slots { missing, .. }) => missing.clone(),
            _ => Vec::new(),
        }
    }

    fn confirming(&self) -> Option<&PlanRef> {
        match self.session.open.as_ref().map(|open| &open.about) {
            Some(About::Confirm { plan, .. }) => Some(plan),
            _ => None,
        }
    }
}

/// A value for a slot, and another one.
fn values(slot: &Slot) -> [&'static str; 2] {
    match slot.kind {
        Kind::Size => ["20 GB", "30 GB"],
        Kind::Choice(values) => [values[0], values[values.len() - 1]],
        Kind::Jid => ["carol@example.org", "dave@example.org"],
        Kind::Name(_) => ["before-upgrade", "\"nightly\""],
        Kind::NewName(_) => ["data", "\"logs\""],
        Kind::Count => ["4", "8"],
        Kind::Duration => ["5 minutes", "10 minutes"],
        _ => ["\"some words\"", "\"other words\""],
    }
}

/// Every built skill with slots that must be asked for and that changes something.
fn asking() -> Vec<(&'static Spec, Vec<&'static Slot>)> {
    let specs = skills::ALL
        .iter()
        .map(|skill| skill.spec())
        .filter(|spec| spec.fits(Scope::Machine) && spec.danger > dialogue::spec::Danger::Read);
    specs
        .map(|spec| (spec, spec.slots.iter().filter(|slot| slot.need == Need::Required).collect::<Vec<_>>()))
        .filter(|(_, slots)| !slots.is_empty())
        .collect()
}

const BEGIN: &str = "frobnicate the quux";

/// Orders of n things.
fn orders(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(n - 1);
    shorter
        .iter()
        .flat_map(|order| {
            (0..n).map(move |at| {
                let mut order = order.clone();
                order.insert(at, n - 1);
                order
            })
        })
        .collect()
}

#[test]
fn every_skill_takes_its_values_one_by_one_in_any_order_and_then_asks() {
    assert!(asking().len() > 2);
    for (spec, slots) in asking() {
        for order in orders(slots.len()) {
            let mut talk = Talk::new();
            talk.say(BEGIN, Some(spec.id));
            assert_eq!(talk.missing().len(), slots.len(), "{}", spec.id);
            for at in &order {
                talk.say(values(slots[*at])[0], None);
            }
            let plan = talk.confirming().unwrap_or_else(|| panic!("{} {order:?}: {:?}", spec.id, talk.session.open));
            assert!(slots.iter().all(|slot| plan.calls[0].args.contains_key(slot.name)), "{} {order:?}", spec.id);
            assert_eq!(talk.applied, 0, "{}: what took several turns is asked", spec.id);
        }
    }
}

#[test]
fn every_skill_takes_all_its_values_at_once() {
    for (spec, slots) in asking() {
        let mut talk = Talk::new();
        talk.say(BEGIN, Some(spec.id));
        talk.say(&slots.iter().map(|slot| values(slot)[0]).collect::<Vec<_>>().join(", "), None);
        assert!(talk.confirming().is_some(), "{}: {:?}", spec.id, talk.session.open);
    }
}

#[test]
fn every_value_can_be_corrected_before_the_yes_and_the_old_plan_is_void() {
    for (spec, slots) in asking() {
        for slot in &slots {
            let mut talk = Talk::new();
            talk.say(BEGIN, Some(spec.id));
            for slot in &slots {
                talk.say(values(slot)[0], None);
            }
            let old = talk.confirming().cloned().unwrap_or_else(|| panic!("{}", spec.id));
            talk.say(&format!("no, {}", values(slot)[1]), None);
            let new = talk.confirming().unwrap_or_else(|| panic!("{} {}: {:?}", spec.id, slot.name, talk.session.open));
            assert_ne!(new.digest, old.digest, "{} {}", spec.id, slot.name);
            assert_eq!(talk.applied, 0);
        }
    }
}

#[test]
fn every_question_is_dropped_by_cancel_kept_by_nonsense_and_survives_a_repeated_message() {
    for (spec, slots) in asking() {
        for given in 0..slots.len() {
            let mut talk = Talk::new();
            talk.say(BEGIN, Some(spec.id));
            for slot in &slots[..given] {
                talk.say(values(slot)[0], None);
                talk.say(values(slot)[0], None);
            }
            if talk.confirming().is_some() {
                continue;
            }
            let missing = talk.missing();
            talk.say("colourless green ideas sleep furiously under the bridge", None);
            assert_eq!(talk.missing(), missing, "{}", spec.id);
            talk.say("never mind", None);
            assert!(talk.session.open.is_none(), "{}", spec.id);
            talk.say("yes", None);
            assert_eq!(talk.applied, 0, "{}", spec.id);
        }
    }
}

#[test]
fn a_message_that_comes_twice_is_done_once() {
    for (spec, slots) in asking() {
        let mut talk = Talk::new();
        talk.say(BEGIN, Some(spec.id));
        for slot in &slots {
            talk.say(values(slot)[0], None);
        }
        let answer = if spec.danger == dialogue::spec::Danger::Destructive { "web1" } else { "yes" };
        talk.say(answer, None);
        talk.say(answer, None);
        assert_eq!(talk.applied, 1, "{}", spec.id);
    }
}

/// A bot over two machines, of which nothing is kept: every sentence is the first of its conversation.
fn bot(fake: &Arc<Fake>) -> (Bot, Arc<Languages>) {
    let grants = [Grant { who: "alice@example.org".to_owned(), role: Role::Admin }];
    let parts = Parts::over(nlu(), fake, &grants, Arc::new(Journal::in_memory()), Store::nowhere());
    let languages = Arc::clone(&parts.languages);
    let bot = Bot::new(parts);
    (bot, languages)
}

/// Wishes that change something, as the grammar and as the classifier understands them.
const CHANGES: [(&str, Option<&str>); 8] = [
    ("reboot", None),
    ("force off", None),
    ("take a snapshot called safe", None),
    ("create a 5 GB raw disk called logs", None),
    ("it would be nice to have it off", Some("vm.shutdown")),
    ("give it a rest for a bit", Some("vm.pause")),
    ("do whatever it takes", Some("vm.reset")),
    ("new disk", None),
];

/// What is said between a question and a yes, and asks for nothing of the plan.
const BETWEEN: [&str; 8] =
    ["ok?", "is that ok", "sure?", "disks", "status of web2", "my cat sleeps on the keyboard", "thanks", "what?"];

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(200), failure_persistence: None, ..ProptestConfig::default() })]

    /// Of two wishes, a yes is about the second, whatever is said in between; the first is never done by it.
    #[test]
    fn a_new_wish_never_does_what_was_dropped(
        first in 0..CHANGES.len(), second in 0..CHANGES.len(), between in proptest::collection::vec(0..BETWEEN.len(), 0..4),
    ) {
        if first == second {
            return Ok(());
        }
        let mut talk = Talk::new();
        talk.say(CHANGES[first].0, CHANGES[first].1);
        let Some(dropped) = talk.confirming().map(|plan| plan.digest.clone()) else { return Ok(()) };
        for text in between {
            talk.say(BETWEEN[text], None);
            prop_assert_eq!(talk.applied, 0, "{}", BETWEEN[text]);
        }
        let planned = talk.planned.len();
        talk.say(CHANGES[second].0, CHANGES[second].1);
        if talk.planned.len() == planned && talk.missing().is_empty() {
            return Ok(());
        }
        for answer in ["yes", "web1", "yes"] {
            talk.say(answer, None);
        }
        prop_assert!(talk.done.iter().all(|plan| plan.digest != dropped), "{:?}", talk.done);
    }

    /// A yes does what was asked last only if nothing else was said since: else the plan is shown again first.
    #[test]
    fn a_yes_counts_for_the_last_thing_said(wish in 0..CHANGES.len(), between in proptest::collection::vec(0..BETWEEN.len(), 0..4)) {
        let mut talk = Talk::new();
        talk.say(CHANGES[wish].0, CHANGES[wish].1);
        let about = talk.session.open.as_ref().map(|open| &open.about);
        if !matches!(about, Some(About::Confirm { by_name: false, .. })) {
            return Ok(());
        }
        for text in &between {
            talk.say(BETWEEN[*text], None);
            prop_assert_eq!(talk.applied, 0, "{}", BETWEEN[*text]);
        }
        let last = talk.session.open.as_ref().is_some_and(|open| !open.passed);
        talk.say("yes", None);
        prop_assert_eq!(talk.applied, usize::from(last));
    }
}

/// Whatever is said with a question mark agrees to nothing, in any language.
#[test]
fn a_question_is_no_yes() {
    let now = now();
    let mut agreed = Vec::new();
    for language in machine().book().languages() {
        let lexicon = &machine().book().words(language).lexicon;
        let cx = Context { lexicon, known: &Names, now: now.clone() };
        for text in sentences() {
            let asked = format!("{}?", text.trim_end_matches(['.', '!', ' ']));
            if answer(&asked, &cx) == Answer::Yes || answer(&format!("{text} ?!"), &cx) == Answer::Yes {
                agreed.push(asked);
            }
        }
    }
    assert!(agreed.is_empty(), "{agreed:?}");
}

fn says(fake: &Fake, entity: &str, text: &str) -> Message {
    Message {
        asker: Asker { jid: Some("alice@example.org".to_owned()), name: "alice".to_owned() },
        entity: terminal::entity(fake, Some(entity)).expect("it is there"),
        room: None,
        utterance: Utterance { text: text.to_owned(), ..Utterance::default() },
        now: now(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(300), failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever stands in the quotes: that is the name, or nothing is made.
    #[test]
    fn a_name_is_had_exactly_as_it_was_said_or_refused(name in "(\\PC{1,24}|[ -~]{1,24}|[a-z \u{202e}\u{a0}\t.\\-]{1,8})") {
        let (fake, _events) = Fake::new("two_vms", now().timestamp()).expect("a fixture");
        let (bot, _) = bot(&fake);
        let message = says(&fake, "web1", &format!("take a snapshot called \"{name}\""));
        bot.turn(&message, Input::Said(message.utterance.clone()), &mut |_| {});
        let done = fake.take_journal();
        let exactly = vec![format!("snapshot web1 {name}")];
        prop_assert!(done.is_empty() || done == exactly, "{name:?}: {done:?}");
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric()) && name.chars().any(|c| c.is_ascii_alphabetic());
        prop_assert!(!plain || done == exactly, "{name:?} was refused");
    }
}

/// What `explain` says is what the bot does: the same skill by the same path, and the same decision unless this host refuses.
#[test]
fn explain_tells_what_the_bot_does() {
    let mut wrong = Vec::new();
    let all = sentences();
    // `explain` is told of no hosts: a name of one is any name to it.
    for text in all.iter().step_by(all.len() / 300).filter(|text| !text.contains("hv1")) {
        for (to, entity) in [(Scope::Machine, "web1"), (Scope::Host, "hv1")] {
            // Each is the first thing ever heard of that person, and nothing was done before.
            let (fake, _events) = Fake::new("two_vms", now().timestamp()).expect("a fixture");
            let (bot, languages) = bot(&fake);
            let message = says(&fake, entity, text);
            languages.keep("alice@example.org", Spoken { language: "en".to_owned(), fixed: false });
            let trace = bot.turn(&message, Input::Said(message.utterance.clone()), &mut |_| {});
            let explained = explain(
                nlu(),
                &Question { text: text.clone(), to, machines: Some(vec!["web1".to_owned(), "db1".to_owned()]) },
                &now(),
            );
            let path = trace.path.unwrap_or(dialogue::policy::Path::None);
            let same_skill = explained.skill == trace.skill && explained.path == path;
            // This host has its own state and names; where nothing was to be done, the answer says so.
            let changed = !fake.take_journal().is_empty();
            let selects = explained.slots.get("machine").is_some_and(|said| said.starts_with("all "));
            let host_decides = matches!(trace.decision, Decision::Decline | Decision::AskSlot)
                || trace.decision == Decision::Choose && trace.why == "refused"
                // db1 is off here: "restart db1" is shown as the start that it would be.
                || trace.decision == Decision::Confirm && explained.slots.get("machine").is_some_and(|said| said.contains("db1"))
                || (trace.decision == Decision::Act && (!changed || selects));
            if !same_skill || (explained.decision != trace.decision && !host_decides) {
                wrong.push(format!(
                    "{entity}: \"{text}\": explain {:?} {:?} {:?}, bot {:?} {path:?} {:?} {}",
                    explained.skill, explained.path, explained.decision, trace.skill, trace.decision, trace.why
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// Wishes by command and by classifier, and pieces that change them. Nobody may do the wish as if the piece had not been there.
const WISHES: [&str; 6] = [
    "shut down web1",
    "could you please reboot web1",
    "start db1",
    "can you fire up db1 for me",
    "redémarre web1",
    "tu peux démarrer db1 s'il te plaît",
];
const PIECES: [&str; 12] = [
    "except the backup",
    "unless somebody is on it",
    "without its memory",
    "but only the frobnicator",
    "if the moon is full",
    "before the upgrade",
    "sauf la sauvegarde",
    "seulement le frobnicateur",
    "sans sa mémoire",
    "à moins que quelqu'un y soit",
    "42 times",
    "\"quoted\"",
];

#[test]
fn nothing_is_done_as_if_a_part_of_the_sentence_had_not_been_said() {
    let mut wrong = Vec::new();
    for wish in WISHES {
        for piece in PIECES {
            for text in [format!("{wish} {piece}"), format!("{piece} {wish}"), format!("{wish}, {piece}")] {
                let (fake, _events) = Fake::new("two_vms", now().timestamp()).expect("a fixture");
                let (bot, _) = bot(&fake);
                let message = says(&fake, "hv1", &text);
                bot.turn(&message, Input::Said(message.utterance.clone()), &mut |_| {});
                let done = fake.take_journal();
                if !done.is_empty() {
                    wrong.push(format!("{text}: {done:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // And a plain reason beside what can be taken back is none of those.
    let (fake, _events) = Fake::new("two_vms", now().timestamp()).expect("a fixture");
    let (bot, _) = bot(&fake);
    let message = says(&fake, "hv1", "could you please fire up db1, we need it for the demo");
    bot.turn(&message, Input::Said(message.utterance.clone()), &mut |_| {});
    assert_eq!(fake.take_journal(), ["start db1"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Who is left out is left out, in whatever place it is said, or nothing is understood at all.
    #[test]
    fn an_exception_is_subtracted_or_nothing_is_understood(
        out in proptest::sample::subsequence(vec!["web1", "web2", "db1"], 1..3),
        verb in proptest::sample::select(vec!["shut down", "reboot", "pause", "stop", "please restart", "could you suspend"]),
        all in proptest::sample::select(vec!["all machines", "all of them", "everything", "all vms", "everybody"]),
        except in proptest::sample::select(vec!["except", "but", "but not", "apart from", "excluding", "save for", "other than"]),
        place in 0..3usize,
    ) {
        let names = out.join(" and ");
        let text = match place {
            0 => format!("{verb} {all} {except} {names}"),
            1 => format!("{except} {names}, {verb} {all}"),
            _ => format!("{verb} {all}, {except} {names}, please"),
        };
        let (fake, _events) = Fake::new("fleet", now().timestamp()).expect("a fixture");
        let (bot, _) = bot(&fake);
        let message = says(&fake, "hv1", &text);
        let trace = bot.turn(&message, Input::Said(message.utterance.clone()), &mut |_| {});
        prop_assert!(fake.take_journal().is_empty(), "{text}: done unasked");
        let of = trace.args.get("machine").map(ToString::to_string).unwrap_or_default();
        let subtracted = out.iter().all(|name| of.contains(name)) && of.contains("except");
        let unread = matches!(trace.decision, Decision::Decline | Decision::Choose | Decision::AskSlot) || of.is_empty();
        prop_assert!(subtracted || unread, "{text}: {of} {:?}", trace.decision);
    }
}

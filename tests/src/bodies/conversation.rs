//! Two people, a machine that decides, and chance: whatever is said, nothing harmful happens unasked.

use std::collections::{BTreeSet, VecDeque};

use dialogue::machine::{Action, Applied, Around, Input, Planned, Ranking, Stage, Sure, Utterance};
use dialogue::policy::Path;
use dialogue::reply::{Phrase, Reply};
use dialogue::session::{About, CONFIRM_WITHIN, Call, Done, LATE, Open, PlanRef, Session, Trace, UNDO_WITHIN};
use dialogue::spec::{Category, Danger, Scope, TARGET};
use grammar::answer::{Answer, agreed, answer};
use grammar::frame::{Stance, frame};
use grammar::read::Context;
use grammar::selector::Selector;
use grammar::value::Value;
use jiff::{SignedDuration, Timestamp, Zoned};

use super::{Bytes, Names, machine};

/// Most bytes that a session may take where it is kept.
const MOST_KEPT: usize = 64 * 1024;
/// Most steps of one conversation.
const MOST_STEPS: usize = 40;

/// Who speaks to what, and what is remembered of it.
struct Person<'a> {
    session: Session,
    scope: Scope,
    entity: &'a str,
    /// Questions that were answered with a yes: digest and when they were put.
    used: BTreeSet<(String, Timestamp)>,
    /// Questions that were delivered, and to which device.
    shown: Vec<(About, String)>,
}

/// Two people talk to machines over a driver that decides at random what is understood, planned and done.
///
/// # Panics
/// When something harmful is applied without the question and the answer it takes, when a session grows without bounds or
/// doesn't survive being kept, or when the same input gives different outcomes.
pub fn conversation(data: &[u8]) {
    let mut bytes = Bytes(data);
    let mut now: Zoned = "2026-11-21T12:00:00+00:00[UTC]".parse().expect("a time");
    let scopes = [(Scope::Machine, "web1"), (Scope::Host, "hv1"), (Scope::Desk, "desk")];
    let mut people = [0, 1].map(|_| {
        let (scope, entity) = scopes[bytes.below(3)];
        let mut session = Session::default();
        if bytes.chance(2) {
            let call = Call { skill: "vm.start".to_owned(), ..Call::default() };
            session.undo.push(Done { call, receipt: "{}".to_owned(), at: now.timestamp(), with_last: false });
        }
        Person { session, scope, entity, used: BTreeSet::new(), shown: Vec::new() }
    });
    for _ in 0..MOST_STEPS {
        if bytes.0.is_empty() {
            break;
        }
        // Time never stands still between two messages, so that no two questions are put at the same instant.
        let passed = [1, 5, 119, 130, 400, 700, 2_000][bytes.below(7)];
        now = now
            .checked_add(SignedDuration::from_secs(if bytes.chance(3) { passed } else { 1 }))
            .expect("not far in the future");
        let who = usize::from(bytes.chance(3));
        let other = people[1 - who].session.clone();
        step(&mut people[who], &mut bytes, &now);
        assert_eq!(people[1 - who].session, other, "what one says changes nothing for another");
    }
    for person in &mut people {
        cancels(person, &now);
    }
}

/// One message, event or restart, to its end.
fn step(person: &mut Person<'_>, bytes: &mut Bytes<'_>, now: &Zoned) {
    if bytes.chance(12) {
        let kept = serde_json::to_vec(&person.session).expect("a session is plain data");
        person.session = serde_json::from_slice(&kept).expect("what was kept can be read");
        return;
    }
    let around = Around {
        now,
        known: &Names,
        scope: person.scope,
        entity: person.entity,
        room: bytes.chance(6),
        asker: "alice",
        ask_disruptive: bytes.chance(8),
    };
    match bytes.byte() % 16 {
        14 => {
            person.session =
                machine().on(person.session.clone(), Input::Event { machines: vec!["web2".to_owned()] }, &around).0
        }
        15 => person.session = machine().on(person.session.clone(), Input::Tick, &around).0,
        _ => {
            let late = bytes.chance(8).then(|| LATE.saturating_add(SignedDuration::from_mins(5)));
            let text = fitting(&person.session, bytes).unwrap_or_else(|| bytes.text());
            let utterance = Utterance {
                sent: None,
                text,
                late,
                edits_last: bytes.chance(8),
                device: if bytes.chance(5) { "phone" } else { "desk" }.to_owned(),
                id: bytes.chance(2).then(|| bytes.below(4).to_string()),
            };
            let before = person.session.clone();
            let done = turn(person, Input::Said(utterance.clone()), bytes, &around);
            for plan in &done.applied {
                judge(plan, &utterance, &before, &done, person, &around);
            }
        }
    }
    sound(&person.session);
}

/// Now and then, the very answer that a question waits for.
fn fitting(session: &Session, bytes: &mut Bytes<'_>) -> Option<String> {
    let open = session.open.as_ref().filter(|_| bytes.chance(2))?;
    Some(match &open.about {
        About::Confirm { plan, by_name: true, .. } => plan.typed.clone(),
        About::Skills { .. } => "1".to_owned(),
        About::Slots { .. } => {
            open.asked.choices.first().map_or_else(|| "20 GB, data, raw".to_owned(), |choice| choice.says.clone())
        }
        About::Confirm { .. } => "yes".to_owned(),
    })
}

/// What came of a turn.
#[derive(Default)]
struct Outcome {
    applied: Vec<PlanRef>,
    /// What was to be taken back.
    undoing: Vec<Done>,
    ranked: bool,
    trace: Trace,
}

fn turn(person: &mut Person<'_>, input: Input, bytes: &mut Bytes<'_>, around: &Around<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    let device = match &input {
        Input::Said(utterance) => utterance.device.clone(),
        _ => String::new(),
    };
    let mut inputs = VecDeque::from([input]);
    let mut rounds = 0;
    while let Some(input) = inputs.pop_front() {
        rounds += 1;
        assert!(rounds < 50, "a turn ends");
        let (session, actions) = machine().on(person.session.clone(), input.clone(), around);
        assert_eq!(
            (&session, &actions),
            (&machine().on(person.session.clone(), input, around).0, &actions),
            "the same input in the same state has the same outcome"
        );
        person.session = session;
        for action in actions {
            let asks = matches!(action, Action::Ask(_) | Action::Remind(_));
            match action {
                Action::Rank(_) => {
                    outcome.ranked = true;
                    inputs.push_back(Input::Ranked(ranking(bytes)));
                }
                Action::Plan(calls) => inputs.push_back(Input::Planned(planned(&calls, bytes))),
                Action::PlanUndo(done) => {
                    for done in &done {
                        let ago = around.now.timestamp().duration_since(done.at);
                        assert!(ago <= UNDO_WITHIN + CONFIRM_WITHIN, "nobody means what was done {ago:?} ago");
                    }
                    let calls: Vec<_> = done.iter().map(|done| done.call.clone()).collect();
                    outcome.undoing.extend(done);
                    inputs.push_back(Input::Planned(planned_change(
                        &calls,
                        [Danger::Reversible, Danger::Disruptive, Danger::Destructive][bytes.below(3)],
                        bytes,
                    )));
                }
                Action::Apply(plan) => {
                    let undo = plan
                        .calls
                        .iter()
                        .map(|call| Done {
                            call: call.clone(),
                            receipt: "{}".to_owned(),
                            at: around.now.timestamp(),
                            with_last: false,
                        })
                        .collect();
                    let reply = Reply::say(Phrase::common("cancelled"));
                    inputs.push_back(Input::Applied(if bytes.chance(4) {
                        Applied::Failed { reply, undo: Vec::new() }
                    } else {
                        Applied::Done { reply, undo }
                    }));
                    outcome.applied.push(plan);
                }
                Action::Say(reply) | Action::Ask(reply) | Action::Remind(reply) => {
                    if asks && !bytes.chance(6) {
                        let open = person.session.open.as_ref().expect("what is asked is open");
                        person.shown.push((open.about.clone(), device.clone()));
                        inputs.push_back(Input::Shown { on: device.clone() });
                    }
                    for language in machine().book().languages() {
                        let text = machine().book().words(language).phrases.reply(&reply, around.now).text;
                        assert!(!lacks_a_value(&text), "a value is missing in: {text}");
                    }
                }
                Action::Wait(until) => assert!(until > around.now.timestamp()),
            }
        }
    }
    assert_eq!(person.session.stage, Stage::Idle, "nothing is awaited between turns");
    outcome.trace = person.session.trace.clone();
    outcome
}

/// Whether a text shows the place of a value, "{$name}", and not only what somebody typed that begins so.
fn lacks_a_value(text: &str) -> bool {
    text.split("{$").skip(1).any(|rest| {
        let name = rest.split_once('}').map_or("", |(name, _)| name);
        !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
    })
}

fn ranking(bytes: &mut Bytes<'_>) -> Ranking {
    const TELLING: [&str; 10] = [
        "talk.undo",
        "talk.again",
        "talk.yes",
        "vm.start",
        "vm.shutdown",
        "vm.force_off",
        "vm.list",
        "disk.create",
        "snapshot.delete",
        "contact.allow",
    ];
    let specs = machine().book().specs();
    let mut pick = || match bytes.chance(2) {
        true => TELLING[bytes.below(TELLING.len())],
        false => specs[bytes.below(specs.len())].id,
    };
    let ranked: Vec<_> = (0..3).map(|nth| (pick().to_owned(), 0.9 - nth as f32 * 0.2)).collect();
    let sure = [Sure::Yes, Sure::Yes, Sure::Guess, Sure::No][bytes.below(4)];
    // Any stretch of the text for any slot, whether it is one or not.
    let mut span = |skill: &str| {
        let slots = machine().book().spec(skill).map_or(&[][..], |spec| spec.slots);
        let slot = slots.get(bytes.below(slots.len().max(1)))?.name;
        let start = bytes.below(40);
        Some((start..start + bytes.below(12), slot.to_owned()))
    };
    let spans = ranked.iter().map(|(skill, _)| (skill.clone(), span(skill).into_iter().collect())).collect();
    Ranking { ranked, sure, spans }
}

fn planned(calls: &[Call], bytes: &mut Bytes<'_>) -> Planned {
    let specs: Vec<_> = calls.iter().filter_map(|call| machine().book().spec(&call.skill)).collect();
    match bytes.byte() % 10 {
        8 => return Planned::Refused(Reply::say(Phrase::common("nobody_matches"))),
        9 => {
            if let Some(slot) = specs.first().and_then(|spec| spec.slots.first()) {
                return Planned::Ask {
                    call: 0,
                    slot: slot.name.to_owned(),
                    question: Reply::say(Phrase::common("which_machine")),
                };
            }
        }
        _ => {}
    }
    let danger = specs.iter().map(|spec| spec.danger).max().unwrap_or(Danger::Read);
    if danger == Danger::Read {
        let rows = if bytes.chance(6) { 3_000 } else { 3 };
        let rows = (0..rows)
            .map(|row| Phrase::common("row").with("text", format!("a machine with quite a long name, number {row}")))
            .collect();
        return Planned::Ready { answers: vec![Reply { rows, ..Reply::default() }], change: None };
    }
    planned_change(calls, danger, bytes)
}

/// A plan whose digest now and then is another one, since the host changed.
fn planned_change(calls: &[Call], danger: Danger, bytes: &mut Bytes<'_>) -> Planned {
    let mut subjects: Vec<String> = calls
        .iter()
        .flat_map(|call| match call.args.get(TARGET) {
            Some(Value::Machines(Selector::Names(names))) => names.clone(),
            Some(Value::Machines(Selector::All | Selector::Where { .. })) => vec!["web1".to_owned(), "web2".to_owned()],
            _ => vec!["web1".to_owned()],
        })
        .collect();
    subjects.dedup();
    let typed = if subjects.len() > 1 {
        format!("all {}", subjects.len())
    } else {
        subjects.first().cloned().unwrap_or_default()
    };
    let drift = if bytes.chance(5) { bytes.byte() } else { 0 };
    let allocates = calls.iter().filter_map(|call| machine().book().spec(&call.skill)).any(|spec| spec.allocates);
    let plan = PlanRef {
        calls: calls.to_vec(),
        digest: format!("{calls:?} {danger:?} {drift}"),
        danger,
        summary: vec![Phrase::common("nothing")],
        typed,
        subjects,
        allocates,
        doubtful: false,
    };
    Planned::Ready { answers: Vec::new(), change: Some(plan) }
}

/// Whether this could be applied: with a live confirmation of that very plan, or straight away if it is harmless enough for how it was said.
fn judge(
    plan: &PlanRef,
    utterance: &Utterance,
    before: &Session,
    done: &Outcome,
    person: &mut Person<'_>,
    around: &Around<'_>,
) {
    let lexicon = &machine().book().words(&person.session.heard).lexicon;
    let cx = Context { lexicon, known: around.known, now: around.now.clone() };
    // An edited message stands in for the last one, so it may answer the question that was open before that.
    let earlier = before.last.as_ref().filter(|_| utterance.edits_last).and_then(|last| last.before.as_deref());
    let open = before.open.iter().chain(earlier).find(|open| confirms(open, plan, utterance, &cx, around));
    if let Some(open) = open {
        assert!(person.used.insert((plan.digest.clone(), open.at)), "a confirmation counts once: {utterance:?}");
        let seen = (open.about.clone(), utterance.device.clone());
        assert!(person.shown.contains(&seen), "a yes counts where the question was delivered: {utterance:?}");
        assert!(
            person.session.open.as_ref().is_none_or(|now| now.at != open.at),
            "a question that was answered is closed"
        );
        return;
    }
    let said = format!("{utterance:?} applied {plan:?} by {:?} with {:?} open", done.trace.path, before.open);
    assert!(plan.danger <= Danger::Disruptive, "unconfirmed: {said}");
    let touches = |done: &Done| {
        let category = machine().book().spec(&done.call.skill).map(|spec| spec.category);
        matches!(category, Some(Category::Power | Category::Storage))
    };
    assert!(!done.undoing.iter().any(touches), "power or data taken back unasked: {said}");
    assert!(utterance.late.is_none(), "late: {said}");
    assert!(plan.subjects.len() < 2, "many at once: {said}");
    assert!(
        !utterance.edits_last || before.last.as_ref().is_none_or(|last| !last.applied),
        "edited after it was done: {said}"
    );
    let parts = frame(&utterance.text, &cx).parts;
    assert!(parts.iter().all(|part| part.stance == Stance::Request), "not a request: {said}");
    if plan.danger == Danger::Disruptive {
        assert!(!done.ranked && done.trace.path == Some(Path::Command), "from the classifier: {said}");
        assert!(!around.ask_disruptive, "configured to ask: {said}");
    }
}

/// Whether a text is the answer that a question about exactly this plan takes, in time.
fn confirms(open: &Open, plan: &PlanRef, utterance: &Utterance, cx: &Context<'_>, around: &Around<'_>) -> bool {
    let About::Confirm { plan: asked, by_name, .. } = &open.about else { return false };
    let in_time = around.now.timestamp().duration_since(open.at) <= CONFIRM_WITHIN && utterance.late.is_none();
    let text = utterance.text.trim();
    let text = text.strip_prefix(&format!("{}:", around.entity)).unwrap_or(text).trim();
    let bare = |text: &str| text.trim_matches(['"', '\'', '`', '“', '”', '.', ' ']).to_lowercase();
    let typed = bare(text) == bare(&asked.typed);
    let many = asked.subjects.len() > 1;
    let agrees = match answer(text, cx) {
        _ if *by_name => typed,
        Answer::Yes => true,
        Answer::All | Answer::Both => many,
        _ => many && typed || agreed(text, cx).is_some(),
    };
    // A question is no yes, and a yes to something else is none to this.
    let plain = !text.contains('?') && !open.passed;
    asked.digest == plan.digest && in_time && agrees && plain
}

/// Bounded, and the same after it was kept.
fn sound(session: &Session) {
    let kept = serde_json::to_vec(session).expect("a session is plain data");
    assert!(kept.len() < MOST_KEPT, "{} bytes", kept.len());
    let read: Session = serde_json::from_slice(&kept).expect("what was kept can be read");
    let within_a_turn = Session {
        trace: session.trace.clone(),
        refused: session.refused,
        respelled: session.respelled,
        slipped: session.slipped,
        ..read
    };
    assert_eq!(&within_a_turn, session);
}

/// "cancel" ends whatever is open, in one turn, and does nothing.
fn cancels(person: &mut Person<'_>, now: &Zoned) {
    let around = Around {
        now,
        known: &Names,
        scope: person.scope,
        entity: person.entity,
        room: false,
        asker: "alice",
        ask_disruptive: false,
    };
    let done = turn(
        person,
        Input::Said(Utterance { text: "cancel".to_owned(), ..Utterance::default() }),
        &mut Bytes(&[]),
        &around,
    );
    assert!(person.session.open.is_none() && done.applied.is_empty(), "{:?}", person.session.open);
}

//! `atoll explain`: what would be understood and done, by the same turn as the bot's, over a driver that does nothing.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::sync::Arc;

use dialogue::conditions::is_condition;
use dialogue::machine::{Action, Applied, Around, Input, Machine, Planned, Utterance};
use dialogue::policy::Path;
use dialogue::reply::Reply;
use dialogue::session::{Call, Decision, PlanRef, Session, Trace};
use dialogue::spec::{Danger, Scope, TARGET};
use grammar::kind::Of;
use grammar::known::Known;
use grammar::selector::Selector;
use grammar::value::Value;
use jiff::Zoned;
use serde::{Deserialize, Serialize};

use crate::nlu::Nlu;
use crate::refusal;
use crate::skill::Refusal;

/// One question.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// What is said.
    pub text: String,
    /// To what kind of entity; a machine when absent.
    #[serde(default = "machine")]
    pub to: Scope,
    /// Machines that exist; without them every name does.
    #[serde(default)]
    pub machines: Option<Vec<String>>,
}

fn machine() -> Scope {
    Scope::Machine
}

/// What would come of it.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    /// As asked.
    pub text: String,
    /// By what it was understood.
    pub path: Path,
    /// The skill, also when it is planned or declined.
    pub skill: Option<String>,
    /// 1 for commands.
    pub confidence: f32,
    /// What else it might have been.
    pub alternatives: Vec<(String, f32)>,
    /// Values by slot, in their canonical notation.
    pub slots: BTreeMap<String, String>,
    /// Of the skill; `read` when there is none.
    pub danger: Danger,
    /// What would be done.
    pub decision: Decision,
    /// Why, in a word or two.
    pub why: String,
}

/// Names that exist: the given ones.
struct Names<'a>(&'a [String]);

impl Known for Names<'_> {
    fn names(&self, of: Of) -> Arc<[String]> {
        if of == Of::Machine { self.0.into() } else { Arc::default() }
    }
}

/// Explains one text.
pub fn explain(nlu: &Nlu, question: &Question, now: &Zoned) -> Explained {
    let machine = Machine::new(nlu.book().clone());
    let names = question.machines.clone().unwrap_or_default();
    let known = Names(&names);
    let entity = match question.to {
        Scope::Machine => names.first().map_or("me", String::as_str),
        Scope::Host => "hv1",
        Scope::Desk => "desk",
    };
    let around =
        Around { now, known: &known, scope: question.to, entity, room: false, asker: "you", ask_disruptive: false };
    let mut session = Session::default();
    let mut inputs = std::collections::VecDeque::from([Input::Said(Utterance {
        text: question.text.clone(),
        ..Utterance::default()
    })]);
    while let Some(input) = inputs.pop_front() {
        let (next, actions) = machine.on(session, input, &around);
        session = next;
        for action in actions {
            match action {
                Action::Rank(text) => inputs.push_back(Input::Ranked(nlu.rank(&text))),
                Action::Plan(calls) => inputs.push_back(Input::Planned(null_plan(nlu, &calls, question))),
                Action::PlanUndo(_) => inputs.push_back(Input::Planned(Planned::Refused(Reply::default()))),
                Action::Apply(_) => {
                    inputs.push_back(Input::Applied(Applied::Done { reply: Reply::default(), undo: Vec::new() }))
                }
                Action::Say(_) | Action::Ask(_) | Action::Remind(_) | Action::Wait(_) => {}
            }
        }
    }
    told(nlu, &question.text, session.trace)
}

/// Every plan can be made, and changes what its skills say they change.
fn null_plan(nlu: &Nlu, calls: &[Call], question: &Question) -> Planned {
    let danger = calls
        .iter()
        .filter_map(|call| nlu.book().spec(&call.skill))
        .map(|spec| spec.danger)
        .max()
        .unwrap_or(Danger::Read);
    if let Some(machines) = &question.machines {
        let here = |name: &String| machines.iter().any(|machine| machine.eq_ignore_ascii_case(name));
        let named = calls.iter().filter_map(|call| match call.args.get(TARGET) {
            Some(Value::Machines(Selector::Names(names))) => names.iter().find(|name| !here(name)),
            _ => None,
        });
        if let Some(unknown) = named.into_iter().next() {
            return match refusal::begun(unknown, machines) {
                begun if begun.is_empty() => {
                    let close = refusal::close(unknown, machines.iter().cloned());
                    refusal::planned(&Refusal::NotFound { kind: Of::Machine, said: unknown.clone(), close }, 0)
                }
                candidates => refusal::planned(&Refusal::Ambiguous { slot: TARGET, candidates }, 0),
            };
        }
    }
    if danger == Danger::Read {
        return Planned::Ready { answers: vec![Reply::default()], change: None };
    }
    let all = || question.machines.clone().unwrap_or_else(|| vec!["one".to_owned(), "another".to_owned()]);
    let mut subjects: Vec<String> = calls
        .iter()
        .flat_map(|call| match call.args.get(TARGET) {
            Some(Value::Machines(Selector::Names(names))) => names.clone(),
            Some(Value::Machines(Selector::All | Selector::Where { .. })) => all(),
            _ => vec!["me".to_owned()],
        })
        .collect();
    subjects.dedup();
    let allocates = calls.iter().filter_map(|call| nlu.book().spec(&call.skill)).any(|spec| spec.allocates);
    // Said to a machine, what would change another is asked about first.
    let own = question.machines.as_ref().and_then(|names| names.first()).filter(|_| question.to == Scope::Machine);
    let another = |call: &Call| match call.args.get(TARGET) {
        Some(Value::Machines(Selector::Names(names))) => {
            own.is_some_and(|own| names.iter().any(|name| !name.eq_ignore_ascii_case(own)))
        }
        _ => false,
    };
    let elsewhere = calls.iter().any(another);
    let plan = PlanRef {
        calls: calls.to_vec(),
        digest: "null".to_owned(),
        danger,
        summary: Vec::new(),
        typed: subjects.first().cloned().unwrap_or_default(),
        subjects,
        allocates,
        doubtful: elsewhere || crate::skills::doubtful(calls),
    };
    Planned::Ready { answers: Vec::new(), change: Some(plan) }
}

fn told(nlu: &Nlu, text: &str, trace: Trace) -> Explained {
    let danger =
        trace.skill.as_deref().and_then(|skill| nlu.book().spec(skill)).map_or(Danger::Read, |spec| spec.danger);
    Explained {
        text: text.to_owned(),
        path: trace.path.unwrap_or(Path::None),
        skill: trace.skill,
        confidence: trace.confidence,
        alternatives: trace.alternatives,
        slots: trace
            .args
            .iter()
            .filter(|(name, _)| !is_condition(name))
            .map(|(name, value)| (name.clone(), value.to_string()))
            .collect(),
        danger,
        decision: trace.decision,
        why: trace.why,
    }
}

/// Why a batch stopped.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// A line is no question.
    #[error("line {line}: {why}")]
    Line { line: usize, why: String },
    /// Reading or writing failed.
    #[error("reading or writing failed")]
    Io(#[from] std::io::Error),
}

/// `--jsonl`: a question a line in, an explanation a line out, in the same order.
///
/// # Errors
/// [`BatchError`]; what was explained before it stays written.
pub fn batch(nlu: &Nlu, input: impl BufRead, mut output: impl Write, now: &Zoned) -> Result<(), BatchError> {
    for (index, line) in input.lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let question: Question = serde_json::from_str(&line)
            .map_err(|error| BatchError::Line { line: index + 1, why: error.to_string() })?;
        let explained = explain(nlu, &question, now);
        serde_json::to_writer(&mut output, &explained).map_err(std::io::Error::from)?;
        output.write_all(b"\n")?;
    }
    output.flush()?;
    Ok(())
}

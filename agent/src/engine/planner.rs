//! From calls to one plan: permission, which machines are meant, each skill's own plan, all put together with a digest.

use std::collections::BTreeMap;
use std::sync::Arc;

use dialogue::book::{Book, Words};
use dialogue::conditions;
use dialogue::machine::Planned;
use dialogue::reply::{Phrase, Reply};
use dialogue::session::{Call, Done, PlanRef};
use dialogue::spec::{Danger, Role, Scope, Spec, TARGET};
use dialogue::topics::Talk;
use grammar::kind::Of;
use grammar::selector::Selector;
use grammar::value::Value;
use jiff::Zoned;
use sha2::{Digest, Sha256};

use crate::engine::jobs::Jobs;
use crate::host::{HostRead, Machine, State};
use crate::message::Asker;
use crate::people::access::Access;
use crate::refusal::{self, at_host};
use crate::skill::{AgentRead, Change, Plan, Receipt, Refusal, Scene, Stop};
use crate::skills;

mod each;
mod meant;
mod reach;

/// Where a plan is made.
pub struct Planner<'a> {
    /// What the hosts show.
    pub host: &'a dyn HostRead,
    /// The agent's own affairs.
    pub affairs: &'a dyn AgentRead,
    /// What is being carried out.
    pub jobs: &'a Jobs,
    /// Who may do what.
    pub access: &'a Access,
    /// All words.
    pub book: &'a Book,
    /// The kind of entity spoken to.
    pub scope: Scope,
    /// Its name.
    pub entity: &'a str,
    /// Its hypervisor; `None` at the desk.
    pub hypervisor: Option<&'a str>,
    /// The machine spoken to.
    pub own: Option<Arc<Machine>>,
    /// Who asks.
    pub asker: &'a Asker,
    /// Now.
    pub now: &'a Zoned,
    /// Language of the answer.
    pub language: &'a str,
    /// What was said and what went before.
    pub talk: Talk<'a>,
    /// Machines one sentence may disturb.
    pub most_at_once: usize,
}

/// One change of a plan.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it carries out.
    pub call: Call,
    /// On which machine.
    pub machine: Option<Arc<Machine>>,
    /// With its ops.
    pub change: Change,
    /// It is not quite what was said: something less, or one of several. That is asked about.
    pub asked: bool,
}

impl Step {
    /// What its machine is called; nothing when it is about none.
    pub fn name(&self) -> &str {
        self.machine.as_ref().map_or("", |machine| &machine.name)
    }
}

/// A plan with its ops; the conversation only gets its [`PlanRef`].
#[derive(Clone, Debug)]
pub struct Made {
    /// What the conversation sees.
    pub plan: PlanRef,
    /// In order.
    pub steps: Vec<Step>,
}

impl Planner<'_> {
    /// Plans calls, all or nothing.
    pub fn plan(&self, calls: &[Call]) -> (Planned, Option<Made>) {
        let mut answers = Vec::new();
        let mut steps = Vec::new();
        for (index, call) in calls.iter().enumerate() {
            let Some(skill) = skills::find(&call.skill) else {
                return (Planned::Refused(Reply::say(Phrase::common("not_understood"))), None);
            };
            let targets = match self.targets(skill.spec(), call) {
                Ok(targets) => {
                    let named = !targets.is_empty();
                    let is_done = |machine: &Arc<Machine>| {
                        let own = |step: &&Step| step.machine.as_ref().is_some_and(|other| other.id == machine.id);
                        steps.iter().rfind(own).is_some_and(|step| skill.is_part_of(&step.call.skill))
                    };
                    let left: Vec<_> = targets.into_iter().filter(|machine| !is_done(machine)).collect();
                    if named && left.is_empty() {
                        continue;
                    }
                    left.into_iter().map(|machine| after(&steps, machine, skill.spec().id)).collect::<Vec<_>>()
                }
                Err(refusal) => return (self.refused(&refusal, index), None),
            };
            match self.unmet(call, &targets) {
                Ok(None) => {}
                Ok(Some(answer)) => {
                    answers.push(answer);
                    continue;
                }
                Err(refusal) => return (self.refused(&refusal, index), None),
            }
            answers.extend(self.called_otherwise(call, &targets));
            let (targets, left_out) = match call.args.get(TARGET) {
                Some(Value::Machines(Selector::All | Selector::Where { .. })) if skill.spec().danger > Danger::Read => {
                    self.reachable(targets)
                }
                _ => (targets, None),
            };
            answers.extend(left_out);
            if let Err(refusal) = self.allowed(skill.spec()) {
                return (Planned::Refused(refusal), None);
            }
            if let Err(planned) = self.plan_call(skill, index, call, &targets, &mut answers, &mut steps) {
                return (*planned, None);
            }
        }
        if steps.is_empty() {
            return (Planned::Ready { answers, change: None }, None);
        }
        let comes_first = |step: &&Step| skills::find(&step.call.skill).is_some_and(|skill| skill.comes_first());
        if let Some(step) = steps.iter().skip(1).find(comes_first) {
            let what = Phrase::new(Words::title_key(&step.call.skill));
            return (Planned::Refused(Reply::say(Phrase::common("by_itself_only").with("what", what))), None);
        }
        let danger = calls
            .iter()
            .filter_map(|call| skills::find(&call.skill))
            .map(|skill| skill.spec().danger)
            .max()
            .unwrap_or(Danger::Read);
        let summary = self.summary(&steps);
        let made = match self.combine(calls, steps, danger, summary) {
            Ok(made) => made,
            Err(reply) => return (Planned::Refused(reply), None),
        };
        (Planned::Ready { answers, change: Some(made.plan.clone()) }, Some(made))
    }

    /// Plans to take back what was done, the last of it first. What can't be is told where anything else can.
    pub fn undo(&self, done: &[Done]) -> (Planned, Option<Made>) {
        let (mut steps, mut refusals) = (Vec::new(), Vec::new());
        for one in done.iter().rev() {
            match self.undo_one(one) {
                Ok(step) => steps.push(step),
                Err(planned) => match *planned {
                    Planned::Refused(reply) | Planned::Near { reply, .. } => refusals.push(reply),
                    planned => return (planned, None),
                },
            }
        }
        let calls: Vec<Call> = steps.iter().map(|step| step.call.clone()).collect();
        if steps.is_empty() {
            let none = || Reply::say(Phrase::common("undo_unsupported"));
            return (Planned::Refused(refusals.into_iter().next().unwrap_or_else(none)), None);
        }
        let summary = steps.iter().map(|step| step.change.summary.clone()).collect();
        match self.combine(&calls, steps, Danger::Read, summary) {
            Ok(made) => (Planned::Ready { answers: refusals, change: Some(made.plan.clone()) }, Some(made)),
            Err(reply) => (Planned::Refused(reply), None),
        }
    }

    fn undo_one(&self, done: &Done) -> Result<Step, Box<Planned>> {
        let refuse = |reply| Box::new(Planned::Refused(reply));
        let receipt: Option<Receipt> = serde_json::from_str(&done.receipt).ok();
        let (Some(receipt), Some(skill)) = (receipt, skills::find(&done.call.skill)) else {
            return Err(refuse(Reply::say(Phrase::common("undo_unsupported"))));
        };
        self.allowed(skill.spec()).map_err(refuse)?;
        // Out of sight it is neither gone nor changed.
        let now = receipt.id.as_ref().and_then(|id| self.host.machine(id));
        if let Some(id) = now.as_ref().map(|machine| &machine.id).or(receipt.id.as_ref())
            && let Some(refusal) = self.unreachable(&id.hypervisor, receipt.machine.as_deref().unwrap_or_default())
        {
            return Err(Box::new(refusal::planned(&refusal, 0)));
        }
        let target = match (&receipt.id, &receipt.machine) {
            // The very machine: one that was made anew under its name has nothing to take back.
            (Some(_), name) => match now {
                Some(machine) => Some(machine),
                None => {
                    let gone = Phrase::common("undo_gone").with("name", name.as_deref().unwrap_or_default());
                    return Err(refuse(Reply::say(gone)));
                }
            },
            (None, Some(name)) => Some(self.named(name).map_err(|refusal| Box::new(self.refused(&refusal, 0)))?),
            (None, None) => self.own.clone(),
        };
        match skill.undo(&receipt, &self.scene(target.clone())) {
            Ok(Plan::Change(change)) => {
                Ok(Step { call: done.call.clone(), machine: target, change: *change, asked: false })
            }
            Ok(Plan::Answer(reply)) => Err(refuse(reply)),
            Ok(Plan::Ask { question, .. }) => Err(refuse(Reply::say(question))),
            Err(stop) => Err(Box::new(self.stopped(&stop, 0))),
        }
    }

    /// A refusal; that something is not there is only said of what can be seen.
    fn refused(&self, refusal: &Refusal, index: usize) -> Planned {
        let planned = refusal::planned(refusal, index);
        match (planned, refusal) {
            (Planned::Refused(reply), Refusal::NotFound { kind: Of::Machine, .. }) => {
                Planned::Refused(self.with_unread(reply))
            }
            (Planned::Near { call, said, close, reply }, Refusal::NotFound { kind: Of::Machine, .. }) => {
                Planned::Near { call, said, close, reply: self.with_unread(reply) }
            }
            (planned, _) => planned,
        }
    }

    /// A reply that also names the hosts of which nobody knows what is there.
    fn with_unread(&self, reply: Reply) -> Reply {
        let unread = self.unread().into_iter().map(|host| Phrase::common("unread").with("host", host.name));
        unread.fold(reply, Reply::and)
    }

    fn stopped(&self, stop: &Stop, index: usize) -> Planned {
        match stop {
            Stop::Refused(refusal) => refusal::planned(refusal, index),
            Stop::Host(error) => {
                let reference = crate::error::Reference::new();
                tracing::error!(%reference, %error, source = ?std::error::Error::source(error), "a host could not be read");
                Planned::Refused(Reply::say(
                    Phrase::common("failed")
                        .with("why", refusal::why(error, self.role().unwrap_or(Role::Viewer)))
                        .with("reference", reference.to_string()),
                ))
            }
        }
    }

    /// Whether the asker may, judged now: a question that was put before may be answered by somebody who lost the right.
    fn allowed(&self, spec: &Spec) -> Result<(), Reply> {
        match self.role() {
            // Without a role nobody gets here; whoever does is told as little as a stranger.
            None => Err(Reply::say(Phrase::common("anonymous"))),
            Some(role) if role >= spec.role => Ok(()),
            Some(_) => Err(Reply::say(refusal::phrase(&Refusal::Denied {
                needs: spec.role,
                ask_whom: self.access.who_can(spec.role),
            }))),
        }
    }

    /// What the asker may do now; `None` for strangers.
    fn role(&self) -> Option<Role> {
        self.access.role(self.asker.jid.as_deref()?)
    }

    fn scene(&self, target: Option<Arc<Machine>>) -> Scene<'_> {
        // Of another machine than the one spoken to everything is said with its name.
        let elsewhere = target.as_ref().is_some_and(|machine| self.is_another(machine));
        Scene {
            host: self.host,
            affairs: self.affairs,
            jobs: self.jobs,
            book: self.book,
            scope: if elsewhere { Scope::Host } else { self.scope },
            entity: self.entity,
            hypervisor: self.hypervisor,
            target,
            asker: &self.asker.name,
            asker_jid: self.asker.jid.as_deref().unwrap_or_default(),
            role: self.role().unwrap_or(Role::Viewer),
            now: self.now,
            language: self.language,
            talk: self.talk,
        }
    }

    /// Whether a machine is another than the one spoken to, if any is.
    fn is_another(&self, machine: &Machine) -> bool {
        self.own.as_ref().is_some_and(|own| own.id != machine.id)
    }

    /// Machines that may be spoken about here.
    fn reach(&self) -> Vec<Arc<Machine>> {
        let mut machines = self.host.machines();
        machines.retain(|machine| self.hypervisor.is_none_or(|hypervisor| machine.id.hypervisor == hypervisor));
        machines
    }

    /// The machines a call is about; none for skills that act on none.
    fn targets(&self, spec: &Spec, call: &Call) -> Result<Vec<Arc<Machine>>, Refusal> {
        if !spec.has_target() {
            return Ok(Vec::new());
        }
        let selector = match call.args.get(TARGET) {
            Some(Value::Machines(selector)) => selector,
            _ => match &self.own {
                Some(own) => return Ok(vec![Arc::clone(own)]),
                None if spec.answers_itself() => return Ok(Vec::new()),
                None => return Err(Refusal::WhichMachine),
            },
        };
        let found = match selector {
            Selector::Names(names) => names.iter().map(|name| self.named(name)).collect::<Result<Vec<_>, _>>()?,
            Selector::It | Selector::Myself | Selector::Same => {
                return self.own.clone().map(|own| vec![own]).ok_or(Refusal::WhichMachine);
            }
            Selector::All => self.reach(),
            Selector::Where { .. } => self.those(selector)?,
            Selector::Nth(_) | Selector::Others(_) => return Err(Refusal::WhichMachine),
        };
        // A machine speaks for another that is named, and for no set of them.
        if let Some(own) = &self.own
            && !matches!(selector, Selector::Names(_))
            && let Some(other) = found.iter().find(|machine| machine.id != own.id)
        {
            return Err(Refusal::Unsupported {
                what: Phrase::common("not_me").with("me", own.name.as_str()).with("other", other.name.as_str()),
            });
        }
        if found.is_empty() { Err(Refusal::Unsupported { what: Phrase::common("nobody_matches") }) } else { Ok(found) }
    }

    /// What is said of a call whose condition does not hold: how it is instead, and that nothing is done. `None` when it holds, or there is none.
    fn unmet(&self, call: &Call, targets: &[Arc<Machine>]) -> Result<Option<Reply>, Refusal> {
        let Some(condition) = conditions::of(call) else { return Ok(None) };
        let machine = match (&condition.machine, targets) {
            (Some(name), _) => self.named(name)?,
            (None, [only]) => Arc::clone(only),
            (None, _) => return Err(Refusal::WhichMachine),
        };
        if let Some(refusal) = self.unreachable(&machine.id.hypervisor, &machine.name) {
            return Err(refusal);
        }
        if meant::holds(condition.fact, &machine) != condition.negated {
            return Ok(None);
        }
        Ok(Some(Reply::say(meant::as_it_is(condition.fact, &machine))))
    }

    /// Which machines were meant by a title, a name in their metadata or a piece of their name: it is said.
    fn called_otherwise(&self, call: &Call, targets: &[Arc<Machine>]) -> Vec<Reply> {
        let pairs = said_and_meant(call, targets).filter(|(said, machine)| {
            let own = at_host(&machine.id, &machine.name);
            !is_called(said, &machine.name) && !is_called(said, &own)
        });
        pairs
            .map(|(said, machine)| {
                Reply::say(Phrase::common("called_otherwise").with("said", said).with("name", &machine.name))
            })
            .collect()
    }

    /// The values of a call besides its machines, as they are said.
    fn values(&self, call: &Call) -> Vec<String> {
        let said = |(slot, _): &(&String, &Value)| slot.as_str() != TARGET && !dialogue::conditions::is_condition(slot);
        call.args.iter().filter(said).map(|(_, value)| value.said(&self.book.words(self.language).lexicon)).collect()
    }

    /// What will be; the same for several machines is said once.
    fn summary(&self, steps: &[Step]) -> Vec<Phrase> {
        let subjects = subjects(steps);
        let mut skills_of: Vec<&str> = steps.iter().map(|step| step.call.skill.as_str()).collect();
        skills_of.dedup();
        match skills_of.as_slice() {
            [skill] if subjects.len() > 1 => {
                let what = Phrase::new(Words::title_key(skill));
                let values = steps.first().map(|step| self.values(&step.call)).unwrap_or_default();
                let id = if values.is_empty() { "many_summary" } else { "many_summary_with" };
                let phrase = Phrase::common(id).with("what", what).with("values", values.join(", "));
                vec![phrase.with("n", subjects.len()).with("names", subjects)]
            }
            _ => steps.iter().map(|step| step.change.summary.clone()).collect(),
        }
    }

    /// One plan of all steps, with its digest.
    fn combine(
        &self,
        calls: &[Call],
        steps: Vec<Step>,
        danger: Danger,
        mut summary: Vec<Phrase>,
    ) -> Result<Made, Reply> {
        let danger = steps
            .iter()
            .flat_map(|step| step.change.ops.iter().map(crate::ops::Op::danger))
            .max()
            .unwrap_or(Danger::Read)
            .max(danger);
        let subjects = subjects(&steps);
        if subjects.len() > self.most_at_once && danger >= Danger::Disruptive {
            return Err(Reply::say(
                Phrase::common("too_many").with("n", subjects.len()).with("most", self.most_at_once),
            ));
        }
        let many = subjects.len() > 1;
        let cautions: Vec<Phrase> = steps.iter().filter_map(|step| step.change.caution.clone()).collect();
        let cautious = !cautions.is_empty();
        let loosely =
            steps.iter().any(|step| step.machine.as_ref().is_some_and(|machine| by_a_piece(&step.call, machine)));
        // What is said to one machine and would change another is shown first.
        let elsewhere = steps.iter().filter_map(|step| step.machine.as_ref()).any(|machine| self.is_another(machine));
        let asked = elsewhere || steps.iter().any(|step| step.asked);
        summary.extend(cautions);
        let grave = |step: &&Step| step.change.ops.iter().any(|op| op.danger() >= Danger::Destructive);
        let graves = steps.iter().filter(grave).count();
        let typed = if many || graves > 1 {
            let all = Phrase::common("type_all").with("n", subjects.len().max(graves));
            self.book.words(self.language).phrases.phrase(&all, self.now)
        } else {
            steps
                .iter()
                .rev()
                .find_map(|step| step.change.typed.clone())
                .or_else(|| subjects.first().cloned())
                .unwrap_or_else(|| self.entity.to_owned())
        };
        let allocates = calls.iter().filter_map(|call| skills::find(&call.skill)).any(|skill| skill.spec().allocates);
        let digest = digest(&steps);
        Ok(Made {
            plan: PlanRef {
                calls: calls.to_vec(),
                digest,
                danger,
                summary,
                typed,
                subjects,
                allocates,
                doubtful: cautious || loosely || asked || skills::doubtful(calls),
            },
            steps,
        })
    }
}

/// A machine as it is after these steps: "wake it up, then shut it down". What is only asked of a guest changes nothing yet.
fn after(steps: &[Step], machine: Arc<Machine>, skill: &str) -> Arc<Machine> {
    let own = |step: &&Step| step.machine.as_ref().is_some_and(|other| other.id == machine.id);
    // A guest that is asked to end is not off yet, but nothing else can be asked of it.
    let ends = |done: &str| done == "vm.shutdown" && matches!(skill, "vm.pause" | "vm.reset" | "vm.shutdown");
    let become_of = |skill: &str| match skill {
        "vm.start" | "vm.resume" => Some(State::Running),
        "vm.pause" => Some(State::Paused),
        "vm.force_off" => Some(State::Off),
        done if ends(done) => Some(State::Off),
        _ => None,
    };
    let state = steps.iter().filter(own).filter_map(|step| become_of(&step.call.skill)).next_back();
    // Said twice, it is wished for once: "bring it back, well, start it".
    match state.filter(|state| become_of(skill) != Some(*state)) {
        Some(state) => Arc::new(Machine { state, ..Machine::clone(&machine) }),
        None => machine,
    }
}

/// Which machines a plan is about, each once; those of one name by their hosts too.
fn subjects(steps: &[Step]) -> Vec<String> {
    let mut machines: Vec<&Arc<Machine>> = Vec::new();
    for machine in steps.iter().filter_map(|step| step.machine.as_ref()) {
        if machines.iter().all(|known| known.id != machine.id) {
            machines.push(machine);
        }
    }
    let twin = |one: &Machine| machines.iter().filter(|other| other.name == one.name).count() > 1;
    let name = |machine: &&Arc<Machine>| {
        if twin(machine) { at_host(&machine.id, &machine.name) } else { machine.name.clone() }
    };
    machines.iter().map(name).collect()
}

/// Of the ops and of the states they rest on: who confirms a plan confirms both.
fn digest(steps: &[Step]) -> String {
    let mut hasher = Sha256::new();
    for step in steps {
        if let Some(machine) = &step.machine {
            // Since when too: a machine that was switched off and on again meanwhile is not the one that was shown.
            hasher.update(format!("{} {} {:?} {:?}\n", machine.id, machine.name, machine.state, machine.since));
        }
        hasher.update(serde_json::to_string(&step.change.ops).expect("ops are plain data"));
        hasher.update(format!("{:?} {:?}\n", step.change.summary, step.change.caution));
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What was said for each of the machines that a call names.
fn said_and_meant<'a>(
    call: &'a Call,
    targets: &'a [Arc<Machine>],
) -> impl Iterator<Item = (&'a String, &'a Arc<Machine>)> {
    let names = match call.args.get(TARGET) {
        Some(Value::Machines(Selector::Names(names))) => names.as_slice(),
        _ => &[],
    };
    names.iter().zip(targets)
}

fn is_called(said: &str, name: &str) -> bool {
    said.to_lowercase() == name.to_lowercase()
}

/// Whether a machine was only meant by a piece of its name: it is asked about before anything is done to it.
fn by_a_piece(call: &Call, machine: &Machine) -> bool {
    let Some(Value::Machines(Selector::Names(names))) = call.args.get(TARGET) else { return false };
    let own = at_host(&machine.id, &machine.name);
    let whole = |said: &String| {
        [machine.name.as_str(), own.as_str()].into_iter().chain(machine.also_called()).any(|name| is_called(said, name))
    };
    !names.iter().any(whole)
}

/// What "undo" will need of a step.
pub fn receipt(step: &Step) -> Receipt {
    let args: BTreeMap<String, Value> = step.call.args.clone();
    Receipt {
        skill: step.call.skill.clone(),
        args,
        machine: step.machine.as_ref().map(|machine| machine.name.clone()),
        id: step.machine.as_ref().map(|machine| machine.id.clone()),
        facts: step.change.facts.clone(),
    }
}

//! A call for each of its machines: what is meant of one in its state, and what is said of those that are that way already.

use std::collections::BTreeMap;
use std::sync::Arc;

use dialogue::conditions;
use dialogue::machine::Planned;
use dialogue::reply::{Phrase, Reply, Var};
use dialogue::session::Call;
use dialogue::spec::{Danger, TARGET};
use grammar::selector::Selector;
use grammar::value::Value;

use super::{Planner, Step, after};
use crate::host::{Machine, State};
use crate::refusal::{self, at_host};
use crate::skill::{Args, Plan, Refusal, Skill, Stop};

/// Most machines that are named where they are left as they are.
const MOST_NAMED: usize = 12;

impl Planner<'_> {
    pub(super) fn plan_call(
        &self,
        skill: &dyn Skill,
        index: usize,
        call: &Call,
        targets: &[Arc<Machine>],
        answers: &mut Vec<Reply>,
        steps: &mut Vec<Step>,
    ) -> Result<(), Box<Planned>> {
        let args = self.args(call).map_err(|refusal| Box::new(refusal::planned(&refusal, index)))?;
        let subjects: Vec<Option<Arc<Machine>>> = if skill.spec().has_target() && !targets.is_empty() {
            targets.iter().cloned().map(Some).collect()
        } else {
            vec![self.own.clone()]
        };
        let several = subjects.len() > 1;
        let mut refused = Vec::new();
        let (answered, stepped) = (answers.len(), steps.len());
        let changes = skill.spec().danger > Danger::Read;
        for machine in subjects {
            // libvirt tells nothing of what is done to the definition of a machine that is off. What was done to any by one of
            // us has been read again before that op was over.
            let stale = machine.as_ref().filter(|machine| changes && machine.state == State::Off);
            let machine = match stale {
                Some(stale) => {
                    let now = self.host.look_again(&stale.id);
                    now.map(|machine| after(steps, machine, skill.spec().id))
                }
                None => machine,
            };
            let away = machine.as_ref().filter(|_| changes).and_then(|m| self.unreachable(&m.id.hypervisor, &m.name));
            if let Some(refusal) = away {
                return Err(Box::new(refusal::planned(&refusal, index)));
            }
            let other = machine.as_ref().and_then(|machine| meant_of(skill, machine, several));
            let meant = other.unwrap_or(skill);
            if let Err(refusal) = self.allowed(meant.spec()) {
                return Err(Box::new(Planned::Refused(refusal)));
            }
            match meant.plan(&args, &self.scene(machine.clone())) {
                Ok(Plan::Answer(mut reply)) => {
                    let phrases = reply.head.iter_mut().chain(&mut reply.rows);
                    phrases.for_each(|phrase| self.tell_apart(phrase, machine.as_deref()));
                    answers.push(reply);
                }
                Ok(Plan::Change(mut change)) => {
                    let instead = meant.spec().danger < skill.spec().danger;
                    if let Some(machine) = machine.as_ref().filter(|_| instead) {
                        change.summary = in_its_state(skill, meant, machine);
                    }
                    let phrases = [&mut change.summary, &mut change.done, &mut change.told].into_iter();
                    phrases.chain(&mut change.caution).for_each(|phrase| self.tell_apart(phrase, machine.as_deref()));
                    let call = Call { skill: meant.spec().id.to_owned(), ..call.clone() };
                    // "wake them all, and web1 too": said twice, done once.
                    let id = |machine: &Option<Arc<Machine>>| machine.as_ref().map(|machine| machine.id.clone());
                    let before = steps.iter().rev().find(|step| id(&step.machine) == id(&machine));
                    let again = |step: &Step| step.call.skill == call.skill && step.change.summary == change.summary;
                    if machine.is_some() && before.is_some_and(again) {
                        continue;
                    }
                    steps.push(Step { call, machine, change: *change, asked: instead });
                }
                Ok(Plan::Ask { slot, question, choices }) => {
                    return Err(Box::new(Planned::Ask {
                        call: index,
                        slot: slot.to_owned(),
                        question: Reply::say(question).choose(choices),
                    }));
                }
                // Of several, those that are that way already are left out.
                Err(Stop::Refused(refusal @ Refusal::WrongState { .. })) if several => refused.push(refusal),
                Err(stop) => return Err(Box::new(self.stopped(&stop, index))),
            }
        }
        let said = matches!(call.args.get(TARGET), Some(Value::Machines(Selector::Names(_))));
        // Of a set that one is left of, it is shown which.
        let set = matches!(call.args.get(TARGET), Some(Value::Machines(Selector::All | Selector::Where { .. })));
        if let ([only], true) = (&mut steps[stepped..], set) {
            only.asked = true;
        }
        match refused.as_slice() {
            [] => {}
            [only] if answers.len() == answered && steps.len() == stepped => {
                return Err(Box::new(refusal::planned(only, index)));
            }
            all if answers.len() == answered && steps.len() == stepped => {
                return Err(Box::new(Planned::Refused(left(all, "nothing_to_do"))));
            }
            // Whoever was named is not left out without a word; nor is one of a set.
            all if said => answers.extend(all.iter().map(|refusal| Reply::say(refusal::phrase(refusal)))),
            all => answers.push(left(all, "left_as_is")),
        }
        Ok(())
    }

    /// The values of a call, its machine and conditions apart. A set of machines becomes those that are in it; one that is only named is none.
    fn args(&self, call: &Call) -> Result<Args, Refusal> {
        let mut args = BTreeMap::new();
        let own = call.args.iter().filter(|(name, _)| name.as_str() != TARGET && !conditions::is_condition(name));
        for (name, value) in own {
            let found = match value {
                Value::Machines(Selector::Names(names)) if names.len() > 1 => {
                    names.iter().map(|name| self.named(name)).collect::<Result<Vec<_>, _>>()?
                }
                Value::Machines(set @ (Selector::All | Selector::Where { .. })) => self.those(set)?,
                Value::Machines(_) => continue,
                value => {
                    args.insert(name.clone(), value.clone());
                    continue;
                }
            };
            let names = found.iter().map(|machine| at_host(&machine.id, &machine.name)).collect();
            args.insert(name.clone(), Value::Machines(Selector::Names(names)));
        }
        Ok(Args(args))
    }

    /// Of several machines of one name, says which: "web1 (hv2)".
    fn tell_apart(&self, phrase: &mut Phrase, machine: Option<&Machine>) {
        let twin = |one: &&Machine| self.reach_named(&one.name) > 1;
        let Some(machine) = machine.filter(twin) else { return };
        for (name, var) in &mut phrase.vars {
            if name == "name" && matches!(var, Var::Text(said) if *said == machine.name) {
                *var = at_host(&machine.id, &machine.name).into();
            }
        }
    }
}

/// What is meant of a machine instead, in its state. Of several, what disturbs is not turned into something else: "reboot all" starts none.
fn meant_of(skill: &dyn Skill, machine: &Machine, several: bool) -> Option<&'static dyn Skill> {
    skill.instead(machine.state).filter(|other| !several || other.spec().danger == skill.spec().danger)
}

/// "db1 is off, so I would start it."
fn in_its_state(skill: &dyn Skill, meant: &dyn Skill, machine: &Machine) -> Phrase {
    let (_, deed) = meant.spec().id.split_once('.').unwrap_or_default();
    Phrase::new(format!("{}/instead_{deed}", skill.spec().id))
        .with("name", &machine.name)
        .with("is", refusal::state_word(machine.state))
}

/// Those that are in a state in which there is nothing to do, state by state.
fn left(refused: &[Refusal], phrase: &str) -> Reply {
    let mut by_state: Vec<(State, Vec<String>)> = Vec::new();
    for refusal in refused {
        let Refusal::WrongState { name, is, .. } = refusal else { continue };
        match by_state.iter_mut().find(|(state, _)| state == is) {
            Some((_, names)) => names.push(name.clone()),
            None => by_state.push((*is, vec![name.clone()])),
        }
    }
    let line = |(state, names): (State, Vec<String>)| {
        let many = if names.len() > MOST_NAMED { "_many" } else { "" };
        Phrase::common(&format!("{phrase}{many}"))
            .with("n", names.len())
            .with("is", refusal::state_word(state))
            .with("names", names)
    };
    Reply { head: by_state.into_iter().map(line).collect(), ..Reply::default() }
}

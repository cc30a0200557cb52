//! What came of planning and applying: the policy is asked, and the outcome is said.

use grammar::answer::{Answer, answer};
use grammar::kind::{Kind, Of};
use grammar::lexicon::Class;
use grammar::selector::Selector;
use grammar::value::Value;

use crate::machine::{Action, Applied, Planned, Planning, Purpose, Stage, Turn};
use crate::policy::{Circumstances, Gate, Path, gate};
use crate::reply::{Choice, Phrase, Reply, Var};
use crate::session::{About, Call, Decision, Done, Last, Open, PlanRef, UnderWay};
use crate::spec::{Category, Spec, TARGET};
use crate::topics::HOW_TO;

impl Turn<'_> {
    pub(crate) fn planned(&mut self, planned: Planned) {
        let Stage::Planning(planning) = std::mem::take(&mut self.session.stage) else { return };
        let mut planning = *planning;
        self.note_thing(&planning.calls);
        match planned {
            Planned::Near { call, said, close, reply }
                if planning.calls.len() == 1 && !planning.took_turns && planning.purpose == Purpose::New =>
            {
                let options = close.iter().filter_map(|name| renamed(&planning.calls[call], &said, name)).collect();
                self.ask_who_is_near(planning, options, reply);
            }
            Planned::Near { mut reply, .. } | Planned::Refused(mut reply) => {
                self.session.trace.decision = Decision::Decline;
                if self.session.trace.why.is_empty() {
                    self.session.trace.why = "refused".to_owned();
                }
                self.trouble_with(&planning.calls, reply.head.clone());
                // What could not be placed matters to a question only.
                planning.preface.retain(|phrase| phrase.key != "phrases/left_over" || self.says_more_than(phrase));
                reply.head.splice(0..0, std::mem::take(&mut planning.preface));
                // What a plan was to be changed into can't be: nothing is left of it.
                if let Some(Open { about: About::Confirm { plan, .. }, .. }) = planning.before.as_deref()
                    && planning.took_turns
                {
                    reply.head.push(self.dropped(plan));
                }
                self.remember(&planning, false);
                self.say(reply);
                self.come_back(planning);
            }
            Planned::Ask { call, slot, question } => match self.only_one(&planning.calls[call], &slot, &question) {
                Some(name) => {
                    planning.calls[call].args.insert(slot, name);
                    self.complete(planning);
                }
                None => self.ask_slots(planning, call, vec![slot], Some(question)),
            },
            Planned::Ready { answers, change } => {
                self.session.trouble = None;
                self.remember(&planning, false);
                self.keep_in_focus(&planning, change.as_ref());
                match change {
                    None => self.answered(answers, planning),
                    Some(plan) => {
                        // Who agrees has read them already.
                        let read =
                            matches!(&planning.purpose, Purpose::Confirmed { digest, .. } if *digest == plan.digest);
                        for answer in answers.into_iter().filter(|_| !read) {
                            self.say(answer);
                        }
                        self.weigh(plan, planning);
                    }
                }
            }
        }
    }

    /// "Did you mean web1 or web2?" is a question, as long as nothing else is said; whoever is picked is planned for, and asked about.
    fn ask_who_is_near(&mut self, mut planning: Planning, options: Vec<Call>, reply: Reply) {
        if self.session.trace.why.is_empty() {
            self.session.trace.why = "refused".to_owned();
        }
        self.session.trace.decision = Decision::Choose;
        self.trouble_with(&planning.calls, reply.head.clone());
        planning.preface.retain(|phrase| phrase.key != "phrases/left_over" || self.says_more_than(phrase));
        let preface = std::mem::take(&mut planning.preface);
        self.remember(&planning, false);
        self.ask_after(preface, About::Skills { options, text: String::new() }, reply);
        self.come_back(planning);
    }

    /// The only thing that there is to choose from: a question with one candidate is none, and what it is for is shown by its name.
    fn only_one(&self, call: &Call, slot: &str, question: &Reply) -> Option<Value> {
        let ([only], None) = (question.choices.as_slice(), call.args.get(slot)) else { return None };
        let existing = matches!(self.spec(call)?.slot(slot)?.kind, Kind::Name(_));
        existing.then(|| Value::Name(only.says.clone()))
    }

    /// Whether what could not be placed names a machine or a deed: then it is no mere word beside a wish.
    fn says_more_than(&self, phrase: &Phrase) -> bool {
        let cx = self.context();
        let words = phrase.vars.iter().filter_map(|(_, var)| match var {
            Var::Text(words) => Some(words.as_str()),
            _ => None,
        });
        words.into_iter().any(|words| {
            let all = cx.tokens(words);
            !self.named_in(words).is_empty() || cx.lexicon.holds(&all, &[Class::Verb, Class::Deed])
        })
    }

    fn answered(&mut self, answers: Vec<Reply>, mut planning: Planning) {
        let smalltalk =
            planning.calls.iter().all(|call| matches!(call.skill.as_str(), "talk.greet" | "talk.thanks" | "talk.bye"));
        self.session.trace.decision = if smalltalk { Decision::Smalltalk } else { Decision::Act };
        // Answered with how to say it, which is not what it would be to do it.
        if self.session.trace.why == HOW_TO {
            self.session.trace.decision = Decision::Decline;
            self.session.trace.skill = self.session.trace.how_to.clone();
        }
        let preface = std::mem::take(&mut planning.preface);
        let greeted = planning.calls.iter().any(|call| call.skill == "talk.greet");
        // Where nobody was named and one machine was found, that is "it" from now on.
        let named = |call: &Call| matches!(call.args.get(TARGET), Some(Value::Machines(_)));
        let alone = answers.len() == 1 && !planning.calls.iter().any(named);
        for (index, mut answer) in answers.into_iter().enumerate() {
            if index == 0 && !greeted {
                answer.head.splice(0..0, preface.iter().cloned());
            }
            let found = self.found(&answer);
            self.say_list(answer);
            if let Some(name) = found.filter(|_| alone) {
                self.session.focus_on(vec![name]);
            }
        }
        // Each answer made its machine "it": of several, none is.
        self.keep_in_focus(&planning, None);
        self.come_back(planning);
    }

    /// The one machine that an answer is about: named first in an order, or the only one of a list.
    fn found(&self, answer: &Reply) -> Option<String> {
        let name = |phrase: &Phrase| match phrase.vars.iter().find(|(name, _)| name == "name") {
            Some((_, Var::Text(name))) => self.around.known.has(Of::Machine, name),
            _ => None,
        };
        let rows: Vec<String> = answer.rows.iter().filter_map(name).collect();
        let only = rows.first().filter(|_| rows.len() == 1).cloned();
        answer.head.iter().rev().find_map(name).or(only)
    }

    /// After a look aside, back to the question that was open.
    fn come_back(&mut self, planning: Planning) {
        if let Some(open) = planning.back_to {
            self.come_back_to(open);
        }
    }

    fn remember(&mut self, planning: &Planning, applied: bool) {
        if matches!(planning.purpose, Purpose::New | Purpose::Confirmed { .. }) {
            let (calls, before, doubtful) = (planning.calls.clone(), planning.before.clone(), planning.doubtful);
            self.session.last = Some(Last { calls, before, applied, doubtful });
        }
    }

    /// What was spoken about is "it" from now on.
    fn keep_in_focus(&mut self, planning: &Planning, change: Option<&PlanRef>) {
        if let Some(plan) = change {
            self.session.focus_on(plan.subjects.clone());
        }
        // Of several that one message was about, "it" is no single one.
        let mut machines: Vec<String> = Vec::new();
        for call in &planning.calls {
            let Some(spec) = self.spec(call) else { continue };
            for (name, value) in &call.args {
                match (spec.slot(name).map(|slot| slot.kind), value) {
                    (Some(Kind::Name(of) | Kind::NewName(of)), Value::Name(name)) => {
                        self.session.focus_on_thing(of, name.clone())
                    }
                    (Some(Kind::Machines), Value::Machines(grammar::selector::Selector::Names(names))) => machines
                        .extend(names.iter().filter(|name| !machines.contains(name)).cloned().collect::<Vec<_>>()),
                    _ => {}
                }
            }
        }
        // "the second one" is one of them, from now on, and none of an older list.
        if machines.len() > 1 {
            self.session.listed.clone_from(&machines);
        }
        self.session.focus_on(machines);
    }

    /// The policy's table decides what is done with a plan.
    fn weigh(&mut self, plan: PlanRef, mut planning: Planning) {
        if self.session.refused_plan.as_ref() == Some(&plan.digest) {
            self.session.trace.decision = Decision::Decline;
            self.say_common("nothing_changed");
            return;
        }
        let undoing = match &planning.purpose {
            Purpose::Confirmed { digest, .. } | Purpose::UndoConfirmed { digest, .. } if *digest == plan.digest => {
                self.apply(plan, planning);
                return;
            }
            Purpose::Confirmed { .. } => {
                planning.preface.push(Phrase::common("changed_meanwhile"));
                planning.doubtful = true;
                planning.purpose = Purpose::New;
                None
            }
            Purpose::UndoConfirmed { done, .. } => {
                planning.preface.push(Phrase::common("changed_meanwhile"));
                planning.doubtful = true;
                Some(done.clone())
            }
            Purpose::Undo(done) => Some(done.clone()),
            Purpose::New => None,
        };
        if let Some(done) = &undoing {
            planning.purpose = Purpose::Undo(done.clone());
        }
        let circumstances = Circumstances {
            took_turns: planning.took_turns,
            allocates: plan.allocates,
            subjects: plan.subjects.len(),
            doubtful: planning.doubtful || plan.doubtful,
            // What is taken back may be of another moment than the person thinks.
            ask_disruptive: self.around.ask_disruptive || undoing.is_some(),
        };
        // What touches power or data is never taken back unasked.
        let touches = undoing.as_ref().is_some_and(|done| {
            let touches = |spec: &Spec| matches!(spec.category, Category::Power | Category::Storage);
            done.iter().any(|done| self.spec(&done.call).is_none_or(touches))
        });
        let circumstances = Circumstances { doubtful: circumstances.doubtful || touches, ..circumstances };
        match gate(plan.danger, planning.path, circumstances) {
            Gate::Do => self.apply(plan, planning),
            Gate::Tell => {
                planning.tell = true;
                self.apply(plan, planning);
            }
            Gate::Ask => self.ask_plan(plan, planning, false, undoing.is_some()),
            Gate::Type => self.ask_plan(plan, planning, true, undoing.is_some()),
            Gate::Offer => {
                let options = planning.calls.clone();
                self.offer(options, "", Reply::say(Phrase::common("did_you_mean")));
            }
        }
    }

    fn ask_plan(&mut self, mut plan: PlanRef, mut planning: Planning, by_name: bool, undoing: bool) {
        // A machine may be called "yes". How many there are is a count, which no question has for an answer here.
        let steers = !matches!(
            answer(&plan.typed, &self.context()),
            Answer::Other | Answer::Nth(_) | Answer::All | Answer::Both
        );
        if by_name && steers {
            plan.typed = format!("\"{}\"", plan.typed);
        }
        self.session.trace.decision = Decision::Confirm;
        let mut reply = Reply { head: plan.summary.clone(), ..Reply::default() };
        reply = if by_name {
            reply.and(Phrase::common("type_to_go").with("typed", plan.typed.as_str())).buttons(vec![Choice {
                label: Phrase::common("no").into(),
                says: self.words.phrases.phrase(&Phrase::common("no"), self.around.now),
            }])
        } else {
            reply.and(Phrase::common("go")).buttons(self.yes_no())
        };
        if self.around.room && by_name {
            reply.choices.insert(0, Choice { label: plan.typed.as_str().into(), says: plan.typed.clone() });
        }
        let preface = std::mem::take(&mut planning.preface);
        self.ask_after(preface, About::Confirm { plan, by_name, path: planning.path, undoing }, reply);
    }

    fn apply(&mut self, plan: PlanRef, planning: Planning) {
        self.session.trace.decision = Decision::Act;
        self.session.open = None;
        let mut planning = planning;
        if planning.tell {
            let mut preface = vec![Phrase::common("understood")];
            preface.extend(plan.summary.clone());
            planning.preface.extend(preface);
        }
        self.session.stage = Stage::Applying(Box::new(planning));
        self.actions.push(Action::Apply(plan));
    }

    pub(crate) fn applied(&mut self, applied: Applied) {
        let Stage::Applying(planning) = std::mem::take(&mut self.session.stage) else { return };
        let mut planning = *planning;
        let takes_back = match &planning.purpose {
            Purpose::Undo(done) | Purpose::UndoConfirmed { done, .. } => done.clone(),
            Purpose::New | Purpose::Confirmed { .. } => Vec::new(),
        };
        self.remember(&planning, true);
        let then = std::mem::take(&mut planning.then);
        let (mut reply, done) = match applied {
            Applied::UnderWay { job, reply } => {
                let (calls, then) = (planning.calls.clone(), then.clone());
                self.session.goes_on(UnderWay { job, calls, takes_back, then });
                (reply, false)
            }
            applied => self.outcome(applied, &planning.calls, takes_back),
        };
        reply.head.splice(0..0, planning.preface.iter().cloned());
        self.say(reply);
        if done && !then.is_empty() {
            self.answer_then(then);
        } else {
            self.come_back(planning);
        }
    }

    /// What became of a change that went on while the conversation did.
    pub(crate) fn ended(&mut self, job: &str, applied: Applied) {
        let at = self.session.under_way.iter().position(|one| one.job == job);
        // Of one that nobody remembers it is only said.
        let one = at.map(|at| self.session.under_way.remove(at));
        let (calls, takes_back, then) = one.map(|one| (one.calls, one.takes_back, one.then)).unwrap_or_default();
        let (reply, done) = self.outcome(applied, &calls, takes_back);
        self.say(reply);
        if done && !then.is_empty() && self.session.open.is_none() {
            self.answer_then(then);
        }
    }

    /// What is said of it, and whether it was done; what can be undone from now on.
    fn outcome(&mut self, applied: Applied, calls: &[Call], takes_back: Vec<Done>) -> (Reply, bool) {
        self.session.undo.retain(|done| !takes_back.contains(done));
        match applied {
            Applied::Done { reply, undo } => {
                // "undo" is about what was done last: it never reaches past something that can't be taken back.
                if takes_back.is_empty() && undo.is_empty() {
                    self.session.undo.clear();
                }
                self.session.has_done(undo);
                (reply, true)
            }
            Applied::Failed { reply, undo } => {
                self.trouble_with(calls, reply.head.clone());
                self.session.has_done(undo);
                // What could not be taken back can still be: "undo" again is about it.
                self.session.has_done(takes_back);
                (reply, false)
            }
            Applied::UnderWay { reply, .. } => (reply, false),
        }
    }

    /// Answers what was asked beside a change, once it is done.
    fn answer_then(&mut self, calls: Vec<Call>) {
        self.complete(Planning {
            calls,
            path: Path::Understood,
            took_turns: false,
            doubtful: false,
            purpose: Purpose::New,
            back_to: None,
            preface: Vec::new(),
            tell: false,
            before: None,
            then: Vec::new(),
        });
    }
}

/// A call for what is called `name` in place of what it was `said` to be for; `None` where that is none of its values.
fn renamed(call: &Call, said: &str, name: &str) -> Option<Call> {
    let mut call = call.clone();
    let is = |known: &String| known.eq_ignore_ascii_case(said);
    for value in call.args.values_mut() {
        match value {
            Value::Name(known) if is(known) => *known = name.to_owned(),
            Value::Machines(Selector::Names(names)) if names.iter().any(is) => {
                names.iter_mut().filter(|known| is(known)).for_each(|known| *known = name.to_owned());
            }
            _ => continue,
        }
        return Some(call);
    }
    None
}

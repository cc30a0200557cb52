//! What becomes of an open question when something else is wanted: the new wish goes first. A plan that waited for a yes is dropped
//! with a word, what is half put together is kept aside, an offer is passed over in silence.

use grammar::answer::{Answer, agreed, answer, asks_something, control};
use grammar::frame::{Part, Stance, begins_with_verb, frame};
use grammar::kind::{Kind, Of};
use grammar::lexicon::Class;
use grammar::read::{self, Found};
use grammar::selector::Selector;
use grammar::value::Value;

use crate::amend::is_among;
use crate::machine::{Action, Turn};
use crate::reply::{Phrase, Reply};
use crate::session::{About, CONFIRM_WITHIN, Call, Open, PlanRef};
use crate::slots;
use crate::spec::TARGET;
use crate::understand::{FOLLOWS, GIST};

/// Words by which something said may correct a plan.
const CORRECTS: [Class; 6] = [Class::Denied, Class::Not, Class::Except, Class::Meant, Class::Item, Class::Spare];

/// What is only friendly.
pub(crate) const COURTESIES: [&str; 3] = ["talk.greet", "talk.thanks", "talk.bye"];

impl Turn<'_> {
    /// Something else was said: a yes from now on may be about that.
    pub(crate) fn passed(&mut self) {
        if let Some(open) = &mut self.session.open {
            open.passed = true;
        }
    }

    /// Makes way for these calls. Gives the question to come back to, if they only look aside from it.
    pub(crate) fn make_way(&mut self, calls: &[Call], changes: bool, preface: &mut Vec<Phrase>) -> Option<Open> {
        let open = self.session.open.take()?;
        match &open.about {
            About::Skills { .. } => None,
            // Which machine was meant is of no interest once another wish is clear; a list may help to say it.
            About::Slots { missing, .. } if missing.iter().all(|slot| slot == TARGET) => {
                Some(Open { reminded: true, ..open }).filter(|_| !changes)
            }
            About::Slots { .. } if !changes => Some(open),
            About::Slots { calls: waiting, .. } => {
                let anew = waiting.iter().any(|one| calls.iter().any(|new| new.skill == one.skill));
                if !anew {
                    if let Some(first) = waiting.first() {
                        preface.push(Phrase::common("set_aside").with("what", self.label(first)));
                    }
                    self.session.aside = Some(open);
                }
                None
            }
            About::Confirm { plan, .. } => {
                let over = open.passed || self.now().duration_since(open.at) > CONFIRM_WITHIN;
                // "thanks" is no reason to ask again.
                if !over && calls.iter().all(|call| COURTESIES.contains(&call.skill.as_str())) {
                    // "yes thanks you are the best" is nearly a yes.
                    let agrees = agreed(&self.session.trace.text, &self.context()).is_some();
                    return Some(Open { reminded: !agrees, ..open });
                }
                // "and now both back on", read as a question by a few of its words, may as well be about the plan.
                let why = self.session.trace.why.as_str();
                let likely = [FOLLOWS, GIST].contains(&why);
                let asks = !likely || asks_something(&self.session.trace.text, &self.context());
                // "is anyone on it? don't do it"
                let cx = self.context();
                let denied = frame(&self.session.trace.text, &cx)
                    .parts
                    .iter()
                    .any(|part| part.stance == Stance::Negated && !part.raw.ends_with('?'));
                // "yes. and since when is web2 up?" is nearly a yes.
                let near = about_it(calls, plan) || self.assents(&self.session.trace.text);
                if !changes && asks && !denied && !open.reminded && !over && near {
                    return Some(open);
                }
                if !over && plan.calls != self.resolved(calls) {
                    preface.push(self.dropped(plan));
                }
                None
            }
        }
    }

    /// Calls with "it" in place.
    fn resolved(&self, calls: &[Call]) -> Vec<Call> {
        let resolved = |call: &Call| {
            let mut call = call.clone();
            if let Some(spec) = self.spec(&call) {
                self.resolve(spec, &mut call);
            }
            call
        };
        calls.iter().map(resolved).collect()
    }

    /// The word about a plan that is no longer asked about.
    pub(crate) fn dropped(&self, plan: &PlanRef) -> Phrase {
        // Of several wishes each; what they would mean is of no interest any more.
        let steps: usize = plan
            .calls
            .iter()
            .map(|call| match self.machines_of(call).len() {
                0 if call.args.contains_key(TARGET) => plan.subjects.len(),
                count => count.max(1),
            })
            .sum();
        let each = plan.summary.iter().take(steps.max(1)).map(|summary| {
            let what = self.words.phrases.phrase(summary, self.around.now);
            let first = what.split(". ").next().unwrap_or_default();
            let several = plan.subjects.len() > 1 && plan.summary.len() == 1;
            let short = if several { first } else { first.split(": ").next().unwrap_or_default() };
            short.trim_end_matches(['.', ':', ' ', '\u{a0}', '\u{202f}']).to_owned()
        });
        Phrase::common("dropped").with("what", each.collect::<Vec<_>>().join(". "))
    }

    /// Whether what was said, though nobody understood it, is about something else than the plan that waits for a yes: it names another
    /// machine, or begins with a verb. Then a yes may be about that.
    pub(crate) fn moves_on(&self, open: &Open) -> bool {
        let About::Confirm { plan, .. } = &open.about else { return false };
        let cx = self.context();
        let text = self.session.trace.text.as_str();
        // "actually not db1", "the other one": nobody knows what is wrong with the plan, so it is not that one that a yes is for.
        let all = cx.tokens(text);
        // "which one is the newest?" asks, and is about nothing else; the plan is shown again before anybody says yes.
        let asks = |part: &Part| part.question && !part.polite && !begins_with_verb(&part.text, &cx);
        let denies = cx.lexicon.holds(&all, &[Class::No, Class::Denied, Class::Not, Class::Except, Class::Meant]);
        let said_so = self.without_leads(text.trim_end());
        let asked = text.trim_end().ends_with('?') && !denies && !open.reminded;
        if asked && frame(&format!("{said_so}?"), &cx).parts.iter().all(asks) {
            return false;
        }
        let said = answer(text, &cx);
        // "yes for web1, no for web2", "yes if web3 is up"
        let partly = cx.lexicon.holds(&all, &[Class::No, Class::If]) && !self.named_in(text).is_empty();
        let corrects = partly || cx.lexicon.holds(&all, &CORRECTS) || matches!(said, Answer::Correction(_));
        if corrects || said != Answer::Other {
            return corrects;
        }
        let other = |found: &Found| match &found.value {
            // One of several that is named: perhaps only that one is meant.
            Value::Name(_) if plan.subjects.len() > 1 => true,
            Value::Name(name) => !is_among(name, &plan.subjects),
            _ => false,
        };
        read::find(Kind::Name(Of::Machine), text, &cx).iter().any(other)
            || frame(text, &cx).parts.iter().any(|part| begins_with_verb(&part.text, &cx))
    }

    /// "take web2 off", while it is asked whether to stop web1 and web2: a wish for some of a plan may as well take them out of it.
    pub(crate) fn is_part_of(&self, calls: &[Call], open: &Open) -> bool {
        let About::Confirm { plan, .. } = &open.about else { return false };
        let names = self.machines_of_all(calls);
        let same = |call: &Call| plan.calls.iter().any(|own| own.skill == call.skill);
        let some = !names.is_empty() && names.len() < plan.subjects.len();
        some && calls.iter().all(same) && names.iter().all(|name| is_among(name, &plan.subjects))
    }

    /// After something else was said: the question is put again, but once only.
    pub(crate) fn remind(&mut self, open: Open) {
        if open.reminded {
            self.session.open = Some(Open { passed: true, ..open });
        } else {
            self.ask_again_after("back_to", Open { reminded: true, mentioned: false, ..open });
        }
    }

    /// After a question was answered: of a plan it is said, once, that it still waits, since whoever has read it needs no second question
    /// to say yes to it; a form is asked about again.
    pub(crate) fn come_back_to(&mut self, open: Open) {
        if open.reminded || !matches!(open.about, About::Confirm { .. }) {
            self.remind(open);
            return;
        }
        let asks = Phrase::common("go");
        let plan = open.asked.head.iter().filter(|phrase| **phrase != asks).cloned();
        let head = [Phrase::common("still_waits")].into_iter().chain(plan).collect();
        self.actions.push(Action::Remind(Reply { head, ..open.asked.clone() }));
        self.session.open = Some(Open { at: self.now(), passed: false, reminded: true, mentioned: true, ..open });
    }

    /// Whether a question that was not answered may still be: a plan not once other things were spoken of, or it was a while ago.
    pub(crate) fn still_waits(&self, open: &Open) -> bool {
        let moved_on = open.passed && open.reminded || self.now().duration_since(open.at) > CONFIRM_WITHIN;
        !(matches!(open.about, About::Confirm { .. }) && moved_on)
    }

    /// What is no request ("not too big") while something is asked: a form is asked about again, and a plan is not wanted any more.
    pub(crate) fn vetoed_open(&mut self, stance: Stance) -> bool {
        match self.session.open.as_ref().map(|open| &open.about) {
            Some(About::Slots { .. }) => {
                self.understood_nothing(&[], Vec::new());
                true
            }
            Some(About::Confirm { .. }) if stance == Stance::Negated => {
                self.session.open = None;
                false
            }
            _ => false,
        }
    }

    /// "continue": what was set aside is taken up again. False when there is nothing.
    pub(crate) fn take_up(&mut self) -> bool {
        let Some(open) = self.session.aside.take() else { return false };
        self.ask_again_after("taken_up", Open { reminded: false, ..open });
        true
    }

    /// Whether a text is nothing but values that what was set aside waits for: "20 gigs", "20 gigs, data". A name alone is none.
    pub(crate) fn goes_on_aside(&self, text: &str) -> bool {
        let Some(Open { about: About::Slots { calls, at, missing, .. }, .. }) = &self.session.aside else {
            return false;
        };
        let Some(spec) = calls.get(*at).and_then(|call| self.spec(call)) else { return false };
        let steers = !matches!(control(text, &self.context()), Answer::Other | Answer::Correction(_));
        if steers || !self.commands(text).is_empty() {
            return false;
        }
        let plain = |slot: &str| {
            let kind = spec.slot(slot).map(|slot| slot.kind);
            kind.is_some_and(|kind| matches!(kind, Kind::Size | Kind::Choice(_) | Kind::Duration | Kind::When))
        };
        let filled = slots::read_answer(spec, missing, &calls[*at].args, text, &self.context());
        filled.is_some_and(|filled| filled.values.iter().any(|(slot, _)| plain(slot)))
    }

    /// An answer to what was asked about the question itself, and the question again.
    pub(crate) fn show_after(&mut self, said: Phrase, open: Open) {
        let again = Reply { head: [vec![said], open.asked.head.clone()].concat(), ..open.asked.clone() };
        self.session.open = Some(Open { passed: false, at: self.now(), ..open });
        self.actions.push(Action::Ask(again));
    }

    /// The question as it was put, and nothing else.
    pub(crate) fn show_again(&mut self, open: Open) {
        let again = open.asked.clone();
        self.session.open = Some(Open { passed: false, at: self.now(), ..open });
        self.actions.push(Action::Ask(again));
    }
}

/// Whether calls are about nothing but what a plan is about.
fn about_it(calls: &[Call], plan: &PlanRef) -> bool {
    calls.iter().all(|call| match call.args.get(TARGET) {
        Some(Value::Machines(Selector::Names(names))) => {
            names.iter().all(|name| plan.subjects.iter().any(|subject| subject.eq_ignore_ascii_case(name)))
        }
        Some(Value::Machines(Selector::It | Selector::Same | Selector::Myself)) | None => true,
        Some(_) => false,
    })
}

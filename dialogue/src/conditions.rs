//! "if web2 is off, start it": a condition goes with its call, and whoever plans it looks whether it holds.

use grammar::condition::{Condition, Fact, How, What, asked, condition, depends, is_state, otherwise, whether};
use grammar::frame::{Part, Stance, begins_with_verb, frame, wished};
use grammar::kind::Of;
use grammar::lexicon::Class;
use grammar::selector::{Selector, State};
use grammar::token::gap;
use grammar::value::Value;

use crate::follow::STATE;
use crate::machine::{Ranking, Sure, Turn};
use crate::policy::Path;
use crate::session::Call;
use crate::slots::points;
use crate::spec::{Scope, Spec, TARGET};
use crate::understand::Understanding;

/// Arguments of a call that are no slots of its skill: of which machine the state is looked up, the state it has to be in, or must not be in.
const MACHINE: &str = "if_machine";
const IS: &str = "if_state";
const IS_NOT: &str = "unless_state";

/// What lists what a condition may be about.
pub(crate) const SNAPSHOTS: &str = "snapshot.list";

/// How many of the likeliest skills count, and how likely one is that was found otherwise.
const MOST_NEAR: usize = 3;
const CERTAIN: f32 = 0.95;

/// Whether that argument belongs to a condition.
pub fn is_condition(argument: &str) -> bool {
    [MACHINE, IS, IS_NOT].contains(&argument)
}

/// The condition of a call.
pub fn of(call: &Call) -> Option<Condition> {
    let fact = |key: &str| match call.args.get(key)? {
        Value::Machines(Selector::Where { state, .. }) => state.map(Fact::State),
        Value::Text(notation) => has(notation),
        _ => None,
    };
    let machine = match call.args.get(MACHINE) {
        Some(Value::Machines(Selector::Names(names))) => names.first().cloned(),
        _ => None,
    };
    let is = |fact, negated| Condition { machine: machine.clone(), fact, negated };
    fact(IS).map(|fact| is(fact, false)).or_else(|| fact(IS_NOT).map(|fact| is(fact, true)))
}

/// "memory above 1073741824": what a machine has to have, as it is kept.
fn has(notation: &str) -> Option<Fact> {
    let mut words = notation.split(' ');
    let (what, how) = (What::named(words.next()?)?, How::named(words.next()?)?);
    Some(Fact::Has(what, how, words.next()?.parse().ok()?))
}

/// The same, to be kept.
fn kept(fact: Fact) -> Value {
    match fact {
        Fact::State(state) => in_state(state),
        Fact::Has(what, how, amount) => {
            let what = What::NAMED.iter().find(|(_, named)| *named == what).map_or("", |(name, _)| name);
            let how = How::NAMED.iter().find(|(_, named)| *named == how).map_or("", |(name, _)| name);
            Value::Text(format!("{what} {how} {amount}"))
        }
    }
}

fn in_state(state: State) -> Value {
    Value::Machines(Selector::Where {
        state: Some(state),
        tag: None,
        os: None,
        prefix: None,
        host: None,
        except: Vec::new(),
    })
}

impl Turn<'_> {
    /// Puts a condition to its call; true if there is one, so that what comes of it is shown before it is done. "it" is the machine of the
    /// condition; said to a machine, what names nobody and "yourself" are that one.
    pub(crate) fn attach(&self, condition: Option<Condition>, call: &mut Call) -> bool {
        let Some(Condition { machine, fact, negated }) = condition else { return false };
        if let Some(name) = machine {
            let another = self.points_at_another(&name);
            let names = Value::Machines(Selector::Names(vec![name]));
            let here = self.around.scope == Scope::Machine;
            let own = here && matches!(call.args.get(TARGET), None | Some(Value::Machines(Selector::Myself)));
            if !own && !another && call.args.get(TARGET).is_none_or(points) {
                call.args.insert(TARGET.to_owned(), names.clone());
            }
            call.args.insert(MACHINE.to_owned(), names);
        }
        call.args.insert(if negated { IS_NOT } else { IS }.to_owned(), kept(fact));
        true
    }

    /// "web2 is slow, reboot it if web1 is up": "it" stands before whom it depends on, where another is named.
    fn points_at_another(&self, name: &str) -> bool {
        let cx = self.context();
        let text = self.session.trace.text.as_str();
        let all = cx.tokens(text);
        let at = all.iter().position(|token| token.text.eq_ignore_ascii_case(name)).unwrap_or(0);
        let it = |at: usize| cx.lexicon.longest(&all[at..], Class::It).is_some();
        // "reboot it, and if web3 is off start it": behind whom it depends on, "it" is that one.
        let points = (0..at).any(it) && !(at + 1..all.len()).any(it);
        points && self.named_in(text).iter().any(|other| !other.eq_ignore_ascii_case(name))
    }

    /// A question whether a named machine is in a state is that, whatever the classifier makes of the words around it.
    pub(crate) fn asks_a_state(&self, part: &Part, ranking: Ranking) -> Ranking {
        // "off?" asks, whatever it would mean without its mark.
        let bare = part.question && self.around.scope == Scope::Machine && is_state(&part.raw, &self.context());
        // "pos1 frozen too. reboot pos1": what is no command says how it is, and freezes nothing.
        let bare = bare || self.says_a_state(&part.raw);
        let near = || ranking.ranked.iter().take(MOST_NEAR).any(|(id, _)| id == STATE);
        let meant = matches!(part.stance, Stance::Request | Stance::Report) && (part.question || near());
        if !bare && (ranking.sure == Sure::Yes || !meant || asked(&part.raw, None, &self.context()).is_none()) {
            return ranking;
        }
        Ranking { ranked: vec![(STATE.to_owned(), CERTAIN)], sure: Sure::Yes, ..ranking }
    }

    /// Whether a text is a machine's name and a state, without a verb: "pos1 frozen too".
    fn says_a_state(&self, text: &str) -> bool {
        const BESIDE: [Class; 5] = [Class::Slack, Class::Now, Class::Repeat, Class::Filler, Class::And];
        let cx = self.context();
        let all = cx.tokens(text);
        if all.first().is_none_or(|name| cx.known.has(Of::Machine, name.text).is_none()) {
            return false;
        }
        let state = (1..all.len()).find(|at| cx.lexicon.longest(&all[*at..], Class::State).is_some());
        let Some(state) = state else { return false };
        let length = cx.lexicon.longest(&all[state..], Class::State).unwrap_or(1);
        let small = |mut at: usize, until: usize| {
            while at < until {
                match cx.lexicon.longest_of(&all[at..], &BESIDE) {
                    Some(count) => at += count,
                    None => return false,
                }
            }
            true
        };
        small(1, state) && small(state + length, all.len())
    }

    /// "if web1 has no snapshots, take one": one of what the condition is about.
    pub(crate) fn one_as_depends(&self, text: &str, condition: Option<&Condition>) -> Option<Call> {
        let condition = condition?;
        let Fact::Has(What::Snapshots, ..) = condition.fact else { return None };
        let mut listed = Call { skill: SNAPSHOTS.to_owned(), ..Call::default() };
        if let Some(name) = &condition.machine {
            listed.args.insert(TARGET.to_owned(), Value::Machines(Selector::Names(vec![name.clone()])));
        }
        self.one_more_than(text, &listed)
    }

    /// "worker off? then start": whom the same message asks about is who is meant where nobody is named.
    pub(crate) fn of_whom_was_asked(&self, call: &mut Call, understanding: &Understanding) -> bool {
        let asked = understanding.asked.as_ref().and_then(|asked| asked.machine.clone());
        // "is web1 up? then stop web2"
        let then = understanding.asked.clone().filter(|_| self.goes_on_then(&understanding.text));
        let depends = self.may_change(call) && of(call).is_none() && self.attach(then, call);
        let asked = asked.filter(|_| !understanding.calls.is_empty() && self.around.scope != Scope::Machine);
        if let Some(name) = asked.filter(|_| self.spec(call).is_some_and(Spec::has_target)) {
            call.args.entry(TARGET.to_owned()).or_insert_with(|| Value::Machines(Selector::Names(vec![name])));
        }
        depends
    }

    /// Whether something is to be done "then", right behind a question.
    fn goes_on_then(&self, text: &str) -> bool {
        let cx = self.context();
        let all = cx.tokens(text);
        let asks = |at: &usize| gap(text, &all, *at).contains('?');
        let then = |at: usize| cx.lexicon.longest_of(&all[at..], &[Class::Then, Class::Opens]).is_some();
        (1..all.len()).filter(asks).any(then)
    }

    /// "could you start it?": a question by its mark, and a command to the letter.
    fn wishes(&self, part: &Part) -> bool {
        matches!(self.commands(&part.text).as_slice(), [(call, Path::Command)] if self.may_change(call))
    }

    /// Whether a part makes what it says wait for something: "once web1 is back".
    pub(crate) fn waits_for(&self, part: &Part) -> bool {
        let cx = self.context();
        cx.lexicon.holds(&cx.tokens(&part.raw), &[Class::Conditional, Class::If])
    }

    /// Whether a part, behind these wishes, is one that waits for something: "reboot web1, then db1 once web1 is back" asks nothing.
    pub(crate) fn waits_behind_a_wish(&self, part: &Part, calls: &[Call]) -> bool {
        let asks = part.question || whether(&part.raw, &self.context()).is_some();
        !asks && self.waits_for(part) && calls.iter().any(|call| self.may_change(call))
    }

    /// Takes a condition off a part; what is left is a wish like any other, done only if the condition holds.
    pub(crate) fn with_condition(&mut self, part: Part, understanding: &mut Understanding) -> Part {
        let cx = self.context();
        let tells = |before: &str| {
            let parts = frame(before, &cx).parts;
            let only = |part: &Part| !part.question && !begins_with_verb(&part.text, &cx) && !part.wish && !part.polite;
            let tells = |part: &Part| part.stance == Stance::Report || part.stance == Stance::Request && only(part);
            let heavy = cx.lexicon.holds(&cx.tokens(before), &[Class::Except, Class::Spare, Class::Conditional]);
            self.commands(before).is_empty() && !heavy && parts.iter().all(tells)
        };
        // "if it runs bounce it, otherwise start it": the rest depends on the same.
        let whole = part.clone();
        let (part, instead) = match otherwise(&part.raw, &cx) {
            Some((head, tail)) if condition(head, &cx, tells).is_some() => {
                let head = Part { text: head.to_owned(), raw: head.to_owned(), ..part.clone() };
                (head, frame(tail, &cx).parts)
            }
            _ => (part, Vec::new()),
        };
        let found = match condition(&part.raw, &cx, tells) {
            Some((condition, rest)) => Some((condition, rest)),
            None => match (depends(&part.raw, &cx), understanding.asked.clone()) {
                (Some((so, rest)), Some(asked)) => {
                    Some((Condition { negated: asked.negated == so, ..asked }, rest.to_owned()))
                }
                _ => None,
            },
        };
        // "db1, if it is up, reboot web1": "it" is whom it was said to.
        let found = found.map(|(condition, rest)| {
            let machine = condition.machine.clone().or_else(|| understanding.addressee.clone());
            (Condition { machine, ..condition }, rest)
        });
        let Some((condition, rest)) = found else {
            if part.question {
                let here = (self.around.scope == Scope::Machine).then_some(self.around.entity);
                understanding.asked = asked(&part.raw, here, &cx);
                self.session.asked.clone_from(&understanding.asked);
            }
            return part;
        };
        // "if it is off start it, and pause db1": both depend on it.
        let wishes = frame(&rest, &cx).parts;
        if let Some(before) = part.raw.strip_suffix(rest.as_str()).filter(|_| wishes.len() > 1 && instead.is_empty()) {
            let each = wishes.iter().flat_map(|wish| frame(&format!("{before}{}", wish.raw), &cx).parts);
            let mut each: Vec<Part> = each.collect();
            if each.len() == wishes.len() {
                let first = each.remove(0);
                each.into_iter().rev().for_each(|part| understanding.rest.push_front(part));
                understanding.part = Some(first.clone());
                return self.with_condition(first, understanding);
            }
        }
        match wished(&rest, &cx) {
            Some(wish) if wish.stance == Stance::Request && (!wish.question || self.wishes(&wish)) => {
                // "otherwise …" is about the same.
                understanding.asked = Some(condition.clone());
                instead.into_iter().rev().for_each(|part| understanding.rest.push_front(part));
                understanding.condition = Some(condition);
                understanding.part = Some(wish.clone());
                wish
            }
            // "if it runs, nothing, otherwise start it"
            None => {
                let mut instead = instead.into_iter();
                let Some(next) = instead.next() else { return whole };
                understanding.asked = Some(condition);
                instead.rev().for_each(|part| understanding.rest.push_front(part));
                understanding.part = Some(next.clone());
                self.with_condition(next, understanding)
            }
            Some(_) => whole,
        }
    }
}

//! Steps of a plan or a form, named by what they do: "no reboot", "all but the snapshot", "only the reboot", "the reboot first".

use grammar::frame::{Stance, frame};
use grammar::kind::Of;
use grammar::lexicon::Class;
use grammar::selector::Selector;
use grammar::token::Token;
use grammar::value::Value;

use crate::amend::{is_among, is_of};
use crate::beside::is_deed;
use crate::leftover::LIGHT;
use crate::machine::Turn;
use crate::policy::Path;
use crate::session::{Call, PlanRef};
use crate::slots::points;
use crate::spec::{Scope, Spec, TARGET};

/// Words that leave a step out.
const LEAVES: [Class; 6] = [Class::No, Class::Not, Class::Denied, Class::Except, Class::Spare, Class::Untouched];
/// Words around a step that say nothing of it, besides those that never do.
const SMALL: [Class; 7] =
    [Class::Aside, Class::But, Class::And, Class::Recants, Class::Item, Class::Yes, Class::Agrees];

impl Turn<'_> {
    /// Several wishes without the one that a text leaves out, or only the one that it keeps. `None` where it says anything else.
    pub(crate) fn with_fewer_steps(&self, text: &str, calls: &[Call]) -> Option<Vec<Call>> {
        let cx = self.context();
        let all = cx.tokens(text);
        let leaves = cx.lexicon.holds(&all, &LEAVES);
        // "skip to the reboot", "skip all but the reboot": which of them?
        let spares = |at: &usize| cx.lexicon.longest_of(&all[*at..], &[Class::Spare, Class::Untouched]).is_some();
        if let Some(at) = (0..all.len()).find(spares)
            && cx
                .lexicon
                .holds(&all[at + 1..], &[Class::To, Class::Except, Class::All, Class::Everything, Class::Conditional])
        {
            return None;
        }
        let keeps = cx.lexicon.holds(&all, &[Class::Only]);
        if leaves == keeps || text.contains('?') {
            return None;
        }
        let marks =
            [LEAVES.as_slice(), &[Class::Only, Class::Alone, Class::In, Class::All, Class::Everything]].concat();
        let named = self.step_named(&all, &marks, calls)?;
        let left: Vec<Call> = calls
            .iter()
            .enumerate()
            .filter(|(at, _)| named.contains(at) == keeps)
            .map(|(_, call)| call.clone())
            .collect();
        (!left.is_empty() && left.len() < calls.len()).then_some(left)
    }

    /// "the reboot first", "snapshot last": the same wishes, in that order.
    pub(crate) fn with_step_first(&self, text: &str, calls: &[Call]) -> Option<Vec<Call>> {
        let cx = self.context();
        let all = cx.tokens(text);
        let ahead = cx.lexicon.holds(&all, &[Class::Ahead]);
        let last = all
            .iter()
            .any(|token| cx.lexicon.all(std::slice::from_ref(token), Class::Ordinal).any(|(_, which)| which == "last"));
        if ahead == last || cx.lexicon.holds(&all, &LEAVES) || text.contains('?') {
            return None;
        }
        let named =
            self.step_named(&all, &[Class::Ahead, Class::Ordinal, Class::Yes, Class::In, Class::Agrees], calls)?;
        let is = |at: &usize| named.contains(at) == ahead;
        let (first, later): (Vec<usize>, Vec<usize>) = (0..calls.len()).partition(is);
        Some(first.into_iter().chain(later).map(|at| calls[at].clone()).collect())
    }

    /// "a snapshot", "a reboot of web1": the deed that nothing but its noun names, and for whom.
    pub(crate) fn deed_of(&self, text: &str) -> Option<Call> {
        const MOST: usize = 2;
        let cx = self.context();
        let all = cx.tokens(text);
        let names: Vec<String> = self.named_in(text).into_iter().collect();
        let says = |token: &&Token<'_>| {
            !is_among(token.text, &names) && !cx.lexicon.holds(std::slice::from_ref(*token), &LIGHT)
        };
        let said: Vec<&Token<'_>> = all.iter().filter(says).collect();
        // "start it" is no noun, "what snapshots has it" asks.
        const ASKS: [Class; 3] = [Class::Question, Class::Asks, Class::Tells];
        let verb = cx.lexicon.longest_of(&all, &[Class::Verb, Class::Polite]).is_some();
        let asks = |token: &Token<'_>| {
            !cx.lexicon.holds(std::slice::from_ref(token), &[Class::Article])
                && cx.lexicon.holds(std::slice::from_ref(token), &ASKS)
        };
        if !(1..=MOST).contains(&said.len()) || verb || text.contains('?') || all.iter().any(asks) {
            return None;
        }
        let does = |spec: &&Spec| {
            let vocabulary = self.heard.vocabulary(spec.id);
            is_deed(spec) && !spec.planned && spec.has_target() && said.iter().all(|token| vocabulary.commands(token))
        };
        let deeds: Vec<&Spec> = self.book.specs().iter().copied().filter(does).collect();
        let makes = || deeds.iter().find(|spec| spec.id.ends_with(".create"));
        let spec = if let [only] = deeds.as_slice() { only } else { makes()? };
        let mut call = Call { skill: spec.id.to_owned(), ..Call::default() };
        if !names.is_empty() {
            call.args.insert(TARGET.to_owned(), Value::Machines(Selector::Names(names)));
        }
        Some(call)
    }

    /// Whether a text has a word for a deed that those of these wishes which are about some machines do not do.
    pub(crate) fn names_another_deed(&self, text: &str, calls: &[Call], names: &[String]) -> bool {
        let cx = self.context();
        let about = |call: &&Call| self.machines_of(call).iter().any(|name| is_among(name, names));
        let own: Vec<&Call> = calls.iter().filter(about).collect();
        let deed = |token: &Token<'_>| {
            let deeds = self.book.specs().iter().filter(|spec| is_deed(spec));
            let small = cx.lexicon.holds(std::slice::from_ref(token), &LIGHT)
                || cx.known.has(Of::Machine, token.text).is_some();
            let verb = cx.lexicon.holds(std::slice::from_ref(token), &[Class::Verb, Class::Deed]);
            verb && !small && deeds.into_iter().any(|spec| self.heard.vocabulary(spec.id).commands(token))
        };
        let does = |token: &Token<'_>| own.iter().any(|call| self.heard.vocabulary(&call.skill).commands(token));
        cx.tokens(text).iter().any(|token| deed(token) && !does(token))
    }

    /// "no please take a snapshot", "no I want you to reboot web1", where nothing is open: the wish.
    pub(crate) fn behind_a_no<'t>(&self, text: &'t str) -> Option<&'t str> {
        let cx = self.context();
        let all = cx.tokens(text);
        let no = cx.lexicon.longest(&all, Class::No).filter(|_| self.session.open.is_none())?;
        let rest = &text[all.get(no)?.span.start..];
        let parts = frame(rest, &cx).parts;
        let first = parts.first()?;
        let led = first.stance == Stance::Request && !first.question && first.raw != first.text;
        (led && self.commands(&first.text).iter().any(|(call, _)| self.may_change(call))).then_some(rest)
    }

    /// "no sorry, I meant pause it", right after something was done: that deed instead, for whom the other was done.
    pub(crate) fn meant_instead(&self, text: &str) -> Option<Call> {
        let last = self.session.last.as_ref().filter(|last| last.applied && self.session.open.is_none())?;
        let (call, marked) = self.deed_meant(text, self.machines_of_all(&last.calls))?;
        (marked && self.commands(text).is_empty()).then_some(call)
    }

    /// "no wait, reboot them instead", of a plan: that deed for all whom the plan is about.
    pub(crate) fn with_another_deed(&self, text: &str, plan: &PlanRef) -> Option<Vec<Call>> {
        let (call, _) = self.deed_meant(text, plan.subjects.clone())?;
        let changes = plan.calls.iter().all(|call| self.may_change(call) && call.skill != "talk.undo");
        (changes && !plan.calls.iter().any(|own| own.skill == call.skill)).then(|| vec![call])
    }

    /// The deed that somebody means in place of another, to those who are not named again; whether they say so ("I meant") or only refuse.
    fn deed_meant(&self, text: &str, names: Vec<String>) -> Option<(Call, bool)> {
        const LEADS: [Class; 8] = [
            Class::No,
            Class::Recants,
            Class::Meant,
            Class::Stop,
            Class::Aside,
            Class::Hedge,
            Class::Filler,
            Class::Polite,
        ];
        const MARKS: [Class; 4] = [Class::No, Class::Recants, Class::Meant, Class::Stop];
        let cx = self.context();
        let all = cx.tokens(text);
        let (mut at, mut end, mut marked, mut refused) = (0, all.len(), false, false);
        while let Some(count) = all.get(at..).and_then(|rest| cx.lexicon.longest_of(rest, &LEADS)) {
            marked |= cx.lexicon.holds(&all[at..at + count], &[Class::Meant]);
            refused |= cx.lexicon.longest_of(&all[at..], &MARKS) == Some(count);
            at += count;
        }
        while let Some(count) =
            cx.lexicon.longest_before(all.get(at..end)?, Class::Meant).filter(|count| at + count < end)
        {
            (end, refused) = (end - count, true);
        }
        // "rather not reboot them"
        let denies = cx.lexicon.holds(&all, &[Class::Not, Class::Denied, Class::Forbids]);
        let wish = &text[all.get(at).filter(|_| refused && !denies && at < end)?.span.start..all[end - 1].span.end];
        let [(call, Path::Command)] = &self.commands(wish)[..] else { return None };
        let spec = self.spec(call).filter(|spec| is_deed(spec) && spec.has_target())?;
        let mut call = call.clone();
        if let Some(Value::Machines(Selector::Nth(numbers))) = call.args.get(TARGET) {
            let nth = |number: &usize| names.get(number.checked_sub(1)?).cloned();
            let names = numbers.iter().map(nth).collect::<Option<Vec<String>>>()?;
            call.args.insert(TARGET.to_owned(), Value::Machines(Selector::Names(names)));
        } else if self.around.scope != Scope::Machine && !names.is_empty() && call.args.get(TARGET).is_none_or(points) {
            call.args.insert(TARGET.to_owned(), Value::Machines(Selector::Names(names)));
        }
        spec.fits(self.around.scope).then_some((call, marked))
    }

    /// Which of several wishes all words of a text are of that are neither small nor `marks`; none where they are of all, or of none.
    fn step_named(&self, all: &[Token<'_>], marks: &[Class], calls: &[Call]) -> Option<Vec<usize>> {
        let cx = self.context();
        let mut left: Vec<usize> = (0..calls.len()).collect();
        let (mut at, mut told) = (0, false);
        while at < all.len() {
            let token = &all[at];
            let of = |call: &Call| {
                let title = self.title_words(&call.skill);
                let whole = title.concat() == token.folded;
                whole || self.heard.vocabulary(&call.skill).commands(token) || is_of(&title, &token.folded)
            };
            let mark = cx.lexicon.longest_of(&all[at..], marks).unwrap_or(0);
            let small =
                cx.lexicon.longest_of(&all[at..], &LIGHT).max(cx.lexicon.longest_of(&all[at..], &SMALL)).unwrap_or(0);
            let those: Vec<usize> = left.iter().copied().filter(|index| of(&calls[*index])).collect();
            // "the snapshot first": small words first, whatever command they stand in.
            let plain = [Class::Article, Class::Polite, Class::Filler, Class::Thanks, Class::Hedge];
            if cx.lexicon.longest_of(&all[at..], &plain).is_some_and(|count| count >= mark) {
                at += small.max(1);
            } else if mark > 0 && mark >= small {
                at += mark;
            } else if !those.is_empty() && those.len() < calls.len() {
                (left, told) = (those, true);
                at += 1;
            } else if small > 0 {
                at += small;
            } else {
                return None;
            }
        }
        (told && left.len() < calls.len()).then_some(left)
    }
}

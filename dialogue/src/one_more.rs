//! "another, 50 GB", "make one on pc-03, called clean": one more of what was made or listed last.

use grammar::kind::Kind;
use grammar::lexicon::Class;
use grammar::value::Value;

use crate::leftover::left_over;
use crate::machine::Turn;
use crate::session::{About, Call};
use crate::slots::{Taken, extract_where, points};
use crate::spec::{Danger, Scope, Spec, TARGET};

/// Words before it that say nothing.
const SMALL: [Class; 6] = [Class::Opens, Class::Filler, Class::Slack, Class::Yes, Class::And, Class::Then];
/// Words in it that say nothing.
const PLAIN: [Class; 8] = [
    Class::Filler,
    Class::Polite,
    Class::Thanks,
    Class::Article,
    Class::It,
    Class::Slack,
    Class::Noname,
    Class::Called,
];

impl Turn<'_> {
    /// What a text asks for once more, after what the same message wishes for `before` it or what was last; all of it has to be read.
    pub(crate) fn one_more(&self, text: &str, before: &[Call]) -> Option<Call> {
        let last = before.last().or_else(|| self.session.last.as_ref()?.calls.last())?;
        // "another one", said to a question what to go back to, or to delete, is no wish to make one.
        if before.is_empty() && self.asked_of_something_else() {
            return None;
        }
        self.one_more_than(text, last)
    }

    /// The same, after that call.
    pub(crate) fn one_more_than(&self, text: &str, last: &Call) -> Option<Call> {
        let cx = self.context();
        let spec = self.makes(last)?;
        // "take another one of it, call it flats"
        if let Some((head, tail)) = text.rsplit_once([',', ';'])
            && let Some((slot, name)) = self.called(spec, tail)
        {
            let mut call = self.one_more_than(head, last)?;
            call.args.insert(slot, name);
            return Some(call);
        }
        let all = cx.tokens(text);
        let longest = |at: usize, classes: &[Class]| cx.lexicon.longest_of(&all[at..], classes);
        let mut at = 0;
        while longest(at, &[Class::Another]).is_none() {
            at += longest(at, &SMALL).filter(|count| at + count < all.len())?;
        }
        at += longest(at, &[Class::Another])?;
        let rest = all.get(at).map_or("", |token| &text[token.span.start..]);
        if text.contains('?') {
            return None;
        }
        let (mut args, taken) = extract_where(spec, rest, &[], &cx);
        if !left_over(self.book, self.heard, spec, rest, &taken, &cx).words.is_empty() || self.drops(spec, rest, &taken)
        {
            return None;
        }
        if args.get(TARGET).is_none_or(points) && self.around.scope != Scope::Machine {
            let machines = last.args.get(TARGET).filter(|value| matches!(value, Value::Machines(_)))?;
            args.insert(TARGET.to_owned(), machines.clone());
        }
        Some(Call { skill: spec.id.to_owned(), args })
    }

    /// Whether what is open is to change or to delete something that exists.
    fn asked_of_something_else(&self) -> bool {
        let before = self.session.last.as_ref().and_then(|last| last.before.as_deref());
        let Some(open) = self.session.open.as_ref().or(before) else { return false };
        let calls = match &open.about {
            About::Confirm { plan, .. } => &plan.calls,
            About::Slots { calls, .. } => calls,
            About::Skills { .. } => return false,
        };
        let grave = |call: &Call| self.spec(call).is_some_and(|spec| spec.danger >= Danger::Destructive);
        calls.iter().any(grave)
    }

    /// Whether something is said of it that no slot took: "name it d" is no other name than d.
    pub(crate) fn drops(&self, spec: &Spec, rest: &str, taken: &[Taken]) -> bool {
        let cx = self.context();
        let all = cx.tokens(rest);
        let vocabulary = self.heard.vocabulary(spec.id);
        (0..all.len()).any(|at| {
            let token = &all[at];
            let read = taken.iter().any(|(_, span)| span.start < token.span.end && token.span.start < span.end);
            let calls = cx.lexicon.longest(&all[at..], Class::Calling).is_some();
            let plain = PLAIN.iter().any(|class| cx.lexicon.longest(&all[at..], *class) == Some(1));
            !read && (calls || !plain && !vocabulary.commands(token))
        })
    }

    /// The skill that makes one more of what a call was about: a name is given in it.
    fn makes(&self, last: &Call) -> Option<&'static Spec> {
        let (what, _) = last.skill.split_once('.')?;
        let spec = self.book.spec(&format!("{what}.create"))?;
        let names = spec.slots.iter().any(|slot| matches!(slot.kind, Kind::NewName(_)));
        (names && !spec.planned && spec.has_target()).then_some(spec)
    }
}

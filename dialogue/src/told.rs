//! What is only told, denied, compared or asked about gives no value: "the old one was 10 gigs", "don't use raw", "bob likes raw".

use grammar::answer::asks_something;
use grammar::clause::clauses;
use grammar::lexicon::Class;
use grammar::read;
use grammar::token::fold;
use grammar::value::Value;

use crate::leftover::left_over;
use crate::machine::Turn;
use crate::slots::extract_where;
use crate::spec::Spec;

impl Turn<'_> {
    /// Whether values in a clause of a text are told of something else, compared, denied or asked about.
    pub(crate) fn tells_of_values(&self, spec: &Spec, text: &str) -> bool {
        clauses(text, &[Class::And, Class::But], &self.context()).any(|clause| self.gives_nothing(spec, clause))
    }

    /// "the old one was 10 gigs", "qcow2 or raw", "don't use raw", "bob likes raw", "what is raw".
    fn gives_nothing(&self, spec: &Spec, clause: &str) -> bool {
        let cx = self.context();
        let all = cx.tokens(clause);
        let long = |at: usize, classes: &[Class]| {
            all.get(at..).map_or(0, |rest| cx.lexicon.longest_of(rest, classes).unwrap_or(0))
        };
        // "20 gigs or so"
        let told = |at: usize| long(at, &[Class::Told]) > long(at, &[Class::Hedge, Class::Polite, Class::Yes]);
        // "not 20 gigs", "anything but raw"
        let values: Vec<usize> =
            spec.typed().flat_map(|slot| read::find(slot.kind, clause, &cx)).map(|found| found.span.start).collect();
        let denied = |at: usize| {
            let count = long(at, &[Class::Denied, Class::Not]);
            let next = all.get(at + count).map(|token| token.span.start);
            // "not raw qcow2" says what it is.
            let denies = |next: usize| values.contains(&next) && !values.iter().any(|other| *other > next);
            count > 0 && next.is_some_and(denies) || long(at, &[Class::Except]) > 1
        };
        // Of somebody whom nobody knows, and no name before a value: "data, 20 gigs".
        let strange = |at: usize| {
            let token = &all[at];
            !token.quoted && !cx.lexicon.contains(&token.folded) && token.folded.chars().all(char::is_alphabetic)
        };
        let verb = |at: usize| strange(at) || long(at, &[Class::Verb, Class::Tells]) > 0;
        let somebody = || {
            let first = values.iter().min();
            let before = first.map_or(0, |start| all.iter().filter(|token| token.span.end <= *start).count());
            before >= 2 && strange(0) && verb(1)
        };
        (0..all.len()).any(|at| told(at) || denied(at))
            || self.forbids(clause)
            || somebody()
            || asks_something(clause, &cx)
    }

    /// What an answer to a form says besides the values that it gives, where it may change what is wanted: "20 gigs, tomorrow".
    pub(crate) fn left_of_an_answer(&self, spec: &Spec, text: &str, values: &[(String, Value)]) -> Vec<String> {
        let cx = self.context();
        let mut taken = extract_where(spec, text, &[], &cx).1;
        // Names that nobody knows yet stand where they are said.
        let folded = fold(text);
        for (slot, value) in values {
            let value = fold(&value.to_string());
            let places = folded.match_indices(&value).filter(|_| folded.len() == text.len() && !value.is_empty());
            taken.extend(places.map(|(at, _)| (slot.clone(), at..at + value.len())));
        }
        let left = left_over(self.book, self.heard, spec, text, &taken, &cx);
        if left.weighs { left.words } else { Vec::new() }
    }

    /// Whether a text says what is not to be done: "don't use raw", "never call it logs".
    pub(crate) fn forbids(&self, text: &str) -> bool {
        const SAYS: [Class; 4] = [Class::Verb, Class::Wrap, Class::Calling, Class::To];
        let cx = self.context();
        let all = cx.tokens(text);
        (0..all.len()).any(|at| {
            let count = cx.lexicon.longest(&all[at..], Class::Forbids).unwrap_or(0);
            count > 0 && cx.lexicon.longest_of(&all[at + count..], &SAYS).is_some()
        })
    }
}

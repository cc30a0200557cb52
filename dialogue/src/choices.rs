//! What an answer says of a choice: which values there are, which one is denied, and the first where any will do.

use grammar::kind::Kind;
use grammar::lexicon::Class;
use grammar::token::{Token, fold};
use grammar::value::Value;

use crate::amend::is_of;
use crate::machine::Turn;
use crate::reply::Phrase;
use crate::spec::Spec;
use crate::topics;

impl Turn<'_> {
    /// Whether a text denies something, or makes it depend on something.
    pub(crate) fn denies_or_depends(&self, text: &str) -> bool {
        const TURNS: [Class; 4] = [Class::Denied, Class::Not, Class::If, Class::Conditional];
        let cx = self.context();
        let all = cx.tokens(text);
        let long = |at: usize, classes: &[Class]| cx.lexicon.longest_of(&all[at..], classes).unwrap_or(0);
        // "it should be raw" says what it is.
        let mut at = 0;
        while at < all.len() {
            let wrap = long(at, &[Class::Wrap, Class::Calling]);
            if long(at, &TURNS) > wrap {
                return true;
            }
            at += wrap.max(1);
        }
        false
    }

    /// "not qcow2", "raw, no qcow2": of a choice, what is said and not denied, else the only one that is left. `None` where none is denied.
    pub(crate) fn not_denied(
        &self,
        spec: &Spec,
        missing: &[String],
        text: &str,
    ) -> Option<Option<Vec<(String, Value)>>> {
        const DENIES: [Class; 5] = [Class::Denied, Class::Not, Class::No, Class::Except, Class::Spare];
        let slot = spec.slot(missing.first()?)?;
        let Kind::Choice(values) = slot.kind else { return None };
        let cx = self.context();
        let all = cx.tokens(text);
        let denies = |end: usize| cx.lexicon.longest_before_of(&all[..end], &DENIES).is_some();
        let (mut said, mut denied) = (Vec::new(), Vec::new());
        for found in grammar::read::find(slot.kind, text, &cx) {
            let Value::Choice(value) = found.value else { continue };
            let at = all.iter().position(|token| token.span.start >= found.span.start)?;
            let article = cx.lexicon.longest_before(&all[..at], Class::Article).unwrap_or(0);
            if denies(at) || denies(at - article) { denied.push(value) } else { said.push(value) }
        }
        if denied.is_empty() {
            return None;
        }
        said.retain(|value| !denied.contains(value));
        let mut left: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        left.retain(|value| !denied.contains(value) && (said.is_empty() || said.contains(value)));
        Some(match left.as_slice() {
            [only] => Some(vec![(slot.name.to_owned(), Value::Choice(only.clone()))]),
            _ => None,
        })
    }

    /// "nightly, no", "any but nightly", "the one before nightly": a name of what exists, and words that take it back.
    pub(crate) fn denies_a_name(&self, spec: &Spec, missing: &[String], text: &str) -> bool {
        const DENIES: [Class; 7] =
            [Class::Denied, Class::Not, Class::No, Class::Except, Class::Spare, Class::Ahead, Class::Recants];
        let slot = missing.first().and_then(|slot| spec.slot(slot));
        let cx = self.context();
        let all = cx.tokens(text);
        let Some(Kind::Name(of)) = slot.map(|slot| slot.kind) else { return false };
        let name = |token: &Token<'_>| token.quoted || cx.known.has(of, token.text).is_some();
        let named = all.iter().position(name);
        let denies = |at: usize| cx.lexicon.longest_of(&all[at..], &DENIES).is_some();
        // "no, nightly" names it.
        let no = |at: usize| {
            cx.lexicon.longest(&all[at..], Class::No).is_some()
                || cx.lexicon.longest(&all[at..], Class::Recants).is_some()
        };
        named.is_some_and(|named| (0..all.len()).any(|at| !name(&all[at]) && denies(at) && (at > named || !no(at))))
    }

    /// "what formats are there?": what may be chosen for a slot that the question names.
    pub(crate) fn choices_asked(&self, spec: &Spec, text: &str) -> Option<Phrase> {
        let asks = grammar::answer::asks_something(text, &self.context());
        let words = topics::words(text);
        spec.slots.iter().filter(|_| asks).find_map(|slot| {
            let Kind::Choice(values @ [_, _, ..]) = slot.kind else { return None };
            let word = self.heard_word(spec.id, slot.name);
            let named = is_of(&words, &fold(&word));
            named.then(|| Phrase::common("choices_of").with("what", word).with("values", values.join(", ")))
        })
    }

    /// "default", "skip": the first choice there is for a choice slot; nothing for others.
    pub(crate) fn skip(&self, spec: &Spec, missing: &[String]) -> Option<Vec<(String, Value)>> {
        let values: Vec<_> = missing
            .iter()
            .filter_map(|name| match spec.slot(name)?.kind {
                Kind::Choice(values) => Some((name.clone(), Value::Choice((*values.first()?).to_owned()))),
                _ => None,
            })
            .collect();
        if values.is_empty() { None } else { Some(values) }
    }
}

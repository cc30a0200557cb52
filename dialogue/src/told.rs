//! What is only told, denied, compared or asked about gives no value: "the old one was 10 gigs", "don't use raw", "bob likes raw".

use grammar::answer::{Answer, answer, asks_something};
use grammar::clause::{clauses, spans};
use grammar::kind::{Kind, Of};
use grammar::lexicon::Class;
use grammar::read;
use grammar::token::{Token, fold, gap};
use grammar::value::Value;

use crate::amend::is_of;
use crate::leftover::{MARKS, left_over};
use crate::machine::Turn;
use crate::naming::{PUT_OFF, is_hardly_given, is_quoted};
use crate::reply::Phrase;
use crate::session::Call;
use crate::slots::extract_where;
use crate::spec::{Need, Slot, Spec};

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
        let mut values: Vec<usize> =
            spec.typed().flat_map(|slot| read::find(slot.kind, clause, &cx)).map(|found| found.span.start).collect();
        let number = |token: &&Token<'_>| token.folded.bytes().all(|byte| byte.is_ascii_digit());
        values.extend(all.iter().filter(number).map(|token| token.span.start));
        let denied = |at: usize| {
            // "no raw", with no mark between, denies it too.
            let no = if at == 0 { long(at, &[Class::No]) } else { 0 };
            // "non 30" is "non, 30".
            let no = if all.get(no).is_some_and(|next| number(&next)) { 0 } else { no };
            let count = long(at, &[Class::Denied, Class::Not, Class::Forbids]).max(no);
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
            before >= 2 && (strange(0) || self.is_person(all[0].text)) && verb(1)
        };
        // "raw non"
        let refused = || {
            let last = cx.lexicon.longest_before(&all, Class::No).map_or(all.len(), |count| all.len() - count);
            last < all.len() && values.iter().any(|value| last > 0 && *value == all[last - 1].span.start)
        };
        (0..all.len()).any(|at| told(at) || denied(at))
            || refused()
            || self.forbids(clause)
            || somebody()
            || asks_something(clause, &cx)
    }

    /// "qcow2 on fast", where only the format was asked for: the names beside an answer of what there is, for what nobody asked.
    pub(crate) fn known_beside(
        &self,
        spec: &Spec,
        call: &Call,
        text: &str,
        values: &[(String, Value)],
    ) -> Vec<(String, Value)> {
        let cx = self.context();
        let all = cx.tokens(text);
        let unasked = |slot: &&Slot| {
            !call.args.contains_key(slot.name)
                && !values.iter().any(|(filled, _)| filled == slot.name)
                && slot.need != Need::Origin
        };
        // "20 GB but not on default"
        if cx.lexicon.holds(&all, &[Class::Not, Class::Denied, Class::Except, Class::No]) {
            return Vec::new();
        }
        let given = |name: &str| values.iter().any(|(_, value)| value.to_string() == name);
        // "fast" is a word as any other where no place is spoken of.
        let placed = |at: usize| cx.lexicon.longest_before(&all[..at], Class::Where).is_some();
        let named = |slot: &Slot| {
            let Kind::Name(of) = slot.kind else { return None };
            let known = |at: usize| cx.known.has(of, all[at].text).filter(|name| !given(name));
            (0..all.len()).filter(|at| placed(*at) || !cx.lexicon.contains(&all[*at].folded)).find_map(known)
        };
        let found = spec.slots.iter().filter(unasked);
        found.filter_map(|slot| Some((slot.name.to_owned(), Value::Name(named(slot)?)))).collect()
    }

    /// What an answer to a form says besides the values that it gives, where it may change what is wanted: "20 gigs, tomorrow".
    pub(crate) fn left_of_an_answer(&self, spec: &Spec, text: &str, values: &[(String, Value)]) -> Vec<String> {
        let cx = self.context();
        let corrected = match answer(text, &cx) {
            Answer::Correction(rest) => rest,
            _ => text.to_owned(),
        };
        let text = corrected.as_str();
        let mut taken = extract_where(spec, text, &[], &cx).1;
        // Names that nobody knows yet stand where they are said.
        let folded = fold(text);
        for (slot, value) in values {
            let value = fold(&value.to_string());
            let places = folded.match_indices(&value).filter(|_| folded.len() == text.len() && !value.is_empty());
            taken.extend(places.map(|(at, _)| (slot.clone(), at..at + value.len())));
            // "30", of 30 GiB.
            let bare = |token: &&Token<'_>| token.folded.starts_with(|c: char| c.is_ascii_digit());
            let said = cx.tokens(text);
            let said = said.iter().filter(bare).filter(|token| value.starts_with(&token.folded));
            taken.extend(said.map(|token| (slot.clone(), token.span.clone())));
        }
        // What takes back or denies is read elsewhere.
        const TURNS: [Class; 11] = [
            Class::No,
            Class::Not,
            Class::Denied,
            Class::Forbids,
            Class::Recants,
            Class::Meant,
            Class::Skip,
            Class::Stop,
            Class::Cancel,
            Class::Calling,
            Class::Hedge,
        ];
        let weighs = [Class::Unit, Class::Weighs, Class::Later, Class::Moment, Class::Offset, Class::Day, Class::If];
        let mut words = left_over(self.book, self.heard, spec, text, &taken, &cx).words;
        // "20 gigs, raw, in pool fast", where nobody asked for the pool.
        let pools = self.title_words("pool.list");
        let of_pool = |words: &str| {
            let before = text.find(words).map(|at| cx.tokens(&text[..at]));
            before.is_some_and(|before| before.last().is_some_and(|last| is_of(&pools, &last.folded)))
        };
        words.retain(|words| {
            let all = cx.tokens(words);
            (of_pool(words) || cx.lexicon.holds(&all, &weighs)) && !cx.lexicon.holds(&all, &TURNS)
        });
        words
    }

    /// "150 gigs instead of 200", "make it 150, ok?": what is said of the new value. `None` where there is nothing else.
    pub(crate) fn without_the_old<'t>(&self, text: &'t str) -> Option<&'t str> {
        let cx = self.context();
        let all = cx.tokens(text);
        let tag = text.trim_end().strip_suffix('?').and_then(|text| text.rsplit_once(','));
        if let Some((head, _)) = tag.filter(|(_, tag)| answer(tag.trim(), &cx) == Answer::Yes) {
            return Some(head);
        }
        let number = |token: &Token<'_>| token.folded.starts_with(|c: char| c.is_ascii_digit());
        let old = (1..all.len()).find(|at| {
            let instead = cx.lexicon.longest(&all[*at..], Class::Denied).filter(|count| *count > 1);
            instead.is_some_and(|count| all[at + count..].iter().any(number))
        })?;
        all[..old].iter().any(number).then(|| &text[..all[old - 1].span.end])
    }

    /// "30, no, 20 was right": what is said behind a change of mind between two marks.
    pub(crate) fn behind_a_turn<'t>(&self, text: &'t str) -> &'t str {
        let cx = self.context();
        let all = cx.tokens(text);
        let marked = |at: usize| at < all.len() && gap(text, &all, at).contains([',', ';', '.', '!', '?', '…']);
        let turn = |at: usize| {
            let count = cx.lexicon.longest_of(&all[at..], &[Class::No, Class::Recants])?;
            (marked(at) && marked(at + count)).then(|| all[at + count].span.start)
        };
        (1..all.len()).rev().find_map(turn).map_or(text, |from| &text[from..])
    }

    /// The clauses of a text that give a value which none of these calls has: "and it has to be raw".
    pub(crate) fn values_left<'t>(&self, text: &'t str, calls: &[Call]) -> Vec<&'t str> {
        let cx = self.context();
        let changed = calls.iter().filter(|call| self.may_change(call));
        let specs: Vec<&Spec> = changed.filter_map(|call| self.spec(call)).collect();
        let has = |value: &Value| calls.iter().any(|call| call.args.values().any(|own| own == value));
        let left = |clause: &&str| {
            let given = specs.iter().filter(|spec| !self.gives_nothing(spec, clause)).flat_map(|spec| spec.slots);
            let mut choices = given.filter(|slot| matches!(slot.kind, Kind::Choice([_, _, ..])));
            choices.any(|slot| {
                let found = read::find(slot.kind, clause, &cx);
                !found.is_empty() && !found.iter().any(|found| has(&found.value))
            })
        };
        clauses(text, &[Class::And, Class::But], &cx).filter(left).collect()
    }

    /// Whether a text denies, tells or compares values, and gives none beside: "non, pas 30", but not "qcow2, not raw".
    pub(crate) fn only_denies(&self, spec: &Spec, text: &str) -> bool {
        let values: usize =
            spec.typed().map(|slot| read::find(slot.kind, text, &self.context()).len()).max().unwrap_or(0);
        values < 2 && self.tells_of_values(spec, text)
    }

    /// Whether the name that a call gives is a word of the message that may be none.
    pub(crate) fn hardly_gives(&self, call: &Call) -> bool {
        let Some(slot) = self.spec(call).and_then(Spec::new_name) else { return false };
        let Some(Value::Name(name)) = call.args.get(slot.name) else { return false };
        let cx = self.context();
        // "name it later", "call it whatever": unless it is quoted, nobody calls anything so without being asked.
        if !is_quoted(name, &self.session.trace.text, &cx)
            && cx.lexicon.longest_of(&cx.tokens(name), &PUT_OFF).is_some()
        {
            return true;
        }
        // "named like yesterday's" compares.
        if cx.lexicon.is(&fold(name), Class::Like) && !self.session.trace.text.trim_end().ends_with(name.as_str()) {
            return true;
        }
        // "snap proxy as edge"
        // "as usual", but "as first".
        let word = cx.tokens(name);
        let small = cx.lexicon.holds(&word, &[Class::Hedge, Class::Polite, Class::Like, Class::It, Class::Later]);
        let as_such = |token: &Token<'_>| !small && cx.lexicon.is(&token.folded, Class::As);
        let nouns = |token: &Token<'_>| {
            self.title_words(&call.skill).contains(&token.folded) || self.is_noun(call, token) || as_such(token)
        };
        is_hardly_given(name, &self.session.trace.text, nouns, &cx)
    }

    /// A word for what a call makes: "snapshot", "drive".
    fn is_noun(&self, call: &Call, token: &Token<'_>) -> bool {
        let cx = self.context();
        let small = [Class::And, Class::Machine, Class::Machines, Class::Where, Class::Wrap, Class::To];
        self.heard.vocabulary(&call.skill).commands(token)
            && !cx.lexicon.holds(std::slice::from_ref(token), &small)
            && cx.known.has(Of::Machine, token.text).is_none()
    }

    /// "called a, and another called b": names the clauses that give another name than these calls have; whether there are any.
    pub(crate) fn names_another(&self, calls: &[Call], preface: &mut Vec<Phrase>) -> bool {
        const TURNS: [Class; 4] = [Class::No, Class::Recants, Class::Meant, Class::Stop];
        let cx = self.context();
        let text = self.session.trace.text.as_str();
        let all = cx.tokens(text);
        let names: Vec<String> = calls
            .iter()
            .filter_map(|call| match call.args.get(self.spec(call)?.new_name()?.name)? {
                Value::Name(name) => Some(fold(name)),
                _ => None,
            })
            .collect();
        if names.is_empty() || cx.lexicon.holds(&all, &TURNS) {
            return false;
        }
        let given = |at: usize| {
            let count =
                cx.lexicon.longest_of(&all[at..], &[Class::Called, Class::Calling]).filter(|count| *count > 0)?;
            all.get(at + count).map(|name| (at, name))
        };
        let own = |name: &Token<'_>| {
            name.quoted || name.text.contains(MARKS) || names.iter().any(|own| own.starts_with(&name.folded))
        };
        let other = (0..all.len()).filter_map(given).find(|(_, name)| !own(name) && !cx.lexicon.contains(&name.folded));
        let Some((at, _)) = other else { return false };
        let clause = spans(text, &[Class::And, Class::But, Class::Then], &cx)
            .into_iter()
            .find(|span| span.contains(&all[at].span.start));
        preface.push(Phrase::not_followed(clause.map_or(text, |span| &text[span])));
        true
    }

    /// Whether somebody changes their mind behind a mark.
    pub(crate) fn turns_behind(&self, text: &str) -> bool {
        let cx = self.context();
        let all = cx.tokens(text);
        (1..all.len()).any(|at| {
            gap(text, &all, at).contains([',', ';', '.', '!', '…'])
                && cx.lexicon.longest_of(&all[at..], &[Class::No, Class::Recants]).is_some()
        })
    }

    /// "bob said …": whether a text begins with somebody whom it tells of.
    pub(crate) fn is_said_by_somebody(&self, text: &str) -> bool {
        let cx = self.context();
        let all = cx.tokens(text);
        let (Some(first), Some(next)) = (all.first(), all.get(1)) else { return false };
        let strange =
            !first.quoted && !cx.lexicon.contains(&first.folded) && cx.known.has(Of::Machine, first.text).is_none();
        let word =
            first.folded.chars().all(char::is_alphabetic) && !cx.lexicon.holds(&all[1..2], &[Class::Also, Class::And]);
        (strange || self.is_person(first.text)) && word && cx.known.has(Of::Machine, next.text).is_none()
    }

    /// Whether a word is the name of the asker, or of somebody on a contact list here.
    pub(crate) fn is_person(&self, word: &str) -> bool {
        let word = fold(word);
        let named = |jid: &String| jid.split('@').next().is_some_and(|name| fold(name) == word);
        fold(self.around.asker) == word || self.around.known.people().iter().any(named)
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

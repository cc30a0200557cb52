//! "undo that, max was in it", "annule le démarrage de django": what was done last is taken back, said in more words than one. It is always
//! asked about, and only if it is what was done last.

use grammar::answer::{Answer, control, taken_back};
use grammar::frame::{Stance, begins_with_verb, frame};
use grammar::kind::{Kind, Of};
use grammar::lexicon::Class;
use grammar::selector::Selector;
use grammar::token::{Token, fold};
use grammar::value::Value;

use crate::amend::is_among;
use crate::leftover::is_device;
use crate::machine::Turn;
use crate::reply::{Phrase, Reply};
use crate::session::{Call, Done};
use crate::spec::{Scope, TARGET};

/// So many letters at the beginning have a noun and its verb in common: "démarrage" and "démarrer".
const KIN: usize = 4;

/// Words before whom or what is not meant.
const DENIES: [Class; 4] = [Class::Denied, Class::Not, Class::Except, Class::Spare];

impl Turn<'_> {
    /// Asks whether to take back what was done last, if a text wishes that; false when it does not.
    pub(crate) fn takes_back(&mut self, text: &str, preface: &[Phrase]) -> bool {
        let waits = self.session.waits();
        let cx = self.context();
        // "cancel" alone is about a question, and takes nothing back.
        if waits || text.contains('?') || control(text, &cx) == Answer::Cancel || !self.commands(text).is_empty() {
            return false;
        }
        let mut done = self.session.done_last().to_vec();
        if done.is_empty() {
            return false;
        }
        let clauses: Vec<&str> =
            text.split([',', '.', ';', '!', '\n', '…']).filter(|one| !one.trim().is_empty()).collect();
        let mut wishes = clauses.iter().filter_map(|clause| Some((*clause, taken_back(clause, &cx)?)));
        let Some((clause, object)) = wishes.next() else { return false };
        // "it broke. revert to v2" says where to.
        // "revert it to v8"
        let tokens = cx.tokens(&object);
        let whereto = (0..tokens.len().min(2)).any(|at| cx.lexicon.longest(&tokens[at..], Class::To).is_some());
        if whereto || self.holds_command(clause) {
            return false;
        }
        // "don't undo that", but "annule le redémarrage" is no negation of what was done.
        let head = clause.strip_suffix(object.as_str()).unwrap_or(clause);
        let denied = frame(head, &cx).parts.iter().any(|part| part.stance == Stance::Negated);
        // "undo that, and stop web2 instead": more than that is wanted.
        let wishes_more = |one: &str| {
            let all = cx.tokens(one);
            let mut at = 0;
            while let Some(count) = cx.lexicon.longest_of(&all[at..], &[Class::And, Class::But, Class::Then]) {
                at += count;
            }
            let wish = all.get(at).map_or("", |first| &one[first.span.start..]);
            !self.commands(wish).is_empty() || begins_with_verb(wish, &cx)
        };
        // "undo, not cache"
        let denies = |one: &str| {
            let denied = cx.lexicon.holds(&cx.tokens(one), &DENIES);
            denied && !self.named_in(one).is_empty()
        };
        let more = clauses.iter().any(|one| *one != clause && (wishes_more(one) || denies(one)));
        if denied || more || wishes.next().is_some() {
            return false;
        }
        let all = self.in_one(&done);
        if self.is_other_than(&all, &object) || self.undoes_otherwise() {
            let phrase = Phrase::common("undo_other").with("what", self.label(&all));
            self.say(Reply::say(phrase));
            return true;
        }
        // "undo both", after one thing: that one, and it is said.
        let mut preface = preface.to_vec();
        let several = cx.lexicon.holds(&cx.tokens(&object), &[Class::Both, Class::All, Class::Everything]);
        if several && self.session.undo.len() > done.len() {
            preface.push(Phrase::common("undo_one_step"));
        }
        // "undo that and call it lent instead"
        let joint = (0..tokens.len()).find(|at| {
            let count = cx.lexicon.longest_of(&tokens[*at..], &[Class::And, Class::But, Class::Then]).unwrap_or(0);
            let names = |at: usize| tokens.get(at).is_some_and(|token| cx.known.has(Of::Machine, token.text).is_some());
            count > 0 && at + count < tokens.len() && !names(at + count)
        });
        if let Some(at) = joint {
            preface.push(Phrase::common("left_over").with("words", &object[tokens[at].span.start..]));
        }
        // "undo web1", after the same was done to web2 too.
        let named = grammar::corrected::named(&object, &self.machines_of(&all), &self.context());
        if !named.is_empty() {
            done.retain(|done| self.machines_of(&done.call).iter().any(|name| is_among(name, &named)));
        }
        // "undo the disk", after a start and a disk in one plan: that one.
        let of = |done: &Done| tokens.iter().any(|token| self.is_kin(&done.call, token));
        let some = done.iter().filter(|done| of(done)).count();
        if some > 0 && some < done.len() {
            done.retain(of);
        }
        // "undo the disk again, wrong machine. it should go to ci1"
        preface.extend(
            clauses
                .iter()
                .filter(|one| {
                    **one != clause && self.named_in(one).iter().any(|name| !is_among(name, &self.machines_of(&all)))
                })
                .map(|one| Phrase::not_followed(one.trim())),
        );
        self.control_undo(done, &preface);
        true
    }

    /// Whether a message that takes back what was done last says more than that: of whom or what else, when, whether, or that somebody
    /// else said so.
    pub(crate) fn undoes_otherwise(&self) -> bool {
        const TURNS: [Class; 11] = [
            Class::Ahead,
            Class::Person,
            Class::Ago,
            Class::Except,
            Class::Spare,
            Class::If,
            Class::Conditional,
            Class::Moment,
            Class::Offset,
            Class::Day,
            Class::Later,
        ];
        let done = self.session.done_last();
        if done.is_empty() {
            return false;
        }
        let cx = self.context();
        let call = self.in_one(done);
        let own = self.machines_of(&call);
        let vocabulary = self.heard.vocabulary("talk.undo");
        let text = self.session.trace.text.as_str();
        let undoes = |all: &[Token<'_>], at: usize| {
            let word = cx.lexicon.longest_of(&all[at..], &[Class::TakeBack, Class::Undo]).is_some();
            word || vocabulary.commands(&all[at]) && cx.lexicon.longest(&all[at..], Class::Verb).is_some()
        };
        // Where no word for it was said, all of it may be what is to be taken back.
        let all = cx.tokens(text);
        let whole = !(0..all.len()).any(|at| undoes(&all, at));
        let somebody =
            |token: &Token<'_>| self.is_person(token.text) && !token.text.eq_ignore_ascii_case(self.around.asker);
        // "bob said undo", "undo what bob did", "there is nothing to undo"
        // "undo what bob did", of whom nobody here has heard.
        let given =
            |token: &Token<'_>| call.args.values().any(|value| fold(&value.to_string()).contains(&token.folded));
        let unknown = |token: &Token<'_>| {
            let name = Of::ALL.iter().any(|of| cx.known.has(*of, token.text).is_some());
            token.folded.chars().all(char::is_alphabetic)
                && !cx.lexicon.contains(&token.folded)
                && !name
                && !given(token)
        };
        let from = (0..all.len()).find(|at| undoes(&all, *at)).map_or(all.len(), |at| at + 1);
        if (from..all.len()).any(|at| {
            let whose = all.get(at + 1).is_some_and(|next| cx.lexicon.is(&next.folded, Class::Possessive));
            unknown(&all[at]) && (whose || cx.lexicon.holds(&all[at - 1..at], &[Class::Question]))
        }) {
            return true;
        }
        if all.iter().any(somebody) || cx.lexicon.holds(&all, &[Class::Nothing]) {
            return true;
        }
        text.split([',', '.', ';', '!', '\n', '…', ':']).any(|clause| {
            let all = cx.tokens(clause);
            let undoes = |at: &usize| undoes(&all, *at);
            let found = (0..all.len()).find(undoes).or((whole && !self.named_in(clause).is_empty()).then_some(0));
            let Some(at) = found.filter(|_| !all.is_empty()) else {
                let depends = cx.lexicon.longest_of(&all, &[Class::If, Class::Conditional]).is_some();
                let denies = cx.lexicon.longest_of(&all, &DENIES).is_some() && !self.named_in(clause).is_empty();
                return denies || depends;
            };
            // "ah, that was for another machine undo the start": what is said before it says why.
            let (all, clause) = (&all[at..], &clause[all[at].span.start..]);
            let count = cx.lexicon.longest_of(all, &[Class::TakeBack, Class::Undo]).unwrap_or(1);
            let behind = &all[count..];
            let article = cx
                .lexicon
                .longest(behind, Class::Article)
                .filter(|_| cx.lexicon.longest(behind, Class::Last).is_none());
            let thing = article.and_then(|count| behind.get(count));
            let small = |token: &Token<'_>| {
                let known = cx.known.has(Of::Machine, token.text).is_some();
                let words = [
                    Class::Last,
                    Class::Deed,
                    Class::Noname,
                    Class::Machine,
                    Class::Filler,
                    Class::Polite,
                    Class::Thanks,
                    Class::Aside,
                ];
                known || self.is_kin(&call, token) || cx.lexicon.holds(std::slice::from_ref(token), &words)
            };
            let others = self.named_in(clause).iter().any(|name| !is_among(name, &own));
            // "défais rien"
            let nothing = cx.lexicon.longest_of(behind, &[Class::No, Class::Nothing]).is_some();
            // "undo twice", "undo the last two"
            let counts = (0..behind.len()).any(|at| {
                let number = |(_, digits): (usize, &str)| digits.parse::<u64>().is_ok_and(|number| number > 1);
                let both = cx.lexicon.longest(&behind[at..], Class::Both).is_some();
                !both
                    && (cx.lexicon.all(&behind[at..], Class::Number).any(number)
                        || behind[at].folded.starts_with(|c: char| c.is_ascii_digit()))
            });
            others || nothing || counts || thing.is_some_and(|token| !small(token)) || cx.lexicon.holds(all, &TURNS)
        })
    }

    /// What was done in one go as one call, for all its machines.
    pub(crate) fn in_one(&self, done: &[Done]) -> Call {
        let mut call = done.last().map(|done| done.call.clone()).unwrap_or_default();
        let names: Vec<String> = done.iter().flat_map(|done| self.machines_of(&done.call)).collect();
        if names.len() > 1 && call.args.contains_key(TARGET) {
            call.args.insert(TARGET.to_owned(), Value::Machines(Selector::Names(names)));
        }
        call
    }

    /// Whether what is to be taken back is said to be something else than this: of another machine, or another deed.
    fn is_other_than(&self, call: &Call, object: &str) -> bool {
        let cx = self.context();
        let all = cx.tokens(object);
        let mut own = self.machines_of(call);
        if own.is_empty() && self.around.scope == Scope::Machine {
            own.push(self.around.entity.to_owned());
        }
        let named = grammar::corrected::named(object, &own, &cx);
        if named.iter().any(|name| !is_among(name, &own)) {
            return true;
        }
        // "undo the first", "défais l'autre"
        let ordinal = |at: usize| cx.lexicon.all(&all[at..], Class::Ordinal).any(|(_, which)| which != "last");
        if (0..all.len()).any(ordinal) || cx.lexicon.holds(&all, &[Class::Other, Class::Others]) {
            return true;
        }
        // "undo the move of vda", after that of vdb.
        let slots = self.spec(call).map_or(&[][..], |spec| spec.slots);
        let denied = cx.lexicon.holds(&all, &DENIES);
        let differs = |token: &Token<'_>| {
            slots.iter().any(|slot| match (slot.kind, call.args.get(slot.name)) {
                (Kind::Name(of) | Kind::NewName(of), Some(Value::Name(own))) => {
                    let known = cx.known.has(of, token.text).is_some() || of == Of::Disk && is_device(&token.folded);
                    let own = fold(own);
                    // "not vdc, vdb"
                    known && token.folded != own && (denied || !all.iter().any(|said| said.folded == own))
                }
                _ => false,
            })
        };
        // "fast" is a word as any other where no place is spoken of.
        let placed = |at: usize| cx.lexicon.longest_before_of(&all[..at], &[Class::Where, Class::To]).is_some();
        let of_things = |at: &usize| all.len() == 1 || placed(*at) || !cx.lexicon.contains(&all[*at].folded);
        if (0..all.len()).filter(of_things).any(|at| differs(&all[at])) {
            return true;
        }
        // "défais le dernier disque", after a start.
        let foreign = |token: &Token<'_>| {
            let names = cx.known.has(Of::Machine, token.text).is_some()
                || cx.lexicon.holds(std::slice::from_ref(token), &[Class::Deed]);
            let small = [Class::Ordinal, Class::Question, Class::Person, Class::Last];
            !names
                && !cx.lexicon.holds(std::slice::from_ref(token), &small)
                && self.spec(call).is_some_and(|spec| self.is_thing_of_another(spec, token))
        };
        if all.iter().any(foreign) {
            return true;
        }
        let title = self.title_words(&call.skill);
        let deeds: Vec<&Token<'_>> = (0..all.len())
            .filter(|at| cx.lexicon.longest_of(&all[*at..], &[Class::Deed, Class::Verb, Class::Doing]).is_some())
            .map(|at| &all[at])
            .collect();
        let own = deeds.iter().any(|deed| self.is_kin(call, deed));
        !deeds.is_empty() && !own && !all.iter().any(|token| title.contains(&token.folded))
    }

    /// Whether a word is of the family of those for what a call does: "démarrage" of "démarrer".
    fn is_kin(&self, call: &Call, token: &Token<'_>) -> bool {
        let word = token.folded.as_str();
        let most = |known: &str| KIN.max(known.len().min(word.len()).saturating_sub(2));
        let mut words = self.title_words(&call.skill);
        words.extend(self.heard.topics().words_of(&call.skill).map(fold));
        words.iter().any(|known| known == word || common(known, word) >= most(known))
    }
}

/// How many letters two words begin with alike.
fn common(one: &str, other: &str) -> usize {
    one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count()
}

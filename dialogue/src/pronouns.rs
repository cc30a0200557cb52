//! "it" is what this message names; else what was just spoken of. What disturbs a machine that only a pronoun names is asked about by name.

use std::collections::BTreeSet;

use grammar::frame::Part;
use grammar::kind::{Kind, Of};
use grammar::known::squeeze;
use grammar::lexicon::Class;
use grammar::read;
use grammar::selector::{LAST, Selector};
use grammar::token::{Token, gap};
use grammar::value::Value;
use jiff::{SignedDuration, Timestamp};

use crate::amend::is_among;
use crate::conditions;
use crate::follow::is_about;
use crate::machine::{Planning, Turn};
use crate::meant::is_compared;
use crate::policy::Path;
use crate::session::Call;
use crate::slots::missing;
use crate::spec::{Category, Danger, Scope, Spec, TARGET};

/// How long another machine that was named, or a thing, may still be "it".
const ANOTHER: SignedDuration = SignedDuration::from_mins(10);

/// So many words after a pronoun may belong to it: "la base de données".
const NEAR: usize = 3;

/// Whether a call means its machine by a word that points back.
fn points_back(call: &Call) -> bool {
    matches!(call.args.get(TARGET), Some(Value::Machines(Selector::It | Selector::Same)))
}

impl Turn<'_> {
    /// Where the sentence ends that has a verb of a skill; `None` where none has.
    fn end_of_wish(&self, text: &str, skill: &str) -> Option<usize> {
        let cx = self.context();
        let vocabulary = self.heard.vocabulary(skill);
        let all = cx.tokens(text);
        let verb = all.iter().find(|token| vocabulary.commands(token) && cx.lexicon.is(&token.folded, Class::Verb))?;
        let end = text[verb.span.end..].find(['.', '!', '?', ';', '\n']).map_or(text.len(), |at| verb.span.end + at);
        // "turn it on, and check whether web1 is ok"
        let joined = all.iter().enumerate().find(|(at, token)| {
            token.span.start > verb.span.end
                && cx.lexicon.longest(&all[*at..], Class::And).is_some_and(|and| {
                    all.get(at + and).is_some()
                        && cx
                            .lexicon
                            .longest_of(&all[at + and..], &[Class::Verb, Class::Asking, Class::Question])
                            .is_some()
                })
        });
        Some(joined.map_or(end, |(_, token)| end.min(token.span.start)))
    }

    /// Has "it" be the machine that the call before names, else the only one that the message names; where it names several, nobody is meant.
    ///
    /// True where a wish that names nobody was taken to be about who the wish before it is: that is asked about.
    pub(crate) fn name_its(&self, text: &str, calls: &mut [Call]) -> bool {
        let mut taken_over = false;
        let mut last: Option<Value> = None;
        let spoken = self.machines_of_all(calls);
        let mut asked_only = true;
        let mut before: Vec<String> = Vec::new();
        // Whom a wish is for, or on whom it depends.
        let whom = |call: &Call| {
            let condition = conditions::of(call).and_then(|condition| condition.machine);
            self.machines_of(call).into_iter().chain(condition).collect()
        };
        let explicit: Vec<Vec<String>> = calls.iter().map(whom).collect();
        for (index, call) in calls.iter_mut().enumerate() {
            // "start it, and pause web1": that one is named for another wish, behind it.
            let later = |name: &String| {
                let among = |calls: &[Vec<String>]| calls.iter().any(|names| is_among(name, names));
                !among(&explicit[..index]) && among(&explicit[index + 1..])
            };
            if points_back(call) {
                let one = |value: &Value| matches!(value, Value::Machines(Selector::Names(names)) if names.len() == 1);
                // "web1 is slow, web2 is down. reboot it": only the first of them was asked about, and nobody knows which is meant.
                let unclear = || asked_only && self.named_in(text).iter().any(|name| !is_among(name, &spoken));
                let said = last.clone().filter(|said| (one(said) && !unclear()) || self.means_many(text));
                let named = said.or_else(|| {
                    let mut names = self.named_in(text);
                    // "web2 is slow, reboot it if web1 is up"
                    let depends = conditions::of(call).and_then(|condition| condition.machine);
                    if names.len() > 1 {
                        names.retain(|name| depends.as_ref().is_none_or(|depends| !name.eq_ignore_ascii_case(depends)));
                    }
                    let topic = self.last_about().filter(|topic| topic.len() == 1);
                    let all = names.len();
                    names.retain(|name| topic.as_ref().is_none_or(|topic| is_among(name, topic)) || !later(name));
                    // "start it again. and db1, is that off?": who is named only behind the wish is not it.
                    if let Some(end) = self.end_of_wish(text, &call.skill) {
                        let before = self.named_in(&text[..end]);
                        names.retain(|name| before.contains(name));
                    }
                    if names.is_empty() && all > 0 && !self.means_many(text) {
                        let one = self.session.spoken_before.first().filter(|names| names.len() == 1);
                        return one.map(|names| Value::Machines(Selector::Names(names.clone())));
                    }
                    match names.len() {
                        0 => call.args.get(TARGET).cloned(),
                        // "reboot them, web1 first": one is not them.
                        1 if self.means_many(text) => call.args.get(TARGET).cloned(),
                        // "web1 and web2 are slow, reboot them"
                        count if count == 1 || self.means_many(text) => {
                            Some(Value::Machines(Selector::Names(names.into_iter().collect())))
                        }
                        _ => None,
                    }
                });
                match named {
                    Some(value) => call.args.insert(TARGET.to_owned(), value),
                    None => call.args.remove(TARGET),
                };
            }
            // "start lent and take a snapshot"
            if let Some(value) = last.as_ref().filter(|_| self.is_about_the_last(text, call)) {
                call.args.insert(TARGET.to_owned(), value.clone());
                taken_over = true;
            }
            // "pause web2, snapshot db1, then reboot the first": of those that the message named before.
            if let Some(Value::Machines(Selector::Nth(numbers))) = call.args.get(TARGET) {
                let one = |number: &usize| match *number {
                    LAST => before.last().cloned(),
                    number => before.get(number.checked_sub(1)?).cloned(),
                };
                let names: Option<Vec<String>> = numbers.iter().map(one).collect();
                if let Some(names) = names.filter(|_| before.len() > 1) {
                    call.args.insert(TARGET.to_owned(), Value::Machines(Selector::Names(names)));
                }
            }
            if let Some(Value::Machines(Selector::Others(count))) = call.args.get(TARGET).cloned() {
                let named = self.named_in(text).into_iter().collect::<Vec<_>>();
                let others = if named.is_empty() { None } else { self.others_than(&named, count) };
                if let Some(others) = others {
                    call.args.insert(TARGET.to_owned(), others);
                }
            }
            if let Some(names @ Value::Machines(Selector::Names(_))) = call.args.get(TARGET) {
                last = Some(names.clone());
            }
            for name in self.machines_of(call) {
                if !before.contains(&name) {
                    before.push(name);
                }
            }
            asked_only &= !self.may_change(call);
        }
        taken_over
    }

    /// Whether a wish that can be taken back names nobody, in a message that names one machine.
    fn is_about_the_last(&self, text: &str, call: &Call) -> bool {
        let gentle = |spec: &&Spec| spec.danger == Danger::Reversible;
        let unnamed = |spec: &Spec| missing(spec, call, self.around.scope).iter().any(|slot| slot == TARGET);
        self.named_in(text).len() == 1 && self.spec(call).filter(gentle).is_some_and(unnamed)
    }

    /// "shut it down like web1": of whom a machine named behind the pronoun says something else is, nobody is meant.
    pub(crate) fn named_behind(&self, text: &str, call: &mut Call) {
        let cx = self.context();
        let all = cx.tokens(text);
        let named = |at: usize| cx.known.has(Of::Machine, all[at].text).is_some();
        let verb = |at: usize| cx.lexicon.holds(&all[at..=at], &[Class::Verb]);
        // "reboot like web2 did", "stop web1 the way you stopped web2"
        let likened: Vec<&str> = (1..all.len())
            .filter(|at| named(*at) && is_compared(&all[*at].span, text, &cx))
            .map(|at| all[at].text)
            .collect();
        if self.may_change(call)
            && let Some(Value::Machines(Selector::Names(names))) = call.args.get_mut(TARGET)
        {
            names.retain(|name| !likened.iter().any(|likened| name.eq_ignore_ascii_case(likened)));
            if names.is_empty() {
                call.args.remove(TARGET);
            }
        }
        let pointed = (1..all.len())
            .find(|at| verb(at - 1) && cx.lexicon.longest(&all[*at..], Class::It).is_some() && !named(*at));
        let Some(first) = (0..all.len()).find(|at| named(*at)) else { return };
        let compares =
            first > 0 && !cx.lexicon.holds(&all[first - 1..first], &[Class::Article, Class::Verb, Class::Machine]);
        let ends = |at: usize| {
            gap(text, &all, at).contains([',', ':', ';', '.', '!', '?'])
                || cx.lexicon.longest(&all[at..], Class::And).is_some()
        };
        let marked = pointed.is_some_and(|from| (from + 1..=first).any(ends));
        let own = matches!(call.args.get(TARGET), Some(Value::Machines(Selector::Names(names))) if names.len() == 1);
        if own && self.may_change(call) && compares && !marked && pointed.is_some_and(|at| at < first) {
            call.args.remove(TARGET);
        }
    }

    /// "stop, and web2 as well", "stop yourself and web2", said to a machine: that one too.
    pub(crate) fn with_itself(&self, call: &mut Call) {
        let own = self.around.entity;
        if self.around.scope != Scope::Machine || !self.may_change(call) {
            return;
        }
        let cx = self.context();
        let text = self.session.trace.text.as_str();
        let all = cx.tokens(text);
        let Some(Value::Machines(Selector::Names(names))) = call.args.get_mut(TARGET) else { return };
        let Some(first) = all
            .iter()
            .position(|token| cx.known.has(Of::Machine, token.text).is_some_and(|name| is_among(&name, names)))
        else {
            return;
        };
        // A verb or "yourself" before the "and" before the first of them, "the" and "you too" aside.
        const SMALL: [Class; 4] = [Class::Article, Class::Machine, Class::You, Class::Also];
        let mut also = all.get(first + 1..).and_then(|rest| cx.lexicon.longest(rest, Class::Also)).is_some();
        let mut first = first;
        let small = |before: &[Token]| {
            SMALL.iter().find_map(|class| cx.lexicon.longest_before(before, *class).map(|count| (*class, count)))
        };
        while let Some((class, count)) = small(&all[..first]) {
            first -= count;
            also |= class == Class::Also;
        }
        let and = cx.lexicon.longest_before(&all[..first], Class::And).unwrap_or(0);
        let apart = first > 0 && gap(text, &all, first - and.min(first)).contains(',');
        let before = &all[..first - and.min(first)];
        let verb = cx.lexicon.longest(before, Class::Verb);
        let alone = verb == Some(before.len()) || cx.lexicon.holds(before, &[Class::Myself]);
        if !is_among(own, names) && alone && !before.is_empty() && (and > 0 || also && apart) {
            names.insert(0, own.to_owned());
        }
    }

    /// All machines but these: "the others". Of those that were listed, where as many are left as were said; `None` where nobody was
    /// spoken of, or not so many are left.
    pub(crate) fn others_than(&self, spoken: &[String], count: Option<u64>) -> Option<Value> {
        if spoken.is_empty() {
            return None;
        }
        let Some(count) = count else {
            let mut all = Selector::All;
            all.leave_out(spoken);
            return Some(Value::Machines(all));
        };
        let left = |names: &[String]| {
            let left: Vec<String> = names.iter().filter(|name| !is_among(name, spoken)).cloned().collect();
            (u64::try_from(left.len()) == Ok(count)).then_some(Value::Machines(Selector::Names(left)))
        };
        let listed = spoken.iter().all(|name| is_among(name, &self.session.listed));
        let of_the_list = if listed { left(&self.session.listed) } else { None };
        of_the_list.or_else(|| left(&self.around.known.names(Of::Machine)))
    }

    /// Whether a text has a word for several: "them". French "les" is one unless a noun follows: "les users".
    pub(crate) fn means_many(&self, text: &str) -> bool {
        const AFTER: [Class; 8] = [
            Class::Polite,
            Class::Slack,
            Class::Then,
            Class::And,
            Class::Now,
            Class::Both,
            Class::All,
            Class::Infinitive,
        ];
        let cx = self.context();
        let all = cx.tokens(text);
        (0..all.len()).any(|at| {
            let many = cx.lexicon.all(&all[at..], Class::It).filter(|(_, what)| *what == "many");
            let Some(next) = many.map(|(count, _)| at + count).max() else { return false };
            let article = cx.lexicon.longest(&all[at..], Class::Article).is_some();
            let ends = next >= all.len() || !gap(text, &all, next).trim().is_empty();
            !article || ends || cx.lexicon.longest_of(&all[next..], &AFTER).is_some()
        })
    }

    /// Whether a word stands for what was last spoken of: "it".
    pub(crate) fn is_pronoun(&self, word: &str) -> bool {
        let cx = self.context();
        cx.lexicon.longest(&cx.tokens(word), Class::It).is_some()
    }

    /// Machines that a text names.
    pub(crate) fn named_in(&self, text: &str) -> BTreeSet<String> {
        let found = read::find(Kind::Machines, text, &self.context()).into_iter();
        found
            .filter_map(|found| match found.value {
                Value::Machines(Selector::Names(names)) => Some(names),
                _ => None,
            })
            .flatten()
            .collect()
    }

    /// Whether only what was spoken of before says which machine a call would disturb. Said to a machine itself, that one is meant.
    pub(crate) fn is_only_pointed_at(&self, spec: &Spec, call: &Call) -> bool {
        let back = matches!(
            call.args.get(TARGET),
            Some(Value::Machines(Selector::It | Selector::Same | Selector::Nth(_) | Selector::Others(_)))
        );
        let recent = |at: Option<Timestamp>| at.is_some_and(|at| self.now().duration_since(at) < ANOTHER);
        let others = || recent(self.session.others);
        let here = self.around.scope == Scope::Machine;
        let text = self.session.trace.text.as_str();
        let both = || self.heard.lexicon.holds(&self.context().tokens(text), &[Class::Both]);
        let many = || self.means_many(text) || both();
        back && match spec.danger {
            Danger::Read => false,
            _ if spec.category == Category::Power && recent(self.session.thing) => true,
            Danger::Reversible => here && (others() || many()),
            _ => !here || others() || many(),
        }
    }

    /// Remembers whether a machine or something of it was spoken of: after "do you start with the host?", "turn that on" is no start.
    pub(crate) fn note_thing(&mut self, calls: &[Call]) {
        const OF_A_MACHINE: [Category; 3] = [Category::Power, Category::Know, Category::Fleet];
        // What a skill is about stands first in its id: a job is no machine.
        const MACHINES: [&str; 3] = ["vm.", "host.", "fleet."];
        let here = self.around.scope == Scope::Machine;
        // "is nginx running?", where no machine is called so.
        let unknown =
            |call: &Call| self.machines_of(call).iter().any(|name| self.around.known.has(Of::Machine, name).is_none());
        let of_a_machine = |call: &Call| {
            let built = |spec: &Spec| !spec.planned || spec.category == Category::Know && spec.has_target();
            // Said to a machine, what is about no machine is about its host, or others.
            let own = |spec: &Spec| !here || spec.slots.iter().any(is_about) || spec.category == Category::Power;
            let of = |spec: &Spec| {
                OF_A_MACHINE.contains(&spec.category) && MACHINES.iter().any(|of| spec.id.starts_with(of)) && own(spec)
                    || !self.machines_of(call).is_empty()
            };
            self.spec(call).is_some_and(|spec| of(spec) && built(spec)) && !unknown(call)
        };
        let courtesy = |call: &Call| self.spec(call).is_some_and(|spec| spec.category == Category::Talk);
        if calls.is_empty() || !calls.iter().all(courtesy) {
            let thing = self.session.unheard || !calls.iter().all(of_a_machine);
            self.session.thing = thing.then(|| self.now());
        }
    }

    /// The same of what nobody understood: it may have been about anything, unless it names a machine or points at one.
    pub(crate) fn note_anything(&mut self) {
        let (text, cx) = (self.session.trace.text.as_str(), self.context());
        if !cx.lexicon.holds(&cx.tokens(text), &[Class::It]) && self.named_in(text).is_empty() {
            self.session.thing = Some(self.now());
        }
    }

    /// Whether a question that was understood as a skill's speaks of something that has nothing to do with it: "is nginx alright?"
    pub(crate) fn has_unheard(&self, skill: &str, text: &str) -> bool {
        const SHORTEST: usize = 3;
        let cx = self.context();
        let vocabulary = self.heard.vocabulary(skill);
        let known = |token: &Token<'_>| {
            let named = Of::ALL.iter().any(|of| cx.known.has(*of, token.text).is_some());
            named || cx.known.has_piece(Of::Machine, &squeeze(token.text))
        };
        let word = |token: &Token<'_>| {
            token.folded.chars().count() >= SHORTEST && token.folded.chars().all(char::is_alphabetic)
        };
        let strange = |token: &Token<'_>| !cx.lexicon.contains(&token.folded) && !vocabulary.has(token);
        let foreign =
            |token: &Token<'_>| strange(token) || !vocabulary.commands(token) && self.commands_another(skill, token);
        cx.tokens(text).iter().any(|token| word(token) && !known(token) && foreign(token))
    }

    /// The machine that a bare "start" is about: the only one that was just spoken of, and it is asked about by its name. None when the
    /// message names any, or has a word that nobody could place.
    pub(crate) fn goes_unsaid(&self, spec: &Spec, call: &Call, planning: &Planning) -> Option<String> {
        let plain = planning.path == Path::Command && planning.preface.is_empty() || spec.danger == Danger::Reversible;
        let bare = plain && planning.calls.len() == 1;
        let missing = missing(spec, call, self.around.scope);
        let text = self.session.trace.text.as_str();
        if !bare || missing != [TARGET] || spec.danger == Danger::Read || !self.named_in(text).is_empty() {
            return None;
        }
        match self.session.focus.first().map(Vec::as_slice) {
            Some([name]) => Some(name.clone()),
            _ => None,
        }
    }

    /// "restart the server of prod", "pause the one that has two disks": what can't be placed, or a clause, may say which machine is meant.
    /// Then it is nobody who was spoken of before.
    pub(crate) fn unplaced_target(&self, call: &mut Call, part: &Part, left_over: &[String]) {
        let cx = self.context();
        let all = cx.tokens(&part.text);
        let long = |at: usize, class| cx.lexicon.longest(&all[at..], class).unwrap_or(0);
        let said = part.text.as_str();
        let ends = |at: usize| gap(said, &all, at).contains([',', ';', '.', '!', ':']);
        // "them both" and "it first" say how, not whom.
        let strange = |at: usize| {
            let token = &all[at];
            long(at, Class::Weighs) == 0
                && left_over.iter().any(|words| words.split_whitespace().any(|word| word == token.text))
        };
        let described = (0..all.len()).any(|at| {
            let next = at + long(at, Class::It).max(long(at, Class::Machine));
            let clause = next > at && next < all.len() && long(next, Class::Which) > 0;
            let mut near = (next..all.len().min(next + NEAR)).take_while(|at| !ends(*at));
            next > at && (clause || near.any(strange))
        });
        // "the one that's still off, start that"
        let told = (0..all.len()).any(|at| {
            let one = long(at, Class::Theone);
            one > 0 && at + one < all.len() && long(at + one, Class::Which) > 0
        });
        if self.around.scope != Scope::Machine && self.may_change(call) && points_back(call) && (described || told) {
            call.args.remove(TARGET);
        }
    }

    /// Whoever is named is spoken of, whatever was understood: "it" is not somebody from before.
    pub(crate) fn note_topic(&mut self, text: &str, before: &[Vec<String>]) {
        if self.around.scope != Scope::Machine && self.session.focus == before {
            self.session.focus_on(self.named_in(text).into_iter().collect());
        }
    }

    /// Remembers that somebody speaks to one machine of another: "it" may then be that one.
    pub(crate) fn note_others(&mut self, text: &str) {
        if self.around.scope != Scope::Machine {
            return;
        }
        let named = self.named_in(text);
        let own = named.iter().any(|name| name.eq_ignore_ascii_case(self.around.entity));
        match (named.is_empty(), own && named.len() == 1) {
            (true, _) => {}
            (false, true) => self.session.others = None,
            (false, false) => self.session.others = Some(self.now()),
        }
    }
}

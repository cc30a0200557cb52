//! Which of several wishes, and in what order: "stop web1, snapshot it first", "stop web1 and reboot db1, actually only the first".

use grammar::answer::{Answer, answer};
use grammar::clause::spans;
use grammar::frame::Part;
use grammar::kind::{Kind, Of};
use grammar::lexicon::Class;
use grammar::read;
use grammar::selector::{LAST, Selector};
use grammar::token::gap;
use grammar::value::Value;

use crate::amend::is_among;
use crate::machine::Turn;
use crate::policy::Path;
use crate::session::Call;
use crate::spec::TARGET;

/// Off and on, and both in one.
pub(crate) const OFF: &str = "vm.shutdown";
pub(crate) const ON: &str = "vm.start";
pub(crate) const ANEW: &str = "vm.reboot";

/// Words between wishes and what picks some of them.
const TURNING: [Class; 9] = [
    Class::Recants,
    Class::Meant,
    Class::Hedge,
    Class::But,
    Class::Aside,
    Class::Polite,
    Class::No,
    Class::Article,
    Class::Item,
];

impl Turn<'_> {
    /// "snapshot it first": the wish without the word that puts it before what was said before it. None where no such word stands at
    /// one of its ends.
    pub(crate) fn without_ahead<'t>(&self, text: &'t str) -> Option<&'t str> {
        let cx = self.context();
        let text = text.trim().trim_end_matches(['.', '!', ',']).trim_end();
        let all = cx.tokens(text);
        if let Some(count) = cx.lexicon.longest(&all, Class::Ahead).filter(|count| *count < all.len()) {
            return Some(&text[all[count].span.start..]);
        }
        let count = cx.lexicon.longest_before(&all, Class::Ahead).filter(|count| *count < all.len())?;
        Some(text[..all[all.len() - count - 1].span.end].trim_end_matches([',', ' ']))
    }

    /// Whether a text begins with that word, and whatever joins it to what was said before: "but first".
    pub(crate) fn leads_ahead(&self, text: &str) -> bool {
        const JOINS: [Class; 4] = [Class::And, Class::But, Class::Slack, Class::Aside];
        let cx = self.context();
        let all = cx.tokens(text);
        let ahead = |at: usize| cx.lexicon.longest(&all[at..], Class::Ahead).filter(|count| at + count < all.len());
        let mut at = 0;
        while at < all.len() && ahead(at).is_none() {
            match cx.lexicon.longest_of(&all[at..], &JOINS) {
                Some(count) => at += count,
                // "démarre d'abord db2"
                None if at == 0 => at += cx.lexicon.longest(&all, Class::Verb).unwrap_or(all.len()),
                None => break,
            }
        }
        // "stop web1, start the first": after a verb, that is one of them.
        let verb = cx.lexicon.longest(&all, Class::Verb).is_some_and(|count| count == at);
        let counts = at < all.len() && cx.lexicon.longest(&all[at..], Class::Ordinal).is_some();
        at < all.len() && ahead(at).is_some() && !(verb && counts)
    }

    /// The part without that word, if it is a command then and none with it.
    pub(crate) fn ahead(&self, part: &Part) -> Option<Part> {
        let wish = self.without_ahead(&part.text).filter(|wish| self.commands(wish).len() == 1)?;
        Some(Part { text: wish.to_owned(), raw: wish.to_owned(), ..part.clone() })
    }

    /// What picks some of the wishes before it, at the end of a part: "reboot db1, in fact only the first".
    pub(crate) fn picks_behind(&self, part: &Part) -> Option<(Part, Part)> {
        let cx = self.context();
        let text = part.raw.as_str();
        let all = cx.tokens(text);
        let marked = |at: &usize| {
            let gap = gap(text, &all, *at);
            gap.contains([',', ';', ':', '\u{2013}', '\u{2014}']) || gap.trim() == "-"
        };
        let at = (1..all.len()).filter(marked).find(|at| {
            let behind = &text[all[*at].span.start..];
            self.picked_wishes(behind).is_some() || self.named_first(behind).is_some()
        })?;
        let cut = |text: &str| Part { text: text.to_owned(), raw: text.to_owned(), ..part.clone() };
        let head = &text[..all[at - 1].span.end];
        let head = frame_one(head, self).filter(|part| self.holds_command(head) || self.several(part).is_some())?;
        Some((head, cut(&text[all[at].span.start..])))
    }

    /// "db1 first": the same wishes with that machine's before the others'. None where a text says anything else.
    pub(crate) fn with_first(&self, text: &str, calls: &[Call]) -> Option<Vec<Call>> {
        // "the other way round, db1 first"
        let clause = || text.rsplit(',').next();
        let first = self.named_first(text).or_else(|| self.named_first(clause()?));
        let last_of = |text| self.named_alone(text, |said| self.without_last(said));
        let last = || last_of(text).or_else(|| last_of(clause()?));
        let (names, ahead) = match first {
            Some(names) => (names, true),
            None => (last()?, false),
        };
        let own = self.machines_of_all(calls);
        if !names.iter().all(|name| is_among(name, &own)) || own.len() <= names.len() {
            return None;
        }
        let is_first = |name: &String| is_among(name, &names) == ahead;
        match calls {
            [call] => {
                let (first, later): (Vec<String>, Vec<String>) = own.into_iter().partition(is_first);
                let mut call = call.clone();
                call.args.insert(TARGET.to_owned(), Value::Machines(Selector::Names([first, later].concat())));
                Some(vec![call])
            }
            calls => {
                let is = |call: &&Call| self.machines_of(call).iter().any(|name| is_among(name, &names)) == ahead;
                let (first, later): (Vec<&Call>, Vec<&Call>) = calls.iter().partition(is);
                Some(first.into_iter().chain(later).cloned().collect())
            }
        }
    }

    /// "db1" of "db1 last".
    fn without_last<'t>(&self, text: &'t str) -> Option<&'t str> {
        let cx = self.context();
        let all = cx.tokens(text);
        let ends = |at: usize, (count, which): (usize, &str)| which == "last" && at + count == all.len();
        let last = |at: &usize| cx.lexicon.all(&all[*at..], Class::Ordinal).any(|found| ends(*at, found));
        let at = (1..all.len()).find(last)?;
        // "en dernier"
        let small = cx.lexicon.holds(&all[at - 1..at], &[Class::In, Class::Article, Class::Noname]);
        let end = at - usize::from(small);
        Some(&text[..all[end.checked_sub(1)?].span.end])
    }

    /// The machines that a text names, and says to come first, and nothing else.
    fn named_first(&self, text: &str) -> Option<Vec<String>> {
        self.named_alone(text, |said| self.without_ahead(said))
    }

    /// The machines that are all that a text names beside such words, and words that turn.
    fn named_alone<'t>(&self, text: &'t str, rest: impl Fn(&'t str) -> Option<&'t str>) -> Option<Vec<String>> {
        const BEFORE: [Class; 3] = [Class::Yes, Class::And, Class::Filler];
        let cx = self.context();
        let all = cx.tokens(text);
        let ahead = |at: usize| cx.lexicon.longest(&all[at..], Class::Ahead).is_some();
        let small = |at: usize| cx.lexicon.longest_of(&all[at..], &[TURNING.as_slice(), &BEFORE].concat());
        let named = |at: usize| cx.known.has(Of::Machine, all[at].text).is_some();
        let mut at = 0;
        while at < all.len() && !ahead(at) && !named(at) {
            at += small(at)?;
        }
        let mut end = all.len();
        let behind = |end: usize| {
            let before = |class: &Class| cx.lexicon.longest_before(&all[at..end], *class);
            [Class::Polite, Class::Aside, Class::Meant, Class::Hedge, Class::Recants].iter().filter_map(before).max()
        };
        while end > at
            && let Some(count) = behind(end)
        {
            end -= count;
        }
        let said = &text[all.get(at)?.span.start..all.get(end.checked_sub(1)?)?.span.end];
        match read::parse(Kind::Machines, rest(said)?, &cx)? {
            Value::Machines(Selector::Names(names)) => {
                let known = names.iter().all(|name| cx.known.has(Of::Machine, name).is_some());
                known.then_some(names)
            }
            _ => None,
        }
    }

    /// What is said to be alone meant, without the words that say so: "the first", "web1".
    fn picked_wishes(&self, text: &str) -> Option<String> {
        let cx = self.context();
        let all = cx.tokens(text);
        let (mut at, mut only) = (0, false);
        while at < all.len() {
            let picks = cx.lexicon.longest(&all[at..], Class::Only).unwrap_or(0);
            let turns = cx.lexicon.longest_of(&all[at..], &TURNING).unwrap_or(0);
            let number = cx.lexicon.longest(&all[at..], Class::Ordinal).unwrap_or(0);
            if picks.max(turns) == 0 || number >= picks.max(turns) {
                break;
            }
            only |= picks > 0;
            at += picks.max(turns);
        }
        let rest = text[all.get(at).filter(|_| only)?.span.start..].to_owned();
        let known = |names: &Vec<String>| names.iter().all(|name| cx.known.has(Of::Machine, name).is_some());
        let named = matches!(read::parse(Kind::Machines, &rest, &cx), Some(Value::Machines(Selector::Names(names))) if known(&names));
        let picks = named || matches!(answer(&rest, &cx), Answer::Nth(_));
        picks.then_some(rest)
    }

    /// Those of some wishes that a text picks by their number or their machine.
    pub(crate) fn only_some(&self, text: &str, calls: &[Call]) -> Option<Vec<Call>> {
        let cx = self.context();
        let rest = self.picked_wishes(text)?;
        let named = match read::parse(Kind::Machines, &rest, &cx) {
            Some(Value::Machines(Selector::Names(names))) => Some(names),
            _ => None,
        };
        if let Some(names) = named {
            let own = self.machines_of_all(calls);
            if !names.iter().all(|name| is_among(name, &own)) {
                return None;
            }
            let left = calls.iter().filter_map(|call| self.for_these(call, &names)).collect::<Vec<_>>();
            return (!left.is_empty()).then_some(left);
        }
        let Answer::Nth(numbers) = answer(&rest, &cx) else { return None };
        let of = |count: usize| -> Option<Vec<usize>> {
            let index = |number: &usize| if *number == LAST { count.checked_sub(1) } else { number.checked_sub(1) };
            numbers.iter().map(|number| index(number).filter(|at| *at < count)).collect()
        };
        match calls {
            [call] => {
                let names = self.machines_of(call);
                let picked: Vec<String> = of(names.len())?.into_iter().map(|at| names[at].clone()).collect();
                Some(vec![self.for_these(call, &picked)?])
            }
            calls => Some(of(calls.len())?.into_iter().map(|at| calls[at].clone()).collect()),
        }
    }

    /// "no wait, cache is still in use, leave it": a plan without the one machine of it that is named before it is left.
    pub(crate) fn left_by_it(&self, text: &str, calls: &[Call]) -> Option<Vec<Call>> {
        let cx = self.context();
        let spans = spans(text, &[Class::And, Class::But], &cx);
        let (last, before) = spans.split_last().filter(|(_, before)| !before.is_empty())?;
        let all = cx.tokens(&text[last.clone()]);
        let leaves = cx.lexicon.longest_of(&all, &[Class::Untouched, Class::Spare])?;
        let it = cx.lexicon.longest(all.get(leaves..)?, Class::It)?;
        let alone = &all[leaves + it..];
        let whole =
            alone.is_empty() || cx.lexicon.longest_of(alone, &[Class::Alone, Class::Polite]) == Some(alone.len());
        let named = self.named_in(&text[..before.last()?.end]);
        let own = self.machines_of_all(calls);
        let one = named.first().filter(|name| named.len() == 1 && is_among(name, &own))?;
        let kept: Vec<String> = own.iter().filter(|name| *name != one).cloned().collect();
        let left: Vec<Call> = calls.iter().filter_map(|call| self.for_these(call, &kept)).collect();
        (whole && !left.is_empty() && !self.holds_command(&text[..last.start])).then_some(left)
    }

    /// "mets-les en pause toutes les deux", "turn them off, both of them": the command for two, which a word at its end says once more.
    pub(crate) fn for_both(&self, text: &str) -> Option<Call> {
        let cx = self.context();
        let all = cx.tokens(text);
        let count = cx.lexicon.longest_before(&all, Class::Both).filter(|count| *count < all.len())?;
        let before = &all[all.len() - count - 1];
        let [(call, Path::Command)] = &self.commands(text[..before.span.end].trim_end_matches([',', ' ']))[..] else {
            return None;
        };
        let pointed = matches!(call.args.get(TARGET), Some(Value::Machines(Selector::It)));
        let mut call = call.clone();
        call.args.insert(TARGET.to_owned(), Value::Machines(Selector::Nth(vec![1, 2])));
        pointed.then_some(call)
    }

    /// "stop web1 and start it again" is a reboot: a start after a shutdown that was only asked for would come too soon. Whether there is one.
    pub(crate) fn off_and_on(&self, calls: &mut Vec<Call>) -> bool {
        let is = |call: &Call, skill: &str| call.skill == skill && call.args.keys().all(|slot| slot == TARGET);
        // "shut down and restart" is one, too.
        let on = |call: &Call| is(call, ON) || is(call, ANEW);
        let anew = |pair: &[Call]| is(&pair[0], OFF) && on(&pair[1]) && pair[0].args == pair[1].args;
        let at = calls.windows(2).position(anew);
        if let Some(at) = at {
            calls.remove(at + 1);
            ANEW.clone_into(&mut calls[at].skill);
        }
        at.is_some()
    }

    /// A call for those of its machines that are among these.
    pub(crate) fn for_these(&self, call: &Call, names: &[String]) -> Option<Call> {
        let own: Vec<String> = self.machines_of(call).into_iter().filter(|name| is_among(name, names)).collect();
        let mut call = call.clone();
        if own.is_empty() {
            return None;
        }
        call.args.insert(TARGET.to_owned(), Value::Machines(Selector::Names(own)));
        Some(call)
    }
}

/// A text as the one part that it is.
fn frame_one(text: &str, turn: &Turn<'_>) -> Option<Part> {
    let mut parts = grammar::frame::frame(text, &turn.context()).parts.into_iter();
    parts.next().filter(|_| parts.next().is_none())
}

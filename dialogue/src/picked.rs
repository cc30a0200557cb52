//! Which of what was offered is meant: "the lyon one", "hv1", "both", "the first two", "11, sorry", "db-test pardon".

use grammar::answer::{Answer, answer};
use grammar::corrected::machines;
use grammar::frame::frame;
use grammar::gather::says_nothing;
use grammar::kind::{Kind, Of};
use grammar::lexicon::Class;
use grammar::mend::distance;
use grammar::selector::{LAST, Selector};
use grammar::token::{Token, fold};
use grammar::value::Value;

use crate::leftover::left_over;
use crate::machine::Turn;
use crate::policy::Path;
use crate::reply::Choice;
use crate::session::{Call, Open};
use crate::slots::extract_where;
use crate::spec::Spec;

/// Shorter words are never taken for mistyped ones.
const LONG: usize = 5;

impl Turn<'_> {
    /// Machines picked of those offered, or named among words that say nothing; `None` when nobody can say which.
    pub(crate) fn picked_machines(&self, choices: &[Choice], text: &str, said: &Answer) -> Option<Value> {
        let all = choices.len();
        let numbers: Vec<usize> = match said {
            // From the end: the last, and those before it.
            Answer::Nth(numbers) => {
                numbers.iter().map(|n| if LAST - n < all { all - (LAST - n) } else { *n }).collect()
            }
            Answer::Both if all == 2 => vec![1, 2],
            Answer::All if all > 1 => (1..=all).collect(),
            _ => self.picked_by_words(choices, text).map(|at| at + 1).into_iter().collect(),
        };
        let of = |number: &usize| choices.get(number.checked_sub(1)?).map(|choice| bare(&choice.says));
        let names: Option<Vec<String>> = numbers.iter().map(of).collect();
        if self.spares(text) || self.says_more(text) {
            return None;
        }
        let said = machines(text, &[], &self.context(), |_| false);
        let named = || said.filter(|said| said.whole && !said.other && said.added.is_empty()).map(|said| said.meant);
        let near = || {
            let known: Vec<Choice> =
                self.around.known.names(Of::Machine).iter().map(|name| named_choice(name)).collect();
            let at = self.picked_by_words(&known, text)?;
            Some(vec![known[at].says.clone()])
        };
        let names = names.filter(|names| !names.is_empty()).or_else(named).or_else(near)?;
        Some(Value::Machines(Selector::Names(names)))
    }

    /// Whether there is a wish beside a pick, or a time: "web1 and stop it", "web1 tomorrow".
    fn says_more(&self, text: &str) -> bool {
        const TIMES: [Class; 4] = [Class::Offset, Class::Moment, Class::Later, Class::Day];
        let cx = self.context();
        let all = cx.tokens(text);
        let long = |at: usize, classes: &[Class]| cx.lexicon.longest_of(&all[at..], classes).unwrap_or(0);
        (1..all.len()).any(|at| {
            let joint = long(at, &[Class::And, Class::Then]);
            let wish = joint > 0 && at + joint < all.len() && long(at + joint, &[Class::Verb]) > 0;
            let named = cx.known.has(Of::Machine, all[at].text).is_some();
            wish || !named && long(at, &TIMES) > 0
        })
    }

    /// Whether what stands behind the last machine of a text takes it back, or puts it off: "db1, no", "web1 but not yet".
    pub(crate) fn denies_behind_a_pick(&self, text: &str) -> bool {
        const TURNS: [Class; 12] = [
            Class::No,
            Class::Not,
            Class::Denied,
            Class::Forbids,
            Class::Recants,
            Class::Stop,
            Class::Cancel,
            Class::Later,
            Class::Moment,
            Class::Offset,
            Class::Day,
            Class::If,
        ];
        let cx = self.context();
        let all = cx.tokens(text);
        let named = |at: usize| cx.known.has(Of::Machine, all[at].text).is_some();
        let behind = (0..all.len()).rev().find(|at| named(*at)).map_or(0, |at| at + 1);
        behind > 0 && cx.lexicon.holds(&all[behind..], &TURNS)
    }

    /// Whether a text is one of the choices, or holds nothing but machines and words that say nothing: "I did db1" tells something.
    pub(crate) fn only_picks(&self, open: &Open, text: &str) -> bool {
        const LIGHT: [Class; 20] = [
            Class::Article,
            Class::Machine,
            Class::Machines,
            Class::Item,
            Class::Polite,
            Class::Thanks,
            Class::Greeting,
            Class::Hedge,
            Class::Aside,
            Class::Filler,
            Class::Yes,
            Class::Theone,
            Class::And,
            Class::Meant,
            Class::Only,
            Class::Recants,
            Class::No,
            Class::Opens,
            Class::Where,
            Class::Agrees,
        ];
        let cx = self.context();
        let all = cx.tokens(text);
        let offered = |choice: &Choice| bare(&choice.says).eq_ignore_ascii_case(text.trim());
        if open.asked.choices.iter().any(offered) || !matches!(answer(text, &cx), Answer::Other) {
            return true;
        }
        let known =
            |at: usize| [Of::Machine, Of::Hypervisor].iter().any(|of| cx.known.has(*of, all[at].text).is_some());
        let mut at = 0;
        while at < all.len() {
            match cx.lexicon.longest_of(&all[at..], &LIGHT) {
                Some(count) => at += count,
                None if known(at) || !cx.lexicon.contains(&all[at].folded) => at += 1,
                None => return false,
            }
        }
        true
    }

    /// "1, and the name is summer", "2 sur ci1", "neither, just resume": one of the skills offered, with what is said beside it.
    pub(crate) fn picked_freely(&self, options: &[Call], text: &str) -> Option<Call> {
        const JOINS: [Class; 5] = [Class::And, Class::Then, Class::But, Class::Only, Class::No];
        let cx = self.context();
        let all = cx.tokens(text);
        let number = all.first().and_then(|first| first.folded.parse::<usize>().ok()).filter(|_| all.len() > 1);
        let (call, mut at) = match number.and_then(|number| options.get(number.checked_sub(1)?)) {
            Some(call) => (call, 1),
            // The only one that its words are of.
            None => {
                let light = |token: &Token<'_>| says_nothing(std::slice::from_ref(token), &cx) > 0;
                let own = |call: &&Call| {
                    let vocabulary = self.heard.vocabulary(&call.skill);
                    let own = |token: &Token<'_>| vocabulary.commands(token);
                    let says = |token: &&Token<'_>| own(token) && cx.lexicon.is(&token.folded, Class::Verb);
                    all.iter().any(|token| says(&token))
                        && all.iter().all(|token| {
                            own(token) || light(token) || cx.lexicon.holds(std::slice::from_ref(token), &JOINS)
                        })
                };
                let mut fitting = options.iter().filter(own);
                return fitting.next().filter(|_| fitting.next().is_none()).cloned();
            }
        };
        while let Some(count) = all.get(at..).and_then(|rest| cx.lexicon.longest_of(rest, &JOINS)) {
            at += count;
        }
        let rest = &text[all.get(at)?.span.start..];
        let spec = self.spec(call)?;
        let mut call = call.clone();
        let (mut args, taken) = extract_where(spec, rest, &[], &cx);
        if let Some((slot, name)) = self.called_in_words(spec, rest) {
            args.insert(slot, name);
        } else if !left_over(self.book, self.heard, spec, rest, &taken, &cx).words.is_empty() {
            return None;
        }
        call.args.extend(args);
        Some(call)
    }

    /// Whether a text is a command, small words aside, that does something else than a call.
    pub(crate) fn wishes_otherwise(&self, text: &str, call: &Call) -> bool {
        const LEADS: [Class; 6] = [Class::No, Class::Recants, Class::Meant, Class::Aside, Class::Hedge, Class::Filler];
        let cx = self.context();
        let all = cx.tokens(text);
        let other = |(said, _): &(Call, Path)| said.skill != call.skill && self.may_change(said);
        let mut at = 0;
        // Any of the small words may belong to the command: "no, stop web1".
        while let Some(first) = all.get(at) {
            let parts = frame(&text[first.span.start..], &cx).parts;
            let readings = parts.first().map(|part| self.commands(&part.text)).unwrap_or_default();
            if !readings.is_empty() {
                return readings.iter().any(other) && !readings.iter().any(|(said, _)| said.skill == call.skill);
            }
            match cx.lexicon.longest_of(&all[at..], &LEADS) {
                Some(count) => at += count,
                None => return false,
            }
        }
        false
    }

    /// "web2", "yes, web2", "sorry, web2 I mean": the only one of some offers that is for who is named, where nothing else is said.
    pub(crate) fn picked_by_name(&self, options: &[Call], text: &str) -> Option<Call> {
        const SMALL: [Class; 10] = [
            Class::Yes,
            Class::Meant,
            Class::Polite,
            Class::Filler,
            Class::Hedge,
            Class::Aside,
            Class::Article,
            Class::Item,
            Class::Person,
            Class::Machine,
        ];
        let cx = self.context();
        let all = cx.tokens(text);
        let known = |at: usize| Of::ALL.iter().find_map(|of| cx.known.has(*of, all[at].text));
        let (mut name, mut at) = (None, 0);
        while at < all.len() {
            match known(at) {
                Some(found) if name.is_none() => (name, at) = (Some(found), at + 1),
                _ => at += cx.lexicon.longest_of(&all[at..], &SMALL)?,
            }
        }
        let name = name.filter(|_| !text.contains('?'))?;
        let is = |value: &Value| match value {
            Value::Name(known) => *known == name,
            Value::Machines(Selector::Names(names)) => names.contains(&name),
            _ => false,
        };
        let mut fitting = options.iter().filter(|call| call.args.values().any(is));
        fitting.next().filter(|_| fitting.next().is_none()).cloned()
    }

    /// Whether a text says who is not meant.
    pub(crate) fn spares(&self, text: &str) -> bool {
        machines(text, &[], &self.context(), |_| false).is_some_and(|said| !said.spared.is_empty())
    }

    /// The one choice of which a text has words that no other has, and that has nothing else to say.
    pub(crate) fn picked_by_words(&self, choices: &[Choice], text: &str) -> Option<usize> {
        let cx = self.context();
        let words = |choice: &Choice| {
            let all = fold(&bare(&choice.says));
            all.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>()
        };
        let choices: Vec<Vec<String>> = choices.iter().map(words).collect();
        let all = cx.tokens(text);
        let mut left: Vec<usize> = (0..choices.len()).collect();
        let (mut at, mut told) = (0, false);
        while at < all.len() {
            let word = &all[at].folded;
            let is = |known: &String| {
                known == word || known.len() >= LONG && word.len() >= LONG && distance(known, word) == 1
            };
            let having: Vec<usize> = (0..choices.len()).filter(|index| choices[*index].iter().any(is)).collect();
            let light = says_nothing(&all[at..], &cx);
            let denied = [
                Class::Denied,
                Class::Except,
                Class::Spare,
                Class::Conditional,
                Class::Not,
                Class::Offset,
                Class::Moment,
                Class::Day,
            ]
            .iter()
            .any(|class| cx.lexicon.longest(&all[at..], *class).is_some_and(|count| count >= light));
            // "web1" is web1, though there is a web1-old.
            let whole: Vec<usize> = having.iter().copied().filter(|index| choices[*index] == [word.as_str()]).collect();
            let having = if whole.is_empty() { having } else { whole };
            match having.len() {
                _ if denied => return None,
                0 if light == 0 => return None,
                0 => at += light,
                some => {
                    told |= some < choices.len();
                    left.retain(|index| having.contains(index));
                    at += 1;
                }
            }
        }
        match left.as_slice() {
            [only] if told => Some(*only),
            _ => None,
        }
    }
}

fn named_choice(name: &str) -> Choice {
    Choice { label: name.into(), says: name.to_owned() }
}

/// A choice as its name is, without the marks that keep several words together.
fn bare(says: &str) -> String {
    says.trim_matches('"').to_owned()
}

/// Whether a slot is filled with machines.
pub(crate) fn wants_machines(spec: &Spec, missing: &[String]) -> bool {
    let first = missing.first().and_then(|name| spec.slot(name));
    first.is_some_and(|slot| slot.kind == Kind::Machines)
}

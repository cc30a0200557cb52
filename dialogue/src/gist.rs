//! The gist of a question in whatever words: machines, and words that tell what is asked of them.
//!
//! "and gitlab, that's running I hope!" and "t'as combien de mémoire en fait ?" are no pattern, and a classifier wavers over them. What
//! is asked shows in the few words that a skill's corpus lists after `~`; around them only words that say nothing of it may stand. Only
//! questions are read so, never a wish.

use std::collections::HashMap;

use grammar::condition::is_state;
use grammar::corpus::SkillText;
use grammar::follow::led;
use grammar::frame::{Part, Stance, begins_with_verb, frame};
use grammar::kind::{Kind, Of};
use grammar::lexicon::{Class, Lexicon};
use grammar::read;
use grammar::selector::Selector;
use grammar::token::Token;
use grammar::value::Value;

use crate::conditions::SNAPSHOTS;
use crate::follow::{STATE, state_of};
use crate::leftover::LIGHT;
use crate::machine::{Ranking, Turn};
use crate::session::Call;
use crate::slots::points;
use crate::spec::{Danger, Scope, TARGET};
use crate::understand::{FOLLOWS, GIST};

/// Who did something: asked only where nothing else is.
const WHO: &str = "audit.who";
/// Whether all is well.
const HEALTH: &str = "talk.how_are_you";
/// What is asked of many.
pub(crate) const LIST: &str = "vm.list";
/// A text of so few words needs no mark to be a question.
const FEW: usize = 4;
/// Words around what is asked that say nothing of it, besides those that never do.
const ALSO_LIGHT: [Class; 11] = [
    Class::Asks,
    Class::Question,
    Class::Follow,
    Class::You,
    Class::Opens,
    Class::Slack,
    Class::Hedge,
    Class::Aside,
    Class::Yes,
    Class::No,
    Class::And,
];
/// Words that ask for many machines.
const MANY: [Class; 4] = [Class::Machines, Class::All, Class::Everything, Class::Both];

/// The words of `~` lines of one language, by their first.
#[derive(Debug, Default)]
pub(crate) struct Gists {
    by_first: HashMap<String, Vec<(Vec<String>, &'static str)>>,
}

impl Gists {
    /// Of the sections of these skills.
    pub(crate) fn new<'s>(sections: impl Iterator<Item = (&'static str, &'s SkillText)>, lexicon: &Lexicon) -> Self {
        let mut gists = Self::default();
        for (skill, section) in sections {
            for entry in &section.gist {
                let mut words = lexicon.tokens(entry).into_iter().map(|token| token.folded);
                let Some(first) = words.next() else { continue };
                gists.by_first.entry(first).or_default().push((words.collect(), skill));
            }
        }
        gists
    }

    /// The skills that the words at the beginning of these tokens tell of, and how many words those are: the longest.
    fn at(&self, tokens: &[Token<'_>]) -> Option<(usize, Vec<&'static str>)> {
        let first = tokens.first().filter(|first| !first.quoted)?;
        let fits = |rest: &Vec<String>| {
            rest.len() < tokens.len() && rest.iter().zip(&tokens[1..]).all(|(word, token)| *word == token.folded)
        };
        let fitting: Vec<_> = self.by_first.get(&first.folded)?.iter().filter(|(rest, _)| fits(rest)).collect();
        let longest = fitting.iter().map(|(rest, _)| rest.len()).max()?;
        let skills = fitting.iter().filter(|(rest, _)| rest.len() == longest).map(|(_, skill)| *skill);
        Some((longest + 1, skills.collect()))
    }
}

/// A question found by its gist.
pub(crate) struct Gist {
    /// What it asks.
    pub call: Call,
    /// How many of its words nobody can place.
    pub strange: usize,
    /// How many tell what is asked.
    telling: usize,
    /// Whether all of them tell of one skill.
    single: bool,
}

impl Gist {
    /// Whether that is likelier than anything that nobody is sure of.
    pub(crate) fn is_likely(&self) -> bool {
        self.strange <= self.telling
    }
}

impl Turn<'_> {
    /// The question that a part asks which is no command: one that stands by itself, else (in the `first` part) one that goes on from
    /// the last exchange; and how it was understood.
    pub(crate) fn asks(&self, part: &Part, addressed: bool, first: bool) -> Option<(Call, &'static str)> {
        let gist = self.gist(part, addressed).filter(|gist| gist.strange == 0).map(|gist| gist.call);
        // "which ones?" says only how the last question was put.
        let says = |call: &Call| {
            let kinds = call.args.keys().filter_map(|slot| Some(self.spec(call)?.slot(slot)?.kind));
            kinds.into_iter().any(|kind| !matches!(kind, Kind::Choice([_])))
        };
        let whole =
            |call: &Call| call.skill == HEALTH || call.skill == LIST && says(call) || self.names_a_machine(call);
        let alone = gist.clone().filter(|call| whole(call) && !led(part.raw.trim(), &self.context()).0);
        let goes_on = || self.goes_on(part).filter(|_| first).map(|call| (call, FOLLOWS));
        alone.map(|call| (call, GIST)).or_else(goes_on).or_else(|| gist.map(|call| (call, GIST)))
    }

    /// "how much memory has web1 and since when is it up": the two questions that a part asks, if either can be answered.
    pub(crate) fn two_questions(&self, part: &Part) -> Option<Vec<Part>> {
        let cx = self.context();
        let text = part.raw.trim();
        let all = cx.tokens(text);
        if !matches!(part.stance, Stance::Request | Stance::Report) || part.wish {
            return None;
        }
        let asked = |part: &Part| match self.commands(&part.text).as_slice() {
            [] => Some(self.gist(part, false).filter(|gist| gist.strange == 0)?.call),
            [(call, _)] => Some(call.clone()).filter(|call| !self.may_change(call)),
            _ => None,
        };
        (2..all.len()).find_map(|at| {
            let and = cx.lexicon.longest(&all[at..], Class::And).filter(|and| at + and < all.len())?;
            // "and its disks"
            let opens = [Class::Question, Class::Asks, Class::Since, Class::It, Class::Article];
            cx.lexicon.longest_of(&all[at + and..], &opens)?;
            let pieces = [&text[..all[at - 1].span.end], &text[all[at + and].span.start..]];
            let parts =
                pieces.iter().flat_map(|piece| frame(&format!("{}?", piece.trim_end_matches(['?', ' '])), &cx).parts);
            let parts: Vec<Part> = parts.collect();
            let calls: Option<Vec<Call>> = parts.iter().map(asked).collect();
            calls.filter(|calls| parts.len() == 2 && calls[0] != calls[1])?;
            Some(parts)
        })
    }

    /// A question in one of the pieces of a text that was not understood as a whole: "well, that helps. and web1, is it up?"; and the
    /// first of the others that wishes for something.
    pub(crate) fn asked_in_a_piece(&self, text: &str) -> Option<(Call, Option<String>)> {
        let cx = self.context();
        let ends = |c: char| ".!?;,:…".contains(c) || c == '\n';
        let pieces: Vec<&str> = text.split_inclusive(ends).collect();
        let asked = pieces.iter().rev().filter_map(|piece| {
            let mut parts = frame(piece, &cx).parts.into_iter();
            let (Some(part), None) = (parts.next(), parts.next()) else { return None };
            Some((*piece, self.gist(&part, false)?))
        });
        let (asked, gist) = asked.into_iter().find(|(_, gist)| gist.strange == 0)?;
        let wish = pieces.into_iter().find(|piece| *piece != asked && self.wishes_anything(piece));
        Some((gist.call, wish.map(|wish| wish.trim().trim_end_matches(ends).to_owned())))
    }

    /// Those who are named in a question that nobody understood: how they are is told rather than nothing.
    pub(crate) fn asked_about(&self, text: &str) -> Option<Call> {
        const MOST: usize = 3;
        let cx = self.context();
        let all = cx.tokens(text);
        let known = |name: &String| self.around.known.has(Of::Machine, name).is_some();
        let names: Vec<String> = self.named_in(text).into_iter().filter(known).collect();
        let asks = text.contains('?') || cx.lexicon.longest(&all, Class::Question).is_some();
        // What is to be done, or how, or what would be, is no question about anybody.
        let asked = |part: &Part| {
            // "web1 n'a pas été touchée, hein ?" orders nothing.
            let all = cx.tokens(&part.raw);
            let orders = |at: &usize| {
                cx.lexicon.longest(&all[*at..], Class::Verb).is_some() && !cx.lexicon.past_by_accent(&all[*at])
            };
            let orders = (0..all.len()).any(|at| orders(&at));
            let elsewhere = matches!(part.stance, Stance::HowTo | Stance::Hypothetical | Stance::AboutOthers);
            let asks = cx.lexicon.longest(&cx.tokens(&part.text), Class::Asks).is_some();
            let wishes = part.polite && !asks || part.wish || !asks && begins_with_verb(&part.text, &cx);
            !elsewhere && !wishes && (part.stance != Stance::Negated || !orders)
        };
        // A form waits for a value; a plan is shown again.
        let fits = asks && (1..=MOST).contains(&names.len()) && !self.session.asks_for_a_value();
        if !fits || !frame(text, &cx).parts.iter().all(asked) {
            return None;
        }
        // "and what was web1's snapshot called again?"
        let told: Vec<&'static str> =
            (0..all.len()).filter_map(|at| self.heard.gists.at(&all[at..])).flat_map(|(_, skills)| skills).collect();
        let of_them = self.told_by(&told, true, false).filter(|skill| ![WHO, LIST, HEALTH].contains(skill));
        let mut call = state_of(&names);
        if let Some(spec) = of_them.and_then(|skill| self.book.spec(skill))
            && spec.has_target()
            && spec.danger == Danger::Read
            && spec.fits(self.around.scope)
            && !spec.planned
        {
            call.skill = spec.id.to_owned();
        }
        Some(call)
    }

    /// "how many cpus and how much memory has web1": one question of one machine, however many things it asks.
    pub(crate) fn one_question(&self, part: &Part) -> Option<Call> {
        let cx = self.context();
        let asks =
            part.question || cx.lexicon.holds(&cx.tokens(&part.raw), &[Class::Question, Class::Asks, Class::Asking]);
        if !asks || !self.commands(&part.text).is_empty() {
            return None;
        }
        let gist = self.gist(part, false).filter(|gist| gist.strange == 0 && gist.single)?;
        self.names_a_machine(&gist.call).then_some(gist.call)
    }

    /// Whether what was taken off the beginning of a part wishes: "I want", and not only "well".
    fn is_led_by_a_wish(&self, part: &Part) -> bool {
        const LIGHT: [Class; 6] = [Class::Aside, Class::Opens, Class::Greeting, Class::And, Class::Yes, Class::Slack];
        let cx = self.context();
        let lead = part.raw.find(part.text.as_str()).map_or("", |at| &part.raw[..at]);
        let all = cx.tokens(lead);
        let mut at = 0;
        while let Some(count) = all.get(at..).and_then(|rest| cx.lexicon.longest_of(rest, &LIGHT)) {
            at += count;
        }
        at < all.len() && !cx.lexicon.holds(&cx.tokens(&part.raw), &[Class::Asks, Class::Question, Class::Asking])
    }

    /// Whether a text wishes for anything, in whatever words.
    fn wishes_anything(&self, text: &str) -> bool {
        let cx = self.context();
        let wish = |part: &Part| {
            part.polite || part.wish || part.stance == Stance::Request && begins_with_verb(&part.text, &cx)
        };
        frame(text, &cx).parts.iter().any(wish)
    }

    /// The question that a part asks in whatever words, if it asks one that can be answered here.
    pub(crate) fn gist(&self, part: &Part, addressed: bool) -> Option<Gist> {
        let cx = self.context();
        let text = part.raw.trim();
        let all = cx.tokens(text);
        let marked = part.question || text.ends_with('?');
        let first = cx.tokens(&part.text);
        let named_first = first.first().is_some_and(|first| cx.known.has(Of::Machine, first.text).is_some());
        let begins = |class| !named_first && cx.lexicon.longest(&first, class).is_some();
        match part.stance {
            // How something is done, and what might be, is no question about what is.
            Stance::HowTo | Stance::Hypothetical => return None,
            // "web1 can go off again"
            Stance::AboutOthers if part.wish => return None,
            Stance::Request if begins(Class::Verb) && !begins(Class::Asks) => return None,
            // "I'd like web1 to be off tonight" wishes.
            Stance::Request if !marked && self.is_led_by_a_wish(part) => return None,
            Stance::Negated | Stance::AboutOthers if !text.ends_with('?') => return None,
            _ => {}
        }
        let machines = read::find(Kind::Machines, text, &cx);
        let exists = |names: &[String]| names.iter().all(|name| self.around.known.has(Of::Machine, name).is_some());
        let named = machines
            .iter()
            .any(|found| matches!(&found.value, Value::Machines(Selector::Names(names)) if exists(names)));
        let ends = cx.lexicon.longest_before(&all, Class::Asks).is_some();
        let mut asks = marked || ends || all.len() <= FEW;
        let (mut strange, mut many, mut person, mut you) = (0, false, false, addressed);
        let mut hits: Vec<&'static str> = Vec::new();
        let mut at = 0;
        while at < all.len() {
            let token = &all[at];
            let within = |span: &std::ops::Range<usize>| span.start <= token.span.start && token.span.end <= span.end;
            if machines.iter().any(|found| within(&found.span) && !points(&found.value)) {
                at += 1;
                continue;
            }
            // "still got nightly on web1?"
            let snapshot = !cx.lexicon.contains(&token.folded) && cx.known.has(Of::Snapshot, token.text).is_some();
            if snapshot && marked && (named || self.around.scope == Scope::Machine) {
                hits.push(SNAPSHOTS);
                at += 1;
                continue;
            }
            let longest = |classes: &[Class]| cx.lexicon.longest_of(&all[at..], classes).unwrap_or(0);
            // Without its accent it is a command: "allume" beside "allumé".
            let order = cx.lexicon.is_command(token);
            let told = self.heard.gists.at(&all[at..]).filter(|(count, _)| *count > 1 || !order);
            let light = longest(&LIGHT).max(longest(&ALSO_LIGHT));
            many |= longest(&MANY) > 0;
            you |= longest(&[Class::You]) > 0 || marked && longest(&[Class::It]) > 0;
            let opening =
                hits.is_empty() && strange == 0 && !machines.iter().any(|found| found.span.start < token.span.start);
            asks |= opening && longest(&[Class::Question, Class::Asks]) > 0;
            match told {
                // "ok, and web1?" begins with no state.
                Some((count, skills)) if count >= light && (at > 0 || longest(&[Class::Aside, Class::Yes]) == 0) => {
                    hits.extend(skills);
                    at += count;
                }
                // What is to be done is no question.
                _ if longest(&[Class::Verb]) > light => return None,
                _ if light > 0 => at += light,
                _ => {
                    person |= longest(&[Class::Person]) > 0;
                    strange += 1;
                    at += 1;
                }
            }
        }
        // "did it work?", "both back?": of whom the last exchange was about.
        let back = (!named && !addressed && marked).then(|| self.spoken_of(&all)).flatten();
        let (named, many) = (named || back.is_some(), many && back.is_none());
        let telling = if named || you || many || self.around.scope == Scope::Machine && marked {
            hits.len() + usize::from(named)
        } else {
            hits.len() / 2
        };
        // "web1 is running": told or asked, nothing but that is said of it.
        asks |= strange == 0 && (named && !person || many);
        let best = self.told_by(&hits, named || addressed, many)?;
        if !asks {
            return None;
        }
        // "off?" where nobody was spoken of: who is?
        let bare = !named && !addressed && is_state(text, &cx) && self.last_about().is_none();
        let best = if bare && self.around.scope != Scope::Machine { LIST } else { best };
        let single = best != STATE && hits.iter().all(|hit| [best, LIST].contains(hit));
        let mut call = self.call_from(best, text, &Ranking::default());
        if let Some(names) = &back {
            self.put(&mut call, names);
        }
        let spec = self.spec(&call).filter(|spec| spec.fits(self.around.scope) && !spec.planned)?;
        let of_one =
            ![LIST, HEALTH].contains(&best) && self.around.scope != Scope::Machine && !call.args.contains_key(TARGET);
        // About nobody in particular: another reading may know better.
        (spec.danger == Danger::Read && !of_one).then_some(Gist { call, strange, telling, single })
    }

    /// The machines of the last exchange, where words stand for them: "it", "both", "all three", or none at all.
    fn spoken_of(&self, all: &[Token<'_>]) -> Option<Vec<String>> {
        let done =
            || self.session.last.as_ref().filter(|last| last.applied).and_then(|_| self.session.focus.first().cloned());
        let names = self.last_about().or_else(done).filter(|_| self.around.scope != Scope::Machine)?;
        let holds = |classes: &[Class]| self.heard.lexicon.holds(all, classes);
        let many = holds(&[Class::Machines, Class::All, Class::Everything]);
        let meant = match names.len() {
            1 if holds(&[Class::Both]) => return self.last_two(),
            1 => !many && (holds(&[Class::It]) || all.len() <= FEW && !holds(&[Class::Question])),
            2 => holds(&[Class::Both]) || !many && holds(&[Class::It]),
            _ => !many && holds(&[Class::It]),
        };
        (meant && !holds(&[Class::You, Class::Other])).then_some(names)
    }

    /// "those two", after one and then another was spoken of.
    pub(crate) fn last_two(&self) -> Option<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        for name in self.session.focus.iter().filter(|names| names.len() == 1).flatten() {
            if names.len() < 2 && !names.contains(name) {
                names.insert(0, name.clone());
            }
        }
        (names.len() == 2).then_some(names)
    }

    /// Which skill these words tell of: the one most of them are of, the state only if there is nothing else.
    fn told_by(&self, hits: &[&'static str], named: bool, many: bool) -> Option<&'static str> {
        if hits.contains(&HEALTH) {
            return Some(if named { STATE } else { HEALTH });
        }
        let listed = many || hits.contains(&LIST) && self.around.scope != Scope::Machine;
        if !hits.is_empty() && listed && !named {
            return Some(LIST);
        }
        let count = |skill: &str| hits.iter().filter(|hit| **hit == skill).count();
        let most = |skills: &mut dyn Iterator<Item = &&'static str>| {
            let mut best: Option<&'static str> = None;
            for skill in skills {
                if best.is_none_or(|best| count(skill) > count(best)) {
                    best = Some(skill);
                }
            }
            best
        };
        // "who has snapshots?" is no question about who did something.
        let weak = [STATE, LIST, WHO];
        most(&mut hits.iter().filter(|hit| !weak.contains(hit)))
            .or_else(|| hits.contains(&WHO).then_some(WHO))
            .or_else(|| hits.contains(&STATE).then_some(STATE))
    }
}

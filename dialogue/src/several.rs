//! Several wishes in one part: "resume web2, start web3", "snapshot web1 and tell me how many cpus it has". Where a part is no wish by
//! itself it is cut at commas and small words, if what comes of it are wishes; the last counts where somebody changes their mind.

use grammar::condition::{condition, whether};
use grammar::corrected::machines;
use grammar::frame::{Part, Stance, begins_with_verb, frame};
use grammar::kind::{Kind, Of};
use grammar::lexicon::Class;
use grammar::read::{self, Context};
use grammar::selector::Selector;
use grammar::token::{Token, gap};
use grammar::value::Value;

use crate::controls::CONTROLS;
use crate::follow::state_of;
use crate::machine::Turn;
use crate::policy::Path;
use crate::session::Call;
use crate::slots::points;

/// Between two wishes.
const JOINS: [Class; 5] = [Class::And, Class::But, Class::Then, Class::Opens, Class::Slack];
/// Marks between two wishes.
const MARKS: [char; 7] = [',', ';', ':', '+', '(', '\u{2013}', '\u{2014}'];
/// What goes on with the wish before it: "a snapshot, call it x".
const GOES_ON: [Class; 3] = [Class::Called, Class::Calling, Class::Wrap];
/// What leaves something out, or changes what is wanted: nobody knows of which wish.
const WEIGHTY: [Class; 8] =
    [Class::Except, Class::Spare, Class::Denied, Class::Not, Class::No, Class::Only, Class::Everything, Class::Weighs];
/// Longer parts are not cut, nor are shorter ones two wishes.
const MOST_WORDS: usize = 60;
const LEAST_WORDS: usize = 3;

/// How well a piece reads as a wish of its own; the less the better.
const TO_THE_LETTER: usize = 0;
const PERHAPS: usize = 10;

/// A part cut into wishes.
pub(crate) struct Several {
    /// In order; at least one.
    pub parts: Vec<Part>,
    /// Somebody changed their mind: only the last of them is here.
    pub instead: bool,
}

impl Turn<'_> {
    /// The wishes that a part is made of which is none as a whole.
    pub(crate) fn several(&self, part: &Part) -> Option<Several> {
        let cx = self.context();
        let text = part.raw.as_str();
        let all = cx.tokens(text);
        if !(LEAST_WORDS..=MOST_WORDS).contains(&all.len()) {
            return None;
        }
        // "since web1 is off, start db1" is one wish, which depends on that.
        if cx.lexicon.longest(&all, Class::Premise).is_some() && condition(text, &cx, |_| false).is_some() {
            return None;
        }
        self.another_mind(text, &all).or_else(|| {
            let parts = self.cut(text, &all, &cx)?;
            Some(Several { parts, instead: false })
        })
    }

    /// "if web1 is up reboot it, and if web2 is off start it": a part cut before each condition that has a wish of its own.
    pub(crate) fn by_conditions(&self, part: &Part) -> Option<Vec<Part>> {
        let cx = self.context();
        let text = part.raw.as_str();
        let all = cx.tokens(text);
        let depends = |text: &str| condition(text, &cx, |_| false).is_some_and(|(_, rest)| self.holds_command(&rest));
        // "check if web1 is off and if so start it"
        let so = |text: &str| grammar::condition::depends(text, &cx).is_some_and(|(_, rest)| self.holds_command(rest));
        let (at, joined) = (2..all.len()).find_map(|at| {
            let joined = cx.lexicon.longest_before(&all[..at], Class::And).unwrap_or(0);
            let apart = joined > 0 || gap(text, &all, at).contains([',', ';']);
            let begins = cx.lexicon.longest(&all[at..], Class::If).is_some() && at > joined;
            let tail = &text[all[at].span.start..];
            (apart && begins && (depends(tail) || so(tail))).then_some((at, joined))
        })?;
        let (head, tail) = (&text[..all[at - joined - 1].span.end], &text[all[at].span.start..]);
        let asks = || so(tail) && whether(head, &cx).is_some_and(|(_, condition)| condition.is_some());
        (depends(head) || self.holds_command(head) || asks())
            .then(|| [head, tail].iter().flat_map(|piece| frame(piece, &cx).parts).collect())
    }

    /// "pause db1 no hang on reboot it": what was wanted before is not wanted any more.
    fn another_mind(&self, text: &str, all: &[Token<'_>]) -> Option<Several> {
        (1..all.len()).find_map(|at| {
            let count = self.context().lexicon.longest(&all[at..], Class::Recants)?;
            let rest = &text[all.get(at + count)?.span.start..];
            let (first, before) = self.wish(&text[..all[at - 1].span.end])?;
            let (part, after) = self.wish(rest).or_else(|| self.for_others(&first, rest))?;
            let wanted = before == TO_THE_LETTER && after == TO_THE_LETTER && part.stance == Stance::Request;
            wanted.then(|| Several { parts: vec![part], instead: true })
        })
    }

    /// "start web1, sorry, web2": the wish before, for those that are named behind it.
    fn for_others(&self, wish: &Part, rest: &str) -> Option<(Part, usize)> {
        let cx = self.context();
        let said = machines(rest, &[], &cx, |_| false).filter(|said| said.whole && !said.other && !said.also)?;
        if said.meant.is_empty() || !said.spared.is_empty() || !said.added.is_empty() {
            return None;
        }
        let mut named = read::find(Kind::Machines, &wish.text, &cx).into_iter().filter(|found| !points(&found.value));
        let (found, None) = (named.next()?, named.next()) else { return None };
        // "stop all, no db1" leaves somebody out.
        if !matches!(found.value, Value::Machines(Selector::Names(_))) {
            return None;
        }
        let mut text = wish.text.clone();
        text.replace_range(
            found.span,
            &said.meant.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", "),
        );
        Some((Part { raw: text.clone(), text, ..wish.clone() }, TO_THE_LETTER))
    }

    /// The cut of which each piece reads best as a wish.
    fn cut(&self, text: &str, all: &[Token<'_>], cx: &Context<'_>) -> Option<Vec<Part>> {
        // Where a wish may end, and where the next begins.
        let mut joints: Vec<(usize, usize)> = Vec::new();
        for at in 1..all.len() {
            let between = gap(text, all, at);
            let marked = between.contains(MARKS) || between.trim() == "-";
            let mut begins = at;
            // "but first snapshot it" keeps its "first".
            let ahead = |at: usize| cx.lexicon.longest(&all[at..], Class::Ahead).is_some();
            while let Some(count) = cx.lexicon.longest_of(&all[begins..], &JOINS).filter(|_| !ahead(begins)) {
                begins += count;
            }
            let joined = cx.lexicon.longest_of(&all[at..], &[Class::And, Class::But, Class::Then]).is_some();
            // "pause web1, web2 and cache for the demo" is one list, where nothing more is wished for behind it.
            let named = |at: usize| all.get(at).is_some_and(|token| cx.known.has(Of::Machine, token.text).is_some());
            let more = [Class::Verb, Class::Deed, Class::State, Class::Question, Class::Asks];
            if named(at - 1) && named(begins) && !cx.lexicon.holds(&all[begins..], &more) {
                continue;
            }
            // "start web1 et reboot web2": people mix them.
            if begins == at && begins + 1 < all.len() && self.joins_elsewhere(&all[at..]) {
                joints.push((at, at + 1));
            }
            if joined && begins < all.len() {
                joints.push((at, begins));
            }
            if marked {
                joints.push((at, at));
            }
        }
        // The best way to cut all up to a place: cost, wishes to the letter, pieces.
        let mut best: Vec<Option<(usize, usize, Vec<Part>)>> = vec![None; all.len() + 1];
        best[0] = Some((0, 0, Vec::new()));
        let ends = joints.iter().map(|(end, _)| *end).chain([all.len()]).collect::<std::collections::BTreeSet<_>>();
        for end in ends {
            let from = joints.iter().filter(|(before, begins)| *before < end && *begins < end);
            let starts: Vec<(usize, usize)> = from.copied().chain([(0, 0)]).collect();
            for (before, begins) in starts {
                let Some((cost, letter, parts)) = best[before].clone() else { continue };
                if before == 0 && end == all.len() {
                    continue;
                }
                let until = if end == all.len() { text.len() } else { all[end - 1].span.end };
                let Some((part, more)) = self.wish(&text[all[begins].span.start..until]) else { continue };
                let cost = cost + more + 1;
                if best[end].as_ref().is_none_or(|known| cost < known.0) {
                    let letter = letter + usize::from(more < PERHAPS);
                    best[end] = Some((cost, letter, [parts, vec![part]].concat()));
                }
            }
        }
        let (_, letter, parts) = best.pop()??;
        (letter > 0 && parts.len() > 1).then_some(parts)
    }

    /// "delete snapshots mid and first": the same wish for each of the things that are named in a row.
    pub(crate) fn one_each(&self, part: &Part) -> Option<Vec<Call>> {
        let cx = self.context();
        let text = part.text.as_str();
        let all = cx.tokens(text);
        let named = |at: usize| all.get(at).and_then(|token| cx.known.has(Of::Snapshot, token.text));
        let and = |at: usize| cx.lexicon.longest(all.get(at..)?, Class::And);
        let first = (1..all.len()).find(|at| named(*at).is_some())?;
        let (mut names, mut end) = (vec![first], first + 1);
        while end < all.len() {
            // "s1 s2 et s3" is a list without commas.
            let joined = and(end).unwrap_or(0);
            if named(end + joined).is_none() {
                break;
            }
            names.push(end + joined);
            end += joined + 1;
        }
        if names.len() < 2 {
            return None;
        }
        let (from, until) = (all[first].span.start, all[end - 1].span.end);
        names.into_iter().map(|at| self.command_for(&[&text[..from], all[at].text, &text[until..]].concat())).collect()
    }

    fn command_for(&self, text: &str) -> Option<Call> {
        match self.commands(text).as_slice() {
            [(call, Path::Command)] if self.may_change(call) => Some(call.clone()),
            _ => None,
        }
    }

    /// Whether one word is an "and" in another language.
    fn joins_elsewhere(&self, tokens: &[Token<'_>]) -> bool {
        self.book.lexicons().any(|lexicon| lexicon.longest(tokens, Class::And) == Some(1))
    }

    /// "tell me if web1 is up": that question.
    pub(crate) fn asked_whether(&self, part: &Part) -> Option<Call> {
        let cx = self.context();
        // "tu peux me dire si web1 tourne ?"
        let (asked, state) = whether(&part.raw, &cx).or_else(|| whether(&part.text, &cx))?;
        if let Some(name) = state.and_then(|state| state.machine) {
            return Some(state_of(&[name]));
        }
        match self.commands(asked).as_slice() {
            [(call, Path::Command)] if !self.may_change(call) => Some(call.clone()),
            _ => None,
        }
    }

    /// What a text wishes for if it stands alone, and how well it reads so.
    fn wish(&self, text: &str) -> Option<(Part, usize)> {
        let cx = self.context();
        let framed = frame(text, &cx);
        let (mut parts, None) = (framed.parts.into_iter(), framed.addressee) else { return None };
        let (part, None) = (parts.next()?, parts.next()) else { return None };
        let all = cx.tokens(&part.text);
        if self.asked_whether(&part).is_some() {
            return Some((part, TO_THE_LETTER));
        }
        if self.commands(&part.text).is_empty() && self.ahead(&part).is_some() {
            return Some((part, TO_THE_LETTER));
        }
        let supposes = cx.lexicon.holds(&all, &[Class::Conditional, Class::If]);
        if supposes {
            return None;
        }
        match self.commands(&part.text).as_slice() {
            [(call, path)] => {
                let steers = CONTROLS.contains(&call.skill.as_str());
                let asks = part.stance == Stance::Request || part.question && !self.may_change(call);
                (!steers && asks).then(|| (part, TO_THE_LETTER + usize::from(*path != Path::Command)))
            }
            [] if cx.lexicon.longest(&all, Class::Another).is_some() => Some((part, TO_THE_LETTER + 1)),
            [] => {
                let plain = [Class::Article, Class::Number, Class::Item, Class::Machine];
                let opens = cx.lexicon.longest_of(&all, &plain).is_none();
                let about = opens
                    && read::find(Kind::Name(Of::Machine), &part.text, &cx).iter().any(|found| found.span.start > 0);
                let begins = begins_with_verb(&part.text, &cx) || part.question || part.polite || about;
                let raw = cx.tokens(&part.raw);
                let told = cx.lexicon.longest(&raw, Class::Asking).is_some();
                let goes_on = !told && GOES_ON.iter().any(|class| cx.lexicon.longest(&all, *class).is_some());
                let asks = told || part.stance == Stance::Request && begins;
                (asks && !goes_on && !weighs(&part.text, &cx) && all.len() > 1).then_some((part, PERHAPS))
            }
            _ => None,
        }
    }
}

/// Whether a text leaves something out, or changes what is wanted beside it.
pub(crate) fn weighs(text: &str, cx: &Context<'_>) -> bool {
    let all = cx.tokens(text);
    cx.lexicon.holds(&all, &WEIGHTY)
}

//! A command at the end of something else: "right, shut down web1 then", "we are patching tonight, so first take a snapshot".
//!
//! Small words before it change nothing. Anything else before it has what would be changed asked about; a negation, a condition, a person or
//! a question before it means that it is no command at all.

use grammar::frame::{Part, Stance, frame};
use grammar::kind::{Kind, Of};
use grammar::lexicon::Class;
use grammar::read::{self, Context};
use grammar::selector::Selector;
use grammar::token::{Token, gap};
use grammar::value::Value;

use crate::amend::is_among;
use crate::controls::CONTROLS;
use crate::details::Told;
use crate::machine::Turn;
use crate::policy::Path;
use crate::session::Call;
use crate::slots::points;
use crate::spec::{Danger, TARGET};

/// Words that may stand before a command and say nothing of it.
const SMALL: [Class; 9] = [
    Class::Opens,
    Class::Yes,
    Class::Greeting,
    Class::Thanks,
    Class::Filler,
    Class::Polite,
    Class::Then,
    Class::And,
    Class::Hedge,
];
/// Words after which something new begins.
const OPENS: [Class; 7] =
    [Class::Opens, Class::Yes, Class::Greeting, Class::Thanks, Class::Polite, Class::Then, Class::And];
/// Words behind it that say when or whether.
const SAYS_WHEN: [Class; 8] =
    [Class::Hedge, Class::Moment, Class::Offset, Class::Day, Class::Part, Class::Now, Class::Ago, Class::Weighs];
/// Words before it that make it no command.
const DENY: [Class; 7] =
    [Class::Not, Class::Denied, Class::No, Class::Conditional, Class::Except, Class::Person, Class::Cancel];
/// What ails a machine, as the corpus has it.
pub(crate) const TROUBLE: &str = "trouble";
/// So many words tell something; fewer may be somebody's name.
const TELLS: usize = 3;

/// A text without the words that may stand anywhere in a command: "start also web3", "démarre donc web3".
pub(crate) fn without_slack(text: &str, cx: &Context<'_>) -> String {
    let all = cx.tokens(text);
    let mut rest = String::new();
    let (mut at, mut from) = (0, 0);
    while at < all.len() {
        let count = if at == 0 { 0 } else { cx.lexicon.longest(&all[at..], Class::Slack).unwrap_or(0) };
        if count > 0 {
            rest.push_str(&text[from..all[at].span.start]);
            from = all[at + count - 1].span.end;
        }
        at += count.max(1);
    }
    rest.push_str(&text[from..]);
    rest.trim().to_owned()
}

/// A command found at the end of a part.
pub(crate) struct Inside {
    /// As a part of its own.
    pub part: Part,
    /// What it says.
    pub call: Call,
    /// Something more than small words stands before it.
    pub beside: bool,
}

impl Turn<'_> {
    /// What is told before several wishes, or above one: "patch evening: shut down web1 and web2", "Carl needs mail today so resume it".
    /// What it says, and the wishes.
    pub(crate) fn behind_a_heading(&self, part: &Part) -> Option<(String, Vec<Part>)> {
        const JOINS: [Class; 4] = [Class::Opens, Class::Then, Class::And, Class::But];
        let cx = self.context();
        let text = part.raw.as_str();
        let all = cx.tokens(text);
        let marked = |at: usize| gap(text, &all, at).contains([':', ',', ';', '\u{2013}', '\u{2014}']);
        let joint = |at: usize| {
            let joint = cx.lexicon.longest_before_of(&all[..at], &JOINS);
            joint.filter(|joint| !marked(at) && *joint < at)
        };
        let plain = |at: &usize| {
            let head = &all[..*at - joint(*at).unwrap_or(0)];
            let least = if gap(text, &all, *at).contains(':') { 2 } else { TELLS };
            let person = cx.lexicon.holds(head, &[Class::Person]);
            let someone = person && !cx.lexicon.holds(head, &[Class::Tells]);
            let denies = cx.lexicon.holds(head, &[DENY.as_slice(), &[Class::Spare, Class::Untouched]].concat());
            (marked(*at) || joint(*at).is_some())
                && head.len() >= least
                && !(denies && !person || someone)
                && cx.lexicon.longest(head, Class::Question).is_none()
        };
        (1..all.len()).filter(plain).find_map(|at| {
            let head = &text[..all[at - joint(at).unwrap_or(0) - 1].span.end];
            let rest = &text[all[at].span.start..];
            let parts = frame(rest, &cx).parts;
            let commands =
                |part: &Part| self.commands(&part.text).into_iter().filter(|(call, _)| self.may_change(call));
            let changes = |part: &Part| {
                commands(part).next().is_some() || self.ahead(part).is_some() || self.several(part).is_some()
            };
            let asks = |part: &Part| self.commands(&part.text).iter().any(|(call, _)| !self.may_change(call));
            let wishes =
                |part: &Part| part.stance == Stance::Request && (!part.question && changes(part) || asks(part));
            // Of one wish behind a comma the whole was tried.
            let many = parts.len() > 1 || parts.iter().any(|part| commands(part).next().is_none());
            // "we need gitea up, boot it" is about somebody; whom "it" stands for is named there, or it is not read so.
            let it = |part: &Part| commands(part).any(|(call, _)| call.args.get(TARGET).is_some_and(points));
            let whom = usize::from(parts.iter().any(it));
            let told = self.named_in(head).len() == whom && !self.holds_command(head) && !self.wishes_for_more(head);
            let enough = many || gap(text, &all, at).contains(':') || joint(at).is_some();
            (told && enough && parts.iter().any(changes) && parts.iter().all(wishes)).then(|| (head.to_owned(), parts))
        })
    }

    /// "start again and tell us whether it stays up": the command that a part begins with, and what is wished behind it.
    pub(crate) fn wish_before(&self, part: &Part) -> Option<Vec<Part>> {
        let cx = self.context();
        let text = part.raw.as_str();
        let all = cx.tokens(text);
        let changes = |text: &str| {
            let commands = self.commands(text);
            let built = |(call, _): &(Call, Path)| self.spec(call).is_some_and(|spec| !spec.planned);
            !commands.is_empty() && commands.iter().all(|reading| built(reading) && self.may_change(&reading.0))
        };
        let joint = |at: usize| {
            let joint = cx.lexicon.longest_of(&all[at..], &[Class::And, Class::Then, Class::But]);
            joint.filter(|count| at + count < all.len())
        };
        (1..all.len()).rev().find_map(|at| {
            let behind = all.get(at + joint(at)?)?;
            let wish: Vec<Part> = frame(&text[..all[at - 1].span.end], &cx).parts;
            let rest: Vec<Part> = frame(&text[behind.span.start..], &cx).parts;
            let whole = |part: &Part| part.stance == Stance::Request && changes(&part.text);
            let wished = wish.len() == 1 && wish.iter().all(whole) && !rest.is_empty();
            wished.then(|| wish.into_iter().chain(rest).collect())
        })
    }

    /// The command at the end of a part that is none as a whole; the longest there is.
    pub(crate) fn inside(&self, part: &Part) -> Option<Inside> {
        let cx = self.context();
        let all = cx.tokens(&part.raw);
        let small = |at: usize| cx.lexicon.longest_of(&all[at..], &SMALL);
        let begins = |at: usize| cx.lexicon.longest_of(&all[at..], &[Class::Verb, Class::Question]).is_some();
        // How far small words reach from the beginning.
        let mut light = 0;
        while let Some(count) = small(light).filter(|_| light < all.len()) {
            light += count;
        }
        // "ok alors je me lance : démarre web1"
        while let Some(count) = all.get(light..).and_then(|rest| cx.lexicon.longest_of(rest, &[Class::Aside])) {
            light += count;
            while let Some(count) = small(light).filter(|_| light < all.len()) {
                light += count;
            }
        }
        for at in (0..all.len()).filter(|at| begins(*at)) {
            let marked = gap(&part.raw, &all, at).contains([',', ':', ';', '!', '.', '\u{2013}', '\u{2014}', ')']);
            // Only after a mark or a small word does something new begin: "tell bob to stop" is one thing.
            let opening = |from: usize| {
                OPENS
                    .iter()
                    .any(|class| cx.lexicon.longest(&all[from..], *class).is_some_and(|count| from + count == at))
            };
            let after_small = (0..at).any(opening);
            if at > 0 && !(marked || after_small) {
                continue;
            }
            let beside = at > light;
            // "its friday, switch off web1"
            let plain = all[..at].iter().all(|token| cx.lexicon.contains(&token.folded));
            if beside && at < TELLS && !(plain && marked && at > 1) {
                continue;
            }
            let rest = &part.raw[all[at].span.start..];
            let told = || self.told_after(rest).filter(|_| at > 0);
            let Some((wish, call)) = self.command_from(rest, at > 0).or_else(told) else { continue };
            let changes = self.spec(&call).is_some_and(|spec| spec.danger > Danger::Read);
            // "web1 ne répond plus, relance-la": that denies nothing, and says whom it is about.
            let head = &part.raw[..all[at].span.start];
            let trouble = read::find(Kind::Choice(&[TROUBLE]), head, &cx);
            let told = |from: usize| trouble.iter().any(|found| found.span.contains(&all[from].span.start));
            // "joe is right, shut down web1": what asks stands at the beginning.
            let asks = |from: usize| {
                let opens = from == 0 || gap(&part.raw, &all, from).contains([',', '.', '!', '?', ';', ':']);
                (opens || head.contains('?')) && cx.lexicon.longest(&all[from..], Class::Question).is_some()
            };
            let denies = |from: usize| cx.lexicon.longest_of(&all[from..], &DENY).is_some() || asks(from);
            let denied = (0..at).any(|from| !told(from) && denies(from));
            let of_it = !trouble.is_empty() && call.args.get(TARGET).is_some_and(points);
            // The one machine that is named before it is what "it" is.
            let spoken = self.named_in(head);
            let pointed = call.args.get(TARGET).is_some_and(points);
            let only_named = match spoken.iter().collect::<Vec<_>>().as_slice() {
                [only] if pointed && !of_it => Some((*only).clone()),
                _ => None,
            };
            let of_it = of_it || only_named.is_some();
            // "pos1 stuck too, reboot pos1" names nobody else.
            let own = self.machines_of(&call);
            let other =
                |token: &Token<'_>| cx.known.has(Of::Machine, token.text).is_some_and(|name| !is_among(&name, &own));
            let named = all[..at].iter().any(other) && !of_it;
            // "we need gitea up again, boot it": what is meant stands before it.
            let elsewhere = beside && !plain && !of_it && call.args.get(TARGET).is_some_and(points);
            if changes && (denied || named || elsewhere) {
                return None;
            }
            // "note: shut down web1", but "ok here goes: shut down web1"
            let labelled = (at > light || at == 1) && gap(&part.raw, &all, at).contains(':');
            // "mail matters to all of us, start it"
            let mut call = call;
            if let Some(name) = only_named.filter(|_| changes) {
                call.args.insert(TARGET.to_owned(), Value::Machines(Selector::Names(vec![name])));
            }
            return Some(Inside { part: wish, call, beside: beside || labelled });
        }
        None
    }

    /// "take a snapshot, call it x": a command with what is said of it behind it, and nothing that may matter.
    fn told_after(&self, text: &str) -> Option<(Part, Call)> {
        let mut parts = frame(text, &self.context()).parts.into_iter();
        let (part, None) = (parts.next()?, parts.next()) else { return None };
        let Told { part, call, beside: None } = self.told_behind(&part)? else { return None };
        Some((part, call))
    }

    /// A text that is a command to the letter, perhaps with words in it that may stand anywhere, and small ones behind it.
    fn command_from(&self, text: &str, trim: bool) -> Option<(Part, Call)> {
        let cx = self.context();
        let mut parts = frame(text, &cx).parts.into_iter();
        let (part, None) = (parts.next()?, parts.next()) else { return None };
        if part.stance != Stance::Request {
            return None;
        }
        let text = without_slack(&part.text, &cx);
        let part = Part { text, ..part };
        let all = cx.tokens(&part.text);
        let mut end = all.len();
        while end > 0 {
            let whole = &part.text[..all[end - 1].span.end];
            if let [(call, Path::Command)] = self.commands(whole).as_slice()
                && !CONTROLS.contains(&call.skill.as_str())
            {
                let said = whole.to_owned();
                return Some((Part { text: said.clone(), raw: said, ..part }, call.clone()));
            }
            let last = &all[end - 1..end];
            // "reboot db1 maybe", "… this evening"
            let weighs = |at: usize| cx.lexicon.longest_of(&all[at..], &SAYS_WHEN).is_some();
            let small = cx.lexicon.longest_of(last, &SMALL).is_some() && !(end - 1..all.len()).any(weighs);
            end = if small && trim { end - 1 } else { 0 };
        }
        None
    }
}

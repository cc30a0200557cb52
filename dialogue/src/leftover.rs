//! Every word is accounted for: what of a sentence belongs neither to the command, nor to a value, nor to politeness.
//!
//! A classifier is sure of what a sentence is about, and deaf to what it adds: "shut down web1 except the backup". What is left over is
//! named in a question before anything is done, save for a plain aside to what can be taken back.

use std::ops::Range;

use grammar::clause::spans;
use grammar::kind::{Kind, Of};
use grammar::known::squeeze;
use grammar::lexicon::Class;
use grammar::read::{self, Context};
use grammar::selector::{Selector, exceptions};
use grammar::token::{Token, gap};
use grammar::value::Value;

use crate::adjacent::{behind_a_name, behind_the_machine, beside_the_machine, follows, may_be_its_name, says_which};
use crate::amend::is_among;
use crate::book::{Book, Words};
use crate::machine::{Ranking, Turn};
use crate::meant::{is_behind_all, says_which_of_all};
use crate::session::Call;
use crate::slots::{Taken, extract_where, overlap};
use crate::spec::{Category, Danger, Scope, Slot, Spec, TARGET};
use crate::vocabulary::Vocabulary;

/// Marks that quote: one that stands alone quotes nobody knows what.
pub(crate) const MARKS: [char; 5] = ['"', '“', '”', '„', '`'];
/// Words that change nothing of what is wanted, whatever is wanted.
pub(crate) const LIGHT: [Class; 14] = [
    Class::Filler,
    Class::Hedge,
    Class::Polite,
    Class::Wrap,
    Class::Article,
    Class::Greeting,
    Class::Thanks,
    Class::It,
    Class::Myself,
    Class::Machine,
    Class::Host,
    Class::Then,
    Class::Possessive,
    Class::Noname,
];
/// Words that change what is wanted, wherever they stand.
const WEIGHTY: [Class; 6] =
    [Class::Weighs, Class::Except, Class::Conditional, Class::Everything, Class::Both, Class::Called];

/// Words by which somebody takes back or changes what they say.
pub(crate) const TURNS: [Class; 10] = [
    Class::Cancel,
    Class::Recants,
    Class::No,
    Class::Not,
    Class::Denied,
    Class::Stop,
    Class::Spare,
    Class::Untouched,
    Class::TakeBack,
    Class::Meant,
];
/// Shorter words are no piece of a name.
const SHORTEST: usize = 3;
/// What a message may name several of, where a skill takes one.
const THINGS: [Of; 4] = [Of::Snapshot, Of::Disk, Of::Volume, Of::Pool];
/// Words for a time.
const TIMES: [Class; 4] = [Class::Day, Class::Month, Class::Offset, Class::Moment];

/// What nobody can place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOver {
    /// As it was said, piece by piece.
    pub words: Vec<String>,
    /// It leaves something out: then nothing else of the sentence can be trusted.
    pub excepts: bool,
    /// It names another machine than those that are meant: nobody knows what should become of that one.
    pub names: bool,
    /// It makes what is wanted depend on something that can't be looked up.
    pub depends: bool,
    /// It may change what is wanted: a name, a number, a condition, a manner, or something beside the machine's name.
    pub weighs: bool,
    /// Not all of it stands apart and says why: "start db1: done".
    pub unexplained: bool,
}

impl LeftOver {
    /// What is said where the rest of the sentence can't be trusted with it.
    pub fn unread(&self) -> Option<&'static str> {
        match self {
            left if left.excepts => Some("left_over_except"),
            left if left.depends => Some("left_over_if"),
            left if left.names => Some("left_over_machine"),
            _ => None,
        }
    }

    /// Whether it has to be asked about before something that dangerous is done.
    pub fn matters(&self, danger: Danger) -> bool {
        !self.words.is_empty() && (self.weighs || self.unexplained || danger > Danger::Reversible)
    }
}

/// What is left over of a text that was understood as a skill, after these values were read from it.
pub(crate) fn left_over(
    book: &Book,
    words: &Words,
    spec: &Spec,
    text: &str,
    taken: &[Taken],
    cx: &Context<'_>,
) -> LeftOver {
    let all = cx.tokens(text);
    let vocabulary = words.vocabulary(spec.id);
    let mut left = LeftOver::default();
    let mut pieces: Vec<Range<usize>> = Vec::new();
    // "mum, start db1", "start db1: done": apart from the command its words say nothing of it.
    let alone = |at: usize| {
        let marked = |at: &usize| {
            let gap = gap(text, &all, *at);
            gap.contains([',', ':', ';', '.', '!', '>', '[', '(']) || is_dash(gap)
        };
        let from = (1..=at).rev().find(marked).unwrap_or(0);
        let until = (at + 1..all.len()).find(marked).unwrap_or(all.len());
        let own = |token: &Token<'_>| {
            let read = taken.iter().any(|(_, span)| span.start < token.span.end && token.span.start < span.end);
            read || vocabulary.commands(token) && !cx.lexicon.is(&token.folded, Class::And)
        };
        !all[from..until].iter().any(own)
    };
    let apart = |at: usize| spec.category == Category::Power && alone(at);
    // "snapshot web1 [ok]", "… -> failed": what came of it, as a log has it.
    let logged = |at: usize| {
        const COURTEOUS: [Class; 3] = [Class::Polite, Class::Thanks, Class::Greeting];
        let marks = |gap: &str| gap.contains([':', '[', '>', '=']) || is_dash(gap);
        let mark = (1..=at).rev().find(|at| marks(gap(text, &all, *at)));
        let behind = mark.is_some_and(|mark| {
            let read = taken.iter().any(|(_, span)| span.end <= all[mark].span.start);
            read || taken.is_empty() && all[..mark].iter().any(|token| vocabulary.commands(token))
        });
        behind && alone(at) && cx.lexicon.longest_of(&all[at..], &COURTEOUS).is_none()
    };
    let mut at = 0;
    while at < all.len() {
        let token = &all[at];
        let longest = |classes: &[Class]| cx.lexicon.longest_of(&all[at..], classes).unwrap_or(0);
        let read_at = |token: &Token<'_>| taken.iter().any(|(_, span)| overlap(span, &token.span));
        // "this evening": a time of which only "this" was read is none of the machine spoken to.
        let time = longest(&TIMES);
        let end = all[(at + time.max(1) - 1).min(all.len() - 1)].span.end;
        let halved = time > 1
            && read_at(token)
            && !taken.iter().any(|(_, span)| span.start <= token.span.start && end <= span.end);
        if halved {
            left.weighs = true;
            pieces.push(token.span.start..end);
            at += time;
            continue;
        }
        if read_at(token) {
            at += 1;
            continue;
        }
        let answers = longest(&[Class::Yes, Class::Past]);
        let answers = if behind_the_machine(token, taken, text) && at + answers == all.len() { answers } else { 0 };
        let (weighty, light, times) = (longest(&WEIGHTY), longest(&LIGHT), longest(&TIMES));
        // "start web2, leave it"
        let turns = longest(&TURNS);
        let behind = taken.iter().any(|(_, span)| span.end <= token.span.start)
            || taken.is_empty() && all[..at].iter().any(|token| vocabulary.commands(token));
        // "shut down web1 stop", "resume stop it", but "web1 stop"
        let rest = all.get(at + turns..).unwrap_or_default();
        let halts = (rest.is_empty() || cx.lexicon.longest(rest, Class::It) == Some(rest.len()))
            && cx.lexicon.longest_of(&all[at..], &[Class::Stop, Class::Cancel]) == Some(turns)
            && all[..at].iter().any(|token| vocabulary.commands(token));
        let turned = turns > 1 && turns >= light || light == 0 && (halts || !vocabulary.commands(token));
        let turns = if (behind || halts) && turned { turns } else { 0 };
        let known = [Of::Machine, Of::Hypervisor].iter().any(|of| cx.known.has(*of, token.text).is_some())
            && !cx.lexicon.contains(&token.folded);
        let named = token.quoted
            || token.folded.chars().any(|c| c.is_ascii_digit())
            || token.text.contains(MARKS)
            || at > 0 && gap(text, &all, at).ends_with("--")
            || is_device(&token.folded)
            || counts(&all[at..], cx) && !vocabulary.commands(token);
        // "reboot web1 mail", where mail-01 is.
        let piece = token.folded.chars().count() >= SHORTEST
            && !cx.lexicon.contains(&token.folded)
            && cx.known.has_piece(Of::Machine, &squeeze(token.text));
        let thing = spec.category == Category::Power && is_thing(book, words, vocabulary, &all, at, taken, (text, cx));
        // "reboot web1 and db1, only the first"
        let picks = longest(&[Class::Only]);
        let picks = if picks > 0 && picks_one(&all[at + picks..], cx) { picks } else { 0 };
        // "the machine that isn't web1", "any of web1 and web2"
        let target = |at: usize| {
            all.get(at)
                .is_some_and(|next| taken.iter().any(|(slot, span)| slot == TARGET && span.start == next.span.start))
        };
        let (denies, some) = (longest(&[Class::Denied, Class::Not]), longest(&[Class::SomeOf]));
        let few =
            |at: usize| cx.lexicon.longest_of(all.get(at..).unwrap_or_default(), &[Class::Article, Class::Number]);
        let some = if some > 0 && [some, some + few(at + some).unwrap_or(0)].iter().any(|count| target(at + count)) {
            some
        } else {
            0
        };
        let inverts = if denies > 0 && target(at + denies) { denies } else { some };
        left.excepts |= inverts > 0;
        // "web2, go back to v8", where another is meant.
        let again = taken.iter().filter(|(slot, _)| slot == TARGET).any(|(_, span)| {
            text.get(span.clone()).is_some_and(|own| own.to_lowercase().contains(&token.text.to_lowercase()))
        });
        let other = cx.known.has(Of::Machine, token.text).is_some() && known && !again;
        // "delete s1 s2", where only s1 was read; "vda to ssd and vdb to archive".
        // "fast" is a word as any other where no place is spoken of, or goes on.
        let placed = cx.lexicon.longest_before_of(&all[..at], &[Class::Where, Class::To, Class::And]).is_some();
        let another = (placed || !cx.lexicon.contains(&token.folded))
            && THINGS.iter().any(|of| {
                let read =
                    |slot: &Slot| slot.kind == Kind::Name(*of) && taken.iter().any(|(name, _)| name == slot.name);
                cx.known.has(*of, token.text).is_some() && spec.slots.iter().any(read)
            });
        // "web1 is fine, reboot the other one"
        let other_one = longest(&[Class::Other]) > 0 && !read_at(token) && taken.iter().any(|(slot, _)| slot == TARGET);
        left.names |= another || other_one && spec.category == Category::Power;
        left.names |= piece || thing || picks > 0 || other && taken.iter().any(|(slot, _)| slot == TARGET);
        let count = if another || named || known || piece || thing || picks > 0 || inverts > 0 {
            left.weighs = true;
            picks.max(inverts).max(1)
        } else if weighty > 1 && weighty >= light || weighty == 1 && weighty >= light && !vocabulary.commands(token) {
            left.weighs = true;
            // "reboot not web1"
            left.excepts |= longest(&[Class::Except]) == weighty || longest(&[Class::Denied, Class::Not]) == weighty;
            left.depends |= cx.lexicon.longest(&all[at..], Class::If) == Some(weighty);
            weighty
        } else if turns > 0 {
            left.weighs = true;
            // "stop web1, hmm no don't"
            left.excepts |= only_denies(text, &all, at, cx);
            turns
        } else if times > light {
            // "this evening"
            left.weighs = true;
            times
        } else if logged(at) {
            left.weighs = true;
            1
        } else if answers > 0 {
            // "start cache OK": how it went, as a log has it.
            left.weighs = true;
            answers
        } else if light > 0 {
            at += light;
            continue;
        } else if vocabulary.has(token)
            && !behind_a_name(spec, token, taken, text)
            && (vocabulary.commands(token) || at + 1 < all.len() || !behind_the_machine(token, taken, text))
            && !apart(at)
            && (vocabulary.commands(token) || !is_behind_all(&all, at, text, cx))
        {
            at += 1;
            continue;
        } else {
            left.weighs |= beside_the_machine(token, taken, text)
                || behind_a_name(spec, token, taken, text)
                || weighs_elsewhere(book, &all[at..])
                || times > 0
                || at > 0 && cx.lexicon.longest(&all[at - 1..], Class::Where) == Some(1)
                || may_be_its_name(spec, vocabulary, &all[..=at], taken, text)
                || at > 0 && says_which(vocabulary, &all[at..], text, cx);
            1
        };
        let last = (at + count - 1).min(all.len() - 1);
        pieces.push(token.span.start..all[last].span.end);
        at += count;
    }
    left.words = joined(text, pieces);
    left
}

/// Whether a text holds a word that takes back, denies, spares or makes depend.
pub(crate) fn turns(text: &str, cx: &Context<'_>) -> bool {
    const DEPENDS: [Class; 2] = [Class::Except, Class::If];
    let all = cx.tokens(text);
    cx.lexicon.holds(&all, &TURNS) || cx.lexicon.holds(&all, &DEPENDS)
}

/// Whether nothing but a denial stands there up to the end of the clause: "hmm no don't".
fn only_denies(text: &str, all: &[Token<'_>], at: usize, cx: &Context<'_>) -> bool {
    const DENIES: [Class; 8] =
        [Class::No, Class::Not, Class::Denied, Class::Recants, Class::Cancel, Class::Aside, Class::It, Class::Filler];
    let mut end = at;
    while end < all.len() && (end == at || !gap(text, all, end).contains([',', '.', ';', '!', '?'])) {
        match cx.lexicon.longest_of(&all[end..], &DENIES) {
            Some(count) => end += count,
            None => return false,
        }
    }
    cx.lexicon.holds(&all[at..end.min(all.len())], &DENIES[..5])
}

/// Whether words begin with a number in an order: "the first".
fn picks_one(tokens: &[Token<'_>], cx: &Context<'_>) -> bool {
    let article = cx.lexicon.longest(tokens, Class::Article).unwrap_or(0);
    [0, article].iter().any(|skipped| cx.lexicon.longest(&tokens[*skipped..], Class::Ordinal).is_some())
}

/// A device of a machine, as its system calls it: "vdb".
pub(crate) fn is_device(word: &str) -> bool {
    const FAMILIES: [&str; 4] = ["vd", "sd", "hd", "xvd"];
    let letter = |rest: &str| rest.len() == 1 && rest.bytes().all(|byte| byte.is_ascii_lowercase());
    FAMILIES.iter().any(|family| word.strip_prefix(family).is_some_and(letter))
}

/// Whether a word says that there are several: "two".
fn counts(tokens: &[Token<'_>], cx: &Context<'_>) -> bool {
    let several = |(_, digits): (usize, &str)| digits.parse::<u64>().is_ok_and(|number| number > 1);
    cx.lexicon.all(tokens, Class::Number).any(several)
}

/// "restart the service on web1", "stop web1 disk": what a machine has, where a machine is switched on and off.
fn is_thing(
    book: &Book,
    words: &Words,
    vocabulary: &Vocabulary,
    all: &[Token<'_>],
    at: usize,
    taken: &[Taken],
    (text, cx): (&str, &Context<'_>),
) -> bool {
    const SMALL: [Class; 3] = [Class::Article, Class::Machine, Class::Where];
    let token = &all[at];
    let long = |at: usize, classes: &[Class]| {
        all.get(at..).map_or(0, |rest| cx.lexicon.longest_of(rest, classes).unwrap_or(0))
    };
    let small = [LIGHT.as_slice(), &WEIGHTY, &[Class::Verb]].concat();
    // "stop the host of web1"
    let host = long(at, &[Class::Host]) == 1 && long(at, &[Class::Machine]) == 0;
    if vocabulary.commands(token) || !host && long(at, &small) > 0 {
        return false;
    }
    let whom = |at: usize| {
        let target =
            |(slot, span): &Taken| slot == TARGET && all.get(at).is_some_and(|next| next.span.start == span.start);
        taken.iter().any(target)
    };
    // "the service on web1", "the web server on web1"
    let noun = at + 1 + long(at + 1, &[Class::Machine]);
    let article = |at: usize| at > 0 && long(at - 1, &[Class::Article]) == 1;
    // "le serveur web sur web1"
    let begins = article(at) || at > 0 && long(at - 1, &[Class::Machine]) == 1 && article(at - 1);
    let placed = begins && long(noun, &[Class::Where]) > 0 && {
        let mut next = noun;
        while !whom(next) && long(next, &SMALL) > 0 {
            next += long(next, &SMALL);
        }
        whom(next)
    };
    // "stop web1 disk", but "web1 needs a reboot".
    let commands = |all: &[Token<'_>]| all.iter().any(|token| vocabulary.commands(token));
    let behind = commands(&all[..at])
        && !commands(&all[at + 1..])
        && taken.iter().any(|(slot, span)| slot == TARGET && follows(token, span, text));
    let mut others = book.specs().iter().filter(|other| other.category != Category::Power);
    placed || behind && others.any(|other| words.vocabulary(other.id).commands(token))
}

/// Whether nothing but a dash stands between two words: "start db1 - done".
fn is_dash(gap: &str) -> bool {
    ["-", "\u{2013}", "\u{2014}"].contains(&gap.trim())
}

/// Whether a word that this language doesn't have weighs in another: people mix them.
fn weighs_elsewhere(book: &Book, tokens: &[Token<'_>]) -> bool {
    book.lexicons().any(|lexicon| WEIGHTY.iter().any(|class| lexicon.longest(tokens, *class).is_some()))
}

/// Nothing but an amount, a time or an address.
pub(crate) fn is_bare_value(text: &str, cx: &Context<'_>) -> bool {
    const KINDS: [Kind; 7] =
        [Kind::Size, Kind::Count, Kind::Percent, Kind::Duration, Kind::When, Kind::Jid, Kind::Address];
    KINDS.into_iter().any(|kind| read::parse(kind, text, cx).is_some())
}

/// What among some names, or right behind them, says that one of them is not meant.
fn denied_among(text: &str, span: &Range<usize>, cx: &Context<'_>) -> Option<String> {
    const DENIES: [Class; 5] = [Class::Except, Class::Denied, Class::No, Class::Spare, Class::Stays];
    let all = cx.tokens(text);
    let within = |token: &Token<'_>| span.start <= token.span.start && token.span.end <= span.end;
    let names = all.iter().filter(|token| within(token) && cx.known.has(Of::Machine, token.text).is_some()).count();
    let behind = all.iter().position(|token| token.span.start >= span.end);
    let inside = (0..all.len()).filter(|at| within(&all[*at]));
    let said = |at: &usize| cx.lexicon.longest_of(&all[*at..], &DENIES);
    let instead = |at: &usize| cx.lexicon.longest(&all[*at..], Class::Weighs).filter(|count| *count > 1);
    let found =
        inside.filter(|at| said(at).or(instead(at)).is_some()).chain(behind.filter(|at| said(at).is_some())).next()?;
    (names > 1).then(|| text[all[found].span.start..].to_owned())
}

/// Whether a word means all of them: "everything", "all machines", but not "each", which says how.
fn says_everybody(text: &str, all: &[Token<'_>], at: usize, cx: &Context<'_>) -> bool {
    let long = |at: usize, class| cx.lexicon.longest(&all[at..], class).unwrap_or(0);
    let next = at + long(at, Class::All);
    let ends = || next >= all.len() || !gap(text, all, next).trim().is_empty();
    long(at, Class::Everything) > 0 || next > at && (ends() || long(next, Class::Machines) > 0)
}

/// Pieces that stand side by side, or with only small words between, are one.
fn joined(text: &str, pieces: Vec<Range<usize>>) -> Vec<String> {
    const GAP: usize = 12;
    let mut joined: Vec<Range<usize>> = Vec::new();
    for piece in pieces {
        match joined.last_mut().filter(|last| piece.start.saturating_sub(last.end) <= GAP) {
            Some(last) => last.end = last.end.max(piece.end),
            None => joined.push(piece),
        }
    }
    joined.into_iter().filter_map(|piece| text.get(piece)).map(str::to_owned).collect()
}

impl Turn<'_> {
    /// What a text says of a skill.
    pub(crate) fn call_from(&self, skill: &str, text: &str, ranking: &Ranking) -> Call {
        self.call_and_rest(skill, text, ranking).0
    }

    /// What a text says of a skill, and what of it has to be asked about: nobody can place it, and something would be changed.
    pub(crate) fn call_and_rest(&self, skill: &str, text: &str, ranking: &Ranking) -> (Call, Option<LeftOver>) {
        let spans = ranking.spans.get(skill).map_or(&[][..], Vec::as_slice);
        let Some(spec) = self.book.spec(skill) else {
            return (Call { skill: skill.to_owned(), ..Call::default() }, None);
        };
        let cx = self.context();
        let (args, taken) = extract_where(spec, text, spans, &cx);
        let changes = spec.danger > Danger::Read && !spec.planned;
        let mut left = changes.then(|| left_over(self.book, self.heard, spec, text, &taken, &cx));
        if let Some(left) = &mut left {
            self.weigh_target(left, text, args.get(TARGET), &taken);
            // "start db1: done", "siri start db1": only what says why is left over unasked.
            left.unexplained = !left.words.iter().all(|words| self.is_told_behind(words, text));
        }
        (Call { skill: skill.to_owned(), args }, left.filter(|left| left.matters(spec.danger)))
    }

    /// Whether words of a text stand behind a mark, or behind "because", and only tell something.
    fn is_told_behind(&self, words: &str, text: &str) -> bool {
        const MARKS: [char; 7] = [',', ';', '(', '.', '!', '\u{2013}', '\u{2014}'];
        let cx = self.context();
        let all = cx.tokens(text);
        let Some(start) = text.find(words) else { return false };
        let Some(at) = all.iter().position(|token| token.span.end > start) else { return false };
        let begins = |at: &usize| {
            let because = cx.lexicon.longest(&all[*at..], Class::Because).is_some();
            *at > 0 && (because || gap(text, &all, *at).contains(MARKS))
        };
        (1..=at).rev().find(begins).is_some_and(|from| self.only_tells(&text[all[from].span.start..]))
    }

    /// "a disk of 20 GB, qcow2, trends": the one word that is left over, as the name that is to be given.
    pub(crate) fn left_name(&self, call: &Call, left: &LeftOver) -> Option<(String, Value)> {
        let cx = self.context();
        let [word] = left.words.as_slice() else { return None };
        let spec = self
            .spec(call)
            .filter(|spec| left.unread().is_none() && (left.weighs || spec.danger > Danger::Reversible))?;
        let slot = spec.new_name()?;
        let all = cx.tokens(word);
        let plain =
            |token: &Token<'_>| !cx.lexicon.contains(&token.folded) && !self.heard.vocabulary(spec.id).commands(token);
        let known = Of::ALL.iter().any(|of| cx.known.has(*of, word).is_some());
        let place = self.session.trace.text.find(word.as_str()).map(|at| at..at + word.len());
        if place.is_some_and(|span| says_which_of_all(&span, &self.session.trace.text, &cx)) {
            return None;
        }
        // "because vda is full" names nothing.
        let text = self.session.trace.text.as_str();
        let clause = spans(text, &[Class::And, Class::But], &cx)
            .into_iter()
            .find(|span| text[span.clone()].contains(word.as_str()));
        let tells = clause.is_some_and(|span| {
            let tokens = cx.tokens(&text[span]);
            cx.lexicon.holds(&tokens, &[Class::Because, Class::Tells])
        });
        let alone = !tells && all.len() == 1 && all.iter().all(plain) && !is_device(&all[0].folded);
        let value = read::parse(slot.kind, word, &cx)?;
        (alone && !known && !call.args.contains_key(slot.name)).then(|| (slot.name.to_owned(), value))
    }

    /// Whether somebody is named, left out or meant beside the machines that were read from a text: then nobody knows who is meant.
    fn weigh_target(&self, left: &mut LeftOver, text: &str, target: Option<&Value>, taken: &[Taken]) {
        let cx = self.context();
        let all = cx.tokens(text);
        let read = taken.iter().find(|(slot, _)| slot == TARGET).map(|(_, span)| span.clone());
        let span = read.clone().unwrap_or_default();
        let names = match target {
            Some(Value::Machines(Selector::Names(names))) => Some(names),
            _ => None,
        };
        let set = matches!(target, Some(Value::Machines(Selector::All | Selector::Where { .. })));
        let is_machine = |token: &Token<'_>| cx.known.has(Of::Machine, token.text).is_some();
        let mut outside =
            (0..all.len()).filter(|at| all[*at].span.end <= span.start || all[*at].span.start >= span.end);
        if let Some(meant) = names {
            // "shut down web1, restart db1": whoever is named beside is meant in some way too.
            let other = |piece: &String| {
                let named = cx.tokens(piece).into_iter().filter_map(|token| cx.known.has(Of::Machine, token.text));
                named.filter(|name| !meant.contains(name)).count() > 0
            };
            left.names |= left.words.iter().any(other);
            // "reboot it and db1": another one too.
            let first = all.iter().position(|token| token.span.start >= span.start).unwrap_or(0);
            let and = first > 1 && cx.lexicon.longest(&all[first - 1..], Class::And).is_some();
            if and && cx.lexicon.longest(&all[first - 2..], Class::It).is_some() {
                left.names = true;
                left.words.push(all[first - 2].text.to_owned());
            }
        }
        // "stop all others": a part of them is meant.
        if set && self.around.scope != Scope::Machine {
            let next = all.iter().position(|token| token.span.start >= span.end);
            left.names |= next.is_some_and(|next| cx.lexicon.longest(&all[next..], Class::Weighs) == Some(1));
        }
        // "stop web1 on hv2", said to hv1: that one is another.
        let host = |word: &str| cx.known.has(Of::Hypervisor, word).filter(|host| host != self.around.entity);
        left.names |= left.words.iter().flat_map(|piece| piece.split_whitespace()).any(|word| host(word).is_some());
        if names.is_some() {
            // "everything that is not web1": all of them, of whom only one was read.
            let whole = |piece: &String| cx.lexicon.holds(&cx.tokens(piece), &[Class::Everything, Class::All]);
            left.excepts |= left.words.iter().any(whole);
            // "stop web1 instead of db2", "stop web1, not db2", "web1, db2 non": nobody knows who is meant of those that are named.
            if let Some(words) = read.and_then(|read| denied_among(text, &read, &cx)) {
                left.excepts = true;
                left.words.push(words);
            }
            // "stop all, db1 non": of whom one was read.
            left.excepts |= outside.any(|at| says_everybody(text, &all, at, &cx));
        } else if matches!(target, Some(Value::Machines(Selector::All))) {
            // "stop all, sparing db1": beside whom one is named.
            left.names |= outside.any(|at| is_machine(&all[at]));
        }
        if target.is_some() && (left.excepts || left.names) && left.words.is_empty() {
            left.words.push(text.to_owned());
        }
        // "pause all machines on hv9", where no host is called so: a part of them may be meant.
        let placed = |at: usize| {
            let next = cx.lexicon.longest(&all[at..], Class::Where).and_then(|count| all.get(at + count));
            next.is_some_and(|next| left.words.iter().any(|piece| piece.starts_with(next.text)))
        };
        left.names |= set && (0..all.len()).any(placed);
        // Whatever was read: who is left out is out of it, or none of it can be trusted.
        let kept = |names: &[String]| match target {
            Some(Value::Machines(Selector::Where { except, .. })) => names.iter().all(|name| except.contains(name)),
            Some(Value::Machines(Selector::Names(meant))) => !names.iter().any(|name| is_among(name, meant)),
            _ => false,
        };
        for (span, _) in exceptions(text, &cx).into_iter().filter(|(_, names)| !kept(names)) {
            left.excepts = true;
            left.words.push(text[span].to_owned());
        }
    }
}

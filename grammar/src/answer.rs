//! Reads a reply to an open question: yes, no, "the second one", "no, 30".
//!
//! Whether "2" is the second choice or the value two is for the dialogue to say: it knows what was asked, and tries
//! [`crate::read::parse`] with the kind of the open slot first.

use crate::{
    MAX_TEXT,
    kind::Of,
    lexicon::Class,
    name, number,
    read::{Context, Cursor},
    selector::LAST,
    stance::Effect,
    time,
    token::{Token, gap},
};

/// A reply to an open question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go ahead.
    Yes,
    /// "ok?", "is that ok?": asks whether to go ahead, and is no yes.
    Unsure,
    /// Not so.
    No,
    /// Drop the question and what it was for.
    Cancel,
    /// "default", "skip": whatever is usual.
    Skip,
    /// "what?": ask again.
    Repeat,
    /// "2", "the second one", "1 and 3": numbers of choices from 1; [`LAST`] is the last.
    Nth(Vec<usize>),
    /// "both".
    Both,
    /// "all of them".
    All,
    /// "no, 30", "make that 30": the right thing, as said.
    Correction(String),
    /// "continue", "where were we?": back to what was set aside.
    Continue,
    /// Take it back.
    Undo,
    /// "stop", alone: the question, or what is running.
    Stop,
    /// Something else, perhaps a value or a new request.
    Other,
}

/// Reads a reply to an open question.
///
/// ```
/// use grammar::{answer::{Answer, answer}, known::Nothing, lexicon::Lexicon, read::Context};
/// let lexicon = Lexicon::parse("yes: yes, go ahead\nno: no\npolite: please\ncorrect = no <comma>").unwrap();
/// let cx = Context { lexicon: &lexicon, known: &Nothing, now: "2026-11-20T12:00[UTC]".parse().unwrap() };
/// assert_eq!(answer("Yes please, go ahead!", &cx), Answer::Yes);
/// assert_eq!(answer("no, 30", &cx), Answer::Correction("30".into()));
/// assert_eq!(answer("2", &cx), Answer::Nth(vec![2]));
/// assert_eq!(answer("\"yes\"", &cx), Answer::Other, "quoted text is always a value");
/// ```
pub fn answer(text: &str, cx: &Context) -> Answer {
    read(text, cx, Class::Cancel)
}

/// The same when no question is open: then words that both drop a question and take back what was done, as
/// French "annule" does, take back.
///
/// ```
/// use grammar::{answer::{Answer, answer, control}, known::Nothing, lexicon::Lexicon, read::Context};
/// let lexicon = Lexicon::parse("cancel: annule\nundo: annule").unwrap();
/// let cx = Context { lexicon: &lexicon, known: &Nothing, now: "2026-11-20T12:00[UTC]".parse().unwrap() };
/// assert_eq!(answer("annule", &cx), Answer::Cancel);
/// assert_eq!(control("annule", &cx), Answer::Undo);
/// ```
pub fn control(text: &str, cx: &Context) -> Answer {
    read(text, cx, Class::Undo)
}

fn read(text: &str, cx: &Context, first: Class) -> Answer {
    if text.chars().count() > MAX_TEXT {
        return Answer::Other;
    }
    let all = unstretched(text, cx);
    if all.is_empty() {
        let marks = !text.is_empty() && text.trim().chars().all(|c| c == '?') && text.contains('?');
        return if marks { Answer::Repeat } else { Answer::Other };
    }
    // Careful ones first: "no, stop" is no "no", and "ok cancel" no "ok".
    let (cancel, undo) = ((Class::Cancel, Answer::Cancel), (Class::Undo, Answer::Undo));
    let (one, other) = if first == Class::Undo { (undo, cancel) } else { (cancel, undo) };
    // To a question, "go on" is a yes.
    if first == Class::Undo && wholly(&all, Class::Onward, cx) {
        return Answer::Continue;
    }
    for (class, answer) in [
        one,
        other,
        (Class::Stop, Answer::Stop),
        (Class::No, Answer::No),
        (Class::Repeat, Answer::Repeat),
        (Class::Skip, Answer::Skip),
        (Class::Both, Answer::Both),
        (Class::Yes, Answer::Yes),
    ] {
        // "ah oui pardon, vas-y" is no "pardon?".
        if class == Class::Repeat && cx.lexicon.holds(&all, &[Class::Yes]) && !text.contains('?') {
            continue;
        }
        // "stop all" is not "stop", though "all" fills up many a sentence: it says what.
        if wholly(&all, class, cx) && !(class == Class::Stop && says_all(&all, cx)) {
            let unsure = asks(text, &all, cx) || only_heard(text, &all, cx) || halfhearted(text, cx);
            return if answer == Answer::Yes && unsure { Answer::Unsure } else { answer };
        }
    }
    let cursor = Cursor { text, tokens: &all, cx };
    if let Some(numbers) = nth(&cursor) {
        return Answer::Nth(numbers);
    }
    if all_of_them(&all, cx) {
        return Answer::All;
    }
    correction(&cursor).map_or(Answer::Other, Answer::Correction)
}

/// Words as they are meant where a letter is held down: "yesss" is "yes", "nooo" is "no". A name that exists is left as it is.
fn unstretched<'t>(text: &'t str, cx: &Context) -> Vec<Token<'t>> {
    const ANSWERS: [Class; 6] = [Class::Yes, Class::No, Class::Stop, Class::Cancel, Class::Polite, Class::Aside];
    let mut all = cx.tokens(text);
    for token in &mut all {
        if token.quoted || cx.lexicon.contains(&token.folded) || cx.known.has(Of::Machine, token.text).is_some() {
            continue;
        }
        let mut short = token.folded.clone();
        let mut last = None;
        short.retain(|letter| last.replace(letter) != Some(letter));
        if short != token.folded && ANSWERS.iter().any(|class| cx.lexicon.is(&short, *class)) {
            token.folded = short;
            token.heard = None;
        }
    }
    all
}

/// Whether words of agreement are put as a question: "ok?", "is that ok".
fn asks(text: &str, all: &[Token], cx: &Context) -> bool {
    let own = cx.lexicon.longest(all, Class::Yes).unwrap_or(0);
    text.contains('?') || cx.lexicon.longest(all, Class::Question).is_some_and(|question| question > own)
}

/// "ah ok, I see": whether a text says that something was heard, and no more.
fn only_heard(text: &str, all: &[Token], cx: &Context) -> bool {
    let cursor = Cursor { text, tokens: all, cx };
    rules(cx, Effect::Heard).any(|rule| rule.ends(&cursor, 0).contains(&all.len()))
}

/// Whether a word of a text takes from its yes that it is one: "yes, I guess", "ugh, ok".
pub fn halfhearted(text: &str, cx: &Context) -> bool {
    cx.lexicon.holds(&cx.tokens(text), &[Class::Halfhearted])
}

/// What is agreed to: the rest of a text that begins with agreement, "yes, go ahead with the disk". A question is none.
///
/// ```
/// use grammar::{answer::agreed, known::Nothing, lexicon::Lexicon, read::Context};
/// let lexicon = Lexicon::parse("yes: yes, go ahead\npolite: please").unwrap();
/// let cx = Context { lexicon: &lexicon, known: &Nothing, now: "2026-11-20T12:00[UTC]".parse().unwrap() };
/// assert_eq!(agreed("Yes please, reboot it", &cx).as_deref(), Some("reboot it"));
/// assert_eq!(agreed("yes, reboot it?", &cx), None);
/// ```
pub fn agreed(text: &str, cx: &Context) -> Option<String> {
    const BEFORE: [Class; 5] = [Class::Yes, Class::Agrees, Class::Polite, Class::Aside, Class::Filler];
    let all = unstretched(text, cx);
    if text.chars().count() > MAX_TEXT || text.contains('?') {
        return None;
    }
    let longest = |at: usize, classes: &[Class]| cx.lexicon.longest_of(&all[at..], classes).unwrap_or(0);
    let (mut at, mut seen) = (0, false);
    loop {
        let (yes, count) = (longest(at, &[Class::Yes]), longest(at, if seen { &BEFORE[..4] } else { &BEFORE }));
        if count == 0 {
            break;
        }
        if yes == 0 && is_count(&all[at..], count, cx) {
            return None;
        }
        seen |= yes == count;
        at += count;
    }
    let (first, last) = (all.get(at).filter(|_| seen)?, all.last()?);
    Some(text[first.span.start..last.span.end].to_owned())
}

/// Whether a small word says how many, whatever else it fills up: "yes, just one". Of how many, then?
fn is_count(rest: &[Token], count: usize, cx: &Context) -> bool {
    count == 1 && cx.lexicon.longest(rest, Class::Number).is_some()
}

/// What an agreement says of whom it is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct For {
    /// Machines it names.
    pub names: Vec<String>,
    /// How many it says there are, each time it does.
    pub counts: Vec<u64>,
}

/// Whom the rest of an agreement is for, if it is made of nothing but names, words that point ("it", "both", "all three"), words that go
/// with a yes ("quick", "that's the one"), and those that are expected. A name of several words may be one of `shown`.
pub fn only_points(text: &str, shown: &[String], cx: &Context, expected: impl Fn(&str) -> bool) -> Option<For> {
    const POINTING: [Class; 11] = [
        Class::Article,
        Class::It,
        Class::Machine,
        Class::Machines,
        Class::Polite,
        Class::Thanks,
        Class::Yes,
        Class::Agrees,
        Class::All,
        Class::Everything,
        Class::And,
    ];
    let all = cx.tokens(text);
    let cursor = Cursor { text, tokens: &all, cx };
    let mut said = For::default();
    let mut at = 0;
    while at < all.len() {
        let pointing = POINTING.iter().map(|class| cursor.skip(at, *class)).max().unwrap_or(0);
        let both = cursor.skip(at, Class::Both);
        let named = named_at(&cursor, at, shown).filter(|(count, _)| *count > pointing.max(both));
        if let Some((count, name)) = named {
            said.names.push(name);
            at += count;
        } else if both > 0 && both >= pointing {
            said.counts.push(2);
            at += both;
        } else if pointing > 0 {
            at += pointing;
        } else if let Some((count, number)) = number::count_at(&cursor, at).into_iter().next() {
            said.counts.push(number);
            at += count;
        } else if expected(&all[at].folded) {
            at += 1;
        } else {
            return None;
        }
    }
    (!all.is_empty()).then_some(said)
}

/// The longest name of a machine that begins here, of those that exist and those that are shown.
pub(crate) fn named_at(cursor: &Cursor, at: usize, shown: &[String]) -> Option<(usize, String)> {
    let known = name::known(cursor, at, Of::Machine).into_iter();
    let most = cursor.tokens.len() - at;
    let spelled = shown.iter().filter_map(|name| {
        let words = cursor.cx.tokens(name);
        let same = words.len() <= most
            && words.iter().zip(&cursor.tokens[at..]).all(|(word, token)| word.folded == token.folded);
        (same && !words.is_empty()).then(|| (words.len(), name.clone()))
    });
    known.chain(spelled).max_by_key(|(count, _)| *count)
}

/// Whether something is asked, by its mark or its first word after words that say nothing: "hmm how big is it".
pub fn asks_something(text: &str, cx: &Context) -> bool {
    let all = cx.tokens(text);
    let mut at = 0;
    loop {
        let rest = &all[at..];
        let question = cx.lexicon.longest(rest, Class::Question).unwrap_or(0);
        let empty = [
            Class::Yes,
            Class::Filler,
            Class::Polite,
            Class::Greeting,
            Class::Thanks,
            Class::Repeat,
            Class::Stop,
            Class::Hedge,
        ]
        .iter()
        .filter_map(|class| cx.lexicon.longest(rest, *class))
        .max()
        .unwrap_or(0);
        // "it should be raw" asks nothing, though "should" may.
        let wrap = cx.lexicon.longest(rest, Class::Wrap).filter(|count| *count > 1).unwrap_or(0);
        let empty = empty.max(wrap);
        if question > empty || text.contains('?') {
            return true;
        }
        if empty == 0 {
            return false;
        }
        at += empty;
    }
}

/// What a clause wants taken back, as it says it, or nothing: "undo that", "oups non annule le démarrage de web1". `None` when it wants
/// none, or says whether, when or by whom.
pub fn taken_back(clause: &str, cx: &Context) -> Option<String> {
    const OTHERWISE: [Class; 6] =
        [Class::Question, Class::Conditional, Class::Not, Class::Denied, Class::Person, Class::Except];
    let all = unstretched(clause, cx);
    let cursor = Cursor { text: clause, tokens: &all, cx };
    let at = (0..all.len()).find(|at| cursor.skip(*at, Class::TakeBack) > 0)?;
    let count = cursor.skip(at, Class::TakeBack);
    // "now the revert" is a thing.
    if at > 0 && cursor.skip(at - 1, Class::Article) == 1 {
        return None;
    }
    let empty =
        |at: usize| cursor.skip(at, Class::Aside).max(cursor.skip(at, Class::Filler)).max(cursor.skip(at, Class::It));
    let otherwise =
        (0..all.len()).any(|at| OTHERWISE.iter().map(|class| cursor.skip(at, *class)).max().unwrap_or(0) > empty(at));
    let object = all.get(at + count).map_or("", |first| &clause[first.span.start..]);
    (!otherwise).then(|| object.to_owned())
}

/// Whether a text calls the question off in some part of it: "oh, never mind the disk", "laisse, un collègue s'en occupe".
pub fn calls_off(text: &str, cx: &Context) -> bool {
    text.split([',', '.', ';', '!', '\n', '…']).any(|clause| {
        let all = cx.tokens(clause);
        let start = empty_words(&all, &[Class::No, Class::Stop], cx);
        let count = cx.lexicon.longest(&all[start..], Class::Cancel).unwrap_or(0);
        count > 1 || count == 1 && start + count == all.len()
    })
}

/// What else is said beside a refusal of the question, or nothing: "no, is web1 up?", "no. my boss says not today", "I keep it. No."
/// `None` where nothing is refused, or nobody can say where the refusal ends ("no reboot").
///
/// ```
/// use grammar::{answer::refused, known::Nothing, lexicon::Lexicon, read::Context};
/// let lexicon = Lexicon::parse("no: no\ncancel: never mind").unwrap();
/// let cx = Context { lexicon: &lexicon, known: &Nothing, now: "2026-11-20T12:00[UTC]".parse().unwrap() };
/// assert_eq!(refused("no, never mind. Is web1 up?", &cx).as_deref(), Some("Is web1 up?"));
/// assert_eq!(refused("there is one already, never mind", &cx).as_deref(), Some(""));
/// assert_eq!(refused("no reboot", &cx), None);
/// ```
pub fn refused(text: &str, cx: &Context) -> Option<String> {
    let all = cx.tokens(text);
    let mut end = 0;
    let mut at = 0;
    while at < all.len() {
        let own = cx.lexicon.longest_of(&all[at..], &[Class::No, Class::Cancel]);
        let other = empty_words(&all[at..], &[Class::Stop], cx);
        match own {
            Some(own) if own >= other.min(1) => {
                at += own;
                end = at;
            }
            _ if other > 0 => at += other,
            _ => break,
        }
    }
    if end == all.len() && end > 0 {
        return Some(String::new());
    }
    let parts = |at: usize| gap(text, &all, at).contains([',', '.', ';', ':', '!', '\n', '…', '–', '—']);
    if end > 0 && parts(end) {
        return Some(text[all[end].span.start..].to_owned());
    }
    calls_off(text, cx).then(String::new).or_else(|| {
        let last = text.trim_end_matches(['.', '!', ' ']).rsplit(['.', '!', ';', '\n']).next()?;
        let tokens = cx.tokens(last);
        (last.len() < text.trim().len() && wholly(&tokens, Class::No, cx)).then(String::new)
    })
}

/// How many words at the beginning say nothing.
fn empty_words(all: &[Token], also: &[Class], cx: &Context) -> usize {
    const EMPTY: [Class; 6] =
        [Class::Filler, Class::Polite, Class::Thanks, Class::Greeting, Class::Repeat, Class::Hedge];
    let mut at = 0;
    while at < all.len() {
        // A word that calls off is none of them, whatever else it is.
        if cx.lexicon.longest(&all[at..], Class::Cancel).is_some() {
            break;
        }
        match EMPTY.iter().chain(also).filter_map(|class| cx.lexicon.longest(&all[at..], *class)).max() {
            Some(count) => at += count,
            None => break,
        }
    }
    at
}

/// Made of words of that class, with polite words and fillers, and for a few classes with a "yes" or "no" before.
fn wholly(all: &[Token], class: Class, cx: &Context) -> bool {
    let mut also = vec![Class::Polite, Class::Thanks, Class::Filler, Class::Greeting];
    match class {
        // "hold on, drop both", "non laisse tomber finalement".
        Class::Cancel => also.extend([
            Class::Yes,
            Class::No,
            Class::Stop,
            Class::Aside,
            Class::Hedge,
            Class::It,
            Class::Both,
            Class::All,
            Class::Everything,
        ]),
        Class::Undo | Class::Stop => also.extend([Class::Yes, Class::No]),
        // "oh lovely, go for it", "yes and hurry up", "make it the usual".
        Class::Yes => also.extend([Class::Aside, Class::Agrees, Class::And]),
        Class::Skip => also.extend([Class::Wrap, Class::Hedge]),
        _ => {}
    }
    let (mut at, mut seen) = (0, false);
    while at < all.len() {
        // The longest entry decides: "no problem" is a yes though "no" is not.
        let own = cx.lexicon.longest(&all[at..], class).unwrap_or(0);
        let other = also.iter().filter_map(|class| cx.lexicon.longest(&all[at..], *class)).max().unwrap_or(0);
        if own == 0 && other == 0 {
            return false;
        }
        if matches!(class, Class::Yes | Class::Both) && own == 0 && is_count(&all[at..], other, cx) {
            return false;
        }
        seen |= own > 0 && own >= other;
        at += own.max(other);
    }
    seen
}

/// The last word is "all".
fn says_all(all: &[Token], cx: &Context) -> bool {
    let last = &all[all.len() - 1..];
    cx.lexicon.longest_of(last, &[Class::All, Class::Everything]).is_some()
}

fn all_of_them(all: &[Token], cx: &Context) -> bool {
    let mut at = 0;
    let mut seen = false;
    for class in [Class::All, Class::Everything] {
        if let Some(count) = cx.lexicon.longest(all, class).filter(|count| *count > at) {
            (at, seen) = (count, true);
        }
    }
    while at < all.len() {
        let count = [Class::Polite, Class::Filler, Class::It, Class::Machines]
            .iter()
            .filter_map(|class| cx.lexicon.longest(&all[at..], *class))
            .max();
        match count {
            Some(count) if !is_count(&all[at..], count, cx) => at += count,
            _ => return false,
        }
    }
    seen
}

/// "2", "the second one", "1 and 3", "1, 3", "number 2 please".
fn nth(cursor: &Cursor) -> Option<Vec<usize>> {
    let mut numbers = Vec::new();
    let mut at = 0;
    while at < cursor.tokens.len() {
        let skipped =
            [Class::And, Class::Article, Class::Item, Class::Polite, Class::Thanks, Class::Agrees, Class::Yes]
                .iter()
                .map(|class| cursor.skip(at, *class))
                .max()
                .unwrap_or(0);
        // "the first two", "les trois premières".
        if let Some((count, many)) = several(cursor, at) {
            numbers.extend(many);
            at += count + cursor.skip(at + count, Class::Item);
            continue;
        }
        let read = match cursor.word(at, Class::Ordinal) {
            Some((count, "last")) => Some((count, vec![LAST])),
            _ => time::ordinal(cursor, at)
                .or_else(|| number::count_at(cursor, at).into_iter().next())
                .and_then(|(count, number)| Some((count, vec![usize::try_from(number).ok()?])))
                .or_else(|| Some((1, listed(&cursor.token(at)?.folded)?))),
        };
        match read {
            Some((count, more)) if count >= skipped => {
                numbers.extend(more);
                at += count;
                // The "one" of "the second one" is no number.
                let counted = number::count_at(cursor, at - count).iter().any(|(length, _)| *length == count);
                if !counted {
                    at += cursor.skip(at, Class::Item);
                }
            }
            _ if skipped > 0 => at += skipped,
            _ => return None,
        }
    }
    let plausible = !numbers.is_empty() && numbers.iter().all(|number| *number > 0);
    plausible.then_some(numbers)
}

/// The first or the last so many: how many words that takes, and their numbers, those from the end as of [`LAST`].
fn several(cursor: &Cursor, at: usize) -> Option<(usize, Vec<usize>)> {
    const MOST: u64 = 100;
    let end = |at: usize| cursor.word(at, Class::Ordinal).filter(|(_, which)| matches!(*which, "1" | "last"));
    let many =
        |at: usize| number::count_at(cursor, at).into_iter().next().filter(|(_, many)| (2..=MOST).contains(many));
    let (count, which, many) = match (end(at), many(at)) {
        (Some((one, which)), _) => many(at + one).map(|(two, many)| (one + two, which, many)),
        (None, Some((one, many))) => end(at + one).map(|(two, which)| (one + two, which, many)),
        _ => None,
    }?;
    let many = usize::try_from(many).ok()?;
    Some((count, if which == "1" { (1..=many).collect() } else { (LAST - many + 1..=LAST).collect() }))
}

/// "1,3": without a space it is one token.
fn listed(folded: &str) -> Option<Vec<usize>> {
    let numbers: Option<Vec<usize>> = folded.split([',', '+', '&']).map(|part| part.parse().ok()).collect();
    numbers.filter(|numbers| numbers.len() > 1)
}

/// What is said after "no, make that", or before "instead".
fn correction(cursor: &Cursor) -> Option<String> {
    let (mut start, mut end) = (0, cursor.tokens.len());
    let mut found = false;
    loop {
        let here = Cursor { tokens: &cursor.tokens[..end], ..*cursor };
        let longest = rules(cursor.cx, Effect::Correction)
            .filter_map(|rule| rule.ends(&here, start).into_iter().rfind(|at| *at < end))
            .max();
        match longest {
            // A rule may end in a comma, and take no further word.
            Some(at) if at > start => {
                (start, found) = (at, true);
                continue;
            }
            _ => {}
        }
        let before = rules(cursor.cx, Effect::CorrectionEnd)
            .filter_map(|rule| rule.start_before_end(&here))
            .filter(|at| *at > start)
            .min();
        match before {
            Some(at) => (end, found) = (at, true),
            None => break,
        }
    }
    let text = cursor.text;
    found.then(|| text[cursor.tokens[start].span.start..cursor.tokens[end - 1].span.end].to_owned())
}

fn rules<'a>(cx: &'a Context, effect: Effect) -> impl Iterator<Item = &'a crate::stance::Rule> {
    cx.lexicon.rules().iter().filter(move |rule| rule.effect == effect)
}

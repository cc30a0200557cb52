//! Takes an utterance apart: to whom it is said, greeting and thanks, its parts, and the stance of each.
//!
//! The stance is the veto that keeps a machine from acting on what is no request: only [`Stance::Request`] may change
//! anything unasked. It errs to the safe side; what is wrongly not taken for a request is asked about, what is wrongly
//! taken for one stops a machine. Where another stance may hold a wish, [`Part::wish`] says that it is worth asking.

use serde::{Deserialize, Serialize};

use crate::{
    MAX_TEXT,
    kind::Of,
    lexicon::Class,
    name,
    read::{Context, Cursor},
    stance::Effect,
    token::Token,
};

/// So many words before a command make it likely that it isn't said to somebody else.
const WORDS_BEFORE: usize = 3;

/// What is said only to be friendly.
const COURTESIES: [Class; 3] = [Class::Thanks, Class::Greeting, Class::Polite];

/// What is said beside something else without asking for anything: "I see.", "ok.", "oh, sorry about that."
const ASIDES: [Class; 9] = [
    Class::Thanks,
    Class::Greeting,
    Class::Polite,
    Class::Aside,
    Class::Yes,
    Class::Filler,
    Class::Hedge,
    Class::Article,
    Class::Repeat,
];

/// How a part is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stance {
    /// Asks for something to be done or told.
    Request,
    /// Asks how something is done, or whether it can be: "how do I reboot?", "what happens if I stop you?".
    HowTo,
    /// Says what not to do: "don't stop db", "never reboot", "no need to restart".
    Negated,
    /// Tells or asks what happened or happens: "I rebooted web1", "who stopped you?", "was it restarted?".
    Report,
    /// Considers: "should I reboot?", "if we stopped it", "maybe restart it".
    Hypothetical,
    /// Is about what others do: "tell bob to reboot", "someone should restart it".
    AboutOthers,
}

/// One request, question or statement of an utterance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Without polite words around it ("could you please …?", "for me"): what patterns and classifier read. Parts
    /// that are no requests keep the words that make them so.
    pub text: String,
    /// As it was said.
    pub raw: String,
    /// How it is meant.
    pub stance: Stance,
    /// No request, but perhaps a wish: "you're swapping, take 2 GB more", "web1 needs two more cpus". Worth a question to
    /// whoever knows for sure what would be done; never to be acted on.
    pub wish: bool,
    /// A question, by its mark or its first word; polite requests ("can you reboot?") are none.
    pub question: bool,
    /// Said politely.
    pub polite: bool,
    /// Says how it should be rather than what to do: "web1 should be restarted", "i need web1 rebooted".
    pub roundabout: bool,
}

/// An utterance taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// To whom it is said, as written: "web1: …", "@hv1 …", "…, web1". Without such a mark nobody is addressed.
    pub addressee: Option<String>,
    /// A greeting was said.
    pub greeting: bool,
    /// Thanks were said.
    pub thanks: bool,
    /// What is said, in order; none only when the text has no word at all. A greeting or thanks alone is a part.
    pub parts: Vec<Part>,
}

/// Takes an utterance apart.
///
/// ```
/// use grammar::{frame::{Stance, frame}, known::Nothing, lexicon::Lexicon, read::Context};
/// let lexicon = Lexicon::parse("
/// greeting: hello
/// lead polite = (could|can) you [please]
/// stance negated = don't <rest>
/// ").unwrap();
/// let cx = Context { lexicon: &lexicon, known: &Nothing, now: "2026-11-20T12:00[UTC]".parse().unwrap() };
/// let frame = frame("@web1 Hello, could you please restart? Don't start db.", &cx);
/// assert_eq!(frame.addressee.as_deref(), Some("web1"));
/// assert!(frame.greeting);
/// assert_eq!(frame.parts[0].text, "restart");
/// assert_eq!(frame.parts[1].stance, Stance::Negated);
/// ```
pub fn frame(text: &str, cx: &Context) -> Frame {
    let mut frame = Frame::default();
    if text.chars().count() > MAX_TEXT {
        return frame;
    }
    let mut text = text;
    if let Some((name, rest)) = addressed_first(text, cx) {
        frame.addressee = Some(name);
        text = rest;
    }
    let (mut rest, greeting) = greet(text, cx);
    frame.greeting = greeting;
    if frame.addressee.is_none() {
        if let Some((name, after)) = addressed_first(rest, cx) {
            // "hey web1, restart"
            frame.addressee = Some(name);
            rest = after;
        } else if let Some((name, before)) = addressed_last(rest, cx) {
            frame.addressee = Some(name);
            rest = before;
        }
    }
    for raw in split(rest, cx) {
        frame.parts.extend(part(raw, cx));
    }
    frame.thanks = frame.parts.iter().any(|part| thanked(&part.raw, cx));
    if frame.parts.len() > 1 {
        // "thanks" among others is only a courtesy.
        // "what can you do?" is none, though each of its words is.
        let asks = |part: &Part| {
            let all = cx.tokens(&part.raw);
            all.len() > 2 && cx.lexicon.longest(&all, Class::Question).is_some()
        };
        let courtesy = |part: &Part| wholly(&part.raw, &ASIDES, cx) && !asks(part);
        if !frame.parts.iter().all(courtesy) {
            frame.parts.retain(|part| !courtesy(part));
        }
    }
    if frame.parts.is_empty() {
        frame.parts.extend(part(text, cx));
    }
    if let [only] = frame.parts.as_slice()
        && wholly(&only.text, &[Class::Greeting, Class::Polite], cx)
    {
        frame.greeting |= cx.lexicon.longest(&cx.tokens(&only.text), Class::Greeting).is_some();
    }
    frame
}

/// "web1: …", "web1, …", "@hv1 …": the name, and what follows it.
fn addressed_first<'t>(text: &'t str, cx: &Context) -> Option<(String, &'t str)> {
    let all = cx.tokens(text);
    let first = all.first().filter(|first| !first.clitic)?;
    let at_sign = text[..first.span.start].trim_start().starts_with('@');
    let cursor = Cursor { text, tokens: &all, cx };
    let known = [Of::Machine, Of::Hypervisor]
        .iter()
        .flat_map(|of| crate::name::known(&cursor, 0, *of))
        .max_by_key(|(count, _)| *count);
    let (count, name) = known.clone().unwrap_or_else(|| (1, first.text.to_owned()));
    let end = all[count - 1].span.end;
    let after = text[end..].trim_start();
    let colon = after.starts_with(':') && !after.starts_with("::");
    let comma = after.starts_with(',');
    // A machine called "yes" is addressed by "yes: …", but not by every "yes, …".
    let word = count == 1 && cx.lexicon.contains(&first.folded);
    // "web1, db1: shut down" is about two.
    let list = comma
        && all.get(count).is_some_and(|next| {
            let named = |of: &Of| crate::name::known(&cursor, count, *of).into_iter().map(|(count, _)| count).max();
            let end = [Of::Machine, Of::Hypervisor].iter().filter_map(named).max();
            let after = |end: usize| text[all[count + end - 1].span.end..].trim_start().starts_with([':', ',']);
            !next.clitic && end.is_some_and(after)
        });
    let addressed = at_sign || colon && (known.is_some() || !word) || comma && known.is_some() && !word && !list;
    let rest = after.trim_start_matches([':', ',']).trim_start();
    (addressed && !rest.is_empty()).then_some((name, rest))
}

/// "…, web1": the name, and what stands before it.
fn addressed_last<'t>(text: &'t str, cx: &Context) -> Option<(String, &'t str)> {
    let all = cx.tokens(text);
    let last = all.last()?;
    let at = all.len() - 1;
    let before = text[..last.span.start].trim_end();
    let at_sign = before.ends_with('@');
    let before = before.trim_end_matches('@').trim_end();
    if at == 0 || !(at_sign || before.ends_with(',')) {
        return None;
    }
    let cursor = Cursor { text, tokens: &all, cx };
    let name = [Of::Machine, Of::Hypervisor]
        .iter()
        .find_map(|of| crate::name::known(&cursor, at, *of).into_iter().find(|(count, _)| *count == 1))?;
    // "stop web1… oops no, db1" means another.
    let turns = [Class::No, Class::Recants, Class::Meant, Class::Denied, Class::Also];
    if !at_sign && turns.iter().any(|class| cx.lexicon.longest_before(&all[..at], *class).is_some()) {
        return None;
    }
    // "start web2, web1" is a list, not an address.
    let list = [Of::Machine, Of::Hypervisor].iter().any(|of| !crate::name::known(&cursor, at - 1, *of).is_empty());
    (at_sign || !list).then(|| (name.1, before.trim_end_matches(',')))
}

/// Takes greetings off the beginning, unless nothing else is said.
fn greet<'t>(text: &'t str, cx: &Context) -> (&'t str, bool) {
    let all = cx.tokens(text);
    let mut at = 0;
    while let Some(count) = cx.lexicon.longest(&all[at..], Class::Greeting) {
        at += count;
    }
    match all.get(at) {
        _ if at == 0 => (text, false),
        Some(token) => (&text[start_of(text, token)..], true),
        None => (text, true),
    }
}

/// Where a token begins, with an "@" before it.
fn start_of(text: &str, token: &Token) -> usize {
    let start = token.span.start;
    if text[..start].ends_with('@') { start - 1 } else { start }
}

/// Whether a text begins with a verb as commands do.
pub fn begins_with_verb(text: &str, cx: &Context) -> bool {
    cx.lexicon.longest(&cx.tokens(text), Class::Verb).is_some()
}

/// Whether a text names nobody and counts, denies, excepts, supposes and dates nothing: "the power is back".
pub fn is_plain(text: &str, cx: &Context) -> bool {
    const WEIGHTY: [Class; 10] = [
        Class::Number,
        Class::Denied,
        Class::Spare,
        Class::Except,
        Class::Conditional,
        Class::Offset,
        Class::Moment,
        Class::Day,
        Class::All,
        Class::Everything,
    ];
    let all = cx.tokens(text);
    let cursor = Cursor { text, tokens: &all, cx };
    (0..all.len()).all(|at| {
        let named = [Of::Machine, Of::Hypervisor].iter().any(|of| !name::known(&cursor, at, *of).is_empty());
        let digits = all[at].text.contains(|c: char| c.is_ascii_digit());
        let article = cursor.skip(at, Class::Article) > 0;
        !named && !digits && (article || !WEIGHTY.iter().any(|class| cursor.skip(at, *class) > 0))
    })
}

fn thanked(text: &str, cx: &Context) -> bool {
    let all = cx.tokens(text);
    (0..all.len()).any(|at| {
        let count = cx.lexicon.longest(&all[at..], Class::Thanks);
        count.is_some_and(|count| at == 0 || at + count == all.len())
    })
}

/// Whether the text is made of nothing but words of these classes.
fn wholly(text: &str, classes: &[Class], cx: &Context) -> bool {
    let all = cx.tokens(text);
    let mut at = 0;
    while at < all.len() {
        match cx.lexicon.longest_of(&all[at..], classes) {
            Some(count) => at += count,
            None => return false,
        }
    }
    true
}

/// Splits at sentence ends, semicolons, "then", and at "and" between two commands.
fn split<'t>(text: &'t str, cx: &Context) -> Vec<&'t str> {
    let all = cx.tokens(text);
    let cursor = Cursor { text, tokens: &all, cx };
    let mut parts = Vec::new();
    let mut from = 0;
    let mut at = 1;
    while at < all.len() {
        let gap = crate::token::gap(text, &all, at);
        // "at 8 a.m. tomorrow": one letter and a dot end no sentence.
        let short = all[at - 1].text.chars().filter(|c| c.is_alphabetic()).count() <= 1
            && all[at - 1].text.chars().all(|c| c.is_alphabetic() || c == '.')
            || all[at - 1].text.contains('.') && all[at - 1].text.len() <= 4;
        let dot = gap.starts_with('.') && gap[1..].starts_with(char::is_whitespace) && !short;
        let sentence = gap.contains([';', '!', '?', '\n', '…']) || dot;
        // "puis-je" is no "puis".
        let tied = crate::token::gap(text, &all, at + 1) == "-";
        let then = if sentence || tied { 0 } else { cursor.skip(at, Class::Then) };
        // "if it is off then start it" is one thing.
        let conditional = cursor.skip(from, Class::Conditional) > 0;
        let then = if conditional { 0 } else { then };
        let and = if sentence || then > 0 || conditional { 0 } else { joins_commands(&cursor, from, at) };
        let word = then.max(and);
        if sentence || word > 0 && at + word < all.len() {
            let end = if sentence { sentence_end(text, &all[at - 1], gap) } else { all[at - 1].span.end };
            parts.push(&text[start_of(text, &all[from])..end]);
            from = at + word;
            at = from;
        }
        at += 1;
    }
    if let Some(first) = all.get(from) {
        parts.push(&text[start_of(text, first)..]);
    }
    parts
}

/// The end of a sentence with its marks, so that its question mark stays with it.
fn sentence_end(text: &str, last: &Token, gap: &str) -> usize {
    let marks = gap.find(char::is_whitespace).unwrap_or(gap.len());
    let end = last.span.end + marks;
    // A "?" may stand after a space.
    let spaced = gap[marks..].trim_start();
    if spaced.starts_with(['?', '!', ';']) && text.is_char_boundary(end) {
        return last.span.end + (gap.len() - spaced.len()) + 1;
    }
    end
}

/// The length of an "and" at token `at` that stands between two commands: both sides begin with a verb, and it
/// doesn't only join two verbs ("let bob start and stop web1").
fn joins_commands(cursor: &Cursor, from: usize, at: usize) -> usize {
    let and = cursor.skip(at, Class::And);
    let begin = |mut at: usize| {
        while let Some(end) = lead(cursor, at) {
            at = end;
        }
        at
    };
    if and == 0 || cursor.skip(begin(at + and), Class::Verb) == 0 {
        return 0;
    }
    let first = begin(from);
    let verb = cursor.skip(first, Class::Verb);
    if verb == 0 || first + verb > at {
        return 0;
    }
    let ends_with_verb = (first + verb..at).any(|place| place + cursor.skip(place, Class::Verb) == at);
    if ends_with_verb { 0 } else { and }
}

/// Where the polite beginning at `at` ends, if there is one and something follows it.
fn lead(cursor: &Cursor, at: usize) -> Option<usize> {
    if leaves_out(cursor, at) {
        return None;
    }
    cursor.cx.lexicon.rules().iter().filter(|rule| matches!(rule.effect, Effect::Lead { .. })).find_map(|rule| {
        rule.ends(cursor, at).into_iter().next_back().filter(|end| *end > at && *end < cursor.tokens.len())
    })
}

/// "but web2, reboot all" leaves somebody out: that "but" is no mere beginning.
fn leaves_out(cursor: &Cursor, at: usize) -> bool {
    let except = cursor.skip(at, Class::Except);
    except > 0 && !name::known(cursor, at + except, Of::Machine).is_empty()
}

/// Reads one part: takes polite words off both ends, finds its stance, and a wish that stands beside it.
fn part(raw: &str, cx: &Context) -> Option<Part> {
    let mut part = without_courtesies(raw, cx, false)?;
    part.wish |= !matches!(part.stance, Stance::Request | Stance::HowTo) && asks_beside(&part.raw, cx);
    Some(part)
}

/// Whether one of several clauses would be a command or a wish if it stood alone: "it's frozen, please reset it", "release
/// db1, don't manage it any more". What comes after an "if" is none, nor what comes after one or two words: "bob, reboot web1".
fn asks_beside(raw: &str, cx: &Context) -> bool {
    let clauses: Vec<&str> = raw.split([',', ':', '\u{2013}', '\u{2014}']).collect();
    if clauses.len() < 2 || cx.lexicon.longest(&cx.tokens(raw), Class::Conditional).is_some() {
        return false;
    }
    let mut before = 0;
    clauses.into_iter().any(|clause| {
        let enough = before == 0 || before >= WORDS_BEFORE;
        before += cx.tokens(clause).len();
        enough
            && without_courtesies(clause, cx, false).is_some_and(|part| {
                let verb = cx.lexicon.longest(&cx.tokens(&part.text), Class::Verb).is_some();
                let command = verb || part.polite && !wholly(&part.text, &COURTESIES, cx);
                part.wish || part.stance == Stance::Request && command
            })
    })
}

/// Reads what follows a condition: there "tu la démarres" is what is wished for, and no question.
pub fn wished(text: &str, cx: &Context) -> Option<Part> {
    match split(text, cx).as_slice() {
        [one] => without_courtesies(one, cx, true),
        _ => None,
    }
}

/// Reads one part, whatever its clauses would be alone.
fn without_courtesies(raw: &str, cx: &Context, wished: bool) -> Option<Part> {
    let raw = raw.trim().trim_end_matches([';', ',']).trim_end();
    let all = cx.tokens(raw);
    if all.is_empty() {
        return None;
    }
    let marked = raw.trim_end_matches(['!', '.', ' ', ')', '"']).ends_with('?');
    let question_word = cx.lexicon.longest(&all, Class::Question).is_some();
    let mut part = Part {
        text: String::new(),
        raw: raw.to_owned(),
        stance: Stance::Request,
        wish: false,
        question: marked || question_word,
        polite: false,
        roundabout: false,
    };
    let mut end = all.len();
    // "web1 redémarre, merci" thanks for what goes on; "web1 redémarre stp" asks for it.
    let mut pleading = wished;
    let (mut start, mut rewritten) = (0, None);
    'again: loop {
        let tail;
        (end, tail) = without_tail(raw, &all[..end], start, cx);
        part.polite |= tail.polite;
        pleading |= tail.pleading;
        let cursor = Cursor {
            // A polite request isn't doubted for its question mark.
            text: if part.polite { raw.trim_end_matches(['?', '!', ' ']) } else { raw },
            tokens: &all[..end],
            cx,
        };
        for rule in cx.lexicon.rules().iter().filter(|rule| !(rule.plain && pleading)) {
            let fits = match rule.effect {
                Effect::Tail { .. } | Effect::Correction | Effect::CorrectionEnd | Effect::Those | Effect::Heard => {
                    continue;
                }
                _ => rule.ends(&cursor, start),
            };
            let Some(after) = fits.into_iter().next_back() else {
                continue;
            };
            match rule.effect {
                Effect::Stance(stance) => {
                    part.stance = stance;
                    part.wish = rule.wish;
                    break 'again;
                }
                Effect::Lead { polite, roundabout } if after > start && after < end && !leaves_out(&cursor, start) => {
                    part.polite |= polite;
                    part.roundabout |= roundabout;
                    pleading |= polite;
                    // "can you reboot?" asks for no information.
                    part.question &= !polite || start_of_question(&all[after..end], cx);
                    start = after;
                    continue 'again;
                }
                Effect::Gerund if after < end => {
                    if let Some((count, base)) = cursor.word(after, Class::Doing) {
                        part.polite = true;
                        part.question = false;
                        rewritten = Some(join(base, &cursor, after + count, end));
                        break 'again;
                    }
                }
                Effect::Passive if after < end => {
                    let past = (after + 1..end).find_map(|at| Some((at, cursor.word(at, Class::Past)?)));
                    if let Some((at, (count, base))) = past {
                        let object = cursor.said(after, at - after);
                        rewritten = Some(join(&format!("{base} {object}"), &cursor, at + count, end));
                        part.roundabout = true;
                        part.question = false;
                        break 'again;
                    }
                }
                Effect::Swap { class } if after < end => {
                    if let Some((count, _)) = cursor.word(after, class) {
                        let (verb, object) = (cursor.said(after, count), cursor.said(start, after - start));
                        rewritten = Some(join(&format!("{verb} {object}"), &cursor, after + count, end));
                        break 'again;
                    }
                }
                _ => {}
            }
        }
        break;
    }
    part.text = match rewritten {
        Some(text) => text,
        None => {
            let said = raw[start_of(raw, &all[start])..all[end - 1].span.end].to_owned();
            name::closed(raw, &all[end - 1], said)
        }
    };
    Some(part)
}

/// What the courtesies at the end of a part say.
#[derive(Clone, Copy, Default)]
struct Tail {
    polite: bool,
    /// Asks for something, as thanks don't.
    pleading: bool,
}

/// Where the part ends without polite words and other courtesies, and what these say.
fn without_tail(raw: &str, all: &[Token], start: usize, cx: &Context) -> (usize, Tail) {
    let (mut end, mut said) = (all.len(), Tail::default());
    loop {
        let cursor = Cursor { text: raw, tokens: &all[..end], cx };
        let classes = [(Class::Thanks, false), (Class::Polite, true)].into_iter();
        let by_class = classes.filter_map(|(class, pleading)| {
            let count = cx.lexicon.longest_before(&all[..end], class)?;
            Some((end - count, Tail { polite: true, pleading }))
        });
        let by_rule = cx.lexicon.rules().iter().filter_map(|rule| match rule.effect {
            Effect::Tail { polite } => rule.start_before_end(&cursor).map(|at| (at, Tail { polite, pleading: polite })),
            _ => None,
        });
        match by_class.chain(by_rule).min_by_key(|(at, _)| *at).filter(|(at, _)| *at > start) {
            Some((at, tail)) => {
                end = at;
                said.polite |= tail.polite;
                said.pleading |= tail.pleading;
            }
            None => return (end, said),
        }
    }
}

fn start_of_question(rest: &[Token], cx: &Context) -> bool {
    cx.lexicon.longest(rest, Class::Question).is_some()
}

fn join(words: &str, cursor: &Cursor, from: usize, end: usize) -> String {
    if from >= end {
        return words.to_owned();
    }
    format!("{words} {}", cursor.said(from, end - from))
}

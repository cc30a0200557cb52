//! `atoll evaluate`: how well people are understood. The classifier alone is measured by [`intents::evaluate`]; here is what needs
//! the whole: slots, sentences of strangers through the same turn as the bot's, and the confusion matrix as a picture.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::ops::Range;
use std::sync::Arc;

use dialogue::book::{Book, NONE, Words};
use dialogue::machine::Span;
use dialogue::policy::Path;
use dialogue::session::Decision;
use dialogue::slots;
use dialogue::spec::{Danger, Scope, Spec};
use grammar::corpus::Example as Phrasing;
use grammar::kind::{Kind, Of};
use grammar::known::Known;
use grammar::read::{self, Context};
use grammar::value::Value;
use intents::evaluate::{DataError, Report, Sentence, csv};
use jiff::Zoned;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::measure::explain::{Explained, Question, explain};
use crate::nlu::{self, Nlu};

/// Parts in which slots are cross-validated.
const FOLDS: usize = 5;

/// How often values of one kind are found.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Found {
    /// Found as marked.
    pub right: usize,
    /// Found where none or another was marked.
    pub wrong: usize,
    /// Marked and not found so.
    pub missed: usize,
}

impl Found {
    /// Harmonic mean of precision and recall, between 0 and 1.
    pub fn f1(&self) -> f64 {
        let twice = 2.0 * self.right as f64;
        twice / (twice + (self.wrong + self.missed) as f64).max(1.0)
    }
}

/// The names that phrasings mark, as if they were there; or nothing.
#[derive(Default)]
struct There(BTreeMap<Of, Vec<String>>);

impl There {
    /// Every name that a phrasing of the language marks for a slot that holds names of existing things.
    fn marked(book: &Book, words: &Words) -> Self {
        let mut names: BTreeMap<Of, BTreeSet<String>> = BTreeMap::new();
        for (spec, example) in examples(book, words) {
            for (span, slot) in &example.slots {
                let said = &example.text[span.clone()];
                let of = match spec.slot(slot).map(|slot| slot.kind) {
                    Some(Kind::Machines) => Of::Machine,
                    Some(Kind::Name(of)) => of,
                    _ => continue,
                };
                if !said.contains(['*', ' ', '"']) {
                    names.entry(of).or_default().insert(said.to_owned());
                }
            }
        }
        Self(names.into_iter().map(|(of, names)| (of, names.into_iter().collect())).collect())
    }
}

impl Known for There {
    fn names(&self, of: Of) -> Arc<[String]> {
        self.0.get(&of).map(|names| names.as_slice().into()).unwrap_or_default()
    }
}

/// Phrasings of the skills that there are.
fn examples<'a>(book: &'a Book, words: &'a Words) -> impl Iterator<Item = (&'static Spec, &'a Phrasing)> {
    let known = words.skills.iter().filter_map(|(id, section)| Some((book.spec(id)?, section)));
    known.flat_map(|(spec, section)| section.examples.iter().map(move |example| (spec, example)))
}

/// The fold of a phrasing: what differs in its values alone stands in the same.
fn fold(example: &Phrasing) -> usize {
    let mut frame = example.text.to_lowercase();
    for (span, slot) in example.slots.iter().rev() {
        // Lower-case letters may be longer than their capitals: then the values stay in.
        if frame.is_char_boundary(span.start) && frame.is_char_boundary(span.end) {
            frame.replace_range(span.clone(), slot);
        }
    }
    let hash = Sha256::digest(frame);
    usize::from(hash[0]) % FOLDS
}

/// What is marked for each slot, of a list from its first to its last.
fn whole(example: &Phrasing) -> BTreeMap<&str, Range<usize>> {
    let mut spans: BTreeMap<&str, Range<usize>> = BTreeMap::new();
    for (span, slot) in &example.slots {
        let whole = spans.entry(slot).or_insert_with(|| span.clone());
        whole.end = whole.end.max(span.end);
    }
    spans
}

/// Slot figures of a language by kind, with the marked names known to the host, and with every name unheard of. The values read from
/// every phrasing are held against those marked in it; the tagger has learnt from other phrasings only.
pub fn slots(book: &Book, language: &str, now: &Zoned) -> BTreeMap<String, [Found; 2]> {
    let words = book.words(language);
    let worlds = [There::marked(book, words), There::default()];
    let worlds = worlds.each_ref().map(|known| Context { lexicon: &words.lexicon, known, now: now.clone() });
    let mut figures: BTreeMap<String, [Found; 2]> = BTreeMap::new();
    for turn in 0..FOLDS {
        let tagger = nlu::tagger(book, |example| fold(example) != turn);
        for (spec, example) in examples(book, words).filter(|(_, example)| fold(example) == turn) {
            let likely = nlu::spans(&tagger, spec.id, &example.text);
            for (world, cx) in worlds.iter().enumerate() {
                let mut read = values(book, words, spec, example, &likely, cx);
                for (slot, span) in whole(example) {
                    let Some(kind) = spec.slot(slot).map(|slot| slot.kind) else { continue };
                    let figure = &mut figures.entry(kind_name(kind)).or_default()[world];
                    let wanted = read::parse(kind, &example.text[span], cx);
                    match read.remove(slot) {
                        Some(value) if Some(&value) == wanted.as_ref() => figure.right += 1,
                        Some(_) => {
                            figure.wrong += 1;
                            figure.missed += 1;
                        }
                        None => figure.missed += 1,
                    }
                }
                // What a phrasing leaves unmarked, it may still say, and "yourself" is never marked: only where its other values are marked
                // is a value beside them a mistake.
                for (slot, value) in read.iter().filter(|_| !example.slots.is_empty()) {
                    let Some(slot) = spec.slot(slot).filter(|_| !slots::points(value)) else { continue };
                    figures.entry(kind_name(slot.kind)).or_default()[world].wrong += 1;
                }
            }
        }
    }
    figures
}

/// What the corpus says besides: who was surely taken for something riskier, and the slots of a language by kind.
pub fn beside(book: &Book, report: &Report, language: &str, now: &Zoned) -> String {
    let rank = |label: &str| book.spec(label).map_or(Danger::Read, |spec| spec.danger) as u8;
    let dangerous = report.dangerous(rank);
    let share = 100.0 * dangerous.len() as f64 / report.predictions.len().max(1) as f64;
    let mut text = format!("surely taken for something riskier: {} ({share:.2} %)\n", dangerous.len());
    for one in dangerous {
        let _ = writeln!(text, "  {} → {}  \"{}\"", one.expected, one.best(), one.text);
    }
    let _ = writeln!(text, "\n{:<24} {:>7} {:>11} {:>13}", "kind of slot", "marked", "names known", "names unknown");
    for (kind, [known, unknown]) in slots(book, language, now) {
        let marked = known.right + known.missed;
        let _ = writeln!(text, "{kind:<24} {marked:>7} {:>11.3} {:>13.3}", known.f1(), unknown.f1());
    }
    text
}

/// By the skill's own command, where one takes the text, else as from running text.
fn values(
    book: &Book,
    words: &Words,
    spec: &Spec,
    example: &Phrasing,
    likely: &[Span],
    cx: &Context<'_>,
) -> BTreeMap<String, Value> {
    let readings = words.patterns.matches(&example.text, cx);
    let own = readings.into_iter().find(|reading| book.specs()[reading.tag].id == spec.id);
    own.map_or_else(|| slots::extract(spec, &example.text, likely, cx), |reading| reading.values)
}

fn kind_name(kind: Kind) -> String {
    let all = format!("{kind:?}");
    match kind {
        Kind::Name(of) => format!("name of a {}", format!("{of:?}").to_lowercase()),
        Kind::NewName(_) => "new name".to_owned(),
        Kind::Choice(_) => "choice".to_owned(),
        Kind::SizeChange => "size change".to_owned(),
        _ => all.to_lowercase(),
    }
}

/// What became of sentences that strangers wrote, by the whole way: frame, commands, classifier, policy.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Heard {
    /// Sentences that mean a skill.
    pub in_scope: usize,
    /// Of these, taken for theirs first.
    pub top1: usize,
    /// Of these, theirs among the first three.
    pub top3: usize,
    /// Of these, done or asked about as theirs: neither offered nor declined.
    pub taken: usize,
    /// Sentences that mean none.
    pub chatter: usize,
    /// Of these, where something would be changed at once.
    pub acted: usize,
    /// Of these, answered with information nobody asked for.
    pub answered: usize,
    /// Of these, answered with a question.
    pub asked: usize,
    /// A riskier skill than the one meant acted on, or put as the only choice.
    pub dangerous: Vec<Explained>,
    /// Everything taken for another skill, or chatter that was not left alone.
    pub wrong: Vec<(String, Explained)>,
}

/// Sentences of a table with the skills they mean; "none" is none of them.
///
/// # Errors
/// As [`intents::evaluate::csv`].
pub fn strangers(table: &std::path::Path) -> Result<Vec<Sentence>, DataError> {
    let mut sentences = csv(table)?;
    for sentence in sentences.iter_mut().filter(|sentence| sentence.label == NONE) {
        sentence.label.clear();
    }
    Ok(sentences)
}

/// Asks for each sentence, at the kind of entity its skill belongs to.
pub fn heard(nlu: &Nlu, sentences: &[Sentence], now: &Zoned) -> Heard {
    let mut heard = Heard::default();
    for Sentence { text, label, .. } in sentences {
        let spec = nlu.book().spec(label);
        let to =
            [Scope::Machine, Scope::Host, Scope::Desk].into_iter().find(|to| spec.is_none_or(|spec| spec.fits(*to)));
        let question = Question { text: text.clone(), to: to.unwrap_or(Scope::Machine), machines: None };
        let explained = explain(nlu, &question, now);
        let skill = explained.skill.as_deref();
        let danger = spec.map_or(Danger::Read, |spec| spec.danger);
        let goes_on = matches!(explained.decision, Decision::Act | Decision::Confirm | Decision::AskSlot);
        if goes_on && skill != Some(label.as_str()) && explained.danger > danger {
            heard.dangerous.push(explained.clone());
        }
        if spec.is_some() {
            heard.in_scope += 1;
            let first = skill == Some(label.as_str());
            let names = |(other, _): &(String, f32)| other == label;
            let room = if skill.is_some() { 2 } else { 3 };
            heard.top1 += usize::from(first);
            heard.top3 += usize::from(first || explained.alternatives.iter().take(room).any(names));
            let planned = spec.is_some_and(|spec| spec.planned) && explained.why == "planned";
            heard.taken += usize::from(first && (goes_on || planned || explained.decision == Decision::Smalltalk));
            if !first {
                heard.wrong.push((label.clone(), explained));
            }
            continue;
        }
        heard.chatter += 1;
        match explained.decision {
            Decision::Act if explained.danger > Danger::Read => heard.acted += 1,
            Decision::Act => heard.answered += 1,
            Decision::Confirm | Decision::AskSlot | Decision::Choose => heard.asked += 1,
            Decision::Decline | Decision::Smalltalk => continue,
        }
        heard.wrong.push((String::new(), explained));
    }
    heard
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, name: &str, count: usize, of: usize| {
            writeln!(f, "  {name:<34} {count:>6} of {of:<6} {:6.2} %", 100.0 * count as f64 / of.max(1) as f64)
        };
        if self.in_scope > 0 {
            line(f, "meant skill first", self.top1, self.in_scope)?;
            line(f, "meant skill among three", self.top3, self.in_scope)?;
            line(f, "taken without having to choose", self.taken, self.in_scope)?;
        }
        if self.chatter > 0 {
            line(f, "chatter acted on", self.acted, self.chatter)?;
            line(f, "chatter answered with facts", self.answered, self.chatter)?;
            line(f, "chatter answered with a question", self.asked, self.chatter)?;
        }
        line(f, "dangerous confusions", self.dangerous.len(), self.in_scope + self.chatter)?;
        for (label, explained) in &self.wrong {
            let Explained { text, skill, decision, path, confidence, .. } = explained;
            let path = match path {
                Path::Command => "command",
                Path::Understood => "understood",
                Path::Guess => "guess",
                Path::None => "none",
            };
            let taken = skill.as_deref().unwrap_or("nothing");
            let meant = if label.is_empty() { "(none)" } else { label };
            writeln!(f, "    {meant:<18} → {taken:<18} {decision:?} by {path} {confidence:.2}  \"{text}\"")?;
        }
        Ok(())
    }
}

/// The confusion matrix as a picture (SVG): meant from above to below, decided from left to right; the darker, the more of a
/// row. The diagonal is green, the rest red; labels in the order given, those of the report that are not among them left out.
pub fn picture(report: &Report, labels: &[&str]) -> String {
    const CELL: usize = 9;
    const MARGIN: usize = 130;
    let mut cells: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let mut rows = vec![0_usize; labels.len() + 1];
    let place = |label: &str| labels.iter().position(|known| *known == label).unwrap_or(labels.len());
    for prediction in &report.predictions {
        let row = place(&prediction.expected);
        rows[row] += 1;
        *cells.entry((row, place(prediction.decided()))).or_default() += 1;
    }
    let side = MARGIN + (labels.len() + 1) * CELL + 10;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{side}\" height=\"{side}\" font-family=\"sans-serif\" font-size=\"7\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (at, label) in labels.iter().copied().chain(["(none)"]).enumerate() {
        let middle = MARGIN + at * CELL + CELL - 2;
        let edge = MARGIN - 4;
        let _ = writeln!(svg, "<text x=\"{edge}\" y=\"{middle}\" text-anchor=\"end\">{label}</text>");
        let _ = writeln!(svg, "<text transform=\"translate({middle},{edge}) rotate(-90)\">{label}</text>");
    }
    for ((row, column), count) in cells {
        let share = count as f64 / rows[row].max(1) as f64;
        let colour = if row == column { "#1b7837" } else { "#b2182b" };
        let (x, y) = (MARGIN + column * CELL, MARGIN + row * CELL);
        let opacity = if row == column { share } else { (0.25 + share).min(1.0) };
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{CELL}\" height=\"{CELL}\" fill=\"{colour}\" fill-opacity=\"{opacity:.2}\"/>"
        );
    }
    svg.push_str("</svg>\n");
    svg
}

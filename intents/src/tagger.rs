//! Finds the words of a sentence that fill a slot, names that nobody has heard of among them.
//!
//! An averaged perceptron (Collins 2002, "Discriminative training methods for hidden Markov models") decides word by word, from
//! left to right, whether a value begins, goes on or neither. It looks at the words around, at the shape of the word
//! itself, and at what the sentence means. A word that is hardly ever part of anything but a name is seen by its shape alone, so that what is
//! learnt from "restart web1" holds for "restart nextcloud".

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::cache::replace;
use crate::features::{hash, mix};
use crate::model::TrainError;

/// Rounds over all examples; more were measured to be no better.
const ROUNDS: u64 = 5;
/// A word is an ordinary one when it is no part of a value at least so often as it is.
const ORDINARY: f32 = 0.5;
/// More words are not looked at.
const MAX_WORDS: usize = 200;
/// Weights below this decide nothing and are not kept.
const LEAST: f32 = 0.02;
/// Raised whenever other features or other training make old files worthless.
const VERSION: u32 = 1;
const MAGIC: &[u8; 8] = b"atolltag";
const SUM: usize = 32;
/// Bytes of a key.
pub const KEY: usize = 32;

/// A word as the tagger sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Lower-case, accents folded; of a quotation, all of it.
    pub folded: String,
    /// Whether it was quoted: then it is a value, whatever it says.
    pub quoted: bool,
}

/// A sentence with its values marked.
#[derive(Clone, Debug)]
pub struct Marked<'a> {
    /// What it means.
    pub label: &'a str,
    /// Its words.
    pub words: Vec<Word>,
    /// Which words fill which slot, from left to right, without overlaps.
    pub spans: Vec<(Range<usize>, &'a str)>,
}

/// Says which words fill which slots of a label.
#[derive(Clone, Debug, PartialEq)]
pub struct Tagger {
    slots: Vec<String>,
    /// The slots of each label, by their places in `slots`.
    of_label: BTreeMap<String, Vec<u16>>,
    /// Hashes of the words that are more than names.
    ordinary: Vec<u64>,
    weights: Weights,
}

/// Weights of tags by feature.
type Weights = HashMap<u64, Vec<(u16, f32)>>;

/// No value here. Tag 1 + 2·n begins slot n, tag 2 + 2·n goes on with it.
const OUTSIDE: u16 = 0;

fn begins(slot: u16) -> u16 {
    1 + 2 * slot
}

fn goes_on(slot: u16) -> u16 {
    2 + 2 * slot
}

fn slot_of(tag: u16) -> Option<u16> {
    (tag != OUTSIDE).then(|| (tag - 1) / 2)
}

/// What is learnt so far of one feature: weight and its sum over time, by tag.
type Row = Vec<(u16, f32, f64)>;

impl Tagger {
    /// Learns from marked sentences; `other` are sentences of no label, whose words are ordinary ones.
    ///
    /// The same input gives the same tagger.
    #[must_use]
    pub fn train(examples: &[Marked<'_>], other: &[Vec<Word>]) -> Self {
        let slots: BTreeSet<&str> = examples.iter().flat_map(|one| &one.spans).map(|(_, slot)| *slot).collect();
        let slots: Vec<String> = slots.into_iter().map(str::to_owned).collect();
        let place = |slot: &str| slots.binary_search_by(|known| known.as_str().cmp(slot)).map_or(0, |at| at as u16);
        let mut of_label: BTreeMap<String, Vec<u16>> = BTreeMap::new();
        for one in examples {
            let list = of_label.entry(one.label.to_owned()).or_default();
            list.extend(one.spans.iter().map(|(_, slot)| place(slot)));
            list.sort_unstable();
            list.dedup();
        }
        let uses = Uses::count(examples, other);
        let mut lessons: Vec<Lesson<'_>> = Vec::new();
        for one in examples.iter().filter(|one| !of_label[one.label].is_empty()) {
            let mut tags = vec![OUTSIDE; one.words.len()];
            for (span, slot) in &one.spans {
                let slot = place(slot);
                for at in span.clone() {
                    tags[at] = if at == span.start { begins(slot) } else { goes_on(slot) };
                }
            }
            let known = |at: usize| {
                let word = &one.words[at].folded;
                let here = one.words.iter().zip(&tags).filter(|(other, tag)| other.folded == *word && **tag == OUTSIDE);
                uses.ordinary(word, here.count())
            };
            let features = features(one.label, &one.words, known);
            lessons.push(Lesson { features, tags, slots: &of_label[one.label] });
        }
        let weights = learn(&lessons);
        Self { ordinary: uses.all_ordinary(), slots: slots.clone(), of_label: of_label.clone(), weights }
    }

    /// The tagger that `folder` has for `key`, a hash of all that is learnt from, or the one that `train` makes.
    ///
    /// # Errors
    /// [`TrainError::Write`] when the folder can't be written. What can't be read is no error: it is made anew.
    pub fn cached(folder: &Path, key: &[u8; KEY], train: impl FnOnce() -> Self) -> Result<Self, TrainError> {
        let mut sum = Sha256::new_with_prefix(key);
        sum.update(VERSION.to_le_bytes());
        let key: [u8; SUM] = sum.finalize().into();
        let path = folder.join("tagger.bin");
        if let Some(tagger) = std::fs::read(&path).ok().and_then(|bytes| Self::from_bytes(&bytes, &key)) {
            return Ok(tagger);
        }
        tracing::info!(path = %path.display(), "learning where values stand");
        std::fs::create_dir_all(folder).map_err(|source| TrainError::Write { path: folder.to_owned(), source })?;
        let tagger = train();
        replace(&path, &tagger.to_bytes(&key))?;
        Ok(tagger)
    }

    /// Which words fill which slots if the sentence means `label`, from left to right. "web1 and web2" may fill one slot with
    /// two spans.
    pub fn tag(&self, label: &str, words: &[Word]) -> Vec<(Range<usize>, &str)> {
        let Some(slots) = self.of_label.get(label).filter(|slots| !slots.is_empty()) else {
            return Vec::new();
        };
        let words = &words[..words.len().min(MAX_WORDS)];
        let known = |at: usize| self.ordinary.binary_search(&word_hash(&words[at].folded)).is_ok();
        let mut history = History::default();
        for features in features(label, words, known) {
            let tag = history.best(&features, slots, |feature| {
                self.weights.get(&feature).into_iter().flatten().map(|(tag, weight)| (*tag, *weight))
            });
            history.push(tag);
        }
        let mut found: Vec<(Range<usize>, u16)> = Vec::new();
        for (at, tag) in history.tags.iter().enumerate() {
            let Some(slot) = slot_of(*tag) else { continue };
            match found.last_mut() {
                Some((span, last)) if *tag == goes_on(slot) && *last == slot && span.end == at => span.end = at + 1,
                _ => found.push((at..at + 1, slot)),
            }
        }
        found.into_iter().map(|(span, slot)| (span, self.slots[usize::from(slot)].as_str())).collect()
    }

    fn to_bytes(&self, key: &[u8; SUM]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(key);
        let header = serde_json::to_vec(&(&self.slots, &self.of_label)).expect("strings and numbers are always JSON");
        bytes.extend_from_slice(&(header.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(&(self.ordinary.len() as u32).to_le_bytes());
        self.ordinary.iter().for_each(|hash| bytes.extend_from_slice(&hash.to_le_bytes()));
        let rows: BTreeMap<_, _> = self.weights.iter().collect();
        for (feature, row) in rows {
            bytes.extend_from_slice(&feature.to_le_bytes());
            bytes.extend_from_slice(&(row.len() as u16).to_le_bytes());
            for (tag, weight) in row {
                bytes.extend_from_slice(&tag.to_le_bytes());
                bytes.extend_from_slice(&weight.to_le_bytes());
            }
        }
        let sum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&sum);
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote for that key; none when it is anything else.
    fn from_bytes(bytes: &[u8], key: &[u8; SUM]) -> Option<Self> {
        let (body, sum) = bytes.split_at_checked(bytes.len().checked_sub(SUM)?)?;
        let mut rest = body.strip_prefix(MAGIC)?.strip_prefix(key)?;
        if Sha256::digest(body).as_slice() != sum {
            return None;
        }
        let mut take = |count: usize| {
            let (taken, left) = rest.split_at_checked(count)?;
            rest = left;
            Some(taken)
        };
        let length = u32::from_le_bytes(take(4)?.try_into().ok()?);
        let (slots, of_label): (Vec<String>, BTreeMap<String, Vec<u16>>) =
            serde_json::from_slice(take(length as usize)?).ok()?;
        let count = u32::from_le_bytes(take(4)?.try_into().ok()?);
        let ordinary = take(count as usize * 8)?.as_chunks().0.iter().map(|hash| u64::from_le_bytes(*hash)).collect();
        let mut weights = HashMap::new();
        while let Some(feature) = take(8) {
            let count = u16::from_le_bytes(take(2)?.try_into().ok()?);
            let row = take(usize::from(count) * 6)?.as_chunks::<6>().0.iter().map(|entry| {
                let weight = [entry[2], entry[3], entry[4], entry[5]];
                (u16::from_le_bytes([entry[0], entry[1]]), f32::from_le_bytes(weight))
            });
            weights.insert(u64::from_le_bytes(feature.try_into().ok()?), row.collect());
        }
        Some(Self { slots, of_label, ordinary, weights })
    }
}

/// How often words are values and how often they are not.
struct Uses<'a> {
    /// By word: outside values, in values, in sentences of no label.
    counts: BTreeMap<&'a str, [usize; 3]>,
}

impl<'a> Uses<'a> {
    fn count(examples: &'a [Marked<'_>], other: &'a [Vec<Word>]) -> Self {
        let mut counts: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
        for one in examples {
            for (at, word) in one.words.iter().enumerate() {
                let inside = one.spans.iter().any(|(span, _)| span.contains(&at));
                counts.entry(&word.folded).or_default()[usize::from(inside)] += 1;
            }
        }
        for word in other.iter().flatten() {
            counts.entry(&word.folded).or_default()[2] += 1;
        }
        Self { counts }
    }

    /// Whether a word is more than a name, seen from a sentence in which it is outside of values `here` times.
    fn ordinary(&self, word: &str, here: usize) -> bool {
        let [outside, inside, other] = self.counts.get(word).copied().unwrap_or_default();
        // Sentences of no label mark nothing: what is a name elsewhere may well be one there.
        let outside = outside.saturating_sub(here) + if inside < 2 { other } else { 0 };
        outside > 0 && outside as f32 >= inside as f32 * ORDINARY
    }

    fn all_ordinary(&self) -> Vec<u64> {
        let words = self.counts.keys().filter(|word| self.ordinary(word, 0));
        let mut hashes: Vec<u64> = words.map(|word| word_hash(word)).collect();
        hashes.sort_unstable();
        hashes
    }
}

fn word_hash(word: &str) -> u64 {
    hash(b"word", word.as_bytes())
}

/// What was decided so far in a sentence.
#[derive(Default)]
struct History {
    tags: Vec<u16>,
    filled: Vec<u16>,
}

impl History {
    fn push(&mut self, tag: u16) {
        if let Some(slot) = slot_of(tag).filter(|slot| tag == begins(*slot)) {
            self.filled.push(slot);
        }
        self.tags.push(tag);
    }

    /// Features of what was decided before.
    fn features(&self) -> impl Iterator<Item = u64> {
        let last = self.tags.last().copied().unwrap_or(OUTSIDE);
        let last = hash(b"last", &last.to_le_bytes());
        std::iter::once(last).chain(self.filled.iter().map(|slot| hash(b"filled", &slot.to_le_bytes())))
    }

    /// The tag with the highest score among those that may follow.
    fn best<I: Iterator<Item = (u16, f32)>>(&self, features: &[u64], slots: &[u16], row: impl Fn(u64) -> I) -> u16 {
        let mut scores = vec![(OUTSIDE, 0.0_f32)];
        scores.extend(slots.iter().map(|slot| (begins(*slot), 0.0)));
        if let Some(slot) = self.tags.last().and_then(|tag| slot_of(*tag)) {
            scores.push((goes_on(slot), 0.0));
        }
        for feature in features.iter().copied().chain(self.features()) {
            for (tag, weight) in row(feature) {
                if let Some((_, score)) = scores.iter_mut().find(|(known, _)| *known == tag) {
                    *score += weight;
                }
            }
        }
        // At equal scores no value is found.
        let mut best = scores[0];
        for (tag, score) in scores.into_iter().skip(1) {
            if score > best.1 {
                best = (tag, score);
            }
        }
        best.0
    }
}

/// A sentence to learn from.
struct Lesson<'a> {
    /// Of each word.
    features: Vec<Vec<u64>>,
    /// The right ones.
    tags: Vec<u16>,
    /// What its label has.
    slots: &'a [u16],
}

fn learn(lessons: &[Lesson<'_>]) -> Weights {
    let mut rows: HashMap<u64, Row> = HashMap::new();
    let mut order: Vec<usize> = (0..lessons.len()).collect();
    let mut time = 1.0_f64;
    for round in 0..ROUNDS {
        for last in (1..order.len()).rev() {
            order.swap(last, (mix(round << 32 | last as u64) % (last as u64 + 1)) as usize);
        }
        for &place in &order {
            let Lesson { features, tags, slots } = &lessons[place];
            let mut history = History::default();
            for (features, right) in features.iter().zip(tags) {
                let tag = history.best(features, slots, |feature| {
                    rows.get(&feature).into_iter().flatten().map(|(tag, weight, _)| (*tag, *weight))
                });
                if tag != *right {
                    for feature in features.iter().copied().chain(history.features()) {
                        let row = rows.entry(feature).or_default();
                        add(row, *right, 1.0, time);
                        add(row, tag, -1.0, time);
                    }
                }
                history.push(*right);
            }
            time += 1.0;
        }
    }
    let mean = |row: Row| {
        let mean = row.into_iter().map(|(tag, weight, sum)| (tag, weight - (sum / time) as f32));
        mean.filter(|(_, weight)| weight.abs() >= LEAST).collect::<Vec<_>>()
    };
    rows.into_iter().map(|(feature, row)| (feature, mean(row))).filter(|(_, row)| !row.is_empty()).collect()
}

fn add(row: &mut Row, tag: u16, step: f32, time: f64) {
    match row.iter_mut().find(|(known, ..)| *known == tag) {
        Some((_, weight, sum)) => {
            *weight += step;
            *sum += f64::from(step) * time;
        }
        None => row.push((tag, step, f64::from(step) * time)),
    }
}

/// Features of every word: itself, two neighbours on each side, its shape, and the label.
fn features(label: &str, words: &[Word], ordinary: impl Fn(usize) -> bool) -> Vec<Vec<u64>> {
    let seen: Vec<String> = words
        .iter()
        .enumerate()
        .map(|(at, word)| match (word.quoted, ordinary(at)) {
            (true, _) => "<quoted>".to_owned(),
            (false, true) => word.folded.clone(),
            (false, false) => format!("<{}>", shape(&word.folded)),
        })
        .collect();
    let word = |at: isize| match usize::try_from(at) {
        Err(_) => "<start>",
        Ok(at) => seen.get(at).map_or("<end>", String::as_str),
    };
    let at = |place: usize| {
        let here = place as isize;
        let (this, before, after) = (word(here), word(here - 1), word(here + 1));
        let (before2, after2) = (word(here - 2), word(here + 2));
        let unknown = if this.starts_with('<') { "?" } else { "" };
        let one =
            |kind: &str, first: &str, second: &str| hash(kind.as_bytes(), format!("{first}\n{second}").as_bytes());
        vec![
            one("any", "", ""),
            one("this", this, ""),
            one("before", before, ""),
            one("after", after, ""),
            one("before that", before2, ""),
            one("after that", after2, ""),
            one("both before", before2, before),
            one("both after", after, after2),
            one("before and this", before, this),
            one("this and after", this, after),
            one("around", before, after),
            one("shape", shape(&words[place].folded), ""),
            one("label", label, unknown),
            one("label and before", label, before),
            one("label and after", label, after),
        ]
    };
    (0..words.len().min(MAX_WORDS)).map(at).collect()
}

/// What a word looks like: a number, an address, a file, a name with digits.
fn shape(word: &str) -> &'static str {
    let digit = |c: char| c.is_ascii_digit();
    if word.contains('@') {
        "address"
    } else if word.contains('/') {
        "path"
    } else if !word.is_empty() && word.chars().all(|c| digit(c) || matches!(c, '.' | ',')) {
        "number"
    } else if word.starts_with(digit) {
        "digits first"
    } else if word.rsplit_once('.').is_some_and(|(_, end)| (2..=6).contains(&end.len())) {
        "file"
    } else {
        match (word.contains(['-', '_']), word.ends_with(digit), word.contains(digit)) {
            (false, true, _) => "digits last",
            (false, false, true) => "digits within",
            (true, true, _) => "joined, digits last",
            (true, false, true) => "joined, digits within",
            (true, false, false) => "joined",
            (false, false, false) => "word",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Word> {
        text.split_whitespace().map(|word| Word { folded: word.to_owned(), quoted: false }).collect()
    }

    fn marked<'a>(label: &'a str, text: &str, spans: &[(Range<usize>, &'a str)]) -> Marked<'a> {
        Marked { label, words: words(text), spans: spans.to_vec() }
    }

    fn tagger() -> Tagger {
        let mut examples = Vec::new();
        for name in ["web1", "mail", "db-2", "shop", "ldap", "proxy"] {
            examples.push(marked("reboot", &format!("please restart {name} now"), &[(2..3, "machine")]));
            examples.push(marked("reboot", &format!("restart {name}"), &[(1..2, "machine")]));
            examples.push(marked(
                "disk",
                &format!("add a drive {name} to {name}9"),
                &[(3..4, "name"), (5..6, "machine")],
            ));
        }
        examples.push(marked("reboot", "restart yourself now please", &[]));
        examples.push(marked("reboot", "restart quickly please", &[]));
        Tagger::train(&examples, &[words("quickly yourself please now")])
    }

    #[test]
    fn names_nobody_has_heard_of_are_found_and_ordinary_words_are_none() {
        let tagger = tagger();
        assert_eq!(tagger.tag("reboot", &words("please restart nextcloud now")), [(2..3, "machine")]);
        assert_eq!(tagger.tag("reboot", &words("restart yourself now please")), []);
        assert_eq!(tagger.tag("disk", &words("add a drive music to jukebox")), [(3..4, "name"), (5..6, "machine")]);
    }

    #[test]
    fn only_slots_of_the_label_are_filled_and_of_no_label_none() {
        let tagger = tagger();
        assert_eq!(
            tagger
                .tag("reboot", &words("add a drive music to jukebox"))
                .iter()
                .filter(|(_, slot)| *slot == "name")
                .count(),
            0
        );
        assert_eq!(tagger.tag("unheard of", &words("restart web1")), []);
        assert_eq!(tagger.tag("reboot", &[]), []);
    }

    #[test]
    fn bytes_give_the_same_tagger_and_damage_is_noticed() {
        let tagger = tagger();
        let key = [7; SUM];
        let bytes = tagger.to_bytes(&key);
        assert_eq!(Tagger::from_bytes(&bytes, &key), Some(tagger));
        assert_eq!(Tagger::from_bytes(&bytes, &[8; SUM]), None);
        for at in (0..bytes.len()).step_by(97) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert_eq!(Tagger::from_bytes(&damaged, &key), None);
            assert_eq!(Tagger::from_bytes(&bytes[..at], &key), None);
        }
    }
}

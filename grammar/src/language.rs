//! In which language a text is written.
//!
//! What is no word of any language, or one of several ("web1", "20", "reboot web1"), tells nothing; then the
//! caller goes on in the language the person last used. An explicit switch ("speak French") is not guessed here: it is a
//! command like any other, and what it sets stays until the person's own words clearly say otherwise.

use std::collections::HashMap;

use crate::{
    MAX_TEXT,
    lexicon::{Class, Lexicon},
    token::{Token, tokens},
};

/// The weight from which a text is clearly in one language.
const CLEAR: f32 = 1.0;
/// The weight of a word that only one lexicon has.
const WORD: f32 = 1.0;
/// The most that one word can weigh.
const MOST: f32 = 2.5;

/// The language of a text by the words of the lexicons alone; `None` when that can't be told.
///
/// ```
/// use grammar::{language::guess, lexicon::Lexicon};
/// let english = Lexicon::parse("article: the\nverb: restart\npolite: please").unwrap();
/// let french = Lexicon::parse("article: le, la\nverb: restart\nelided: l").unwrap();
/// let languages = [("en", &english), ("fr", &french)];
/// assert_eq!(guess("restart the server", &languages), Some("en"));
/// assert_eq!(guess("restart l'agent", &languages), Some("fr"));
/// assert_eq!(guess("restart web1", &languages), None);
/// ```
pub fn guess<'n>(text: &str, languages: &[(&'n str, &Lexicon)]) -> Option<&'n str> {
    let mut weights = vec![0.0; languages.len()];
    let all = words(text);
    for (at, token) in all.iter().enumerate() {
        let has: Vec<bool> = languages.iter().map(|(_, lexicon)| tells(lexicon, &all, at)).collect();
        weigh(&mut weights, &has, WORD * length(token));
    }
    winner(&weights).map(|index| languages[index].0)
}

/// The languages with what was learnt from texts of theirs: knows words that no lexicon has.
#[derive(Debug, Default)]
pub struct Languages {
    names: Vec<String>,
    /// For each word, how much it speaks for each language.
    words: HashMap<String, Vec<f32>>,
}

impl Languages {
    /// Learns each language, by its name, from its lexicon and from texts in it, such as the phrasings of the corpus.
    pub fn new<'a>(languages: impl IntoIterator<Item = (&'a str, &'a Lexicon, Vec<&'a str>)>) -> Languages {
        let all: Vec<_> = languages.into_iter().collect();
        let mut counts: HashMap<String, Vec<f32>> = HashMap::new();
        let mut totals = vec![1.0f32; all.len()];
        for (index, (_, lexicon, texts)) in all.iter().enumerate() {
            let mut count = |word: &str, by: f32| {
                counts.entry(word.to_owned()).or_insert_with(|| vec![0.0; all.len()])[index] += by;
            };
            for text in texts {
                let said = words(text);
                for (at, token) in said.iter().enumerate() {
                    count(&key(&said, at), 1.0);
                    totals[index] += 1.0;
                    if token.clitic {
                        // "qu'il": also without its apostrophe.
                        count(&token.folded, 0.5);
                    }
                }
            }
            for word in lexicon.all_words() {
                count(word, 2.0);
            }
        }
        let most = totals.iter().copied().fold(1.0, f32::max);
        let weigh = |counts: Vec<f32>| -> Vec<f32> {
            let scaled: Vec<f32> = counts.iter().zip(&totals).map(|(count, total)| count * most / total + 0.3).collect();
            let mean = scaled.iter().map(|count| count.ln()).sum::<f32>() / scaled.len().max(1) as f32;
            scaled.iter().map(|count| (count.ln() - mean).clamp(-MOST, MOST)).collect()
        };
        Languages {
            names: all.iter().map(|(name, ..)| (*name).to_owned()).collect(),
            words: counts.into_iter().map(|(word, counts)| (word, weigh(counts))).collect(),
        }
    }

    /// The language a text is written in; `None` when that can't be told.
    pub fn guess(&self, text: &str) -> Option<&str> {
        let mut weights = vec![0.0; self.names.len()];
        let all = words(text);
        for at in 0..all.len() {
            if let Some(word) = self.words.get(&key(&all, at)) {
                for (weight, more) in weights.iter_mut().zip(word) {
                    *weight += more;
                }
            }
        }
        winner(&weights).map(|index| self.names[index].as_str())
    }
}

/// The words of a text that may tell its language: no names with digits, nothing quoted.
fn words(text: &str) -> Vec<Token<'_>> {
    let end = text.char_indices().nth(MAX_TEXT).map_or(text.len(), |(at, _)| at);
    let mut all = tokens(&text[..end]);
    all.retain(|token| !token.quoted && token.folded.chars().all(|c| c.is_alphabetic() || c == '-'));
    all
}

/// A word as it is looked up: what is before or behind an apostrophe is another word than alone.
fn key(all: &[Token], at: usize) -> String {
    let token = &all[at];
    let elided = all.get(at + 1).is_some_and(|next| next.clitic && next.span.start <= token.span.end + 3);
    match (token.clitic && token.folded.len() <= 2, elided) {
        (true, _) => format!("'{}", token.folded),
        (false, true) => format!("{}'", token.folded),
        _ => token.folded.clone(),
    }
}

/// Whether a word is one of that language.
fn tells(lexicon: &Lexicon, all: &[Token], at: usize) -> bool {
    let token = &all[at];
    let elided = all.get(at + 1).is_some_and(|next| next.clitic);
    if elided {
        return lexicon.is(&token.folded, Class::Elided) || token.folded.len() > 2 && lexicon.contains(&token.folded);
    }
    if let Some((head, tail)) = token.folded.rsplit_once('-') {
        return lexicon.is(tail, Class::Clitic) && lexicon.contains(head);
    }
    lexicon.contains(&token.folded)
}

/// Single letters say little.
fn length(token: &Token) -> f32 {
    if token.folded.len() == 1 && !token.clitic { 0.5 } else { 1.0 }
}

fn weigh(weights: &mut [f32], has: &[bool], by: f32) {
    if !has.iter().all(|has| *has) {
        weights.iter_mut().zip(has).filter(|(_, has)| **has).for_each(|(weight, _)| *weight += by);
    }
}

/// The one that is clearly above all others.
fn winner(weights: &[f32]) -> Option<usize> {
    let (best, most) = weights.iter().copied().enumerate().max_by(|left, right| left.1.total_cmp(&right.1))?;
    let next = weights.iter().enumerate().filter(|(index, _)| *index != best).map(|(_, weight)| *weight);
    (most - next.fold(0.0f32.min(most), f32::max) >= CLEAR).then_some(best)
}

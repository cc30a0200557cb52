//! In which language a text is written.
//!
//! What is no word of any language, or one of several ("web1", "20", "reboot web1"), tells nothing; then the
//! caller goes on in the language the person last used. An explicit switch ("speak French") is not guessed here: it is a
//! command like any other, and what it sets stays until the person's own words clearly say otherwise.

use rustc_hash::{FxHashMap, FxHashSet};

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
/// How often a word counts as seen that a lexicon lists, and one that was never seen.
const LISTED: f32 = 2.0;
const UNSEEN: f32 = 0.25;

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
    for at in 0..all.len() {
        let has: Vec<bool> = languages.iter().map(|(_, lexicon)| tells(lexicon, &all, at)).collect();
        weigh(&mut weights, &has, WORD * length(&all, at));
    }
    winner(&weights).map(|index| languages[index].0)
}

/// The languages with what was learnt from texts of theirs: knows words that no lexicon has.
#[derive(Debug, Default)]
pub struct Languages {
    names: Vec<String>,
    /// For each word, how much it speaks for each language.
    words: FxHashMap<String, Vec<f32>>,
    /// What may hang on to a word by a hyphen, in each language.
    clitics: Vec<FxHashSet<String>>,
}

impl Languages {
    /// Learns each language, by its name, from its lexicon and from texts in it, such as the phrasings of the corpus.
    pub fn new<'a>(languages: impl IntoIterator<Item = (&'a str, &'a Lexicon, Vec<&'a str>)>) -> Languages {
        let all: Vec<_> = languages.into_iter().collect();
        let mut said: FxHashMap<String, Vec<f32>> = FxHashMap::default();
        let mut totals = vec![1.0f32; all.len()];
        for (index, (_, _, texts)) in all.iter().enumerate() {
            for text in texts {
                let tokens = words(text);
                totals[index] += tokens.len() as f32;
                for at in 0..tokens.len() {
                    said.entry(key(&tokens, at)).or_insert_with(|| vec![0.0; all.len()])[index] += 1.0;
                }
            }
        }
        // As often as in texts of the same length.
        let most = totals.iter().copied().fold(1.0, f32::max);
        for counts in said.values_mut() {
            counts.iter_mut().zip(&totals).for_each(|(count, total)| *count *= most / total);
        }
        for (index, (_, lexicon, _)) in all.iter().enumerate() {
            for word in lexicon.all_words() {
                let mut keys = vec![word.to_owned()];
                let short = word.len() <= 2 && word.bytes().all(|byte| byte.is_ascii_lowercase());
                if lexicon.is(word, Class::Elided) {
                    keys.push(format!("{word}'"));
                } else if short {
                    keys.push(format!("'{word}"));
                }
                for key in keys {
                    said.entry(key).or_insert_with(|| vec![0.0; all.len()])[index] += LISTED;
                }
            }
        }
        let weigh = |counts: Vec<f32>| -> Vec<f32> {
            let logs: Vec<f32> = counts.iter().map(|count| (count + UNSEEN).ln()).collect();
            let mean = logs.iter().sum::<f32>() / logs.len().max(1) as f32;
            logs.iter().map(|log| (log - mean).clamp(-MOST, MOST)).collect()
        };
        Languages {
            names: all.iter().map(|(name, ..)| (*name).to_owned()).collect(),
            words: said.into_iter().map(|(word, counts)| (word, weigh(counts))).collect(),
            clitics: all.iter().map(|(_, lexicon, _)| lexicon.clitics().map(str::to_owned).collect()).collect(),
        }
    }

    /// The language a text is written in; `None` when that can't be told.
    pub fn guess(&self, text: &str) -> Option<&str> {
        let mut weights = vec![0.0; self.names.len()];
        let all = words(text);
        for (at, token) in all.iter().enumerate() {
            let hung = token.folded.rsplit_once('-').filter(|(head, _)| self.words.contains_key(*head));
            let word = self.words.get(&key(&all, at)).or_else(|| self.words.get(hung?.0));
            for (index, weight) in weights.iter_mut().enumerate() {
                *weight += word.map_or(0.0, |word| word[index]);
                *weight += hung.filter(|(_, tail)| self.clitics[index].contains(*tail)).map_or(0.0, |_| WORD);
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

/// A word as it is looked up: the "t" of "don't" and that of "t'as" are two.
fn key(all: &[Token], at: usize) -> String {
    let token = &all[at];
    let elided = all.get(at + 1).is_some_and(|next| next.clitic);
    match token.folded.len() <= 2 {
        true if token.clitic => format!("'{}", token.folded),
        true if elided => format!("{}'", token.folded),
        _ => token.folded.clone(),
    }
}

/// Whether a word is one of that language.
fn tells(lexicon: &Lexicon, all: &[Token], at: usize) -> bool {
    let token = &all[at];
    let elided = all.get(at + 1).is_some_and(|next| next.clitic);
    if token.folded.len() <= 2 && (elided || token.clitic) {
        return lexicon.is(&token.folded, Class::Elided) == elided && lexicon.contains(&token.folded);
    }
    if let Some((head, tail)) = token.folded.rsplit_once('-') {
        return lexicon.is(tail, Class::Clitic) && lexicon.contains(head);
    }
    lexicon.tells(&token.folded)
}

/// Single letters say little, unless an apostrophe stands by them.
fn length(all: &[Token], at: usize) -> f32 {
    let apostrophe = all[at].clitic || all.get(at + 1).is_some_and(|next| next.clitic);
    if all[at].folded.len() == 1 && !apostrophe { 0.5 } else { 1.0 }
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

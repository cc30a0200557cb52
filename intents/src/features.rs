//! Hashed word and character n-grams of a text.
//!
//! Case and accents are folded, runs of digits become one sign (so "20 gb" and "40 gb" are alike), and the n-grams are
//! hashed with a sign into a fixed number of places (Weinberger et al. 2009, "Feature hashing for large scale
//! multitask learning"). Words and characters are two blocks, each scaled to its own length, so that neither a long text
//! nor the many character n-grams outweigh the rest.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Number of places n-grams are hashed to; with 150 labels their weights take 5 MB.
pub(crate) const PLACES: usize = 1 << 14;
/// Length of the block of words, relative to the sentence vector's 1. Measured on CLINC150's validation part, with
/// 0.35, 0.5, 0.7 and 1 for either block: right 95.9 % with these, 95.1 % with 1 and 1.
const WORDS: f32 = 0.5;
/// Length of the block of character n-grams.
const CHARACTERS: f32 = 0.35;
/// Without a sentence vector the n-grams carry all: they are so many times longer (92 % instead of 90 % right).
pub(crate) const ALONE: f32 = 3.0;
/// Lengths of character n-grams, the signs for start and end of a word included.
const LENGTHS: std::ops::RangeInclusive<usize> = 3..=5;
/// Only so many words are looked at: the rest of an essay says nothing about which skill is meant.
const MAX_WORDS: usize = 200;
/// Longer words are cut for the character n-grams.
const MAX_WORD: usize = 32;

static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[\p{L}\p{M}\p{N}']+|[^\s\p{L}\p{M}\p{N}']").expect("a constant pattern that compiles")
});

/// N-grams of a text as (place, value), places ascending, and the hashes of its words.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Grams {
    pub(crate) values: Vec<(u32, f32)>,
    pub(crate) words: Vec<u32>,
}

impl Grams {
    /// Scaled for use without a sentence vector.
    pub(crate) fn alone(mut self) -> Self {
        self.values.iter_mut().for_each(|(_, value)| *value *= ALONE);
        self
    }
}

/// Folded words and signs of a text.
pub(crate) fn tokens(text: &str) -> Vec<String> {
    let folded: String = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect();
    TOKEN
        .find_iter(&folded)
        .take(MAX_WORDS)
        .map(|token| {
            let mut word = String::with_capacity(token.len());
            for c in token.as_str().chars().filter(|c| *c != '\'') {
                if !c.is_numeric() {
                    word.push(c);
                } else if !word.ends_with('#') {
                    word.push('#');
                }
            }
            word
        })
        .filter(|word| !word.is_empty())
        .collect()
}

/// The n-grams of a text.
pub(crate) fn grams(text: &str) -> Grams {
    let tokens = tokens(text);
    let mut words = BTreeMap::new();
    let mut characters = BTreeMap::new();
    let mut hashes = Vec::new();
    let mut previous = "^";
    for token in &tokens {
        let hash = hash(b"w", token.as_bytes());
        hashes.push((hash >> 32) as u32);
        *words.entry(hash).or_insert(0.0_f32) += 1.0;
        *words.entry(pair(previous, token)).or_insert(0.0) += 1.0;
        previous = token;

        let marked: Vec<char> =
            std::iter::once('<').chain(token.chars().take(MAX_WORD)).chain(std::iter::once('>')).collect();
        for length in LENGTHS {
            for gram in marked.windows(length) {
                let gram: String = gram.iter().collect();
                *characters.entry(self::hash(b"c", gram.as_bytes())).or_insert(0.0_f32) += 1.0;
            }
        }
    }
    if !tokens.is_empty() {
        *words.entry(pair(previous, "$")).or_insert(0.0) += 1.0;
    }

    let mut places = BTreeMap::new();
    add_block(&mut places, &words, WORDS);
    add_block(&mut places, &characters, CHARACTERS);
    hashes.sort_unstable();
    hashes.dedup();
    Grams { values: places.into_iter().collect(), words: hashes }
}

fn pair(left: &str, right: &str) -> u64 {
    hash(b"p", format!("{left} {right}").as_bytes())
}

/// Counts flattened by the logarithm, signed by their hash, scaled to length `weight`.
fn add_block(places: &mut BTreeMap<u32, f32>, counts: &BTreeMap<u64, f32>, weight: f32) {
    let length = counts.values().map(|count| (1.0 + count.ln()).powi(2)).sum::<f32>().sqrt();
    for (hash, count) in counts {
        let place = (hash % PLACES as u64) as u32;
        let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
        *places.entry(place).or_insert(0.0) += sign * weight * (1.0 + count.ln()) / length;
    }
}

/// FNV-1a with a final mix, because its upper bits alone are poor. The same in every version: models are stored.
pub(crate) fn hash(kind: &[u8], bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in kind.iter().chain(bytes) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    mix(hash)
}

/// The finaliser of SplitMix64 (Steele et al. 2014).
pub(crate) fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_numbers_do_not_matter() {
        assert_eq!(tokens("Redémarre WEB12, s'il te plaît!"), ["redemarre", "web#", ",", "sil", "te", "plait", "!"]);
        assert_eq!(grams("Create a 20 GB disk"), grams("create a 400 gb DISK"));
    }

    #[test]
    fn word_order_matters_and_length_does_not() {
        assert_ne!(grams("clone web to db").values, grams("clone db to web").values);
        let length = |text: &str| grams(text).values.iter().map(|(_, value)| value * value).sum::<f32>().sqrt();
        let long = "start the machine ".repeat(30);
        assert!((length("start") - length(&long)).abs() < 0.3, "{} {}", length("start"), length(&long));
    }

    #[test]
    fn odd_texts_are_harmless() {
        for text in ["", "   ", "'", "\u{301}\u{200b}", "🦀🦀", &"x".repeat(100_000), &"y ".repeat(100_000)] {
            let grams = grams(text);
            assert!(grams.values.iter().all(|(place, value)| (*place as usize) < PLACES && value.is_finite()));
        }
    }
}

//! Words as they were meant: two letters that changed places, and what one or two slips of the thumb leave of a word.

use rustc_hash::FxHashSet;
use std::sync::OnceLock;

use crate::mend::Mender;
use crate::read::Context;
use crate::token::Token;

/// A word so short may be anything.
const SHORT: usize = 3;

/// The words of a language, to find those that were mistyped.
#[derive(Debug, Default)]
pub struct Speller {
    words: FxHashSet<String>,
    /// The same in a row, and what mends a slip; made when first needed, for it takes its time.
    mender: OnceLock<(Vec<String>, Mender)>,
}

impl Speller {
    /// Of folded words.
    ///
    /// ```
    /// use grammar::spelling::Speller;
    /// let speller = Speller::new(["what", "which"].map(str::to_owned));
    /// assert_eq!(speller.swapped("waht"), Some("what"));
    /// assert_eq!(speller.swapped("whic"), None);
    /// ```
    pub fn new(words: impl IntoIterator<Item = String>) -> Self {
        Self { words: words.into_iter().collect(), mender: OnceLock::new() }
    }

    /// Whether the folded word is one of them.
    pub fn has(&self, folded: &str) -> bool {
        self.words.contains(folded)
    }

    /// The only word of which this one has two neighbouring letters swapped.
    pub fn swapped(&self, folded: &str) -> Option<&str> {
        let mut found = swaps(folded).filter_map(|word| self.words.get(&word)).map(String::as_str);
        let first = found.next()?;
        found.all(|other| other == first).then_some(first)
    }

    /// The word that this one most likely is, if only one is nearest.
    pub fn mended(&self, token: &Token<'_>, cx: &Context<'_>) -> Option<&str> {
        let (list, mender) = self.mender.get_or_init(|| {
            let whole = |word: &&String| word.chars().all(char::is_alphabetic);
            let mut list: Vec<String> = self.words.iter().filter(whole).cloned().collect();
            list.sort_unstable();
            (list.clone(), Mender::new(list))
        });
        list.get(mender.mend(token, cx)? as usize).map(String::as_str)
    }
}

/// The word with each pair of neighbours swapped; none of a short one.
pub fn swaps(word: &str) -> impl Iterator<Item = String> {
    let letters: Vec<char> = word.chars().collect();
    let pairs = if letters.len() < SHORT { 0 } else { letters.len() - 1 };
    (0..pairs).map(move |at| {
        let mut letters = letters.clone();
        letters.swap(at, at + 1);
        letters.into_iter().collect()
    })
}

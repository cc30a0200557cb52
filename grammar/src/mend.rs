//! Mistyped keywords: which one was meant, if only one can be.
//!
//! Keywords are found by their deletions (the SymSpell idea), so that a word costs a few look-ups and not a
//! comparison with every keyword.

use rustc_hash::FxHashMap;

use crate::{
    kind::Of,
    read::Context,
    token::{Token, fold},
};

/// Keywords by what is left of them when one or two letters are dropped.
#[derive(Debug, Default)]
pub(crate) struct Mender {
    words: Vec<String>,
    by_deletion: FxHashMap<String, Vec<u32>>,
}

/// How many typing errors a word of that many letters may have.
fn errors(letters: usize) -> usize {
    match letters {
        0..4 => 0,
        4..8 => 1,
        _ => 2,
    }
}

impl Mender {
    /// Of these folded keywords; indices are those of the list.
    pub fn new(words: Vec<String>) -> Self {
        let mut by_deletion: FxHashMap<String, Vec<u32>> = FxHashMap::default();
        for (index, word) in (0u32..).zip(&words) {
            for part in deletions(word) {
                let list = by_deletion.entry(part).or_default();
                if list.last() != Some(&index) {
                    list.push(index);
                }
            }
        }
        Mender { words, by_deletion }
    }

    /// The keyword that the token mistypes, if exactly one is nearest, and no known name is as near.
    pub fn mend(&self, token: &Token, cx: &Context) -> Option<u32> {
        let said = &token.folded;
        let letters = said.chars().count();
        let allowed = errors(letters);
        if token.quoted
            || allowed == 0
            || letters > 40
            || !said.chars().all(char::is_alphabetic)
            || cx.lexicon.contains(said)
            || Of::ALL.iter().any(|of| cx.known.has(*of, token.text).is_some())
        {
            return None;
        }
        let mut near: Vec<u32> =
            deletions(said).iter().filter_map(|part| self.by_deletion.get(part)).flatten().copied().collect();
        near.sort_unstable();
        near.dedup();
        let mut best: Option<(usize, u32, bool)> = None;
        for index in near {
            let word = &self.words[index as usize];
            let distance = distance(said, word);
            if distance > allowed.min(errors(word.chars().count())) {
                continue;
            }
            best = match best {
                Some((least, ..)) if distance > least => best,
                Some((least, first, _)) if distance == least => Some((least, first, false)),
                _ => Some((distance, index, true)),
            };
        }
        let (least, index, only) = best?;
        let near = |name: &String| name.len().abs_diff(said.len()) <= 4 * least && distance(said, &fold(name)) <= least;
        let named = || Of::ALL.iter().any(|of| cx.known.names(*of).iter().any(near));
        (only && !named()).then_some(index)
    }
}

/// The word, and what is left of it when as many letters are dropped as it may have errors.
fn deletions(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    if letters.len() > 40 {
        return Vec::new();
    }
    let without = |letters: &[char], dropped: usize| -> Vec<char> {
        letters.iter().enumerate().filter(|(at, _)| *at != dropped).map(|(_, letter)| *letter).collect()
    };
    let mut all = vec![letters.clone()];
    let mut last = vec![letters.clone()];
    for _ in 0..errors(letters.len()) {
        let mut next: Vec<Vec<char>> =
            last.iter().flat_map(|part| (0..part.len()).map(|at| without(part, at))).collect();
        next.sort_unstable();
        next.dedup();
        all.extend(next.iter().cloned());
        last = next;
    }
    all.into_iter().map(String::from_iter).collect()
}

/// Damerau–Levenshtein distance (optimal string alignment): insertions, deletions, replacements, swaps of neighbours.
pub fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_letters_swapped_are_one_error() {
        assert_eq!(distance("snapshto", "snapshot"), 1);
        assert_eq!(distance("stat", "start"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}

//! Cuts a text into the word pieces of the bundled encoder: the most probable segmentation by a unigram vocabulary
//! (Kudo 2018, "Subword regularization"), by Viterbi's method.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

/// Numbers that stand for an unknown sign, the beginning and the end.
const UNKNOWN: u32 = 0;
const BEGIN: u32 = 1;
const END: u32 = 2;
/// Texts are cut after this many pieces, beginning and end included.
pub(super) const MAX_PIECES: usize = 64;
/// What is looked at of a text at all.
const MAX_CHARACTERS: usize = 400;
/// Stands for the space before a word.
const SPACE: char = '\u{2581}';

/// The vocabulary.
pub(super) struct Pieces {
    places: HashMap<&'static str, u32>,
    scores: Vec<f32>,
    /// Characters of the longest piece.
    longest: usize,
    /// Score of a sign that is in no piece.
    unknown: f64,
}

impl Pieces {
    /// From pieces, one a line, and their log probabilities; the first three stand for unknown, beginning and end.
    pub(super) fn new(lines: &'static str, scores: Vec<f32>) -> Self {
        let places: HashMap<_, _> = lines.split('\n').zip(0..).filter(|(_, place)| *place > END).collect();
        let longest = places.keys().map(|piece| piece.chars().count()).max().unwrap_or(0);
        let unknown = scores.iter().copied().fold(f32::INFINITY, f32::min);
        Self { places, scores, longest, unknown: f64::from(unknown) - 10.0 }
    }

    /// Numbers of a text's pieces.
    pub(super) fn encode(&self, text: &str) -> Vec<u32> {
        let text = normalise(text);
        let bounds: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        // Per boundary: score of the best way to it, where its last piece begins, and that piece.
        let mut best = vec![(f64::NEG_INFINITY, 0, UNKNOWN); bounds.len()];
        best[0].0 = 0.0;
        for start in 0..bounds.len() - 1 {
            for end in start + 1..=(start + self.longest).min(bounds.len() - 1) {
                let (place, score) = match self.places.get(&text[bounds[start]..bounds[end]]) {
                    Some(place) => (*place, f64::from(self.scores[*place as usize])),
                    None if end == start + 1 => (UNKNOWN, self.unknown),
                    None => continue,
                };
                let score = best[start].0 + score;
                if score > best[end].0 {
                    best[end] = (score, start, place);
                }
            }
        }
        let mut found = Vec::new();
        let mut end = bounds.len() - 1;
        while end > 0 {
            let (_, start, place) = best[end];
            found.push(place);
            end = start;
        }
        let inner = found.into_iter().rev().take(MAX_PIECES - 2);
        [BEGIN].into_iter().chain(inner).chain([END]).collect()
    }
}

/// What is looked up: NFKC, small letters, each number a 0, one sign for the spaces between words and before the first.
pub(super) fn normalise(text: &str) -> String {
    let mut out = String::new();
    let (mut space, mut digit) = (true, false);
    // Cut twice: an endless text must not be folded whole.
    let folded = text.chars().take(4 * MAX_CHARACTERS).nfkc().collect::<String>().to_lowercase();
    for c in folded.chars() {
        if c.is_whitespace() || c.is_control() {
            (space, digit) = (true, false);
            continue;
        }
        if space {
            out.push(SPACE);
            space = false;
        }
        match c {
            _ if c.is_numeric() => {
                if !digit {
                    out.push('0');
                }
                digit = true;
            }
            '\u{2019}' => {
                out.push('\'');
                digit = false;
            }
            _ => {
                out.push(c);
                digit = false;
            }
        }
    }
    if let Some((end, _)) = out.char_indices().nth(MAX_CHARACTERS) {
        out.truncate(end);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_case_spaces_and_apostrophes_are_made_one() {
        assert_eq!(normalise("  Éteins  WEB12,\tl’autre à 22:30\n"), "▁éteins▁web0,▁l'autre▁à▁0:0");
        assert_eq!(normalise("\u{1} \u{a0} "), "");
        assert_eq!(normalise(&"x".repeat(10_000)).chars().count(), MAX_CHARACTERS);
    }

    #[test]
    fn the_most_probable_pieces_win_and_unknown_signs_stand_alone() {
        let lines = "<unk>\n<s>\n</s>\n▁\n▁re\n▁reboot\nboot\nb\no\nt";
        let scores = vec![0.0, 0.0, 0.0, -5.0, -4.0, -6.0, -4.0, -7.0, -7.0, -7.0];
        let pieces = Pieces::new(lines, scores);
        assert_eq!(pieces.encode("reboot"), [1, 5, 2]);
        assert_eq!(pieces.encode("re boot ☃"), [1, 4, 3, 6, 3, 0, 2]);
        assert_eq!(pieces.encode(""), [1, 2]);
        assert_eq!(pieces.encode(&"bo ".repeat(500)).len(), MAX_PIECES);
    }
}

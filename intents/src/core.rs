//! What is learnt about sentences, and what it sees in a new one: scores, nearest examples, known words.

use crate::examples::{Item, Prepared};
use crate::features::{ALONE, PLACES};
use crate::softmax::{Input, Recipe, Sample, Softmax, Target, add_scaled};

/// Labels whose examples are compared with a sentence: the best by score. The right one is nearly always among them.
const COMPARED: usize = 8;
/// Sharpness of the kernel over nearest examples: exp(β · (cosine − 1)).
const SHARPNESS: f32 = 30.0;
/// What the n-grams say weighs so much of what the sentence vector says, where both are learnt apart. With 1 as well the first
/// label is as often right as without them, and less is rejected.
const GRAMS: f32 = 0.5;

/// The learnt part of a model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Core {
    pub(crate) labels: usize,
    pub(crate) dense: usize,
    /// Rows of the bias and the sentence vector.
    pub(crate) dense_rows: Vec<f32>,
    /// Rows of the n-grams as bfloat16 (the upper half of an `f32`): halves the memory and changes no decision.
    pub(crate) gram_rows: Vec<u16>,
    /// Per label, the vectors of its examples in bytes, one after the other.
    pub(crate) examples: Vec<Vec<i8>>,
    /// Hashes of the words of all examples, ascending.
    pub(crate) words: Vec<u32>,
}

/// What a core sees in a sentence.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    /// Score per label, from the regression.
    pub(crate) scores: Vec<f32>,
    /// Labels compared with, best score first: (label, highest cosine of its examples, log of its kernel).
    pub(crate) near: Vec<(usize, f32, f32)>,
    /// Share of the sentence's words that are in some example.
    pub(crate) known: f32,
}

impl Core {
    /// Learns from the items that `keep` lets through.
    pub(crate) fn train(prepared: &Prepared, keep: impl Fn(usize, &Item) -> bool) -> Self {
        let items: Vec<&Item> = prepared
            .items
            .iter()
            .enumerate()
            .filter(|(place, item)| keep(*place, item))
            .map(|(_, item)| item)
            .collect();
        let weights = weights(&items, prepared.labels.len());
        let samples: Vec<Sample<'_>> = items
            .iter()
            .map(|item| Sample {
                input: item.input(),
                target: item.target,
                weight: match item.target {
                    Target::Is(label) => weights[label],
                    Target::Not(_) => 1.0,
                },
            })
            .collect();
        let learn = if prepared.tuned { apart } else { together };
        let (dense_rows, gram_rows) = learn(&samples, prepared);

        let mut examples = vec![Vec::new(); prepared.labels.len()];
        let mut words = Vec::new();
        for item in items {
            words.extend_from_slice(&item.grams.words);
            if let Some(label) = item.label() {
                examples[label].extend(quantised(&item.vector));
            }
        }
        words.sort_unstable();
        words.dedup();
        Self { labels: prepared.labels.len(), dense: prepared.dense, dense_rows, gram_rows, examples, words }
    }

    /// What there is to see in a sentence with these features and words.
    pub(crate) fn look(&self, input: Input<'_>, words: &[u32]) -> Sight {
        let mut scores = self.dense_rows[..self.labels].to_vec();
        for (row, value) in self.dense_rows.chunks_exact(self.labels).skip(1).zip(input.dense) {
            add_scaled(&mut scores, row, *value);
        }
        for (place, value) in input.sparse {
            let row = &self.gram_rows[*place as usize * self.labels..][..self.labels];
            for (score, weight) in scores.iter_mut().zip(row) {
                *score += whole(*weight) * value;
            }
        }
        let known = words.iter().filter(|word| self.words.binary_search(word).is_ok()).count();
        Sight {
            near: self.near(input.dense, &scores),
            known: if words.is_empty() { 0.0 } else { known as f32 / words.len() as f32 },
            scores,
        }
    }

    fn near(&self, vector: &[f32], scores: &[f32]) -> Vec<(usize, f32, f32)> {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|left, right| scores[*right].total_cmp(&scores[*left]).then(left.cmp(right)));
        order.truncate(COMPARED);
        if vector.is_empty() {
            return order.into_iter().map(|label| (label, 0.0, 0.0)).collect();
        }
        let vector: Vec<i8> = quantised(vector).collect();
        let near = |label: usize| {
            let mut highest = -1.0_f32;
            let mut kernel = 1e-9_f32;
            for example in self.examples[label].chunks_exact(vector.len()) {
                let cosine = cosine(&vector, example);
                highest = highest.max(cosine);
                kernel += (SHARPNESS * (cosine - 1.0)).exp();
            }
            (label, highest, kernel.ln())
        };
        order.into_iter().map(near).collect()
    }

    /// Bytes of the learnt numbers, in memory as on disk.
    pub(crate) fn size(&self) -> usize {
        self.dense_rows.len() * 4
            + self.gram_rows.len() * 2
            + self.examples.iter().map(Vec::len).sum::<usize>()
            + self.words.len() * 4
    }

    /// Whether all parts have the sizes they must have; for what was read from a file.
    pub(crate) fn consistent(&self) -> bool {
        self.dense_rows.len() == (1 + self.dense) * self.labels
            && self.gram_rows.len() == PLACES * self.labels
            && self.examples.len() == self.labels
            && self.examples.iter().all(
                |bytes| {
                    if self.dense == 0 { bytes.is_empty() } else { bytes.len() % self.dense == 0 }
                },
            )
            && self.words.is_sorted()
            && self.dense_rows.iter().all(|weight| weight.is_finite())
    }
}

/// Rows of the dense block and of the n-grams, learnt at once.
fn together(samples: &[Sample<'_>], prepared: &Prepared) -> (Vec<f32>, Vec<u16>) {
    let softmax = Softmax::new(prepared.labels.len(), prepared.dense, PLACES).learn(samples, Recipe::default());
    let dense_rows = softmax.rows().take(1 + prepared.dense).flatten().copied().collect();
    let gram_rows = softmax.rows().skip(1 + prepared.dense).flatten().map(|weight| half(*weight)).collect();
    (dense_rows, gram_rows)
}

/// The same, each learnt for itself: beside vectors that are in place already the n-grams would be left nothing to learn.
fn apart(samples: &[Sample<'_>], prepared: &Prepared) -> (Vec<f32>, Vec<u16>) {
    let labels = prepared.labels.len();
    let without_grams = samples.iter().map(|sample| Sample { input: Input { sparse: &[], ..sample.input }, ..*sample });
    let dense = Softmax::new(labels, prepared.dense, 0).learn(&without_grams.collect::<Vec<_>>(), Recipe::short());

    let longer =
        |sample: &Sample<'_>| sample.input.sparse.iter().map(|(place, value)| (*place, value * ALONE)).collect();
    let grams: Vec<Vec<(u32, f32)>> = samples.iter().map(longer).collect();
    let only_grams = samples
        .iter()
        .zip(&grams)
        .map(|(sample, grams)| Sample { input: Input { dense: &[], sparse: grams }, ..*sample });
    let grams = Softmax::new(labels, 0, PLACES).learn(&only_grams.collect::<Vec<_>>(), Recipe::default());

    let mut dense_rows: Vec<f32> = dense.rows().flatten().copied().collect();
    let bias = grams.rows().next().expect("the first row is the bias");
    add_scaled(&mut dense_rows, bias, GRAMS);
    let gram_rows = grams.rows().skip(1).flatten().map(|weight| half(GRAMS * ALONE * weight)).collect();
    (dense_rows, gram_rows)
}

/// A label with many examples must not drown one with few: weights go with the inverse root of their numbers.
fn weights(items: &[&Item], labels: usize) -> Vec<f32> {
    let mut counts = vec![0_usize; labels];
    items.iter().filter_map(|item| item.label()).for_each(|label| counts[label] += 1);
    let used = counts.iter().filter(|count| **count > 0).count().max(1);
    let mean = counts.iter().sum::<usize>() as f32 / used as f32;
    counts.iter().map(|count| (mean / (*count).max(1) as f32).sqrt().clamp(0.5, 3.0)).collect()
}

/// Components of a unit vector of hundreds of dimensions are small: ±0.4 is spread over a byte, beyond it is cut.
const STEP: f32 = 0.4 / 127.0;

fn quantised(vector: &[f32]) -> impl Iterator<Item = i8> {
    // A cast from float to integer saturates.
    vector.iter().map(|x| (x / STEP).round() as i8)
}

fn cosine(left: &[i8], right: &[i8]) -> f32 {
    // Never so long that it overflows; where every sum is asked whether it did, none can be taken together with others.
    let product = |(left, right): (&i8, &i8)| i32::from(*left).wrapping_mul(i32::from(*right));
    let sum = left.iter().zip(right).map(product).fold(0, i32::wrapping_add);
    sum as f32 * STEP * STEP
}

/// Rounds to bfloat16.
fn half(x: f32) -> u16 {
    (x.to_bits().saturating_add(0x8000) >> 16) as u16
}

fn whole(x: u16) -> f32 {
    f32::from_bits(u32::from(x) << 16)
}

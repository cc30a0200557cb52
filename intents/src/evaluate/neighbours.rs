//! The plainest classifier there is on sentence vectors, to measure the one that ships against: the nearest sentences vote.

use crate::examples::Prepared;
use crate::model::{NAMED, Ranking, Sureness};

/// Sums that are kept side by side, so that the compiler can use vector instructions.
const LANES: usize = 8;

/// Sentences that were learnt, by their vectors.
pub struct Neighbours {
    labels: Vec<String>,
    count: usize,
    dense: usize,
    vectors: Vec<f32>,
    /// The label of each.
    of: Vec<usize>,
}

impl Neighbours {
    /// Keeps the sentences that `keep` lets through; the nearest `count` will vote. Near misses have no vote.
    pub(super) fn learn(prepared: &Prepared, count: usize, keep: impl Fn(usize) -> bool) -> Self {
        let mut neighbours = Self {
            labels: prepared.labels.clone(),
            count: count.max(1),
            dense: prepared.dense,
            vectors: Vec::new(),
            of: Vec::new(),
        };
        for (place, item) in prepared.items.iter().enumerate() {
            if let Some(label) = item.label().filter(|_| keep(place)) {
                neighbours.vectors.extend_from_slice(&item.vector);
                neighbours.of.push(label);
            }
        }
        neighbours
    }

    /// Labels by their votes, and by their nearest sentence where votes are equal. A label's probability is its share of what
    /// the votes would be if all were for it and as near as can be.
    pub(super) fn rank(&self, vector: &[f32]) -> Ranking {
        if vector.is_empty() {
            return Ranking { ranked: Vec::new(), sure: Sureness::None };
        }
        let near = self.vectors.chunks_exact(self.dense).map(|known| cosine(known, vector));
        let mut near: Vec<(f32, usize)> = near.zip(self.of.iter().copied()).collect();
        let mut votes = vec![(0.0_f32, -1.0_f32); self.labels.len()];
        for (cosine, label) in &near {
            votes[*label].1 = votes[*label].1.max(*cosine);
        }
        near.sort_unstable_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(&right.1)));
        for (cosine, label) in near.iter().take(self.count) {
            votes[*label].0 += cosine.max(0.0) / self.count as f32;
        }
        let mut order: Vec<usize> = (0..votes.len()).collect();
        order.sort_by(|left, right| {
            let (one, other) = (votes[*left], votes[*right]);
            other.0.total_cmp(&one.0).then(other.1.total_cmp(&one.1)).then(left.cmp(right))
        });
        let rejected = order.first().is_none_or(|label| self.labels[*label].is_empty());
        let named = order.into_iter().filter(|label| !self.labels[*label].is_empty()).take(NAMED);
        Ranking {
            ranked: named.map(|label| (self.labels[label].clone(), votes[label].0)).collect(),
            sure: if rejected { Sureness::None } else { Sureness::Guess },
        }
    }

    /// Bytes of the vectors.
    pub(super) fn size(&self) -> usize {
        self.vectors.len() * 4
    }
}

/// Of vectors of length 1.
fn cosine(left: &[f32], right: &[f32]) -> f32 {
    let (left, left_rest) = left.as_chunks::<LANES>();
    let (right, right_rest) = right.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (left, right) in left.iter().zip(right) {
        for lane in 0..LANES {
            sums[lane] += left[lane] * right[lane];
        }
    }
    sums.iter().sum::<f32>() + left_rest.iter().zip(right_rest).map(|(left, right)| left * right).sum::<f32>()
}

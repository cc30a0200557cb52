//! How far a core's sight is to be trusted: probabilities that mean what they say.
//!
//! Fitted on sentences the core had not learnt from, among them whole labels it never saw, standing for what nobody
//! has thought of. A temperature (Guo et al. 2017, "On calibration of modern neural networks") makes scores into
//! probabilities; two small logistic regressions over score, margin and distance to the nearest examples say how
//! probable it is that the best label is right, and that the right one is among those offered.

use crate::core::Sight;
use crate::softmax::softmax;

/// How many labels are offered when unsure.
pub(crate) const OFFERED: usize = 3;
/// What a judgement rests on; see [`Verdict::signals`].
const SIGNALS: usize = 9;
/// Which way each signal may speak: up (1), down (−1), either (0). A fit to few sentences must not learn that knowing a
/// word, or being close to an example, speaks against an answer.
const DIRECTIONS: [i8; SIGNALS] = [0, 1, 1, -1, 1, 1, 1, 1, 1];
/// How strongly a fit holds on to what is assumed before anything was measured; in examples.
const RIDGE: f64 = 4.0;

/// What a sentence really meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    /// This label, which the core knew.
    Is(usize),
    /// None that the core knew.
    Unknown,
}

/// A sentence held out from learning, as the core sees it.
pub(crate) struct HeldOut {
    pub(crate) sight: Sight,
    pub(crate) truth: Truth,
    pub(crate) weight: f64,
}

/// Makes verdicts of sights.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Judge {
    temperature: f32,
    /// Share of the nearest examples' kernel in the scores.
    nearness: f32,
    /// Whether label 0 is the rejection.
    rejects: bool,
    right: Logistic,
    offered: Logistic,
}

/// A sight judged.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    /// Labels (rejection left out) with their probabilities, best first, all of them.
    pub(crate) ranked: Vec<(usize, f32)>,
    /// Probability that the first of them is right.
    pub(crate) right: f32,
    /// Probability that the right one is among the first [`OFFERED`].
    pub(crate) offered: f32,
    /// Whether the rejection label itself is the most probable.
    pub(crate) rejected: bool,
}

impl Judge {
    /// Fits to sentences held out.
    pub(crate) fn fit(held: &[HeldOut], rejects: bool) -> Self {
        let assumed = Logistic::new(Logistic::assumed());
        let mut judge = Self { temperature: 1.0, nearness: 0.0, rejects, right: assumed.clone(), offered: assumed };
        let near = held.iter().any(|held| held.sight.near.iter().any(|(_, _, kernel)| *kernel != 0.0));
        let nearness: &[f32] = if near { &[0.0, 0.15, 0.3, 0.5, 0.75, 1.0, 1.5] } else { &[0.0] };
        let mut least = f64::INFINITY;
        let mut best = (1.0, 0.0);
        for &share in nearness {
            for step in -8..=6 {
                (judge.temperature, judge.nearness) = (1.2_f32.powi(step), share);
                let loss = judge.loss(held);
                if loss < least {
                    least = loss;
                    best = (judge.temperature, share);
                }
            }
        }
        (judge.temperature, judge.nearness) = best;

        let rows: Vec<_> = held.iter().map(|held| (judge.look(&held.sight), held)).collect();
        let fit = |count: usize| {
            let samples: Vec<_> = rows
                .iter()
                .map(|((ranked, signals), held)| {
                    let hit = ranked.iter().take(count).any(|(label, _)| Truth::Is(*label) == held.truth);
                    (*signals, hit, held.weight)
                })
                .collect();
            Logistic::fit(&samples)
        };
        (judge.right, judge.offered) = (fit(1), fit(OFFERED));
        judge
    }

    /// What to make of a sight.
    pub(crate) fn judge(&self, sight: &Sight) -> Verdict {
        let (mut ranked, signals) = self.look(sight);
        let rejected = self.rejects && signals[3] > f64::from(ranked.first().map_or(0.0, |(_, p)| *p).max(1e-6)).ln();
        let right = self.right.probability(&signals) as f32;
        let offered = (self.offered.probability(&signals) as f32).max(right);
        // The best gets its judged probability; the others keep their proportions in what is left.
        let best = ranked.first().map_or(0.0, |(_, p)| *p).max(1e-6);
        let rest: f32 = ranked.iter().skip(1).map(|(_, p)| p).sum();
        let scale = (right / best).min((1.0 - right) / rest.max(1e-6));
        for (place, (_, p)) in ranked.iter_mut().enumerate() {
            *p = if place == 0 { right } else { *p * scale };
        }
        Verdict { ranked, right, offered, rejected }
    }

    /// Mean negative log probability of the true label, where the core knew it.
    fn loss(&self, held: &[HeldOut]) -> f64 {
        let (mut sum, mut weights) = (0.0, 0.0);
        for held in held {
            if let Truth::Is(label) = held.truth {
                sum -= held.weight * f64::from(self.probabilities(&held.sight)[label].max(1e-9)).ln();
                weights += held.weight;
            }
        }
        sum / weights.max(1e-9)
    }

    fn probabilities(&self, sight: &Sight) -> Vec<f32> {
        let least = sight.near.iter().map(|(_, _, kernel)| *kernel).fold(0.0, f32::min);
        let mut scores: Vec<f32> =
            sight.scores.iter().map(|score| score / self.temperature + self.nearness * least).collect();
        for (label, _, kernel) in &sight.near {
            scores[*label] += self.nearness * (kernel - least);
        }
        softmax(&mut scores);
        scores
    }

    fn look(&self, sight: &Sight) -> (Vec<(usize, f32)>, [f64; SIGNALS]) {
        let probabilities = self.probabilities(sight);
        let first = usize::from(self.rejects);
        let mut ranked: Vec<(usize, f32)> = probabilities.iter().copied().enumerate().skip(first).collect();
        ranked.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
        let signals = self.signals(sight, &probabilities, &ranked);
        (ranked, signals)
    }

    fn signals(&self, sight: &Sight, probabilities: &[f32], ranked: &[(usize, f32)]) -> [f64; SIGNALS] {
        let place = |rank: usize| ranked.get(rank).map_or(0.0, |(_, p)| f64::from(*p));
        let log = |p: f64| p.max(1e-6).ln();
        let none = if self.rejects { f64::from(probabilities[0]) } else { 0.0 };
        let cosine = |wanted: &dyn Fn(usize) -> bool| {
            let highest = sight.near.iter().filter(|(label, ..)| wanted(*label)).map(|(_, cosine, _)| *cosine);
            f64::from(highest.fold(0.0, f32::max))
        };
        let top = ranked.first().map(|(label, _)| *label);
        let highest = sight.scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let energy = f64::from(highest + sight.scores.iter().map(|score| (score - highest).exp()).sum::<f32>().ln());
        let top_cosine = cosine(&|label| Some(label) == top);
        [
            1.0,
            log(place(0)) - log(1.0 - place(0)),
            log(place(0)) - log(place(1)),
            log(none),
            top_cosine,
            top_cosine - cosine(&|label| Some(label) != top && (!self.rejects || label != 0)),
            if self.rejects { top_cosine - cosine(&|label| label == 0) } else { 0.0 },
            f64::from(sight.known),
            energy,
        ]
    }
}

/// Logistic regression over a handful of signals.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Logistic {
    /// Single precision: it comes back from a file as it was.
    weights: [f32; SIGNALS],
}

type Weights = [f64; SIGNALS];

impl Logistic {
    fn new(weights: Weights) -> Self {
        Self { weights: weights.map(|weight| weight as f32) }
    }

    /// Before anything is measured the probability of the best label is believed.
    fn assumed() -> Weights {
        let mut weights = [0.0; SIGNALS];
        weights[1] = 1.0;
        weights
    }

    fn probability(&self, signals: &[f64; SIGNALS]) -> f64 {
        probability(&self.weights.map(f64::from), signals)
    }

    /// Fits; signals that would speak the wrong way are taken out, the worst first, until none does.
    fn fit(samples: &[([f64; SIGNALS], bool, f64)]) -> Self {
        let mut used = [true; SIGNALS];
        loop {
            let fit = Self::fit_used(samples, &used);
            let wrong = |place: &usize| used[*place] && f64::from(DIRECTIONS[*place]) * fit[*place] < 0.0;
            let worst = (0..SIGNALS).filter(wrong).max_by(|left, right| fit[*left].abs().total_cmp(&fit[*right].abs()));
            match worst {
                Some(place) => used[place] = false,
                None => return Self::new(fit),
            }
        }
    }

    /// Newton's method; a ridge towards what is assumed keeps few examples from saying much.
    fn fit_used(samples: &[([f64; SIGNALS], bool, f64)], used: &[bool; SIGNALS]) -> Weights {
        let mut assumed = Self::assumed();
        assumed.iter_mut().zip(used).filter(|(_, used)| !**used).for_each(|(weight, _)| *weight = 0.0);
        let mut fit = assumed;
        for _ in 0..30 {
            let mut slope = [0.0; SIGNALS];
            let mut bend = [[0.0; SIGNALS]; SIGNALS];
            for place in 0..SIGNALS {
                slope[place] = RIDGE * (fit[place] - assumed[place]);
                bend[place][place] = RIDGE;
            }
            for (signals, hit, weight) in samples {
                let p = probability(&fit, signals);
                let error = weight * (p - f64::from(u8::from(*hit)));
                let spread = weight * (p * (1.0 - p)).max(1e-6);
                for row in (0..SIGNALS).filter(|row| used[*row]) {
                    slope[row] += error * signals[row];
                    for column in (0..SIGNALS).filter(|column| used[*column]) {
                        bend[row][column] += spread * signals[row] * signals[column];
                    }
                }
            }
            let step = solve(bend, slope);
            let size = step.iter().map(|x| x.abs()).fold(0.0, f64::max);
            // Far from the optimum a full step may overshoot.
            let damping = if size > 2.0 { 2.0 / size } else { 1.0 };
            fit.iter_mut().zip(step).for_each(|(weight, step)| *weight -= damping * step);
            if size < 1e-9 {
                break;
            }
        }
        fit
    }
}

fn probability(weights: &Weights, signals: &[f64; SIGNALS]) -> f64 {
    let score: f64 = weights.iter().zip(signals).map(|(weight, signal)| weight * signal).sum();
    1.0 / (1.0 + (-score).exp())
}

/// Solves a symmetric, positive definite system by Cholesky's method.
fn solve(mut matrix: [[f64; SIGNALS]; SIGNALS], mut side: [f64; SIGNALS]) -> [f64; SIGNALS] {
    for row in 0..SIGNALS {
        for column in 0..=row {
            let done = matrix[row].iter().zip(&matrix[column]).take(column);
            let sum = matrix[row][column] - done.map(|(left, right)| left * right).sum::<f64>();
            matrix[row][column] = if row == column { sum.max(1e-12).sqrt() } else { sum / matrix[column][column] };
        }
    }
    for row in 0..SIGNALS {
        for k in 0..row {
            side[row] -= matrix[row][k] * side[k];
        }
        side[row] /= matrix[row][row];
    }
    for row in (0..SIGNALS).rev() {
        for k in row + 1..SIGNALS {
            side[row] -= matrix[k][row] * side[k];
        }
        side[row] /= matrix[row][row];
    }
    side
}

//! The classifier: trained from examples, asked for a ranking.

use std::fmt;

use thiserror::Error;

use crate::core::Core;
use crate::encoder::{Encoder, EncoderError, to_learn_from};
use crate::examples::{Example, Item, Prepared};
use crate::features::{Grams, grams, hash};
use crate::judge::{HeldOut, Judge, Truth};
use crate::softmax::Input;

/// How many labels a ranking names.
pub const NAMED: usize = 5;
/// Folds held out for calibration.
const FOLDS: usize = 3;
/// In each fold, one label in so many is left out altogether and plays what nobody has thought of.
const LEFT_OUT: u64 = 6;
/// Fewer labels than this can spare none.
const SPARE: usize = 12;
/// What the left-out labels weigh together, relative to the sentences of known labels: about every eleventh thing
/// people type is none of what a machine can do. They resemble known labels more than most of that does, so more
/// weight makes the judge too careful (measured: stated probabilities fall 5 to 8 points short of the truth).
const STRANGE: f64 = 0.1;

/// Sure means: acting wrongly on it costs nine times what asking needlessly does, so it must be right nine times in ten.
const SURE: f32 = 0.9;
/// Without sentence vectors nothing tells a new wish from an old one in other words: be stricter.
const SURE_WITHOUT_ENCODER: f32 = 0.95;
/// Not offering the right one costs about twice what offering in vain does: the person must guess other words.
const OFFER: f32 = 0.3;
/// Three unlikely ones are no offer: the best of them must itself be as likely as not.
const LEAST: f32 = 0.5;
/// Without sentence vectors what is offered is less often meant at all.
const OFFER_WITHOUT_ENCODER: f32 = 0.4;

/// May the best label be acted on?
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Sureness {
    /// The best label may be acted on as understood.
    Sure,
    /// One of the first three is probably right: offer them.
    Guess,
    /// None of the labels is meant.
    None,
}

/// What a sentence may mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// Labels with calibrated probabilities, best first, at most five, rejection left out. The first probability says how often
    /// such an answer is right; the sum stays below 1, the rest is "something else".
    pub ranked: Vec<(String, f32)>,
    /// What may be done with it.
    pub sure: Sureness,
}

/// Why nothing can be learnt.
#[derive(Debug, Error)]
pub enum TrainError {
    /// There are fewer than two labels to tell apart.
    #[error("{labels} label(s) in the examples, at least two are needed")]
    TooFewLabels {
        /// How many there are, the rejection label included.
        labels: usize,
    },
    /// The encoder failed.
    #[error("the examples could not be encoded")]
    Encoder(#[from] EncoderError),
    /// The cache folder can't be written.
    #[error("can't write {}", path.display())]
    Write {
        /// The file or folder.
        path: std::path::PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// Ranks labels for a sentence.
#[derive(Clone, PartialEq)]
pub struct Model {
    pub(crate) labels: Vec<String>,
    pub(crate) encoder: Option<String>,
    pub(crate) core: Core,
    pub(crate) judge: Judge,
}

impl fmt::Debug for Model {
    /// Names what it is; the numbers would fill books.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("labels", &self.labels.len())
            .field("encoder", &self.encoder)
            .finish_non_exhaustive()
    }
}

impl Model {
    /// Learns from examples (an empty label rejects) and from near misses: (text, label it does not mean).
    ///
    /// The order of both doesn't matter, and the same input gives the same model.
    ///
    /// # Errors
    /// [`TrainError::TooFewLabels`], and [`TrainError::Encoder`] when the encoder fails.
    pub fn train(
        examples: &[Example<'_>],
        near_misses: &[(&str, &str)],
        encoder: Option<&dyn Encoder>,
    ) -> Result<Self, TrainError> {
        let prepared = Prepared::new(examples, near_misses, encoder, &mut |texts| match encoder {
            Some(encoder) => to_learn_from(encoder, texts),
            None => Ok(vec![Vec::new(); texts.len()]),
        })?;
        Self::learn(&prepared, |_| true)
    }

    /// Learns from those of the prepared items that `keep` lets through.
    pub(crate) fn learn(prepared: &Prepared, keep: impl Fn(usize) -> bool + Sync) -> Result<Self, TrainError> {
        check(prepared)?;
        let folds = prepared.folds(calibration_folds(prepared));
        let count = folds.iter().flatten().max().map_or(0, |last| last + 1);
        let mut held = Vec::new();
        let mut core = None;
        std::thread::scope(|scope| {
            let (keep, folds) = (&keep, &folds);
            let whole = scope.spawn(move || Core::train(prepared, |place, _| keep(place)));
            let parts: Vec<_> =
                (0..count).map(|fold| scope.spawn(move || hold_out(prepared, folds, fold, keep))).collect();
            for part in parts {
                held.extend(part.join().expect("learning from checked items does not panic"));
            }
            core = Some(whole.join().expect("learning from checked items does not panic"));
        });
        balance(&mut held, |truth| truth == Truth::Unknown, 1.0);
        let core = core.expect("the scope has joined the thread that sets it");
        Ok(Self::judged(prepared, core, &held))
    }

    /// Learns from all prepared items, and how far its answers are to be trusted from `held`, none of which it learns.
    pub(crate) fn learn_and_hold(prepared: &Prepared, held: &Prepared) -> Result<Self, TrainError> {
        check(prepared)?;
        let core = Core::train(prepared, |_, _| true);
        let known = |label: usize| prepared.labels.binary_search(&held.labels[label]).ok();
        let mut held: Vec<HeldOut> = held
            .items
            .iter()
            .filter_map(|item| {
                let truth = known(item.label()?).map_or(Truth::Unknown, Truth::Is);
                Some(HeldOut { sight: core.look(item.input(), &item.grams.words), truth, weight: 1.0 })
            })
            .collect();
        let rejected = if prepared.rejects() { Truth::Is(0) } else { Truth::Unknown };
        balance(&mut held, |truth| truth == rejected || truth == Truth::Unknown, f64::INFINITY);
        Ok(Self::judged(prepared, core, &held))
    }

    fn judged(prepared: &Prepared, core: Core, held: &[HeldOut]) -> Self {
        let (labels, encoder) = (prepared.labels.clone(), prepared.encoder.clone());
        Self { labels, encoder, core, judge: Judge::fit(held, prepared.rejects()) }
    }

    /// Labels this model knows, ascending; the rejection left out.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.labels.iter().map(String::as_str).filter(|label| !label.is_empty())
    }

    /// Name of the encoder it was trained with, if any: [`rank`](Self::rank) wants the same.
    #[must_use]
    pub fn encoder(&self) -> Option<&str> {
        self.encoder.as_deref()
    }

    /// Bytes of memory the learnt numbers take.
    #[must_use]
    pub fn size(&self) -> usize {
        self.core.size()
    }

    /// What `text` may mean. An encoder given to a model trained without one is not used.
    ///
    /// # Errors
    /// [`EncoderError::OtherEncoder`] when the model was trained with another encoder than is given, and whatever
    /// the encoder says when it fails.
    pub fn rank(&self, text: &str, encoder: Option<&dyn Encoder>) -> Result<Ranking, EncoderError> {
        Ok(self.rank_all(&[text], encoder)?.remove(0))
    }

    /// As [`rank`](Self::rank) for many texts, which costs less than one after the other.
    ///
    /// # Errors
    /// As [`rank`](Self::rank).
    pub fn rank_all(&self, texts: &[&str], encoder: Option<&dyn Encoder>) -> Result<Vec<Ranking>, EncoderError> {
        let vectors = match &self.encoder {
            None => vec![Vec::new(); texts.len()],
            Some(trained) => {
                let encoder = encoder.filter(|encoder| encoder.name() == trained).ok_or_else(|| {
                    let given = encoder.map(|encoder| encoder.name().to_owned());
                    EncoderError::OtherEncoder { trained: trained.clone(), given }
                })?;
                encoder.encode(texts)?
            }
        };
        let rank = |(text, vector): (&&str, Vec<f32>)| {
            let grams = if self.encoder.is_some() { grams(text) } else { grams(text).alone() };
            self.rank_features(&grams, &vector)
        };
        Ok(texts.iter().zip(vectors).map(rank).collect())
    }

    pub(crate) fn rank_features(&self, grams: &Grams, vector: &[f32]) -> Ranking {
        if grams.words.is_empty() {
            return Ranking { ranked: Vec::new(), sure: Sureness::None };
        }
        let sight = self.core.look(Input { dense: vector, sparse: &grams.values }, &grams.words);
        let verdict = self.judge.judge(&sight);
        let (sure, offer) = match self.encoder {
            Some(_) => (SURE, OFFER),
            None => (SURE_WITHOUT_ENCODER, OFFER_WITHOUT_ENCODER),
        };
        let sure = if verdict.right >= sure {
            Sureness::Sure
        } else if verdict.offered >= offer && verdict.right >= LEAST && !verdict.rejected {
            Sureness::Guess
        } else {
            Sureness::None
        };
        let ranked = verdict.ranked.into_iter().take(NAMED).map(|(label, p)| (self.labels[label].clone(), p)).collect();
        Ranking { ranked, sure }
    }
}

fn check(prepared: &Prepared) -> Result<(), TrainError> {
    let labels = prepared.labels.len();
    if labels < 2 { Err(TrainError::TooFewLabels { labels }) } else { Ok(()) }
}

/// What an encoder has seen is never held out: the rest, a tenth, can be held out at once.
fn calibration_folds(prepared: &Prepared) -> usize {
    if prepared.tuned { 1 } else { FOLDS }
}

/// What a core sees in the sentences of a fold when it has learnt from the others, and from a part of the labels only.
fn hold_out(
    prepared: &Prepared,
    folds: &[Option<usize>],
    fold: usize,
    keep: &(impl Fn(usize) -> bool + Sync),
) -> Vec<HeldOut> {
    // To an encoder that was fine-tuned on them no label is strange; then the corpus's rejections must do.
    let spare = prepared.labels.len() >= SPARE && !prepared.tuned;
    let strange: Vec<bool> = prepared
        .labels
        .iter()
        .map(|label| {
            spare && !label.is_empty() && hash(b"spare", label.as_bytes()) % LEFT_OUT == fold as u64 % LEFT_OUT
        })
        .collect();
    let strange_item = |item: &Item| item.label().is_some_and(|label| strange[label]);
    let learns = |place: usize, item: &Item| keep(place) && folds[place] != Some(fold) && !strange_item(item);
    let core = Core::train(prepared, learns);

    let mut knows = vec![false; prepared.labels.len()];
    for (place, item) in prepared.items.iter().enumerate() {
        if let Some(label) = item.label().filter(|_| learns(place, item)) {
            knows[label] = true;
        }
    }
    let held = prepared.items.iter().enumerate().filter(|(place, _)| keep(*place) && folds[*place] == Some(fold));
    held.filter_map(|(_, item)| {
        let label = item.label()?;
        let truth = if knows[label] { Truth::Is(label) } else { Truth::Unknown };
        Some(HeldOut { sight: core.look(item.input(), &item.grams.words), truth, weight: 1.0 })
    })
    .collect()
}

/// Weighs what is strange to the core so that it makes up the share it is expected to have, none of it more than `most`.
fn balance(held: &mut [HeldOut], strange: impl Fn(Truth) -> bool, most: f64) {
    let count = held.iter().filter(|held| strange(held.truth)).count();
    let known = held.len() - count;
    if count > 0 {
        let weight = STRANGE * known as f64 / count as f64;
        held.iter_mut().filter(|held| strange(held.truth)).for_each(|held| held.weight = weight.min(most));
    }
}

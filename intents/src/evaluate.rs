//! How good a classifier is, on sentences it has not learnt from.
//!
//! ```no_run
//! use intents::{Example, evaluate};
//! # fn main() -> Result<(), intents::TrainError> {
//! let examples = [Example { text: "start web1", label: "vm.start", language: "en" } /* … */];
//! let report = evaluate::cross_validate(&examples, &[], None, None, 5)?;
//! println!("{report}\n{}", report.confusion());
//! assert!(report.dangerous(|label| u8::from(label == "vm.delete")).is_empty());
//! # Ok(()) }
//! ```

use std::path::Path;

use crate::cache::prepare;
use crate::encoder::{Encoder, to_learn_from};
use crate::examples::{Example, Prepared};
use crate::model::{Model, TrainError};
use crate::softmax::Target;

mod compare;
mod curve;
mod data;
mod neighbours;
mod report;
mod stored;

pub use compare::{Classifier, Fitted, Measured, Method, compare};
pub use curve::{Curve, SHARES, Step, learning_curve};
pub use data::{Clinc, DataError, Sentence, clinc, csv};
pub use report::{AtAccuracy, Bin, LabelFigures, Operating, Prediction, Report, Totals};
pub use stored::Stored;

/// Learns from all folds but one and asks for the one left out, until each sentence has been asked.
///
/// Near-duplicates are in the same fold, so none is asked that has nearly been learnt. What the encoder itself was
/// fine-tuned on ([`Encoder::seen`], near-duplicates included) is learnt from and never asked: of the corpus that is a
/// tenth of all groups, and whatever was written after the weights were made. Vectors are kept in `cache`, if given.
///
/// # Errors
/// As [`Model::cached`].
pub fn cross_validate(
    examples: &[Example<'_>],
    near_misses: &[(&str, &str)],
    encoder: Option<&dyn Encoder>,
    cache: Option<&Path>,
    folds: usize,
) -> Result<Report, TrainError> {
    let method = Method { encoder, cache, folds, ..Method::default() };
    Ok(compare(examples, near_misses, &method)?.report)
}

/// Learns from `train` and asks for `test`.
///
/// # Errors
/// As [`Model::cached`].
pub fn held_out(
    train: &[Example<'_>],
    near_misses: &[(&str, &str)],
    test: &[Example<'_>],
    encoder: Option<&dyn Encoder>,
    cache: Option<&Path>,
) -> Result<Report, TrainError> {
    let model = Model::learn(&ready(train, near_misses, encoder, cache)?, |_| true)?;
    ask(&model, test, encoder, cache)
}

/// Learns from `train`, and from `validation` how far to trust what was learnt: a benchmark has a part for it, and an encoder
/// that was fine-tuned on `train` leaves little of that to hold out. Without `validation` a part of `train` has to do.
///
/// # Errors
/// As [`Model::cached`].
pub fn validated(
    train: &[Example<'_>],
    validation: &[Example<'_>],
    encoder: Option<&dyn Encoder>,
    cache: Option<&Path>,
) -> Result<Model, TrainError> {
    let prepared = ready(train, &[], encoder, cache)?;
    if validation.is_empty() {
        return Model::learn(&prepared, |_| true);
    }
    Model::learn_and_hold(&prepared, &ready(validation, &[], encoder, cache)?)
}

/// Asks a model that has learnt already for the sentences of `test`, which it should not have learnt from.
///
/// # Errors
/// As [`Model::cached`].
pub fn ask(
    model: &Model,
    test: &[Example<'_>],
    encoder: Option<&dyn Encoder>,
    cache: Option<&Path>,
) -> Result<Report, TrainError> {
    let encoder = encoder.filter(|_| model.encoder().is_some());
    let asked = ready(test, &[], encoder, cache)?;
    let predictions = asked.items.iter().filter_map(|item| match item.target {
        Target::Is(label) => {
            let ranking = model.rank_features(&item.grams, &item.vector);
            Some(Prediction::new(item, asked.labels[label].clone(), ranking))
        }
        Target::Not(_) => None,
    });
    Ok(Report::new(predictions.collect()))
}

fn ready(
    examples: &[Example<'_>],
    near_misses: &[(&str, &str)],
    encoder: Option<&dyn Encoder>,
    cache: Option<&Path>,
) -> Result<Prepared, TrainError> {
    match cache {
        Some(folder) => {
            let create = std::fs::create_dir_all(folder);
            create.map_err(|source| TrainError::Write { path: folder.to_owned(), source })?;
            prepare(folder, examples, near_misses, encoder)
        }
        None => Ok(Prepared::new(examples, near_misses, encoder, &mut |texts| match encoder {
            Some(encoder) => to_learn_from(encoder, texts),
            None => Ok(vec![Vec::new(); texts.len()]),
        })?),
    }
}

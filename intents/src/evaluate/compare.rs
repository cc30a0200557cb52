//! Several classifiers, encoders and ways to learn on the same sentences, so that their figures can be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::neighbours::Neighbours;
use super::report::{Prediction, Report};
use crate::encoder::{Encoder, EncoderError};
use crate::examples::{Example, Item, Prepared};
use crate::features::grams;
use crate::model::{Model, Ranking, TrainError};

/// Which classifier is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Classifier {
    /// The one that ships.
    #[default]
    Shipped,
    /// The same with the sentence vector alone: no n-grams in its scores.
    VectorsAlone,
    /// A vote of so many nearest sentences, each with its cosine; it rejects when the sentences of no label win.
    Neighbours(usize),
}

/// What is measured, and how.
#[derive(Clone, Copy, Default)]
pub struct Method<'a> {
    /// Which classifier is asked.
    pub classifier: Classifier,
    /// Where its sentence vectors come from.
    pub encoder: Option<&'a dyn Encoder>,
    /// One classifier per language, each asked for its own.
    pub apart: bool,
    /// Only sentences that this encoder has not seen either are asked: then all rows of a comparison ask the same.
    pub unseen_by: Option<&'a dyn Encoder>,
    /// Folds of the cross-validation, at least two.
    pub folds: usize,
    /// Where vectors are kept.
    pub cache: Option<&'a Path>,
}

/// What came out.
pub struct Measured {
    /// Every sentence that was asked.
    pub report: Report,
    /// The classifiers of the last fold: one, or one per language.
    pub fitted: Vec<Fitted>,
}

/// A classifier that has learnt.
pub enum Fitted {
    /// A regression, with or without n-grams.
    Model {
        /// The model.
        model: Box<Model>,
        /// Whether its n-grams count.
        grams: bool,
    },
    /// Sentences to be near to.
    Neighbours(Neighbours),
}

/// Learns from all folds but one and asks for the one left out, as [`cross_validate`](super::cross_validate), by any method.
///
/// # Errors
/// As [`Model::cached`].
pub fn compare(
    examples: &[Example<'_>],
    near_misses: &[(&str, &str)],
    method: &Method<'_>,
) -> Result<Measured, TrainError> {
    let mut prepared = super::ready(examples, near_misses, method.encoder, method.cache)?;
    let asked = askable(&prepared, method.unseen_by);
    let folds = method.folds.max(2);
    let fold_of = prepared.folds_of(folds, |place| asked[place]);
    if method.classifier != Classifier::Shipped {
        prepared.items.iter_mut().for_each(|item| item.grams.values.clear());
    }
    let languages = languages(&prepared);
    let parts: BTreeSet<&str> = if method.apart { languages.iter().copied().collect() } else { BTreeSet::from([""]) };
    let mut predictions = Vec::new();
    let mut fitted = Vec::new();
    for fold in 0..folds {
        fitted.clear();
        for part in &parts {
            let mine = |place: usize| part.is_empty() || languages[place] == *part;
            let learnt =
                Fitted::learn(&prepared, method.classifier, |place| mine(place) && fold_of[place] != Some(fold))?;
            for (place, item) in prepared.items.iter().enumerate() {
                if let Some(label) = item.label().filter(|_| fold_of[place] == Some(fold) && mine(place)) {
                    predictions.push(Prediction::new(item, prepared.labels[label].clone(), learnt.rank_item(item)));
                }
            }
            fitted.push(learnt);
        }
    }
    Ok(Measured { report: Report::new(predictions), fitted })
}

/// Which items neither their own encoder nor that other one has seen, nor any of their groups.
fn askable(prepared: &Prepared, other: Option<&dyn Encoder>) -> Vec<bool> {
    let seen = |item: &&Item| other.is_some_and(|encoder| encoder.seen(&item.text));
    let groups: BTreeSet<usize> = prepared.items.iter().filter(seen).map(|item| item.group).collect();
    prepared.items.iter().map(|item| !item.seen && !groups.contains(&item.group)).collect()
}

/// The language of each item. A near miss has none of its own: it is that of the example with the same text.
fn languages(prepared: &Prepared) -> Vec<&str> {
    let known = prepared.items.iter().filter(|item| item.label().is_some());
    let known: BTreeMap<&str, &str> = known.map(|item| (item.text.as_str(), item.language.as_str())).collect();
    let language = |item: &'_ Item| known.get(item.text.as_str()).copied().unwrap_or_default();
    prepared
        .items
        .iter()
        .map(|item| if item.label().is_some() { item.language.as_str() } else { language(item) })
        .collect()
}

impl Fitted {
    fn learn(
        prepared: &Prepared,
        classifier: Classifier,
        keep: impl Fn(usize) -> bool + Sync,
    ) -> Result<Self, TrainError> {
        let grams = match classifier {
            Classifier::Neighbours(count) => {
                return Ok(Self::Neighbours(Neighbours::learn(prepared, count, keep)));
            }
            Classifier::Shipped => true,
            Classifier::VectorsAlone => false,
        };
        Ok(Self::Model { model: Box::new(Model::learn(prepared, keep)?), grams })
    }

    fn rank_item(&self, item: &Item) -> Ranking {
        match self {
            Self::Model { model, .. } => model.rank_features(&item.grams, &item.vector),
            Self::Neighbours(neighbours) => neighbours.rank(&item.vector),
        }
    }

    /// What `text` may mean, vector and n-grams made on the way: what a sentence costs.
    ///
    /// # Errors
    /// As [`Model::rank`].
    pub fn rank(&self, text: &str, encoder: Option<&dyn Encoder>) -> Result<Ranking, EncoderError> {
        let vector = || Ok(encoder.map(|encoder| encoder.encode(&[text])).transpose()?.into_iter().flatten().next());
        match self {
            Self::Model { model, grams: true } => model.rank(text, encoder),
            Self::Model { model, grams: false } => {
                let mut grams = grams(text);
                grams.values.clear();
                Ok(model.rank_features(&grams, &vector()?.unwrap_or_default()))
            }
            Self::Neighbours(neighbours) => Ok(neighbours.rank(&vector()?.unwrap_or_default())),
        }
    }

    /// Bytes of memory that the learnt numbers take, the encoder left out.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Model { model, grams: true } => model.size(),
            Self::Model { model, grams: false } => model.size() - 2 * model.core.gram_rows.len(),
            Self::Neighbours(neighbours) => neighbours.size(),
        }
    }
}

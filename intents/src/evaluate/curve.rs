//! The learning curve: how much better it gets with more phrasings, and so whether writing more would help.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::report::{Prediction, Report, Totals};
use crate::encoder::Encoder;
use crate::examples::{Example, Prepared};
use crate::features::hash;
use crate::model::{Model, TrainError};

/// The shares that are usual.
pub const SHARES: [f64; 5] = [0.1, 0.25, 0.5, 0.75, 1.0];
/// One in so many groups is asked, and never learnt.
const ASKED: usize = 5;
/// The same where only what the encoder hasn't seen can be asked: what is left of that calibrates.
const ASKED_OF_UNSEEN: usize = 2;

/// Figures by how much was learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Ascending by what was learnt.
    pub steps: Vec<Step>,
    /// Whether the encoder was fine-tuned on what is learnt here: then it has seen all of it at every step, and the curve tells
    /// only what the classifier behind it gains.
    pub encoder_has_seen: bool,
}

/// One point of the curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Share of the groups of near-duplicates of each label that was learnt.
    pub share: f64,
    /// How many sentences that were.
    pub learnt: usize,
    /// Per language, on sentences that are the same at every step.
    pub figures: BTreeMap<String, Totals>,
}

/// Learns from a growing share of what may be learnt and asks each time for the same sentences.
///
/// Groups of near-duplicates are learnt whole or not at all, and chosen label by label by a hash of their text: what a smaller
/// share has, a bigger one has too, and every label keeps at least one group.
///
/// # Errors
/// As [`Model::cached`].
pub fn learning_curve(
    examples: &[Example<'_>],
    near_misses: &[(&str, &str)],
    encoder: Option<&dyn Encoder>,
    cache: Option<&Path>,
    shares: &[f64],
) -> Result<Curve, TrainError> {
    let prepared = super::ready(examples, near_misses, encoder, cache)?;
    let encoder_has_seen = prepared.tuned;
    let fold_of = prepared.folds(if encoder_has_seen { ASKED_OF_UNSEEN } else { ASKED });
    let asked: Vec<bool> = fold_of.iter().map(|fold| *fold == Some(0)).collect();
    let rank = ranks(&prepared, &asked);
    let mut steps = Vec::new();
    for &share in shares {
        let learns = |place: usize| rank[place].is_some_and(|rank| rank < share);
        let model = Model::learn(&prepared, learns)?;
        let learnt = (0..prepared.items.len()).filter(|place| learns(*place)).count();
        let answers = prepared.items.iter().enumerate().filter(|(place, _)| asked[*place]).filter_map(|(_, item)| {
            let expected = prepared.labels[item.label()?].clone();
            Some(Prediction::new(item, expected, model.rank_features(&item.grams, &item.vector)))
        });
        let report = Report::new(answers.collect());
        let totals = |language: &str| (language.to_owned(), report.language(language).totals);
        steps.push(Step { share, learnt, figures: report.languages().into_iter().map(totals).collect() });
    }
    Ok(Curve { steps, encoder_has_seen })
}

/// For each item that may be learnt the share from which on it is: 0 for the first group of its label, nearly 1 for the last.
fn ranks(prepared: &Prepared, asked: &[bool]) -> Vec<Option<f64>> {
    let mut groups: BTreeMap<Option<usize>, BTreeSet<(u64, usize)>> = BTreeMap::new();
    for (item, _) in prepared.items.iter().zip(asked).filter(|(_, asked)| !**asked) {
        let named = &prepared.items[item.group].text;
        groups.entry(item.label()).or_default().insert((hash(b"curve", named.as_bytes()), item.group));
    }
    let mut rank_of = BTreeMap::new();
    for (label, groups) in groups {
        let count = groups.len() as f64;
        rank_of.extend(groups.into_iter().zip(0..).map(|((_, group), at)| ((label, group), f64::from(at) / count)));
    }
    let items = prepared.items.iter().enumerate();
    items.map(|(place, item)| rank_of.get(&(item.label(), item.group)).copied().filter(|_| !asked[place])).collect()
}

impl fmt::Display for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "learnt   sentences   language   best right   among three   none rejected")?;
        for Step { share, learnt, figures } in &self.steps {
            for (language, totals) in figures {
                let [top1, top3, rejected] =
                    [totals.top1, totals.top3, totals.rejection_recall].map(|share| share * 100.0);
                let share = share * 100.0;
                writeln!(
                    f,
                    "{share:>4.0} % {learnt:>11} {language:>10} {top1:>10.2} % {top3:>11.2} % {rejected:>13.2} %"
                )?;
            }
        }
        Ok(())
    }
}

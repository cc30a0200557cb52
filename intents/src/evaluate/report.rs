//! Figures of an evaluation, as data and as a table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::examples::Item;
use crate::judge::OFFERED;
use crate::model::{Ranking, Sureness};

/// Bins of the histogram of confidence.
const BINS: usize = 10;
/// Accuracies in scope at which rejection is told.
const ACCURACIES: [f64; 4] = [0.95, 0.9, 0.85, 0.8];

/// A sentence that was asked, and the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// What was said.
    pub text: String,
    /// In which language.
    pub language: String,
    /// What it means; empty for none.
    pub expected: String,
    /// What was answered: labels with probabilities, best first.
    pub ranked: Vec<(String, f32)>,
    /// What may be done with the answer.
    pub sure: Sureness,
}

impl Prediction {
    pub(super) fn new(item: &Item, expected: String, ranking: Ranking) -> Self {
        let (text, language) = (item.text.clone(), item.language.clone());
        Self { text, language, expected, ranked: ranking.ranked, sure: ranking.sure }
    }

    /// The label decided for; empty when rejected.
    #[must_use]
    pub fn decided(&self) -> &str {
        match self.sure {
            Sureness::None => "",
            Sureness::Sure | Sureness::Guess => self.best(),
        }
    }

    /// The best label, rejected or not.
    #[must_use]
    pub fn best(&self) -> &str {
        self.ranked.first().map_or("", |(label, _)| label)
    }

    /// Probability given to the best label.
    #[must_use]
    pub fn confidence(&self) -> f32 {
        self.ranked.first().map_or(0.0, |(_, p)| *p)
    }

    fn right(&self) -> bool {
        self.decided() == self.expected
    }
}

/// Figures over all sentences; shares are between 0 and 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Sentences that mean a label.
    pub in_scope: usize,
    /// Sentences that mean none.
    pub out_of_scope: usize,
    /// Share of those in scope whose best label is right, rejected or not.
    pub top1: f64,
    /// Share of those in scope with the right label among the first three.
    pub top3: f64,
    /// Share of those in scope decided rightly: right label and not rejected.
    pub accuracy: f64,
    /// Share of those out of scope that were rejected.
    pub rejection_recall: f64,
    /// Share of rejections that were out of scope.
    pub rejection_precision: f64,
    /// Share of those in scope that were answered surely.
    pub sure: f64,
    /// Share of sure answers that are right, those to out-of-scope sentences included.
    pub sure_precision: f64,
    /// Share of those out of scope that were answered surely.
    pub strange_but_sure: f64,
    /// Mean distance of stated probability and share of right answers (expected calibration error).
    pub calibration_error: f64,
    /// Mean of the labels' F1.
    pub macro_f1: f64,
}

/// Figures of a label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelFigures {
    /// The label; empty for rejection.
    pub label: String,
    /// Sentences that mean it.
    pub support: usize,
    /// Share of the decisions for it that are right.
    pub precision: f64,
    /// Share of its sentences decided for it.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
}

/// Sentences whose best label has a probability in a range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Where the range begins; it ends where the next begins.
    pub from: f64,
    /// Sentences in it.
    pub count: usize,
    /// Those whose best label is right.
    pub right: usize,
}

/// What would be had if answers below a probability were rejected.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operating {
    /// The probability.
    pub threshold: f64,
    /// Share of sentences in scope with the right label and not rejected.
    pub accuracy: f64,
    /// Share of sentences out of scope that are rejected.
    pub rejection_recall: f64,
}

/// The best that can be rejected while in scope at least so much is decided rightly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AtAccuracy {
    /// The least share of sentences in scope with the right label and not rejected.
    pub least: f64,
    /// The highest threshold that leaves it; none when the best label is right less often than that.
    pub best: Option<Operating>,
}

/// An evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Over all.
    pub totals: Totals,
    /// Per label, ascending.
    pub labels: Vec<LabelFigures>,
    /// Confidence of the best label, ascending.
    pub histogram: Vec<Bin>,
    /// What other thresholds would give.
    pub curve: Vec<Operating>,
    /// Rejection at fixed accuracies; empty when no sentence is out of scope, or none in it.
    pub at_accuracy: Vec<AtAccuracy>,
    /// Every sentence with its answer.
    pub predictions: Vec<Prediction>,
}

impl Report {
    /// Figures of these answers.
    #[must_use]
    pub fn new(predictions: Vec<Prediction>) -> Self {
        let labels = label_figures(&predictions);
        let histogram = histogram(&predictions);
        let curve = (1..20).map(|step| operating(&predictions, f64::from(step) / 20.0)).collect();
        let at_accuracy = at_accuracy(&predictions);
        Self { totals: totals(&predictions, &labels, &histogram), labels, histogram, curve, at_accuracy, predictions }
    }

    /// The same figures over the sentences of one language.
    #[must_use]
    pub fn language(&self, language: &str) -> Self {
        Self::new(self.predictions.iter().filter(|prediction| prediction.language == language).cloned().collect())
    }

    /// The languages of its sentences, ascending.
    #[must_use]
    pub fn languages(&self) -> Vec<&str> {
        let languages: BTreeSet<_> = self.predictions.iter().map(|prediction| prediction.language.as_str()).collect();
        languages.into_iter().collect()
    }

    /// Sentences decided wrongly, most confident first.
    #[must_use]
    pub fn wrong(&self) -> Vec<&Prediction> {
        let mut wrong: Vec<_> = self.predictions.iter().filter(|prediction| !prediction.right()).collect();
        wrong.sort_by(|left, right| {
            right.confidence().total_cmp(&left.confidence()).then_with(|| left.text.cmp(&right.text))
        });
        wrong
    }

    /// Sentences surely taken for something more dangerous than they mean, most confident first. `danger` ranks labels, the
    /// empty one included: it is asked for what a sentence of no label would be.
    pub fn dangerous(&self, danger: impl Fn(&str) -> u8) -> Vec<&Prediction> {
        let mut wrong = self.wrong();
        wrong.retain(|prediction| {
            prediction.sure == Sureness::Sure && danger(prediction.best()) > danger(&prediction.expected)
        });
        wrong
    }

    /// Which labels are taken for which: one line per label with mistakes, most mistakes first.
    #[must_use]
    pub fn confusion(&self) -> String {
        let mut cells: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
        for prediction in self.predictions.iter().filter(|prediction| !prediction.right()) {
            *cells.entry(&prediction.expected).or_default().entry(prediction.decided()).or_default() += 1;
        }
        let mut rows: Vec<_> =
            cells.into_iter().map(|(label, row)| (row.values().sum::<usize>(), label, row)).collect();
        rows.sort_by_key(|(count, label, _)| (std::cmp::Reverse(*count), *label));
        let lines = rows.into_iter().map(|(_, label, row)| {
            let mut row: Vec<_> = row.into_iter().collect();
            row.sort_by_key(|(label, count)| (std::cmp::Reverse(*count), *label));
            let taken: Vec<_> = row.iter().map(|(label, count)| format!("{} {count}", shown(label))).collect();
            format!("{:<24} taken for {}\n", shown(label), taken.join(", "))
        });
        lines.collect()
    }

    /// What is rejected, by threshold and at fixed accuracies, as a table; empty when no sentence is out of scope.
    #[must_use]
    pub fn rejection(&self) -> String {
        let line = |name: String, point: &Operating| {
            let Operating { threshold, accuracy, rejection_recall } = point;
            let (accuracy, recall) = (accuracy * 100.0, rejection_recall * 100.0);
            format!("{name:<26} {threshold:>9.2} {accuracy:>10.2} % {recall:>12.2} %\n")
        };
        if self.at_accuracy.is_empty() {
            return String::new();
        }
        let mut text =
            format!("{:<26} {:>9} {:>12} {:>14}\n", "rejecting below", "threshold", "in scope", "out of scope");
        text.extend(self.curve.iter().map(|point| line(String::new(), point)));
        for fixed in &self.at_accuracy {
            let name = format!("in scope at least {:.0} %", fixed.least * 100.0);
            match &fixed.best {
                Some(point) => text.push_str(&line(name, point)),
                None => text.push_str(&format!("{name:<26} not reached\n")),
            }
        }
        text
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let totals = &self.totals;
        let percent = |share: f64| share * 100.0;
        writeln!(f, "{} sentences in scope, {} of none", totals.in_scope, totals.out_of_scope)?;
        write!(f, "as it ships: in-scope accuracy {:.2} %", percent(totals.accuracy))?;
        match totals.out_of_scope {
            0 => writeln!(f)?,
            _ => writeln!(f, ", out-of-scope recall {:.2} %", percent(totals.rejection_recall))?,
        }
        for (name, share) in [
            ("best label right", totals.top1),
            ("right among three", totals.top3),
            ("decided rightly", totals.accuracy),
            ("rejection recall", totals.rejection_recall),
            ("rejection precision", totals.rejection_precision),
            ("answered surely", totals.sure),
            ("sure and right", totals.sure_precision),
            ("strange but sure", totals.strange_but_sure),
            ("calibration error", totals.calibration_error),
            ("macro F1", totals.macro_f1),
        ] {
            writeln!(f, "  {name:<20} {:6.2} %", percent(share))?;
        }
        writeln!(f, "\n{:<24} {:>7} {:>9} {:>7} {:>7}", "label", "support", "precision", "recall", "F1")?;
        for row in &self.labels {
            let (precision, recall, f1) = (percent(row.precision), percent(row.recall), percent(row.f1));
            writeln!(f, "{:<24} {:>7} {precision:>9.1} {recall:>7.1} {f1:>7.1}", shown(&row.label), row.support)?;
        }
        writeln!(f, "\nconfidence   sentences   right")?;
        for bin in &self.histogram {
            let share = percent(bin.right as f64 / bin.count.max(1) as f64);
            writeln!(f, "from {:.1} {:>16} {share:>6.1} %", bin.from, bin.count)?;
        }
        Ok(())
    }
}

fn shown(label: &str) -> &str {
    if label.is_empty() { "(none)" } else { label }
}

fn share(count: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { count as f64 / of as f64 }
}

fn totals(predictions: &[Prediction], labels: &[LabelFigures], histogram: &[Bin]) -> Totals {
    let (strange, known): (Vec<_>, Vec<_>) = predictions.iter().partition(|prediction| prediction.expected.is_empty());
    let count = |of: &[&Prediction], what: &dyn Fn(&Prediction) -> bool| of.iter().filter(|p| what(p)).count();
    let all: Vec<_> = predictions.iter().collect();
    let rejected = count(&all, &|p| p.sure == Sureness::None);
    let sure = count(&all, &|p| p.sure == Sureness::Sure);
    let known_labels = labels.iter().filter(|row| !row.label.is_empty() && row.support > 0);
    let (sum, labels) = known_labels.fold((0.0, 0), |(sum, count), row| (sum + row.f1, count + 1));
    let gap = |bin: &Bin| {
        let stated: f64 = predictions.iter().filter(|p| in_bin(p, bin.from)).map(|p| f64::from(p.confidence())).sum();
        (stated - bin.right as f64).abs()
    };
    Totals {
        in_scope: known.len(),
        out_of_scope: strange.len(),
        top1: share(count(&known, &|p| p.best() == p.expected), known.len()),
        top3: share(
            count(&known, &|p| p.ranked.iter().take(OFFERED).any(|(label, _)| *label == p.expected)),
            known.len(),
        ),
        accuracy: share(count(&known, &Prediction::right), known.len()),
        rejection_recall: share(count(&strange, &|p| p.sure == Sureness::None), strange.len()),
        rejection_precision: share(count(&strange, &|p| p.sure == Sureness::None), rejected),
        sure: share(count(&known, &|p| p.sure == Sureness::Sure), known.len()),
        sure_precision: share(count(&all, &|p| p.sure == Sureness::Sure && p.right()), sure),
        strange_but_sure: share(count(&strange, &|p| p.sure == Sureness::Sure), strange.len()),
        calibration_error: histogram.iter().map(gap).sum::<f64>() / predictions.len().max(1) as f64,
        macro_f1: sum / f64::from(labels.max(1)),
    }
}

fn label_figures(predictions: &[Prediction]) -> Vec<LabelFigures> {
    // Per label: meant, decided, both.
    let mut counts: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for prediction in predictions {
        counts.entry(&prediction.expected).or_default()[0] += 1;
        counts.entry(prediction.decided()).or_default()[1] += 1;
        if prediction.right() {
            counts.entry(&prediction.expected).or_default()[2] += 1;
        }
    }
    let figures = counts.into_iter().map(|(label, [meant, decided, both])| {
        let (precision, recall) = (share(both, decided), share(both, meant));
        let f1 = if both == 0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) };
        LabelFigures { label: label.to_owned(), support: meant, precision, recall, f1 }
    });
    figures.collect()
}

fn in_bin(prediction: &Prediction, from: f64) -> bool {
    let place = (f64::from(prediction.confidence()) * BINS as f64).floor().min(BINS as f64 - 1.0);
    (place / BINS as f64 - from).abs() < 1e-9
}

fn histogram(predictions: &[Prediction]) -> Vec<Bin> {
    let bin = |place: usize| {
        let from = place as f64 / BINS as f64;
        let inside: Vec<_> = predictions.iter().filter(|prediction| in_bin(prediction, from)).collect();
        let right = inside.iter().filter(|prediction| prediction.best() == prediction.expected).count();
        Bin { from, count: inside.len(), right }
    };
    (0..BINS).map(bin).collect()
}

fn at_accuracy(predictions: &[Prediction]) -> Vec<AtAccuracy> {
    let (strange, known): (Vec<_>, Vec<_>) = predictions.iter().partition(|prediction| prediction.expected.is_empty());
    if strange.is_empty() || known.is_empty() {
        return Vec::new();
    }
    let mut right: Vec<f32> = known.iter().filter(|p| p.best() == p.expected).map(|p| p.confidence()).collect();
    right.sort_by(|left, one| one.total_cmp(left));
    let at = |least: f64| {
        // So many of the right answers must stay; the last of them sets the threshold.
        let wanted = ((least * known.len() as f64 - 1e-9).ceil() as usize).max(1);
        let last = right.get(wanted - 1)?;
        Some(operating(predictions, f64::from(*last)))
    };
    ACCURACIES.iter().map(|least| AtAccuracy { least: *least, best: at(*least) }).collect()
}

fn operating(predictions: &[Prediction], threshold: f64) -> Operating {
    let accepted = |prediction: &&Prediction| f64::from(prediction.confidence()) >= threshold;
    let (strange, known): (Vec<_>, Vec<_>) = predictions.iter().partition(|prediction| prediction.expected.is_empty());
    let right = known.iter().copied().filter(accepted).filter(|p| p.best() == p.expected).count();
    let rejected = strange.len() - strange.iter().copied().filter(accepted).count();
    Operating { threshold, accuracy: share(right, known.len()), rejection_recall: share(rejected, strange.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(expected: &str, best: &str, confidence: f32) -> Prediction {
        let ranked = vec![(best.to_owned(), confidence)];
        let (text, language) = (format!("{expected} {best} {confidence}"), "en".to_owned());
        Prediction { text, language, expected: expected.to_owned(), ranked, sure: Sureness::Guess }
    }

    #[test]
    fn rejection_at_an_accuracy_is_the_best_that_any_threshold_gives() {
        // Nine of ten in scope have the right best label, 0.9 to 0.1 sure of it; five of none are 0.05 to 0.85 sure.
        let mut predictions: Vec<_> = (1..10_u8).map(|tenth| answer("a", "a", f32::from(tenth) / 10.0)).collect();
        predictions.push(answer("a", "b", 0.95));
        predictions.extend([0.05, 0.15, 0.25, 0.35, 0.85].map(|confidence| answer("", "b", confidence)));
        let report = Report::new(predictions);
        let found: Vec<_> = report.at_accuracy.iter().map(|at| at.best.map(|best| best.rejection_recall)).collect();
        // 0.9 needs all nine (from 0.1 on), 0.85 as well (0.8 would be too few), 0.8 spares the least sure one.
        assert_eq!(found, [None, Some(0.2), Some(0.2), Some(0.4)]);
        for AtAccuracy { least, best } in report.at_accuracy.iter().copied() {
            let Some(best) = best else { continue };
            assert!(best.accuracy >= least, "{best:?}");
            let above = operating(&report.predictions, best.threshold + 1e-4);
            assert!(above.accuracy < least, "a higher threshold leaves too little: {above:?}");
        }
        let table = report.rejection();
        assert!(table.contains("in scope at least 95 %     not reached"), "{table}");
        assert!(table.contains("in scope at least 80 %          0.20      80.00 %        40.00 %"), "{table}");
    }

    #[test]
    fn answers_as_sure_as_the_threshold_stay_and_nothing_is_told_without_strange_sentences() {
        let mut predictions = vec![answer("a", "a", 0.5), answer("a", "a", 0.5)];
        assert!(Report::new(predictions.clone()).at_accuracy.is_empty());
        assert!(Report::new(predictions.clone()).rejection().is_empty());
        predictions.push(answer("", "a", 0.5));
        let fixed = Report::new(predictions).at_accuracy;
        assert!(
            fixed.iter().all(|at| at.best.is_some_and(|best| best.accuracy == 1.0 && best.rejection_recall == 0.0))
        );
    }
}

//! Examples made ready to learn from: in one order, without repetitions, with their features and groups.

use std::collections::{BTreeMap, BTreeSet};

use crate::encoder::{Encoder, EncoderError};
use crate::features::{Grams, PLACES, grams, hash};
use crate::softmax::{Input, Target};

/// A sentence and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Example<'a> {
    /// What is said.
    pub text: &'a str,
    /// The skill it means; empty for none of them.
    pub label: &'a str,
    /// In which language, for evaluation; nothing is learnt from it.
    pub language: &'a str,
}

/// Sentences of one label this alike (cosine of their n-grams) are in one group.
const ALIKE: f32 = 0.8;

/// A sentence with its features.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) text: String,
    pub(crate) language: String,
    pub(crate) target: Target,
    pub(crate) grams: Grams,
    /// Empty without an encoder.
    pub(crate) vector: Vec<f32>,
    /// Near-duplicates share a group; they are never held out from each other.
    pub(crate) group: usize,
    /// Whether the encoder was fine-tuned on this sentence or one of its group: then nothing can be measured on it.
    pub(crate) seen: bool,
}

impl Item {
    pub(crate) fn input(&self) -> Input<'_> {
        Input { dense: &self.vector, sparse: &self.grams.values }
    }

    pub(crate) fn label(&self) -> Option<usize> {
        match self.target {
            Target::Is(label) => Some(label),
            Target::Not(_) => None,
        }
    }
}

/// Everything there is to learn from.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    /// Ascending, so the rejection label "" comes first if it is there.
    pub(crate) labels: Vec<String>,
    pub(crate) items: Vec<Item>,
    /// Length of the sentence vectors; 0 without an encoder.
    pub(crate) dense: usize,
    pub(crate) encoder: Option<String>,
    /// Whether the encoder was fine-tuned on some of the items: then their vectors are where their labels are.
    pub(crate) tuned: bool,
}

/// Where sentence vectors come from: an encoder, or one behind a store.
pub(crate) type Vectors<'a> = dyn FnMut(&[&str]) -> Result<Vec<Vec<f32>>, EncoderError> + 'a;

impl Prepared {
    /// Sorted, so that the order given doesn't matter; blank texts and repetitions are left out.
    pub(crate) fn new(
        examples: &[Example<'_>],
        near_misses: &[(&str, &str)],
        encoder: Option<&dyn Encoder>,
        vectors: &mut Vectors<'_>,
    ) -> Result<Self, EncoderError> {
        let mut examples: Vec<(&str, &str, &str)> = examples
            .iter()
            .map(|example| (example.label, example.text.trim(), example.language))
            .filter(|(_, text, _)| !text.is_empty())
            .collect();
        examples.sort_unstable();
        examples.dedup_by_key(|(label, text, _)| (*label, *text));
        let mut labels: Vec<String> = examples.iter().map(|(label, ..)| (*label).to_owned()).collect();
        labels.dedup();
        let place = |label: &str| labels.binary_search_by(|known| known.as_str().cmp(label)).ok();
        let mut pairs: Vec<(Target, &str, &str)> = examples
            .iter()
            .filter_map(|(label, text, language)| Some((Target::Is(place(label)?), *text, *language)))
            .collect();
        // A near miss of a label nobody has examples of teaches nothing.
        let misses: BTreeSet<(usize, &str)> =
            near_misses.iter().filter_map(|(text, label)| Some((place(label)?, text.trim()))).collect();
        pairs.extend(
            misses.into_iter().filter(|(_, text)| !text.is_empty()).map(|(label, text)| (Target::Not(label), text, "")),
        );

        let texts: Vec<&str> = pairs.iter().map(|(_, text, _)| *text).collect();
        let found = if encoder.is_some() { vectors(&texts)? } else { vec![Vec::new(); texts.len()] };
        let mut items: Vec<Item> = pairs
            .iter()
            .zip(found)
            .map(|((target, text, language), vector)| Item {
                text: (*text).to_owned(),
                language: (*language).to_owned(),
                target: *target,
                grams: if encoder.is_some() { grams(text) } else { grams(text).alone() },
                vector,
                group: 0,
                seen: encoder.is_some_and(|encoder| encoder.seen(text)),
            })
            .collect();
        group(&mut items);
        let seen: BTreeSet<usize> = items.iter().filter(|item| item.seen).map(|item| item.group).collect();
        items.iter_mut().for_each(|item| item.seen = seen.contains(&item.group));
        Ok(Self {
            labels,
            tuned: !seen.is_empty(),
            items,
            dense: encoder.map_or(0, Encoder::dimensions),
            encoder: encoder.map(|encoder| encoder.name().to_owned()),
        })
    }

    /// Whether label 0 is the rejection.
    pub(crate) fn rejects(&self) -> bool {
        self.labels.first().is_some_and(String::is_empty)
    }

    /// A fold below `folds` for each item that something can be measured on, none for what the encoder has seen.
    /// Groups stay whole, each label is spread as evenly as its groups allow.
    pub(crate) fn folds(&self, folds: usize) -> Vec<Option<usize>> {
        self.folds_of(folds, |place| !self.items[place].seen)
    }

    /// As [`folds`](Self::folds), for the items that `held` lets through: all of a group, or none.
    pub(crate) fn folds_of(&self, folds: usize, held: impl Fn(usize) -> bool) -> Vec<Option<usize>> {
        let mut groups: BTreeMap<(Option<usize>, usize), Vec<usize>> = BTreeMap::new();
        for (place, item) in self.items.iter().enumerate().filter(|(place, _)| held(*place)) {
            groups.entry((item.label(), item.group)).or_default().push(place);
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by_key(|((label, _), places)| {
            (*label, std::cmp::Reverse(places.len()), hash(b"fold", self.items[places[0]].text.as_bytes()))
        });
        let mut fold_of = vec![None; self.items.len()];
        let mut sizes = vec![0; folds];
        let mut current = None;
        for ((label, _), places) in groups {
            if current != Some(label) {
                current = Some(label);
                sizes.fill(0);
            }
            // Labels begin at different folds, so that the first doesn't get the biggest group of each.
            let turn = label.unwrap_or(0) % folds;
            let smallest = (0..folds)
                .map(|fold| (fold + turn) % folds)
                .min_by_key(|fold| sizes[*fold])
                .expect("there is at least one fold");
            sizes[smallest] += places.len();
            places.iter().for_each(|place| fold_of[*place] = Some(smallest));
        }
        fold_of
    }
}

/// Joins what is alike (single linkage), label by label. A label that would be one group is left in single sentences:
/// otherwise it could not be held out in part at all.
fn group(items: &mut [Item]) {
    let mut of_label: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
    for (place, item) in items.iter().enumerate() {
        of_label.entry(item.label()).or_default().push(place);
    }
    let lengths: Vec<f32> =
        items.iter().map(|item| item.grams.values.iter().map(|(_, value)| value * value).sum::<f32>().sqrt()).collect();
    let mut parent: Vec<usize> = (0..items.len()).collect();
    let mut spread = vec![0.0; PLACES];
    for places in of_label.values() {
        for (count, &left) in places.iter().enumerate() {
            items[left].grams.values.iter().for_each(|(place, value)| spread[*place as usize] = *value);
            for &right in &places[..count] {
                let alike = dot(&spread, &items[right].grams.values);
                if alike >= ALIKE * lengths[left] * lengths[right] {
                    let (left, right) = (root(&mut parent, left), root(&mut parent, right));
                    parent[left.max(right)] = left.min(right);
                }
            }
            items[left].grams.values.iter().for_each(|(place, _)| spread[*place as usize] = 0.0);
        }
        let roots: BTreeSet<usize> = places.iter().map(|place| root(&mut parent, *place)).collect();
        if roots.len() == 1 {
            places.iter().for_each(|place| parent[*place] = *place);
        }
    }
    for (place, item) in items.iter_mut().enumerate() {
        item.group = root(&mut parent, place);
    }
}

fn root(parent: &mut [usize], mut place: usize) -> usize {
    while parent[place] != place {
        parent[place] = parent[parent[place]];
        place = parent[place];
    }
    place
}

/// Product of a vector with a sparse one: faster than to look for the places that two sparse ones share.
fn dot(spread: &[f32], sparse: &[(u32, f32)]) -> f32 {
    sparse.iter().map(|(place, value)| spread[*place as usize] * value).sum()
}

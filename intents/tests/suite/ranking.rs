//! What a trained classifier answers, with and without an encoder.

use crate::support::{CORPUS, Counting, corpus};
use intents::{Encoder, EncoderError, Example, Model, Sureness, TrainError};
use proptest::prelude::*;

pub fn best(model: &Model, text: &str, encoder: Option<&dyn Encoder>) -> (String, Sureness) {
    let ranking = model.rank(text, encoder).expect("the encoder the model was trained with");
    (ranking.ranked.first().map_or(String::new(), |(label, _)| label.clone()), ranking.sure)
}

#[test]
fn without_an_encoder_what_was_taught_is_recognised_and_the_rest_is_refused() {
    let model = Model::train(&corpus(), &[], None).unwrap();
    let mut lost: Vec<&str> = Vec::new();
    for (label, texts) in CORPUS.iter().filter(|(label, _)| !label.is_empty()) {
        lost.extend(texts.iter().filter(|text| best(&model, text, None).0 != *label));
    }
    assert!(lost.is_empty(), "not recognised: {lost:?}");
    assert_eq!(best(&model, "please START Web7!", None).0, "vm.start");
    for text in ["", "  \n", "🦀", "what is the tallest mountain", "recommend me a film"] {
        assert_ne!(best(&model, text, None).1, Sureness::Sure, "{text:?}");
    }
    assert_eq!(model.rank("", None).unwrap().sure, Sureness::None);
}

#[test]
fn a_near_miss_makes_its_label_less_probable() {
    let text = "stop the snapshot";
    let probability = |model: &Model| {
        let ranking = model.rank(text, None).unwrap();
        ranking.ranked.iter().find(|(label, _)| label == "vm.shutdown").map_or(0.0, |(_, p)| *p)
    };
    let plain = Model::train(&corpus(), &[], None).unwrap();
    let taught = Model::train(&corpus(), &[(text, "vm.shutdown"), (text, "no.such.label")], None).unwrap();
    assert!(probability(&taught) < probability(&plain) * 0.7, "{} {}", probability(&taught), probability(&plain));
    assert_eq!(best(&taught, "stop the machine", None).0, "vm.shutdown");
}

#[test]
fn probabilities_descend_and_leave_room_for_something_else() {
    let model = Model::train(&corpus(), &[], None).unwrap();
    for text in ["start web1", "machine", "delete it", "qwertz", "hello, how much memory do you have?"] {
        let ranked = model.rank(text, None).unwrap().ranked;
        assert!(ranked.len() <= 5 && ranked.iter().all(|(label, _)| !label.is_empty()), "{ranked:?}");
        assert!(ranked.is_sorted_by(|left, right| left.1 >= right.1), "{ranked:?}");
        let sum: f32 = ranked.iter().map(|(_, p)| p).sum();
        assert!(ranked.iter().all(|(_, p)| (0.0..=1.0).contains(p)) && sum <= 1.0001, "{ranked:?}");
    }
}

#[test]
fn too_few_labels_and_another_encoder_are_clear_errors() {
    let one = [Example { text: "start", label: "vm.start", language: "en" }];
    assert!(matches!(Model::train(&one, &[], None), Err(TrainError::TooFewLabels { labels: 1 })));
    assert!(matches!(Model::train(&[], &[], None), Err(TrainError::TooFewLabels { labels: 0 })));
    let model = Model::train(&corpus(), &[], Some(&Counting::default())).unwrap();
    let error = model.rank("start", None).unwrap_err();
    assert!(matches!(error, EncoderError::OtherEncoder { given: None, .. }), "{error}");
}

#[test]
fn a_stored_model_answers_the_same_and_a_damaged_one_is_refused() {
    let model = Model::train(&corpus(), &[], Some(&Counting::default())).unwrap();
    let bytes = model.to_bytes();
    assert_eq!(Model::from_bytes(&bytes).unwrap(), model);
    for length in [0, 4, 8, 12, 40, bytes.len() / 2, bytes.len() - 1] {
        assert!(Model::from_bytes(&bytes[..length]).is_err(), "cut to {length}");
    }
    for place in [0, 9, 20, 300, bytes.len() / 2, bytes.len() - 5] {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x20;
        assert!(Model::from_bytes(&damaged).is_err(), "changed at {place}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    /// Corpus files are read in an order nobody guarantees.
    #[test]
    fn the_order_of_the_examples_does_not_matter(shuffled in Just(corpus()).prop_shuffle()) {
        let encoder = Counting::default();
        let mut twice = shuffled.clone();
        twice.extend(corpus());
        let expected = Model::train(&corpus(), &[("stop that", "vm.pause")], Some(&encoder)).unwrap().to_bytes();
        prop_assert!(Model::train(&shuffled, &[("stop that", "vm.pause")], Some(&encoder)).unwrap().to_bytes() == expected);
        prop_assert!(Model::train(&twice, &[("stop that", "vm.pause")], Some(&encoder)).unwrap().to_bytes() == expected);
    }

    /// Whatever is said, there is an answer.
    #[test]
    fn any_text_is_answered(texts in prop::collection::vec(".{0,300}", 40)) {
        let model = Model::train(&corpus(), &[], None).unwrap();
        for text in texts {
            let ranking = model.rank(&text, None).unwrap();
            prop_assert!(ranking.ranked.iter().all(|(_, p)| p.is_finite()));
        }
    }
}

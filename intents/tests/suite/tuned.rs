//! A classifier behind an encoder that was fine-tuned on its examples, or that is told how far to trust itself.

use crate::support::corpus;
use intents::{Encoder, EncoderError, Example, Model, Sureness, evaluate};

/// Has seen eleven texts in twelve, and finds no difference between any two.
struct Blind;

impl Encoder for Blind {
    fn name(&self) -> &str {
        "blind"
    }

    fn dimensions(&self) -> usize {
        4
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncoderError> {
        Ok(vec![vec![0.5; 4]; texts.len()])
    }

    fn seen(&self, text: &str) -> bool {
        !text.len().is_multiple_of(12)
    }
}

#[test]
fn what_vectors_in_place_leave_open_the_words_decide() {
    let model = Model::train(&corpus(), &[], Some(&Blind)).unwrap();
    for (text, label) in [("please start Web7!", "vm.start"), ("list my drives", "disk.list"), ("hello", "talk.greet")]
    {
        assert_eq!(model.rank(text, Some(&Blind)).unwrap().ranked[0].0, label, "{text}");
    }
    assert_eq!(Model::train(&corpus(), &[], Some(&Blind)).unwrap(), model, "the same examples give the same model");
}

#[test]
fn a_benchmarks_own_validation_part_sets_how_far_answers_are_trusted() {
    let test = corpus();
    let sure = |shift: usize| {
        let label = |place: usize| test[(place + shift) % test.len()].label;
        let validation: Vec<Example<'_>> =
            test.iter().enumerate().map(|(place, example)| Example { label: label(place), ..*example }).collect();
        let model = evaluate::validated(&corpus(), &validation, None, None).unwrap();
        let report = evaluate::ask(&model, &test, None, None).unwrap();
        report.predictions.iter().filter(|prediction| prediction.sure == Sureness::Sure).count()
    };
    let (always_right, always_wrong) = (sure(0), sure(8));
    assert!(always_right > test.len() / 2, "{always_right} of {}", test.len());
    assert_eq!(always_wrong, 0);
}

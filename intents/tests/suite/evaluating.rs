//! Figures of an evaluation, checked against what can be counted by hand.

use crate::support::corpus;
use intents::evaluate::{self, Report};
use intents::{Example, Model, Sureness};

#[test]
fn every_sentence_is_asked_once_and_the_figures_add_up() {
    let report = evaluate::cross_validate(&corpus(), &[], None, None, 4).unwrap();
    assert_eq!(report.predictions.len(), corpus().len());
    assert_eq!(report.totals.in_scope + report.totals.out_of_scope, corpus().len());
    assert_eq!(report.labels.iter().map(|label| label.support).sum::<usize>(), corpus().len());
    assert_eq!(report.histogram.iter().map(|bin| bin.count).sum::<usize>(), corpus().len());
    let totals = report.totals;
    assert!(totals.top3 >= totals.top1 && totals.top1 >= totals.accuracy, "{totals:?}");
    assert!(totals.top1 > 0.3, "n-grams alone do this on unseen sentences: {totals:?}");
    let right = report.predictions.len() - report.wrong().len();
    let recalled: f64 = report.labels.iter().map(|label| label.recall * label.support as f64).sum();
    assert!((recalled - right as f64).abs() < 1e-6);
    assert!(report.confusion().contains("taken for") && report.to_string().contains("rejection recall"));
    let stored = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&stored).unwrap().predictions, report.predictions);
}

#[test]
fn near_duplicates_do_not_leak_into_what_is_measured() {
    // One odd sentence in twelve spellings, and others: were a spelling learnt while another is asked, it'd be found.
    let spellings: Vec<String> = (0..12).map(|count| format!("zzyzx frobnicate quux thing number {count}")).collect();
    let mut examples = corpus();
    examples.extend(spellings.iter().map(|text| Example { text, label: "vm.start", language: "en" }));
    let report = evaluate::cross_validate(&examples, &[], None, None, 4).unwrap();
    let found = report.predictions.iter().filter(|p| p.text.starts_with("zzyzx") && p.best() == "vm.start").count();
    assert!(found == 0 || found == 12, "asked together, they are found together: {found}");
    let trained = Model::train(&examples, &[], None).unwrap();
    assert_eq!(trained.rank(&spellings[3], None).unwrap().ranked[0].0, "vm.start");
}

#[test]
fn a_sure_answer_more_dangerous_than_what_was_meant_is_reported() {
    // Held out are sentences that say one thing and are labelled another: sure mistakes, made on purpose.
    let mislabelled = [
        Example { text: "pull the plug", label: "vm.pause", language: "en" },
        Example { text: "hello", label: "vm.start", language: "en" },
    ];
    let report = evaluate::held_out(&corpus(), &[], &mislabelled, None, None).unwrap();
    let danger = |label: &str| match label {
        "vm.force_off" => 3,
        "vm.pause" => 2,
        "vm.start" => 1,
        _ => 0,
    };
    let sure = report.predictions.iter().filter(|p| p.sure == Sureness::Sure && p.best() == "vm.force_off").count();
    let dangerous: Vec<_> = report.dangerous(danger).iter().map(|p| p.text.as_str()).collect();
    assert_eq!(dangerous.len(), sure, "{:?}", report.predictions);
    assert!(!dangerous.contains(&"hello"), "a greeting is not dangerous");
}

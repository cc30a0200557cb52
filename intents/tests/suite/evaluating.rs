//! Figures of an evaluation, checked against what can be counted by hand.

use std::collections::BTreeSet;

use crate::support::{Counting, corpus};
use intents::evaluate::{self, Classifier, Method, Report};
use intents::{Encoder, EncoderError, Example, Model, Sureness};

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

/// As [`Counting`], and fine-tuned on whatever begins with these letters.
struct Tuned<'a>(Counting, &'a [char]);

impl Encoder for Tuned<'_> {
    fn name(&self) -> &str {
        "tuned"
    }

    fn dimensions(&self) -> usize {
        self.0.dimensions()
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncoderError> {
        self.0.encode(texts)
    }

    fn seen(&self, text: &str) -> bool {
        text.starts_with(self.1)
    }
}

fn texts(report: &Report) -> BTreeSet<&str> {
    report.predictions.iter().map(|asked| asked.text.as_str()).collect()
}

#[test]
fn every_method_is_asked_the_same_sentences() {
    let (fresh, tuned) = (Counting::default(), Tuned(Counting::default(), &['s', 'p', 'w']));
    let shipped = evaluate::cross_validate(&corpus(), &[], Some(&tuned), None, 3).unwrap();
    let asked = texts(&shipped);
    assert!(asked.len() > 40 && !asked.contains("start web1"), "{asked:?}");
    let method = Method { unseen_by: Some(&tuned), folds: 3, ..Method::default() };
    for (encoder, classifier) in [
        (None, Classifier::Shipped),
        (Some(&fresh as &dyn Encoder), Classifier::Shipped),
        (Some(&fresh), Classifier::VectorsAlone),
        (Some(&fresh), Classifier::Neighbours(3)),
    ] {
        let measured = evaluate::compare(&corpus(), &[], &Method { classifier, encoder, ..method }).unwrap();
        assert_eq!(texts(&measured.report), asked, "{classifier:?}");
        let totals = measured.report.totals;
        assert!(totals.top3 >= totals.top1 && totals.top1 > 0.2, "{classifier:?} {totals:?}");
        let [fitted] = &measured.fitted[..] else { panic!("one classifier for all languages") };
        assert!(fitted.size() > 0);
        assert_eq!(fitted.rank("pause db2 please", encoder).unwrap().ranked[0].0, "vm.pause", "{classifier:?}");
    }
}

#[test]
fn without_n_grams_only_the_vector_decides() {
    // To this encoder the two words are one direction; their letters differ.
    struct Blind;
    impl Encoder for Blind {
        fn name(&self) -> &str {
            "blind"
        }
        fn dimensions(&self) -> usize {
            8
        }
        fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncoderError> {
            Ok(texts.iter().map(|_| vec![8.0_f32.sqrt().recip(); 8]).collect())
        }
    }
    let right = |classifier| {
        let method = Method { classifier, encoder: Some(&Blind), folds: 4, ..Method::default() };
        evaluate::compare(&corpus(), &[], &method).unwrap().report.totals.top1
    };
    assert!(right(Classifier::VectorsAlone) < 0.2 && right(Classifier::Shipped) > 0.3);
}

#[test]
fn the_nearest_sentences_vote_and_those_of_no_label_reject() {
    let encoder = Counting::default();
    let method =
        Method { classifier: Classifier::Neighbours(1), encoder: Some(&encoder), folds: 4, ..Method::default() };
    let measured = evaluate::compare(&corpus(), &[], &method).unwrap();
    let [fitted] = &measured.fitted[..] else { panic!("one classifier") };
    let ranking = fitted.rank("pause db2 please", Some(&encoder)).unwrap();
    let (label, p) = &ranking.ranked[0];
    assert_eq!((label.as_str(), ranking.sure, ranking.ranked.len()), ("vm.pause", Sureness::Guess, 5));
    assert!((p - 1.0).abs() < 1e-5 && ranking.ranked[1].1 == 0.0, "{ranking:?}");
    let strange = fitted.rank("what is the capital of peru", Some(&encoder)).unwrap();
    assert_eq!(strange.sure, Sureness::None);
    assert!(strange.ranked.iter().all(|(label, _)| !label.is_empty()));
}

#[test]
fn a_classifier_per_language_learns_from_its_own_alone() {
    // The same words mean one thing in one language and the other in the other.
    let words = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"];
    let sentences: Vec<(String, usize)> =
        words.iter().flat_map(|word| [(format!("go {word}"), 0), (format!("ha {word}"), 1)]).collect();
    let labels = ["start", "stop"];
    let examples: Vec<_> = sentences
        .iter()
        .flat_map(|(text, meant)| {
            [("en", *meant), ("xx", 1 - meant)].map(|(language, meant)| Example {
                text,
                label: labels[meant],
                language,
            })
        })
        .collect();
    let method = Method { folds: 4, apart: true, ..Method::default() };
    let measured = evaluate::compare(&examples, &[("go alpha", "stop"), ("ha bravo", "start")], &method).unwrap();
    assert_eq!(measured.fitted.len(), 2);
    assert_eq!(measured.report.predictions.len(), examples.len());
    assert!(measured.report.totals.top1 > 0.7, "{:?}", measured.report.totals);
    let joint = evaluate::compare(&examples, &[], &Method { apart: false, ..method }).unwrap();
    assert!(joint.report.totals.top1 < 0.6, "{:?}", joint.report.totals);
}

#[test]
fn a_learning_curve_asks_the_same_sentences_after_learning_from_ever_more() {
    let curve = evaluate::learning_curve(&corpus(), &[], None, None, &evaluate::SHARES).unwrap();
    let learnt: Vec<usize> = curve.steps.iter().map(|step| step.learnt).collect();
    assert!(learnt.is_sorted_by(|less, more| less < more), "{learnt:?}");
    let asked: BTreeSet<_> =
        curve.steps.iter().map(|step| (step.figures["en"].in_scope, step.figures["en"].out_of_scope)).collect();
    assert_eq!(asked.len(), 1);
    let (in_scope, strange) = asked.first().unwrap();
    assert_eq!(in_scope + strange + learnt.last().unwrap(), corpus().len(), "what is not asked is learnt in the end");
    let [first, .., last] = &curve.steps[..] else { panic!("five steps") };
    assert!(first.learnt >= 14 && first.figures["en"].top1 < last.figures["en"].top1, "{curve}");
    assert!(!curve.encoder_has_seen && curve.to_string().contains("100 %"), "{curve}");
}

#[test]
fn a_learning_curve_never_asks_what_the_encoder_has_seen() {
    let tuned = Tuned(Counting::default(), &['s', 'p', 'w']);
    let unseen = evaluate::cross_validate(&corpus(), &[], Some(&tuned), None, 3).unwrap().predictions.len();
    let curve = evaluate::learning_curve(&corpus(), &[], Some(&tuned), None, &[0.5, 1.0]).unwrap();
    let totals = curve.steps[1].figures["en"];
    let asked = totals.in_scope + totals.out_of_scope;
    assert!(curve.encoder_has_seen && asked > 0 && asked < unseen, "{asked} of {unseen}");
    assert_eq!(asked + curve.steps[1].learnt, corpus().len());
}

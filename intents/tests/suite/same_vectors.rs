//! Both back-ends are the same encoder: they give the same vectors and lead to the same decisions.

use intents::encoder::{candle::Candle, default_folder, rust_bert::RustBert};
use intents::{Encoder, Example, Model, evaluate};

use crate::support::{CORPUS, corpus};

/// Sentences of the file named by `ATOLL_CORPUS`, one a line; without it those of the tests' own corpus.
fn sentences() -> Vec<String> {
    match std::env::var_os("ATOLL_CORPUS") {
        Some(path) => {
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
        }
        None => CORPUS.iter().flat_map(|(_, texts)| *texts).map(|text| (*text).to_owned()).collect(),
    }
}

#[test]
fn candle_and_rust_bert_give_the_same_vectors_and_decisions() {
    let folder = default_folder().expect("no home folder, set ATOLL_MODEL_DIR");
    let candle = Candle::load(&folder).expect("run scripts/model.sh first");
    let rust_bert = RustBert::load(&folder).expect("run scripts/model.sh first");
    let mut owned = sentences();
    owned.extend(
        ["", "Redémarre web1, s'il te plaît !", "20 GiB; naïve café — “quoted”", "a-b_c/d.e:8080"].map(str::to_owned),
    );
    owned.push("a very long sentence ".repeat(100));
    let texts: Vec<&str> = owned.iter().map(String::as_str).collect();

    let (left, right) = (candle.encode(&texts).unwrap(), rust_bert.encode(&texts).unwrap());
    for ((text, left), right) in texts.iter().zip(&left).zip(&right) {
        let gap = left.iter().zip(right).map(|(left, right)| (left - right).abs()).fold(0.0, f32::max);
        assert!(gap < 1e-4, "{text:?} differs by {gap}");
    }

    let examples: Vec<Example<'_>> = texts.iter().map(|text| Example { text, label: "", language: "en" }).collect();
    let answers = |encoder: &dyn Encoder| {
        let model = Model::train(&corpus(), &[], Some(encoder)).unwrap();
        evaluate::ask(&model, &examples, Some(encoder), None).unwrap().predictions
    };
    for (left, right) in answers(&candle).iter().zip(&answers(&rust_bert)) {
        assert_eq!((left.sure, left.best()), (right.sure, right.best()), "{left:?} {right:?}");
    }
}

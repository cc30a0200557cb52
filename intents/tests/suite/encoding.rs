//! Sentence vectors from the real weights.

use crate::support::weights;
use intents::{EncoderError, encoder};

fn cosine(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

#[test]
fn vectors_are_those_the_weights_are_published_for() {
    let encoder = weights();
    // The example of the model's page, with the similarities it shows.
    let texts =
        ["That is a happy person", "That is a happy dog", "That is a very happy person", "Today is a sunny day"];
    let vectors = encoder.encode(&texts).unwrap();
    assert!(vectors.iter().all(|vector| vector.len() == encoder.dimensions()));
    for (vector, published) in vectors.iter().zip([1.0, 0.695, 0.943, 0.257]) {
        let found = cosine(&vectors[0], vector);
        assert!((found - published).abs() < 2e-3, "{found} instead of {published}");
    }
}

#[test]
fn a_text_has_one_vector_alone_and_in_a_crowd() {
    let encoder = weights();
    let owned: Vec<String> = (0..70).map(|count| format!("start {}", "web ".repeat(count % 9))).collect();
    let texts: Vec<&str> = owned.iter().map(String::as_str).collect();
    let crowd = encoder.encode(&texts).unwrap();
    for place in [0, 8, 40, 69] {
        let alone = encoder.encode(&texts[place..=place]).unwrap().remove(0);
        let gap = alone.iter().zip(&crowd[place]).map(|(left, right)| (left - right).abs()).fold(0.0, f32::max);
        assert!(gap < 1e-5, "{gap}");
    }
}

#[test]
fn odd_and_endless_texts_have_vectors_too() {
    let encoder = weights();
    let endless = "word ".repeat(5_000);
    let cut = "word ".repeat(126);
    let vectors = encoder.encode(&["", "🦀 \u{200b}", &endless, &cut]).unwrap();
    assert!(vectors.iter().flatten().all(|x| x.is_finite()));
    assert!(cosine(&vectors[2], &vectors[3]) > 0.9999, "cut to 128 word pieces");
    assert!(encoder.encode(&[]).unwrap().is_empty());
}

#[test]
fn missing_and_damaged_files_are_named() {
    let empty = tempfile::tempdir().unwrap();
    let error = encoder::load(empty.path()).err().unwrap();
    assert!(matches!(&error, EncoderError::Read { path, .. } if path.ends_with("config.json")), "{error}");

    let folder = encoder::default_folder().expect("no home folder, set ATOLL_MODEL_DIR");
    for name in ["config.json", "tokenizer.json"] {
        std::fs::copy(folder.join(name), empty.path().join(name)).expect("run scripts/model.sh first");
    }
    std::fs::write(empty.path().join("model.safetensors"), "cut off").unwrap();
    let error = encoder::load(empty.path()).err().unwrap();
    assert!(error.to_string().contains("model.safetensors"), "{error}");
    std::fs::write(empty.path().join("tokenizer.json"), "{").unwrap();
    let error = encoder::load(empty.path()).err().unwrap();
    assert!(matches!(&error, EncoderError::Malformed { path, .. } if path.ends_with("tokenizer.json")), "{error}");
}

//! Sentence vectors from the real weights.

use crate::ranking::best;
use crate::support::corpus;
use intents::{Encoder, EncoderError, Model, Sureness, encoder};

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

#[test]
fn with_an_encoder_other_words_for_the_same_are_understood() {
    let encoder = weights();
    let encoder = Some(encoder.as_ref());
    let model = Model::train(&corpus(), &[], encoder).unwrap();
    for (text, label) in [
        ("turn the computer on", "vm.start"),
        ("would you mind restarting", "vm.reboot"),
        ("i'd like an additional hard drive", "disk.create"),
        ("assign 4 more gigabytes of ram", "memory.set"),
        ("what are your network coordinates", "vm.ip"),
        ("trash the snapshot from yesterday", "snapshot.delete"),
        ("bonjour, hello my friend", "talk.greet"),
    ] {
        let (found, sure) = best(&model, text, encoder);
        assert_eq!(found, label, "{text}");
        assert_ne!(sure, Sureness::None, "{text}");
    }
    for text in ["who painted the mona lisa", "convert 10 dollars to euros", "my cat is hungry"] {
        assert_eq!(best(&model, text, encoder).1, Sureness::None, "{text}: {:?}", model.rank(text, encoder));
    }
}

/// The encoder, from where `scripts/model.sh` puts its weights.
fn weights() -> Box<dyn Encoder> {
    let folder = encoder::default_folder().expect("no home folder, set ATOLL_MODEL_DIR");
    encoder::load(&folder).unwrap_or_else(|error| panic!("{error}; run scripts/model.sh first ({})", folder.display()))
}

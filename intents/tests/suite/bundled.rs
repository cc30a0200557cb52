//! The encoder that ships gives the vectors it gave when it was fine-tuned.

use intents::{Encoder, encoder};

#[derive(serde::Deserialize)]
struct Known {
    text: String,
    /// In ten-thousandths, from weights in full precision.
    vector: Vec<f32>,
}

fn cosine(left: &[f32], right: &[f32]) -> f32 {
    let length = |x: &[f32]| x.iter().map(|x| x * x).sum::<f32>().sqrt();
    left.iter().zip(right).map(|(left, right)| left * right).sum::<f32>() / length(left) / length(right)
}

#[test]
fn vectors_are_those_of_the_network_before_it_was_made_small() {
    let known: Vec<Known> = serde_json::from_str(include_str!("bundled.json")).unwrap();
    assert!(known.len() >= 20);
    let texts: Vec<&str> = known.iter().map(|known| known.text.as_str()).collect();
    for (known, vector) in known.iter().zip(encoder::bundled().encode(&texts).unwrap()) {
        assert_eq!(vector.len(), encoder::bundled().dimensions());
        let found = cosine(&known.vector, &vector);
        assert!(found > 0.999, "{:?}: {found}", known.text);
    }
}

#[test]
fn a_text_has_one_vector_alone_and_in_a_crowd() {
    let encoder = encoder::bundled();
    let owned: Vec<String> = (0..150).map(|count| format!("démarre {}", "web ".repeat(count % 9))).collect();
    let texts: Vec<&str> = owned.iter().map(String::as_str).collect();
    let crowd = encoder.encode(&texts).unwrap();
    for place in [0, 8, 40, 149] {
        let alone = encoder.encode(&texts[place..=place]).unwrap().remove(0);
        assert_eq!(alone, crowd[place], "{}", texts[place]);
    }
}

#[test]
fn odd_and_endless_texts_have_vectors_too() {
    let endless = "word ".repeat(50_000);
    let vectors = encoder::bundled().encode(&["", " \u{200b}", "🦀", &endless, &"é".repeat(9_999)]).unwrap();
    assert!(vectors.iter().flatten().all(|x| x.is_finite()));
    assert!(vectors.iter().all(|vector| (cosine(vector, vector) - 1.0).abs() < 1e-3));
    assert!(encoder::bundled().encode(&[]).unwrap().is_empty());
}

#[test]
fn it_says_what_it_was_fine_tuned_on() {
    let encoder = encoder::bundled();
    assert!(encoder.name().starts_with("bundled-"));
    assert!(!encoder.seen("a sentence that stands in no corpus, ever: quixotic marmalade"));
}

//! Whether weights in bytes decide as the network did before: `bytes FLOATS CORPUS TABLE…`, files of `finetune/floats.py`.
//!
//! One classifier, learnt from the table CORPUS, is asked for every sentence twice: with the vectors of the encoder that ships
//! and with those in FLOATS.

use std::collections::HashMap;
use std::path::Path;

use intents::{Encoder, EncoderError, Example, Model, Sureness, encoder, evaluate};

/// Vectors made elsewhere, under the name of the encoder that ships.
struct Floats(HashMap<String, Vec<f32>>);

impl Encoder for Floats {
    fn name(&self) -> &str {
        encoder::bundled().name()
    }

    fn dimensions(&self) -> usize {
        encoder::bundled().dimensions()
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncoderError> {
        let found = |text: &&str| self.0.get(*text).cloned().ok_or("FLOATS has no vector of this text");
        texts.iter().map(found).collect::<Result<_, _>>().map_err(|error| EncoderError::Inference(error.into()))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [floats, tables @ ..] = arguments.as_slice() else {
        return Err("say `bytes FLOATS CORPUS TABLE…`".into());
    };
    let bytes = std::fs::read(floats)?;
    let mut numbers = bytes.as_chunks().0.iter().map(|number| f32::from_le_bytes(*number));
    let sentences = tables.iter().map(|table| evaluate::csv(Path::new(table))).collect::<Result<Vec<_>, _>>()?;
    let learnt: Vec<Example<'_>> = sentences.first().into_iter().flatten().map(evaluate::Sentence::example).collect();
    let asked: Vec<&str> = sentences.iter().flatten().map(|sentence| sentence.text.trim()).collect();
    let shipped = encoder::bundled();
    let vectors = asked.iter().map(|text| ((*text).to_owned(), numbers.by_ref().take(shipped.dimensions()).collect()));
    let floats = Floats(vectors.collect());
    if numbers.next().is_some() || floats.0.values().any(|vector| vector.len() != shipped.dimensions()) {
        return Err("FLOATS was made from other tables".into());
    }

    let model = Model::train(&learnt, &[], Some(shipped))?;
    let (mut label, mut decision, mut both, mut sure) = (0_usize, 0_usize, 0_usize, 0_usize);
    for text in &asked {
        let (left, right) = (model.rank(text, Some(shipped))?, model.rank(text, Some(&floats))?);
        let same_label = left.ranked.first().map(|best| &best.0) == right.ranked.first().map(|best| &best.0);
        label += usize::from(same_label);
        decision += usize::from(left.sure == right.sure);
        // What is rejected has no label that matters.
        both += usize::from(left.sure == right.sure && (same_label || left.sure == Sureness::None));
        sure += usize::from(left.sure == Sureness::Sure && right.sure == Sureness::Sure && !same_label);
    }
    let share = |count: usize| count as f64 / asked.len().max(1) as f64 * 100.0;
    println!("{} sentences: same best label {:.2} %", asked.len(), share(label));
    println!("same of sure, guess and none {:.2} %", share(decision));
    println!("same decision, rejected or with the same label {:.2} %", share(both));
    println!("sure of different labels: {sure}");
    Ok(())
}

//! The encoder on libtorch, by rust-bert's sentence-embedding pipeline.
//!
//! The weights are converted to libtorch's own format once, into `rust-bert/` beside them. Built with the cargo feature
//! `rust-bert`; how is said in this crate's README.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rust_bert::pipelines::common::ModelType;
use rust_bert::pipelines::sentence_embeddings::{SentenceEmbeddingsConfig, SentenceEmbeddingsModel};
use rust_bert::resources::{LocalResource, ResourceProvider};
use tch::{Device, Tensor};

use super::{Encoder, EncoderError, MAX_TOKENS, normalise, weights};

/// Texts that go through the network together, at most.
const BATCH: usize = 32;
/// Bytes by which the longest of them may exceed the shortest: they are padded to one length, which costs time.
const PADDING: usize = 12;

/// all-MiniLM-L6-v2 (or another BERT with mean pooling) by rust-bert.
///
/// libtorch is set to one thread, for the whole process: more were measured to be slower.
pub struct RustBert {
    name: String,
    dimensions: usize,
    /// libtorch's tensors may be sent to another thread, not shared between two.
    model: Mutex<SentenceEmbeddingsModel>,
}

impl RustBert {
    /// Loads the files of `folder` that `scripts/model.sh` puts there.
    ///
    /// # Errors
    /// [`EncoderError::Read`] when one is missing, [`EncoderError::Malformed`] when one is damaged, and
    /// [`EncoderError::Write`] when the converted weights can't be kept.
    pub fn load(folder: &Path) -> Result<Self, EncoderError> {
        // rust-bert panics on what it can't read, so all it will read is looked at before.
        let config = json(&folder.join("config.json"))?;
        for name in ["modules.json", "tokenizer_config.json", "1_Pooling/config.json"] {
            json(&folder.join(name))?;
        }
        let vocabulary = folder.join("vocab.txt");
        std::fs::metadata(&vocabulary).map_err(|source| EncoderError::Read { path: vocabulary.clone(), source })?;
        let dimensions = config.1.get("hidden_size").and_then(serde_json::Value::as_u64).unwrap_or(0);
        let (converted, name) = convert(folder, &config.0)?;

        tch::set_num_threads(1);
        let local = |path: PathBuf| -> Box<dyn ResourceProvider + Send> { Box::new(LocalResource::from(path)) };
        let model = SentenceEmbeddingsModel::new(SentenceEmbeddingsConfig {
            modules_config_resource: local(folder.join("modules.json")),
            transformer_type: ModelType::Bert,
            transformer_config_resource: local(folder.join("config.json")),
            transformer_weights_resource: local(converted.join("rust_model.ot")),
            pooling_config_resource: local(folder.join("1_Pooling/config.json")),
            dense_config_resource: None,
            dense_weights_resource: None,
            sentence_bert_config_resource: local(converted.join("sentence_bert_config.json")),
            tokenizer_config_resource: local(folder.join("tokenizer_config.json")),
            tokenizer_vocab_resource: local(vocabulary),
            tokenizer_merges_resource: None,
            device: Device::Cpu,
        })
        .map_err(inference)?;
        Ok(Self { name, dimensions: dimensions as usize, model: Mutex::new(model) })
    }
}

impl Encoder for RustBert {
    fn name(&self) -> &str {
        &self.name
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncoderError> {
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|place| texts[*place].len());
        let mut vectors = vec![Vec::new(); texts.len()];
        // A panic elsewhere leaves the model as it was: it is only read.
        let model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rest = order.as_slice();
        while let Some(first) = rest.first() {
            let alike = rest.iter().take_while(|place| texts[**place].len() <= texts[*first].len() + PADDING);
            let (batch, others) = rest.split_at(alike.take(BATCH).count());
            rest = others;
            let chosen: Vec<&str> = batch.iter().map(|place| texts[*place]).collect();
            for (place, mut vector) in batch.iter().zip(model.encode(&chosen).map_err(inference)?) {
                normalise(&mut vector);
                vectors[*place] = vector;
            }
        }
        Ok(vectors)
    }
}

/// Bytes and content of a JSON file.
fn json(path: &Path) -> Result<(Vec<u8>, serde_json::Value), EncoderError> {
    let bytes = std::fs::read(path).map_err(|source| EncoderError::Read { path: path.to_owned(), source })?;
    let value = serde_json::from_slice(&bytes).map_err(|source| EncoderError::Malformed {
        path: path.to_owned(),
        why: "it is not JSON",
        source: Some(Box::new(source)),
    })?;
    Ok((bytes, value))
}

/// Folder with the weights in libtorch's format, made if it isn't there, and the encoder's name.
fn convert(folder: &Path, config: &[u8]) -> Result<(PathBuf, String), EncoderError> {
    let mut tensors = Vec::new();
    let fingerprint = weights::read(&folder.join("model.safetensors"), |name, shape, values| {
        let shape: Vec<i64> = shape.into_iter().map(|side| side as i64).collect();
        let tensor = Tensor::of_slice(&values).f_reshape(&shape).map_err(inference)?;
        tensors.push((name, tensor));
        Ok(())
    })?;
    let name = weights::name("rust-bert", fingerprint, config);
    // Named by what was converted, so other weights are converted anew.
    let converted = folder.join("rust-bert").join(&name);
    let weights = converted.join("rust_model.ot");
    if !weights.exists() {
        let write = |path: &Path| {
            let path = path.to_owned();
            move |source| EncoderError::Write { path, source }
        };
        std::fs::create_dir_all(&converted).map_err(write(&converted))?;
        let limits = converted.join("sentence_bert_config.json");
        let content = format!("{{\"max_seq_length\":{MAX_TOKENS},\"do_lower_case\":true}}");
        std::fs::write(&limits, content).map_err(write(&limits))?;
        let fresh = converted.join(format!("rust_model.{}.new", std::process::id()));
        Tensor::save_multi(&tensors, &fresh).map_err(inference)?;
        std::fs::rename(&fresh, &weights).map_err(write(&weights))?;
    }
    Ok((converted, name))
}

fn inference(source: impl std::error::Error + Send + Sync + 'static) -> EncoderError {
    EncoderError::Inference(Box::new(source))
}

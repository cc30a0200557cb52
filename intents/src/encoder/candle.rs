//! The encoder in pure Rust: candle's BERT on the processor, with the tokenizer the weights were trained with.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use rayon::ThreadPool;
use tokenizers::{Tokenizer, TruncationParams};

use super::{Encoder, EncoderError, MAX_TOKENS, normalise, weights};

/// Texts of one length that go through the network together.
const BATCH: usize = 32;
/// From this many texts on (training, not talking) all cores are used.
const MANY: usize = 64;

/// all-MiniLM-L6-v2 (or another BERT with mean pooling) by candle.
///
/// A sentence runs on one thread: more were measured to be slower. The weights take about 91 MB, once.
pub struct Candle {
    name: String,
    dimensions: usize,
    tokenizer: Tokenizer,
    bert: BertModel,
    /// candle computes in the rayon pool it is called from; this one has a single thread.
    alone: ThreadPool,
}

impl Candle {
    /// Loads `config.json`, `tokenizer.json` and `model.safetensors` from `folder`.
    ///
    /// # Errors
    /// [`EncoderError::Read`] when one is missing, [`EncoderError::Malformed`] when one is damaged.
    pub fn load(folder: &Path) -> Result<Self, EncoderError> {
        let path = folder.join("config.json");
        let config = std::fs::read(&path).map_err(|source| EncoderError::Read { path: path.clone(), source })?;
        let parsed: Config = serde_json::from_slice(&config).map_err(|source| EncoderError::Malformed {
            path,
            why: "it is no BERT configuration",
            source: Some(Box::new(source)),
        })?;
        let tokenizer = tokenizer(&folder.join("tokenizer.json"))?;

        let path = folder.join("model.safetensors");
        let mut tensors = HashMap::new();
        let fingerprint = weights::read(&path, |name, shape, values| {
            let tensor = tensor(&name, values, shape).map_err(|source| EncoderError::Inference(Box::new(source)))?;
            tensors.insert(name, tensor);
            Ok(())
        })?;
        let builder = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
        let bert = BertModel::load(builder, &parsed).map_err(|source| EncoderError::Malformed {
            path,
            why: "it lacks tensors of a BERT model",
            source: Some(Box::new(source)),
        })?;

        Ok(Self {
            name: weights::name("candle", fingerprint, &config),
            dimensions: parsed.hidden_size,
            tokenizer,
            bert,
            alone: pool(1)?,
        })
    }

    /// Vectors of texts whose `ids` are all `length` long, one text after the other.
    fn forward(&self, ids: Vec<u32>, length: usize) -> candle_core::Result<Vec<Vec<f32>>> {
        let texts = ids.len() / length;
        let input = Tensor::from_vec(ids, (texts, length), &Device::Cpu)?;
        // All of one length, so nothing is padded and nothing must be masked.
        let output = self.bert.forward(&input, &input.zeros_like()?, None)?;
        let mut vectors = output.mean(1)?.to_vec2::<f32>()?;
        vectors.iter_mut().for_each(|vector| normalise(vector));
        Ok(vectors)
    }

    fn encode_batches(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncoderError> {
        // Equal lengths together: padding costs time and would need masks.
        let mut by_length: BTreeMap<usize, Vec<(usize, Vec<u32>)>> = BTreeMap::new();
        for (place, text) in texts.iter().enumerate() {
            let encoding = self.tokenizer.encode(*text, true).map_err(EncoderError::Inference)?;
            let ids = encoding.get_ids().to_vec();
            by_length.entry(ids.len()).or_default().push((place, ids));
        }
        let mut vectors = vec![Vec::new(); texts.len()];
        for (length, same_length) in by_length {
            for batch in same_length.chunks(BATCH) {
                let ids: Vec<u32> = batch.iter().flat_map(|(_, ids)| ids).copied().collect();
                let found = self.forward(ids, length).map_err(|source| EncoderError::Inference(Box::new(source)))?;
                for ((place, _), vector) in batch.iter().zip(found) {
                    vectors[*place] = vector;
                }
            }
        }
        Ok(vectors)
    }
}

impl Encoder for Candle {
    fn name(&self) -> &str {
        &self.name
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncoderError> {
        if texts.len() < MANY {
            return self.alone.install(|| self.encode_batches(texts));
        }
        pool(0)?.install(|| self.encode_batches(texts))
    }
}

/// Matrices of linear layers are laid out the other way round, which no caller can see but matrix multiplication feels:
/// it finds the factors as it wants them. As stored, it would repack all weights for each sentence (measured: five
/// times slower).
fn tensor(name: &str, values: Vec<f32>, shape: Vec<usize>) -> candle_core::Result<Tensor> {
    match shape[..] {
        [rows, columns] if !name.contains("embeddings") => {
            let mut turned: Vec<f32> = Vec::with_capacity(values.len());
            for column in 0..columns {
                turned.extend(values.iter().skip(column).step_by(columns).copied());
            }
            Tensor::from_vec(turned, (columns, rows), &Device::Cpu)?.t()
        }
        _ => Tensor::from_vec(values, shape, &Device::Cpu),
    }
}

/// The tokenizer of the weights, cutting at [`MAX_TOKENS`] and never padding.
fn tokenizer(path: &Path) -> Result<Tokenizer, EncoderError> {
    // Read first, so that a missing file is told from a damaged one.
    let json = std::fs::read(path).map_err(|source| EncoderError::Read { path: path.to_owned(), source })?;
    let bad =
        |source| EncoderError::Malformed { path: path.to_owned(), why: "it is no tokenizer", source: Some(source) };
    let mut tokenizer = Tokenizer::from_bytes(&json).map_err(bad)?;
    tokenizer.with_padding(None);
    tokenizer
        .with_truncation(Some(TruncationParams { max_length: MAX_TOKENS, ..TruncationParams::default() }))
        .map_err(bad)?;
    Ok(tokenizer)
}

/// A pool of `threads`; 0 means as many as there are cores.
fn pool(threads: usize) -> Result<ThreadPool, EncoderError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("encoder-{index}"))
        .build()
        .map_err(|source| EncoderError::Inference(Box::new(source)))
}

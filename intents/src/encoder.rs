//! Sentence encoders: a text becomes a vector whose direction is its meaning.
//!
//! One trait. [`bundled`] ships with the program and is what people talk to: English and French, some ten milliseconds a
//! sentence. Two others run all-MiniLM-L6-v2 (English; Apache-2.0, put in place by `scripts/model.sh`) and give the same
//! vectors as each other: `candle` in pure Rust and `rust_bert` on libtorch, each in builds with the cargo feature of that name. The classifier works
//! without any encoder, on n-grams alone.

use std::path::{Path, PathBuf};

use thiserror::Error;

mod bundled;
#[cfg(feature = "candle")]
pub mod candle;
mod file;
mod kept;
mod matrix;
mod pieces;
mod product;
#[cfg(feature = "rust-bert")]
pub mod rust_bert;
#[cfg(any(feature = "candle", feature = "rust-bert"))]
mod weights;

pub use bundled::{Bundled, bundled};
pub use kept::keep;

/// Texts are cut after this many word pieces, special ones included: what the weights were fine-tuned with.
pub const MAX_TOKENS: usize = 128;

/// Gives a vector for a text.
pub trait Encoder: Send + Sync {
    /// Names weights and back-end; another name means other vectors. Part of the key of what is cached.
    fn name(&self) -> &str;

    /// Length of the vectors.
    fn dimensions(&self) -> usize;

    /// One vector per text, in the order of the texts, of length 1.
    ///
    /// # Errors
    /// [`EncoderError::Inference`] when the back-end fails.
    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncoderError>;

    /// Whether the weights were fine-tuned on this text: then it lies where its label is, and nothing can be measured
    /// on it. False for weights that never saw the examples.
    fn seen(&self, _text: &str) -> bool {
        false
    }

    /// The vector of a text that came with the weights, nearly as [`encode`](Self::encode) gives it; `None` for any other text. Good
    /// enough to learn from, and there at once.
    fn kept(&self, _text: &str) -> Option<Vec<f32>> {
        None
    }
}

/// Vectors of texts to learn from: kept ones as far as there are any.
pub(crate) fn to_learn_from(encoder: &dyn Encoder, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncoderError> {
    let kept: Vec<Option<Vec<f32>>> = texts.iter().map(|text| encoder.kept(text)).collect();
    let others: Vec<&str> = texts.iter().zip(&kept).filter(|(_, kept)| kept.is_none()).map(|(text, _)| *text).collect();
    let mut others = encoder.encode(&others)?.into_iter();
    Ok(kept.into_iter().filter_map(|kept| kept.or_else(|| others.next())).collect())
}

impl<E: Encoder + ?Sized> Encoder for &E {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn dimensions(&self) -> usize {
        (**self).dimensions()
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncoderError> {
        (**self).encode(texts)
    }

    fn seen(&self, text: &str) -> bool {
        (**self).seen(text)
    }

    fn kept(&self, text: &str) -> Option<Vec<f32>> {
        (**self).kept(text)
    }
}

/// Why there is no vector.
#[derive(Debug, Error)]
pub enum EncoderError {
    /// A file of the model can't be read.
    #[error("can't read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file of the model isn't what it should be.
    #[error("{} is no usable model file: {why}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
        /// What the parser said, if one did.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The converted weights can't be kept.
    #[error("can't write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The back-end failed.
    #[error("the sentence encoder failed")]
    Inference(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A model was asked with another encoder than it was trained with.
    #[error("the classifier was trained with {trained:?}, not with {given:?}")]
    OtherEncoder {
        /// Name of the encoder the model was trained with.
        trained: String,
        /// Name of the encoder that was given, if any.
        given: Option<String>,
    },
    /// This build has no back-end for other weights than its own.
    #[error("can't use the weights in {}: this build has no encoder for them (cargo feature candle or rust-bert)", folder.display())]
    NoBackEnd {
        /// Where they would be.
        folder: PathBuf,
    },
}

/// Where the weights are by convention: `$ATOLL_MODEL_DIR`, else `$ATOLL_CACHE/model`, else `~/.cache/atoll/model`.
///
/// In none of them is looked; `None` only when there is no home folder either.
#[must_use]
pub fn default_folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("ATOLL_MODEL_DIR")
        .or_else(|| set("ATOLL_CACHE").map(|cache| cache.join("model")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/atoll/model")))
}

/// The encoder that ships when `folder` is empty, else MiniLM from the weights in it.
///
/// # Errors
/// [`EncoderError::Read`] when a file is missing, [`EncoderError::Malformed`] when one is damaged. None for the encoder
/// that ships.
pub fn load(folder: &Path) -> Result<Box<dyn Encoder>, EncoderError> {
    let encoder = if folder.as_os_str().is_empty() { Box::new(bundled()) } else { load_back_end(folder)? };
    tracing::info!(encoder = encoder.name(), folder = %folder.display(), "sentence encoder loaded");
    Ok(encoder)
}

#[cfg(feature = "candle")]
fn load_back_end(folder: &Path) -> Result<Box<dyn Encoder>, EncoderError> {
    Ok(Box::new(candle::Candle::load(folder)?))
}

#[cfg(all(feature = "rust-bert", not(feature = "candle")))]
fn load_back_end(folder: &Path) -> Result<Box<dyn Encoder>, EncoderError> {
    Ok(Box::new(rust_bert::RustBert::load(folder)?))
}

#[cfg(not(any(feature = "rust-bert", feature = "candle")))]
fn load_back_end(folder: &Path) -> Result<Box<dyn Encoder>, EncoderError> {
    Err(EncoderError::NoBackEnd { folder: folder.to_owned() })
}

/// Scales to length 1; a vector of zeros stays as it is.
pub(crate) fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    }
}

//! Which skill a sentence means, or none.
//!
//! A sentence vector from a pre-trained [`encoder`] and hashed word and character n-grams go into a multinomial logistic
//! regression; a calibrated rejection rule says whether its best answer may be acted on, offered, or is none at all.
//! Knows nothing of what the skills do. Synchronous; reads and writes nothing but the folders it is given.

mod cache;
mod core;
pub mod encoder;
pub mod evaluate;
mod examples;
mod features;
mod file;
mod judge;
mod model;
mod softmax;

pub use encoder::{Encoder, EncoderError};
pub use examples::Example;
pub use file::FormatError;
pub use model::{Model, Ranking, Sureness, TrainError};

pub(crate) fn tune(name: &str, default: f32) -> f32 {
    static M: std::sync::LazyLock<std::collections::HashMap<String,f32>> = std::sync::LazyLock::new(|| std::env::vars().filter_map(|(k,v)| Some((k.strip_prefix("T_")?.to_owned(), v.parse().ok()?))).collect());
    M.get(name).copied().unwrap_or(default)
}

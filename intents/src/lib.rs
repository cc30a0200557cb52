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
mod tagger;

pub use encoder::{Encoder, EncoderError};
pub use examples::Example;
pub use file::FormatError;
pub use model::{Model, Ranking, Sureness, TrainError};
pub use tagger::{Marked, Tagger, Word};

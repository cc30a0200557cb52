//! The classifier as its users meet it: through the public interface, on a small corpus of its own.

mod bundled;
mod cache;
#[cfg(feature = "candle")]
mod encoding;
mod evaluating;
mod ranking;
#[cfg(all(feature = "rust-bert", feature = "candle"))]
mod same_vectors;
mod support;
mod tuned;

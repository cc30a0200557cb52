//! The encoder that ships: Google's Universal Sentence Encoder multilingual v3 (Yang et al. 2019, Apache-2.0), its
//! vocabulary cut to what English and French use, fine-tuned on the corpus, its weights in bytes.
//!
//! Averages of word pieces and of their n-grams through windows of two, three and five, then four dense layers: no
//! attention, so a sentence takes a millisecond. The weights are part of the binary; `intents/finetune/` makes them,
//! and the layout of their file is described in [`file`](super::file).

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

use super::file::File;
use super::matrix::{Matrix, add, normalised, rectify};
use super::pieces::{Pieces, normalise};
use super::{Encoder, EncoderError};

static WEIGHTS: &[u8] = include_bytes!("../../weights/bundled.bin");

/// Width of a word piece's vector, of each window's, and of all of them side by side.
const WORD: usize = 512;
const WINDOW: usize = 256;
const FEATURES: usize = WORD + 3 * WINDOW;
/// Length of a sentence's vector.
const DIMENSIONS: usize = 512;
/// Pieces that go through the network together: enough to use each weight often while it is at hand.
const BATCH: usize = 256;
/// From this many texts on (training, not talking) all cores are used.
const MANY: usize = 64;

/// A window of word pieces: its length, how much of it lies before its piece, and its two layers.
struct Window {
    length: usize,
    before: usize,
    layers: [(Matrix, Vec<f32>); 2],
}

/// The bundled encoder. Immutable, and used by any number of threads.
pub struct Bundled {
    name: String,
    pieces: Pieces,
    /// Vectors of the pieces, in bytes, and the scale of each.
    table: &'static [u8],
    scales: Vec<f32>,
    projection: (Matrix, Vec<f32>),
    projection_norm: (Vec<f32>, Vec<f32>),
    windows: [Window; 3],
    norm: (Vec<f32>, Vec<f32>),
    mean: (Matrix, Vec<f32>),
    dense: [Matrix; 6],
    epsilon: f32,
    /// Beginnings of the hashes of the texts it was fine-tuned on, ascending.
    seen: Vec<u64>,
}

/// The encoder that is part of the binary.
///
/// # Panics
/// Never: that the weights are whole is tested.
pub fn bundled() -> &'static Bundled {
    static BUNDLED: LazyLock<Bundled> =
        LazyLock::new(|| Bundled::read(WEIGHTS).expect("the weights were tested when they were built in"));
    &BUNDLED
}

impl Bundled {
    fn read(bytes: &'static [u8]) -> Option<Self> {
        let file = File::read(bytes)?;
        let layer = |weights: &str, bias: &str| Some((file.matrix(weights)?, file.floats(bias)?));
        let window = |length: usize, before: usize| {
            let part = |place: &str| layer(&format!("w{place}_{length}"), &format!("b{place}_{length}"));
            Some(Window { length, before, layers: [part("1")?, part("2")?] })
        };
        let norm = |gain: &str, shift: &str| Some((file.floats(gain)?, file.floats(shift)?));
        let matrix = |name: &str| file.matrix(name);
        Some(Self {
            name: file.name(),
            pieces: Pieces::new(file.text("pieces")?, file.floats("scores")?),
            table: file.bytes("table")?,
            scales: file.floats("table.scale")?,
            projection: layer("proj", "proj_b")?,
            projection_norm: norm("proj_g", "proj_s")?,
            windows: [window(2, 0)?, window(3, 1)?, window(5, 2)?],
            norm: norm("ln_g", "ln_b")?,
            mean: layer("cnn_W", "cnn_b")?,
            dense: [matrix("d0")?, matrix("p1")?, matrix("d1")?, matrix("d2")?, matrix("p3")?, matrix("d3")?],
            epsilon: *file.floats("eps")?.first()?,
            seen: file.bytes("seen")?.as_chunks().0.iter().map(|hash| u64::from_le_bytes(*hash)).collect(),
        })
    }

    /// Vectors of texts, on the calling thread.
    fn encode_here(&self, texts: &[&str]) -> Vec<Vec<f32>> {
        let mut vectors = Vec::with_capacity(texts.len());
        let mut ids = Vec::new();
        let mut lengths = Vec::new();
        for text in texts {
            let pieces = self.pieces.encode(text);
            lengths.push(pieces.len());
            ids.extend(pieces);
            if ids.len() >= BATCH {
                vectors.extend(self.forward(&ids, &lengths));
                ids.clear();
                lengths.clear();
            }
        }
        vectors.extend(self.forward(&ids, &lengths));
        vectors
    }

    /// Vectors of sentences whose pieces stand one after the other.
    fn forward(&self, ids: &[u32], lengths: &[usize]) -> Vec<Vec<f32>> {
        let words = self.words(ids);
        let mut projected = self.projection.0.multiply(&words);
        add(&mut projected, &self.projection.1);
        normalised(&mut projected, &self.projection_norm.0, &self.projection_norm.1, self.epsilon);

        let mut features = vec![0.0; ids.len() * FEATURES];
        place(&mut features, &words, WORD, 0);
        for (number, window) in self.windows.iter().enumerate() {
            let mut x: Vec<f32> =
                projected.chunks_exact(3 * WINDOW).flat_map(|row| &row[number * WINDOW..][..WINDOW]).copied().collect();
            for (weights, bias) in &window.layers {
                let mut y = weights.multiply(&slide(&x, lengths, window));
                add(&mut y, bias);
                rectify(&mut y);
                y.iter_mut().zip(&x).for_each(|(y, x)| *y += x);
                x = y;
            }
            place(&mut features, &x, WINDOW, WORD + number * WINDOW);
        }
        normalised(&mut features, &self.norm.0, &self.norm.1, self.epsilon);

        let mut sums = vec![0.0; lengths.len() * FEATURES];
        let mut rows = features.chunks_exact(FEATURES);
        for (sum, length) in sums.chunks_exact_mut(FEATURES).zip(lengths) {
            rows.by_ref().take(*length).for_each(|row| sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x));
        }
        let mut mean = self.mean.0.multiply(&sums);
        for (row, length) in mean.chunks_exact_mut(DIMENSIONS).zip(lengths) {
            let length = *length as f32;
            row.iter_mut().zip(&self.mean.1).for_each(|(x, bias)| *x = (*x + length * bias) / length.sqrt());
        }
        self.deepen(&mean)
    }

    /// The dense layers, each with a way around it.
    fn deepen(&self, mean: &[f32]) -> Vec<Vec<f32>> {
        let [d0, p1, d1, d2, p3, d3] = &self.dense;
        let sum = |mut left: Vec<f32>, right: Vec<f32>| {
            left.iter_mut().zip(right).for_each(|(left, right)| *left += right);
            left
        };
        let mut first = d0.multiply(mean);
        rectify(&mut first);
        let mut second = sum(p1.multiply(mean), d1.multiply(&first));
        rectify(&mut second);
        let mut third = d2.multiply(&second);
        rectify(&mut third);
        let last = sum(p3.multiply(&second), d3.multiply(&third));
        let unit = |row: &[f32]| {
            let mut row: Vec<f32> = row.iter().map(|x| x.tanh()).collect();
            super::normalise(&mut row);
            row
        };
        last.chunks_exact(DIMENSIONS).map(unit).collect()
    }

    fn words(&self, ids: &[u32]) -> Vec<f32> {
        let mut words = Vec::with_capacity(ids.len() * WORD);
        for id in ids {
            let place = *id as usize;
            let scale = self.scales[place];
            words.extend(self.table[place * WORD..][..WORD].iter().map(|x| f32::from(x.cast_signed()) * scale));
        }
        words
    }
}

/// Lays `block`, rows of `width`, into the rows of all features, from column `at` on.
fn place(features: &mut [f32], block: &[f32], width: usize, at: usize) {
    for (row, block) in features.chunks_exact_mut(FEATURES).zip(block.chunks_exact(width)) {
        row[at..at + width].copy_from_slice(block);
    }
}

/// For each piece the vectors in its window side by side; beyond its sentence there are zeros.
fn slide(x: &[f32], lengths: &[usize], window: &Window) -> Vec<f32> {
    let width = window.length * WINDOW;
    let mut out = vec![0.0; x.len() / WINDOW * width];
    let mut rows = out.chunks_exact_mut(width);
    let mut start = 0;
    for length in lengths {
        for at in 0..*length {
            let row = rows.next().expect("as many rows as pieces");
            for slot in 0..window.length {
                if let Some(from) = (at + slot).checked_sub(window.before).filter(|from| from < length) {
                    row[slot * WINDOW..][..WINDOW].copy_from_slice(&x[(start + from) * WINDOW..][..WINDOW]);
                }
            }
        }
        start += length;
    }
    out
}

/// By what a text is known in the list of those seen.
fn key(text: &str) -> u64 {
    let hash: [u8; 32] = Sha256::digest(normalise(text)).into();
    u64::from_le_bytes(*hash.first_chunk().expect("32 bytes are more than 8"))
}

impl Encoder for Bundled {
    fn name(&self) -> &str {
        &self.name
    }

    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncoderError> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        if texts.len() < MANY || threads < 2 {
            return Ok(self.encode_here(texts));
        }
        let share = texts.len().div_ceil(threads);
        let mut vectors = Vec::with_capacity(texts.len());
        std::thread::scope(|scope| {
            let parts: Vec<_> = texts.chunks(share).map(|part| scope.spawn(move || self.encode_here(part))).collect();
            for part in parts {
                vectors.extend(part.join().expect("encoding never panics"));
            }
        });
        Ok(vectors)
    }

    fn seen(&self, text: &str) -> bool {
        self.seen.binary_search(&key(text)).is_ok()
    }
}

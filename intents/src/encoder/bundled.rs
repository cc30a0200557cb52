//! The encoder that ships: multilingual-e5-small (Wang et al. 2024, "Multilingual E5 Text Embeddings", MIT), its vocabulary cut
//! to what English and French use, fine-tuned on the corpus, its weights in bytes.
//!
//! A transformer with layers normalised after each step (Devlin et al. 2019, "BERT"); a sentence's vector is the mean of its
//! pieces'. The weights are part of the binary; `intents/finetune/` makes them, and the layout of their file is described in
//! [`file`](super::file).

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use pulp::{Arch, Simd, WithSimd};
use sha2::{Digest, Sha256};

use super::file::File;
use super::kept::kept;
use super::matrix::{Layer, Norm, add, gelu};
use super::pieces::{MAX_PIECES, Pieces, normalise};
use super::product::COLUMNS;
use super::{Encoder, EncoderError};
use crate::softmax::softmax;

static WEIGHTS: &[u8] = include_bytes!("../../weights/bundled.bin");

/// Length of the vectors of pieces and sentences, and heads that attend.
const WIDTH: usize = 384;
const HEADS: usize = 12;
const HEAD: usize = WIDTH / HEADS;
/// Pieces that go through the network together: enough to use each weight often while it is at hand.
const BATCH: usize = 128;
/// From this many texts on (training, not talking) all cores are used.
const MANY: usize = 64;

/// One step of the network: the pieces of a sentence look at each other, then each is thought over.
struct Step {
    attention: Layer,
    output: Layer,
    attention_norm: Norm,
    inner: Layer,
    outer: Layer,
    norm: Norm,
}

/// The bundled encoder. Immutable, and used by any number of threads.
pub struct Bundled {
    name: String,
    pieces: Pieces,
    /// Vectors of the pieces, in bytes, and the scale of each.
    table: &'static [u8],
    scales: Vec<f32>,
    /// What is added to the first piece, the second, and so on.
    places: Vec<f32>,
    norm: Norm,
    steps: Vec<Step>,
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
        let epsilon = *file.floats("epsilon")?.first()?;
        let norm = |name: &str| {
            let part = |of: &str| file.floats(&format!("{name}.{of}"));
            Some(Norm::new(part("gain")?, part("shift")?, epsilon))
        };
        let step = |number: usize| {
            let layer = |name: &str| file.layer(&format!("{number}.{name}"));
            let norm = |name: &str| norm(&format!("{number}.{name}"));
            Some(Step {
                attention: layer("attention")?,
                output: layer("output")?,
                attention_norm: norm("attention_norm")?,
                inner: layer("inner")?,
                outer: layer("outer")?,
                norm: norm("norm")?,
            })
        };
        let steps = *file.floats("steps")?.first()? as usize;
        Some(Self {
            // Vectors that are kept from products in floats are other ones, and so need another name.
            name: file.name() + "-bytes",
            pieces: Pieces::new(file.text("pieces")?, file.floats("scores")?),
            table: file.bytes("table")?,
            scales: file.floats("table.scale")?,
            places: file.floats("places")?,
            norm: norm("norm")?,
            steps: (0..steps).map(step).collect::<Option<_>>()?,
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
        let mut x = self.words(ids, lengths);
        self.norm.apply(&mut x);
        for step in &self.steps {
            let seen = step.output.apply(&Arch::new().dispatch(Attention { x: &step.attention.apply(&x), lengths }));
            add(&mut x, &seen);
            step.attention_norm.apply(&mut x);
            let mut thought = step.inner.apply(&x);
            gelu(&mut thought);
            add(&mut x, &step.outer.apply(&thought));
            step.norm.apply(&mut x);
        }
        let mut rows = x.chunks_exact(WIDTH);
        let mean = |length: &usize| {
            let mut sum = vec![0.0; WIDTH];
            rows.by_ref().take(*length).for_each(|row| add(&mut sum, row));
            super::normalise(&mut sum);
            sum
        };
        lengths.iter().map(mean).collect()
    }

    /// What the pieces mean by themselves and where they stand.
    fn words(&self, ids: &[u32], lengths: &[usize]) -> Vec<f32> {
        let mut words = Vec::with_capacity(ids.len() * WIDTH);
        let places = lengths.iter().flat_map(|length| self.places.chunks_exact(WIDTH).take(*length));
        for (id, place) in ids.iter().zip(places) {
            let at = *id as usize;
            let scale = self.scales[at];
            let bytes = &self.table[at * WIDTH..][..WIDTH];
            words.extend(bytes.iter().zip(place).map(|(x, place)| f32::from(x.cast_signed()) * scale + place));
        }
        words
    }
}

/// Each piece takes from the pieces of its sentence what its question finds in their keys (Vaswani et al. 2017, "Attention is
/// all you need").
struct Attention<'a> {
    /// In its rows stand questions, keys and values of all heads.
    x: &'a [f32],
    lengths: &'a [usize],
}

impl WithSimd for Attention<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<f32> {
        let mut out = vec![0.0; self.x.len() / 3];
        let (mut from, mut to) = (self.x, out.as_mut_slice());
        for length in self.lengths {
            let (sentence, rest) = from.split_at(length * 3 * WIDTH);
            let (result, remaining) = to.split_at_mut(length * WIDTH);
            (from, to) = (rest, remaining);
            for head in 0..HEADS {
                attend(sentence, head, result);
            }
        }
        out
    }
}

/// What a head finds for the pieces of a sentence.
#[inline(always)]
fn attend(sentence: &[f32], head: usize, result: &mut [f32]) {
    let part = |row: &[f32], third: usize| -> [f32; HEAD] {
        *row[third * WIDTH + head * HEAD..].first_chunk().expect("a row is three times as wide as all heads")
    };
    let rows = || sentence.chunks_exact(3 * WIDTH);
    let scale = 1.0 / (HEAD as f32).sqrt();
    let mut keys = [[0.0; MAX_PIECES]; HEAD];
    for (place, row) in rows().enumerate() {
        keys.iter_mut().zip(part(row, 1)).for_each(|(keys, key)| keys[place] = key * scale);
    }
    let length = rows().len();
    for (row, result) in rows().zip(result.chunks_exact_mut(WIDTH)) {
        let question = part(row, 0);
        let mut scores = [0.0; MAX_PIECES];
        let parts = scores.as_chunks_mut::<COLUMNS>().0.iter_mut().take(length.div_ceil(COLUMNS));
        for (place, scores) in parts.enumerate() {
            for (keys, question) in keys.iter().zip(question) {
                let keys = &keys.as_chunks::<COLUMNS>().0[place];
                scores.iter_mut().zip(keys).for_each(|(score, key)| *score += question * key);
            }
        }
        let shares = &mut scores[..length];
        softmax(shares);
        let mut found = [0.0; HEAD];
        for (row, share) in rows().zip(shares) {
            found.iter_mut().zip(part(row, 2)).for_each(|(found, x)| *found += *share * x);
        }
        result[head * HEAD..][..HEAD].copy_from_slice(&found);
    }
}

/// By what a text is known in the lists of those seen and kept.
pub(super) fn key(text: &str) -> u64 {
    let hash: [u8; 32] = Sha256::digest(normalise(text)).into();
    u64::from_le_bytes(*hash.first_chunk().expect("32 bytes are more than 8"))
}

impl Encoder for Bundled {
    fn name(&self) -> &str {
        &self.name
    }

    fn dimensions(&self) -> usize {
        WIDTH
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncoderError> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        if texts.len() < MANY || threads < 2 {
            return Ok(self.encode_here(texts));
        }
        // Each thread takes what is next, so that all end together however long the texts are.
        let parts: Vec<&[&str]> = texts.chunks(MANY).collect();
        let next = AtomicUsize::new(0);
        let take = || {
            let taken = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
            let taken = taken.map_while(|place| Some((place, self.encode_here(parts.get(place)?))));
            taken.collect::<Vec<_>>()
        };
        let mut found = Vec::with_capacity(parts.len());
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(take)).collect();
            for worker in workers {
                found.extend(worker.join().expect("encoding never panics"));
            }
        });
        found.sort_unstable_by_key(|(place, _)| *place);
        Ok(found.into_iter().flat_map(|(_, vectors)| vectors).collect())
    }

    fn seen(&self, text: &str) -> bool {
        self.seen.binary_search(&key(text)).is_ok()
    }

    fn kept(&self, text: &str) -> Option<Vec<f32>> {
        kept(&self.name)?.find(text)
    }
}

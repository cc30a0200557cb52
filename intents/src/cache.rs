//! Trained models and sentence vectors kept in a folder, so that only what is new costs time.
//!
//! A model's file is named by the SHA-256 of all it was trained from; vectors are kept per encoder under the hash of
//! their text. A file that is damaged or of another version is made anew; files are replaced whole or not at all.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::encoder::{Encoder, EncoderError};
use crate::examples::{Example, Prepared};
use crate::file::VERSION;
use crate::model::{Model, TrainError};

/// Models kept, for several languages and for going back to the corpus of before.
const MODELS: usize = 6;
/// With more vectors than this, those of texts no longer used are dropped.
const VECTORS: usize = 60_000;
const VECTORS_MAGIC: &[u8; 8] = b"atollvec";
const SUM: usize = 32;
const KEY: usize = 16;

impl Model {
    /// As [`train`](Self::train), unless `folder` has the model already; then it is read, which takes milliseconds.
    ///
    /// The folder is created when missing. Vectors of sentences are kept there too, so a changed corpus costs only
    /// the encoding of what is new.
    ///
    /// # Errors
    /// As [`train`](Self::train), and [`TrainError::Write`] when the folder can't be written. What can't be read is
    /// no error: it is made anew.
    pub fn cached(
        folder: &Path,
        examples: &[Example<'_>],
        near_misses: &[(&str, &str)],
        encoder: Option<&dyn Encoder>,
    ) -> Result<Self, TrainError> {
        let path = place(folder, examples, near_misses, encoder);
        match std::fs::read(&path).map(|bytes| Self::from_bytes(&bytes)) {
            Ok(Ok(model)) => return Ok(model),
            Ok(Err(error)) => {
                tracing::warn!(path = %path.display(), %error, "kept classifier not usable, training anew")
            }
            Err(_) => tracing::info!(examples = examples.len(), "training the classifier"),
        }
        std::fs::create_dir_all(folder).map_err(|source| TrainError::Write { path: folder.to_owned(), source })?;
        let prepared = prepare(folder, examples, near_misses, encoder)?;
        let model = Self::learn(&prepared, |_| true)?;
        replace(&path, &model.to_bytes())?;
        prune(folder);
        Ok(model)
    }

    /// Whether [`cached`](Self::cached) would find the model in `folder`, and so take no time; nothing is read of it.
    pub fn is_kept(
        folder: &Path,
        examples: &[Example<'_>],
        near_misses: &[(&str, &str)],
        encoder: Option<&dyn Encoder>,
    ) -> bool {
        place(folder, examples, near_misses, encoder).is_file()
    }
}

/// Where a model is kept.
fn place(
    folder: &Path,
    examples: &[Example<'_>],
    near_misses: &[(&str, &str)],
    encoder: Option<&dyn Encoder>,
) -> PathBuf {
    folder.join(format!("model-{}.bin", hex(&key(examples, near_misses, encoder))))
}

/// Examples with their vectors, read from `folder` as far as they are there and kept there.
pub(crate) fn prepare(
    folder: &Path,
    examples: &[Example<'_>],
    near_misses: &[(&str, &str)],
    encoder: Option<&dyn Encoder>,
) -> Result<Prepared, TrainError> {
    let mut written = Ok(());
    let prepared = Prepared::new(examples, near_misses, encoder, &mut |texts| match encoder {
        None => Ok(vec![Vec::new(); texts.len()]),
        Some(encoder) => {
            let mut store = VectorStore::open(folder, encoder);
            let vectors = store.encode(encoder, texts)?;
            written = store.save();
            Ok(vectors)
        }
    })?;
    written?;
    Ok(prepared)
}

/// Hash of everything a model depends on. The order of the examples is no part of it.
fn key(examples: &[Example<'_>], near_misses: &[(&str, &str)], encoder: Option<&dyn Encoder>) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(VERSION.to_le_bytes());
    hash.update(encoder.map_or("", Encoder::name));
    let pairs: Vec<(&str, &str)> = examples.iter().map(|example| (example.label, example.text)).collect();
    add_sorted(&mut hash, b"+", &pairs);
    add_sorted(&mut hash, b"!", near_misses);
    hash.finalize().into()
}

/// Adds pairs in an order of their own: to compare hashes costs a tenth of comparing texts.
fn add_sorted(hash: &mut Sha256, kind: &[u8], pairs: &[(&str, &str)]) {
    let one = |(left, right): &(&str, &str)| -> [u8; SUM] {
        let mut hash = Sha256::new();
        for text in [left, right] {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
        hash.finalize().into()
    };
    let mut sums: Vec<[u8; SUM]> = pairs.iter().map(one).collect();
    sums.sort_unstable();
    sums.dedup();
    hash.update(kind);
    hash.update((sums.len() as u64).to_le_bytes());
    hash.update(sums.as_flattened());
}

/// Vectors of one encoder by the hash of their text.
struct VectorStore {
    path: PathBuf,
    dimensions: usize,
    vectors: HashMap<[u8; KEY], Vec<f32>>,
    used: Vec<[u8; KEY]>,
    changed: bool,
}

impl VectorStore {
    fn open(folder: &Path, encoder: &dyn Encoder) -> Self {
        let name: String = encoder.name().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let path = folder.join(format!("vectors-{name}.bin"));
        let dimensions = encoder.dimensions();
        let kept = std::fs::read(&path).ok();
        let vectors = kept.as_deref().and_then(|bytes| read_vectors(bytes, dimensions));
        if kept.is_some() && vectors.is_none() {
            tracing::warn!(path = %path.display(), "kept sentence vectors not usable, encoding anew");
        }
        Self { path, dimensions, vectors: vectors.unwrap_or_default(), used: Vec::new(), changed: false }
    }

    fn encode(&mut self, encoder: &dyn Encoder, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncoderError> {
        let kept: Vec<Option<Vec<f32>>> = texts.iter().map(|text| encoder.kept(text)).collect();
        self.used = texts.iter().map(|text| text_key(text)).collect();
        // A near miss stands there for each label it misses.
        let mut asked = HashSet::new();
        let mut new = |key: &[u8; KEY]| !self.vectors.contains_key(key) && asked.insert(*key);
        let missing: Vec<usize> =
            (0..texts.len()).filter(|place| kept[*place].is_none() && new(&self.used[*place])).collect();
        if !missing.is_empty() {
            let new: Vec<&str> = missing.iter().map(|place| texts[*place]).collect();
            for (place, vector) in missing.iter().zip(encoder.encode(&new)?) {
                self.vectors.insert(self.used[*place], vector);
            }
            self.changed = true;
        }
        let own = |(kept, key): (Option<Vec<f32>>, _)| kept.unwrap_or_else(|| self.vectors[key].clone());
        Ok(kept.into_iter().zip(&self.used).map(own).collect())
    }

    fn save(mut self) -> Result<(), TrainError> {
        if !self.changed {
            return Ok(());
        }
        if self.vectors.len() > VECTORS {
            self.used.sort_unstable();
            self.vectors.retain(|key, _| self.used.binary_search(key).is_ok());
        }
        let mut bytes = VECTORS_MAGIC.to_vec();
        bytes.extend_from_slice(&(self.dimensions as u64).to_le_bytes());
        for (key, vector) in &self.vectors {
            bytes.extend_from_slice(key);
            vector.iter().for_each(|x| bytes.extend_from_slice(&x.to_le_bytes()));
        }
        let sum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&sum);
        replace(&self.path, &bytes)
    }
}

fn read_vectors(bytes: &[u8], dimensions: usize) -> Option<HashMap<[u8; KEY], Vec<f32>>> {
    let (body, sum) = bytes.split_at_checked(bytes.len().checked_sub(SUM)?)?;
    if Sha256::digest(body).as_slice() != sum {
        return None;
    }
    let records = body.strip_prefix(VECTORS_MAGIC)?.strip_prefix(&(dimensions as u64).to_le_bytes())?;
    let size = KEY + dimensions * 4;
    if records.len() % size != 0 {
        return None;
    }
    let record = |record: &[u8]| {
        let (key, vector) = record.split_first_chunk()?;
        Some((*key, vector.as_chunks().0.iter().map(|x| f32::from_le_bytes(*x)).collect()))
    };
    records.chunks_exact(size).map(record).collect()
}

fn text_key(text: &str) -> [u8; KEY] {
    let hash: [u8; 32] = Sha256::digest(text).into();
    *hash.first_chunk().expect("32 bytes are more than 16")
}

/// Writes beside the target and renames, so that a reader sees the old file or the new one, never half of it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let fresh = path.with_extension(format!("{}.new", std::process::id()));
    let written = std::fs::File::create(&fresh)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&fresh, path));
    written.map_err(|source| {
        // What is left of the attempt is of no use; that it can't be removed either changes nothing.
        let _ = std::fs::remove_file(&fresh);
        TrainError::Write { path: path.to_owned(), source }
    })
}

/// Removes the oldest models beyond [`MODELS`]. Failing to is harmless.
fn prune(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let mut models: Vec<(SystemTime, PathBuf)> = entries
        .filter_map(Result::ok)
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("model-") && name.ends_with(".bin")
        })
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    models.sort();
    let surplus = models.len().saturating_sub(MODELS);
    for (_, path) in &models[..surplus] {
        let _ = std::fs::remove_file(path);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

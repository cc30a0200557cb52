//! A model as bytes: compact, versioned, and refused when damaged.
//!
//! Layout, numbers little endian: eight bytes of magic, format version (u32), length of the header (u32), the header
//! as JSON, the rows of bias and sentence vector (f32), the rows of n-grams (bfloat16), the examples' vectors (i8),
//! the words' hashes (u32), SHA-256 of all before it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::core::Core;
use crate::features::PLACES;
use crate::judge::Judge;
use crate::model::Model;

const MAGIC: &[u8; 8] = b"atollint";
/// Raised whenever other features, another layout or other training make old files worthless.
pub(crate) const VERSION: u32 = 4;
const SUM: usize = 32;

/// Why bytes are no model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FormatError {
    /// They begin with something else.
    #[error("this is no intent model")]
    Foreign,
    /// They were written by another version.
    #[error("format version {found}, this build reads {VERSION}")]
    Version {
        /// The version they were written in.
        found: u32,
    },
    /// They are cut off or changed.
    #[error("the model is damaged")]
    Damaged,
}

#[derive(Serialize, Deserialize)]
struct Header {
    labels: Vec<String>,
    encoder: Option<String>,
    dense: usize,
    /// Bytes of example vectors, per label.
    examples: Vec<usize>,
    words: usize,
    judge: Judge,
}

impl Model {
    /// The model as bytes, for [`from_bytes`](Self::from_bytes). The same model gives the same bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let header = Header {
            labels: self.labels.clone(),
            encoder: self.encoder.clone(),
            dense: self.core.dense,
            examples: self.core.examples.iter().map(Vec::len).collect(),
            words: self.core.words.len(),
            judge: self.judge.clone(),
        };
        let header = serde_json::to_vec(&header).expect("strings and finite numbers are always JSON");
        let mut bytes = Vec::with_capacity(self.core.size() + header.len() + 64);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(header.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&header);
        self.core.dense_rows.iter().for_each(|x| bytes.extend_from_slice(&x.to_le_bytes()));
        self.core.gram_rows.iter().for_each(|x| bytes.extend_from_slice(&x.to_le_bytes()));
        self.core.examples.iter().flatten().for_each(|x| bytes.extend_from_slice(&x.to_le_bytes()));
        self.core.words.iter().for_each(|x| bytes.extend_from_slice(&x.to_le_bytes()));
        let sum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&sum);
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// Says whether the bytes are something else, of another version, or damaged. Never panics, whatever the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(FormatError::Foreign)?;
        let (found, _) = rest.split_first_chunk().ok_or(FormatError::Damaged)?;
        let found = u32::from_le_bytes(*found);
        if found != VERSION {
            return Err(FormatError::Version { found });
        }
        let sum_at = bytes.len().checked_sub(SUM).ok_or(FormatError::Damaged)?;
        let (body, sum) = bytes.split_at(sum_at);
        if Sha256::digest(body).as_slice() != sum {
            return Err(FormatError::Damaged);
        }
        Self::from_body(body.get(MAGIC.len() + 4..).ok_or(FormatError::Damaged)?).ok_or(FormatError::Damaged)
    }

    fn from_body(mut rest: &[u8]) -> Option<Self> {
        let length = u32::from_le_bytes(take(&mut rest, 4)?.try_into().ok()?);
        let header: Header = serde_json::from_slice(take(&mut rest, length as usize)?).ok()?;
        let labels = header.labels.len();
        let rows = header.dense.checked_add(1)?.checked_mul(labels)?;
        let dense_rows = four(take(&mut rest, rows.checked_mul(4)?)?, f32::from_le_bytes);
        let grams = take(&mut rest, PLACES.checked_mul(labels)?.checked_mul(2)?)?;
        let gram_rows = grams.as_chunks().0.iter().map(|x| u16::from_le_bytes(*x)).collect();
        let mut examples = Vec::new();
        for length in &header.examples {
            examples.push(take(&mut rest, *length)?.iter().map(|x| i8::from_le_bytes([*x])).collect());
        }
        let words = four(take(&mut rest, header.words.checked_mul(4)?)?, u32::from_le_bytes);
        let core = Core { labels, dense: header.dense, dense_rows, gram_rows, examples, words };
        let usable = rest.is_empty() && labels >= 2 && header.labels.is_sorted() && core.consistent();
        usable.then_some(Self { labels: header.labels, encoder: header.encoder, core, judge: header.judge })
    }
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

fn four<T>(bytes: &[u8], read: impl Fn([u8; 4]) -> T) -> Vec<T> {
    bytes.as_chunks().0.iter().map(|x| read(*x)).collect()
}

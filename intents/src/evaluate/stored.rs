//! Sentence vectors that were made elsewhere, as an encoder: so that encoders we don't run can be measured.
//!
//! The file, written by `finetune/vectors.py`: a line of JSON (name, dimensions, milliseconds a sentence, bytes of the weights),
//! then for each text its length (u32, little endian), the text, and its vector (f32).

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use crate::encoder::{Encoder, EncoderError, normalise};

#[derive(Deserialize)]
struct Header {
    name: String,
    dimensions: usize,
    milliseconds: f64,
    bytes: u64,
}

/// Knows the vectors of the texts of a file, and of no others.
pub struct Stored {
    header: Header,
    vectors: HashMap<String, Vec<f32>>,
}

/// A text that is not in the file.
#[derive(Debug, thiserror::Error)]
#[error("there is no vector for {0:?}")]
struct Missing(String);

impl Stored {
    /// Reads a file.
    ///
    /// # Errors
    /// [`EncoderError::Read`] and [`EncoderError::Malformed`].
    pub fn read(path: &Path) -> Result<Self, EncoderError> {
        let bytes = std::fs::read(path).map_err(|source| EncoderError::Read { path: path.to_owned(), source })?;
        let bad = |why| EncoderError::Malformed { path: path.to_owned(), why, source: None };
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(|| bad("it has no first line"))?;
        let header: Header = serde_json::from_slice(&bytes[..end]).map_err(|source| EncoderError::Malformed {
            path: path.to_owned(),
            why: "its first line doesn't describe an encoder",
            source: Some(Box::new(source)),
        })?;
        let vectors = vectors(&bytes[end + 1..], header.dimensions).ok_or_else(|| bad("it is cut off"))?;
        Ok(Self { header, vectors })
    }

    /// What a sentence cost where the vectors were made, in milliseconds.
    #[must_use]
    pub fn milliseconds(&self) -> f64 {
        self.header.milliseconds
    }

    /// Bytes of the weights there.
    #[must_use]
    pub fn weights(&self) -> u64 {
        self.header.bytes
    }

    /// Whether there is a vector for this text.
    #[must_use]
    pub fn has(&self, text: &str) -> bool {
        self.vectors.contains_key(text.trim())
    }
}

fn vectors(mut rest: &[u8], dimensions: usize) -> Option<HashMap<String, Vec<f32>>> {
    let mut vectors = HashMap::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk()?;
        let (text, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let (vector, after) = after.split_at_checked(dimensions.checked_mul(4)?)?;
        let mut vector: Vec<f32> = vector.as_chunks().0.iter().map(|x| f32::from_le_bytes(*x)).collect();
        normalise(&mut vector);
        vectors.insert(String::from_utf8(text.to_vec()).ok()?, vector);
        rest = after;
    }
    Some(vectors)
}

impl Encoder for Stored {
    fn name(&self) -> &str {
        &self.header.name
    }

    fn dimensions(&self) -> usize {
        self.header.dimensions
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EncoderError> {
        let find = |text: &&str| {
            let vector = self.vectors.get(text.trim()).cloned();
            vector.ok_or_else(|| EncoderError::Inference(Box::new(Missing((*text).to_owned()))))
        };
        texts.iter().map(find).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#"{"name": "made", "dimensions": 2, "milliseconds": 1.5, "bytes": 9}"#;

    fn file(content: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        file
    }

    #[test]
    fn vectors_come_back_of_length_1_and_unknown_texts_are_an_error() {
        let mut content = format!("{HEADER}\n").into_bytes();
        content.extend(6_u32.to_le_bytes());
        content.extend("é\nweb".as_bytes());
        content.extend([3.0_f32, 4.0].map(f32::to_le_bytes).concat());
        let stored = Stored::read(file(&content).path()).unwrap();
        assert_eq!((stored.name(), stored.dimensions(), stored.weights()), ("made", 2, 9));
        assert_eq!(stored.encode(&[" é\nweb "]).unwrap(), [vec![0.6, 0.8]]);
        assert!(stored.has("é\nweb") && !stored.has("web"));
        assert!(matches!(stored.encode(&["web"]), Err(EncoderError::Inference(_))));
    }

    #[test]
    fn damaged_files_are_refused() {
        let cut = [HEADER.as_bytes(), b"\n\x03\0\0\0abc\0\0\0\0"].concat();
        let long = [HEADER.as_bytes(), b"\n\xff\xff\xff\xffabc"].concat();
        for content in [b"{}".as_slice(), b"{}\n", cut.as_slice(), long.as_slice()] {
            let error = Stored::read(file(content).path()).map(|_| ()).unwrap_err();
            assert!(matches!(error, EncoderError::Malformed { .. }), "{error}");
        }
        assert!(matches!(Stored::read(Path::new("/nowhere")).map(|_| ()), Err(EncoderError::Read { .. })));
    }
}

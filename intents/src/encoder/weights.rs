//! Reads a safetensors file tensor by tensor, so that the weights are in memory once and never mapped.
//!
//! Format: <https://github.com/huggingface/safetensors#format>: eight bytes of header length (little endian), a JSON
//! header of name → type, shape and byte range, then the bytes. Mapping the file would need `unsafe` and keep its
//! pages resident beside the tensors.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::EncoderError;

/// Headers of real models are some kilobytes; more is a damaged file.
const MAX_HEADER: u64 = 16 << 20;
/// Bytes of each tensor that go into the fingerprint.
const SAMPLE: usize = 4096;

#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

/// Hands name, shape and values of each `F32` tensor to `keep` (others are buffers that BERT doesn't need) and returns a
/// fingerprint.
///
/// The fingerprint tells one set of weights from another: names, shapes and the first bytes of each tensor.
pub(super) fn read(
    path: &Path,
    mut keep: impl FnMut(String, Vec<usize>, Vec<f32>) -> Result<(), EncoderError>,
) -> Result<[u8; 32], EncoderError> {
    let io = |source| EncoderError::Read { path: path.to_owned(), source };
    let bad = |why| EncoderError::Malformed { path: path.to_owned(), why, source: None };
    let file = File::open(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    let mut file = BufReader::with_capacity(1 << 16, file);

    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(io)?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER || length + 8 > size {
        return Err(bad("its header is longer than the file"));
    }
    let mut header = vec![0; usize::try_from(length).map_err(|_| bad("its header is too long"))?];
    file.read_exact(&mut header).map_err(io)?;
    let mut header: BTreeMap<String, serde_json::Value> = serde_json::from_slice(&header).map_err(|source| {
        EncoderError::Malformed { path: path.to_owned(), why: "its header is not JSON", source: Some(Box::new(source)) }
    })?;
    header.remove("__metadata__");

    let mut fingerprint = Sha256::new();
    for (name, entry) in header {
        let entry: Entry = serde_json::from_value(entry).map_err(|source| EncoderError::Malformed {
            path: path.to_owned(),
            why: "its header lacks a type, a shape or a place",
            source: Some(Box::new(source)),
        })?;
        if entry.dtype != "F32" {
            continue;
        }
        let (start, end) = entry.data_offsets;
        let elements = entry
            .shape
            .iter()
            .try_fold(1_usize, |product, &side| product.checked_mul(side))
            .ok_or_else(|| bad("a tensor is too big"))?;
        let bytes = (elements as u64).checked_mul(4).ok_or_else(|| bad("a tensor is too big"))?;
        if end.checked_sub(start) != Some(bytes) || end > size - 8 - length {
            return Err(bad("a tensor lies outside the file"));
        }
        file.seek(SeekFrom::Start(8 + length + start)).map_err(io)?;
        let values = read_floats(&mut file, elements).map_err(io)?;
        fingerprint.update(name.as_bytes());
        fingerprint.update(bytes.to_le_bytes());
        for value in values.iter().take(SAMPLE / 4) {
            fingerprint.update(value.to_le_bytes());
        }
        keep(name, entry.shape, values)?;
    }
    Ok(fingerprint.finalize().into())
}

/// Name of an encoder: back-end and what tells its weights and configuration from others.
pub(super) fn name(back_end: &str, fingerprint: [u8; 32], config: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(fingerprint);
    hash.update(config);
    let identity: String = hash.finalize()[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("minilm-{back_end}-{identity}")
}

fn read_floats(file: &mut impl Read, elements: usize) -> std::io::Result<Vec<f32>> {
    let mut values = Vec::with_capacity(elements);
    let mut buffer = [0; 1 << 13];
    while values.len() < elements {
        let wanted = buffer.len().min((elements - values.len()) * 4);
        let chunk = &mut buffer[..wanted];
        file.read_exact(chunk)?;
        let (floats, _) = chunk.as_chunks::<4>();
        values.extend(floats.iter().map(|bytes| f32::from_le_bytes(*bytes)));
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, length: u64, data: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(data);
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    #[test]
    fn a_tensor_comes_back_as_written() {
        let header = r#"{"__metadata__":{"format":"pt"},"ids":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[2,1],"data_offsets":[8,16]}}"#;
        let mut data = vec![0; 8];
        data.extend(1.5_f32.to_le_bytes());
        data.extend((-2.0_f32).to_le_bytes());
        let mut kept = Vec::new();
        let keep = |name, shape, values| {
            kept.push((name, shape, values));
            Ok(())
        };
        read(file(header, header.len() as u64, &data).path(), keep).unwrap();
        assert_eq!(kept, [("w".to_owned(), vec![2, 1], vec![1.5, -2.0])]);
    }

    #[test]
    fn damaged_files_are_refused_and_never_read_past_their_end() {
        let outside = r#"{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#;
        let huge = r#"{"w":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,16]}}"#;
        for (header, length) in [
            ("{}", u64::MAX),
            ("{}", 900),
            ("no", 2),
            (r#"{"w":1}"#, 7),
            (outside, outside.len() as u64),
            (huge, huge.len() as u64),
        ] {
            let error = read(file(header, length, &[0; 8]).path(), |_, _, _| Ok(())).unwrap_err();
            assert!(matches!(error, EncoderError::Malformed { .. }), "{header}: {error}");
        }
    }
}

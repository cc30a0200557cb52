//! Vectors that come with the weights: those of the corpus's sentences, so that a first start need not work them out.
//!
//! To encode every sentence of the corpus takes a minute on two cores, and four where a processor lacks the widest instructions; to read
//! their vectors takes none. A sentence that is not among them is encoded as any other. The file has the layout of the weights'
//! ([`super::file`]): `keys` (u64, ascending, beginnings of hashes), `scales` (f32) and `vectors` (i8, a row a key).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::bundled::{Bundled, key};
use super::file::{File, Part, written};
use super::{Encoder, normalise};

static BYTES: &[u8] = include_bytes!("../../weights/kept.bin");

/// Vectors by the hash of their text.
pub(super) struct Kept {
    keys: Vec<u64>,
    scales: Vec<f32>,
    vectors: &'static [u8],
}

/// Those of the encoder that ships; `None` when they are another encoder's.
pub(super) fn kept(encoder: &str) -> Option<&'static Kept> {
    static KEPT: LazyLock<Option<(String, Kept)>> = LazyLock::new(|| Kept::read(BYTES));
    KEPT.as_ref().filter(|(name, _)| name == encoder).map(|(_, kept)| kept)
}

impl Kept {
    fn read(bytes: &'static [u8]) -> Option<(String, Self)> {
        let file = File::read(bytes)?;
        let keys: Vec<u64> = file.bytes("keys")?.as_chunks().0.iter().map(|key| u64::from_le_bytes(*key)).collect();
        let kept = Self { scales: file.floats("scales")?, vectors: file.bytes("vectors")?, keys };
        let fits = kept.keys.is_sorted()
            && kept.scales.len() == kept.keys.len()
            && !kept.keys.is_empty()
            && kept.vectors.len().is_multiple_of(kept.keys.len());
        fits.then(|| (file.name(), kept))
    }

    /// The vector of a text.
    pub(super) fn find(&self, text: &str) -> Option<Vec<f32>> {
        let at = self.keys.binary_search(&key(text)).ok()?;
        let width = self.vectors.len() / self.keys.len();
        let scale = self.scales[at];
        let mut vector: Vec<f32> =
            self.vectors[at * width..][..width].iter().map(|x| f32::from(x.cast_signed()) * scale).collect();
        normalise(&mut vector);
        Some(vector)
    }
}

/// The file `weights/kept.bin` for these texts: their vectors by that encoder, each number rounded to a 127th of the largest.
///
/// # Errors
/// Whatever the encoder says when it fails.
pub fn keep(encoder: &Bundled, texts: &[&str]) -> Result<Vec<u8>, super::EncoderError> {
    let texts: BTreeMap<u64, &str> = texts.iter().map(|text| (key(text), *text)).collect();
    let vectors = encoder.encode(&texts.values().copied().collect::<Vec<_>>())?;
    let (mut keys, mut scales, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    for (key, vector) in texts.keys().zip(&vectors) {
        let most = vector.iter().fold(f32::MIN_POSITIVE, |most, x| most.max(x.abs()));
        let scale = most / f32::from(i8::MAX);
        keys.extend_from_slice(&key.to_le_bytes());
        scales.extend_from_slice(&scale.to_le_bytes());
        bytes.extend(vector.iter().map(|x| ((x / scale).round() as i8).cast_unsigned()));
    }
    let part = |name, size, columns, bytes| Part { name, size, columns, bytes };
    let parts =
        [part("keys", 1, 8, keys), part("scales", 4, 1, scales), part("vectors", 1, encoder.dimensions(), bytes)];
    Ok(written(encoder.name(), &parts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::bundled;

    #[test]
    fn what_is_kept_is_what_the_encoder_gives() {
        let texts = ["please reboot", "éteins web1", "a 20 gig disk called data"];
        let file: &'static [u8] = Vec::leak(keep(bundled(), &texts).unwrap());
        let (name, kept) = Kept::read(file).unwrap();
        assert_eq!(name, bundled().name());
        for (text, exact) in texts.iter().zip(bundled().encode(&texts).unwrap()) {
            let cosine: f32 = kept.find(text).unwrap().iter().zip(exact).map(|(one, other)| one * other).sum();
            assert!(cosine > 0.9998, "{text}: {cosine}");
        }
        assert!(kept.find("something else").is_none());
    }

    #[test]
    fn what_ships_is_of_the_encoder_that_ships() {
        assert!(super::kept(bundled().name()).is_some());
    }

    #[test]
    fn damaged_files_are_nothing() {
        let file = keep(bundled(), &["please reboot"]).unwrap();
        for length in [0, 8, 11, file.len() - 1] {
            let cut: &'static [u8] = Vec::leak(file[..length].to_vec());
            assert!(Kept::read(cut).is_none(), "{length}");
        }
    }
}

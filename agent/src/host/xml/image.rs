//! What the first bytes of a volume say about it (QEMU's `docs/interop/qcow2.txt`).
//!
//! A qcow2 image may name any file of the host as its backing file or external data file, and QEMU would open it for the
//! guest. A guest that once had a volume as raw disk can have written such a header itself. So a volume is looked at
//! before it is attached.

/// Bytes of the header that [`inspect`] wants.
pub const HEADER: u64 = 512;

/// Why a volume is not attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// It stands on another file.
    #[error("the image stands on a backing file")]
    BackingFile,
    /// Its data is in another file.
    #[error("the image keeps its data in an external file")]
    DataFile,
    /// It is not of the format that was said.
    #[error("the image is not {0}")]
    OtherFormat(Format),
    /// A format that Atoll does not attach.
    #[error("images of that format are not attached")]
    UnknownFormat,
}

/// Image formats that Atoll attaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Copy on write, with snapshots.
    Qcow2,
    /// Bytes as they are.
    Raw,
}

impl Format {
    /// Reads libvirt's word for it.
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "qcow2" => Some(Self::Qcow2),
            "raw" => Some(Self::Raw),
            _ => None,
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Qcow2 => "qcow2",
            Self::Raw => "raw",
        })
    }
}

/// Whether a volume that begins with these bytes may be attached as that format.
///
/// Raw volumes are safe whatever is in them, as long as QEMU is told that they are raw.
///
/// # Errors
/// What speaks against it.
pub fn inspect(header: &[u8], format: &str) -> Result<(), ImageError> {
    match Format::of(format) {
        Some(Format::Raw) => Ok(()),
        Some(Format::Qcow2) => inspect_qcow2(header),
        None => Err(ImageError::UnknownFormat),
    }
}

/// Byte 0: magic, 4: version, 8: backing file offset, 72: incompatible features (bit 2: external data file), all big-endian.
fn inspect_qcow2(header: &[u8]) -> Result<(), ImageError> {
    let word = |at: usize| Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?));
    let long = |at: usize| Some(u64::from_be_bytes(header.get(at..at + 8)?.try_into().ok()?));
    let other = ImageError::OtherFormat(Format::Qcow2);
    if header.get(..4) != Some(b"QFI\xfb".as_slice()) {
        return Err(other);
    }
    if long(8).ok_or(other)? != 0 {
        return Err(ImageError::BackingFile);
    }
    match word(4).ok_or(other)? {
        2 => Ok(()),
        3 if long(72).ok_or(other)? & 0b100 == 0 => Ok(()),
        3 => Err(ImageError::DataFile),
        _ => Err(ImageError::UnknownFormat),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn qcow2(version: u32, backing: u64, features: u64) -> Vec<u8> {
        let mut header = vec![0; 512];
        header[..4].copy_from_slice(b"QFI\xfb");
        header[4..8].copy_from_slice(&version.to_be_bytes());
        header[8..16].copy_from_slice(&backing.to_be_bytes());
        header[72..80].copy_from_slice(&features.to_be_bytes());
        header
    }

    #[test]
    fn an_image_that_reaches_for_other_files_is_refused() {
        assert_eq!(inspect(&qcow2(3, 0, 0), "qcow2"), Ok(()));
        assert_eq!(inspect(&qcow2(2, 0, 0), "qcow2"), Ok(()));
        assert_eq!(inspect(&qcow2(3, 0x200, 0), "qcow2"), Err(ImageError::BackingFile));
        assert_eq!(inspect(&qcow2(2, 0x200, 0), "qcow2"), Err(ImageError::BackingFile));
        assert_eq!(inspect(&qcow2(3, 0, 0b100), "qcow2"), Err(ImageError::DataFile));
        assert_eq!(inspect(&qcow2(9, 0, 0), "qcow2"), Err(ImageError::UnknownFormat));
    }

    #[test]
    fn what_is_no_image_is_not_attached_as_one() {
        for (bytes, format) in [(&b""[..], "qcow2"), (b"QFI\xfb", "qcow2"), (b"root:x:0:0", "qcow2")] {
            assert_eq!(inspect(bytes, format), Err(ImageError::OtherFormat(Format::Qcow2)));
        }
        assert_eq!(inspect(b"KDMV", "vmdk"), Err(ImageError::UnknownFormat));
        assert_eq!(inspect(&qcow2(3, 0x200, 0), "raw"), Ok(()), "told to be raw, nothing in it is followed");
    }
}

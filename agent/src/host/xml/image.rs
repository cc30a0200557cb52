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

/// Bytes of an image in which the names of what it stands on are: the smallest first cluster that QEMU writes by itself.
pub const REFERENCES: u64 = 64 << 10;

/// What an image names in its header, as it is written there: a path, relative to its own folder or not, or a `json:` text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// The file it stands on.
    pub backing: Option<String>,
    /// The format of that file, when it says.
    pub backing_format: Option<String>,
    /// The file its data is in.
    pub data: Option<String>,
}

/// Reads what a qcow2 image stands on (header extensions 0xe2792aca: backing format, 0x44415441: name of the data file).
/// `None` when it is no qcow2 image, or cut off before the names end: then nothing is known.
pub fn references(header: &[u8]) -> Option<References> {
    let word = |at: usize| Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?));
    let long = |at: usize| Some(u64::from_be_bytes(header.get(at..at + 8)?.try_into().ok()?));
    let text = |at: usize, length: usize| String::from_utf8(header.get(at..at.checked_add(length)?)?.to_vec()).ok();
    if header.get(..4)? != b"QFI\xfb" {
        return None;
    }
    let mut found = References::default();
    let backing = usize::try_from(long(8)?).ok()?;
    if backing != 0 {
        found.backing = Some(text(backing, usize::try_from(word(16)?).ok()?)?);
    }
    let external = word(4)? >= 3 && long(72)? & 0b100 != 0;
    let mut at = if word(4)? >= 3 { usize::try_from(word(100)?).ok()? } else { 72 };
    while backing == 0 || at < backing {
        let (kind, length) = (word(at)?, usize::try_from(word(at + 4)?).ok()?);
        match kind {
            0 => break,
            0xe279_2aca => found.backing_format = Some(text(at + 8, length)?),
            0x4441_5441 => found.data = Some(text(at + 8, length)?),
            _ => {}
        }
        at = at.checked_add(8)?.checked_add(length.checked_next_multiple_of(8)?)?;
    }
    if external && found.data.is_none() { None } else { Some(found) }
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
    fn what_an_image_stands_on_is_read_from_its_header() {
        let mut header = qcow2(3, 0x200, 0b100);
        header.resize(0x400, 0);
        header[16..20].copy_from_slice(&9u32.to_be_bytes());
        header[100..104].copy_from_slice(&104u32.to_be_bytes());
        let mut put = |at: usize, kind: u32, text: &[u8]| {
            header[at..at + 4].copy_from_slice(&kind.to_be_bytes());
            header[at + 4..at + 8].copy_from_slice(&u32::try_from(text.len()).unwrap().to_be_bytes());
            header[at + 8..at + 8 + text.len()].copy_from_slice(text);
        };
        put(104, 0xe279_2aca, b"qcow2");
        put(120, 0x4441_5441, b"data.raw");
        header[0x200..0x209].copy_from_slice(b"base.qcow");
        let expected = References {
            backing: Some("base.qcow".to_owned()),
            backing_format: Some("qcow2".to_owned()),
            data: Some("data.raw".to_owned()),
        };
        assert_eq!(references(&header), Some(expected));
        assert_eq!(references(&header[..0x100]), None, "cut off");
        assert_eq!(references(b"KDMV"), None);
        let mut plain = qcow2(2, 0, 0);
        plain[72..].fill(0);
        assert_eq!(references(&plain), Some(References::default()));
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

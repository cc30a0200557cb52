//! The file of the bundled encoder's weights.
//!
//! Layout, numbers little endian: eight bytes of magic, length of the header (u32), the header as JSON (the encoder's
//! name, and for each part its first byte after the header, its rows and its columns), then the parts: `pieces` (a
//! word piece per line), `seen` (u64), the table of pieces (i8, row by row) with a factor per row in `table.scale`, matrices (i8,
//! inputs as rows, in panels of 16 columns, each panel row by row) with a factor per column in `<name>.scale` and what is added to
//! the product in `<name>.bias`, everything else f32.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::matrix::Layer;

const MAGIC: &[u8; 8] = b"atollenc";

#[derive(Deserialize, Serialize)]
struct Header {
    name: String,
    parts: BTreeMap<String, (usize, usize, usize)>,
}

/// An opened file.
pub(super) struct File {
    header: Header,
    body: &'static [u8],
}

impl File {
    /// Nothing when the bytes are something else or cut off.
    pub(super) fn read(bytes: &'static [u8]) -> Option<Self> {
        let (length, rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk()?;
        let (header, body) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        Some(Self { header: serde_json::from_slice(header).ok()?, body })
    }

    pub(super) fn name(&self) -> String {
        self.header.name.clone()
    }

    /// A part of one byte per element.
    pub(super) fn bytes(&self, name: &str) -> Option<&'static [u8]> {
        self.part(name, 1)
    }

    pub(super) fn text(&self, name: &str) -> Option<&'static str> {
        std::str::from_utf8(self.bytes(name)?).ok()
    }

    pub(super) fn floats(&self, name: &str) -> Option<Vec<f32>> {
        Some(self.part(name, 4)?.as_chunks().0.iter().map(|x| f32::from_le_bytes(*x)).collect())
    }

    /// A matrix with its factors and what is added.
    pub(super) fn layer(&self, name: &str) -> Option<Layer> {
        let (_, rows, columns) = *self.header.parts.get(name)?;
        let floats = |of: &str| self.floats(&format!("{name}.{of}"));
        Layer::new(self.bytes(name)?, floats("scale")?, floats("bias")?, rows, columns)
    }

    fn part(&self, name: &str, size: usize) -> Option<&'static [u8]> {
        let (at, rows, columns) = *self.header.parts.get(name)?;
        let length = rows.checked_mul(columns)?.checked_mul(size)?;
        self.body.get(at..at.checked_add(length)?)
    }
}

/// A part of a file to be written.
pub(super) struct Part {
    pub(super) name: &'static str,
    /// Bytes of a number.
    pub(super) size: usize,
    pub(super) columns: usize,
    pub(super) bytes: Vec<u8>,
}

/// A file of these parts.
pub(super) fn written(name: &str, parts: &[Part]) -> Vec<u8> {
    let mut header = Header { name: name.to_owned(), parts: BTreeMap::new() };
    let mut body = Vec::new();
    for part in parts {
        let rows = part.bytes.len() / (part.size * part.columns);
        header.parts.insert(part.name.to_owned(), (body.len(), rows, part.columns));
        body.extend_from_slice(&part.bytes);
    }
    let header = serde_json::to_vec(&header).expect("names and numbers are JSON");
    let length = u32::try_from(header.len()).expect("a header of a few parts is short");
    [MAGIC.as_slice(), &length.to_le_bytes(), &header, &body].concat()
}

//! Reads public benchmarks and tables of sentences. Nothing that ships is trained from them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::examples::Example;

/// A sentence and its label, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// What is said.
    pub text: String,
    /// What it means; empty for none.
    pub label: String,
    /// In which language; empty when the file doesn't say.
    pub language: String,
    /// The label it is near to and does not mean; empty when it is no near miss.
    pub near: String,
}

impl Sentence {
    /// The same, borrowed, as training and evaluation want it.
    #[must_use]
    pub fn example(&self) -> Example<'_> {
        Example { text: &self.text, label: &self.label, language: &self.language }
    }
}

/// Why data can't be used.
#[derive(Debug, Error)]
pub enum DataError {
    /// The file can't be read.
    #[error("can't read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It is no JSON of that shape.
    #[error("{} is no CLINC150 file", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
    /// A line of a table lacks what it must have.
    #[error("{}: record {record}: {why}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Which record, the header being 1.
        record: usize,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// CLINC150 (Larson et al. 2019): 150 intents, and sentences of none of them, labelled "".
#[derive(Clone, Debug, Default)]
pub struct Clinc {
    /// To learn from.
    pub train: Vec<Sentence>,
    /// To tune with.
    pub validation: Vec<Sentence>,
    /// To measure with.
    pub test: Vec<Sentence>,
}

/// Reads `data_full.json` of CLINC150.
///
/// # Errors
/// [`DataError::Read`] and [`DataError::Json`].
pub fn clinc(path: &Path) -> Result<Clinc, DataError> {
    let bytes = std::fs::read(path).map_err(|source| DataError::Read { path: path.to_owned(), source })?;
    let mut parts: BTreeMap<String, Vec<(String, String)>> =
        serde_json::from_slice(&bytes).map_err(|source| DataError::Json { path: path.to_owned(), source })?;
    let mut part = |names: [&str; 2]| {
        let pairs = names.iter().filter_map(|name| parts.remove(*name)).flatten();
        pairs
            .map(|(text, label)| {
                let label = if label == "oos" { String::new() } else { label };
                Sentence { text, label, language: "en".to_owned(), near: String::new() }
            })
            .collect()
    };
    Ok(Clinc {
        train: part(["train", "oos_train"]),
        validation: part(["val", "oos_val"]),
        test: part(["test", "oos_test"]),
    })
}

/// Reads a table with a header, quoted as in RFC 4180: text, label, and as far as there are more columns, language and the
/// label that the sentence is a near miss of.
///
/// # Errors
/// [`DataError::Read`], and [`DataError::Record`] for a record without a label or with an open quote.
pub fn csv(path: &Path) -> Result<Vec<Sentence>, DataError> {
    let text = std::fs::read_to_string(path).map_err(|source| DataError::Read { path: path.to_owned(), source })?;
    let bad = |record, why| DataError::Record { path: path.to_owned(), record, why };
    let records = records(&text).map_err(|record| bad(record, "a quote is not closed"))?;
    let mut sentences = Vec::new();
    for (number, record) in records.into_iter().enumerate().skip(1) {
        let mut fields = record.into_iter();
        let text = fields.next().unwrap_or_default();
        let label = fields.next().ok_or_else(|| bad(number + 1, "it has no label"))?;
        let (language, near) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        sentences.push(Sentence { text, label, language, near });
    }
    Ok(sentences)
}

/// Fields of each record; the number of the record whose quote stays open otherwise.
fn records(text: &str) -> Result<Vec<Vec<String>>, usize> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '"' if quoted && signs.peek() == Some(&'"') => {
                signs.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            other => field.push(other),
        }
    }
    if quoted {
        return Err(records.len() + 1);
    }
    if !field.is_empty() || !record.is_empty() {
        record.push(field);
        records.push(record);
    }
    records.retain(|record: &Vec<String>| record.iter().any(|field| !field.is_empty()));
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_commas_quotes_and_line_ends_belong_to_the_text() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "text,category\r\n\"start, please\",a\n\"say \"\"hi\"\"\nnow\",b\nplain,\n")
            .unwrap();
        let read: Vec<_> = csv(file.path()).unwrap().into_iter().map(|s| (s.text, s.label)).collect();
        let expected = [("start, please", "a"), ("say \"hi\"\nnow", "b"), ("plain", "")];
        assert_eq!(read, expected.map(|(text, label)| (text.to_owned(), label.to_owned())));
    }

    #[test]
    fn a_damaged_table_is_refused_with_its_place() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (content, message) in [("text,label\nfine,a\nlonely\n", "record 3"), ("text,label\n\"open,a\n", "record 2")]
        {
            std::fs::write(file.path(), content).unwrap();
            assert!(csv(file.path()).unwrap_err().to_string().contains(message));
        }
        std::fs::write(file.path(), "[]").unwrap();
        assert!(matches!(clinc(file.path()), Err(DataError::Json { .. })));
        assert!(matches!(clinc(Path::new("/nowhere")), Err(DataError::Read { .. })));
    }
}

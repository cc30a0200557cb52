//! The embedded corpus, and the classifier trained from it: from a text to ranked skills.

use std::path::Path;
use std::sync::Arc;

use dialogue::book::{Book, BookError};
use dialogue::machine::{Ranking, Sure};
use include_dir::{Dir, include_dir};
use intents::{Encoder, Example, Model, Sureness};

use crate::skills;

static CORPUS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../corpus");

/// All words, and what they mean.
pub struct Mind {
    book: Arc<Book>,
    models: Vec<(String, Model)>,
    encoder: Result<Box<dyn Encoder>, String>,
}

/// Why there is no mind.
#[derive(Debug, thiserror::Error)]
pub enum MindError {
    /// The corpus is wrong.
    #[error(transparent)]
    Book(#[from] BookError),
    /// The classifier can't be trained.
    #[error("the classifier can't be trained from corpus/{language}")]
    Train {
        language: String,
        #[source]
        source: intents::TrainError,
    },
}

/// The files of the embedded corpus: language, name, text.
pub fn corpus() -> Vec<(&'static str, &'static str, &'static str)> {
    let mut files = Vec::new();
    for folder in CORPUS.dirs() {
        let Some(language) = folder.path().to_str() else { continue };
        for file in folder.files() {
            if let (Some(name), Some(text)) =
                (file.path().file_name().and_then(|name| name.to_str()), file.contents_utf8())
            {
                files.push((language, name, text));
            }
        }
    }
    files.sort_unstable();
    files
}

impl Mind {
    /// Reads the corpus, loads the encoder from `weights`, and trains (or takes from `cache`) one classifier for each language.
    /// Without weights it goes on with grammar and n-grams; [`Mind::encoder`] says why.
    ///
    /// # Errors
    /// [`MindError`]: the corpus is checked when loaded.
    pub fn load(weights: &Path, cache: Option<&Path>) -> Result<Self, MindError> {
        let book = Arc::new(Book::load(skills::specs(), &corpus())?);
        let encoder = intents::encoder::load(weights).map_err(|error| error.to_string());
        let mut models = Vec::new();
        for language in book.languages() {
            let words = book.words(language);
            let examples: Vec<Example<'_>> =
                words.examples().into_iter().map(|(text, label)| Example { text, label }).collect();
            let misses: Vec<(&str, &str)> = words.near_misses().map(|(text, not, _)| (text, not)).collect();
            let encoder = encoder.as_deref().ok();
            let model = match cache {
                Some(folder) => Model::cached(folder, &examples, &misses, encoder),
                None => Model::train(&examples, &misses, encoder),
            };
            models.push((
                language.to_owned(),
                model.map_err(|source| MindError::Train { language: language.to_owned(), source })?,
            ));
        }
        Ok(Self { book, models, encoder })
    }

    /// The words.
    pub fn book(&self) -> &Arc<Book> {
        &self.book
    }

    /// The encoder's name, or why there is none.
    pub fn encoder(&self) -> Result<&str, &str> {
        self.encoder.as_ref().map(|encoder| encoder.name()).map_err(String::as_str)
    }

    /// Which skills a text may mean. Total: an encoder that fails counts as none.
    pub fn rank(&self, text: &str, language: &str) -> Ranking {
        let model = self.models.iter().find(|(known, _)| known == language).or_else(|| self.models.first());
        let Some((_, model)) = model else { return Ranking::default() };
        let ranking = model.rank(text, self.encoder.as_deref().ok()).or_else(|error| {
            tracing::error!(%error, "the encoder failed; going on without it");
            model.rank(text, None)
        });
        match ranking {
            Ok(ranking) => Ranking {
                ranked: ranking.ranked.into_iter().filter(|(label, _)| !label.is_empty()).collect(),
                sure: match ranking.sure {
                    Sureness::Sure => Sure::Yes,
                    Sureness::Guess => Sure::Guess,
                    Sureness::None => Sure::No,
                },
            },
            Err(_) => Ranking::default(),
        }
    }
}

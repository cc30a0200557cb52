//! The embedded corpus, and the classifier trained from it: from a text to ranked skills.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use dialogue::book::{Book, BookError, NONE};
use dialogue::machine::{Ranking, Span, Sure};
use grammar::corpus::Example as Phrasing;
use grammar::token;
use include_dir::{Dir, include_dir};
use intents::{Encoder, Example, Marked, Model, Sureness, Tagger, Word};
use sha2::{Digest, Sha256};

use crate::skills;

pub mod known;
pub mod misses;

static CORPUS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../corpus");

/// All words, and what they mean.
pub struct Nlu {
    book: Arc<Book>,
    model: Model,
    tagger: Tagger,
    encoder: Result<Box<dyn Encoder>, String>,
}

/// Why the corpus or the classifier failed to load.
#[derive(Debug, thiserror::Error)]
pub enum NluError {
    /// The corpus is wrong.
    #[error(transparent)]
    Book(#[from] BookError),
    /// The classifier can't be trained.
    #[error("the classifier can't be trained from the corpus")]
    Train(#[from] intents::TrainError),
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

/// The languages of the embedded corpus: its folders.
pub fn languages() -> BTreeSet<&'static str> {
    corpus().into_iter().map(|(language, _, _)| language).collect()
}

/// Called with the number of phrasings when learning begins; what comes of it is dropped when it ends.
pub type Learning = dyn Fn(usize) -> Box<dyn std::any::Any>;

/// Hash of all files of the corpus.
fn key() -> [u8; 32] {
    let mut hash = Sha256::new();
    for (language, name, text) in corpus() {
        hash.update(format!("{language}/{name} {}\n", text.len()));
        hash.update(text);
    }
    hash.finalize().into()
}

/// What the classifier learns from: the phrasings of all languages, and near misses as `(text, skill it is not)`. A near
/// miss is also an example of the skill it belongs to, or of none.
pub fn lessons(book: &Book) -> (Vec<Example<'_>>, Vec<(&str, &str)>) {
    let (mut examples, mut misses) = (Vec::new(), Vec::new());
    for language in book.languages() {
        let words = book.words(language);
        examples.extend(words.examples().into_iter().map(|(text, label)| Example { text, label, language }));
        for (text, not, owner) in words.near_misses() {
            let label = owner.filter(|owner| *owner != NONE).unwrap_or_default();
            examples.push(Example { text, label, language });
            misses.push((text, not));
        }
    }
    (examples, misses)
}

/// The words of a text as the tagger sees them, and the bytes where they stand.
fn words(text: &str) -> (Vec<Word>, Vec<Range<usize>>) {
    let tokens = token::tokens(text).into_iter();
    tokens.map(|token| (Word { folded: token.folded, quoted: token.quoted }, token.span)).unzip()
}

/// A phrasing of a skill with its marks in words; marks that cut a word in two teach nothing.
fn marked<'a>(skill: &'a str, phrasing: &'a Phrasing) -> Marked<'a> {
    let (words, places) = words(&phrasing.text);
    let spans = phrasing.slots.iter().filter_map(|(bytes, slot)| {
        let first = places.iter().position(|place| place.end > bytes.start)?;
        let last = places.iter().rposition(|place| place.start < bytes.end)?;
        (first <= last).then_some((first..last + 1, slot.as_str()))
    });
    Marked { label: skill, spans: spans.collect(), words }
}

/// What the tagger learns from: the marked phrasings of all languages, as far as wanted, and the sentences that mean no skill.
fn marks(book: &Book, wanted: impl Fn(&Phrasing) -> bool) -> (Vec<Marked<'_>>, Vec<Vec<Word>>) {
    let (mut examples, mut other) = (Vec::new(), Vec::new());
    for language in book.languages() {
        for (id, section) in &book.words(language).skills {
            match id == NONE {
                true => other.extend(section.examples.iter().map(|example| words(&example.text).0)),
                false => {
                    let wanted = section.examples.iter().filter(|example| wanted(example));
                    examples.extend(wanted.map(|example| marked(id, example)));
                }
            }
        }
    }
    (examples, other)
}

/// The tagger that has learnt from a part of the phrasings.
pub(crate) fn tagger(book: &Book, wanted: impl Fn(&Phrasing) -> bool) -> Tagger {
    let (marked, other) = marks(book, wanted);
    Tagger::train(&marked, &other)
}

/// Where the values of a skill seem to stand in a text.
pub(crate) fn spans(tagger: &Tagger, skill: &str, text: &str) -> Vec<Span> {
    let (words, places) = words(text);
    let found = tagger.tag(skill, &words).into_iter();
    found.map(|(span, slot)| (places[span.start].start..places[span.end - 1].end, slot.to_owned())).collect()
}

impl Nlu {
    /// Reads the corpus, loads the encoder, and trains (or takes from `cache`) one classifier for all languages.
    ///
    /// `weights` is the folder of another encoder than the one that ships; empty for that one. An encoder that can't
    /// be loaded leaves grammar and n-grams; [`Nlu::encoder`] says why.
    ///
    /// # Errors
    /// [`NluError`]: the corpus is checked when loaded.
    pub fn load(weights: &Path, cache: Option<&Path>) -> Result<Self, NluError> {
        Self::load_with(weights, cache, &|_| Box::new(()))
    }

    /// As [`Nlu::load`]. When it takes its time because something has to be learnt, `learning` is called with the number of phrasings, and
    /// what it gives is dropped at the end.
    ///
    /// # Errors
    /// [`NluError`].
    pub fn load_with(weights: &Path, cache: Option<&Path>, learning: &Learning) -> Result<Self, NluError> {
        let book = Arc::new(Book::load(skills::specs(), &corpus())?);
        let encoder = intents::encoder::load(weights).map_err(|error| error.to_string());
        let (examples, misses) = lessons(&book);
        let kept = cache.is_some_and(|folder| Model::is_kept(folder, &examples, &misses, encoder.as_deref().ok()));
        let _learning = (!kept).then(|| learning(examples.len()));
        let learn_model = || match cache {
            Some(folder) => Model::cached(folder, &examples, &misses, encoder.as_deref().ok()),
            None => Model::train(&examples, &misses, encoder.as_deref().ok()),
        };
        let learn_tagger = || match cache {
            Some(folder) => Tagger::cached(folder, &key(), || tagger(&book, |_| true)),
            None => Ok(tagger(&book, |_| true)),
        };
        // Neither needs the other, and where one goes step by step the other has its core.
        let (model, tagger) = std::thread::scope(|scope| {
            let tagger = scope.spawn(learn_tagger);
            (learn_model(), tagger.join().expect("learning from a checked corpus does not panic"))
        });
        let (model, tagger) = (model?, tagger?);
        Ok(Self { book, model, tagger, encoder })
    }

    /// The words.
    pub fn book(&self) -> &Arc<Book> {
        &self.book
    }

    /// The encoder's name, or why there is none.
    pub fn encoder(&self) -> Result<&str, &str> {
        self.encoder.as_ref().map(|encoder| encoder.name()).map_err(String::as_str)
    }

    /// Which skills a text may mean, whatever its language. Total: an encoder that fails counts as none.
    pub fn rank(&self, text: &str) -> Ranking {
        self.rank_all(&[text]).pop().unwrap_or_default()
    }

    /// As [`rank`](Self::rank) for many texts, which costs less than one after the other.
    pub fn rank_all(&self, texts: &[&str]) -> Vec<Ranking> {
        let rankings = self.model.rank_all(texts, self.encoder.as_deref().ok()).or_else(|error| {
            tracing::error!(%error, "the encoder failed; going on without it");
            self.model.rank_all(texts, None)
        });
        let Ok(rankings) = rankings else { return vec![Ranking::default(); texts.len()] };
        texts.iter().zip(rankings).map(|(text, ranking)| self.with_spans(text, ranking)).collect()
    }

    /// What the classifier says, with where the values of each skill seem to stand.
    fn with_spans(&self, text: &str, ranking: intents::Ranking) -> Ranking {
        let ranked: Vec<(String, f32)> = ranking.ranked.into_iter().filter(|(label, _)| !label.is_empty()).collect();
        let spans: BTreeMap<_, _> =
            ranked.iter().map(|(skill, _)| (skill.clone(), spans(&self.tagger, skill, text))).collect();
        let sure = match ranking.sure {
            Sureness::Sure => Sure::Yes,
            Sureness::Guess => Sure::Guess,
            Sureness::None => Sure::No,
        };
        Ranking { ranked, sure, spans }
    }
}

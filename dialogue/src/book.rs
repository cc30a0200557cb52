//! All Specs with all words of all languages, checked against each other when loaded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, OnceLock};

use grammar::corpus::{self, CorpusFile, SkillText};
use grammar::language::Languages;
use grammar::lexicon::Lexicon;
use grammar::pattern::{Pattern, Patterns};
use grammar::spelling::Speller;

use crate::gist::Gists;
use crate::phrases::Phrases;
use crate::spec::Spec;
use crate::spelling;
use crate::topics::Topics;
use crate::vocabulary::Vocabulary;

/// The corpus section that is no skill: what means none of them.
pub const NONE: &str = "none";
/// The corpus section with the texts of no skill.
pub const COMMON: &str = "phrases";

/// Skills and their words.
pub struct Book {
    specs: Vec<&'static Spec>,
    index: BTreeMap<&'static str, usize>,
    languages: BTreeMap<String, Words>,
    tongues: Languages,
}

/// One language.
pub struct Words {
    /// Its small words: units, yes and no, pronouns.
    pub lexicon: Lexicon,
    /// Every command pattern; the tag is the index of the Spec.
    pub patterns: Patterns<usize>,
    /// Reply texts.
    pub phrases: Phrases,
    /// The corpus section of each skill, by id; `none` holds the rejections.
    pub skills: BTreeMap<String, SkillText>,
    pub(crate) gists: Gists,
    specs: Vec<&'static Spec>,
    topics: OnceLock<Topics>,
    vocabularies: OnceLock<BTreeMap<String, Vocabulary>>,
    speller: OnceLock<Speller>,
}

/// What is wrong with a corpus, with the place.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// A file can't be read as corpus.
    #[error(transparent)]
    Corpus(#[from] corpus::CorpusError),
    /// The lexicon of a language is missing or wrong.
    #[error("corpus/{language}/lexicon.txt: {why}")]
    Lexicon { language: String, why: String },
    /// A pattern is wrong.
    #[error("{file}, line {line}: {why}")]
    Line { file: String, line: usize, why: String },
    /// A section's id is no skill, or stands twice.
    #[error("{file}, line {line}: `# {id}` {why}")]
    Section { file: String, line: usize, id: String, why: &'static str },
    /// A skill has no words in a language.
    #[error("corpus/{language}: no section `# {id}`; add corpus/{language}/{path}.txt")]
    Missing { language: String, id: &'static str, path: String },
    /// Patterns can't be compiled together.
    #[error("corpus/{language}: {why}")]
    Patterns { language: String, why: String },
    /// A reply text is not Fluent.
    #[error("corpus/{language}, `> {key}`: {why}")]
    Reply { language: String, key: String, why: String },
    /// A translation wants a value that the text of the first language doesn't.
    #[error("corpus/{language}, `> {key}`: nothing supplies {{${variable}}}")]
    Variable { language: String, key: String, variable: String },
    /// There is no language at all.
    #[error("the corpus is empty")]
    Empty,
}

/// One corpus file: language folder, file name, text.
pub type CorpusSource<'a> = (&'a str, &'a str, &'a str);

impl Book {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// The first thing wrong, with file and line.
    pub fn load(specs: Vec<&'static Spec>, files: &[CorpusSource<'_>]) -> Result<Self, BookError> {
        let index: BTreeMap<_, _> = specs.iter().enumerate().map(|(at, spec)| (spec.id, at)).collect();
        let mut by_language: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
        for (language, name, text) in files {
            by_language.entry(language).or_default().push((name, text));
        }
        let languages = side_by_side(by_language, |language, files| load_language(language, &files, &specs, &index));
        let languages: BTreeMap<String, Words> = languages.into_iter().collect::<Result<_, _>>()?;
        let tongues = Languages::new(languages.iter().map(|(name, words): (&String, &Words)| {
            let all = words.skills.values().flat_map(|section| &section.examples);
            (name.as_str(), &words.lexicon, all.map(|example| example.text.as_str()).collect())
        }));
        let book = Self { specs, index, languages, tongues };
        book.check_variables()?;
        Ok(book)
    }

    /// All Specs, in the order of the list.
    pub fn specs(&self) -> &[&'static Spec] {
        &self.specs
    }

    /// The Spec of an id.
    pub fn spec(&self, id: &str) -> Option<&'static Spec> {
        self.index.get(id).map(|at| self.specs[*at])
    }

    /// The languages there are.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.languages.keys().map(String::as_str)
    }

    /// The words of every language: people mix them.
    pub(crate) fn lexicons(&self) -> impl Iterator<Item = &Lexicon> {
        self.languages.values().map(|words| &words.lexicon)
    }

    /// The language a text is clearly written in.
    pub fn language_of(&self, text: &str) -> Option<&str> {
        self.tongues.guess(text)
    }

    /// The words of a language, or of English, or of the first there is.
    pub fn words(&self, language: &str) -> &Words {
        self.languages
            .get(language)
            .or_else(|| self.languages.get("en"))
            .or_else(|| self.languages.values().next())
            .expect("load refuses an empty corpus")
    }

    /// Every translation may only want what the English text wants.
    fn check_variables(&self) -> Result<(), BookError> {
        let first = self.languages.get("en").or_else(|| self.languages.values().next()).ok_or(BookError::Empty)?;
        for (language, words) in &self.languages {
            for key in words.phrases.keys() {
                let Some(supplied) = first.phrases.wants(key) else { continue };
                if let Some(variable) =
                    words.phrases.wants(key).into_iter().flatten().find(|variable| !supplied.contains(*variable))
                {
                    return Err(BookError::Variable {
                        language: language.clone(),
                        key: key.to_owned(),
                        variable: variable.clone(),
                    });
                }
            }
        }
        Ok(())
    }
}

fn load_language(
    language: &str,
    files: &[(&str, &str)],
    specs: &[&'static Spec],
    index: &BTreeMap<&'static str, usize>,
) -> Result<Words, BookError> {
    let lexicon_error = |why: String| BookError::Lexicon { language: language.to_owned(), why };
    let (_, lexicon) =
        files.iter().find(|(name, _)| *name == "lexicon.txt").ok_or_else(|| lexicon_error("is missing".to_owned()))?;
    let lexicon = Lexicon::parse(lexicon).map_err(|error| lexicon_error(error.to_string()))?;

    let mut skills = BTreeMap::new();
    let mut patterns = Vec::new();
    let mut replies = Vec::new();
    for (name, text) in files.iter().filter(|(name, _)| *name != "lexicon.txt") {
        let file = format!("corpus/{language}/{name}");
        let CorpusFile { skills: sections } = corpus::parse(&file, text)?;
        for section in sections {
            let wrong =
                |why| BookError::Section { file: file.clone(), line: section.line, id: section.id.clone(), why };
            let spec = index.get(section.id.as_str()).map(|at| specs[*at]);
            if spec.is_none() && section.id != NONE && section.id != COMMON {
                return Err(wrong("is no skill in the list"));
            }
            if skills.contains_key(&section.id) {
                return Err(wrong("stands twice"));
            }
            if let Some(spec) = spec {
                check_section(&file, &section, spec, &mut patterns, index)?;
            }
            replies
                .extend(section.replies.iter().map(|(id, line)| (format!("{}/{id}", section.id), line.value.clone())));
            replies.extend(section.title.iter().map(|title| (Words::title_key(&section.id), title.clone())));
            let questions = section.questions.iter();
            replies.extend(questions.map(|(slot, line)| (Words::question_key(&section.id, slot), line.value.clone())));
            skills.insert(section.id.clone(), section);
        }
    }
    if let Some(spec) = specs.iter().find(|spec| !skills.contains_key(spec.id)) {
        return Err(BookError::Missing { language: language.to_owned(), id: spec.id, path: spec.id.replace('.', "_") });
    }
    let patterns = Patterns::new(patterns, |at: &usize, slot: &str| specs[*at].slot(slot).map(|slot| slot.kind))
        .map_err(|error| BookError::Patterns { language: language.to_owned(), why: error.to_string() })?;
    let phrases = Phrases::new(language, &lexicon, &replies).map_err(|(key, why)| BookError::Reply {
        language: language.to_owned(),
        key,
        why,
    })?;
    let named = specs.iter().filter_map(|spec| Some((spec.id, skills.get(spec.id)?)));
    let gists = Gists::new(named, &lexicon);
    Ok(Words {
        lexicon,
        patterns,
        phrases,
        skills,
        gists,
        specs: specs.to_vec(),
        topics: OnceLock::new(),
        vocabularies: OnceLock::new(),
        speller: OnceLock::new(),
    })
}

/// Each language in a thread of its own: reading one takes a fifth of a second.
fn side_by_side<T: Send>(
    languages: BTreeMap<&str, Vec<(&str, &str)>>,
    load: impl Fn(&str, Vec<(&str, &str)>) -> Result<T, BookError> + Sync,
) -> Vec<Result<(String, T), BookError>> {
    std::thread::scope(|scope| {
        let load = &load;
        let readers: Vec<_> = languages
            .into_iter()
            .map(|(language, files)| scope.spawn(move || Ok((language.to_owned(), load(language, files)?))))
            .collect();
        let result = |reader: std::thread::ScopedJoinHandle<'_, _>| match reader.join() {
            Ok(read) => read,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        readers.into_iter().map(result).collect()
    })
}

/// Patterns, annotations and questions of a section name slots of its Spec.
fn check_section(
    file: &str,
    section: &SkillText,
    spec: &Spec,
    patterns: &mut Vec<(Pattern, usize)>,
    index: &BTreeMap<&'static str, usize>,
) -> Result<(), BookError> {
    let wrong = |line: usize, why: String| BookError::Line { file: file.to_owned(), line, why };
    let unknown = |slot: &str| format!("{} has no slot `{slot}`", spec.id);
    for line in &section.patterns {
        let pattern = Pattern::parse(&line.value).map_err(|error| wrong(line.line, error.to_string()))?;
        if let Some(slot) = pattern.slots().iter().find(|slot| spec.slot(slot).is_none()) {
            return Err(wrong(line.line, unknown(slot)));
        }
        patterns.push((pattern, index[spec.id]));
    }
    for example in &section.examples {
        if let Some((_, slot)) = example.slots.iter().find(|(_, slot)| spec.slot(slot).is_none()) {
            return Err(wrong(example.line, unknown(slot)));
        }
    }
    for near_miss in &section.near_misses {
        if let Some(id) = near_miss.belongs_to.as_deref().filter(|id| *id != NONE && !index.contains_key(id)) {
            return Err(wrong(near_miss.line, format!("`{id}` is no skill in the list")));
        }
    }
    if let Some((slot, line)) = section.questions.iter().find(|(slot, _)| spec.slot(slot).is_none()) {
        return Err(wrong(line.line, unknown(slot)));
    }
    Ok(())
}

impl Words {
    /// What each skill is about, for help; found out when help is first asked for.
    pub fn topics(&self) -> &Topics {
        self.topics.get_or_init(|| Topics::new(&self.specs, &self.skills))
    }

    /// All words of the language, to find those that were mistyped; made when first needed.
    pub(crate) fn speller(&self) -> &Speller {
        self.speller.get_or_init(|| spelling::speller(self))
    }

    /// The words that sentences for a skill are made of.
    pub(crate) fn vocabulary(&self, skill: &str) -> &Vocabulary {
        static NONE: LazyLock<Vocabulary> = LazyLock::new(Vocabulary::default);
        let all = self.vocabularies.get_or_init(|| {
            let of = |section: &SkillText| {
                let patterns: Vec<String> = section.patterns.iter().map(|line| line.value.clone()).collect();
                let spans = |example: &corpus::Example| example.slots.iter().map(|(span, _)| span.clone()).collect();
                let examples: Vec<_> =
                    section.examples.iter().map(|example| (example.text.clone(), spans(example))).collect();
                Vocabulary::new(&patterns, &examples)
            };
            self.skills.iter().map(|(id, section)| (id.clone(), of(section))).collect()
        });
        all.get(skill).unwrap_or(&NONE)
    }

    /// The phrase that asks for a slot; there is one if the corpus has a question for it.
    pub fn question_key(skill: &str, slot: &str) -> String {
        format!("{skill}/question_{slot}")
    }

    /// What a skill is called; its id when it has no title.
    ///
    /// In a sentence that is kept for later it stands as the phrase of [`Words::title_key`], so that it follows the language.
    pub fn title(&self, skill: &str) -> String {
        self.skills.get(skill).and_then(|section| section.title.clone()).unwrap_or_else(|| skill.to_owned())
    }

    /// The key under which a skill's title is a phrase.
    pub fn title_key(skill: &str) -> String {
        format!("{skill}/skill_title")
    }

    /// What phrasings mark as the value of a slot of that name, whatever the skill: names that people speak of.
    pub fn marked<'a>(&'a self, slot: &'a str) -> impl Iterator<Item = &'a str> {
        let examples = self.skills.values().flat_map(|section| &section.examples);
        examples.flat_map(move |example| {
            let spans = example.slots.iter().filter(move |(_, name)| name == slot);
            spans.map(|(span, _)| &example.text[span.clone()])
        })
    }

    /// Training lines: `(text, skill id)`, with the empty id for what is none of them; each once.
    pub fn examples(&self) -> Vec<(&str, &str)> {
        let mut seen = BTreeSet::new();
        let mut list = Vec::new();
        for (id, section) in &self.skills {
            let label = if id == NONE { "" } else { id.as_str() };
            for example in &section.examples {
                if seen.insert((example.text.as_str(), label)) {
                    list.push((example.text.as_str(), label));
                }
            }
        }
        list
    }

    /// Near misses: `(text, skill it is not, skill it is)`.
    pub fn near_misses(&self) -> impl Iterator<Item = (&str, &str, Option<&str>)> {
        self.skills.iter().flat_map(|(id, section)| {
            section.near_misses.iter().map(move |miss| (miss.text.as_str(), id.as_str(), miss.belongs_to.as_deref()))
        })
    }

    /// Commands of a skill in plain words, for help.
    pub fn commands(&self, skill: &str) -> Vec<String> {
        let Some(section) = self.skills.get(skill) else { return Vec::new() };
        section
            .patterns
            .iter()
            .filter_map(|line| Pattern::parse(&line.value).ok())
            .map(|pattern| pattern.example())
            .collect()
    }
}

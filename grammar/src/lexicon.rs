//! The words of one language: units, number words, day names, polite words, pronouns, stance markers, synonyms.
//!
//! The file is read by a pest grammar (`lexicon.pest`); `corpus/README.md` explains it. A word may be in any
//! number of classes, and an entry may be several words; the longest entry wins.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use pest::Parser;
use rustc_hash::{FxHashMap, FxHashSet};

pub use crate::class::Class;
use crate::class::Classes;
use crate::{
    stance::Rule,
    token::{Token, tokens},
};

/// The generated parser; in a module of its own, as pest calls its enum `Rule` too.
mod syntax {
    #[derive(pest_derive::Parser)]
    #[grammar = "lexicon.pest"]
    pub struct LexiconParser;
}

use syntax::{LexiconParser, Rule as Syntax};

/// Where a lexicon file is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct LexiconError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong, or what was expected there, in words.
    pub why: String,
}

/// A token cut at its last hyphens into that many.
fn cut<'t>(token: &Token<'t>, pieces: usize) -> Vec<Token<'t>> {
    let mut start = 0;
    let texts: Vec<&str> = token.text.rsplitn(pieces, '-').collect();
    let folded: Vec<&str> = token.folded.rsplitn(pieces, '-').collect();
    let parts = texts.into_iter().rev().zip(folded.into_iter().rev());
    parts
        .map(|(text, folded)| {
            let from = token.span.start + start;
            start += text.len() + 1;
            let clitic = token.clitic && from == token.span.start;
            let span = from..from + text.len();
            Token { text, span, folded: folded.to_owned(), quoted: false, clitic, heard: None }
        })
        .collect()
}

#[derive(Debug)]
struct Entry {
    rest: Vec<String>,
    class: Class,
    argument: String,
    /// A single word as it is spelled, in lower case, when its accents were folded away.
    spelled: Option<String>,
}

impl Entry {
    /// Whether the tokens go on as this entry does.
    fn fits(&self, tokens: &[Token]) -> bool {
        self.rest.len() < tokens.len()
            && self.rest.iter().zip(&tokens[1..]).all(|(word, token)| !token.quoted && *word == token.folded)
    }
}

/// What begins with a word.
#[derive(Debug, Default)]
struct Word {
    /// The longest first.
    entries: Vec<Entry>,
    /// Their classes.
    classes: Classes,
}

/// Where a token's word is found in the lexicon that cut it out, so that it is looked up once however often it is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Which lexicon.
    by: NonZeroU32,
    /// The place among its words, if it is one.
    at: Option<u32>,
}

/// Words of one language.
#[derive(Debug, Default)]
pub struct Lexicon {
    /// Tells tokens that this lexicon cut from those of another; none until all words are in.
    id: Option<NonZeroU32>,
    places: FxHashMap<String, u32>,
    list: Vec<Word>,
    words: FxHashSet<String>,
    rules: Vec<Rule>,
    longest: usize,
    decimal_comma: bool,
    said: HashMap<String, String>,
}

/// Argument of verbs that clitics hang on to.
const TIED: &str = "tied";

impl Lexicon {
    /// Reads a lexicon file.
    ///
    /// ```
    /// use grammar::lexicon::Lexicon;
    /// Lexicon::parse("// sizes\nunit GiB: gb, gigs\npolite: please,\n  if you don't mind\n").unwrap();
    /// let wrong = Lexicon::parse("unit GiB: gb\ncolour: red").unwrap_err();
    /// assert_eq!(wrong.to_string(), "line 2: there is no word class \"colour\"");
    /// ```
    pub fn parse(text: &str) -> Result<Self, LexiconError> {
        let mut file = LexiconParser::parse(Syntax::file, text).map_err(|error| {
            let (pest::error::LineColLocation::Pos((line, _)) | pest::error::LineColLocation::Span((line, _), _)) =
                error.line_col;
            LexiconError {
                line,
                why: "expected \"class: word, word\", \"class argument: word\" or \"rule = pattern\"".into(),
            }
        })?;
        let mut lexicon = Lexicon::default();
        let (mut words, mut rules) = (Vec::new(), Vec::new());
        for entry in file.next().into_iter().flat_map(|file| file.into_inner()) {
            let line = entry.line_col().0;
            let what = entry.as_rule();
            let (mut head, mut argument, mut bodies) = ("", "", Vec::new());
            for part in entry.into_inner() {
                match part.as_rule() {
                    Syntax::head => head = part.as_str(),
                    Syntax::argument => argument = part.as_str().trim(),
                    _ => bodies.push(part.as_str().trim()),
                }
            }
            match what {
                Syntax::words => {
                    let class = Class::named(head)
                        .ok_or_else(|| LexiconError { line, why: format!("there is no word class \"{head}\"") })?;
                    words.push((class, argument, bodies));
                }
                Syntax::rule => rules.extend(bodies.into_iter().map(|body| (line, head, argument, body))),
                _ => {}
            }
        }
        // What cuts words at hyphens first, so that all other entries are cut as texts will be.
        let cuts = |class: Class, argument: &str| {
            matches!(class, Class::Clitic | Class::Tied | Class::Prefix) || class == Class::Verb && argument == TIED
        };
        words.sort_by_key(|(class, argument, _)| !cuts(*class, argument));
        for (class, argument, phrases) in words {
            if class == Class::Say {
                lexicon.said.insert(argument.to_owned(), phrases.join(", "));
                continue;
            }
            for phrase in phrases {
                lexicon.add(class, argument, phrase);
                if class == Class::Infinitive {
                    lexicon.add(Class::Verb, argument, phrase);
                }
            }
        }
        for (line, head, argument, body) in rules {
            let rule = Rule::parse(head, argument, body, &lexicon).map_err(|why| LexiconError { line, why })?;
            lexicon.rules.push(rule);
        }
        static LEXICONS: AtomicU32 = AtomicU32::new(1);
        lexicon.id = NonZeroU32::new(LEXICONS.fetch_add(1, Ordering::Relaxed));
        Ok(lexicon)
    }

    /// Adds an entry; one with an apostrophe ("don't") also without it ("dont").
    fn add(&mut self, class: Class, argument: &str, phrase: &str) {
        let all = self.tokens(phrase);
        let mut split: Vec<String> = all.iter().map(|token| token.folded.clone()).collect();
        if all.iter().any(|token| token.clitic) {
            let mut joined: Vec<String> = Vec::new();
            for token in &all {
                match joined.last_mut() {
                    Some(last) if token.clitic => last.push_str(&token.folded),
                    _ => joined.push(token.folded.clone()),
                }
            }
            self.insert(class, argument, joined, None);
        }
        if split.is_empty() && !phrase.is_empty() {
            split.push(crate::token::fold(phrase));
        }
        let spelled = phrase.to_lowercase();
        let spelled = (split.len() == 1 && split[0] != spelled).then_some(spelled);
        self.insert(class, argument, split, spelled);
    }

    fn insert(&mut self, class: Class, argument: &str, mut words: Vec<String>, spelled: Option<String>) {
        if words.is_empty() {
            return;
        }
        self.decimal_comma |= class == Class::Decimal;
        self.longest = self.longest.max(words.len());
        self.words.extend(words.iter().cloned());
        let rest = words.split_off(1);
        let next = u32::try_from(self.list.len()).expect("fewer words than there are numbers");
        let at = *self.places.entry(words.remove(0)).or_insert(next);
        if at == next {
            self.list.push(Word::default());
        }
        let word = &mut self.list[at as usize];
        word.classes.insert(class);
        word.entries.push(Entry { rest, class, argument: argument.to_owned(), spelled });
        // So that the first that fits is the longest.
        word.entries.sort_by_key(|entry| std::cmp::Reverse(entry.rest.len()));
    }

    /// What begins with that folded word.
    fn word(&self, folded: &str) -> Option<&Word> {
        self.places.get(folded).map(|at| &self.list[*at as usize])
    }

    /// What begins with that token's word.
    fn word_of(&self, token: &Token) -> Option<&Word> {
        match token.heard {
            Some(heard) if self.id == Some(heard.by) => heard.at.map(|at| &self.list[at as usize]),
            _ => self.word(&token.folded),
        }
    }

    /// The same, if any of it is of that class.
    fn word_with(&self, token: &Token, class: Class) -> Option<&Word> {
        self.word_of(token).filter(|word| word.classes.meets(class.into()))
    }

    /// Cuts a text into tokens, also at the hyphens at which this language joins words: "éteins-toi", "demi-heure".
    ///
    /// ```
    /// use grammar::lexicon::Lexicon;
    /// let french = Lexicon::parse("tied: peux\nclitic: tu\nverb tied: arrête").unwrap();
    /// let words = |text| french.tokens(text).iter().map(|token| token.folded.clone()).collect::<Vec<_>>();
    /// assert_eq!(words("Peux-tu"), ["peux", "tu"]);
    /// assert_eq!(words("web-tu"), ["web-tu"]);
    /// ```
    pub fn tokens<'t>(&self, text: &'t str) -> Vec<Token<'t>> {
        self.tokens_but(text, |_| false)
    }

    /// The same, but words that are `whole`, as names of machines are, are not cut.
    pub(crate) fn tokens_but<'t>(&self, text: &'t str, whole: impl Fn(&str) -> bool) -> Vec<Token<'t>> {
        let mut all = tokens(text);
        let mut at = 0;
        while at < all.len() {
            let token = &all[at];
            let pieces = if token.quoted || !token.folded.contains('-') { 0 } else { self.pieces(&token.folded) };
            if pieces > 1 && token.text.matches('-').count() + 1 >= pieces && !whole(token.text) {
                let parts = cut(token, pieces);
                let count = parts.len();
                all.splice(at..=at, parts);
                at += count;
            } else {
                at += 1;
            }
        }
        for token in &mut all {
            token.heard = self.id.map(|by| Heard { by, at: self.places.get(&token.folded).copied() });
        }
        all
    }

    /// Of how many words a word with hyphens is made.
    fn pieces(&self, folded: &str) -> usize {
        let mut head = folded;
        let mut count = 1;
        while let Some((before, last)) = head.rsplit_once('-').filter(|(_, last)| self.is(last, Class::Clitic)) {
            (head, count) = (before, count + usize::from(!last.is_empty()));
            let verb = |word: &str| {
                let entries = self.word(word).into_iter().flat_map(|word| &word.entries);
                entries.filter(|entry| entry.class == Class::Verb).any(|entry| entry.argument == TIED)
            };
            if self.is(head, Class::Tied) || verb(head) {
                return count;
            }
        }
        let prefixed = folded
            .split_once('-')
            .is_some_and(|(first, rest)| !rest.contains('-') && self.is(first, Class::Prefix) && self.contains(rest));
        if prefixed { 2 } else { 1 }
    }

    /// The classes with entries that begin with that folded word.
    pub(crate) fn classes(&self, folded: &str) -> Classes {
        self.word(folded).map(|word| word.classes).unwrap_or_default()
    }

    /// The classes with entries that begin with that token's word.
    pub(crate) fn classes_of(&self, token: &Token) -> Classes {
        self.word_of(token).map(|word| word.classes).unwrap_or_default()
    }

    /// How something is said to people, if the language has words for it.
    pub fn say(&self, what: &str) -> Option<&str> {
        self.said.get(what).map(String::as_str)
    }

    /// The folded words that are this language's, but nouns of the trade: "image" and "version" are anybody's.
    pub(crate) fn all_words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str).filter(|word| self.tells(word))
    }

    /// Whether the folded word is one of them.
    pub(crate) fn tells(&self, folded: &str) -> bool {
        self.contains(folded) && self.classes(folded) != Class::Thing.into()
    }

    /// The words that hang on to others by a hyphen.
    pub(crate) fn clitics(&self) -> impl Iterator<Item = &str> {
        let clitic = |at: u32| self.list[at as usize].classes.meets(Class::Clitic.into());
        self.places.iter().filter(move |(_, at)| clitic(**at)).map(|(word, _)| word.as_str())
    }

    /// Whether the language writes a decimal comma.
    pub fn decimal_comma(&self) -> bool {
        self.decimal_comma
    }

    /// Whether the word is, by its accents, a verb in the past though without them it could be a command: "redémarré".
    pub fn past_by_accent(&self, token: &Token) -> bool {
        if token.quoted || token.text.is_ascii() {
            return false;
        }
        let said = token.text.to_lowercase();
        let entries =
            || self.word_of(token).into_iter().flat_map(|word| &word.entries).filter(|entry| entry.rest.is_empty());
        let spelled = |class| {
            entries().any(|entry| entry.class == class && entry.spelled.as_ref().is_some_and(|as_| *as_ == said))
        };
        spelled(Class::Past) && !spelled(Class::Verb)
    }

    /// The words that stand in this lexicon.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    /// The word that these tokens are a short form of, and how many they are.
    pub fn spelled<'a>(&'a self, tokens: &'a [Token]) -> Option<(usize, &'a str)> {
        let first = tokens.first().filter(|first| !first.quoted)?;
        // By its accents too: "cé" is no "ce".
        let said = |entry: &&Entry| entry.spelled.as_ref().is_none_or(|spelled| first.text.to_lowercase() == *spelled);
        self.word_with(first, Class::Spelled)?.entries.iter().filter(said).find_map(|entry| {
            let fits = entry.class == Class::Spelled && entry.fits(tokens);
            fits.then_some((entry.rest.len() + 1, entry.argument.as_str()))
        })
    }

    /// Whether the word is a command rather than a past form of the same letters, as its accents tell.
    pub fn is_command(&self, token: &Token) -> bool {
        self.is(&token.folded, Class::Verb) && self.is(&token.folded, Class::Past) && !self.past_by_accent(token)
    }

    /// Whether the folded word stands anywhere in the lexicon: such a word is never a mistyped keyword.
    pub fn contains(&self, folded: &str) -> bool {
        self.words.contains(folded)
    }

    /// A text without the words that carry no value in an answer: "of … called data, please" is "data".
    pub fn without_fillers(&self, text: &str) -> String {
        self.without(&Self::EMPTY, text)
    }

    /// The same, and without the words for machines in general: "the ones that are off" is "off".
    pub fn without_nouns(&self, text: &str) -> String {
        const NOUNS: [Class; 4] = [Class::Machine, Class::Machines, Class::Which, Class::Follow];
        self.without(&[Self::EMPTY.as_slice(), &NOUNS].concat(), text)
    }

    const EMPTY: [Class; 9] = [
        Class::Filler,
        Class::Polite,
        Class::Wrap,
        Class::Called,
        Class::Article,
        Class::And,
        Class::By,
        Class::It,
        Class::Noname,
    ];

    fn without(&self, empty: &[Class], text: &str) -> String {
        let tokens = self.tokens(text);
        let mut kept: Vec<&str> = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            match empty.iter().filter_map(|class| self.longest(&tokens[at..], *class)).max() {
                Some(count) => at += count,
                None => {
                    kept.push(&text[tokens[at].span.clone()]);
                    at += 1;
                }
            }
        }
        kept.join(" ")
    }

    /// All entries of that class that begin here, longest first: number of tokens, argument.
    pub fn all<'a>(&'a self, tokens: &'a [Token], class: Class) -> impl Iterator<Item = (usize, &'a str)> {
        tokens
            .first()
            .filter(|first| !first.quoted)
            .and_then(|first| self.word_with(first, class))
            .into_iter()
            .flat_map(|word| &word.entries)
            .filter(move |entry| entry.class == class)
            .filter(move |entry| entry.fits(tokens))
            .map(|entry| (entry.rest.len() + 1, entry.argument.as_str()))
    }

    /// Number of tokens of the longest entry of that class that begins here.
    pub fn longest(&self, tokens: &[Token], class: Class) -> Option<usize> {
        self.all(tokens, class).next().map(|(count, _)| count)
    }

    /// The same of several classes: of the longest of all their entries.
    pub fn longest_of(&self, tokens: &[Token], classes: &[Class]) -> Option<usize> {
        let wanted: Classes = classes.iter().copied().collect();
        let first = tokens.first().filter(|first| !first.quoted)?;
        let word = self.word_of(first).filter(|word| word.classes.meets(wanted))?;
        let fits = |entry: &&Entry| wanted.meets(entry.class.into()) && entry.fits(tokens);
        word.entries.iter().find(fits).map(|entry| entry.rest.len() + 1)
    }

    /// Whether an entry of one of these classes stands anywhere in the tokens.
    pub fn holds(&self, tokens: &[Token], classes: &[Class]) -> bool {
        (0..tokens.len()).any(|at| self.longest_of(&tokens[at..], classes).is_some())
    }

    /// The longest entry of that class that begins here, with its argument.
    pub(crate) fn longest_arg<'a>(&'a self, tokens: &[Token], class: Class) -> Option<(usize, &'a str)> {
        let first = tokens.first().filter(|first| !first.quoted)?;
        self.word_with(first, class)?.entries.iter().find_map(|entry| {
            let fits = entry.class == class && entry.fits(tokens);
            fits.then_some((entry.rest.len() + 1, entry.argument.as_str()))
        })
    }

    /// Number of tokens of the longest entry of that class that ends the list.
    pub fn longest_before(&self, tokens: &[Token], class: Class) -> Option<usize> {
        (1..=self.longest.min(tokens.len()))
            .rev()
            .find(|count| self.all(&tokens[tokens.len() - count..], class).any(|(length, _)| length == *count))
    }

    /// The same of several classes: of the longest of all their entries.
    pub fn longest_before_of(&self, tokens: &[Token], classes: &[Class]) -> Option<usize> {
        classes.iter().filter_map(|class| self.longest_before(tokens, *class)).max()
    }

    /// The argument of the entry of that class which is the folded word.
    pub(crate) fn argument(&self, folded: &str, class: Class) -> Option<&str> {
        self.word(folded)?
            .entries
            .iter()
            .find(|entry| entry.class == class && entry.rest.is_empty())
            .map(|entry| entry.argument.as_str())
    }

    /// Whether the folded word is an entry of that class.
    pub fn is(&self, folded: &str, class: Class) -> bool {
        self.argument(folded, class).is_some()
    }

    /// The rules for taking utterances apart, in the order of the file.
    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

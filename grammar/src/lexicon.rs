//! The words of one language: units, number words, day names, polite words, pronouns, stance markers, synonyms.
//!
//! The file is read by a pest grammar (`lexicon.pest`); `corpus/README.md` explains it. A word may be in any
//! number of classes, and an entry may be several words; the longest entry wins.

use std::collections::{HashMap, HashSet};

use pest::Parser;

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

macro_rules! classes {
    ($($(#[doc = $doc:literal])+ $class:ident $name:literal,)+) => {
        /// What a word is in its language. The names in the file are the lower-case ones.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Class { $($(#[doc = $doc])+ $class,)+ }

        impl Class {
            /// The class of that name.
            pub fn named(name: &str) -> Option<Class> {
                match name { $($name => Some(Class::$class),)+ _ => None }
            }
        }
    };
}

classes! {
    /// Unit of size; argument B, KiB, … EiB.
    Unit "unit",
    /// "percent".
    Percent "percent",
    /// Number word; argument its digits.
    Number "number",
    /// A number that multiplies what stands before it ("hundred").
    Hundred "hundred",
    /// Fraction before a unit ("half a"); argument like 1/2.
    Fraction "fraction",
    /// Fraction after a number or a unit ("and a half"); argument like 1/2.
    Plus "plus",
    /// One, before a unit: "a gig".
    One "one",
    /// Articles and demonstratives that may stand before a value.
    Article "article",
    /// "more", "bigger".
    More "more",
    /// "less", "smaller".
    Less "less",
    /// "by", "add": what follows is a difference.
    By "by",
    /// "to": what follows is the new value.
    To "to",
    /// "twice"; argument the factor.
    Times "times",
    /// "times", "x" after a number.
    Factor "factor",
    /// Unit of time; argument s, min, h, d, w, month, year.
    Span "span",
    /// "in", before a length of time.
    In "in",
    /// "ago".
    Ago "ago",
    /// "from now", "later".
    Later "later",
    /// "at", "on", before a time or a day.
    At "at",
    /// Day of the week; argument 1 (Monday) to 7.
    Day "day",
    /// Sets of days; argument like 12345.
    Days "days",
    /// Month; argument 1 to 12.
    Month "month",
    /// "tomorrow"; argument days from today.
    Offset "offset",
    /// "tonight": a day and a part of it; argument days from today and the hour, like 0@20:00.
    Moment "moment",
    /// "now".
    Now "now",
    /// "next".
    Next "next",
    /// "last": the one before now.
    Last "last",
    /// "since": the time after it is in the past.
    Since "since",
    /// Part of the day; argument the hour it stands for.
    Part "part",
    /// "am", "pm"; argument that.
    Half "half",
    /// "o'clock".
    Clock "clock",
    /// "every".
    Every "every",
    /// "hourly", "daily"; argument the length of time, or days like 1234567.
    Often "often",
    /// "of the month", "monthly".
    Monthly "monthly",
    /// What a canonical value is also called; argument the value.
    Choice "choice",
    /// "please", "thanks", "for me": carries no meaning at the end.
    Polite "polite",
    /// What people put before an answer: "call it", "make it".
    Wrap "wrap",
    /// "called".
    Called "called",
    /// "and" in lists.
    And "and",
    /// "all", "every": whole sets.
    All "all",
    /// "everything", "everybody": whole sets, with the noun.
    Everything "everything",
    /// "both".
    Both "both",
    /// "it", "that one".
    It "it",
    /// "yourself".
    Myself "myself",
    /// "the same".
    Same "same",
    /// "vm", "machine".
    Machine "machine",
    /// "vms", "machines".
    Machines "machines",
    /// "hypervisor", "host".
    Host "host",
    /// State of a machine; argument off, running, paused, crashed.
    State "state",
    /// "tagged", "with the tag".
    Tagged "tagged",
    /// "that are", "which is".
    Which "which",
    /// Operating system; argument its short name.
    Os "os",
    /// "except".
    Except "except",
    /// "second"; argument the number, or last.
    Ordinal "ordinal",
    /// "one", "number" around an ordinal.
    Item "item",
    /// Never a name unless quoted or known: prepositions, articles, question words.
    Noname "noname",
    /// The "s" of "web1's".
    Possessive "possessive",
    /// "yes".
    Yes "yes",
    /// "no".
    No "no",
    /// "never mind".
    Cancel "cancel",
    /// "default", "skip".
    Skip "skip",
    /// "what?".
    Repeat "repeat",
    /// "undo".
    Undo "undo",
    /// "stop", said alone.
    Stop "stop",
    /// Words that carry no meaning in an answer: "that", "it", "now".
    Filler "filler",
    /// "hello".
    Greeting "greeting",
    /// "thanks".
    Thanks "thanks",
    /// "then", "and then": another request follows.
    Then "then",
    /// Verbs, as they are in a command.
    Verb "verb",
    /// Verbs in the past; argument the command form.
    Past "past",
    /// Verbs as something going on; argument the command form.
    Doing "doing",
    /// Verbs of the third person: "stops".
    Third "third",
    /// "if": what follows is a condition, not a request.
    Conditional "conditional",
    /// Words that begin a question.
    Question "question",
    /// Words that stand for persons: "i", "someone".
    Person "person",
}

#[derive(Debug)]
struct Entry {
    rest: Vec<String>,
    class: Class,
    argument: String,
}

/// Words of one language.
#[derive(Debug, Default)]
pub struct Lexicon {
    entries: HashMap<String, Vec<Entry>>,
    words: HashSet<String>,
    rules: Vec<Rule>,
    longest: usize,
}

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
                    for phrase in bodies {
                        lexicon.add(class, argument, phrase);
                    }
                }
                Syntax::rule => {
                    for body in bodies {
                        let rule = Rule::parse(head, argument, body).map_err(|why| LexiconError { line, why })?;
                        lexicon.rules.push(rule);
                    }
                }
                _ => {}
            }
        }
        Ok(lexicon)
    }

    /// Adds an entry; one with an apostrophe ("don't") also without it ("dont").
    fn add(&mut self, class: Class, argument: &str, phrase: &str) {
        let all = tokens(phrase);
        let mut split: Vec<String> = all.iter().map(|token| token.folded.clone()).collect();
        if all.iter().any(|token| token.clitic) {
            let mut joined: Vec<String> = Vec::new();
            for token in &all {
                match joined.last_mut() {
                    Some(last) if token.clitic => last.push_str(&token.folded),
                    _ => joined.push(token.folded.clone()),
                }
            }
            self.insert(class, argument, joined);
        }
        if split.is_empty() && !phrase.is_empty() {
            split.push(crate::token::fold(phrase));
        }
        self.insert(class, argument, split);
    }

    fn insert(&mut self, class: Class, argument: &str, mut words: Vec<String>) {
        if words.is_empty() {
            return;
        }
        self.longest = self.longest.max(words.len());
        self.words.extend(words.iter().cloned());
        let rest = words.split_off(1);
        let list = self.entries.entry(words.remove(0)).or_default();
        list.push(Entry { rest, class, argument: argument.to_owned() });
        // The longest first, so that the first that fits is the longest.
        list.sort_by_key(|entry| std::cmp::Reverse(entry.rest.len()));
    }

    /// Whether the folded word stands anywhere in the lexicon: such a word is never a mistyped keyword.
    pub fn contains(&self, folded: &str) -> bool {
        self.words.contains(folded)
    }

    /// Whether the word stands for what was last spoken of: "it".
    pub fn is_pronoun(&self, word: &str) -> bool {
        self.is(&crate::token::fold(word), Class::It)
    }

    /// A text without the words that carry no value in an answer: "of … called data, please" is "data".
    pub fn without_fillers(&self, text: &str) -> String {
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
        let tokens = tokens(text);
        let mut kept: Vec<&str> = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            match EMPTY.iter().filter_map(|class| self.longest(&tokens[at..], *class)).max() {
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
    pub(crate) fn all<'a>(&'a self, tokens: &'a [Token], class: Class) -> impl Iterator<Item = (usize, &'a str)> {
        tokens
            .first()
            .filter(|first| !first.quoted)
            .and_then(|first| self.entries.get(&first.folded))
            .into_iter()
            .flatten()
            .filter(move |entry| entry.class == class)
            .filter(move |entry| {
                entry.rest.len() < tokens.len()
                    && entry.rest.iter().zip(&tokens[1..]).all(|(word, token)| !token.quoted && *word == token.folded)
            })
            .map(|entry| (entry.rest.len() + 1, entry.argument.as_str()))
    }

    /// Number of tokens of the longest entry of that class that begins here.
    pub(crate) fn longest(&self, tokens: &[Token], class: Class) -> Option<usize> {
        self.all(tokens, class).next().map(|(count, _)| count)
    }

    /// The longest entry of that class that begins here, with its argument.
    pub(crate) fn longest_arg<'a>(&'a self, tokens: &[Token], class: Class) -> Option<(usize, &'a str)> {
        let first = tokens.first().filter(|first| !first.quoted)?;
        self.entries.get(&first.folded)?.iter().find_map(|entry| {
            let fits = entry.class == class
                && entry.rest.len() < tokens.len()
                && entry.rest.iter().zip(&tokens[1..]).all(|(word, token)| !token.quoted && *word == token.folded);
            fits.then_some((entry.rest.len() + 1, entry.argument.as_str()))
        })
    }

    /// Number of tokens of the longest entry of that class that ends the list.
    pub(crate) fn longest_before(&self, tokens: &[Token], class: Class) -> Option<usize> {
        (1..=self.longest.min(tokens.len()))
            .rev()
            .find(|count| self.all(&tokens[tokens.len() - count..], class).any(|(length, _)| length == *count))
    }

    /// The argument of the entry of that class which is the folded word.
    pub(crate) fn argument(&self, folded: &str, class: Class) -> Option<&str> {
        self.entries
            .get(folded)?
            .iter()
            .find(|entry| entry.class == class && entry.rest.is_empty())
            .map(|entry| entry.argument.as_str())
    }

    /// Whether the folded word is an entry of that class.
    pub(crate) fn is(&self, folded: &str, class: Class) -> bool {
        self.argument(folded, class).is_some()
    }

    /// The rules for taking utterances apart, in the order of the file.
    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

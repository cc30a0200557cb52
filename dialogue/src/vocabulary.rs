//! The words a skill is spoken of with: those of its commands, and those of all its phrasings.

use std::collections::HashSet;
use std::ops::Range;

use grammar::token::{Token, tokens};

use crate::topics::alike;

/// The words that sentences for a skill are made of, without those of their values.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary {
    /// Those of its commands: they are its own, also where they would weigh elsewhere ("a new disk").
    commands: HashSet<String>,
    /// Those of all its phrasings.
    all: HashSet<String>,
}

impl Vocabulary {
    /// From command patterns, and from phrasings with the places of their values.
    pub(crate) fn new(patterns: &[String], examples: &[(String, Vec<Range<usize>>)]) -> Self {
        let words = |text: &str| tokens(text).into_iter().map(|token| token.folded).collect::<Vec<_>>();
        let mut vocabulary = Self::default();
        for pattern in patterns {
            let mut rest = pattern.as_str();
            while let Some((before, after)) = rest.split_once('<') {
                vocabulary.commands.extend(words(before));
                rest = after.split_once('>').map_or("", |(_, after)| after);
            }
            vocabulary.commands.extend(words(rest));
        }
        vocabulary.all.clone_from(&vocabulary.commands);
        for (text, values) in examples {
            let mut text = text.clone();
            for span in values {
                let blanks = " ".repeat(span.len());
                text.replace_range(span.clone(), &blanks);
            }
            vocabulary.all.extend(words(&text));
        }
        vocabulary
    }

    pub(crate) fn commands(&self, token: &Token<'_>) -> bool {
        self.commands.contains(&token.folded)
    }

    pub(crate) fn has(&self, token: &Token<'_>) -> bool {
        self.all.contains(&token.folded) || self.all.iter().any(|known| alike(known, &token.folded))
    }
}

//! Two things that are often one: the language a text is written in, which is found anew for each, and the one that is
//! answered in, which is that of the last clear text, or the one the person asked for, until they ask for another.

use grammar::answer::{Answer, answer};
use grammar::kind::Of;
use grammar::read::Context;
use grammar::token::Token;
use grammar::value::Value;

use crate::book::Words;
use crate::machine::Turn;
use crate::policy::Path;
use crate::reply::{Phrase, Reply};
use crate::session::{Call, Decision, Trace};

/// Its slot names a language by its code (ISO 639-1).
pub const LANGUAGE: &str = "talk.language";
/// The slot.
const SLOT: &str = "language";

impl<'a> Turn<'a> {
    /// Reads what follows as this language.
    fn read_as(&mut self, language: &str) {
        self.heard = self.book.words(language);
        self.session.heard = language.to_owned();
    }

    /// Answers in this language from here on.
    fn answer_in(&mut self, language: &str) {
        self.words = self.book.words(language);
        self.session.language = language.to_owned();
    }

    /// Finds the language of a text. One that says nothing of it ("web1", "20", "status") is read as the language spoken here,
    /// or as the first in which it is a command. True when the text is clearly of one language.
    pub(crate) fn find_language(&mut self, text: &str) -> bool {
        let spoken = self.session.language.clone();
        // A single letter ("y") is of any.
        let tells = text.chars().filter(|letter| letter.is_alphabetic()).count() > 1;
        if let Some(language) = self.book.language_of(&self.without_names(text)).filter(|_| tells) {
            let language = language.to_owned();
            self.read_as(&language);
            // Whoever asked for a language and now writes in it is followed again from there.
            self.session.fixed &= self.session.language != language;
            if !self.session.fixed {
                self.answer_in(&language);
            }
            return true;
        }
        self.read_as(&spoken);
        if self.session.open.is_some() || !self.commands(text).is_empty() {
            return false;
        }
        let others: Vec<String> = self.book.languages().filter(|other| *other != spoken).map(str::to_owned).collect();
        for other in others {
            self.read_as(&other);
            if !self.commands(text).is_empty() {
                return false;
            }
        }
        self.read_as(&spoken);
        false
    }

    /// A text without the names of what exists, which are of no language: "remets nightly".
    fn without_names(&self, text: &str) -> String {
        let cx = self.context();
        let all = cx.tokens(text);
        let named = |token: &&Token<'_>| Of::ALL.iter().any(|of| cx.known.has(*of, token.text).is_some());
        let mut rest = String::new();
        let mut from = 0;
        for token in all.iter().filter(named) {
            rest.push_str(&text[from..token.span.start]);
            from = token.span.end;
        }
        rest + &text[from..]
    }

    /// Runs `read` in the language at hand and, where it finds nothing, in the others.
    pub(crate) fn in_any_language<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<T> {
        if let Some(found) = read(self) {
            return Some(found);
        }
        let first = self.session.heard.clone();
        let others: Vec<String> = self.book.languages().filter(|other| *other != first).map(str::to_owned).collect();
        for other in others {
            self.read_as(&other);
            if let Some(found) = read(self) {
                return Some(found);
            }
        }
        self.read_as(&first);
        None
    }

    /// "y. et après redémarre web1": a text that opens with the yes of another language, with the yes of its own.
    pub(crate) fn with_own_yes(&self, text: &str) -> Option<String> {
        let at = text.find(['.', ',', ';', '!']).filter(|at| text[at + 1..].contains(char::is_alphanumeric))?;
        let (first, rest) = text.split_at(at);
        let agrees = |language: &str| {
            let cx = Context { lexicon: &self.book.words(language).lexicon, ..self.context() };
            cx.tokens(first).len() == 1 && answer(first, &cx) == Answer::Yes
        };
        let own = answer(first, &self.context()) != Answer::Other;
        let yes = || self.heard.phrases.phrase(&Phrase::common("yes"), self.around.now);
        (!own && self.book.languages().any(agrees)).then(|| format!("{}{rest}", yes()))
    }

    /// "speak French": the language of the answers, from this one on.
    pub(crate) fn speak(&mut self, call: &Call, path: Path) {
        self.session.trace = Trace {
            path: Some(path),
            skill: Some(LANGUAGE.to_owned()),
            confidence: self.session.trace.confidence.max(if path == Path::Command { 1.0 } else { 0.0 }),
            args: call.args.clone(),
            decision: Decision::Act,
            alternatives: std::mem::take(&mut self.session.trace.alternatives),
            ..Trace::default()
        };
        let wanted = match call.args.get(SLOT) {
            Some(Value::Choice(code)) => Some(code.clone()),
            _ => None,
        };
        let spoken: Vec<String> = self.book.languages().map(str::to_owned).collect();
        match wanted {
            Some(code) if spoken.contains(&code) => {
                self.session.fixed = true;
                self.answer_in(&code);
                self.say(Reply::say(Phrase::new("talk.language/switched")));
            }
            wanted => {
                let name = |code: &String| {
                    let words: &Words = self.book.words(code);
                    words.phrases.phrase(&Phrase::new("talk.language/own_name"), self.around.now)
                };
                let id = if wanted.is_some() { "talk.language/not_mine" } else { "talk.language/mine" };
                let names: Vec<String> = spoken.iter().map(name).collect();
                self.say(Reply::say(Phrase::new(id).with("languages", names)));
            }
        }
    }
}

//! What was typed in haste, as it was meant. Short forms that a language has ("koi") stand for their words. Letters that changed places are
//! put back; what would be disturbed then, or whose name was mended, is asked about. Other slips are looked for only when nothing else was understood.
//! Values are never mended: what is called so is called so.

use std::collections::HashSet;

use grammar::kind::Of;
use grammar::lexicon::Class;
use grammar::spelling::{Speller, swaps};
use grammar::token::{Token, fold, tokens};

use crate::book::Words;
use crate::leftover::MARKS;
use crate::machine::{Stage, Turn};
use crate::parts::without_asides;
use crate::policy::Path;
use crate::reply::Phrase;
use crate::understand::GIST;

/// Words after which a name is given.
const NAMING: [Class; 2] = [Class::Called, Class::Calling];

/// All words that a language is made of here.
pub(crate) fn speller(words: &Words) -> Speller {
    let mut all: HashSet<String> = words.lexicon.words().map(str::to_owned).collect();
    for section in words.skills.values() {
        for example in &section.examples {
            let value = |token: &Token<'_>| example.slots.iter().any(|(span, _)| span.contains(&token.span.start));
            all.extend(tokens(&example.text).into_iter().filter(|token| !value(token)).map(|token| token.folded));
        }
        all.extend(section.gist.iter().flat_map(|entry| tokens(entry)).map(|token| token.folded));
    }
    Speller::new(all)
}

/// Where swapped letters were put back.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slips {
    /// In a word of the language.
    pub words: bool,
    /// In the name of a machine.
    pub names: bool,
}

impl Turn<'_> {
    /// A text with its short forms written out and, where guesses are welcome, swapped letters put back; and where there were any.
    pub(crate) fn spelled(&self, text: &str, guesses: bool) -> (String, Slips) {
        let mut slips = Slips::default();
        let heard = self.by_its_sound(text).filter(|_| guesses);
        slips.words |= heard.is_some();
        let text = heard.as_deref().unwrap_or(text);
        let text = self.respelled(text, |all, at| {
            if !guesses {
                return None;
            }
            let token = &all[at];
            let digits = token.folded.chars().any(|c| c.is_ascii_digit());
            if let Some(word) = self.heard.speller().swapped(&token.folded).filter(|_| !digits) {
                slips.words = true;
                return Some(word.to_owned());
            }
            let name = self.machine_swapped(&token.folded)?;
            slips.names = true;
            Some(name)
        });
        (text, slips)
    }

    /// "eteint web1": a text that begins with what its command sounds like, before whom it is for, as it was meant.
    fn by_its_sound(&self, text: &str) -> Option<String> {
        const WHOM: [Class; 4] = [Class::All, Class::Everything, Class::Article, Class::It];
        let cx = self.context();
        let all = cx.tokens(text);
        let at = cx.lexicon.longest_of(&all, &[Class::Polite, Class::Yes, Class::Then, Class::Opens]).unwrap_or(0);
        let (verb, whom) = (all.get(at).filter(|verb| !verb.quoted)?, all.get(at + 1)?);
        let (_, command) = cx.lexicon.all(&all[at..], Class::Homophone).next()?;
        let named = cx.known.has(Of::Machine, whom.text).is_some();
        let orders = named || cx.lexicon.longest_of(&all[at + 1..], &WHOM).is_some();
        let asked = text.trim_end().ends_with('?');
        (orders && !asked).then(|| format!("{}{command}{}", &text[..verb.span.start], &text[verb.span.end..]))
    }

    /// A text that nobody understood, with its other slips mended, if it has any.
    fn mended(&self, text: &str) -> Option<String> {
        let cx = self.context();
        let mended = self.respelled(text, |all, at| Some(self.heard.speller().mended(&all[at], &cx)?.to_owned()));
        (mended != text).then_some(mended)
    }

    /// Understands anew what came to nothing, as it may have been meant: a question in one of its pieces, or all of it with its slips
    /// mended. False if there is no other way to read it.
    pub(crate) fn second_reading(&mut self, preface: &[Phrase]) -> bool {
        if std::mem::replace(&mut self.session.respelled, true) {
            return false;
        }
        let text = self.without_own_name(self.session.trace.text.trim());
        let text = self.spelled(&text, true).0;
        let mended = self.mended(&text);
        self.session.stage = Stage::Idle;
        if let Some((call, wish)) = self.asked_in_a_piece(mended.as_ref().unwrap_or(&text)) {
            self.session.trace.why = GIST.to_owned();
            self.session.unheard |= self.has_unheard(&call.skill, &text);
            let mut preface = without_asides(preface.to_vec());
            preface.extend(wish.map(|wish| Phrase::not_followed(&wish)));
            self.begin(vec![call], Path::Understood, true, preface, None);
            return true;
        }
        let Some(text) = mended else { return false };
        self.understand(&text, true, preface.to_vec(), None);
        true
    }

    /// A text with its short forms written out, and other words replaced that are of no language. Names, values and what is quoted stay.
    fn respelled(&self, text: &str, mut meant: impl FnMut(&[Token<'_>], usize) -> Option<String>) -> String {
        let cx = self.context();
        let all = cx.tokens(text);
        let mut out = String::new();
        let (mut at, mut from) = (0, 0);
        // Between the first mark and the last all may be one name, whatever marks are in it.
        let quotes = text.find(MARKS).unwrap_or(text.len())..text.rfind(MARKS).unwrap_or(0);
        while at < all.len() {
            let token = &all[at];
            let known = Of::ALL.iter().any(|of| cx.known.has(*of, token.text).is_some());
            let value = cx.lexicon.longest_before_of(&all[..at], &NAMING).is_some();
            let stays = token.quoted || known || value || quotes.contains(&token.span.start);
            let written = match cx.lexicon.spelled(&all[at..]).filter(|_| !stays) {
                Some((count, word)) => Some((count, word.to_owned())),
                None if stays || self.is_word(&token.folded) => None,
                None => meant(&all, at).map(|word| (1, word)),
            };
            match written {
                Some((count, word)) => {
                    out.push_str(&text[from..token.span.start]);
                    out.push_str(&word);
                    from = all[at + count - 1].span.end;
                    at += count;
                }
                None => at += 1,
            }
        }
        out.push_str(&text[from..]);
        out
    }

    /// Whether a folded word is one of any language.
    fn is_word(&self, folded: &str) -> bool {
        self.book.languages().any(|language| self.book.words(language).speller().has(folded))
    }

    /// The only machine of whose name this word has two letters swapped.
    fn machine_swapped(&self, folded: &str) -> Option<String> {
        let swapped: HashSet<String> = swaps(folded).collect();
        let names = self.around.known.names(Of::Machine);
        let mut found = names.iter().filter(|name| swapped.contains(&fold(name)));
        let first = found.next()?;
        found.all(|other| other == first).then(|| first.clone())
    }
}

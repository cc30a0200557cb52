//! "student04 and 06", "runner-a and b", "web1 2 et 3": lists of names of which only the first is whole.

use grammar::kind::Of;
use grammar::lexicon::Class;
use grammar::token::{Token, gap};

use crate::machine::Turn;

/// Most characters of the piece that stands for a name.
const MOST: usize = 3;

impl Turn<'_> {
    /// A text with the shortened names of a list written out; `None` where there are none.
    pub(crate) fn written_out(&self, text: &str) -> Option<String> {
        let cx = self.context();
        let all = cx.tokens(text);
        let known = |token: &Token<'_>| cx.known.has(Of::Machine, token.text);
        let mut out = String::new();
        let (mut from, mut before): (usize, Option<String>) = (0, None);
        let mut at = 0;
        while at < all.len() {
            if let Some(name) = known(&all[at]) {
                before = Some(name);
                at += 1;
                continue;
            }
            // Between two names stands an "and" or a comma, or nothing at all.
            let joined = cx.lexicon.longest(&all[at..], Class::And).unwrap_or(0);
            if joined > 0 && before.is_some() {
                at += joined;
                continue;
            }
            let name = before
                .as_ref()
                .filter(|_| self.may_be_short(text, &all, at))
                .and_then(|name| self.completed(name, all[at].text));
            match &name {
                Some(name) => {
                    out.push_str(&text[from..all[at].span.start]);
                    out.push_str(name);
                    from = all[at].span.end;
                }
                None => before = None,
            }
            at += 1;
        }
        out.push_str(&text[from..]);
        (from > 0).then_some(out)
    }

    /// Whether a token is short, and followed by nothing that it may count or measure.
    fn may_be_short(&self, text: &str, all: &[Token<'_>], at: usize) -> bool {
        const BEHIND: [Class; 9] = [
            Class::And,
            Class::But,
            Class::Then,
            Class::Polite,
            Class::Denied,
            Class::Not,
            Class::Except,
            Class::Spare,
            Class::Also,
        ];
        let lexicon = &self.heard.lexicon;
        let token = &all[at];
        let digits = token.text.chars().all(|c| c.is_ascii_digit());
        let letter = token.text.chars().count() == 1 && token.text.chars().all(char::is_alphabetic);
        let ends = at + 1 >= all.len() || !gap(text, all, at + 1).trim().is_empty();
        let next = all.get(at + 1);
        let number = next.is_some_and(|next| next.text.chars().all(|c| c.is_ascii_digit()));
        let follows = || lexicon.longest_of(&all[at + 1..], &BEHIND).is_some();
        token.text.len() <= MOST && !token.quoted && (digits || letter) && (ends || number || follows())
    }

    /// The machine that is called as another is, with that piece at its end.
    fn completed(&self, name: &str, piece: &str) -> Option<String> {
        let digits = piece.chars().all(|c| c.is_ascii_digit());
        let own = |c: char| if digits { c.is_ascii_digit() } else { c.is_alphabetic() };
        let stem = name.trim_end_matches(own);
        let width = name.len() - stem.len();
        if stem.is_empty() || width == 0 || !digits && width > piece.len() {
            return None;
        }
        let padded = format!("{stem}{piece:0>width$}");
        [format!("{stem}{piece}"), padded].iter().find_map(|name| self.around.known.has(Of::Machine, name))
    }
}

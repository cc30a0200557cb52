//! "student04 and 06", "runner-a and b", "web1 2 et 3": lists of names of which only the first is whole; "lab01 to lab03": ranges.

use grammar::kind::Of;
use grammar::lexicon::Class;
use grammar::token::{Token, gap};

use crate::machine::Turn;

/// Most characters of the piece that stands for a name.
const MOST: usize = 3;
/// Marks between the first and the last of a range.
const DASHES: [&str; 7] = ["-", "–", "—", "->", "→", "..", "…"];

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

    /// A text with the machines of its ranges written out, "lab01, lab02, lab03"; `None` where there are none.
    pub(crate) fn ranges_written_out(&self, text: &str) -> Option<String> {
        let cx = self.context();
        let all = cx.tokens(text);
        let known = |name: &str| cx.known.has(Of::Machine, name);
        // "clone lab01 to lab03" is a command of its own.
        let plain = || self.is_plain_command(text);
        let mut out = String::new();
        let (mut from, mut at) = (0, 0);
        while at < all.len() {
            let token = &all[at];
            let within = |dash: &&str| {
                let (first, last) = token.text.split_once(*dash)?;
                Some((known(first)?, last, at))
            };
            let apart = || {
                let first = known(token.text)?;
                let through = cx.lexicon.longest(&all[at + 1..], Class::Through).filter(|_| !plain());
                let dashed = || (at + 1 < all.len() && DASHES.contains(&gap(text, &all, at + 1).trim())).then_some(0);
                let last = at + 1 + through.or_else(dashed)?;
                Some((first, all.get(last)?.text, last))
            };
            let found = match known(token.text) {
                None => DASHES.iter().find_map(within),
                Some(_) => apart(),
            };
            let names = found.and_then(|(first, last, end)| {
                let last = known(last).or_else(|| self.completed(&first, last))?;
                Some((self.range(&first, &last)?, end))
            });
            if let Some((names, end)) = names {
                out.push_str(&text[from..token.span.start]);
                out.push_str(&names.join(", "));
                from = all[end].span.end;
                at = end;
            }
            at += 1;
        }
        out.push_str(&text[from..]);
        (from > 0).then_some(out)
    }

    /// The machines that are called alike, from one number to a higher one, in order.
    fn range(&self, first: &str, last: &str) -> Option<Vec<String>> {
        let stem = first.trim_end_matches(|c: char| c.is_ascii_digit());
        let number = |name: &str| name.strip_prefix(stem)?.parse::<u32>().ok();
        let (low, high) = (number(first)?, number(last)?);
        let mut found: Vec<(u32, String)> = self
            .around
            .known
            .names(Of::Machine)
            .iter()
            .filter_map(|name| Some((number(name)?, name.clone())))
            .filter(|(number, _)| (low..=high).contains(number))
            .collect();
        found.sort();
        (low < high && !stem.is_empty()).then(|| found.into_iter().map(|(_, name)| name).collect())
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

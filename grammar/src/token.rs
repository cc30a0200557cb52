//! Cuts a text into words, numbers and quoted parts, with their places.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::lexicon::Heard;

/// One word, number, address, symbol or quoted part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token<'t> {
    /// As it was said; of a quoted part, what is between the quotes.
    pub text: &'t str,
    /// Where it stands, in bytes; of a quoted part, with its quotes.
    pub span: Range<usize>,
    /// Lower-case, accents and width folded, invisible characters removed: what is compared.
    pub folded: String,
    /// Quoted text is always a value, never a keyword.
    pub quoted: bool,
    /// Follows the token before it with only an apostrophe between: the "s" of "what's".
    pub clitic: bool,
    /// Where the lexicon that cut it has its word.
    pub(crate) heard: Option<Heard>,
}

static CHUNK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#""([^"]+)"|“([^”]+)”|„([^“”]+)[“”]|«([^»]+)»|`([^`]+)`|'([^']+)'|[^\s"“”„«»`]+"#)
        .expect("a constant regular expression")
});

/// Cuts a text into tokens. Punctuation separates and is dropped; quoted text is one token.
///
/// ```
/// let all = grammar::token::tokens("What's on \"my disk\", web1?");
/// let folded: Vec<&str> = all.iter().map(|token| token.folded.as_str()).collect();
/// assert_eq!(folded, ["what", "s", "on", "my disk", "web1"]);
/// assert!(all[1].clitic && all[3].quoted);
/// ```
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut all = Vec::new();
    let mut from = 0;
    if !may_quote(text) {
        // Then the expression would find what lies between white space, only slower.
        for chunk in text.split_inclusive(char::is_whitespace) {
            words(text, from..from + chunk.trim_end().len(), &mut all);
            from += chunk.len();
        }
        return all;
    }
    while let Some(found) = CHUNK.captures_at(text, from) {
        let whole = found.get(0).expect("group 0 is the match");
        let inner = (1..found.len()).find_map(|group| found.get(group));
        if let Some(end) = stray(text, from, whole.range(), inner.is_some()) {
            // A mark inside a word quotes nothing: the word is kept whole, with its mark, so that nobody takes a piece of it.
            let opened = text[from..whole.start()].ends_with(MARKS);
            let start = if opened { last_mark(text, whole.start()) } else { whole.start() };
            nothing_quoted(text, from..start, &mut all);
            words(text, start..end, &mut all);
            from = end;
            continue;
        }
        nothing_quoted(text, from..whole.start(), &mut all);
        let glued = text[whole.end()..].chars().next().is_some_and(char::is_alphanumeric);
        let apostrophe = whole.as_str().starts_with('\'');
        match inner {
            // 'quoted' only when the second mark ends a word: "'tis web1's" has no quotation.
            Some(inner) if !(apostrophe && (glued || inner.as_str().trim().is_empty())) => {
                // Blanks that somebody quoted belong to what was said. Those inside « and » are how French is written.
                let spaced = whole.as_str().starts_with('«');
                let said = if spaced { inner.as_str().trim() } else { inner.as_str() };
                all.push(token(whole.range(), said, true, false));
                from = whole.end();
            }
            Some(_) => {
                let end = text[whole.start()..].find(char::is_whitespace).map_or(text.len(), |at| whole.start() + at);
                words(text, whole.start()..end, &mut all);
                from = end;
            }
            None => {
                words(text, whole.range(), &mut all);
                from = whole.end();
            }
        }
    }
    nothing_quoted(text, from..text.len(), &mut all);
    all
}

/// Marks that quote whatever stands between two of them. Those of French stand apart from words.
const MARKS: [char; 5] = ['"', '“', '”', '„', '`'];

/// Marks that quote nothing, as in `called ""` and `called "a" b"`: something was meant there, so it is not passed over.
fn nothing_quoted<'t>(text: &'t str, between: Range<usize>, all: &mut Vec<Token<'t>>) {
    let mut at = between.start;
    while let Some(start) = text[at..between.end].find(MARKS) {
        let start = at + start;
        let rest = &text[start..between.end];
        let end = start + rest.find(|c| !MARKS.contains(&c)).unwrap_or(rest.len());
        all.push(token(start..end, "", true, false));
        at = end;
    }
}

/// Where the mark before that place begins.
fn last_mark(text: &str, at: usize) -> usize {
    text[..at].char_indices().next_back().map_or(at, |(start, _)| start)
}

/// Where a word ends that has a mark in it which quotes nothing: o"brien, "data, "o"brien".
fn stray(text: &str, from: usize, whole: Range<usize>, quoted: bool) -> Option<usize> {
    let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let before = text[..whole.end].chars().next_back();
    let after = text[whole.end..].chars().next();
    let end = text[whole.start..].find(char::is_whitespace).map_or(text.len(), |at| whole.start + at);
    if quoted {
        // The second mark is followed by a letter, or one of both by one more: they are no quotation.
        let marked = text[whole.start..].starts_with(MARKS);
        let goes_on = letter(after) || after.is_some_and(|c| MARKS.contains(&c));
        let doubled = text[from..whole.start].ends_with(MARKS);
        return (marked && (goes_on || doubled)).then_some(end.max(whole.end));
    }
    let opened = text[from..whole.start].ends_with(MARKS);
    let inside = letter(before) && after.is_some_and(|c| MARKS.contains(&c));
    (opened || inside).then_some(end)
}

/// Whether anything in the text may be quoted: a mark that always quotes or separates, or two apostrophes.
fn may_quote(text: &str) -> bool {
    text.contains(['"', '“', '”', '„', '«', '»', '`']) || text.matches('\'').nth(1).is_some()
}

/// Cuts a piece of text without white space at its inner punctuation.
fn words<'t>(text: &'t str, range: Range<usize>, all: &mut Vec<Token<'t>>) {
    let chunk = &text[range.clone()];
    let mut start = 0;
    let mut clitic = false;
    let mut before = None;
    for (at, c) in chunk.char_indices() {
        let after = chunk[at + c.len_utf8()..].chars().next();
        let between_digits =
            before.is_some_and(|c: char| c.is_ascii_digit()) && after.is_some_and(|c| c.is_ascii_digit());
        let apostrophe = matches!(c, '\'' | '’' | 'ʼ');
        let cut = apostrophe
            || match c {
                ',' => !between_digits,
                ';' | '!' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | '=' | '|' | '…' | '—' | '–' | '¿'
                | '¡' | '°' => true,
                _ => false,
            };
        if cut {
            push(text, range.start + start..range.start + at, clitic, all);
            start = at + c.len_utf8();
            clitic =
                apostrophe && before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric);
        }
        before = Some(c);
    }
    push(text, range.start + start..range.end, clitic, all);
}

/// Trims what is only punctuation at both ends, and keeps the rest if there is any.
fn push<'t>(text: &'t str, mut range: Range<usize>, clitic: bool, all: &mut Vec<Token<'t>>) {
    loop {
        let rest = &text[range.clone()];
        let Some(first) = rest.chars().next() else {
            return;
        };
        let second = rest[first.len_utf8()..].chars().next();
        let keep = kept(first)
            || matches!(first, '+' | '/')
            || first == '-' && second.is_some_and(|c| c.is_ascii_digit())
            || rest.starts_with("::") && rest.len() > 2;
        if keep {
            break;
        }
        range.start += first.len_utf8();
    }
    loop {
        let rest = &text[range.clone()];
        let Some(last) = rest.chars().next_back() else {
            return;
        };
        let keep = kept(last) || matches!(last, '/' | '+' | '_') || rest.ends_with("::") && rest.len() > 3;
        if keep {
            break;
        }
        range.end -= last.len_utf8();
    }
    let part = &text[range.clone()];
    all.push(token(range, part, false, clitic));
}

fn token<'t>(span: Range<usize>, text: &'t str, quoted: bool, clitic: bool) -> Token<'t> {
    // A mark that quotes nothing is part of a name, but of no keyword.
    let folded = fold(if quoted { text.trim() } else { text.trim_matches(MARKS) });
    Token { text, span, folded, quoted, clitic, heard: None }
}

/// Characters that carry meaning at the edge of a word: letters, digits, `%`, `&`, `*`, and pictures (👍).
fn kept(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(c, '%' | '&' | '*' | '_' | '×')
        || MARKS.contains(&c)
        || c as u32 >= 0x2190 && !(0x3000..0x3040).contains(&(c as u32)) && !invisible(c) && !is_combining_mark(c)
}

/// Zero-width and direction characters, which make two words that look the same differ.
fn invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fe00}'..='\u{fe0f}')
}

/// Lower-case, accents and width folded, invisible characters removed.
///
/// ```
/// assert_eq!(grammar::token::fold("Éteins Œuvre"), "eteins oeuvre");
/// ```
pub fn fold(text: &str) -> String {
    if text.bytes().all(|byte| byte.is_ascii()) {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    for c in text.nfkd().filter(|c| !is_combining_mark(*c) && !invisible(*c)) {
        match c {
            'ß' => folded.push_str("ss"),
            'æ' | 'Æ' => folded.push_str("ae"),
            'œ' | 'Œ' => folded.push_str("oe"),
            'ø' | 'Ø' => folded.push('o'),
            'ł' | 'Ł' => folded.push('l'),
            'đ' | 'Đ' => folded.push('d'),
            'ı' => folded.push('i'),
            _ => folded.extend(c.to_lowercase()),
        }
    }
    folded
}

/// Whether a comma stands between token `at - 1` and token `at` of `text`.
pub(crate) fn comma_before(text: &str, tokens: &[Token], at: usize) -> bool {
    gap(text, tokens, at).contains(',')
}

/// What stands between token `at - 1` and token `at` of `text`; empty if `text` isn't at hand.
pub fn gap<'t>(text: &'t str, tokens: &[Token], at: usize) -> &'t str {
    let (Some(before), Some(token)) = (at.checked_sub(1).and_then(|at| tokens.get(at)), tokens.get(at)) else {
        return "";
    };
    text.get(before.span.end..token.span.start).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_inside_a_word_quotes_nothing_and_stays_in_it() {
        let said = |text: &str| tokens(text).iter().map(|t| (t.text.to_owned(), t.quoted)).collect::<Vec<_>>();
        let word = |text: &str| (text.to_owned(), false);
        for nothing in ["called \"\"", "called \"\"\"", "called “”", "called \"\" now"] {
            assert!(said(nothing).get(1).is_some_and(|(text, quoted)| text.is_empty() && *quoted), "{nothing}");
        }
        assert_eq!(said("called o\"brien now"), [word("called"), word("o\"brien"), word("now")]);
        assert_eq!(said("called o”brien"), [word("called"), word("o”brien")]);
        assert_eq!(said("called \"o\"brien\""), [word("called"), word("\"o\"brien\"")]);
        assert_eq!(said("called \"data"), [word("called"), word("\"data")]);
        assert_eq!(said("called data\""), [word("called"), word("data\"")]);
        assert_eq!(said("say \"a b\", then"), [word("say"), ("a b".to_owned(), true), word("then")]);
        assert_eq!(said("name=\"data\""), [word("name"), ("data".to_owned(), true)]);
        assert_eq!(tokens("stop \"web1")[1].folded, "web1");
    }

    #[test]
    fn what_quotes_nothing_is_cut_as_it_is_beside_a_quotation() {
        let texts = [
            "",
            "  ",
            "'tis web1",
            "what's up,\u{a0}db\u{2003}2 ?",
            "é\u{301}teins-toi !\n\t20,5 % (now)",
            "'",
            "a' b",
        ];
        for text in texts {
            let quoting = format!("{text} \"q\"");
            let mut beside = tokens(&quoting);
            assert_eq!(beside.pop().map(|last| last.text), Some("q"));
            assert_eq!(tokens(text), beside, "{text:?}");
        }
    }
}

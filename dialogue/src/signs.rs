//! Signs beside words: what strikes out, denies or comments, and what a log or a clock puts there. Whoever writes them means something by
//! them, and nobody here knows what.

use grammar::kind::Of;
use grammar::lexicon::Class;
use grammar::read::Context;

/// Marks of what is struck out or commented out.
const STRUCK: [&str; 5] = ["~~", "<!--", "-->", "/*", "*/"];
/// Signs that take back what they stand beside.
const DENYING: [char; 5] = ['❌', '👎', '🛑', '🚫', '✋'];
/// Signs that leave out the word they stand right before: "-web1", "!web1".
const EXCLUDING: [char; 6] = ['-', '!', '~', '^', '¬', '≠'];
/// Signs that may stand right before a word of a command line, a list or a quotation, but of no wish: "| reboot", "<reboot>".
const LEADING: [char; 5] = ['<', '[', '|', ';', '='];
/// Ordinary punctuation.
const PLAIN: &str = ".,;:!?'\"()[]{}<>@#&%+*/_-=~|`\\$€^§°·–—…“”„’‘‚«»‹›¿¡";
/// Signs of a good mood, which say nothing else; and what only shapes the sign before it.
const FRIENDLY: &str =
    "🙏🙂😊😄😃😀😁😉😎🤗🥰❤♥💙💚🎉🚀🙌🤝🤞✌🫡☕😅\u{fe0f}\u{200d}\u{1f3fb}\u{1f3fc}\u{1f3fd}\u{1f3fe}\u{1f3ff}";

/// Whether a text is struck out, commented out, or says by a sign that something of it is not meant: nothing of it is wished for.
pub(crate) fn strikes_out(text: &str, cx: &Context<'_>) -> bool {
    let struck = STRUCK.iter().any(|mark| text.contains(mark))
        || text.starts_with(['!', '¬', '#']) && text.contains(char::is_alphabetic)
        || text.starts_with('~') && text.ends_with('~');
    // "stop web1 ❌"
    let denied = text.contains(DENYING) && text.chars().any(char::is_alphanumeric);
    // "reboot web1 -web2"
    let excluded = |(at, sign): (usize, char)| {
        let begins = text[..at].chars().next_back().is_none_or(|before| before.is_whitespace() || before == '(');
        let word = &text[at + sign.len_utf8()..];
        let end = word.find(|c: char| !(c.is_alphanumeric() || "-_.".contains(c))).unwrap_or(word.len());
        let name = word[..end].trim_end_matches('.');
        begins && EXCLUDING.contains(&sign) && !name.is_empty() && cx.known.has(Of::Machine, name).is_some()
    };
    struck || denied || text.char_indices().any(excluded)
}

/// Whether signs or lines of a text may say something of a wish beside them: "reboot web1 ⏰", "[shut down web1]", a line that says OK.
pub(crate) fn may_mean_something(text: &str, cx: &Context<'_>) -> bool {
    let strange = |c: char| {
        let word = c.is_alphanumeric() || c.is_whitespace() || PLAIN.contains(c) || FRIENDLY.contains(c);
        !word && !cx.lexicon.contains(&c.to_string())
    };
    let leads = text.split_whitespace().any(|word| {
        let mut chars = word.chars();
        let sign = chars.next().is_some_and(|sign| LEADING.contains(&sign) || EXCLUDING.contains(&sign) || sign == '?');
        sign && chars.next().is_some_and(char::is_alphanumeric)
    });
    let agreed = |line: &str| {
        let all = cx.tokens(line);
        !all.is_empty() && cx.lexicon.longest(&all, Class::Yes) == Some(all.len())
    };
    // "reboot web1. Oops."
    let takes_back = |sentence: &str| {
        let all = cx.tokens(sentence);
        !all.is_empty() && cx.lexicon.longest(&all, Class::Recants) == Some(all.len())
    };
    let mut sentences = text.split(['.', '!', ';', '\n', '…']).filter(|sentence| !sentence.trim().is_empty());
    let several = sentences.next().is_some();
    let taken_back = several && sentences.next_back().is_some_and(takes_back);
    text.contains(strange) || leads || taken_back || text.lines().skip(1).any(agreed)
}

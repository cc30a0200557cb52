//! What was shown to us rather than said to us: quotations, shell prompts, lists, lines of a log.

/// Whether a text was pasted from elsewhere, by its form alone.
pub(crate) fn is_pasted(text: &str) -> bool {
    let first = text.split_whitespace().next().unwrap_or_default();
    let numbered = first
        .strip_suffix(['.', ')'])
        .is_some_and(|number| !number.is_empty() && number.chars().all(|character| character.is_ascii_digit()));
    let prompt = first.contains('@') && first.ends_with(['#', '$']);
    (numbered || prompt || matches!(first, "-" | "*" | "•" | "$" | "#" | "[" | "[ ]" | "[x]"))
        && text.split_whitespace().count() > 1
        || text.starts_with('>')
        || text.starts_with("```")
        || is_log(text)
}

/// "Jan 12 03:14:07 web1 kernel: …", "2024-02-11T08:15:22 …", "libvirtd[1204]: …", "E: …".
fn is_log(text: &str) -> bool {
    let words = text.split_whitespace();
    let first = words.clone().next().unwrap_or_default();
    let process = first.strip_suffix("]:").and_then(|head| head.split_once('['));
    let process = process.is_some_and(|(name, id)| !name.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()));
    let mut letters = first.chars();
    let level = matches!((letters.next(), letters.next(), letters.next()), (Some('A'..='Z'), Some(':'), None));
    // A moment alone may be said to us ("at 03:14:07"); a log begins with it, be there a date before, and goes on with what happened.
    let number = |word: &str| word.bytes().any(|byte| byte.is_ascii_digit());
    let words: Vec<&str> = words.take(4).collect();
    let moment = match words.as_slice() {
        [moment, _, ..] if is_moment(moment) => true,
        [date, moment, _, ..] if number(date) && is_moment(moment) => true,
        [_, day, moment, _] => number(day) && is_moment(moment),
        _ => false,
    };
    process || level || moment
}

/// A time of day to the second, be there a date before it or not: nobody says that.
fn is_moment(word: &str) -> bool {
    let time = word.rsplit_once('T').map_or(word, |(_, time)| time).trim_matches(['[', ']', ',', 'Z', ':']);
    let time = time.split(['.', ',', '+']).next().unwrap_or_default();
    let parts: Vec<&str> = time.split(':').collect();
    parts.len() == 3 && parts.iter().all(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_log_are_pasted() {
        for text in [
            "Jan 12 03:14:07 web1 kernel: out of memory",
            "2025-07-01T23:59:59.123Z ERROR backup failed",
            "[23:59:59] disk full on nas",
            "qemu[4711]: terminating on signal 15",
            "W: some index files failed to download",
            "> reboot",
            "$ virsh list",
        ] {
            assert!(is_pasted(text), "{text}");
        }
    }

    #[test]
    fn what_is_said_is_not() {
        for text in [
            "web1: reboot",
            "reboot at 22:00",
            "stop at 22:00:00 please",
            "vm 42",
            "52:54:00:12:34:56 on web1",
            "db[2] restart",
        ] {
            assert!(!is_pasted(text), "{text}");
        }
    }
}

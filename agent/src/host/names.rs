//! One check of a name for each kind of thing, used by every skill before its question and by every op before it is done.
//!
//! What passes is taken by libvirt and QEMU exactly as it is. Some of what they would take is refused: what hides, reorders or
//! trims itself, so that two names that look the same are the same, and what QEMU takes for something else.

use std::fmt;

/// Kinds of things that are given a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A domain.
    Machine,
    /// A snapshot of a domain.
    Snapshot,
    /// A volume of a pool.
    Volume,
    /// Where a disk is in a guest: `vdb`.
    Target,
    /// A storage pool.
    Pool,
    /// A virtual network.
    Network,
}

impl Thing {
    /// Most bytes of its name. libvirt keeps each in a file of that name, which may have 255 with all endings:
    /// `.xml` and, while it is rewritten, `.new`; of a network also `.hostsfile.new`.
    pub fn most(self) -> usize {
        match self {
            Self::Volume => 255,
            Self::Machine | Self::Snapshot | Self::Pool => 255 - ".xml.new".len(),
            Self::Network => 255 - ".hostsfile.new".len(),
            Self::Target => 6,
        }
    }
}

/// Why a name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing in it, or only blanks.
    #[error("the name is empty")]
    Empty,
    /// More bytes than there is room for.
    #[error("the name is longer than {most} bytes")]
    TooLong {
        /// How many there may be.
        most: usize,
    },
    /// It begins with a dot or dash: `.` and `..`, hidden files, or options to some program.
    #[error("the name begins with a dot or a dash")]
    Leading,
    /// It begins or ends with a blank, which is easily lost.
    #[error("the name begins or ends with a blank")]
    Blank,
    /// A character that could leave the folder, break a line, hide or get lost: `/`, controls, bidirectional marks, `"`.
    #[error("the name has the character {0}")]
    Character(Shown),
    /// A snapshot whose name is a number: QEMU takes it for the number of a snapshot, perhaps of another one.
    #[error("the name is a number")]
    Number,
    /// No drive can be there.
    #[error("that is no place for a drive")]
    NoTarget,
}

/// A character as it can be shown safely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown(pub char);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_ascii_graphic() { write!(f, "{}", self.0) } else { write!(f, "U+{:04X}", u32::from(self.0)) }
    }
}

/// A text as it can be shown in one line: what breaks lines, hides or reorders is named instead of printed.
///
/// ```
/// assert_eq!(agent::host::names::shown("a\u{202e}b\n"), "aU+202EbU+000A");
/// ```
pub fn shown(text: &str) -> String {
    let plain = |c: char| matches!(c, '/' | '\\' | '"') || !is_refused(c);
    text.chars().map(|c| if plain(c) { c.to_string() } else { Shown(c).to_string() }).collect()
}

/// Checks a name that a thing is about to be given.
///
/// Markup is no reason to refuse: the writer of XML escapes it.
///
/// # Errors
/// The first thing that is wrong with it.
///
/// ```
/// use agent::host::names::{NameError, Shown, Thing, check};
/// assert_eq!(check(Thing::Volume, "data.qcow2"), Ok(()));
/// assert_eq!(check(Thing::Volume, "../etc/passwd"), Err(NameError::Character(Shown('/'))));
/// assert_eq!(check(Thing::Snapshot, "o\"brien"), Err(NameError::Character(Shown('"'))));
/// ```
pub fn check(thing: Thing, name: &str) -> Result<(), NameError> {
    if name.trim().is_empty() {
        return Err(NameError::Empty);
    }
    if let Some(c) = name.chars().find(|&c| is_refused(c)) {
        return Err(NameError::Character(Shown(c)));
    }
    if name.trim() != name {
        return Err(NameError::Blank);
    }
    if name.starts_with(['.', '-']) {
        return Err(NameError::Leading);
    }
    if thing == Thing::Target {
        return if super::xml::is_target(name) { Ok(()) } else { Err(NameError::NoTarget) };
    }
    if name.len() > thing.most() {
        return Err(NameError::TooLong { most: thing.most() });
    }
    if thing == Thing::Snapshot && name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NameError::Number);
    }
    Ok(())
}

/// Characters no name may have: path separators, line breaks and controls, blanks that are not the blank, what reorders or
/// hides text (Unicode's default ignorables), what XML 1.0 can't hold, and the quotation mark: QEMU 7.2 through libvirt 9.0 says
/// that a snapshot of such a name was taken when there is none.
fn is_refused(c: char) -> bool {
    matches!(c, '/' | '\\' | '"')
        || c.is_control()
        || c.is_whitespace() && c != ' '
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMED: [Thing; 5] = [Thing::Machine, Thing::Snapshot, Thing::Volume, Thing::Pool, Thing::Network];

    #[test]
    fn names_that_could_leave_a_folder_or_hide_are_refused_and_plain_ones_are_not() {
        for thing in NAMED {
            for good in ["data", "data.qcow2", "vm 42", "über", "a<name><disk>", "x&y", "it's", "日本", "v2", "👍"]
            {
                assert_eq!(check(thing, good), Ok(()), "{good}");
            }
            for bad in [
                "",
                " ",
                ".",
                "..",
                "../x",
                "a/b",
                "a\\b",
                "a\"b",
                "a\nb",
                "a\0b",
                "-rf",
                "a\u{202e}b",
                "a\u{200b}b",
                "\u{7f}",
                " a",
                "a ",
                "a\u{a0}b",
                "a\u{ad}b",
                "a\u{fe0f}",
                "\u{3000}",
                "a\u{e0041}",
            ] {
                assert!(check(thing, bad).is_err(), "{thing:?} {bad:?}");
            }
        }
        assert_eq!(check(Thing::Snapshot, "a\nb").unwrap_err().to_string(), "the name has the character U+000A");
        assert_eq!(check(Thing::Snapshot, "42"), Err(NameError::Number));
        assert_eq!(check(Thing::Volume, "42"), Ok(()));
    }

    #[test]
    fn a_name_may_be_as_long_as_its_files_allow() {
        for thing in NAMED {
            let most = thing.most();
            assert_eq!(check(thing, &"x".repeat(most)), Ok(()), "{thing:?}");
            assert_eq!(check(thing, &"x".repeat(most + 1)), Err(NameError::TooLong { most }), "{thing:?}");
        }
        // Bytes count and not letters.
        assert!(check(Thing::Volume, &"é".repeat(128)).is_err());
    }

    #[test]
    fn a_target_is_where_a_drive_can_be() {
        assert_eq!(check(Thing::Target, "vdb"), Ok(()));
        for bad in ["vdB", "../vda", "eth0", "vda'/>", "data"] {
            assert!(check(Thing::Target, bad).is_err(), "{bad}");
        }
    }
}

//! Everything Atoll knows of libvirt's XML: reading definitions ([`domain`], [`read`]), writing the few documents that ops need
//! ([`write`], the only writer), which names may go into them ([`check_name`]), and what an image's own header says
//! ([`image`]).

use std::fmt;

pub mod domain;
pub mod image;
pub mod read;
pub mod write;

/// Longest name of a volume or snapshot: what file systems take for one component.
pub const NAME_MAX: usize = 255;

/// Why a name of a volume or snapshot is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing in it.
    #[error("the name is empty")]
    Empty,
    /// More than [`NAME_MAX`] bytes.
    #[error("the name is longer than {NAME_MAX} bytes")]
    TooLong,
    /// `.` or `..`, or it begins with a dot or dash: hidden files, or options to some program.
    #[error("the name begins with a dot or a dash")]
    Leading,
    /// A character that could leave the folder, break a line, hide or get lost: `/`, controls, bidirectional marks, `"`.
    #[error("the name has the character {0}")]
    Character(Shown),
}

/// A character as it can be shown safely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown(pub char);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_ascii_graphic() { write!(f, "'{}'", self.0) } else { write!(f, "U+{:04X}", u32::from(self.0)) }
    }
}

/// Checks a name of a volume or snapshot that Atoll is about to create.
///
/// libvirt makes files of both (`<pool>/<volume>`, `snapshot/<domain>/<name>.xml`), so a slash is a way out of the folder.
/// Markup is no reason to refuse: the writer escapes it.
///
/// # Errors
/// The first thing that is wrong with it.
///
/// ```
/// use agent::host::xml::{NameError, Shown, check_name};
/// assert_eq!(check_name("data.qcow2"), Ok(()));
/// assert_eq!(check_name("../etc/passwd"), Err(NameError::Leading));
/// assert_eq!(check_name("a/b"), Err(NameError::Character(Shown('/'))));
/// ```
pub fn check_name(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > NAME_MAX {
        return Err(NameError::TooLong);
    }
    if name.starts_with(['.', '-']) {
        return Err(NameError::Leading);
    }
    match name.chars().find(|&c| is_refused(c)) {
        Some(c) => Err(NameError::Character(Shown(c))),
        None => Ok(()),
    }
}

/// Characters no name may have: path separators, line breaks and controls, marks that reorder or hide text, and the quotation
/// mark: QEMU 7.2 through libvirt 9.0 says that a snapshot of such a name was taken when there is none.
fn is_refused(c: char) -> bool {
    c == '/'
        || c == '\\'
        || c == '"'
        || c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// The first free target after the used ones, in the guest's order: `vdb` after `vda`, `vdaa` after `vdz`.
///
/// ```
/// use agent::host::xml::free_target;
/// assert_eq!(free_target("vd", ["vda", "vdc"]), "vdb");
/// assert_eq!(free_target("sd", []), "sda");
/// ```
pub fn free_target<'a>(prefix: &str, used: impl IntoIterator<Item = &'a str>) -> String {
    let used: std::collections::HashSet<&str> = used.into_iter().collect();
    (0usize..)
        .map(|n| format!("{prefix}{}", letters(n)))
        .find(|target| !used.contains(target.as_str()))
        .expect("finitely many are used, so one is free")
}

/// Whether this is a target as `free_target` writes them: `vd`, `sd`, `hd`, `xvd`, `fd` and letters.
pub fn is_target(target: &str) -> bool {
    ["vd", "sd", "hd", "xvd", "fd"].iter().any(|prefix| {
        target
            .strip_prefix(prefix)
            .is_some_and(|rest| (1..=3).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_lowercase()))
    })
}

/// The bus that libvirt would choose for a target: `vda` is virtio, `sda` SATA.
pub fn bus_of(target: &str) -> &'static str {
    match target.get(..2) {
        Some("vd") => "virtio",
        Some("hd") => "ide",
        Some("xv") => "xen",
        Some("fd") => "fdc",
        _ => "sata",
    }
}

/// 0 → a, 25 → z, 26 → aa: counting as drives are counted.
fn letters(mut n: usize) -> String {
    let mut reversed = Vec::new();
    loop {
        reversed.push(char::from(b'a' + u8::try_from(n % 26).expect("less than 26")));
        if n < 26 {
            return reversed.iter().rev().collect();
        }
        n = n / 26 - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_a_folder_or_hide_are_refused_and_plain_ones_are_not() {
        for good in ["data", "data.qcow2", "vm 42", "über", "a<name><disk>", "x&y", "it's"] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in
            ["", ".", "..", "../x", "a/b", "a\\b", "a\"b", "a\nb", "a\0b", "-rf", "a\u{202e}b", "a\u{200b}b", "\u{7f}"]
        {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        assert_eq!(check_name(&"x".repeat(256)), Err(NameError::TooLong));
        assert_eq!(check_name("a\nb").unwrap_err().to_string(), "the name has the character U+000A");
    }

    #[test]
    fn free_targets_count_on_after_z() {
        let used: Vec<String> = (0..26).map(|n| format!("vd{}", letters(n))).collect();
        assert_eq!(free_target("vd", used.iter().map(String::as_str)), "vdaa");
        assert_eq!(letters(27), "ab");
        assert_eq!(letters(26 * 27), "aaa");
    }

    #[test]
    fn only_drive_targets_are_targets() {
        assert!(is_target("vdb") && is_target("sda") && is_target("xvda"));
        for bad in ["vd", "vd1", "vdB", "../vda", "vdaaaa", "eth0", "vda'/>"] {
            assert!(!is_target(bad), "{bad}");
        }
    }
}

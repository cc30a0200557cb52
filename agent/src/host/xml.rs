//! Everything Atoll knows of libvirt's XML: reading definitions ([`domain`], [`read`]), writing the few documents that ops need
//! ([`write`], the only writer, with [`tree`] for what is changed; [`clone`] says what of a definition a copy has), and what an image's own header says
//! ([`image`]), and who names a file ([`uses`]).

pub mod clone;
pub mod domain;
pub mod image;
pub mod read;
pub mod tree;
pub mod uses;
pub mod write;

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

//! What becomes of damaged bytes: they are put aside beside the journal, and an end that is no line is cut off.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::line::{Damage, What};
use super::read::Reading;
use super::write::{name_of, private, spare, sync_folder};

/// Puts damaged bytes aside and cuts off an end that is no line. Gives whether the next line must begin with a line break.
pub(super) fn mend(path: &Path, file: &File, reading: &mut Reading) -> bool {
    let mut bytes: Vec<Vec<u8>> = Vec::new();
    let mut complete = true;
    for found in reading.found.iter().filter(|found| !found.noted && !found.span.is_empty()) {
        let mut part = vec![0; usize::try_from(found.span.end - found.span.start).unwrap_or_default()];
        complete &= file.read_exact_at(&mut part, found.span.start).is_ok();
        bytes.push(part);
    }
    let parts: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
    let aside = match parts.as_slice() {
        [] => None,
        parts => match put_aside(path, parts) {
            Ok(name) => Some(name),
            Err(error) => {
                tracing::error!(%error, "damaged parts of the journal can't be put aside; they stay where they are");
                None
            }
        },
    };
    for found in reading.found.iter_mut().filter(|found| !found.noted) {
        if !found.span.is_empty() {
            found.damage.aside.clone_from(&aside);
        }
        let Damage { what, line, bytes, .. } = &found.damage;
        tracing::error!(path = %path.display(), what = what.name(), line, bytes, ?aside, "the journal does not hold");
    }
    let torn = reading.found.last().is_some_and(|found| found.damage.what == What::Torn);
    let cut = torn && complete && (aside.is_some() || reading.found.last().is_some_and(|found| found.noted));
    match cut.then(|| file.set_len(reading.end)) {
        Some(Ok(())) => !reading.ended,
        Some(Err(_)) => true,
        None => torn || !reading.ended,
    }
}

/// Writes bytes to a file of their own beside the journal, each part on a line of its own. Gives its name.
pub(super) fn put_aside(path: &Path, parts: &[&[u8]]) -> std::io::Result<String> {
    let aside = spare(path, "damaged");
    let write = || -> std::io::Result<()> {
        let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&aside)?;
        for part in parts {
            file.write_all(part)?;
            file.write_all(b"\n")?;
        }
        file.sync_all()?;
        sync_folder(&aside)
    };
    match write() {
        Ok(()) => Ok(name_of(&aside).unwrap_or_default()),
        Err(error) => {
            let _ = std::fs::remove_file(&aside);
            Err(error)
        }
    }
}

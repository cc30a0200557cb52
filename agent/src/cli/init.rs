//! `atoll init`: a commented configuration to fill in.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::{CONFIG, print};

/// Write a commented configuration.
#[derive(Args)]
pub(super) struct Init {
    /// Where; never over a file that is there.
    #[arg(default_value = CONFIG)]
    path: PathBuf,
}

/// Writes it, for the eyes of whoever writes it alone: a secret will stand in it.
pub(super) fn write(Init { path }: &Init) -> anyhow::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("{} is not written", path.display()))?;
    file.write_all(crate::config::DEFAULTS.as_bytes())?;
    print(&format!(
        "{} is written, readable by you alone. Fill in xmpp.secret, [[hypervisor]] and [[access]]; then: atoll doctor --config {}\n",
        path.display(),
        path.display()
    ))
}

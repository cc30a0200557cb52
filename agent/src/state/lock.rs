//! One process at a time works on a store: whoever holds its [`StoreLock`] may read and write what is in the folder.
//!
//! The lock is the kernel's, on a file in the folder, so that it ends with its process however that ends; what stands in the file only
//! says who it is. Journal and conversations can't be opened without it, and keep it until they are closed.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The file in the store's folder.
const FILE: &str = "lock";
/// What says that a folder is a store.
const OURS: [&str; 3] = [FILE, "journal.jsonl", "conversations"];

/// Whoever works on a store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// What it was started as: `run`, `chat`.
    pub verb: String,
    /// Since when.
    pub since: Timestamp,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, verb, since } = self;
        write!(f, "`atoll {verb}`, process {pid}, since {}", since.strftime("%Y-%m-%d %H:%M:%S UTC"))
    }
}

/// Why a store can't be worked on.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process does.
    #[error(
        "the store in {folder} is in use by {}: two at once would spoil its journal. Talk to the running one over XMPP, or end it first; \
         `atoll chat --uri URI` needs no store, and `atoll doctor`, `atoll journal verify` and `atoll journal show` only look",
        .holder.as_ref().map_or_else(|| "another process".to_owned(), Holder::to_string)
    )]
    Held { folder: PathBuf, holder: Option<Holder> },
    /// The file system has no locks.
    #[error(
        "{path}: this file system can't lock files, so nothing would keep a second process out; put the store on a local disk (store.path)"
    )]
    Unsupported {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Something of the store is a link, to a file that may be anybody's.
    #[error(
        "{path} is a link: what is in a store is written and made private, so it has to be there itself (store.path may be a link)"
    )]
    Linked { path: PathBuf },
    /// It says no.
    #[error("{path}: {what} (store.path)")]
    Io {
        path: PathBuf,
        what: &'static str,
        #[source]
        source: io::Error,
    },
}

/// The right to work on a store, until it is dropped.
#[derive(Debug)]
pub struct StoreLock {
    folder: PathBuf,
    _file: File,
    _whole: File,
}

impl StoreLock {
    /// Takes the lock of a folder, which is made when there is none; `verb` is what others are told.
    ///
    /// # Errors
    /// [`LockError`]: nothing in the folder was read or written then.
    pub fn take(folder: &Path, verb: &str) -> Result<Arc<Self>, LockError> {
        let path = folder.join(FILE);
        let failed = |what| {
            let path = path.clone();
            move |source| LockError::Io { path, what, source }
        };
        if let Some(parent) = folder.parent() {
            std::fs::create_dir_all(parent).map_err(failed("the folder can't be made"))?;
        }
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed("the folder can't be made")(error));
            }
            _ => {}
        }
        if let Some(path) = OURS.iter().map(|name| folder.join(name)).find(|path| path.is_symlink()) {
            return Err(LockError::Linked { path });
        }
        let held = || {
            let holder = std::fs::read_to_string(&path).ok().and_then(|text| serde_json::from_str(&text).ok());
            LockError::Held { folder: folder.to_owned(), holder }
        };
        // The folder first: whoever deletes the file in it must not let a second process in. Not every file system can lock folders.
        let whole = File::open(folder).map_err(failed("the folder can't be opened"))?;
        if let Err(TryLockError::WouldBlock) = whole.try_lock() {
            return Err(held());
        }
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&path)
            .map_err(failed("can't be opened"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held()),
            Err(TryLockError::Error(source)) if no_locks(&source) => {
                return Err(LockError::Unsupported { path, source });
            }
            Err(TryLockError::Error(source)) => return Err(failed("can't be locked")(source)),
        }
        // root must not leave files behind that the folder's owner, as whom the agent may run, can't open.
        if let (Ok(folder), Ok(own)) = (std::fs::metadata(folder), file.metadata())
            && folder.uid() != own.uid()
        {
            let _ = fchown(&file, Some(folder.uid()), Some(folder.gid()));
        }
        tighten(folder, 0o700);
        tighten(&path, 0o600);
        tighten(&folder.join("journal.jsonl"), 0o600);
        let holder = Holder { pid: std::process::id(), verb: verb.to_owned(), since: Timestamp::now() };
        let text = serde_json::to_string(&holder).expect("a holder is plain data");
        // Who holds it is a help for others; a full disk doesn't make the lock worth less.
        if let Err(error) = file.set_len(0).and_then(|()| file.write_all(text.as_bytes())) {
            tracing::warn!(path = %path.display(), %error, "who holds the store can't be written down");
        }
        Ok(Arc::new(Self { folder: folder.to_owned(), _file: file, _whole: whole }))
    }

    /// Whoever seems to work on a store just now: what the file says, if that process lives. The lock itself is not tried, or a start in
    /// that moment would find it taken.
    pub fn holder(folder: &Path) -> Option<Holder> {
        let text = std::fs::read_to_string(folder.join(FILE)).ok()?;
        let holder: Holder = serde_json::from_str(&text).ok()?;
        Path::new("/proc").join(holder.pid.to_string()).exists().then_some(holder)
    }

    /// The store's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Whether an error says that a file system has no locks: also ENOLCK, ENOSYS and EOPNOTSUPP by Linux's numbers.
fn no_locks(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput)
        || matches!(error.raw_os_error(), Some(37 | 38 | 95))
}

/// Takes away what others may do with what is ours: conversations and who did what are the agent's alone. A folder that holds other
/// things, or that everybody may write in, is somebody else's too and stays as it is.
fn tighten(path: &Path, mode: u32) {
    let Ok(about) = std::fs::metadata(path) else { return };
    let is = about.permissions().mode();
    if is & 0o077 == 0 {
        return;
    }
    let shared = |path: &Path| {
        let names = std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
        is & 0o1000 != 0
            || names.iter().any(|name| name != FILE) && !names.iter().any(|name| OURS[1..].contains(&name.as_str()))
    };
    if about.is_dir() && shared(path) {
        tracing::warn!(path = %path.display(), "the store's folder is open to others and holds other things; give Atoll one of its own");
        return;
    }
    match std::fs::set_permissions(path, Permissions::from_mode(mode)) {
        Ok(()) => {
            tracing::warn!(path = %path.display(), was = format!("{:o}", is & 0o777), "was open to others and is not any more")
        }
        Err(error) => tracing::warn!(path = %path.display(), %error, "is open to others, and that can't be changed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_process_is_told_who_works_on_the_store_and_a_dead_one_does_not_block() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = folder.path().join("store");
        let lock = StoreLock::take(&store, "run").expect("free");
        let held = StoreLock::take(&store, "chat").expect_err("taken");
        assert!(matches!(&held, LockError::Held { holder: Some(holder), .. } if holder.pid == std::process::id()));
        let said = held.to_string();
        assert!(said.contains("`atoll run`") && said.contains("over XMPP"), "{said}");
        drop(lock);
        // The file is still there, as after a kill: only the kernel's word counts.
        assert!(store.join(FILE).exists());
        StoreLock::take(&store, "chat").expect("free again");
    }

    #[test]
    fn what_is_a_link_in_a_store_is_refused_and_what_it_leads_to_stays_as_it_is() {
        for name in OURS {
            let folder = tempfile::tempdir().expect("a folder");
            let victim = folder.path().join("victim");
            std::fs::write(&victim, "somebody's").expect("written");
            std::fs::set_permissions(&victim, Permissions::from_mode(0o644)).expect("open to all");
            let store = folder.path().join("store");
            std::fs::create_dir(&store).expect("a store");
            std::os::unix::fs::symlink(&victim, store.join(name)).expect("a link");
            let refused = StoreLock::take(&store, "run").expect_err(name).to_string();
            assert!(refused.contains(name) && refused.contains("is a link"), "{refused}");
            assert_eq!(std::fs::read_to_string(&victim).expect("there"), "somebody's");
            assert_eq!(std::fs::metadata(&victim).expect("there").permissions().mode() & 0o777, 0o644);
        }
    }

    #[test]
    fn deleting_the_locks_file_lets_no_second_process_in() {
        let folder = tempfile::tempdir().expect("a folder");
        let _lock = StoreLock::take(folder.path(), "run").expect("free");
        std::fs::remove_file(folder.path().join(FILE)).expect("deleted");
        let held = StoreLock::take(folder.path(), "chat").expect_err("taken");
        assert!(held.to_string().contains("in use by another process"), "{held}");
        assert!(!folder.path().join(FILE).exists(), "nothing was written");
    }

    #[test]
    fn a_file_system_without_locks_is_said_to_be_one() {
        for number in [37, 38, 95] {
            assert!(no_locks(&io::Error::from_raw_os_error(number)), "{number}");
        }
        assert!(!no_locks(&io::Error::from_raw_os_error(13)), "permissions are another matter");
    }

    #[test]
    fn the_folder_and_what_is_in_it_are_for_the_agent_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = folder.path().join("store");
        std::fs::create_dir(&store).expect("made");
        for (name, mode) in [("journal.jsonl", 0o644), ("", 0o755)] {
            let path = store.join(name);
            if !name.is_empty() {
                std::fs::write(&path, "").expect("written");
            }
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).expect("opened up");
        }
        let _lock = StoreLock::take(&store, "run").expect("free");
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&store), mode(&store.join("journal.jsonl")), mode(&store.join(FILE))), (0o700, 0o600, 0o600));
        // A folder that serves others too is left alone.
        let shared = folder.path().join("shared");
        std::fs::create_dir(&shared).and_then(|()| std::fs::write(shared.join("notes"), "")).expect("made");
        std::fs::set_permissions(&shared, Permissions::from_mode(0o755)).expect("opened up");
        let _other = StoreLock::take(&shared, "run").expect("free");
        assert_eq!(mode(&shared), 0o755);
    }
}

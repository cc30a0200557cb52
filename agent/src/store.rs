//! Open conversations, kept in sled; the only file that names it. Deleting its folder loses open conversations and nothing else.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dialogue::session::{Session, VERSION};
use jiff::Timestamp;

use crate::store_lock::StoreLock;

/// sled's default cache is a gigabyte; conversations need none of it.
const CACHE_BYTES: u64 = 8 << 20;

/// The store.
pub struct Store {
    sessions: Option<sled::Db>,
    set_aside: Option<PathBuf>,
    /// Nobody else writes while this does.
    _lock: Option<Arc<StoreLock>>,
}

/// Why there is no store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It can't be opened, nor set aside and made anew.
    #[error("{path}: the store can't be opened")]
    Open {
        path: PathBuf,
        #[source]
        source: sled::Error,
    },
    /// It can't be written.
    #[error("the store can't be written")]
    Write(#[source] sled::Error),
}

impl Store {
    /// Opens the store in the folder of a lock. A broken one is set aside, its new name is told by [`Store::set_aside`], and an empty one is begun.
    ///
    /// # Errors
    /// [`StoreError::Open`], when even that fails.
    pub fn open(lock: &Arc<StoreLock>) -> Result<Self, StoreError> {
        let folder = lock.folder();
        let with = |sessions, set_aside| Self { sessions: Some(sessions), set_aside, _lock: Some(Arc::clone(lock)) };
        let path = folder.join("conversations");
        let open = || sled::Config::new().path(&path).cache_capacity(CACHE_BYTES).flush_every_ms(Some(1_000)).open();
        let error = |source| StoreError::Open { path: path.clone(), source };
        match open() {
            Ok(sessions) => Ok(with(sessions, None)),
            // Another agent holds the lock: that one's conversations are not broken.
            Err(source @ sled::Error::Io(_)) if path.join("conf").exists() && locked(&source) => Err(error(source)),
            // A full disk breaks nothing: what is kept stays as it is, and this run keeps its conversations in memory.
            Err(source) if full(&source) => {
                tracing::error!(path = %path.display(), %source, "the disk is full; open conversations are not kept beyond this run");
                let passing = sled::Config::new().temporary(true).cache_capacity(CACHE_BYTES);
                Ok(with(passing.open().map_err(error)?, None))
            }
            Err(source) => {
                let aside = folder.join(format!("conversations.broken-{}", Timestamp::now().as_second()));
                tracing::error!(path = %path.display(), aside = %aside.display(), %source, "the store is broken; open conversations are lost, nothing else");
                if std::fs::rename(&path, &aside).is_err() {
                    return Err(error(source));
                }
                Ok(with(open().map_err(error)?, Some(aside)))
            }
        }
    }

    /// A store that keeps nothing, for `explain`.
    pub fn nowhere() -> Self {
        Self { sessions: None, set_aside: None, _lock: None }
    }

    /// Where a broken store was put.
    pub fn set_aside(&self) -> Option<&Path> {
        self.set_aside.as_deref()
    }

    /// The conversation of that key; a new one when there is none or it can't be read any more.
    pub fn session(&self, key: &str, language: &str) -> Session {
        let fresh = || Session { language: language.to_owned(), ..Session::default() };
        let Some(bytes) = self.sessions.as_ref().and_then(|sessions| sessions.get(key).ok().flatten()) else {
            return fresh();
        };
        match serde_json::from_slice::<Session>(&bytes) {
            Ok(session) if session.version == VERSION => session,
            _ => fresh(),
        }
    }

    /// Keeps it.
    ///
    /// # Errors
    /// [`StoreError::Write`].
    pub fn keep(&self, key: &str, session: &Session) -> Result<(), StoreError> {
        let Some(sessions) = &self.sessions else { return Ok(()) };
        let bytes = serde_json::to_vec(session).expect("a session is plain data");
        sessions.insert(key, bytes).map_err(StoreError::Write)?;
        Ok(())
    }

    /// Waits until the disk has it: before an op, and before a confirmation is shown.
    ///
    /// # Errors
    /// [`StoreError::Write`].
    pub fn flush(&self) -> Result<(), StoreError> {
        if let Some(sessions) = &self.sessions {
            sessions.flush().map_err(StoreError::Write)?;
        }
        Ok(())
    }
}

fn full(error: &sled::Error) -> bool {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    let words =
        |io: &std::io::Error| ["os error 28)", "os error 122)"].iter().any(|code| io.to_string().contains(code));
    matches!(error, sled::Error::Io(io) if matches!(io.kind(), StorageFull | QuotaExceeded | FileTooLarge) || words(io))
}

fn locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(io) if io.kind() == std::io::ErrorKind::WouldBlock || io.to_string().contains("lock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_no_broken_store() {
        let io = |error| sled::Error::Io(error);
        assert!(full(&io(std::io::ErrorKind::StorageFull.into())));
        // As sled hands it on: the words of the first.
        let no_space = std::io::Error::from_raw_os_error(28);
        assert!(full(&io(std::io::Error::other(no_space.to_string()))));
        assert!(!full(&io(std::io::ErrorKind::InvalidData.into())));
    }

    #[test]
    fn a_conversation_comes_back_and_a_broken_store_is_set_aside() {
        let folder = tempfile::tempdir().expect("a folder");
        let lock = StoreLock::take(folder.path(), "test").expect("free");
        let session = Session { language: "fr".to_owned(), ..Session::default() };
        {
            let store = Store::open(&lock).expect("opens");
            store.keep("alice|web1", &session).expect("kept");
            store.flush().expect("flushed");
        }
        {
            let store = Store::open(&lock).expect("opens again");
            assert_eq!(store.session("alice|web1", "en").language, "fr");
            assert_eq!(store.session("bob|web1", "en").language, "en");
        }
        let path = folder.path().join("conversations");
        std::fs::remove_dir_all(&path).and_then(|()| std::fs::write(&path, b"nonsense")).expect("broken");
        let store = Store::open(&lock).expect("a new one");
        assert!(store.set_aside().is_some_and(Path::exists));
        assert_eq!(store.session("alice|web1", "en").language, "en");
    }
}

//! Open conversations, kept in sled; the only file that names it. Deleting its folder loses open conversations and nothing else.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dialogue::session::Session;
use jiff::{SignedDuration, Timestamp};

use crate::state::lock::StoreLock;

mod owed;

pub use owed::{Begun, Owed};

/// sled's default cache is a gigabyte; conversations need none of it.
const CACHE_BYTES: u64 = 8 << 20;

/// How long a conversation is remembered after its last word, with nothing to undo in it and with something.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);
const REMEMBERED_WITH_UNDO: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The tree of conversations that can't be read any more.
const UNREADABLE: &str = "unreadable";

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
        // As private as the folder it is in, whatever the umask; what keeps it from being made is found below.
        let _ = DirBuilder::new().mode(0o700).create(&path);
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

    /// The conversation of that key, or a new one; and whether there was one that can't be read any more. That one is set aside.
    pub fn session(&self, key: &str, language: &str) -> (Session, bool) {
        let fresh = || Session { language: language.to_owned(), ..Session::default() };
        let Some(sessions) = &self.sessions else { return (fresh(), false) };
        let bytes = match sessions.get(key) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return (fresh(), false),
            Err(error) => {
                tracing::error!(%error, "a conversation can't be read; going on with a new one");
                return (fresh(), true);
            }
        };
        if let Some(session) = read(&bytes) {
            return (session, false);
        }
        let aside = format!("{}|{key}", Timestamp::now());
        let kept = sessions.open_tree(UNREADABLE).and_then(|tree| tree.insert(aside.as_bytes(), bytes));
        match kept.and_then(|_| sessions.remove(key)) {
            Ok(_) => tracing::error!(aside, "a conversation can't be read; it is set aside, and a new one begun"),
            Err(error) => tracing::error!(%error, "a conversation can't be read, nor set aside"),
        }
        (fresh(), true)
    }

    /// Forgets conversations that ended long ago, so that the store stays as small as what is spoken of. Gives how many.
    pub fn expire(&self, now: Timestamp) -> usize {
        let Some(sessions) = &self.sessions else { return 0 };
        let old = sessions.iter().flatten().filter(|(_, bytes)| {
            let Some(session) = read(bytes) else { return false };
            let last = session.spoken.or(session.undo.last().map(|done| done.at)).unwrap_or(Timestamp::UNIX_EPOCH);
            let remembered = if session.undo.is_empty() { REMEMBERED } else { REMEMBERED_WITH_UNDO };
            now.duration_since(last) > remembered
        });
        // One that is spoken in just now is not the same any more, and stays.
        let gone =
            old.filter(|(key, bytes)| matches!(sessions.compare_and_swap(key, Some(bytes), None::<&[u8]>), Ok(Ok(()))));
        gone.count()
    }

    /// The keys of all conversations.
    pub fn keys(&self) -> Vec<String> {
        let keys = self.sessions.iter().flat_map(|sessions| sessions.iter().keys().flatten());
        keys.map(|key| String::from_utf8_lossy(&key).into_owned()).collect()
    }

    /// How many conversations are kept.
    pub fn count(&self) -> usize {
        self.sessions.as_ref().map_or(0, |sessions| sessions.len())
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
    // sled hands some on in words only, of which the last is the system's number: EFBIG, ENOSPC, EDQUOT.
    let words = |io: &std::io::Error| {
        let text = io.to_string();
        matches!(text.rsplit(' ').next().map(|last| last.trim_end_matches(')')), Some("27" | "28" | "122"))
    };
    matches!(error, sled::Error::Io(io) if matches!(io.kind(), StorageFull | QuotaExceeded | FileTooLarge) || words(io))
}

fn read(bytes: &[u8]) -> Option<Session> {
    serde_json::from_slice::<Session>(bytes).ok()?.upgraded()
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
            assert_eq!(store.session("alice|web1", "en").0.language, "fr");
            assert_eq!(store.session("bob|web1", "en").0.language, "en");
        }
        let path = folder.path().join("conversations");
        std::fs::remove_dir_all(&path).and_then(|()| std::fs::write(&path, b"nonsense")).expect("broken");
        let store = Store::open(&lock).expect("a new one");
        assert!(store.set_aside().is_some_and(Path::exists));
        assert_eq!(store.session("alice|web1", "en").0.language, "en");
    }

    #[test]
    fn an_unreadable_conversation_is_told_and_set_aside_and_not_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let lock = StoreLock::take(folder.path(), "test").expect("free");
        let store = Store::open(&lock).expect("opens");
        let sessions = store.sessions.as_ref().expect("it is open");
        sessions.insert("alice|web1", b"{\"version\":99}").expect("written");
        let (session, lost) = store.session("alice|web1", "en");
        assert!(lost, "the person is to be told");
        store.keep("alice|web1", &session).expect("kept");
        let aside = sessions.open_tree(UNREADABLE).expect("a tree");
        let kept: Vec<_> = aside.iter().flatten().collect();
        assert_eq!(kept.len(), 1);
        assert_eq!(&*kept[0].1, b"{\"version\":99}", "as it was");
        assert!(!store.session("alice|web1", "en").1, "told once");
    }

    #[test]
    fn conversations_of_long_ago_are_forgotten_and_what_can_be_undone_is_kept_longer() {
        let folder = tempfile::tempdir().expect("a folder");
        let lock = StoreLock::take(folder.path(), "test").expect("free");
        let store = Store::open(&lock).expect("opens");
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
        let done =
            dialogue::session::Done { call: Default::default(), receipt: "{}".to_owned(), at: now, with_last: false };
        for person in 0..1_000 {
            let undo = if person % 10 == 0 { vec![done.clone()] } else { Vec::new() };
            let session = Session { spoken: Some(now), undo, ..Session::default() };
            store.keep(&format!("person{person}|web1"), &session).expect("kept");
        }
        let hours = SignedDuration::from_hours;
        assert_eq!(store.expire(now + hours(23)), 0);
        assert_eq!((store.expire(now + hours(25)), store.count()), (900, 100));
        assert_eq!((store.expire(now + hours(31 * 24)), store.count()), (100, 0));
    }

    #[test]
    fn what_is_owed_outlives_a_restart_until_it_is_paid() {
        let folder = tempfile::tempdir().expect("a folder");
        let owed = Owed {
            id: "a1".to_owned(),
            entity: Some("web1".to_owned()),
            to: "alice@example.org/phone".to_owned(),
            room: false,
            thread: None,
            body: "web1 is paused.".to_owned(),
            choices: Vec::new(),
            question: false,
            at: Timestamp::UNIX_EPOCH,
        };
        let begun = Begun {
            actor: "alice@example.org".to_owned(),
            verb: "vm.pause".to_owned(),
            about: Some("web1".to_owned()),
            at: Timestamp::UNIX_EPOCH,
        };
        {
            let store = Store::open(&StoreLock::take(folder.path(), "test").expect("free")).expect("opens");
            store.owe(&owed).expect("kept");
            let ended = store.begin(&begun).expect("kept");
            store.begin(&begun).expect("kept");
            store.end(ended);
            store.flush().expect("flushed");
        }
        let store = Store::open(&StoreLock::take(folder.path(), "test").expect("free")).expect("opens again");
        assert_eq!(store.owed(), [owed]);
        assert_eq!((store.take_begun(), store.take_begun()), (vec![begun], vec![]));
        store.paid("a1");
        assert_eq!(store.owed(), []);
        assert_eq!(store.count(), 0, "and none of it is a conversation");
    }
}

//! Writing to a journal's file: all of a text or nothing of it, and never into a file that is not there any more.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::line::What;

/// How bytes reach the disk; tests have disks that are full.
pub(super) trait Disk: Send {
    /// All of it, or an error; some of it may be written then.
    fn write(&mut self, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    /// Waits until it is on the disk.
    fn sync(&mut self, file: &File) -> io::Result<()> {
        file.sync_data()
    }
}

/// The disk there is.
pub(super) struct Real;

impl Disk for Real {}

/// The open file.
pub(super) struct Writer {
    path: PathBuf,
    file: File,
    disk: Box<dyn Disk>,
    /// How long the file is, as far as we know.
    length: u64,
    /// Device and inode.
    identity: (u64, u64),
    /// Whether something that is no line stands at the end.
    fresh_line: bool,
}

impl Writer {
    /// On an open file; `fresh_line`: its end lacks the line break.
    pub(super) fn new(path: PathBuf, file: File, disk: Box<dyn Disk>, fresh_line: bool) -> io::Result<Self> {
        let about = file.metadata()?;
        Ok(Self { path, file, disk, length: about.len(), identity: (about.dev(), about.ino()), fresh_line })
    }

    /// Appends text, or nothing of it.
    pub(super) fn append(&mut self, text: &str, sync: bool) -> io::Result<()> {
        let text = if self.fresh_line { format!("\n{text}") } else { text.to_owned() };
        let mut written = self.disk.write(&self.file, text.as_bytes());
        if written.is_ok() && sync {
            written = self.disk.sync(&self.file);
        }
        match written {
            Ok(()) => {
                self.length += text.len() as u64;
                self.fresh_line = false;
            }
            // What was written of it goes; if even that fails, the next text begins on a line of its own.
            Err(_) if self.file.set_len(self.length).is_ok() => {}
            Err(_) => {
                self.length = self.file.metadata()?.len();
                self.fresh_line = true;
            }
        }
        written
    }

    /// Whether there is room again, for more than the last block's rest; nothing of it stays.
    pub(super) fn has_room(&mut self) -> io::Result<()> {
        let written = self.disk.write(&self.file, &[b'\n'; 4_096]);
        self.file.set_len(self.length)?;
        written
    }

    /// Whether the file is still the one that was opened, and as long as it was left. Where it is not, it is put back as far as
    /// that can be; the name of a file that was put aside for it comes with it.
    pub(super) fn look(&mut self) -> io::Result<Option<(What, Option<String>)>> {
        let there = match std::fs::metadata(&self.path) {
            Ok(about) => Some((about.dev(), about.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let length = self.file.metadata()?.len();
        let what = match there {
            None => {
                self.put_back()?;
                return Ok(Some((What::Deleted, None)));
            }
            Some(identity) if identity != self.identity => {
                let aside = spare(&self.path, "replaced");
                std::fs::rename(&self.path, &aside)?;
                self.put_back()?;
                return Ok(Some((What::Replaced, name_of(&aside))));
            }
            Some(_) if length < self.length => What::Shortened,
            Some(_) if length > self.length => What::Grown,
            Some(_) => return Ok(None),
        };
        self.length = length;
        let mut last = [b'\n'];
        if length > 0 {
            self.file.read_exact_at(&mut last, length - 1)?;
        }
        self.fresh_line = last != [b'\n'];
        Ok(Some((what, None)))
    }

    /// The open file still has every line, whatever became of its name.
    fn put_back(&mut self) -> io::Result<()> {
        let next = self.path.with_extension(super::NEXT);
        let _ = std::fs::remove_file(&next);
        let mut file = private(OpenOptions::new().read(true).append(true).create_new(true)).open(&next)?;
        let mut at = 0;
        let mut bytes = vec![0; 1 << 16];
        loop {
            let read = self.file.read_at(&mut bytes, at)?;
            if read == 0 {
                break;
            }
            file.write_all(&bytes[..read])?;
            at += read as u64;
        }
        file.sync_all()?;
        std::fs::rename(&next, &self.path)?;
        sync_folder(&self.path)?;
        let about = file.metadata()?;
        (self.length, self.identity) = (about.len(), (about.dev(), about.ino()));
        self.file = file;
        Ok(())
    }
}

/// For the agent's eyes only.
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

/// Has the disk know of a file that was made, renamed or deleted.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// A free name beside a journal, for what is put aside.
pub(super) fn spare(path: &Path, why: &str) -> PathBuf {
    let second = Timestamp::now().as_second();
    let named = |number: usize| {
        let more = if number == 0 { String::new() } else { format!("-{number}") };
        path.with_extension(format!("{why}-{second}{more}"))
    };
    (0..).map(named).find(|path| !path.exists()).expect("some name is free")
}

pub(super) fn name_of(path: &Path) -> Option<String> {
    path.file_name().map(|name| name.to_string_lossy().into_owned())
}

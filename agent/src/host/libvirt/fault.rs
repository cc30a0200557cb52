//! What libvirt's errors mean: each code is mapped once, here.

use virt::enumutil::Enum;
use virt::error::{Error, ErrorDomain, ErrorNumber};

use super::{DownReason, said};
use crate::host::events::sys;
use crate::host::names::NameError;
use crate::host::xml::clone::CloneError;
use crate::host::xml::image::ImageError;
use crate::host::xml::read::ReadError;
use crate::host::{HostError, HostErrorKind, Reason};

/// Linux's numbers (`asm-generic/errno-base.h`, `errno.h`) that say something about the host.
mod errno {
    pub const EPERM: i32 = 1;
    pub const ENOENT: i32 = 2;
    pub const ENOMEM: i32 = 12;
    pub const EACCES: i32 = 13;
    pub const ENOSPC: i32 = 28;
    pub const ECONNREFUSED: i32 = 111;
    pub const EDQUOT: i32 = 122;
}

/// What went wrong inside a call, before it is known on what.
#[derive(Debug)]
pub struct Fault {
    /// What sort.
    pub kind: HostErrorKind,
    /// Whether the connection itself failed, so that an op may or may not have happened.
    pub link_broke: bool,
    reason: Option<Reason>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Fault {
    /// A failure that Atoll itself found.
    pub fn new(kind: HostErrorKind) -> Self {
        Self { kind, link_broke: false, reason: None, source: None }
    }

    /// A failure with its cause.
    pub fn of(kind: HostErrorKind, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { kind, link_broke: false, reason: None, source: Some(Box::new(source)) }
    }

    /// The same, with why.
    pub fn because(self, reason: Reason) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// The same, of another sort: what a broken connection means depends on what was tried.
    pub fn with_kind(self, kind: HostErrorKind) -> Self {
        Self { kind, ..self }
    }

    /// The error people see.
    pub fn at(self, operation: &'static str, on: &str) -> HostError {
        HostError { kind: self.kind, operation, on: on.to_owned(), reason: self.reason, source: self.source }
    }
}

impl From<Error> for Fault {
    /// Must be made right after the call, as `?` does: it also asks for `errno`.
    fn from(error: Error) -> Self {
        let by_code = kind(&error, sys::last_errno());
        let link_broke = is_link(&error);
        // Of a broken connection only that counts.
        let said = Some(error.message()).filter(|_| !link_broke).and_then(said::recognise);
        let (reason, by_words) = said.map_or((None, None), |(reason, kind)| (Some(reason), kind));
        Self { kind: by_words.unwrap_or(by_code), link_broke, reason, source: Some(Box::new(error)) }
    }
}

impl From<ReadError> for Fault {
    fn from(error: ReadError) -> Self {
        Self::of(HostErrorKind::Failed, error)
    }
}

impl From<CloneError> for Fault {
    fn from(error: CloneError) -> Self {
        let (kind, reason) = match &error {
            CloneError::Read(_) => (HostErrorKind::Failed, None),
            CloneError::Disk(name) => (HostErrorKind::Unsupported, Some(("clone_disk", name))),
            CloneError::Device(name) => (HostErrorKind::Unsupported, Some(("clone_device", name))),
        };
        let reason = reason.map(|(sentence, name)| Reason::new(sentence).with("name", name));
        Self { reason, ..Self::of(kind, error) }
    }
}

impl From<NameError> for Fault {
    fn from(error: NameError) -> Self {
        Self::of(HostErrorKind::Failed, error)
    }
}

impl From<ImageError> for Fault {
    fn from(error: ImageError) -> Self {
        let kind = match error {
            ImageError::BackingFile | ImageError::DataFile => HostErrorKind::Denied,
            ImageError::OtherFormat(_) => HostErrorKind::Failed,
            ImageError::UnknownFormat => HostErrorKind::Unsupported,
        };
        Self::of(kind, error)
    }
}

/// libvirt's RPC layer speaks of the connection, not of the object.
fn is_link(error: &Error) -> bool {
    matches!(error.domain(), Enum::Known(ErrorDomain::Rpc))
        && matches!(
            error.code(),
            Enum::Known(
                ErrorNumber::SystemError | ErrorNumber::InternalError | ErrorNumber::Rpc | ErrorNumber::OperationFailed
            )
        )
}

/// `virErrorNumber` → kind.
fn kind(error: &Error, errno: Option<i32>) -> HostErrorKind {
    use ErrorNumber as Number;
    use HostErrorKind as Kind;
    let Enum::Known(code) = error.code() else { return Kind::Failed };
    match code {
        Number::NoDomain
        | Number::NoDomainSnapshot
        | Number::NoStoragePool
        | Number::NoStorageVolume
        | Number::NoNetwork
        | Number::DeviceMissing => Kind::NotFound,
        Number::DomExist | Number::NetworkExist | Number::StorageVolExist => Kind::Exists,
        Number::OperationInvalid => Kind::WrongState,
        Number::NoSupport | Number::OperationUnsupported | Number::ConfigUnsupported | Number::ArgumentUnsupported => {
            Kind::Unsupported
        }
        Number::OperationDenied
        | Number::AccessDenied
        | Number::AuthFailed
        | Number::AuthCancelled
        | Number::AuthUnavailable => Kind::Denied,
        Number::NoMemory => Kind::NoRoom,
        // The lock of the domain could not be had: somebody else's job runs, nothing was done.
        Number::OperationTimeout | Number::ResourceBusy | Number::BlockCopyActive => Kind::Busy,
        Number::OperationAborted => Kind::Stopped,
        Number::NoConnect | Number::InvalidConn => Kind::Unreachable,
        Number::SystemError => match errno {
            Some(errno::ENOSPC | errno::EDQUOT | errno::ENOMEM) => Kind::NoRoom,
            Some(errno::EACCES | errno::EPERM) => Kind::Denied,
            _ => Kind::Failed,
        },
        _ => Kind::Failed,
    }
}

/// Drivers that libvirt has or had. It hands an unknown scheme to the local daemon instead of refusing it, so without a daemon
/// a slip in the scheme would look like a daemon that is not running.
const SCHEMES: [&str; 16] = [
    "qemu",
    "test",
    "lxc",
    "xen",
    "ch",
    "vbox",
    "vz",
    "openvz",
    "bhyve",
    "esx",
    "gsx",
    "vpx",
    "hyperv",
    "vmwareplayer",
    "vmwarews",
    "vmwarefusion",
];

/// Why a connection could not be opened, for `doctor`. Must be asked right after the failure.
pub fn why_not_open(error: &Error, uri: &str) -> DownReason {
    use ErrorNumber as Number;
    let errno = sys::last_errno();
    let driver = uri.split_once("://").map(|(scheme, _)| scheme.split('+').next().unwrap_or(scheme));
    if !driver.is_some_and(|driver| SCHEMES.contains(&driver)) {
        return DownReason::BadUri;
    }
    match error.code() {
        Enum::Known(
            Number::NoConnect | Number::InvalidArg | Number::UnknownHost | Number::XmlError | Number::NoSupport,
        ) => DownReason::BadUri,
        Enum::Known(
            Number::AuthFailed
            | Number::AuthCancelled
            | Number::AuthUnavailable
            | Number::OperationDenied
            | Number::AccessDenied,
        ) => DownReason::Denied,
        Enum::Known(Number::SystemError) => match errno {
            Some(errno::EACCES | errno::EPERM) => DownReason::Denied,
            Some(errno::ENOENT | errno::ECONNREFUSED) => DownReason::NotRunning,
            _ => DownReason::Other,
        },
        _ => DownReason::Other,
    }
}

//! libvirt's events and the other calls for which `virt` has no safe wrapper.
//!
//! All calls of libvirt that are `unsafe`. What keeps it sound:
//!
//! - A callback gets a pointer to a boxed [`Ear`], made by [`Box::into_raw`] when it is registered. libvirt calls it from the
//!   event loop thread, through a shared reference (an `Ear` is `Sync`), and gives it back exactly once, to
//!   [`release`], when the callback is deregistered or the connection ends; when registering fails, we take it back.
//! - A callback only copies strings and calls its ear, which only sends to an unbounded channel: it does not block, call
//!   libvirt back, or unwind.
//! - [`Subscription`] holds its own reference to the connection, so it can deregister as long as it lives.

#![expect(unsafe_code, reason = "libvirt's callbacks have no safe wrapper in virt 0.5")]

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use uuid::Uuid;
use virt::connect::Connect;
use virt::error::Error;
use virt_sys as raw;

use super::{CloseReason, Heard, What};

/// libvirt's numbers of lifecycle events and of their details, as callbacks carry them.
macro_rules! numbers {
    ($($name:ident = $raw:ident),* $(,)?) => {
        $(#[doc = concat!("`", stringify!($raw), "`")] pub const $name: c_int = raw::$raw as c_int;)*
    };
}
numbers! {
    DEFINED = VIR_DOMAIN_EVENT_DEFINED,
    DEFINED_ADDED = VIR_DOMAIN_EVENT_DEFINED_ADDED,
    DEFINED_UPDATED = VIR_DOMAIN_EVENT_DEFINED_UPDATED,
    DEFINED_RENAMED = VIR_DOMAIN_EVENT_DEFINED_RENAMED,
    DEFINED_FROM_SNAPSHOT = VIR_DOMAIN_EVENT_DEFINED_FROM_SNAPSHOT,
    UNDEFINED = VIR_DOMAIN_EVENT_UNDEFINED,
    UNDEFINED_REMOVED = VIR_DOMAIN_EVENT_UNDEFINED_REMOVED,
    UNDEFINED_RENAMED = VIR_DOMAIN_EVENT_UNDEFINED_RENAMED,
    STARTED = VIR_DOMAIN_EVENT_STARTED,
    STARTED_BOOTED = VIR_DOMAIN_EVENT_STARTED_BOOTED,
    STARTED_MIGRATED = VIR_DOMAIN_EVENT_STARTED_MIGRATED,
    STARTED_RESTORED = VIR_DOMAIN_EVENT_STARTED_RESTORED,
    STARTED_FROM_SNAPSHOT = VIR_DOMAIN_EVENT_STARTED_FROM_SNAPSHOT,
    STARTED_WAKEUP = VIR_DOMAIN_EVENT_STARTED_WAKEUP,
    STARTED_RECREATED = VIR_DOMAIN_EVENT_STARTED_RECREATED,
    SUSPENDED = VIR_DOMAIN_EVENT_SUSPENDED,
    SUSPENDED_PAUSED = VIR_DOMAIN_EVENT_SUSPENDED_PAUSED,
    SUSPENDED_MIGRATED = VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED,
    SUSPENDED_IOERROR = VIR_DOMAIN_EVENT_SUSPENDED_IOERROR,
    SUSPENDED_WATCHDOG = VIR_DOMAIN_EVENT_SUSPENDED_WATCHDOG,
    SUSPENDED_RESTORED = VIR_DOMAIN_EVENT_SUSPENDED_RESTORED,
    SUSPENDED_FROM_SNAPSHOT = VIR_DOMAIN_EVENT_SUSPENDED_FROM_SNAPSHOT,
    SUSPENDED_API_ERROR = VIR_DOMAIN_EVENT_SUSPENDED_API_ERROR,
    SUSPENDED_POSTCOPY = VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY,
    SUSPENDED_POSTCOPY_FAILED = VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY_FAILED,
    SUSPENDED_GUEST_SHUTDOWN = VIR_DOMAIN_EVENT_SUSPENDED_GUEST_SHUTDOWN,
    RESUMED = VIR_DOMAIN_EVENT_RESUMED,
    RESUMED_UNPAUSED = VIR_DOMAIN_EVENT_RESUMED_UNPAUSED,
    RESUMED_MIGRATED = VIR_DOMAIN_EVENT_RESUMED_MIGRATED,
    RESUMED_FROM_SNAPSHOT = VIR_DOMAIN_EVENT_RESUMED_FROM_SNAPSHOT,
    RESUMED_POSTCOPY = VIR_DOMAIN_EVENT_RESUMED_POSTCOPY,
    RESUMED_POSTCOPY_FAILED = VIR_DOMAIN_EVENT_RESUMED_POSTCOPY_FAILED,
    STOPPED = VIR_DOMAIN_EVENT_STOPPED,
    STOPPED_SHUTDOWN = VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN,
    STOPPED_DESTROYED = VIR_DOMAIN_EVENT_STOPPED_DESTROYED,
    STOPPED_CRASHED = VIR_DOMAIN_EVENT_STOPPED_CRASHED,
    STOPPED_MIGRATED = VIR_DOMAIN_EVENT_STOPPED_MIGRATED,
    STOPPED_SAVED = VIR_DOMAIN_EVENT_STOPPED_SAVED,
    STOPPED_FAILED = VIR_DOMAIN_EVENT_STOPPED_FAILED,
    STOPPED_FROM_SNAPSHOT = VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT,
    STOPPED_RECREATED = VIR_DOMAIN_EVENT_STOPPED_RECREATED,
    SHUTDOWN = VIR_DOMAIN_EVENT_SHUTDOWN,
    SHUTDOWN_FINISHED = VIR_DOMAIN_EVENT_SHUTDOWN_FINISHED,
    SHUTDOWN_GUEST = VIR_DOMAIN_EVENT_SHUTDOWN_GUEST,
    SHUTDOWN_HOST = VIR_DOMAIN_EVENT_SHUTDOWN_HOST,
    PMSUSPENDED = VIR_DOMAIN_EVENT_PMSUSPENDED,
    PMSUSPENDED_MEMORY = VIR_DOMAIN_EVENT_PMSUSPENDED_MEMORY,
    PMSUSPENDED_DISK = VIR_DOMAIN_EVENT_PMSUSPENDED_DISK,
    CRASHED = VIR_DOMAIN_EVENT_CRASHED,
    CRASHED_PANICKED = VIR_DOMAIN_EVENT_CRASHED_PANICKED,
    CRASHED_CRASHLOADED = VIR_DOMAIN_EVENT_CRASHED_CRASHLOADED,
}

/// How often the loop turns when nothing happens.
const TURN_MS: c_int = 1_000;

/// The wait before the loop is tried again after it failed.
const PAUSE: Duration = Duration::from_millis(TURN_MS as u64);

/// Starts libvirt's event loop in a thread of its own, once per process. Must come before the first connection, or that
/// connection has neither events nor keepalive.
///
/// # Errors
/// When libvirt can't register its loop or the thread can't be started.
pub fn start_loop() -> Result<(), LoopError> {
    static STARTED: OnceLock<Result<(), LoopError>> = OnceLock::new();
    STARTED.get_or_init(register_loop).clone()
}

/// Why there is no event loop.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LoopError {
    /// `virEventRegisterDefaultImpl` or `virEventAddTimeout` failed.
    #[error("libvirt has no event loop: {0}")]
    Register(String),
    /// No thread to run it.
    #[error("no thread for libvirt's event loop: {0}")]
    Thread(String),
}

fn register_loop() -> Result<(), LoopError> {
    let failed = || LoopError::Register(Error::last_error().to_string());
    // SAFETY: neither takes a pointer that must stay valid; the timer has no data. `silent` ignores its arguments.
    unsafe {
        raw::virSetErrorFunc(std::ptr::null_mut(), Some(silent));
        if raw::virEventRegisterDefaultImpl() < 0 {
            return Err(failed());
        }
        if raw::virEventAddTimeout(TURN_MS, Some(turn), std::ptr::null_mut(), None) < 0 {
            return Err(failed());
        }
    }
    let run = || {
        loop {
            // SAFETY: the loop was registered above, and this thread alone runs it.
            if unsafe { raw::virEventRunDefaultImpl() } < 0 {
                tracing::error!(error = %Error::last_error(), "libvirt's event loop failed");
                // Seldom if ever, but not as fast as the machine can.
                thread::sleep(PAUSE);
            }
        }
    };
    let spawned = thread::Builder::new().name("libvirt-events".to_owned()).spawn(run);
    spawned.map(drop).map_err(|error| LoopError::Thread(error.to_string()))
}

/// Errors come back from the calls; libvirt need not print them on standard error as well.
unsafe extern "C" fn silent(_data: *mut c_void, _error: raw::virErrorPtr) {}

/// The loop's heartbeat: nothing to do, but the loop comes round.
unsafe extern "C" fn turn(_timer: c_int, _data: *mut c_void) {}

/// Who hears the callbacks of a connection. Called in the event loop's thread: it may only pass on, never block or panic.
pub type Ear = Arc<dyn Fn(Heard) + Send + Sync>;

/// The callbacks of one connection. Dropping it deregisters them, which may ask the daemon: drop it where blocking is fine.
#[derive(Debug)]
pub struct Subscription {
    connection: Connect,
    ids: Vec<c_int>,
    watches_close: bool,
}

/// Asks for the events of all domains of a connection, and for its end.
///
/// A driver without some kind of event is no error: what it has is heard.
///
/// # Errors
/// When it has no lifecycle events at all.
pub fn subscribe(connection: &Connect, heard: &Ear) -> Result<Subscription, Error> {
    let mut subscription = Subscription { connection: connection.clone(), ids: Vec::new(), watches_close: false };
    // SAFETY: each callback has the signature that libvirt documents for its event, and is cast to the generic one as
    // libvirt's own macro VIR_DOMAIN_EVENT_CALLBACK does.
    unsafe {
        let lifecycle = std::mem::transmute::<raw::virConnectDomainEventCallback, Generic>(Some(on_lifecycle));
        subscription.register(raw::VIR_DOMAIN_EVENT_ID_LIFECYCLE, lifecycle, heard)?;
        let added = std::mem::transmute::<raw::virConnectDomainEventDeviceAddedCallback, Generic>(Some(on_added));
        let removed = std::mem::transmute::<raw::virConnectDomainEventDeviceRemovedCallback, Generic>(Some(on_removed));
        let kept = std::mem::transmute::<raw::virConnectDomainEventDeviceRemovalFailedCallback, Generic>(Some(on_kept));
        let io_error =
            std::mem::transmute::<raw::virConnectDomainEventIOErrorReasonCallback, Generic>(Some(on_io_error));
        for (event, callback) in [
            (raw::VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON, io_error),
            (raw::VIR_DOMAIN_EVENT_ID_REBOOT, Some(on_reboot as RebootCallback)),
            (raw::VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, added),
            (raw::VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, removed),
            (raw::VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED, kept),
        ] {
            if let Err(error) = subscription.register(event, callback, heard) {
                tracing::debug!(event, %error, "events of that kind are not offered");
            }
        }
    }
    subscription.watch_close(heard);
    Ok(subscription)
}

type Generic = raw::virConnectDomainEventGenericCallback;
type RebootCallback = unsafe extern "C" fn(raw::virConnectPtr, raw::virDomainPtr, *mut c_void);

impl Subscription {
    /// # Safety
    /// The callback must have the signature of that event.
    unsafe fn register(&mut self, event: u32, callback: Generic, heard: &Ear) -> Result<(), Error> {
        let data = boxed(heard);
        let event = c_int::try_from(event).expect("event ids are below 30");
        // SAFETY: the connection is alive; `data` lives until `release` is called with it.
        unsafe {
            let id = raw::virConnectDomainEventRegisterAny(
                self.connection.as_ptr(),
                std::ptr::null_mut(),
                event,
                callback,
                data,
                Some(release),
            );
            if id < 0 {
                let error = Error::last_error();
                release(data);
                return Err(error);
            }
            self.ids.push(id);
        }
        Ok(())
    }

    fn watch_close(&mut self, heard: &Ear) {
        let data = boxed(heard);
        // SAFETY: as in `register`.
        unsafe {
            let done =
                raw::virConnectRegisterCloseCallback(self.connection.as_ptr(), Some(on_close), data, Some(release));
            // Drivers inside the process have no connection that could end; libvirt says 0 all the same and never gives
            // the ear back: one is leaked with each such connection, of which there is one per process.
            if done < 0 {
                release(data);
            } else {
                self.watches_close = true;
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // SAFETY: our own reference keeps the connection alive; the ids are those that libvirt gave. Failure means that the
        // connection is gone, and then libvirt has dropped the callbacks itself.
        unsafe {
            for &id in &self.ids {
                raw::virConnectDomainEventDeregisterAny(self.connection.as_ptr(), id);
            }
            if self.watches_close {
                raw::virConnectUnregisterCloseCallback(self.connection.as_ptr(), Some(on_close));
            }
        }
    }
}

/// `errno` of the last failed call of this thread, where libvirt's code is "system error" (`virError.int1`).
///
/// Must be asked right after the failure: the next call, also a `drop`, resets it.
pub fn last_errno() -> Option<i32> {
    // SAFETY: the error is this thread's own; it is read before any other call.
    let (code, errno) = unsafe {
        let error = raw::virGetLastError();
        if error.is_null() {
            return None;
        }
        ((*error).code, (*error).int1)
    };
    let is_system = u32::try_from(code).is_ok_and(|code| code == raw::VIR_ERR_SYSTEM_ERROR);
    (is_system && errno != 0).then_some(errno)
}

/// A domain's state and libvirt's reason for it; `virt` swallows the error of this call.
///
/// # Errors
/// As `virDomainGetState`.
pub fn state(domain: &virt::domain::Domain) -> Result<(i32, i32), Error> {
    let (mut state, mut reason) = (0, 0);
    // SAFETY: the domain is alive, both numbers outlive the call.
    let done = unsafe { raw::virDomainGetState(domain.as_ptr(), &raw mut state, &raw mut reason, 0) };
    if done < 0 { Err(Error::last_error()) } else { Ok((state, reason)) }
}

/// Stops the job that libvirt works on for a domain.
///
/// # Errors
/// As `virDomainAbortJob`: there is none, or it can't be stopped.
pub fn abort_job(domain: &virt::domain::Domain) -> Result<(), Error> {
    // SAFETY: the domain is alive.
    let done = unsafe { raw::virDomainAbortJob(domain.as_ptr()) };
    if done < 0 { Err(Error::last_error()) } else { Ok(()) }
}

/// `VIR_DOMAIN_BLOCK_COPY_REUSE_EXT`: onto what is there already.
pub const COPY_REUSE_EXT: u32 = raw::VIR_DOMAIN_BLOCK_COPY_REUSE_EXT;
/// `VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB`: a domain with a definition may have one too; it does not outlive a power-off.
pub const COPY_TRANSIENT_JOB: u32 = raw::VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB;
/// `VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT`: ends a copy that is complete by using it.
pub const ABORT_PIVOT: u32 = raw::VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT;

/// Begins to copy a disk of a running domain; `xml` is a `<disk>` with its format and source. It takes at most so many MiB a second, from
/// its first byte on; 0 for as fast as it goes.
///
/// # Errors
/// As `virDomainBlockCopy`.
pub fn block_copy(domain: &virt::domain::Domain, target: &str, xml: &str, most: u64, flags: u32) -> Result<(), Error> {
    let (target, xml, bandwidth) = (text(target), text(xml), text("bandwidth"));
    let (mut parameters, mut count, mut room) = (std::ptr::null_mut(), 0, 0);
    // SAFETY: the domain is alive, all texts end with a zero and outlive the calls; libvirt makes the list of parameters, and
    // it is freed once, after its last use.
    let done = unsafe {
        let bytes = most.saturating_mul(1 << 20);
        let added = most == 0
            || raw::virTypedParamsAddULLong(&mut parameters, &mut count, &mut room, bandwidth.as_ptr(), bytes) == 0;
        let done = if added {
            raw::virDomainBlockCopy(domain.as_ptr(), target.as_ptr(), xml.as_ptr(), parameters, count, flags)
        } else {
            -1
        };
        raw::virTypedParamsFree(parameters, count);
        done
    };
    if done < 0 { Err(Error::last_error()) } else { Ok(()) }
}

/// Ends the job of a disk: stops it, or with [`ABORT_PIVOT`] has the domain use the copy.
///
/// # Errors
/// As `virDomainBlockJobAbort`.
pub fn block_abort(domain: &virt::domain::Domain, target: &str, flags: u32) -> Result<(), Error> {
    let target = text(target);
    // SAFETY: the domain is alive, the text ends with a zero and outlives the call.
    let done = unsafe { raw::virDomainBlockJobAbort(domain.as_ptr(), target.as_ptr(), flags) };
    if done < 0 { Err(Error::last_error()) } else { Ok(()) }
}

/// How far the job of a disk is, in bytes, and of how many; `None` when it has none.
///
/// # Errors
/// As `virDomainGetBlockJobInfo`.
pub fn block_job(domain: &virt::domain::Domain, target: &str) -> Result<Option<(u64, u64)>, Error> {
    let target = text(target);
    let mut info = raw::virDomainBlockJobInfo { type_: 0, bandwidth: 0, cur: 0, end: 0 };
    // SAFETY: the domain is alive, the text ends with a zero, and both outlive the call.
    let found = unsafe { raw::virDomainGetBlockJobInfo(domain.as_ptr(), target.as_ptr(), &raw mut info, 0) };
    match found {
        ..0 => Err(Error::last_error()),
        0 => Ok(None),
        1.. => Ok(Some((info.cur, info.end))),
    }
}

/// As C wants it; what stands behind a zero is cut off.
fn text(text: &str) -> CString {
    let whole = text.split('\0').next().unwrap_or_default();
    CString::new(whole).expect("there is no zero left in it")
}

unsafe extern "C" {
    /// C's own: what libvirt gives away to be freed is from C's `malloc`.
    fn free(pointer: *mut c_void);
}

/// The definition in a domain's saved state, with which it will go on.
///
/// # Errors
/// As `virDomainManagedSaveGetXMLDesc`.
pub fn saved_xml(domain: &virt::domain::Domain) -> Result<String, Error> {
    // SAFETY: the domain is alive; the text is ours from here on, ends with a zero, and is freed once, after it was copied.
    unsafe {
        let text = raw::virDomainManagedSaveGetXMLDesc(domain.as_ptr(), 0);
        if text.is_null() {
            return Err(Error::last_error());
        }
        let copy = CStr::from_ptr(text).to_string_lossy().into_owned();
        free(text.cast());
        Ok(copy)
    }
}

/// Statistics of a domain by libvirt's names of them.
pub type Counts = HashMap<String, u64>;

/// Processor and balloon statistics of all running domains, by libvirt's names of them (`virConnectGetAllDomainStats`), in
/// one call. A domain that is busy with a job is not waited for and tells less. `virt` gives records that nobody frees.
///
/// # Errors
/// As `virConnectGetAllDomainStats`.
pub fn all_stats(connection: &Connect) -> Result<Vec<(Uuid, Counts)>, Error> {
    let wanted = raw::VIR_DOMAIN_STATS_STATE | raw::VIR_DOMAIN_STATS_CPU_TOTAL | raw::VIR_DOMAIN_STATS_BALLOON;
    let active = raw::VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE;
    let nowait = raw::VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT;
    let mut records: *mut raw::virDomainStatsRecordPtr = std::ptr::null_mut();
    // SAFETY: the connection is alive; on success `records` is a list of that many records, ours until it is freed below.
    unsafe {
        let mut count =
            raw::virConnectGetAllDomainStats(connection.as_ptr(), wanted, &raw mut records, active | nowait);
        if count < 0 {
            // Drivers and daemons that don't know how not to wait.
            count = raw::virConnectGetAllDomainStats(connection.as_ptr(), wanted, &raw mut records, active);
        }
        let Ok(count) = usize::try_from(count) else { return Err(Error::last_error()) };
        let read = (0..count).filter_map(|index| record(&**records.add(index))).collect();
        raw::virDomainStatsRecordListFree(records);
        Ok(read)
    }
}

/// One record: the domain, and those of its values that are counts.
///
/// # Safety
/// A record as libvirt made it, not freed.
unsafe fn record(record: &raw::virDomainStatsRecord) -> Option<(Uuid, Counts)> {
    let mut uuid = [0u8; raw::VIR_UUID_BUFLEN as usize];
    // SAFETY: the record holds a live domain and `nparams` parameters; a name ends with a zero within its 80 bytes; which
    // member of a value is set is said by its type.
    unsafe {
        if raw::virDomainGetUUID(record.dom, uuid.as_mut_ptr()) < 0 {
            return None;
        }
        let count = usize::try_from(record.nparams).unwrap_or(0);
        let count = if record.params.is_null() { 0 } else { count };
        let values = (0..count).filter_map(|index| {
            let parameter = &*record.params.add(index);
            let value = match u32::try_from(parameter.type_).ok()? {
                raw::VIR_TYPED_PARAM_INT => u64::try_from(parameter.value.i).ok()?,
                raw::VIR_TYPED_PARAM_UINT => u64::from(parameter.value.ui),
                raw::VIR_TYPED_PARAM_LLONG => u64::try_from(parameter.value.l).ok()?,
                raw::VIR_TYPED_PARAM_ULLONG => parameter.value.ul,
                _ => return None,
            };
            Some((owned(parameter.field.as_ptr()), value))
        });
        Some((Uuid::from_bytes(uuid), values.collect()))
    }
}

fn boxed(heard: &Ear) -> *mut c_void {
    Box::into_raw(Box::new(heard.clone())).cast()
}

/// Takes back what [`boxed`] gave away.
unsafe extern "C" fn release(data: *mut c_void) {
    // SAFETY: libvirt passes the pointer it was given, once.
    drop(unsafe { Box::from_raw(data.cast::<Ear>()) });
}

/// Tells the ear.
///
/// # Safety
/// `data` is from [`boxed`] and not released; `domain` is alive for the time of the callback.
unsafe fn tell(domain: raw::virDomainPtr, what: What, data: *mut c_void) {
    let mut uuid = [0u8; raw::VIR_UUID_BUFLEN as usize];
    // SAFETY: as the caller promises; the buffer has the length that libvirt wants; the name belongs to the domain.
    let (heard, name) = unsafe {
        if raw::virDomainGetUUID(domain, uuid.as_mut_ptr()) < 0 {
            return;
        }
        (&*data.cast_const().cast::<Ear>(), owned(raw::virDomainGetName(domain)))
    };
    heard(Heard::Domain { uuid: Uuid::from_bytes(uuid), name, what });
}

/// # Safety
/// Null or a C string.
unsafe fn owned(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not null, so a C string.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

unsafe extern "C" fn on_lifecycle(
    _connection: raw::virConnectPtr,
    domain: raw::virDomainPtr,
    event: c_int,
    detail: c_int,
    data: *mut c_void,
) -> c_int {
    // SAFETY: libvirt's arguments and our data.
    unsafe { tell(domain, What::Lifecycle(event, detail), data) };
    0
}

unsafe extern "C" fn on_reboot(_connection: raw::virConnectPtr, domain: raw::virDomainPtr, data: *mut c_void) {
    // SAFETY: as above.
    unsafe { tell(domain, What::Reboot, data) }
}

macro_rules! device_callback {
    ($name:ident, $what:path) => {
        unsafe extern "C" fn $name(
            _connection: raw::virConnectPtr,
            domain: raw::virDomainPtr,
            alias: *const c_char,
            data: *mut c_void,
        ) {
            // SAFETY: as above; the alias is libvirt's C string.
            unsafe { tell(domain, $what(owned(alias)), data) }
        }
    };
}
device_callback!(on_added, What::DeviceAdded);
device_callback!(on_removed, What::DeviceRemoved);
device_callback!(on_kept, What::DeviceKept);

unsafe extern "C" fn on_io_error(
    _connection: raw::virConnectPtr,
    domain: raw::virDomainPtr,
    _path: *const c_char,
    _alias: *const c_char,
    _action: c_int,
    reason: *const c_char,
    data: *mut c_void,
) {
    // SAFETY: as above; the reason is libvirt's C string.
    unsafe { tell(domain, What::IoError(owned(reason)), data) }
}

unsafe extern "C" fn on_close(_connection: raw::virConnectPtr, reason: c_int, data: *mut c_void) {
    // SAFETY: our data.
    let heard = unsafe { &*data.cast_const().cast::<Ear>() };
    let reason = match u32::try_from(reason) {
        Ok(raw::VIR_CONNECT_CLOSE_REASON_EOF) => CloseReason::EndOfFile,
        Ok(raw::VIR_CONNECT_CLOSE_REASON_KEEPALIVE) => CloseReason::Keepalive,
        Ok(raw::VIR_CONNECT_CLOSE_REASON_CLIENT) => CloseReason::Client,
        _ => CloseReason::Error,
    };
    heard(Heard::Closed(reason));
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{RecvTimeoutError, channel};
    use std::time::Instant;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(10);

    #[test]
    fn all_running_domains_tell_in_one_call_and_those_that_are_off_do_not() {
        start_loop().unwrap();
        let connection = Connect::open(Some("test:///default")).unwrap();
        let domain = connection.lookup_domain_by_name("test").unwrap();
        let uuid = domain.uuid().unwrap();
        let stats = all_stats(&connection).unwrap();
        assert!(stats.iter().any(|(of, values)| *of == uuid && values.get("state.state") == Some(&1)), "{stats:?}");
        domain.destroy().unwrap();
        assert!(all_stats(&connection).unwrap().iter().all(|(of, _)| *of != uuid));
    }

    #[test]
    fn events_of_the_test_driver_arrive_and_the_sender_is_given_back() {
        start_loop().unwrap();
        start_loop().unwrap();
        let connection = Connect::open(Some("test:///default")).unwrap();
        let (sender, heard) = channel();
        let ear: Ear = Arc::new(move |heard| sender.send(heard).unwrap_or_default());
        let subscription = subscribe(&connection, &ear).unwrap();
        let domain = connection.lookup_domain_by_name("test").unwrap();
        domain.suspend().unwrap();
        let Heard::Domain { uuid, name, what } = heard.recv_timeout(DEADLINE).unwrap() else { panic!("no end yet") };
        assert_eq!((uuid, name.as_str()), (domain.uuid().unwrap(), "test"));
        assert_eq!(what, What::Lifecycle(SUSPENDED, 0));
        assert_eq!(state(&domain).unwrap().0, 3);

        assert_eq!(Arc::strong_count(&ear), 1 + 6 + 1, "ours, six kinds of events, the end of the connection");
        drop(subscription);
        // The event loop may be the one that lets go. What stays is the one leaked by a driver without close callbacks.
        let deadline = Instant::now() + DEADLINE;
        while Arc::strong_count(&ear) > 2 {
            assert!(Instant::now() < deadline, "the ears are given back");
            thread::yield_now();
        }
        domain.resume().unwrap();
        assert_eq!(
            heard.recv_timeout(Duration::from_millis(1)),
            Err(RecvTimeoutError::Timeout),
            "nobody hears any more"
        );
    }

    #[test]
    fn the_number_of_a_system_error_is_kept() {
        start_loop().unwrap();
        let error = Connect::open(Some("qemu+unix:///session?socket=/nonexistent/socket&mode=direct")).unwrap_err();
        assert_eq!(last_errno(), Some(2), "{error}");
    }
}

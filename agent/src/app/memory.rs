//! How many heaps the C library keeps, and that it gives back what a start needed.
//!
//! glibc gives every thread that asks for memory a heap of its own, up to eight for each processor, and gives little of them back. An agent that
//! blocks on dozens of threads grows for as long as it runs: from 186 to 213 MiB over 24,000 messages, and from 170 to 178, then no more, with two
//! heaps (`./bench crowd`). mimalloc does not grow either, and takes twice as much.

#![expect(unsafe_code, reason = "mallopt is a call of the C library")]

/// Most heaps.
const HEAPS: libc::c_int = 2;

/// Keeps heaps few. For the beginning of a program: it has no say about heaps that are there.
pub fn keep_heaps_few() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: mallopt takes two numbers and is called before there are threads; who sets MALLOC_ARENA_MAX knows better.
        if std::env::var_os("MALLOC_ARENA_MAX").is_none() && unsafe { libc::mallopt(libc::M_ARENA_MAX, HEAPS) } == 0 {
            tracing::debug!("the number of heaps stays as it was");
        }
    }
}

/// Gives back what the start needed and nothing needs any more: what libvirt and the journal told of ten thousand machines leaves 80 MiB.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: malloc_trim takes a number, may be called at any time and from any thread, and moves nothing that is in use.
        unsafe { libc::malloc_trim(0) };
    }
}

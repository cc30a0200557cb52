//! Everything of `atoll` but its command line.

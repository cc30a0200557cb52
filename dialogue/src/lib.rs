//! The conversation as a machine without IO.

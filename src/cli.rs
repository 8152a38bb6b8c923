//! The command line's types.

//! The log: stderr and rotating files.

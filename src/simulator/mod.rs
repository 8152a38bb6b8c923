//! A Zoom on loopback, strict where the real one is, for the tests and for `demo`.

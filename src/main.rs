//! The `zoom-archiver` command.
fn main() {}

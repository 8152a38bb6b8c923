//! The archive on disk: which meeting owns which folder, and what is known of each.
pub mod names;
/// Name of the file by which a folder belongs to a meeting.
pub const MANIFEST: &str = "meeting.json";

//! The archive on disk: which meeting owns which folder, and what is known of each.

//! `state.json`: what must outlast a restart and is not in the archive.

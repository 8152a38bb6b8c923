//! Zoom's API: listing recordings and opening downloads.
pub mod windows;
pub mod wire;

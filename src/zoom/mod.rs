//! Zoom's API: listing recordings and opening downloads.

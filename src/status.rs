//! `status.json`: the running service's own account of itself.

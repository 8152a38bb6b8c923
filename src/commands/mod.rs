//! One subcommand each.

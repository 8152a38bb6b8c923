//! Any failure into words, a remedy and an exit code.

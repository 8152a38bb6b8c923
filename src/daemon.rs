//! The service: schedule, signals, no overlapping polls.

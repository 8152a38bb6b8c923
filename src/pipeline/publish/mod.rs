//! Publishing: the best file of each part of each recorded meeting goes to YouTube, once.
//!
//! - `choose`: pure; what of a meeting is wanted there, and what keeps it from being sent now

#[cfg_attr(not(test), expect(dead_code, reason = "the worker that asks comes with the next change"))]
mod choose;

//! Access tokens: one refresh at a time, durable before use, shared by all commands.

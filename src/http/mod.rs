//! HTTP plumbing: the clients, and the rules for where a secret may be sent.

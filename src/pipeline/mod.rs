//! Poll, plan, transfer, record: the one way through the program.

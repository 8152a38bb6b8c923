//! The settings, as the rest of the program sees them: checked, with every path absolute.

//! The program as its user sees it: the real binary against a simulated Zoom.

mod archiving;
mod demo;
mod plug_pulled;
mod support;
mod unit_file;

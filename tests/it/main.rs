//! The program as its user sees it: the real binary against a simulated Zoom.

mod archiving;
mod bad_input;
mod bodies;
mod daemon;
mod demo;
mod disk;
mod folders;
mod growing;
mod layers;
mod listing;
mod outputs;
mod plug_pulled;
mod pool;
mod readme;
mod redirects;
mod resuming;
mod scanning;
mod secrets;
mod selecting;
mod stopping;
mod support;
mod tokens;
mod tracker;
mod transfers;
mod unit_file;
mod windows;

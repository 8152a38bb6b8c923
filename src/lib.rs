//! zoom-archiver: fetches every new Zoom cloud recording into a tidy folder.

pub mod archive;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod daemon;
pub mod disk;
pub mod http;
pub mod logging;
pub mod meeting;
pub mod oauth;
pub mod pipeline;
pub mod report;
pub mod simulator;
pub mod state;
pub mod status;
pub mod zoom;

//! What the items are called, in the order in which they come. Scripts know them.

pub(super) const CONFIG: &str = "config";
pub(super) const STATE_FOLDER: &str = "state folder";
pub(super) const LOG_FOLDER: &str = "log folder";
pub(super) const TRACKER: &str = "tracker";
pub(super) const ARCHIVE: &str = "archive folder";
pub(super) const TOKEN_FILE: &str = "token file";
pub(super) const ZOOM: &str = "zoom";
pub(super) const CLOCK: &str = "clock";
pub(super) const ACCESS: &str = "access token";
pub(super) const SCOPES: &str = "scopes";
pub(super) const USER: &str = "user";
pub(super) const RECORDINGS: &str = "recordings";
pub(super) const SPACE: &str = "free space";
pub(super) const DOWNLOAD: &str = "download";
pub(super) const YOUTUBE_TOKEN: &str = "youtube token";
pub(super) const YOUTUBE_CHANNEL: &str = "youtube channel";
pub(super) const LONG_UPLOADS: &str = "long uploads";
pub(super) const UPLOADS_TODAY: &str = "uploads today";

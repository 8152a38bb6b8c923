//! A service that knows a simulated YouTube as well.

use zoom_archiver::simulator::youtube::Youtube;

use super::Service;

impl Service {
    /// Knows this YouTube, though it neither publishes there nor is authorized to yet.
    #[must_use]
    pub(crate) fn on_youtube(mut self, youtube: &Youtube) -> Self {
        self.secrets_of_youtube = Some(Box::new(youtube.secrets_from_now_on()));
        self.set("youtube.client_id", youtube.client_id())
            .set("youtube.client_secret", youtube.client_secret())
            .set("youtube.api_url", youtube.api_url())
            .set("youtube.oauth_url", youtube.oauth_url())
            .set("youtube.auth_url", youtube.auth_url())
    }

    /// Gives it this refresh token for YouTube.
    pub(crate) fn write_youtube_token(&self, token: &str) {
        self.write_secret(".youtube_refresh_token", token);
    }

    /// Fails the test where one of YouTube's secrets, or of its client's, is in this.
    #[track_caller]
    pub(super) fn tells_no_secret_of_youtube(&self, name: &str, bytes: &[u8]) {
        let secrets = self.secrets_of_youtube.iter().flat_map(|secrets| secrets());
        let text = String::from_utf8_lossy(bytes);
        let found = secrets.into_iter().find(|secret| text.contains(secret.as_str()));
        assert!(found.is_none(), "N8: {found:?} is told in {name}");
    }
}

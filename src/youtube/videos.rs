//! What is asked about the channel's videos, and done with one that is there.

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::wire::{self, Channel, Video, VideoId};
use super::{RawAnswer, Youtube, YoutubeError};

/// The most videos that are counted or looked through; the API takes no more than 100 a day by default.
pub const MOST_COUNTED: usize = 500;
/// The most videos that are asked about at once.
const AT_ONCE: usize = 50;

/// A channel's latest videos.
#[derive(Debug)]
pub struct RecentVideos {
    /// The videos, the newest first.
    pub videos: Vec<Video>,
    /// Whether these are all that are listed: there may be more of them than were looked through, or one isn't shown.
    pub is_complete: bool,
}

impl Youtube {
    /// How many videos of a channel were published at `since` or later, by whatever program or person
    /// (`playlistItems.list`, one unit of the day's quota for each 50 of them).
    ///
    /// More than [`MOST_COUNTED`] are not counted.
    ///
    /// # Errors
    /// [`YoutubeError`].
    pub async fn uploads_since(
        &self,
        channel: &Channel,
        since: DateTime<Utc>,
        stop: &CancellationToken,
    ) -> Result<usize, YoutubeError> {
        let mut count = 0;
        self.each_page_since(channel, since, stop, |page| count += page.len()).await?;
        Ok(count)
    }

    /// The videos of a channel that were published at `since` or later, the newest first, with what tells of which file each
    /// is: to find one by its marker whose id was lost. No more than [`MOST_COUNTED`] (two units of the day's quota for each
    /// 50 of them).
    ///
    /// # Errors
    /// [`YoutubeError`].
    pub async fn recent_videos(
        &self,
        channel: &Channel,
        since: DateTime<Utc>,
        stop: &CancellationToken,
    ) -> Result<RecentVideos, YoutubeError> {
        let (mut listed, mut ids) = (0, Vec::new());
        let take = |page: Vec<Option<VideoId>>| {
            listed += page.len();
            ids.extend(page.into_iter().flatten());
        };
        self.each_page_since(channel, since, stop, take).await?;
        let videos = self.asked_about("snippet,status,fileDetails", &ids, stop).await?;
        Ok(RecentVideos { is_complete: listed < MOST_COUNTED && videos.len() == listed, videos })
    }

    /// What has become of these videos; those that `YouTube` doesn't show are left out (`videos.list`, one unit for each 50).
    ///
    /// # Errors
    /// [`YoutubeError`].
    pub async fn videos(&self, ids: &[VideoId], stop: &CancellationToken) -> Result<Vec<Video>, YoutubeError> {
        self.asked_about("status,processingDetails,fileDetails", ids, stop).await
    }

    /// Puts a video into a playlist, unless it is there (`playlistItems.list` and `playlistItems.insert`, 51 units).
    ///
    /// # Errors
    /// [`YoutubeError`].
    pub async fn add_to_playlist(
        &self,
        playlist: &str,
        video: &VideoId,
        stop: &CancellationToken,
    ) -> Result<(), YoutubeError> {
        // It is looked for before each try: an insertion whose answer was lost may have come to pass.
        self.repeated(|| self.insert_unless_there(playlist, video, stop), stop).await
    }

    async fn insert_unless_there(
        &self,
        playlist: &str,
        video: &VideoId,
        stop: &CancellationToken,
    ) -> Result<(), YoutubeError> {
        let query = [("part", "id"), ("playlistId", playlist), ("videoId", video.as_str())];
        let url = self.address("youtube/v3", "playlistItems", &query);
        let read = |answer: &RawAnswer| wire::has_items(&answer.body);
        if self.renewing(&url, &|| self.client.get(url.clone()), &read, stop).await? {
            return Ok(());
        }
        let url = self.address("youtube/v3", "playlistItems", &[("part", "snippet")]);
        let resource = json!({ "kind": "youtube#video", "videoId": video.as_str() });
        let body = json!({ "snippet": { "playlistId": playlist, "resourceId": resource } });
        let request = || self.client.post(url.clone()).json(&body);
        match self.renewing(&url, &request, &|_: &RawAnswer| Ok(()), stop).await {
            Err(YoutubeError::Refused { status: StatusCode::CONFLICT, .. }) => Ok(()),
            other => other,
        }
    }

    /// Goes through the channel's uploads, page by page, as far as they are new enough; their ids, where they are told.
    async fn each_page_since(
        &self,
        channel: &Channel,
        since: DateTime<Utc>,
        stop: &CancellationToken,
        mut take: impl FnMut(Vec<Option<VideoId>>),
    ) -> Result<(), YoutubeError> {
        let mut count = 0;
        let mut next = None;
        loop {
            let parts = ("part", "snippet,contentDetails");
            let mut query = vec![parts, ("playlistId", channel.uploads.as_str()), ("maxResults", "50")];
            query.extend(next.as_deref().map(|token| ("pageToken", token)));
            let page = match self.get("playlistItems", &query, wire::uploads, stop).await {
                // The playlist is there from the channel's first video on.
                Err(YoutubeError::Refused { refusal, .. }) if refusal.reason == "playlistNotFound" => return Ok(()),
                page => page?,
            };
            // The newest come first.
            let all = page.published.len();
            let new: Vec<_> = page.published.into_iter().filter(|(time, _)| *time >= since).map(|(_, id)| id).collect();
            count += new.len();
            let is_last = page.next.is_none() || new.len() < all || new.is_empty() || count >= MOST_COUNTED;
            take(new);
            if is_last {
                return Ok(());
            }
            next = page.next;
        }
    }

    async fn asked_about(
        &self,
        parts: &str,
        ids: &[VideoId],
        stop: &CancellationToken,
    ) -> Result<Vec<Video>, YoutubeError> {
        let mut videos = Vec::new();
        for some in ids.chunks(AT_ONCE) {
            let ids = some.iter().map(VideoId::as_str).collect::<Vec<_>>().join(",");
            videos.extend(self.get("videos", &[("part", parts), ("id", &ids)], wire::videos, stop).await?);
        }
        Ok(videos)
    }
}

//! Pure: which part of a meeting is on YouTube as which video.

use chrono::{DateTime, Utc};

use crate::archive::entry::{FileEntry, FileState};
use crate::archive::manifest::{Manifest, Published};
use crate::archive::tracker::Account;
use crate::meeting::FileId;

/// The video of the part whose best file this is, at this place among the best files.
///
/// A part is known by its files: its number shifts where a part before it appears. `meeting.json` outranks the tracker; but
/// what only the tracker knows, because `meeting.json` was lost once, is on YouTube all the same.
pub(in crate::pipeline::publish) fn video_of<'a>(
    manifest: &'a Manifest,
    account: Option<&'a Account>,
    place: usize,
    best: &FileEntry,
) -> Option<&'a str> {
    let is_of_part = |id: &FileId| manifest.file(id).is_some_and(|file| file.part == best.part);
    if let Some(video) = manifest.youtube.iter().find(|video| is_of_part(&video.file_id)) {
        return Some(&video.video_id);
    }
    let account = account?;
    if let Some((_, video)) = account.videos.iter().rev().find(|(name, _)| part_of(manifest, name) == Some(best.part)) {
        return Some(video);
    }
    // Of whose file nothing is known, the place must do.
    let video = account.youtube_ids.get(place)?.as_deref()?;
    let is_of_another = manifest.youtube.iter().any(|known| known.video_id == video)
        || account.videos.iter().any(|(name, known)| known == video && part_of(manifest, name).is_some());
    (!is_of_another).then_some(video)
}

fn part_of(manifest: &Manifest, name: &str) -> Option<u32> {
    manifest.files.iter().find(|file| file.name.as_str() == name).map(|file| file.part)
}

/// The video of each part, in their order, as the tracker has them; none at all where nothing was sent.
pub(in crate::pipeline) fn videos_of(manifest: &Manifest, account: Option<&Account>) -> Vec<Option<String>> {
    let best = manifest.best_files().enumerate();
    let videos = best.map(|(place, best)| video_of(manifest, account, place, best).map(str::to_owned));
    let videos: Vec<_> = videos.collect();
    if videos.iter().any(Option::is_some) { videos } else { Vec::new() }
}

/// What of a meeting is on YouTube though only the tracker knows it, as `meeting.json` would have it.
pub(in crate::pipeline::publish) fn only_tracked(
    manifest: &Manifest,
    account: &Account,
    now: DateTime<Utc>,
) -> Vec<Published> {
    let is_known = |video: &str| manifest.youtube.iter().any(|known| known.video_id == video);
    let best = manifest.best_files().enumerate();
    let videos = best.filter_map(|(place, best)| Some((best, video_of(manifest, Some(account), place, best)?)));
    let unknown = videos.filter(|(_, video)| !is_known(video)).map(|(best, video)| {
        let sent = account.videos.iter().find(|(_, known)| known == video);
        let sent = sent.and_then(|(name, _)| manifest.files.iter().find(|file| file.name.as_str() == name));
        Published {
            part: best.part,
            file_id: sent.unwrap_or(best).id.clone(),
            video_id: video.to_owned(),
            uploaded_at: account.recorded_at.map_or(now, |at| at.min(now)),
            processed: false,
        }
    });
    unknown.collect()
}

/// The best files that came after another one of their part was sent: they are never sent.
pub(in crate::pipeline::publish) fn passed_over(manifest: &Manifest) -> impl Iterator<Item = &FileEntry> {
    let is_sent = |id: &FileId| manifest.youtube.iter().any(|video| video.file_id == *id);
    let has_video = |best: &&FileEntry| video_of(manifest, None, 0, best).is_some();
    manifest.best_files().filter(move |best| best.state == FileState::Whole && !is_sent(&best.id)).filter(has_video)
}

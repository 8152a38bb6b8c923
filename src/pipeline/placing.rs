//! Where a meeting goes: the folder that the layout gives it, and what an earlier program has left there.

use std::collections::HashSet;
use std::path::Path;

use super::download::verify;
use crate::archive::manifest::Manifest;
use crate::archive::names::MeetingFolder;
use crate::config::ArchiveSettings;
use crate::meeting::{FileId, Meeting, RecordingFile};

/// The folder that the layout gives a meeting.
pub(super) fn layout_of(settings: &ArchiveSettings, meeting: &Meeting) -> MeetingFolder {
    let zone = settings.timezone.of_meeting(meeting.timezone.as_deref());
    let local = meeting.start_time.with_timezone(&zone);
    let value = |name: &str| match name {
        "date" => local.format("%Y-%m-%d").to_string(),
        "time" => local.format("%H%M").to_string(),
        "topic" => meeting.topic.clone(),
        "meeting_id" => meeting.meeting_id.map_or_else(|| "unknown".to_owned(), |id| id.to_string()),
        "user" => meeting.user.to_string(),
        other => format!("{{{other}}}"),
    };
    let components: Vec<String> =
        settings.layout.components().iter().map(|component| component.render(value)).collect();
    MeetingFolder::of_layout(&components)
}

/// The files in a folder without a `meeting.json` that are this meeting's by name, size and structure.
pub(super) fn adoptable(folder: &Path, manifest: &Manifest, meeting: &Meeting) -> HashSet<FileId> {
    let is_there = |file: &&RecordingFile| {
        let (Some(entry), Some(size)) = (manifest.file(&file.id), file.size) else { return false };
        verify::is_whole(&folder.join(entry.name.as_str()), file.extension, size)
    };
    meeting.files.iter().filter(is_there).map(|file| file.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Component;

    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::config::{ArchiveZone, Layout};
    use crate::hostile;
    use crate::zoom::wire::list_page;

    fn any_layout() -> impl Strategy<Value = Layout> {
        let component = prop_oneof![
            3 => select(&["{date}", "{time}", "{topic}", "{meeting_id}", "{user}", "{topic}{topic} - {date}"][..])
                .prop_map(str::to_owned),
            1 => hostile::strings(),
        ];
        let layouts = prop::collection::vec(component, 1..=8).prop_map(|components| components.join("/"));
        layouts.prop_filter_map("no layout", |text| Layout::parse(&text).ok())
    }

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn s1_s7_whatever_is_listed_of_a_meeting_its_folder_is_as_deep_as_the_layout(
            layout in any_layout(),
            (topic, timezone, user) in (hostile::strings(), hostile::strings(), hostile::strings()),
            (start_time, id) in (hostile::times(), hostile::json()),
            is_dated_by_meeting in any::<bool>(),
        ) {
            let user = user.parse().unwrap_or_else(|_| "me".parse().unwrap());
            let record = serde_json::json!({
                "uuid": "u==", "topic": topic, "timezone": timezone, "start_time": start_time, "id": id,
            });
            let page = serde_json::json!({ "meetings": [record] }).to_string();
            let meeting = &list_page(page.as_bytes(), &user).unwrap().meetings[0];
            let depth = layout.components().len();
            let timezone =
                if is_dated_by_meeting { ArchiveZone::Meeting } else { ArchiveZone::Fixed(chrono_tz::Pacific::Kiritimati) };
            let settings = ArchiveSettings { directory: "/archive".into(), layout, timezone };
            let path = layout_of(&settings, meeting).under(&settings.directory);
            let below: Vec<Component<'_>> = path.strip_prefix("/archive").unwrap().components().collect();
            prop_assert_eq!(below.len(), depth, "{}", path.display());
            prop_assert!(below.iter().all(|component| matches!(component, Component::Normal(_))));
        }
    }
}

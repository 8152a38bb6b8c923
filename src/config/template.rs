//! Texts with `{name}` placeholders: titles, descriptions, folder layouts.

use std::fmt;

/// A text with placeholders out of a fixed list. What is put in their place is never expanded again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    source: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Name(&'static str),
}

/// Why a text is no template, or no layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A placeholder that isn't offered here.
    #[error("`{{{0}}}` is no placeholder here")]
    UnknownName(String),
    /// A brace without its other half.
    #[error("a brace stands alone")]
    LoneBrace,
    /// A layout that begins with `/`.
    #[error("it begins with `/`, but is below the archive folder")]
    Absolute,
    /// A folder name that is none, or hides the folder.
    #[error("`{}` is no name for a folder", .0.escape_debug())]
    Component(String),
    /// More folders within each other than make sense.
    #[error("it is deeper than {} folders", Layout::MAX_DEPTH)]
    TooDeep,
    /// A layout that would give every meeting the same folder.
    #[error("without a placeholder, every meeting would get the same folder")]
    NoPlaceholder,
}

impl Template {
    /// Reads a text whose placeholders are all in `names`.
    ///
    /// # Errors
    /// [`TemplateError::UnknownName`] or [`TemplateError::LoneBrace`].
    pub fn parse(text: &str, names: &[&'static str]) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}').ok_or(TemplateError::LoneBrace)?;
            if name.contains('{') || before.contains('}') {
                return Err(TemplateError::LoneBrace);
            }
            let known = names.iter().find(|known| **known == name);
            let known = known.ok_or_else(|| TemplateError::UnknownName(name.escape_debug().to_string()))?;
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Name(known));
            rest = behind;
        }
        if rest.contains('}') {
            return Err(TemplateError::LoneBrace);
        }
        pieces.push(Piece::Text(rest.to_owned()));
        pieces.retain(|piece| *piece != Piece::Text(String::new()));
        Ok(Self { source: text.to_owned(), pieces })
    }

    /// The text with `value(name)` in the place of each placeholder.
    #[must_use]
    pub fn render(&self, value: impl Fn(&str) -> String) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Name(name) => value(name),
        };
        self.pieces.iter().map(piece).collect()
    }

    /// The text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    fn has_placeholder(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Name(_)))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

/// Where a meeting's folder is, below the archive folder: one template per folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    components: Vec<Template>,
}

impl Layout {
    /// What a layout may name.
    pub const NAMES: [&str; 5] = ["date", "time", "topic", "meeting_id", "user"];

    const MAX_DEPTH: usize = 8;
    /// Leaves room, in a file name's 255 bytes, for what the placeholders become.
    const MAX_LITERAL: usize = 100;

    /// Reads folders separated by `/`.
    ///
    /// # Errors
    /// [`TemplateError`]: a folder without a name, `.`, `..` or hidden; too many; no placeholder in any.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.starts_with('/') {
            return Err(TemplateError::Absolute);
        }
        let components = text.split('/').map(component).collect::<Result<Vec<_>, _>>()?;
        if components.len() > Self::MAX_DEPTH {
            return Err(TemplateError::TooDeep);
        }
        if !components.iter().any(Template::has_placeholder) {
            return Err(TemplateError::NoPlaceholder);
        }
        Ok(Self { components })
    }

    /// One template for each folder, the outermost first; never empty.
    #[must_use]
    pub fn components(&self) -> &[Template] {
        &self.components
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<&str> = self.components.iter().map(Template::as_str).collect();
        f.write_str(&texts.join("/"))
    }
}

fn component(text: &str) -> Result<Template, TemplateError> {
    // Hidden folders are refused with `.` and `..`: whoever looks for recordings would not see them.
    let is_name = !text.is_empty()
        && text.len() <= Layout::MAX_LITERAL
        && text.trim() == text
        && !text.starts_with('.')
        && !text.ends_with('.')
        && !text.contains(|c: char| c.is_control() || c == '\\');
    if is_name { Template::parse(text, &Layout::NAMES) } else { Err(TemplateError::Component(text.to_owned())) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hostile;

    const NAMES: [&str; 2] = ["topic", "date"];

    #[test]
    fn placeholders_are_replaced_and_what_replaces_them_is_not_expanded_again() {
        let template = Template::parse("{topic} - {date}{date}!", &NAMES).unwrap();
        let rendered = template.render(|name| if name == "topic" { "{date}".into() } else { "2025-12-02".into() });
        assert_eq!(rendered, "{date} - 2025-12-022025-12-02!");
        assert_eq!(template.as_str(), "{topic} - {date}{date}!");
    }

    #[test]
    fn a_text_without_placeholders_stays_as_it_is() {
        for text in ["", "plain", "50 % & more"] {
            assert_eq!(Template::parse(text, &NAMES).unwrap().render(|_| unreachable!()), text);
        }
    }

    #[test]
    fn unknown_placeholders_and_lone_braces_are_refused() {
        assert_eq!(Template::parse("{tpoic}", &NAMES), Err(TemplateError::UnknownName("tpoic".into())));
        assert_eq!(Template::parse("{}", &NAMES), Err(TemplateError::UnknownName(String::new())));
        for text in ["{", "}", "{topic", "topic}", "{{topic}}", "{topic}}", "}{topic}", "{to{pic}"] {
            assert_eq!(Template::parse(text, &NAMES), Err(TemplateError::LoneBrace), "{text}");
        }
    }

    #[test]
    fn a_layout_has_one_template_per_folder() {
        let layout = Layout::parse("{date}/{time} {topic}").unwrap();
        let folders: Vec<String> = layout.components().iter().map(|c| c.render(str::to_uppercase)).collect();
        assert_eq!(folders, ["DATE", "TIME TOPIC"]);
        assert_eq!(layout.to_string(), "{date}/{time} {topic}");
    }

    #[test]
    fn a_layout_stays_below_the_archive_and_tells_meetings_apart() {
        for text in
            ["", "{date}/", "{date}//x", "../{date}", "./{date}", "{date}/.hidden", "{date}/a\\b", "{date}/a\nb"]
        {
            assert!(matches!(Layout::parse(text), Err(TemplateError::Component(_))), "{text}");
        }
        assert_eq!(Layout::parse("/{date}"), Err(TemplateError::Absolute));
        assert_eq!(Layout::parse("all"), Err(TemplateError::NoPlaceholder));
        assert_eq!(Layout::parse("{date}/1/2/3/4/5/6/7/8"), Err(TemplateError::TooDeep));
        assert_eq!(Layout::parse("{host}"), Err(TemplateError::UnknownName("host".into())));
    }

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn s1_any_text_is_a_template_or_not_and_no_value_is_expanded(
            text in prop_oneof![hostile::strings(), "[{}a/ ]{0,8}(\\{topic\\}|\\{date\\}|x){0,3}"],
            value in hostile::strings(),
        ) {
            prop_assert_eq!(&Template::parse("{topic}", &NAMES).unwrap().render(|_| value.clone()), &value);
            if let Ok(template) = Template::parse(&text, &NAMES) {
                prop_assert_eq!(template.as_str(), &text);
                let expected = text.replace("{topic}", "\0").replace("{date}", "\0").replace('\0', &value);
                prop_assert!(text.contains('\0') || template.render(|_| value.clone()) == expected);
            }
            match Layout::parse(&text) {
                Ok(layout) => {
                    prop_assert_eq!(layout.to_string(), text);
                    prop_assert!((1..=Layout::MAX_DEPTH).contains(&layout.components().len()));
                }
                Err(error) => prop_assert!(!error.to_string().contains(char::is_control), "{}", error),
            }
        }
    }
}

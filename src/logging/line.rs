//! One event as one line, whatever is in it: what Zoom sends is hostile until shown otherwise.

use std::fmt::{self, Write as _};

use chrono::{DateTime, Local, SecondsFormat, Utc};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::is_ours;
use crate::clock;
use crate::config::LogFormat;

/// The longest text of a field, or sentence, in characters.
const CAP: usize = 1000;

/// Writes an event: local time with its offset, level, sentence, fields.
pub(super) struct Format {
    format: LogFormat,
    reader: Reader,
}

/// Who reads the lines of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// Whoever opens the file, or another program.
    File,
    /// A person at a terminal that has colours.
    Terminal,
    /// The journal, which notes the time itself and takes the level from a number in front (sd-daemon(3)).
    Journal,
}

impl Format {
    pub(super) fn new(format: LogFormat, reader: Reader) -> Self {
        Self { format, reader }
    }
}

impl<S, N> FormatEvent<S, N> for Format
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        if !is_ours(event.metadata().target()) {
            fields.set("target", event.metadata().target().into());
        }
        for span in context.event_scope().into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.take_in(outer);
            }
        }
        let (level, now) = (*event.metadata().level(), clock::now());
        match self.format {
            LogFormat::Text => out.write_str(&text_line(now, level, &fields, self.reader)),
            LogFormat::Json => out.write_str(&json_line(now, level, &fields)),
        }
    }
}

/// A line of the log's own, at warning level.
pub(super) fn notice(format: LogFormat, now: DateTime<Utc>, message: &str) -> String {
    let fields = Fields { message: message.to_owned(), values: Vec::new() };
    match format {
        LogFormat::Text => text_line(now, Level::WARN, &fields, Reader::File),
        LogFormat::Json => json_line(now, Level::WARN, &fields),
    }
}

fn text_line(now: DateTime<Utc>, level: Level, fields: &Fields, reader: Reader) -> String {
    let name = level.as_str();
    // The number is syslog's for the level, the colour is 31, red, to 34, blue.
    let (number, colour) = match level {
        Level::ERROR => (3, 31),
        Level::WARN => (4, 33),
        Level::INFO => (6, 32),
        _ => (7, 34),
    };
    let mut line = match reader {
        Reader::File => format!("{} {name:<5} ", local(now)),
        Reader::Terminal => format!("\x1b[2m{}\x1b[0m \x1b[{colour}m{name:<5}\x1b[0m ", local(now)),
        Reader::Journal => format!("<{number}>{name:<5} "),
    };
    push_escaped(&mut line, &fields.message);
    for (name, value) in &fields.values {
        line.push(' ');
        line.push_str(name);
        line.push('=');
        match value {
            Value::String(text) => push_value(&mut line, text),
            other => line.push_str(&other.to_string()),
        }
    }
    line.push('\n');
    line
}

fn json_line(now: DateTime<Utc>, level: Level, fields: &Fields) -> String {
    let level = level.as_str().to_lowercase();
    let first = [("time", local(now).into()), ("level", level.into()), ("message", fields.message.as_str().into())];
    let mut line = String::from("{");
    for (name, value) in first.iter().chain(&fields.values) {
        let separator = if line.len() > 1 { "," } else { "" };
        line.push_str(separator);
        line.push_str(&Value::from(*name).to_string());
        line.push(':');
        // What JSON itself doesn't escape, and an object between strings doesn't have.
        for c in value.to_string().chars() {
            if is_unsafe(c) {
                line.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
            } else {
                line.push(c);
            }
        }
    }
    line.push_str("}\n");
    line
}

fn local(now: DateTime<Utc>) -> String {
    now.with_timezone(&Local).to_rfc3339_opts(SecondsFormat::Millis, false)
}

/// A field's text: as it is where that is plain, else in quotes.
fn push_value(line: &mut String, text: &str) {
    let is_plain = |c: char| !c.is_whitespace() && !"\"=\\".contains(c) && !is_unsafe(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        line.push_str(text);
        return;
    }
    line.push('"');
    for c in text.chars() {
        if c == '"' || c == '\\' {
            line.push('\\');
            line.push(c);
        } else {
            push_char(line, c);
        }
    }
    line.push('"');
}

fn push_escaped(line: &mut String, text: &str) {
    text.chars().for_each(|c| push_char(line, c));
}

/// A text of several lines as a terminal may show it: what would steer it or turn the text around is escaped.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        if c == '\n' { shown.push(c) } else { push_char(&mut shown, c) }
    }
    shown
}

fn push_char(line: &mut String, c: char) {
    if is_unsafe(c) { line.extend(c.escape_default()) } else { line.push(c) }
}

/// Characters that end a line, steer a terminal, or turn and hide what is around them.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// What an event or a span says: its sentence, and values by name, each of bounded length.
#[derive(Debug, Default)]
struct Fields {
    message: String,
    values: Vec<(&'static str, Value)>,
}

impl Fields {
    fn set(&mut self, name: &'static str, value: Value) {
        let name = name.strip_prefix("r#").unwrap_or(name);
        match self.values.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.values.push((name, value)),
        }
    }

    /// Adds what an outer span says, where nothing nearer says the same.
    fn take_in(&mut self, outer: &Self) {
        for (name, value) in &outer.values {
            if !self.values.iter().any(|(known, _)| known == name) {
                self.values.push((name, value.clone()));
            }
        }
    }

    fn set_text(&mut self, field: &Field, text: fmt::Arguments<'_>) {
        let mut capped = Capped::default();
        // Only what is formatted can fail, and then it is cut off there.
        let is_whole = capped.write_fmt(text).is_ok();
        let text = capped.finish(is_whole);
        if field.name() == "message" { self.message = text } else { self.set(field.name(), text.into()) }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field.name(), serde_json::Number::from_f64(value).map_or(value.to_string().into(), Value::Number));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set_text(field, format_args!("{value}"));
    }

    /// An error with its causes.
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let chain = std::iter::successors(Some(value), |error| error.source()).take(10);
        let texts: Vec<String> = chain.map(ToString::to_string).collect();
        self.set_text(field, format_args!("{}", texts.join(": ")));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set_text(field, format_args!("{value:?}"));
    }
}

/// Takes a text's beginning, and counts the rest.
#[derive(Default)]
struct Capped {
    text: String,
    chars: usize,
}

impl Capped {
    fn finish(self, is_whole: bool) -> String {
        match self {
            Self { text, chars } if chars > CAP => format!("{text}... ({chars} characters)"),
            Self { text, .. } if !is_whole => text + "...",
            Self { text, .. } => text,
        }
    }
}

impl fmt::Write for Capped {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text.extend(text.chars().take(CAP.saturating_sub(self.chars)));
        self.chars += text.chars().count();
        Ok(())
    }
}

/// Keeps what spans say, for the lines within them.
pub(super) struct SpanFields;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for SpanFields {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;
    use tracing_subscriber::fmt::layer;
    use tracing_subscriber::prelude::*;

    use super::*;
    use crate::hostile;

    fn text(message: &str, values: &[(&'static str, Value)]) -> String {
        let fields = Fields { message: message.to_owned(), values: values.to_vec() };
        let line = text_line(DateTime::UNIX_EPOCH, Level::INFO, &fields, Reader::File);
        line.split_once(" INFO  ").unwrap().1.to_owned()
    }

    #[test]
    fn a_line_has_time_with_offset_level_sentence_and_fields() {
        let fields = Fields { message: "archived".into(), values: vec![("bytes", 7.into()), ("whole", true.into())] };
        let line = text_line(DateTime::UNIX_EPOCH, Level::WARN, &fields, Reader::File);
        let (time, rest) = line.split_once(' ').unwrap();
        assert_eq!(DateTime::parse_from_rfc3339(time).unwrap(), DateTime::UNIX_EPOCH);
        assert_eq!(rest, "WARN  archived bytes=7 whole=true\n");
    }

    #[test]
    fn s4_hostile_text_stays_on_its_line_and_is_seen_as_it_is() {
        let topic = |topic: &str| text("said", &[("topic", topic.into())]);
        for (sent, shown) in [
            ("plain", "plain"),
            ("Ünïcode·😀", "Ünïcode·😀"),
            ("", "\"\""),
            ("two words", "\"two words\""),
            ("x level=ERROR", "\"x level=ERROR\""),
            ("say \"hi\" \\", "\"say \\\"hi\\\" \\\\\""),
            ("a\r\n2026-01-01T00:00:00Z ERROR fake", "\"a\\r\\n2026-01-01T00:00:00Z ERROR fake\""),
            ("\u{1b}[2J", "\"\\u{1b}[2J\""),
            ("\u{9b}2J", "\"\\u{9b}2J\""),
            ("\u{202e}gpj.exe", "\"\\u{202e}gpj.exe\""),
            ("a\u{2028}b\u{2029}c", "\"a\\u{2028}b\\u{2029}c\""),
            ("nul\0", "\"nul\\u{0}\""),
        ] {
            assert_eq!(topic(sent), format!("said topic={shown}\n"));
        }
        assert_eq!(text("one\ntwo\u{1b}[0m", &[]), "one\\ntwo\\u{1b}[0m\n");
    }

    #[test]
    fn s4_hostile_text_stays_in_its_json_string() {
        let sent = "\"},\r\n\u{1b}[2J\u{7f}\u{85}\u{202e}\u{2028}\u{e0041}\\";
        let fields = Fields { message: sent.into(), values: vec![("topic", sent.into())] };
        let line = json_line(DateTime::UNIX_EPOCH, Level::INFO, &fields);
        assert_eq!(line.matches('\n').count(), 1);
        assert!(!line.trim_end().chars().any(is_unsafe), "{line}");
        let parsed: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&parsed["message"], &parsed["topic"]), (&sent.into(), &sent.into()));
    }

    #[test]
    fn s4_a_long_text_is_cut_and_its_length_told() {
        let mut capped = Capped::default();
        capped.write_str(&"A".repeat(600)).unwrap();
        capped.write_str(&"é".repeat(65_536)).unwrap();
        let text = capped.finish(true);
        assert!(text.ends_with("é... (66136 characters)"));
        assert_eq!(text.chars().count(), CAP + "... (66136 characters)".len());
    }

    #[test]
    fn colours_are_around_words_of_ours_alone() {
        let fields = Fields { message: "\u{1b}[31m".into(), values: Vec::new() };
        let line = text_line(DateTime::UNIX_EPOCH, Level::ERROR, &fields, Reader::Terminal);
        assert!(line.ends_with("\x1b[31mERROR\x1b[0m \\u{1b}[31m\n"), "{line:?}");
    }

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What the log has of `work`.
    fn logged(format: LogFormat, work: impl FnOnce()) -> String {
        let written = Written::default();
        let lines = layer().event_format(Format::new(format, Reader::File)).with_writer({
            let written = written.clone();
            move || written.clone()
        });
        tracing::subscriber::with_default(tracing_subscriber::registry().with(SpanFields).with(lines), work);
        String::from_utf8(std::mem::take(&mut *written.0.lock().unwrap())).unwrap()
    }

    /// What an event says of a foreign text, in each way that there is: sentence, field, error with its cause, span.
    fn say(text: &str) {
        let error = io::Error::other(text.to_owned());
        let span = tracing::info_span!(target: "zoom_archiver::test", "meeting", outer = text);
        let _entered = span.enter();
        tracing::info!(
            target: "zoom_archiver::test", topic = text, shown = %text, debugged = ?text,
            error = &error as &(dyn std::error::Error + 'static), "said {text}"
        );
    }

    #[test]
    fn the_journal_gets_the_level_as_its_number_and_no_time_of_ours() {
        let fields = Fields { message: "polled".to_owned(), values: Vec::new() };
        let line = |level| text_line(DateTime::UNIX_EPOCH, level, &fields, Reader::Journal);
        assert_eq!(line(Level::ERROR), "<3>ERROR polled\n");
        assert_eq!(
            [Level::WARN, Level::INFO, Level::DEBUG].map(line),
            ["<4>WARN  polled\n", "<6>INFO  polled\n", "<7>DEBUG polled\n"]
        );
    }

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn s4_any_event_is_one_line_of_bounded_length_that_steers_no_terminal(text in hostile::strings()) {
            for format in [LogFormat::Text, LogFormat::Json] {
                let line = logged(format, || say(&text));
                prop_assert!(line.ends_with('\n') && line.matches('\n').count() == 1, "{:?}", line);
                let steers = |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
                prop_assert!(!line.trim_end_matches('\n').contains(steers), "{:?}", line);
                // Six texts, each character as long as an escape can be.
                prop_assert!(line.len() < 6 * (CAP + 100) * 12, "{} bytes", line.len());
            }
        }

        #[test]
        fn s4_json_says_a_text_as_it_was_and_how_long_it_was_where_it_is_cut(text in hostile::strings()) {
            let line: Value = serde_json::from_str(&logged(LogFormat::Json, || say(&text))).unwrap();
            let (chars, begin) = (text.chars().count(), text.chars().take(CAP).collect::<String>());
            let expected = if chars > CAP { format!("{begin}... ({chars} characters)") } else { begin };
            for field in ["topic", "shown", "outer", "error"] {
                prop_assert_eq!(line[field].as_str().unwrap(), &expected, "{}", field);
            }
            prop_assert!(line["message"].as_str().unwrap().starts_with("said "));
        }

        #[test]
        fn s4_a_text_line_cannot_be_made_to_end_a_field_before_its_end(value in hostile::strings()) {
            let line = text("said", &[("topic", value.as_str().into()), ("last", 7.into())]);
            let quoted = line.strip_prefix("said topic=").unwrap().strip_suffix(" last=7\n").unwrap();
            if let Some(inner) = quoted.strip_prefix('"') {
                let inner = inner.strip_suffix('"').unwrap();
                let unescaped = inner.replace("\\\\", "").replace("\\\"", "");
                prop_assert!(!unescaped.contains('"'), "{}", line);
            } else {
                prop_assert!(!quoted.contains([' ', '=', '"']), "{}", line);
            }
        }
    }
}

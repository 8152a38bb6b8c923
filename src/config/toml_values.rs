//! TOML as the `config` crate's values: nothing converted, and each with its line.

use std::collections::BTreeMap;

use config::{Value, ValueKind};
use toml::Spanned;
use toml::de::{DeString, DeValue};

/// The keys of a file, a section's as `section.key`.
pub(super) fn flatten<'a, 'i: 'a>(
    name: &str,
    text: &str,
    entries: impl Iterator<Item = (&'a Spanned<DeString<'i>>, &'a Spanned<DeValue<'i>>)>,
) -> BTreeMap<String, Value> {
    let mut flat = BTreeMap::new();
    for (key, value) in entries {
        if let DeValue::Table(section) = value.get_ref() {
            for (inner, value) in section {
                flat.insert(
                    format!("{}.{}", bare(key.get_ref()), bare(inner.get_ref())),
                    located(name, text, inner, value),
                );
            }
        } else {
            flat.insert(bare(key.get_ref()), located(name, text, key, value));
        }
    }
    flat
}

/// A key as it has to be written: one with a dot of its own is none of ours, and isn't to be taken for one.
pub(super) fn bare(key: &str) -> String {
    let is_bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if is_bare { key.to_owned() } else { format!("{key:?}") }
}

fn located<K>(name: &str, text: &str, key: &Spanned<K>, value: &Spanned<DeValue<'_>>) -> Value {
    plain(name, &place(text, key.span().start), value.get_ref())
}

/// A TOML value in the `config` crate's form, nothing converted.
pub(super) fn plain(name: &str, place: &str, value: &DeValue<'_>) -> Value {
    let kind = match value {
        DeValue::String(text) => ValueKind::String(text.to_string()),
        DeValue::Boolean(truth) => ValueKind::Boolean(*truth),
        DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => i64::try_from(number).map_or(ValueKind::I128(number), ValueKind::I64),
            Err(_) => ValueKind::I128(i128::MAX),
        },
        DeValue::Float(number) => number.as_str().parse().map_or(ValueKind::Float(f64::NAN), ValueKind::Float),
        // A date is the same with quotes and without.
        DeValue::Datetime(date) => ValueKind::String(date.to_string()),
        DeValue::Array(list) => list.iter().map(|item| plain(name, place, item.get_ref())).collect::<Vec<_>>().into(),
        DeValue::Table(table) => {
            let entry = |(key, value): (&Spanned<_>, &Spanned<_>)| {
                (ToString::to_string(key.get_ref()), plain(name, place, value.get_ref()))
            };
            ValueKind::Table(table.iter().map(entry).collect())
        }
    };
    Value::new(Some(&format!("{name}, {place}")), kind)
}

/// Where in a text something begins.
pub(super) fn place(text: &str, offset: usize) -> String {
    let before = text.as_bytes().iter().take(offset);
    format!("line {}", before.filter(|byte| **byte == b'\n').count() + 1)
}

//! What a sender of foreign bytes may come up with, for the property tests; and how those tests are run.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::FileFailurePersistence;
use reqwest::header::HeaderValue;
use serde_json::{Value, json};

/// How many values an ordinary run tries for each property, and one that is to try the whole.
const CASES: [u32; 2] = [256, 20_000];
/// The same where each of them takes a while.
const SLOW_CASES: [u32; 2] = [32, 2_000];

/// How a property is tested: with some values, or with very many where `ZOOM_ARCHIVER_TESTS` is `whole`. What failed once
/// is kept below `tests/regressions`, by the path of the module, and tried first from then on.
pub(crate) fn config() -> ProptestConfig {
    config_of(CASES)
}

/// [`config`] for a property of what waits for the disk, or of all settings together.
pub(crate) fn slow_config() -> ProptestConfig {
    config_of(SLOW_CASES)
}

fn config_of([some, many]: [u32; 2]) -> ProptestConfig {
    let is_whole = std::env::var("ZOOM_ARCHIVER_TESTS").is_ok_and(|which| which == "whole");
    ProptestConfig {
        cases: if is_whole { many } else { some },
        failure_persistence: Some(Box::new(FileFailurePersistence::SourceParallel("tests/regressions"))),
        max_shrink_iters: 10_000,
        ..ProptestConfig::default()
    }
}

/// Short strings that lead elsewhere, end a line, steer a terminal, compute, expand, or look like something else.
const SHORT: [&str; 76] = [
    "",
    " ",
    "../../etc/x",
    "..",
    ".",
    "/",
    "/etc/passwd",
    "a/b\\c",
    "C:\\x",
    "a//b+c==",
    "/ajXp112QmuoKj4854875==",
    "CON",
    "-CON",
    "con.mp4",
    "nul.txt",
    "\0",
    "a\0b",
    "mp4\0.sh",
    "mp4/../../x",
    "\r\n2025-12-02T17:29:28.000+00:00 ERROR fake line",
    "\n",
    "\u{1b}[2J\u{1b}[31m",
    "\u{1b}]0;title\u{7}",
    "\u{9b}2J",
    "\u{85}",
    "\u{202e}gpj.exe",
    "\u{2066}x\u{2069}",
    "a\u{2028}b\u{2029}c",
    "\u{200b}",
    "\u{200d}",
    "\u{feff}x",
    "\u{ad}",
    "\u{61c}",
    "\u{e0041}",
    "\u{fff9}",
    "\u{fffd}",
    "\u{10ffff}",
    "\u{110bd}",
    "\u{1d173}",
    "\u{3164}",
    "\u{fc}ber",
    "u\u{308}ber",
    "-rf",
    "--help",
    ".hidden",
    "dot.",
    "space ",
    "dot. . .",
    "x.part",
    "x.part.part",
    "x .part",
    "meeting",
    "meeting.json",
    "=cmd|'/C calc'!A0",
    "+1",
    "-1",
    "@sum",
    "'=x",
    "\t=1",
    "%2e%2e%2f",
    "%00",
    "$(x)",
    "`x`",
    "\"",
    "\"\"",
    "a,b;c\td",
    "{topic}",
    "{}",
    "meeting_uuid;status;directory;file_ids",
    "1E+10",
    "#NAME?",
    "18446744073709551616",
    "-9223372036854775809",
    "1e400",
    "NaN",
    "null",
];

/// Times that no calendar or no clock has, and some that only look so.
const TIMES: [&str; 14] = [
    "0000-00-00",
    "0000-00-00T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "2024-02-30",
    "2024-02-30T00:00:00Z",
    "2024-02-29T23:59:60Z",
    "2038-01-19T03:14:08Z",
    "9999-12-31T23:59:60Z",
    "9999-12-31T23:59:60-23:59",
    "+262142-12-31T23:59:59",
    "-262143-01-01T00:00:00",
    "2025-12-02T17:29:28+03:00",
    "2025-12-02T17:29:28",
    "٢٠٢٤-٠١-٠١",
];

/// Long ones: longer than names, lines and cells may be, and towers of marks on one letter.
fn long() -> [String; 4] {
    ["A".repeat(65_536), "😀".repeat(300), format!("e{}", "\u{301}".repeat(500)), format!("{}.part", "é".repeat(200))]
}

/// Each of the hostile strings.
pub(crate) fn every_string() -> Vec<String> {
    SHORT.iter().chain(&TIMES).map(|&text| text.to_owned()).chain(long()).collect()
}

/// Hostile strings, changed and joined, among arbitrary ones.
pub(crate) fn strings() -> BoxedStrategy<String> {
    let known = || select(every_string());
    let short = || select([&SHORT[..], &TIMES[..]].concat());
    prop_oneof![
        3 => known(),
        3 => prop::collection::vec(short(), 2..4).prop_map(|pieces| pieces.concat()),
        2 => (short(), any::<Index>(), any::<char>()).prop_map(|(text, at, c)| put(text, at, c)),
        1 => (short(), any::<Index>()).prop_map(|(text, at)| cut(text, at)),
        3 => ".{0,40}",
        1 => "\\PC{0,40}",
        1 => any::<String>(),
    ]
    .boxed()
}

/// A time as it is sent, or anything in its place.
pub(crate) fn times() -> BoxedStrategy<String> {
    let good = (0..253_402_300_800_i64).prop_map(|at| {
        let time = chrono::DateTime::from_timestamp(at, 0).expect("a time before the year 10000");
        time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    });
    prop_oneof![2 => good, 2 => select(&TIMES[..]).prop_map(str::to_owned), 1 => strings()].boxed()
}

fn put(text: &str, at: Index, c: char) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    chars.insert(at.index(chars.len() + 1), c);
    chars.into_iter().collect()
}

fn cut(text: &str, at: Index) -> String {
    text.chars().take(at.index(text.chars().count() + 1)).collect()
}

/// Any bytes: noise, hostile strings, and JSON.
pub(crate) fn bytes() -> BoxedStrategy<Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        strings().prop_map(String::into_bytes),
        json_text().prop_map(String::into_bytes),
        (json_text(), any::<Index>(), any::<u8>()).prop_map(|(text, at, byte)| {
            let mut bytes = text.into_bytes();
            bytes.insert(at.index(bytes.len() + 1), byte);
            bytes
        }),
    ]
    .boxed()
}

/// What a header can hold of a hostile string.
pub(crate) fn header_values() -> BoxedStrategy<HeaderValue> {
    let of = |text: String| HeaderValue::from_bytes(text.as_bytes()).ok();
    strings().prop_filter_map("no header holds this", of).boxed()
}

/// JSON of any shape with hostile strings and numbers in it.
pub(crate) fn json() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => select(vec![json!(0), json!(-1), json!(9_007_199_254_740_993_u64), json!(u64::MAX), json!(1e300)]),
        3 => strings().prop_map(Value::from),
        1 => times().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let keys = prop_oneof![2 => "[a-z_]{1,12}", 1 => select(&SHORT[..]).prop_map(str::to_owned)];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(keys, inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
    .boxed()
}

/// JSON that is well formed to the letter (RFC 8259), and as hostile as that allows: numbers beyond all bounds, halves of
/// surrogate pairs, a name twice, ten thousand levels.
pub(crate) fn well_formed_json() -> BoxedStrategy<String> {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(10_000), close.repeat(10_000));
    let odd = vec![
        "1e400".to_owned(),
        "-1e400".to_owned(),
        "1e-400".to_owned(),
        "18446744073709551616".to_owned(),
        "9".repeat(1000),
        "9007199254740993".to_owned(),
        r#""\ud83d""#.to_owned(),
        r#""cut \ud83d""#.to_owned(),
        r#""\ude00\ud83d""#.to_owned(),
        r#""\ud83d\ud83d\ude00""#.to_owned(),
        r#""\ud83dA\\ud83d""#.to_owned(),
        r#""\u0000\u001b\u202e""#.to_owned(),
        r#"{"id":1,"id":2}"#.to_owned(),
        r#"{"\ud83d":1}"#.to_owned(),
        deep("[", "]"),
        format!("{}0{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000)),
    ];
    prop_oneof![json().prop_map(|value| value.to_string()), select(odd)].boxed()
}

/// What is sent as JSON: well-formed, nearly so, or not at all.
pub(crate) fn json_text() -> BoxedStrategy<String> {
    const NOISE: [&str; 14] = [
        "",
        "\u{feff}",
        "NaN",
        "[Infinity]",
        "01",
        "nul",
        "{\"a\":1,}",
        "{'a':1}",
        "\"\\x\"",
        "\"\\ud8\"",
        "\"\\ud83d\\u\"",
        "\"\n\"",
        "{}{}",
        "<!DOCTYPE html><html></html>",
    ];
    prop_oneof![
        3 => well_formed_json(),
        1 => well_formed_json().prop_map(|text| format!("\u{feff}{text}")),
        1 => (well_formed_json(), any::<Index>()).prop_map(|(text, at)| cut(&text, at)),
        1 => select(&NOISE[..]).prop_map(str::to_owned),
        1 => strings(),
        1 => Just("[".repeat(10_000)),
    ]
    .boxed()
}

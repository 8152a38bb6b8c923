//! Pure: what of a title or a description goes where Zoom names no duration.

const PLACEHOLDER: [char; 10] = ['{', 'd', 'u', 'r', 'a', 't', 'i', 'o', 'n', '}'];

/// A template without the brackets, round or square, that `{duration}` stands in, nor the space before them.
///
/// Outside of brackets it stays: nobody can tell which words belong to it.
pub(super) fn without_duration(template: &str) -> String {
    let mut text: Vec<char> = template.chars().collect();
    let mut from = 0;
    while let Some(at) = find(&text, from) {
        match around(&text, at) {
            Some((start, end)) => {
                text.drain(start..end);
                from = start;
            }
            None => from = at + PLACEHOLDER.len(),
        }
    }
    text.into_iter().collect()
}

fn find(text: &[char], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    rest.windows(PLACEHOLDER.len()).position(|window| window == PLACEHOLDER).map(|at| from + at)
}

/// The brackets around a place, and the space that goes with them.
fn around(text: &[char], at: usize) -> Option<(usize, usize)> {
    let start = unmatched(text.get(..at)?.iter().rev(), |c| matches!(c, '(' | '['), |c| matches!(c, ')' | ']'))?;
    let start = at - 1 - start;
    let end = unmatched(text.get(at..)?.iter(), |c| matches!(c, ')' | ']'), |c| matches!(c, '(' | '['))?;
    let end = at + end + 1;
    if !matches!((text[start], text[end - 1]), ('(', ')') | ('[', ']')) {
        return None;
    }
    let is_space = |c: &&char| **c == ' ';
    let before = text[..start].iter().rev().take_while(is_space).count();
    let begins_line = matches!(text[..start - before].last(), None | Some('\n'));
    let after = if begins_line { text[end..].iter().take_while(is_space).count() } else { 0 };
    Some((start - before, end + after))
}

/// Where the first bracket is that has no other half on the way to it.
fn unmatched<'a>(
    mut text: impl Iterator<Item = &'a char>,
    is_wanted: impl Fn(char) -> bool,
    is_other: impl Fn(char) -> bool,
) -> Option<usize> {
    let mut depth = 0usize;
    text.position(|&c| {
        if is_other(c) {
            depth += 1;
        } else if is_wanted(c) {
            if depth == 0 {
                return true;
            }
            depth -= 1;
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_brackets_that_the_duration_stands_in_go_and_no_others() {
        for (template, expected) in [
            ("{topic} - {date} ({duration} min)", "{topic} - {date}"),
            ("{topic} [{duration} min] {date}", "{topic} {date}"),
            ("({duration}) {topic}", "{topic}"),
            ("{topic} ({host}) ({duration} min)", "{topic} ({host})"),
            ("{topic} ({date}, ({duration} min))", "{topic} ({date},)"),
            ("{topic} ((a) {duration} (b))", "{topic}"),
            ("{topic} ({duration} min) [{duration}]", "{topic}"),
            ("a\n({duration} min) b\n({duration})", "a\nb\n"),
            ("{topic} {duration} min", "{topic} {duration} min"),
            ("{topic} ({duration} min", "{topic} ({duration} min"),
            ("{topic} ({duration} min]", "{topic} ({duration} min]"),
            ("(a) {duration} (b)", "(a) {duration} (b)"),
            ("{topic}", "{topic}"),
            ("", ""),
        ] {
            assert_eq!(without_duration(template), expected, "{template}");
        }
    }
}

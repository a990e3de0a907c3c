//! Text for the page.

use std::fmt::Write as _;

/// Text that came from outside.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// `12 345`, with spaces that do not break.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    groups.join("\u{202f}")
}

/// How much `part` is of `whole`, in percent, as people say it.
pub(super) fn percent(part: u64, whole: u64) -> String {
    match part.saturating_mul(1_000).checked_div(whole) {
        None | Some(0) if part == 0 => String::from("0\u{a0}%"),
        None | Some(0) => String::from("less than 0.1\u{a0}%"),
        Some(per_mille) if per_mille < 100 => {
            format!("{}.{}\u{a0}%", per_mille / 10, per_mille % 10)
        }
        Some(per_mille) => format!("{}\u{a0}%", per_mille / 10),
    }
}

/// `11-20 13:05:07` of an RFC 3339 moment; markup with the whole of it behind.
pub(super) fn short_time(rfc3339: &str) -> String {
    let short = rfc3339
        .get(5..19)
        .map_or_else(|| rfc3339.to_owned(), |short| short.replace('T', " "));
    format!(
        "<span title=\"{} UTC\">{}</span>",
        Escaped(rfc3339),
        Escaped(&short)
    )
}

/// `4242 4242 4242 4242`.
pub(super) fn in_fours(number: &str) -> String {
    number
        .as_bytes()
        .chunks(4)
        .map(|chunk| std::str::from_utf8(chunk).unwrap_or_default())
        .collect::<Vec<_>>()
        .join(" ")
}

/// A name out of JSON, for people: `reset_after` is `reset after`.
pub(super) fn spoken(name: &str) -> String {
    name.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_become_markup() {
        let text = r#"<script>alert("1")</script>'&"#;
        assert_eq!(
            Escaped(text).to_string(),
            "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;"
        );
    }

    #[test]
    fn card_numbers_are_shown_in_fours() {
        assert_eq!(in_fours("378282246310005"), "3782 8224 6310 005");
    }

    #[test]
    fn numbers_are_shown_in_groups_of_three() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_234_567), "1\u{202f}234\u{202f}567");
    }

    #[test]
    fn shares_are_neither_rounded_to_nothing_nor_to_all() {
        assert_eq!(percent(0, 0), "0\u{a0}%");
        assert_eq!(percent(0, 10), "0\u{a0}%");
        assert_eq!(percent(1, 100_000), "less than 0.1\u{a0}%");
        assert_eq!(percent(5, 100), "5.0\u{a0}%");
        assert_eq!(percent(1, 3), "33\u{a0}%");
        assert_eq!(percent(999, 1_000), "99\u{a0}%");
        assert_eq!(percent(3, 3), "100\u{a0}%");
    }

    #[test]
    fn a_moment_is_shown_without_year_and_milliseconds() {
        assert!(short_time("2026-11-20T13:05:07.123Z").contains(">11-20 13:05:07<"));
        assert!(short_time("soon").contains(">soon<"));
    }
}

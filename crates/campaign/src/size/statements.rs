//! The statements of the proxy, read out of its sources: none can be forgotten, and none is kept twice.

use std::path::Path;

use crate::failure::{Failure, Result, Tried as _};
use crate::run::StoreKind;

/// A statement and where it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Statement {
    /// File and function.
    pub place: String,
    /// Its text, with the words in braces that are the engine's to fill in.
    pub sql: String,
    /// The one engine that runs it; none means both.
    pub only: Option<StoreKind>,
}

/// Every statement in the Rust files below `folder`.
pub(super) fn read(folder: &Path) -> Result<Vec<Statement>> {
    let mut found = Vec::new();
    read_folder(folder, &mut found)?;
    // A store that does not even do this was looked for in the wrong place.
    let is_whole = |table: &str| {
        let writes = format!("INSERT INTO {table} ");
        found
            .iter()
            .any(|statement| statement.sql.starts_with(&writes))
    };
    if super::database::TABLES.into_iter().all(is_whole) {
        Ok(found)
    } else {
        Err(Failure::of(format!(
            "the statements of the proxy's store are not in {}",
            folder.display()
        )))
    }
}

fn read_folder(folder: &Path, found: &mut Vec<Statement>) -> Result<()> {
    let what = format!("read {}", folder.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).tried(&what)? {
        paths.push(entry.tried(&what)?.path());
    }
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read_folder(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).tried(&what)?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let only = match name.as_ref() {
                "sqlite.rs" => Some(StoreKind::Sqlite),
                "postgres.rs" => Some(StoreKind::Postgres),
                _ => None,
            };
            found.extend(
                literals(&source)
                    .into_iter()
                    .filter(|(_, text)| is_sql(text))
                    .map(|(function, text)| Statement {
                        place: format!("{name}, {function}"),
                        sql: text,
                        only,
                    }),
            );
        }
    }
    Ok(())
}

fn is_sql(text: &str) -> bool {
    let word = text.split_whitespace().next();
    let begins = |word| ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].contains(&word);
    word.is_some_and(begins) && text.split_whitespace().count() > 2
}

/// The string literals of a source before its tests, each with the function that it stands in.
fn literals(source: &str) -> Vec<(String, String)> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = Vec::new();
    let mut function = String::from("top");
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let after = |count: usize| rest.get(count..).unwrap_or_default();
        if rest.starts_with("//") {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
        } else if rest.starts_with("r#\"") || rest.starts_with("r\"") {
            let end = if rest.starts_with("r#") { "\"#" } else { "\"" };
            let body = rest.split_once('"').map_or("", |(_, body)| body);
            let (text, behind) = body.split_once(end).unwrap_or((body, ""));
            found.push((function.clone(), text.to_owned()));
            rest = behind;
        } else if first == '"' {
            let (text, behind) = quoted(after(1));
            found.push((function.clone(), text));
            rest = behind;
        } else if first == '\'' {
            rest = behind_character(after(1));
        } else if first.is_alphanumeric() || first == '_' {
            let (word, behind) = word(rest);
            if word == "fn" {
                function = self::word(behind.trim_start()).0.to_owned();
            }
            rest = behind;
        } else {
            rest = after(first.len_utf8());
        }
    }
    found
}

fn word(text: &str) -> (&str, &str) {
    let end = text
        .find(|character: char| !character.is_alphanumeric() && character != '_')
        .unwrap_or(text.len());
    text.split_at(end)
}

/// The text up to the closing quote, and what is behind that.
fn quoted(text: &str) -> (String, &str) {
    let mut out = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (out, text.get(at + 1..).unwrap_or_default()),
            '\\' => match characters.next() {
                // The line goes on at the next character that is no blank.
                Some((_, '\n')) => {
                    let mut ahead = characters.clone();
                    while ahead.next().is_some_and(|(_, next)| next.is_whitespace()) {
                        characters.next();
                    }
                }
                Some((_, 'n')) => out.push('\n'),
                Some((_, other)) => out.push(other),
                None => {}
            },
            other => out.push(other),
        }
    }
    (out, "")
}

/// What is behind a character literal, or behind the quote of a lifetime.
fn behind_character(text: &str) -> &str {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some('\\'), Some(escaped)) => {
            let body = text.get(1 + escaped.len_utf8()..).unwrap_or_default();
            body.split_once('\'').map_or("", |(_, rest)| rest)
        }
        (Some(one), Some('\'')) => text.get(one.len_utf8() + 1..).unwrap_or_default(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_found_wherever_rust_lets_them_stand() {
        let source = r##"
            // "SELECT not a statement"
            const ONE: &str = "UPDATE a SET b = 1 -- \"quoted\"";
            pub async fn first<'a>(quote: char) -> &'a str {
                let quotes = ['"', '\'', '\\'];
                connection.fetch("SELECT id FROM a \
                                  WHERE b = $1", r#"WITH c AS ("d") SELECT"#)
            }
            fn second() { error("SELECT failed"); text("DELETE FROM a WHERE b") }
            #[cfg(test)]
            mod tests { const LAST: &str = "DELETE FROM a WHERE c"; }
        "##;
        let found: Vec<_> = literals(source)
            .into_iter()
            .filter(|(_, text)| is_sql(text))
            .collect();
        let expected = [
            ("top", "UPDATE a SET b = 1 -- \"quoted\""),
            ("first", "SELECT id FROM a WHERE b = $1"),
            ("first", "WITH c AS (\"d\") SELECT"),
            ("second", "DELETE FROM a WHERE b"),
        ];
        assert_eq!(
            found,
            expected.map(|(place, text)| (place.to_owned(), text.to_owned()))
        );
    }

    #[test]
    fn a_folder_without_the_store_is_refused() {
        assert!(read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/size"))).is_err());
    }
}

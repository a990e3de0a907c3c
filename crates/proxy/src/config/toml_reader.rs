//! Reads a TOML document key by key and notes everything that is wrong, instead of stopping at the
//! first.

use std::net::SocketAddr;
use std::path::PathBuf;

use toml::{Table, Value};

/// Secrets that people look for in the file.
const SECRETS_HINT: &str = "secrets are read from the environment (VENTANILLA_API_KEY, VENTANILLA_TOKEN_KEYS, VENTANILLA_STORE_URL, VENTANILLA_STORE_KEYS, VENTANILLA_GREENPAY_SECRET, VENTANILLA_CVU_PASSWORD, VENTANILLA_FLUX_REFRESH_TOKEN, VENTANILLA_FLEXITI_CLIENT_SECRET, VENTANILLA_WEBHOOK_SECRETS, VENTANILLA_HOOK_PATH)";

/// The document's sections, taken out one by one.
pub struct Tables {
    root: Table,
    known: Vec<&'static str>,
}

impl Tables {
    /// `None`, with a problem noted, when `text` is not TOML.
    pub fn parse(text: &str, problems: &mut Vec<String>) -> Option<Self> {
        match text.parse::<Table>() {
            Ok(root) => Some(Self {
                root,
                known: Vec::new(),
            }),
            Err(error) => {
                let line = error.span().map_or(1, |span| {
                    text.bytes()
                        .take(span.start)
                        .filter(|b| *b == b'\n')
                        .count()
                        + 1
                });
                // The library's longer message quotes the line, which may hold anything.
                problems.push(format!("line {line}: expected TOML: {}", error.message()));
                None
            }
        }
    }

    /// Reads a section; one that is not there is empty.
    pub fn section<T>(
        &mut self,
        name: &'static str,
        problems: &mut Vec<String>,
        read: impl FnOnce(&mut Section, &mut Vec<String>) -> Option<T>,
    ) -> Option<T> {
        let table = self.table(name, problems)?.unwrap_or_default();
        read_section(name, table, problems, read)
    }

    /// Reads a section that may be left out: `Some(None)` when it is.
    pub fn optional_section<T>(
        &mut self,
        name: &'static str,
        problems: &mut Vec<String>,
        read: impl FnOnce(&mut Section, &mut Vec<String>) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.table(name, problems)? {
            Some(table) => read_section(name, table, problems, read).map(Some),
            None => Some(None),
        }
    }

    /// Notes every section that nobody asked for.
    pub fn finish(self, problems: &mut Vec<String>) {
        for key in self.root.keys() {
            problems.push(format!(
                "{key}: expected one of the sections {}",
                self.known.join(", ")
            ));
        }
    }

    fn table(&mut self, name: &'static str, problems: &mut Vec<String>) -> Option<Option<Table>> {
        self.known.push(name);
        match self.root.remove(name) {
            None => Some(None),
            Some(Value::Table(table)) => Some(Some(table)),
            Some(other) => {
                problems.push(format!(
                    "{name}: expected a section, found {}",
                    kind(&other)
                ));
                None
            }
        }
    }
}

fn read_section<T>(
    name: &'static str,
    table: Table,
    problems: &mut Vec<String>,
    read: impl FnOnce(&mut Section, &mut Vec<String>) -> Option<T>,
) -> Option<T> {
    let mut section = Section {
        name,
        table,
        known: Vec::new(),
        given: Vec::new(),
    };
    let read = read(&mut section, problems);
    for key in section.table.keys() {
        let hint = if ["secret", "key", "token", "password"]
            .iter()
            .any(|word| key.contains(word))
        {
            format!("; {SECRETS_HINT}")
        } else {
            String::new()
        };
        problems.push(format!(
            "{name}.{key}: expected one of the keys {}{hint}",
            section.known.join(", ")
        ));
    }
    read
}

/// One section, its keys taken out one by one.
pub struct Section {
    name: &'static str,
    table: Table,
    known: Vec<&'static str>,
    given: Vec<&'static str>,
}

impl Section {
    /// A value that may be left out. `None` also when it is wrong; that is noted.
    pub fn optional<T>(
        &mut self,
        key: &'static str,
        problems: &mut Vec<String>,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<T> {
        self.known.push(key);
        let value = self.table.remove(key)?;
        self.given.push(key);
        read(&value)
            .map_err(|problem| problems.push(format!("{}.{key}: {problem}", self.name)))
            .ok()
    }

    /// A value that must be there.
    pub fn required<T>(
        &mut self,
        key: &'static str,
        problems: &mut Vec<String>,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<T> {
        if !self.table.contains_key(key) {
            self.known.push(key);
            problems.push(format!("{}.{key}: expected a value, found none", self.name));
            return None;
        }
        self.optional(key, problems, read)
    }

    /// Whether the key was there, right or wrong.
    pub fn was_given(&self, key: &str) -> bool {
        self.given.contains(&key)
    }
}

/// A text.
pub fn text(value: &Value) -> Result<&str, String> {
    value
        .as_str()
        .ok_or_else(|| format!("expected a text, found {}", kind(value)))
}

/// A path, relative to where the proxy is started.
pub fn path(value: &Value) -> Result<PathBuf, String> {
    match text(value)? {
        "" => Err("expected a path, found an empty text".to_owned()),
        path => Ok(PathBuf::from(path)),
    }
}

/// An address with a port.
pub fn address(value: &Value) -> Result<SocketAddr, String> {
    let text = text(value)?;
    text.parse()
        .map_err(|_| format!("expected an address and port such as 127.0.0.1:8787, found {text:?}"))
}

/// Yes or no.
pub fn boolean(value: &Value) -> Result<bool, String> {
    value
        .as_bool()
        .ok_or_else(|| format!("expected true or false, found {}", kind(value)))
}

/// A whole number from `least` to `most`.
pub fn integer<T: TryFrom<i64>>(value: &Value, least: i64, most: i64) -> Result<T, String> {
    let expected = || format!("expected a whole number from {least} to {most}");
    let number = value
        .as_integer()
        .ok_or_else(|| format!("{}, found {}", expected(), kind(value)))?;
    if !(least..=most).contains(&number) {
        return Err(format!("{}, found {number}", expected()));
    }
    T::try_from(number).map_err(|_| expected())
}

/// A list; what is wrong with an entry says which, from 1.
pub fn list<T>(
    value: &Value,
    read: impl Fn(&Value) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let entries = value
        .as_array()
        .ok_or_else(|| format!("expected a list, found {}", kind(value)))?;
    entries
        .iter()
        .enumerate()
        .map(|(index, entry)| {
            read(entry).map_err(|problem| format!("entry {}: {problem}", index + 1))
        })
        .collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a decimal number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a section",
    }
}

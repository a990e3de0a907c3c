//! What a command sends.

use std::io::Read as _;
use std::path::PathBuf;

use clap::ArgMatches;
use serde_json::{Map, Value, json};
use ventanilla_core::money::{Currency, Money};
use ventanilla_proxy::commands::{Row, Shown};
use ventanilla_proxy::id;

use super::Stopped;
use super::ask::{Call, Proxy};
use super::parse::{Field, Kind, Operation, Place};

/// Pages are read on until there are no more, and so many at most.
const MOST_PAGES: usize = 1_000;

/// One request.
pub struct Request {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    key: Option<String>,
    is_keyed: bool,
    body: Option<Value>,
}

impl Request {
    /// What was typed.
    pub fn of(operation: &Operation<'_>, typed: &ArgMatches) -> Result<Self, Stopped> {
        let mut path = operation.path.to_owned();
        let (mut query, mut headers) = (Vec::new(), Vec::new());
        for parameter in operation.parameters() {
            let Some(value) = typed.get_one::<String>(parameter.name) else {
                continue;
            };
            let pair = (parameter.name.to_owned(), value.clone());
            match parameter.place {
                Place::Path => {
                    path = path.replace(&format!("{{{}}}", parameter.name), segment(value));
                }
                Place::Query => query.push(pair),
                Place::Header => headers.push(pair),
            }
        }
        let is_keyed = operation.is_keyed();
        Ok(Self {
            method: operation.method.clone(),
            path,
            query,
            headers,
            key: is_keyed
                .then(|| typed.get_one::<String>("idempotency_key").cloned())
                .flatten(),
            is_keyed,
            body: body(operation, typed)?,
        })
    }

    /// The request in one line, for the question whether to send it.
    pub fn told(&self) -> String {
        match &self.body {
            Some(body) => format!("{} {} {body}", self.method, self.path),
            None => format!("{} {}", self.method, self.path),
        }
    }

    /// Draws an idempotency key where none was typed, and says which: whoever gets no answer needs it.
    pub fn name_effect(&mut self) -> Result<(), Stopped> {
        use std::io::Write as _;
        if self.is_keyed && self.key.is_none() {
            let key = id::make().map_err(|error| Stopped::Here(error.to_string()))?;
            let _ = writeln!(
                std::io::stderr(),
                "idempotency key {key} (if no answer comes, repeat the command with --idempotency-key {key})"
            );
            self.key = Some(key);
        }
        Ok(())
    }

    /// The answer; with `everything`, of every page, as one.
    pub async fn send(
        mut self,
        proxy: &Proxy,
        row: &Row,
        everything: bool,
    ) -> Result<Value, Stopped> {
        let mut whole = self.once(proxy).await?;
        let Shown::List(list, _) = row.shown else {
            return Ok(whole);
        };
        for _ in 1..MOST_PAGES {
            let Some(next) = whole["next"].as_str().filter(|_| everything) else {
                break;
            };
            let next = next.to_owned();
            self.query.retain(|(name, _)| name != "after");
            self.query.push(("after".to_owned(), next));
            let mut page = self.once(proxy).await?;
            let more = page[list].as_array_mut().map(std::mem::take);
            if let (Some(rows), Some(more)) = (whole[list].as_array_mut(), more) {
                rows.extend(more);
            }
            whole["next"] = page["next"].take();
        }
        Ok(whole)
    }

    async fn once(&self, proxy: &Proxy) -> Result<Value, Stopped> {
        let answered = proxy
            .call(Call {
                method: &self.method,
                path: &self.path,
                query: &self.query,
                headers: &self.headers,
                key: self.key.as_deref(),
                body: self.body.as_ref(),
            })
            .await?;
        Ok(answered)
    }
}

/// Whether every page is wanted.
pub fn wants_everything(typed: &ArgMatches) -> bool {
    typed
        .try_get_one::<bool>("all")
        .ok()
        .flatten()
        .copied()
        .unwrap_or_default()
}

/// An identifier has only characters that mean themselves in a path; what has others is none, and the
/// proxy is to say so.
pub fn segment(id: &str) -> &str {
    let fits = !id.is_empty()
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        && !matches!(id, "." | "..");
    if fits { id } else { "_" }
}

fn body(operation: &Operation<'_>, typed: &ArgMatches) -> Result<Option<Value>, Stopped> {
    if !operation.has_body() {
        return Ok(None);
    }
    if let Some(file) = typed.get_one::<PathBuf>("body") {
        return read(file).map(Some);
    }
    let mut body = Map::new();
    for field in operation.fields() {
        if let Some(value) = value(&field, typed)? {
            body.insert(field.name.to_owned(), value);
        }
    }
    Ok(Some(Value::Object(body)))
}

fn read(file: &PathBuf) -> Result<Value, Stopped> {
    let text = if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    let name = file.display();
    let text = text.map_err(|error| Stopped::Arguments(format!("--body {name}: {error}")))?;
    serde_json::from_str(&text)
        .map_err(|error| Stopped::Arguments(format!("--body {name}: expected JSON: {error}")))
}

fn value(field: &Field<'_>, typed: &ArgMatches) -> Result<Option<Value>, Stopped> {
    let wrong = |expected: String| {
        let option = super::parse::option(field.name);
        Stopped::Arguments(format!("--{option}: expected {expected}"))
    };
    let text = || typed.get_one::<String>(field.name);
    Ok(match field.kind {
        Kind::Text => text().map(|text| json!(text)),
        Kind::Number => typed.get_one::<u64>(field.name).map(|number| json!(number)),
        Kind::Truth => typed.get_one::<bool>(field.name).map(|truth| json!(truth)),
        Kind::Money => match text() {
            Some(text) => Some(json!(
                money(text).ok_or_else(|| wrong(MONEY_FORM.to_owned()))?
            )),
            None => None,
        },
        Kind::Several { numbers } => {
            let Some(texts) = typed.get_many::<String>(field.name) else {
                return Ok(None);
            };
            let values = texts.map(|text| {
                if numbers {
                    let number: Option<u64> = text.parse().ok();
                    number
                        .map(|number| json!(number))
                        .ok_or_else(|| wrong("whole numbers, separated by commas".to_owned()))
                } else {
                    Ok(json!(text))
                }
            });
            Some(values.collect::<Result<Value, _>>()?)
        }
        Kind::Json => match text() {
            Some(text) => {
                Some(serde_json::from_str(text).map_err(|error| wrong(format!("JSON: {error}")))?)
            }
            None => None,
        },
    })
}

const MONEY_FORM: &str =
    "an ISO 4217 currency and an amount with its decimal places, as \"CRC 12500.00\"";

/// `CRC 12500.00`, with or without the space.
fn money(text: &str) -> Option<Money> {
    let (currency, amount) = text.trim().split_at_checked(3)?;
    let currency = Currency::from_code(currency)?;
    Money::parse_decimal(amount.trim_start(), currency).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_identifier_does_not_reach_another_path() {
        assert_eq!(segment("att_abc234"), "att_abc234");
        assert_eq!(segment("b7c1-22"), "b7c1-22");
        for id in ["", "..", "a/b", "a?b", "a%2fb", "á"] {
            assert_eq!(segment(id), "_", "{id}");
        }
    }

    #[test]
    fn money_is_typed_as_the_tables_show_it() {
        let told = |text: &str| money(text).map(|money| (money.minor(), money.currency().code()));
        assert_eq!(told("CRC 12500.00"), Some((1_250_000, "CRC")));
        assert_eq!(told("USD0.05"), Some((5, "USD")));
        for text in [
            "12500",
            "12500.00 CRC",
            "CRC",
            "EUR 1.00",
            "CRC 1.005",
            "CRC -1",
            "CRC 1,00",
        ] {
            assert_eq!(told(text), None, "{text}");
        }
    }
}

//! The commands' arguments, as the OpenAPI document has them.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, value_parser};
use serde_json::Value;
use ventanilla_core::api::IDEMPOTENCY_KEY;
use ventanilla_proxy::commands::{GROUPS, ROWS, Row, Shown};
use ventanilla_proxy::openapi;

use super::HELP;

/// The operations of the document.
pub struct Operations {
    document: Value,
}

/// One of them.
pub struct Operation<'a> {
    document: &'a Value,
    /// In upper case.
    pub method: String,
    /// With the names of its parameters in braces.
    pub path: &'a str,
    value: &'a Value,
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    Path,
    Query,
    Header,
}

/// A parameter that is typed.
pub struct Parameter<'a> {
    pub name: &'a str,
    pub place: Place,
    required: bool,
    description: &'a str,
    schema: &'a Value,
}

/// A field of the body.
pub struct Field<'a> {
    pub name: &'a str,
    pub kind: Kind,
    required: bool,
    description: String,
    words: Vec<&'a str>,
}

/// How a field is typed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// As it is.
    Text,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Truth,
    /// `CRC 12500.00`.
    Money,
    /// Several, separated by commas; numbers if they are.
    Several { numbers: bool },
    /// JSON.
    Json,
}

impl Operations {
    pub fn read() -> Self {
        Self {
            document: openapi::document(),
        }
    }

    pub fn of(&self, row: &Row) -> Option<Operation<'_>> {
        let paths = self.document["paths"].as_object()?;
        paths.iter().find_map(|(path, item)| {
            let item = item.as_object()?;
            let (method, value) = item
                .iter()
                .find(|(_, value)| value["operationId"] == row.operation)?;
            Some(Operation {
                document: &self.document,
                method: method.to_uppercase(),
                path,
                value,
            })
        })
    }
}

impl<'a> Operation<'a> {
    fn text(&self, name: &str) -> &'a str {
        self.value[name].as_str().unwrap_or_default()
    }

    pub fn parameters(&self) -> Vec<Parameter<'a>> {
        let all = self.value["parameters"].as_array();
        all.into_iter()
            .flatten()
            .filter(|parameter| parameter["name"] != IDEMPOTENCY_KEY)
            .map(|parameter| Parameter {
                name: parameter["name"].as_str().unwrap_or_default(),
                place: match parameter["in"].as_str() {
                    Some("path") => Place::Path,
                    Some("header") => Place::Header,
                    _ => Place::Query,
                },
                required: parameter["required"] == true,
                description: parameter["description"].as_str().unwrap_or_default(),
                schema: &parameter["schema"],
            })
            .collect()
    }

    pub fn is_keyed(&self) -> bool {
        let all = self.value["parameters"].as_array();
        all.into_iter()
            .flatten()
            .any(|parameter| parameter["name"] == IDEMPOTENCY_KEY)
    }

    pub fn has_body(&self) -> bool {
        self.value["requestBody"].is_object()
    }

    pub fn fields(&self) -> Vec<Field<'a>> {
        let schema = &self.value["requestBody"]["content"]["application/json"]["schema"];
        let schema = self.resolve(schema);
        let required = schema["required"].as_array();
        let properties = schema["properties"].as_object();
        let mut fields: Vec<Field<'a>> = properties
            .into_iter()
            .flatten()
            .map(|(name, property)| self.field(name, property, required))
            .collect();
        fields.sort_by_key(|field| !field.required);
        fields
    }

    fn field(
        &self,
        name: &'a str,
        property: &'a Value,
        required: Option<&Vec<Value>>,
    ) -> Field<'a> {
        let own = property["description"].as_str();
        let resolved = self.resolve(property);
        let described = own.or(resolved["description"].as_str());
        let words = |schema: &'a Value| {
            let words = schema["enum"].as_array();
            words.into_iter().flatten().filter_map(Value::as_str)
        };
        let kind = if is_money(property) {
            Kind::Money
        } else {
            kind_of(resolved, |items| {
                kind_of(self.resolve(items), |_| Kind::Json)
            })
        };
        Field {
            name,
            kind,
            required: required.is_some_and(|names| names.iter().any(|known| known == name)),
            description: described.unwrap_or_default().to_owned(),
            words: words(resolved).collect(),
        }
    }

    /// Through a reference, and through a choice of something or nothing.
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        if let Some(pointer) = schema["$ref"]
            .as_str()
            .and_then(|name| name.strip_prefix('#'))
        {
            return self.document.pointer(pointer).unwrap_or(schema);
        }
        let variants = schema["oneOf"].as_array().or(schema["allOf"].as_array());
        let mut some = variants
            .into_iter()
            .flatten()
            .filter(|variant| variant["type"] != "null");
        match (some.next(), some.next()) {
            (Some(only), None) => self.resolve(only),
            _ => schema,
        }
    }
}

fn is_money(schema: &Value) -> bool {
    let variants = schema["oneOf"].as_array().or(schema["allOf"].as_array());
    let mut schemas = variants.into_iter().flatten().chain([schema]);
    schemas.any(|schema| schema["$ref"] == "#/components/schemas/Money")
}

fn kind_of(schema: &Value, of_items: impl Fn(&Value) -> Kind) -> Kind {
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find(|kind| **kind != "null"),
        kind => Some(kind),
    };
    match kind.and_then(Value::as_str) {
        Some("string") => Kind::Text,
        Some("integer" | "number") => Kind::Number,
        Some("boolean") => Kind::Truth,
        Some("array") => match of_items(&schema["items"]) {
            Kind::Text => Kind::Several { numbers: false },
            Kind::Number => Kind::Several { numbers: true },
            _ => Kind::Json,
        },
        _ => Kind::Json,
    }
}

/// `name` as a long option.
pub fn option(name: &str) -> String {
    name.replace('_', "-").to_lowercase()
}

/// Adds the commands of the table.
pub fn add_to(mut command: Command) -> Command {
    let operations = Operations::read();
    for (group, about) in GROUPS {
        let mut of_group = Command::new(*group)
            .about(*about)
            .subcommand_required(true)
            .arg_required_else_help(true)
            .after_help(HELP);
        for row in ROWS {
            if let [first, word] = row.words
                && first == group
                && !matches!(row.shown, Shown::Own)
                && let Some(operation) = operations.of(row)
            {
                of_group = of_group.subcommand(of_operation(row, word, &operation));
            }
        }
        command = command.subcommand(of_group);
    }
    command
}

fn of_operation(row: &Row, word: &'static str, operation: &Operation<'_>) -> Command {
    let about = operation.text("summary").to_owned();
    let more = unwrapped(operation.text("description"));
    let long = if more.is_empty() {
        about.clone()
    } else {
        format!("{about}\n\n{more}")
    };
    let mut command = Command::new(word)
        .about(about)
        .long_about(format!("{long}\n\n{} {}", operation.method, operation.path))
        .after_help(HELP);
    for parameter in operation.parameters() {
        command = command.arg(of_parameter(&parameter));
    }
    let fields = operation.fields();
    for field in &fields {
        command = command.arg(of_field(field));
    }
    if operation.has_body() {
        let names = fields.iter().map(|field| field.name.to_owned());
        command = command.arg(
            Arg::new("body")
                .long("body")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .conflicts_with_all(names.map(clap::Id::from))
                .help("The whole body as JSON, instead of the options above; - is standard input"),
        );
    }
    if operation.is_keyed() {
        command = command.arg(
            Arg::new("idempotency_key")
                .long("idempotency-key")
                .value_name("KEY")
                .help("Names the one effect; made at random, and said, without it. Repeat a command that got no answer with its key"),
        );
    }
    if row.asks.is_some() {
        command = command.arg(flag(
            "yes",
            "Do it without asking; needed where there is no terminal",
        ));
    }
    if matches!(row.shown, Shown::List(..)) && has_cursor(operation) {
        command =
            command.arg(flag("all", "Every page, not the first alone").conflicts_with("after"));
    }
    command
        .arg(flag("json", "Print the proxy's JSON"))
        .arg(
            Arg::new("proxy")
                .long("proxy")
                .value_name("URL")
                .help("Where the proxy listens, with its scheme and port [default: server.listen of the configuration]"),
        )
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .default_value("ventanilla.toml")
                .help("The configuration file, read when --proxy is not given"),
        )
}

pub fn has_cursor(operation: &Operation<'_>) -> bool {
    operation
        .parameters()
        .iter()
        .any(|parameter| parameter.name == "after")
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .action(ArgAction::SetTrue)
        .help(help)
}

fn of_parameter(parameter: &Parameter<'_>) -> Arg {
    let name = parameter.name.to_owned();
    let arg = Arg::new(name.clone())
        .required(parameter.required)
        .help(unwrapped(parameter.description));
    if parameter.place == Place::Path {
        return arg.value_name(name.to_uppercase());
    }
    let words: Vec<String> = listed(&parameter.schema["enum"]);
    let arg = arg
        .long(option(&name))
        .value_name(match parameter.schema["format"].as_str() {
            Some("date") => "DAY",
            _ => "VALUE",
        });
    if words.is_empty() {
        arg
    } else {
        arg.value_parser(PossibleValuesParser::new(words))
    }
}

fn listed(words: &Value) -> Vec<String> {
    let words = words.as_array().into_iter().flatten();
    words.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn of_field(field: &Field<'_>) -> Arg {
    let arg = Arg::new(field.name.to_owned())
        .long(option(field.name))
        .help(unwrapped(&field.description));
    let arg = if field.required {
        arg.required_unless_present("body")
    } else {
        arg
    };
    match field.kind {
        Kind::Text if !field.words.is_empty() => {
            let words: Vec<String> = field.words.iter().map(|word| (*word).to_owned()).collect();
            arg.value_parser(PossibleValuesParser::new(words))
        }
        Kind::Text => arg.value_name("TEXT"),
        Kind::Number => arg.value_name("NUMBER").value_parser(value_parser!(u64)),
        Kind::Truth => arg
            .value_name("TRUE|FALSE")
            .value_parser(value_parser!(bool)),
        Kind::Money => arg.value_name("MONEY").help(format!(
            "{} As CURRENCY AMOUNT: \"CRC 12500.00\"",
            unwrapped(&field.description)
        )),
        Kind::Several { .. } => arg.value_name("LIST").value_delimiter(',').help(format!(
            "{} Separated by commas",
            unwrapped(&field.description)
        )),
        Kind::Json => arg.value_name("JSON"),
    }
}

/// Paragraphs on one line each, without the marks of Markdown: clap breaks lines itself.
fn unwrapped(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|paragraph| {
        let lines: Vec<&str> = paragraph.lines().map(str::trim).collect();
        lines.join(" ").replace('`', "")
    });
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

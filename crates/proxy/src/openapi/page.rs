//! The document as a page for people: one file without scripts, which asks nobody for anything.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// A page and what it may do.
pub struct Page {
    /// The page.
    pub html: String,
    /// Its Content-Security-Policy: its own style and nothing else.
    pub policy: String,
}

const STYLE: &str = include_str!("page.css");

impl Page {
    /// The page of an OpenAPI document.
    #[must_use]
    pub fn of(document: &Value) -> Self {
        let style = STANDARD.encode(Sha256::digest(STYLE));
        Self {
            html: Writer {
                document,
                out: String::new(),
            }
            .write(),
            policy: format!(
                "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; \
                 frame-ancestors 'none'"
            ),
        }
    }
}

struct Writer<'a> {
    document: &'a Value,
    out: String,
}

impl<'a> Writer<'a> {
    fn write(mut self) -> String {
        let info = &self.document["info"];
        let title = format!("{} {}", text(&info["title"]), text(&info["version"]));
        self.put(&format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{0}</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<header><h1>{0}</h1></header>\n",
            escape(&title)
        ));
        let operations = self.operations();
        self.contents(&operations);
        self.put("<main>\n");
        self.put(&prose(text(&info["description"]), 2));
        for (tag, description) in self.tags() {
            let _ = write!(
                self.out,
                "<h2 id=\"tag-{0}\">{0}</h2>\n{1}",
                escape(tag),
                prose(description, 3)
            );
            for operation in operations.iter().filter(|operation| operation.tag == tag) {
                self.operation(operation);
            }
        }
        self.put("<h2 id=\"schemas\">Schemas</h2>\n");
        let schemas = self.document["components"]["schemas"].as_object();
        for (name, schema) in schemas.into_iter().flatten() {
            let _ = writeln!(
                self.out,
                "<section id=\"schema-{0}\">\n<h3>{0}</h3>",
                escape(name)
            );
            self.put(&prose(text(&schema["description"]), 4));
            self.shape(schema);
            self.put("</section>\n");
        }
        self.put("</main>\n</body>\n</html>\n");
        self.out
    }

    fn put(&mut self, html: &str) {
        self.out.push_str(html);
    }

    fn tags(&self) -> Vec<(&'a str, &'a str)> {
        let tags = self.document["tags"].as_array();
        tags.into_iter()
            .flatten()
            .map(|tag| (text(&tag["name"]), text(&tag["description"])))
            .collect()
    }

    /// The operations of paths, then those of webhooks.
    fn operations(&self) -> Vec<Operation<'a>> {
        let mut found = Vec::new();
        for (part, sent_by_us) in [("paths", false), ("webhooks", true)] {
            for (path, item) in self.document[part].as_object().into_iter().flatten() {
                for (method, value) in item.as_object().into_iter().flatten() {
                    found.push(Operation {
                        method: if sent_by_us {
                            "webhook".to_owned()
                        } else {
                            method.to_uppercase()
                        },
                        path,
                        tag: text(&value["tags"][0]),
                        value,
                    });
                }
            }
        }
        found
    }

    fn contents(&mut self, operations: &[Operation<'a>]) {
        self.put("<nav aria-label=\"Operations\">\n<ul>\n");
        for (tag, _) in self.tags() {
            let _ = write!(
                self.out,
                "<li><a href=\"#tag-{0}\">{0}</a>\n<ul>\n",
                escape(tag)
            );
            for operation in operations.iter().filter(|operation| operation.tag == tag) {
                let _ = writeln!(
                    self.out,
                    "<li><a href=\"#{}\">{}</a></li>",
                    escape(text(&operation.value["operationId"])),
                    escape(text(&operation.value["summary"]))
                );
            }
            self.put("</ul></li>\n");
        }
        self.put("<li><a href=\"#schemas\">Schemas</a></li>\n</ul>\n</nav>\n");
    }

    fn operation(&mut self, operation: &Operation<'a>) {
        let value = operation.value;
        let _ = writeln!(
            self.out,
            "<section id=\"{}\">\n<h3>{}</h3>\n<p><code class=\"call\"><b>{}</b> {}</code></p>",
            escape(text(&value["operationId"])),
            escape(text(&value["summary"])),
            escape(&operation.method),
            escape(operation.path)
        );
        self.put(&prose(text(&value["description"]), 4));
        let parameters = value["parameters"].as_array();
        if let Some(parameters) = parameters.filter(|parameters| !parameters.is_empty()) {
            self.put("<h4>Parameters</h4>\n");
            self.table(parameters.iter().map(|parameter| Row {
                name: text(&parameter["name"]),
                kind: format!(
                    "{}, {}",
                    escape(text(&parameter["in"])),
                    kind(&parameter["schema"])
                ),
                required: parameter["required"] == true,
                description: text(&parameter["description"]),
            }));
        }
        let body = &value["requestBody"];
        if body.is_object() {
            self.put("<h4>Request</h4>\n");
            self.content(body);
        }
        self.put("<h4>Answers</h4>\n");
        for (status, answer) in value["responses"].as_object().into_iter().flatten() {
            let answer = self.resolve(answer);
            let _ = write!(
                self.out,
                "<div class=\"answer\"><b>{}</b> {}",
                escape(status),
                prose(text(&answer["description"]), 5)
            );
            if status.starts_with('2') {
                self.content(answer);
            }
            self.put("</div>\n");
        }
        self.put("</section>\n");
    }

    fn content(&mut self, of: &Value) {
        for (media, content) in of["content"].as_object().into_iter().flatten() {
            let _ = writeln!(
                self.out,
                "<p><code>{}</code>: {}</p>",
                escape(media),
                kind(&content["schema"])
            );
            if let Some(example) = content.get("example") {
                let _ = writeln!(self.out, "<pre>{}</pre>", escape(&format!("{example:#}")));
            }
        }
    }

    /// What a schema holds, below its own description.
    fn shape(&mut self, schema: &'a Value) {
        if let Some(words) = schema["enum"].as_array() {
            let words: Vec<String> = words
                .iter()
                .map(|word| format!("<code>{}</code>", escape(text(word))))
                .collect();
            let _ = writeln!(self.out, "<p>One of {}.</p>", words.join(", "));
        }
        let variants = schema["oneOf"].as_array().or(schema["anyOf"].as_array());
        for variant in variants.into_iter().flatten() {
            self.put("<div class=\"answer\">");
            self.put(&prose(text(&variant["description"]), 5));
            if variant["properties"].is_object() {
                self.shape(variant);
            } else {
                let _ = writeln!(self.out, "<p>{}</p>", kind(variant));
            }
            self.put("</div>\n");
        }
        if let Some(properties) = schema["properties"].as_object() {
            let required = schema["required"].as_array();
            let is_required =
                |name: &str| required.is_some_and(|names| names.iter().any(|known| known == name));
            let (mut first, rest): (Vec<_>, Vec<_>) =
                properties.iter().partition(|(name, _)| is_required(name));
            first.extend(rest);
            self.table(first.into_iter().map(|(name, property)| Row {
                name,
                kind: kind(property),
                required: is_required(name),
                description: text(&property["description"]),
            }));
        }
    }

    fn table<'r>(&mut self, rows: impl Iterator<Item = Row<'r>>) {
        self.put("<table><thead><tr><th scope=\"col\">Name</th><th scope=\"col\">Kind</th><th scope=\"col\">Meaning</th></tr></thead><tbody>\n");
        for row in rows {
            let _ = writeln!(
                self.out,
                "<tr><th scope=\"row\"><code>{}</code>{}</th><td>{}</td><td>{}</td></tr>",
                escape(row.name),
                if row.required {
                    " <small>required</small>"
                } else {
                    ""
                },
                row.kind,
                prose(row.description, 5)
            );
        }
        self.put("</tbody></table>\n");
    }

    fn resolve(&self, value: &'a Value) -> &'a Value {
        value["$ref"]
            .as_str()
            .and_then(|name| self.document.pointer(name.strip_prefix('#')?))
            .unwrap_or(value)
    }
}

struct Operation<'a> {
    method: String,
    path: &'a str,
    tag: &'a str,
    value: &'a Value,
}

/// `kind` is markup, all else is text.
struct Row<'a> {
    name: &'a str,
    kind: String,
    required: bool,
    description: &'a str,
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What a schema is in a few words, as markup.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"]
        .as_str()
        .and_then(|name| name.rsplit('/').next())
    {
        return format!("<a href=\"#schema-{0}\">{0}</a>", escape(name));
    }
    if let Some(variants) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
        let variants: Vec<String> = variants.iter().map(kind).collect();
        return variants.join(" or ");
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words
            .iter()
            .map(|word| format!("<code>{}</code>", escape(text(word))))
            .collect();
        return words.join(" or ");
    }
    let name = match &schema["type"] {
        Value::String(name) => name.clone(),
        Value::Array(names) => names.iter().map(text).collect::<Vec<_>>().join(" or "),
        _ => "anything".to_owned(),
    };
    let name = if schema["items"].is_object() {
        format!("list of {}", kind(&schema["items"]))
    } else if schema["additionalProperties"].is_object() {
        format!("object of {}", kind(&schema["additionalProperties"]))
    } else {
        escape(&name)
    };
    name + &limits(schema)
}

fn limits(schema: &Value) -> String {
    let Some(members) = schema.as_object() else {
        return String::new();
    };
    let told = |members: &Map<String, Value>, name: &str| members.get(name).map(Value::to_string);
    let mut limits = Vec::new();
    for (least, most, of) in [
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " of them"),
    ] {
        match (told(members, least), told(members, most)) {
            (Some(least), Some(most)) => limits.push(format!("{least} to {most}{of}")),
            (Some(least), None) if least != "0" => limits.push(format!("from {least}{of}")),
            (None, Some(most)) => limits.push(format!("at most {most}{of}")),
            _ => {}
        }
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        limits.push(format!("<code>{}</code>", escape(pattern)));
    }
    if limits.is_empty() {
        String::new()
    } else {
        format!(" <small>{}</small>", limits.join("; "))
    }
}

/// Text with the little Markdown that descriptions have: headings, lists, paragraphs, tables, code and strong
/// words. Headings begin at `level`.
fn prose(text: &str, level: usize) -> String {
    let mut out = String::new();
    for block in text.split("\n\n").filter(|block| !block.trim().is_empty()) {
        let block = block.trim();
        if let Some(heading) = block.strip_prefix("## ") {
            let _ = writeln!(out, "<h{level}>{}</h{level}>", inline(heading));
            continue;
        }
        let is_item = |line: &str| line.starts_with("- ");
        let lines: Vec<&str> = block.lines().collect();
        if lines.first().is_some_and(|line| is_item(line)) {
            out.push_str("<ul>\n");
            let mut item = String::new();
            for line in lines {
                if let Some(begun) = line.strip_prefix("- ") {
                    if !item.is_empty() {
                        let _ = writeln!(out, "<li>{}</li>", inline(&item));
                    }
                    item = begun.to_owned();
                } else {
                    item.push(' ');
                    item.push_str(line.trim());
                }
            }
            let _ = writeln!(out, "<li>{}</li>\n</ul>", inline(&item));
        } else {
            let _ = writeln!(out, "<p>{}</p>", inline(&lines.join(" ")));
        }
    }
    out
}

fn inline(text: &str) -> String {
    let mut out = String::new();
    for (index, part) in text.split('`').enumerate() {
        if index % 2 == 1 {
            let _ = write!(out, "<code>{}</code>", escape(part));
            continue;
        }
        for (index, part) in part.split("**").enumerate() {
            if index % 2 == 1 {
                let _ = write!(out, "<strong>{}</strong>", escape(part));
            } else {
                out.push_str(&escape(part));
            }
        }
    }
    out
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_in_a_document_becomes_markup() {
        let evil = "<script>\"'&`<b>`**<i>**";
        let document = json!({
            "info": { "title": evil, "version": evil, "description": format!("## {evil}\n\n- {evil}\n\n{evil}") },
            "tags": [{ "name": evil, "description": evil }],
            "paths": { evil: { "get": {
                "operationId": evil, "tags": [evil], "summary": evil, "description": evil,
                "parameters": [{ "name": evil, "in": evil, "description": evil, "schema": { "enum": [evil] } }],
                "requestBody": { "content": { evil: { "schema": { "type": evil, "pattern": evil }, "example": evil } } },
                "responses": { "200": { "description": evil } },
            } } },
            "components": { "schemas": { evil: { "properties": { evil: { "$ref": evil } }, "enum": [evil] } } },
        });
        let html = Page::of(&document).html;
        for markup in ["<script", "<b>`", "<i>", "\"'&"] {
            assert!(!html.contains(markup), "{markup}");
        }
    }

    #[test]
    fn headings_lists_and_code_are_told_apart() {
        assert_eq!(
            prose("## A\n\nb `c < d`\ne\n\n- f\n- **g**\n  h", 2),
            "<h2>A</h2>\n<p>b <code>c &lt; d</code> e</p>\n<ul>\n<li>f</li>\n<li><strong>g</strong> h</li>\n</ul>\n"
        );
    }
}

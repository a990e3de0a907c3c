//! `docs/operations.md`: every operation of the four providers' documents, its route, its command, its test.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ventanilla_proxy::commands::Row;
use ventanilla_proxy::openapi;

/// One line of the table.
struct Line {
    text: String,
    /// `METHOD path`, each in code.
    routes: Vec<String>,
    commands: Vec<String>,
    tests: Vec<String>,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What stands between backquotes.
fn codes(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

fn lines() -> Vec<Line> {
    let text = std::fs::read_to_string(repository().join("docs/operations.md")).unwrap();
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| provider"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        assert_eq!(cells.len(), 5, "{row}");
        Line {
            text: row.to_owned(),
            routes: codes(cells[2]),
            commands: codes(cells[3]),
            tests: codes(cells[4]),
        }
    })
    .collect()
}

/// The names of all test functions in the repository's test folders and sources.
fn tests() -> BTreeSet<String> {
    fn walk(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for part in text.split("fn ").skip(1) {
                    let name: String = part
                        .chars()
                        .take_while(|c| c.is_alphanumeric() || *c == '_')
                        .collect();
                    found.insert(name);
                }
            }
        }
    }
    let mut found = BTreeSet::new();
    for folder in ["crates", "tests"] {
        walk(&repository().join(folder), &mut found);
    }
    found
}

#[test]
fn every_path_has_a_line_with_its_command_and_no_line_has_a_path_that_is_not_there() {
    let document = openapi::document();
    let lines = lines();
    let mut routes = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let route = format!("{} {path}", method.to_uppercase());
            let line = lines.iter().find(|line| line.routes.contains(&route));
            let line = line.unwrap_or_else(|| panic!("docs/operations.md has no line for {route}"));
            if let Some(row) = Row::of(operation["operationId"].as_str().unwrap()) {
                assert!(
                    line.commands.contains(&row.typed()),
                    "{route}: {} is not in its line",
                    row.typed()
                );
            }
            routes.insert(route);
        }
    }
    for line in &lines {
        for route in &line.routes {
            assert!(routes.contains(route), "{route} is no route\n{}", line.text);
        }
    }
}

#[test]
fn every_line_names_a_test_that_exists() {
    let tests = tests();
    for line in lines() {
        assert!(!line.tests.is_empty(), "{}", line.text);
        for test in &line.tests {
            assert!(
                tests.contains(test),
                "no test is called {test}\n{}",
                line.text
            );
        }
    }
}

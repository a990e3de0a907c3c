//! `ventanilla embed`: what a shop puts into its page.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use ventanilla_proxy::assets::Widget;
use ventanilla_proxy::config::Settings;

/// Prints the lines, with the integrity of this release.
pub fn run(path: &Path) -> Result<ExitCode, String> {
    let settings = Settings::load(path).map_err(|error| error.to_string())?;
    let widget = Widget::open(settings.assets.dir.as_deref()).map_err(|error| error.to_string())?;
    let snippet = widget.snippet(settings.server.public_origin.as_str());
    writeln!(io::stdout(), "{snippet}").map_err(|error| error.to_string())?;
    Ok(ExitCode::SUCCESS)
}

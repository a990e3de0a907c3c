//! Secrets: from the environment, or from files that the environment names.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::Environment;
use crate::hooks::HookPath;
use crate::merchant_api::ApiKeys;
use crate::store::SealingKeys;
use crate::token::TokenKeys;
use crate::webhooks::{SigningSecrets, signing};

/// What only the proxy may know. Its `Debug` says which secrets there are, not what they are.
pub struct Secrets {
    /// What the shop's server authenticates itself with.
    pub api_keys: ApiKeys,
    /// What client tokens are sealed with.
    pub token_keys: TokenKeys,
    /// The PostgreSQL database that everything is kept in, `postgres://user:password@host:port/database`;
    /// without it, it is a SQLite file.
    pub store_url: Option<SecretString>,
    /// What saved cards are sealed with in the store; without it no card can be saved.
    pub store_keys: Option<SealingKeys>,
    /// What the proxy authenticates itself with at GreenPay; there when the card rail is on.
    pub greenpay_secret: Option<SecretString>,
    /// The password of the CVU wallet's API user; there when the CVU rail is on.
    pub cvu_password: Option<SecretString>,
    /// The refresh token that Flux handed out; there when the Flux rail is on.
    pub flux_refresh_token: Option<SecretString>,
    /// The client secret of Flexiti's developer portal; there when the Flexiti rail is on.
    pub flexiti_client_secret: Option<SecretString>,
    /// What webhooks are signed with; there when a receiver is configured.
    pub webhook_secrets: Option<SigningSecrets>,
    /// Where providers send notifications; without it they cannot.
    pub hook_path: Option<HookPath>,
    known: Vec<SecretString>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets")
            .field("api_keys", &self.api_keys)
            .field("token_keys", &self.token_keys)
            .field("store_url", &self.store_url.as_ref().map(|_| "set"))
            .field("store_keys", &self.store_keys.as_ref().map(|_| "set"))
            .field(
                "greenpay_secret",
                &self.greenpay_secret.as_ref().map(|_| "set"),
            )
            .field("cvu_password", &self.cvu_password.as_ref().map(|_| "set"))
            .field(
                "flux_refresh_token",
                &self.flux_refresh_token.as_ref().map(|_| "set"),
            )
            .field(
                "flexiti_client_secret",
                &self.flexiti_client_secret.as_ref().map(|_| "set"),
            )
            .field("webhook_secrets", &self.webhook_secrets)
            .field("hook_path", &self.hook_path.as_ref().map(|_| "set"))
            .finish_non_exhaustive()
    }
}

impl Secrets {
    /// Every secret's text, for whoever has to keep them out of the log.
    #[must_use]
    pub fn known(&self) -> &[SecretString] {
        &self.known
    }

    /// The API key that a program on the merchant's side presents to the proxy: the first one.
    ///
    /// # Errors
    ///
    /// A text that says what was expected.
    pub(super) fn merchant_key(environment: Environment<'_>) -> Result<SecretString, String> {
        let mut problems = Vec::new();
        let mut reader = Reader {
            environment,
            problems: &mut problems,
            known: Vec::new(),
        };
        let key = reader.required(
            "VENTANILLA_API_KEY",
            "it must be the one that the proxy was started with",
            |text| {
                ApiKeys::parse(text).map_err(|error| error.to_string())?;
                // EXPOSE: made a secret again.
                let first = text.expose_secret().split(',').next().unwrap_or_default();
                Ok(SecretString::from(first.trim()))
            },
        );
        key.ok_or_else(|| problems.join("\n"))
    }

    /// `None` only with a problem noted.
    pub(super) fn read(
        environment: Environment<'_>,
        wanted: Wanted,
        problems: &mut Vec<String>,
    ) -> Option<Self> {
        let mut reader = Reader {
            environment,
            problems,
            known: Vec::new(),
        };
        let api_keys = reader.required(
            "VENTANILLA_API_KEY",
            "make one with `ventanilla keys`",
            |text| ApiKeys::parse(text).map_err(|error| error.to_string()),
        );
        let token_keys = reader.required(
            "VENTANILLA_TOKEN_KEYS",
            "make one with `ventanilla keys`",
            |text| TokenKeys::parse(text).map_err(|error| error.to_string()),
        );
        let store_url = reader.url("VENTANILLA_STORE_URL");
        let read_keys = |text: &SecretString| {
            // EXPOSE: parsed into key material that shows nothing.
            SealingKeys::parse(text.expose_secret())
        };
        let store_keys = if wanted.flexiti {
            let how =
                "with [flexiti] it is kept who a buyer is, sealed; make one with `ventanilla keys`";
            let keys = reader.required("VENTANILLA_STORE_KEYS", how, read_keys);
            keys.map(Some).ok_or(Noted)
        } else {
            reader.optional("VENTANILLA_STORE_KEYS", read_keys)
        };
        let greenpay_secret = wanted.card.then(|| {
            reader.required(
                "VENTANILLA_GREENPAY_SECRET",
                "GreenPay hands it out with the merchant's credentials",
                |text| Ok(text.clone()),
            )
        });
        let cvu_password = wanted.cvu.then(|| {
            reader.required(
                "VENTANILLA_CVU_PASSWORD",
                "it belongs to the API user in cvu.username",
                |text| Ok(text.clone()),
            )
        });
        let flux_refresh_token = wanted.flux.then(|| {
            reader.required(
                "VENTANILLA_FLUX_REFRESH_TOKEN",
                "Flux hands it out with the merchant's credentials",
                |text| Ok(text.clone()),
            )
        });
        let flexiti_client_secret = wanted.flexiti.then(|| {
            reader.required(
                "VENTANILLA_FLEXITI_CLIENT_SECRET",
                "it belongs to flexiti.client_id",
                |text| Ok(text.clone()),
            )
        });
        let webhook_secrets = wanted.webhooks.then(|| {
            reader.required(
                "VENTANILLA_WEBHOOK_SECRETS",
                "make one with `ventanilla keys`",
                |text| SigningSecrets::parse(text).map_err(|error| error.to_string()),
            )
        });
        let hook_path = reader.optional("VENTANILLA_HOOK_PATH", HookPath::parse);
        let known = reader.known;
        Some(Self {
            api_keys: api_keys?,
            token_keys: token_keys?,
            store_url: store_url.ok()?,
            store_keys: store_keys.ok()?,
            greenpay_secret: unless_noted(greenpay_secret)?,
            cvu_password: unless_noted(cvu_password)?,
            flux_refresh_token: unless_noted(flux_refresh_token)?,
            flexiti_client_secret: unless_noted(flexiti_client_secret)?,
            webhook_secrets: unless_noted(webhook_secrets)?,
            hook_path: hook_path.ok()?,
            known,
        })
    }
}

/// What was wanted and found, or was not wanted; `None` when a problem was noted.
fn unless_noted<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        Some(None) => None,
        other => Some(other.flatten()),
    }
}

/// What the file turned on.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub card: bool,
    pub cvu: bool,
    pub flux: bool,
    pub flexiti: bool,
    pub webhooks: bool,
}

struct Reader<'a> {
    environment: Environment<'a>,
    problems: &'a mut Vec<String>,
    known: Vec<SecretString>,
}

/// A problem was noted.
struct Noted;

impl Reader<'_> {
    fn required<T>(
        &mut self,
        name: &str,
        how: &str,
        parse: impl FnOnce(&SecretString) -> Result<T, String>,
    ) -> Option<T> {
        match self.optional(name, parse) {
            Ok(Some(value)) => Some(value),
            Ok(None) => {
                self.problems.push(format!(
                    "{name}: expected it (or {name}_FILE) in the environment, found neither; {how}"
                ));
                None
            }
            Err(Noted) => None,
        }
    }

    fn optional<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&SecretString) -> Result<T, String>,
    ) -> Result<Option<T>, Noted> {
        let text = match self.text(name) {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(None),
            Err(problem) => {
                self.problems.push(format!("{name}: {problem}"));
                return Err(Noted);
            }
        };
        self.remember(&text);
        match parse(&text) {
            Ok(value) => Ok(Some(value)),
            Err(problem) => {
                self.problems.push(format!("{name}: {problem}"));
                Err(Noted)
            }
        }
    }

    /// A database's URL. It leaks by its password as well as whole.
    fn url(&mut self, name: &str) -> Result<Option<SecretString>, Noted> {
        const EXPECTED: &str = "expected a URL such as postgres://user:password@host:5432/database";
        let url = match self.text(name) {
            Ok(Some(url)) => url,
            Ok(None) => return Ok(None),
            Err(problem) => {
                self.problems.push(format!("{name}: {problem}"));
                return Err(Noted);
            }
        };
        // EXPOSE: its scheme is looked at, and its password set apart.
        let Some(("postgres" | "postgresql", rest)) = url.expose_secret().split_once("://") else {
            self.problems.push(format!("{name}: {EXPECTED}"));
            return Err(Noted);
        };
        let authority = rest.split(['/', '?']).next().unwrap_or(rest);
        let user = authority.rsplit_once('@').map(|(user, _)| user);
        if let Some((_, password)) = user.and_then(|user| user.split_once(':')) {
            self.known.push(password.into());
        }
        self.known.push(url.clone());
        Ok(Some(url))
    }

    fn text(&self, name: &str) -> Result<Option<SecretString>, String> {
        let direct = (self.environment)(name).filter(|value| !value.is_empty());
        let file = (self.environment)(&format!("{name}_FILE")).filter(|value| !value.is_empty());
        match (direct, file) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(format!("expected either this or {name}_FILE, found both")),
            (Some(value), None) => value
                .into_string()
                .map(|text| Some(text.into()))
                .map_err(|_| "expected UTF-8 text".to_owned()),
            (None, Some(path)) => read_secret_file(Path::new(&path)).map(Some),
        }
    }

    /// Lists and `name:key` pairs leak by their parts as well as whole.
    fn remember(&mut self, text: &SecretString) {
        // EXPOSE: split into secrets again.
        for entry in text.expose_secret().split(',').map(str::trim) {
            let key = entry.rsplit_once(':').map_or(entry, |(_, key)| key);
            self.known.push(key.into());
            if let Some(key) = key.strip_prefix(signing::PREFIX) {
                self.known.push(key.into());
            }
        }
        self.known.push(text.clone());
    }
}

fn read_secret_file(path: &Path) -> Result<SecretString, String> {
    const MAX_BYTES: u64 = 64 * 1024;
    let shown = path.display();
    let unreadable = |error: std::io::Error| format!("{shown} cannot be read: {error}");
    let mut file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return Err(format!(
            "expected a file of at most {MAX_BYTES} bytes at {shown}"
        ));
    }
    refuse_world_readable(path, &metadata)?;
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(unreadable)?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(format!("expected a secret in {shown}, found an empty file"));
    }
    Ok(text.into())
}

#[cfg(unix)]
fn refuse_world_readable(path: &Path, metadata: &std::fs::Metadata) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o004 == 0 {
        return Ok(());
    }
    let shown = path.display();
    Err(format!(
        "expected a file that only its owner and group may read, found mode {mode:04o}; chmod o-r {shown}"
    ))
}

#[cfg(not(unix))]
fn refuse_world_readable(_: &Path, _: &std::fs::Metadata) -> Result<(), String> {
    Ok(())
}

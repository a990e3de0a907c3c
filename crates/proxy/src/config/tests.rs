use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;

const EXAMPLE: &str = include_str!("../../ventanilla.example.toml");
const API_KEY: &str = "vsk_0123456789abcdefghijklmnopqrstuv";
const GREENPAY_SECRET: &str = "greenpay-secret-canary";
const CVU_PASSWORD: &str = "cvu-password-canary";
const FLUX_REFRESH_TOKEN: &str = "flux-refresh-token-canary";
const FLEXITI_CLIENT_SECRET: &str = "flexiti-client-secret-canary";

const HOOK_PATH: &str = "hook-path-canary_0123456789abcdef";

fn webhook_secret() -> String {
    format!("whsec_{}", STANDARD.encode([0x77; 32]))
}

fn token_keys() -> String {
    format!("k1:{}", STANDARD.encode([0x5A; 32]))
}

fn variables() -> BTreeMap<String, OsString> {
    [
        ("VENTANILLA_API_KEY", API_KEY.to_owned()),
        ("VENTANILLA_TOKEN_KEYS", token_keys()),
        (
            "VENTANILLA_STORE_KEYS",
            format!("s1:{}", STANDARD.encode([0x3C; 32])),
        ),
        ("VENTANILLA_GREENPAY_SECRET", GREENPAY_SECRET.to_owned()),
        ("VENTANILLA_CVU_PASSWORD", CVU_PASSWORD.to_owned()),
        (
            "VENTANILLA_FLUX_REFRESH_TOKEN",
            FLUX_REFRESH_TOKEN.to_owned(),
        ),
        (
            "VENTANILLA_FLEXITI_CLIENT_SECRET",
            FLEXITI_CLIENT_SECRET.to_owned(),
        ),
        ("VENTANILLA_WEBHOOK_SECRETS", webhook_secret()),
        ("VENTANILLA_HOOK_PATH", HOOK_PATH.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value.into()))
    .into()
}

fn read_with(text: &str, variables: &BTreeMap<String, OsString>) -> Result<Config, ConfigError> {
    Config::read(text, &|name| variables.get(name).cloned())
}

fn read(text: &str) -> Result<Config, ConfigError> {
    read_with(text, &variables())
}

/// The one problem of the example after `old` became `new`.
fn problem(old: &str, new: &str) -> String {
    assert!(EXAMPLE.contains(old), "{old} is not in the example");
    let error = read(&EXAMPLE.replacen(old, new, 1)).unwrap_err();
    assert_eq!(error.problems().len(), 1, "{error}");
    error.to_string()
}

#[test]
fn the_example_parses_and_its_defaults_are_the_defaults() {
    let config = read(EXAMPLE).unwrap();
    let settings = &config.settings;
    assert_eq!(
        settings.server.public_origin.as_str(),
        "https://pay.shop.example"
    );
    assert_eq!(settings.merchant.origins.len(), 2);
    assert_eq!(settings.server.trusted_proxy_hops, 1);
    assert_eq!(
        format!("{:?}", settings.limits),
        format!("{:?}", Limits::default())
    );

    let least = "[server]\npublic_origin = 'https://pay.example'\n[merchant]\nname = 'x'\norigins = ['https://shop.example']";
    let least = read(least).unwrap().settings;
    assert_eq!(least.server.listen, settings.server.listen);
    assert_eq!(
        least.server.management_listen,
        settings.server.management_listen
    );
    assert_eq!(least.server.trusted_proxy_hops, 0);
    assert_eq!(least.store.path(), settings.store.path());
    assert_eq!(least.clock.speed, settings.clock.speed);
    assert_eq!(least.clock.anchor, settings.clock.anchor);
    assert_eq!(least.log.level, settings.log.level);
    assert!(least.card.is_none() && least.assets.dir.is_none());
}

#[test]
fn the_example_names_every_key_that_there_is() {
    let keys: Vec<&str> = EXAMPLE
        .lines()
        .map(|line| line.trim_start_matches("# "))
        .filter_map(|line| line.split_once(" = ").map(|(key, _)| key))
        .collect();
    let error = read(&format!("{EXAMPLE}\nx = 1\n[server2]\n"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("log.x: expected one of the keys level"),
        "{error}"
    );
    for section in [
        "server", "merchant", "card", "flexiti", "webhooks", "assets", "clock", "limits", "store",
        "log",
    ] {
        let text = EXAMPLE.replacen(
            &format!("[{section}]\n"),
            &format!("[{section}]\nunknown = 1\n"),
            1,
        );
        let error = read(&text).unwrap_err().to_string();
        let known = error.split_once("one of the keys ").unwrap().1;
        for key in known.split(", ") {
            assert!(keys.contains(&key), "{section}.{key}");
        }
    }
}

#[test]
fn what_is_wrong_is_told_by_key_expectation_and_finding() {
    for (old, new, expected) in [
        (
            "listen = \"127.0.0.1:8787\"",
            "listen = \"8787\"",
            "server.listen: expected an address and port such as 127.0.0.1:8787, found \"8787\"",
        ),
        (
            "listen = \"127.0.0.1:8787\"",
            "listen = 8787",
            "server.listen: expected a text, found a whole number",
        ),
        (
            "trusted_proxy_hops = 1",
            "trusted_proxy_hops = 9",
            "server.trusted_proxy_hops: expected a whole number from 0 to 8, found 9",
        ),
        (
            "https://pay.shop.example",
            "http://pay.shop.example",
            "server.public_origin: expected https (http is for this machine only), found \"http://pay.shop.example\"",
        ),
        (
            "https://pay.shop.example",
            "https://pay.shop.example/",
            "server.public_origin: expected scheme, host and port only, without a path or a slash at the end",
        ),
        (
            "https://pay.shop.example",
            "https://pay.shop.example:0",
            "server.public_origin: expected a port; 0 is for tests",
        ),
        (
            "https://pay.shop.example",
            "https://shop.example",
            "merchant.origins: https://shop.example is server.public_origin",
        ),
        (
            "\"https://www.shop.example\"",
            "\"http://www.shop.example\"",
            "merchant.origins: entry 2: expected https",
        ),
        (
            "\"https://www.shop.example\"",
            "\"*\"",
            "merchant.origins: entry 2: expected https:// or http:// in front, found \"*\"",
        ),
        (
            "origins = [\"https://shop.example\", \"https://www.shop.example\"]",
            "origins = []",
            "merchant.origins: expected at least one origin",
        ),
        (
            "127.0.0.1:8788",
            "127.0.0.1:8787",
            "server.management_listen: expected another address than server.listen",
        ),
        (
            "name = \"Tienda Ejemplo\"",
            "",
            "merchant.name: expected a value, found none",
        ),
        (
            "https://merchant.greenpay.example",
            "http://merchant.greenpay.example",
            "card.merchant_url: expected https",
        ),
        (
            "https://merchant.greenpay.example",
            "https://u:p@merchant.greenpay.example",
            "card.merchant_url: expected a URL such as",
        ),
        (
            "00000000-0000-4000-8000-000000000000",
            "0",
            "card.merchant_id: expected the UUID of 36 characters",
        ),
        (
            "[\"CRC\", \"USD\"]",
            "[\"CRC\", \"ARS\"]",
            "card.currencies: entry 2: expected CRC or USD, found \"ARS\"",
        ),
        (
            "[\"CRC\", \"USD\"]",
            "[\"CRC\", \"CRC\"]",
            "card.currencies: expected at least one currency, each once",
        ),
        (
            "key_pins = []",
            "key_pins = [\"AB\"]",
            "card.key_pins: entry 1: expected 64 lower-case hex digits, found \"AB\"",
        ),
        (
            "# public_key_file = \"greenpay.pem\"",
            "public_key_file = \"no/such/file\"",
            "card.public_key_file: no/such/file cannot be read",
        ),
        (
            "inline = false",
            "inline = \"no\"",
            "card.inline: expected true or false, found a text",
        ),
        (
            "call_limit_secs = 40",
            "call_limit_secs = 0",
            "card.call_limit_secs: expected a whole number from 1 to 120, found 0",
        ),
        (
            "call_limit_secs = 40",
            "call_limit_secs = 121",
            "card.call_limit_secs: expected a whole number from 1 to 120, found 121",
        ),
        (
            "duplicates = \"void\"",
            "duplicates = \"refund\"",
            "card.duplicates: expected void or keep, found \"refund\"",
        ),
        (
            "provider_calls = 64",
            "provider_calls = 0",
            "limits.provider_calls: expected a whole number from 1 to 1000000, found 0",
        ),
        (
            "speed = 1",
            "speed = 60",
            "clock.speed: expected 1, found 60 while a provider is not on this machine (https://merchant.greenpay.example)",
        ),
        (
            "https://shop.example/webhooks/ventanilla",
            "http://shop.example/webhooks",
            "webhooks.url: expected https (http is for this machine only, with allow_private = true), found \"http://shop.example/webhooks\"",
        ),
        (
            "https://shop.example/webhooks/ventanilla",
            "https://[::ffff:10.0.0.1]/",
            "webhooks.url: expected a public address (private ones need allow_private = true)",
        ),
        (
            "allow_private = false",
            "allow_private = \"no\"",
            "webhooks.allow_private: expected true or false, found a text",
        ),
        (
            "connections = 16384",
            "connections = 0",
            "limits.connections: expected a whole number from 1 to 1000000, found 0",
        ),
        (
            "level = \"info\"",
            "level = \"a=b=c\"",
            "log.level: expected levels such as info",
        ),
        (
            "[store]",
            "[stored]",
            "stored: expected one of the sections server, merchant, store, card, cvu, flux, flexiti, webhooks, assets, clock, limits, log",
        ),
        (
            "speed = 1\n",
            "speed = 1\nanchor = \"2026-11-18T11:06:40Z\"\n",
            "clock.anchor: expected none while clock.speed is 1",
        ),
        (
            "speed = 1\n",
            "anchor = \"9999-01-01T00:00:00Z\"\n",
            "clock.anchor: expected a moment that has passed, found \"9999-01-01T00:00:00Z\"",
        ),
        (
            "speed = 1\n",
            "anchor = \"yesterday\"\n",
            "clock.anchor: expected a moment such as 2026-11-20T13:00:00Z, found \"yesterday\"",
        ),
        ("[server]", "[server", "line 32: expected TOML"),
    ] {
        let found = problem(old, new);
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn a_secret_in_the_file_is_refused_with_where_it_belongs_and_not_repeated() {
    let found = problem("terminal = ", "secret = \"hunter2-hunter2\"\nterminal = ");
    assert!(
        found.starts_with("card.secret: expected one of the keys merchant_url"),
        "{found}"
    );
    assert!(
        found.contains("VENTANILLA_GREENPAY_SECRET") && !found.contains("hunter2"),
        "{found}"
    );
    let broken = read("[card]\nsecret = 'hunter2").unwrap_err().to_string();
    assert!(!broken.contains("hunter2"), "{broken}");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let error = read_with(
        "[server]\nlisten = 1\ntypo = 2\n[clock]\nspeed = 0\n",
        &BTreeMap::new(),
    )
    .unwrap_err();
    let keys: Vec<&str> = error
        .problems()
        .iter()
        .map(|line| line.split_once(": ").unwrap().0)
        .collect();
    assert_eq!(
        keys,
        [
            "server.listen",
            "server.public_origin",
            "server.typo",
            "merchant.name",
            "merchant.origins",
            "clock.speed",
            "VENTANILLA_API_KEY",
            "VENTANILLA_TOKEN_KEYS",
        ]
    );
    assert!(
        error
            .to_string()
            .contains("make one with `ventanilla keys`")
    );
}

#[test]
fn time_may_run_faster_while_the_provider_is_this_machine() {
    let local = EXAMPLE
        .replace(
            "https://merchant.greenpay.example",
            "http://127.0.0.1:8791/",
        )
        .replace("https://checkout.greenpay.example", "http://localhost:8792")
        .replace("https://api.wallet.example", "http://127.0.0.1:8793")
        .replace("https://flux.example", "http://127.0.0.1:8794")
        .replace("https://posapi.flexiti.fi", "http://127.0.0.1:8795")
        .replace("speed = 1", "speed = 60")
        .replace(
            "# anchor = \"2026-11-20T13:00:00Z\"",
            "anchor = \"2020-06-01T00:00:00Z\"",
        );
    let error = read(&local).unwrap_err().to_string();
    assert_eq!(
        error,
        "clock.speed: expected 1, found 60 while webhooks.url is not this machine (https://shop.example/webhooks/ventanilla)"
    );
    let local = local
        .replace("https://shop.example/webhooks", "http://127.0.0.1:9000")
        .replace("allow_private = false", "allow_private = true");
    let settings = read(&local).unwrap().settings;
    assert_eq!(settings.clock.speed, 60);
    assert!(settings.webhooks.unwrap().url.is_loopback());
    assert_eq!(
        settings.clock.anchor.map(Timestamp::rfc3339).as_deref(),
        Some("2020-06-01T00:00:00.000Z")
    );
    let far = local
        .replace("speed = 60", "speed = 3600")
        .replace("2020-06-01", "1971-01-01");
    let error = read(&far).unwrap_err().to_string();
    assert!(
        error.starts_with("clock.anchor: expected a later moment"),
        "{error}"
    );
    assert_eq!(
        settings.card.unwrap().merchant_url.as_str(),
        "http://127.0.0.1:8791"
    );
}

// The public key of the published GreenPay signature samples: 1024 bits.
const WEAK_KEY: &str = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCWPaHuE0vRonynIwVezCc3+Mc789j2iSnH56pyPN8zkWpPPMGCPcnU1Qj1dXH67YMO9ZXfCpyKKNURxks31MAXc9K1QuA1+limyFe4emtO89CGGMb4iMU/Dl0wM+3Q5I/EVzlQE15tPbsAEqLtnNuPvOtvG1xBvtciPCXpIdmAPwIDAQAB";

#[test]
fn a_call_s_limit_and_what_happens_with_duplicates_are_the_merchant_s_to_set() {
    let card = |text: &str| read(text).unwrap().settings.card.unwrap();
    let told = card(
        &EXAMPLE
            .replace("call_limit_secs = 40", "call_limit_secs = 7")
            .replace("duplicates = \"void\"", "duplicates = \"keep\""),
    );
    assert_eq!(told.call_limit, Duration::from_secs(7));
    assert_eq!(told.duplicates, Duplicates::Keep);
    let left_out = card(
        &EXAMPLE
            .replace("call_limit_secs = 40", "")
            .replace("duplicates = \"void\"", ""),
    );
    assert_eq!(left_out.call_limit, Duration::from_secs(40));
    assert_eq!(left_out.duplicates, Duplicates::Void);
}

#[test]
fn a_weak_an_unpinned_and_a_broken_public_key_are_each_refused() {
    let body = EXAMPLE.split("\"\"\"").nth(1).unwrap();
    let weak = problem(body, WEAK_KEY);
    assert!(
        weak.contains("found 1024") && weak.contains("accept_weak_key = true"),
        "{weak}"
    );
    let accepted = EXAMPLE
        .replacen(body, WEAK_KEY, 1)
        .replace("accept_weak_key = false", "accept_weak_key = true");
    assert!(read(&accepted).is_ok());
    let broken = problem(body, "not a key");
    assert!(broken.starts_with("card.public_key: "), "{broken}");
    let unpinned = problem(
        "key_pins = []",
        &format!("key_pins = [\"{}\"]", "0".repeat(64)),
    );
    assert!(
        unpinned.starts_with("card.key_pins: expected the fingerprint of card.public_key"),
        "{unpinned}"
    );
}

#[test]
fn secrets_are_required_by_name_and_refused_without_being_repeated() {
    for (name, value, expected) in [
        (
            "VENTANILLA_API_KEY",
            "",
            "VENTANILLA_API_KEY: expected it (or VENTANILLA_API_KEY_FILE) in the environment, found neither",
        ),
        (
            "VENTANILLA_API_KEY",
            "tooshort-canary",
            "VENTANILLA_API_KEY: key 1: expected 32 to 256 visible ASCII characters",
        ),
        (
            "VENTANILLA_TOKEN_KEYS",
            "k1:tooshort-canary",
            "VENTANILLA_TOKEN_KEYS: entry 1: expected base64 of 32 bytes",
        ),
        (
            "VENTANILLA_STORE_KEYS",
            "tooshort-canary",
            "VENTANILLA_STORE_KEYS: ",
        ),
        (
            "VENTANILLA_GREENPAY_SECRET",
            "",
            "VENTANILLA_GREENPAY_SECRET: expected it",
        ),
        (
            "VENTANILLA_CVU_PASSWORD",
            "",
            "VENTANILLA_CVU_PASSWORD: expected it",
        ),
        (
            "VENTANILLA_FLUX_REFRESH_TOKEN",
            "",
            "VENTANILLA_FLUX_REFRESH_TOKEN: expected it",
        ),
        (
            "VENTANILLA_FLEXITI_CLIENT_SECRET",
            "",
            "VENTANILLA_FLEXITI_CLIENT_SECRET: expected it",
        ),
        (
            "VENTANILLA_STORE_KEYS",
            "",
            "VENTANILLA_STORE_KEYS: expected it",
        ),
        (
            "VENTANILLA_WEBHOOK_SECRETS",
            "",
            "VENTANILLA_WEBHOOK_SECRETS: expected it",
        ),
        (
            "VENTANILLA_WEBHOOK_SECRETS",
            "whsec_",
            "VENTANILLA_WEBHOOK_SECRETS: secret 1: expected whsec_ and the base64 of 24 to 64 bytes",
        ),
        (
            "VENTANILLA_HOOK_PATH",
            "tooshort-canary",
            "VENTANILLA_HOOK_PATH: expected 32 to 128 characters of A-Z a-z 0-9 _ -",
        ),
    ] {
        let mut variables = variables();
        variables.insert(name.to_owned(), value.into());
        let error = read_with(EXAMPLE, &variables).unwrap_err();
        assert_eq!(error.problems().len(), 1, "{error}");
        assert!(error.to_string().starts_with(expected), "{error}");
        assert!(!error.to_string().contains("tooshort"), "{error}");
    }
    let mut without_card = variables();
    without_card.remove("VENTANILLA_GREENPAY_SECRET");
    without_card.remove("VENTANILLA_CVU_PASSWORD");
    without_card.remove("VENTANILLA_FLUX_REFRESH_TOKEN");
    without_card.remove("VENTANILLA_FLEXITI_CLIENT_SECRET");
    without_card.remove("VENTANILLA_STORE_KEYS");
    without_card.remove("VENTANILLA_WEBHOOK_SECRETS");
    without_card.remove("VENTANILLA_HOOK_PATH");
    let least = "[server]\npublic_origin = 'https://pay.example'\n[merchant]\nname = 'x'\norigins = ['https://shop.example']";
    assert!(read_with(least, &without_card).is_ok());
}

const STORE_URL: &str = "postgres://ventanilla:url-canary@db.example:5432/payments?sslmode=require";

#[test]
fn everything_is_kept_in_a_file_or_in_a_database() {
    let mut variables = variables();
    variables.insert("VENTANILLA_STORE_URL".to_owned(), STORE_URL.into());
    let error = read_with(EXAMPLE, &variables).unwrap_err();
    assert_eq!(
        error.problems(),
        ["store.path: expected none while VENTANILLA_STORE_URL is set, found \"ventanilla.db\""]
    );
    let without_path = EXAMPLE.replace("path = \"ventanilla.db\"", "");
    let config = read_with(&without_path, &variables).unwrap();
    let url = config.secrets.store_url.as_ref().unwrap();
    assert_eq!(secrecy::ExposeSecret::expose_secret(url), STORE_URL);
    assert!(!format!("{config:?}").contains("url-canary"));
    // The password is kept out of the log by itself too.
    for secret in [STORE_URL, "url-canary"] {
        assert!(
            config
                .secrets
                .known()
                .iter()
                .any(|known| secrecy::ExposeSecret::expose_secret(known) == secret)
        );
    }

    variables.insert(
        "VENTANILLA_STORE_URL".to_owned(),
        "mysql://u:url-canary@db.example/payments".into(),
    );
    let error = read_with(&without_path, &variables)
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "VENTANILLA_STORE_URL: expected a URL such as postgres://user:password@host:5432/database"
    );
}

#[cfg(unix)]
#[test]
fn a_secret_file_is_read_unless_everybody_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = crate::testing::folder("secret_file");
    let path = folder.join("api_key");
    std::fs::write(&path, format!("{API_KEY}\n")).unwrap();
    let with_mode = |mode| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let mut variables = variables();
        variables.remove("VENTANILLA_API_KEY");
        variables.insert("VENTANILLA_API_KEY_FILE".to_owned(), path.clone().into());
        read_with(EXAMPLE, &variables)
    };
    assert!(with_mode(0o600).unwrap().secrets.api_keys.accept(API_KEY));
    assert!(with_mode(0o640).is_ok());
    for mode in [0o644, 0o604] {
        let error = with_mode(mode).unwrap_err().to_string();
        assert!(
            error.contains(&format!("found mode {mode:04o}; chmod o-r")),
            "{error}"
        );
    }

    let mut both = variables();
    both.insert("VENTANILLA_API_KEY_FILE".to_owned(), path.into());
    let error = read_with(EXAMPLE, &both).unwrap_err().to_string();
    assert_eq!(
        error,
        "VENTANILLA_API_KEY: expected either this or VENTANILLA_API_KEY_FILE, found both"
    );
    let mut none = variables();
    none.remove("VENTANILLA_API_KEY");
    none.insert("VENTANILLA_API_KEY_FILE".to_owned(), "/no/such/file".into());
    let error = read_with(EXAMPLE, &none).unwrap_err().to_string();
    assert!(
        error.starts_with("VENTANILLA_API_KEY: /no/such/file cannot be read"),
        "{error}"
    );
}

#[test]
fn the_environment_sets_the_log_level_over_the_file() {
    let mut variables = variables();
    variables.insert("VENTANILLA_LOG".to_owned(), "debug".into());
    assert_eq!(
        read_with(EXAMPLE, &variables).unwrap().settings.log.level,
        "debug"
    );
    variables.insert("VENTANILLA_LOG".to_owned(), "a=b=c".into());
    let error = read_with(EXAMPLE, &variables).unwrap_err().to_string();
    assert!(
        error.starts_with("VENTANILLA_LOG: expected levels"),
        "{error}"
    );
}

#[test]
fn no_secret_is_in_the_debug_output() {
    let config = read(EXAMPLE).unwrap();
    let shown = format!("{config:?} {config:#?}");
    let secrets = [
        API_KEY.to_owned(),
        GREENPAY_SECRET.to_owned(),
        STANDARD.encode([0x5A; 32]),
        STANDARD.encode([0x3C; 32]),
        "90, 90, 90".to_owned(),
        "60, 60, 60".to_owned(),
        STANDARD.encode([0x77; 32]),
        "119, 119, 119".to_owned(),
        HOOK_PATH.to_owned(),
    ];
    for secret in secrets {
        assert!(!shown.contains(&secret), "{shown}");
    }
    assert!(shown.contains("api_keys: 1 set"), "{shown}");
    // Whoever keeps them out of the log knows each of them.
    let known = config.secrets.known();
    for secret in [
        API_KEY,
        GREENPAY_SECRET,
        FLUX_REFRESH_TOKEN,
        FLEXITI_CLIENT_SECRET,
        &STANDARD.encode([0x5A; 32]),
        &STANDARD.encode([0x3C; 32]),
        &webhook_secret(),
        &STANDARD.encode([0x77; 32]),
        HOOK_PATH,
    ] {
        assert!(
            known
                .iter()
                .any(|known| secrecy::ExposeSecret::expose_secret(known) == secret)
        );
    }
}

#[test]
fn a_cvu_rail_takes_only_accounts_that_exist_and_presentations_that_it_can_make() {
    for (old, new, expected) in [
        (
            "account = \"0009999001234567890126\"",
            "account = \"0009999001234567890127\"",
            "cvu.account: ",
        ),
        (
            "cuit = \"30-00000012-0\"",
            "cuit = \"30-00000012-1\"",
            "cvu.cuit: ",
        ),
        (
            "alias = \"TIENDA.EJEMPLO\"",
            "alias = \"caña.dulce\"",
            "cvu.alias: ",
        ),
        (
            "presentations = [\"link\", \"qr\"]",
            "presentations = []",
            "cvu.presentations: expected at least one of link, qr and transfer, each once",
        ),
        (
            "presentations = [\"link\", \"qr\"]",
            "presentations = [\"link\", \"coin\"]",
            "cvu.presentations: entry 2: expected link, qr or transfer, found \"coin\"",
        ),
        (
            "lifetime_secs = 900",
            "lifetime_secs = 119",
            "cvu.lifetime_secs: ",
        ),
        (
            "other_credits = \"report\"",
            "other_credits = \"lose\"",
            "cvu.other_credits: expected report or ignore, found \"lose\"",
        ),
        (
            "url = \"https://api.wallet.example\"",
            "url = \"http://api.wallet.example\"",
            "cvu.url: ",
        ),
    ] {
        let found = problem(old, new);
        assert!(found.starts_with(expected), "{new}: {found}");
    }
    let without_account = EXAMPLE
        .replace("account = \"0009999001234567890126\"\n", "")
        .replace("[\"link\", \"qr\"]", "[\"transfer\"]");
    let error = read(&without_account).unwrap_err().to_string();
    assert!(
        error.starts_with("cvu.presentations: expected cvu.account"),
        "{error}"
    );
}

#[test]
fn a_flux_rail_offers_tips_that_it_takes_and_a_place_that_flux_takes() {
    for (old, new, expected) in [
        (
            "url = \"https://flux.example/v3\"",
            "url = \"http://flux.example/v3\"",
            "flux.url: expected https",
        ),
        (
            "# token_url = \"https://auth.flux.example",
            "token_url = \"http://auth.flux.example",
            "flux.token_url: expected https",
        ),
        (
            "store = \"Tienda Ejemplo\"",
            "store = \"\"",
            "flux.store: expected 1 to 64 characters",
        ),
        (
            "table = \"\"",
            "table = \"\\u0007\"",
            "flux.table: expected 0 to 64 characters",
        ),
        (
            "tip_percents = [10, 15, 20]",
            "tip_percents = [15, 10]",
            "flux.tip_percents: expected at most 6 percentages, ascending",
        ),
        (
            "tip_percents = [10, 15, 20]",
            "tip_percents = [101]",
            "flux.tip_percents: entry 1: expected a whole number from 1 to 100",
        ),
        (
            "tip_cap_percent = 100",
            "tip_cap_percent = 18",
            "flux.tip_percents: expected at most 6 percentages, ascending, none above flux.tip_cap_percent (18)",
        ),
        (
            "tip_cap_percent = 100",
            "tip_cap_percent = 101",
            "flux.tip_cap_percent: expected a whole number from 1 to 100",
        ),
        (
            "tip_confirm_percent = 30",
            "tip_confirm_percent = -1",
            "flux.tip_confirm_percent: expected a whole number from 0 to 100",
        ),
    ] {
        let found = problem(old, new);
        assert!(found.starts_with(expected), "{new}: {found}");
    }
    let offered = |text: &str| read(text).unwrap().settings.flux.unwrap().offer.tip;
    assert_eq!(offered(EXAMPLE), None);
    let with_tips = EXAMPLE.replace("tips = false", "tips = true");
    let tip = offered(&with_tips).unwrap();
    assert_eq!(tip.percents, [10, 15, 20]);
    assert_eq!((tip.cap_percent, tip.confirm_percent), (100, 30));
    let low = with_tips
        .replace("tip_percents = [10, 15, 20]\n", "")
        .replace("tip_cap_percent = 100", "tip_cap_percent = 12");
    assert_eq!(offered(&low).unwrap().percents, [10]);
    let grant = |text: &str| read(text).unwrap().settings.flux.unwrap().grant_type;
    assert_eq!(grant(EXAMPLE).as_deref(), Some("accessToken"));
    let without = EXAMPLE.replace("grant_type = \"accessToken\"", "grant_type = \"\"");
    assert_eq!(grant(&without), None);
}

#[test]
fn a_flexiti_rail_shows_one_page_and_asks_each_operation_in_its_version() {
    for (old, new, expected) in [
        (
            "url = \"https://posapi.flexiti.fi\"\nclient_id",
            "url = \"http://posapi.flexiti.fi\"\nclient_id",
            "flexiti.url: expected https",
        ),
        (
            "page_origin = \"https://posapi.flexiti.fi\"",
            "page_origin = \"http://posapi.flexiti.fi\"",
            "flexiti.page_origin: expected https",
        ),
        (
            "page_origin = \"https://posapi.flexiti.fi\"",
            "page_origin = \"https://posapi.flexiti.fi/widget\"",
            "flexiti.page_origin: expected scheme, host and port only",
        ),
        (
            "client_id = \"tienda-ejemplo\"",
            "client_id = \"..\"",
            "flexiti.client_id: expected 1 to 100",
        ),
        (
            "identifications = [\"account\", \"person\"]",
            "identifications = []",
            "flexiti.identifications: expected account, person or both",
        ),
        (
            "identifications = [\"account\", \"person\"]",
            "identifications = [\"card\"]",
            "flexiti.identifications: entry 1: expected account or person",
        ),
        (
            "version_capture = \"2.5\"",
            "version_capture = \"2.5/..\"",
            "flexiti.version_capture: expected a version such as 2.5.1",
        ),
        (
            "# merchant_id = 1001",
            "merchant_id = 0",
            "flexiti.merchant_id: expected a whole number from 1",
        ),
    ] {
        let found = problem(old, new);
        assert!(found.starts_with(expected), "{new}: {found}");
    }
    let settings = |text: &str| read(text).unwrap().settings.flexiti.unwrap();
    let told = settings(EXAMPLE);
    assert_eq!(
        told.versions,
        ventanilla_providers::flexiti::Versions::default()
    );
    assert!(told.capture && told.hyphenated_flow_id);
    assert!(!told.idempotency_header && !told.deposit_as_text);
    let untold = EXAMPLE.replace("page_origin = \"https://posapi.flexiti.fi\"\n", "");
    assert_eq!(settings(&untold).page_origin, told.page_origin);
}

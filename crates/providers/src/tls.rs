//! How servers are known: by the certificate authorities of the system, over TLS 1.2 or 1.3.

use std::sync::{Arc, OnceLock};

use reqwest::ClientBuilder;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls_platform_verifier::BuilderVerifierExt as _;

/// A client under `builder` that shares with every other one what the system says of its authorities: reading some
/// hundred certificates anew for each client takes longer than the rest of a start, and each would keep them.
///
/// What the system lacks is said when the client is built.
pub fn shared(builder: ClientBuilder) -> ClientBuilder {
    static CONFIG: OnceLock<Option<ClientConfig>> = OnceLock::new();
    match CONFIG.get_or_init(|| config().ok()) {
        Some(config) => builder.tls_backend_preconfigured(config.clone()),
        None => builder,
    }
}

fn config() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

//! How servers are known: by the certificate authorities of the system, over TLS 1.2 or 1.3; and those on this
//! machine, which are spoken to in clear, not at all.

use std::sync::{Arc, OnceLock};

use reqwest::{ClientBuilder, Url};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls_platform_verifier::BuilderVerifierExt as _;

/// A client under `builder` for these servers.
///
/// With TLS it shares with every other one what the system says of its authorities: reading some hundred
/// certificates anew for each client takes longer than the rest of a start, and each would keep them. Where there is
/// no TLS to be had to any of the servers they are not read at all, and nobody is trusted. What the system lacks is
/// said when the client is built.
pub fn known(builder: ClientBuilder, servers: &[&Url]) -> ClientBuilder {
    static CONFIG: OnceLock<Option<ClientConfig>> = OnceLock::new();
    if servers.iter().all(|server| server.scheme() == "http") {
        return builder.tls_certs_only([]);
    }
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

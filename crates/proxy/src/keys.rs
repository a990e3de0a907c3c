//! `ventanilla keys`: fresh secrets.

use std::io::{self, Write};
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ventanilla_proxy::webhooks::signing;
use zeroize::Zeroizing;

/// Writes one line per variable, as an environment file takes them.
pub fn print(out: &mut impl Write) -> io::Result<ExitCode> {
    writeln!(
        out,
        "# For the proxy's environment. The shop's server needs VENTANILLA_API_KEY and\n\
         # VENTANILLA_WEBHOOK_SECRETS too, GreenPay the address with VENTANILLA_HOOK_PATH in it; nobody needs\n\
         # the others.\n\
         VENTANILLA_API_KEY=vsk_{}\n\
         VENTANILLA_TOKEN_KEYS={}\n\
         VENTANILLA_STORE_KEYS={}\n\
         VENTANILLA_WEBHOOK_SECRETS={}{}\n\
         VENTANILLA_HOOK_PATH={}",
        URL_SAFE_NO_PAD.encode(random::<32>()?),
        named_key("t")?,
        named_key("s")?,
        signing::PREFIX,
        STANDARD.encode(random::<32>()?),
        URL_SAFE_NO_PAD.encode(random::<32>()?),
    )?;
    Ok(ExitCode::SUCCESS)
}

/// A key under a name that no other key of this merchant has.
fn named_key(prefix: &str) -> io::Result<String> {
    Ok(format!(
        "{prefix}{}:{}",
        hex::encode(random::<4>()?),
        STANDARD.encode(random::<32>()?)
    ))
}

fn random<const N: usize>() -> io::Result<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut_slice()).map_err(io::Error::other)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ventanilla_proxy::config::Config;

    fn printed() -> String {
        let mut out = Vec::new();
        print(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_printed_is_taken_as_it_stands() {
        let text = printed();
        let variable = |name: &str| {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(&format!("{name}=")));
            line.map(std::ffi::OsString::from)
        };
        let settings = "[server]\npublic_origin = 'https://pay.example'\n[merchant]\nname = 'x'\norigins = ['https://shop.example']\n[webhooks]\nurl = 'https://shop.example/hook'";
        let config = Config::read(settings, &variable).unwrap();
        assert!(config.secrets.store_keys.is_some());
        assert!(config.secrets.webhook_secrets.is_some() && config.secrets.hook_path.is_some());
        assert_eq!(
            text.lines().filter(|line| !line.starts_with('#')).count(),
            5
        );
    }

    #[test]
    fn no_two_are_alike() {
        assert_ne!(printed(), printed());
    }
}

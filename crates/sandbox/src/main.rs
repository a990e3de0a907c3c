//! The sandbox as a program.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::Parser;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracing_subscriber::EnvFilter;
use ventanilla_sandbox::{
    CvuOptions, FlexitiOptions, Notifications, NotifyMode, ReceiverUrl, RepeatedReference, Sandbox,
    SandboxOptions,
};

/// Stands in for the payment providers, so that a checkout can be tried without them. Moves no money.
///
/// The management address shows the test cards, sets faults and keeps the ledger.
#[derive(Debug, Parser)]
#[command(name = "ventanilla-sandbox", version)]
struct Arguments {
    /// Address that all hosts listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    listen: IpAddr,
    /// Port of the management host and its page
    #[arg(long, default_value_t = 8790)]
    management_port: u16,
    /// Port of the provider's merchant host
    #[arg(long, default_value_t = 8791)]
    merchant_port: u16,
    /// Port of the provider's checkout host
    #[arg(long, default_value_t = 8792)]
    checkout_port: u16,
    /// Port of the CVU wallet API and the buyer's pages
    #[arg(long, default_value_t = 8793)]
    cvu_port: u16,
    /// Port of the Flux API (below /v3) and the wallet that shows codes
    #[arg(long, default_value_t = 8794)]
    flux_port: u16,
    /// Port of the Flexiti POS API and the shopper's identity page
    #[arg(long, default_value_t = 8795)]
    flexiti_port: u16,
    /// Decides sessions, tokens and codes; drawn unless told
    #[arg(long)]
    seed: Option<u64>,
    /// How many times faster than real the sandbox's clock runs
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    speed: u32,
    /// The moment from which it runs faster, in RFC 3339; the start unless told. Programs with one anchor
    /// and one speed show the same time
    #[arg(long, value_parser = moment)]
    clock_anchor: Option<SystemTime>,
    /// The merchant's address for notifications, http:// only
    #[arg(long)]
    notify_url: Option<ReceiverUrl>,
    /// How to notify: never, on_time, early, late, five_times, forged or mixed; on_time with an address
    #[arg(long)]
    notify_mode: Option<NotifyMode>,
    /// The merchant's address for what it is told of credits at the CVU wallet API, http:// only
    #[arg(long)]
    cvu_notify_url: Option<ReceiverUrl>,
    /// How to notify of credits, as --notify-mode; on_time with an address
    #[arg(long)]
    cvu_notify_mode: Option<NotifyMode>,
    /// How much later than a buyer pays the credit appears, in milliseconds of the sandbox's clock
    #[arg(long, default_value_t = 0)]
    cvu_credit_delay_ms: u64,
    /// Answer a repeated x-idempotency-key at Flexiti with the first answer
    #[arg(long)]
    flexiti_idempotency: bool,
    /// Which sites may frame Flexiti's identity page, as the frame-ancestors of a CSP; any unless told
    #[arg(long)]
    flexiti_frame_ancestors: Option<String>,
    /// Refuse an orderReference that was seen before, instead of debiting it again
    #[arg(long)]
    refuse_repeated_references: bool,
    /// HTTP status of a decline
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(200..=599))]
    decline_status: u16,
    /// A private key (RSA, PKCS#8 PEM) to use instead of the built-in test key
    #[arg(long)]
    private_key_file: Option<PathBuf>,
    /// Print the public key that belongs to it, and end
    #[arg(long)]
    print_public_key: bool,
    /// What to log, as a tracing filter
    #[arg(long, default_value = "info")]
    log: String,
    /// Log in JSON
    #[arg(long)]
    log_json: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "ventanilla-sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let private_key_pem = arguments
        .private_key_file
        .map(|path| {
            std::fs::read_to_string(&path)
                .map_err(|error| format!("cannot read {}: {error}", path.display()))
        })
        .transpose()?;
    if arguments.print_public_key {
        let pem = ventanilla_sandbox::public_key_pem(private_key_pem.as_deref())?;
        std::io::stdout().write_all(pem.as_bytes())?;
        return Ok(());
    }
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(&arguments.log)?)
        .with_writer(std::io::stderr);
    if arguments.log_json {
        log.json().init();
    } else {
        log.init();
    }
    let seed = match arguments.seed {
        Some(seed) => seed,
        None => getrandom::u64()?,
    };
    let sandbox = Sandbox::start(SandboxOptions {
        listen_ip: arguments.listen,
        merchant_port: arguments.merchant_port,
        checkout_port: arguments.checkout_port,
        management_port: arguments.management_port,
        seed,
        speed: arguments.speed,
        clock_anchor: arguments.clock_anchor,
        cvu_port: arguments.cvu_port,
        flux_port: arguments.flux_port,
        notifications: notifications(arguments.notify_url, arguments.notify_mode),
        cvu_notifications: notifications(arguments.cvu_notify_url, arguments.cvu_notify_mode),
        cvu: CvuOptions {
            credit_delay_ms: arguments.cvu_credit_delay_ms,
            ..CvuOptions::default()
        },
        flexiti_port: arguments.flexiti_port,
        flexiti: FlexitiOptions {
            idempotency: arguments.flexiti_idempotency,
            frame_ancestors: arguments.flexiti_frame_ancestors,
            ..FlexitiOptions::default()
        },
        repeated_reference: if arguments.refuse_repeated_references {
            RepeatedReference::Refuse
        } else {
            RepeatedReference::Accept
        },
        decline_status: arguments.decline_status,
        private_key_pem,
        ..SandboxOptions::default()
    })
    .await?;
    writeln!(
        std::io::stdout(),
        "test cards, faults, ledger  {}\nmerchant host               {}\ncheckout host               {}\nCVU host, buyer's pages     {}\nFlux host, buyer's wallet   {}\nFlexiti host, identity page {}\nseed                        {seed}",
        sandbox.management_url,
        sandbox.merchant_url,
        sandbox.checkout_url,
        sandbox.cvu_url,
        sandbox.flux_url,
        sandbox.flexiti_url,
    )?;
    until_told_to_stop().await?;
    tracing::info!("stopped");
    Ok(())
}

fn notifications(url: Option<ReceiverUrl>, mode: Option<NotifyMode>) -> Notifications {
    let mode = mode.unwrap_or(match url {
        Some(_) => NotifyMode::OnTime,
        None => NotifyMode::Never,
    });
    Notifications {
        url,
        mode,
        ..Notifications::default()
    }
}

fn moment(text: &str) -> Result<SystemTime, String> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map(SystemTime::from)
        .map_err(|error| format!("not a moment in RFC 3339: {error}"))
}

#[cfg(unix)]
async fn until_told_to_stop() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn until_told_to_stop() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

//! The binary `ventanilla-campaign`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};
use ventanilla_campaign::args::{Arguments, Command, StoreArgument};
use ventanilla_campaign::failure::{Failure, Result, Tried as _};
use ventanilla_campaign::harness::Binaries;
use ventanilla_campaign::load::{self, LoadArguments};
use ventanilla_campaign::matrix::{self, MatrixArguments};
use ventanilla_campaign::report;
use ventanilla_campaign::run::{Outcome, Plan, Screen, StoreKind, Totals, campaign};
use ventanilla_campaign::size::{self, SizeArguments};

#[tokio::main]
async fn main() -> ExitCode {
    let done = tokio::select! {
        done = run(Arguments::parse()) => done,
        // Whatever was started ends with the runtime.
        () = asked_to_stop() => Err(Failure::of("stopped; nothing was compared")),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "ventanilla-campaign: {failure}");
            ExitCode::from(2)
        }
    }
}

async fn asked_to_stop() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Whether everything was as it should be.
async fn run(arguments: Arguments) -> Result<bool> {
    if let Some(Command::Matrix(arguments)) = &arguments.command {
        return play_matrix(arguments).await;
    }
    if let Some(Command::Size(arguments)) = &arguments.command {
        return measure_size(arguments).await;
    }
    match &arguments.command {
        Some(Command::Load(arguments)) => return measure_load(arguments).await,
        Some(Command::Forward(told)) => return load::forward::serve(told).await.map(|()| true),
        _ => {}
    }
    let seed = arguments
        .seed
        .unwrap_or_else(|| u64::from(u32::from_be_bytes(ventanilla_campaign::random::bytes())));
    let binaries = binaries(
        &arguments.proxy_bin,
        &arguments.sandbox_bin,
        &arguments.assets,
    )?;
    let (folder, kept) = folder(&arguments.keep)?;
    let mut screen = Screen::new();
    let mut outcomes: Vec<Outcome> = Vec::new();
    for (store, proxies) in stores(&arguments)? {
        let on_postgres = |count: u64| {
            if store == StoreKind::Postgres {
                count
            } else {
                0
            }
        };
        let plan = Plan {
            seed,
            checkouts: arguments.checkouts,
            per_second: arguments.rate,
            concurrency: arguments.concurrency.into(),
            faults_percent: arguments.faults,
            kills: arguments.kills,
            pauses: arguments.pauses,
            database_stops: on_postgres(arguments.db_stops),
            database_cuts: on_postgres(arguments.db_cuts),
            proxies,
            store,
            speed: arguments.speed,
            control_leak: arguments.control_leak,
            binaries: binaries.clone(),
            folder: folder.join(store.name().to_lowercase()),
            keep: kept,
        };
        let outcome = campaign(&plan, &mut screen).await.map_err(|failure| {
            let folder = folder.display();
            Failure::of(format!(
                "{failure}; what was written until then is in {folder}"
            ))
        })?;
        screen.clear();
        print(&report::table(&outcome))?;
        outcomes.push(outcome);
    }
    if let Some(file) = &arguments.json {
        let json = serde_json::to_vec_pretty(&outcomes).tried("write the outcome")?;
        std::fs::write(file, json).tried(format_args!("write {}", file.display()))?;
    }
    let clean = outcomes.iter().all(Outcome::is_clean);
    if kept || !clean {
        print(&format!("\neverything is in {}\n", folder.display()))?;
    } else {
        std::fs::remove_dir_all(&folder).tried("clear away")?;
    }
    let mut totals = Totals::default();
    outcomes.iter().for_each(|outcome| totals.add(outcome));
    print(&format!("{totals}\n"))?;
    Ok(clean)
}

async fn play_matrix(arguments: &MatrixArguments) -> Result<bool> {
    let (folder, kept) = folder(&arguments.keep)?;
    let binaries = binaries(&arguments.proxy_bin, &arguments.sandbox_bin, &None)?;
    let stores = match arguments.store {
        StoreArgument::Sqlite => vec![StoreKind::Sqlite],
        StoreArgument::Postgres => vec![StoreKind::Postgres],
        StoreArgument::Both => vec![StoreKind::Sqlite, StoreKind::Postgres],
    };
    let plans: Vec<matrix::Plan> = stores
        .into_iter()
        .map(|store| matrix::Plan {
            binaries: binaries.clone(),
            folder: folder.join(store.name().to_lowercase()),
            only: arguments.only.clone(),
            store,
            jobs: arguments.jobs.into(),
        })
        .filter(|plan| !plan.cases().is_empty())
        .collect();
    if plans.is_empty() {
        return Err(Failure::of("there is no such case"));
    }
    // Side by side, because most cases wait most of the time.
    let playing: Vec<_> = plans
        .into_iter()
        .map(|plan| {
            tokio::spawn(async move {
                let store = plan.store.name();
                matrix::matrix(&plan, |over, of| {
                    if over % 24 == 0 && over < of {
                        let _ = writeln!(std::io::stderr(), "{store}: {over} of {of} cases");
                    }
                })
                .await
            })
        })
        .collect();
    let mut clean = true;
    for outcome in playing {
        let outcome = outcome.await.tried("play the cases")??;
        print(&format!("{outcome}\n"))?;
        clean &= outcome.is_clean();
    }
    if kept || !clean {
        print(&format!("everything is in {}\n", folder.display()))?;
    } else {
        std::fs::remove_dir_all(&folder).tried("clear away")?;
    }
    Ok(clean)
}

async fn measure_size(arguments: &SizeArguments) -> Result<bool> {
    let (folder, kept) = folder(&arguments.keep)?;
    let binaries = binaries(&arguments.proxy_bin, &arguments.sandbox_bin, &None)?;
    let plan = size::Plan::of(arguments, binaries, folder, kept);
    let mut ticker = size::Ticker::new();
    let outcome = size::size(&plan, &mut |what| ticker.tick(what)).await?;
    ticker.clear();
    print(&outcome.to_string())?;
    if let Some(file) = &arguments.report {
        size::write_report(&outcome, file)?;
    }
    Ok(outcome.holds())
}

async fn measure_load(arguments: &LoadArguments) -> Result<bool> {
    let (folder, kept) = folder(&arguments.keep)?;
    let binaries = binaries(&arguments.proxy_bin, &arguments.sandbox_bin, &None)?;
    let mut ticker = size::Ticker::new();
    let outcome = load::load(arguments, binaries, folder.clone(), &mut |what| {
        ticker.tick(what)
    })
    .await?;
    ticker.clear();
    if !kept {
        std::fs::remove_dir_all(&folder).tried("clear away")?;
    }
    let json = serde_json::to_string_pretty(&outcome).tried("write the outcome")?;
    print(&format!("{json}\n"))?;
    Ok(true)
}

fn print(text: &str) -> Result<()> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .tried("write to standard output")
}

/// The stores, each with its number of proxies.
fn stores(arguments: &Arguments) -> Result<Vec<(StoreKind, usize)>> {
    let on_postgres = (StoreKind::Postgres, usize::from(arguments.proxies));
    match arguments.store {
        StoreArgument::Sqlite if arguments.proxies > 1 => Err(Failure::of(
            "SQLite takes one proxy; say --store postgres for more",
        )),
        StoreArgument::Sqlite => Ok(vec![(StoreKind::Sqlite, 1)]),
        StoreArgument::Postgres => Ok(vec![on_postgres]),
        StoreArgument::Both => Ok(vec![(StoreKind::Sqlite, 1), on_postgres]),
    }
}

fn binaries(
    proxy: &Option<PathBuf>,
    sandbox: &Option<PathBuf>,
    assets: &Option<PathBuf>,
) -> Result<Binaries> {
    let own = std::env::current_exe().tried("find this program")?;
    let beside = |name: &str| own.with_file_name(name);
    let binaries = Binaries {
        proxy: absolute(proxy, || beside("ventanilla"))?,
        sandbox: absolute(sandbox, || beside("ventanilla-sandbox"))?,
        assets: match assets {
            Some(assets) => Some(absolute(&Some(assets.clone()), || assets.clone())?),
            None => None,
        },
    };
    for program in [&binaries.proxy, &binaries.sandbox] {
        if !program.is_file() {
            return Err(Failure::of(format!(
                "{} is not there; build it with cargo build -p ventanilla-proxy -p ventanilla-sandbox",
                program.display()
            )));
        }
    }
    Ok(binaries)
}

/// Children run in folders of their own.
fn absolute(given: &Option<PathBuf>, otherwise: impl FnOnce() -> PathBuf) -> Result<PathBuf> {
    let path = given.clone().unwrap_or_else(otherwise);
    std::path::absolute(&path).tried(format_args!("find {}", path.display()))
}

/// Where everything is written, and whether it stays there.
fn folder(keep: &Option<PathBuf>) -> Result<(PathBuf, bool)> {
    let Some(folder) = keep else {
        let name = format!("ventanilla-campaign-{}", std::process::id());
        return Ok((std::env::temp_dir().join(name), false));
    };
    let is_empty = |path: &Path| {
        path.read_dir()
            .is_ok_and(|mut inside| inside.next().is_none())
    };
    if folder.exists() && !is_empty(folder) {
        return Err(Failure::of(format!("{} is not empty", folder.display())));
    }
    Ok((absolute(&Some(folder.clone()), || folder.clone())?, true))
}

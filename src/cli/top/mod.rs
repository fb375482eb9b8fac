//! `riveg top`: a live view of a running engine in the terminal, from its metrics.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use console::Term;
use humantime_serde::re::humantime;
use tokio::time::MissedTickBehavior;

use super::output_format::{FormatArgument, print};
use super::{Exit, Failure, Settings, UsageError, is_coloured, run_async, stop_signal};

mod exposition;
mod figures;
mod history;
mod page;
mod rates;
mod screen;
mod view;

use figures::Figures;
use history::History;
use page::Page;
use screen::Screen;

/// Watch a running engine in the terminal: throughput, lag, stages, caches, language models and memory.
///
/// It reads the engine's metrics address and nothing else. On a terminal the view is renewed until Ctrl-C; elsewhere one
/// view is printed. Rates and quantiles are those of the last interval.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg top                                        the engine at telemetry.address
  riveg top --address 10.0.3.7:9090 --interval 5s
  riveg top --count 1 > now.txt                    one view, without colours
  riveg top --format json | jq .lag.records        one JSON object a line, until Ctrl-C")]
pub struct Arguments {
    /// The metrics address of the engine, `host:port` or a URL [default: telemetry.address of the settings].
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// The time between two views.
    #[arg(long, value_name = "TIME", default_value = "2s")]
    interval: humantime::Duration,
    /// The number of views; 0: no end [default: no end on a terminal and with `--format json`, otherwise 1].
    #[arg(long, value_name = "NUMBER")]
    count: Option<u64>,
    #[command(flatten)]
    format: FormatArgument,
    #[command(flatten)]
    settings: Settings,
}

/// The shortest interval: the engine renders its metrics for each view.
const SHORTEST: Duration = Duration::from_millis(100);

pub(super) fn run(arguments: &Arguments, exit: &Exit) -> Result<(), Failure> {
    let address = match &arguments.address {
        Some(address) => address.clone(),
        None => arguments.settings.load()?.config.telemetry.address,
    };
    if address.is_empty() {
        let message =
            "telemetry.address is empty, so that there is nothing to watch; use `--address`".to_owned();
        return Err(UsageError(message).into());
    }
    if *arguments.interval < SHORTEST {
        let message = format!("--interval must be {} or more", humantime::format_duration(SHORTEST));
        return Err(UsageError(message).into());
    }
    let is_terminal = std::io::stdout().is_terminal();
    let is_live = is_terminal && !arguments.format.is_json();
    let endless = is_live || arguments.format.is_json();
    let count = match arguments.count {
        Some(0) => None,
        Some(count) => Some(count),
        None => (!endless).then_some(1),
    };
    run_async(watch(&Page::at(&address)?, arguments, (is_live, count), exit))
}

async fn watch(
    page: &Page,
    arguments: &Arguments,
    (is_live, count): (bool, Option<u64>),
    exit: &Exit,
) -> Result<(), Failure> {
    let stop = stop_signal(exit)?;
    let mut ticks = tokio::time::interval(*arguments.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    // At the first read a missing engine is an error. Later it is waited for, because it may be restarting.
    let mut last = (page.scrape().await?, Instant::now());
    let mut history = History::default();
    let mut screen = is_live.then(|| Screen::open(Term::stdout())).transpose()?;
    let colours = is_coloured(is_live);
    let mut trouble = None;
    let mut shown = 0;
    loop {
        if let Some(screen) = &mut screen {
            // A first look without rates, so that the screen is not empty meanwhile.
            let figures = history.latest().cloned().unwrap_or_else(|| Figures::of(&last.0, None));
            let (height, width) = screen.size();
            let view = view::View {
                figures: &figures,
                history: &history,
                source: page.url(),
                trouble: trouble.as_deref(),
            };
            screen.draw(&view.lines(width, colours), height)?;
        }
        if count.is_some_and(|count| shown >= count) {
            return Ok(());
        }
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return Ok(()),
        }
        let scraped = tokio::select! {
            scraped = page.scrape() => scraped,
            () = stop.cancelled() => return Ok(()),
        };
        match scraped {
            Ok(scrape) => {
                let now = Instant::now();
                let figures = Figures::of(&scrape, Some((&last.0, (now - last.1).as_secs_f64())));
                last = (scrape, now);
                if !is_live {
                    print(&as_text(&figures, page, arguments.format)?)?;
                }
                history.add(figures);
                trouble = None;
                shown += 1;
            }
            Err(error) if is_live => trouble = Some(error.to_string()),
            Err(error) => return Err(error.into()),
        }
    }
}

fn as_text(figures: &Figures, page: &Page, format: FormatArgument) -> Result<String, Failure> {
    if format.is_json() {
        return Ok(format!("{}\n", serde_json::to_string(figures)?));
    }
    let history = History::default();
    let view = view::View { figures, history: &history, source: page.url(), trouble: None };
    Ok(view.lines(view::PLAIN_WIDTH, false).join("\n") + "\n")
}

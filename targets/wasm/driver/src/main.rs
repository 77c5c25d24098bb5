//! The browser demo's tool: `cargo xtask` calls it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
#[cfg(feature = "browser")]
use larder_web_driver::shots;
use larder_web_driver::{bundle, serve};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the page's files of the wasm modules and the site
    Bundle {
        /// Where cargo left the modules
        #[arg(long)]
        modules: PathBuf,
        /// The hand-written files
        #[arg(long)]
        site: PathBuf,
        #[arg(long)]
        out: PathBuf,
    },
    /// Serve the page on localhost until stopped
    Serve {
        #[arg(long)]
        dir: PathBuf,
        /// 0: any that is free
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// Open the page in a browser, where there is a display
        #[arg(long)]
        open: bool,
    },
    /// Take the screenshots that the README shows
    #[cfg(feature = "browser")]
    Shots {
        #[arg(long)]
        dir: PathBuf,
        #[arg(long)]
        browser: PathBuf,
        #[arg(long)]
        out: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Bundle { modules, site, out } => {
            let bytes = bundle::bundle(&modules, &site, &out)?;
            println!("the page has {} KiB", bytes.div_ceil(1024));
            Ok(())
        }
        Command::Serve { dir, port, open } => serve(&dir, port, open),
        #[cfg(feature = "browser")]
        Command::Shots { dir, browser, out } => shots::take(&dir, &browser, &out),
    }
}

/// The address is told in any case: that no browser can be opened is no reason not to serve.
fn serve(dir: &Path, port: u16, open: bool) -> Result<()> {
    let server = serve::Server::start(dir, port)?;
    println!("the demo is at {} (Ctrl+C ends it)", server.url);
    if open
        && has_display()
        && let Err(error) = open::that_detached(&server.url)
    {
        eprintln!("no browser can be opened: {error}");
    }
    server.run_for_ever()
}

/// Without one, what opens pages on a Unix would open them in the terminal.
fn has_display() -> bool {
    let named = |variable| std::env::var_os(variable).is_some_and(|name| !name.is_empty());
    cfg!(any(windows, target_os = "macos")) || named("DISPLAY") || named("WAYLAND_DISPLAY")
}

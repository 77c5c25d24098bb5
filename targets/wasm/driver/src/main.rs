//! The browser demo's tool: `cargo xtask` calls it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use larder_web_driver::{bundle, serve, shots};

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
    },
    /// Take the screenshots that the README shows
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
        Command::Serve { dir, port } => serve::Server::start(&dir, port)?.run_for_ever(),
        Command::Shots { dir, browser, out } => shots::take(&dir, &browser, &out),
    }
}

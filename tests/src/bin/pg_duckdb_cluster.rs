//! `pg_duckdb_cluster start|stop`: a private cluster with the extension, in a fixed place.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tests::Result;
use tests::artifacts::Artifacts;
use tests::cluster::Options;
use tests::kept::KeptCluster;

/// A private cluster with pg_duckdb preloaded and created.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
    /// Build to use: dev or release. Default: that of this program.
    #[arg(long, global = true)]
    profile: Option<String>,
}

#[derive(Subcommand)]
enum Action {
    /// Create it, or restart it with these settings, and print how to reach it.
    Start {
        /// Server settings, as "name = value; name = value".
        #[arg(long, default_value = "")]
        conf: String,
    },
    /// Stop it; its data stay.
    Stop,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pg_duckdb_cluster: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    if let Some(profile) = &arguments.profile {
        let wanted = if profile == "dev" { "debug" } else { profile };
        let ours = Artifacts::of_this_program()?.profile();
        if wanted != ours {
            return Err(format!("this program is of profile {ours}; run the one in target/{wanted}").into());
        }
    }
    let cluster = KeptCluster::of_this_program()?;
    match &arguments.action {
        Action::Start { conf } => {
            cluster.start(&Options::with_extension().durable().set_all(conf)?)?;
            eprintln!(
                "the cluster runs; its log is {}",
                cluster.data_directory().with_file_name("log").display()
            );
            for (name, value) in cluster.environment() {
                println!("{name}={value}");
            }
        }
        Action::Stop => cluster.stop()?,
    }
    Ok(())
}

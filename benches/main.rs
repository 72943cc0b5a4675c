//! The figures of the design, measured: `cargo bench`, or
//! `cargo bench -- works` for the rows whose name contains a word.
//!
//! Everything runs on a sandbox of this machine, through the release binary.
//! `world` has the sandbox, `rows` what is measured on it.

#![expect(clippy::print_stdout, reason = "its output is the table")]

mod rows;
mod world;

use std::process::ExitCode;

/// What a figure counts in.
#[derive(Clone, Copy)]
enum Unit {
    Seconds,
    Milliseconds,
    Mebibytes,
    Megabytes,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Milliseconds => "ms",
            Self::Mebibytes => "MiB",
            Self::Megabytes => "MB",
        }
    }
}

/// One line of the table: less is better.
struct Row {
    name: &'static str,
    unit: Unit,
    must: f64,
    aim: f64,
    figure: Result<f64, String>,
}

impl Row {
    fn print(&self) {
        let unit = self.unit.name();
        match &self.figure {
            Ok(figure) => {
                let verdict = if *figure <= self.aim {
                    "aim reached"
                } else if *figure <= self.must {
                    "must reached"
                } else {
                    "MISSED"
                };
                println!(
                    "{:<58} {figure:>9.1} {unit:<4} {:>8} {:>8} {:>7.2}  {verdict}",
                    self.name,
                    self.must,
                    self.aim,
                    figure / self.must,
                );
            }
            Err(why) => println!("{:<58} not measured: {why}", self.name),
        }
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            println!("cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    ocmadm::cli::install_crypto_provider();
    println!(
        "{:<58} {:>14} {:>8} {:>8} {:>7}",
        "", "figure", "must", "aim", "of must"
    );
    let mut missed = false;
    runtime.block_on(rows::measure(&wanted, |row| {
        missed |= row.figure.is_err();
        row.print();
    }));
    if missed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

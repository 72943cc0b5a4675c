//! The embedded server beside a real control plane, in one run:
//!
//! ```text
//! cargo bench -p apiserver --bench servers                    # as it is shipped
//! cargo bench -p apiserver --bench servers --profile quick    # builds in a fraction of the time
//! cargo bench -p apiserver --bench servers -- memory          # one of memory, redb, real; several
//! ```
//!
//! Every server is a process of its own, reached by TLS from this one, on the
//! same machine. The real one is what `tests/apiserver/build` prints the path
//! of: kube-apiserver, etcd (which does not wait for the disk; redb does) and
//! kube-controller-manager, whose memory and CPU time count together, since
//! the embedded server is all three. Where it is not built, it is skipped.
//!
//! Events to watchers cost the 100 watchers in this process more than a fast
//! server, on the same cores: what a server can do is the row by its CPU time.

#![expect(clippy::print_stdout, reason = "its output is the table")]

mod client;
mod load;
mod servers;

use std::process::ExitCode;

use load::Figures;
use servers::{Kind, Server};

/// One line of the table.
struct Row {
    name: &'static str,
    unit: &'static str,
    of: fn(&Figures) -> f64,
    /// What must hold against the real server, in memory and with redb.
    must: Must,
}

enum Must {
    /// So many times as much.
    Times(f64, f64),
    /// This part of it at most.
    Part(f64),
    /// At most so much, whatever the real one needs.
    Most(f64),
    /// Nothing: the figure explains another one.
    Nothing,
}

const FASTER: Must = Must::Times(5.0, 2.0);

const ROWS: &[Row] = &[
    row("start to ready", "ms", |f| f.ready, Must::Most(100.0)),
    row("create, 1 client", "/s", |f| f.create[0], FASTER),
    row("create, 16 clients", "/s", |f| f.create[1], FASTER),
    row("get, 1 client", "/s", |f| f.get[0], FASTER),
    row("get, 16 clients", "/s", |f| f.get[1], FASTER),
    row("merge patch, 1 client", "/s", |f| f.patch[0], FASTER),
    row("merge patch, 16 clients", "/s", |f| f.patch[1], FASTER),
    row("server-side apply, 1 client", "/s", |f| f.apply[0], FASTER),
    row(
        "server-side apply, 16 clients",
        "/s",
        |f| f.apply[1],
        FASTER,
    ),
    row("list of 10,000, 1 client", "/s", |f| f.list[0], FASTER),
    row("list of 10,000, 16 clients", "/s", |f| f.list[1], FASTER),
    row("events to 100 watchers", "/s", |f| f.fan_out, FASTER),
    row(
        "list of 10,000, per CPU second of the server",
        "/s",
        |f| f.list_cpu,
        Must::Nothing,
    ),
    row(
        "events, per CPU second of the server",
        "/s",
        |f| f.fan_out_cpu,
        FASTER,
    ),
    row("RSS, empty", "MiB", |f| f.rss_empty, Must::Part(0.1)),
    row(
        "RSS, 10,000 ConfigMaps",
        "MiB",
        |f| f.rss_full,
        Must::Part(0.1),
    ),
    row("RSS, at the end", "MiB", |f| f.rss_end, Must::Nothing),
];

const fn row(name: &'static str, unit: &'static str, of: fn(&Figures) -> f64, must: Must) -> Row {
    Row {
        name,
        unit,
        of,
        must,
    }
}

impl Row {
    fn print(&self, memory: Option<&Figures>, redb: Option<&Figures>, real: Option<&Figures>) {
        let figure = |figures: Option<&Figures>| {
            figures.map_or_else(
                || format!("{:>10}", "-"),
                |f| format!("{:>10.1}", (self.of)(f)),
            )
        };
        let ratio = |figures: Option<&Figures>| match (figures, real) {
            (Some(figures), Some(real)) => format!("{:>8.2}", (self.of)(figures) / (self.of)(real)),
            _ => format!("{:>8}", "-"),
        };
        let mut verdicts = Vec::new();
        for (figures, first) in [(memory, true), (redb, false)] {
            let Some(own) = figures.map(self.of) else {
                continue;
            };
            let good = match (&self.must, real.map(self.of)) {
                (Must::Most(most), _) => own <= *most,
                (Must::Times(in_memory, on_disk), Some(real)) => {
                    own >= real * if first { in_memory } else { on_disk }
                }
                (Must::Part(part), Some(real)) => own <= real * part,
                _ => continue,
            };
            verdicts.push(if good { "ok" } else { "MISSED" });
        }
        println!(
            "{:<46} {} {} {} {:<4} {} {}  {}",
            self.name,
            figure(memory),
            figure(redb),
            figure(real),
            self.unit,
            ratio(memory),
            ratio(redb),
            verdicts.join(" / "),
        );
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
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
    if let [first, kind, folder] = arguments.as_slice()
        && first == servers::SERVE
    {
        return match runtime.block_on(servers::serve(kind, folder.as_ref())) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                println!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    let wanted = |name: &str| arguments.is_empty() || arguments.iter().any(|word| word == name);
    let measure = |kind: Kind| {
        if !wanted(kind.name()) {
            return None;
        }
        let figures = runtime.block_on(async {
            let server = Server::start(kind).await?;
            load::measure(&server).await
        });
        match figures {
            Ok(figures) => Some(figures),
            Err(error) => {
                println!("{}: skipped: {error}", kind.name());
                None
            }
        }
    };
    let memory = measure(Kind::Memory);
    let redb = measure(Kind::Redb);
    let real = measure(Kind::Real);
    println!(
        "{:<46} {:>10} {:>10} {:>10} {:<4} {:>8} {:>8}  must (memory / redb)",
        "", "memory", "redb", "real", "", "memory:", "redb:"
    );
    for row in ROWS {
        row.print(memory.as_ref(), redb.as_ref(), real.as_ref());
    }
    ExitCode::SUCCESS
}

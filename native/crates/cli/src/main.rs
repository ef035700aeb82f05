//! `threadgauge-runner`: `machine` describes this machine, `run` serves one benchmark over stdin and stdout.

use std::io::{BufReader, Write};
use std::process::ExitCode;

use lexopt::prelude::{Long, Short, Value};
use threadgauge_runner::workload::Cancel;
use threadgauge_runner::{Host, Served, serve};

const USAGE: &str = "\
Usage: threadgauge-runner COMMAND

Commands:
  machine   Print what this machine is as JSON.
  run       Read commands as JSON lines from stdin, write events as JSON lines to stdout.
            End of stdin, SIGTERM and SIGINT cancel the run; nothing it started survives.

Options:
  -h, --help     Print this.
  -V, --version  Print the version.

Exit code: 0 when the run finished (also when cancelled), 1 when it failed, 2 for wrong usage.
";

enum Task {
    Help,
    Version,
    Machine,
    Run,
}

fn main() -> ExitCode {
    // Before anything else: this binary is also the supervisor of the processes it starts.
    threadgauge_sys::process::run_supervisor_if_asked();
    match parse(lexopt::Parser::from_env()) {
        Ok(Task::Help) => print(USAGE),
        Ok(Task::Version) => print(&format!("threadgauge-runner {}\n", env!("CARGO_PKG_VERSION"))),
        Ok(Task::Machine) => match serde_json::to_string_pretty(&threadgauge_sys::topology::machine()) {
            Ok(json) => print(&(json + "\n")),
            Err(error) => {
                eprintln!("threadgauge-runner: {error}");
                ExitCode::FAILURE
            }
        },
        Ok(Task::Run) => run(),
        Err(error) => {
            eprintln!("threadgauge-runner: {error}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn parse(mut parser: lexopt::Parser) -> Result<Task, lexopt::Error> {
    let mut task = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Task::Help),
            Short('V') | Long("version") => return Ok(Task::Version),
            Value(word) if task.is_none() && word == "machine" => task = Some(Task::Machine),
            Value(word) if task.is_none() && word == "run" => task = Some(Task::Run),
            other => return Err(other.unexpected()),
        }
    }
    task.ok_or_else(|| "a command is missing".into())
}

fn print(text: &str) -> ExitCode {
    // A reader that has gone (`| head`) is no failure.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn run() -> ExitCode {
    let cancel = Cancel::default();
    #[cfg(unix)]
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT, signal_hook::consts::SIGHUP] {
        if let Err(error) = signal_hook::flag::register(signal, cancel.flag()) {
            eprintln!("threadgauge-runner: signal {signal} will not be handled: {error}");
        }
    }
    threadgauge_sys::process::adopt_orphans();
    let host = Host { machine: threadgauge_sys::topology::machine(), missing: threadgauge_sys::missing() };
    let mut stdout = std::io::stdout().lock();
    match serve(BufReader::new(std::io::stdin()), &mut stdout, &host, &cancel) {
        Served::Finished => ExitCode::SUCCESS,
        Served::Failed => ExitCode::FAILURE,
    }
}

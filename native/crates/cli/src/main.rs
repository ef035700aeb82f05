//! `threadgauge-runner`: `machine` describes this machine, `run` serves one benchmark over stdin and stdout,
//! `inspect` and `processes` look at what runs already.

use std::io::{BufReader, Write};
use std::process::ExitCode;

use lexopt::ValueExt;
use lexopt::prelude::{Long, Short, Value};
use threadgauge_runner::workload::Cancel;
use threadgauge_runner::{Host, Served, serve};

const USAGE: &str = "\
Usage: threadgauge-runner COMMAND

Commands:
  machine   Print what this machine is as JSON.
  run       Read commands as JSON lines from stdin, write events as JSON lines to stdout.
            End of stdin, SIGTERM and SIGINT cancel the run; nothing it started survives.
  inspect   Look at a running process and its descendants: inspect PID [--seconds S] [--watch].
            Prints one JSON line; with --watch one every S seconds until the process ends.
            Nothing is attached to the processes and nothing is sent to them.
  processes Print the programs that run under this user as JSON, newest first.

Options:
  -h, --help     Print this.
  -V, --version  Print the version.

Exit code: 0 when the run finished (also when cancelled), 1 when it failed or the process cannot be
inspected, 2 for wrong usage.
";

enum Task {
    Help,
    Version,
    Machine,
    Run,
    Inspect(Inspect),
    Processes,
}

/// What to look at and for how long.
struct Inspect {
    pid: u32,
    seconds: f64,
    watch: bool,
}

/// Longest look, seconds.
const LONGEST_LOOK: f64 = 3_600.0;

fn main() -> ExitCode {
    // Before anything else: this binary is also the supervisor of the processes it starts.
    threadgauge_sys::process::run_supervisor_if_asked();
    match parse(lexopt::Parser::from_env()) {
        Ok(Task::Help) => print(USAGE),
        Ok(Task::Version) => print(&format!("threadgauge-runner {}\n", env!("CARGO_PKG_VERSION"))),
        Ok(Task::Machine) => match serde_json::to_string_pretty(&threadgauge_sys::topology::machine()) {
            Ok(json) => print(&(json + "\n")),
            Err(error) => failed(&error),
        },
        Ok(Task::Run) => run(),
        Ok(Task::Inspect(what)) => inspect(&what),
        Ok(Task::Processes) => match threadgauge_sys::inspect::processes() {
            Ok(found) => print_json(&found),
            Err(error) => failed(&error),
        },
        Err(error) => {
            eprintln!("threadgauge-runner: {error}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn parse(mut parser: lexopt::Parser) -> Result<Task, lexopt::Error> {
    let mut task = None;
    let (mut pid, mut seconds, mut watch, mut inspects) = (None, 1.0, false, false);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Task::Help),
            Short('V') | Long("version") => return Ok(Task::Version),
            Value(word) if task.is_none() && word == "machine" => task = Some(Task::Machine),
            Value(word) if task.is_none() && word == "run" => task = Some(Task::Run),
            Value(word) if task.is_none() && word == "processes" => task = Some(Task::Processes),
            Value(word) if task.is_none() && !inspects && word == "inspect" => inspects = true,
            Value(word) if inspects && pid.is_none() => pid = Some(word.parse::<u32>()?),
            Long("seconds") if inspects => {
                seconds = parser.value()?.parse::<f64>()?;
                if !(seconds > 0.0 && seconds <= LONGEST_LOOK) {
                    return Err(format!("--seconds must be above 0 and at most {LONGEST_LOOK}").into());
                }
            }
            Long("watch") if inspects => watch = true,
            other => return Err(other.unexpected()),
        }
    }
    if inspects {
        let pid = pid.ok_or("inspect needs the id of a process")?;
        return Ok(Task::Inspect(Inspect { pid, seconds, watch }));
    }
    task.ok_or_else(|| "a command is missing".into())
}

fn print(text: &str) -> ExitCode {
    // A reader that has gone (`| head`) is no failure.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn print_json(value: &impl serde::Serialize) -> ExitCode {
    match serde_json::to_string(value) {
        Ok(json) => print(&(json + "\n")),
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("threadgauge-runner: {error}");
    ExitCode::FAILURE
}

/// Prints what a process does: once, or again and again until it ends, a signal comes, or nobody reads.
fn inspect(what: &Inspect) -> ExitCode {
    let cancel = Cancel::default();
    heed_signals(&cancel);
    let mut inspector = match threadgauge_sys::inspect::Inspector::new(what.pid) {
        Ok(inspector) => inspector,
        Err(error) => return failed(&error),
    };
    let mut told = false;
    loop {
        let inspection = match inspector.look(std::time::Duration::from_secs_f64(what.seconds), &|| cancel.is_set()) {
            Ok(inspection) => inspection,
            // It ended between two looks: all that there was has been told.
            Err(threadgauge_sys::inspect::InspectError::Ended { .. }) if told => return ExitCode::SUCCESS,
            Err(error) => return failed(&error),
        };
        let Ok(json) = serde_json::to_string(&inspection) else { return ExitCode::FAILURE };
        let mut stdout = std::io::stdout().lock();
        if writeln!(stdout, "{json}").and_then(|()| stdout.flush()).is_err() {
            return ExitCode::SUCCESS;
        }
        told = true;
        if !what.watch || inspector.has_ended() || cancel.is_set() {
            return ExitCode::SUCCESS;
        }
    }
}

/// Lets signals that ask to end do so in good order.
fn heed_signals(cancel: &Cancel) {
    #[cfg(unix)]
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT, signal_hook::consts::SIGHUP] {
        if let Err(error) = signal_hook::flag::register(signal, cancel.flag()) {
            eprintln!("threadgauge-runner: signal {signal} will not be handled: {error}");
        }
    }
    #[cfg(not(unix))]
    let _ = cancel;
}

fn run() -> ExitCode {
    let cancel = Cancel::default();
    heed_signals(&cancel);
    threadgauge_sys::process::adopt_orphans();
    let host = Host { machine: threadgauge_sys::topology::machine(), missing: threadgauge_sys::missing() };
    let mut stdout = std::io::stdout().lock();
    match serve(BufReader::new(std::io::stdin()), &mut stdout, &host, &cancel) {
        Served::Finished => ExitCode::SUCCESS,
        Served::Failed => ExitCode::FAILURE,
    }
}

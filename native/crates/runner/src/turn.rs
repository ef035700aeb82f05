//! Waits until no other run measures on this machine, and says for whom it waits.

use std::time::{Duration, Instant};

use threadgauge_protocol::{BenchRequest, Event, Failed, FailureCode, Finished, Progress};
use threadgauge_sys::turn::{Asked, Holder, Turn, Turns};

use crate::emit::Emitter;
use crate::serve::Served;
use crate::workload::Cancel;

/// How often it is asked again, and the longest time in which a cancel goes unnoticed.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// Who else may measure while this run does.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Nobody, for as long as the turn is kept.
    Alone(Turn),
    /// That cannot be told; why, as a full sentence.
    Unknown(String),
    /// It does not matter.
    NotNeeded,
}

/// Waits for the turn of `request`. `Err` when the run ended while it waited; the last event is sent then.
pub(crate) fn wait(request: &BenchRequest, out: &mut Emitter<'_>, cancel: &Cancel) -> Result<Outcome, Served> {
    let turns = Turns::of_this_machine();
    let what = program_name(&request.workload.argv);
    let begun = Instant::now();
    let mut told: Option<Holder> = None;
    loop {
        let holder = match turns.ask(&what) {
            Asked::Given(turn) => {
                if told.is_some() {
                    out.emit(Event::Progress(Progress::default()));
                }
                return Ok(Outcome::Alone(turn));
            }
            Asked::Unknown(why) => return Ok(Outcome::Unknown(why)),
            Asked::Busy(holder) => holder,
        };
        if cancel.is_set() {
            out.emit(Event::Finished(Finished { cancelled: true, elapsed_s: begun.elapsed().as_secs_f64(), counted_trials: 0 }));
            return Err(Served::Finished);
        }
        let limit = request.limits.turn_s;
        if begun.elapsed().as_secs_f64() >= limit {
            out.emit(Event::Failed(Failed {
                code: FailureCode::MachineBusy,
                message: format!("{} still runs on this machine after {limit} s, and two at once would measure each other.", capitalised(&describe(&holder))),
                hint: "Wait for it to end or end it, and measure again.".into(),
                output_tail: None,
            }));
            return Err(Served::Failed);
        }
        if told.as_ref() != Some(&holder) {
            out.emit(Event::Progress(Progress { waits_for: Some(describe(&holder)), ..Default::default() }));
            told = Some(holder);
        }
        std::thread::sleep(ASK_AGAIN);
    }
}

fn describe(holder: &Holder) -> String {
    match (holder.pid, holder.what.as_str()) {
        (Some(pid), "") => format!("another benchmark (pid {pid})"),
        (Some(pid), what) => format!("another benchmark (pid {pid}: {what})"),
        (None, _) => "another benchmark".into(),
    }
}

fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

/// The word of a command line that people know it by: the script rather than its interpreter.
fn program_name(argv: &[String]) -> String {
    let base = |word: &str| word.rsplit(['/', '\\']).next().unwrap_or(word).to_owned();
    let script = argv.iter().skip(1).find(|word| [".py", ".js", ".mjs", ".cjs", ".ts", ".sh"].iter().any(|end| word.ends_with(end)));
    let module = argv.iter().position(|word| word == "-m").and_then(|at| argv.get(at + 1));
    script.or(module).or(argv.first()).map_or_else(String::new, |word| base(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(words: &[&str]) -> String {
        program_name(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_run_is_known_by_its_script() {
        assert_eq!(named(&["/usr/bin/taskset", "-c", "0", "/usr/bin/python3", "/w/serve.py", "--n", "1"]), "serve.py");
        assert_eq!(named(&["python", "-m", "package.serve"]), "package.serve");
        assert_eq!(named(&["/usr/bin/llama-bench", "-t", "4"]), "llama-bench");
        assert_eq!(named(&[]), "");
    }
}

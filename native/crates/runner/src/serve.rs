//! The dispatcher: commands in, events out; whatever happens, the stream ends lawfully and nothing keeps running.

use std::io::BufRead;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;

use threadgauge_protocol::{BenchRequest, Command, CommandEnvelope, Doubt, Event, Failed, FailureCode, Finished, Hello, Machine, PROTOCOL_VERSION};

use crate::bench;
use crate::emit::{Emitter, Sink};
use crate::process::Processes;
use crate::request;
use crate::simulated::Simulated;
use crate::turn;
use crate::workload::{Cancel, Pause, Workload};

/// Longest command line accepted; an environment is large, but not this large.
const LONGEST_COMMAND: u64 = 16 * 1024 * 1024;

/// What the runner knows of the machine it runs on.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// The machine.
    pub machine: Machine,
    /// What this platform cannot measure, as full sentences.
    pub missing: Vec<String>,
}

/// How serving ended, for the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// The last event was `finished`.
    Finished,
    /// The last event was `failed`.
    Failed,
}

enum Incoming {
    Start(Box<BenchRequest>),
    Bad(String),
}

/// Serves one run: `hello`, the run that `start` asks for, the last event.
/// End of `input`, a cancel command and `cancel` stop it at any moment.
pub fn serve<R: BufRead + Send + 'static>(input: R, output: &mut dyn Sink, host: &Host, cancel: &Cancel) -> Served {
    let mut emitter = Emitter::new(output, cancel.clone());
    emitter.emit(Event::Hello(Hello {
        protocol: PROTOCOL_VERSION,
        version: env!("CARGO_PKG_VERSION").into(),
        pid: std::process::id(),
        machine: host.machine.clone(),
        missing: host.missing.clone(),
    }));
    let pause = Pause::default();
    let commands = listen(input, cancel.clone(), pause.clone());
    let request = loop {
        match commands.recv_timeout(std::time::Duration::from_millis(50)) {
            Ok(Incoming::Start(request)) => break *request,
            Ok(Incoming::Bad(message)) => return refuse(&mut emitter, message),
            Err(mpsc::RecvTimeoutError::Timeout) if !cancel.is_set() => {}
            Err(_) => {
                emitter.emit(Event::Finished(Finished { cancelled: true, elapsed_s: 0.0, counted_trials: 0 }));
                return Served::Finished;
            }
        }
    };
    if let Err(bad) = request::check(&request) {
        return refuse(&mut emitter, bad.to_string());
    }
    let mut missing = host.missing.clone();
    // Two sweeps at once would measure each other. A simulated one disturbs nobody.
    let _turn = match if request.workload.simulated.is_some() { Ok(turn::Outcome::NotNeeded) } else { turn::wait(&request, &mut emitter, cancel) } {
        Ok(turn::Outcome::Alone(turn)) => Some(turn),
        Ok(turn::Outcome::Unknown(why)) => {
            missing.push(format!("Whether another benchmark ran at the same time is not known: {why}"));
            None
        }
        Ok(turn::Outcome::NotNeeded) => None,
        Err(served) => return served,
    };
    if let Some(doubt) = fewer_cores(&request, &host.machine) {
        emitter.emit(Event::Doubt(doubt));
    }
    guarded(&mut emitter, |emitter| {
        let mut workload: Box<dyn Workload> = match &request.workload.simulated {
            Some(law) => Box::new(Simulated::new(law.clone(), request.seed)),
            None => Box::new(Processes::new(&request)),
        };
        bench::run_with_pauses(&request, workload.as_mut(), emitter, cancel, &pause, &missing)
    })
}

/// What is measured on fewer CPUs than the answer is meant for says nothing of the counts above them.
fn fewer_cores(request: &BenchRequest, machine: &Machine) -> Option<Doubt> {
    let target = request.target_cpus?;
    let allowed = machine.affinity.as_ref().map(|cpus| cpus.len() as u32);
    let quota = machine.cpu_quota.map(|quota| quota.ceil().max(1.0) as u32);
    let here = [machine.logical_cores, allowed, quota].into_iter().flatten().min()?;
    (here < target).then_some(Doubt::FewerCoresThanTarget { here, target })
}

/// Runs `task`; should it panic, the stream still ends lawfully (and unwinding has ended the workload).
fn guarded(emitter: &mut Emitter<'_>, task: impl FnOnce(&mut Emitter<'_>) -> Served) -> Served {
    catch_unwind(AssertUnwindSafe(|| task(emitter))).unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<&str>().map(ToString::to_string).or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        emitter.emit(Event::Failed(Failed {
            code: FailureCode::Internal,
            message: format!("The runner has a defect: {what}."),
            hint: "Please report this with the recorded event stream.".into(),
            output_tail: None,
        }));
        Served::Failed
    })
}

fn refuse(emitter: &mut Emitter<'_>, message: String) -> Served {
    emitter.emit(Event::Failed(Failed { code: FailureCode::BadRequest, message, hint: "Send one `start` command that follows the protocol's schema.".into(), output_tail: None }));
    Served::Failed
}

/// Reads commands on a thread of its own, so that a cancel is seen at once.
fn listen<R: BufRead + Send + 'static>(mut input: R, cancel: Cancel, pause: Pause) -> mpsc::Receiver<Incoming> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut started = false;
        loop {
            let mut line = Vec::new();
            let read = std::io::Read::take(&mut input, LONGEST_COMMAND).read_until(b'\n', &mut line);
            if !matches!(read, Ok(1..)) {
                break;
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match parse(&line) {
                Ok(Command::Start(request)) if !started => {
                    started = true;
                    let _ = sender.send(Incoming::Start(request));
                }
                Ok(Command::Start(_)) => eprintln!("threadgauge-runner: a second `start` is ignored; one run per process"),
                Ok(Command::Cancel(_)) => break,
                Ok(Command::Pause(_)) => pause.set(true),
                Ok(Command::Resume(_)) => pause.set(false),
                Err(message) if !started => {
                    let _ = sender.send(Incoming::Bad(message));
                    return;
                }
                Err(message) => eprintln!("threadgauge-runner: {message}"),
            }
        }
        cancel.set();
    });
    receiver
}

fn parse(line: &[u8]) -> Result<Command, String> {
    let envelope: CommandEnvelope = serde_json::from_slice(line).map_err(|error| format!("The command could not be read: {error}."))?;
    if envelope.v != PROTOCOL_VERSION {
        return Err(format!("The command speaks protocol version {}; this runner speaks {PROTOCOL_VERSION}.", envelope.v));
    }
    Ok(envelope.command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use threadgauge_protocol::{Envelope, Phase, TrialStarted, TrialStatus};

    #[derive(Default)]
    struct Recorder(Vec<Event>);

    impl Sink for Recorder {
        fn take(&mut self, envelope: &Envelope) -> bool {
            self.0.push(envelope.event.clone());
            true
        }
    }

    #[test]
    fn a_defect_in_the_middle_of_a_trial_ends_the_stream_lawfully() {
        let mut recorder = Recorder::default();
        let served = guarded(&mut Emitter::new(&mut recorder, Cancel::default()), |emitter| {
            emitter.emit(Event::TrialStarted(TrialStarted { trial: 0, arm: 1, phase: Phase::Race, block: 0, pid: None, process_group: None }));
            panic!("out of cheese");
        });
        assert_eq!(served, Served::Failed);
        let [_, Event::TrialFinished(trial), Event::Failed(failed)] = recorder.0.as_slice() else { panic!("{:?}", recorder.0) };
        assert_eq!((trial.trial, trial.arm, trial.status), (0, 1, TrialStatus::Cancelled));
        assert_eq!(failed.code, FailureCode::Internal);
        assert!(failed.message.contains("out of cheese"));
    }

    #[test]
    fn a_machine_with_fewer_cpus_than_the_target_is_a_doubt() {
        let request = |target_cpus| BenchRequest { target_cpus, ..BenchRequest::default() };
        let machine = Machine { logical_cores: Some(8), ..Machine::default() };
        assert_eq!(fewer_cores(&request(None), &machine), None);
        assert_eq!(fewer_cores(&request(Some(8)), &machine), None);
        assert_eq!(fewer_cores(&request(Some(96)), &machine), Some(Doubt::FewerCoresThanTarget { here: 8, target: 96 }));
        let limited = Machine { affinity: Some(vec![0, 1, 2, 3]), cpu_quota: Some(2.5), ..machine };
        assert_eq!(fewer_cores(&request(Some(8)), &limited), Some(Doubt::FewerCoresThanTarget { here: 3, target: 8 }));
        assert_eq!(fewer_cores(&request(Some(8)), &Machine::default()), None, "nothing is known of this machine");
    }

    #[test]
    fn nothing_follows_the_last_event() {
        let mut recorder = Recorder::default();
        let mut emitter = Emitter::new(&mut recorder, Cancel::default());
        for _ in 0..2 {
            emitter.emit(Event::Finished(Finished { cancelled: false, elapsed_s: 0.0, counted_trials: 0 }));
        }
        assert!(emitter.is_closed());
        assert_eq!(recorder.0.len(), 1);
    }
}

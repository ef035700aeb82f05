//! The real binary on real processes that misbehave: clear events, and nothing survives.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command as Program, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use threadgauge_protocol::*;

/// Longest time a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// A variable in the environment of everything a test starts, by which survivors are found.
const MARK: &str = "THREADGAUGE_TEST_MARK";

struct Runner {
    child: Child,
    stdin: Option<ChildStdin>,
    events: Receiver<Event>,
    mark: String,
    /// Where it waits for its turn; its own, so that tests run at the same time.
    turns: Option<tempfile::TempDir>,
}

impl Runner {
    fn start(request: &BenchRequest, mark: &str) -> Self {
        let mut runner = Self::idle(mark);
        runner.send(&Command::Start(Box::new(request.clone())));
        runner
    }

    fn idle(mark: &str) -> Self {
        Self::idle_with(mark, &std::env::temp_dir())
    }

    /// A runner that keeps its files in `temporary`.
    fn idle_with(mark: &str, temporary: &std::path::Path) -> Self {
        let turns = tempfile::tempdir().expect("a directory");
        let mut runner = Self::idle_in_turn(mark, temporary, turns.path());
        runner.turns = Some(turns);
        runner
    }

    /// A runner that takes turns with all others of `turns`.
    fn start_in_turn(request: &BenchRequest, mark: &str, turns: &std::path::Path) -> Self {
        let mut runner = Self::idle_in_turn(mark, &std::env::temp_dir(), turns);
        runner.send(&Command::Start(Box::new(request.clone())));
        runner
    }

    fn idle_in_turn(mark: &str, temporary: &std::path::Path, turns: &std::path::Path) -> Self {
        let mut child = Program::new(env!("CARGO_BIN_EXE_threadgauge-runner"))
            .arg("run")
            .env("TMPDIR", temporary)
            .env("THREADGAUGE_LOCK_DIR", turns)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the runner starts");
        let stdout = child.stdout.take().expect("piped");
        let (sender, events) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let envelope: Envelope = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                if sender.send(envelope.event).is_err() {
                    break;
                }
            }
        });
        let stdin = child.stdin.take();
        Self { child, stdin, events, mark: mark.to_owned(), turns: None }
    }

    fn send(&mut self, command: &Command) {
        let line = serde_json::to_string(&CommandEnvelope { v: PROTOCOL_VERSION, command: command.clone() }).expect("JSON");
        writeln!(self.stdin.as_mut().expect("open"), "{line}").expect("the runner listens");
    }

    /// Events up to and with the first that `last` accepts.
    fn until(&self, last: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut events = Vec::new();
        let end = Instant::now() + PATIENCE;
        while let Ok(event) = self.events.recv_timeout(end.saturating_duration_since(Instant::now())) {
            let done = last(&event);
            events.push(event);
            if done {
                return events;
            }
        }
        panic!("the awaited event did not come; last: {:?}", events.last());
    }

    /// All events to the end of the stream, once the runner has exited.
    fn rest(&mut self) -> Vec<Event> {
        let events = self.until(|event| matches!(event, Event::Finished(_) | Event::Failed(_)));
        let end = Instant::now() + PATIENCE;
        while self.child.try_wait().expect("ours").is_none() {
            assert!(Instant::now() < end, "the runner does not exit");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(self.events.recv_timeout(PATIENCE).is_err(), "nothing follows the last event");
        events
    }

    /// Processes that carry the mark, the runner itself left out.
    fn survivors(&self) -> Vec<u32> {
        let wanted = format!("{MARK}={}", self.mark).into_bytes();
        let Ok(processes) = std::fs::read_dir("/proc") else { panic!("no /proc") };
        processes
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid: &u32| {
                let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
                let alive = std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or("").trim_start().starts_with('Z'));
                alive && environment.split(|&byte| byte == 0).any(|variable| variable == wanted)
            })
            .collect()
    }

    fn assert_no_survivors(&self, within: Duration) {
        let end = Instant::now() + within;
        let mut left = self.survivors();
        while !left.is_empty() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
            left = self.survivors();
        }
        let names: Vec<String> = left.iter().map(|pid| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default().replace('\0', " ")).collect();
        assert!(left.is_empty(), "survivors: {names:?}");
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn mark() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn arm(value: &str) -> Arm {
    Arm { label: format!("SETTING={value}"), threads: value.parse().ok(), env: BTreeMap::from([("SETTING".into(), Some(value.into()))]), torch_num_threads: None, pin_env: false, reason: "test".into(), ..Default::default() }
}

fn request(argv: &[&str], mark: &str) -> BenchRequest {
    let path = std::env::var("PATH").expect("a PATH");
    BenchRequest {
        workload: Workload {
            argv: argv.iter().map(|&word| word.to_owned()).collect(),
            cwd: "/".into(),
            env: BTreeMap::from([("PATH".into(), path), (MARK.into(), mark.into())]),
            python: None,
            simulated: None,
            ..Default::default()
        },
        arms: vec![arm("1"), arm("2")],
        current: 0,
        mode: Mode::Search,
        limits: Limits { trial_s: 20.0, budget_s: 25.0, max_blocks: 1, confirm_blocks: 1, grace_s: 0.3, ..Limits::default() },
        lines: LinesRequest::default(),
        seed: 1,
        ..Default::default()
    }
}

/// Runs a program to the end of the stream and checks that nothing survives.
fn run(argv: &[&str], change: impl Fn(&mut BenchRequest)) -> Vec<Event> {
    let mark = mark();
    let mut request = request(argv, &mark);
    change(&mut request);
    let mut runner = Runner::start(&request, &mark);
    let events = runner.rest();
    runner.assert_no_survivors(Duration::ZERO);
    assert_eq!(count(&events, |event| matches!(event, Event::TrialStarted(_))), count(&events, |event| matches!(event, Event::TrialFinished(_))));
    assert!(matches!(events[0], Event::Hello(_)));
    events
}

/// The interpreter itself: `python3` may be a script that starts it (pyenv).
fn python() -> &'static str {
    static PYTHON: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    PYTHON.get_or_init(|| {
        let output = Program::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().expect("python3 is installed");
        String::from_utf8(output.stdout).expect("a path").trim().to_owned()
    })
}

fn count(events: &[Event], which: impl Fn(&Event) -> bool) -> usize {
    events.iter().filter(|event| which(event)).count()
}

fn failed(events: &[Event]) -> &Failed {
    match events.last() {
        Some(Event::Failed(failed)) => failed,
        other => panic!("not failed: {other:?}"),
    }
}

fn finished(events: &[Event]) -> &Finished {
    match events.last() {
        Some(Event::Finished(finished)) => finished,
        other => panic!("not finished: {other:?}"),
    }
}

fn trials(events: &[Event]) -> Vec<&TrialFinished> {
    events.iter().filter_map(|event| if let Event::TrialFinished(trial) = event { Some(trial) } else { None }).collect()
}

/// It ended well; other tests on the same machine may have disturbed it.
fn went_well(trial: &TrialFinished) -> bool {
    matches!(trial.status, TrialStatus::Ok | TrialStatus::Contaminated)
}

fn doubts(events: &[Event]) -> Vec<&Doubt> {
    events.iter().filter_map(|event| if let Event::Doubt(doubt) = event { Some(doubt) } else { None }).collect()
}

#[test]
fn a_program_that_exits_at_once_is_measured() {
    let events = run(&["true"], |_| {});
    assert!(!finished(&events).cancelled);
    let trials = trials(&events);
    assert!(trials.iter().all(|trial| went_well(trial) && trial.exit_code == Some(0) && trial.wall_ns > 0), "{trials:?}");
    assert!(doubts(&events).iter().any(|doubt| matches!(doubt, Doubt::TooShort { .. })));
}

#[test]
fn wall_and_cpu_time_are_those_of_the_program() {
    let events = run(&[python(), "-c", "import time\nt=time.process_time()\nwhile time.process_time()-t<0.3: pass\ntime.sleep(0.3)"], |_| {});
    for trial in trials(&events).into_iter().filter(|trial| went_well(trial)) {
        let (wall, cpu) = (trial.wall_ns as f64 / 1e9, trial.cpu_ns as f64 / 1e9);
        assert!(wall >= 0.6, "{wall} s");
        assert!((0.3..0.6).contains(&cpu), "{cpu} s of CPU");
        assert_eq!(trial.peak_threads, 1);
        assert!(trial.voluntary_switches.is_some_and(|switches| switches > 0));
    }
}

#[test]
fn the_settings_reach_the_program_and_nothing_else_does() {
    let events = run(&["sh", "-c", "test \"$SETTING\" = 1 -o \"$SETTING\" = 2 && test -z \"$HOME$GONE\""], |request| {
        request.workload.env.insert("GONE".into(), "here".into());
        for arm in &mut request.arms {
            arm.env.insert("GONE".into(), None);
        }
    });
    assert!(!finished(&events).cancelled);
}

#[test]
fn a_program_that_fails_is_told_with_its_output() {
    let events = run(&["sh", "-c", "echo before; echo the reason >&2; exit 7"], |_| {});
    let failed = failed(&events);
    assert_eq!(failed.code, FailureCode::WorkloadFailed);
    assert!(failed.message.contains("exit code 7"), "{}", failed.message);
    assert_eq!(failed.output_tail.as_deref(), Some("before\nthe reason"));
    assert!(!failed.hint.is_empty());
}

#[test]
fn a_program_that_crashes_is_told_with_its_signal() {
    let events = run(&["sh", "-c", "kill -SEGV $$"], |_| {});
    assert!(failed(&events).message.contains("Signal 11"), "{:?}", failed(&events));
}

#[test]
fn a_program_or_directory_that_does_not_exist_is_told() {
    let events = run(&["no-such-program-anywhere"], |_| {});
    assert_eq!(failed(&events).code, FailureCode::CannotStart);
    assert!(failed(&events).message.contains("no-such-program-anywhere"));
    let events = run(&["true"], |request| request.workload.cwd = "/no/such/directory".into());
    assert_eq!(failed(&events).code, FailureCode::CannotStart);
    assert!(failed(&events).message.contains("/no/such/directory"));
}

#[test]
fn a_missing_module_is_named() {
    let events = run(&[python(), "-c", "import no_such_module_anywhere"], |_| {});
    assert_eq!(failed(&events).code, FailureCode::MissingModule);
    assert!(failed(&events).message.contains("`no_such_module_anywhere`"));
}

#[test]
fn a_program_that_never_ends_is_stopped_and_told() {
    let begun = Instant::now();
    let events = run(&["sleep", "1000"], |request| request.limits.trial_s = 0.4);
    assert_eq!(failed(&events).code, FailureCode::WorkloadNeverEnds);
    assert_eq!(trials(&events)[0].status, TrialStatus::TimedOut);
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_program_that_ignores_sigterm_is_killed() {
    let events = run(&["sh", "-c", "trap '' TERM INT HUP; sleep 1000 & while :; do sleep 1000; done"], |request| request.limits.trial_s = 0.4);
    assert_eq!(failed(&events).code, FailureCode::WorkloadNeverEnds);
}

#[test]
fn daemons_do_not_outlive_their_trial() {
    let daemon = "import os,time\npid=os.fork()\nif pid:\n  os.waitpid(pid,0)\nelse:\n  os.setsid()\n  if os.fork(): os._exit(0)\n  for fd in (0,1,2): os.close(fd)\n  time.sleep(1000)\n";
    let events = run(&[python(), "-c", daemon], |_| {});
    assert!(!finished(&events).cancelled);
    assert!(trials(&events).iter().all(|trial| went_well(trial)), "{:?}", trials(&events));
}

#[test]
fn a_daemon_that_keeps_the_output_open_does_not_hang_the_run() {
    let begun = Instant::now();
    let events = run(&["sh", "-c", "setsid sh -c 'trap \"\" TERM; while :; do sleep 1000; done' & exit 0"], |_| {});
    assert!(!finished(&events).cancelled);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[test]
fn a_fork_bomb_of_modest_size_is_reaped() {
    let events = run(&["sh", "-c", "for i in 1 2 3 4 5 6 7 8; do (sleep 1000 & setsid sleep 1000 & sleep 1000) & done; sleep 1000"], |request| request.limits.trial_s = 0.5);
    assert_eq!(failed(&events).code, FailureCode::WorkloadNeverEnds);
}

#[test]
fn a_flood_of_output_neither_blocks_nor_fills_memory() {
    let events = run(&["sh", "-c", "head -c 300000000 /dev/zero; head -c 100000000 /dev/zero >&2; echo end; exit 3"], |request| request.limits.output_bytes = 1_000);
    let failed = failed(&events);
    assert_eq!(failed.code, FailureCode::WorkloadFailed);
    let tail = failed.output_tail.as_ref().expect("the end of it");
    assert!(tail.len() <= 4_096, "{} bytes", tail.len());
}

#[test]
fn binary_output_is_kept_readable() {
    let events = run(&["sh", "-c", "printf 'a\\377b\\n'; exit 1"], |_| {});
    assert_eq!(failed(&events).output_tail.as_deref(), Some("a\u{fffd}b"));
}

#[test]
fn a_setting_that_breaks_the_program_is_a_doubt_not_the_end() {
    let events = run(&["sh", "-c", "test \"$SETTING\" = 1"], |_| {});
    assert!(!finished(&events).cancelled);
    assert!(doubts(&events).contains(&&Doubt::TrialsFailed { arm: 1, failed: 2 }), "{:?}", doubts(&events));
    assert!(trials(&events).iter().any(|trial| trial.status == TrialStatus::Failed && trial.exit_code == Some(1)));
}

#[test]
fn another_output_under_another_setting_is_a_doubt() {
    let limits = |request: &mut BenchRequest| (request.limits.max_blocks, request.mode) = (3, Mode::Search);
    let events = run(&["sh", "-c", "sleep 0.06; echo $SETTING"], limits);
    assert!(doubts(&events).iter().any(|doubt| matches!(doubt, Doubt::OutputDiffers { .. })), "{:?}", doubts(&events));
    let events = run(&["sh", "-c", "sleep 0.06; echo same; date +%N >&2"], limits);
    assert!(!doubts(&events).iter().any(|doubt| matches!(doubt, Doubt::OutputDiffers { .. })));
}

/// A run in the middle of a trial of a program that does its best to survive.
fn in_the_middle() -> Runner {
    let mark = mark();
    let stubborn = "trap '' TERM INT HUP; (setsid sh -c 'trap \"\" TERM; while :; do sleep 1000; done' &); while :; do sleep 1000; done";
    let runner = Runner::start(&request(&["sh", "-c", stubborn], &mark), &mark);
    runner.until(|event| matches!(event, Event::Sample(_)));
    let end = Instant::now() + PATIENCE;
    while runner.survivors().len() < 4 {
        assert!(Instant::now() < end, "the program is up");
        std::thread::sleep(Duration::from_millis(10));
    }
    runner
}

fn assert_cancelled(runner: &mut Runner) {
    let begun = Instant::now();
    let events = runner.rest();
    assert!(finished(&events).cancelled);
    assert_eq!(trials(&events).last().expect("the open trial").status, TrialStatus::Cancelled);
    runner.assert_no_survivors(Duration::ZERO);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn end_of_stdin_ends_everything() {
    let mut runner = in_the_middle();
    runner.stdin = None;
    assert_cancelled(&mut runner);
}

#[test]
fn a_cancel_ends_everything() {
    let mut runner = in_the_middle();
    runner.send(&Command::Cancel(Empty {}));
    assert_cancelled(&mut runner);
}

#[test]
fn sigterm_and_sigint_end_everything() {
    for signal in ["-TERM", "-INT"] {
        let mut runner = in_the_middle();
        Program::new("kill").args([signal, &runner.child.id().to_string()]).status().expect("kill runs");
        assert_cancelled(&mut runner);
    }
}

#[test]
fn nothing_survives_kill_9_of_the_runner() {
    let mut runner = in_the_middle();
    runner.child.kill().expect("killed");
    runner.child.wait().expect("reaped");
    runner.assert_no_survivors(Duration::from_secs(5));
}

#[test]
fn nothing_survives_kill_9_of_the_supervisor_and_it_is_told() {
    let mut runner = in_the_middle();
    let stat = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let parent = |pid: u32| stat(pid).rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
    let supervisor = std::fs::read_dir("/proc").expect("/proc").flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).find(|&pid| parent(pid) == Some(runner.child.id()));
    Program::new("kill").args(["-9", &supervisor.expect("a child of the runner").to_string()]).status().expect("kill runs");
    let events = runner.rest();
    assert_eq!(failed(&events).code, FailureCode::Internal);
    runner.assert_no_survivors(Duration::from_secs(5));
}

#[test]
fn an_owner_that_reads_no_more_cancels() {
    let mark = mark();
    let mut child = Program::new(env!("CARGO_BIN_EXE_threadgauge-runner")).arg("run").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the runner starts");
    let mut stdin = child.stdin.take().expect("piped");
    let start = CommandEnvelope { v: PROTOCOL_VERSION, command: Command::Start(Box::new(request(&["sh", "-c", "sleep 1000 & sleep 1000"], &mark))) };
    writeln!(stdin, "{}", serde_json::to_string(&start).expect("JSON")).expect("the runner listens");
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    stdout.read_line(&mut String::new()).expect("hello");
    drop(stdout);
    let end = Instant::now() + PATIENCE;
    while child.try_wait().expect("ours").is_none() {
        assert!(Instant::now() < end, "the runner does not exit");
        std::thread::sleep(Duration::from_millis(20));
    }
    let (_, events) = channel();
    Runner { child, stdin: Some(stdin), events, mark, turns: None }.assert_no_survivors(Duration::ZERO);
}

#[test]
fn nonsense_is_refused() {
    for (line, part) in [
        ("{", "could not be read"),
        (r#"{"v":99,"type":"cancel","data":{}}"#, "version 99"),
        (r#"{"v":1,"type":"dance","data":{}}"#, "dance"),
        (r#"{"v":1,"type":"start","data":{"workload":{"argv":["true"],"cwd":"/","env":{}},"arms":[],"current":0,"mode":"search"}}"#, "no settings"),
    ] {
        let mut runner = Runner::idle("none");
        writeln!(runner.stdin.as_mut().expect("open"), "{line}").expect("the runner listens");
        let events = runner.rest();
        assert_eq!(failed(&events).code, FailureCode::BadRequest);
        assert!(failed(&events).message.contains(part), "{}", failed(&events).message);
    }
}

#[test]
fn an_owner_that_goes_before_the_start_is_a_cancel() {
    let mut runner = Runner::idle("none");
    runner.stdin = None;
    assert!(finished(&runner.rest()).cancelled);
}

#[test]
fn machine_prints_this_machine_and_wrong_usage_is_told() {
    let output = Program::new(env!("CARGO_BIN_EXE_threadgauge-runner")).arg("machine").output().expect("it runs");
    let machine: Machine = serde_json::from_slice(&output.stdout).expect("a machine");
    assert_eq!(machine.os.as_deref(), Some("linux"));
    assert!(machine.logical_cores.is_some_and(|cores| cores >= 1) && machine.physical_cores <= machine.logical_cores);
    for arguments in [&["dance"][..], &[], &["run", "more"]] {
        let output = Program::new(env!("CARGO_BIN_EXE_threadgauge-runner")).args(arguments).output().expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("Usage:"));
    }
}

/// A Python script, run through the real probe.
fn run_script(text: &str, change: impl Fn(&mut BenchRequest)) -> Vec<Event> {
    let directory = tempfile::tempdir().expect("a directory");
    run(&[python(), "script.py", "7"], |request| {
        probed(request, directory.path(), text);
        change(request);
    })
}

/// Makes `request` one of a script in `directory`, with the real probe.
fn probed(request: &mut BenchRequest, directory: &std::path::Path, text: &str) {
    let root = directory.canonicalize().expect("it exists").to_str().expect("UTF-8").to_owned();
    std::fs::write(directory.join("script.py"), text).expect("written");
    request.workload.cwd.clone_from(&root);
    request.workload.python = Some(PythonWorkload { script_index: 1, probe_dir: concat!(env!("CARGO_MANIFEST_DIR"), "/../../python").into(), roots: vec![root], region: Region::AfterImports, ..Default::default() });
}

#[test]
fn a_variable_that_the_script_writes_is_varied_by_pinning_it() {
    let script = "import os\nos.environ['SETTING'] = '9'\nimport sys\nsys.exit(os.environ['SETTING'] != os.environ['EXPECTED'])\n";
    let expecting = |pin: bool| {
        run_script(script, |request| {
            for arm in &mut request.arms {
                arm.pin_env = pin && arm.label != "SETTING=1";
                arm.env.insert("EXPECTED".into(), Some(if arm.pin_env { "2" } else { "9" }.into()));
            }
        })
    };
    let events = expecting(true);
    assert!(!finished(&events).cancelled);
    assert!(trials(&events).iter().all(|trial| went_well(trial)), "{:?}", trials(&events));
    assert!(trials(&events).iter().any(|trial| trial.arm == 1));
    // Without the pin the script has its way.
    assert!(trials(&expecting(false)).iter().all(|trial| went_well(trial)));
    let events = run(&["true"], |request| request.arms[1].pin_env = true);
    assert_eq!(failed(&events).code, FailureCode::BadRequest);
    assert!(failed(&events).message.contains("`SETTING=2` works through the probe"), "{}", failed(&events).message);
}

#[test]
fn files_are_gone_after_a_run_and_those_of_a_killed_runner_after_the_next() {
    let names = |directory: &std::path::Path| -> Vec<String> {
        std::fs::read_dir(directory).expect("it exists").flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).filter(|name| name.starts_with("threadgauge-")).collect()
    };
    let (work, temporary) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let start = |script: &str, mode: Mode| {
        let mark = mark();
        let mut request = request(&[python(), "script.py"], &mark);
        probed(&mut request, work.path(), script);
        (request.mode, request.lines.arms) = (mode, vec![0]);
        let mut runner = Runner::idle_with(&mark, temporary.path());
        runner.send(&Command::Start(Box::new(request)));
        runner
    };
    let mut killed = start("import time\nfor i in range(200):\n    time.sleep(0.1 if __debug__ and i > 5 else 0)\n    if i > 8: time.sleep(1000)\n", Mode::Lines);
    killed.until(|event| matches!(event, Event::Sample(_)));
    let pid = killed.child.id();
    killed.child.kill().expect("killed");
    killed.child.wait().expect("reaped");
    killed.assert_no_survivors(Duration::from_secs(5));
    assert_eq!(names(temporary.path()).len(), 1, "{:?}", names(temporary.path()));
    std::fs::write(temporary.path().join(names(temporary.path())[0].clone() + ".cell"), "x").expect("written");
    let mut next = start("import os\nx = len('abc')\n", Mode::Lines);
    assert!(!finished(&next.rest()).cancelled);
    assert_eq!(names(temporary.path()), Vec::<String>::new());
    let of_killed = format!("threadgauge-{pid}-");
    assert!(!names(std::path::Path::new("/dev/shm")).iter().any(|name| name.starts_with(&of_killed)));
}

#[test]
fn cleaning_up_under_a_run_does_not_end_it() {
    let script = "import glob, os, shutil\nfor name in glob.glob(os.environ['CLEAN'] + '/threadgauge-*'):\n    shutil.rmtree(name)\n";
    let temporary = tempfile::tempdir().expect("a directory");
    let work = tempfile::tempdir().expect("a directory");
    let mark = mark();
    let mut request = request(&[python(), "script.py"], &mark);
    probed(&mut request, work.path(), script);
    request.workload.env.insert("CLEAN".into(), temporary.path().to_str().expect("UTF-8").into());
    let mut runner = Runner::idle_with(&mark, temporary.path());
    runner.send(&Command::Start(Box::new(request)));
    let events = runner.rest();
    assert!(!doubts(&events).iter().any(|doubt| matches!(doubt, Doubt::RegionUnavailable { .. } | Doubt::TrialsFailed { .. })), "{:?}", doubts(&events));
    assert!(trials(&events).iter().all(|trial| went_well(trial) && trial.region_ns.is_some()), "{:?}", trials(&events));
}

#[test]
fn lines_of_a_script_are_timed_and_the_region_leaves_out_the_imports() {
    let script = "\
import sys, time
time.sleep(0)
assert sys.argv == ['script.py', '7'], sys.argv
def busy(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end: sum(range(2000))
for _ in range(5):
    time.sleep(0.04)
busy(0.2)
";
    let events = run_script(script, |request| (request.mode, request.lines.arms) = (Mode::Lines, vec![0]));
    assert!(!finished(&events).cancelled);
    let lines = events.iter().find_map(|event| if let Event::Lines(lines) = event { Some(lines) } else { None }).expect("timings per line");
    assert_eq!((lines.arm, lines.trials), (0, 2));
    let [file] = lines.files.as_slice() else { panic!("{:?}", lines.files) };
    assert!(file.path.ends_with("/script.py"));
    assert_eq!(file.sha256.len(), 64);
    let line = |number: u32| file.lines.iter().find(|line| line.line == number).unwrap_or_else(|| panic!("line {number}: {:?}", file.lines));
    let sleeping = line(8);
    assert_eq!(sleeping.hits, 5);
    assert!((200_000_000..2_000_000_000).contains(&sleeping.wall_ns), "{sleeping:?}");
    assert!(sleeping.cpu_ns.is_some_and(|cpu| cpu * 5 < sleeping.wall_ns), "waiting is no work: {sleeping:?}");
    let working = line(9);
    assert_eq!(working.hits, 1);
    assert!(working.wall_ns >= 190_000_000, "{working:?}");
    assert!(working.cpu_ns.is_some_and(|cpu| cpu >= 150_000_000), "{working:?}");
    for trial in trials(&events) {
        let region = trial.region_ns.expect("the region was seen");
        assert!(region >= 390_000_000 && region < trial.wall_ns, "{trial:?}");
    }
}

/// Runs `text` as a script of which the given lines are selected.
fn run_selected(text: &str, first: u32, last: u32) -> Vec<Event> {
    let directory = tempfile::tempdir().expect("a directory");
    run(&[python(), "script.py"], |request| {
        probed(request, directory.path(), text);
        let path = format!("{}/script.py", request.workload.cwd);
        let selection = Selection { path, first_line: first, last_line: last, label: "x".into(), tight: 0.01, most_s: 0.3, fewest_calls: 5, ..Default::default() };
        if let Some(python) = &mut request.workload.python {
            python.region = Region::Selected;
            python.selection = Some(selection);
        }
    })
}

#[test]
fn a_selected_statement_is_scored_by_itself_and_its_first_execution_apart() {
    let text = "import os, time\ntime.sleep(0.2)\nseen = []\ndef f():\n    time.sleep((0.004 if os.environ['SETTING'] == '1' else 0.002) if seen else 0.1)\n    seen.append(1)\nf()\ntime.sleep(60)\n";
    let events = run_selected(text, 7, 7);
    finished(&events);
    let scored: Vec<&TrialFinished> = trials(&events).into_iter().filter(|trial| trial.phase != Phase::Warmup && went_well(trial)).collect();
    assert!(scored.len() >= 4, "{scored:?}");
    for trial in scored {
        let least = if trial.arm == 0 { 4_000_000 } else { 2_000_000 };
        assert!(trial.region_ns.is_some_and(|ns| (least..least * 8).contains(&ns)), "{trial:?}");
        assert!(trial.cold_ns.is_some_and(|ns| ns >= 100_000_000), "{trial:?}");
        assert!(trial.calls.is_some_and(|calls| calls >= 5) && trial.calls_spread.is_some() && trial.p95_ns.is_some(), "{trial:?}");
    }
    let plan = events.iter().rev().find_map(|event| if let Event::Plan(plan) = event { Some(plan) } else { None }).expect("a plan");
    assert_eq!((plan.region, plan.selection.as_ref().and_then(|selection| selection.unit.as_deref())), (Region::Selected, Some("call")));
    let summary = events.iter().rev().find_map(|event| if let Event::ArmSummary(summary) = event { Some(summary) } else { None }).expect("a summary");
    assert!(summary.cold_median_ns > Some(100_000_000) && summary.calls >= Some(5) && summary.p95_median_ns.is_some(), "{summary:?}");
    assert!(events.iter().any(|event| matches!(event, Event::Verdict(verdict) if verdict.sentence.contains("per call") || verdict.outcome == Outcome::Inconclusive)), "{events:?}");
}

#[test]
fn selected_code_that_cannot_be_repeated_is_timed_where_the_program_executes_it() {
    let text = "import time\nitems = list(range(12))\nfor i in range(12):\n    time.sleep(0.004)\n    if items.pop() == 0: break\n";
    let events = run_selected(text, 4, 5);
    finished(&events);
    assert!(doubts(&events).iter().any(|doubt| matches!(doubt, Doubt::SelectionNotRepeated { reason } if reason.contains("break, line 5"))), "{events:?}");
    let calls: Vec<_> = trials(&events).into_iter().filter(|trial| went_well(trial)).map(|trial| trial.calls).collect();
    assert!(calls.iter().all(|&made| made == calls[0] && made >= Some(5)), "every run over the same executions: {calls:?}");
    // What fails only when it is repeated needs a second warm-up to be measured.
    let events = run_selected("import time\nitems = [1]\nfirst = items.pop(); time.sleep(0.004)\n", 3, 3);
    finished(&events);
    assert_eq!(count(&events, |event| matches!(event, Event::TrialStarted(started) if started.phase == Phase::Warmup)), 2);
    assert!(doubts(&events).iter().any(|doubt| matches!(doubt, Doubt::SelectionNotRepeated { reason } if reason.contains("IndexError") && reason.contains("only once"))), "{events:?}");
}

#[test]
fn selected_code_that_is_not_there_or_not_reached_is_told() {
    let events = run_selected("def f():\n    return 1\n# nothing\nprint('end')\n", 2, 2);
    assert_eq!(failed(&events).code, FailureCode::SelectionNotReached);
    assert!(failed(&events).output_tail.as_deref().is_some_and(|tail| tail.contains("end")));
    let events = run_selected("def f():\n    return 1\n# nothing\nprint('end')\n", 3, 3);
    assert_eq!((failed(&events).code, failed(&events).message.as_str()), (FailureCode::BadRequest, "There is no statement at line 3."));
    let events = run_selected("print('end')\n", 9, 3);
    assert_eq!(failed(&events).code, FailureCode::BadRequest);
}

#[test]
fn a_script_that_fails_under_the_probe_fails_as_it_does_without() {
    let events = run_script("import no_such_module_anywhere\n", |_| {});
    assert_eq!(failed(&events).code, FailureCode::MissingModule);
    let events = run_script("import sys\nprint('the reason')\nsys.exit(3)\n", |_| {});
    assert_eq!(failed(&events).code, FailureCode::WorkloadFailed);
    assert_eq!(failed(&events).output_tail.as_deref(), Some("the reason"));
}

#[test]
fn a_script_that_ends_abruptly_is_scored_as_a_process() {
    let events = run_script("import os\nos._exit(0)\n", |_| {});
    assert!(!finished(&events).cancelled);
    assert!(doubts(&events).iter().any(|doubt| matches!(doubt, Doubt::RegionUnavailable { .. })), "{:?}", doubts(&events));
    assert!(trials(&events).iter().any(|trial| trial.phase == Phase::Race && went_well(trial)), "{:?}", trials(&events));
}

fn paused(event: &Event) -> bool {
    matches!(event, Event::Progress(progress) if progress.paused)
}

#[test]
fn a_paused_run_finishes_its_trial_waits_without_cost_and_goes_on() {
    let mark = mark();
    let mut request = request(&["sleep", "0.3"], &mark);
    request.limits.budget_s = 6.0;
    let mut runner = Runner::start(&request, &mark);
    let mut events = runner.until(|event| matches!(event, Event::TrialStarted(trial) if trial.phase == Phase::Race));
    runner.send(&Command::Pause(Empty {}));
    let before = runner.until(paused);
    assert!(matches!(before.iter().rev().nth(1), Some(Event::TrialFinished(_) | Event::Progress(_))), "the trial ends first: {before:?}");
    // A neighbour may have disturbed it: kept is kept.
    let ended = |event: &&Event| matches!(event, Event::TrialFinished(trial) if went_well(trial));
    assert_eq!(before.iter().filter(ended).count(), 1, "what ran is kept: {before:?}");
    events.extend(before);
    runner.assert_no_survivors(Duration::from_secs(2));
    // Longer than the budget: were it to count, nothing more would be measured.
    assert!(runner.events.recv_timeout(Duration::from_secs(7)).is_err(), "nothing happens while it is paused");
    runner.send(&Command::Resume(Empty {}));
    events.extend(runner.rest());
    assert!(!finished(&events).cancelled);
    assert!(!doubts(&events).iter().any(|doubt| matches!(doubt, Doubt::BudgetSpent { .. })), "{:?}", doubts(&events));
    assert!(trials(&events).iter().filter(|trial| trial.phase == Phase::Race).count() >= 2);
    let last = events.iter().rev().find_map(|event| if let Event::Progress(progress) = event { Some(progress) } else { None });
    assert!(last.is_some_and(|progress| !progress.paused && progress.best_ratio.is_some()), "{last:?}");
}

#[test]
fn a_paused_run_can_be_cancelled() {
    let mark = mark();
    let mut runner = Runner::start(&request(&["sleep", "0.2"], &mark), &mark);
    runner.until(|event| matches!(event, Event::TrialStarted(_)));
    runner.send(&Command::Pause(Empty {}));
    runner.until(paused);
    let begun = Instant::now();
    runner.send(&Command::Cancel(Empty {}));
    let events = runner.rest();
    assert!(finished(&events).cancelled);
    assert_eq!(trials(&events).len(), 0, "{events:?}");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

fn waits(event: &Event) -> Option<&str> {
    if let Event::Progress(Progress { waits_for: Some(whom), .. }) = event { Some(whom) } else { None }
}

#[test]
fn two_runs_take_turns_and_the_second_says_for_whom_it_waits() {
    let turns = tempfile::tempdir().expect("a directory");
    let (first_mark, second_mark) = (mark(), mark());
    let mut first = Runner::start_in_turn(&request(&["sleep", "0.2"], &first_mark), &first_mark, turns.path());
    first.until(|event| matches!(event, Event::TrialStarted(_)));
    let mut second = Runner::start_in_turn(&request(&["sleep", "0.05"], &second_mark), &second_mark, turns.path());
    let waited = second.until(|event| waits(event).is_some());
    assert!(!waited.iter().any(|event| matches!(event, Event::Plan(_) | Event::TrialStarted(_))), "{waited:?}");
    assert_eq!(waits(&waited[waited.len() - 1]), Some(format!("another benchmark (pid {}: sleep)", first.child.id()).as_str()));
    assert!(second.survivors().is_empty(), "nothing of the second runs yet");
    let ended = first.rest();
    assert!(!finished(&ended).cancelled);
    let events = second.rest();
    assert!(!finished(&events).cancelled);
    assert!(matches!(&events[0], Event::Progress(progress) if progress.waits_for.is_none()), "its turn has come: {:?}", events[0]);
}

#[test]
fn a_killed_run_keeps_nobody_waiting() {
    let turns = tempfile::tempdir().expect("a directory");
    let (first_mark, second_mark) = (mark(), mark());
    let mut first = Runner::start_in_turn(&request(&["sleep", "1000"], &first_mark), &first_mark, turns.path());
    first.until(|event| matches!(event, Event::TrialStarted(_)));
    let mut second = Runner::start_in_turn(&request(&["true"], &second_mark), &second_mark, turns.path());
    second.until(|event| waits(event).is_some());
    first.child.kill().expect("ours");
    assert!(!finished(&second.rest()).cancelled);
    first.assert_no_survivors(Duration::from_secs(10));
}

#[test]
fn waiting_can_be_cancelled_and_has_an_end() {
    let turns = tempfile::tempdir().expect("a directory");
    let (first_mark, second_mark) = (mark(), mark());
    let first = Runner::start_in_turn(&request(&["sleep", "1000"], &first_mark), &first_mark, turns.path());
    first.until(|event| matches!(event, Event::TrialStarted(_)));
    let mut second = Runner::start_in_turn(&request(&["true"], &second_mark), &second_mark, turns.path());
    second.until(|event| waits(event).is_some());
    let begun = Instant::now();
    second.send(&Command::Cancel(Empty {}));
    let events = second.rest();
    assert!(finished(&events).cancelled && finished(&events).counted_trials == 0);
    assert!(begun.elapsed() < Duration::from_secs(2));
    let mut impatient = request(&["true"], &second_mark);
    impatient.limits.turn_s = 0.3;
    let events = Runner::start_in_turn(&impatient, &second_mark, turns.path()).rest();
    assert_eq!(failed(&events).code, FailureCode::MachineBusy);
    assert!(failed(&events).message.starts_with(&format!("Another benchmark (pid {}: sleep) still runs on this machine after 0.3 s", first.child.id())), "{}", failed(&events).message);
}

#[test]
fn a_simulated_run_waits_for_nobody() {
    let turns = tempfile::tempdir().expect("a directory");
    let (first_mark, second_mark) = (mark(), mark());
    let first = Runner::start_in_turn(&request(&["sleep", "1000"], &first_mark), &first_mark, turns.path());
    first.until(|event| matches!(event, Event::TrialStarted(_)));
    let mut simulated = request(&["simulated"], &second_mark);
    simulated.workload.simulated = Some(SimulatedWorkload { seconds_by_threads: BTreeMap::from([(1, 2.0), (2, 1.0)]), ..Default::default() });
    let events = Runner::start_in_turn(&simulated, &second_mark, turns.path()).rest();
    assert!(!finished(&events).cancelled);
    assert!(!events.iter().any(|event| waits(event).is_some()));
}

/// A Python program that takes `megabytes` of memory and touches them, when `SETTING` is `setting`.
fn taking(megabytes: u32, setting: &str) -> String {
    format!("import os, time\nif os.environ['SETTING'] in '{setting}':\n    kept = [bytearray(1 << 20) for _ in range({megabytes})]\ntime.sleep(0.3)\n")
}

#[test]
fn a_program_that_takes_more_memory_than_it_may_is_ended_and_told() {
    let events = run(&[python(), "-c", &taking(4_000, "12")], |request| request.limits.memory_bytes = Some(200 << 20));
    let failed = failed(&events);
    assert_eq!(failed.code, FailureCode::WorkloadFailed);
    assert_eq!(failed.message, "The program came to the end of the memory it may use (200 MiB).");
    let events = run(&[python(), "-c", &taking(40, "12")], |request| request.limits.memory_bytes = Some(200 << 20));
    assert!(!finished(&events).cancelled);
    assert!(trials(&events).iter().all(|trial| went_well(trial)), "{:?}", trials(&events));
}

#[test]
fn processes_that_take_too_much_memory_together_are_ended() {
    let each = "import time; kept = [bytearray(1 << 20) for _ in range(80)]; time.sleep(5)";
    let script = format!("for i in 1 2 3 4; do {} -c '{each}' & done; wait", python());
    let events = run(&["sh", "-c", &script], |request| request.limits.memory_bytes = Some(200 << 20));
    assert_eq!(failed(&events).message, "The program came to the end of the memory it may use (200 MiB).");
}

#[test]
fn a_setting_that_takes_too_much_memory_is_a_doubt() {
    let events = run(&[python(), "-c", &taking(400, "2")], |request| request.limits.memory_bytes = Some(200 << 20));
    assert!(!finished(&events).cancelled);
    assert!(doubts(&events).contains(&&Doubt::MemoryLimit { arm: 1, bytes: 200 << 20 }), "{:?}", doubts(&events));
}

#[test]
fn a_program_that_the_system_ends_because_memory_is_short_is_told_as_that() {
    // A control group with little memory stands for a machine with little memory; only root can make one.
    let group = std::path::PathBuf::from(format!("/sys/fs/cgroup/memory/threadgauge-test-{}", std::process::id()));
    if std::fs::create_dir(&group).is_err() || std::fs::write(group.join("memory.limit_in_bytes"), "104857600").is_err() {
        eprintln!("left out: no control group for memory can be made here");
        let _ = std::fs::remove_dir(&group);
        return;
    }
    let script = format!("echo $$ > {}/cgroup.procs; exec {} -c \"$1\"", group.display(), python());
    let events = run(&["sh", "-c", &script, "sh", &taking(2_000, "12")], |_| {});
    std::fs::remove_dir(&group).expect("nothing is left in the group");
    assert_eq!(failed(&events).message, "This machine ran out of memory and ended the program.");
}

#[test]
fn a_program_that_removes_its_working_directory_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let work = directory.path().join("work");
    std::fs::create_dir(&work).expect("made");
    let events = run(&["sh", "-c", "rmdir \"$PWD\"; sleep 0.1"], |request| request.workload.cwd = work.display().to_string());
    assert_eq!(failed(&events).code, FailureCode::CannotStart);
    assert!(failed(&events).message.contains("is gone since the first run"), "{}", failed(&events).message);
    // Somebody else removes it in the middle: what was measured stays.
    std::fs::create_dir(&work).expect("made");
    let count = directory.path().join("count");
    let script = format!("echo x >> {count}; test $(wc -l < {count}) -lt 4 || rmdir \"$PWD\"", count = count.display());
    let events = run(&["sh", "-c", &script], |request| (request.workload.cwd, request.limits.max_blocks) = (work.display().to_string(), 6));
    assert!(!finished(&events).cancelled && finished(&events).counted_trials > 0);
    assert!(doubts(&events).iter().any(|doubt| matches!(doubt, Doubt::NotMeasured { what } if what.contains("is gone since the first run"))), "{:?}", doubts(&events));
}

#[test]
fn a_program_without_permission_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("program");
    std::fs::write(&file, "#!/bin/sh\n").expect("written");
    for program in [file.to_str().expect("UTF-8"), "/etc"] {
        let events = run(&[program], |_| {});
        assert_eq!(failed(&events).code, FailureCode::CannotStart);
        assert!(failed(&events).message.contains("may not be executed"), "{}", failed(&events).message);
    }
}

#[test]
fn a_runner_that_stood_still_leaves_out_the_trial() {
    // As a container that is frozen or a job that is stopped would be; the program goes on meanwhile.
    let mark = mark();
    let mut request = request(&["sleep", "4"], &mark);
    (request.mode, request.limits.confirm_blocks) = (Mode::Verify, 1);
    let mut runner = Runner::start(&request, &mark);
    runner.until(|event| matches!(event, Event::Sample(_)));
    std::thread::sleep(Duration::from_millis(20));
    let pid = runner.child.id().to_string();
    Program::new("kill").args(["-STOP", &pid]).status().expect("kill runs");
    std::thread::sleep(Duration::from_millis(2_600));
    Program::new("kill").args(["-CONT", &pid]).status().expect("kill runs");
    let events = runner.until(|event| matches!(event, Event::TrialFinished(_)));
    assert!(events.iter().any(|event| matches!(event, Event::Doubt(Doubt::ClockJumped { seconds }) if *seconds > 2.0)), "{events:?}");
    assert!(matches!(events.last(), Some(Event::TrialFinished(trial)) if trial.status == TrialStatus::Contaminated), "{events:?}");
    runner.send(&Command::Cancel(Empty {}));
    runner.rest();
    runner.assert_no_survivors(Duration::ZERO);
}

/// Interpreters of other versions, where this machine has them.
fn other_python(version: &str) -> Option<String> {
    let output = Program::new(format!("python{version}")).args(["-c", "import sys; print(sys.executable)"]).output().ok().filter(|output| output.status.success());
    let pyenv = || {
        let root = std::env::var("PYENV_ROOT").ok().or_else(|| Some(format!("{}/.pyenv", std::env::var("HOME").ok()?)))?;
        let names = std::fs::read_dir(format!("{root}/versions")).ok()?.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let name = names.filter(|name| name.starts_with(&format!("{version}."))).max()?;
        Some(format!("{root}/versions/{name}/bin/python"))
    };
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).filter(|path| !path.is_empty()).or_else(pyenv).filter(|path| std::path::Path::new(path).exists())
}

#[test]
fn a_python_too_old_for_the_probe_is_measured_as_a_whole_and_told() {
    for version in ["2.7", "3.6", "3.8"] {
        let Some(old) = other_python(version) else {
            eprintln!("left out: there is no Python {version} here");
            continue;
        };
        let events = run_script("import time\ntime.sleep(0.06)\n", |request| request.workload.argv[0].clone_from(&old));
        assert!(!finished(&events).cancelled);
        let reasons: Vec<&String> = doubts(&events).iter().filter_map(|doubt| if let Doubt::RegionUnavailable { reason } = doubt { Some(reason) } else { None }).collect();
        assert_eq!(reasons, [&format!("The probe of ThreadGauge needs Python 3.9 or newer; this program runs with {version}.")]);
        assert!(trials(&events).iter().any(|trial| trial.phase == Phase::Race && went_well(trial)));
    }
}

#[test]
fn options_of_python_that_keep_the_probe_out_are_told() {
    let script = "import sys, time\ntime.sleep(0.06)\n";
    for option in ["-I", "-E"] {
        let events = run_script(script, |request| {
            request.workload.argv.insert(1, option.into());
            if let Some(python) = &mut request.workload.python {
                python.script_index = 2;
            }
        });
        assert!(!finished(&events).cancelled);
        assert!(doubts(&events).iter().any(|doubt| matches!(doubt, Doubt::RegionUnavailable { reason } if reason.contains("-I or -E"))), "{option}: {:?}", doubts(&events));
    }
    // Without the site module the probe works as always.
    let events = run_script(script, |request| {
        request.workload.argv.insert(1, "-S".into());
        if let Some(python) = &mut request.workload.python {
            python.script_index = 2;
        }
    });
    assert!(trials(&events).iter().all(|trial| went_well(trial) && trial.region_ns.is_some()), "{:?}", trials(&events));
}

/// A small file system of its own; `None` where it may not be made (it takes root).
struct Tiny(tempfile::TempDir);

impl Tiny {
    fn mount() -> Option<Self> {
        let directory = tempfile::tempdir().ok()?;
        let mounted = Program::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "none"]).arg(directory.path()).stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        if !mounted {
            eprintln!("left out: no file system may be mounted here");
        }
        mounted.then_some(Self(directory))
    }

    fn fill(&self) {
        let file = std::fs::File::create(self.0.path().join("full")).and_then(|mut file| loop {
            if let Err(error) = file.write_all(&[0; 4096]) {
                break Err::<(), _>(error);
            }
        });
        assert_eq!(file.expect_err("it is full").kind(), std::io::ErrorKind::StorageFull);
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        let _ = Program::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_costs_the_region_and_not_the_run() {
    let Some(tiny) = Tiny::mount() else { return };
    tiny.fill();
    let work = tempfile::tempdir().expect("a directory");
    let mark = mark();
    let mut request = request(&[python(), "script.py"], &mark);
    probed(&mut request, work.path(), "import time\ntime.sleep(0.06)\n");
    let mut runner = Runner::idle_with(&mark, tiny.0.path());
    runner.send(&Command::Start(Box::new(request)));
    let events = runner.rest();
    assert!(!finished(&events).cancelled);
    assert!(finished(&events).counted_trials >= 2, "{events:?}");
    assert!(doubts(&events).iter().any(|doubt| matches!(doubt, Doubt::RegionUnavailable { .. })), "{:?}", doubts(&events));
    runner.assert_no_survivors(Duration::ZERO);
}

#[test]
fn without_a_directory_for_temporary_files_another_is_used() {
    let work = tempfile::tempdir().expect("a directory");
    let mark = mark();
    let mut request = request(&[python(), "script.py"], &mark);
    probed(&mut request, work.path(), "import time\ntime.sleep(0.06)\n");
    let mut runner = Runner::idle_with(&mark, std::path::Path::new("/no/such/directory"));
    runner.send(&Command::Start(Box::new(request)));
    let events = runner.rest();
    assert!(!finished(&events).cancelled);
    assert!(trials(&events).iter().all(|trial| went_well(trial) && trial.region_ns.is_some()), "{:?}", trials(&events));
}

#[test]
fn what_was_seen_of_the_processes_and_the_libraries_is_told() {
    // A library that calls itself torch, and threads that use CPUs.
    let script = "\
import torch
import threading, time, hashlib
def work():
    end = time.time() + 0.8
    while time.time() < end: hashlib.sha256(bytes(1 << 20)).digest()
threads = [threading.Thread(target=work) for _ in range(2)]
[t.start() for t in threads]
[t.join() for t in threads]
";
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("torch.py"), "__version__ = '2.13.0'\ndef get_num_threads(): return 3\ndef get_num_interop_threads(): return 4\n").expect("written");
    let events = run(&[python(), "script.py"], |request| {
        probed(request, directory.path(), script);
        request.mode = Mode::Verify;
        request.arms[0].threads = Some(1);
    });
    let environment = events.iter().find_map(|event| if let Event::Environment(environment) = event { Some(environment) } else { None }).expect("the environment");
    assert_eq!(environment.libraries.get("torch").map(String::as_str), Some("2.13.0"));
    assert!(environment.system.as_ref().is_some_and(|system| system.starts_with("Linux ")) && environment.fingerprint.len() == 16, "{environment:?}");
    assert!(environment.runtime.as_ref().is_some_and(|runtime| runtime.starts_with("CPython 3.")));
    let observed: Vec<&Observed> = events.iter().filter_map(|event| if let Event::Observed(observed) = event { Some(observed) } else { None }).collect();
    assert_eq!(observed.iter().map(|observed| observed.arm).collect::<Vec<_>>(), [Some(0), Some(1)]);
    let verdict_at = events.iter().position(|event| matches!(event, Event::Verdict(_))).expect("a verdict");
    assert!(events.iter().position(|event| matches!(event, Event::Observed(_))).is_some_and(|at| at < verdict_at));
    for seen in observed {
        assert_eq!((seen.peak_threads, seen.intra_op, seen.inter_op), (3, Some(3), Some(4)), "{seen:?}");
        assert_eq!(seen.pools.iter().map(|pool| pool.threads).sum::<u32>(), 3, "{seen:?}");
        assert!(seen.runs >= 1 && seen.cpu_inflation.is_some_and(|ratio| (0.2..5.0).contains(&ratio)), "{seen:?}");
        let asked = seen.busy_cores.expect("CPU time") + seen.waiting_threads.expect("run delay");
        assert!((1.0..3.0).contains(&asked), "two threads always want to run: {seen:?}");
    }
    for trial in trials(&events) {
        assert!(trial.peak_memory_bytes.is_some_and(|bytes| bytes > 1 << 20), "{trial:?}");
    }
}

fn inspect(program: &mut Program) -> (Option<i32>, Vec<Inspection>, String) {
    let output = program.output().expect("it runs");
    let lines = String::from_utf8(output.stdout).expect("UTF-8").lines().map(|line| serde_json::from_str(line).expect("an inspection")).collect();
    (output.status.code(), lines, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_running_process_is_inspected_and_nothing_of_it_changes() {
    let mut child = Program::new(python()).args(["-c", "import time\nend=time.time()+6\nwhile time.time()<end: time.sleep(0.01)"]).env("MKL_NUM_THREADS", "3").spawn().expect("it starts");
    let pid = child.id().to_string();
    let runner = || Program::new(env!("CARGO_BIN_EXE_threadgauge-runner"));
    let (code, seen, _) = inspect(runner().args(["inspect", &pid, "--seconds", "0.3"]));
    assert_eq!((code, seen.len()), (Some(0), 1));
    assert_eq!((seen[0].processes.len(), seen[0].processes[0].pid), (1, child.id()));
    assert_eq!(seen[0].processes[0].environment.as_ref().and_then(|env| env.get("MKL_NUM_THREADS")).map(String::as_str), Some("3"));
    let listed: Vec<RunningProcess> = serde_json::from_slice(&runner().arg("processes").output().expect("it runs").stdout).expect("a list");
    assert!(listed.iter().any(|process| process.pid == child.id() && process.command[1] == "-c"));
    // Watching ends with the process, and the process ends as it would have.
    let (code, seen, _) = inspect(runner().args(["inspect", &pid, "--seconds", "0.5", "--watch"]));
    assert_eq!(code, Some(0));
    assert!(seen.len() >= 2, "{}", seen.len());
    assert!(child.wait().expect("reaped").success());
    let (code, seen, told) = inspect(runner().args(["inspect", &pid]));
    assert_eq!((code, seen.len(), told.as_str()), (Some(1), 0, format!("threadgauge-runner: There is no process {pid}.\n").as_str()));
    for wrong in [&["inspect"][..], &["inspect", "abc"], &["inspect", "1", "--seconds", "0"], &["inspect", "1", "2"], &["--watch"], &["machine", "--watch"]] {
        assert_eq!(inspect(runner().args(wrong)).0, Some(2), "{wrong:?}");
    }
}

#[test]
fn a_process_of_another_user_is_shown_as_far_as_it_may_be() {
    use std::os::unix::process::CommandExt;
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|data| std::os::unix::fs::MetadataExt::uid(&data) == 0);
    if !is_root {
        return;
    }
    let mut child = Program::new("sleep").arg("30").spawn().expect("it starts");
    // The binary may lie where nobody else can reach it.
    let directory = tempfile::Builder::new().permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755)).tempdir().expect("a directory");
    let copy = directory.path().join("runner");
    std::fs::copy(env!("CARGO_BIN_EXE_threadgauge-runner"), &copy).expect("copied");
    let (code, seen, told) = inspect(Program::new(&copy).args(["inspect", &child.id().to_string(), "--seconds", "0.2"]).uid(65_534).gid(65_534));
    child.kill().expect("killed");
    child.wait().expect("reaped");
    assert_eq!(code, Some(0), "{told}");
    let process = &seen[0].processes[0];
    assert_eq!((process.environment.as_ref(), process.cwd.as_ref(), process.command.as_slice()), (None, None, ["sleep".to_owned(), "30".to_owned()].as_slice()));
    assert!(seen[0].missing.iter().any(|sentence| sentence.contains("belongs to the user root")), "{:?}", seen[0].missing);
    assert_eq!(process.observed.peak_threads, 1);
}

/// CPUs the tests may use.
fn allowed() -> Vec<u32> {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).expect("the field is there");
    list.trim().split(',').flat_map(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        first.parse::<u32>().expect("a number")..=last.parse().expect("a number")
    }).collect()
}

#[test]
fn instances_work_at_the_same_time_on_cpus_of_their_own() {
    let cpus = allowed();
    let [first, second] = [cpus[0], cpus[cpus.len() - 1]];
    let directory = tempfile::tempdir().expect("a directory");
    // The second import is slow in one of the two only: without a barrier it would begin late.
    let script = "import os, time\nimport slow\nmask = [line.split()[1] for line in open('/proc/self/status') if line.startswith('Cpus_allowed_list')][0]\nopen('seen-%s-%d' % (mask, os.getpid()), 'w').close()\nend = time.monotonic() + 0.2\nwhile time.monotonic() < end: pass\n";
    std::fs::write(directory.path().join("slow.py"), "import os, time\nif len(os.sched_getaffinity(0)) == 1 and os.getpid() % 2: time.sleep(0.4)\n").expect("written");
    let mark = mark();
    let mut request = request(&[python(), "script.py"], &mark);
    probed(&mut request, directory.path(), script);
    request.arms = vec![
        Arm { label: "1 x 1".into(), threads: Some(1), instances: Some(1), ..Default::default() },
        Arm { label: "2 x 1".into(), threads: Some(1), instances: Some(2), cpus: vec![vec![first], vec![second]], ..Default::default() },
    ];
    (request.mode, request.current) = (Mode::Grid, 0);
    request.grid = Some(GridRequest { blocks: 2, ..Default::default() });
    request.limits.budget_s = 60.0;
    let mut runner = Runner::start(&request, &mark);
    let events = runner.rest();
    runner.assert_no_survivors(Duration::ZERO);
    let pairs: Vec<&TrialFinished> = events.iter().filter_map(|event| if let Event::TrialFinished(trial) = event { Some(trial) } else { None }).filter(|trial| trial.arm == 1).collect();
    assert!(!pairs.is_empty() && pairs.iter().all(|trial| went_well(trial) && trial.instances_ns.len() == 2), "{pairs:?}");
    for trial in pairs {
        let region = trial.region_ns.expect("a region");
        assert!((195_000_000..2_000_000_000).contains(&region), "the wait for the other is not part of the region: {region}");
        let rate: f64 = trial.instances_ns.iter().map(|&ns| 1e9 / ns as f64).sum();
        // Of what a neighbour disturbed no rate is told.
        assert!(trial.throughput_per_s.map_or(trial.status == TrialStatus::Contaminated, |told| (told - rate).abs() < 1e-9), "{trial:?}");
    }
    let names: Vec<String> = std::fs::read_dir(directory.path()).expect("there").flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    for cpu in [first, second] {
        assert!(names.iter().any(|name| name.starts_with(&format!("seen-{cpu}-"))), "nothing ran on CPU {cpu} alone: {names:?}");
    }
    let front = events.iter().rev().find_map(|event| if let Event::Front(front) = event { Some(front) } else { None }).expect("a front");
    assert_eq!(front.points.len(), 2);
    assert!(events.iter().any(|event| matches!(event, Event::Verdict(_))));
}

#[test]
fn killing_the_runner_ends_every_instance() {
    let mark = mark();
    let mut request = request(&["/bin/sh", "-c", "sleep 60 & sleep 60"], &mark);
    request.arms = vec![Arm { label: "1 x 1".into(), threads: Some(1), instances: Some(2), ..Default::default() }, Arm { label: "3 x 1".into(), threads: Some(1), instances: Some(3), ..Default::default() }];
    (request.mode, request.current) = (Mode::Grid, 1);
    request.grid = Some(GridRequest::default());
    let mut runner = Runner::start(&request, &mark);
    runner.until(|event| matches!(event, Event::TrialStarted(_)));
    let end = Instant::now() + Duration::from_secs(20);
    while runner.survivors().len() < 6 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(10));
    }
    runner.child.kill().expect("ours");
    runner.assert_no_survivors(Duration::from_secs(5));
}

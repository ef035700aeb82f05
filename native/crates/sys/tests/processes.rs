//! Real processes, started and ended in all the ways workloads misbehave.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use threadgauge_sys::process::{Child, Exit, Instance, SpawnError, SpawnSpec};

threadgauge_sys::supervise_in_test_binary!();

const LONG: Duration = Duration::from_secs(20);

fn spec(argv: &[&str]) -> SpawnSpec {
    let env = BTreeMap::from([("PATH".to_owned(), std::env::var("PATH").unwrap_or_default())]);
    SpawnSpec { argv: argv.iter().map(|&a| a.to_owned()).collect(), cwd: std::env::temp_dir(), env, ..SpawnSpec::default() }
}

fn shell(script: &str) -> SpawnSpec {
    spec(&["/bin/sh", "-c", script])
}

/// The interpreter itself: `python3` may be a wrapper that starts processes of its own.
fn interpreter() -> &'static str {
    static PATH: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    PATH.get_or_init(|| {
        let out = std::process::Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().unwrap();
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    })
}

fn python(script: &str) -> SpawnSpec {
    spec(&[interpreter(), "-S", "-c", script])
}

fn end(child: &mut Child) -> Exit {
    child.wait_timeout(LONG).expect("waits").expect("ends in time")
}

fn run(spec: &SpawnSpec) -> (Exit, String, String) {
    let mut child = Child::spawn(spec).expect("starts");
    let (mut out, mut err) = (child.take_stdout().unwrap(), child.take_stderr().unwrap());
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        err.read_to_string(&mut text).unwrap();
        text
    });
    let mut text = String::new();
    out.read_to_string(&mut text).unwrap();
    (end(&mut child), text, reader.join().unwrap())
}

/// A mark in the environment by which every process of one test is found again, wherever it went.
struct Mark(String);

impl Mark {
    fn new(name: &str) -> Self {
        Self(format!("TG_TEST_MARK={name}-{}", std::process::id()))
    }

    fn put(&self, mut spec: SpawnSpec) -> SpawnSpec {
        let (name, value) = self.0.split_once('=').unwrap();
        spec.env.insert(name.to_owned(), value.to_owned());
        spec
    }

    fn alive(&self) -> Vec<u32> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<u32>().ok()) else { continue };
            let environ = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            if environ.split(|&b| b == 0).any(|v| v == self.0.as_bytes()) {
                found.push(pid);
            }
        }
        found
    }

    fn wait_for(&self, count: usize) {
        let deadline = Instant::now() + LONG;
        while self.alive().len() < count {
            assert!(Instant::now() < deadline, "only {:?} of {count} processes appeared", self.alive());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn assert_gone_within(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        loop {
            let alive = self.alive();
            if alive.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "processes {alive:?} are still alive");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn passes_arguments_environment_directory_and_output_through() {
    let directory = tempfile::tempdir().unwrap();
    let mut spec = spec(&["/bin/sh", "-c", "printf '%s|%s|%s|' \"$1\" \"$2\" \"$A\"; pwd; cat; echo oops >&2; exit 7", "sh", "a b", "$(x) 'q'"]);
    spec.cwd = directory.path().to_path_buf();
    spec.env.insert("A".to_owned(), "é = 1".to_owned());
    let (exit, out, err) = run(&spec);
    assert_eq!(out, format!("a b|$(x) 'q'|é = 1|{}\n", directory.path().canonicalize().unwrap().display()));
    assert_eq!((exit.code, exit.signal, err.as_str()), (Some(7), None, "oops\n"));
    assert!(!exit.success());
}

#[test]
fn gives_exactly_the_environment_asked_for() {
    let mut wanted = spec(&["/usr/bin/env"]);
    wanted.env = BTreeMap::from([("ONLY".to_owned(), "this".to_owned())]);
    let (exit, out, _) = run(&wanted);
    assert_eq!((exit.code, out.as_str()), (Some(0), "ONLY=this\n"));
}

#[test]
fn workload_has_default_signals_and_its_own_session() {
    let (_, out, _) = run(&spec(&["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"]));
    let masks: Vec<u64> = out.lines().map(|l| u64::from_str_radix(l.split_whitespace().nth(1).unwrap(), 16).unwrap()).collect();
    // 32 and 33 belong to the C library, which lets nobody change them.
    let own = !(0b11 << 31);
    assert_eq!((masks.len(), masks[0] & own, masks[1] & own), (2, 0, 0), "{out}");
    let mut child = Child::spawn(&shell("sleep 30")).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.pid())).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let pid = child.pid().to_string();
    assert_eq!((fields[2], fields[3]), (pid.as_str(), pid.as_str()), "group and session are its own");
    assert_eq!(fields[1], child.root_pid().to_string());
    child.kill();
    assert_eq!(end(&mut child).signal, Some(libc::SIGKILL));
}

#[test]
fn a_signal_is_told_from_a_code() {
    let (exit, ..) = run(&shell("kill -SEGV $$"));
    assert_eq!((exit.code, exit.signal), (None, Some(libc::SIGSEGV)));
}

#[test]
fn errors_of_starting_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str, mode: u32| {
        use std::os::unix::fs::PermissionsExt;
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path.display().to_string()
    };
    let kind = |spec: &SpawnSpec| Child::spawn(spec).map(|_| ()).unwrap_err();
    assert_eq!(kind(&spec(&[])), SpawnError::EmptyArgv);
    assert_eq!(kind(&spec(&["no-such-program-at-all"])), SpawnError::NotFound { program: "no-such-program-at-all".to_owned() });
    assert_eq!(kind(&spec(&["/no/such/file"])), SpawnError::NotFound { program: "/no/such/file".to_owned() });
    let plain = write("plain", "#!/bin/sh\n", 0o644);
    assert_eq!(kind(&spec(&[&plain])), SpawnError::PermissionDenied { program: plain.clone() });
    let no_interpreter = write("script", "#!/no/such/interpreter\n", 0o755);
    assert_eq!(kind(&spec(&[&no_interpreter])), SpawnError::NotExecutable { program: no_interpreter.clone() });
    let mut bad = spec(&["/bin/true"]);
    bad.cwd = PathBuf::from("/no/such/directory");
    assert_eq!(kind(&bad), SpawnError::CwdMissing { cwd: "/no/such/directory".to_owned() });
    bad.cwd = PathBuf::from(&plain);
    assert_eq!(kind(&bad), SpawnError::CwdUnusable { cwd: plain });
    assert!(matches!(kind(&spec(&["/bin/echo", "a\0b"])), SpawnError::BadText { .. }));
    let mut bad = spec(&["/bin/true"]);
    bad.env.insert("A=B".to_owned(), "x".to_owned());
    assert!(matches!(kind(&bad), SpawnError::BadText { .. }));
    let mut bad = spec(&["/bin/true"]);
    bad.env.insert("BIG".to_owned(), "x".repeat(4 << 20));
    assert!(matches!(kind(&bad), SpawnError::TooLarge { .. }));
    let mut bad = spec(&["/bin/true"]);
    bad.supervisor = Some(vec!["/no/such/supervisor".into()]);
    assert!(matches!(kind(&bad), SpawnError::Supervisor { .. }));
    bad.supervisor = Some(vec!["/bin/true".into()]);
    assert!(matches!(kind(&bad), SpawnError::Supervisor { .. }));
}

#[test]
fn wait_times_out_and_answers_twice() {
    let mut child = Child::spawn(&shell("sleep 0.4")).unwrap();
    let begin = Instant::now();
    assert_eq!(child.wait_timeout(Duration::from_millis(50)).unwrap(), None);
    assert!(begin.elapsed() < Duration::from_millis(350));
    let exit = end(&mut child);
    assert!(exit.success());
    assert!(exit.wall >= Duration::from_millis(390) && exit.wall < Duration::from_secs(5), "{:?}", exit.wall);
    assert_eq!(child.wait_timeout(Duration::ZERO).unwrap(), Some(exit));
}

#[test]
fn usage_covers_the_whole_tree_orphans_included() {
    // Three processes burn 0.3 s of CPU each: the first, a child it waits for, and an orphan.
    let burn = "def burn():\n e=time.process_time()+0.3\n while time.process_time()<e: pass\n";
    let (exit, ..) = run(&python(&format!(
        "import os,time\n{burn}\np=os.fork()\nif p==0: burn(); os._exit(0)\nos.waitpid(p,0)\nif os.fork()==0:\n  if os.fork()==0: burn(); open(os.environ.get('X','/dev/null'),'w'); os._exit(0)\n  os._exit(0)\nburn()\ntime.sleep(0.3)\n"
    )));
    assert!(exit.success());
    let usage = exit.usage.unwrap();
    let seconds = usage.cpu_ns() as f64 / 1e9;
    assert!((0.88..1.6).contains(&seconds), "{seconds} s of CPU");
    assert!(usage.voluntary_switches.unwrap() > 0);
    assert!(usage.peak_memory_bytes.unwrap() > 1 << 20);
}

#[test]
fn terminate_is_polite_and_kill_is_not() {
    let mut child = Child::spawn(&shell("trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.05; done")).unwrap();
    let mut lines = BufReader::new(child.take_stdout().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    child.terminate();
    assert_eq!(lines.next().unwrap().unwrap(), "bye");
    assert_eq!(end(&mut child).code, Some(3));

    let mark = Mark::new("stubborn");
    let mut child = Child::spawn(&mark.put(shell("trap '' TERM INT HUP; echo ready; while :; do sleep 0.05; done"))).unwrap();
    let mut lines = BufReader::new(child.take_stdout().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    child.terminate();
    assert_eq!(child.wait_timeout(Duration::from_millis(200)).unwrap(), None, "SIGTERM is ignored");
    child.killer().kill();
    assert_eq!(end(&mut child).signal, Some(libc::SIGKILL));
    mark.assert_gone_within(Duration::ZERO);
}

const DAEMON: &str = "import os,signal,sys,time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nif os.fork()==0:\n  os.setsid()\n  if os.fork()==0:\n    os.setsid()\n    time.sleep(600)\n  time.sleep(600)\n";

#[test]
fn kill_reaches_daemons_that_left_the_session() {
    let mark = Mark::new("daemon");
    let mut child = Child::spawn(&mark.put(python(&format!("{DAEMON}time.sleep(600)")))).unwrap();
    mark.wait_for(3);
    child.kill();
    let exit = end(&mut child);
    assert_eq!(exit.signal, Some(libc::SIGKILL));
    mark.assert_gone_within(Duration::ZERO);
}

#[test]
fn daemons_do_not_outlive_a_workload_that_ends_by_itself() {
    let mark = Mark::new("leftover");
    let mut child = Child::spawn(&mark.put(python(&format!("{DAEMON}time.sleep(0.2); sys.exit(5)")))).unwrap();
    let exit = end(&mut child);
    assert_eq!((exit.code, exit.leftovers), (Some(5), 2));
    assert!(exit.wall < Duration::from_secs(5));
    mark.assert_gone_within(Duration::ZERO);
}

#[test]
fn output_held_open_by_a_daemon_ends_with_the_workload() {
    let (exit, out, _) = run(&python(&format!("print('hi', flush=True)\n{DAEMON}sys.exit(0)")));
    assert_eq!((exit.code, out.as_str()), (Some(0), "hi\n"));
}

#[test]
fn dropping_kills() {
    let mark = Mark::new("dropped");
    let child = Child::spawn(&mark.put(python(&format!("{DAEMON}time.sleep(600)")))).unwrap();
    mark.wait_for(3);
    drop(child);
    mark.assert_gone_within(Duration::ZERO);
}

#[test]
fn a_fork_bomb_is_ended() {
    let mark = Mark::new("bomb");
    // At most about fifty live at once; each forks two more short ones in a session of its own.
    let script = "import os,time\nn=0\nwhile True:\n  n+=1\n  if os.fork()==0:\n    if n%3==0: os.setsid()\n    if os.fork()==0: time.sleep(0.3); os._exit(0)\n    time.sleep(0.3); os._exit(0)\n  time.sleep(0.01)\n  try:\n    while os.waitpid(-1, os.WNOHANG)[0]: pass\n  except ChildProcessError: pass\n";
    let mut child = Child::spawn(&mark.put(python(script))).unwrap();
    mark.wait_for(20);
    child.kill();
    end(&mut child);
    mark.assert_gone_within(Duration::ZERO);
}

#[test]
fn a_chain_of_processes_that_each_fork_and_end_is_ended() {
    let mark = Mark::new("chain");
    let script = "import os,time\nwhile True:\n  if os.fork(): os._exit(0)\n  time.sleep(0.002)\n";
    let mut child = Child::spawn(&mark.put(python(script))).unwrap();
    let exit = end(&mut child);
    assert_eq!(exit.code, Some(0));
    mark.assert_gone_within(Duration::ZERO);
}

/// Not a test of its own: the owner that the tests below kill. It starts the workload named in
/// the environment, says its process ids and waits.
#[test]
fn owner_for_other_tests() {
    let Ok(script) = std::env::var("TG_OWNER_SCRIPT") else { return };
    let mark = Mark(std::env::var("TG_OWNER_MARK").unwrap());
    let child = Child::spawn(&mark.put(python(&script))).unwrap();
    let file = std::env::var("TG_OWNER_FILE").unwrap();
    let temporary = format!("{file}.part");
    std::fs::write(&temporary, format!("{} {}", child.root_pid(), child.pid())).unwrap();
    std::fs::rename(&temporary, &file).unwrap();
    std::thread::sleep(Duration::from_secs(600));
}

fn start_owner(mark: &Mark, script: &str, file: &Path) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "owner_for_other_tests"])
        .env("TG_OWNER_SCRIPT", script)
        .env("TG_OWNER_MARK", &mark.0)
        .env("TG_OWNER_FILE", file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn read_pids(file: &Path) -> (u32, u32) {
    let deadline = Instant::now() + LONG;
    loop {
        if let Ok(text) = std::fs::read_to_string(file) {
            let (root, pid) = text.split_once(' ').unwrap();
            return (root.parse().unwrap(), pid.parse().unwrap());
        }
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn nothing_survives_when_the_owner_is_killed_with_sigkill() {
    for (name, script, count) in [
        ("owner-plain", "import time,signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)".to_owned(), 1),
        ("owner-daemon", format!("{DAEMON}time.sleep(600)"), 3),
    ] {
        let mark = Mark::new(name);
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pids");
        let mut owner = start_owner(&mark, &script, &file);
        let (root, _) = read_pids(&file);
        mark.wait_for(count);
        owner.kill().unwrap();
        owner.wait().unwrap();
        mark.assert_gone_within(Duration::from_secs(3));
        let deadline = Instant::now() + Duration::from_secs(3);
        while Path::new(&format!("/proc/{root}")).exists() {
            // As an orphan it may stay a zombie when the machine's first process does not reap.
            let stat = std::fs::read_to_string(format!("/proc/{root}/stat")).unwrap_or_default();
            if stat.contains(") Z ") || stat.is_empty() {
                break;
            }
            assert!(Instant::now() < deadline, "the supervisor is still there: {stat}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_killed_supervisor_takes_the_workload_with_it() {
    let mark = Mark::new("supervisor");
    let mut child = Child::spawn(&mark.put(python("import os,time\nif os.fork()==0: time.sleep(600)\ntime.sleep(600)"))).unwrap();
    mark.wait_for(2);
    // SAFETY: the process is ours and was just started.
    unsafe { libc::kill(child.root_pid() as i32, libc::SIGKILL) };
    assert!(child.wait_timeout(LONG).is_err());
    mark.assert_gone_within(Duration::from_secs(2));
    assert!(child.wait_timeout(LONG).unwrap().is_some(), "and later calls do not hang");
}

#[test]
fn a_terminated_supervisor_cleans_up_first() {
    let mark = Mark::new("supervisor-term");
    let mut child = Child::spawn(&mark.put(python(&format!("{DAEMON}time.sleep(600)")))).unwrap();
    mark.wait_for(3);
    // SAFETY: as above.
    unsafe { libc::kill(child.root_pid() as i32, libc::SIGTERM) };
    assert_eq!(end(&mut child).signal, Some(libc::SIGKILL));
    mark.assert_gone_within(Duration::ZERO);
}

#[test]
fn many_workloads_can_run_at_once() {
    let handles: Vec<_> = (0..8)
        .map(|n| std::thread::spawn(move || run(&shell(&format!("sleep 0.1; echo {n}; exit {n}")))))
        .collect();
    for (n, handle) in handles.into_iter().enumerate() {
        let (exit, out, _) = handle.join().unwrap();
        assert_eq!((exit.code, out), (Some(n as i32), format!("{n}\n")));
    }
}

#[test]
fn large_output_and_large_environment_pass() {
    let mut large = python("import os,sys\nsys.stdout.write('x'*3000000); sys.stderr.write(str(len(os.environ['BIG'])))");
    large.env.insert("BIG".to_owned(), "y".repeat(100_000));
    let (exit, out, err) = run(&large);
    assert_eq!((exit.code, out.len(), err.as_str()), (Some(0), 3_000_000, "100000"));
    std::io::stderr().flush().unwrap();
}

/// What `/proc/PID/status` says of one process.
fn status_field(pid: u32, name: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("the field is there").trim().to_owned()
}

fn allowed() -> Vec<u32> {
    let own = status_field(std::process::id(), "Cpus_allowed_list");
    threadgauge_sys::topology::parse_cpu_list(&own).expect("a list")
}

fn on(cpu: u32, number: usize) -> Instance {
    Instance { cpus: vec![cpu], env: BTreeMap::from([("NUMBER".to_owned(), number.to_string())]), memory_node: None }
}

#[test]
fn instances_are_bound_to_their_cpus_before_they_start() {
    let cpus = allowed();
    let [first, second] = [cpus[0], *cpus.last().unwrap()];
    // The shell itself reads what it was started with: the mask is in force from its first instruction.
    let mut job = shell("echo $NUMBER $(grep Cpus_allowed_list /proc/$$/status | tr -d '\\t'); sleep 0.$NUMBER");
    job.instances = vec![on(first, 1), on(second, 2)];
    let mut child = Child::spawn(&job).expect("starts");
    let mut text = String::new();
    child.take_stdout().unwrap().read_to_string(&mut text).unwrap();
    let exit = end(&mut child);
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, [format!("1 Cpus_allowed_list:{first}"), format!("2 Cpus_allowed_list:{second}")]);
    assert!(exit.success());
    let walls = child.instance_walls();
    assert!(walls.len() == 2 && walls[0] >= Duration::from_millis(100) && walls[1] > walls[0], "{walls:?}");
    assert!(exit.wall >= walls[1]);
}

#[test]
fn a_failing_instance_ends_the_others() {
    let mut job = shell("[ $NUMBER = 2 ] && exit 7; exec sleep 60");
    job.instances = vec![on(allowed()[0], 1), on(allowed()[0], 2), on(allowed()[0], 3)];
    let mut child = Child::spawn(&job).expect("starts");
    let exit = end(&mut child);
    assert_eq!((exit.code, exit.signal), (Some(7), None));
    assert!(exit.wall < LONG);
}

#[test]
fn all_instances_are_killed_together() {
    let mark = Mark::new("instances");
    let mut job = mark.put(shell("setsid sleep 60 & sleep 60"));
    job.instances = vec![on(allowed()[0], 1), on(allowed()[0], 2)];
    let mut child = Child::spawn(&job).expect("starts");
    mark.wait_for(4);
    child.kill();
    end(&mut child);
    mark.assert_gone_within(Duration::ZERO);
}

#[test]
fn cpus_that_are_not_there_are_refused_and_nothing_stays() {
    let mark = Mark::new("missing-cpus");
    let mut job = mark.put(shell("sleep 60"));
    job.instances = vec![on(allowed()[0], 1), Instance { cpus: vec![allowed()[0], 7_777], ..Instance::default() }];
    let error = Child::spawn(&job).expect_err("no such CPU");
    assert!(matches!(&error, SpawnError::Cpus { cpus } if cpus.ends_with("7777")), "{error}");
    mark.assert_gone_within(Duration::ZERO);
}

//! Looks at real processes that run already.
#![cfg(target_os = "linux")]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use threadgauge_protocol::Inspection;
use threadgauge_sys::inspect::{InspectError, Inspector, processes};

/// Ends a process however the test ends.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Guard {
    fn pid(&self) -> u32 {
        self.0.id()
    }
}

/// The interpreter itself: `python3` may be a wrapper that starts processes of its own.
fn interpreter() -> String {
    let out = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().unwrap();
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

/// A Python program that says `ready` on stdout and goes on.
fn python(script: &str) -> Guard {
    let mut command = Command::new(interpreter());
    command.args(["-S", "-u", "-c", script]).env("OMP_NUM_THREADS", "7").env("HF_TOKEN", "secret").env_remove("MKL_NUM_THREADS").current_dir("/tmp").stdout(Stdio::piped()).stdin(Stdio::piped());
    let mut guard = Guard(command.spawn().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(guard.0.stdout.take().unwrap()), &mut line).unwrap();
    assert_eq!(line, "ready\n");
    guard
}

fn look(pid: u32, seconds: f64) -> Inspection {
    Inspector::new(pid).unwrap().look(Duration::from_secs_f64(seconds), &|| false).unwrap()
}

#[test]
fn tells_what_a_process_is_and_what_its_threads_do() {
    let program = python("import threading,time\nfor _ in range(4): threading.Thread(target=time.sleep,args=(60,),daemon=True).start()\nprint('ready')\nwhile True: pass");
    let seen = look(program.pid(), 0.6);
    let [process] = seen.processes.as_slice() else { panic!("{seen:?}") };
    assert_eq!((process.pid, process.parent), (program.pid(), std::process::id()));
    assert_eq!(&process.command[1..3], ["-S", "-u"]);
    assert_eq!(process.cwd.as_deref(), Some("/tmp"));
    let environment = process.environment.as_ref().unwrap();
    assert_eq!(environment.get("OMP_NUM_THREADS").map(String::as_str), Some("7"));
    assert!(!environment.contains_key("HF_TOKEN") && !environment.contains_key("PATH"), "{environment:?}");
    assert!(process.affinity.as_ref().is_some_and(|cpus| !cpus.is_empty()));
    let observed = &process.observed;
    assert_eq!((observed.peak_threads, observed.pools.iter().map(|pool| pool.threads).sum::<u32>()), (5, 5));
    // Whatever else the machine does, the one thread that never rests either runs or waits for a CPU.
    let demand = observed.busy_cores.unwrap() + observed.waiting_threads.unwrap_or(0.0);
    assert!((0.5..1.6).contains(&demand), "{observed:?}");
    assert!(observed.runnable.unwrap() >= 0.5, "{observed:?}");
    assert!(seen.missing.is_empty(), "{:?}", seen.missing);
    assert!(seen.tree.effective_cpus.unwrap() <= f64::from(seen.machine.logical_cores.unwrap()) + 1e-9);
}

#[test]
fn a_tree_comes_with_parents_before_children() {
    let program = python("import subprocess,sys,time\np=subprocess.Popen([sys.executable,'-S','-c','import subprocess,sys;subprocess.run([sys.executable,\"-S\",\"-c\",\"import time;time.sleep(60)\"])'])\ntime.sleep(0.5)\nprint('ready')\ntime.sleep(60)");
    let seen = look(program.pid(), 0.2);
    let pids: Vec<u32> = seen.processes.iter().map(|process| process.pid).collect();
    assert_eq!(pids.len(), 3, "{seen:?}");
    for (index, process) in seen.processes.iter().enumerate().skip(1) {
        assert!(pids[..index].contains(&process.parent));
    }
    assert_eq!((seen.tree.processes, seen.tree.peak_threads), (3, 3));
    for pid in pids.into_iter().skip(1) {
        // The grandchildren would outlive the test.
        let _ = Command::new("kill").arg("-9").arg(pid.to_string()).status();
    }
}

#[test]
fn looking_again_tells_only_what_happened_since() {
    let program = python("import time\nend=time.process_time()+0.4\nprint('ready')\nwhile time.process_time()<end: pass\ntime.sleep(60)");
    let mut inspector = Inspector::new(program.pid()).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut total = 0.0;
    loop {
        let seen = inspector.look(Duration::from_millis(300), &|| false).unwrap();
        let used = seen.tree.busy_cores.unwrap() * seen.seconds;
        total += used;
        if used < 0.001 || Instant::now() > deadline {
            break;
        }
    }
    assert!((0.25..0.5).contains(&total), "0.4 s of CPU time were seen as {total} s");
}

#[test]
fn a_process_that_ends_meanwhile_gives_what_was_seen() {
    let program = python("import time\nprint('ready')\ntime.sleep(0.4)");
    let mut inspector = Inspector::new(program.pid()).unwrap();
    let begun = Instant::now();
    let seen = inspector.look(Duration::from_secs(30), &|| false).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(15));
    assert!(inspector.has_ended());
    assert_eq!(seen.processes.len(), 1);
    assert!(seen.missing.iter().any(|sentence| sentence.contains("ended")), "{:?}", seen.missing);
}

#[test]
fn a_stop_ends_a_look_at_once() {
    let program = python("import time\nprint('ready')\ntime.sleep(60)");
    let begun = Instant::now();
    Inspector::new(program.pid()).unwrap().look(Duration::from_secs(60), &|| begun.elapsed() > Duration::from_millis(100)).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn what_is_no_process_is_said() {
    assert_eq!(Inspector::new(4_000_000).unwrap_err(), InspectError::NoSuchProcess { pid: 4_000_000 });
    // A thread of this process.
    let (sender, receiver) = std::sync::mpsc::channel();
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let link = std::fs::read_link("/proc/thread-self").unwrap();
        sender.send(link.file_name().unwrap().to_str().unwrap().parse::<u32>().unwrap()).unwrap();
        let _ = wait.recv();
    });
    let tid = receiver.recv().unwrap();
    assert_eq!(Inspector::new(tid).unwrap_err(), InspectError::Thread { pid: tid, process: std::process::id() });
    drop(done);
    thread.join().unwrap();
    // Ended, and nobody asks how.
    let mut child = Command::new("true").spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap().contains(") Z ") {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(Inspector::new(child.id()).unwrap_err(), InspectError::Zombie { pid: child.id(), parent: std::process::id() });
    child.wait().unwrap();
    // The kernel's own, where they can be seen.
    if std::fs::read_to_string("/proc/2/comm").is_ok_and(|name| name == "kthreadd\n") {
        assert_eq!(Inspector::new(2).unwrap_err(), InspectError::KernelThread { pid: 2, name: "kthreadd".into() });
    }
}

#[test]
fn processes_are_listed_newest_first_without_this_one() {
    let program = python("import time\nprint('ready')\ntime.sleep(60)");
    let all = processes().unwrap();
    let found = all.iter().find(|process| process.pid == program.pid()).unwrap();
    assert_eq!((found.parent, found.threads, found.cwd.as_deref()), (std::process::id(), 1, Some("/tmp")));
    assert!(found.age_s < 60.0);
    assert!(all.iter().all(|process| process.pid != std::process::id()));
    assert!(all.windows(2).all(|pair| pair[0].age_s <= pair[1].age_s));
}

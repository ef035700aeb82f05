//! The sampler on real process trees, and the line cell with a writer in another process.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use threadgauge_sys::cell::{CurrentLine, LineCell};
use threadgauge_sys::process::{Child, SpawnSpec};
use threadgauge_sys::sample::{Throttle, TreeSample, TreeSampler, cpu_pressure};

threadgauge_sys::supervise_in_test_binary!();

/// The interpreter itself: `python3` may be a wrapper that starts processes of its own.
fn interpreter() -> &'static str {
    static PATH: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    PATH.get_or_init(|| {
        let out = std::process::Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().unwrap();
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    })
}

fn python(script: &str) -> Child {
    let env = BTreeMap::from([("PATH".to_owned(), std::env::var("PATH").unwrap_or_default())]);
    let argv = [interpreter(), "-S", "-c", script].map(str::to_owned).to_vec();
    Child::spawn(&SpawnSpec { argv, cwd: std::env::temp_dir(), env, ..SpawnSpec::default() }).unwrap()
}

/// Samples every few milliseconds until the workload ends; all samples and the CPU time from its exit.
fn follow(mut child: Child) -> (Vec<TreeSample>, f64, Option<f64>) {
    let mut sampler = TreeSampler::new(&child);
    let mut samples = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        samples.push(sampler.sample());
        assert!(Instant::now() < deadline, "the workload never ends");
        if let Some(exit) = child.wait_timeout(Duration::from_millis(5)).unwrap() {
            assert!(exit.success(), "{exit:?}");
            return (samples, exit.usage.unwrap().cpu_ns() as f64 / 1e9, sampler.mean_foreign_cpus());
        }
    }
}

fn most(samples: &[TreeSample], figure: impl Fn(&TreeSample) -> u32) -> u32 {
    samples.iter().map(figure).max().unwrap()
}

#[test]
fn counts_threads_and_who_wants_to_run() {
    // Eight threads that only wait, then end.
    let (samples, ..) = follow(python("import threading,time\nt=[threading.Thread(target=time.sleep,args=(0.5,)) for _ in range(8)]\n[x.start() for x in t]\n[x.join() for x in t]\ntime.sleep(0.1)"));
    assert_eq!((most(&samples, |s| s.threads), most(&samples, |s| s.processes)), (9, 1));
    let waiting: Vec<&TreeSample> = samples.iter().filter(|s| s.threads == 9).collect();
    let running = waiting.iter().filter(|s| s.runnable > 2).count();
    assert!(running * 4 < waiting.len(), "{running} of {} samples saw sleeping threads run", waiting.len());
    let last = samples.iter().rev().find(|s| s.threads > 0).unwrap();
    assert_eq!(last.threads, 1, "ended threads are no longer counted");
}

#[test]
fn cpu_time_of_the_tree_agrees_with_what_the_kernel_says_at_the_end() {
    // Waited-for children, orphans and live processes, 0.2 s of CPU each; then a rest, so that the
    // last sample can see all of it.
    let script = "import os,time\ndef burn():\n e=time.process_time()+0.2\n while time.process_time()<e: pass\nfor _ in range(3):\n  if os.fork()==0: burn(); os._exit(0)\nif os.fork()==0:\n  if os.fork()==0: burn(); os._exit(0)\n  os._exit(0)\nburn()\nfor _ in range(4): os.wait()\ntime.sleep(1)";
    let (samples, cpu, _) = follow(python(script));
    let seen = samples.last().unwrap().cpu_ns as f64 / 1e9;
    assert!(cpu > 0.95, "{cpu}");
    assert!((seen - cpu).abs() < 0.12, "sampled {seen} s, reaped {cpu} s");
    assert!(samples.windows(2).all(|w| w[0].cpu_ns <= w[1].cpu_ns && w[0].at <= w[1].at && w[0].run_delay_ns <= w[1].run_delay_ns));
    assert!(most(&samples, |s| s.processes) >= 5);
    assert!(most(&samples, |s| s.runnable) >= 3, "several processes wanted to run at once");
}

#[test]
fn waiting_for_a_cpu_shows_as_run_delay() {
    let cpus = std::thread::available_parallelism().unwrap().get();
    let workers = cpus * 3;
    let script = format!("import os,time\nfor _ in range({workers}):\n  if os.fork()==0:\n    e=time.monotonic()+0.6\n    while time.monotonic()<e: pass\n    os._exit(0)\nfor _ in range({workers}): os.wait()\ntime.sleep(0.1)");
    let (samples, ..) = follow(python(&script));
    let Some(delay) = samples.last().unwrap().run_delay_ns else { return };
    // Each of 3 per CPU waits about two thirds of 0.6 s; busy neighbours only add to it.
    let expected = 0.6 * (workers - cpus) as f64;
    assert!(delay as f64 / 1e9 > expected * 0.4, "{} s, expected about {expected} s", delay as f64 / 1e9);
}

#[test]
fn daemons_are_in_the_sample() {
    let (samples, ..) = follow(python("import os,time\nif os.fork()==0:\n  os.setsid()\n  if os.fork()==0: time.sleep(1)\n  os._exit(0)\nos.wait()\ntime.sleep(1.2)"));
    // The one in between has ended by then; the daemon and the first process are left.
    let both = samples.iter().filter(|s| s.processes == 2 && s.threads == 2).count();
    assert!(both * 2 > samples.len(), "{both} of {} samples saw both", samples.len());
}

#[test]
fn own_work_is_not_foreign() {
    let (samples, cpu, mean) = follow(python("import time\ne=time.monotonic()+1\nwhile time.monotonic()<e: pass"));
    let mean = mean.expect("Linux tells");
    let cpus = std::thread::available_parallelism().unwrap().get() as f64;
    // A neighbour may use all the rest, but what the workload got itself is not foreign.
    assert!(mean <= cpus - cpu / 1.1 + 0.15, "{mean} CPUs foreign of {cpus}, own {cpu} s");
    assert!(samples.iter().any(|s| s.foreign_cpus.is_some()));
}

#[test]
fn work_of_others_is_foreign() {
    let mut sampler = TreeSampler::of_pid(u32::MAX / 4, true);
    let (_, cpu, _) = follow(python("import time\ne=time.process_time()+0.5\nwhile time.process_time()<e: pass"));
    let sample = sampler.sample();
    assert_eq!((sample.threads, sample.cpu_ns), (0, 0), "a tree that does not exist is empty");
    let foreign = sampler.mean_foreign_cpus().unwrap() * sample.at.as_secs_f64();
    assert!(foreign > cpu * 0.8, "{foreign} s seen of {cpu} s");
}

#[test]
fn throttling_and_pressure_can_be_asked_for() {
    if let Some(throttle) = Throttle::find() {
        assert!(throttle.throttled_ns().is_some());
    }
    if let (Some(first), Some(second)) = (cpu_pressure(), cpu_pressure()) {
        assert!(first <= second);
    }
}

#[test]
fn the_line_cell_is_written_by_another_process() {
    let cell = LineCell::create().unwrap();
    assert_eq!(cell.read(), None);
    let path = cell.path().to_path_buf();
    let mut child = python(&format!(
        "import mmap\nf=open({path:?},'r+b')\nm=memoryview(mmap.mmap(f.fileno(),64)).cast('Q')\nimport time\ne=time.monotonic()+0.5\nwhile time.monotonic()<e:\n  for i in range(1000): m[0]=(7<<32)|7; m[0]=(8<<32)|8\nm[0]=(3<<32)|42"
    ));
    let mut seen = std::collections::BTreeSet::new();
    while child.wait_timeout(Duration::ZERO).unwrap().is_none() {
        for _ in 0..1000 {
            seen.extend(cell.read());
        }
    }
    assert_eq!(cell.read(), Some(CurrentLine { file: 2, line: 42 }));
    seen.remove(&CurrentLine { file: 2, line: 42 });
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), vec![CurrentLine { file: 6, line: 7 }, CurrentLine { file: 7, line: 8 }], "no value is ever half written");
    drop(cell);
    assert!(!path.exists());
}

#[test]
fn a_cell_needs_a_directory_that_exists() {
    assert!(LineCell::create_in(std::path::Path::new("/no/such/directory")).is_err());
}

#[test]
fn a_closer_look_names_pools_and_libraries_and_is_not_taken_all_the_time() {
    let mut child = python("import threading,time,ctypes\nctypes.CDLL('libc.so.6').prctl(15,b'worker-1',0,0,0)\nfor i in range(3): threading.Thread(target=lambda: (ctypes.CDLL('libc.so.6').prctl(15,b'pool_%d' % i,0,0,0), time.sleep(20)),daemon=True).start()\nend=time.time()+1.2\nwhile time.time()<end: pass");
    let mut sampler = TreeSampler::new(&child);
    let mut details = Vec::new();
    let begun = Instant::now();
    let mut looks = 0;
    while child.wait_timeout(Duration::from_millis(5)).unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the workload never ends");
        sampler.sample();
        looks += 1;
        details.extend(sampler.detail_if_due());
    }
    assert!(!details.is_empty() && details.len() * 3 < looks, "{} closer looks among {looks}", details.len());
    // The very last one may fall on the process as it ends, with some of its threads gone already.
    let last = details.iter().max_by_key(|detail| detail.threads).unwrap();
    let names: Vec<(&str, u32)> = last.pools.iter().map(|pool| (pool.name.as_str(), pool.threads)).collect();
    assert_eq!(names, [("pool", 3), ("worker-1", 1)]);
    let (workers, main) = (&last.pools[0], &last.pools[1]);
    assert!(main.cpu_ns > 10 * workers.cpu_ns && workers.busy == 0, "{last:?}");
    assert_eq!((last.processes, last.threads, last.openmp_per_process), (1, 4, 0));
    let tells = std::fs::read_to_string("/proc/self/sched").is_ok_and(|text| text.contains("se.nr_migrations"));
    assert_eq!(last.migrations.is_some(), tells);
}

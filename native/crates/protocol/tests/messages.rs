//! Every message survives a round trip, has the agreed shape, and the committed schema is that of these types.

use std::collections::BTreeMap;

use threadgauge_protocol::*;

fn arm() -> Arm {
    Arm {
        label: "OMP_NUM_THREADS=2".into(),
        threads: Some(2),
        env: BTreeMap::from([("OMP_NUM_THREADS".into(), Some("2".into())), ("MKL_NUM_THREADS".into(), None)]),
        torch_num_threads: None,
        pin_env: false,
        reason: "physical cores".into(),
        ..Default::default()
    }
}

fn doubts() -> Vec<Doubt> {
    vec![
        Doubt::ForeignLoad { cpus: 0.5, contaminated: 2 },
        Doubt::Noisy { arm: 0, spread: 0.2 },
        Doubt::Drift { change: -0.1 },
        Doubt::TooShort { median_ns: 4 },
        Doubt::Throttled { arm: 1, share: 0.3 },
        Doubt::OutputDiffers { arm: 0, other: 1 },
        Doubt::ProbeOverhead { arm: 0, overhead: 0.02 },
        Doubt::SettingWithoutEffect { arm: 0, asked: 4, observed: 2 },
        Doubt::RegionUnavailable { reason: "No imports.".into() },
        Doubt::BudgetSpent { missing_trials: 3 },
        Doubt::FewRuns { arm: 0, runs: 1 },
        Doubt::TrialsFailed { arm: 1, failed: 1 },
        Doubt::NotMeasured { what: "Throttling.".into() },
        Doubt::FrequencyChange { change: -0.2 },
        Doubt::FewerCoresThanTarget { here: 2, target: 96 },
        Doubt::ClockJumped { seconds: 3.5 },
        Doubt::FewerEffectiveCpus { visible: 2.0, effective: 1.2 },
        Doubt::SelectionNotRepeated { reason: "It returns.".into() },
        Doubt::InstancesUneven { arm: 0, together: 0.4 },
        Doubt::MemoryLimit { arm: 0, bytes: 9 },
    ]
}

fn events() -> Vec<Event> {
    let machine = Machine { os: Some("linux".into()), core_kinds: Some(vec![CoreKind { name: "P".into(), cpus: vec![0] }]), cpu_quota: Some(1.5), ..Machine::default() };
    let timing = LineTiming { line: 3, hits: 9, wall_ns: 100, cpu_ns: Some(50), thread_cpu_ns: None, runnable: Some(1.5), run_delay_per_s: None, first_ns: 20, ..Default::default() };
    let mut events = vec![
        Event::Hello(Hello { protocol: PROTOCOL_VERSION, version: "0.1.0".into(), pid: 7, machine, missing: vec!["Nothing.".into()] }),
        Event::Plan(BenchPlan { arms: vec![arm()], current: 0, mode: Mode::Search, max_trials: 9, seed: 1, command: vec!["python3".into()], region: Region::AfterImports, ..Default::default() }),
        Event::TrialStarted(TrialStarted { trial: 0, arm: 0, phase: Phase::Warmup, block: 0, pid: Some(9), process_group: None }),
        Event::Sample(Sample { trial: 0, at_ns: 1, threads: 2, runnable: 1, cpu_ns: 5, run_delay_ns: None, foreign_cpus: Some(0.25) }),
        Event::Lines(Lines { arm: 0, trials: 2, overhead: None, files: vec![FileLines { path: "/w/a.py".into(), sha256: "00".into(), lines: vec![timing] }] }),
        Event::TrialFinished(TrialFinished {
            trial: 0,
            arm: 0,
            phase: Phase::Confirm,
            status: TrialStatus::Failed,
            wall_ns: 10,
            region_ns: None,
            cpu_ns: 9,
            region_cpu_ns: Some(4),
            peak_threads: 3,
            voluntary_switches: Some(1),
            involuntary_switches: None,
            run_delay_ns: Some(2),
            throttled_ns: None,
            foreign_cpus: None,
            exit_code: None,
            signal: Some(9),
            output_tail: Some("\u{fffd}\n".into()),
            observed_threads: Some(2),
            ..Default::default()
        }),
        Event::Progress(Progress { phase: Phase::Race, done: 1, expected: 8, remaining_s: 2.5, best: None, ..Default::default() }),
        Event::ArmSummary(ArmSummary {
            arm: 0,
            runs: 1,
            scores_ns: vec![5],
            median_ns: 5,
            mean_ns: 5,
            mad_ns: 0,
            min_ns: 5,
            max_ns: 5,
            busy_cores: Some(1.9),
            waiting_threads: None,
            peak_threads: 2,
            ratio_to_best: Some(1.0),
            ratio_is_lower_bound: true,
            dropped: false,
            failures: 0,
            ..Default::default()
        }),
        Event::Verdict(Verdict { outcome: Outcome::Faster, best: 1, current: 0, speedup: Some(1.5), interval: Some([1.25, 1.75]), pairs: 8, tied: vec![2], sentence: "Yes.".into() }),
        Event::Finished(Finished { cancelled: true, elapsed_s: 1.5, counted_trials: 3 }),
        Event::Failed(Failed { code: FailureCode::MissingModule, message: "m".into(), hint: "h".into(), output_tail: None }),
    ];
    events.push(Event::Environment(Environment { runtime: Some("CPython 3.12".into()), libraries: BTreeMap::from([("torch".into(), "2.13.0".into())]), ..Default::default() }));
    let observed = Observed {
        arm: Some(0),
        runtimes: vec![LoadedRuntime { name: "libgomp".into(), kind: "openmp".into(), path: "/l/libgomp.so.1".into(), version: Some("1".into()) }],
        pools: vec![ThreadPool { name: "python".into(), threads: 2, cpu_ns: 4, run_delay_ns: None, busy: 1 }],
        throttled_periods: Some([1, 9]),
        ..Default::default()
    };
    events.push(Event::Observed(observed));
    let point = FrontPoint { arm: 0, instances: 2, threads: 1, latency_ns: 8, throughput_per_s: 0.25, throughput_interval_per_s: Some([0.2, 0.5]), on_front: true, ..Default::default() };
    events.push(Event::Front(Front { points: vec![point], latency: Some(0), ..Default::default() }));
    events.extend(doubts().into_iter().map(Event::Doubt));
    events
}

fn request() -> BenchRequest {
    BenchRequest {
        workload: Workload {
            argv: vec!["python3".into(), "a.py".into()],
            cwd: "/w".into(),
            env: BTreeMap::from([("PATH".into(), "/bin".into())]),
            python: Some(PythonWorkload { script_index: 1, probe_dir: "/p".into(), roots: vec!["/w".into()], region: Region::Process, ..Default::default() }),
            simulated: Some(SimulatedWorkload { seconds_by_threads: BTreeMap::from([(1, 2.0), (4, 0.5)]), noise: 0.01, outliers: 0.0, drift: 0.0, foreign: 0.0, real_seconds: 0.0, ..Default::default() }),
            ..Default::default()
        },
        arms: vec![arm()],
        current: 0,
        mode: Mode::Verify,
        limits: Limits::default(),
        lines: LinesRequest { enabled: true, arms: vec![0] },
        seed: 5,
        ..Default::default()
    }
}

#[test]
fn every_event_survives_a_round_trip() {
    let mut kinds = std::collections::BTreeSet::new();
    for event in events() {
        let envelope = Envelope { v: PROTOCOL_VERSION, event };
        let text = serde_json::to_string(&envelope).expect("events are JSON");
        assert!(!text.contains('\n'), "one line: {text}");
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        kinds.insert(value["type"].as_str().expect("a type").to_owned());
        assert_eq!(serde_json::from_str::<Envelope>(&text).expect(&text), envelope);
    }
    // The compiler does not count variants; the schema does.
    let schema: serde_json::Value = serde_json::from_str(&schema()).expect("JSON");
    let all = schema["definitions"]["Envelope"]["oneOf"].as_array().expect("the variants").len();
    assert_eq!(kinds.len(), all, "a kind of event is not tested: {kinds:?}");
}

#[test]
fn every_command_survives_a_round_trip() {
    for command in [Command::Start(Box::new(request())), Command::Cancel(Empty {}), Command::Pause(Empty {}), Command::Resume(Empty {})] {
        let envelope = CommandEnvelope { v: PROTOCOL_VERSION, command };
        let text = serde_json::to_string(&envelope).expect("commands are JSON");
        assert_eq!(serde_json::from_str::<CommandEnvelope>(&text).expect(&text), envelope);
    }
}

#[test]
fn a_cancel_is_this_line() {
    let envelope: CommandEnvelope = serde_json::from_str(r#"{"v":1,"type":"cancel","data":{}}"#).expect("a command");
    assert_eq!(envelope.command, Command::Cancel(Empty {}));
}

#[test]
fn what_a_request_leaves_out_has_a_default_and_what_it_misspells_is_refused() {
    let short = r#"{"v":1,"type":"start","data":{"workload":{"argv":["a"],"cwd":"/","env":{}},"arms":[],"current":0,"mode":"search"}}"#;
    let Command::Start(parsed) = serde_json::from_str::<CommandEnvelope>(short).expect("a command").command else { panic!("not a start") };
    assert_eq!((parsed.limits, parsed.seed, parsed.lines.enabled), (Limits::default(), 0, false));
    let error = serde_json::from_str::<CommandEnvelope>(&short.replace("\"current\"", "\"curent\"")).expect_err("misspelt");
    assert!(error.to_string().contains("curent"), "{error}");
}

#[test]
fn the_committed_schema_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schema/protocol.schema.json");
    let committed = std::fs::read_to_string(path).expect("the schema is committed");
    assert!(committed == schema(), "native/schema/protocol.schema.json is stale: run `npm run generate` and commit the result");
}

/** The command line as a terminal sees it: output, exit codes, one clear line for every error. */
import { strict as assert } from 'node:assert';
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { decodeRecording } from '../../../server/src/bench/decode.ts';
import { initialRunState, reduce } from '../../../server/src/bench/runState.ts';
import { findRunner } from '../../../server/src/host/node/findRunner.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const SCRUBBED = /^(?:OMP|MKL|KMP|GOMP|OPENBLAS|TORCH|NO_COLOR|FORCE_COLOR|CI|THREADGAUGE(?!_LOCK_DIR))/;
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !SCRUBBED.test(name)));

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function start(args: readonly string[], cwd: string, more: Readonly<Record<string, string>> = {}): { child: ChildProcess; outcome: Promise<Outcome> } {
  const child = spawn(process.execPath, [path.join(root, 'server/src/cli/main.ts'), ...args], { cwd, env: { ...environment, ...more }, stdio: ['ignore', 'pipe', 'pipe'] });
  const outcome = new Promise<Outcome>((resolve) => {
    let out = '';
    let err = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text));
    child.on('close', (code) => resolve({ code, out, err }));
  });
  return { child, outcome };
}

const run = (args: readonly string[], cwd: string): Promise<Outcome> => start(args, cwd).outcome;

describe('command line', function () {
  this.timeout(60_000);
  let folder: string;

  beforeEach(() => {
    folder = path.join(mkdtempSync(path.join(realpathSync(tmpdir()), 'threadgauge-cli-')), 'w');
    cpSync(path.join(root, 'test/workspaces/late-environment'), folder, { recursive: true });
    rmSync(path.join(folder, 'expect.json'));
    writeFileSync(path.join(folder, 'machine.json'), '{"physicalCores": 8, "logicalCores": 16, "os": "linux", "arch": "x86_64"}');
  });
  afterEach(() => rmSync(path.dirname(folder), { recursive: true }));

  it('check prints findings with excerpt and carets, without colour into a pipe, and exits with 1', async () => {
    const { code, out, err } = await run(['check', '--machine', 'machine.json'], folder);
    assert.equal(code, 1, err);
    assert.match(out, /^classify\.py:7:1: warning env-set-after-import\n {2}OMP_NUM_THREADS is set after/m);
    assert.match(out, /^ {2}7 \| os\.environ\["OMP_NUM_THREADS"\] = "4"\n {4}\| \^{35}$/m);
    assert.match(out, /^ {2}classify\.py:4:1: /m);
    assert.match(out, /^1 error, 1 warning, 1 information; 2 files read\.$/m);
    assert.ok(!out.includes('\u001b'));
  });

  it('check honours --fail-on and single files', async () => {
    writeFileSync(path.join(folder, 'fine.py'), 'print("hello")\n');
    assert.equal((await run(['check', 'fine.py', '--machine', 'machine.json'], folder)).code, 0);
    assert.equal((await run(['check', 'classify.py', '--machine', 'machine.json'], folder)).code, 1);
    assert.equal((await run(['check', 'classify.py', '--machine', 'machine.json', '--fail-on', 'error'], folder)).code, 0);
  });

  it('check writes SARIF and GitHub annotations', async () => {
    const sarif = JSON.parse((await run(['check', '--format', 'sarif', '--machine', 'machine.json'], folder)).out) as { version: string; runs: { results: { ruleId: string; ruleIndex: number; locations: { physicalLocation: { artifactLocation: { uri: string }; region: { startLine: number } } }[] }[]; tool: { driver: { rules: { id: string }[] } } }[] };
    assert.equal(sarif.version, '2.1.0');
    const [first] = sarif.runs;
    const result = first?.results.find(({ ruleId }) => ruleId === 'env-set-after-import');
    assert.equal(result?.locations[0]?.physicalLocation.artifactLocation.uri, 'classify.py');
    assert.equal(result?.locations[0]?.physicalLocation.region.startLine, 7);
    assert.equal(first?.tool.driver.rules[result?.ruleIndex ?? -1]?.id, 'env-set-after-import');
    const { out } = await run(['check', '--format', 'github', '--machine', 'machine.json'], folder);
    assert.match(out, /^::warning file=classify\.py,line=7,endLine=7,col=1,endColumn=36,title=ThreadGauge env-set-after-import::OMP_NUM_THREADS is set/m);
  });

  it('check --fix applies safe fixes only, keeps permissions, and reports what is left', async () => {
    const script = path.join(folder, 'run.sh');
    writeFileSync(script, '#!/bin/sh\nexport OMP_NUM_THREAD=2\npython classify.py x.pt\n');
    chmodSync(script, 0o750);
    const before = readFileSync(path.join(folder, 'classify.py'), 'utf8');
    const json = JSON.parse((await run(['check', '--format', 'json', '--machine', 'machine.json'], folder)).out) as { findings: { fixes: { safety: string; edits: { file: string }[] }[] }[] };
    const safe = new Set(json.findings.flatMap(({ fixes }) => fixes.filter(({ safety }) => safety === 'safe').flatMap(({ edits }) => edits.map(({ file }) => file))));
    const { err } = await run(['check', '--fix', '--machine', 'machine.json'], folder);
    assert.match(err, /safe fix(?:es)? applied in \d file/);
    assert.equal(statSync(script).mode & 0o777, 0o750);
    assert.equal(readFileSync(path.join(folder, 'classify.py'), 'utf8') !== before, safe.has('classify.py'));
    const again = await run(['check', '--fix', '--machine', 'machine.json'], folder);
    assert.match(again.err, /0 safe fixes applied/);
  });

  it('plan explains numbers and settings, as text and as JSON', async () => {
    const { code, out } = await run(['plan', '--machine', 'machine.json'], folder);
    assert.equal(code, 0);
    assert.match(out, /^\.vscode\/launch\.json:6:\d+ classify$/m);
    assert.match(out, /no effect: OMP_NUM_THREADS=4/);
    const json = JSON.parse((await run(['plan', '--format', 'json', '--machine', 'machine.json'], folder)).out) as { version: number; machine: { logicalCores: number }; plans: { launch: { file: string }; entry: string; processes: number; values: { knob: string; from: { file: string }[] }[] }[] };
    assert.equal(json.version, 1);
    assert.equal(json.machine.logicalCores, 16);
    assert.equal(json.plans[0]?.launch.file, '.vscode/launch.json');
    assert.equal(json.plans[0]?.entry, 'classify.py');
    assert.equal(json.plans[0]?.processes, 1);
    assert.equal(json.plans[0]?.values.find(({ knob }) => knob === 'OMP_NUM_THREADS')?.from[0]?.file, '.vscode/launch.json');
  });

  it('check reads what it can of a folder full of nonsense, and neither hangs nor fails', async () => {
    const bad = path.join(folder, 'bad');
    mkdirSync(bad);
    writeFileSync(path.join(bad, 'huge.py'), Buffer.alloc(50 * 1024 * 1024, 'x'));
    writeFileSync(path.join(bad, 'empty.py'), '');
    writeFileSync(path.join(bad, 'binary.py'), Buffer.from([0x69, 0, 1, 2, 0xff]));
    writeFileSync(path.join(bad, 'latin.py'), Buffer.from([0x23, 0xe9, 0x0a]));
    symlinkSync('/nonexistent', path.join(bad, 'dangling.py'));
    symlinkSync('.', path.join(bad, 'loop'));
    execFileSync('mkfifo', [path.join(bad, 'pipe.py')]);
    mkdirSync(path.join(bad, 'directory.py'));
    writeFileSync(path.join(bad, 'late.py'), readFileSync(path.join(folder, 'classify.py')));
    const { code, out, err } = await run(['check', 'bad', '--format', 'json', '--machine', 'machine.json'], folder);
    assert.equal(code, 1, err);
    const report = JSON.parse(out) as { findings: { file: string; rule: string }[]; gaps: { file: string; reason: string }[] };
    assert.deepEqual(report.gaps.map(({ file, reason }) => `${file} ${reason}`), ['bad/binary.py binary', 'bad/huge.py too-large', 'bad/latin.py encoding']);
    assert.ok(report.findings.some(({ file, rule }) => file === 'bad/late.py' && rule === 'env-set-after-import'));
    assert.match(err, /^threadgauge: bad\/dangling\.py: The file cannot be read/m);
    assert.equal((await run(['check', 'bad/pipe.py'], folder)).code, 2);
  });

  it('honours .threadgauge.json of the folder and of those above, and names its mistakes', async () => {
    mkdirSync(path.join(folder, 'inner'));
    writeFileSync(path.join(folder, 'inner/late.py'), readFileSync(path.join(folder, 'classify.py')));
    writeFileSync(path.join(folder, '.threadgauge.json'), '{"rules": {"env-set-after-import": "off"}, "machine": {"logicalCores": 4, "os": "linux"}}');
    const rules = async (): Promise<readonly string[]> => (JSON.parse((await run(['check', 'inner', '--format', 'json'], folder)).out) as { findings: { rule: string }[] }).findings.map(({ rule }) => rule);
    assert.ok(!(await rules()).includes('env-set-after-import'));
    writeFileSync(path.join(folder, 'inner/.threadgauge.json'), '{"rules": {"env-set-after-import": "warning"}}');
    assert.ok((await rules()).includes('env-set-after-import'));
    writeFileSync(path.join(folder, '.threadgauge.json'), '{\n  "rules": {"env-set-later": "off"}\n}');
    const { code, err } = await run(['check', 'inner'], folder);
    assert.equal(code, 2);
    assert.match(err, /^threadgauge: \.threadgauge\.json:2: there is no rule "env-set-later"/m);
  });

  it('explain prints a rule, and helps with a wrong name', async () => {
    assert.match((await run(['explain', 'env-set-after-import'], folder)).out, /^# /);
    const wrong = await run(['explain', 'env-set-later'], folder);
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /^threadgauge: there is no rule "env-set-later".*\n$/);
  });

  for (const [what, args, pattern] of [
    ['an unknown command', ['frobnicate'], /unknown command 'frobnicate'/],
    ['a path that does not exist', ['check', 'nowhere'], /nowhere does not exist/],
    ['a machine file that is none', ['check', '--machine', 'classify.py'], /machine file classify\.py cannot be read/],
    ['a machine that makes no sense', ['check', '--machine', 'bad.json'], /bad\.json is not usable: .*physicalCores/],
    ['nothing to measure', ['bench'], /name one thing to measure/],
    ['a script that does not exist', ['bench', 'gone.py'], /gone\.py does not exist/],
    ['a launch that does not exist', ['bench', '.vscode/launch.json#other'], /has no launch "other"; it has "classify"/],
    ['a compound', ['bench', 'debug/launch.json#both'], /"both" is a compound, which starts several configurations at once; measure one of them: "classify", "other"/],
    ['a bad thread list', ['bench', 'classify.py', '--threads', '1,x'], /whole numbers/],
    ['a Python that does not exist', ['bench', 'classify.py', '--python', '/nonexistent/python'], /\/nonexistent\/python \(--python\) does not exist/],
  ] as const) {
    it(`answers ${what} with one line and exit code 2`, async () => {
      writeFileSync(path.join(folder, 'bad.json'), '{"physicalCores": 0}');
      mkdirSync(path.join(folder, 'debug'));
      writeFileSync(path.join(folder, 'debug/launch.json'), '{"configurations":[{"name":"classify","type":"debugpy","request":"launch","program":"classify.py"}],"compounds":[{"name":"both","configurations":["classify","other"]}]}');
      const { code, out, err } = await run(args, folder);
      assert.equal(code, 2);
      assert.match(err, pattern);
      assert.equal(err.trim().split('\n').filter((line) => line.startsWith('threadgauge:')).length, 1, err);
      assert.equal(out, '');
    });
  }
});

describe('bench on the command line', function () {
  this.timeout(180_000);
  let folder: string;

  before(function () {
    // Built by `npm run build:all`.
    if ('problem' in findRunner(undefined)) this.skip();
  });
  beforeEach(() => (folder = mkdtempSync(path.join(realpathSync(tmpdir()), 'threadgauge-bench-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const SIMULATED = JSON.stringify({ seconds_by_threads: { 1: 1, 2: 0.52, 4: 0.5 }, noise: 0.01, outliers: 0, drift: 0 });

  it('prints table, ratio and verdict, and saves the stream', async () => {
    const { code, out, err } = await run(['bench', '--simulate', SIMULATED, '--threads', '1,2,4', '--seed', '3', '--save', 'runs/one.ndjson', '--', 'sh', '-c', 'true'], folder);
    assert.equal(code, 0, err);
    assert.match(out, /^machine +\S/m);
    assert.match(out, /^setting +runs +median/m);
    assert.match(out, /^OMP_NUM_THREADS=4 /m);
    const state = decodeRecording(readFileSync(path.join(folder, 'runs/one.ndjson'), 'utf8')).reduce(reduce, initialRunState());
    assert.equal(state.status, 'finished');
    assert.ok(out.includes(state.verdict?.sentence ?? 'no verdict'));
  });

  it('prints the same from a recording as from the run', async () => {
    const ran = await run(['bench', '--simulate', SIMULATED, '--threads', '1,2,4', '--seed', '3', '--save', 'one.ndjson', '--', 'true'], folder);
    const replayed = await run(['bench', '--replay', 'one.ndjson'], folder);
    assert.equal(replayed.code, 0, replayed.err);
    const results = (out: string): string => out.slice(out.indexOf('\nsetting '));
    assert.ok(results(ran.out).length > 300, ran.out);
    assert.equal(results(replayed.out), results(ran.out));
    assert.match(replayed.out, /^recorded +one\.ndjson \(.* UTC, ThreadGauge \S+\)$/m);
    assert.match(replayed.out, /^machine +\S/m);
    const events = (text: string): unknown[] => text.trimEnd().split('\n').map((line) => JSON.parse(line) as unknown);
    const stream = (await run(['bench', '--replay', 'one.ndjson', '--format', 'json'], folder)).out;
    // The file begins with a header of its own.
    assert.deepEqual(events(stream), events(readFileSync(path.join(folder, 'one.ndjson'), 'utf8')).slice(1));
  });

  for (const [what, content, pattern] of [
    ['that does not exist', null, /gone\.ndjson could not be read/],
    ['that is empty', '', /gone\.ndjson is no recording of a benchmark: it has no events/],
    ['of something else', '{"a": 1}\n', /gone\.ndjson is no recording of a benchmark: not an event: \{"a": 1\}/],
    ['of another version', '{"v":9,"type":"hello","data":{"protocol":9}}\n', /gone\.ndjson is no recording of a benchmark: it was recorded with protocol version 9; this ThreadGauge reads version 1/],
    ['that is damaged', '{"v":1,"type":"hello","data":{}}\n{"v":1,"type":"plan","data":{}}\n', /gone\.ndjson is no recording of a benchmark: it is damaged/],
  ] as const) {
    it(`refuses a recording ${what}`, async () => {
      if (content !== null) writeFileSync(path.join(folder, 'gone.ndjson'), content);
      const { code, out, err } = await run(['bench', '--replay', 'gone.ndjson'], folder);
      assert.deepEqual([code, out], [2, '']);
      assert.match(err, pattern);
    });
  }

  it('keeps every run: listed, shown, compared, exported, removed; broken ones are named', async () => {
    const own = path.join(folder, 'state');
    const kept = path.join(own, 'threadgauge/recordings');
    const call = (args: readonly string[]): Promise<Outcome> => start(args, folder, { XDG_STATE_HOME: own, SECRET_TOKEN: 'hunter2', OMP_PROC_BIND: 'close' }).outcome;
    assert.match((await call(['recordings'])).out, /^No benchmark was kept in .*state\/threadgauge\/recordings yet\.$/m);
    const ran = await call(['bench', '--simulate', SIMULATED, '--threads', '1,2,4', '--seed', '3', '--html', 'report.html', '--', 'true']);
    await call(['bench', '--simulate', SIMULATED, '--threads', '1,2,4', '--seed', '4', '--', 'true']);
    await call(['bench', '--simulate', SIMULATED, '--threads', '1,2,4', '--no-record', '--', 'true']);
    const files = readdirSync(kept).sort();
    assert.equal(files.length, 2);
    const content = readFileSync(path.join(kept, files[0] ?? ''), 'utf8');
    assert.ok(!content.includes('hunter2'), 'no variable that is not about threads');
    const header = (JSON.parse(content.split('\n')[0] ?? '') as { data: { request: { workload: { env: Record<string, string> } }; omittedVariables: number } }).data;
    assert.equal(header.request.workload.env['OMP_PROC_BIND'], 'close');
    assert.ok(header.omittedVariables > 3 && header.request.workload.env['PATH'] === undefined);
    writeFileSync(path.join(kept, '2026-01-01T00-00-00-torn-0000.ndjson'), content.slice(0, content.length / 2));
    writeFileSync(path.join(kept, '2026-01-01T00-00-00-other-0000.ndjson'), 'hello\n');

    const listed = await call(['recordings', 'list']);
    assert.equal(listed.code, 0);
    assert.equal(listed.out.split('\n').filter((line) => /-true-[0-9a-f]{4} /.test(line)).length, 2, listed.out);
    assert.match(listed.err, /torn-0000\.ndjson was left out, because it is torn: its last line is not complete\./);
    assert.match(listed.err, /other-0000\.ndjson was left out, because not JSON: hello\./);
    const json = JSON.parse((await call(['recordings', '--format', 'json'])).out) as { recordings: { id: string; status: string }[]; skipped: string[] };
    assert.deepEqual([json.recordings.map(({ status }) => status), json.skipped.length], [['complete', 'complete'], 2]);
    const [second = '', first = ''] = json.recordings.map(({ id }) => id);

    const results = (out: string): string => out.slice(out.indexOf('\nsetting '));
    assert.equal(results((await call(['recordings', 'show', first])).out), results(ran.out));
    assert.match((await call(['recordings', 'compare', first, 'latest'])).out, /^OMP_NUM_THREADS=4 .*\d-\d[\s\S]*(?:No difference beyond noise|beyond noise)/m);
    const exported = await call(['recordings', 'export', second.slice(-4), '-o', 'out.json']);
    assert.equal(exported.code, 0, exported.err);
    assert.equal((JSON.parse(readFileSync(path.join(folder, 'out.json'), 'utf8')) as { status: string }).status, 'complete');
    assert.equal(results((await call(['recordings', 'show', 'out.json'])).out).length > 200, true);
    const page = readFileSync(path.join(folder, 'report.html'), 'utf8');
    assert.equal((await call(['recordings', 'export', first, '--format', 'html'])).out, page);
    assert.equal((await call(['recordings', 'remove', first, second])).code, 0);
    assert.deepEqual(readdirSync(kept).filter((name) => name.includes('-true-')), []);
    assert.match((await call(['recordings', 'show', first])).err, /There is no recording /);
  });

  it('shows the result of a run that cannot be kept, and leaves no broken file', async () => {
    writeFileSync(path.join(folder, 'state'), 'in the way');
    const { code, out, err } = await start(['bench', '--simulate', SIMULATED, '--threads', '1,2', '--save', 'state/x.ndjson', '--', 'true'], folder, { XDG_STATE_HOME: path.join(folder, 'state') }).outcome;
    // What was asked for in so many words is missing.
    assert.equal(code, 2);
    assert.match(out, /^OMP_NUM_THREADS=2 +\d/m);
    assert.match(err, /^threadgauge: The recording \(.*\) was not saved: .*The result above stands\.$/m);
    assert.match(err, /^threadgauge: .*state\/x\.ndjson was not saved: /m);
    assert.deepEqual(readdirSync(folder), ['state']);
  });

  it('judges a run against a baseline: pass, regression beyond noise, cannot tell', async () => {
    const law = (seconds: number, noise: number): string => JSON.stringify({ seconds_by_threads: { 1: seconds * 2, 2: seconds }, noise, outliers: 0, drift: 0, real_seconds: 0 });
    const gate = (simulate: string, ...more: readonly string[]): Promise<Outcome> => run(['bench', '--simulate', simulate, '--threads', '1,2', '--no-record', '--seed', '5', ...more, '--', 'true'], folder);
    await gate(law(1, 0.01), '--save', 'base.ndjson');
    const same = await gate(law(1, 0.01), '--compare', 'base.ndjson', '--fail-above', '5%');
    assert.equal(same.code, 0, same.err + same.out);
    assert.match(same.out, /Not slower by more than the 5\.0 % allowed\./);
    const slower = await gate(law(1.15, 0.01), '--compare', 'base.ndjson', '--fail-above', '5%');
    assert.equal(slower.code, 1, slower.err + slower.out);
    assert.match(slower.out, /Slower by more than the 5\.0 % allowed, beyond noise\. The launch takes 1\.1\dx the time/);
    const unclear = await gate(law(1.05, 0.05), '--compare', 'base.ndjson', '--fail-above', '5%', '--format', 'github');
    assert.equal(unclear.code, 0);
    assert.match(unclear.out, /^::warning title=ThreadGauge benchmark::Cannot tell whether it is slower by more than the 5\.0 %25 allowed/);
    const json = await gate(law(1.15, 0.01), '--compare', 'base.ndjson', '--fail-above', '5', '--format', 'json');
    assert.equal(json.code, 1);
    assert.equal((JSON.parse(json.out.trimEnd().split('\n').at(-1) ?? '') as { data: { outcome: string } }).data.outcome, 'regression');
    const text = readFileSync(path.join(folder, 'base.ndjson'), 'utf8');
    writeFileSync(path.join(folder, 'elsewhere.ndjson'), text.replaceAll(/"logicalCores":\d+/g, '"logicalCores":1024'));
    const refused = await gate(law(1, 0.01), '--compare', 'elsewhere.ndjson', '--fail-above', '5%');
    assert.equal(refused.code, 2);
    assert.match(refused.err, /cannot be compared with this run\. They were measured on different machines \(CPUs: 1024 and \d+\)\. Make a new baseline/);
    assert.equal((await gate(law(1, 0.01), '--fail-above', '5%')).code, 2);
  });

  it('shows what a recording holds that ends in the middle', async () => {
    await run(['bench', '--simulate', SIMULATED, '--threads', '1,2', '--seed', '3', '--save', 'one.ndjson', '--', 'true'], folder);
    const lines = readFileSync(path.join(folder, 'one.ndjson'), 'utf8').split('\n');
    writeFileSync(path.join(folder, 'half.ndjson'), lines.slice(0, lines.length / 2).join('\n'));
    const { code, out } = await run(['bench', '--replay', 'half.ndjson'], folder);
    assert.equal(code, 0);
    assert.match(out, /^setting +runs/m);
    assert.match(out, /The recording ends in the middle of the run\./);
    assert.equal((await run(['bench', '--replay', 'half.ndjson', 'x.py'], folder)).code, 2);
  });

  it('prints what it measured although the recording cannot be saved', async function () {
    if (!existsSync('/dev/full')) this.skip();
    const { code, out, err } = await run(['bench', '--simulate', SIMULATED, '--threads', '1,2', '--seed', '3', '--save', '/dev/full', '--', 'true'], folder);
    assert.equal(code, 2);
    assert.match(out, /^setting +runs/m);
    assert.match(err, /^threadgauge: \/dev\/full was not saved: the disk is full\. The result above stands\.$/m);
    assert.ok(statSync('/dev/full').isCharacterDevice(), 'a device is not replaced by a file');
  });

  it('says that its output could not be written', function () {
    if (!existsSync('/dev/full')) this.skip();
    const command = `"${process.execPath}" "${path.join(root, 'server/src/cli/main.ts')}" bench --simulate '${SIMULATED}' --threads 1,2 --format json -- true > /dev/full`;
    const { status, stderr } = spawnSync('sh', ['-c', command], { cwd: folder, env: environment, encoding: 'utf8' });
    assert.equal(status, 2);
    assert.match(stderr, /the output could not be written: .*ENOSPC/);
  });

  it('ends a program that takes more memory than --memory-limit, and says so', async () => {
    writeFileSync(path.join(folder, 'large.py'), 'import time\nkept = [bytearray(1 << 20) for _ in range(4000)]\ntime.sleep(5)\n');
    const { code, err } = await run(['bench', 'large.py', '--threads', '1,2', '--memory-limit', '150MiB'], folder);
    assert.equal(code, 2);
    assert.match(err, /The program came to the end of the memory it may use \(150 MiB\)\./);
  });

  it('says that the machine has fewer CPUs than the one meant', async () => {
    writeFileSync(path.join(folder, 'large.json'), '{"physicalCores": 512, "logicalCores": 1024, "os": "linux", "arch": "x86_64"}');
    const { code, out } = await run(['bench', '--machine', 'large.json', '--simulate', SIMULATED, '--threads', '1,2', '--seed', '3', '--', 'true'], folder);
    assert.equal(code, 0);
    assert.match(out, /This machine has \d+ CPUs and the one the answer is meant for has 1024: more threads could not be tried here\./);
  });

  it('prints the event stream with --format json', async () => {
    const { code, out } = await run(['bench', '--simulate', SIMULATED, '--threads', '1,2', '--format', 'json', '--', 'true'], folder);
    assert.equal(code, 0);
    const events = decodeRecording(out);
    assert.equal(events[0]?.type, 'hello');
    assert.equal(events.at(-1)?.type, 'finished');
  });

  it('measures a part of a program by the call, and leaves the rest out', async () => {
    writeFileSync(path.join(folder, 'part.py'), 'import os, time\n\ntime.sleep(0.2)\n\ndef infer(n):\n    time.sleep(0.002 * n)\n    return n\n\n# threadgauge: begin work\nfor i in range(3):\n    infer(2)\n# threadgauge: end\ntime.sleep(60)\n');
    const { code, out, err } = await run(['bench', 'part.py', '--region', 'infer', '--threads', '1,2', '--budget', '60', '--save', 'one.ndjson'], folder);
    assert.equal(code, 0, err);
    assert.match(out, /^measured function infer \(line 5 of part\.py\), repeated in every run/m);
    assert.match(out, /: \d[\d.]* ms per call \((?:95 % ± [\d.]+ %, )?[\d,]+ calls in \d+ processes?\); 95 of 100 within [\d.]+ ms; first call [\d.]+ ms$/m);
    const state = decodeRecording(readFileSync(path.join(folder, 'one.ndjson'), 'utf8')).reduce(reduce, initialRunState());
    assert.equal(state.plan?.region, 'selected');
    for (const { region_ns, calls } of state.trials) assert.ok((region_ns ?? 0) >= 4e6 && (region_ns ?? 0) < 100e6 && (calls ?? 0) >= 5, `${region_ns} ns, ${calls} calls`);
    const marked = await run(['bench', 'part.py', '--region', 'mark:work', '--threads', '1,2', '--budget', '5'], folder);
    assert.match(marked.out, /^measured work \(lines 10 to 11 of part\.py\)/m, marked.err);
  });

  it('measures a cell of a notebook, with the cells before it as a script elsewhere', async () => {
    const cells = ['import time\nfrom helper import pause', '%%time\npause(0.003)\nx = 1'].map((source) => ({ cell_type: 'code', source }));
    writeFileSync(path.join(folder, 'helper.py'), 'import time\ndef pause(s):\n    time.sleep(s)\n');
    writeFileSync(path.join(folder, 'nb.ipynb'), JSON.stringify({ cells, metadata: { language_info: { name: 'python' } } }));
    const { code, out, err } = await run(['bench', 'nb.ipynb', '--region', 'cell:2', '--threads', '1,2', '--budget', '30'], folder);
    assert.equal(code, 0, err);
    assert.match(out, /^measured cell 2 \(lines 4 to 5 of nb\.py\)/m);
    assert.match(out, / ms per execution \(/);
    assert.deepEqual(readdirSync(folder).sort(), ['__pycache__', 'helper.py', 'nb.ipynb'].filter((name) => existsSync(path.join(folder, name))));
    const script = /^command .* (\/\S+nb\.py)$/m.exec(out)?.[1] ?? '';
    assert.ok(script !== '' && !existsSync(path.dirname(script)), `${script} is left`);
  });

  for (const [what, part, sentence] of [
    ['lines without a statement', '2', /There is no statement at line 2 of part\.py\./],
    ['an unknown function', 'predict', /part\.py has no function predict; it has infer\./],
    ['a function that is never called', 'infer', /The program ended without executing the selected code\. Check that this start/],
  ] as const) {
    it(`says of ${what} that it cannot be measured`, async () => {
      writeFileSync(path.join(folder, 'part.py'), 'import time\n\ndef infer(n):\n    return n\n');
      const { code, err } = await run(['bench', 'part.py', '--region', part, '--threads', '1,2'], folder);
      assert.equal(code, 2);
      assert.match(err, sentence);
    });
  }

  it('measures the lines that run in the processes of a pool', async () => {
    writeFileSync(path.join(folder, 'pool.py'), "import time\nfrom concurrent.futures import ProcessPoolExecutor\ndef work(n):\n    time.sleep(0.05)\n    return n\nif __name__ == '__main__':\n    with ProcessPoolExecutor(2) as pool:\n        print(sum(pool.map(work, range(6))))\n");
    const { code, out, err } = await run(['bench', 'pool.py', '--threads', '1,2', '--vary', 'none', '--budget', '120', '--save', 'one.ndjson'], folder);
    assert.equal(code, 0, err);
    const lines = decodeRecording(readFileSync(path.join(folder, 'one.ndjson'), 'utf8')).flatMap((event) => (event.type === 'lines' ? [event.data] : []));
    assert.ok(lines.length > 0, out);
    for (const { files, trials } of lines) {
      const timing = files.find((file) => file.path.endsWith('pool.py'))?.lines.find(({ line }) => line === 4);
      assert.equal(timing?.hits, 6);
      assert.ok(timing.wall_ns >= 0.3e9 && (timing.processes ?? 1) <= 2, JSON.stringify(timing));
      assert.equal(timing.passes_ns?.length, trials);
    }
    assert.ok(lines.some(({ files }) => files.some((file) => file.lines.some(({ processes }) => processes === 2))), 'both workers reached it');
    assert.match(out, /^4 .* 6 .*time\.sleep\(0\.05\)$/m);
    assert.match(out, /^Run time with timed lines, compared with runs without: /m);
  });

  it('reports a program that fails, with its last words', async () => {
    writeFileSync(path.join(folder, 'fails.py'), 'import sys\nprint("the model file is missing", file=sys.stderr)\nsys.exit(3)\n');
    const { code, err } = await run(['bench', 'fails.py', '--threads', '1,2'], folder);
    assert.equal(code, 2);
    assert.match(err, /the model file is missing/);
    assert.match(err, /^threadgauge: /m);
  });

  it('ends everything on Ctrl-C and keeps what was measured', async () => {
    mkdirSync(path.join(folder, 'w'));
    writeFileSync(path.join(folder, 'w/slow.py'), 'import os, subprocess, sys, time\nopen(f"pid{os.getpid()}", "w").close()\nchild = subprocess.Popen(["sleep", "300"])\nopen(f"pid{child.pid}", "w").close()\ntime.sleep(300)\n');
    const { child, outcome } = start(['bench', 'slow.py', '--threads', '1,2'], path.join(folder, 'w'));
    const pids = (): number[] => readdirPids(path.join(folder, 'w'));
    for (let i = 0; i < 200 && pids().length < 2; i++) await new Promise((resolve) => setTimeout(resolve, 100));
    assert.ok(pids().length >= 2, 'the workload started');
    child.kill('SIGINT');
    const { code, out } = await outcome;
    assert.equal(code, 2);
    assert.match(out, /Cancelled/);
    for (const pid of pids()) assert.ok(!alive(pid), `process ${pid} survived`);
  });

  it('prints what was measured until Ctrl-C', async () => {
    const law = JSON.stringify({ seconds_by_threads: { 1: 1, 2: 0.52, 4: 0.5 }, noise: 0.01, outliers: 0, drift: 0, real_seconds: 0.6 });
    // A search may end after a dozen runs, so that each takes long enough for the interruption to come before the end.
    const { child, outcome } = start(['bench', '--simulate', law, '--threads', '1,2,4', '--', 'true'], folder);
    await new Promise<void>((resolve) => child.stdout?.on('data', (text: Buffer) => (String(text).includes('settings') ? setTimeout(resolve, 4000) : undefined)));
    child.kill('SIGINT');
    const { code, out } = await outcome;
    assert.equal(code, 2);
    assert.match(out, /^OMP_NUM_THREADS=\d +\d/m);
    assert.match(out, /^Cancelled\. /m);
  });

  it('keeps what a killed run had measured', async () => {
    const law = JSON.stringify({ seconds_by_threads: { 1: 1, 2: 0.52 }, noise: 0.01, outliers: 0, drift: 0, real_seconds: 0.3 });
    const own = { XDG_STATE_HOME: path.join(folder, 'state') };
    const kept = path.join(folder, 'state/threadgauge/recordings');
    const { child, outcome } = start(['bench', '--simulate', law, '--threads', '1,2', '--format', 'json', '--', 'true'], folder, own);
    let out = '';
    child.stdout?.on('data', (text: Buffer) => (out += String(text)));
    for (let i = 0; i < 300 && out.split('"arm_summary"').length < 4; i++) await new Promise((resolve) => setTimeout(resolve, 50));
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual(readdirSync(kept).map((name) => /^\.[^.]+\.ndjson\.\d+\.part$/.test(name)), [true]);
    child.kill('SIGKILL');
    await outcome;
    const { recordings, skipped } = JSON.parse((await start(['recordings', '--format', 'json'], folder, own).outcome).out) as { recordings: { id: string; status: string; sentence: string }[]; skipped: string[] };
    assert.deepEqual([recordings.map(({ status }) => status), skipped], [['partial'], []]);
    assert.match(recordings[0]?.sentence ?? '', /^The run broke off after \d+ counted runs; what was measured until then is kept\.$/);
    assert.deepEqual(readdirSync(kept), [`${recordings[0]?.id}.ndjson`]);
    assert.match((await start(['recordings', 'show', 'latest'], folder, own).outcome).out, /The recording ends in the middle of the run\./);
  });

  it('waits while it is stopped with Ctrl-Z, and goes on with fg', async () => {
    const law = JSON.stringify({ seconds_by_threads: { 1: 1, 2: 0.52 }, noise: 0.01, outliers: 0, drift: 0, real_seconds: 0.05 });
    const { child, outcome } = start(['bench', '--simulate', law, '--threads', '1,2', '--format', 'json', '--', 'true'], folder);
    let out = '';
    child.stdout?.on('data', (text: Buffer) => (out += String(text)));
    const until = async (what: string, done: () => boolean): Promise<void> => {
      for (let i = 0; i < 300 && !done(); i++) await new Promise((resolve) => setTimeout(resolve, 50));
      assert.ok(done(), what);
    };
    const stopped = (): boolean => readFileSync(`/proc/${child.pid}/stat`, 'utf8').includes(') T ');
    await until('it measures', () => out.includes('"trial_finished"'));
    child.kill('SIGTSTP');
    await until('it stops', stopped);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const trials = (): number => out.split('"trial_started"').length - 1;
    const before = trials();
    assert.equal(out.split('"trial_finished"').length - 1, before, 'what ran has ended');
    child.kill('SIGCONT');
    const { code } = await outcome;
    assert.equal(code, 0);
    assert.match(out, /"paused":true/);
    assert.ok(trials() > before);
  });

  it('says for whom it waits', async () => {
    mkdirSync(path.join(folder, 'w'));
    writeFileSync(path.join(folder, 'w/slow.py'), 'import os, time\nopen(f"pid{os.getpid()}", "w").close()\ntime.sleep(300)\n');
    const first = start(['bench', 'slow.py', '--threads', '1,2'], path.join(folder, 'w'));
    for (let i = 0; i < 200 && readdirPids(path.join(folder, 'w')).length < 1; i++) await new Promise((resolve) => setTimeout(resolve, 100));
    const second = start(['bench', '--threads', '1,2', '--no-lines', '--', 'sh', '-c', 'true'], folder);
    let err = '';
    second.child.stderr?.on('data', (text: Buffer) => (err += String(text)));
    for (let i = 0; i < 200 && err === ''; i++) await new Promise((resolve) => setTimeout(resolve, 100));
    assert.match(err, /^threadgauge: waits for another benchmark \(pid \d+: slow\.py\) to end, because/);
    first.child.kill('SIGINT');
    assert.equal((await first.outcome).code, 2);
    assert.equal((await second.outcome).code, 0);
  });

  const python = process.env['THREADGAUGE_PYTHON'];
  (python === undefined ? it.skip : it)('measures real torch, with lines (needs THREADGAUGE_PYTHON)', async () => {
    writeFileSync(path.join(folder, 'matmul.py'), 'import torch\n\n\ndef main():\n    a = torch.randn(768, 768)\n    for _ in range(12):\n        b = a @ a\n    print(float(b[0, 0]) * 0)\n\n\nif __name__ == "__main__":\n    main()\n');
    const { code, out, err } = await run(['bench', 'matmul.py', '--threads', '1,2', '--python', python ?? '', '--budget', '100'], folder);
    assert.equal(code, 0, err);
    assert.match(out, /^OMP_NUM_THREADS=1 /m);
    // Lines come last; on a crowded machine the budget may be spent by then, and that is said.
    assert.match(out, /b = a @ a|The time budget ended the run/);
  });
});

function readdirPids(directory: string): number[] {
  return existsSync(directory) ? readdirSync(directory).flatMap((name) => (/^pid\d+$/.test(name) ? [Number(name.slice(3))] : [])) : [];
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie waiting for its parent runs nothing any more.
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

/** A running process beside the launches of a workspace: which one fits, what differs, and how it reads. */
import { strict as assert } from 'node:assert';
import path from 'node:path/posix';
import { inspectionDifferences, inspectText } from '../../../server/src/bench/inspectText.ts';
import { commandText, type LaunchMatch, machineOfProcess, matchLaunch, type Paths } from '../../../server/src/bench/matchLaunch.ts';
import type { InspectedProcess, Inspection, Observed } from '../../../server/src/bench/protocol.generated.ts';
import { planLaunch } from '../../../server/src/plan/planLaunch.ts';
import { MACHINE, realEngine } from '../engine/realEngine.ts';

const PATHS: Paths = { pathOf: (uri) => decodeURIComponent(uri.slice(7)), resolve: (base, file) => path.resolve(base, file) };
const ROOT = '/w';
const FILES = {
  'serve.py': 'import torch\n\ndef app(environ, start):\n    torch.mm(torch.rand(9, 9), torch.rand(9, 9))\n',
  'job.py': 'import torch\ntorch.mm(torch.rand(9, 9), torch.rand(9, 9))\n',
  'run.sh': 'OMP_NUM_THREADS=4 gunicorn -w 2 serve:app\npython job.py --batch 8\nOMP_NUM_THREADS=2 python job.py --batch 16\n',
};

const OBSERVED: Observed = { arm: null, runtimes: [], pools: [], peak_threads: 3, processes: 1 };

function processOf(words: readonly string[], environment: Readonly<Record<string, string>> | null = {}, more: Partial<InspectedProcess> = {}): InspectedProcess {
  return { pid: 4711, parent: 1, command: [...words], cwd: ROOT, environment: environment === null ? null : { ...environment }, affinity: null, cpu_quota: null, observed: OBSERVED, ...more };
}

function matched(process: InspectedProcess): LaunchMatch | null {
  return matchLaunch(process, realEngine(FILES).launches(), PATHS);
}

function fits(process: InspectedProcess): string | null {
  return matched(process)?.launch.commandText ?? null;
}

describe('the launch of a running process', () => {
  it('is found by its script, its arguments and its environment', () => {
    assert.match(fits(processOf(['python3.11', 'job.py', '--batch', '8'])) ?? '', /--batch 8/);
    assert.match(fits(processOf(['/venv/bin/python', `${ROOT}/job.py`, '--batch', '16'], { OMP_NUM_THREADS: '2' })) ?? '', /--batch 16/);
    assert.equal(fits(processOf(['python', 'other.py'])), null);
    assert.equal(fits(processOf(['python', 'job.py'], {}, { cwd: '/elsewhere' })), null, 'another job.py');
    assert.equal(fits(processOf(['node', 'job.py'])), null);
  });

  it('is found for servers, by their application or by the title they give themselves', () => {
    assert.match(fits(processOf(['/venv/bin/python', '/venv/bin/gunicorn', '-w', '2', 'serve:app'])) ?? '', /gunicorn/);
    assert.match(fits(processOf(['gunicorn: master [serve:app]'])) ?? '', /gunicorn/);
    assert.equal(fits(processOf(['gunicorn', 'other:app'])), null);
    assert.equal(fits(processOf(['gunicorn', 'serve:app'], {}, { cwd: '/elsewhere' })), null);
  });

  it('tells which variables differ, as far as they may be read', () => {
    assert.deepEqual(matched(processOf(['gunicorn', '-w', '2', 'serve:app'], { OMP_NUM_THREADS: '16' }))?.differences, [{ name: 'OMP_NUM_THREADS', launch: '4', process: '16' }]);
    assert.deepEqual(matched(processOf(['gunicorn', '-w', '2', 'serve:app'], {}))?.differences, [{ name: 'OMP_NUM_THREADS', launch: '4', process: null }]);
    assert.deepEqual(matched(processOf(['gunicorn', '-w', '2', 'serve:app'], null))?.differences, []);
  });

  it('is planned on the CPUs that the process has', () => {
    const machine = machineOfProcess(MACHINE, processOf([], {}, { affinity: [0, 1, 2], cpu_quota: 1.5 }));
    assert.deepEqual([machine.affinity, machine.cpuQuota, machine.logicalCores], [[0, 1, 2], 1.5, MACHINE.logicalCores]);
    const all = Array.from({ length: MACHINE.logicalCores ?? 0 }, (_, cpu) => cpu);
    assert.equal(machineOfProcess(MACHINE, processOf([], {}, { affinity: all })).affinity, null);
  });

  it('is read from the command line as one would type it', () => {
    assert.equal(commandText(processOf(['/v/bin/python3.11', '/v/bin/gunicorn', '-w', '2', 'serve:app'], { OMP_NUM_THREADS: '4', LD_PRELOAD: '/x.so' })), 'OMP_NUM_THREADS=4 gunicorn -w 2 serve:app');
    assert.equal(commandText(processOf(['python', "it's.py", '$(reboot)'], null)), `python 'it'\\''s.py' '$(reboot)'`);
    assert.equal(commandText(processOf(['gunicorn: master [serve:app]'])), 'gunicorn serve:app');
  });
});

describe('a look at a process', () => {
  const pool = { name: 'python', threads: 18, busy: 8, cpu_ns: 1.5e9, run_delay_ns: 4e9 };
  const runtimes = [{ kind: 'openmp', name: 'libgomp', path: '/v/site-packages/torch/lib/libgomp.so.1', version: null }, { kind: 'framework', name: 'torch', path: '/v/site-packages/torch/lib/libtorch_cpu.so', version: '2.13.0' }];
  const observed: Observed = { ...OBSERVED, pools: [pool], runtimes, peak_threads: 18, busy_cores: 1.5, waiting_threads: 4, involuntary_per_s: 270.5, migrations_per_s: 3.2, effective_cpus: 1.1, throttled_periods: [3, 10] };
  const process = processOf(['python3.11', 'job.py', '--batch', '8'], { OMP_NUM_THREADS: '16' }, { observed, affinity: [0, 1] });
  const inspection: Inspection = { machine: { ...MACHINE, os: 'linux', affinity: null } as Inspection['machine'], seconds: 1, processes: [process], tree: observed, missing: ['A sentence about what is missing.'] };
  const engine = realEngine(FILES);
  const match = matchLaunch(process, engine.launches(), PATHS);
  const plan = match && planLaunch(match.launch, engine.graph(), machineOfProcess(MACHINE, process));

  it('reads as a table with the plan beside it', () => {
    assert.ok(match && plan);
    const text = inspectText(inspection, [{ match, place: 'run.sh:2:1', plan }]);
    assert.match(text, /^process 4711 {2}python3\.11 job\.py --batch 8\nin .*; looked at for 1\.00 s\n/);
    assert.match(text, /4711 +18 +8 +1\.50 +4\.00 +271\/s +3\.2\/s/);
    assert.match(text, /threads +python 18 \(8 busy\), 1\.50 s of CPU, 4\.00 s waiting/);
    assert.match(text, /loaded +openmp libgomp \(torch\/lib\/libgomp\.so\.1\); framework torch 2\.13\.0 /);
    assert.match(text, /variables OMP_NUM_THREADS=16/);
    assert.match(text, new RegExp(`CPUs +0-1 of ${MACHINE.logicalCores}; no quota; 1\\.1 to be had`));
    assert.match(text, /threads in all +2 +8 busy, 18 alive/);
    assert.match(text, /launch: .* \(run\.sh:2:1\)/);
    assert.match(text, /What could not be read\n- A sentence about what is missing\./);
  });

  it('tells what stands out, and only that', () => {
    assert.ok(match && plan);
    const sentences = inspectionDifferences(inspection, [{ match, place: null, plan }]);
    assert.deepEqual(
      sentences.map((sentence) => sentence.split(/[.:]/)[0]),
      ['8 threads are busy and the plan has 2', 'Threads wait for a CPU for 73 % of the time in which they have something to do', 'Of 2 CPUs about 1', 'The CPU quota stopped it in 3 of 10 periods (30 %)'],
    );
    const quiet: Observed = { ...OBSERVED, pools: [{ name: 'python', threads: 40, busy: 2, cpu_ns: 1 }], busy_cores: 1.9, waiting_threads: 0.05, effective_cpus: 2, throttled_periods: [0, 10] };
    const calm = { ...inspection, processes: [{ ...process, observed: quiet }], tree: quiet, missing: [] };
    assert.deepEqual(inspectionDifferences(calm, [{ match, place: null, plan }]), []);
    assert.match(inspectText(calm, [{ match, place: null, plan }]), /Nothing differs from the plan as far as it can be seen from outside\.\n$/);
  });

  it('says what it cannot know', () => {
    const other = processOf(['sleep', '9'], null, { cwd: null });
    const text = inspectText({ ...inspection, processes: [other], tree: OBSERVED }, []);
    assert.match(text, /in a directory that may not be read/);
    assert.match(text, /variables may not be read/);
    assert.equal(inspectText({ ...inspection, processes: [] }, []), 'Nothing was seen of the process.\n');
  });
});

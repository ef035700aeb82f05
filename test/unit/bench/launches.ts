/** Launches with their plans, and a host that exists only on paper, for tests of benchmark requests. */
import path from 'node:path/posix';
import type { BenchHost, BenchOptions, PreparedBench } from '../../../server/src/bench/request.ts';
import { prepareBench } from '../../../server/src/bench/request.ts';
import type { Machine } from '../../../server/src/core/machine.ts';
import { planLaunch } from '../../../server/src/plan/planLaunch.ts';
import { MACHINE, realEngine, uriOf } from '../engine/realEngine.ts';

/** A host with these files below /w, a Python on PATH and a few variables. */
export function paperHost(files: readonly string[], overrides: Partial<BenchHost> = {}): BenchHost {
  return {
    environment: { PATH: '/usr/bin', HOME: '/home/u', VSCODE_PID: '1', ELECTRON_RUN_AS_NODE: '1' },
    machine: MACHINE,
    probeDirectory: '/tg/python',
    nodeProbe: '/tg/node/probe.cjs',
    textOf: () => null,
    pathOf: (uri) => (uri.startsWith('file://') ? decodeURIComponent(uri.slice(7)) : null),
    directoryOf: path.dirname,
    resolve: (base, file) => path.resolve(base, file),
    isFile: (file) => files.includes(file.replace(/^\/w\//, '')),
    isDirectory: (directory) => directory === '/w' || files.some((file) => `/w/${file}`.startsWith(`${directory}/`)),
    findInterpreter: (word) => (word.startsWith('python') ? { path: `/usr/bin/${word}`, from: 'PATH' } : { problem: 'no such Python' }),
    findProgram: (word) => (['taskset', 'numactl', 'worker', 'node'].includes(word) ? `/usr/bin/${word}` : null),
    ...overrides,
  };
}

/** Prepares the launch with this id (or the only one) of a workspace. */
export function prepared(files: Readonly<Record<string, string>>, launchId: string | null, options: Partial<BenchOptions> = {}, host: Partial<BenchHost> = {}): PreparedBench {
  const machine: Machine = host.machine ?? MACHINE;
  const engine = realEngine(files, { machine });
  const launches = engine.launches();
  const launch = launches.find(({ id }) => launchId === null || id === launchId);
  if (!launch) throw new Error(`no launch ${launchId}; there are ${launches.map(({ key }) => key).join(', ')} in ${uriOf('')}`);
  return prepareBench(launch, engine.graph(), planLaunch(launch, engine.graph(), machine), paperHost(Object.keys(files), host), { mode: 'search', settings: {}, seed: 1, ...options });
}

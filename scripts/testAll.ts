/** Runs every check of the project and ends with one line: `N passed, N failed`. */
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
// @ts-expect-error Plain JavaScript, because it also runs before Node 24 is there.
import { pythonWithTorch } from './bootstrap.mjs';

const root = path.resolve(import.meta.dirname, '..');
const results = path.join(root, 'test-results');
const ONE_STEP_MS = 20 * 60_000;

interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface Step {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** How many tests ran, from the step's output; a step without one counts as one test. */
  readonly count?: (output: string) => Count | null;
}

/** What a test must not inherit from the shell it is started in. */
const SCRUBBED = /^(?:OMP_|MKL_|KMP_|GOMP_|OPENBLAS_|NUMEXPR_|ORT_|TORCH_|TOKENIZERS_|WEB_CONCURRENCY$|NO_COLOR$|FORCE_COLOR$)/;

function sum(output: string, pattern: RegExp): Count | null {
  let found = false;
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const match of output.matchAll(pattern)) {
    found = true;
    total.passed += Number(match.groups?.['passed'] ?? 0);
    total.failed += Number(match.groups?.['failed'] ?? 0);
    total.skipped += Number(match.groups?.['skipped'] ?? 0);
  }
  return found ? total : null;
}

function mochaJson(file: string): () => Count | null {
  return () => {
    try {
      const { stats } = JSON.parse(readFileSync(file, 'utf8')) as { stats: { passes: number; failures: number; pending: number } };
      return { passed: stats.passes, failed: stats.failures, skipped: stats.pending };
    } catch {
      return null;
    }
  };
}

function unittest(output: string): Count | null {
  const ran = /^Ran (\d+) tests?/m.exec(output);
  if (!ran) return null;
  const bad = [...output.matchAll(/(?:failures|errors)=(\d+)/g)].reduce((n, match) => n + Number(match[1]), 0);
  const skipped = Number(/skipped=(\d+)/.exec(output)?.[1] ?? 0);
  return { passed: Number(ran[1]) - bad - skipped, failed: bad, skipped };
}

const python = pythonWithTorch() as string;
const unitResults = path.join(results, 'unit.json');
const editorResults = path.join(results, 'editor.json');
const steps: readonly Step[] = [
  { name: 'types and layers', command: ['tsc', '-b'] },
  { name: 'lint', command: ['eslint', '.'] },
  { name: 'generated files are fresh', command: ['node', 'scripts/generate.ts', '--check'] },
  { name: 'rust lint', command: ['cargo', 'clippy', '--quiet', '--locked', '--all-targets', '--', '-D', 'warnings'], cwd: 'native' },
  {
    name: 'native runner',
    command: ['cargo', 'test', '--quiet', '--locked'],
    cwd: 'native',
    count: (output) => sum(output, /test result: \w+\. (?<passed>\d+) passed; (?<failed>\d+) failed; (?<skipped>\d+) ignored/g),
  },
  { name: 'python probe', command: [python, '-m', 'unittest', 'discover', '-s', 'native/python', '-t', 'native/python'], count: unittest },
  {
    name: 'analysis, server and command line',
    command: ['mocha', 'test/**/*.test.ts', '--reporter', 'json', '--reporter-option', `output=${unitResults}`],
    count: mochaJson(unitResults),
  },
  { name: 'demo', command: ['node', 'scripts/demo.ts', '--check'] },
  { name: 'editor', command: ['node', 'scripts/testEditor.ts'], environment: { THREADGAUGE_RESULTS: editorResults }, count: mochaJson(editorResults) },
];

function environmentOf(step: Step): NodeJS.ProcessEnv {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !SCRUBBED.test(name)));
  return { ...clean, THREADGAUGE_PYTHON: python, PATH: `${path.join(root, 'node_modules/.bin')}${path.delimiter}${process.env['PATH'] ?? ''}`, ...step.environment };
}

async function runStep(step: Step): Promise<{ readonly code: number; readonly output: string }> {
  const [command, ...args] = step.command;
  const log = createWriteStream(path.join(results, `${step.name.replaceAll(/\W+/g, '-')}.log`));
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(command, args, { cwd: path.join(root, step.cwd ?? '.'), env: environmentOf(step), stdio: ['ignore', 'pipe', 'pipe'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), ONE_STEP_MS);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-400_000);
        log.write(text);
      });
    }
    child.on('error', (error) => {
      output += error.message;
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      log.end();
      resolve({ code: code ?? 1, output });
    });
  });
}

rmSync(results, { recursive: true, force: true });
mkdirSync(results, { recursive: true });
const only = process.argv.slice(2);
const total = { passed: 0, failed: 0, skipped: 0 };
for (const step of steps) {
  if (only.length > 0 && !only.some((word) => step.name.includes(word))) continue;
  const started = performance.now();
  const { code, output } = await runStep(step);
  const counted = step.count?.(output) ?? null;
  const count = counted ?? { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
  // A runner that dies after its last test, or runs none, has failed all the same.
  const died = (code !== 0 && count.failed === 0) || (step.count !== undefined && (counted === null || count.passed === 0));
  total.passed += count.passed;
  total.failed += count.failed + (died ? 1 : 0);
  total.skipped += count.skipped;
  const bad = died || count.failed > 0;
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(`${bad ? 'FAILED' : 'ok    '} ${step.name}: ${count.passed} passed, ${count.failed} failed${count.skipped > 0 ? `, ${count.skipped} skipped` : ''} (${seconds} s)`);
  if (bad) {
    const failures = step.command[0] === 'mocha' ? mochaFailures(unitResults) : '';
    console.log(failures || output.slice(-12_000));
  }
}
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`);
process.exitCode = total.failed > 0 ? 1 : 0;

function mochaFailures(file: string): string {
  try {
    const { failures } = JSON.parse(readFileSync(file, 'utf8')) as { failures: { fullTitle: string; err: { message?: string; stack?: string } }[] };
    return failures.map((failure) => `✗ ${failure.fullTitle}\n  ${(failure.err.stack ?? failure.err.message ?? '').slice(0, 2500)}`).join('\n');
  } catch {
    return '';
  }
}

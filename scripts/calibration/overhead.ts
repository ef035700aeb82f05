/** What timing lines costs, beside line_profiler, Scalene and plain settrace in the same run: `scripts/benchLines.py`. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import type { Part, PartResult, Surroundings } from './part.ts';

export const overhead: Part = {
  name: 'overhead',
  title: 'Cost and accuracy of timing lines',
  async run(surroundings: Surroundings): Promise<PartResult> {
    const { python } = surroundings;
    if (python === null) return { table: [], checks: [], notes: [], impossible: ['There is no Python with torch here.'] };
    // Profilers that are not installed there are left out by the script itself.
    const tools = process.env['THREADGAUGE_PROFILERS'] ?? python;
    const script = path.resolve(import.meta.dirname, '../benchLines.py');
    const few = surroundings.quick ? ['--repeat', '1', '--rounds', '5', 'generation'] : [];
    const { code, output } = await run(tools, [script, '--python', tools, ...few]);
    const lines = output.trimEnd().split('\n');
    if (code !== 0) return { table: [], checks: [{ what: `scripts/benchLines.py ran (exit code ${code})`, holds: false }], notes: lines.slice(-10), impossible: [] };
    return { table: [], checks: [], notes: lines, impossible: tools === python && process.env['THREADGAUGE_PROFILERS'] === undefined ? ['Profilers to compare with are looked for in the Python of THREADGAUGE_PROFILERS, which is not set.'] : [] };
  },
};

function run(program: string, args: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.on('error', (error) => resolve({ code: null, output: error.message }));
    child.on('close', (code) => resolve({ code, output }));
  });
}

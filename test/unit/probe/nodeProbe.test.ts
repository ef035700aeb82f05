/** The probe of Node.js programs: what it reports, and that a program does not notice it. */
import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { build, type BuildOptions } from 'esbuild';
import ts from 'typescript';
import { columnAsWritten, Insertions, withoutInsertions } from '../../../native/node/insertions.ts';
import { parseSource } from '../../../native/node/instrument.ts';
import { findRegion } from '../../../native/node/region.ts';
import { shiftMappings } from '../../../native/node/shiftedMap.ts';

const root = path.resolve(import.meta.dirname, '../../..');

/** line, hits, wall ns, CPU ns, CPU ns of the main thread, first ns, awaited ns. */
type Row = readonly [number, number, number, number | null, number | null, number, number | null];

interface Report {
  readonly region: { readonly start_ns: number; readonly end_ns: number } | null;
  readonly region_reason: string | null;
  readonly versions: Readonly<Record<string, string>>;
  readonly error: string | null;
  readonly files: readonly { readonly path: string; readonly sha256: string; readonly lines: readonly Row[]; readonly hot: readonly number[] }[];
}

interface Done {
  readonly out: string;
  readonly code: number | null;
  readonly report: Report | null;
}

describe('probe of Node.js programs', function () {
  this.timeout(60_000);
  let folder: string;
  let work: string;
  let probe: string;

  before(async () => {
    folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'tg-node-probe-')));
    work = path.join(folder, 'work');
    mkdirSync(work);
    probe = path.join(folder, 'probe.cjs');
    const shared = { absWorkingDir: root, bundle: true, platform: 'node', target: 'node18', mainFields: ['module', 'main'], logLevel: 'warning' } satisfies BuildOptions;
    await build({ ...shared, format: 'cjs', entryPoints: ['native/node/probe.ts'], outfile: probe });
    await build({ ...shared, format: 'esm', entryPoints: ['native/node/hooks.ts'], outfile: path.join(folder, 'hooks.mjs') });
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function write(name: string, text: string): string {
    const file = path.join(work, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  }

  function run(words: readonly string[], orders: Readonly<Record<string, unknown>> | null, env: Readonly<Record<string, string>> = {}): Done {
    const out = path.join(folder, 'report.json');
    rmSync(out, { force: true });
    const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:NODE_|THREADGAUGE|UV_|NO_COLOR|FORCE_COLOR)/.test(name)));
    const variables = orders === null ? {} : { THREADGAUGE_PROBE: JSON.stringify({ out, roots: [work], ...orders }) };
    const done = spawnSync(process.execPath, [...(orders === null ? [] : ['--require', probe]), ...words], { cwd: work, env: { ...clean, ...env, ...variables }, encoding: 'utf8', timeout: 50_000 });
    let report: Report | null = null;
    try {
      report = JSON.parse(readFileSync(out, 'utf8')) as Report;
    } catch {
      // The process left none.
    }
    return { out: done.stdout + done.stderr, code: done.status, report };
  }

  const rows = (done: Done, name: string): Map<number, Row> => new Map(done.report?.files.find(({ path: file }) => path.basename(file) === name)?.lines.map((row) => [row[0], row]) ?? []);
  const wallMs = (row: Row | undefined): number => (row?.[2] ?? 0) / 1e6;

  const POOL = [
    "import { pbkdf2, createHash } from 'node:crypto';", // 1
    "import { promisify } from 'node:util';",
    'const derive = promisify(pbkdf2);',
    "const data = Buffer.alloc(2_000_000, 'x');",
    'class Model {', // 5
    '  async run(count) {',
    "    const all = await Promise.all(Array.from({ length: count }, () => derive('p', 's', 60_000, 64, 'sha512')));",
    '    return all.length;',
    '  }',
    '}', // 10
    "function* parts() { for (let i = 0; i < 3; i++) yield createHash('sha256').update(data).digest('hex'); }",
    'async function* later() {',
    '  for (let i = 0; i < 3; i++) {',
    '    await new Promise((resolve) => setTimeout(resolve, 10));',
    '    yield i;', // 15
    '  }',
    '}',
    'const model = new Model();',
    'for (let i = 0; i < 2; i++) await model.run(4);',
    'for (const part of parts()) console.log(part.length);', // 20
    'for await (const i of later()) console.log(i);',
    'const quick = (x) => x.toString(2).length;',
    'let sum = 0;',
    'for (let i = 0; i < 200_000; i++) {',
    '  sum += quick(i);', // 25
    '}',
    'console.log(sum);',
    '',
  ].join('\n');

  it('times statements, generators and what is awaited', () => {
    write('pool.mjs', POOL);
    const done = run(['pool.mjs'], { mode: 'wall' });
    assert.equal(done.code, 0, done.out);
    assert.equal(done.report?.error, null);
    const lines = rows(done, 'pool.mjs');
    assert.equal(lines.get(7)?.[1], 2);
    assert.ok(wallMs(lines.get(7)) > 20, 'native work that is awaited');
    assert.ok((lines.get(7)?.[6] ?? 0) > 0.8 * (lines.get(7)?.[2] ?? 0), 'nearly all of it is waiting');
    assert.ok(wallMs(lines.get(19)) >= 0.95 * wallMs(lines.get(7)), 'a line holds what it calls');
    assert.equal(lines.get(20)?.[1], 3);
    assert.ok(wallMs(lines.get(20)) >= 0.8 * wallMs(lines.get(11)), 'a loop holds the generator it goes over');
    assert.ok(wallMs(lines.get(21)) >= 28, 'and what it awaits');
    assert.equal(lines.get(25)?.[1], 200_000, 'hits are exact where only some are timed');
    assert.ok(wallMs(lines.get(25)) < 2000);
    assert.match(done.report?.versions['node'] ?? '', /^\d+\./);
    assert.ok(done.report?.region && done.report.region.end_ns > done.report.region.start_ns);
  });

  it('counts the threads of the pool among the CPU time of an awaited line', function () {
    if (os.availableParallelism() < 2) this.skip();
    const file = write('pool.mjs', POOL);
    const done = run(['pool.mjs'], { mode: 'cpu', cpu_lines: { [file]: [7] } });
    const row = rows(done, 'pool.mjs').get(7);
    assert.deepEqual([...rows(done, 'pool.mjs').keys()], [7], 'only the lines asked for');
    const [, , wall = 0, cpu, own] = row ?? [];
    assert.ok(cpu != null && wall > 0 && cpu > 20e6, 'the work of the pool counts');
    if (own != null) assert.ok(own < 0.5 * cpu, 'the main thread hardly works meanwhile');
    const one = rows(run(['pool.mjs'], { mode: 'cpu', cpu_lines: { [file]: [7] } }, { UV_THREADPOOL_SIZE: '1' }), 'pool.mjs').get(7);
    assert.ok((one?.[3] ?? Infinity) / (one?.[2] ?? 1) < 1.15, 'one thread keeps one CPU busy at most');
  });

  it('leaves out marks that cost too much, when it is told to', () => {
    const text = 'function small(x) {\n  return more(x) & 7;\n}\nfunction more(x) {\n  return x * 3;\n}\nlet n = 0;\nfor (let i = 0; i < 3e6; i++) n += small(i);\nconsole.log(n);\n';
    const file = write('hot.cjs', text);
    const first = run(['hot.cjs'], { mode: 'wall' });
    const hot = first.report?.files[0]?.hot ?? [];
    assert.ok(hot.includes(2), `line 2 is reached 3 000 000 times: ${hot.join()}`);
    const second = run(['hot.cjs'], { mode: 'wall', skipped_lines: { [file]: hot } });
    assert.equal(second.out, first.out);
    assert.ok(!rows(second, 'hot.cjs').has(2));
  });

  const SELF = [
    "'use strict';",
    "const { Worker } = require('node:worker_threads');",
    "const { fork } = require('node:child_process');",
    "if (process.argv[2] === 'child') { console.log('child', process.execArgv, Object.keys(process.env).filter((k) => /THREADG/.test(k))); process.exit(3); }",
    'console.log(process.argv.slice(2), process.execArgv, process.env.THREADGAUGE_PROBE, Object.keys(globalThis).length, require.main === module, Object.keys(require.cache).length);',
    'function add(a, b) { return Math.max(a, b) + [1].map((x) => x * a).length }',
    'console.log(String(add), add.length, Function.prototype.toString.toString());',
    'const fns = { arrow: () => [1].map(String), async later() { return await add(1, 2) }, *gen() { const x = yield add(1, 2); return x } };',
    'let anonymous = function () { return add(1, 1) };',
    'let cls = class { static s = add(1, 2); #p = add(2, 2); get p() { return this.#p } };',
    'class Base { constructor(n) { this.n = add(n, 1) } }',
    'class Derived extends Base { constructor() { super(add(1, 2)); return } }',
    'console.log(fns.arrow.name, fns.later.name, anonymous.name, cls.name, new cls().p, [...fns.gen()], new Derived().n);',
    'const order = [];',
    '(async () => { order.push(1); await null; order.push(2); await add(1, 2); order.push(3) })();',
    "(async () => { order.push('a'); await null; order.push('b'); await add(1, 2); order.push('c') })();",
    "Promise.resolve().then(() => order.push('x')).then(() => order.push('y')).then(() => order.push('z'));",
    "process.nextTick(() => order.push('t'));",
    'const t = add`x${1}`',
    'var q = add(1, 2), r = add(q, 4)',
    'const f = async x => await add(x, 1)',
    '(0, add)(1, 2)',
    'label: for (const i of [1, 2, 3]) { for (;;) { if (add(i, 0) > 2) break label; continue label } }',
    'do q = add(q, 1)',
    'while (q < 6)',
    "if (add(0, 0)) order.push('yes')",
    "else order.push('no')",
    "const w = new Worker(\"const { parentPort, workerData } = require('node:worker_threads'); const f = eval('(' + workerData + ')'); parentPort.postMessage([f(3, 4), process.execArgv, process.env.THREADGAUGE_PROBE === undefined])\", { eval: true, workerData: String(add) });",
    "w.on('message', (m) => {",
    "  console.log('worker', m);",
    "  fork(__filename, ['child']).on('exit', (code) => {",
    "    console.log('exit', code, order.join(), q, r, typeof f);",
    '    try { (function inner() { null.x })() } catch (e) { console.log(e.stack.replaceAll(__dirname, "")) }',
    '    const before = Error.prepareStackTrace; Error.prepareStackTrace = (_, s) => s; const sites = new Error().stack; Error.prepareStackTrace = before;',
    '    console.log(sites[0].getLineNumber());',
    "    class Mine extends Error { constructor(m) { super(m); this.name = 'Mine' } }",
    "    console.log(new Mine('boo').stack.split('\\n').slice(0, 2).join('|').replaceAll(__dirname, ''));",
    '    process.exitCode = 4;',
    '  });',
    '});',
    "process.on('exit', (code) => console.log('bye', code));",
    '',
  ].join('\n');

  it('is not noticed by a program', () => {
    const file = write('self.cjs', SELF);
    const plain = run(['self.cjs', 'one', 'two'], null);
    assert.equal(plain.code, 4, plain.out);
    for (const orders of [{ mode: 'region' }, { mode: 'wall' }, { mode: 'cpu', cpu_lines: { [file]: [6, 13, 15, 20, 21, 30] } }]) {
      const probed = run(['self.cjs', 'one', 'two'], orders);
      assert.deepEqual([probed.out, probed.code], [plain.out, plain.code], orders.mode);
      assert.equal(probed.report?.error, null);
    }
  });

  it('leaves errors and exit codes as they are', () => {
    write('uncaught.mjs', "import fs from 'node:fs'\nconst text = fs.existsSync('x')\n\nasync function fail(x) {\n  await Promise.resolve(x)\n  JSON.parse('{'); }\nprocess.on('exit', (c) => console.log('exit', c))\nawait fail(text)\n");
    write('exit.cjs', "const a = require('node:path').join('a', 'b');\nprocess.stdout.write(a);\nsetTimeout(() => process.exit(7), 10);\nprocess.on('exit', () => { process.exitCode = 9 });\n");
    write('syntax.cjs', "const a = require('node:path')\nconst b = = 2\n");
    write('unhandled.cjs', "const path = require('node:path');\nPromise.reject(new Error(path.join('a', 'b')));\n");
    for (const name of ['uncaught.mjs', 'exit.cjs', 'syntax.cjs', 'missing.cjs', 'unhandled.cjs']) {
      const plain = run([name], null);
      for (const mode of ['region', 'wall']) {
        const probed = run([name], { mode });
        assert.equal(probed.code, plain.code, name);
        // Of an error that nobody catches Node.js shows the line as it runs; the stack is that of what was written.
        const shown = (text: string): string => withoutInsertions(text).replaceAll(/^\s*\^+$/gm, '').replaceAll(/^ {4}at node:internal.*$/gm, '');
        assert.equal(shown(probed.out), shown(plain.out), `${name} ${mode}`);
      }
    }
  });

  it('times TypeScript where its author wrote it: types stripped by Node.js, and compiled with a source map', () => {
    const text = "import { pbkdf2Sync } from 'node:crypto';\n\ninterface Options {\n  rounds: number;\n}\n\nexport function work(options: Options): number {\n  let n = 0;\n  for (let i = 0; i < options.rounds; i++) {\n    n += pbkdf2Sync('a', 'b', 20_000, 32, 'sha512').length as number\n  }\n  return n;\n}\n\nconst result: number = work({ rounds: 3 })\nconsole.log(result, new Error('x').stack?.split('\\n')[1]?.replace(/.*[\\\\/]/, ''));\n";
    write('package.json', '{"type":"module"}');
    write('app.ts', text);
    const plain = run(['app.ts'], null);
    const stripped = run(['app.ts'], { mode: 'wall' });
    assert.equal(stripped.out, plain.out);
    const { outputText, sourceMapText } = ts.transpileModule(text, { fileName: 'app.ts', compilerOptions: { target: ts.ScriptTarget.ES2020, module: ts.ModuleKind.ESNext, sourceMap: true, inlineSources: false } });
    write('out/app.js', outputText);
    write('out/app.js.map', (sourceMapText ?? '').replace('"sources":["app.ts"]', '"sources":["../app.ts"]'));
    const compiled = run(['out/app.js'], { mode: 'wall' });
    for (const done of [stripped, compiled]) {
      const lines = rows(done, 'app.ts');
      assert.equal(lines.get(10)?.[1], 3, done.out);
      assert.ok(wallMs(lines.get(10)) > 1 && wallMs(lines.get(15)) >= 0.95 * wallMs(lines.get(10)));
      assert.equal(done.report?.files.length, 1);
      assert.ok(done.report?.region);
    }
    // Node.js maps the stack itself, through a map that has moved with the marks.
    const mapped = ['--enable-source-maps', 'out/app.js'];
    assert.equal(run(mapped, { mode: 'wall' }).out, run(mapped, null).out);
  });

  it('keeps a variable that the program writes', () => {
    write('pin.cjs', "const path = require('node:path');\nprocess.env.UV_THREADPOOL_SIZE = '7';\ndelete process.env.GONE;\nconsole.log(process.env.UV_THREADPOOL_SIZE, process.env.OTHER = 'x', process.env.OTHER, require('node:child_process').execFileSync(process.execPath, ['-p', 'process.env.UV_THREADPOOL_SIZE']).toString());\n");
    assert.equal(run(['pin.cjs'], { mode: 'region', pinned_env: { UV_THREADPOOL_SIZE: '2' } }).out, '2 x x 2\n\n');
  });

  it('replaces the threads of ONNX Runtime sessions, whichever way the package is imported', () => {
    // This tests how calls are changed, on a package of the same shape; the real one has no place in this repository (200 MB).
    write('node_modules/onnxruntime-node/package.json', '{"name":"onnxruntime-node","version":"1.2.3","main":"dist/index.js"}');
    write('node_modules/onnxruntime-node/dist/index.js', "class InferenceSession { static create(...given) { return given } }\nexports.InferenceSession = InferenceSession;\n");
    write('ort.mjs', "import { InferenceSession } from 'onnxruntime-node';\nimport * as ort from 'onnxruntime-node';\nconsole.log(JSON.stringify([InferenceSession.create('m', { intraOpNumThreads: 4, x: 1 }), ort.InferenceSession.create('m'), ort.InferenceSession.create(new Uint8Array(1))]));\n");
    const done = run(['ort.mjs'], { mode: 'region', ort_intra_op_threads: 2 });
    assert.deepEqual(JSON.parse(done.out), [['m', { intraOpNumThreads: 2, x: 1 }], ['m', { intraOpNumThreads: 2 }], [{ 0: 0 }, { intraOpNumThreads: 2 }]]);
    assert.equal(done.report?.versions['onnxruntime-node'], '1.2.3');
    assert.deepEqual(JSON.parse(run(['ort.mjs'], { mode: 'region' }).out)[0], ['m', { intraOpNumThreads: 4, x: 1 }]);
  });
});

describe('parts of the probe of Node.js programs', () => {
  it('find the end of the leading imports', () => {
    const start = (text: string, kind: 'module' | 'commonjs'): readonly [number, string | null] => {
      const { index, reason } = findRegion(parseSource(text, kind).program, kind);
      return [index, reason];
    };
    assert.deepEqual(start("'use strict';\nconst a = require('a');\nconst path = require('path');\nconst p = path.join('x');\nwork();\n", 'commonjs'), [3, null]);
    assert.deepEqual(start("import a from 'a';\nconst b = await import('b');\nawait b.work();\n", 'module'), [2, null]);
    assert.deepEqual(start('work();\n', 'module'), [0, null]);
    assert.match(start("work();\nasync function f() { await import('onnxruntime-node'); }\n", 'module')[1] ?? '', /loads onnxruntime-node after its first work or inside a function/);
    assert.match(start("work();\nconst x = require('./x');\n", 'commonjs')[1] ?? '', /part of the measured region/);
  });

  it('take out what was inserted, and lead columns back', () => {
    const source = 'ab(cd)\nef\n';
    const insertions = new Insertions();
    insertions.open(0, 'X(');
    insertions.close(6, ')');
    insertions.open(3, 'Y(');
    insertions.close(5, ')');
    const changed = insertions.apply(source);
    assert.equal(withoutInsertions(changed), source);
    const line = changed.split('\n')[0] ?? '';
    assert.deepEqual(['a', 'b(', 'c', 'd'].map((text) => columnAsWritten(line, line.indexOf(`/${text}`) < 0 ? line.indexOf(text) + 1 : line.indexOf(`/${text}`) + 2)), [1, 2, 4, 5]);
  });

  it('move a source map with what was inserted', () => {
    const { sourceMapText = '' } = ts.transpileModule('const a: number = one(); const b = two();\nthree();\n', { compilerOptions: { sourceMap: true } });
    const map = JSON.parse(sourceMapText) as { mappings: string };
    const mappings = shiftMappings(map.mappings, (line, column) => (line === 0 ? 10 + (column >= 5 ? 1000 : 0) : 0)) ?? '';
    const [old, moved] = [new SourceMap(map as never), new SourceMap({ ...map, mappings } as never)];
    for (const [line, column] of [[0, 0], [0, 10], [1, 0], [1, 6], [2, 0]] as const) {
      const shift = line === 0 ? 10 + (column >= 5 ? 1000 : 0) : 0;
      assert.deepEqual({ ...moved.findEntry(line, column + shift), generatedColumn: 0 }, { ...old.findEntry(line, column), generatedColumn: 0 });
    }
    assert.equal(shiftMappings('A!', () => 0), null);
  });
});

/** The report in one file: complete, closed to the outside, and drawn by a real browser without network. */
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { findChromium } from '../../../scripts/editorHost.ts';
import { parseRecording } from '../../../server/src/bench/recording.ts';
import { htmlReport } from '../../../server/src/host/node/htmlReport.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const NASTY = '</script><script>document.title="broken in"</script><!--<img src=x onerror=alert(1)>';

function events(): string {
  const event = (type: string, data: object): string => JSON.stringify({ v: 1, type, data });
  const summary = (arm: number, median: number): string => event('arm_summary', { arm, runs: 4, scores_ns: [median, median, median * 1.01, median * 1.02], median_ns: median, mean_ns: median, mad_ns: 1e6, min_ns: median, max_ns: median * 1.02, busy_cores: 1.5, peak_threads: 3, ratio_to_best: arm === 1 ? 1 : 1.9, dropped: false, failures: 0 });
  return `${[
    event('hello', { protocol: 1, version: '1', pid: 1, machine: { os: 'linux', arch: 'x86_64', model: NASTY, logicalCores: 2 }, missing: [] }),
    event('plan', { arms: [{ label: `OMP_NUM_THREADS=1 ${NASTY}`, threads: 1, env: {}, reason: NASTY }, { label: 'OMP_NUM_THREADS=2', threads: 2, env: {}, reason: '' }], current: 0, mode: 'search', max_trials: 9, seed: 1, command: ['/bin/python', NASTY], region: 'process' }),
    event('environment', { runtime: 'CPython 3.12.3', libraries: { torch: '2.13.0' }, fingerprint: 'f00d' }),
    summary(0, 1.9e9),
    summary(1, 1e9),
    event('lines', { arm: 0, trials: 2, overhead: null, files: [{ path: '/w/a.py', sha256: '0', lines: [{ line: 4, hits: 3, wall_ns: 1e9, first_ns: 1 }] }] }),
    event('doubt', { kind: 'noisy', arm: 0, spread: 0.1 }),
    event('verdict', { outcome: 'faster', best: 1, current: 0, speedup: 1.9, interval: [1.8, 2], pairs: 16, tied: [], sentence: `OMP_NUM_THREADS=2 is faster ${NASTY}.` }),
    event('finished', { cancelled: false, elapsed_s: 12, counted_trials: 8 }),
  ].join('\n')}\n`;
}

/** A grid beside what was seen of its processes. */
function gridEvents(): string {
  const event = (type: string, data: object): string => JSON.stringify({ v: 1, type, data });
  const arm = (instances: number, threads: number): object => ({ label: `${instances} x ${threads} threads`, threads, env: { OMP_NUM_THREADS: String(threads) }, reason: '', instances, cpus: [] });
  const point = (index: number, instances: number, threads: number, latency: number, rate: number, front: boolean): object => ({ arm: index, instances, threads, latency_ns: latency, latency_interval_ns: [latency * 0.9, latency * 1.1], throughput_per_s: rate, throughput_interval_per_s: [rate * 0.9, rate * 1.1], runs: 4, on_front: front });
  const summary = (index: number, median: number): string => event('arm_summary', { arm: index, runs: 6, scores_ns: [median], median_ns: median, median_interval_ns: [median * 0.9, median * 1.1], mean_ns: median, mad_ns: 1e6, min_ns: median, max_ns: median, peak_threads: 4, dropped: false, failures: 0 });
  return `${[
    event('hello', { protocol: 1, version: '1', pid: 1, machine: { os: 'linux', arch: 'x86_64', model: 'M', logicalCores: 4 }, missing: [] }),
    event('plan', { arms: [arm(1, 4), arm(2, 2), arm(4, 1), arm(1, 1)], current: 0, mode: 'grid', max_trials: 9, seed: 1, command: ['/bin/python', 'a.py'], region: 'process' }),
    event('environment', { runtime: 'CPython 3.12.3', libraries: {}, fingerprint: 'f00d', parallel_info: `ATen/Parallel: 4 ${NASTY}` }),
    ...[1e7, 1.5e7, 4e7, 3e7].map((median, index) => summary(index, median)),
    event('observed', { arm: 0, runs: 4, peak_threads: 9, intra_op: 4, busy_cores: 3.5, waiting_threads: 0.4, involuntary_per_s: 12, migrations_per_s: 3, cpu_inflation: 1.3, pools: [{ name: 'OpenMP', threads: 4, busy: 4, cpu_ns: 2e9, run_delay_ns: 1e8 }], runtimes: [{ kind: 'openmp', name: 'libgomp', path: `/lib/libgomp.so ${NASTY}` }] }),
    event('front', { points: [point(0, 1, 4, 1e7, 100, true), point(1, 2, 2, 1.5e7, 133, true), point(2, 4, 1, 4e7, 100, false), point(3, 1, 1, 3e7, 33, false)], latency: 0, throughput: 1, within_limit: 1, limit_ns: 2e7 }),
    event('verdict', { outcome: 'current_is_best', best: 0, current: 0, pairs: 8, tied: [], sentence: 'One is shortest.' }),
    event('finished', { cancelled: false, elapsed_s: 12, counted_trials: 8 }),
  ].join('\n')}\n`;
}

/** A statement, with a further setting on top of the best count. */
function partEvents(): string {
  const event = (type: string, data: object): string => JSON.stringify({ v: 1, type, data });
  const summary = (arm: number, median: number): string => event('arm_summary', { arm, runs: 6, scores_ns: [median, median * 1.01], median_ns: median, median_interval_ns: [median * 0.9, median * 1.1], mean_ns: median, mad_ns: 1e3, min_ns: median, max_ns: median * 1.01, peak_threads: 4, dropped: false, failures: 0, calls: 1200, cold_median_ns: median * 50, p95_median_ns: median * 1.2 });
  return `${[
    event('hello', { protocol: 1, version: '1', pid: 1, machine: { os: 'linux', arch: 'x86_64', model: 'M', logicalCores: 2 }, missing: [] }),
    event('plan', { arms: [{ label: 'OMP_NUM_THREADS=1', threads: 1, env: {}, reason: '' }, { label: 'OMP_NUM_THREADS=2', threads: 2, env: {}, reason: '' }, { label: 'OMP_NUM_THREADS=2, OMP_WAIT_POLICY=passive', threads: 2, env: {}, reason: 'sleeps' }], current: 0, mode: 'search', max_trials: 9, seed: 1, command: ['/bin/python', 'a.py'], region: 'selected', selection: { path: '/w/a.py', first_line: 3, last_line: 3, label: 'y = model(x)', unit: 'call' } }),
    summary(0, 2e6),
    summary(1, 1.2e6),
    summary(2, 1e6),
    event('verdict', { outcome: 'faster', best: 2, current: 0, speedup: 2, interval: [1.9, 2.1], pairs: 8, tied: [], sentence: 'Two are faster.' }),
    event('finished', { cancelled: false, elapsed_s: 12, counted_trials: 8 }),
  ].join('\n')}\n`;
}

/** What a browser without network shows of a page, and a picture of it on request. */
async function shown(page: string, wanted: string, picture: string): Promise<string | null> {
  let executablePath: string;
  try {
    executablePath = findChromium();
  } catch {
    return null;
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'threadgauge-report-'));
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    writeFileSync(path.join(folder, 'report.html'), page);
    const view = await (await browser.newContext({ viewport: { width: 1000, height: 1300 }, offline: true })).newPage();
    const troubles: string[] = [];
    view.on('console', (message) => troubles.push(message.text()));
    view.on('pageerror', (error) => troubles.push(String(error)));
    await view.goto(pathToFileURL(path.join(folder, 'report.html')).href);
    await view.waitForSelector(wanted);
    const pictures = process.env['THREADGAUGE_PICTURES'];
    if (pictures) await view.screenshot({ path: path.join(pictures, `${picture}.png`), fullPage: true });
    assert.deepEqual(troubles, []);
    return await view.innerText('#report');
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true });
  }
}

describe('report in one file', function () {
  this.timeout(90_000);
  let page: string;

  before(() => {
    // Tests of a whole checkout run on what was built; a single one makes it.
    if (!existsSync(path.join(root, 'dist/reportPage.js'))) execFileSync(process.execPath, [path.join(root, 'scripts/build.ts')], { cwd: root });
    page = htmlReport(parseRecording(events()), { '/w/a.py': { 3: `x = 1 # ${NASTY}` } }, new Date(0));
  });

  it('names no address and allows nothing but its own script and style', () => {
    assert.ok(!/(?:src|href)=/i.test(page.replace(/<title>[\s\S]*?<\/title>/, '').replace(/<script type="application\/json"[\s\S]*?<\/script>/, '').replace(/<script>[\s\S]*<\/script>/, '').replace(/<style>[\s\S]*<\/style>/, '')));
    assert.ok(!/https?:\/\//.test(page), 'no address, not even one that is not followed');
    assert.ok(!/url\(|@import/.test(page));
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1] ?? '';
    const hash = (text: string | undefined): string => createHash('sha256').update(text ?? '').digest('base64');
    assert.equal(policy, `default-src 'none'; script-src 'sha256-${hash(/<script>([\s\S]*)<\/script>/.exec(page)?.[1])}'; style-src 'sha256-${hash(/<style>([\s\S]*)<\/style>/.exec(page)?.[1])}'; base-uri 'none'; form-action 'none'`);
    assert.equal(page.split('</script>').length, 3, 'texts of the run end no element');
  });

  it('is drawn by a browser that has no network', async function () {
    let executablePath: string;
    try {
      executablePath = findChromium();
    } catch {
      return this.skip();
    }
    const folder = mkdtempSync(path.join(tmpdir(), 'threadgauge-report-'));
    const file = path.join(folder, 'report.html');
    writeFileSync(file, page);
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
    try {
      const context = await browser.newContext({ viewport: { width: 1000, height: 700 }, offline: true });
      const view = await context.newPage();
      const troubles: string[] = [];
      const requests: string[] = [];
      view.on('console', (message) => troubles.push(message.text()));
      view.on('pageerror', (error) => troubles.push(String(error)));
      view.on('request', (request) => requests.push(request.url()));
      await view.goto(pathToFileURL(file).href);
      await view.waitForSelector('#chart canvas');
      const text = await view.innerText('#report');
      for (const wanted of ['is faster </script>', 'The settings compared', 'Reasons for doubt', 'differ by ± 10 %', 'Lines of a.py', 'x = 1 # </script>', 'torch 2.13.0', 'f00d', 'CPython 3.12.3', 'seed 1']) assert.ok(text.includes(wanted), wanted);
      assert.equal(await view.locator('button').count(), 0);
      assert.match(await view.title(), /ThreadGauge$/);
      // Something is drawn in the colour of the line.
      const blue = await view.locator('#chart canvas').evaluate((canvas: { width: number; height: number; getContext(kind: '2d'): { getImageData(x: number, y: number, width: number, height: number): { data: Uint8ClampedArray } } }) => {
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        return Array.from({ length: data.length / 4 }, (_, i) => (data[4 * i + 2] ?? 0) > 150 && (data[4 * i] ?? 0) < 80 && (data[4 * i + 3] ?? 0) > 100).filter(Boolean).length;
      });
      assert.ok(blue > 100, `${blue} blue points`);
      assert.deepEqual(troubles, []);
      assert.deepEqual(requests, [pathToFileURL(file).href]);
    } finally {
      await browser.close();
      rmSync(folder, { recursive: true });
    }
  });

  it('draws a grid as latency against throughput, with its picks and what was seen of the threads', async function () {
    const text = await shown(htmlReport(parseRecording(gridEvents()), {}, new Date(0)), '#front canvas', 'grid');
    if (text === null) return this.skip();
    for (const wanted of ['Most work while one piece takes at most 20.0 ms: 2 x 2 threads', 'front, shortest time', 'Threads, as they were seen', 'OpenMP: 4 threads, 4 busy, 2.00 s of CPU, 100 ms waiting for one', 'libgomp (openmp) /lib/libgomp.so </script>', 'ATen/Parallel: 4 </script>', '9.00 ms – 11.0 ms']) assert.ok(text.includes(wanted), `${wanted} in ${text}`);
    assert.ok(!text.includes('Threads against time'), 'counts alone say nothing of a grid');
  });

  it('sets the first call of a part against the others, and a further setting beside its count', async function () {
    const text = await shown(htmlReport(parseRecording(partEvents()), {}, new Date(0)), '#chart canvas', 'part');
    if (text === null) return this.skip();
    for (const wanted of ['Cold against steady', 'Only y = model(x) is measured', 'Time of one call of y = model(x)', 'OMP_NUM_THREADS=2, OMP_WAIT_POLICY=passive', 'further setting', '50.0 ms']) assert.ok(text.includes(wanted), `${wanted} in ${text}`);
    assert.match(text, /OMP_NUM_THREADS=1 \(in force\)\s+2\.00 ms\s+2\.40 ms\s+100 ms\s+50x\s+1,200/);
  });
});

/** Entry of the editor suite: VS Code calls `run` inside the extension host. */
import Mocha from 'mocha';
import { report } from './harness.ts';

/** Runs the tests of the session named in the environment and tells the harness each result. */
export async function run(): Promise<void> {
  let failures: number;
  try {
    failures = await runSession(process.env['THREADGAUGE_SUITE'] ?? 'trusted');
    await report({ type: 'done' });
  } catch (error) {
    await report({ type: 'done', error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    throw error;
  }
  // A desktop editor says by its exit code whether the tests passed.
  if (failures > 0) throw new Error(`${failures} failing.`);
}

/** Results go to the harness instead. */
class NoReporter extends Mocha.reporters.Base {
  override epilogue(): void {}
}

async function runSession(session: string): Promise<number> {
  const grep = process.env['THREADGAUGE_SUITE_GREP'];
  const mocha = new Mocha({ ui: 'bdd', timeout: 60_000, reporter: NoReporter, ...(grep ? { grep } : {}) });
  mocha.suite.emit('pre-require', globalThis, 'suite', mocha);
  if (session === 'untrusted') {
    await import('./untrusted.ts');
  } else {
    await import('./activation.ts');
    await import('./warnings.ts');
    await import('./formats.ts');
    await import('./benchmark.ts');
    await import('./running.ts');
  }
  let failures = 0;
  let reports: Promise<void> = Promise.resolve();
  const send = (event: Parameters<typeof report>[0]): void => {
    // One after the other, so that they are printed in order.
    reports = reports.then(() => report(event));
  };
  await new Promise<void>((resolve) => {
    const depth = (test: Mocha.Runnable | Mocha.Suite): number => test.titlePath().length;
    mocha
      .run(() => resolve())
      .on('suite', (suite) => {
        if (!suite.root) send({ type: 'suite', title: suite.title, depth: depth(suite) });
      })
      .on('pass', (test) => send({ type: 'pass', title: test.title, depth: depth(test), ms: test.duration ?? 0 }))
      .on('pending', (test) => send({ type: 'pending', title: test.title, depth: depth(test), ms: 0 }))
      .on('fail', (test, error: Error) => {
        failures++;
        send({ type: 'fail', title: test.title, depth: depth(test), ms: test.duration ?? 0, error: error.stack ?? error.message });
      });
  });
  await reports;
  return failures;
}

/** The native runner as a child process. */
import { execFile, spawn } from 'node:child_process';
import type { Machine } from '../../core/machine.ts';
import { machineFromJson } from '../../core/machine.ts';
import type { RunnerPort } from '../../bench/session.ts';
import { findRunner } from './findRunner.ts';

const STDERR_TAIL = 4096;

/** Starts runners from one program. */
export function createRunnerPort(runner: string): RunnerPort {
  return {
    start({ output, exited }) {
      // A group of its own: Ctrl-C in a terminal reaches us alone, and we cancel in order.
      const child = spawn(runner, ['run'], { stdio: ['pipe', 'pipe', 'pipe'], detached: process.platform !== 'win32', windowsHide: true });
      let stderr = '';
      let ended = false;
      let startError: string | null = null;
      const finish = (code: number | null, signal: string | null): void => {
        if (ended) return;
        ended = true;
        exited({ code, signal, stderrTail: stderr.trim(), startError });
      };
      child.stdout.setEncoding('utf8').on('data', output);
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-STDERR_TAIL)));
      // Writing to a runner that is gone: its exit is reported instead.
      child.stdin.on('error', () => {});
      child.on('error', (error) => {
        if (child.pid === undefined) {
          startError = error.message;
          finish(null, null);
        }
      });
      child.on('close', finish);
      // A process that inherited its pipes must not keep us waiting.
      child.on('exit', (code, signal) => setTimeout(() => finish(code, signal), 1000).unref());
      return {
        send: (line) => void (child.stdin.writable && child.stdin.write(line)),
        closeInput: () => void child.stdin.end(),
        kill: () => void child.kill('SIGKILL'),
      };
    },
    killGroup(group) {
      if (group <= 1) return;
      try {
        process.kill(process.platform === 'win32' ? group : -group, 'SIGKILL');
      } catch {
        // It has ended.
      }
    },
    after(milliseconds, action) {
      const timer = setTimeout(action, milliseconds);
      return () => clearTimeout(timer);
    },
  };
}

export interface ProbedMachine {
  /** Null when it could not be told. */
  readonly machine: Machine | null;
  /** Why, as a full sentence. */
  readonly problem: string | null;
}

/** Asks our runner about the machine it runs on. Never throws. */
export function probeMachine(runnerSetting: string | undefined): Promise<ProbedMachine> {
  const found = findRunner(runnerSetting);
  if ('problem' in found) return Promise.resolve({ machine: null, problem: found.problem });
  return new Promise((resolve) => {
    execFile(found.path, ['machine'], { timeout: 10_000, maxBuffer: 1024 * 1024, windowsHide: true }, (error, stdout, stderr) => {
      if (error) {
        resolve({ machine: null, problem: `The runner ${found.path} could not describe this machine: ${(stderr.trim() || error.message).split('\n')[0]}.` });
        return;
      }
      try {
        resolve({ machine: machineFromJson(JSON.parse(stdout)), problem: null });
      } catch (cause) {
        resolve({ machine: null, problem: `The runner ${found.path} described this machine in a way that is not understood: ${cause instanceof Error ? cause.message : String(cause)}.` });
      }
    });
  });
}

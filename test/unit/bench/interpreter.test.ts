/** Which Python a benchmark runs with, and why that one; debug configurations on this computer. */
import { strict as assert } from 'node:assert';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Launch } from '../../../server/src/core/launchGraph.ts';
import { UNKNOWN_MACHINE } from '../../../server/src/core/machine.ts';
import { type BenchHostOptions, createBenchHost } from '../../../server/src/host/node/benchHost.ts';
import { debuggerStart, folderSettings } from '../../../server/src/host/node/debugStart.ts';

describe('the Python of a benchmark', () => {
  let folder: string;
  const program = (name: string): string => {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, '');
    chmodSync(file, 0o755);
    return file;
  };
  beforeEach(() => (folder = mkdtempSync(path.join(realpathSync(tmpdir()), 'threadgauge-python-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is the launch\'s own, then the Python extension\'s choice, a setting, .venv, PATH', () => {
    const [own, chosen, setting, venv, onPath] = [program('own/python'), program('chosen/python'), program('setting/python'), program('w/.venv/bin/python'), program('bin/python3')];
    const w = path.join(folder, 'w');
    const find = (options: Partial<BenchHostOptions>, word = 'python', named = false) => createBenchHost({ machine: UNKNOWN_MACHINE, folders: [w], environment: {}, ...options }).findInterpreter(word, w, { PATH: path.dirname(onPath) }, named);
    const all = { chosen, interpreter: setting };
    assert.deepEqual(find({ ...all, demanded: onPath }, own, true), { path: onPath, from: '--python' });
    assert.deepEqual(find(all, own), { path: own, from: 'named in the launch' });
    assert.deepEqual(find(all, 'python3', true), { path: onPath, from: 'named in the launch' });
    assert.deepEqual(find(all, 'python3'), { path: chosen, from: "the Python extension's choice" });
    assert.deepEqual(find({ interpreter: setting, chosen: path.join(folder, 'gone') }), { path: setting, from: 'setting threadgauge.interpreter' });
    assert.deepEqual(find({}), { path: venv, from: `.venv in ${w}` });
    rmSync(path.join(w, '.venv'), { recursive: true });
    assert.deepEqual(find({}), { path: onPath, from: 'PATH' });
    rmSync(onPath);
    assert.match(JSON.stringify(find({})), /No Python was found/);
    assert.match(JSON.stringify(find({}, '/gone/python')), /The Python \/gone\/python, which the launch names, does not exist/);
  });

  it('belongs to a debug configuration with an envFile that only a resolved path leads to', () => {
    mkdirSync(path.join(folder, '.vscode'));
    const file = path.join(folder, '.vscode/launch.json');
    writeFileSync(path.join(folder, 'set.env'), 'A=1\nB="${A}2"\nexport C=3\n');
    writeFileSync(path.join(folder, '.vscode/settings.json'), '{ "app.env": "set.env", // a comment\n}');
    const text = '{"configurations":[{"name":"x","type":"debugpy","request":"launch","program":"x.py","envFile":"${workspaceFolder}/${config:app.env}","env":{"B":"mine"},"cwd":"sub"}]}';
    const launch = { id: 'x', uri: pathToFileURL(file).href, how: 'debug', layers: [] } as unknown as Launch;
    const options = { text, folder, folders: [folder], environment: {}, machine: UNKNOWN_MACHINE, activeFile: file, settings: folderSettings(folder), interpreter: () => null };
    const start = debuggerStart(launch, options);
    assert.deepEqual(start?.fileEnvironment.map(({ name, value }) => [name, value]), [['A', '1'], ['B', '12'], ['C', '3']]);
    assert.deepEqual([start?.environment, start?.cwd, start?.refusals], [[{ name: 'B', value: 'mine' }], path.join(folder, 'sub'), []]);
    rmSync(path.join(folder, 'set.env'));
    assert.match(debuggerStart(launch, options)?.notes.join() ?? '', /set\.env, which the configuration names as envFile, could not be read/);
    assert.deepEqual([...folderSettings(path.join(folder, 'none'))], []);
  });
});

/** Launch configurations as VS Code starts them: systems, variables, interpreters, arguments. */
import { strict as assert } from 'node:assert';
import { compoundOf, type EditorState, resolveConfiguration, settingsOfConfiguration, shellWords } from '../../../server/src/readers/launchJson/resolve.ts';

const EDITOR: EditorState = {
  system: 'linux',
  folder: '/w/app',
  folders: ['/w/app', '/w/lib'],
  home: '/home/me',
  environment: { HOST: 'here' },
  activeFile: '/w/app/src/serve.test.py',
  setting: (name) => ({ 'app.model': 'small', 'app.count': 3, 'app.list': [1] })[name],
  interpreter: () => '/venv/bin/python',
};

function resolved(configuration: object, editor: Partial<EditorState> = {}, rest: object = {}) {
  const text = JSON.stringify({ configurations: [{ name: 'it', type: 'debugpy', request: 'launch', ...configuration }], ...rest });
  const start = resolveConfiguration(text, 'it', { ...EDITOR, ...editor });
  assert.ok(start);
  return start;
}

describe('launch configurations as the editor starts them', () => {
  it('replace every variable', () => {
    const values: Readonly<Record<string, string>> = {
      '${workspaceFolder}': '/w/app',
      '${workspaceFolder:lib}': '/w/lib',
      '${workspaceRoot}': '/w/app',
      '${workspaceFolderBasename}': 'app',
      '${workspaceFolderBasename:lib}': 'lib',
      '${userHome}/x': '/home/me/x',
      'a${pathSeparator}b${/}c': 'a/b/c',
      '${env:HOST}-${env:UNSET}': 'here-',
      '${config:app.model}${config:app.count}': 'small3',
      '${command:python.interpreterPath}': '/venv/bin/python',
      '${cwd}': '/w/app',
      '${file}': '/w/app/src/serve.test.py',
      '${fileWorkspaceFolder}': '/w/app',
      '${relativeFile}': 'src/serve.test.py',
      '${relativeFileDirname}': 'src',
      '${fileBasename}': 'serve.test.py',
      '${fileBasenameNoExtension}': 'serve.test',
      '${fileExtname}': '.py',
      '${fileDirname}': '/w/app/src',
      '${fileDirnameBasename}': 'src',
      // VS Code leaves what it does not know.
      '${nothing} $HOME ${': '${nothing} $HOME ${',
    };
    const { words, refusals } = resolved({ program: 'x.py', args: Object.keys(values) });
    assert.deepEqual(words.slice(2), Object.values(values));
    assert.deepEqual(refusals, []);
  });

  it('are refused with a reason where a value is asked for, or is not known', () => {
    for (const [text, pattern] of [
      ['${input:model}', /\$\{input:model\} is asked for each time/],
      ['${command:pickArgs}', /asks the editor for a value each time/],
      ['${config:app.none}', /is not set, or is not known here/],
      ['${config:app.list}', /is no text/],
      ['${selectedText}', /depends on the cursor/],
      ['${workspaceFolder:gone}', /not in the workspace/],
    ] as const) assert.match(resolved({ program: 'x.py', args: [text] }).refusals.join(), pattern);
    assert.match(resolved({ program: '${file}' }, { activeFile: null }).refusals.join(), /\$\{file\} stands for the file that is open/);
    assert.match(resolved({ program: 'x.py', args: "--name \"$HOME\" *.pt" }).refusals.join(), /`args` is a text that a shell would take apart/);
    assert.match(resolved({ program: 'x.py', sudo: true }).refusals.join(), /sudo/);
  });

  it('take the block of the running system', () => {
    const configuration = { program: 'x.py', env: { A: '1', B: '2' }, args: ['all'], linux: { args: ['linux'] }, osx: { env: { A: '9' } }, windows: { program: 'y.py', cwd: 'C:\\x' } };
    assert.deepEqual(resolved(configuration).words, ['python', 'x.py', 'linux']);
    assert.deepEqual(resolved(configuration).environment, [{ name: 'A', value: '1' }, { name: 'B', value: '2' }]);
    // A block replaces whole properties.
    assert.deepEqual(resolved(configuration, { system: 'osx' }).environment, [{ name: 'A', value: '9' }]);
    assert.deepEqual([resolved(configuration, { system: 'windows' }).words[1], resolved(configuration, { system: 'windows' }).cwd], ['y.py', 'C:\\x']);
  });

  it('know which interpreter is named, and which is the editor\'s choice', () => {
    for (const [configuration, words, named] of [
      [{ program: 'x.py' }, ['python', 'x.py'], false],
      [{ program: 'x.py', python: '${command:python.interpreterPath}' }, ['python', 'x.py'], false],
      [{ program: 'x.py', python: '/opt/py' }, ['/opt/py', 'x.py'], true],
      [{ program: 'x.py', pythonPath: '${workspaceFolder}/py' }, ['/w/app/py', 'x.py'], true],
      [{ program: 'x.py', python: ['python3.9', '-X', 'dev'], pythonArgs: ['-O'] }, ['python3.9', '-X', 'dev', '-O', 'x.py'], true],
      [{ module: 'serve', args: '--n 3 "two words"' }, ['python', '-m', 'serve', '--n', '3', 'two words'], false],
      [{ code: ['import a', 'a.b()'] }, ['python', '-c', 'import a\na.b()'], false],
    ] as const) {
      const start = resolved(configuration);
      assert.deepEqual([start.words, start.namesInterpreter], [words, named]);
    }
  });

  it('of Node.js have a runtime with arguments of its own', () => {
    assert.deepEqual(resolved({ type: 'node', program: '${workspaceFolder}/a.js', runtimeArgs: ['--expose-gc'], args: [1, true] }).words, ['node', '--expose-gc', '/w/app/a.js', '1', 'true']);
    assert.deepEqual(resolved({ type: 'pwa-node', runtimeExecutable: 'tsx', runtimeArgs: '--no-cache a.ts' }).words, ['tsx', '--no-cache', 'a.ts']);
    assert.match(resolved({ type: 'node', program: 'a.js', runtimeVersion: '22' }).notes.join(), /runtimeVersion/);
  });

  it('say what is not done, and which variables they unset', () => {
    const start = resolved({ program: 'x.py', preLaunchTask: 'build', env: { A: null, B: 3 }, envFile: '${userHome}/x.env', cwd: '${fileDirname}' });
    assert.match(start.notes.join(), /The task build, .* is not run/);
    assert.deepEqual(start.environment, [{ name: 'A', value: null }, { name: 'B', value: '3' }]);
    assert.deepEqual([start.envFile, start.cwd], ['/home/me/x.env', '/w/app/src']);
  });

  it('that start nothing of their own are left to others; compounds name their parts', () => {
    const text = JSON.stringify({ configurations: [{ name: 'a', type: 'debugpy', request: 'attach' }, { name: 'b', type: 'node-terminal', command: 'npm start' }, { name: 'c', type: 'debugpy' }], compounds: [{ name: 'both', configurations: ['a', { name: 'b', folder: 'x' }] }] });
    for (const id of ['a', 'b', 'c', 'both', 'd']) assert.equal(resolveConfiguration(text, id, EDITOR), null);
    assert.deepEqual(compoundOf(text, 'both'), ['a', 'b']);
    assert.equal(compoundOf(text, 'a'), null);
    for (const broken of ['', '{', '[]', '{"configurations":[{"name":"it","type":"debugpy","program":', 'null']) assert.equal(resolveConfiguration(broken, 'x', EDITOR), null);
  });

  it('tell the settings that they refer to', () => {
    assert.deepEqual(settingsOfConfiguration('{"configurations":[{"name":"it","args":["${config:a.b} ${config:c}","${config:a.b}"]},{"name":"no","args":["${config:z}"]}]}', 'it', 'linux'), ['a.b', 'c']);
  });

  it('have texts of arguments taken apart as a shell would', () => {
    assert.deepEqual(shellWords(`a 'b c' "d \\"e" f\\ g ""  --x="y z"`), ['a', 'b c', 'd "e', 'f g', '', '--x=y z']);
    for (const text of ['$HOME', '`x`', 'a|b', '*.py', '"$X"', "it's", 'a > b', '~/x']) assert.equal(shellWords(text), null, text);
    assert.deepEqual(shellWords('${file} "${workspaceFolder}/a b"'), ['${file}', '${workspaceFolder}/a b']);
  });
});

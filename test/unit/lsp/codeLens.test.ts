/** Lenses stand on the launches of every format: the plan, and a benchmark where one can run. */
import { strict as assert } from 'node:assert';
import { codeLenses } from '../../../server/src/lsp/codeLens.ts';
import { markedWorkspace } from './markedWorkspace.ts';

const SERVE = 'import torch\nprint(torch.rand(512, 512) @ torch.rand(512, 512))\n';

/** The lenses of the file that holds the mark, as `text they stand on: title`. */
function lenses(files: Readonly<Record<string, string>>): readonly string[] {
  const { engine, places, document, text } = markedWorkspace(files);
  const abilities = { relatedInformation: true, tags: true, codeDescription: true, resolvesEdit: true, disabled: true, documentChanges: true, ownClient: true };
  const lines = text.split('\n');
  return codeLenses(document, { engine, places, abilities, results: new Map() }).map(({ range, command }) => {
    const line = lines[range.start.line] ?? '';
    return `${range.end.line === range.start.line ? line.slice(range.start.character, range.end.character) : '…'}: ${command?.title ?? ''}`;
  });
}

describe('lenses', () => {
  const RUN = 'Run benchmark';
  const PLAN = 'Plan: 8 threads on 16 CPUs';
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    ['.vscode/launch.json', '|{"version": "0.2.0", "configurations": [{"name": "infer", "type": "debugpy", "request": "launch", "program": "${workspaceFolder}/serve.py"}]}', [`"infer": ${RUN}`, `"infer": ${PLAN}`]],
    ['.vscode/tasks.json', '|{"version": "2.0.0", "tasks": [{"label": "infer", "type": "shell", "command": "python serve.py"}]}', [`"infer": ${RUN}`, `"infer": ${PLAN}`]],
    ['run.sh', '|python serve.py\n', [`python: ${RUN}`, `python: ${PLAN}`]],
    ['run.bat', '|python serve.py\r\n', [`python: ${RUN}`, `python: ${PLAN}`]],
    ['run.ps1', '|python serve.py\n', [`python: ${RUN}`, `python: ${PLAN}`]],
    ['Makefile', '|infer:\n\tpython serve.py\n', [`infer: ${RUN}`, `infer: ${PLAN}`]],
    ['Procfile', '|infer: python serve.py\n', [`infer: ${RUN}`, `infer: ${PLAN}`]],
    ['package.json', '|{"scripts": {"infer": "python serve.py"}}', [`infer: ${RUN}`, `infer: ${PLAN}`]],
    ['pyproject.toml', '|[tool.poe.tasks]\ninfer = "python serve.py"\n', [`infer: ${RUN}`, `infer: ${PLAN}`]],
    ['Dockerfile', '|FROM python:3.12\nCOPY . .\nCMD ["python", "serve.py"]\n', [`CMD: ${PLAN}`]],
    ['compose.yaml', '|services:\n  infer:\n    image: python:3.12\n    cpus: 2\n    command: python serve.py\n', ['infer: Plan: 8 threads on 2 CPUs']],
    ['pod.yaml', '|apiVersion: v1\nkind: Pod\nmetadata: {name: infer}\nspec:\n  containers:\n    - name: infer\n      image: x\n      command: [python, serve.py]\n', [`infer: ${PLAN}`]],
    ['infer.service', '|[Service]\nWorkingDirectory=/srv\nExecStart=/usr/bin/python serve.py\n', [`ExecStart: ${RUN}`, `ExecStart: ${PLAN}`]],
    ['supervisord.conf', '|[program:infer]\ncommand=python serve.py\n', [`[program:infer]: ${RUN}`, `[program:infer]: ${PLAN}`]],
    ['.github/workflows/ci.yml', '|on: push\njobs:\n  infer:\n    runs-on: ubuntu-latest\n    steps:\n      - run: python serve.py\n', [`run: ${PLAN}`]],
    ['.gitlab-ci.yml', '|infer:\n  script:\n    - python serve.py\n', [`infer: ${PLAN}`]],
    ['job.sbatch', '#!/bin/bash\n#SBATCH --cpus-per-task=4|\npython serve.py\n', [`python: ${RUN}`, 'python: Plan: 4 threads on 4 CPUs']],
    ['work.ipynb', '|{"cells": [{"cell_type": "code", "source": "import torch\\nprint(torch.rand(512, 512) @ torch.rand(512, 512))"}], "metadata": {"language_info": {"name": "python"}}}', [`: ${PLAN}`]],
    ['gunicorn.sh', '#!/bin/sh\ngunicorn| -w 4 serve:app\n', ['gunicorn: Plan: 4 x 8 on 16 CPUs']],
  ];
  for (const [file, text, expected] of cases) it(`in ${file}`, () => assert.deepEqual(lenses({ [file]: text, 'serve.py': SERVE }), expected));

  it('stand in a script that another file starts, and on the command of an image, and name that launch', () => {
    const files = { 'serve.py': SERVE, 'entrypoint.sh': '#!/bin/sh\nexport OMP_NUM_THREADS=4\nexec python serve.py\n', Dockerfile: 'FROM python:3.12\nCOPY . /app\nWORKDIR /app\nENTRYPOINT ["./entrypoint.sh"]\n', 'compose.yaml': 'services:\n  infer:\n    build: .\n    cpus: 2\n' };
    const plan = 'Plan (infer): 4 threads on 2 CPUs';
    assert.deepEqual(lenses({ ...files, 'entrypoint.sh': `${files['entrypoint.sh']}|` }), [`python: ${plan}`]);
    assert.deepEqual(lenses({ ...files, 'compose.yaml': `${files['compose.yaml']}|` }), ['infer: Plan: 4 threads on 2 CPUs']);
    const direct = 'FROM python:3.12\nCOPY . /app\nWORKDIR /app\nENV OMP_NUM_THREADS=4\nCMD ["python", "serve.py"]\n|';
    assert.deepEqual(lenses({ ...files, Dockerfile: direct }), [`CMD: ${plan}`]);
  });

  describe('on parts of a program', () => {
    const MODEL = 'import torch\nfrom torch import nn\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.layer = nn.Linear(4, 4)\n\n    def forward(self, x):\n        return self.layer(x)\n\n';
    const benchmarks = (files: Readonly<Record<string, string>>): readonly string[] => lenses(files).filter((lens) => / Benchmark /.test(lens));

    it('stand on calls of models that the program has made, and on no others', () => {
      const text = `${MODEL}net = Net().eval()\nunknown = load()\nx = torch.rand(64, 4)\nwith torch.inference_mode():\n    y = net(x)\n    z = unknown(x)\n    w = torch.relu(x @ x.T)\n    print(net(y), net(x))\n|`;
      assert.deepEqual(benchmarks({ 'a.py': text }), ['net(x): Benchmark this', 'net(y): Benchmark this']);
    });

    it('stand on sessions and pipelines', () => {
      const text = 'import onnxruntime as ort\nfrom transformers import pipeline\nsession = ort.InferenceSession("m.onnx")\nask = pipeline("text-generation")\ndef infer(x):\n    return session.run(None, {"x": x})\nprint(infer(1), session.get_inputs())\nprint(ask("hello"))\n|';
      assert.deepEqual(benchmarks({ 'a.py': text }), ['session.run(None, {"x": x}): Benchmark this', 'ask("hello"): Benchmark this']);
    });

    it('stand on marks, where a launch reaches the file', () => {
      const text = 'import torch\n# threadgauge: begin warm\nx = torch.rand(512, 512)\nprint(x @ x)\n# threadgauge: end\n|';
      assert.deepEqual(benchmarks({ 'a.py': text }), [': Benchmark "warm"']);
    });

    it('name the lines and the launch', () => {
      const { engine, places, document } = markedWorkspace({ 'a.py': `${MODEL}net = Net()\ny = net(\n    torch.rand(4),\n)\n|` });
      const abilities = { relatedInformation: true, tags: true, codeDescription: true, resolvesEdit: true, disabled: true, documentChanges: true, ownClient: true };
      const [lens] = codeLenses(document, { engine, places, abilities, results: new Map() }).filter(({ command }) => command?.title === 'Benchmark this');
      const uri = places.clientUri(document.file);
      assert.deepEqual(lens?.command, { title: 'Benchmark this', command: 'threadgauge.benchmarkSelection', arguments: [{ uri, launchId: '', region: { uri, lines: { first: 12, last: 14 } } }] });
    });
  });
});

/** The cells before a measured one become a script that means the same, or a sentence says why they cannot. */
import assert from 'node:assert/strict';
import { notebookScript } from '../../../server/src/readers/notebookScript.ts';

type Cell = string | { readonly markdown: string };

function script(cells: readonly Cell[], through = cells.length, language = 'python'): { readonly text: string; readonly notes: readonly string[]; readonly lines: unknown } | string {
  const json = JSON.stringify({ cells: cells.map((cell) => (typeof cell === 'string' ? { cell_type: 'code', source: cell.split(/(?<=\n)/) } : { cell_type: 'markdown', source: cell.markdown })), metadata: { language_info: { name: language } } });
  const built = notebookScript(json, through);
  return 'problem' in built ? built.problem : { text: built.text, notes: built.notes, lines: [...built.cells] };
}

describe('the script of a notebook', () => {
  it('joins the code cells up to the measured one, line by line', () => {
    assert.deepEqual(script(['import torch\nx = 1', { markdown: '# Model' }, 'y = x', 'z = y'], 3), { text: 'import torch\nx = 1\ny = x\n', notes: [], lines: [[1, { first: 1, last: 2 }], [3, { first: 3, last: 3 }]] });
  });

  it('does without what only sets up the notebook, and keeps what magics run', () => {
    const built = script(['%matplotlib inline\n!pip install -q torch\nimport torch\n%env OMP_NUM_THREADS=2\ndisplay(torch.ones(1))\nimport math?', '%%time\ny = torch.ones(3)\n%time z = y + 1', '%%bash\nls\n', 'w = z']);
    assert.ok(typeof built !== 'string', String(built));
    const text = built.text.split('\n').map((line) => line.trimEnd());
    assert.deepEqual(text.slice(0, 5).map((line) => line.replace(/^0#$/, '')), ['', '', 'import torch', '__import__("os").environ["OMP_NUM_THREADS"] = "2"', '(lambda *_, **__: None)(torch.ones(1))']);
    assert.deepEqual(text.slice(6, 9).map((line) => line.replace(/^0; +/, '')), ['', 'y = torch.ones(3)', 'z = y + 1']);
    assert.equal(text.at(-2), 'w = z');
    assert.deepEqual(built.notes, ['The command `!pip install -q torch` of cell 1 is left out.', 'Cell 3 (%%bash) is left out; what it leaves behind must be there already.']);
  });

  for (const [what, cells, problem] of [
    ['a value from the shell', ['files = !ls', 'x = 1'], 'Cell 1 takes a value from a shell command or a magic (`files = !ls`), which only a notebook can do.'],
    ['a magic that runs other code', ['%run setup.py', 'x = 1'], 'Cell 1 uses `%run setup.py`, which only a notebook can run.'],
    ['a cell of another kind', ['%%cython\ncdef int x', 'x = 1'], 'Cell 1 begins with %%cython, which only a notebook can run. Take it out, or measure a script.'],
    ['a measured cell of the shell', ['%%bash\nls'], 'Cell 1 is not run by Python itself (%%bash), so it cannot be measured.'],
    ['awaiting at the top', ['x = await f()'], 'Cell 1 awaits outside of a function, which only a notebook can do; call `asyncio.run` instead.'],
    ['the notebook itself', ['get_ipython().system("ls")'], 'Cell 1 asks for the notebook itself (`get_ipython()`), which a script does not have.'],
    ['a value that IPython fills in', ['%env X=$HOME', 'x = 1'], 'Cell 1 sets X to something that IPython fills in, which only a notebook can do.'],
    ['a cell of text', [{ markdown: '# x' }], 'Cell 1 holds text, not code.'],
  ] as const) {
    it(`refuses ${what}`, () => assert.equal(script(cells), problem));
  }

  it('refuses cells and notebooks that are not there', () => {
    assert.equal(script(['x = 1'], 5), 'The notebook has no cell 5; it has 1.');
    assert.equal(script(['x <- 1'], 1, 'R'), 'The notebook is written in r; only cells of Python can be measured.');
    assert.deepEqual(notebookScript('{', 1), { problem: 'The notebook is not valid JSON.' });
  });
});

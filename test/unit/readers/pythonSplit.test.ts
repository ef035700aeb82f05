/** The splitter: column-0 statements, whatever stands in strings, brackets and comments. */
import { strict as assert } from 'node:assert';
import { split } from '../../../server/src/readers/python/split.ts';

function parts(text: string): readonly string[] {
  return split(text).map(({ start, end }) => text.slice(start, end));
}

const CASES: readonly { readonly name: string; readonly expected: readonly string[] }[] = [
  { name: 'nothing', expected: [''] },
  { name: 'one statement a line', expected: ['a = 1\n', 'b = 2\n'] },
  { name: 'blank lines stay with what is above', expected: ['a = 1\n\n\n', 'b = 2'] },
  { name: 'an indented block stays with its head', expected: ['def f():\n    x = 1\n\n    y = 2\n', 'f()\n'] },
  { name: 'several statements on one line', expected: ['import os; os.environ["A"] = "1"\n', 'x = 1'] },
  { name: 'decorators stay with a function', expected: ['@a\n@b(1)\ndef f(): pass\n', '@c\n# about\n\nasync def g(): pass\n', '@d\nclass C: pass\n'] },
  { name: 'a decorator without a function', expected: ['@a\n', 'x = 1\n'] },
  { name: 'else, elif, except and finally stay', expected: ['if a:\n    b\nelif c:\n    d\nelse:\n    e\n', 'try:\n    a\nexcept E:\n    b\nelse:\n    c\nfinally:\n    d\n', 'x'] },
  { name: 'names that begin like them', expected: ['a\n', 'elsewhere = 1\n', 'finally_ = 2'] },
  { name: 'comments go with the statement below', expected: ['a = 1\n', '# about b\n\n# more\nb = 2\n'] },
  { name: 'comments before else stay', expected: ['if a:\n    b\n# about\nelse:\n    c\n'] },
  { name: 'column-0 comments inside a body stay', expected: ['def f():\n    a\n# odd\n    b\n', 'c'] },
  { name: 'a licence at the top', expected: ['# a\n# b\n\nimport os\n', 'x'] },
  { name: 'brackets over lines', expected: ['a = [\n1,\n2,\n]\n', 'b = f(\nx,\nif_=1,\n)\n', 'c'] },
  { name: 'a string with brackets', expected: ['a = "((("\n', "b = '[[['\n", 'c = 1'] },
  { name: 'triple quotes', expected: ['a = """\ndef f():\n(\n"""\n', "b = '''\nimport x\n\"\"\"'''\n", 'c'] },
  { name: 'escaped quotes', expected: ['a = "\\"("\n', "b = '\\\\'\n", 'c = r"\\"\n', 'd'] },
  { name: 'escaped quotes in triple quotes', expected: ['a = """x\\"""\nb = 1\n"""\n', 'c'] },
  { name: 'a comment with quotes and brackets', expected: ["a = 1  # don't (\n", 'b'] },
  { name: 'line continuation', expected: ['a = 1 + \\\n2\n', 'b = "x\\\ny"\n', 'c'] },
  { name: 'an unclosed one-line string ends with its line', expected: ['a = "x\n', 'b = 1'] },
  { name: 'an unclosed triple quote takes the rest', expected: ['a\n', 'b = """x\ndef f():\n    pass\nimport os\n'] },
  { name: 'an unclosed bracket ends at a statement', expected: ['f(\n', 'def g():\n    pass\n', 'x'] },
  { name: 'an unclosed bracket ends at an import', expected: ['f([1,\n', 'import os\n', 'g{\n', 'from os import path\n'] },
  { name: 'a half-typed def', expected: ['x = 1\n', 'def run(\n', 'class A:\n    pass\n', 'if __name__ == "__main__":\n    run()\n'] },
  { name: 'words that may start a line in brackets', expected: ['a = [\nx\nfor x in y\nif x\n]\n', 'b = (yield\nfrom_x)\n', 'c = (a\nif b\nelse d)\n', 'd = (\nnot x\nand y\nor lambda: 1\n)\n'] },
  { name: 'keyword arguments that begin like keywords', expected: ['f(\nimport_=1,\nclass_=2,\npassword=3,\n)\n', 'x'] },
  { name: 'a stray closing bracket', expected: ['a = 1\n', ')\n', 'b = 2\n'] },
  { name: 'f-strings with brackets and quotes inside', expected: ['a = f"{d["(("]}"\n', "b = f'{x!r:>{w}} ({{'\n", 'c = rf"{a[\'[\']}"\n', 'd'] },
  { name: 'a half-typed f-string', expected: ['a = f"{x"\n', 'b = f"{\n', 'c'] },
  { name: 'form feeds', expected: ['a\n', '\f\n'.slice(0, 1) + 'b\n', 'c'] },
  { name: 'tabs', expected: ['if a:\n\tb\n\tc\n', 'd'] },
  { name: 'match statements', expected: ['match x:\n    case 1:\n        a\n    case _:\n        b\n', 'c'] },
  { name: 'letters outside ASCII', expected: ['größe = "🎉("\n', 'f"{\'é\'}"\n', 'x'] },
];

describe('python split', () => {
  for (const { name, expected } of CASES) {
    it(name, () => assert.deepEqual(parts(expected.join('')), expected));
    it(`${name}, with CRLF`, () => {
      const windows = expected.map((part) => part.replaceAll('\n', '\r\n'));
      assert.deepEqual(parts(windows.join('')), windows);
    });
  }

  it('ends lines at a lone CR', () => assert.deepEqual(parts('a = 1\rb = 2\r'), ['a = 1\r', 'b = 2\r']));

  it('leaves a byte order mark in the first chunk', () => assert.deepEqual(parts('\uFEFFimport os\nx'), ['\uFEFFimport os\n', 'x']));

  it('covers any text with consecutive ranges', () => {
    const alphabet = ['(', ')', '[', '"', "'", '"""', '\\', '\n', '\r', '#', 'def ', 'class', 'import x', ' ', '\t', '\f', 'f"{', '}', '@', 'else:', 'x', '🎉', '\0'];
    let seed = 1;
    for (let round = 0; round < 3000; round++) {
      let text = '';
      for (let i = 0; i < 30; i++) {
        seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
        text += alphabet[(seed >> 8) % alphabet.length] ?? '';
      }
      let position = 0;
      for (const { start, end } of split(text)) {
        assert.equal(start, position, JSON.stringify(text));
        assert.ok(end > start || text === '', JSON.stringify(text));
        position = end;
      }
      assert.equal(position, text.length, JSON.stringify(text));
    }
  });

  it('takes time in proportion to the text, also for hostile text', () => {
    for (const unit of ['f"{', '(\nif x', 'f("\n', '"""', "'\\\n", '#\n', '((\nfor x in y\n', '\\\n', 'if (\n']) {
      const text = unit.repeat(400_000);
      const started = performance.now();
      split(text);
      const elapsed = performance.now() - started;
      // Anything quadratic takes minutes here.
      assert.ok(elapsed < 3000, `${JSON.stringify(unit)} took ${elapsed.toFixed(0)} ms`);
    }
  });
});

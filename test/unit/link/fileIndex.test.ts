/** Paths as people write them, against the URIs editors use. */
import assert from 'node:assert/strict';
import { ancestors, baseName, commonFolder, displayPath, FileIndex, folderOf, joinPath, workspaceFolderOf } from '../../../server/src/link/fileIndex.ts';
import { findPath } from '../../../server/src/link/environment.ts';
import { importRoots, resolveModule } from '../../../server/src/link/pythonModules.ts';

describe('paths', () => {
  it('join and normalise', () => {
    assert.equal(joinPath('file:///w/a', '../b/./c.py'), 'file:///w/b/c.py');
    assert.equal(joinPath('file:///w', '/app/x.py'), 'file:///app/x.py');
    assert.equal(joinPath('file:///c%3A/w', 'C:\\x\\y.py'), 'file:///C:/x/y.py');
    assert.equal(joinPath('vscode-remote://ssh-remote+box/home', 'a b.py'), 'vscode-remote://ssh-remote+box/home/a%20b.py');
    assert.equal(joinPath('file:///w', '../../../x.py'), 'file:///x.py');
  });

  it('find files whatever their encoding', () => {
    const index = new FileIndex(['file:///c%3A/my%20dir/a.py', 'file:///w/%C3%A9.py', 'file:///w/100%.py']);
    assert.equal(index.find('file:///C:/my dir/a.py'), 'file:///c%3A/my%20dir/a.py');
    assert.equal(index.find(joinPath('file:///w', 'é.py')), 'file:///w/%C3%A9.py');
    assert.equal(index.find('file:///w/nothing.py'), null);
    assert.equal(findPath('${workspaceFolder}\\my dir\\a.py', 'file:///c%3A/.vscode/launch.json', [], index), 'file:///c%3A/my%20dir/a.py');
    assert.equal(findPath('${file}', 'file:///w/.vscode/launch.json', ['file:///w'], index), null);
  });

  it('have a common folder', () => {
    assert.equal(commonFolder(['file:///home/a/test/project/x.py', 'file:///home/a/test/project/sub/y.py']), 'file:///home/a/test/project');
    assert.equal(commonFolder(['file:///home/a/project/x.py', 'file:///home/a/project2/y.py']), 'file:///home/a');
    assert.equal(commonFolder(['file:///v/x.py', 'file:///w/y.py']), '');
    assert.equal(commonFolder(['file:///v/x.py', 'untitled:Untitled-1']), '');
    assert.equal(commonFolder([]), '');
  });

  it('cope with URIs without folders', () => {
    for (const uri of ['untitled:Untitled-1', 'file:///', '', 'x']) {
      assert.doesNotThrow(() => [folderOf(uri), baseName(uri), ancestors(folderOf(uri), 5), workspaceFolderOf(uri), displayPath(uri, folderOf(uri))]);
      assert.ok(ancestors(uri, 9).length <= 9);
    }
  });

  it('know the workspace folder', () => {
    assert.equal(workspaceFolderOf('file:///w/sub/.vscode/launch.json'), 'file:///w/sub');
    assert.equal(workspaceFolderOf('file:///w/sub/run.sh'), 'file:///w/sub');
  });
});

describe('python modules', () => {
  const files = new FileIndex(['file:///w/main.py', 'file:///w/helpers.py', 'file:///w/pkg/__init__.py', 'file:///w/pkg/a.py', 'file:///w/pkg/sub/b.py', 'file:///w/space/inner/c.py', 'file:///w/torch/x.py', 'file:///w/src/lib/d.py']);
  const roots = importRoots({ entry: 'file:///w/main.py', entryText: 'main.py' });
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    ['helpers', 'file:///w/main.py', ['file:///w/helpers.py']],
    ['helpers.setup', 'file:///w/main.py', ['file:///w/helpers.py']],
    ['pkg.a', 'file:///w/main.py', ['file:///w/pkg/__init__.py', 'file:///w/pkg/a.py']],
    ['.a', 'file:///w/pkg/__init__.py', ['file:///w/pkg/a.py']],
    ['..a', 'file:///w/pkg/sub/b.py', ['file:///w/pkg/a.py']],
    ['.sub.b', 'file:///w/pkg/a.py', ['file:///w/pkg/sub/b.py']],
    ['space.inner.c', 'file:///w/main.py', ['file:///w/space/inner/c.py']],
    ['lib.d', 'file:///w/main.py', ['file:///w/src/lib/d.py']],
    ['numpy', 'file:///w/main.py', []],
    ['torch', 'file:///w/main.py', []],
    ['', 'file:///w/main.py', []],
    ['...........x', 'file:///w/main.py', []],
  ];
  for (const [module, importer, expected] of cases) it(`${module || '(empty)'} in ${baseName(importer)}`, () => assert.deepEqual(resolveModule(module, importer, roots, files), expected));
});

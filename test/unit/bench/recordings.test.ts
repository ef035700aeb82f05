/** Files of recordings: whole or not at all, also on a disk that is full. */
import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { defaultRecordingsDirectory, findRecording, listRecordings, recordingName, writeAtomically, writeProblem } from '../../../server/src/host/node/recordings.ts';

const module = path.resolve(import.meta.dirname, '../../../server/src/host/node/recordings.ts');

describe('files of recordings', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'threadgauge-recordings-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('lie where the system keeps state', function () {
    if (process.platform !== 'linux') this.skip();
    assert.equal(defaultRecordingsDirectory({ XDG_STATE_HOME: '/s' }), '/s/threadgauge/recordings');
    assert.match(defaultRecordingsDirectory({ XDG_STATE_HOME: 'relative' }), /\.local\/state\/threadgauge\/recordings$/);
  });

  it('are named by time and label, each by its own name', () => {
    const now = new Date('2026-11-21T19:50:35.123Z');
    const names = new Set(Array.from({ length: 20 }, () => recordingName('serve: ../../etc/passwd', now)));
    assert.ok(names.size > 15);
    for (const name of names) assert.match(name, /^2026-11-21T19-50-35-123-serve-\.\.-\.\.-etc-passwd-[0-9a-f]{4}\.ndjson$/);
    // Two short runs of one second come in their order.
    assert.ok(recordingName('serve', now) < recordingName('serve', new Date('2026-11-21T19:50:35.124Z')));
  });

  it('replace the old content or leave it, and leave nothing else', async () => {
    const file = path.join(folder, 'a/b.ndjson');
    await writeAtomically(file, 'one');
    await writeAtomically(file, 'two');
    assert.equal(readFileSync(file, 'utf8'), 'two');
    mkdirSync(path.join(folder, 'a/c.ndjson'));
    await assert.rejects(writeAtomically(path.join(folder, 'a/c.ndjson'), 'three'));
    assert.deepEqual(readdirSync(path.join(folder, 'a')).sort(), ['b.ndjson', 'c.ndjson']);
  });

  it('say that the disk is full, and leave no piece of a file', function () {
    // A file system of 64 KiB, in a namespace of its own.
    const script = `import { writeAtomically, writeProblem } from ${JSON.stringify(module)}; import { readdirSync } from 'node:fs';
      try { await writeAtomically('${folder}/disk/x.ndjson', 'x'.repeat(1e6)); console.log('written'); } catch (error) { console.log(writeProblem(error)); }
      console.log(JSON.stringify(readdirSync('${folder}/disk')));`;
    mkdirSync(path.join(folder, 'disk'));
    writeFileSync(path.join(folder, 'full.mts'), script);
    const { status, stdout } = spawnSync('unshare', ['-rm', 'sh', '-c', `mount -t tmpfs -o size=64k tmpfs "${folder}/disk" && exec "${process.execPath}" "${folder}/full.mts"`], { encoding: 'utf8' });
    if (status !== 0) this.skip();
    assert.equal(stdout, 'the disk is full\n[]\n');
  });

  it('that cannot be read are sentences; ids may be short', async () => {
    assert.deepEqual(await listRecordings(path.join(folder, 'missing')), { recordings: [], skipped: [] });
    for (const name of ['2026-01-01T00-00-00-a-0001.ndjson', '2026-01-02T00-00-00-b-0002.ndjson']) writeFileSync(path.join(folder, name), '{"v":1,"type":"hello","data":{"protocol":1}}\n');
    mkdirSync(path.join(folder, '2026-01-03T00-00-00-c-0003.ndjson'));
    const { recordings, skipped } = await listRecordings(folder);
    assert.deepEqual(recordings.map(({ id, status, startedAt }) => [id.slice(-6), status, startedAt]), [['b-0002', 'partial', '2026-01-02T00:00:00.000Z'], ['a-0001', 'partial', '2026-01-01T00:00:00.000Z']]);
    assert.match(skipped.join(), /c-0003\.ndjson was left out, because it could not be read/);
    assert.deepEqual(await findRecording(folder, '0001'), { file: path.join(folder, '2026-01-01T00-00-00-a-0001.ndjson') });
    assert.match(JSON.stringify(await findRecording(folder, '2026')), /may be any of/);
    assert.match(JSON.stringify(await findRecording(folder, 'x')), /There is no recording x/);
    assert.equal(writeProblem(Object.assign(new Error('x'), { code: 'EDQUOT' })), 'your disk quota is used up');
  });
});

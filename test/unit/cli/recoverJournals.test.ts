/** What killed runs leave in a directory of recordings goes with the next start; what runs that live still write stays. */
import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { recoverJournals } from '../../../server/src/host/node/runJournal.ts';

describe('files of killed runs', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'threadgauge-journals-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('that were half written are removed, those of running programs and others are not', async () => {
    const ended = spawnSync(process.execPath, ['-e', '']).pid;
    const kept = [`2026-01-31T12-00-00-work-abcd.ndjson.${process.pid}.tmp`, `notes.${ended}.tmp`, '2026-01-31T12-00-00-work-abcd.ndjson'];
    for (const name of [...kept, `2026-01-31T12-00-00-other-abcd.ndjson.${ended}.tmp`, `.2026-01-31T12-00-00-empty-abcd.ndjson.${ended}.part`]) writeFileSync(path.join(folder, name), 'half');
    await recoverJournals(folder);
    assert.deepEqual(readdirSync(folder).sort(), kept.sort());
    await recoverJournals(path.join(folder, 'missing'));
  });
});

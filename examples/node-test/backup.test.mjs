// A tool that works with replicating storage, tested on the real thing: storage systems in a temporary folder, one for each test.
//   node --test examples/node-test
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isCopysetError, openSystem } from 'copyset';

/** The tool under test: backs up what a pair's secondary holds, while hosts go on writing at the primary. */
async function nightlyBackup(pair, secondarySystem, volume) {
  await pair.split();
  await pair.wait('split', { timeoutMs: 60_000 });
  const image = await secondarySystem.read(volume);
  await pair.resync();
  await pair.wait('duplex', { timeoutMs: 60_000 });
  return image;
}

describe('the nightly backup', () => {
  let root;
  let tokyo;
  let osaka;
  let pair;

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'backup-'));
    const create = { fixture: true, durability: 'none' };
    tokyo = await openSystem('tokyo', { root, create });
    osaka = await openSystem('osaka', { root, create });
    await tokyo.createVolume('db', { size: '4MiB' });
    await osaka.createVolume('db', { size: '4MiB' });
    pair = await tokyo.createPair('db', 'osaka:db');
    await pair.wait('duplex');
  });

  after(async () => {
    await tokyo.close();
    await osaka.close();
    await rm(root, { recursive: true, force: true });
  });

  it('holds what was written before it, and the pair follows again', async () => {
    await tokyo.write('db', 'monday');
    const image = await nightlyBackup(pair, osaka, 'db');
    assert.equal(Buffer.from(image).toString('utf8', 0, 6), 'monday');
    assert.equal((await pair.show()).status, 'duplex');
  });

  it('stops when somebody wrote at the secondary', async () => {
    await pair.split();
    await osaka.write('db', 'by mistake');
    await assert.rejects(nightlyBackup(pair, osaka, 'db'), (error) => isCopysetError(error, 'discard-needed'));
    await pair.resync({ discard: true });
    await pair.wait('duplex');
  });

  it('fails when the storage does', async () => {
    await osaka.setFault({ kind: 'io-error', volume: 'db', track: 0, on: 'read' });
    await assert.rejects(nightlyBackup(pair, osaka, 'db'), (error) => isCopysetError(error, 'io-error'));
    await osaka.clearFaults();
  });
});

import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { askAt } from '../torture/session-asking.js';
import { makeSites, PRIMARIES, SECONDARIES, SESSION, serveAll, shown } from './checkpoint-sites.js';
import { HostConnection } from './hosts-client.js';
import type { Server } from './hosts-serving.js';
import { useRootFolder } from './root-folder.js';
import { eventually } from './shell.js';

const VOLUME_BYTES = 1_048_576;
const BLOCK_BYTES = 4096;
/** More than what is landed between two looks at whether to go on. */
const WRITES = 700;

const root = useRootFolder((made) => makeSites(made, '--interval', '0'));
const servers = new Map<string, Server>();

afterAll(async () => {
  await Promise.all([...servers.values()].map((server) => server.kill()));
});

async function serve(...systems: readonly string[]): Promise<void> {
  for (const [system, server] of await serveAll(root, systems)) servers.set(system, server);
}

async function onHost<T>(system: string, work: (host: HostConnection) => Promise<T>): Promise<T> {
  const host = await HostConnection.open(servers.get(system)?.socket ?? '', 'db');
  try {
    return await work(host);
  } finally {
    host.close();
  }
}

/** What hosts read of each of these systems' volumes. */
async function readBy(systems: readonly string[]): Promise<Buffer[]> {
  const images: Buffer[] = [];
  for (const system of systems) images.push(await onHost(system, (host) => host.read(0, VOLUME_BYTES)));
  return images;
}

/** By the byte, which the matchers of tests take long for. */
const same = (all: readonly Buffer[], others: readonly Buffer[]) =>
  all.length === others.length && all.every((bytes, at) => others[at]?.equals(bytes) === true);

const inImage = (system: string) => readFile(root.file(`${system}/images/db.img`));

/** Small writes, many of them over others, so that what is shown is of many records. */
async function writeMuch(): Promise<void> {
  for (const system of PRIMARIES)
    await onHost(system, async (host) => {
      for (let write = 0; write < WRITES; write += 1) {
        const block = (write * 37) % (VOLUME_BYTES / BLOCK_BYTES - 2);
        const data = randomBytes(BLOCK_BYTES + 512 * (write % 5));
        await host.write(block * BLOCK_BYTES + 512 * (write % 3), data);
      }
    });
}

async function isHeld(system: string, checkpoint: number): Promise<boolean> {
  const { reports } = await askAt({ root: root.path }, system, 'session.list', {});
  return reports.some(({ streams }) =>
    streams.some(({ held: checkpoints }) => checkpoints.some(({ number }) => number === checkpoint)),
  );
}

/**
 * Both secondaries hold a checkpoint, and records behind it; nothing of either is released, for they do not reach each other. Answers with what the
 * primaries held at the checkpoint.
 */
async function held(): Promise<Buffer[]> {
  const [osaka, kobe] = SECONDARIES;
  await root.ok('fault', 'set', osaka ?? '', 'link-down', '--peer', kobe ?? '');
  await root.ok('fault', 'set', kobe ?? '', 'link-down', '--peer', osaka ?? '');
  await writeMuch();
  const images = await readBy(PRIMARIES);
  const mark = (await root.ok('checkpoint', 'mark', SESSION)).stdout.trim();
  const number = Number(mark.split('.')[1]);
  for (const system of PRIMARIES) await onHost(system, (host) => host.write(0, randomBytes(BLOCK_BYTES)));
  for (const system of SECONDARIES) await eventually(async () => (await isHeld(system, number)) || undefined);
  return images;
}

/** What they hold is shown, and no image takes any of it. */
async function shownAtOnce(): Promise<Buffer[]> {
  const images = await held();
  const before = await Promise.all(SECONDARIES.map(inImage));
  for (const system of SECONDARIES)
    await root.ok('fault', 'set', system, 'io-error', '--volume', 'db', '--on', 'write');
  for (const system of SECONDARIES) await root.ok('fault', 'clear', system, 'link-down');
  await root.ok('checkpoint', 'apply', SESSION, '--instant');
  expect(same(await readBy(SECONDARIES), images)).toBe(true);
  expect(same(await Promise.all(SECONDARIES.map(inImage)), before)).toBe(true);
  return images;
}

/** In the end it is in the images, and until then nobody reads anything else. */
async function lands(images: readonly Buffer[]): Promise<void> {
  await eventually(async () => {
    expect(same(await readBy(SECONDARIES), images)).toBe(true);
    return same(await Promise.all(SECONDARIES.map(inImage)), images) || undefined;
  });
  expect(same(await readBy(SECONDARIES), images)).toBe(true);
}

describe('checkpoint apply --instant, over processes and sockets', { timeout: 120_000 }, () => {
  it('gives hosts the checkpoint byte for byte before anything of it is in an image, and when all of it is', async () => {
    await serve(...PRIMARIES, ...SECONDARIES);
    await root.ok('checkpoint', 'start', SESSION);
    for (const system of PRIMARIES) await root.ok('pair', 'wait', `${system}:*`, '--status', 'duplex');
    await shown(root);
    const images = await shownAtOnce();
    for (const system of SECONDARIES) await root.ok('fault', 'clear', system);
    await root.ok('checkpoint', 'apply', SESSION);
    await lands(images);
  });

  it('nor does a kill in the middle give them anything else: it is shown again before anybody reads, and lands', async () => {
    const images = await shownAtOnce();
    const [system = ''] = SECONDARIES;
    const before = await inImage(system);
    // Once: whoever takes the dead system's place for a moment would die there as well.
    await root.ok('fault', 'set', system, 'crash', '--step', 'session.folding', '--count', '1');
    for (const one of SECONDARIES) await root.ok('fault', 'clear', one, 'io-error');
    await root.run('checkpoint', 'apply', SESSION);
    expect(await servers.get(system)?.shell.ended).toMatchObject({ signal: 'SIGKILL' });
    // Some of it has landed; whoever took the dead system's place for a moment may have gone on with the rest.
    expect(before.equals(await inImage(system))).toBe(false);
    await root.ok('fault', 'clear', system);
    await serve(system);
    await lands(images);
  });
});

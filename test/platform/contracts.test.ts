import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  clockAt,
  lockfileOwners,
  nodeFiles,
  seededRandom,
  socketLink,
  systemClock,
  systemRandom,
} from '../../src/platform/platform.js';
import { clockContract } from '../contract/clock.contract.js';
import { filesContract } from '../contract/files.contract.js';
import { linkContract } from '../contract/link.contract.js';
import { ownersContract } from '../contract/owners.contract.js';
import { randomContract } from '../contract/random.contract.js';
import { temporaryFolder } from './temporary-folder.js';

const run = <T>(promise: Promise<T>) => promise;

filesContract('node', () => {
  const folder = temporaryFolder();
  return {
    files: nodeFiles,
    folder: folder.path,
    plantLink: (path, target) => symlinkSync(target, path),
    plantFifo: (path) => execFileSync('mkfifo', [path]),
    run,
    end: folder.remove,
  };
});

linkContract('unix sockets', () => {
  const folder = temporaryFolder();
  return { near: socketLink, far: socketLink, address: `${folder.path}/control.sock`, run, end: folder.remove };
});

linkContract('unix sockets with a long path', () => {
  const folder = temporaryFolder();
  const deep = `${folder.path}/${'d'.repeat(60)}/${'e'.repeat(60)}/${'f'.repeat(60)}`;
  mkdirSync(deep, { recursive: true });
  return { near: socketLink, far: socketLink, address: `${deep}/control.sock`, run, end: folder.remove };
});

ownersContract('proper-lockfile', () => {
  const folder = temporaryFolder();
  mkdirSync(`${folder.path}/system`);
  return {
    owners: lockfileOwners(),
    system: `${folder.path}/system`,
    absent: `${folder.path}/absent`,
    run,
    end: folder.remove,
  };
});

clockContract('system', () => ({ clock: systemClock, run }));
clockContract('fixture', () => ({ clock: clockAt(1_767_225_600_000), run }));
randomContract('system', () => systemRandom);
randomContract('seeded', () => seededRandom('42'));

test('a seeded source gives each purpose the same ids in every run of that number, and others in any other run', () => {
  const ids = (run: number, purposes: readonly string[]) => {
    const random = seededRandom('42', () => run);
    return purposes.map((purpose) => random.id(purpose));
  };
  const [first, pair, second] = ids(1, ['group', 'pair', 'group']);
  expect(ids(1, ['pair', 'group', 'group'])).toEqual([pair, first, second]);
  expect(ids(2, ['group'])).not.toContain(first);
  expect(new Set([first, pair, second]).size).toBe(3);
});

test('a run is counted only once an id is drawn that somebody sees', () => {
  let counted = 0;
  const random = seededRandom('42', () => ++counted);
  random.id();
  random.below(10);
  expect(counted).toBe(0);
  random.id('pair');
  random.id('group');
  expect(counted).toBe(1);
});

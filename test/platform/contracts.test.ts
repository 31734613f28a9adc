import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
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

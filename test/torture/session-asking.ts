import { join } from 'node:path';
import { openToolkit } from '../../src/cli/open-toolkit.js';
import { findSession, primaryMasterPlace, secondaryMasterPlace } from '../../src/cli/session-finding.js';
import type { RequestCode, Requests, SystemPlace } from '../../src/core/controller/controller.js';
import { createSystem, openClient, readPlace } from '../../src/core/controller/controller.js';
import { nodeFiles } from '../../src/platform/platform.js';
import { machinePorts } from '../e2e/machine-client.js';
import { SESSION, type SessionSites } from '../e2e/session-sites.js';

const ports = machinePorts('torture');
const LINK_LIMIT_MS = 1_000;

/** What a command would ask of a system, without the cost of its process. The work is the server's in any case. */
export async function askAt<Code extends RequestCode>(
  { root }: { readonly root: string },
  system: string,
  code: Code,
  input: Requests[Code]['input'],
): Promise<Requests[Code]['output']> {
  return (await request(readPlace(nodeFiles, join(root, system)), code, input)).output;
}

/** What the volumes of these systems hold, while nobody serves them. */
export async function readUnserved(
  { root, plan }: SessionSites,
  at: 'system' | 'remote',
  lengthBytes: number,
): Promise<Buffer[]> {
  const images: Buffer[] = [];
  for (const volume of plan.volumes) {
    const place = readPlace(nodeFiles, join(root, volume[at]));
    const input = { volume: volume.name, offsetBytes: 0, lengthBytes };
    images.push(Buffer.from((await request(place, 'volume.read', input)).data ?? []));
  }
  return images;
}

/** `checkpoint mark`, at who issues now. */
export async function markNow({ root }: SessionSites): Promise<string> {
  const found = await findSession(openToolkit([root], 'torture'), SESSION);
  return (await request(primaryMasterPlace(found), 'session.mark', { session: SESSION })).output.mark;
}

/** `checkpoint wait`, at who applies now. */
export async function waitFor({ root }: SessionSites, mark: string, timeoutMs: number): Promise<string> {
  const found = await findSession(openToolkit([root], 'torture'), SESSION);
  return (await request(secondaryMasterPlace(found), 'session.wait', { session: SESSION, mark, timeoutMs })).output
    .verdict;
}

/** The systems and volumes of a plan. */
export async function makeSystems({ root, plan, primaries, remotes }: SessionSites, journalLimitBytes?: number) {
  const wishes = { fixture: true, durability: plan.durability, linkLimitMs: LINK_LIMIT_MS, journalLimitBytes };
  for (const name of [...primaries, ...remotes]) {
    await createSystem(ports, join(root, name), { ...wishes, name });
    const volumes = plan.volumes.flatMap((volume) => {
      if (volume.system === name) return [volume];
      return volume.remote === name ? [volume, { ...volume, name: `${volume.name}-backup` }] : [];
    });
    for (const { name: volume, sizeBytes } of volumes)
      await askAt({ root }, name, 'volume.create', { name: volume, sizeBytes });
  }
}

async function request<Code extends RequestCode>(place: SystemPlace, code: Code, input: Requests[Code]['input']) {
  // Where its server has just died, this process is the controller for a moment: a step that kills must not kill it.
  const client = await openClient(ports, place, { purpose: 'torture', unharmed: true });
  try {
    return await client.request(code, input);
  } finally {
    await client.close();
  }
}

import { failure, isToolkitError } from '../../foundation/foundation.js';
import type { PeerVolume } from '../../pair/pair.js';
import type { Answered, Requests } from '../control/requests.js';
import type { Controller } from '../open-controller.js';

/** A volume that is named from any system. */
export interface Place {
  readonly system: PeerVolume['system'];
  readonly number: number;
}

type Above = Requests['pair.above']['output'];

/** Chains of pairs between systems that are longer than this are refused: nobody builds them, and each of their systems is asked. */
const HOPS_MAX = 64;

/** Answers what a volume here is copied from, through pairs here, up to the first that lies in another system. */
export async function volumesAbove(
  controller: Controller,
  { volume }: Requests['pair.above']['input'],
): Promise<Answered<'pair.above'>> {
  const numbers = [volume];
  for (let number = volume; ; ) {
    const above = [...controller.catalog.pairs.values()].find((pair) => pair.secondary === number);
    if (!above) return { output: { numbers, above: null, takenOver: false } };
    if (above.remote)
      return { output: { numbers, above: above.remote.peer, takenOver: above.remote.takenOver !== null } };
    number = above.primary;
    numbers.push(number);
  }
}

/** Whether a volume here is copied on: only such a one can close a circle. */
export function leads({ catalog }: Controller, volume: number): boolean {
  return catalog.pairsOf(volume).some((pair) => catalog.pairs.get(pair)?.primary === volume);
}

/**
 * A pair to a volume that its primary is copied from, through whichever systems, would copy for ever: each track that lands is a write to
 * the next pair. No system sees more than its own pairs, so those above are asked one by one; a volume is the secondary of one pair at
 * most, so they are one chain. Where one cannot be asked the pair is refused, unless what lies above was left by a takeover, or any may be lost.
 */
export async function demandNoCircle(
  controller: Controller,
  primary: number,
  secondary: Place,
  anyMayBeLost = false,
): Promise<void> {
  const { peers } = controller;
  let at: Place = { system: peers.self, number: primary };
  let mayBeLost = anyMayBeLost;
  for (let hops = 0; hops <= HOPS_MAX; hops += 1) {
    const output = await aboveOf(controller, at, mayBeLost);
    if (at.system.id === secondary.system.id && output.numbers.includes(secondary.number)) break;
    if (!output.above) return;
    at = output.above;
    mayBeLost = anyMayBeLost || output.takenOver;
  }
  throw failure(
    'cycle',
    `${controller.address(primary)} is copied from that volume of ${secondary.system.name}, through pairs of other systems.`,
    'A volume cannot be copied onto one that it comes from; copyset pair list shows the pairs.',
  );
}

async function aboveOf(controller: Controller, { system, number }: Place, mayBeLost: boolean): Promise<Above> {
  const input = { volume: number };
  if (system.id === controller.peers.self.id) return (await volumesAbove(controller, input)).output;
  try {
    const limitMs = controller.place.info.linkLimitMs;
    return (await controller.peers.request(system, 'pair.above', input, { limitMs })).output;
  } catch (error) {
    if (!isToolkitError(error, 'link-lost') && !isToolkitError(error, 'peer-missing')) throw error;
    if (mayBeLost) return { numbers: [], above: null, takenOver: false };
    throw failure(
      error.code,
      `${error.message} What the primary comes from lies there, so nobody can say whether the pair would close a circle.`,
      `Make it when ${system.name} is back, or after copyset pair takeover where it is lost for good.`,
    );
  }
}

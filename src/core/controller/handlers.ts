import { failure } from '../foundation/foundation.js';
import type { Answered, RequestCode, RequestExtras, Requests } from './control/requests.js';
import { attachVolume, createPort, deletePort, detachVolume } from './exports/port-requests.js';
import { groupHandlers } from './groups/handlers.js';
import { createRemotePairs } from './halves/create.js';
import { takeGreeting } from './halves/greeting.js';
import { dropSecondaryHalf, makeSecondaryHalf } from './halves/made.js';
import {
  beatHalf,
  codesOfHalf,
  collectHalf,
  displaceHalf,
  fetchHalf,
  flushHalf,
  leadingHalf,
  mapOfHalf,
  mergedHalf,
  openHalf,
  settleHalf,
  showHalf,
  takeCopy,
  tellHalf,
  writeHalf,
} from './halves/orders.js';
import { takeOver } from './halves/takeover.js';
import type { Controller, RequestContext } from './open-controller.js';
import { volumesAbove } from './pairs/circles.js';
import { createPairs } from './pairs/create.js';
import { deletePairs, pacePairs, resyncPairs, splitPairs, suspendPairs } from './pairs/requests.js';
import { rotatePairs } from './pairs/rotation.js';
import { verifyPairs } from './pairs/verify.js';
import { drainPairs, waitForPairs } from './pairs/wait.js';
import { sessionHandlers } from './sessions/handlers.js';
import { splitHandlers } from './splits/handlers.js';
import { checkSystem } from './system-check.js';
import { createVolumes } from './volumes/creation.js';
import { findVolume } from './volumes/finding.js';
import { exportVolume, importVolume } from './volumes/image-requests.js';
import {
  deleteVolumes,
  formatVolumes,
  readVolume,
  setReserve,
  setVolumeFault,
  volumePath,
  writeVolume,
} from './volumes/requests.js';
import { scrubVolumes } from './volumes/scrub.js';

export type Handler<Code extends RequestCode> = (
  controller: Controller,
  input: Requests[Code]['input'],
  extras: RequestExtras,
  context: RequestContext,
) => Promise<Answered<Code>>;

/** An order of another system's: a link that is down here stops it as well. */
function overLink<Code extends RequestCode>(
  handler: (controller: Controller, input: Requests[Code]['input'], extras: RequestExtras) => Promise<Answered<Code>>,
): Handler<Code> {
  return async (controller, input, extras) => {
    if (controller.faults.rows.length > 0 && 'pair' in input) {
      const { remote } = controller.halves.find(input.pair);
      await controller.faults.link(remote.peer.system.name, controller.ports.clock, 0);
    }
    return handler(controller, input, extras);
  };
}

/** Every request and who answers it. */
export const handlers: { readonly [Code in RequestCode]: Handler<Code> } = {
  'system.show': async (controller) => ({ output: { system: controller.listing.system(controller.self()) } }),
  'system.yield': async ({ onYield }) => {
    // After the answer is on its way: letting go waits for the requests that are being answered.
    if (onYield) queueMicrotask(onYield);
    return { output: { yields: onYield !== undefined } };
  },
  'system.greet': takeGreeting,
  'remote.open': overLink(openHalf),
  'remote.show': overLink(showHalf),
  'remote.beat': overLink(beatHalf),
  'remote.tell': overLink(tellHalf),
  'remote.collect': overLink(collectHalf),
  'remote.map': overLink(mapOfHalf),
  'remote.merged': overLink(mergedHalf),
  'remote.copy': overLink(takeCopy),
  'remote.settle': overLink(settleHalf),
  'remote.fetch': overLink(fetchHalf),
  'remote.write': overLink((controller, input, { data }) => writeHalf(controller, input, data)),
  'remote.flush': overLink(flushHalf),
  'remote.codes': overLink(codesOfHalf),
  'remote.leading': overLink(leadingHalf),
  'remote.displace': overLink(displaceHalf),
  'remote.create': makeSecondaryHalf,
  'remote.drop': dropSecondaryHalf,
  'system.check': async (controller, input) => ({ output: { findings: await checkSystem(controller, input) } }),
  'volume.create': createVolumes,
  'volume.list': async ({ listing }) => ({ output: { volumes: listing.volumes(), totals: listing.totals() } }),
  'volume.write': writeVolume,
  'volume.read': readVolume,
  'volume.import': importVolume,
  'volume.export': exportVolume,
  'volume.path': volumePath,
  'volume.reserve': (controller, input, _, context) => setReserve(controller, input.volumes, true, context),
  'volume.unreserve': (controller, input, _, context) => setReserve(controller, input.volumes, false, context),
  'volume.delete': deleteVolumes,
  'volume.format': formatVolumes,
  'volume.scrub': scrubVolumes,
  'pair.create': async (controller, input, extras, context) =>
    input.pairs.some(({ secondarySystem }) => secondarySystem)
      ? { output: await createRemotePairs(controller, input, context) }
      : createPairs(controller, input, extras, context),
  'pair.above': volumesAbove,
  'pair.split': splitPairs,
  'pair.resync': resyncPairs,
  'pair.suspend': suspendPairs,
  'pair.delete': deletePairs,
  'pair.takeover': takeOver,
  'pair.rotate': rotatePairs,
  'pair.pace': pacePairs,
  'pair.list': async ({ listing }) => ({ output: { pairs: listing.pairs() } }),
  'pair.wait': waitForPairs,
  'pair.verify': verifyPairs,
  'port.create': createPort,
  'port.list': async (controller) => ({ output: { ports: controller.listing.ports() } }),
  'port.delete': deletePort,
  'volume.attach': attachVolume,
  'volume.detach': detachVolume,
  ...groupHandlers,
  ...splitHandlers,
  ...sessionHandlers,
  'copier.drain': drainPairs,
  'fault.set': async (controller, input) => {
    demandFixture(controller);
    if ('volume' in input) findVolume(controller, input.volume);
    await controller.faults.set(input);
    if (input.kind === 'volume-blocked') await setVolumeFault(controller, input.volume, true);
    return { output: { faults: controller.faults.rows } };
  },
  'fault.clear': async (controller, input) => {
    demandFixture(controller);
    const blocked = controller.faults.rows.filter(
      (row) => row.kind === 'volume-blocked' && (input.kind ?? row.kind) === row.kind,
    );
    await controller.faults.clear(input.kind);
    for (const row of blocked) if ('volume' in row) await setVolumeFault(controller, row.volume, false);
    return { output: { faults: controller.faults.rows } };
  },
  'fault.list': async (controller) => ({ output: { faults: controller.faults.rows } }),
};

function demandFixture({ place }: Controller): void {
  if (place.info.fixture) return;
  throw failure(
    'not-fixture',
    `Storage system ${place.name} was not made with --fixture; no faults are injected there.`,
    'Make a system for tests: copyset system create NAME --fixture.',
  );
}

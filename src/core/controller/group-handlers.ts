import { failure } from '../foundation/foundation.js';
import type { GroupRequests } from '../group/group.js';
import {
  addMember,
  changeState,
  createGroup,
  deleteGroup,
  dropGroup,
  listed,
  putGroup,
  removeMember,
  setPolicy,
} from './group-admin.js';
import { formGroup, keepForming } from './group-master.js';
import { backUp, enlistPair, unbackUp } from './group-pairs.js';
import { carryVerdict, fenceGroup, keepVerdict, recoverGroup } from './group-recovery.js';
import { copyStep } from './group-remote.js';
import type { GroupWireRequests } from './group-wire.js';
import type { Handler } from './handlers.js';

type GroupCode = keyof GroupRequests | keyof GroupWireRequests;

/** Who answers the requests of consistency groups. */
export const groupHandlers: { readonly [Code in GroupCode]: Handler<Code> } = {
  'cg.create': createGroup,
  'cg.add': addMember,
  'cg.remove': removeMember,
  'cg.delete': deleteGroup,
  'cg.list': async ({ groups }) => ({ output: { sheets: groups.sheets.all(), members: groups.reports() } }),
  'cg.master': notHere,
  'cg.policy': setPolicy,
  'cg.start': async (controller, { group, skipIfBusy }, { signal }, { actor }) => ({
    output: await formGroup(controller, group, { actor, single: true, skipIfBusy, signal }),
  }),
  'cg.run': async (controller, { group }) => ({ output: await changeState(controller, group, { kind: 'run' }) }),
  'cg.follow': async (controller, { group }, { signal, onProgress }) => {
    await keepForming(controller, signal ?? new AbortController().signal, (formation) =>
      onProgress?.({ operation: 'cg formation', done: 0, total: 0, unit: 'tracks', formation }),
    );
    return { output: { group: listed(controller, group) } };
  },
  'cg.pause': async (controller, { group, stop, consistent }, { signal }, { actor }) => {
    const formation = consistent
      ? await formGroup(controller, group, { actor, single: true, thenStopSending: true, signal })
      : null;
    if (formation && formation.outcome !== 'formed')
      return { output: { group: listed(controller, group), outcome: 'nothing', formation } };
    const leftOn = formation?.sequence ?? null;
    const paused = await changeState(controller, group, { kind: 'pause', stop: stop ?? null, leftOn });
    return { output: { ...paused, formation } };
  },
  'cg.resume': async (controller, { group }) => ({ output: await changeState(controller, group, { kind: 'resume' }) }),
  'cg.stop': async (controller, { group }) => ({ output: await changeState(controller, group, { kind: 'stop' }) }),
  'cg.history': notHere,
  'cg.recover': (controller, input, _, context) => recoverGroup(controller, input, context),
  'cg.failback': notHere,
  'cg.practice': notHere,
  'group.put': putGroup,
  'group.drop': dropGroup,
  'group.order': async ({ groups }, { group, term, order }) => ({
    output: { answer: await groups.subordinate.obey(group, term, order) },
  }),
  'group.copy': async (controller, input) => {
    await copyStep(controller, input);
    return { output: {} };
  },
  'group.probe': async ({ catalog, listing }, { pairs }) => ({
    output: {
      pairs: [...catalog.pairs.values()]
        .filter(({ remote }) => remote !== undefined && pairs.includes(remote.id))
        .map((record) => ({
          id: record.remote?.id ?? '',
          status: record.state.status,
          outOfSync: listing.pair(record).outOfSyncTracks,
        })),
    },
  }),
  'group.hold': async ({ groups }, { group, what, leaseMs }) => {
    groups.holds.set(group, what, leaseMs);
    return { output: {} };
  },
  'group.enlist': (controller, input, _, context) => enlistPair(controller, input, context),
  'group.backup': (controller, input, _, context) => backUp(controller, input, context),
  'group.unback': unbackUp,
  'group.fence': fenceGroup,
  'group.verdict': keepVerdict,
  'group.carry': (controller, input, _, context) => carryVerdict(controller, input, context),
};

async function notHere(): Promise<never> {
  throw failure('mode-not-here', 'Consistency groups are not carried out by this controller yet.');
}

import { type GroupRequests, groupHistory } from '../../group/group.js';
import { recorded } from '../control/recorded.js';
import { returnPairs } from '../halves/returning.js';
import type { Handler } from '../handlers.js';
import { readHistory } from '../history.js';
import { changeState, createGroup, listed, setPolicy } from './admin.js';
import { designateMaster, handOver } from './designation.js';
import { practiceAtRemote } from './drills.js';
import { comeHome, failBack } from './failback.js';
import { keepForming } from './keeping.js';
import { formGroup } from './master.js';
import { addMember, deleteGroup, removeMember } from './members.js';
import { backUp, enlistPair, unbackUp } from './pairs.js';
import { practiceGroup } from './practice.js';
import { carryVerdict, fenceGroup, keepVerdict, recoverGroup } from './recovery.js';
import { copyStep } from './remote.js';
import { demandTerm, dropGroup, putGroup } from './telling.js';
import type { GroupWireRequests } from './wire.js';

type Noted =
  | 'cg.create'
  | 'cg.add'
  | 'cg.remove'
  | 'cg.delete'
  | 'cg.policy'
  | 'cg.run'
  | 'cg.pause'
  | 'cg.resume'
  | 'cg.stop'
  | 'cg.master'
  | 'cg.practice';
type GroupCode = keyof GroupRequests | keyof GroupWireRequests;

/** Who answers the requests of consistency groups. */
export const groupHandlers: { readonly [Code in GroupCode]: Handler<Code> } = {
  'cg.create': noted('cg create', createGroup),
  'cg.add': noted('cg add', addMember),
  'cg.remove': noted('cg remove', removeMember),
  'cg.delete': noted('cg delete', deleteGroup),
  'cg.list': async ({ groups }) => ({ output: { sheets: groups.sheets.all(), members: groups.reports() } }),
  'cg.master': designateMaster,
  'cg.policy': noted('cg policy', setPolicy),
  'cg.start': async (controller, { group, skipIfBusy }, { signal }, { actor }) => ({
    output: await formGroup(controller, group, { actor, single: true, skipIfBusy, signal }),
  }),
  'cg.run': noted('cg start --continuous', async (controller, { group }) => ({
    output: await changeState(controller, group, { kind: 'run' }),
  })),
  'cg.follow': async (controller, { group }, { signal, onProgress }) => {
    await keepForming(controller, signal ?? new AbortController().signal, (formation) =>
      onProgress?.({ operation: 'cg formation', done: 0, total: 0, unit: 'tracks', formation }),
    );
    return { output: { group: listed(controller, group) } };
  },
  'cg.pause': noted('cg pause', async (controller, { group, stop, consistent }, { signal }, { actor }) => {
    const formation = consistent
      ? await formGroup(controller, group, { actor, single: true, thenStopSending: true, signal })
      : null;
    if (formation && formation.outcome !== 'formed')
      return { output: { group: listed(controller, group), outcome: 'nothing', formation } };
    const leftOn = formation?.sequence ?? null;
    const paused = await changeState(controller, group, { kind: 'pause', stop: stop ?? null, leftOn });
    return { output: { ...paused, formation } };
  }),
  'cg.resume': noted('cg resume', async (controller, { group }) => ({
    output: await changeState(controller, group, { kind: 'resume' }),
  })),
  'cg.stop': noted('cg stop', async (controller, { group }) => ({
    output: await changeState(controller, group, { kind: 'stop' }),
  })),
  'cg.history': async ({ groups, files, place }, { group }) => {
    const id = groups.sheets.named(group)?.id ?? '';
    return { output: { formations: groupHistory(readHistory(files, place.path), id) } };
  },
  'cg.recover': (controller, input, _, context) => recoverGroup(controller, input, context),
  'cg.failback': (controller, input, extras, context) => failBack(controller, input, extras, context),
  'cg.practice': noted('cg practice', practiceGroup),
  'group.put': putGroup,
  'group.drop': dropGroup,
  'group.announce': async ({ groups }, { group, term, sequence }) => {
    await groups.subordinate.announce(group, term, sequence);
    return { output: {} };
  },
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
  'group.hold': async (controller, { group, term, what, leaseMs }) => {
    const { groups } = controller;
    const sheet = groups.sheets.byId(group);
    if (sheet) demandTerm(controller, sheet, term);
    groups.holds.set(group, what, leaseMs);
    return { output: {} };
  },
  'group.enlist': (controller, input, _, context) => enlistPair(controller, input, context),
  'group.backup': (controller, input, _, context) => backUp(controller, input, context),
  'group.unback': unbackUp,
  'group.handover': handOver,
  'group.return': (controller, input, extras, context) => returnPairs(controller, input, extras, context),
  'group.home': (controller, input) => comeHome(controller, input),
  'group.practice': (controller, input, _, context) => practiceAtRemote(controller, input, context),
  'group.fence': fenceGroup,
  'group.verdict': keepVerdict,
  'group.carry': (controller, input, _, context) => carryVerdict(controller, input, context),
};

/** The history tells who changed a group, and what came of it. */
function noted<Code extends Noted>(operation: string, handler: Handler<Code>): Handler<Code> {
  return (controller, input, extras, context) => {
    const { group } = input as { group: string };
    const subject = { operation, primary: group };
    return recorded(controller, context, [subject], () => handler(controller, input, extras, context));
  };
}

import type { Handler } from '../handlers.js';
import { settleSplits } from './adopt.js';
import { splitGroup, splitOver } from './coordinator.js';
import type { SplitRequests } from './wire.js';

/** Who answers the requests of splits over several systems. */
export const splitHandlers: { readonly [Code in keyof SplitRequests]: Handler<Code> } = {
  'split.over': splitOver,
  'cg.split': splitGroup,
  'split.order': async ({ splits }, { split, by, order }) => ({
    output: { answer: await splits.member.obey(split, by, order) },
  }),
  'split.decision': async ({ splits }, { split }) => ({ output: { decision: splits.decisionOf(split) } }),
  'split.list': async ({ splits }) => {
    const marks = splits.member.marked().flatMap(({ prepared }) => (prepared ? [prepared] : []));
    const bySplit = new Map(marks.map(({ split, coordinator }) => [split, { split, coordinator }]));
    return { output: { splits: [...bySplit.values()] } };
  },
  'split.adopt': async ({ splits }, { split, by }) => ({ output: { standing: await splits.member.adopt(split, by) } }),
  'split.settle': async (controller, { systems, former }) => ({
    output: { settled: await settleSplits(controller, systems, former) },
  }),
};

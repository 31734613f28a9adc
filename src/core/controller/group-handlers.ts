import { failure } from '../foundation/foundation.js';
import type { GroupRequests } from '../group/group.js';
import type { Handler } from './handlers.js';

type GroupCode = keyof GroupRequests | 'cg.split';

/** Who answers the requests of consistency groups. */
export const groupHandlers: { readonly [Code in GroupCode]: Handler<Code> } = {
  'cg.create': notHere,
  'cg.add': notHere,
  'cg.remove': notHere,
  'cg.delete': notHere,
  'cg.list': async () => ({ output: { sheets: [], members: [] } }),
  'cg.master': notHere,
  'cg.policy': notHere,
  'cg.start': notHere,
  'cg.run': notHere,
  'cg.follow': notHere,
  'cg.pause': notHere,
  'cg.resume': notHere,
  'cg.stop': notHere,
  'cg.split': notHere,
  'cg.history': notHere,
  'cg.recover': notHere,
  'cg.failback': notHere,
  'cg.practice': notHere,
};

async function notHere(): Promise<never> {
  throw failure('mode-not-here', 'Consistency groups are not carried out by this controller yet.');
}

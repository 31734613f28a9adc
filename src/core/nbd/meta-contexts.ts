import type { BlockDevice, StatusRun } from '../ports/ports.js';
import type { Export } from './exports.js';

/** "The `base:` metadata namespace". */
export const BASE_ALLOCATION = 'base:allocation';

/** A context that a client selected, with the number that its replies carry. */
export interface SelectedContext {
  readonly id: number;
  readonly name: string;
  runs(device: BlockDevice, offsetBytes: number, lengthBytes: number, runsMax: number): Promise<readonly StatusRun[]>;
}

/** Everything that can be selected on an export, each with the id it would have. */
export function contextsOf(found: Export): readonly SelectedContext[] {
  const allocation: SelectedContext = {
    id: 1,
    name: BASE_ALLOCATION,
    runs: (device, offset, length, runsMax) => device.allocation(offset, length, runsMax),
  };
  const own = found.contexts.map((context, index) => ({
    id: index + 2,
    name: context.name,
    runs: (_: BlockDevice, offset: number, length: number, runsMax: number) => context.runs(offset, length, runsMax),
  }));
  return [allocation, ...own];
}

/** What NBD_OPT_SET_META_CONTEXT selects: exact names only. Each context once. */
export function selectContexts(found: Export, queries: readonly string[]): readonly SelectedContext[] {
  return contextsOf(found).filter(({ name }) => queries.includes(name));
}

/** What NBD_OPT_LIST_META_CONTEXT answers: everything, or what a query names, or begins where it ends in `:` or `/`. */
export function listContexts(found: Export, queries: readonly string[]): readonly SelectedContext[] {
  if (queries.length === 0) return contextsOf(found);
  const matches = (name: string) => (query: string) =>
    query === name || (/[:/]$/.test(query) && name.startsWith(query));
  return contextsOf(found).filter(({ name }) => queries.some(matches(name)));
}

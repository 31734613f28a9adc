import type { Rng } from '../simulation/world/rng.js';
import type { Secondary, Status } from './campaign.js';

/** A command that makes sense now. */
export interface Order {
  readonly kind: 'create' | 'split' | 'resync' | 'restore' | 'wait' | 'suspend' | 'delete' | 'write';
  /** Commands of one label take about as long as each other. */
  readonly label: string;
  readonly words: readonly string[];
  /** The pairs that it is about. */
  readonly secondaries: readonly Secondary[];
  /** It copies in the foreground, so that others can work beside it. */
  readonly long?: boolean;
  readonly force?: boolean;
  /** Where its pairs are when it exits 0. */
  readonly reaches?: readonly Status[];
  readonly write?: { readonly volume: 'p' | 'secondary'; readonly blocksMax: number };
}

/** What may be tried with the pair of a secondary, the likelier the more often it is named. */
export function ordersFor(
  statuses: Readonly<Record<Secondary, Status>>,
  secondary: Secondary,
  rng: Rng,
  system: string,
): Order[] {
  const address = (volume: string) => `${system}:${volume}`;
  const pair = [address('p'), address(secondary)];
  const own = [secondary];
  const rate = rng.chance(0.7) ? ['--rate', `${rng.pick([16, 32, 64])}MiB`] : [];
  const copying = (kind: Order['kind'], words: string[], reaches: readonly Status[], secondaries = own): Order => ({
    kind,
    label: `${words.slice(0, 2).join(' ')} ${rate.join(' ')}`,
    words: [...words, ...rate, '--wait'],
    secondaries,
    long: true,
    reaches,
  });
  const write = (volume: 'p' | 'secondary'): Order => ({
    kind: 'write',
    label: 'write',
    words: ['volume', 'write', address(volume === 'p' ? 'p' : secondary)],
    secondaries: own,
    write: { volume, blocksMax: rng.pick([1, 16, 256, 1024]) },
  });
  const toPrimary = write('p');
  const split = copying('split', ['pair', 'split', ...pair], ['split']);
  const all = copying('split', ['pair', 'split', address('p')], ['split'], ['s1', 's2']);
  const both = Object.values(statuses).every((status) => ['pending', 'duplex', 'resync'].includes(status));
  const wait: Order = {
    ...copying('wait', ['pair', 'wait', ...pair], ['duplex', 'split']),
    words: ['pair', 'wait', ...pair, '--status', 'duplex,split', '--timeout', '60s'],
  };
  const suspend: Order = { kind: 'suspend', label: 'suspend', words: ['pair', 'suspend', ...pair], secondaries: own };
  const remove = (...force: string[]): Order => ({
    kind: 'delete',
    label: 'delete',
    words: ['pair', 'delete', ...pair, ...force],
    secondaries: own,
    force: force.length > 0,
    reaches: ['simplex'],
  });
  const resync = copying('resync', ['pair', 'resync', ...pair, '--discard'], ['duplex']);
  const restore = copying('restore', ['pair', 'resync', ...pair, '--reverse', '--discard'], ['duplex', 'split']);
  switch (statuses[secondary]) {
    case 'simplex': {
      const create = ['pair', 'create', ...pair, '--overwrite'];
      const plain = copying('create', create, ['duplex']);
      const asSplit = copying('create', [...create, '--split'], ['split']);
      const virtual = copying('create', [...create, '--virtual'], ['split']);
      return [plain, plain, plain, asSplit, virtual, toPrimary];
    }
    case 'pending':
    case 'resync':
    case 'duplex': {
      const virtual = copying('split', ['pair', 'split', ...pair, '--virtual'], ['split']);
      const force = statuses[secondary] === 'duplex' ? [] : ['--force'];
      const splits = both ? [split, all, all] : [split, split];
      return [...splits, split, virtual, wait, wait, suspend, remove(...force), toPrimary, toPrimary];
    }
    case 'sp-pending':
    case 'split': {
      const force = statuses[secondary] === 'split' ? [] : ['--force'];
      return [
        resync,
        resync,
        resync,
        restore,
        restore,
        wait,
        write('secondary'),
        write('secondary'),
        toPrimary,
        toPrimary,
        suspend,
        remove(...force),
      ];
    }
    case 'resync-reverse':
      return [wait, wait, toPrimary, suspend];
    case 'suspended':
      return [resync, resync, restore, restore, split, toPrimary];
  }
}

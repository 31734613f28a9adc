import type { FaultRow } from '../core/controller/controller.js';
import { failure } from '../core/foundation/foundation.js';
import { quoted } from '../core/volume/volume.js';

const KINDS = ['volume-blocked', 'io-error', 'no-space', 'clock-skew', 'link-down', 'link-slow', 'crash'] as const;
type Kind = (typeof KINDS)[number];

interface FaultFlags {
  readonly volume?: string | undefined;
  readonly track?: number | undefined;
  readonly on?: 'read' | 'write' | undefined;
  readonly peer?: string | undefined;
  readonly delay?: number | undefined;
  readonly rate?: number | undefined;
  readonly step?: string | undefined;
  readonly nth?: number | undefined;
  readonly count?: number | undefined;
  readonly by?: number | undefined;
}

/** Which flags belong to a kind; `count` belongs to all that strike. A skewed clock only is wrong. */
const FLAGS: Readonly<Record<Kind, { readonly needs: readonly string[]; readonly takes: readonly string[] }>> = {
  'volume-blocked': { needs: ['volume'], takes: [] },
  'io-error': { needs: ['volume'], takes: ['track', 'on'] },
  'no-space': { needs: [], takes: [] },
  'clock-skew': { needs: ['by'], takes: [] },
  'link-down': { needs: ['peer'], takes: [] },
  'link-slow': { needs: ['peer'], takes: ['delay', 'rate'] },
  crash: { needs: ['step'], takes: ['nth'] },
};

/** The fault that the words of `fault set` mean. */
export function faultOf(word: string, flags: FaultFlags): FaultRow {
  const kind = parseKind(word);
  demandFlags(kind, flags);
  const { volume = '', track, on, peer = '', delay, rate, step = '', nth, count, by = 0 } = flags;
  switch (kind) {
    case 'volume-blocked':
      return { kind, volume, ...only({ count }) };
    case 'io-error':
      return { kind, volume, ...only({ track, on, count }) };
    case 'no-space':
      return { kind, ...only({ count }) };
    case 'clock-skew':
      return { kind, byMs: by };
    case 'link-down':
      return { kind, peer, ...only({ count }) };
    case 'link-slow':
      if (delay === undefined && !rate)
        throw failure('usage', 'The fault link-slow needs --delay or --rate.', 'As in --delay 20ms, or --rate 10MiB.');
      return { kind, peer, ...only({ delayMs: delay, bytesPerSecond: rate || undefined, count }) };
    case 'crash':
      return { kind, step, ...only({ nth, count }) };
  }
}

export function parseKind(word: string): Kind {
  const kind = KINDS.find((candidate) => candidate === word);
  if (kind !== undefined) return kind;
  const hint = `The kinds of this release are ${KINDS.join(', ')}.`;
  throw failure('usage', `${quoted(word)} is no kind of fault.`, hint);
}

function demandFlags(kind: Kind, flags: FaultFlags): void {
  const { needs, takes } = FLAGS[kind];
  const given = Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  const missing = needs.find((name) => !given.includes(name));
  if (missing !== undefined) throw failure('usage', `The fault ${kind} needs --${missing}.`);
  const allowed = [...needs, ...takes, ...(kind === 'clock-skew' ? [] : ['count'])];
  const strange = ['volume', 'track', 'on', 'peer', 'delay', 'rate', 'step', 'nth', 'by', 'count'].find(
    (name) => given.includes(name) && !allowed.includes(name),
  );
  if (strange !== undefined) throw failure('usage', `The fault ${kind} does not take --${strange}.`);
}

/** Without the keys that were not given: a row says only what holds. */
function only<T extends object>(values: T): { [Key in keyof T]?: NonNullable<T[Key]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]?: NonNullable<T[Key]>;
  };
}

import fc from 'fast-check';
import { describe, it } from 'vitest';
import { type PairOperation, rolesOf, secondaryComplete } from '../../../src/core/pair/pair.js';
import { Model } from './model.js';

/** Every difference is in a map, and every volume shows what was promised (DESIGN.md 8, rule 2; section 2). */
function whatIsWrong(model: Model): string | undefined {
  for (const [volume, promised] of model.promised.entries()) {
    if (promised !== undefined && String(model.view(volume)) !== String(promised)) {
      return `volume ${volume} shows ${model.view(volume)}, promised was ${promised}`;
    }
  }
  for (const each of model.pairs) {
    const [primary, secondary] = [each.volume('primary'), each.volume('secondary')];
    for (let track = 0; track < model.trackCount; track++) {
      if (model.read(primary, track) === model.read(secondary, track) || each.differsMaybe(track)) continue;
      return `${primary}→${secondary} differs at track ${track} without a mark`;
    }
    const whole = rolesOf(each.state).secondaryLacks !== null && secondaryComplete(each.state, each.counts.outOfSync);
    if (whole && model.pairs.length === 1 && String(model.raw[secondary]) !== String(model.promised[secondary])) {
      return `the image of volume ${secondary} is not the volume`;
    }
    const duplex = each.state.status === 'duplex' && each.counts.outOfSync + each.counts.secondary === 0;
    if (duplex && String(model.view(primary)) !== String(model.view(secondary))) return 'a duplex pair differs';
  }
  return undefined;
}

const STEPS = [
  'write',
  'write',
  'write',
  'crash',
  'copy',
  'copy',
  'copy',
  'operate',
  'operate',
  'operate',
  'doubt',
  'lose',
] as const;

const OPERATIONS: readonly PairOperation[] = [
  { kind: 'split', atMs: 1, virtual: false },
  { kind: 'split', atMs: 1, virtual: true },
  { kind: 'resync' },
  { kind: 'resync-reverse' },
  { kind: 'resync-reverse' },
  { kind: 'suspend', reason: 'command', message: '', allowWrite: false },
];

interface Step {
  readonly kind: (typeof STEPS)[number];
  readonly volume: number;
  readonly track: number;
  readonly pair: number;
  readonly operation: number;
}

const step = fc.record<Step>({
  kind: fc.constantFrom(...STEPS),
  volume: fc.nat(3),
  track: fc.nat(2),
  pair: fc.nat(2),
  operation: fc.nat(OPERATIONS.length - 1),
});

function run(model: Model, steps: readonly Step[]): void {
  const trace: string[] = [];
  for (const { kind, volume, track, pair, operation } of steps) {
    const index = pair % model.pairs.length;
    const asked = OPERATIONS[operation];
    if (kind === 'write' || kind === 'crash') model.hostWrite(volume % model.raw.length, track, kind === 'crash');
    if (kind === 'copy') model.copy(index);
    if (kind === 'operate' && asked !== undefined) model.operate(index, asked);
    if (kind === 'doubt') model.doubt(index, volume % 2 === 0 ? 'primary' : 'secondary');
    if (kind === 'lose') model.lose(index);
    trace.push(`${kind} volume ${volume % model.raw.length} track ${track} pair ${index} ${asked?.kind}`);
    const wrong = whatIsWrong(model);
    if (wrong !== undefined) throw new Error(`${wrong}, after\n${trace.join('\n')}`);
  }
}

describe('the decisions of a pair, carried out', () => {
  it('lose no difference and no point in time, whatever comes in which order', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 30, maxLength: 60 }), (steps) => run(new Model(3, 2, [[0, 1]]), steps)),
      { numRuns: 3_000 },
    );
  });

  it('nor where a primary has two secondaries and one of them a secondary of its own (H11)', () => {
    const links = [
      [0, 1],
      [0, 2],
      [1, 3],
    ] as const;
    fc.assert(
      fc.property(fc.array(step, { minLength: 30, maxLength: 60 }), (steps) => run(new Model(3, 4, links), steps)),
      { numRuns: 3_000 },
    );
  });
});

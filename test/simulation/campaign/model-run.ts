import fc from 'fast-check';
import { checkQuiet, checkRecovered } from '../checkers.js';
import { describeFailure, type Keep, Rng } from '../world/world.js';
import type { Moment } from './crash-run.js';
import { momentOf } from './crash-run.js';
import { ahead, keyOf } from './oracle.js';
import { Session, Violation } from './session.js';
import { settle } from './settle.js';

const VOLUMES = ['a', 'b', 'c', 'd'];
/** What a request in a state that does not allow it is answered with. */
const REFUSALS: ReadonlySet<string> = new Set([
  'status-refuses',
  'volume-paired',
  'volume-reserved',
  'not-writable',
  'not-readable',
  'incomplete',
  'secondary-taken',
  'cycle',
  'self-pair',
  'jump-refused',
  'holds-data',
  'force-needed',
  'point-in-time-lost',
  'no-candidate',
  'pair-not-found',
  'already-exists',
  'volume-not-found',
  'nothing-matches',
  'discard-needed',
  'volume-blocked',
]);

/** One step: a request, and hosts that write while it runs. Small numbers pick among what is there. */
export interface Command {
  readonly act: (typeof ACTS)[number];
  readonly pick: number;
  readonly other: number;
  readonly flag: boolean;
  readonly writers: readonly number[];
  /** The system dies before this store call of the step, 0 = not. */
  readonly dieAt: number;
  readonly power: boolean;
  readonly keep: Keep;
}

const ACTS = [
  'write',
  'write',
  'create',
  'create',
  'create',
  'split',
  'split',
  'virtual',
  'resync',
  'resync',
  'restore',
  'restore',
  'suspend',
  'open-secondary',
  'delete',
  'wait',
  'wait',
  'copy',
  'hold-still',
  'checkpoint',
  'reopen',
  'scrub',
  'verify',
  'format',
  'pace',
  'split-all',
  'rotate',
  'release',
] as const;

const command: fc.Arbitrary<Command> = fc.record({
  act: fc.constantFrom(...ACTS),
  pick: fc.nat(11),
  other: fc.nat(11),
  flag: fc.boolean(),
  writers: fc.array(fc.nat(3), { maxLength: 2 }),
  dieAt: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 40 }) }),
  power: fc.boolean(),
  keep: fc.constantFrom<Keep>('none', 'all', 'random', 'random'),
});

export interface ModelPlan {
  readonly runs: number;
  readonly seed: number;
  /** Where a failure was found and shrunk to, to repeat it. */
  readonly path?: string | undefined;
  readonly onRun?: () => void;
}

/** Random requests, writes, copying and crashes against the oracle; a failure is shrunk to few steps. */
export async function runModel({ runs, seed, path, onRun }: ModelPlan): Promise<void> {
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 1_000_000 }),
    fc.array(command, { minLength: 1, maxLength: 60 }),
    async (worldSeed, commands) => {
      await runCommands(worldSeed, commands);
      onRun?.();
    },
  );
  const found = await fc.check(property, {
    numRuns: runs,
    seed,
    ...(path === undefined ? {} : { path }),
    endOnFailure: false,
  });
  if (!found.failed) return;
  const steps = JSON.stringify(found.counterexample);
  const repeat = describeFailure(
    seed,
    `npm run simulate -- --model --runs ${runs} --seed SEED --path ${found.counterexamplePath}`,
  );
  const message =
    found.errorInstance instanceof Error
      ? (found.errorInstance.stack ?? found.errorInstance.message)
      : String(found.errorInstance);
  throw new Error(`after ${found.numRuns} runs: ${message}\nsteps: ${steps}\n${repeat}`);
}

export async function runCommands(seed: number, commands: readonly Command[]): Promise<void> {
  let session = await Session.create(seed);
  await session.world.run(session.createVolumes(...VOLUMES, 'r1', 'r2'));
  for (const [index, step] of commands.entries()) {
    const moment = await carryOut(session, step, seed + index);
    if (moment) session = await afterCrash(moment, step, seed + index);
  }
  await session.world.run(settle(session));
}

/** Does the step and answers, where it dies in it, what is left then. */
async function carryOut(session: Session, step: Command, seed: number): Promise<Moment | undefined> {
  let moment: Moment | undefined;
  let calls = 0;
  session.world.beforeCall((call) => {
    calls += 1;
    if (calls === step.dieAt) moment = momentOf({ ...call, number: calls }, session, seed);
  });
  await session.world.run(together(session, step));
  session.world.beforeCall(undefined);
  if (moment === undefined) checkQuiet(session);
  return moment;
}

async function together(session: Session, step: Command): Promise<void> {
  const writes = [...new Set(step.writers)].map((index) => session.host(VOLUMES[index] as string, 2));
  const results = await Promise.allSettled([...writes, act(session, step)]);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

async function afterCrash(moment: Moment, step: Command, seed: number): Promise<Session> {
  const rng = new Rng(seed, 9);
  const { oracle } = moment;
  oracle.powerLost = step.power;
  const session = Session.after(step.power ? moment.disk.afterPowerLoss(rng, step.keep) : moment.disk, oracle, seed);
  const before = { epoch: oracle.epoch, epochShown: oracle.epochShown, powerLost: step.power };
  await session.world.run(session.open());
  checkRecovered(session, before);
  return session;
}

/** The statuses that a request may leave behind; the table of operations itself is tested where it lies. */
const LEAVES: Readonly<Record<string, readonly string[]>> = {
  split: ['sp-pending', 'split'],
  virtual: ['split', 'sp-pending'],
  resync: ['resync', 'pending', 'duplex'],
  restore: ['resync-reverse', 'resync', 'duplex', 'split'],
  suspend: ['suspended'],
  'open-secondary': ['suspended'],
};

async function act(session: Session, step: Command): Promise<void> {
  const primary = VOLUMES[step.pick % VOLUMES.length] as string;
  const secondary = VOLUMES[step.other % VOLUMES.length] as string;
  const existing = pickPair(session, step.pick);
  const pairs = existing ? [{ primary: existing.primary, secondary: existing.secondary }] : [{ primary, secondary }];
  const refused = await request(session, step, { primary, secondary, pairs });
  if (refused !== undefined && !REFUSALS.has(refused)) throw new Violation(`${step.act} was refused with ${refused}`);
  const wanted = LEAVES[step.act];
  if (wanted === undefined || refused !== undefined || existing === undefined) return;
  const record = session.record(existing.primary, existing.secondary);
  const status = record?.state.status ?? 'simplex';
  if (!wanted.flatMap(ahead).includes(status))
    throw new Violation(`${step.act} left ${keyOf(existing.primary, existing.secondary)} ${status}`);
}

function pickPair(session: Session, pick: number): { primary: string; secondary: string } | undefined {
  const all = [...session.controller.catalog.pairs.values()];
  const record = all[pick % Math.max(1, all.length)];
  return record && { primary: session.nameOf(record.primary), secondary: session.nameOf(record.secondary) };
}

interface Names {
  readonly primary: string;
  readonly secondary: string;
  readonly pairs: readonly { readonly primary: string; readonly secondary: string }[];
}

/** Answers the code of a refusal. */
async function request(
  session: Session,
  step: Command,
  { primary, secondary, pairs }: Names,
): Promise<string | undefined> {
  const { controller } = session;
  const discard = true;
  switch (step.act) {
    case 'write':
      await session.writeLong(primary, 1 + (step.other % 4));
      return undefined;
    case 'create':
      return (
        await session.ask('pair.create', {
          pairs: [{ primary, secondary, ...paceOf(step), split: step.other > 8, virtual: step.other === 8 }],
          overwrite: step.flag,
        })
      ).refused;
    case 'split':
      return (await session.ask('pair.split', { pairs, readOnly: step.other === 0 })).refused;
    case 'virtual':
      return (await session.ask('pair.split', { pairs, virtual: true })).refused;
    case 'split-all':
      return (await session.ask('pair.split', { pairs: [{ primary: '*' }] })).refused;
    case 'resync':
      return (await session.ask('pair.resync', { pairs, discard })).refused;
    case 'restore':
      return (await session.ask('pair.resync', { pairs, reverse: true, discard, ...paceOf(step) })).refused;
    case 'suspend':
      return (await session.ask('pair.suspend', { pairs })).refused;
    case 'open-secondary':
      return (await session.ask('pair.suspend', { pairs, allowWrite: true, force: step.flag })).refused;
    case 'delete':
      return (await session.ask('pair.delete', { pairs, force: step.flag })).refused;
    case 'pace':
      return (await session.ask('pair.pace', { pairs, pace: step.flag ? 'fast' : 'slow' })).refused;
    case 'rotate':
      return (await session.ask('pair.rotate', { primary, keep: 2, discard })).refused;
    case 'wait':
      return (
        await session.ask('pair.wait', { pairs, statuses: ['duplex', 'split'], timeoutMs: 20 * (step.other + 1) })
      ).refused;
    case 'scrub':
      return (await session.ask('volume.scrub', { volumes: [primary], accept: false })).refused;
    case 'verify':
      return verify(session, pairs);
    case 'release':
      return (await session.ask('volume.unreserve', { volumes: [primary] })).refused;
    case 'format':
      if (
        controller.catalog.pairsOf(session.volumeNumber(primary)).length === 0 &&
        session.oracle.volume(primary).writes.size === 0
      )
        await session.formatVolume(primary);
      return undefined;
    case 'copy':
      controller.startCopying();
      return undefined;
    case 'hold-still':
      await controller.stopCopying(true);
      return undefined;
    case 'checkpoint':
      await controller.catalog.checkpoint();
      return undefined;
    case 'reopen':
      if (step.writers.length > 0) return undefined;
      await session.close();
      await session.open();
      return undefined;
  }
}

async function verify(session: Session, pairs: Names['pairs']): Promise<string | undefined> {
  const { output, refused } = await session.ask('pair.verify', { pairs, repair: false });
  const bad = output?.pairs.find((row) => !row.same);
  if (bad !== undefined)
    throw new Violation(
      `verify finds tracks ${bad.differingTracks.join(', ')} of ${bad.primary} and ${bad.secondary} that no map holds`,
    );
  return refused;
}

function paceOf(step: Command): { pace: 'slow' | 'fast' } {
  return { pace: step.flag ? 'slow' : 'fast' };
}

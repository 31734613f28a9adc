import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { SystemClient } from '../../src/core/controller/controller.js';
import { clientAt } from '../e2e/machine-client.js';
import { Bench, type Command, copyset, interleaved, median, perRound } from './measure.js';

export interface Row {
  readonly what: string;
  readonly ours: string;
  readonly peer: string;
  readonly figure: string;
  readonly goal: string;
  /** What is aimed at since the goal was first met. */
  readonly raised?: string;
  readonly met: boolean;
}

export interface Setting {
  readonly root: string;
  readonly sizeBytes: number;
  readonly rounds: number;
}

const TRACK_BYTES = 65_536;
const ms = (value: number) => `${value.toFixed(value < 100 ? 1 : 0)} ms`;
const version = copyset('--version');
const node: Command = [process.execPath, '-e', '0'];

async function withClient<T>(root: string, work: (client: SystemClient) => Promise<T>): Promise<T> {
  const client = await clientAt(join(root, 'big'), 'bench');
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

/** A system `big` with one volume `db` of random bytes. */
export function prepare({ root, sizeBytes }: Setting): void {
  const bench = new Bench(root);
  const source = join(root, 'random.img');
  execFileSync('sh', ['-c', `head -c ${sizeBytes} /dev/urandom > ${source}`]);
  bench.timeMs(copyset('system', 'create', 'big'));
  bench.timeMs(copyset('volume', 'import', 'big:db', source, '--create'));
  rmSync(source);
}

/** `db` and `db-copy` become a duplex pair, whatever was before. */
async function pairUp({ root, sizeBytes }: Setting): Promise<void> {
  const bench = new Bench(root);
  await withClient(root, async (client) => {
    const { volumes } = (await client.request('volume.list', {})).output;
    if (!volumes.some(({ name }) => name === 'db-copy'))
      await client.request('volume.create', { name: 'db-copy', sizeBytes });
  });
  bench.timeMs(copyset('pair', 'create', 'big:db', 'big:db-copy', '--overwrite', '--pace', 'fast', '--wait'));
}

async function initialCopy(setting: Setting): Promise<Row> {
  const { root, rounds, sizeBytes } = setting;
  const bench = new Bench(root);
  const image = join(root, 'big/images/db.img');
  const target = join(root, 'cp.img');
  const times = interleaved(rounds, {
    ours: () => {
      bench.timeMs(copyset('volume', 'create', 'big:fresh', '--size', String(sizeBytes)));
      const tookMs = bench.timeMs(copyset('pair', 'create', 'big:db', 'big:fresh', '--pace', 'fast', '--wait'));
      bench.timeMs(copyset('pair', 'delete', 'big:db', 'big:fresh'));
      bench.timeMs(copyset('volume', 'delete', 'big:fresh'));
      return tookMs;
    },
    cp: () => {
      const tookMs = bench.timeMs(['sh', '-c', `cp --reflink=never ${image} ${target} && sync ${target}`]);
      rmSync(target);
      return tookMs;
    },
  });
  const ratio = perRound(rounds, (round) => (times.cp[round] ?? 0) / (times.ours[round] ?? 1));
  return {
    what: 'initial copy, fresh target, ended durable',
    ours: ms(median(times.ours)),
    peer: `cp --reflink=never, sync of the file: ${ms(median(times.cp))}`,
    figure: `${ratio.toFixed(2)}x as fast`,
    goal: 'at least 1.3x',
    met: ratio >= 1.3,
  };
}

async function nothingChanged(setting: Setting): Promise<Row[]> {
  const { root, rounds } = setting;
  const bench = new Bench(root);
  await pairUp(setting);
  const times = { split: [] as number[], resync: [] as number[], version: [] as number[] };
  for (let round = 0; round < rounds * 3; round += 1) {
    if (round % 2 === 0) times.version.push(bench.timeMs(version));
    times.split.push(bench.timeMs(copyset('pair', 'split', 'big:db', 'big:db-copy')));
    times.resync.push(bench.timeMs(copyset('pair', 'resync', 'big:db', 'big:db-copy', '--wait')));
    if (round % 2 !== 0) times.version.push(bench.timeMs(version));
  }
  return (['split', 'resync'] as const).map((verb) => {
    const above = perRound(rounds * 3, (round) => (times[verb][round] ?? 0) - (times.version[round] ?? 0));
    return {
      what: `${verb} with nothing changed, above the start of the program`,
      ours: ms(median(times[verb])),
      peer: `copyset --version: ${ms(median(times.version))}`,
      figure: `${ms(above)} above`,
      goal: 'at most 20 ms',
      met: above <= 20,
    };
  });
}

/** A host writes so many tracks, spread over the volume. */
async function dirty({ root, sizeBytes }: Setting, share: number): Promise<number> {
  const tracks = sizeBytes / TRACK_BYTES;
  const count = Math.floor(tracks * share);
  await withClient(root, async (client) => {
    for (let i = 0; i < count; i += 1) {
      const track = Math.floor(((i + Math.random()) * tracks) / count);
      const data = Buffer.alloc(TRACK_BYTES, Math.random().toString(36));
      await client.request(
        'volume.write',
        { volume: 'db', offsetBytes: track * TRACK_BYTES, durable: i === count - 1 },
        { data },
      );
    }
  });
  return count;
}

async function resync(setting: Setting): Promise<Row> {
  const { root, rounds } = setting;
  const bench = new Bench(root);
  await pairUp(setting);
  const image = join(root, 'big/images/db.img');
  const target = join(root, 'rsync.img');
  // Without --ignore-times rsync passes over a file of the same size and second: on a fast machine it then copies nothing.
  const flags = ['--inplace', '--ignore-times', '--no-whole-file', '-B', '65536', '--fsync'] as const;
  const rsync = ['rsync', ...flags, image, target] as const;
  execFileSync('cp', [image, target]);
  const ours: number[] = [];
  const theirs: number[] = [];
  let count = 0;
  for (let round = 0; round < rounds; round += 1) {
    bench.timeMs(copyset('pair', 'split', 'big:db', 'big:db-copy', '--wait'));
    count = await dirty(setting, 0.01);
    // What a program costs before it does anything says nothing of the work: it is taken off on both sides.
    const own = () =>
      ours.push(
        bench.timeMs(copyset('pair', 'resync', 'big:db', 'big:db-copy', '--pace', 'fast', '--wait')) -
          bench.timeMs(version),
      );
    const other = () => theirs.push(bench.timeMs([...rsync]) - bench.timeMs(['rsync', '--version']));
    for (const run of round % 2 === 0 ? [own, other] : [other, own]) run();
  }
  for (const copy of [target, join(root, 'big/images/db-copy.img')]) execFileSync('cmp', [image, copy]);
  rmSync(target);
  const ratio = perRound(rounds, (round) => (theirs[round] ?? 0) / (ours[round] ?? 1));
  return {
    what: `resync of ${count} changed tracks (1 %), less copyset --version and rsync --version`,
    ours: ms(median(ours)),
    peer: `rsync ${flags.join(' ')}: ${ms(median(theirs))}`,
    figure: `${ratio.toFixed(1)}x as fast`,
    goal: 'at least 20x',
    raised: 'at least 25x',
    met: ratio >= 20,
  };
}

/** Ratios of two short commands, each as a whole process. */
function ratioOf(
  setting: Setting,
  what: string,
  command: ReturnType<typeof copyset>,
  peer: readonly [string, ...string[]],
  goal: number,
  raised?: number,
): Row {
  const bench = new Bench(setting.root);
  const rounds = setting.rounds * 3;
  const times = interleaved(rounds, { ours: () => bench.timeMs(command), peer: () => bench.timeMs(peer) });
  const ratio = perRound(rounds, (round) => (times.ours[round] ?? 0) / (times.peer[round] ?? 1));
  return {
    what,
    ours: ms(median(times.ours)),
    peer: `${peer === node ? 'node -e 0' : 'copyset --version'}: ${ms(median(times.peer))}`,
    figure: `${ratio.toFixed(2)}x`,
    goal: `at most ${goal}x`,
    ...(raised === undefined ? {} : { raised: `at most ${raised}x` }),
    met: ratio <= goal,
  };
}

async function pairList(setting: Setting): Promise<Row[]> {
  const bench = new Bench(setting.root);
  bench.timeMs(copyset('system', 'create', 'wide', '--durability', 'none'));
  bench.timeMs(copyset('volume', 'create', 'wide:p', '--size', '1MiB', '--count', '200'));
  bench.timeMs(copyset('volume', 'create', 'wide:s', '--size', '1MiB', '--count', '200', '--reserve'));
  bench.timeMs(copyset('pair', 'create', 'wide:p-*', 'auto', '--wait'));
  const list = copyset('pair', 'list', 'wide:*');
  const raised = ratioOf(setting, 'pair list of 200 pairs', list, node, 1.4);
  return [
    ratioOf(setting, 'pair list of 200 pairs', list, version, 1.5),
    { ...raised, goal: '-', raised: raised.goal },
  ];
}

async function memory(setting: Setting): Promise<Row> {
  const { root, sizeBytes } = setting;
  const bench = new Bench(root);
  bench.timeMs(copyset('volume', 'create', 'big:fresh', '--size', String(sizeBytes)));
  const peak = await bench.peakBytes(copyset('pair', 'create', 'big:db', 'big:fresh', '--pace', 'fast', '--wait'));
  bench.timeMs(copyset('pair', 'delete', 'big:db', 'big:fresh'));
  bench.timeMs(copyset('volume', 'delete', 'big:fresh'));
  const megabytes = peak / 1e6;
  return {
    what: 'peak memory of the initial copy',
    ours: `${megabytes.toFixed(0)} MB`,
    peer: '-',
    figure: `${megabytes.toFixed(0)} MB`,
    goal: 'below 200 MB',
    raised: 'below 150 MB',
    met: megabytes < 200,
  };
}

/** What can be measured, by the name that --only takes. */
export const CASES: Readonly<Record<string, (setting: Setting) => Promise<Row | Row[]>>> = {
  copy: initialCopy,
  nothing: nothingChanged,
  resync,
  list: pairList,
  version: async (setting) => ratioOf(setting, '--version', version, node, 2.1, 2),
  memory,
};

/** The cases that need no large volume. */
export const SMALL_CASES: readonly string[] = ['list', 'version'];

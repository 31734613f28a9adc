/**
 * npm run bench:hosts -- [--rounds 7] [--seconds 1] [--size 1GiB] [--dir DIR[,DIR]] [--only 4k-write-16,…] [--pages small|large]: `copyset serve` beside
 * `nbdkit file` and `qemu-nbd` on images with the same contents, a volume in duplex beside one without a pair, pairs to another system in
 * modes async and sync beside it, and a host's slowest requests while the copier works. Interleaved rounds whose order turns round; medians of the ratios of each round.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { bundle } from '../../scripts/bundle.mjs';
import { formatBytes, parseSize } from '../../src/core/volume/volume.js';
import { median, runJs } from './measure.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '1' },
    size: { type: 'string', default: '1GiB' },
    dir: { type: 'string', default: `/dev/shm,${tmpdir()}` },
    only: { type: 'string', default: '' },
    pages: { type: 'string', default: 'small' },
  },
});
const run = promisify(execFile);
const only = values.only.split(',').filter((name) => name !== '');
const rounds = Number(values.rounds);
const sizeBytes = parseSize(values.size);

/** Where hosts connect. */
interface Peer {
  readonly name: string;
  readonly uri: string;
}
type Measured = { readonly perSecond: number; readonly p99Ms: number };
interface Row {
  readonly what: string;
  readonly figures: string;
  readonly ratio: string;
  readonly goal: string;
  readonly met: boolean;
}

interface Job {
  readonly name: string;
  readonly fio: readonly string[];
  /** Least share of what nbdkit does. */
  readonly goal: number;
}
const fioJob = (name: string, rw: string, bs: string, depth: number, goal: number): Job => ({
  name,
  goal,
  fio: [`--rw=${rw}`, `--bs=${bs}`, `--iodepth=${depth}`],
});
const JOBS: readonly Job[] = [
  fioJob('4k-write-16', 'randwrite', '4k', 16, 0.9),
  fioJob('4k-write-1', 'randwrite', '4k', 1, 0.7),
  fioJob('4k-read-16', 'randread', '4k', 16, 1),
  fioJob('4k-read-1', 'randread', '4k', 1, 1),
  fioJob('64k-write-8', 'randwrite', '64k', 8, 0.9),
  fioJob('64k-read-8', 'randread', '64k', 8, 0.9),
  fioJob('256k-write-8', 'write', '256k', 8, 0.9),
  fioJob('256k-read-8', 'read', '256k', 8, 0.9),
];
const COPY_GOAL = 0.75;
/** Of every fio job; the whole image is measured beside nbdkit alone. */
const QEMU_GOAL = 1;
const DUPLEX_GOAL = 0.9;
const COPIER_GOAL = 2;
const MODES = ['async', 'sync'] as const;
const wants = (name: string) => only.length === 0 || only.includes(name);

async function fio(uri: string, words: readonly string[]): Promise<Measured> {
  const fixed = ['--name=job', '--ioengine=nbd', '--time_based', '--randrepeat=1', '--output-format=json'];
  const { stdout } = await run(
    'fio',
    [...fixed, `--uri=${uri}`, `--runtime=${values.seconds}`, `--size=${sizeBytes}`, ...words],
    { cwd: tmpdir(), maxBuffer: 16 * 1024 ** 2 },
  );
  interface Side {
    readonly iops: number;
    readonly clat_ns: { readonly percentile?: Record<string, number> };
  }
  const report = JSON.parse(stdout.slice(stdout.indexOf('{'))) as { jobs: { read: Side; write: Side }[] };
  const [job] = report.jobs;
  const side = (job?.write.iops ?? 0) > 0 ? job?.write : job?.read;
  return { perSecond: side?.iops ?? 0, p99Ms: (side?.clat_ns.percentile?.['99.000000'] ?? 0) / 1e6 };
}

async function copyWhole(uri: string, direction: 'out' | 'in', source: string): Promise<Measured> {
  const startedMs = performance.now();
  if (direction === 'out') await run('nbdcopy', [uri, 'null:']);
  else await run('nbdcopy', ['--flush', source, uri]);
  return { perSecond: 1000 / (performance.now() - startedMs), p99Ms: 0 };
}

/** The same measure of each, round after round. */
async function interleaved(
  names: readonly string[],
  measure: (name: string) => Promise<Measured>,
): Promise<Map<string, Measured[]>> {
  const results = new Map(names.map((name) => [name, [] as Measured[]]));
  for (let round = 0; round < rounds; round += 1)
    for (const name of round % 2 === 0 ? names : names.toReversed()) results.get(name)?.push(await measure(name));
  return results;
}

function ratioOf(results: Map<string, Measured[]>, of: string, to: string, key: keyof Measured = 'perSecond'): number {
  const base = results.get(to) ?? [];
  return median((results.get(of) ?? []).map((one, i) => one[key] / (base[i]?.[key] || one[key])));
}

const perSecond = (results: Map<string, Measured[]>, name: string) =>
  `${name} ${round(median((results.get(name) ?? []).map((one) => one.perSecond)))}`;
const round = (value: number) => (value >= 100 ? value.toFixed(0) : value.toFixed(2));

class HostBench {
  readonly #place: string;
  readonly #children: ChildProcess[] = [];
  readonly #peers: Peer[] = [];
  readonly rows: Row[] = [];

  constructor(folder: string) {
    this.#place = mkdtempSync(join(folder, 'copyset-bench-'));
  }

  async prepare(): Promise<void> {
    const source = join(this.#place, 'source.img');
    await run('dd', ['if=/dev/urandom', `of=${source}`, 'bs=1M', `count=${sizeBytes / 1024 ** 2}`]);
    await this.#copyset('system', 'create', 'tokyo');
    for (const name of ['copyset', 'duplex', 'follows', 'copied', 'target'])
      await this.#copyset('volume', 'create', `tokyo:${name}`, '--size', String(sizeBytes));
    for (const name of ['copyset', 'duplex', 'copied'])
      await this.#copyset('volume', 'import', `tokyo:${name}`, source, '--overwrite');
    await this.#copyset('pair', 'create', 'tokyo:duplex', 'tokyo:follows', '--pace', 'fast', '--wait');
    await this.#prepareRemote(source);
    const socket = await this.#start('all', process.execPath, (path) => [
      runJs,
      'serve',
      'tokyo',
      '--nbd',
      `unix:${path}`,
    ]);
    for (const name of ['copyset', 'duplex', ...MODES])
      this.#peers.push({ name, uri: `nbd+unix:///${name}?socket=${socket}` });
    for (const name of ['nbdkit', 'qemu-nbd']) {
      const image = join(this.#place, `${name}.img`);
      await run('cp', [source, image]);
      const words = (path: string) =>
        name === 'nbdkit'
          ? ['-f', '-U', path, 'file', image]
          : ['-f', 'raw', '-k', path, '-t', '-e', '8', '--cache=writeback', image];
      this.#peers.push({ name, uri: `nbd+unix:///?socket=${await this.#start(name, name, words)}` });
    }
    await this.#settle();
  }

  /** A pair of each mode to a system that is served by a process of its own, over a socket of this machine. */
  async #prepareRemote(source: string): Promise<void> {
    await this.#copyset('system', 'create', 'osaka');
    await this.#start('osaka', process.execPath, (path) => [runJs, 'serve', 'osaka', '--nbd', `unix:${path}`]);
    for (const mode of MODES) {
      for (const system of ['tokyo', 'osaka'])
        await this.#copyset('volume', 'create', `${system}:${mode}`, '--size', String(sizeBytes));
      await this.#copyset('volume', 'import', `tokyo:${mode}`, source, '--overwrite');
      const pair = [`tokyo:${mode}`, `osaka:${mode}`, '--mode', mode, '--pace', 'fast', '--wait'];
      await this.#copyset('pair', 'create', ...pair);
    }
  }

  /**
   * All images clean, and in the page cache in the same way. How they came there counts more than who serves them: on ext4 a small write
   * into the large pages that a sequential reader leaves takes the kernel seven times as long as into small ones (measured), which hides
   * what is compared here. Small pages come of writing the same bytes once more, 4 KiB at a time.
   */
  async #settle(): Promise<void> {
    const volumes = ['copyset', 'duplex', 'follows', 'copied', ...MODES];
    const copies = [
      ...volumes.map((name) => `tokyo/images/${name}.img`),
      ...MODES.map((name) => `osaka/images/${name}.img`),
      'nbdkit.img',
      'qemu-nbd.img',
    ];
    const dd = (...words: string[]) => run('dd', [...words, 'status=none'], { cwd: this.#place });
    await run('sync', ['-f', '.'], { cwd: this.#place });
    for (const image of copies) await dd(`if=${image}`, 'iflag=nocache', 'count=0');
    for (const image of copies) {
      if (values.pages === 'large') await dd(`if=${image}`, 'of=/dev/null', 'bs=1M');
      else await dd('if=source.img', `of=${image}`, 'bs=4k', 'conv=notrunc');
    }
    await run('sync', ['-f', '.'], { cwd: this.#place });
  }

  async peers(): Promise<void> {
    const source = join(this.#place, 'source.img');
    for (const { name, fio: words, goal } of JOBS)
      if (wants(name)) await this.#beside(name, goal, QEMU_GOAL, (uri) => fio(uri, words));
    for (const direction of ['out', 'in'] as const)
      if (wants(`nbdcopy-${direction}`))
        await this.#beside(`nbdcopy-${direction}`, COPY_GOAL, 0, (uri) => copyWhole(uri, direction, source));
  }

  /** What following costs the host: the copier copies its writes meanwhile. */
  async duplex(): Promise<void> {
    for (const { name, fio: words } of JOBS.filter((job) => job.name.startsWith('4k-write'))) {
      if (!wants(`duplex-${name}`)) continue;
      const results = await interleaved(['copyset', 'duplex'], (peer) => fio(this.#uri(peer), words));
      const ratio = ratioOf(results, 'duplex', 'copyset');
      this.#tell({
        what: `duplex-${name}`,
        figures: [perSecond(results, 'copyset'), perSecond(results, 'duplex')].join(', '),
        ratio: `${ratio.toFixed(2)} of unpaired`,
        goal: `${DUPLEX_GOAL}`,
        met: ratio >= DUPLEX_GOAL,
      });
    }
  }

  /** What another system costs the host: of a synchronous pair it waits for both. No goal: that is the price of the mode. */
  async remote(): Promise<void> {
    for (const { name, fio: words } of JOBS.filter((job) => job.name.includes('-write-'))) {
      if (!wants(`remote-${name}`)) continue;
      const names = ['copyset', ...MODES];
      const results = await interleaved(names, (peer) => fio(this.#uri(peer), words));
      const [async, sync] = MODES.map((mode) => ratioOf(results, mode, 'copyset').toFixed(2));
      const besideAsync = ratioOf(results, 'sync', 'async').toFixed(2);
      this.#tell({
        what: `remote-${name}`,
        figures: names.map((peer) => perSecond(results, peer)).join(', '),
        ratio: `sync ${sync} of unpaired and ${besideAsync} of async, async ${async} of unpaired`,
        goal: 'none',
        met: true,
      });
    }
  }

  /** A host's slowest requests on one volume while another pair of the system is being copied at pace slow. */
  async copier(): Promise<void> {
    for (const { name, fio: words } of JOBS.filter((job) => job.name.startsWith('4k-write'))) {
      if (!wants(`copier-${name}`)) continue;
      let unfinished = 0;
      const results = await interleaved(['idle', 'copying'], async (state) => {
        if (state === 'copying')
          await this.#copyset('pair', 'create', 'tokyo:copied', 'tokyo:target', '--overwrite', '--pace', 'slow');
        const measured = await fio(this.#uri('copyset'), words);
        if (state === 'copying') {
          const { stdout } = await this.#copyset('pair', 'list', 'tokyo:copied', '--json');
          if (stdout.includes('"pending"')) unfinished += 1;
          await this.#copyset('pair', 'delete', 'tokyo:copied', 'tokyo:target', '--force', '--unreserve');
        }
        return measured;
      });
      const ratio = ratioOf(results, 'copying', 'idle', 'p99Ms');
      const p99 = (state: string) =>
        `${state} p99 ${median((results.get(state) ?? []).map((one) => one.p99Ms)).toFixed(3)} ms`;
      this.#tell({
        what: `copier-${name}`,
        figures: `${p99('idle')}, ${p99('copying')} (${unfinished} of ${rounds} copies outlasted the measure)`,
        ratio: `${ratio.toFixed(2)} times idle`,
        goal: `at most ${COPIER_GOAL}`,
        met: ratio <= COPIER_GOAL,
      });
    }
  }

  async end(): Promise<void> {
    for (const child of this.#children) child.kill();
    await Promise.all(
      this.#children.map(
        (child) =>
          new Promise<void>((resolve) => {
            if (child.exitCode !== null) resolve();
            else child.once('exit', () => resolve());
          }),
      ),
    );
    rmSync(this.#place, { recursive: true, force: true });
  }

  async #beside(
    what: string,
    goal: number,
    qemuGoal: number,
    measure: (uri: string) => Promise<Measured>,
  ): Promise<void> {
    const names = ['copyset', 'nbdkit', 'qemu-nbd'];
    const results = await interleaved(names, (name) => measure(this.#uri(name)));
    const [nbdkit, qemu] = ['nbdkit', 'qemu-nbd'].map((name) => ratioOf(results, 'copyset', name));
    this.#tell({
      what,
      figures: names.map((name) => perSecond(results, name)).join(', '),
      ratio: `${nbdkit?.toFixed(2)} of nbdkit, ${qemu?.toFixed(2)} of qemu-nbd`,
      goal: qemuGoal > 0 ? `${goal}, ${qemuGoal}` : `${goal}`,
      met: (nbdkit ?? 0) >= goal && (qemu ?? 0) >= qemuGoal,
    });
  }

  #tell(row: Row): void {
    console.log(`${row.met ? 'met   ' : 'MISSED'} ${row.what}: ${row.ratio} (goal ${row.goal}); ${row.figures}`);
    this.rows.push(row);
  }

  #uri(name: string): string {
    return this.#peers.find((peer) => peer.name === name)?.uri ?? '';
  }

  async #start(name: string, program: string, words: (socket: string) => string[]): Promise<string> {
    const socket = join(this.#place, `${name}.sock`);
    this.#children.push(
      spawn(program, words(socket), { env: this.#environment(), stdio: ['ignore', 'ignore', 'inherit'] }),
    );
    for (let tries = 0; !existsSync(socket); tries += 1) {
      if (tries > 400) throw new Error(`${name} does not listen`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    return socket;
  }

  #environment(): NodeJS.ProcessEnv {
    return { ...process.env, COPYSET_ROOT: this.#place, NO_COLOR: '1' };
  }

  #copyset(...words: string[]): Promise<{ stdout: string }> {
    return run(process.execPath, [runJs, ...words], { env: this.#environment() });
  }
}

await bundle();
const { model } = cpus()[0] ?? { model: 'unknown' };
for (const folder of values.dir.split(',')) {
  const bench = new HostBench(folder);
  try {
    console.log(`in ${folder}`);
    await bench.prepare();
    await bench.peers();
    await bench.duplex();
    await bench.remote();
    await bench.copier();
  } finally {
    await bench.end();
  }
  console.log(
    `\n${folder}: Node ${process.version}, ${cpus().length} x ${model}, ${formatBytes(sizeBytes)}, medians of ${rounds} rounds\n`,
  );
  console.log('| what | a second | ratio | goal | |\n|---|---|---|---|---|');
  for (const row of bench.rows)
    console.log(`| ${row.what} | ${row.figures} | ${row.ratio} | ${row.goal} | ${row.met ? 'met' : 'missed'} |`);
}

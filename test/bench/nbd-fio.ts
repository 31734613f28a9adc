import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';

/**
 * `nbd-fio.ts [FOLDER [ROUNDS [SECONDS [JOB…]]]]`: our NBD server beside `nbdkit file` and `qemu-nbd`, each on an image of its
 * own in FOLDER (a tmpfs or a disk), in interleaved rounds whose order turns round. Prints medians; in brackets the median of
 * the ratios of each round to nbdkit, which is the figure to trust on a machine whose speed drifts; and the processor time
 * that the server spent on a request, which says something even on a machine that others use.
 */
const run = promisify(execFile);
const [folder = '/dev/shm', rounds = '7', seconds = '1', ...only] = process.argv.slice(2);
const IMAGE_BYTES = 1024 ** 3;

interface Job {
  readonly name: string;
  readonly fio: readonly string[];
}
const fio = (name: string, rw: string, bs: string, depth: number, ...more: string[]): Job => ({
  name,
  fio: [`--rw=${rw}`, `--bs=${bs}`, `--iodepth=${depth}`, ...more],
});
const JOBS: readonly Job[] = [
  fio('4k-write-1', 'randwrite', '4k', 1),
  fio('4k-write-16', 'randwrite', '4k', 16),
  fio('4k-read-1', 'randread', '4k', 1),
  fio('4k-read-16', 'randread', '4k', 16),
  fio('64k-write-8', 'randwrite', '64k', 8),
  fio('64k-read-8', 'randread', '64k', 8),
  fio('256k-write-8', 'write', '256k', 8),
  fio('256k-read-8', 'read', '256k', 8),
  fio('4k-write-flush', 'randwrite', '4k', 1, '--fsync=1'),
];

interface Peer {
  readonly name: string;
  readonly socket: string;
  readonly process: ChildProcess;
}

async function start(name: string, image: string, socket: string, server: string): Promise<Peer> {
  const words: Record<string, [string, ...string[]]> = {
    copyset: [process.execPath, server, image, socket],
    nbdkit: ['nbdkit', '-f', '-U', socket, 'file', image],
    'qemu-nbd': ['qemu-nbd', '-f', 'raw', '-k', socket, '-t', '-e', '8', '--cache=writeback', image],
  };
  const [command, ...args] = words[name] as [string, ...string[]];
  const child = spawn(command, args, { stdio: 'inherit' });
  for (let tries = 0; !existsSync(socket) && tries < 200; tries += 1) await new Promise((done) => setTimeout(done, 50));
  return { name, socket, process: child };
}

const uriOf = (peer: Peer) => `nbd+unix:///?socket=${peer.socket}`;

/** Requests a second. */
async function measureFio(peer: Peer, job: Job): Promise<number> {
  const { stdout } = await run('fio', [
    '--name=job',
    '--ioengine=nbd',
    `--uri=${uriOf(peer)}`,
    '--time_based',
    `--runtime=${seconds}`,
    `--size=${IMAGE_BYTES}`,
    '--randrepeat=1',
    '--output-format=json',
    ...job.fio,
  ]);
  const report = JSON.parse(stdout.slice(stdout.indexOf('{'))) as {
    jobs: { read: { iops: number }; write: { iops: number } }[];
  };
  const [result] = report.jobs;
  return (result?.read.iops ?? 0) + (result?.write.iops ?? 0);
}

/** Whole images a second. */
async function measureCopy(peer: Peer, direction: 'out' | 'in', other: string): Promise<number> {
  const started = performance.now();
  if (direction === 'out') await run('nbdcopy', [uriOf(peer), 'null:']);
  else await run('nbdcopy', ['--flush', other, uriOf(peer)]);
  return 1000 / (performance.now() - started);
}

/** Processor time of a process so far, in microseconds: utime and stime of its stat, in ticks of 10 ms. */
function processorUs(peer: Peer): number {
  const stat = readFileSync(`/proc/${peer.process.pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

async function main(): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const place = mkdtempSync(join(folder, 'copyset-bench-'));
  const server = join(place, 'server.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('nbd-server.ts', import.meta.url))],
    outfile: server,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['proper-lockfile', '@node-rs/crc32'],
    banner: {
      js: "import { createRequire as bannerRequire } from 'node:module'; const require = bannerRequire(import.meta.url);",
    },
  });
  const source = join(place, 'source.img');
  await run('dd', ['if=/dev/urandom', `of=${source}`, 'bs=1M', `count=${IMAGE_BYTES / 1024 ** 2}`]);
  const peers: Peer[] = [];
  try {
    for (const name of ['copyset', 'nbdkit', 'qemu-nbd']) {
      const image = join(place, `${name}.img`);
      await run('cp', [source, image]);
      peers.push(await start(name, image, join(place, `${name}.sock`), server));
    }
    // Pages on their way to the disk hold up whoever writes them again; the images are clean when it begins.
    await run('sync', ['-f', place]);
    await bench(peers, source);
  } finally {
    for (const peer of peers) peer.process.kill();
    rmSync(place, { recursive: true, force: true });
  }
}

async function bench(peers: readonly Peer[], source: string): Promise<void> {
  const measures: { name: string; measure: (peer: Peer) => Promise<number> }[] = [
    ...JOBS.map((job) => ({ name: job.name, measure: (peer: Peer) => measureFio(peer, job) })),
    { name: 'nbdcopy-out', measure: (peer) => measureCopy(peer, 'out', source) },
    { name: 'nbdcopy-in', measure: (peer) => measureCopy(peer, 'in', source) },
  ];
  for (const { name, measure } of measures.filter((entry) => only.length === 0 || only.includes(entry.name))) {
    const results = new Map(peers.map((peer) => [peer.name, [] as number[]]));
    const costs = new Map(peers.map((peer) => [peer.name, [] as number[]]));
    for (let round = 0; round < Number(rounds); round += 1) {
      const order = round % 2 === 0 ? peers : [...peers].reverse();
      for (const peer of order) {
        const [beforeUs, started] = [processorUs(peer), performance.now()];
        const perSecond = await measure(peer);
        const requests =
          perSecond > 100 ? perSecond * Number(seconds) : (perSecond * (performance.now() - started)) / 1000;
        results.get(peer.name)?.push(perSecond);
        costs.get(peer.name)?.push((processorUs(peer) - beforeUs) / Math.max(1, requests));
      }
    }
    const base = results.get('nbdkit') ?? [];
    const cells = peers.map((peer) => {
      const own = results.get(peer.name) ?? [];
      const ratio = median(own.map((value, round) => value / (base[round] ?? value)));
      const rate = median(own).toFixed(own.some((value) => value > 100) ? 0 : 2);
      return `${peer.name} ${rate} (${ratio.toFixed(2)}) ${median(costs.get(peer.name) ?? []).toFixed(1)} us`;
    });
    console.log(`${name.padEnd(15)} ${cells.join('   ')}`);
  }
}

await main();

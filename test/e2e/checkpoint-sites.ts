import { Server } from './hosts-serving.js';
import type { RootFolder } from './root-folder.js';

export const SESSION = 'sales';
/** Primary systems, and the secondary of each. */
export const STREAMS = [
  ['tokyo', 'osaka'],
  ['nagoya', 'kobe'],
] as const;
export const PRIMARIES = STREAMS.map(([primary]) => primary);
export const SECONDARIES = STREAMS.map(([, secondary]) => secondary);

const VOLUME_BYTES = String(1_048_576);

/** Two sites of two systems each, a volume `db` everywhere, and a session with two pairs. */
export async function makeSites(root: RootFolder, ...words: string[]): Promise<void> {
  for (const system of STREAMS.flat()) {
    await root.ok('system', 'create', system, '--durability', 'none', '--fixture');
    await root.ok('volume', 'create', `${system}:db`, '--size', VOLUME_BYTES);
  }
  await root.ok('volume', 'create', 'osaka:spare', '--size', VOLUME_BYTES, '--reserve');
  await root.ok('checkpoint', 'create', SESSION, '--at', 'tokyo', ...words);
  const journal = ['--mode', 'journal', '--session', SESSION];
  await root.ok('pair', 'create', 'tokyo:db', 'osaka:db', ...journal, '--backup', 'auto');
  await root.ok('pair', 'create', 'nagoya:db', 'kobe:db', ...journal);
}

/** One server for each system; they end with `stop` or `kill`. */
export async function serveAll(root: RootFolder, systems: readonly string[]): Promise<ReadonlyMap<string, Server>> {
  const started = systems.map(
    async (system) =>
      [system, await Server.start(root.path, system, '--nbd', `unix:${root.file(`${system}.sock`)}`)] as const,
  );
  return new Map(await Promise.all(started));
}

/** Makes a mark and waits until the secondaries show it; answers with its number. */
export async function shown(root: RootFolder): Promise<string> {
  const mark = (await root.ok('checkpoint', 'mark', SESSION)).stdout.trim();
  await root.ok('checkpoint', 'wait', SESSION, mark, '--timeout', '20s');
  return mark;
}

export interface ListedSession {
  readonly state: string;
  readonly applied: number | null;
  readonly recoverable: boolean;
  readonly exposureSeconds: number | null;
  readonly late: readonly string[];
  readonly systems: readonly { readonly system: string; readonly state: string; readonly updateInProgress: boolean }[];
}

export async function statusOf(root: RootFolder): Promise<{ code: number | null; session: ListedSession }> {
  const { code, data } = await root.json('checkpoint', 'status', SESSION);
  const [session] = data.sessions as ListedSession[];
  if (!session) throw new Error('checkpoint status shows no session');
  return { code, session };
}

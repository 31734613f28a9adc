import { Gone, type Site, Violation } from '../formations/site.js';
import { VOLUME_BYTES } from '../formations/topology.js';
import type { Part } from './part.js';
import { type Stage, sheetOf } from './stage.js';

export interface Shown {
  readonly number: number;
  readonly time: string;
}

/** What the volumes of the streams that count show: a prefix of what was written, of the checkpoint that is named. Answers which. */
export function checkPrefix(
  part: Part,
  sites: ReadonlyMap<string, Site>,
  counts: (member: { readonly site: string; readonly remote: string; readonly volume: string }) => boolean,
  shown: Shown,
  what: string,
): number {
  const { members } = part;
  const found = members.map((member) =>
    counts(member) ? sites.get(member.remote)?.contents(member.volume, VOLUME_BYTES) : undefined,
  );
  const prefix = prefixOf(part, found);
  if ('wrong' in prefix) throw new Violation(`${what} show no prefix at checkpoint ${shown.number}: ${prefix.wrong}`);
  const { least, most } = part.cutOf(shown);
  // Writes to volumes that are left out are not seen.
  const missed = part.writer.writes.slice(prefix.count, least).findIndex(({ member }) => found[member]);
  if (missed >= 0 || prefix.count > most)
    throw new Violation(
      `${what} show write ${prefix.count} at checkpoint ${shown.number}, which lies between ${least} and ${most}`,
    );
  return prefix.count;
}

function prefixOf(part: Part, found: readonly (Uint8Array | undefined)[]): ReturnType<Part['writer']['prefixOf']> {
  const { seen } = part;
  if (seen?.found.every((bytes, member) => areSame(bytes, found[member]))) return seen;
  const prefix = part.writer.prefixOf(found);
  part.seen = 'wrong' in prefix ? undefined : { found, count: prefix.count };
  return prefix;
}

function areSame(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one && other ? Buffer.compare(one, other) === 0 : one === other;
}

/** Looks at the secondaries of each session where their hosts may read them together. */
export function lookAtSecondaries(stage: Stage): void {
  for (const part of stage.parts) lookAt(stage, part);
}

function lookAt(stage: Stage, part: Part): void {
  const { members } = part;
  const sites = part.secondaries.map((name) => stage.site(name));
  if (!sites.every((site) => site.isUp)) return;
  const tables = sites.map((site) => sheetOf(site, part.name)?.secondary);
  const [first] = tables;
  const applied = first?.applied;
  if (!first || !applied) return;
  const isSame = tables.every(
    (table) =>
      table?.releasing === null &&
      table.tableTerm === first.tableTerm &&
      table.resetTo === applied.number &&
      table.applied?.time === applied.time,
  );
  if (!isSame) return;
  const counts = (member: Part['members'][number]) => countsIn(stage, part, member, applied.number);
  if (!members.some(counts)) return;
  const isMix = members.some((member) => counts(member) && isWithdrawn(stage.site(member.remote), member));
  if (isMix) return;
  part.looks += 1;
  checkPrefix(part, stage.sites, counts, applied, `the secondaries of ${part.name}`);
}

/** Whether the session counts on a pair's stream at this number, as its secondary says. */
function countsIn(stage: Stage, { name }: Part, { site, remote }: Part['members'][number], number: number): boolean {
  const id = stage.template.places.get(site)?.info.id;
  const row = sheetOf(stage.site(remote), name)?.secondary?.table.find(
    ({ primary, secondary }) => primary.id === id && secondary.name === remote,
  );
  return row !== undefined && row.resigned === null && row.enteredAt !== null && row.enteredAt <= number;
}

/** A direct copy goes, or went, into the secondary since it showed a checkpoint. */
export function isWithdrawn(site: Site, { volume }: { readonly volume: string }): boolean {
  const { controller } = site;
  if (!controller) throw new Gone(`${site.name} is down`);
  return [...controller.catalog.pairs.values()].some(
    ({ remote, secondary }) =>
      remote?.side === 'secondary' &&
      controller.catalog.volumes.get(secondary)?.name === volume &&
      remote.journal?.withdrawn === true,
  );
}

import { Gone, type Site, Violation } from '../formations/site.js';
import { VOLUME_BYTES } from '../formations/topology.js';
import { type Stage, sheetOf } from './stage.js';

export interface Shown {
  readonly number: number;
  readonly time: string;
}

/** What the volumes of the streams that count show: a prefix of what was written, of the checkpoint that is named. Answers which. */
export function checkPrefix(
  stage: Stage,
  sites: ReadonlyMap<string, Site>,
  counts: (member: { readonly site: string; readonly remote: string; readonly volume: string }) => boolean,
  shown: Shown,
  what: string,
): number {
  const { members } = stage.shape;
  const found = members.map((member) =>
    counts(member) ? sites.get(member.remote)?.contents(member.volume, VOLUME_BYTES) : undefined,
  );
  const prefix = stage.writer.prefixOf(found);
  if ('wrong' in prefix) throw new Violation(`${what} show no prefix at checkpoint ${shown.number}: ${prefix.wrong}`);
  const { least, most } = stage.cutOf(shown);
  // Writes to volumes that are left out are not seen.
  const missed = stage.writer.writes.slice(prefix.count, least).findIndex(({ member }) => found[member]);
  if (missed >= 0 || prefix.count > most)
    throw new Violation(
      `${what} show write ${prefix.count} at checkpoint ${shown.number}, which lies between ${least} and ${most}`,
    );
  return prefix.count;
}

/** Looks at the secondaries where their hosts may read them together. */
export function lookAtSecondaries(stage: Stage): void {
  const { secondaries } = stage.shape;
  const sites = secondaries.map((name) => stage.site(name));
  if (!sites.every((site) => site.isUp)) return;
  const tables = sites.map((site) => sheetOf(site)?.secondary);
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
  const counts = (member: Stage['shape']['members'][number]) => countsIn(stage, member, applied.number);
  if (!stage.shape.members.some(counts)) return;
  const isMix = stage.shape.members.some((member) => counts(member) && isWithdrawn(stage.site(member.remote), member));
  if (isMix) return;
  stage.looks += 1;
  checkPrefix(stage, stage.sites, counts, applied, 'the secondaries');
}

/** Whether the session counts on a pair's stream at this number, as its secondary says. */
function countsIn(stage: Stage, { site, remote }: Stage['shape']['members'][number], number: number): boolean {
  const id = stage.template.places.get(site)?.info.id;
  const row = sheetOf(stage.site(remote))?.secondary?.table.find(
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

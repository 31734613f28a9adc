import { failure, type VolumeNumber } from '../../foundation/foundation.js';
import { isGlob, matchesVolume, numberOf, quoted, type VolumeRecord } from '../../volume/volume.js';
import type { Controller } from '../open-controller.js';

/** What is needed to look at volumes, whether or not the system is owned. */
export type Looking = Pick<Controller, 'place' | 'ports' | 'files' | 'catalog' | 'fabric' | 'listing' | 'address'>;

/** The volume with this name or number. Throws `volume-not-found`. */
export function findVolume(controller: Pick<Controller, 'place' | 'catalog'>, text: string): VolumeRecord {
  for (const record of controller.catalog.volumes.values()) if (record.name === text) return record;
  const number = numberOf(text);
  const record = number === undefined ? undefined : controller.catalog.volumes.get(number);
  if (record) return record;
  throw failure(
    'volume-not-found',
    `There is no volume ${quoted(text)} in storage system ${controller.place.name}.`,
    `copyset volume list '${controller.place.name}:*' shows its volumes.`,
  );
}

/** All volumes that names, numbers or globs mean. A glob that matches nothing throws `nothing-matches`. */
export function findVolumes(controller: Controller, patterns: readonly string[]): VolumeRecord[] {
  const found = new Map<VolumeNumber, VolumeRecord>();
  for (const pattern of patterns) {
    if (!isGlob(pattern)) {
      const record = findVolume(controller, pattern);
      found.set(record.number, record);
      continue;
    }
    const matches = [...controller.catalog.volumes.values()].filter((record) => matchesVolume(pattern, record));
    if (matches.length === 0)
      throw failure(
        'nothing-matches',
        `No volume of storage system ${controller.place.name} matches ${quoted(pattern)}.`,
        'Quote the pattern, so that the shell leaves it alone.',
      );
    for (const record of matches) found.set(record.number, record);
  }
  return [...found.values()];
}

export function demandUnpaired(controller: Controller, record: VolumeRecord): void {
  const count = controller.catalog.pairsOf(record.number).length;
  if (count === 0) return;
  const group = controller.catalog
    .pairsOf(record.number)
    .map((number) => controller.catalog.pairs.get(number))
    .map((pair) => pair?.remote?.group ?? pair?.virtualCopyOf ?? pair?.practiceOf)
    .find((name) => name != null);
  if (group != null)
    throw failure(
      'in-group',
      `${controller.address(record.number)} belongs to consistency group ${group}.`,
      `copyset cg remove ${group} PRIMARY takes its member out first; then delete the pair.`,
    );
  throw failure(
    'volume-paired',
    `${controller.address(record.number)} is part of ${count === 1 ? 'a pair' : `${count} pairs`}.`,
    'Delete the pairs first: copyset pair delete.',
  );
}

export function demandDetached(controller: Controller, record: VolumeRecord): void {
  const port = [...controller.catalog.ports.values()].find(({ luns }) =>
    luns.some(({ volume }) => volume === record.number),
  );
  if (!port) return;
  throw failure(
    'volume-attached',
    `${controller.address(record.number)} is attached to port ${port.name}.`,
    `Detach it first: copyset volume detach ${controller.address(record.number)} --port ${port.name}.`,
  );
}

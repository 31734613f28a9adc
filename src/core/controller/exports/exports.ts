import type { PortRecord } from '../../catalog/catalog.js';
import { failure } from '../../foundation/foundation.js';
import { hostRefusal, trackRuns, VolumeDevice } from '../../hostio/hostio.js';
import type { BlockDevice, StatusRun } from '../../ports/ports.js';
import { formatNumber, type VolumeRecord } from '../../volume/volume.js';
import type { Controller } from '../open-controller.js';

/** A volume as a port offers it to hosts now. Shaped as the NBD room wants it, which this room does not know. */
export interface HostExport {
  readonly name: string;
  readonly description: string;
  readonly sizeBytes: number;
  readonly preferredBytes: number;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly contexts: readonly {
    readonly name: string;
    runs(offsetBytes: number, lengthBytes: number, runsMax: number): Promise<readonly StatusRun[]>;
  }[];
  open(): BlockDevice;
}

export interface HostExports {
  list(): { readonly name: string; readonly description: string }[];
  find(name: string): HostExport | undefined;
}

export interface ExportOptions {
  /** No host may write, whatever the pair's status allows. */
  readonly readOnly?: boolean;
}

interface OfferOptions extends ExportOptions {
  /** The name that the export goes by; else the volume's. */
  readonly name?: string;
  /** Throws once hosts are no longer to reach the volume here. */
  readonly demandOffered?: () => void;
}

/** What one port exports: its volumes by name and as `LUN<n>`; the empty name is LUN 0. */
export function portExports(controller: Controller, portName: string, options: ExportOptions = {}): HostExports {
  const port = (): PortRecord | undefined => controller.catalog.ports.get(portName);
  const numberOf = (name: string): number | undefined => {
    const lun = name === '' ? 0 : lunOf(name);
    if (lun !== undefined) return port()?.luns.find((entry) => entry.lun === lun)?.volume;
    return port()?.luns.find(({ volume }) => controller.catalog.volumes.get(volume)?.name === name)?.volume;
  };
  return {
    list: () => (port()?.luns ?? []).flatMap(({ lun, volume }) => listed(controller, volume, `LUN ${lun}`)),
    find: (name) => {
      const number = numberOf(name);
      const demandOffered = () => {
        if (!port()?.luns.some(({ volume }) => volume === number)) {
          throw failure('not-readable', `The volume was taken off port ${portName}.`);
        }
      };
      return exportOf(controller, number, { ...options, demandOffered });
    },
  };
}

/** All volumes of the systems: by name, or as SYSTEM:VOLUME where there are several systems. */
export function allExports(controllers: readonly Controller[], options: ExportOptions = {}): HostExports {
  const several = controllers.length > 1;
  const nameOf = (controller: Controller, record: VolumeRecord) =>
    several ? `${controller.place.name}:${record.name}` : record.name;
  const all = () =>
    controllers.flatMap((controller) =>
      [...controller.catalog.volumes.values()].map((record) => ({ controller, record })),
    );
  return {
    list: () =>
      all().flatMap(({ controller, record }) => listed(controller, record.number, '', nameOf(controller, record))),
    find: (name) => {
      const entries = all();
      // The empty name means the one volume there is, and nothing where there are several.
      const found =
        name === '' && entries.length === 1
          ? entries[0]
          : entries.find(({ controller, record }) => nameOf(controller, record) === name);
      return found && exportOf(found.controller, found.record.number, { ...options, name });
    },
  };
}

function lunOf(name: string): number | undefined {
  const match = /^LUN(\d{1,3})$/.exec(name);
  return match ? Number(match[1]) : undefined;
}

/** What no host may use now is not listed: `nbdinfo --list` opens all that is, and ends with the first that is refused. */
function listed(
  controller: Controller,
  number: number,
  where: string,
  name?: string,
): { name: string; description: string }[] {
  const record = controller.catalog.volumes.get(number);
  if (!record || !mayUse(controller, record)) return [];
  return [
    { name: name ?? record.name, description: `${controller.address(number)} ${formatNumber(number)} ${where}`.trim() },
  ];
}

function mayUse(controller: Controller, record: VolumeRecord): boolean {
  const legs = controller.fabric.legs(record.number);
  return (['read', 'write'] as const).some((use) => !hostRefusal(controller.place.name, record, legs, use));
}

function exportOf(controller: Controller, number: number | undefined, options: OfferOptions): HostExport | undefined {
  const record = number === undefined ? undefined : controller.catalog.volumes.get(number);
  if (!record) return undefined;
  const may = (wanted: 'read' | 'write') =>
    hostRefusal(controller.place.name, record, controller.fabric.legs(record.number), wanted) === undefined;
  return {
    name: options.name || record.name,
    description: `${controller.address(record.number)} ${formatNumber(record.number)}`,
    sizeBytes: record.sizeBytes,
    preferredBytes: record.trackSizeBytes,
    readable: may('read'),
    writable: !options.readOnly && may('write'),
    contexts: controller.fabric.legs(record.number).flatMap(({ pair }) => {
      const secondary = pair.record?.secondary;
      if (secondary === undefined) return [];
      return [
        {
          name: `copyset:out-of-sync/${controller.address(secondary)}`,
          runs: differingRuns(controller, record.number, pair.number),
        },
      ];
    }),
    open: () => {
      const demandOffered = options.demandOffered ?? (() => undefined);
      const device = new VolumeDevice(
        controller.fabric,
        record.number,
        () => controller.copier.hostWrote(),
        demandOffered,
      );
      return options.readOnly ? readOnlyDevice(device, controller.address(record.number)) : device;
    },
  };
}

/** Which tracks of a pair differ or may: out-of-sync, change-recording and secondary together, so that a backup tool reads only those. */
function differingRuns(controller: Controller, volume: number, pair: number) {
  return async (offsetBytes: number, lengthBytes: number, runsMax: number): Promise<readonly StatusRun[]> => {
    const live = controller.fabric.pair(pair);
    const differs = (track: number) =>
      live.outOfSync.map.has(track) || live.changed.map.has(track) || live.secondary.map.has(track);
    return trackRuns(controller.fabric.volume(volume), offsetBytes, lengthBytes, runsMax, (track) =>
      differs(track) ? 1 : 0,
    );
  };
}

function readOnlyDevice(device: BlockDevice, address: string): BlockDevice {
  const refuse = (): never => {
    throw failure('not-writable', `${address} is served read-only.`);
  };
  return {
    sizeBytes: device.sizeBytes,
    readNow: (target, offset) => device.readNow(target, offset),
    read: (target, offset) => device.read(target, offset),
    writeNow: refuse,
    write: async () => refuse(),
    flush: () => device.flush(),
    zero: async () => refuse(),
    trim: async () => refuse(),
    allocation: (offset, length, runsMax) => device.allocation(offset, length, runsMax),
    close: () => device.close(),
  };
}

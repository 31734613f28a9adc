import { resolve } from 'node:path';
import type { OwnController, SystemPlace } from '../core/controller/controller.js';
import { Courtesy, RateLimit } from '../core/copy/copy.js';
import { failure } from '../core/foundation/foundation.js';
import type { Streams } from '../core/ports/ports.js';
import type { OpenNbd } from './nbd-ports.js';
import type { Toolkit } from './open-toolkit.js';

export interface ServingOptions {
  /** Fires when it shall end. */
  readonly signal: AbortSignal;
  /** What the copiers of all systems copy together. */
  readonly rateBytesPerSecond?: number | undefined;
  /** Told once, when everything is open. */
  readonly ready: (line: string) => void;
  /** Hosts are served: the systems' ports, and all volumes on one more address. Absent for a mere copier. */
  readonly hosts?: HostOptions;
}

export interface HostOptions {
  readonly nbd?: string | undefined;
  readonly tlsDir?: string | undefined;
  readonly insecure: boolean;
  readonly readOnly: boolean;
  /** A command of the user's to run; everything ends with it. Answers its exit code. */
  readonly program?: ((environment: Record<string, string>) => Promise<number>) | undefined;
}

interface Hosts {
  readonly addresses: Readonly<Record<string, unknown>>;
  /** For the user's command: where to connect. */
  readonly environment: Record<string, string>;
  stop(): Promise<void>;
}

/**
 * Is the controller of the systems, with a copier for each, until the signal fires or the user's command ends; then answers what is
 * in flight and lets go. Returns the exit code.
 */
export async function runServing(
  toolkit: Toolkit,
  places: readonly SystemPlace[],
  options: ServingOptions,
): Promise<number> {
  const owners = await openAll(toolkit, places, options.signal);
  let hosts: Hosts | undefined;
  try {
    if (options.rateBytesPerSecond !== undefined) capCopying(owners, options.rateBytesPerSecond);
    giveWay(owners);
    for (const { controller } of owners) {
      controller.startCopying();
      controller.startForming();
    }
    if (options.hosts) hosts = await openHosts(toolkit.streams, owners, options.hosts);
    options.ready(`ready ${JSON.stringify({ systems: places.map((place) => place.name), ...hosts?.addresses })}`);
    if (options.hosts?.program) return await options.hosts.program(hosts?.environment ?? {});
    await fired(options.signal);
    return 0;
  } finally {
    await hosts?.stop();
    await Promise.all(owners.map((owner) => owner.close()));
  }
}

/** All or none: whoever cannot have one of the systems lets go of the others (H26). */
async function openAll(
  toolkit: Toolkit,
  places: readonly SystemPlace[],
  signal: AbortSignal,
): Promise<OwnController[]> {
  const owners: OwnController[] = [];
  try {
    for (const place of places) owners.push(await toolkit.openOwner(place, signal));
    return owners;
  } catch (error) {
    await Promise.all(owners.map((owner) => owner.close()));
    throw error;
  }
}

/** NBD is loaded only here: a copier does not need it. */
async function openHosts(streams: Streams, owners: readonly OwnController[], options: HostOptions): Promise<Hosts> {
  const [{ openAllVolumes, ServedPorts }, { tlsOf }] = await Promise.all([
    import('./nbd-ports.js'),
    import('./tls-folder.js'),
  ]);
  const controllers = owners.map((owner) => owner.controller);
  const served = controllers.map(
    (controller) => new ServedPorts(streams, controller, { readOnly: options.readOnly, tlsOf }),
  );
  let all: OpenNbd | undefined;
  const stop = async () => {
    for (const controller of controllers) controller.onPortsChanged = undefined;
    await Promise.all([all?.stop(), ...served.map((ports) => ports.stop())]);
  };
  try {
    if (options.nbd !== undefined) {
      const tls = await tlsOf(options.tlsDir === undefined ? null : resolve(options.tlsDir));
      const wish = { listen: options.nbd, tls, insecure: options.insecure, folder: folderOf(owners, options.nbd) };
      all = await openAllVolumes(streams, controllers, wish, options.readOnly);
    }
    for (const ports of served) await ports.reconcile();
    controllers.forEach((controller, index) => {
      controller.onPortsChanged = async () => served[index]?.reconcile();
    });
  } catch (error) {
    await stop();
    throw error;
  }
  const ports = served.flatMap((one) => one.list());
  const addresses = { ...(all ? { nbd: { address: all.address, uri: all.uri } } : {}), ports };
  const uri = all?.uri ?? ports[0]?.uri;
  return { addresses, environment: uri === undefined ? {} : { COPYSET_NBD_URI: uri }, stop };
}

/** A relative socket path is below the system's folder; with several systems there is no such folder. */
function folderOf(owners: readonly OwnController[], listen: string): string {
  const [only, second] = owners;
  if (only && !second) return only.controller.place.path;
  if (listen.startsWith('unix:') && !listen.startsWith('unix:/')) {
    throw failure(
      'usage',
      `${listen} is relative, and several systems are served.`,
      'Give an absolute path: unix:/run/copyset.sock.',
    );
  }
  return '/';
}

function capCopying(owners: readonly OwnController[], bytesPerSecond: number): void {
  const [first] = owners;
  if (!first) return;
  const rate = new RateLimit(first.controller.ports.clock, bytesPerSecond);
  for (const { controller } of owners) controller.capCopying(rate);
}

/** Hosts of all systems share this process: the copiers of all give way to each of them, and share what is left for them. */
function giveWay(owners: readonly OwnController[]): void {
  const [first] = owners;
  if (!first) return;
  const requests = () => owners.reduce((sum, { controller }) => sum + controller.fabric.hostRequests, 0);
  const courtesy = new Courtesy(first.controller.ports.clock, requests);
  for (const { controller } of owners) controller.copier.giveWay(courtesy);
}

function fired(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

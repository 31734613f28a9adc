import type { OwnController, SystemPlace } from '../core/controller/controller.js';
import { RateLimit } from '../core/copy/copy.js';
import type { Toolkit } from './open-toolkit.js';

export interface ServingOptions {
  /** Fires when it shall end. */
  readonly signal: AbortSignal;
  /** What the copiers of all systems copy together. */
  readonly rateBytesPerSecond?: number | undefined;
  /** Told once, when everything is open. */
  readonly ready: (line: string) => void;
}

/** Is the controller of the systems, with a copier for each, until the signal fires; then drains and lets go. */
export async function runServing(
  toolkit: Toolkit,
  places: readonly SystemPlace[],
  options: ServingOptions,
): Promise<void> {
  const owners = await openAll(toolkit, places, options.signal);
  try {
    if (options.rateBytesPerSecond !== undefined) capCopying(owners, options.rateBytesPerSecond);
    for (const { controller } of owners) controller.startCopying();
    options.ready(`ready ${JSON.stringify({ systems: places.map((place) => place.name) })}`);
    await fired(options.signal);
  } finally {
    await closeAll(owners);
  }
}

/** All or none: whoever cannot have one of the systems lets go of the others (H26). */
export async function openAll(
  toolkit: Toolkit,
  places: readonly SystemPlace[],
  signal: AbortSignal,
): Promise<OwnController[]> {
  const owners: OwnController[] = [];
  try {
    for (const place of places) owners.push(await toolkit.openOwner(place, signal));
    return owners;
  } catch (error) {
    await closeAll(owners);
    throw error;
  }
}

export async function closeAll(owners: readonly OwnController[]): Promise<void> {
  await Promise.all(owners.map((owner) => owner.close()));
}

function capCopying(owners: readonly OwnController[], bytesPerSecond: number): void {
  const first = owners[0];
  if (!first) return;
  const rate = new RateLimit(first.controller.ports.clock, bytesPerSecond);
  for (const { controller } of owners) controller.capCopying(rate);
}

export function fired(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

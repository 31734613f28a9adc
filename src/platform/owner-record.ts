import type { OwnerRecord } from '../core/ports/ports.js';

/** Everything by which an owner can be found again, or be proved dead. Specified in docs/formats/owner-record.md. */
export interface OwnerIdentity extends OwnerRecord {
  /** When the process started, in the kernel's ticks since its boot: tells it from a later one with the same pid. */
  readonly start: number;
  /** The kernel's boot id. */
  readonly boot: string;
  /** The pid namespace in which `pid` counts, and the time namespace in which `start` does. */
  readonly pidns: string;
  readonly timens: string;
  /** Names the machine over reboots. */
  readonly machine: string;
  /** New with every grant. */
  readonly nonce: string;
}

const VERSION = 1;
/** The shortest limit that a file system of ours has for the text of a link (xfs: 1,024). */
const RECORD_MAX_BYTES = 1_000;
const HOST_MAX = 253;
const PURPOSE_MAX = 80;
/** The largest pid that Linux knows (2^22). */
const PID_MAX = 4_194_304;
const KEYS = ['v', 'pid', 'start', 'boot', 'pidns', 'timens', 'machine', 'nonce', 'host', 'purpose'];
const PRINTABLE = /^[\x20-\x7e]*$/;
const TOKEN = /^[A-Za-z0-9._:[\]-]{1,64}$/;
const NONCE = /^[0-9a-f]{32}$/;

/** Any text as printable ASCII that fits a field of the record. */
export function printable(text: string, lengthMax: number): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, lengthMax);
}

export function formatOwner(owner: OwnerIdentity): string {
  return JSON.stringify({
    v: VERSION,
    pid: owner.pid,
    start: owner.start,
    boot: owner.boot,
    pidns: owner.pidns,
    timens: owner.timens,
    machine: owner.machine,
    nonce: owner.nonce,
    host: printable(owner.host, HOST_MAX),
    purpose: printable(owner.purpose, PURPOSE_MAX),
  });
}

/** The owner that a record names, or undefined when it is not one of ours. Anyone who may write the folder wrote it. */
export function parseOwner(text: string): OwnerIdentity | undefined {
  if (text.length > RECORD_MAX_BYTES || !text.startsWith('{')) return undefined;
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const keys = Object.keys(fields);
  if (keys.length !== KEYS.length || !KEYS.every((key) => keys.includes(key)) || fields.v !== VERSION) return undefined;
  const { pid, start, boot, pidns, timens, machine, nonce, host, purpose } = fields;
  if (!isWhole(pid, 1, PID_MAX) || !isWhole(start, 0, Number.MAX_SAFE_INTEGER)) return undefined;
  if (!matches(boot, TOKEN) || !matches(pidns, TOKEN) || !matches(timens, TOKEN)) return undefined;
  if (!matches(machine, TOKEN) || !matches(nonce, NONCE)) return undefined;
  if (!isText(host, HOST_MAX) || !isText(purpose, PURPOSE_MAX)) return undefined;
  return { pid, start, boot, pidns, timens, machine, nonce, host, purpose };
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
}

function matches(value: unknown, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value);
}

function isText(value: unknown, lengthMax: number): value is string {
  return typeof value === 'string' && value.length <= lengthMax && PRINTABLE.test(value);
}

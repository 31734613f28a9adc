import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { systemCode } from './file-faults.js';
import { fingerprint } from './fingerprint.js';
import type { OwnerIdentity } from './owner-record.js';

/** What this process knows about where it runs. */
export interface Surroundings {
  readonly host: string;
  readonly boot: string;
  readonly pidns: string;
  readonly timens: string;
  readonly machine: string;
}

export type Verdict = 'alive' | 'dead' | 'foreign';

let known: Surroundings | undefined;

export function surroundings(): Surroundings {
  known ??= {
    host: hostname(),
    boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    pidns: readlinkSync('/proc/self/ns/pid'),
    timens: orNone(() => readlinkSync('/proc/self/ns/time')),
    machine: orNone(machineId),
  };
  return known;
}

/** The machine's id is not to be shown as it is (machine-id(5)), so a digest stands for it. */
function machineId(): string {
  const id = readFileSync('/etc/machine-id', 'utf8').trim();
  if (id === '') return 'none';
  return fingerprint(`copyset:${id}`).slice(0, 32);
}

function orNone(read: () => string): string {
  try {
    return read();
  } catch {
    return 'none';
  }
}

/** A line of `/proc/<pid>/stat`, as far as it matters here. */
export interface ProcessState {
  readonly state: string;
  readonly threads: number;
  readonly start: number;
}

/** The program's name comes second, in parentheses, and may itself hold blanks and parentheses: fields count from the last. */
export function parseProcessState(line: string): ProcessState {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', threads: Number(fields[17]), start: Number(fields[19]) };
}

export function processState(pid: number | 'self'): ProcessState | undefined {
  try {
    return parseProcessState(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

/**
 * Whether the owner lives, by proof and never by age. Whoever counts pids in another namespace, or ran on another machine,
 * cannot be judged from here.
 */
export function judge(owner: OwnerIdentity, here: Surroundings = surroundings()): Verdict {
  if (owner.boot !== here.boot) {
    const sameMachine = owner.host === here.host && owner.machine === here.machine;
    return sameMachine ? 'dead' : 'foreign';
  }
  if (owner.pidns !== here.pidns || owner.timens !== here.timens) return 'foreign';
  return isGone(owner) ? 'dead' : 'alive';
}

function isGone(owner: OwnerIdentity): boolean {
  const found = processState(owner.pid);
  if (found === undefined) return !answersSignals(owner.pid);
  if (found.start !== owner.start) return true;
  // A killed leader is a zombie while other threads of it still write (seen for up to 180 ms).
  return (found.state === 'Z' || found.state === 'X') && found.threads <= 1;
}

/** /proc may hide processes of other users (hidepid); the kernel's answer to a signal does not. */
function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== 'ESRCH';
  }
}

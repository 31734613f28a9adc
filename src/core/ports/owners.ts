/** Who owns a storage system. */
export interface OwnerRecord {
  readonly host: string;
  readonly pid: number;
  /** The owner's own word for what it does, for messages: `pair create`, `serve`. */
  readonly purpose: string;
}

/** Ownership of one system by this process. A live owner is never displaced. */
export interface Grant {
  /** Set once someone removed the lock by hand; from then on nothing more may be written. */
  readonly lost: boolean;
  onLost(listener: () => void): void;
  release(): Promise<void>;
}

export type GrantAnswer =
  | { readonly kind: 'granted'; readonly grant: Grant }
  /** A live process of this host has it. */
  | { readonly kind: 'held'; readonly owner: OwnerRecord }
  /** The owner cannot be judged from here: another host, or another pid namespace. */
  | { readonly kind: 'foreign'; readonly owner: OwnerRecord };

/** Exclusive ownership of system folders; a dead owner's is taken over at once, on proof of death (reliability.md A4). */
export interface Owners {
  /** One try, without waiting. `systemPath` is the system's folder. */
  acquire(systemPath: string, purpose: string): Promise<GrantAnswer>;
  /** The present live or foreign owner, if any, without trying to become it. */
  current(systemPath: string): OwnerRecord | undefined;
  /** For a person only: removes a lock whoever holds it. Returns the record that was there. */
  breakLock(systemPath: string): OwnerRecord | undefined;
}

import type { Place } from './desired.js';

export interface Problem {
  readonly place: Place;
  readonly message: string;
}

/** What is wrong with a file: all of it is told at once. */
export class Problems {
  readonly found: Problem[] = [];
  readonly #tell: (found: readonly Problem[]) => Error;

  constructor(tell: (found: readonly Problem[]) => Error) {
    this.#tell = tell;
  }

  add(place: Place, message: string): void {
    this.found.push({ place, message: message.replace(/\.$/, '') });
  }

  /** Throws where something was found. */
  demandNone(): void {
    if (this.found.length > 0) throw this.#tell(this.found);
  }
}

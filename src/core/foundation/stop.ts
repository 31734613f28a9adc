/** As much of an AbortSignal as somebody who waits needs of it. */
export interface StopSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** Asks others to stop, once. What every command makes uses it: the runtime's AbortController costs a millisecond when first used. */
export class Stop implements StopSignal {
  #aborted = false;
  #listeners: (() => void)[] = [];

  get aborted(): boolean {
    return this.#aborted;
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    if (!this.#listeners.includes(listener)) this.#listeners.push(listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners = this.#listeners.filter((other) => other !== listener);
  }

  abort(): void {
    this.#aborted = true;
    for (const listener of this.#listeners.splice(0)) listener();
  }
}

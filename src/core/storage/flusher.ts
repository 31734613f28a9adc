import { failure } from '../foundation/foundation.js';
import { FileError, type OpenFile } from '../ports/ports.js';

/**
 * Makes a file's writes durable, several callers with one flush: who asks while a flush runs shares the next one, because
 * the running one may have missed his write. After a failed flush nobody knows what is durable (the kernel drops the
 * pages and the next flush lies), so it is never tried again.
 */
export class Flusher {
  readonly #file: OpenFile;
  readonly #onFailure: ((error: unknown) => void) | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #failure: Error | undefined;

  /** `onFailure` is called once, with the error that all callers get. */
  constructor(file: OpenFile, onFailure?: (error: unknown) => void) {
    this.#file = file;
    this.#onFailure = onFailure;
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** Why the flush failed: what every `durable` rejects with. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Everything written before the call is durable when it resolves. Rejects with `io-error`, from then on always. */
  durable(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#running === undefined) return this.#start();
    this.#next ??= this.#running.then(
      () => this.#start(),
      (error: unknown) => {
        this.#next = undefined;
        throw error;
      },
    );
    return this.#next;
  }

  #start(): Promise<void> {
    this.#next = undefined;
    this.#running = this.#flush().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #flush(): Promise<void> {
    try {
      await this.#file.flush();
    } catch (error) {
      this.#failure = flushFailure(error, this.#file.path);
      this.#onFailure?.(this.#failure);
      throw this.#failure;
    }
  }
}

/** What a failed flush means for the thing at `path`. Any other error comes back unchanged. */
export function flushFailure(error: unknown, path: string): Error {
  if (error instanceof Error && !(error instanceof FileError)) return error;
  return failure(
    'io-error',
    `What was written to ${path} could not be made durable.`,
    'Nothing more is written there. Look at the system log of this host, then open the system again.',
    { cause: error, details: { path } },
  );
}

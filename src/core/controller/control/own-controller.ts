import { Stop } from '../../foundation/foundation.js';
import { LinkError } from '../../ports/ports.js';
import type { Controller } from '../open-controller.js';
import { ControlServer } from './control-server.js';
import type { Answered, RequestCode, RequestExtras, Requests, SystemClient } from './requests.js';

/** A command that takes longer than this serves others meanwhile, one that asks other systems at once; a shorter one is waited for. */
const SERVE_AFTER_MS = 100;

/** The controller in this process, serving others as soon as it lives longer than a moment. */
export class OwnController implements SystemClient {
  readonly controller: Controller;
  readonly #server: ControlServer;
  readonly #stopWaiting = new Stop();
  readonly #started: Promise<void>;
  #closed: Promise<void> | undefined;
  #isHurried = false;

  constructor(controller: Controller, serveAfterMs = SERVE_AFTER_MS) {
    this.controller = controller;
    this.#server = new ControlServer(controller);
    controller.peers.whenAsking(() => {
      this.#isHurried = true;
      this.#stopWaiting.abort();
    });
    this.#started = this.#startLater(serveAfterMs);
    this.#started.catch(() => undefined); // Looked at when closing.
  }

  /** Resolves when others are served. */
  async serving(): Promise<void> {
    await this.#started;
  }

  request<Code extends RequestCode>(
    code: Code,
    input: Requests[Code]['input'],
    extras?: RequestExtras,
  ): Promise<Answered<Code>> {
    return this.controller.request(code, input, extras);
  }

  /** Safe to call again; all calls resolve when the system is let go. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#stopWaiting.abort();
    await this.#started;
    await this.#server.stop();
    await this.controller.close();
    await this.#server.closeChannels();
  }

  async #startLater(spanMs: number): Promise<void> {
    if (spanMs > 0 && !this.#isHurried) {
      const waited = await this.controller.ports.clock.sleep(spanMs, this.#stopWaiting);
      if (waited !== 'elapsed' && !this.#isHurried) return;
    }
    try {
      await this.#server.start();
    } catch (error) {
      // Others then wait for this command to end instead of being served by it.
      if (!(error instanceof LinkError)) throw error;
    }
  }
}

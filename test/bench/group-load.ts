import { HostConnection } from '../e2e/hosts-client.js';

const BLOCK_BYTES = 4096;
/** Hosts write to a few places again and again: eight tracks of each volume. */
const HOT_BYTES = 8 * 65_536;

/** Hosts that write to many volumes, one write at a time to each, at a steady pace. */
export class PacedLoad {
  readonly #connections: HostConnection[] = [];
  readonly #perSecond: number;
  readonly #latenciesMs: number[] = [];
  #stopping = false;
  #running: Promise<unknown> = Promise.resolve();

  /** So many writes a second to each volume; 0: each as soon as the last was answered. */
  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  async start(targets: readonly { readonly socket: string; readonly volume: string }[]): Promise<void> {
    for (const { socket, volume } of targets) this.#connections.push(await HostConnection.open(socket, volume));
    this.#running = Promise.all(this.#connections.map((connection) => this.#write(connection)));
  }

  /** How long each write took, in the order of the answers. Throws what ended a writer. */
  async stop(): Promise<readonly number[]> {
    this.#stopping = true;
    await this.#running;
    for (const connection of this.#connections) connection.close();
    return this.#latenciesMs;
  }

  async #write(connection: HostConnection): Promise<void> {
    const data = Buffer.alloc(BLOCK_BYTES, 7);
    const blocks = Math.floor(Math.min(HOT_BYTES, connection.sizeBytes) / BLOCK_BYTES);
    const everyMs = this.#perSecond === 0 ? 0 : 1000 / this.#perSecond;
    let dueMs = performance.now() + Math.random() * everyMs;
    while (!this.#stopping) {
      const restMs = dueMs - performance.now();
      if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
      const startedMs = performance.now();
      await connection.write(Math.floor(Math.random() * blocks) * BLOCK_BYTES, data);
      const endedMs = performance.now();
      this.#latenciesMs.push(endedMs - startedMs);
      dueMs = Math.max(dueMs + everyMs, endedMs);
    }
  }
}

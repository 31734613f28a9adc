import {
  allExports,
  type Controller,
  type HostExports,
  type ListenAddress,
  parseListenAddress,
  portExports,
} from '../core/controller/controller.js';
import { type ErrorCode, failure } from '../core/foundation/foundation.js';
import { NbdServer, type TlsPolicy } from '../core/nbd/nbd.js';
import { type StreamAddress, StreamError, type StreamFault, type Streams } from '../core/ports/ports.js';

/** How long connected hosts have to take their last answers when a server stops. */
const GRACE_MS = 5_000;

/** Where hosts are served: what is asked for, and how it may be read. */
export interface NbdWish {
  readonly listen: string;
  /** Identity of the server, and whom it lets in; absent = no encryption. */
  readonly tls: TlsPolicy;
  readonly insecure: boolean;
  /** Relative socket paths are below this folder. */
  readonly folder: string;
}

/** One open NBD listener. */
export interface OpenNbd {
  /** `unix:/abs/path` or `tcp://127.0.0.1:10809`, with the port that the system chose. */
  readonly address: string;
  /** As clients write it. */
  readonly uri: string;
  stop(): Promise<void>;
}

/** Opens a listener that serves these exports. Throws `usage`, `busy` or `io-error`, by REMEDIES. */
export async function openNbd(
  streams: Streams,
  controller: Controller,
  exports: HostExports,
  wish: NbdWish,
): Promise<OpenNbd> {
  const address = parseListenAddress(wish.listen);
  demandSafe(address, wish);
  const server = new NbdServer({ streams, clock: controller.ports.clock, exports });
  try {
    const listing = address.kind === 'unix' || address.isLoopback;
    const listener = await server.listen(streamAddress(address, wish.folder), { tls: wish.tls, listing });
    return { ...named(listener.address, wish.tls.mode !== 'none'), stop: () => server.stop(GRACE_MS) };
  } catch (error) {
    throw translated(error, wish.listen);
  }
}

/** The ports of a served system, opened and closed as they come and go. */
export class ServedPorts {
  readonly #streams: Streams;
  readonly #controller: Controller;
  readonly #tlsOf: (tlsDir: string | null) => Promise<TlsPolicy>;
  readonly #readOnly: boolean;
  readonly #open = new Map<string, { readonly wish: string; readonly nbd: OpenNbd }>();

  constructor(
    streams: Streams,
    controller: Controller,
    options: { readOnly: boolean; tlsOf: (tlsDir: string | null) => Promise<TlsPolicy> },
  ) {
    this.#streams = streams;
    this.#controller = controller;
    this.#tlsOf = options.tlsOf;
    this.#readOnly = options.readOnly;
  }

  /** Makes what is open what the tables say. */
  async reconcile(): Promise<void> {
    const { ports } = this.#controller.catalog;
    for (const [name, { wish }] of this.#open) {
      const port = ports.get(name);
      if (!port || wishOf(port) !== wish) await this.#close(name);
    }
    for (const port of ports.values()) {
      if (this.#open.has(port.name)) continue;
      const exports = portExports(this.#controller, port.name, { readOnly: this.#readOnly });
      const nbd = await openNbd(this.#streams, this.#controller, exports, {
        listen: port.listen,
        tls: await this.#tlsOf(port.tlsDir),
        insecure: port.insecure,
        folder: this.#controller.place.path,
      });
      this.#open.set(port.name, { wish: wishOf(port), nbd });
      this.#controller.listing.serving.set(port.name, nbd.address);
    }
  }

  list(): { system: string; port: string; address: string; uri: string }[] {
    return [...this.#open].map(([port, { nbd }]) => ({
      system: this.#controller.place.name,
      port,
      address: nbd.address,
      uri: nbd.uri,
    }));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((name) => this.#close(name)));
  }

  async #close(name: string): Promise<void> {
    const open = this.#open.get(name);
    this.#open.delete(name);
    this.#controller.listing.serving.delete(name);
    await open?.nbd.stop();
  }
}

/** One listener for all volumes of all systems. */
export function openAllVolumes(
  streams: Streams,
  controllers: readonly Controller[],
  wish: NbdWish,
  readOnly: boolean,
): Promise<OpenNbd> {
  const [first] = controllers;
  if (!first) throw failure('usage', 'No storage system is served.');
  return openNbd(streams, first, allExports(controllers, { readOnly }), wish);
}

function wishOf(port: { listen: string; tlsDir: string | null; insecure: boolean }): string {
  return JSON.stringify([port.listen, port.tlsDir, port.insecure]);
}

function demandSafe(address: ListenAddress, wish: NbdWish): void {
  if (address.kind === 'unix' || address.isLoopback || wish.tls.mode !== 'none' || wish.insecure) return;
  throw failure(
    'usage',
    `${wish.listen} can be reached from other hosts, and nothing would be encrypted.`,
    'Give --tls-dir, or --insecure to serve it plain.',
  );
}

function streamAddress(address: ListenAddress, folder: string): StreamAddress {
  if (address.kind === 'tcp') return { kind: 'tcp', host: address.host, port: address.port };
  return { kind: 'unix', path: address.path.startsWith('/') ? address.path : `${folder}/${address.path}` };
}

function named(address: StreamAddress, encrypted: boolean): { address: string; uri: string } {
  const scheme = encrypted ? 'nbds' : 'nbd';
  if (address.kind === 'unix')
    return { address: `unix:${address.path}`, uri: `${scheme}+unix:///?socket=${encodeURI(address.path)}` };
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return { address: `tcp://${host}:${address.port}`, uri: `${scheme}://${host}:${address.port}/` };
}

/** What a person may do about an address at which nobody can listen. */
const REMEDIES: Readonly<Record<StreamFault, readonly [ErrorCode, string?]>> = {
  'in-use': ['busy', 'Choose another address, or stop who has it.'],
  'too-long': ['usage', 'Choose a shorter name.'],
  'no-folder': ['usage', 'Make the folder, or choose another path.'],
  'in-the-way': ['usage', 'Choose another path, or move what lies there away; only a left-over socket is replaced.'],
  'not-here': ['usage', 'Choose one of the addresses of this host, as 127.0.0.1 for itself alone.'],
  permission: [
    'io-error',
    'Choose a place that this user may use, or check who owns it; ports below 1024 are often kept for root.',
  ],
  'bad-address': ['io-error', 'Choose another address.'],
  identity: ['io-error'],
  broken: ['io-error'],
};

function translated(error: unknown, listen: string): unknown {
  if (!(error instanceof StreamError)) return error;
  const [code, hint] = REMEDIES[error.fault];
  if (error.fault === 'in-use') return failure(code, `Somebody listens on ${listen} already.`, hint, { cause: error });
  return failure(code, `${listen} cannot be served: ${error.message}.`, hint, { cause: error });
}

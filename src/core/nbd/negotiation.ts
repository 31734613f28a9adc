import type { BlockDevice, ByteStream, TlsIdentity } from '../ports/ports.js';
import type { ByteQueue } from './byte-queue.js';
import type { Export, ExportSource } from './exports.js';
import { faultOf } from './faults.js';
import { NBD_LIMITS } from './limits.js';
import { listContexts, type SelectedContext, selectContexts } from './meta-contexts.js';
import { OptionReplies, sizeAndFlags } from './option-replies.js';
import { readInfoRequest, readMetaRequest } from './options.js';
import { FLAG_FIXED_NEWSTYLE, FLAG_NO_ZEROES, IHAVEOPT, OPT, OPTION_HEADER_BYTES, REP } from './protocol.js';
import { decodeText, u32 } from './wire.js';

/** "TLS support": none is NOTLS, optional lets the client choose, forced is FORCEDTLS. */
export type TlsPolicy =
  | { readonly mode: 'none' }
  | { readonly mode: 'optional' | 'forced'; readonly identity: TlsIdentity };

export interface NegotiationParts {
  readonly stream: ByteStream;
  readonly queue: ByteQueue;
  readonly exports: ExportSource;
  readonly tls: TlsPolicy;
  /** Whether NBD_OPT_LIST is answered. */
  readonly listing: boolean;
  /** Whether the server is being shut down. */
  stopping(): boolean;
}

/** What the two sides agreed on. */
export interface Agreement {
  readonly found: Export;
  readonly device: BlockDevice;
  readonly structuredReplies: boolean;
  readonly contexts: readonly SelectedContext[];
}

/** Where an option leads: to the next one, to the end of the connection, or into the transmission phase. */
type Step = 'next' | 'close' | Agreement;

const ZEROES_BYTES = 124;
const UNKNOWN_EXPORT = 'there is no such export';

/** The "Handshake" phase of one connection, option by option. */
export class Negotiation {
  readonly #parts: NegotiationParts;
  readonly #queue: ByteQueue;
  readonly #replies: OptionReplies;
  #clientFlags = 0;
  #secured = false;
  #structuredReplies = false;
  #selected: { readonly exportName: string; readonly contexts: readonly SelectedContext[] } | undefined;

  constructor(parts: NegotiationParts) {
    this.#parts = parts;
    this.#queue = parts.queue;
    this.#replies = new OptionReplies(parts.stream);
  }

  /** Undefined where the connection is to be closed. */
  async run(): Promise<Agreement | undefined> {
    this.#replies.greet();
    const flags = await this.#queue.take(4);
    if (flags === undefined) return undefined;
    this.#clientFlags = u32(flags, 0);
    if ((this.#clientFlags & ~(FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES)) !== 0) return undefined;
    for (let count = 0; count < NBD_LIMITS.optionsMax; count += 1) {
      const step = await this.#option();
      if (step === 'close') return undefined;
      if (step !== 'next') return step;
    }
    return undefined;
  }

  /** The connection is gone: whatever waits for it ends. */
  closed(): void {
    this.#queue.end();
    this.#replies.closed();
  }

  async #option(): Promise<Step> {
    const header = await this.#queue.take(OPTION_HEADER_BYTES);
    if (header === undefined || u32(header, 0) !== IHAVEOPT[0] || u32(header, 4) !== IHAVEOPT[1]) return 'close';
    const option = u32(header, 8);
    const lengthBytes = u32(header, 12);
    if (lengthBytes > NBD_LIMITS.optionDataSkippedBytesMax) return 'close';
    if (lengthBytes > NBD_LIMITS.optionDataBytesMax) {
      if (option === OPT.EXPORT_NAME || !(await this.#queue.skip(lengthBytes))) return 'close';
      return this.#refuse(option, REP.ERR_TOO_BIG, 'the option has too much data');
    }
    const data = await this.#queue.take(lengthBytes);
    if (data === undefined) return 'close';
    return this.#gate(option, data);
  }

  /** What may be asked at this moment at all: TLS first where it is forced, and nothing during a shutdown. */
  async #gate(option: number, data: Uint8Array): Promise<Step> {
    if (option === OPT.ABORT) {
      this.#replies.ack(option);
      return 'close';
    }
    if (this.#parts.tls.mode === 'forced' && !this.#secured && option !== OPT.STARTTLS) {
      if (option === OPT.EXPORT_NAME) return 'close';
      return this.#refuse(option, REP.ERR_TLS_REQD, 'this server speaks TLS only');
    }
    if (this.#parts.stopping()) {
      if (option === OPT.EXPORT_NAME) return 'close';
      return this.#refuse(option, REP.ERR_SHUTDOWN, 'the server is being shut down');
    }
    return this.#answer(option, data);
  }

  async #answer(option: number, data: Uint8Array): Promise<Step> {
    switch (option) {
      case OPT.EXPORT_NAME:
        return this.#exportName(data);
      case OPT.LIST:
        return this.#list(data);
      case OPT.STARTTLS:
        return this.#startTls(data);
      case OPT.INFO:
      case OPT.GO:
        return this.#infoOrGo(option, data);
      case OPT.STRUCTURED_REPLY:
        if (data.length > 0) return this.#refuse(option, REP.ERR_INVALID, 'this option has no data');
        this.#structuredReplies = true;
        this.#replies.ack(option);
        return 'next';
      case OPT.LIST_META_CONTEXT:
      case OPT.SET_META_CONTEXT:
        return this.#metaContext(option, data);
      default:
        return this.#refuse(option, REP.ERR_UNSUP, 'this server does not know the option');
    }
  }

  #refuse(option: number, type: number, message: string): 'next' {
    this.#replies.refuse(option, type, message);
    return 'next';
  }

  /** NBD_OPT_EXPORT_NAME: cannot be refused but by closing. */
  async #exportName(data: Uint8Array): Promise<Step> {
    const name = data.length > NBD_LIMITS.stringBytesMax ? undefined : decodeText(data);
    const found = name === undefined ? undefined : this.#find(name);
    if (name === undefined || found === undefined || !isReachable(found)) return 'close';
    const device = await opened(found);
    if (typeof device === 'string') return 'close';
    this.#replies.raw(sizeAndFlags(found, this.#structuredReplies));
    if ((this.#clientFlags & FLAG_NO_ZEROES) === 0) this.#replies.raw(new Uint8Array(ZEROES_BYTES));
    return this.#agreement(name, found, device);
  }

  /** NBD_OPT_LIST: as many names as the client takes, a batch at a time. */
  async #list(data: Uint8Array): Promise<Step> {
    if (data.length > 0) return this.#refuse(OPT.LIST, REP.ERR_INVALID, 'this option has no data');
    if (!this.#parts.listing) return this.#refuse(OPT.LIST, REP.ERR_POLICY, 'exports are not listed here');
    for (const { name, description } of this.#parts.exports.list()) {
      this.#replies.server(OPT.LIST, name, description);
      if (!(await this.#replies.taken(NBD_LIMITS.listBatchBytes))) return 'close';
    }
    this.#replies.ack(OPT.LIST);
    return 'next';
  }

  /**
   * NBD_OPT_STARTTLS. What the client said before is forgotten, and what it sent ahead is thrown away: it may be another's
   * words. Delivery stops before the answer leaves, so the client's first encrypted bytes are not taken for plain ones.
   */
  async #startTls(data: Uint8Array): Promise<Step> {
    const { tls, stream } = this.#parts;
    if (data.length > 0) return this.#refuse(OPT.STARTTLS, REP.ERR_INVALID, 'this option has no data');
    if (this.#secured) return this.#refuse(OPT.STARTTLS, REP.ERR_INVALID, 'the connection is encrypted already');
    if (tls.mode === 'none' || (this.#clientFlags & FLAG_FIXED_NEWSTYLE) === 0)
      return this.#refuse(OPT.STARTTLS, REP.ERR_POLICY, 'this server does not offer TLS');
    stream.pause();
    this.#queue.drain();
    this.#replies.ack(OPT.STARTTLS);
    if (!(await this.#replies.taken(0))) return 'close';
    this.#queue.drain();
    try {
      await stream.secure(tls.identity);
    } catch (error) {
      faultOf(error);
      return 'close';
    }
    this.#secured = true;
    this.#structuredReplies = false;
    this.#selected = undefined;
    stream.resume();
    return 'next';
  }

  /** NBD_OPT_INFO and NBD_OPT_GO. */
  async #infoOrGo(option: number, data: Uint8Array): Promise<Step> {
    const request = readInfoRequest(data);
    if (typeof request === 'number') return this.#refuse(option, request, 'the data of the option is malformed');
    const found = this.#find(request.name);
    if (found === undefined) return this.#refuse(option, REP.ERR_UNKNOWN, UNKNOWN_EXPORT);
    if (!isReachable(found)) return this.#refuse(option, REP.ERR_POLICY, `no host may use ${found.name} now`);
    if (option === OPT.INFO) {
      this.#replies.infos(option, found, request.wanted, this.#structuredReplies);
      this.#replies.ack(option);
      return 'next';
    }
    const device = await opened(found);
    if (typeof device === 'string') return this.#refuse(option, REP.ERR_POLICY, device);
    this.#replies.infos(option, found, request.wanted, this.#structuredReplies);
    this.#replies.ack(option);
    return this.#agreement(request.name, found, device);
  }

  /** NBD_OPT_LIST_META_CONTEXT and NBD_OPT_SET_META_CONTEXT. */
  #metaContext(option: number, data: Uint8Array): Step {
    const isSet = option === OPT.SET_META_CONTEXT;
    if (isSet) this.#selected = undefined;
    if (!this.#structuredReplies) return this.#refuse(option, REP.ERR_INVALID, 'structured replies come first');
    const request = readMetaRequest(data);
    if (typeof request === 'number') return this.#refuse(option, request, 'the data of the option is malformed');
    const found = this.#find(request.name);
    if (found === undefined) return this.#refuse(option, REP.ERR_UNKNOWN, UNKNOWN_EXPORT);
    const contexts = isSet ? selectContexts(found, request.queries) : listContexts(found, request.queries);
    for (const { id, name } of contexts) this.#replies.metaContext(option, isSet ? id : 0, name);
    this.#replies.ack(option);
    if (isSet) this.#selected = { exportName: request.name, contexts };
    return 'next';
  }

  #find(name: string): Export | undefined {
    if (Buffer.byteLength(name) > NBD_LIMITS.exportNameBytesMax) return undefined;
    return this.#parts.exports.find(name);
  }

  #agreement(name: string, found: Export, device: BlockDevice): Agreement {
    const contexts = this.#selected?.exportName === name ? this.#selected.contexts : [];
    return { found, device, structuredReplies: this.#structuredReplies, contexts };
  }
}

function isReachable(found: Export): boolean {
  return found.readable || found.writable;
}

/** The device behind an export, or why it cannot be opened. */
async function opened(found: Export): Promise<BlockDevice | string> {
  try {
    return await found.open();
  } catch (error) {
    return faultOf(error).message;
  }
}

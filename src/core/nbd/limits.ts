import { KIB, MIB } from '../foundation/foundation.js';

/** What one peer may ask of the server. Each bound says why it is there; research of the reasons: docs/formats/nbd.md. */
export const NBD_LIMITS = {
  /** Connections of a server; further ones are closed at once. */
  connectionsMax: 64,
  /** From the first byte to the transmission phase. */
  handshakeLimitMs: 10_000,
  /** Options of one negotiation; no client needs as many. */
  optionsMax: 32,
  /** An option with more data is answered with TOO_BIG and skipped. Room for a name and some queries of full length. */
  optionDataBytesMax: 16 * KIB,
  /** An option with more data than this is taken for an attack. */
  optionDataSkippedBytesMax: 64 * KIB,
  /** Strings that the protocol allows. */
  stringBytesMax: 4_096,
  /** Export names that can be served. */
  exportNameBytesMax: 256,
  /** Metadata queries of one option. */
  queriesMax: 64,
  /** "Size constraints": what every client may ask for. */
  payloadBytesMax: 32 * MIB,
  /** A write that announces more is not even skipped. */
  payloadSkippedBytesMax: 64 * MIB,
  /** Requests of one connection that wait for something at the same time. */
  requestsMax: 64,
  /** Memory of one connection for data that waits: to be written, or to be read by other than the fast path. */
  waitingBytesMax: 2 * MIB,
  /** Replies not yet taken by the client. More would not make it quicker but push the data out of the processor's cache. */
  unsentBytesMax: MIB / 2,
  /** Reads up to this are answered whole; larger ones piece by piece, alone. */
  wholeReadBytesMax: MIB,
  /** Runs of one BLOCK_STATUS reply and context; the client asks again for the rest. */
  statusRunsMax: 16 * 1024,
  /** Names that a LIST sends before it waits until they are taken. */
  listBatchBytes: 64 * KIB,
} as const;

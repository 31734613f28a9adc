import { NBD_LIMITS } from './limits.js';
import { REP } from './protocol.js';
import { decodeText, u16, u32 } from './wire.js';

/** Why an option's data is refused. */
export type OptionFault = typeof REP.ERR_INVALID | typeof REP.ERR_TOO_BIG;

export interface InfoRequest {
  readonly name: string;
  readonly wanted: readonly number[];
}

export interface MetaRequest {
  readonly name: string;
  readonly queries: readonly string[];
}

/** Reads an option's data from front to end. Every length is judged against what is there before it is used. */
class OptionReader {
  readonly #data: Uint8Array;
  #at = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  get leftBytes(): number {
    return this.#data.length - this.#at;
  }

  count16(): number | undefined {
    if (this.leftBytes < 2) return undefined;
    this.#at += 2;
    return u16(this.#data, this.#at - 2);
  }

  count32(): number | undefined {
    if (this.leftBytes < 4) return undefined;
    this.#at += 4;
    return u32(this.#data, this.#at - 4);
  }

  /** A length and so many bytes of text. */
  text(): string | OptionFault {
    const lengthBytes = this.count32();
    if (lengthBytes === undefined || lengthBytes > this.leftBytes) return REP.ERR_INVALID;
    if (lengthBytes > NBD_LIMITS.stringBytesMax) return REP.ERR_TOO_BIG;
    this.#at += lengthBytes;
    return decodeText(this.#data.subarray(this.#at - lengthBytes, this.#at)) ?? REP.ERR_INVALID;
  }
}

/** The data of NBD_OPT_INFO and NBD_OPT_GO. */
export function readInfoRequest(data: Uint8Array): InfoRequest | OptionFault {
  const reader = new OptionReader(data);
  const name = reader.text();
  if (typeof name === 'number') return name;
  const count = reader.count16();
  if (count === undefined || reader.leftBytes !== count * 2) return REP.ERR_INVALID;
  const wanted: number[] = [];
  for (let index = 0; index < count; index += 1) wanted.push(reader.count16() as number);
  return { name, wanted };
}

/** The data of NBD_OPT_LIST_META_CONTEXT and NBD_OPT_SET_META_CONTEXT. */
export function readMetaRequest(data: Uint8Array): MetaRequest | OptionFault {
  const reader = new OptionReader(data);
  const name = reader.text();
  if (typeof name === 'number') return name;
  const count = reader.count32();
  if (count === undefined) return REP.ERR_INVALID;
  if (count > NBD_LIMITS.queriesMax) return REP.ERR_TOO_BIG;
  const queries: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const query = reader.text();
    if (typeof query === 'number') return query;
    if (!/^[^:\s]+:/u.test(query)) return REP.ERR_INVALID;
    queries.push(query);
  }
  return reader.leftBytes === 0 ? { name, queries } : REP.ERR_INVALID;
}

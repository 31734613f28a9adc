import { KIB } from '../foundation/foundation.js';
import type { BlockDevice } from '../ports/ports.js';
import { type Fault, faultOf } from './faults.js';
import type { Output } from './output.js';
import type { Request } from './request.js';

/**
 * A payload that arrives in several chunks is cut only at multiples of this, so that sectors and tracks are written whole:
 * a point in time may fall between two pieces, and a whole track needs no filling.
 */
const CUT_BYTES = 64 * KIB;

/** What a write asks of the connection that it belongs to. */
export interface WriteOwner {
  /** A piece waits; the request is in flight from now on. */
  writeWaits(): void;
  /** A piece that waited has landed or failed: there is room again. */
  pieceEnds(): void;
  /** All has arrived, and landed or failed. `waited`: it was in flight, and this is a turn of its own. */
  writeEnds(write: IncomingWrite, waited: boolean): void;
}

/** A write whose payload is arriving. It lands straight from the receive buffer wherever the device takes it at once. */
export class IncomingWrite {
  readonly request: Request;
  /** Set when it failed, or was refused from the start; then the rest of the payload is passed over. */
  fault: Fault | undefined;
  /** The client went away in the middle: nobody waits for a reply. */
  isAbandoned = false;
  readonly #device: BlockDevice;
  readonly #output: Output;
  readonly #owner: WriteOwner;
  #position: number;
  #leftBytes: number;
  /** The beginning of a piece whose end has not arrived. */
  #carry: Buffer | undefined;
  #carriedBytes = 0;
  #waitingPieces = 0;
  #waited = false;

  constructor(request: Request, refusal: Fault | undefined, device: BlockDevice, output: Output, owner: WriteOwner) {
    this.request = request;
    this.fault = refusal;
    this.#device = device;
    this.#output = output;
    this.#owner = owner;
    this.#position = request.offsetBytes;
    this.#leftBytes = request.lengthBytes;
  }

  get hasArrived(): boolean {
    return this.#leftBytes === 0;
  }

  /** Takes what belongs to it from the chunk; the answer is how many bytes. Ends the write with the last one. */
  take(chunk: Uint8Array, at: number): number {
    const arrivedBytes = Math.min(chunk.length - at, this.#leftBytes);
    const takenBytes = this.fault === undefined ? this.#store(chunk, at, arrivedBytes) : arrivedBytes;
    this.#position += takenBytes;
    this.#leftBytes -= takenBytes;
    if (this.#leftBytes === 0) {
      this.#dropCarry();
      if (this.#waitingPieces === 0) this.#owner.writeEnds(this, this.#waited);
    }
    return takenBytes;
  }

  /** The rest will never arrive. Where pieces are still waiting it ends by itself later. */
  abandon(): void {
    this.isAbandoned = true;
    this.#leftBytes = 0;
    this.#dropCarry();
    if (this.#waitingPieces === 0) this.#owner.writeEnds(this, this.#waited);
  }

  #store(chunk: Uint8Array, at: number, arrivedBytes: number): number {
    if (this.#carry !== undefined) return this.#fillCarry(chunk, at, arrivedBytes);
    const end = this.#position + arrivedBytes;
    const wholeBytes = arrivedBytes === this.#leftBytes ? arrivedBytes : arrivedBytes - (end % CUT_BYTES);
    if (wholeBytes <= 0) return this.#fillCarry(chunk, at, arrivedBytes);
    this.#land(chunk.subarray(at, at + wholeBytes), this.#position, undefined);
    return wholeBytes;
  }

  /** Gathers a piece up to the next place where a cut is allowed, or the end of the payload; then it lands. */
  #fillCarry(chunk: Uint8Array, at: number, arrivedBytes: number): number {
    this.#carry ??= this.#output.hold(CUT_BYTES);
    const missingBytes = Math.min(this.#leftBytes, CUT_BYTES - (this.#position % CUT_BYTES));
    const takenBytes = Math.min(arrivedBytes, missingBytes);
    this.#carry.set(chunk.subarray(at, at + takenBytes), this.#carriedBytes);
    this.#carriedBytes += takenBytes;
    if (takenBytes === missingBytes) {
      const carry = this.#carry;
      const pieceBytes = this.#carriedBytes;
      this.#carry = undefined;
      this.#carriedBytes = 0;
      this.#land(carry.subarray(0, pieceBytes), this.#position + takenBytes - pieceBytes, carry);
    }
    return takenBytes;
  }

  /** Writes a piece: at once if the device takes it, else from memory of its own. */
  #land(piece: Uint8Array, position: number, carry: Buffer | undefined): void {
    let landed = true;
    try {
      landed = this.#device.writeNow(piece, position);
    } catch (error) {
      this.fault = faultOf(error);
    }
    if (landed) {
      if (carry !== undefined) this.#output.release(carry);
      return;
    }
    const memory = carry ?? this.#output.hold(piece.length);
    if (carry === undefined) memory.set(piece);
    this.#wait(memory, piece.length, position);
  }

  #wait(memory: Buffer, lengthBytes: number, position: number): void {
    if (!this.#waited) this.#owner.writeWaits();
    this.#waited = true;
    this.#waitingPieces += 1;
    const ended = () => {
      this.#output.release(memory);
      this.#waitingPieces -= 1;
      if (this.#waitingPieces === 0 && this.hasArrived) this.#owner.writeEnds(this, true);
      this.#owner.pieceEnds();
    };
    this.#device.write(memory.subarray(0, lengthBytes), position).then(ended, (error) => {
      this.fault ??= faultOf(error);
      ended();
    });
  }

  #dropCarry(): void {
    if (this.#carry !== undefined) this.#output.release(this.#carry);
    this.#carry = undefined;
  }
}

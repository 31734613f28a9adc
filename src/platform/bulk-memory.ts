/** What data of a message is received into, and what gives the memory back where it is used again. */
export interface ReceivingMemory {
  readonly bytes: Uint8Array;
  readonly giveBack?: () => void;
}

/** The one use of WebAssembly: its memory starts at a page. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
};

const WASM_PAGE_BYTES = 65_536;
const MIB = 1_048_576;
/** For less, fresh memory costs little. */
const PIECE_FROM_BYTES = MIB / 4;
const PIECE_BYTES = MIB;
/** Lanes of several pairs; more at once come in fresh memory. */
const PIECES_MAX = 16;

/**
 * Memory that starts at a page, which direct writes ask for and no Buffer promises. Each buffer is a WebAssembly memory of
 * its own, so callers keep theirs and use them again.
 */
export function bulkBuffer(sizeBytes: number): Uint8Array {
  try {
    const memory = new WebAssembly.Memory({ initial: Math.max(1, Math.ceil(sizeBytes / WASM_PAGE_BYTES)) });
    return new Uint8Array(memory.buffer, 0, sizeBytes);
  } catch {
    // Too little address space: ordinary memory works too, through the page cache.
    return new Uint8Array(sizeBytes);
  }
}

const unused: Uint8Array[] = [];
let pieces = 0;
/** Who has no more use of a piece need not say so. */
const collected = new FinalizationRegistry<undefined>(() => {
  pieces -= 1;
});

/** Memory for so many bytes: a large piece is a bulk buffer that is used again, as fresh memory costs as much as filling it. */
export function receivingMemory(sizeBytes: number): ReceivingMemory {
  const piece = sizeBytes < PIECE_FROM_BYTES || sizeBytes > PIECE_BYTES ? undefined : (unused.pop() ?? newPiece());
  if (piece === undefined) return { bytes: Buffer.allocUnsafe(sizeBytes) };
  let isOut = true;
  return {
    bytes: piece.subarray(0, sizeBytes),
    giveBack: () => {
      if (isOut) unused.push(piece);
      isOut = false;
    },
  };
}

function newPiece(): Uint8Array | undefined {
  if (pieces >= PIECES_MAX) return undefined;
  pieces += 1;
  const piece = bulkBuffer(PIECE_BYTES);
  collected.register(piece.buffer, undefined);
  return piece;
}

import type { Files } from '../../../src/core/ports/ports.js';

export function readAll(files: Files, path: string): Uint8Array {
  const file = files.open(path, 'read');
  const bytes = new Uint8Array(file.sizeBytes());
  file.read(bytes, 0);
  file.close();
  return bytes;
}

/** Puts these bytes where a file is or is not. */
export function putAll(files: Files, path: string, bytes: Uint8Array): void {
  files.remove(path);
  const file = files.open(path, 'create');
  file.write(bytes, 0);
  file.close();
}

export function flipBit(files: Files, path: string, atByte: number, bit = 0): void {
  const file = files.open(path, 'write');
  const byte = new Uint8Array(1);
  file.read(byte, atByte);
  byte[0] = (byte[0] as number) ^ (1 << bit);
  file.write(byte, atByte);
  file.close();
}

/** The code of what the call throws or rejects with; 'nothing' where it does not. */
export async function codeOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return 'nothing';
  } catch (error) {
    return (error as { code?: unknown }).code ?? error;
  }
}

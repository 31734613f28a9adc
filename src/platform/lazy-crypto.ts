import type * as Crypto from 'node:crypto';

/** node:crypto, loaded when first asked for: it takes milliseconds, and who only reads a system needs none of it. */
export function crypto(): typeof Crypto {
  return process.getBuiltinModule('node:crypto');
}

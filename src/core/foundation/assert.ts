/** A broken promise of the program itself. It is never caught on purpose and maps to exit code 1. */
export class AssertionFailure extends Error {
  override readonly name = 'AssertionFailure';
}

/** Stops the operation when a promise that the code itself makes does not hold. Stays on in production. */
export function assert(condition: unknown, promise: string): asserts condition {
  if (!condition) throw new AssertionFailure(promise);
}

/** Marks a branch that the types exclude. */
export function unreachable(value: never): never {
  throw new AssertionFailure(`a value that the types exclude: ${JSON.stringify(value)}`);
}

/** What a failing test prints: the seed, and one command that repeats it. `command` may contain SEED. */
export function describeFailure(seed: number | string, command: string): string {
  return `seed ${seed}; to repeat it: ${command.replaceAll('SEED', String(seed))}`;
}

/** Runs one seeded case; a failure carries the seed and the command. */
export async function withSeed<T>(seed: number, command: string, run: () => Promise<T> | T): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`${message}\n${describeFailure(seed, command)}`, { cause: error });
  }
}

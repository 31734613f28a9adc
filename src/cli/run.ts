import type { Command } from '@oclif/core/command';

export interface StartOptions {
  /** Finds the commands in src/ instead of the bundle and the manifest. */
  readonly fromSource?: boolean;
  /** The bundle's commands by their ids, each loaded when it is asked for. */
  readonly commands?: Readonly<Record<string, Command.Class>>;
}

/** The start of every invocation. */
export async function main(argv: readonly string[], options: StartOptions = {}): Promise<void> {
  const { dispatch } = await import('./dispatch.js');
  await dispatch(argv, options);
}

export interface StartOptions {
  /** Finds the commands in src/ instead of dist/ and the manifest. */
  readonly fromSource?: boolean;
}

/** The start of every invocation. */
export async function main(argv: readonly string[], options: StartOptions = {}): Promise<void> {
  const { dispatch } = await import('./dispatch.js');
  await dispatch(argv, options);
}

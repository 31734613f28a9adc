import { PACKAGE } from './package.js';

export interface StartOptions {
  /** Finds the commands in src/ instead of dist/ and the manifest. */
  readonly fromSource?: boolean;
}

/**
 * The start of every invocation. `--version` is answered before oclif is loaded, because that is what tools ask first and
 * most often; everything else goes through oclif.
 */
export async function main(argv: readonly string[], options: StartOptions = {}): Promise<void> {
  if (argv.length === 1 && argv[0] === '--version') {
    process.stdout.write(`${versionLine()}\n`);
    return;
  }
  const { dispatch } = await import('./dispatch.js');
  await dispatch(argv, options);
}

function versionLine(): string {
  return `${PACKAGE.name}/${PACKAGE.version} ${process.platform}-${process.arch} node-${process.version}`;
}

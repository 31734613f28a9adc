import packageJson from '../../package.json' with { type: 'json' };

/** package.json as it was when this was bundled. */
export const PACKAGE = packageJson;

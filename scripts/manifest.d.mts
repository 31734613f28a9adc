export function writeManifest(): Promise<boolean>;

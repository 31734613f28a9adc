import { formatBytes } from '../../core/volume/volume.js';

export { formatBytes };

export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** In a sentence, where the exact number counts: `1MiB (1048576 bytes)`, `6 bytes`. */
export function exactBytes(bytes: number): string {
  const exact = `${bytes} byte${bytes === 1 ? '' : 's'}`;
  return bytes < 1024 ? exact : `${formatBytes(bytes)} (${exact})`;
}

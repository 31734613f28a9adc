import { parseSize } from '../core/volume/volume.js';
import type { Size } from './api.js';

export function bytesOf(size: Size): number {
  return typeof size === 'number' ? size : parseSize(size);
}

export function bytesIf(size: Size | undefined): number | undefined {
  return size === undefined ? undefined : bytesOf(size);
}

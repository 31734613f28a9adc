import type { Files } from '../ports/ports.js';
import type { VolumeRecord } from '../volume/volume.js';

/** What is wrong with a volume's image, seen from outside with one look: a clause of which the image is the subject. */
export interface ImageFault {
  readonly kind: 'missing' | 'strange' | 'size';
  readonly message: string;
}

export function imageFault(
  files: Pick<Files, 'status'>,
  path: string,
  { sizeBytes }: VolumeRecord,
): ImageFault | undefined {
  const status = files.status(path);
  if (!status) return { kind: 'missing', message: `its image ${path} is missing` };
  if (status.kind !== 'file') return { kind: 'strange', message: `its image ${path} is no plain file` };
  if (status.sizeBytes === sizeBytes) return undefined;
  return { kind: 'size', message: `its image ${path} has ${status.sizeBytes} bytes instead of ${sizeBytes}` };
}

/** Where a volume's image lies: below its system's folder, or in the pool that was named. */
export function imagePathOf(folder: string, record: VolumeRecord): string {
  return record.imagePath.startsWith('/') ? record.imagePath : `${folder}/${record.imagePath}`;
}

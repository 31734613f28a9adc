import type { PortListing } from '../../core/controller/controller.js';
import type { Column } from './table.js';

export const PORT_COLUMNS: readonly Column<PortListing>[] = [
  { key: 'system', title: 'SYSTEM', value: (port) => port.system },
  { key: 'name', title: 'PORT', value: (port) => port.name },
  { key: 'listen', title: 'LISTEN', value: (port) => port.listen },
  { key: 'address', title: 'ADDRESS', value: (port) => port.address ?? '' },
  { key: 'luns', title: 'LUNS', value: lunsText },
  { key: 'tlsDir', title: 'TLS', value: (port) => port.tlsDir ?? '', hidden: true },
  { key: 'insecure', title: 'INSECURE', value: (port) => (port.insecure ? 'yes' : 'no'), hidden: true },
];

export function portsText(ports: readonly PortListing[]): string {
  return ports
    .map((port) => `Port ${port.name} of ${port.system}: ${port.listen}; ${lunsText(port) || 'no volume on it yet'}.`)
    .join('\n');
}

/** `CL1-A:0,CL2-A:3`: where hosts reach a volume. */
export function placesText(places: readonly { readonly port: string; readonly lun: number }[]): string | null {
  return places.length === 0 ? null : places.map(({ port, lun }) => `${port}:${lun}`).join(',');
}

function lunsText(port: PortListing): string {
  return port.luns.map(({ lun, volume }) => `${lun}=${volume}`).join(' ');
}

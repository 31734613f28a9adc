import { formatBytes } from '../../core/volume/volume.js';
import type { Column } from './table.js';

export interface CopierRow {
  readonly system: string;
  readonly controller: { readonly host: string; readonly pid: number; readonly purpose: string } | null;
  readonly pairs: number;
  readonly copying: number;
  readonly suspended: number;
  readonly leftTracks: number;
  readonly leftBytes: number;
  readonly secondsLeft: number | null;
  readonly asOf: string;
}

export const COPIER_COLUMNS: readonly Column<CopierRow>[] = [
  { key: 'system', title: 'SYSTEM', value: (row) => row.system },
  {
    key: 'controller',
    title: 'CONTROLLER',
    value: (row) => (row.controller ? `${row.controller.purpose} (${row.controller.pid})` : 'none'),
  },
  { key: 'pairs', title: 'PAIRS', align: 'right', value: (row) => row.pairs },
  { key: 'copying', title: 'COPYING', align: 'right', value: (row) => row.copying },
  { key: 'suspended', title: 'SUSPENDED', align: 'right', value: (row) => row.suspended },
  {
    key: 'leftBytes',
    title: 'LEFT',
    align: 'right',
    value: (row) => row.leftBytes,
    show: (row) => formatBytes(row.leftBytes),
  },
  { key: 'secondsLeft', title: 'SECONDS', align: 'right', value: (row) => row.secondsLeft ?? '' },
  { key: 'asOf', title: 'AS OF', value: (row) => row.asOf },
];

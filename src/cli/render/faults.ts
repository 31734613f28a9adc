import type { FaultRow } from '../../core/controller/controller.js';

export function faultsText(system: string, faults: readonly FaultRow[]): string {
  if (faults.length === 0) return `No faults are set on ${system}.`;
  return faults.map((fault) => `${system}: ${faultSentence(fault)}`).join('\n');
}

/** What the fault does, and until when. */
function faultSentence(fault: FaultRow): string {
  const times = fault.count === undefined ? 'until cleared' : `${fault.count} more time${fault.count === 1 ? '' : 's'}`;
  switch (fault.kind) {
    case 'volume-blocked':
      return `volume-blocked: ${fault.volume} refuses hosts and copying, ${times}`;
    case 'io-error': {
      const where = fault.track === undefined ? 'any track' : `track ${fault.track}`;
      return `io-error: a ${fault.on ?? 'read or write'} of ${where} of ${fault.volume} fails, ${times}`;
    }
    case 'no-space':
      return `no-space: writes find no room, ${times}`;
    case 'clock-skew':
      return `clock-skew: the session clock is ${Math.abs(fault.byMs)} ms ${fault.byMs < 0 ? 'behind' : 'ahead'}, until cleared`;
    case 'link-down':
      return `link-down: nothing goes to ${fault.peer} or comes from it, ${times}`;
    case 'link-slow':
      return `link-slow: messages to ${fault.peer} take ${slowness(fault)}, ${times}`;
    case 'crash':
      return `crash: the process dies at step ${fault.step}${fault.nth === undefined ? '' : `, on occurrence ${fault.nth}`}, ${times}`;
  }
}

function slowness({ delayMs, bytesPerSecond }: { delayMs?: number | undefined; bytesPerSecond?: number | undefined }) {
  const parts = [
    ...(delayMs === undefined ? [] : [`${delayMs} ms more`]),
    ...(bytesPerSecond === undefined ? [] : [`a second for each ${bytesPerSecond} bytes`]),
  ];
  return parts.join(' and ');
}

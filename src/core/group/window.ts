import { failure } from '../foundation/foundation.js';
import { parseDuration, quoted } from '../volume/volume.js';
import type { GroupWindow, Stopped } from './record.js';

/** What a window says now. A stop always carries its end, so that it cannot outlive a dead master (H31). */
export type WindowStanding =
  | { readonly kind: 'open' /** Null: it never closes again. */; readonly untilMs: number | null }
  | { readonly kind: 'stopped'; readonly what: Stopped; readonly untilMs: number };

export function windowAt(window: GroupWindow | null, nowMs: number): WindowStanding {
  switch (window?.kind) {
    case undefined:
      return { kind: 'open', untilMs: null };
    case 'run-pause':
      return runPauseAt(window, nowMs);
    case 'from-to':
      return fromToAt(window, nowMs);
    case 'daily':
      return dailyAt(window, nowMs);
  }
}

type Of<Kind extends GroupWindow['kind']> = Extract<GroupWindow, { kind: Kind }>;

function runPauseAt({ runMs, pauseMs, anchorMs, stop }: Of<'run-pause'>, nowMs: number): WindowStanding {
  const periodMs = runMs + pauseMs;
  // A clock that was set back may stand before the anchor.
  const intoMs = (((nowMs - anchorMs) % periodMs) + periodMs) % periodMs;
  const startMs = nowMs - intoMs;
  if (intoMs < runMs) return { kind: 'open', untilMs: startMs + runMs };
  return { kind: 'stopped', what: stop, untilMs: startMs + periodMs };
}

function fromToAt({ fromMs, toMs, stop }: Of<'from-to'>, nowMs: number): WindowStanding {
  if (nowMs < fromMs) return { kind: 'open', untilMs: fromMs };
  return nowMs < toMs ? { kind: 'stopped', what: stop, untilMs: toMs } : { kind: 'open', untilMs: null };
}

/** By the calendar of the master's host: a day on which the clocks change has 23 or 25 hours. */
function dailyAt({ fromMinute, toMinute, stop }: Of<'daily'>, nowMs: number): WindowStanding {
  const nextFromMs = next(fromMinute, nowMs);
  const nextToMs = next(toMinute, nowMs);
  // Whichever comes next tells on which side of the window we are.
  return nextToMs < nextFromMs
    ? { kind: 'stopped', what: stop, untilMs: nextToMs }
    : { kind: 'open', untilMs: nextFromMs };
}

function next(minute: number, nowMs: number): number {
  const day = new Date(nowMs);
  day.setHours(Math.floor(minute / 60), minute % 60, 0, 0);
  if (day.getTime() <= nowMs) day.setDate(day.getDate() + 1);
  return day.getTime();
}

/** `run=DUR,pause=DUR` or `from=TIME,to=TIME`, with `stop=sending|writes`; `none` is null: no window. */
export function parseWindow(text: string, nowMs: number): GroupWindow | null {
  if (text === 'none') return null;
  const parts = partsOf(text);
  const stop = stopOf(parts.get('stop'), text);
  parts.delete('stop');
  const keys = [...parts.keys()].sort().join();
  if (keys === 'pause,run') {
    const [runMs, pauseMs] = [parseDuration(parts.get('run') ?? ''), parseDuration(parts.get('pause') ?? '')];
    if (runMs === 0 || pauseMs === 0) throw bad(text, 'neither may be 0');
    return { kind: 'run-pause', runMs, pauseMs, anchorMs: Math.floor(nowMs), stop };
  }
  if (keys === 'from,to') return between(parts.get('from') ?? '', parts.get('to') ?? '', stop, { text, nowMs });
  throw bad(text, 'it needs run and pause, or from and to');
}

/** As `parseWindow` reads it. */
export function formatWindow(window: GroupWindow): string {
  const stop = `,stop=${window.stop}`;
  switch (window.kind) {
    case 'run-pause':
      return `run=${window.runMs}ms,pause=${window.pauseMs}ms${stop}`;
    case 'from-to':
      return `from=${new Date(window.fromMs).toISOString()},to=${new Date(window.toMs).toISOString()}${stop}`;
    case 'daily':
      return `from=${clock(window.fromMinute)},to=${clock(window.toMinute)}${stop}`;
  }
}

function partsOf(text: string): Map<string, string> {
  const parts = new Map<string, string>();
  for (const part of text.split(',')) {
    const [, key, value] = /^(run|pause|from|to|stop)=(.+)$/.exec(part.trim()) ?? [];
    if (key === undefined || value === undefined) throw bad(text, `${quoted(part)} is no part of one`);
    if (parts.has(key)) throw bad(text, `${key} stands there twice`);
    parts.set(key, value);
  }
  return parts;
}

function stopOf(word: string | undefined, text: string): Stopped {
  if (word === undefined || word === 'sending') return 'sending';
  if (word === 'writes') return 'writes';
  throw bad(text, 'stop is sending or writes');
}

function between(
  from: string,
  to: string,
  stop: Stopped,
  { text, nowMs }: { readonly text: string; readonly nowMs: number },
): GroupWindow {
  const [fromMinute, toMinute] = [minuteOf(from), minuteOf(to)];
  if (fromMinute !== undefined && toMinute !== undefined) {
    if (fromMinute === toMinute) throw bad(text, 'from and to are the same');
    return { kind: 'daily', fromMinute, toMinute, stop };
  }
  const [fromMs, toMs] = [instantOf(from), instantOf(to)];
  if (fromMs === undefined || toMs === undefined) throw bad(text, 'from and to are both HH:MM, or both ISO 8601');
  if (toMs <= fromMs) throw bad(text, 'to does not lie behind from');
  if (toMs <= nowMs) throw bad(text, 'it has passed already');
  return { kind: 'from-to', fromMs, toMs, stop };
}

function minuteOf(text: string): number | undefined {
  const [, hours, minutes] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
  return hours === undefined ? undefined : Number(hours) * 60 + Number(minutes);
}

function instantOf(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$/.test(text)) return undefined;
  const parsed = Date.parse(text);
  return Number.isNaN(parsed) || parsed < 0 ? undefined : parsed;
}

function clock(minute: number): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}

function bad(text: string, why: string): Error {
  return failure(
    'bad-time',
    `${quoted(text)} is no window: ${why}.`,
    'A window is run=45m,pause=15m or from=01:00,to=05:00, with ,stop=sending or ,stop=writes; none takes it away.',
  );
}

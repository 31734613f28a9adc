/** Where an `HH:MM` without a date lies: the next one from now, or the last one before now. */
export type Side = 'next' | 'last';

/** ISO 8601 (a date alone is midnight here) or `HH:MM`, in milliseconds since 1970, or nothing. */
export function parseTime(text: string, nowMs: number, side: Side): number | undefined {
  const clock = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text);
  if (clock) return timeOfDay(Number(clock[1]), Number(clock[2]), nowMs, side);
  if (!/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/.test(text)) return undefined;
  const parsed = Date.parse(text.includes('T') ? text : `${text}T00:00`);
  return Number.isNaN(parsed) ? undefined : parsed;
}

function timeOfDay(hours: number, minutes: number, nowMs: number, side: Side): number {
  const day = new Date(nowMs);
  day.setHours(hours, minutes, 0, 0);
  // By the calendar, not by 24 hours: a day on which the clocks change has 23 or 25.
  if (side === 'next' && day.getTime() <= nowMs) day.setDate(day.getDate() + 1);
  if (side === 'last' && day.getTime() > nowMs) day.setDate(day.getDate() - 1);
  return day.getTime();
}

/** For people: local, to the second, sortable. */
export function formatTime(ms: number): string {
  const time = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${date} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

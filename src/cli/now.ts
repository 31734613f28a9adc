/** The one place where the command line reads the clock. COPYSET_NOW (ISO 8601) fixes it, for fixtures and examples. */
export function nowMs(): number {
  const fixed = process.env.COPYSET_NOW;
  const parsed = fixed === undefined ? Number.NaN : Date.parse(fixed);
  return Number.isNaN(parsed) ? Date.now() : parsed;
}

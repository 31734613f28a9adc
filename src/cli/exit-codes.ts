import type { ErrorCode } from '../core/foundation/foundation.js';

/** The exit codes that are not errors' codes. */
export const EXIT = {
  /** Done, or nothing to do. */
  done: 0,
  /** The wait's limit passed. */
  waitTimedOut: 20,
  /** Something is suspended: met while waiting, or found by a status command. */
  suspended: 21,
  /** A pair reached a status from which the wanted one cannot come. */
  cannotCome: 22,
  /** Volumes differ. A result, not an error. */
  differs: 6,
  /** Groups disagree. */
  groupsDisagree: 7,
  /** A formation was void, failed or reverted; the last group stands. */
  formationVoid: 10,
  interrupted: 130,
} as const;

/** The one table from error code to exit code. docs/reference/errors.md is made from it. */
export const EXIT_CODES: Readonly<Record<ErrorCode, number>> = {
  usage: 2,
  'bad-name': 2,
  'bad-size': 2,
  'bad-range': 2,
  'bad-time': 2,
  'bad-plan': 2,
  'status-refuses': 3,
  'volume-paired': 3,
  'volume-attached': 3,
  'volume-reserved': 3,
  'not-writable': 3,
  'not-readable': 3,
  incomplete: 3,
  'not-alone': 3,
  'volume-blocked': 3,
  'sizes-differ': 3,
  'self-pair': 3,
  cycle: 3,
  'secondary-taken': 3,
  'jump-refused': 3,
  'holds-data': 3,
  'discard-needed': 3,
  'force-needed': 3,
  'already-exists': 3,
  'not-empty': 3,
  'point-in-time-lost': 3,
  'read-only': 3,
  'not-fixture': 3,
  'network-file-system': 3,
  'mode-not-here': 3,
  'no-candidate': 3,
  'system-not-found': 4,
  'volume-not-found': 4,
  'pair-not-found': 4,
  'port-not-found': 4,
  'file-not-found': 4,
  'nothing-matches': 4,
  busy: 5,
  'held-elsewhere': 5,
  'ownership-lost': 5,
  'check-code': 6,
  'metadata-damaged': 6,
  'format-too-new': 6,
  'not-regular': 6,
  'io-error': 6,
  'link-lost': 8,
  'outcome-unknown': 8,
  'peer-missing': 8,
  displaced: 8,
  'term-superseded': 8,
  'no-space': 9,
  'limit-reached': 9,
  'file-too-large': 9,
  'input-too-long': 9,
  interrupted: 130,
  bug: 1,
};

/** What each exit code means, for the reference. */
export const EXIT_CODE_MEANINGS: Readonly<Record<number, string>> = {
  0: 'done, or nothing to do',
  1: 'a fault of copyset',
  2: 'usage: a flag or argument is missing, unknown or does not fit',
  3: 'refused in this state; nothing changed',
  4: 'not found, or a glob that matches nothing',
  5: 'busy or locked by another',
  6: 'data error: a check code, or a verify that differs',
  7: 'groups disagree',
  8: 'link or peer lost',
  9: 'no space, or a limit',
  10: 'a formation void, failed or reverted; the last group stands',
  20: 'the wait timed out',
  21: 'suspended while waiting, or a status command found something suspended or stuck',
  22: 'a pair reached a status from which the wanted one cannot come',
  130: 'interrupted',
};

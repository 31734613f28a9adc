import { ERROR_CODES as CORE_CODES } from '../core/foundation/foundation.js';

/** Every code that an error of copyset can have: those of the commands, and how a wait can end without what was waited for. */
export const ERROR_CODES = [...CORE_CODES, 'wait-timed-out', 'wait-suspended', 'wait-unreachable'] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

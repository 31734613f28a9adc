import type { ErrorCode } from './error-codes.js';

/** Every error that copyset throws of its own accord. Decide by its code; messages may change at any time. */
export class CopysetError extends Error {
  override readonly name: string = 'CopysetError';
  readonly code: ErrorCode;
  /** With which a command would end. */
  readonly exitCode: number;
  /** What a person can do now. */
  readonly hint: string | undefined;
  /** What was affected, for programs. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    message: string,
    more: {
      readonly exitCode: number;
      readonly hint?: string | undefined;
      readonly details?: Readonly<Record<string, unknown>> | undefined;
      readonly cause?: unknown;
    },
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.exitCode = more.exitCode;
    this.hint = more.hint;
    this.details = more.details ?? {};
  }
}

/** Whether this is an error of copyset, and of this code where one is given. */
export function isCopysetError(error: unknown, code?: ErrorCode): error is CopysetError {
  return error instanceof CopysetError && (code === undefined || error.code === code);
}

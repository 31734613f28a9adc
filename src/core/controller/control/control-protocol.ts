import * as v from 'valibot';
import { CONTROL_SOCKET } from '../../catalog/catalog.js';
import {
  ERROR_CODES,
  type ErrorCode,
  failure,
  isToolkitError,
  type ToolkitError,
} from '../../foundation/foundation.js';
import type { SystemPlace } from '../system-place.js';
import type { FailureOnTheWire, RequestCode } from './requests.js';

/** The control protocol's version; `docs/formats/control.md` is its description and as stable as the command line. */
export const CONTROL_VERSION = 1;

export type ClientMessage =
  | {
      readonly type: 'request';
      readonly version: number;
      readonly id: string;
      readonly code: RequestCode;
      readonly actor: string;
      readonly input: unknown;
      readonly progress: boolean;
    }
  /** The asker no longer wants the answer. */
  | { readonly type: 'cancel'; readonly id: string };

export type ServerMessage =
  | { readonly type: 'answer'; readonly id: string; readonly output: unknown }
  | { readonly type: 'failure'; readonly id: string; readonly error: FailureOnTheWire }
  | { readonly type: 'progress'; readonly id: string; readonly progress: unknown }
  /** This controller is leaving: ask the next owner. Nothing was done. */
  | { readonly type: 'moved'; readonly id: string }
  /** This controller has let go: send nothing more here, and close the channel when all is answered. */
  | { readonly type: 'leaving' };

const text = (max: number) => v.pipe(v.string(), v.maxLength(max));

export const clientMessageSchema = v.variant('type', [
  v.object({
    type: v.literal('request'),
    version: v.number(),
    id: v.pipe(text(64), v.minLength(8)),
    code: text(64),
    actor: text(512),
    input: v.record(v.string(), v.unknown()),
    progress: v.boolean(),
  }),
  v.object({ type: v.literal('cancel'), id: text(64) }),
]);

export const serverMessageSchema = v.variant('type', [
  v.object({ type: v.literal('answer'), id: text(64), output: v.unknown() }),
  v.object({
    type: v.literal('failure'),
    id: text(64),
    error: v.object({
      code: v.picklist(ERROR_CODES),
      message: v.string(),
      hint: v.optional(v.string()),
      details: v.optional(v.record(v.string(), v.unknown())),
    }),
  }),
  v.object({ type: v.literal('progress'), id: text(64), progress: v.unknown() }),
  v.object({ type: v.literal('moved'), id: text(64) }),
  v.object({ type: v.literal('leaving') }),
]);

export function controlAddress(place: SystemPlace): string {
  return `${place.path}/${CONTROL_SOCKET}`;
}

export function failureToWire(error: unknown): FailureOnTheWire {
  if (isToolkitError(error))
    return { code: error.code, message: error.message, hint: error.hint, details: { ...error.details } };
  return { code: 'bug', message: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
}

export function failureFromWire(wire: {
  code: ErrorCode;
  message: string;
  hint?: string | undefined;
  details?: Record<string, unknown> | undefined;
}): ToolkitError {
  return failure(wire.code, wire.message, wire.hint, wire.details ? { details: wire.details } : undefined);
}

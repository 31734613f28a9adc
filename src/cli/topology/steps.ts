import type { RequestCode, Requests, SystemWishes } from '../../core/controller/controller.js';
import type { DesiredMember, DesiredPair, EndStatus } from './desired.js';

/** A request that the step's system answers as it stands. */
type RequestDeed = {
  readonly [Code in RequestCode]: {
    readonly do: 'request';
    readonly code: Code;
    readonly input: Requests[Code]['input'];
  };
}[RequestCode];

export type Deed =
  | RequestDeed
  | { readonly do: 'make-system'; readonly wishes: SystemWishes }
  | { readonly do: 'delete-system' }
  | { readonly do: 'make-pair'; readonly pair: DesiredPair; readonly overwrite: boolean }
  | { readonly do: 'add-member'; readonly group: string; readonly member: DesiredMember }
  | { readonly do: 'remove-member'; readonly group: string; readonly primary: string }
  | { readonly do: 'start-session' | 'stop-session'; readonly session: string };

/** What is done at once, and the status that a pair is then waited for. */
export interface Round {
  readonly deeds: readonly Deed[];
  readonly reach?: { readonly primary: string; readonly secondary: string; readonly status: EndStatus } | undefined;
}

export type StepKind = 'system' | 'volume' | 'image' | 'port' | 'lun' | 'pair' | 'group' | 'member' | 'session';

/** One line of the difference between a file and what is there, and how it is made to vanish. */
export interface Step {
  readonly sign: '+' | '~' | '-';
  readonly kind: StepKind;
  readonly name: string;
  /** What is made, or changes from what to what. */
  readonly detail: string;
  /** What would be gone for good; such a step needs --force. */
  readonly loses: string | null;
  /** The system that is asked. */
  readonly at: string;
  /** Of a pair that is made or changed. */
  readonly pair?: { readonly primary: string; readonly secondary: string } | undefined;
  readonly rounds: readonly Round[];
}

export function step(
  sign: Step['sign'],
  kind: StepKind,
  name: string,
  at: string,
  detail: string,
  deeds: readonly Deed[],
  loses: string | null = null,
): Step {
  return { sign, kind, name, at, detail, loses, rounds: [{ deeds }] };
}

import type { SessionRequests, SessionWireRequests } from '../session/session.js';
import type { Handler } from './handlers.js';
import { recorded } from './recorded.js';
import { createSession, deleteSession, dropHere, listSessionsHere, setSessionPolicy } from './session-admin.js';
import { appendToStream, openStream, stateOfStream } from './session-intake.js';
import { enlist, extendHere, putSession } from './session-joining.js';
import { markHere, waitHere } from './session-marks.js';
import { collectHere, releaseHere, resetHere } from './session-orders.js';
import { listedSession } from './session-reports.js';
import { applyHere } from './session-rounds.js';
import { activeHere, haltHere, startSession, stopSession } from './session-start.js';
import type { SessionPairRequests } from './session-wire.js';
import { releasedSoFar, withdraw } from './session-withdraw.js';

type SessionCode = keyof SessionRequests | keyof SessionWireRequests | keyof SessionPairRequests;
type Noted = 'session.create' | 'session.policy' | 'session.delete' | 'session.start' | 'session.stop';

/** Who answers the requests of checkpoint sessions; the placing of checkpoints in the streams of primaries is beside it. */
export const sessionHandlers = {
  'session.create': noted('checkpoint create', createSession),
  'session.policy': noted('checkpoint policy', setSessionPolicy),
  'session.delete': noted('checkpoint delete', deleteSession),
  'session.list': (controller) => listSessionsHere(controller),
  'session.start': noted('checkpoint start', async (controller, { session }) => {
    const outcome = await startSession(controller, session);
    return { output: { session: await listedSession(controller, session), outcome } };
  }),
  'session.stop': noted('checkpoint stop', async (controller, { session }) => {
    const outcome = await stopSession(controller, session);
    return { output: { session: await listedSession(controller, session), outcome } };
  }),
  'session.mark': markHere,
  'session.apply': applyHere,
  'session.wait': waitHere,
  'session.put': putSession,
  'session.drop': dropHere,
  'session.halt': haltHere,
  'session.active': activeHere,
  'session.enlist': enlist,
  'session.extend': extendHere,
  'session.collect': collectHere,
  'session.release': releaseHere,
  'session.reset': resetHere,
  'session.withdraw': releasedSoFar,
  'stream.open': openStream,
  'stream.append': (controller, input, { data }) => appendToStream(controller, input, data),
  'stream.state': stateOfStream,
  'stream.withdraw': (controller, input, _, context) => withdraw(controller, input, context),
} satisfies { readonly [Code in SessionCode]?: Handler<Code> };

/** The history tells who changed a session. */
function noted<Code extends Noted>(operation: string, handler: Handler<Code>): Handler<Code> {
  return (controller, input, extras, context) => {
    const subject = { operation, primary: input.session };
    return recorded(controller, context, [subject], () => handler(controller, input, extras, context));
  };
}

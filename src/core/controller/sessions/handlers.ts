import { digitsOf } from '../../sequence/sequence.js';
import {
  type SessionDeed,
  type SessionRequests,
  type SessionWireRequests,
  sessionEvent,
  sessionHistory,
  sessionSentence,
} from '../../session/session.js';
import { recorded } from '../control/recorded.js';
import type { Handler } from '../handlers.js';
import { readHistory } from '../history.js';
import { createSession, deleteSession, dropHere, listSessionsHere, setSessionPolicy } from './admin.js';
import { comeHomeSession } from './coming-home.js';
import { failBackSession, takenHere } from './failback.js';
import { appendToStream, openStream, renewStream, stateOfStream } from './intake.js';
import { enlist, extendHere, putSession, resignedHere } from './joining.js';
import { markHere } from './marks.js';
import { collectHere, releaseHere, resetHere } from './orders.js';
import { carrySession, fenceSession, keepSessionVerdict, recoverSession, weigh } from './recovery.js';
import { listedSession } from './reports.js';
import { joinSystemOf, resignSystemOf } from './resigning.js';
import { applyHere } from './rounds.js';
import { activeHere, haltHere, startSession, stopSession } from './start.js';
import { waitHere } from './wait.js';
import type { SessionPairRequests } from './wire.js';
import { judgeWithdrawal, withdraw } from './withdraw.js';

type SessionCode = keyof SessionRequests | keyof SessionWireRequests | keyof SessionPairRequests;
type Noted =
  | 'session.create'
  | 'session.policy'
  | 'session.delete'
  | 'session.start'
  | 'session.stop'
  | 'session.resign'
  | 'session.join';

/** Who answers the requests of checkpoint sessions. */
export const sessionHandlers = {
  'session.create': noted('session.create', 'checkpoint create', createSession),
  'session.policy': noted('session.policy', 'checkpoint policy', setSessionPolicy),
  'session.delete': noted('session.delete', 'checkpoint delete', deleteSession),
  'session.list': (controller) => listSessionsHere(controller),
  'session.start': noted('session.start', 'checkpoint start', async (controller, { session }) => {
    const outcome = await startSession(controller, session);
    return { output: { session: await listedSession(controller, session), outcome } };
  }),
  'session.stop': noted('session.stop', 'checkpoint stop', async (controller, { session }) => {
    const outcome = await stopSession(controller, session);
    return { output: { session: await listedSession(controller, session), outcome } };
  }),
  'session.resign': noted('session.resign', 'checkpoint resign', async (controller, input) => {
    const outcome = await resignSystemOf(controller, input);
    return { output: { session: await listedSession(controller, input.session), outcome } };
  }),
  'session.join': noted('session.join', 'checkpoint join', async (controller, input) => {
    const outcome = await joinSystemOf(controller, input);
    return { output: { session: await listedSession(controller, input.session), outcome } };
  }),
  'session.history': async ({ sessions, files, place }, { session }) => {
    const id = sessions.sheets.named(session)?.id ?? '';
    return { output: { events: sessionHistory(readHistory(files, place.path), id) } };
  },
  'session.recover': (controller, input, _, context) => recoverSession(controller, input, context),
  'session.failback': (controller, input, extras, context) => failBackSession(controller, input, extras, context),
  'session.mark': markHere,
  'session.apply': applyHere,
  'session.wait': waitHere,
  'session.put': putSession,
  'session.drop': dropHere,
  'session.halt': haltHere,
  'session.active': activeHere,
  'session.enlist': enlist,
  'session.extend': extendHere,
  'session.resigned': resignedHere,
  'session.checkpoint': async (controller, input) => {
    const { clock } = controller.ports;
    const placed = await controller.sessions.place(input);
    return { output: { placed, boot: clock.bootId(), readNs: digitsOf(clock.sequenceNs()) } };
  },
  'session.collect': collectHere,
  'session.release': releaseHere,
  'session.reset': resetHere,
  'session.withdraw': judgeWithdrawal,
  'session.fence': fenceSession,
  'session.weigh': weigh,
  'session.verdict': keepSessionVerdict,
  'session.carry': (controller, input, _, context) => carrySession(controller, input, context),
  'session.home': comeHomeSession,
  'session.taken': takenHere,
  'stream.renew': renewStream,
  'stream.open': openStream,
  'stream.append': (controller, input, { data }) => appendToStream(controller, input, data),
  'stream.state': stateOfStream,
  'stream.withdraw': (controller, input, _, context) => withdraw(controller, input, context),
} satisfies { readonly [Code in SessionCode]?: Handler<Code> };

const DEEDS: Readonly<Partial<Record<Noted, SessionDeed>>> = {
  'session.start': 'start',
  'session.stop': 'stop',
  'session.resign': 'resign',
  'session.join': 'join',
};

/** The history tells who changed a session, and what came of it. */
function noted<Code extends Noted>(code: Code, operation: string, handler: Handler<Code>): Handler<Code> {
  return (controller, input, extras, context) => {
    const subject = { operation, primary: input.session };
    const work = () => handler(controller, input, extras, context);
    return recorded(controller, context, [subject], work, () => {
      const deed = DEEDS[code];
      const sheet = controller.sessions.sheets.named(input.session);
      if (!deed || !sheet) return {};
      const about = 'system' in input ? input.system.name : undefined;
      const session = sessionEvent(sheet, deed, { about, checkpoint: sheet.secondary?.applied });
      return { session, message: sessionSentence(session) };
    });
  };
}

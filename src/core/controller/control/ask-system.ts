import type { Milliseconds } from '../../foundation/foundation.js';
import type { SystemRef } from '../halves/peers.js';
import { handlers } from '../handlers.js';
import type { Controller } from '../open-controller.js';
import type { RequestCode, Requests } from './requests.js';

/** Asks a system that this one works with, which may be itself. Throws as `Peers.request` does. */
export async function askSystem<Code extends RequestCode>(
  controller: Controller,
  system: SystemRef,
  code: Code,
  input: Requests[Code]['input'],
  limitMs: Milliseconds,
): Promise<Requests[Code]['output']> {
  const { peers, ports } = controller;
  if (system.id === peers.self.id) {
    const context = { id: ports.random.id(code), actor: ports.actor };
    return (await handlers[code](controller, input, {}, context)).output;
  }
  return (await peers.request(system, code, input, { limitMs })).output;
}

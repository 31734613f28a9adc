import { describe, expect, it } from 'vitest';
import { ControlChannel } from '../../../src/core/controller/control/control-client.js';
import { LinkError, type Message } from '../../../src/core/ports/ports.js';

describe('A request over a control socket', () => {
  it('counts as lost when its writing fails, though the end of the connection is not told yet', async () => {
    const channel = new ControlChannel({
      send: () => Promise.reject(new LinkError('closed', 'the connection broke')),
      onMessage: () => undefined,
      onClose: () => undefined,
      close: () => undefined,
    });
    expect(await channel.send('1', 'test', 'system.show', {}, {})).toEqual({ kind: 'lost' });
  });

  it('may be refused before its writing has ended', async () => {
    let answer: (message: Message) => void = () => undefined;
    const channel = new ControlChannel({
      send: async () => {
        answer({
          head: { type: 'failure', id: '1', error: { code: 'limit-reached', message: 'It is full.', details: {} } },
        });
        // Longer than a rejection goes unhandled.
        await new Promise((resolve) => setTimeout(resolve, 20));
      },
      onMessage: (listener) => {
        answer = listener;
      },
      onClose: () => undefined,
      close: () => undefined,
    });
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', note);
    try {
      await expect(channel.send('1', 'test', 'system.show', {}, {})).rejects.toMatchObject({ code: 'limit-reached' });
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', note);
    }
  });
});

import { describe, expect, it } from 'vitest';
import { ControlChannel } from '../../../src/core/controller/control/control-client.js';
import { LinkError } from '../../../src/core/ports/ports.js';

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
});

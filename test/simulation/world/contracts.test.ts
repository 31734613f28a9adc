import { clockContract } from '../../contract/clock.contract.js';
import { filesContract } from '../../contract/files.contract.js';
import { linkContract } from '../../contract/link.contract.js';
import { ownersContract } from '../../contract/owners.contract.js';
import { randomContract } from '../../contract/random.contract.js';
import { World } from './world.js';

let seed = 0;

function world() {
  seed += 1;
  const made = new World(seed);
  const run = <T>(promise: Promise<T>) => made.run(promise);
  return { made, run, end: () => {} };
}

filesContract('simulated', () => {
  const { made, run, end } = world();
  made.files.makeFolder('/systems/test');
  return {
    files: made.files,
    folder: '/systems/test',
    plantLink: (path) => made.files.plant(path, 'link'),
    plantFifo: (path) => made.files.plant(path, 'other'),
    run,
    end,
  };
});

linkContract('simulated', () => {
  const { made, run, end } = world();
  return { near: made.link, far: made.start('far').link, address: '/systems/test/control.sock', run, end };
});

ownersContract('simulated', () => {
  const { made, run, end } = world();
  made.files.makeFolder('/systems/test');
  return { owners: made.owners, system: '/systems/test', absent: '/systems/absent', run, end };
});

clockContract('simulated', () => {
  const { made, run } = world();
  return { clock: made.clock, run };
});
randomContract('simulated', () => world().made.random);

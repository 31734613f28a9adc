import { openClient, type Ports, readPlace, type SystemClient } from '../../src/core/controller/controller.js';
import { lockfileOwners, nodeFiles, socketLink, systemClock, systemRandom } from '../../src/platform/platform.js';

const owners = lockfileOwners();

/** This machine as the processes of commands have it, for tests and measurements that ask a system themselves. */
export function machinePorts(actor: string): Ports {
  return {
    files: nodeFiles,
    clock: systemClock,
    random: systemRandom,
    link: socketLink,
    owners,
    die: () => process.kill(process.pid, 'SIGKILL') as never,
    actor,
  };
}

/** What a command would ask through, without the cost of its process: of whoever owns the system, else of this process. */
export function clientAt(path: string, purpose: string): Promise<SystemClient> {
  return openClient(machinePorts(purpose), readPlace(nodeFiles, path), { purpose });
}

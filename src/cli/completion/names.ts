import { locateGroups } from '../../core/group/group.js';
import { formatAddress } from '../../core/volume/volume.js';
import { readGroupViews } from '../group-finding.js';
import type { Toolkit } from '../open-toolkit.js';
import type { NameKind } from './candidates.js';

/** The names of a kind below the roots that begin with what was typed. Systems that cannot be read have none. */
export async function namesOf(kind: NameKind, typed: string, toolkit: Toolkit): Promise<readonly string[]> {
  const names = await lookUp(kind, typed, toolkit);
  return [...new Set(names)].filter((name) => name.startsWith(typed)).sort();
}

async function lookUp(kind: NameKind, typed: string, toolkit: Toolkit): Promise<readonly string[]> {
  switch (kind) {
    case 'system':
      return systemNames(toolkit);
    case 'address':
      // First the system, then its volumes: nobody wants all addresses of a site at once.
      return typed.includes(':') ? addresses(typed, toolkit) : (await systemNames(toolkit)).map((name) => `${name}:`);
    case 'group':
      return locateGroups((await readGroupViews(toolkit)).views).map(({ name }) => name);
    case 'port':
      return (await read(toolkit, 'port.list')).flatMap(({ ports }) => ports.map(({ name }) => name));
    case 'session':
      return [];
  }
}

async function systemNames(toolkit: Toolkit): Promise<readonly string[]> {
  return (await toolkit.discover()).places.map(({ name }) => name);
}

async function addresses(typed: string, toolkit: Toolkit): Promise<readonly string[]> {
  const system = typed.slice(0, typed.indexOf(':'));
  const listed = await read(toolkit, 'volume.list', system);
  return listed.flatMap(({ volumes }) => volumes.map((volume) => formatAddress(volume.system, volume.name)));
}

async function read<Code extends 'volume.list' | 'port.list'>(toolkit: Toolkit, code: Code, system?: string) {
  const { places } = await toolkit.discover();
  const wanted = system === undefined ? places : places.filter(({ name }) => name === system);
  const answers = await Promise.all(
    wanted.map((place) =>
      toolkit.read(place, async (reader) => (await reader.request(code)).output).catch(() => undefined),
    ),
  );
  return answers.filter((answer) => answer !== undefined);
}

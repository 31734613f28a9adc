import { readFile } from 'node:fs/promises';

export interface Flag {
  name: string;
  char?: string;
  type: 'boolean' | 'option';
  summary?: string;
  description?: string;
  helpValue?: string;
  options?: string[];
  required?: boolean;
  allowNo?: boolean;
  multiple?: boolean;
  hidden?: boolean;
  helpGroup?: string;
}

export interface Arg {
  name: string;
  description?: string;
  required?: boolean;
  multiple?: boolean;
}

export interface CommandEntry {
  id: string;
  summary?: string;
  description?: string;
  examples?: (string | { description: string; command: string })[];
  flags: Record<string, Flag>;
  args: Record<string, Arg>;
  hidden?: boolean;
}

export async function readManifest(): Promise<CommandEntry[]> {
  const manifest = JSON.parse(await readFile(new URL('../oclif.manifest.json', import.meta.url), 'utf8')) as {
    commands: Record<string, CommandEntry>;
  };
  return Object.values(manifest.commands).filter((command) => !command.hidden);
}

export const words = (id: string): string => id.replaceAll(':', ' ');
export const filled = (text: string): string =>
  text.replaceAll('<%= config.bin %>', 'copyset').replaceAll(/<%= command.id %>/g, '');

/** The topics of package.json with what each is about. */
export async function readTopics(): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  const { oclif } = JSON.parse(text) as { oclif: { topics: Record<string, { description: string }> } };
  return Object.fromEntries(Object.entries(oclif.topics).map(([name, { description }]) => [name, description]));
}

import type { Config } from '@oclif/core/config';
import { loadHelpClass } from '@oclif/core/help';

/** Prints the help of a command or a topic, or of everything where the subject is empty. */
export async function showHelp(subject: string, config: Config): Promise<void> {
  const Help = await loadHelpClass(config);
  await new Help(config, config.pjson.oclif.helpOptions ?? {}).showHelp(subject === '' ? [] : [subject]);
}

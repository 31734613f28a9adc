import type { Config } from '@oclif/core/config';
import { Help } from '@oclif/core/help';
import { print } from './output.js';

/** oclif's help, printed as everything else is. */
class PrintedHelp extends Help {
  protected override log(...lines: string[]): void {
    print(`${lines.join(' ')}\n`);
  }
}

/** Prints the help of a command or a topic, or of everything where the subject is empty. */
export async function showHelp(subject: string, config: Config): Promise<void> {
  await new PrintedHelp(config, config.pjson.oclif.helpOptions ?? {}).showHelp(subject === '' ? [] : [subject]);
}

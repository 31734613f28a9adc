import { candidatesFor } from '../cli/completion/candidates.js';
import { namesOf } from '../cli/completion/names.js';
import { knownCommands } from '../cli/known-commands.js';
import { openToolkit } from '../cli/open-toolkit.js';
import { type Outcome, ToolkitCommand } from '../cli/toolkit-command.js';

/** What the scripts of `completion` ask: one candidate a line, with what it does behind a tab. */
export default class Complete extends ToolkitCommand<typeof Complete> {
  static override summary = 'Answer what could stand at the end of a line (for the scripts of completion).';
  static override description = 'One candidate a line, what it does behind a tab; «:files» leaves it to the shell.';
  static override examples = ['<%= config.bin %> complete -- pair sp'];
  static override hidden = true;
  static override takesChildCommand = true;

  protected async execute(): Promise<Outcome> {
    const typed = this.childCommand.length === 0 ? [''] : this.childCommand;
    const { words, names, files } = candidatesFor(typed, await knownCommands());
    const open = typed.at(-1) ?? '';
    const found = names === undefined ? [] : await namesOf(names, open, openToolkit(this.rootsIn(typed), this.id));
    const candidates = [
      ...words.filter(({ word }) => word.startsWith(open)),
      ...found.map((word) => ({ word, about: undefined })),
    ];
    const lines = candidates.map(({ word, about }) => (about === undefined ? word : `${word}\t${about}`));
    return { data: { candidates, files: files === true }, text: [...lines, ...(files ? [':files'] : [])].join('\n') };
  }

  /** The root that the unfinished line itself names, else what this command was given. */
  private rootsIn(typed: readonly string[]): readonly string[] {
    const at = typed.indexOf('--root');
    const named = typed[at + 1];
    return at === -1 || named === undefined ? this.roots : named.split(':').filter((folder) => folder !== '');
  }
}

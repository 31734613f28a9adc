import { completionScript, SHELLS, type Shell } from '../cli/completion/scripts.js';
import { Args } from '../cli/flags.js';
import { type Outcome, ToolkitCommand } from '../cli/toolkit-command.js';

export default class Completion extends ToolkitCommand<typeof Completion> {
  static override summary = 'Print the script that completes words, flags and names in a shell.';
  static override description =
    'TAB completes commands, flags, and the names of systems, volumes, groups and ports below the root. For bash: ' +
    'eval "$(copyset completion bash)" in ~/.bashrc; for zsh the same with zsh in ~/.zshrc, after compinit; for fish: ' +
    'copyset completion fish > ~/.config/fish/completions/copyset.fish';
  static override examples = ['<%= config.bin %> completion bash', '<%= config.bin %> completion fish'];
  static override args = {
    shell: Args.string({ required: true, options: SHELLS, description: 'bash, zsh or fish.' }),
  };

  protected async execute(): Promise<Outcome> {
    const shell = this.args.shell as Shell;
    const script = completionScript(shell);
    return { data: { shell, script }, text: script };
  }
}

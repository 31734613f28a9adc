export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** Each asks the program itself, which knows its words and looks up names; so a script never grows stale. */
const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# copyset completion for bash. In ~/.bashrc: eval "$(copyset completion bash)"
_copyset() {
  local line word=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  while IFS=$'\\t' read -r line _; do
    if [ "$line" = ':files' ]; then compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return; fi
    [[ $line == "$word"* ]] && COMPREPLY+=("$line")
  done < <(copyset complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *: ]] && compopt -o nospace
}
# An address is one word for us: SYSTEM:VOLUME. An equals sign belongs to its flag.
COMP_WORDBREAKS=\${COMP_WORDBREAKS//[:=]/}
complete -F _copyset copyset
`,
  zsh: `#compdef copyset
# copyset completion for zsh. In ~/.zshrc, after compinit: eval "$(copyset completion zsh)"
_copyset() {
  local line word about
  local -a found open
  while IFS=$'\\t' read -r word about; do
    [[ $word == ':files' ]] && { _files; return }
    [[ $word == *: ]] && open+=("$word") || found+=("\${word//:/\\\\:}\${about:+:$about}")
  done < <(copyset complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  compadd -S '' -- $open
  _describe -t words copyset found
}
compdef _copyset copyset
`,
  fish: `# copyset completion for fish. In ~/.config/fish/completions/copyset.fish: copyset completion fish | source
function __copyset_complete
    set -l words (commandline -opc)[2..-1] (commandline -ct)
    for line in (copyset complete -- $words 2>/dev/null)
        if test "$line" = ':files'
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c copyset -f -a '(__copyset_complete)'
`,
};

export function completionScript(shell: Shell): string {
  return SCRIPTS[shell];
}

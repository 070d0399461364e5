// weir completion: what a shell offers behind each subcommand, as a script of that shell. The longest path of
// subcommands that has been typed decides: its options for a word that begins with '-', else its subcommands or
// choices, and where it has none the shell's own file names.

#include <cstdio>

#include "app/commands.h"
#include "weir/base/text.h"

namespace weir::app {
namespace {

std::string names_of(const CommandWords& command) {
  std::vector<std::string> names;
  for (const OptionWords& option : command.options) names.insert(names.end(), option.names.begin(), option.names.end());
  return join(names, " ");
}

// For bash and zsh alike. zsh has variables of its own called path, words, commands and options.
void print_cases(const std::vector<CommandWords>& commands) {
  for (const CommandWords& command : commands) {
    if (!command.path.empty()) std::printf("      \"%s\") at=\"$next\" ;;\n", command.path.c_str());
  }
  std::printf("    esac\n  done\n  case \"$at\" in\n");
  for (const CommandWords& command : commands) {
    std::printf("    \"%s\") subs=\"%s\" flags=\"%s\" ;;\n", command.path.c_str(), join(command.words, " ").c_str(),
                names_of(command).c_str());
  }
  std::printf("  esac\n  case \"$at $last\" in\n");
  for (const CommandWords& command : commands) {
    for (const OptionWords& option : command.options) {
      if (option.choices.empty()) continue;
      for (const std::string& name : option.names) {
        std::printf("    \"%s %s\") subs=\"%s\" ;;\n", command.path.c_str(), name.c_str(),
                    join(option.choices, " ").c_str());
      }
    }
  }
  std::printf("  esac\n  case \"$typed\" in -*) subs=\"$flags\" ;; esac\n");
}

void print_bash(const std::vector<CommandWords>& commands) {
  std::printf(
      "_weir() {\n  local at=\"\" word next subs=\"\" flags=\"\"\n"
      "  local last=\"${COMP_WORDS[COMP_CWORD-1]}\" typed=\"${COMP_WORDS[COMP_CWORD]}\"\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    next=\"${at:+$at }$word\"\n    case \"$next\" in\n");
  print_cases(commands);
  std::printf(
      "  COMPREPLY=()\n  if [ -z \"$subs\" ]; then compopt -o default; return; fi\n"
      "  mapfile -t COMPREPLY < <(compgen -W \"$subs\" -- \"$typed\")\n}\n"
      "complete -F _weir weir\n");
}

// Read by `source`, or as a file _weir of $fpath, which zsh runs in place of the function when it is first asked.
void print_zsh(const std::vector<CommandWords>& commands) {
  std::printf(
      "#compdef weir\n"
      "_weir() {\n  local at=\"\" word next subs=\"\" flags=\"\"\n"
      "  local last=\"${words[CURRENT-1]}\" typed=\"${words[CURRENT]}\"\n"
      "  for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
      "    next=\"${at:+$at }$word\"\n    case \"$next\" in\n");
  print_cases(commands);
  std::printf(
      "  if [[ -z \"$subs\" ]]; then _files; else compadd -- ${=subs}; fi\n}\n"
      "if [[ \"$funcstack[1]\" == _weir ]]; then\n  _weir \"$@\"\nelse\n"
      "  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }\n  compdef _weir weir\nfi\n");
}

/// Between single quotes of fish.
std::string quoted(std::string_view text) {
  return "'" + replace_all(replace_all(text, "\\", "\\\\"), "'", "\\'") + "'";
}

void print_fish_option(const std::string& begin, const OptionWords& option) {
  std::string line = begin;
  for (const std::string& name : option.names) {
    line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  if (option.takes_value) line += " -r";
  if (!option.choices.empty()) line += " -f -a " + quoted(join(option.choices, " "));
  std::printf("%s -d %s\n", line.c_str(), quoted(option.help).c_str());
}

void print_fish(const std::vector<CommandWords>& commands) {
  std::vector<std::string> paths;
  for (const CommandWords& command : commands) {
    if (!command.path.empty()) paths.push_back(quoted(command.path));
  }
  std::printf(
      "function __weir_at\n  set -l typed (commandline -opc)\n  set -e typed[1]\n  set -l at ''\n"
      "  for word in $typed\n    set -l next (string trim \"$at $word\")\n"
      "    if contains -- $next %s\n      set at $next\n    end\n  end\n  test \"$at\" = \"$argv\"\nend\n",
      join(paths, " ").c_str());
  for (const CommandWords& command : commands) {
    const std::string begin = "complete -c weir -n " + quoted("__weir_at " + command.path);
    if (!command.words.empty()) std::printf("%s -f -a %s\n", begin.c_str(), quoted(join(command.words, " ")).c_str());
    for (const OptionWords& option : command.options) print_fish_option(begin, option);
  }
}

}  // namespace

int print_completion(const std::string& shell, const std::vector<CommandWords>& commands) {
  if (shell == "bash") print_bash(commands);
  if (shell == "zsh") print_zsh(commands);
  if (shell == "fish") print_fish(commands);
  return 0;
}

}  // namespace weir::app

#include <cstdio>

#include "app/commands.h"
#include "app/version.h"

namespace weir::app {

int print_version() {
  std::printf("weir %s\n", kVersion);
  return 0;
}

namespace {

// The longest known path that the words typed so far begin with decides what comes next.
void print_bash(const std::vector<std::pair<std::string, std::string>>& words) {
  std::printf(
      "_weir() {\n  local path=\"\" word next\n  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case \"$word\" in -*) continue ;; esac\n    next=\"${path:+$path }$word\"\n"
      "    case \"$next\" in\n");
  for (const auto& [path, line] : words) {
    if (!path.empty()) std::printf("      \"%s\") path=\"$next\" ;;\n", path.c_str());
  }
  std::printf("    esac\n  done\n  case \"$path\" in\n");
  for (const auto& [path, line] : words) std::printf("    \"%s\") next=\"%s\" ;;\n", path.c_str(), line.c_str());
  std::printf(
      "  esac\n  mapfile -t COMPREPLY < <(compgen -W \"$next\" -- \"${COMP_WORDS[COMP_CWORD]}\")\n}\n"
      "complete -o default -F _weir weir\n");
}

void print_fish(const std::vector<std::pair<std::string, std::string>>& words) {
  for (const auto& [path, line] : words) {
    std::string condition =
        path.empty() ? "__fish_use_subcommand" : "string match -q -- 'weir " + path + " *' (commandline -p)";
    std::printf("complete -c weir -n \"%s\" -a \"%s\"\n", condition.c_str(), line.c_str());
  }
}

}  // namespace

int print_completion(const std::string& shell, const std::vector<std::pair<std::string, std::string>>& words) {
  if (shell == "fish") {
    print_fish(words);
    return 0;
  }
  if (shell == "zsh") std::printf("autoload -U +X bashcompinit && bashcompinit\n");
  print_bash(words);
  return 0;
}

}  // namespace weir::app

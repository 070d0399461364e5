// The job file reader against damaged files: it may refuse, it must not crash, hang or grow without bound.
#include "catch.h"
#include "weir/base/file.h"
#include "weir/base/random.h"
#include "weir/scheduler/jobspec.h"

using namespace weir;
using namespace weir::scheduler;

namespace {

constexpr uint64_t kSeed = 20240607;
constexpr int kRoundsPerFile = 60;

/// Pieces that matter to the grammar, so that mutations get past the scanner.
const std::vector<std::string> kPieces = {"${",
                                          "%{",
                                          "}",
                                          "{",
                                          "\"",
                                          "<<EOF\n",
                                          "<<-X\n",
                                          "[",
                                          "]",
                                          "(",
                                          ")",
                                          "=",
                                          ",",
                                          "for x in y : ",
                                          "if ",
                                          "else",
                                          "endif }",
                                          "...",
                                          "?",
                                          ":",
                                          "$${",
                                          "~",
                                          "\\",
                                          "/*",
                                          "#",
                                          "\n",
                                          "*",
                                          ".",
                                          "job \"a\" {",
                                          "local.a",
                                          "var.b",
                                          "1e999",
                                          "-",
                                          std::string(1, '\0'),
                                          "\xff",
                                          "\u00e9",
                                          "dynamic \"port\" {",
                                          "null",
                                          "!"};

std::string mutated(std::string text, Random& random) {
  uint64_t edits = 1 + random.below(6);
  for (uint64_t i = 0; i < edits; ++i) {
    size_t at = random.below(text.size() + 1);
    size_t length = random.below(20);
    switch (random.below(4)) {
      case 0: text.erase(at, length); break;
      case 1: text.insert(at, kPieces[random.below(kPieces.size())]); break;
      case 2: text.insert(at, text.substr(random.below(text.size() + 1), length * 10)); break;
      default:
        if (at < text.size()) text[at] = static_cast<char>(random.below(256));
    }
  }
  return text;
}

}  // namespace

TEST_CASE("jobspec: damaged files are read or refused with a place, whatever they hold") {
  std::string folder = std::string(WEIR_SOURCE_ROOT) + "/tests/conformance/jobspec";
  auto names = list_files(folder, ".nomad");
  REQUIRE(names);
  Random random(kSeed);
  int refused = 0;
  for (const std::string& name : *names) {
    auto text = read_file(folder + "/" + name);
    REQUIRE(text);
    for (int round = 0; round < kRoundsPerFile; ++round) {
      std::string input = mutated(*text, random);
      INFO("seed " << kSeed << ", " << name << ", round " << round);
      auto job = parse_jobspec(input, name, {});
      if (job) continue;
      ++refused;
      CHECK_FALSE(job.error().message.empty());
      bool is_json = input.find_first_not_of(" \t\r\n") == input.find('{');
      if (!is_json) CHECK(job.error().line > 0);
    }
  }
  CHECK(refused > 0);
}

// Runs a fuzz target over the files of a folder, each whole and up to each of its bytes: a plain test.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "fuzz.h"

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", arguments[0]);
    return 2;
  }
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(arguments[1])) {
    std::ifstream file(entry.path(), std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(file)), {});
    std::printf("%s: %zu bytes\n", entry.path().filename().c_str(), bytes.size());
    std::fflush(stdout);  // the last line names the file that aborts
    for (size_t size = bytes.size() < 4096 ? 0 : bytes.size(); size <= bytes.size(); ++size) {
      std::vector<char> exact(bytes.begin(), bytes.begin() + static_cast<long>(size));
      weir::fuzz::run({exact.data(), exact.size()});
    }
    ++files;
  }
  std::printf("%zu files\n", files);
  return files > 0 ? 0 : 1;
}

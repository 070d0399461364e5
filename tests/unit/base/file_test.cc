#include "weir/base/file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "catch.h"

using namespace weir;

TEST_CASE("file: what would be waited for is not read, unless a person has named it") {
  char folder[] = "/tmp/weir-file-test-XXXXXX";
  REQUIRE(mkdtemp(folder));
  const std::string pipe = std::string(folder) + "/pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  for (const std::string& path : {pipe, std::string("/dev/ptmx"), std::string("/dev/zero")}) {
    INFO(path);
    CHECK(read_file(path).error().code == ErrorCode::invalid);
  }
  CHECK_FALSE(read_file(folder));
  std::thread writer([&] {
    std::FILE* end = std::fopen(pipe.c_str(), "w");
    std::fputs("said", end);
    std::fclose(end);
  });
  CHECK(read_file_or_pipe(pipe) == "said");
  writer.join();
  std::filesystem::remove_all(folder);
}

TEST_CASE("file: an atomic write replaces the whole and leaves nothing beside it") {
  char folder[] = "/tmp/weir-file-test-XXXXXX";
  REQUIRE(mkdtemp(folder));
  std::string path = std::string(folder) + "/a.toml";
  REQUIRE(write_file_atomic(path, "one"));
  REQUIRE(write_file_atomic(path, "two"));
  CHECK(read_file(path) == "two");
  CHECK(list_files(folder, "").value().size() == 1);
  CHECK(read_file(path, 2).error().code == ErrorCode::too_large);
  CHECK(read_file(path, 3));
  CHECK(read_file(path + "x").error().code == ErrorCode::not_found);
  CHECK_FALSE(write_file_atomic(std::string(folder) + "/none/a", "x"));
  CHECK(make_directories(std::string(folder) + "/b/c"));
  CHECK(make_directories(std::string(folder) + "/b/c"));
  CHECK_FALSE(make_directories(path + "/c"));
  CHECK(can_make_directories(std::string(folder) + "/b/c"));
  CHECK(can_make_directories(std::string(folder) + "/d/e/"));
  CHECK(can_make_directories("here/or/there"));
  CHECK_FALSE(can_make_directories(path));
  CHECK_FALSE(can_make_directories(path + "/c"));
  CHECK(list_files(folder, "").value().size() == 1);
  std::filesystem::create_symlink("a.toml", std::string(folder) + "/b.toml");
  std::filesystem::create_symlink("nowhere", std::string(folder) + "/c.toml");
  std::filesystem::create_symlink(".", std::string(folder) + "/d.toml");
  CHECK(list_files(folder, ".toml").value() == std::vector<std::string>{"a.toml", "b.toml", "c.toml"});
  CHECK(system(("rm -r " + std::string(folder)).c_str()) == 0);
}

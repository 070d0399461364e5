#include "provider/routes_folder.h"

#include <filesystem>

#include "catch.h"
#include "scripted_catalog.h"

using namespace weir;
using namespace weir::provider;
using namespace weir::provider::test;

namespace {

std::string route(const std::string& name, const std::string& host) {
  return "[[route]]\nname = \"" + name + "\"\nhost = \"" + host + "\"\nservice = \"web@consul\"\n";
}

/// "a=Host(`x`) b=Host(`y`)".
std::string text(const RoutesFolder& folder) {
  std::string out;
  for (const auto& router : folder.definitions()->routers)
    out += (out.empty() ? "" : " ") + router.name + "=" + router.rule;
  return out;
}

const SystemClock kClock;

// By which every file was written long ago.
class LaterClock final : public Clock {
 public:
  [[nodiscard]] uint64_t monotonic_ms() const override { return kClock.monotonic_ms(); }
  [[nodiscard]] int64_t wall_ns() const override { return kClock.wall_ns() + 3'600'000'000'000; }
};

// By which every file is just being written, however slow the machine.
class EarlierClock final : public Clock {
 public:
  [[nodiscard]] uint64_t monotonic_ms() const override { return kClock.monotonic_ms(); }
  [[nodiscard]] int64_t wall_ns() const override { return kClock.wall_ns() - 3'600'000'000'000; }
};

}  // namespace

TEST_CASE("routes folder: a broken file keeps its last good version and says file, line and column") {
  TemporaryFolder files;
  files.write("a.toml", route("a", "a.test"));
  files.write("b.toml", route("b", "b.test"));
  RoutesFolder folder("file", files.path, kClock);
  REQUIRE(folder.scan());
  const std::string before = text(folder);
  files.write("a.toml", "[[route]]\nhost = \n");
  REQUIRE(folder.scan());
  CHECK(text(folder) == before);
  CHECK(folder.fault().find(files / "a.toml:2:") == 0);
  REQUIRE(folder.definitions()->rejected.size() == 1);
  CHECK(folder.definitions()->rejected[0].kind == "file");
  CHECK(folder.definitions()->rejected[0].name == "a.toml");

  files.write("a.toml", route("a", "new.test"));
  REQUIRE(folder.scan());
  CHECK(text(folder) == "a=Host(`new.test`) b=Host(`b.test`)");
  CHECK(folder.fault().empty());
  CHECK(folder.definitions()->rejected.empty());
}

TEST_CASE("routes folder: a file that never was good defines nothing and is reported") {
  TemporaryFolder files;
  files.write("a.toml", "nonsense");
  files.write("b.toml", route("b", "b.test"));
  RoutesFolder folder("file", files.path, kClock);
  REQUIRE(folder.scan());
  CHECK(text(folder) == "b=Host(`b.test`)");
  CHECK_FALSE(folder.fault().empty());
}

TEST_CASE("routes folder: a bad item drops itself, the rest of its file routes") {
  TemporaryFolder files;
  files.write("a.toml", route("a", "a.test") + "[[route]]\nname = \"bad\"\nservice = 7\n");
  RoutesFolder folder("file", files.path, kClock);
  REQUIRE(folder.scan());
  CHECK(text(folder) == "a=Host(`a.test`)");
  REQUIRE_FALSE(folder.definitions()->rejected.empty());
  CHECK(folder.definitions()->rejected[0].origin.find("a.toml:") != std::string::npos);
}

TEST_CASE("routes folder: a folder that vanishes forgets nothing, a file that is removed takes its routes along") {
  TemporaryFolder files;
  files.write("a.toml", route("a", "a.test"));
  files.write("b.toml", route("b", "b.test"));
  RoutesFolder folder("file", files.path, kClock);
  REQUIRE(folder.scan());
  files.remove("a.toml");
  REQUIRE(folder.scan());
  CHECK(text(folder) == "b=Host(`b.test`)");
  std::filesystem::remove_all(files.path);
  CHECK_FALSE(folder.scan());
  CHECK(text(folder) == "b=Host(`b.test`)");
}

TEST_CASE("routes folder: a link whose target goes away is a broken file; without the link the routes go") {
  TemporaryFolder files;
  files.write("target", route("a", "a.test"));
  std::filesystem::create_symlink("target", files / "a.toml");
  RoutesFolder folder("file", files.path, kClock);
  REQUIRE(folder.scan());
  files.remove("target");
  REQUIRE(folder.scan());
  CHECK(text(folder) == "a=Host(`a.test`)");
  CHECK(folder.fault() == "open " + (files / "a.toml") + ": No such file or directory");
  files.write("target", route("a", "b.test"));
  REQUIRE(folder.scan());
  CHECK(text(folder) == "a=Host(`b.test`)");
  CHECK(folder.fault().empty());
  files.remove("a.toml");
  REQUIRE(folder.scan());
  CHECK(text(folder).empty());
}

TEST_CASE("routes folder: only files that end in .toml count, and the same content is the same pointer") {
  TemporaryFolder files;
  files.write("a.toml", route("a", "a.test"));
  files.write("a.toml.bak", route("x", "x.test"));
  files.write(".hidden.toml", route("y", "y.test"));
  RoutesFolder folder("file", files.path, kClock);
  REQUIRE(folder.scan());
  CHECK(text(folder) == "a=Host(`a.test`)");
  const auto before = folder.definitions();
  files.write("a.toml", route("a", "a.test"));
  REQUIRE(folder.scan());
  CHECK(folder.definitions() == before);
  CHECK(before->provider == "file");
}

TEST_CASE("routes folder: a file larger than the limit is refused and its last good version stays") {
  TemporaryFolder files;
  files.write("a.toml", route("a", "a.test"));
  RoutesFolder folder("file", files.path, kClock);
  REQUIRE(folder.scan());
  files.write("a.toml", route("a", "b.test") + "#" + std::string(RoutesFolder::kFileBytesMax, 'x'));
  REQUIRE(folder.scan());
  CHECK(text(folder) == "a=Host(`a.test`)");
  CHECK(folder.fault().find("larger than") != std::string::npos);
}

TEST_CASE("routes folder: what was written just now is read again, so that a change within the clock's step is seen") {
  const EarlierClock clock;
  TemporaryFolder files;
  RoutesFolder folder("file", files.path, clock);
  for (const std::string host : {"a.test", "b.test", "c.test", "d.test"}) {
    files.write("a.toml", route("a", host));  // the same size each time
    REQUIRE(folder.scan());
    CHECK(text(folder) == "a=Host(`" + host + "`)");
  }
  CHECK(folder.files_read() == 4);
  REQUIRE(folder.scan());
  CHECK(folder.files_read() == 5);
}

TEST_CASE("routes folder: what has the stamp it had is not read again; a broken or new file is") {
  const LaterClock clock;
  TemporaryFolder files;
  files.write("a.toml", route("a", "a.test"));
  files.write("b.toml", "[[route]]\nhost = \n");
  RoutesFolder folder("file", files.path, clock);
  REQUIRE(folder.scan());
  CHECK(folder.files_read() == 2);
  const auto before = folder.definitions();
  const std::string fault = folder.fault();
  CHECK_FALSE(fault.empty());
  REQUIRE(folder.scan());
  CHECK(folder.files_read() == 2);
  CHECK(folder.definitions() == before);
  CHECK(folder.fault() == fault);
  files.write("b.toml", route("b", "long.b.test"));
  REQUIRE(folder.scan());
  CHECK(folder.files_read() == 3);
  CHECK(text(folder) == "a=Host(`a.test`) b=Host(`long.b.test`)");
  // Gone and back as it was: its routes come back too.
  std::filesystem::rename(files / "a.toml", files / "a.away");
  REQUIRE(folder.scan());
  CHECK(text(folder) == "b=Host(`long.b.test`)");
  std::filesystem::rename(files / "a.away", files / "a.toml");
  REQUIRE(folder.scan());
  CHECK(text(folder) == "a=Host(`a.test`) b=Host(`long.b.test`)");
}

#include <filesystem>

#include "catch.h"
#include "scripted_catalog.h"
#include "weir/provider/providers.h"

using namespace weir;
using namespace weir::provider;
using namespace weir::provider::test;

namespace {

std::string route(const std::string& host) { return "[[route]]\nhost = \"" + host + "\"\nservice = \"web@consul\"\n"; }

struct World {
  event::Loop loop;
  SystemClock clock;
  TemporaryFolder files;
  Recorder seen;
  FileOptions options;
  std::unique_ptr<Provider> provider;

  World() {
    options.file.directory = files.path;
    options.poll_ms = 60'000;  // so that what is seen was seen by the watch
  }
  void start() {
    provider = make_file_provider(loop, clock, options);
    REQUIRE(provider->start(seen));
  }
  bool until_rule(const std::string& rule) {
    return run_until(loop, [&] {
      const auto& routers = seen.definitions.back()->routers;
      return routers.size() == 1 && routers[0].rule == rule;
    });
  }
};

}  // namespace

TEST_CASE("file provider: a folder that is not there defines nothing, says so, and is found when it appears") {
  World world;
  world.options.file.directory = world.files / "later";
  world.options.poll_ms = 10;
  world.start();
  REQUIRE(world.seen.definitions.size() == 1);
  CHECK(world.seen.definitions[0]->routers.empty());
  CHECK_FALSE(world.provider->status().error.empty());
  CHECK(world.provider->status().synced_once);
  std::filesystem::create_directory(world.files / "later");
  world.files.write("later/a.toml", route("a.test"));
  CHECK(world.until_rule("Host(`a.test`)"));
  CHECK(world.provider->status().error.empty());
}

TEST_CASE("file provider: a change is applied in place, a break keeps the last good, a mend is seen") {
  World world;
  world.files.write("a.toml", route("a.test"));
  world.start();
  CHECK(world.until_rule("Host(`a.test`)"));
  world.files.write("a.toml", route("b.test"));
  CHECK(world.until_rule("Host(`b.test`)"));
  world.files.write("a.toml", "[[route]\n");
  REQUIRE(run_until(world.loop, [&] { return !world.provider->status().error.empty(); }));
  CHECK(world.until_rule("Host(`b.test`)"));
  world.files.write("a.toml", route("c.test"));
  CHECK(world.until_rule("Host(`c.test`)"));
  CHECK(world.provider->status().error.empty());
}

TEST_CASE("file provider: a file that is replaced by a rename is seen") {
  World world;
  world.files.write("a.toml", route("a.test"));
  world.start();
  world.files.write("new", route("b.test"));
  std::filesystem::rename(world.files / "new", world.files / "a.toml");
  CHECK(world.until_rule("Host(`b.test`)"));
}

TEST_CASE("file provider: a file written in pieces is read when it is whole") {
  World world;
  world.files.write("a.toml", route("a.test"));
  world.options.settle_ms = 1'000;  // longer than a busy machine stops between two pieces
  world.start();
  const std::string whole = route("b.test");
  for (size_t length = 0; length <= whole.size(); length += 5) {
    world.files.write("a.toml", whole.substr(0, length));
    run_for(world.loop, 1);
  }
  world.files.write("a.toml", whole);
  CHECK(world.until_rule("Host(`b.test`)"));
  CHECK(world.seen.definitions.size() == 2);
}

TEST_CASE("file provider: without the watch the folder is read once") {
  World world;
  world.options.file.watch = false;
  world.options.poll_ms = 1;
  world.files.write("a.toml", route("a.test"));
  world.start();
  world.files.write("a.toml", route("b.test"));
  run_for(world.loop, 50);
  CHECK(world.seen.definitions.size() == 1);
}

TEST_CASE("file provider: where no change is told, the poll finds it") {
  World world;
  world.options.settle_ms = 60'000;  // as if nothing were told
  world.options.poll_ms = 10;
  world.files.write("a.toml", route("a.test"));
  world.start();
  world.files.write("a.toml", route("b.test"));
  CHECK(world.until_rule("Host(`b.test`)"));
}

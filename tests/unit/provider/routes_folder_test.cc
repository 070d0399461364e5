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

}  // namespace

TEST_CASE("routes folder: a broken file keeps its last good version and says file, line and column") {
  TemporaryFolder files;
  files.write("a.toml", route("a", "a.test"));
  files.write("b.toml", route("b", "b.test"));
  RoutesFolder folder("file", files.path);
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
  RoutesFolder folder("file", files.path);
  REQUIRE(folder.scan());
  CHECK(text(folder) == "b=Host(`b.test`)");
  CHECK_FALSE(folder.fault().empty());
}

TEST_CASE("routes folder: a bad item drops itself, the rest of its file routes") {
  TemporaryFolder files;
  files.write("a.toml", route("a", "a.test") + "[[route]]\nname = \"bad\"\nservice = 7\n");
  RoutesFolder folder("file", files.path);
  REQUIRE(folder.scan());
  CHECK(text(folder) == "a=Host(`a.test`)");
  REQUIRE_FALSE(folder.definitions()->rejected.empty());
  CHECK(folder.definitions()->rejected[0].origin.find("a.toml:") != std::string::npos);
}

TEST_CASE("routes folder: a folder that vanishes forgets nothing, a file that is removed takes its routes along") {
  TemporaryFolder files;
  files.write("a.toml", route("a", "a.test"));
  files.write("b.toml", route("b", "b.test"));
  RoutesFolder folder("file", files.path);
  REQUIRE(folder.scan());
  files.remove("a.toml");
  REQUIRE(folder.scan());
  CHECK(text(folder) == "b=Host(`b.test`)");
  std::filesystem::remove_all(files.path);
  CHECK_FALSE(folder.scan());
  CHECK(text(folder) == "b=Host(`b.test`)");
}

TEST_CASE("routes folder: only files that end in .toml count, and the same content is the same pointer") {
  TemporaryFolder files;
  files.write("a.toml", route("a", "a.test"));
  files.write("a.toml.bak", route("x", "x.test"));
  files.write(".hidden.toml", route("y", "y.test"));
  RoutesFolder folder("file", files.path);
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
  RoutesFolder folder("file", files.path);
  REQUIRE(folder.scan());
  files.write("a.toml", route("a", "b.test") + "#" + std::string(RoutesFolder::kFileBytesMax, 'x'));
  REQUIRE(folder.scan());
  CHECK(text(folder) == "a=Host(`a.test`)");
  CHECK(folder.fault().find("larger than") != std::string::npos);
}

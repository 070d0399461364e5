#include "provider/last_good_file.h"

#include "catch.h"
#include "scripted_catalog.h"
#include "weir/base/file.h"

using namespace weir;
using namespace weir::provider;
using namespace weir::provider::test;

TEST_CASE("last good file: what was saved is loaded, byte for byte, for the same question only") {
  TemporaryFolder folder;
  FakeClock clock;
  const std::string text("{\"a\":\n\"\xff\0\"}", 12);
  { LastGoodFile(clock, folder / "kv", "/v1/kv/a").save(text); }
  auto saved = LastGoodFile(clock, folder / "kv", "/v1/kv/a").load();
  REQUIRE(saved);
  CHECK(saved->text == text);
  CHECK(saved->wall_ns == clock.wall_ns());
  CHECK_FALSE(LastGoodFile(clock, folder / "kv", "/v1/kv/b").load());
  CHECK_FALSE(LastGoodFile(clock, folder / "none", "/v1/kv/a").load());
  CHECK_FALSE(LastGoodFile(clock, "", "/v1/kv/a").load());
}

TEST_CASE("last good file: every changed byte and every cut is noticed") {
  const std::string file = LastGoodFile::encode("body", "what", 7);
  REQUIRE(LastGoodFile::decode(file, "what"));
  for (size_t i = 0; i < file.size(); ++i) {
    std::string changed = file;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    CHECK_FALSE(LastGoodFile::decode(changed, "what"));
    CHECK_FALSE(LastGoodFile::decode(file.substr(0, i), "what"));
  }
}

TEST_CASE("last good file: a confirmed text is saved again only now and then") {
  TemporaryFolder folder;
  FakeClock clock;
  const int64_t first_ns = clock.wall_ns();
  {
    LastGoodFile file(clock, folder / "kv", "q");
    file.confirm();
    file.save("x");
    file.confirm();
  }
  CHECK(LastGoodFile(clock, folder / "kv", "q").load()->wall_ns == first_ns);
  {
    LastGoodFile file(clock, folder / "kv", "q");
    file.save("x");
    clock.advance_ms(400'000);
    file.confirm();
  }
  CHECK(LastGoodFile(clock, folder / "kv", "q").load()->wall_ns > first_ns);
}

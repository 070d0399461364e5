// The way to a source: its token.

#include "provider/source_link.h"

#include "catch.h"
#include "scripted_catalog.h"

using namespace weir;
using namespace weir::provider;
using namespace weir::provider::test;

// A file system's clock goes in steps, of milliseconds or of seconds: what is written twice within one has the stamp it
// had.
TEST_CASE("token file: one that was just renewed is read each time, an older one when its stamp changes") {
  TemporaryFolder folder;
  folder.write("token", "first");
  TokenFile file(folder / "token");
  for (uint64_t i = 1; i <= 3; ++i) {
    CHECK(file.token() == "first");
    CHECK(file.reads() == i);
  }
  const int64_t later_ns = SystemClock().wall_ns() + 60'000'000'000;
  for (int i = 0; i < 3; ++i) CHECK(file.token(false, later_ns) == "first");
  CHECK(file.reads() == 4);
  CHECK(file.token(true, later_ns) == "first");
  CHECK(file.reads() == 5);
  folder.write("token", "the second");
  for (int i = 0; i < 3; ++i) CHECK(file.token(false, later_ns) == "the second");
  CHECK(file.reads() == 6);
}

TEST_CASE("source link: a token that was renewed before the old one was refused is another one than that") {
  TemporaryFolder folder;
  folder.write("token", "first");
  event::Loop loop;
  LinkOptions options;
  options.addresses = {Url::parse("http://127.0.0.1:1").value()};
  options.token_file = folder / "token";
  SourceLink link(
      loop, options, [] {}, [] {});
  const auto asked = link.get("/v1/x", "", 1000, [](const auto&) {});
  CHECK_FALSE(link.renew_token());
  folder.write("token", "the second");
  CHECK(link.renew_token());
  CHECK_FALSE(link.renew_token());
}

TEST_CASE("token file: one that cannot be used leaves the token that was there") {
  TemporaryFolder folder;
  folder.write("token", " first \n");
  TokenFile file(folder / "token");
  CHECK(file.token() == "first");
  for (const char* text : {"", " \n", "two\nlines"}) {
    folder.write("token", text);
    CHECK(file.token() == "first");
  }
  folder.remove("token");
  CHECK(file.token() == "first");
  folder.write("token", "second");
  CHECK(file.token() == "second");
}

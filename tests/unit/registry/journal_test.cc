// The SQLite file: what is committed is there after reopening, and two cannot share one.

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "catch.h"
#include "full_disk.h"
#include "registry/sqlite_journal.h"
#include "weir/base/random.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"

namespace weir::registry {
namespace {

struct TemporaryFile {
  std::string path = (std::filesystem::temp_directory_path() / ("weir-journal-" + make_uuid())).string();
  ~TemporaryFile() {
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + suffix);
  }
};

struct JournalFixture {
  event::Loop loop;
  std::unique_ptr<SqliteJournal> journal;

  Status open(const std::string& path) {
    auto opened = SqliteJournal::open(loop, path);
    if (!opened) return fail(opened.error());
    journal = std::move(*opened);
    return {};
  }
  template <typename T>
  T wait_for(const std::function<void(std::function<void(T)>)>& start) {
    std::optional<T> result;
    event::Timer deadline(loop, [&] { loop.stop(); });
    deadline.start_once(20'000);
    start([&](T value) {
      result = std::move(value);
      loop.stop();
    });
    loop.run();
    if (!result) FAIL("the journal did not answer within 20 s");
    return std::move(*result);
  }
  Status commit(JournalBatch batch) {
    return wait_for<Status>([&](auto done) { journal->commit(std::move(batch), done); });
  }
  JournalBatch load() {
    return wait_for<Result<JournalBatch>>([&](auto done) { journal->load(done); }).value();
  }
};

}  // namespace

TEST_CASE("journal: committed rows and the index are there after reopening") {
  TemporaryFile file;
  {
    JournalFixture f;
    REQUIRE(f.open(file.path));
    CHECK(f.load().rows.empty());
    REQUIRE(f.commit({{{0, "a", "1"}, {0, "b", "2"}, {3, std::string("k\0", 2), "3"}}, 7}));
    REQUIRE(f.commit({{{0, "a", "one"}, {0, "b", std::nullopt}}, 9}));
  }
  JournalFixture f;
  REQUIRE(f.open(file.path));
  JournalBatch loaded = f.load();
  CHECK(loaded.last_index == 9);
  REQUIRE(loaded.rows.size() == 2);
  CHECK(loaded.rows[0].row == "one");
  CHECK(loaded.rows[1].key == std::string("k\0", 2));
}

TEST_CASE("journal: a file in use, of another kind or of a newer version is refused") {
  TemporaryFile file;
  JournalFixture f;
  CHECK_FALSE(f.open("/nonexistent/folder/registry.db"));
  REQUIRE(f.open(file.path));
  JournalFixture second;
  Status status = second.open(file.path);
  REQUIRE_FALSE(status);
  CHECK(status.error().message.find("locked") != std::string::npos);

  TemporaryFile other;
  std::ofstream(other.path) << std::string(8192, 'x');
  CHECK_FALSE(second.open(other.path));
}

TEST_CASE("journal: a commit that the disk has no room for is refused whole, and the next one works") {
  TemporaryFile file;
  JournalFixture f;
  REQUIRE(f.open(file.path));
  REQUIRE(f.commit({{{0, "a", "1"}}, 1}));
  const Status status = [&] {
    FullDisk full(256 * 1024);
    return f.commit({{{0, "a", "2"}, {0, "big", std::string(1024 * 1024, 'x')}}, 2});
  }();
  REQUIRE_FALSE(status);
  CHECK(status.error().code == ErrorCode::io);
  REQUIRE(f.commit({{{0, "c", "3"}}, 3}));
  f.journal.reset();
  REQUIRE(f.open(file.path));
  JournalBatch loaded = f.load();
  REQUIRE(loaded.rows.size() == 2);
  CHECK(loaded.rows[0].row == "1");
  CHECK(loaded.rows[1].key == "c");
}

TEST_CASE("journal: destroying it waits for the commit under way and calls nobody") {
  TemporaryFile file;
  JournalFixture f;
  REQUIRE(f.open(file.path));
  f.journal->commit({{{0, "a", "1"}}, 1}, [](const Status&) { FAIL("called after the end"); });
  f.journal.reset();
  f.loop.run_ready();
  REQUIRE(f.open(file.path));
  CHECK(f.load().rows.size() == 1);
}

}  // namespace weir::registry

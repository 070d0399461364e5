// What the scheduler's state survives: kills between writes, torn and damaged files, a second server, a full disk.

#include <csignal>
#include <fstream>

#include <sys/wait.h>
#include <unistd.h>

#include "scheduler/state/row_json.h"
#include "server_fixture.h"

using namespace weir;
using namespace weir::scheduler;
namespace fs = std::filesystem;

namespace {

std::unique_ptr<StateStore> open_store(const std::string& path) {
  static const FakeClock clock;
  auto store = StateStore::open(path, clock);
  if (!store) FAIL(store.error().text());
  return std::move(*store);
}

std::string open_error(const std::string& path) {
  static const FakeClock clock;
  auto store = StateStore::open(path, clock);
  return store ? "" : store.error().text();
}

Status put_node(StateStore& store, int n) {
  Transaction txn(store);
  txn.put(test_node(n));
  return txn.commit();
}

/// Nodes 1, 2, 3 … in one transaction each, until it is killed; tells of each once it is durable.
[[noreturn]] void write_nodes_for_ever(const std::string& path, int from, int told) {
  FakeClock clock;
  auto store = StateStore::open(path, clock);
  for (int n = from; store && put_node(**store, n); ++n) {
    if (::write(told, &n, sizeof n) != static_cast<ssize_t>(sizeof n)) break;
  }
  ::_exit(1);
}

/// Kills such a writer when it has told of `count` nodes; the last it told of.
int write_and_kill(const std::string& path, int from, int count) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  if (child == 0) write_nodes_for_ever(path, from, ends[1]);
  ::close(ends[1]);
  int last = from - 1;
  int n = 0;
  while (last < from + count - 1 && ::read(ends[0], &n, sizeof n) == static_cast<ssize_t>(sizeof n)) last = n;
  ::kill(child, SIGKILL);
  while (::read(ends[0], &n, sizeof n) == static_cast<ssize_t>(sizeof n)) last = n;
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(last >= from + count - 1);
  return last;
}

/// Nodes 1 to N without a gap, at an index that fits: N; -1 where it is not so.
int whole_prefix(const StateStore& store) {
  const int count = static_cast<int>(store.nodes().size());
  for (int n = 1; n <= count; ++n) {
    if (store.node(test_uuid(n)) == nullptr) return -1;
  }
  const bool fits =
      store.index() == static_cast<uint64_t>(count) + 1 && store.table_index(Table::nodes) == store.index();
  return fits ? count : -1;
}

/// Every row as text.
std::string dump(const StateStore& store) {
  std::string out = std::to_string(store.index()) + "\n";
  for (const auto& [id, row] : store.nodes()) out += encode_row(*row) + "\n";
  for (const auto& [id, row] : store.jobs()) out += encode_row(*row) + "\n";
  for (const auto& [id, row] : store.all_job_versions()) out += encode_row(*row) + "\n";
  for (const auto& [id, row] : store.allocs()) out += encode_row(*row) + "\n";
  for (const auto& [id, row] : store.evals()) out += encode_row(*row) + "\n";
  for (const auto& [id, row] : store.deployments()) out += encode_row(*row) + "\n";
  return out;
}

}  // namespace

TEST_CASE("state: what was acknowledged survives kill -9, again and again, and nothing is there by half") {
  TemporaryFolder folder;
  const std::string path = folder.path("s.sqlite");
  int last = 0;
  for (int round = 1; round <= 4; ++round) {
    last = write_and_kill(path, last + 1, 7 * round);
    const int found = whole_prefix(*open_store(path));
    CHECK(found >= last);
    CHECK(found <= last + 1);  // the last one may have been written and not told of
    last = found;
  }
}

TEST_CASE("state: a write-ahead log that was cut anywhere gives an earlier state, whole") {
  TemporaryFolder folder;
  const std::string path = folder.path("s.sqlite");
  const int last = write_and_kill(path, 1, 12);
  const auto log_bytes = fs::file_size(path + "-wal");
  REQUIRE(log_bytes > 10'000);
  int shortest = last;
  for (uintmax_t cut = 0; cut < log_bytes; cut += log_bytes / 23) {
    const std::string copy = folder.path("cut-" + std::to_string(cut) + ".sqlite");
    fs::copy_file(path, copy);
    fs::copy_file(path + "-wal", copy + "-wal");
    fs::resize_file(copy + "-wal", cut);
    const int found = whole_prefix(*open_store(copy));
    CAPTURE(cut);
    CHECK(found >= 0);
    CHECK(found <= last + 1);
    shortest = std::min(shortest, found);
  }
  CHECK(shortest < last);
}

TEST_CASE("state: a log with a wrong byte gives the state before it, whole") {
  TemporaryFolder folder;
  const std::string path = folder.path("s.sqlite");
  const int last = write_and_kill(path, 1, 12);
  const auto place = static_cast<std::streamoff>(fs::file_size(path + "-wal") * 2 / 3);
  std::fstream file(path + "-wal", std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(place);
  const char there = static_cast<char>(file.get());
  file.seekp(place);
  file.put(static_cast<char>(~there));
  file.close();
  const int found = whole_prefix(*open_store(path));
  CHECK(found >= 0);
  CHECK(found < last);
}

TEST_CASE("state: a damaged file is an error that names it, never an empty state") {
  TemporaryFolder folder;
  const std::string path = folder.path("s.sqlite");
  {
    auto store = open_store(path);
    for (int n = 1; n <= 40; ++n) REQUIRE(put_node(*store, n));
  }
  const std::string cut = folder.path("cut.sqlite");
  fs::copy_file(path, cut);
  fs::resize_file(cut, fs::file_size(cut) / 2);
  CHECK(open_error(cut).find(cut) != std::string::npos);
  const std::string foreign = folder.path("foreign.sqlite");
  std::ofstream(foreign) << std::string(8'000, 'x');
  CHECK(open_error(foreign).find(foreign) != std::string::npos);
  CHECK(open_error(folder.path()).find(folder.path()) != std::string::npos);  // a folder
  CHECK(open_store(path)->nodes().size() == 40);
}

TEST_CASE("state: a row that cannot be read is an error that names table and row") {
  TemporaryFolder folder;
  const std::string path = folder.path("s.sqlite");
  {
    auto db = StoreDb::open(path);
    REQUIRE(db);
    REQUIRE((*db)->write({{.table = "jobs", .key = "web", .body = "{\"ID\": 5}"}}));
  }
  CHECK(open_error(path).find("jobs row \"web\"") != std::string::npos);
}

TEST_CASE("state: a newer format is refused") {
  TemporaryFolder folder;
  const std::string path = folder.path("s.sqlite");
  REQUIRE((*StoreDb::open(path))->write({{.table = "meta", .key = "format", .body = "2"}}));
  CHECK(open_error(path).find("format 2 is newer than this program") != std::string::npos);
}

TEST_CASE("state: a second server on the same file is refused, and told why") {
  TemporaryFolder folder;
  const std::string path = folder.path("s.sqlite");
  auto first = open_store(path);
  REQUIRE(put_node(*first, 1));
  const std::string error = open_error(path);
  CHECK(error.find(path) != std::string::npos);
  CHECK(error.find("another server uses this file") != std::string::npos);
  CHECK(put_node(*first, 2));
}

TEST_CASE("state: a write that the disk refuses changes nothing, and the next one goes through") {
  TemporaryFolder folder;
  auto store = open_store(folder.path("s.sqlite"));
  REQUIRE(put_node(*store, 1));
  bool woken = false;
  auto watch = store->watchers().watch({watch_key::kNodes}, [&] { woken = true; });
  const std::string before = dump(*store);

  const Status refused = [&] {
    FullDisk full;
    return put_node(*store, 2);
  }();

  CHECK_FALSE(refused);
  CHECK_FALSE(woken);
  CHECK(dump(*store) == before);
  REQUIRE(store->write_error());
  CHECK(store->write_error()->text() == refused.error().text());
  CHECK(put_node(*store, 2));
  CHECK_FALSE(store->write_error());
  CHECK(woken);
  CHECK(store->nodes().size() == 2);
}

TEST_CASE("state: every table reads back as it was written") {
  ServerWorld world;
  world.add_node(1);
  world.put(sparse_job("web", 2));
  world.agent_acts(1);
  world.put(sparse_job("web", 3));
  world.put(sparse_job("sys", 1, "system"));
  world.put(sparse_job("unplaceable", 200));
  world.agent_acts(1, false);
  CHECK_FALSE(world.store().deployments().empty());
  const std::string before = dump(world.store());
  world.core.reset();
  CHECK(dump(*open_store(world.folder.path("scheduler.sqlite"))) == before);
}

TEST_CASE("state: an index never goes back, not even where the rows it came from are gone") {
  TemporaryFolder folder;
  const std::string path = folder.path("s.sqlite");
  uint64_t index = 0;
  {
    auto store = open_store(path);
    REQUIRE(put_node(*store, 1));
    Transaction txn(*store);
    txn.erase_node(test_uuid(1));
    REQUIRE(txn.commit());
    index = store->index();
  }
  auto store = open_store(path);
  CHECK(store->nodes().empty());
  CHECK(store->index() == index);
  CHECK(store->table_index(Table::nodes) == index);
  REQUIRE(put_node(*store, 2));
  CHECK(store->node(test_uuid(2))->create_index == index + 1);
}

TEST_CASE("state: a transaction that is dropped never was") {
  TemporaryFolder folder;
  auto store = open_store(folder.path("s.sqlite"));
  const uint64_t index = store->index();
  {
    Transaction txn(*store);
    txn.put(test_node(1));
    CHECK(txn.node(test_uuid(1)) != nullptr);
  }
  CHECK(store->node(test_uuid(1)) == nullptr);
  CHECK(store->index() == index);
}

TEST_CASE("state: a watch fires once, for its keys only, and not when it is gone") {
  TemporaryFolder folder;
  auto store = open_store(folder.path("s.sqlite"));
  int mine = 0;
  int others = 0;
  int dropped = 0;
  auto watch = store->watchers().watch({watch_key::node(test_uuid(1)), watch_key::kNodes}, [&] { ++mine; });
  auto other = store->watchers().watch({watch_key::node(test_uuid(2)), watch_key::kJobs}, [&] { ++others; });
  auto gone = store->watchers().watch({watch_key::kNodes}, [&] { ++dropped; });
  gone.reset();
  CHECK(store->watchers().waiting() == 2);
  REQUIRE(put_node(*store, 1));
  REQUIRE(put_node(*store, 1));
  CHECK(mine == 1);
  CHECK(others == 0);
  CHECK(dropped == 0);
  CHECK(store->watchers().waiting() == 1);
}

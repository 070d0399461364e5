// What goes to disk on a thread of its own while the loop goes on: the last good catalog, whose services both threads
// hold, and the registry's journal, which is closed with a commit under way and opened again. Exit code 0 when the
// disk has at the end what was acknowledged; a data race ends it by ThreadSanitizer's own exit code.

#include <cstdio>
#include <memory>
#include <string>

#include "provider/snapshot_gate.h"
#include "registry/sqlite_journal.h"
#include "temporary_folder.h"
#include "weir/base/check.h"
#include "weir/base/clock.h"
#include "weir/base/file.h"
#include "weir/base/random.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"

using namespace weir;

namespace {

constexpr size_t kServices = 300;
constexpr size_t kChanges = 400;
constexpr size_t kCommits = 400;
constexpr size_t kRowsACommit = 20;
constexpr uint64_t kSecondsMax = 120;

std::shared_ptr<const catalog::Service> service(size_t number, uint16_t port) {
  catalog::Instance one;
  one.id = one.node = "n" + std::to_string(number);
  one.tags = {"traefik.enable=true"};
  one.port = port;
  return std::make_shared<const catalog::Service>(catalog::Service{.name = one.id, .instances = {one}});
}

/// Services change while snapshots that hold them are written. True: the file has the last state.
bool save_catalogs(const std::string& path) {
  event::Loop loop;
  SystemClock clock;
  Random random(7);
  size_t handed_out = 0;
  uint16_t last_port = 0;
  {
    provider::SnapshotGate gate(loop, clock, {.provider = "consul", .path = path, .save_period_ms = 1},
                                [&](const auto&, uint64_t) { ++handed_out; });
    for (size_t i = 0; i < kServices; ++i) gate.put_service(service(i, 1), 1);
    gate.complete();
    event::Timer change(loop, [&] {
      if (last_port++ == kChanges) return loop.stop();
      for (int i = 0; i < 5; ++i) gate.put_service(service(random.below(kServices - 1), last_port), 1);
      gate.put_service(service(kServices - 1, last_port), 1);
      CHECK(gate.save_error().empty());
    });
    change.start_every(2);
    event::Timer guard(loop, [&] { loop.stop(); });
    guard.start_once(kSecondsMax * 1000);
    loop.run();
  }
  auto text = read_file(path);
  CHECK(text.has_value());
  auto saved = provider::decode_snapshot(*text);
  CHECK(saved.has_value());
  const auto& last = saved->snapshot->services.at("n" + std::to_string(kServices - 1));
  std::printf("%zu snapshots handed out, the last on disk has change %d of %zu\n", handed_out, last->instances[0].port,
              kChanges);
  return handed_out > kChanges / 4 && last->instances[0].port == kChanges;
}

registry::JournalBatch batch(size_t number) {
  registry::JournalBatch out;
  out.last_index = number;
  for (size_t i = 0; i < kRowsACommit; ++i) out.rows.push_back({1, "k" + std::to_string(i), std::to_string(number)});
  return out;
}

/// Each commit begins in the callback of the one before; the journal goes with one under way.
size_t commit_batches(event::Loop& loop, const std::string& path) {
  size_t acknowledged = 0;
  auto journal = registry::SqliteJournal::open(loop, path);
  CHECK(journal.has_value());
  std::function<void()> next = [&] {
    (*journal)->commit(batch(acknowledged + 1), [&](const Status& kept) {
      CHECK(kept.has_value());
      if (++acknowledged == kCommits) loop.stop();
      next();
    });
  };
  (*journal)->load([&](auto loaded) {
    CHECK(loaded.has_value());
    next();
  });
  event::Timer guard(loop, [&] { loop.stop(); });
  guard.start_once(kSecondsMax * 1000);
  loop.run();
  return acknowledged;
}

/// True: what was acknowledged is there, whole; of the commit that was under way all or nothing.
bool keep_journal(const std::string& path) {
  event::Loop loop;
  const size_t acknowledged = commit_batches(loop, path);
  auto journal = registry::SqliteJournal::open(loop, path);
  CHECK(journal.has_value());
  registry::JournalBatch kept;
  (*journal)->load([&](auto loaded) {
    CHECK(loaded.has_value());
    kept = std::move(*loaded);
    loop.stop();
  });
  event::Timer guard(loop, [&] { loop.stop(); });
  guard.start_once(kSecondsMax * 1000);
  loop.run();
  bool whole = kept.rows.size() == kRowsACommit;
  for (const registry::JournalRow& row : kept.rows) whole = whole && row.row == std::to_string(kept.last_index);
  std::printf("%zu commits acknowledged, %zu on disk, %s\n", acknowledged, static_cast<size_t>(kept.last_index),
              whole ? "whole" : "not whole");
  return whole && acknowledged == kCommits && kept.last_index >= acknowledged && kept.last_index <= acknowledged + 1;
}

}  // namespace

int main() {
  TemporaryFolder folder;
  const bool saved = save_catalogs(folder.path() + "/catalog");
  const bool kept = keep_journal(folder.path() + "/registry.db");
  return saved && kept ? 0 : 1;
}

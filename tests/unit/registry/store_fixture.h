#pragma once
// A store without a disk, and short words for writing to it.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "registry/catalog_writes.h"
#include "registry/journal.h"
#include "registry/store.h"
#include "weir/base/clock.h"

namespace weir::registry {

/// Commits at once, or when told, or fails.
class FakeJournal final : public Journal {
 public:
  void load(OnLoaded on_loaded) override { on_loaded(std::move(stored)); }
  void commit(JournalBatch batch, OnCommitted on_committed) override {
    batches.push_back(std::move(batch));
    if (!hold) return on_committed(answer);
    held = std::move(on_committed);
  }
  void finish(Status status = {}) { std::exchange(held, nullptr)(std::move(status)); }

  bool hold = false;
  Status answer;
  OnCommitted held;
  JournalBatch stored;
  std::vector<JournalBatch> batches;
};

struct StoreFixture {
  FakeClock clock;
  FakeJournal journal;
  CatalogStore store{journal, clock};

  StoreFixture() {
    store.load([](const Status&) {});
  }

  Status write(const std::function<Status(Transaction&)>& change) {
    std::optional<Status> result;
    store.write(change, [&](Status status) { result = std::move(status); });
    return result.value_or(fail(ErrorCode::unavailable, "not committed"));
  }
  Status register_all(Registration registration) {
    return write([&](Transaction& tx) { return registry::register_all(tx, registration); });
  }
  Status add_node(const std::string& name, const std::string& address = "10.1.0.1") {
    return register_all({.node = {.name = name, .address = address}});
  }
  Status add_service(const std::string& node, const std::string& id, const std::string& name,
                     std::vector<std::string> tags = {}) {
    Service service;
    service.id = id;
    service.name = name;
    service.tags = std::move(tags);
    return register_all({.node = {.name = node}, .skip_node_update = true, .service = service});
  }
  Status add_check(const std::string& node, const std::string& id, const std::string& service_id,
                   const std::string& status, const std::string& output = "") {
    Check check;
    check.id = check.name = id;
    check.service_id = service_id;
    check.status = status;
    check.output = output;
    return register_all({.node = {.name = node}, .skip_node_update = true, .checks = {check}});
  }
};

}  // namespace weir::registry

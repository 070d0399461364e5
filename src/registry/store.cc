#include "registry/store.h"

#include <algorithm>

#include "registry/rows.h"
#include "weir/base/log.h"

namespace weir::registry {

void CatalogStore::load(Done done) {
  journal_.load([this, done = std::move(done)](Result<JournalBatch> loaded) {
    if (!loaded) return done(fail(loaded.error()));
    for (const JournalRow& row : loaded->rows) {
      Result<Record> record = decode_row(row);
      if (!record) return done(fail(record.error()));
      tables_.apply(Change{empty_like(*record), *record});
    }
    committed_index_ = std::max(kNothingYet, loaded->last_index);
    last_index_ = committed_index_;
    // What was touched last is not remembered; one number above all earlier ones tells every watcher to look again.
    if (loaded->last_index > 0) floor_index_ = ++last_index_;
    ready_ = true;
    done({});
  });
}

void CatalogStore::write(const std::function<Status(Transaction&)>& change, Done done) {
  Transaction tx(tables_, indexes_, last_index_ + 1);
  if (Status status = change(tx); !status) {
    tx.roll_back();
    // The refusal may rest on what is not durable yet, so it too waits.
    when_durable(
        [error = status.error(), done = std::move(done)](Status durable) { done(durable ? fail(error) : durable); });
    return;
  }
  if (!tx.changed()) return when_durable(std::move(done));
  last_index_ = tx.index();
  Transaction::Log log = tx.take_log();
  for (const Transaction::LockDelay& delay : log.lock_delays) {
    if (delay.delay_ns <= 0) continue;
    lock_delays_ms_[delay.key] = clock_.monotonic_ms() + static_cast<uint64_t>(delay.delay_ns) / 1'000'000;
  }
  open_.logs.push_back(std::move(log));
  open_.last_index = last_index_;
  open_.waiting.push_back(std::move(done));
  start_commit();
}

void CatalogStore::when_durable(Done done) {
  if (!open_.empty()) {
    open_.waiting.push_back(std::move(done));
  } else if (!committing_.empty()) {
    committing_.waiting.push_back(std::move(done));
  } else {
    done({});
  }
}

void CatalogStore::start_commit() {
  if (commit_under_way_ || open_.empty()) return;
  commit_under_way_ = true;
  committing_ = std::move(open_);
  open_ = {};
  JournalBatch batch;
  batch.last_index = committing_.last_index;
  for (const Transaction::Log& log : committing_.logs) {
    for (const Change& change : log.changes) {
      if (std::optional<JournalRow> row = encode_row(change)) batch.rows.push_back(std::move(*row));
    }
  }
  journal_.commit(std::move(batch), [this](Status status) { on_committed(std::move(status)); });
}

void CatalogStore::on_committed(Status status) {
  Batch batch = std::move(committing_);
  committing_ = {};
  if (!status) {
    log::error("cannot commit to the registry's journal", {{"error", status.error()}});
    // The open batch was built on this one, so it goes too.
    take_back(open_);
    take_back(batch);
    tell_redefined(open_);
    tell_redefined(batch);
    last_index_ = std::max(committed_index_, floor_index_);
    std::ranges::move(open_.waiting, std::back_inserter(batch.waiting));
    open_ = {};
  } else {
    committed_index_ = batch.last_index;
    trim_tombstones();
    tell_redefined(batch);
    wake(batch);
  }
  for (Done& done : batch.waiting) done(status);
  commit_under_way_ = false;
  start_commit();
}

void CatalogStore::take_back(Batch& batch) {
  for (auto log = batch.logs.rbegin(); log != batch.logs.rend(); ++log) {
    Transaction::undo(*log, tables_, indexes_);
  }
}

void CatalogStore::wake(const Batch& batch) {
  std::vector<Resource> changed;
  for (const Transaction::Log& log : batch.logs) {
    for (const Transaction::IndexStep& step : log.indexes) changed.push_back(step.resource);
  }
  watchers_.notify(changed);
}

void CatalogStore::tell_redefined(const Batch& batch) const {
  if (!on_redefined_) return;
  for (const Transaction::Log& log : batch.logs) {
    for (const std::string& id : log.redefined_checks) on_redefined_(id);
  }
}

uint64_t CatalogStore::index_or_zero(const Resource& resource) const {
  auto at = indexes_.find(resource);
  return std::max(at == indexes_.end() ? 0 : at->second, floor_index_);
}

uint64_t CatalogStore::index_of(const Resource& resource) const {
  return std::max(index_or_zero(resource), kNothingYet);
}

uint64_t CatalogStore::index_of_prefix(std::string_view prefix) const {
  if (prefix.empty()) return index_of({Resource::Kind::kv});
  uint64_t index = std::max(floor_index_, tombstone_floor_);
  for (const Ref<KvEntry>& entry : tables_.kv_below(prefix)) index = std::max(index, entry->stamps.modify_index);
  const auto& tombstones = tables_.tombstones();
  for (auto at = tombstones.lower_bound(prefix); at != tombstones.end() && at->first.starts_with(prefix); ++at) {
    index = std::max(index, at->second->index);
  }
  return index > 0 ? index : index_of({Resource::Kind::kv});
}

bool CatalogStore::lock_delayed(const std::string& key) const {
  auto at = lock_delays_ms_.find(key);
  return at != lock_delays_ms_.end() && clock_.monotonic_ms() < at->second;
}

// Only called with no batch applied and uncommitted below it: tombstones leave without a log.
void CatalogStore::trim_tombstones() {
  std::erase_if(lock_delays_ms_, [now = clock_.monotonic_ms()](const auto& delay) { return delay.second <= now; });
  if (!open_.empty() || tables_.tombstones().size() <= kTombstonesMax) return;
  std::vector<Ref<Tombstone>> oldest;
  for (const auto& [key, tombstone] : tables_.tombstones()) oldest.push_back(tombstone);
  auto middle = oldest.begin() + static_cast<std::ptrdiff_t>(oldest.size() / 2);
  std::ranges::nth_element(oldest, middle, {}, [](const Ref<Tombstone>& tombstone) { return tombstone->index; });
  for (auto at = oldest.begin(); at != middle; ++at) {
    tombstone_floor_ = std::max(tombstone_floor_, (*at)->index);
    tables_.apply(Change{*at, Ref<Tombstone>{}});
  }
}

}  // namespace weir::registry

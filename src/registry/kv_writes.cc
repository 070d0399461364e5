#include "registry/kv_writes.h"

#include "weir/base/random.h"

namespace weir::registry {
namespace {

using Kind = Resource::Kind;

void touch_key(Transaction& tx, const std::string& key) {
  tx.touch({Kind::kv});
  // Keys keep their index in their entry (and prefixes in tombstones): only waking is needed.
  tx.drop({Kind::kv_key, key});
}

void store(Transaction& tx, const Ref<KvEntry>& before, KvEntry entry) {
  std::string key = entry.key;
  tx.put(before, std::move(entry));
  touch_key(tx, key);
}

KvEntry to_entry(KvWrite write) {
  KvEntry entry;
  entry.key = std::move(write.key);
  entry.value = std::move(write.value);
  entry.flags = write.flags;
  return entry;
}

bool same(const KvEntry& a, const KvEntry& b) {
  return a.value == b.value && a.flags == b.flags && a.session == b.session;
}

}  // namespace

void kv_set(Transaction& tx, KvWrite write) {
  KvEntry entry = to_entry(std::move(write));
  Ref<KvEntry> before = tx.tables().kv_entry(entry.key);
  // The holder stays, but as in Consul the lock index reads 0 after a write that is not the holder's.
  if (before) entry.session = before->session;
  if (before && same(*before, entry)) return;
  store(tx, before, std::move(entry));
}

bool kv_set_if(Transaction& tx, KvWrite write, uint64_t index) {
  Ref<KvEntry> before = tx.tables().kv_entry(write.key);
  uint64_t current = before ? before->stamps.modify_index : 0;
  if (current != index) return false;
  kv_set(tx, std::move(write));
  return true;
}

Result<bool> kv_lock(Transaction& tx, KvWrite write, const std::string& session) {
  if (!is_uuid(session)) {
    return fail(ErrorCode::invalid, "failed session lookup: index error: UUID must be 36 characters");
  }
  if (!tx.tables().session(session)) return fail(ErrorCode::not_found, "invalid session \"" + session + "\"");
  KvEntry entry = to_entry(std::move(write));
  entry.session = session;
  entry.lock_index = 1;
  Ref<KvEntry> before = tx.tables().kv_entry(entry.key);
  if (before) {
    if (!before->session.empty() && before->session != session) return false;
    entry.lock_index = before->lock_index + (before->session.empty() ? 1 : 0);
    if (same(*before, entry)) return true;
  }
  store(tx, before, std::move(entry));
  return true;
}

bool kv_unlock(Transaction& tx, KvWrite write, const std::string& session) {
  Ref<KvEntry> before = tx.tables().kv_entry(write.key);
  if (!before || session.empty() || before->session != session) return false;
  KvEntry entry = to_entry(std::move(write));
  entry.lock_index = before->lock_index;
  store(tx, before, std::move(entry));
  return true;
}

void kv_remove(Transaction& tx, std::string_view key) {
  if (Ref<KvEntry> entry = tx.tables().kv_entry(key)) kv_erase(tx, entry);
}

bool kv_remove_if(Transaction& tx, std::string_view key, uint64_t index) {
  Ref<KvEntry> entry = tx.tables().kv_entry(key);
  if (!entry) return true;
  if (entry->stamps.modify_index != index) return false;
  kv_erase(tx, entry);
  return true;
}

void kv_remove_below(Transaction& tx, std::string_view prefix) {
  for (const Ref<KvEntry>& entry : tx.tables().kv_below(prefix)) kv_erase(tx, entry);
}

void kv_erase(Transaction& tx, const Ref<KvEntry>& entry) {
  tx.erase(entry);
  tx.put_tombstone({entry->key, tx.index()});
  touch_key(tx, entry->key);
}

void kv_free(Transaction& tx, const Ref<KvEntry>& entry) {
  KvEntry freed = *entry;
  freed.session.clear();
  store(tx, entry, std::move(freed));
}

}  // namespace weir::registry

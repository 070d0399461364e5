#pragma once
// Writes to the key-value store. Each answers whether it was done; false is a lost race, not an error.

#include <cstdint>
#include <string>
#include <string_view>

#include "registry/records.h"
#include "registry/transaction.h"
#include "weir/base/result.h"

namespace weir::registry {

struct KvWrite {
  std::string key;
  std::string value;
  uint64_t flags = 0;
};

/// Locks are advisory: a locked key is written too, and stays locked.
void kv_set(Transaction& tx, KvWrite write);
/// Only if the entry's ModifyIndex is `index`; 0: only if there is none.
bool kv_set_if(Transaction& tx, KvWrite write, uint64_t index);
/// Takes or keeps the lock. The session must exist; the caller has looked at the lock-delay.
Result<bool> kv_lock(Transaction& tx, KvWrite write, const std::string& session);
bool kv_unlock(Transaction& tx, KvWrite write, const std::string& session);

void kv_remove(Transaction& tx, std::string_view key);
/// Only if the entry's ModifyIndex is `index`. An absent key is removed already.
bool kv_remove_if(Transaction& tx, std::string_view key, uint64_t index);
void kv_remove_below(Transaction& tx, std::string_view prefix);

/// For the end of a session: removes the entry, or clears its lock.
void kv_erase(Transaction& tx, const Ref<KvEntry>& entry);
void kv_free(Transaction& tx, const Ref<KvEntry>& entry);

}  // namespace weir::registry

#include "registry/session_writes.h"

#include <algorithm>

#include "registry/kv_writes.h"

namespace weir::registry {
namespace {

// As Consul's, whatever a session asks for.
constexpr int64_t kLockDelayMaxNs = 60'000'000'000;

Status require_check(const Tables& tables, const std::string& node, const std::string& id) {
  Ref<Check> check = tables.check(node, id);
  if (!check) return fail(ErrorCode::not_found, "Missing check '" + id + "' registration");
  if (check->status == kCritical) return fail(ErrorCode::conflict, "Check '" + id + "' is in critical state");
  return {};
}

bool depends_on(const Session& session, const Check& check) {
  if (!equals_ignore_case(session.node, check.node)) return false;
  return std::ranges::find(session.node_checks, check.id) != session.node_checks.end() ||
         std::ranges::find(session.service_checks, check.id) != session.service_checks.end();
}

template <typename Matches>
void end_matching(Transaction& tx, Matches matches) {
  std::vector<std::string> ending;
  for (const auto& [id, session] : tx.tables().sessions()) {
    if (matches(*session)) ending.push_back(id);
  }
  for (const std::string& id : ending) end_session(tx, id);
}

}  // namespace

Status put_session(Transaction& tx, Session session) {
  Ref<Node> node = tx.tables().node(session.node);
  if (!node) return fail(ErrorCode::not_found, "Missing node registration");
  session.node = node->name;
  for (const std::string& id : session.node_checks) {
    if (Status found = require_check(tx.tables(), session.node, id); !found) return found;
  }
  for (const std::string& id : session.service_checks) {
    if (Status found = require_check(tx.tables(), session.node, id); !found) return found;
  }
  auto place = tx.tables().session(session.id);  // first: the argument moves the session out
  tx.put(place, std::move(session));
  tx.touch({Resource::Kind::sessions});
  return {};
}

void end_session(Transaction& tx, std::string_view id) {
  Ref<Session> session = tx.tables().session(id);
  if (!session) return;
  tx.erase(session);
  tx.touch({Resource::Kind::sessions});
  for (const Ref<KvEntry>& entry : tx.tables().kv_held_by(session->id)) {
    if (session->behavior == Session::Behavior::remove) {
      kv_erase(tx, entry);
    } else {
      kv_free(tx, entry);
    }
    tx.delay_lock(entry->key, std::min(session->lock_delay_ns, kLockDelayMaxNs));
  }
}

void end_sessions_of_check(Transaction& tx, const Check& check) {
  end_matching(tx, [&](const Session& session) { return depends_on(session, check); });
}

void end_sessions_of_node(Transaction& tx, std::string_view node) {
  end_matching(tx, [&](const Session& session) { return equals_ignore_case(session.node, node); });
}

}  // namespace weir::registry

#pragma once
// Sessions: made, ended, and what their end does to the keys they hold.

#include <string>
#include <string_view>

#include "registry/records.h"
#include "registry/transaction.h"
#include "weir/base/result.h"

namespace weir::registry {

/// Checks node, checks and behaviour; the id must be new. Errors carry Consul's text.
Status put_session(Transaction& tx, Session session);
/// Ends the session: its keys are released or removed. An unknown id is ended already.
void end_session(Transaction& tx, std::string_view id);

/// The check is gone or critical.
void end_sessions_of_check(Transaction& tx, const Check& check);
void end_sessions_of_node(Transaction& tx, std::string_view node);

}  // namespace weir::registry

#pragma once
// What happens to a deployment as its allocations become healthy or not, as time passes, and as people decide
// (nomad-api 3.7). All of it within a transaction of the caller.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/state/transaction.h"
#include "weir/base/result.h"

namespace weir::scheduler {

/// The agent decided an allocation's health: writes it into the row and counts it. False when there is nothing to
/// decide. `alloc` is the caller's copy; the deployment's row goes into the transaction.
bool record_health(Transaction& txn, Allocation& alloc, bool healthy, int64_t timestamp_ns);

/// Fails, promotes or lets go on a deployment one of whose allocations got its health; adds the evaluation that
/// follows.
void react_to_health(Transaction& txn, const Allocation& alloc);

/// Fails the deployment; `revert` registers the newest stable version again where there is one that differs.
/// Returns the version that was taken back, if any.
std::optional<uint64_t> fail_deployment(Transaction& txn, const Deployment& deployment, const std::string& reason,
                                        bool revert);

/// Of the groups named (empty: all that have canaries). Refused while a group lacks healthy canaries.
Status promote_deployment(Transaction& txn, const Deployment& deployment, const std::vector<std::string>& groups);

/// Fails every active deployment whose progress deadline has passed. Returns the wall time of the next deadline; 0:
/// none.
int64_t enforce_progress_deadlines(StateStore& store);

/// Registers `spec` as the job's next version; the caller adds the evaluation.
Job put_next_version(Transaction& txn, const Job& spec);

}  // namespace weir::scheduler

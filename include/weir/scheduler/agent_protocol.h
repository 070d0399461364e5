#pragma once
// The protocol between the node agent and the scheduler server: HTTP and JSON on the server's own address. It is ours,
// not Nomad's (whose agents speak RPC). Member names of Node, Allocation, TaskState and Job are Nomad's (model_json.h,
// job_json.h); durations are nanoseconds.
//
// Every call but registration carries the header `X-Weir-Node-Secret: <Node.SecretID>`; a wrong one answers 403. Calls
// carry `X-Nomad-Token` too where the server has one. Errors are plain text:
//   400 the body is wrong    403 wrong secret or token    404 "node not found": register again
//   409 "node is down": the server gave the node up and replaced its allocations. Pull the allocations (allowed while
//   down),
//       stop what is not desired any more, then register again.
//   503 the server is still loading or stopping: try again with back-off.
//
// 1. Register: at start, when attributes change, and after 404 or 409.
//      PUT /v1/internal/node/register
//      {"Node": {<Node>, "SecretID": "<uuid>", "IP": "127.0.0.2"}, "AgentAddress": "127.0.0.2:4647"}
//      -> {"NodeID": "<uuid>", "HeartbeatTTL": 10000000000, "Index": 17}
//    The node becomes `ready` by this call. An agent that restarts pulls its allocations before it starts any task.
//    A known id with another SecretID answers 403.
// 2. Heartbeat: every HeartbeatTTL / 3. After HeartbeatTTL plus a grace of half of it without one the node is `down`.
//      PUT /v1/internal/node/<id>/heartbeat      body {} or empty
//      -> {"HeartbeatTTL": 10000000000, "Index": 17}
// 3. Pull: which allocations the node shall have. Blocks while the node's own pull index is not above `index`.
//      GET /v1/internal/node/<id>/allocations?index=<n>&wait=60s
//      -> {"Index": 42, "Allocs": [<full Allocation, with Job and AllocatedResources>], "AwaitPrevious": ["<alloc id>",
//      ...]}
//    Only server-side changes move this index, never the agent's own updates. `Allocs` is the whole list, desired `run`
//    and `stop`; an allocation that is no longer in it was collected: stop it and remove its folder. `AwaitPrevious`
//    names those in the list whose PreviousAllocation (here or on another node) is not client-terminal: their tasks
//    must not start yet. When it ends, the index moves and the id is gone from the list. AllocatedResources carries all
//    ports: Shared.Ports for the group's network and Tasks.<task>.Networks[0] for a legacy task network;
//    decode_alloc_pull() gives both as AllocatedResources::ports.
// 4. Report: what became of them. Batched by the agent (200 ms), at most kAllocUpdatesMax in a call; the
// acknowledgement
//    means it is on disk. The whole of TaskStates each time; a member that is absent leaves what the server has.
//      PUT /v1/internal/node/<id>/allocations
//      {"Updates": [{"ID": "<alloc id>", "ClientStatus": "running", "ClientDescription": "Tasks are running",
//                    "TaskStates": {"srv": <TaskState>},
//                    "DeploymentStatus": {"Healthy": true, "Timestamp": "<RFC3339>"}}]}
//      -> {"Index": 43}
//    Allocations that the server does not know, or that belong to another node, are skipped. DeploymentStatus is sent
//    once, when health is decided (true or false), for an allocation with DeploymentID; a new DeploymentID (in-place
//    update) asks for a new decision.
// 5. The agent's own HTTP API, which the server forwards to unchanged (path and query):
//      GET /v1/client/fs/logs/<alloc>, GET /v1/client/fs/{ls,stat,cat}/<alloc>, GET
//      /v1/client/allocation/<alloc>/stats, GET /v1/client/allocation/<alloc>/checks, PUT
//      /v1/client/allocation/<alloc>/{restart,signal}, GET /v1/client/stats
//    The server adds `X-Weir-Node-Secret`; the agent answers 403 without it.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"
#include "weir/scheduler/model.h"

namespace weir::scheduler {

inline constexpr std::string_view kNodeSecretHeader = "X-Weir-Node-Secret";
inline constexpr size_t kAllocUpdatesMax = 256;

struct NodeRegistration {
  Node node;  // agent_address and secret_id included
};

struct RegisterReply {
  std::string node_id;
  int64_t heartbeat_ttl_ns = 0;
  uint64_t index = 0;
};

struct AllocPull {
  uint64_t index = 0;
  std::vector<Allocation> allocs = {};
  std::vector<std::string> await_previous = {};
};

struct AllocUpdate {
  std::string id;
  ClientStatus client_status = ClientStatus::pending;
  std::string client_description = {};
  std::optional<std::map<std::string, TaskState>> task_states = {};
  std::optional<bool> healthy = {};
  int64_t health_timestamp_ns = 0;
};

// Both sides of each body. Decoding names the member that is wrong.
std::string encode_registration(const NodeRegistration& registration);
Result<NodeRegistration> decode_registration(std::string_view body);
std::string encode_register_reply(const RegisterReply& reply);
Result<RegisterReply> decode_register_reply(
    std::string_view body);  // heartbeat replies too; node_id may be empty there
std::string encode_alloc_pull(const AllocPull& pull);
Result<AllocPull> decode_alloc_pull(std::string_view body);
std::string encode_alloc_updates(const std::vector<AllocUpdate>& updates);
Result<std::vector<AllocUpdate>> decode_alloc_updates(std::string_view body);

}  // namespace weir::scheduler

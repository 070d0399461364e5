// The agents' protocol, what is forwarded to them, and what the server says of itself.

#include <nlohmann/json.hpp>

#include "scheduler/api/api.h"
#include "scheduler/json_reader.h"
#include "scheduler/model_json.h"
#include "weir/base/host_port.h"
#include "weir/base/text.h"
#include "weir/scheduler/agent_protocol.h"

namespace weir::scheduler {
namespace {

using nlohmann::json;

// `version` constraints and clients test it: a release whose API this is.
constexpr const char* kNomadVersion = "1.9.7";

json member_json(const std::string& datacenter, const std::string& address) {
  const HostPort place = split_host_port(address);
  return {{"Name", "weir.global"},
          {"Addr", place.host},
          {"Port", 4648},
          {"Status", "alive"},
          {"Tags",
           {{"region", "global"},
            {"dc", datacenter},
            {"build", kNomadVersion},
            {"raft_vsn", "3"},
            {"role", "nomad"},
            {"port", place.port}}},
          {"ProtocolMin", 1},
          {"ProtocolMax", 5},
          {"ProtocolCur", 2},
          {"DelegateMin", 2},
          {"DelegateMax", 5},
          {"DelegateCur", 4}};
}

/// At most this many of each kind are given back by a search.
constexpr size_t kSearchMatchesMax = 20;

template <typename Rows>
json matching_ids(const Rows& rows, const std::string& prefix, bool& truncated) {
  json list = json::array();
  if (rows.contains(prefix)) list.push_back(prefix);  // an exact one first
  for (auto at = rows.lower_bound(prefix); at != rows.end() && at->first.starts_with(prefix); ++at) {
    if (at->first == prefix) continue;
    truncated = list.size() >= kSearchMatchesMax;
    if (truncated) break;
    list.push_back(at->first);
  }
  return list;
}

Result<Answer> search(const StateStore& store, const std::string& body_text) {
  json body = json::parse(body_text, nullptr, false);
  if (!body.is_object()) return fail(ErrorCode::invalid, "the request body is no JSON object");
  std::string prefix;
  std::string context;
  JsonReader reader(body, "");
  reader.text("Prefix", prefix);
  reader.text("Context", context);
  if (Status read = reader.status(); !read) return fail(read.error());
  json matches = json::object();
  json truncations = json::object();
  auto add = [&](const char* name, const auto& rows) {
    if (!context.empty() && context != "all" && context != name) return;
    bool truncated = false;
    matches[name] = matching_ids(rows, prefix, truncated);
    truncations[name] = truncated;
  };
  add("jobs", store.jobs());
  add("allocs", store.allocs());
  add("evals", store.evals());
  add("nodes", store.nodes());
  add("deployment", store.deployments());
  return Answer{store.index(), json_text({{"Matches", matches}, {"Truncations", truncations}})};
}

}  // namespace

bool Api::serve_agents(ApiCall& call) {
  const auto& path = call.path;
  if (path.size() < 3 || path[0] != "internal" || path[1] != "node") return false;
  StateStore& store = core_.store();
  Nodes& nodes = core_.nodes();
  if (path[2] == "register" && call.writes()) {
    auto registration = decode_registration(call.request.body);
    if (!registration) return refuse(*call.responder, registration.error()), true;
    auto reply = nodes.put(*registration);
    if (!reply) return refuse(*call.responder, reply.error()), true;
    return answer_write(call, Answer{store.index(), encode_register_reply(*reply)}), true;
  }
  if (path.size() != 4) return false;
  const std::string& id = path[2];
  std::string secret(call.request.header(kNodeSecretHeader));
  // "The node is down" is the one conflict that an agent acts upon by its status.
  auto refuse_agent = [&](const Error& error) {
    if (error.code == ErrorCode::conflict) return call.responder->respond({409, {}, error.message});
    refuse(*call.responder, error);
  };
  if (path[3] == "heartbeat" && call.writes()) {
    auto reply = nodes.heartbeat(id, secret);
    if (!reply) return refuse_agent(reply.error()), true;
    return answer_write(call, Answer{store.index(), encode_register_reply(*reply)}), true;
  }
  if (path[3] != "allocations") return false;
  if (call.writes()) {
    auto updates = decode_alloc_updates(call.request.body);
    if (!updates) return refuse(*call.responder, updates.error()), true;
    auto index = nodes.update_allocs(id, secret, *updates);
    if (!index) return refuse_agent(index.error()), true;
    return answer_write(call, Answer{*index, json_text({{"Index", *index}})}), true;
  }
  if (!call.reads()) return false;
  answer(call, {watch_key::pull(id)}, [&nodes, id, secret]() -> Result<Answer> {
    auto pull = nodes.pull(id, secret);
    if (!pull) return fail(pull.error());
    return Answer{pull->index, encode_alloc_pull(*pull)};
  });
  return true;
}

bool Api::serve_client(ApiCall& call) {
  const auto& path = call.path;
  if (path[0] != "client" || path.size() < 2) return false;
  StateStore& store = core_.store();
  std::string node_id = call.parameter("node_id");
  if (path.size() >= 3 && path[1] != "stats") {
    // /v1/client/fs/WHAT/ALLOC and /v1/client/allocation/ALLOC/WHAT
    const std::string& alloc_id = path[1] == "allocation" ? path[2] : path.back();
    AllocPtr alloc = store.alloc(alloc_id);
    if (!alloc) return refuse(*call.responder, {ErrorCode::not_found, "Unknown allocation \"" + alloc_id + "\""}), true;
    node_id = alloc->node_id;
  }
  NodePtr node = store.node(node_id);
  if (!node) return refuse(*call.responder, {ErrorCode::not_found, "Unknown node \"" + node_id + "\""}), true;
  forward(call, *node);
  return true;
}

bool Api::serve_system(ApiCall& call) {
  const auto& path = call.path;
  StateStore& store = core_.store();
  std::string where = join(path, "/");
  auto send = [&](const json& body) {
    call.responder->respond({200,
                             {{"Content-Type", "application/json"}, {"X-Nomad-Index", std::to_string(store.index())}},
                             json_text(body)});
    return true;
  };
  if (call.writes()) {
    if (where == "search") {
      auto found = search(store, call.request.body);
      if (!found) return refuse(*call.responder, found.error()), true;
      call.responder->respond({200, {{"Content-Type", "application/json"}}, found->body});
      return true;
    }
    if (where == "system/gc") {
      if (Status done = core_.collect_now(); !done) return refuse(*call.responder, done.error()), true;
      call.responder->respond({200, {}, {}});
      return true;
    }
    return false;
  }
  if (!call.reads()) return false;
  json member = member_json(identity_.datacenter, identity_.address);
  if (where == "agent/self") {
    return send(
        {{"config",
          {{"Region", "global"},
           {"Datacenter", identity_.datacenter},
           {"Version", {{"Version", kNomadVersion}}},
           {"UI", {{"Enabled", false}, {"ShowCLIHints", false}}}}},
         {"member", member},
         {"stats", {{"nomad", {{"server", "true"}, {"leader", "true"}}}, {"weir", {{"version", identity_.version}}}}}});
  }
  if (where == "agent/members") {
    return send({{"ServerName", "weir"},
                 {"ServerRegion", "global"},
                 {"ServerDC", identity_.datacenter},
                 {"Members", json::array({member})}});
  }
  if (where == "agent/health") {
    const auto& error = store.write_error();
    const json body{{"server", {{"ok", !error}, {"message", error ? error->text() : "ok"}}}};
    call.responder->respond({error ? 500 : 200, {{"Content-Type", "application/json"}}, json_text(body)});
    return true;
  }
  if (where == "agent/servers" || where == "status/peers") return send(json::array({identity_.address}));
  if (where == "status/leader") return send(identity_.address);
  if (where == "regions") return send(json::array({"global"}));
  if (where == "namespaces")
    return send(json::array({{{"Name", "default"}, {"Description", "Default shared namespace"}}}));
  return false;
}

}  // namespace weir::scheduler

#include "proxy/transport_publisher.h"

#include <utility>

#include "proxy/auth_client.h"
#include "proxy/worker.h"
#include "weir/base/text.h"
#include "weir/routing/tls_hosts.h"
#include "weir/routing/transport.h"

namespace weir::proxy {
namespace {

/// A worker takes a table it was offered within a second; a request may hold an older one for long.
constexpr uint64_t kLookForGoneMs = 1000;

tls::ClientOptions transport_of(const routing::Middleware& middleware) {
  const routing::ForwardAuth& auth = middleware.forward_auth;
  tls::ClientOptions out;
  out.name = auth_transport(middleware);
  out.insecure_skip_verify = auth.skips_verify;
  if (!auth.ca_file.empty()) out.root_cas = {auth.ca_file};
  if (!auth.cert_file.empty()) out.certificates = {{auth.cert_file, auth.key_file, ""}};
  return out;
}

void forget_gone(std::vector<std::weak_ptr<const routing::RoutingTable>>& tables) {
  std::erase_if(tables, [](const auto& table) { return table.expired(); });
}

}  // namespace

TransportPublisher::TransportPublisher(event::Loop& control, std::vector<Worker*> workers, const TlsFile& file)
    : workers_(std::move(workers)), file_(file), let_go_(control, [this] { let_go(); }) {
  let_go_.set_background();
}

// ---- What the table names ----

bool TransportPublisher::use_table(const std::shared_ptr<const routing::RoutingTable>& table) {
  bool others = note_auth_servers(table->middlewares());
  others = note_mesh(*table) || others;
  note_named(table->services());
  forget_gone(tables_);
  if (others) read();
  tables_.emplace_back(table);
  return others;
}

// Asked with every change of the table: only what differs is looked at.
bool TransportPublisher::note_auth_servers(const SharedList<routing::Middleware>& middlewares) {
  const auto before = auth_servers_;
  const auto names_one = [](const std::shared_ptr<const routing::Middleware>* one) {
    return one != nullptr && (*one)->forward_auth.has_own_tls();
  };
  for_each_difference(seen_middlewares_, middlewares, [&](const auto* was, const auto* now) {
    if (names_one(was)) auth_servers_.erase(auth_transport(**was));
    if (names_one(now)) auth_servers_[auth_transport(**now)] = transport_of(**now);
  });
  seen_middlewares_ = middlewares;
  return auth_servers_ != before;
}

bool TransportPublisher::note_mesh(const routing::RoutingTable& table) {
  auto mesh = routing::mesh_transports(table);
  if (mesh == table_mesh_) return false;
  table_mesh_ = std::move(mesh);
  return true;
}

void TransportPublisher::note_named(const SharedList<routing::Service>& services) {
  const auto names_of = [](const std::shared_ptr<const routing::Service>* service) {
    std::set<std::string> out;
    if (service == nullptr) return out;
    for (const routing::Endpoint& endpoint : (*service)->endpoints) {
      const std::string_view name = routing::split_transport(endpoint.transport).name;
      if (endpoint.scheme == "https" && !name.empty()) out.emplace(name);
    }
    return out;
  };
  for_each_difference(seen_services_, services, [&](const auto* was, const auto* now) {
    for (const std::string& name : names_of(was)) {
      auto named = named_.find(name);
      named->second.erase((*was)->name);
      if (named->second.empty()) named_.erase(named);
    }
    for (const std::string& name : names_of(now)) named_[name].insert((*now)->name);
  });
  seen_services_ = services;
}

// ---- Reading ----

bool TransportPublisher::read() {
  std::map<std::string, Transport> before = std::exchange(transports_, {});
  unreadable_.clear();
  for (const tls::ClientOptions& options : wanted()) {
    auto read = read_one(options);
    if (!read) unreadable_[options.name] = read.error().text();
    // With the options it had: those of the file now may trust others.
    if (auto old = before.find(options.name); !read && old != before.end()) read = old->second.material;
    if (read) transports_[options.name] = {std::move(*read), origin_of(options.name)};
  }
  keep_what_is_left(std::move(before));
  return publish();
}

std::vector<tls::ClientOptions> TransportPublisher::wanted() const {
  std::vector<tls::ClientOptions> out = file_.transports;
  for (const auto& [name, service] : table_mesh_) out.emplace_back().name = name;
  for (const auto& [name, options] : auth_servers_) out.push_back(options);
  return out;
}

TransportPublisher::Transport::From TransportPublisher::origin_of(const std::string& name) const {
  if (auth_servers_.contains(name)) return Transport::From::auth_server;
  return table_mesh_.contains(name) ? Transport::From::mesh : Transport::From::file;
}

/// What can be made into a context: a worker would otherwise be the first to find out.
Result<tls::ClientMaterial> TransportPublisher::read_one(const tls::ClientOptions& options) {
  const std::string* service = nullptr;
  for (const std::map<std::string, std::string>* by_transport : {&file_.mesh_services, &std::as_const(table_mesh_)}) {
    auto found = by_transport->find(options.name);
    if (found != by_transport->end()) service = &found->second;
  }
  auto read =
      service != nullptr ? tls::mesh_client_material(options, *service, mesh_) : tls::load_client_material(options);
  if (!read) return read;
  if (trial_ == nullptr) trial_ = tls::make_library();
  auto made = tls::make_client_context(trial_, *read);
  if (!made) return fail(made.error());
  return read;
}

// A worker learns of transports before it has the table that names others, and a request may hold an older one. What
// the file had goes at once: who has taken it away trusts it no more.
void TransportPublisher::keep_what_is_left(std::map<std::string, Transport> before) {
  for (auto& [name, transport] : before) {
    if (transport.from == Transport::From::file) continue;
    if (transport.left_by.empty()) transport.left_by = tables_;
    forget_gone(transport.left_by);
    if (!transport.left_by.empty() && transports_.try_emplace(name, std::move(transport)).second) {
      let_go_.start_once(kLookForGoneMs);
    }
  }
}

void TransportPublisher::let_go() {
  bool are_some_left = false;
  for (auto next = transports_.begin(); next != transports_.end();) {
    auto transport = next++;
    auto& left_by = transport->second.left_by;
    if (left_by.empty()) continue;
    forget_gone(left_by);
    if (left_by.empty()) {
      transports_.erase(transport);
    } else {
      are_some_left = true;
    }
  }
  publish();
  if (are_some_left) let_go_.start_once(kLookForGoneMs);
}

// ---- Publishing ----

std::string TransportPublisher::identity() const {
  std::string out;
  for (const auto& [name, transport] : transports_) {
    const tls::ClientMaterial& material = transport.material;
    for (const std::string& part : {name, material.ca_pem, material.options.peer_uri, material.options.server_name}) {
      (out += part) += '\0';
    }
    out += material.options.insecure_skip_verify ? '-' : '+';
    for (const auto& pair : material.certificates) ((out += pair.chain_pem) += pair.key_pem) += '\0';
  }
  return std::to_string(fnv1a(out)) + "." + std::to_string(out.size());
}

bool TransportPublisher::publish() {
  std::string now = identity();
  if (now == published_) return false;
  for (Worker* worker : workers_) {
    auto made = std::make_shared<WorkerTransports>();
    make_for(*worker, *made);
    worker->post([worker, made] { worker->install_transports(*made); });
  }
  published_ = std::move(now);
  return true;
}

// What has not changed keeps its context, and with it its connections and sessions.
void TransportPublisher::make_for(Worker& worker, WorkerTransports& made) {
  std::map<std::string, Given> before = std::exchange(given_[&worker], {});
  for (const auto& [name, transport] : transports_) {
    if (transport.from == Transport::From::auth_server) {
      made.auth_servers[name] = transport.material;
      continue;
    }
    auto old = before.find(name);
    if (old == before.end() || old->second.material != transport.material) {
      auto context = tls::make_client_context(worker.tls().library(), transport.material);
      if (context) {
        old = before.insert_or_assign(name, Given{transport.material, std::move(*context)}).first;
      } else {
        unreadable_[name] = context.error().text();
      }
    }
    if (old == before.end()) continue;
    made.transports[name] = old->second.context;
    given_[&worker][name] = old->second;
  }
}

// ---- Telling ----

std::vector<std::string> TransportPublisher::names() const {
  std::vector<std::string> out;
  for (const tls::ClientOptions& options : wanted()) {
    if (transports_.contains(options.name)) out.push_back(options.name);
  }
  return out;
}

std::map<std::string, std::string> TransportPublisher::missing() const {
  std::map<std::string, std::string> out;
  for (const auto& [name, services] : named_) {
    if (transports_.contains(name) || unreadable_.contains(name)) continue;
    out[name] =
        Error{ErrorCode::not_found, "tls.file has none of that name, which " + *services.begin() + " asks for"}.text();
  }
  return out;
}

const tls::ClientMaterial* TransportPublisher::find(const std::string& name) const {
  auto found = transports_.find(name);
  return found != transports_.end() ? &found->second.material : nullptr;
}

}  // namespace weir::proxy

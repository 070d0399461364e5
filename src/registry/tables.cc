#include "registry/tables.h"

namespace weir::registry {
namespace {

template <typename Map, typename Key>
typename Map::mapped_type find_in(const Map& map, const Key& key) {
  auto at = map.find(key);
  return at == map.end() ? nullptr : at->second;
}

/// The first key that stands behind this address; null when none does.
template <typename Key>
const Key* first_at(const std::set<std::pair<IpAddress, Key>>& index, const IpAddress& ip) {
  auto at = index.lower_bound({ip, Key()});
  return at != index.end() && at->first == ip ? &at->second : nullptr;
}

template <typename Key>
void add_address(std::set<std::pair<IpAddress, Key>>& index, const std::string& address, const Key& key) {
  if (Result<IpAddress> ip = IpAddress::parse(address)) index.emplace(*ip, key);
}

template <typename Key>
void drop_address(std::set<std::pair<IpAddress, Key>>& index, const std::string& address, const Key& key) {
  if (Result<IpAddress> ip = IpAddress::parse(address)) index.erase({*ip, key});
}

}  // namespace

void Tables::replace(const Record& old_record, const Record& new_record) {
  std::visit(
      [this](const auto& old_ref) {
        if (old_ref) erase(*old_ref);
      },
      old_record);
  std::visit(
      [this](const auto& new_ref) {
        if (new_ref) insert(new_ref);
      },
      new_record);
}

Ref<Node> Tables::node(std::string_view name) const { return find_in(nodes_, fold_name(name)); }

Ref<Service> Tables::service(std::string_view node, std::string_view id) const {
  return find_in(services_, NodeAndId{fold_name(node), std::string(id)});
}

Ref<Check> Tables::check(std::string_view node, std::string_view id) const {
  return find_in(checks_, NodeAndId{fold_name(node), std::string(id)});
}

Ref<KvEntry> Tables::kv_entry(std::string_view key) const { return find_in(kv_, key); }

Ref<Session> Tables::session(std::string_view id) const { return find_in(sessions_, id); }

const Tables::Instances& Tables::instances(std::string_view name) const {
  static const Instances kNone;
  auto at = names_.find(fold_name(name));
  return at == names_.end() ? kNone : at->second;
}

const std::string& Tables::service_list_json() const { return list_.json(names_); }

std::vector<Ref<Service>> Tables::services_of_node(std::string_view node) const {
  std::vector<Ref<Service>> found;
  std::string folded = fold_name(node);
  for (auto at = services_.lower_bound({folded, ""}); at != services_.end() && at->first.first == folded; ++at) {
    found.push_back(at->second);
  }
  return found;
}

std::vector<Ref<Check>> Tables::checks_of_node(std::string_view node) const {
  std::vector<Ref<Check>> found;
  std::string folded = fold_name(node);
  for (auto at = checks_.lower_bound({folded, ""}); at != checks_.end() && at->first.first == folded; ++at) {
    found.push_back(at->second);
  }
  return found;
}

std::vector<Ref<Check>> Tables::checks_of_service(std::string_view node, std::string_view service_id) const {
  std::vector<Ref<Check>> found;
  std::string folded = fold_name(node);
  auto at = checks_by_service_.lower_bound({folded, std::string(service_id), ""});
  for (; at != checks_by_service_.end(); ++at) {
    if (std::get<0>(at->first) != folded || std::get<1>(at->first) != service_id) break;
    found.push_back(at->second);
  }
  return found;
}

std::vector<Ref<KvEntry>> Tables::kv_below(std::string_view prefix) const {
  std::vector<Ref<KvEntry>> found;
  for (auto at = kv_.lower_bound(prefix); at != kv_.end() && at->first.starts_with(prefix); ++at) {
    found.push_back(at->second);
  }
  return found;
}

std::vector<Ref<KvEntry>> Tables::kv_held_by(std::string_view session) const {
  std::vector<Ref<KvEntry>> found;
  auto at = kv_by_session_.lower_bound({std::string(session), ""});
  for (; at != kv_by_session_.end() && at->first == session; ++at) found.push_back(kv_entry(at->second));
  return found;
}

Ref<Node> Tables::node_at(const IpAddress& ip) const {
  const std::string* name = first_at(nodes_by_ip_, ip);
  return name != nullptr ? find_in(nodes_, *name) : nullptr;
}

Ref<Service> Tables::service_at(const IpAddress& ip) const {
  const NodeAndId* key = first_at(services_by_ip_, ip);
  return key != nullptr ? find_in(services_, *key) : nullptr;
}

void Tables::insert(const Ref<Node>& node) {
  std::string name = fold_name(node->name);
  add_address(nodes_by_ip_, node->address, name);
  nodes_[std::move(name)] = node;
}

void Tables::erase(const Node& node) {
  std::string name = fold_name(node.name);
  drop_address(nodes_by_ip_, node.address, name);
  nodes_.erase(name);
}

void Tables::insert(const Ref<Service>& service) {
  NodeAndId key{fold_name(service->node), service->id};
  std::string name = fold_name(service->name);
  list_.touch(name);
  names_[std::move(name)][key] = service;
  add_address(services_by_ip_, service->address, key);
  services_[std::move(key)] = service;
}

void Tables::erase(const Service& service) {
  NodeAndId key{fold_name(service.node), service.id};
  services_.erase(key);
  drop_address(services_by_ip_, service.address, key);
  auto name = names_.find(fold_name(service.name));
  if (name == names_.end()) return;
  list_.touch(name->first);
  name->second.erase(key);
  if (name->second.empty()) names_.erase(name);
}

void Tables::insert(const Ref<Check>& check) {
  std::string node = fold_name(check->node);
  checks_by_service_[{node, check->service_id, check->id}] = check;
  checks_[{std::move(node), check->id}] = check;
}

void Tables::erase(const Check& check) {
  std::string node = fold_name(check.node);
  checks_by_service_.erase({node, check.service_id, check.id});
  checks_.erase({std::move(node), check.id});
}

void Tables::insert(const Ref<KvEntry>& entry) {
  kv_[entry->key] = entry;
  if (!entry->session.empty()) kv_by_session_.insert({entry->session, entry->key});
}

void Tables::erase(const KvEntry& entry) {
  kv_.erase(entry.key);
  if (!entry.session.empty()) kv_by_session_.erase({entry.session, entry.key});
}

void Tables::insert(const Ref<Session>& session) { sessions_[session->id] = session; }
void Tables::erase(const Session& session) { sessions_.erase(session.id); }

void Tables::insert(const Ref<Tombstone>& tombstone) { tombstones_[tombstone->key] = tombstone; }
void Tables::erase(const Tombstone& tombstone) { tombstones_.erase(tombstone.key); }

}  // namespace weir::registry

#pragma once
// The registry's records in memory, with the secondary orders that queries need.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "registry/records.h"
#include "registry/service_list.h"
#include "weir/base/ip.h"

namespace weir::registry {

using Record = std::variant<Ref<Node>, Ref<Service>, Ref<Check>, Ref<KvEntry>, Ref<Session>, Ref<Tombstone>>;

/// One record's step: null before is an insert, null after a removal. Both hold the same alternative.
struct Change {
  Record before;
  Record after;
};

/// Pure data: changes go in, look-ups come out; nothing here knows about indexes, waiting or disks. Loop's thread.
class Tables {
 public:
  using NodeAndId = std::pair<std::string, std::string>;  // the node's name folded
  using Instances = std::map<NodeAndId, Ref<Service>>;

  void apply(const Change& change) { replace(change.before, change.after); }
  void revert(const Change& change) { replace(change.after, change.before); }

  [[nodiscard]] Ref<Node> node(std::string_view name) const;
  [[nodiscard]] Ref<Service> service(std::string_view node, std::string_view id) const;
  [[nodiscard]] Ref<Check> check(std::string_view node, std::string_view id) const;
  [[nodiscard]] Ref<KvEntry> kv_entry(std::string_view key) const;
  [[nodiscard]] Ref<Session> session(std::string_view id) const;

  /// The first by name, and by node and id, with this very address; null when there is none.
  [[nodiscard]] Ref<Node> node_at(const IpAddress& ip) const;
  [[nodiscard]] Ref<Service> service_at(const IpAddress& ip) const;

  /// By node name.
  [[nodiscard]] const std::map<std::string, Ref<Node>, std::less<>>& nodes() const { return nodes_; }
  /// By node name, then id.
  [[nodiscard]] const std::map<NodeAndId, Ref<Service>>& services() const { return services_; }
  /// By service name (folded); never an empty set.
  [[nodiscard]] const std::map<std::string, Instances, std::less<>>& service_names() const { return names_; }
  [[nodiscard]] const std::map<NodeAndId, Ref<Check>>& checks() const { return checks_; }
  [[nodiscard]] const std::map<std::string, Ref<KvEntry>, std::less<>>& kv() const { return kv_; }
  [[nodiscard]] const std::map<std::string, Ref<Session>, std::less<>>& sessions() const { return sessions_; }
  [[nodiscard]] const std::map<std::string, Ref<Tombstone>, std::less<>>& tombstones() const { return tombstones_; }

  /// All names with their tags, as GET /v1/catalog/services shows them. Valid until the next call or change.
  [[nodiscard]] const std::string& service_list_json() const;
  /// Instances of one name; empty when there are none.
  [[nodiscard]] const Instances& instances(std::string_view name) const;
  [[nodiscard]] std::vector<Ref<Service>> services_of_node(std::string_view node) const;
  [[nodiscard]] std::vector<Ref<Check>> checks_of_node(std::string_view node) const;
  /// Checks bound to one instance; with id "" the node's own.
  [[nodiscard]] std::vector<Ref<Check>> checks_of_service(std::string_view node, std::string_view service_id) const;
  [[nodiscard]] std::vector<Ref<KvEntry>> kv_below(std::string_view prefix) const;
  [[nodiscard]] std::vector<Ref<KvEntry>> kv_held_by(std::string_view session) const;

 private:
  using BoundCheck = std::tuple<std::string, std::string, std::string>;  // node, service id, check id

  void replace(const Record& old_record, const Record& new_record);
  void erase(const Node& node);
  void erase(const Service& service);
  void erase(const Check& check);
  void erase(const KvEntry& entry);
  void erase(const Session& session);
  void erase(const Tombstone& tombstone);
  void insert(const Ref<Node>& node);
  void insert(const Ref<Service>& service);
  void insert(const Ref<Check>& check);
  void insert(const Ref<KvEntry>& entry);
  void insert(const Ref<Session>& session);
  void insert(const Ref<Tombstone>& tombstone);

  std::map<std::string, Ref<Node>, std::less<>> nodes_;
  std::set<std::pair<IpAddress, std::string>> nodes_by_ip_;  // those whose address is one
  std::map<NodeAndId, Ref<Service>> services_;
  std::set<std::pair<IpAddress, NodeAndId>> services_by_ip_;
  std::map<std::string, Instances, std::less<>> names_;
  mutable ServiceList list_;
  std::map<NodeAndId, Ref<Check>> checks_;
  std::map<BoundCheck, Ref<Check>> checks_by_service_;
  std::map<std::string, Ref<KvEntry>, std::less<>> kv_;
  std::set<std::pair<std::string, std::string>> kv_by_session_;  // session, key
  std::map<std::string, Ref<Session>, std::less<>> sessions_;
  std::map<std::string, Ref<Tombstone>, std::less<>> tombstones_;
};

}  // namespace weir::registry

#include "registry/catalog_writes.h"

#include <set>

#include "registry/session_writes.h"

namespace weir::registry {
namespace {

using Kind = Resource::Kind;

/// True when storing `next` in place of `before` would change nothing but the stamps.
template <typename T>
bool same_content(const Ref<T>& before, T& next) {
  if (!before) return false;
  next.stamps = before->stamps;
  return next == *before;
}

void touch_service_name(Transaction& tx, std::string_view name) { tx.touch({Kind::service, fold_name(name)}); }
void touch_node_name(Transaction& tx, std::string_view name) { tx.touch({Kind::node, fold_name(name)}); }

/// Whatever concerns a whole node concerns each service name on it.
void touch_services_of_node(Transaction& tx, std::string_view node) {
  std::set<std::string> names;
  for (const Ref<Service>& service : tx.tables().services_of_node(node)) names.insert(fold_name(service->name));
  for (const std::string& name : names) tx.touch({Kind::service, name});
}

/// After an instance of `name` is gone: its own index, or the extinction index when it was the last.
void touch_after_removal(Transaction& tx, const std::string& name) {
  if (!tx.tables().instances(name).empty()) return touch_service_name(tx, name);
  tx.drop({Kind::service, fold_name(name)});
  tx.touch({Kind::service_extinction});
}

void tell_runners(Transaction& tx, const std::string& id, const Ref<Check>& before, const CheckDefinition& after) {
  CheckDefinition none;
  if ((before ? before->definition : none) != after) tx.redefine_check(id);
}

void erase_check(Transaction& tx, const Ref<Check>& check) {
  tx.erase(check);
  tell_runners(tx, check->id, check, CheckDefinition{});
  tx.touch({Kind::checks});
  end_sessions_of_check(tx, *check);
}

/// Checks carry a copy of their service's name and tags: it must follow, since clients read the tags there.
void copy_service_into_checks(Transaction& tx, const Service& service) {
  for (const Ref<Check>& check : tx.tables().checks_of_service(service.node, service.id)) {
    if (check->service_name == service.name && check->service_tags == service.tags) continue;
    Check copy = *check;
    copy.service_name = service.name;
    copy.service_tags = service.tags;
    tx.put(check, std::move(copy));
    tx.touch({Kind::checks});
  }
}

}  // namespace

Status register_all(Transaction& tx, Registration registration) {
  Node& node = registration.node;
  if (!registration.skip_node_update || !tx.tables().node(node.name)) put_node(tx, node);
  if (registration.service) {
    registration.service->node = node.name;
    if (Status done = put_service(tx, std::move(*registration.service)); !done) return done;
  }
  for (Check& check : registration.checks) {
    if (check.node.empty()) check.node = node.name;
    if (!equals_ignore_case(check.node, node.name)) {
      return fail(ErrorCode::invalid, "check node \"" + check.node + "\" does not match node \"" + node.name + "\"");
    }
    if (Status done = put_check(tx, std::move(check)); !done) {
      return fail(ErrorCode::invalid, "failed inserting check: " + done.error().message);
    }
  }
  return {};
}

void put_node(Transaction& tx, Node node) {
  Ref<Node> before = tx.tables().node(node.name);
  if (before && node.id.empty()) node.id = before->id;
  if (same_content(before, node)) return;
  std::string name = node.name;
  tx.put(before, std::move(node));
  tx.touch({Kind::nodes});
  touch_node_name(tx, name);
  touch_services_of_node(tx, name);
}

Status put_service(Transaction& tx, Service service) {
  Ref<Node> node = tx.tables().node(service.node);
  if (!node) return fail(ErrorCode::not_found, "Missing node registration");
  service.node = node->name;
  Ref<Service> before = tx.tables().service(service.node, service.id);
  if (same_content(before, service)) return {};
  Service copy = service;
  tx.put(before, std::move(service));
  if (before && fold_name(before->name) != fold_name(copy.name)) touch_after_removal(tx, before->name);
  tx.touch({Kind::services});
  touch_service_name(tx, copy.name);
  touch_node_name(tx, copy.node);
  copy_service_into_checks(tx, copy);
  return {};
}

Status put_check(Transaction& tx, Check check) {
  Ref<Node> node = tx.tables().node(check.node);
  if (!node) return fail(ErrorCode::not_found, "Missing node registration");
  check.node = node->name;
  check.service_name.clear();
  check.service_tags.clear();
  if (!check.service_id.empty()) {
    Ref<Service> service = tx.tables().service(check.node, check.service_id);
    if (!service) {
      return fail(ErrorCode::not_found, "Missing service registration on node \"" + check.node + "\"");
    }
    check.service_name = service->name;
    check.service_tags = service->tags;
  }
  Ref<Check> before = tx.tables().check(check.node, check.id);
  if (same_content(before, check)) return {};
  if (before && before->service_id != check.service_id) {
    before->service_id.empty() ? touch_services_of_node(tx, check.node) : touch_service_name(tx, before->service_name);
  }
  tx.touch({Kind::checks});
  if (check.service_id.empty()) {
    touch_services_of_node(tx, check.node);
  } else {
    touch_service_name(tx, check.service_name);
  }
  tell_runners(tx, check.id, before, check.definition);
  bool critical = check.status == kCritical;
  Check copy = check;
  tx.put(before, std::move(check));
  if (critical) end_sessions_of_check(tx, copy);
  return {};
}

void remove_service(Transaction& tx, std::string_view node, std::string_view id) {
  Ref<Service> service = tx.tables().service(node, id);
  if (!service) return;
  for (const Ref<Check>& check : tx.tables().checks_of_service(node, id)) erase_check(tx, check);
  tx.erase(service);
  // Also when it had no check: Consul moves the check table with every removed service.
  tx.touch({Kind::checks});
  tx.touch({Kind::services});
  touch_node_name(tx, service->node);
  touch_after_removal(tx, service->name);
}

void remove_check(Transaction& tx, std::string_view node, std::string_view id) {
  Ref<Check> check = tx.tables().check(node, id);
  if (!check) return;
  if (check->service_id.empty()) {
    touch_services_of_node(tx, check->node);
    // No service changed, but Consul moves the service table here and its clients were written against that.
    tx.touch({Kind::services});
    touch_node_name(tx, check->node);
  } else {
    touch_service_name(tx, check->service_name);
  }
  erase_check(tx, check);
}

void remove_node(Transaction& tx, std::string_view name) {
  Ref<Node> node = tx.tables().node(name);
  if (!node) return;
  for (const Ref<Service>& service : tx.tables().services_of_node(name)) remove_service(tx, name, service->id);
  for (const Ref<Check>& check : tx.tables().checks_of_node(name)) erase_check(tx, check);
  end_sessions_of_node(tx, node->name);
  tx.erase(node);
  tx.touch({Kind::nodes});
  tx.drop({Kind::node, fold_name(name)});
  tx.touch({Kind::node_extinction});
}

}  // namespace weir::registry

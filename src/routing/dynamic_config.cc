#include "weir/routing/dynamic_config.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "routing/expression.h"
#include "routing/option_list.h"
#include "routing/tag_traefik.h"
#include "weir/base/text.h"
#include "weir/base/url.h"

namespace weir::routing {

namespace {

constexpr size_t kSegmentsMax = 32;

struct Server {
  std::string url;
  std::string weight;
  std::string place;
  std::vector<std::string> unknown;  // fields that it has besides
};

/// The fields of one object, before lists are put together.
struct Gathered {
  TraefikField whole;                                            // without a value: the object's names and place
  std::map<std::string, TraefikField> fields;                    // by path, in lower case
  std::map<std::string, std::map<uint64_t, std::string>> lists;  // by path, then by number
  std::map<std::string, Server> servers;                         // by what stands at their number
};

/// The number of a list's element.
std::optional<uint64_t> element_number(const std::string& segment) {
  auto number = parse_u64(segment);
  return number && *number < kConfigListItemsMax ? number : std::nullopt;
}

/// "key traefik/http/routers/web" of "key traefik/http/routers/web/rule": what follows the object's name goes.
std::string object_place(const ConfigValue& value) {
  std::string place = value.place;
  for (size_t i = value.path.size(); i > 3; --i) {
    if (place.size() <= value.path[i - 1].size() || !place.ends_with(value.path[i - 1])) return value.place;
    place.resize(place.size() - value.path[i - 1].size() - 1);
  }
  return place;
}

/// Decodes one configuration. Used once.
class ConfigDecoder {
 public:
  explicit ConfigDecoder(const std::string& provider) : provider_(provider) { out_.provider = provider; }

  Definitions run(const std::vector<ConfigValue>& values) {
    size_t count = 0;
    for (const ConfigValue& value : values) {
      if (++count > kConfigValuesMax) {
        reject("value", value.place, "more than " + std::to_string(kConfigValuesMax) + " values", value.place);
        break;
      }
      take(value);
    }
    std::vector<TraefikField> fields;
    for (auto& [name, object] : objects_) flatten(object, fields);
    TraefikTags decoded = decode_traefik_fields(fields, {provider_, ""});
    for (RouterDefinition& router : decoded.routers) take_router(std::move(router));
    take_services(decoded);
    out_.middlewares = std::move(decoded.middlewares);
    for (Rejection& one : decoded.rejected) {
      if (one.kind == "tag") one.kind = "value";
      if (one.name.empty()) one.name = one.origin;
      out_.rejected.push_back(std::move(one));
    }
    return std::move(out_);
  }

 private:
  void reject(const std::string& kind, const std::string& name, const std::string& reason, const std::string& place) {
    out_.rejected.push_back({kind, name, reason, place});
  }

  void take(const ConfigValue& value) {
    bool empty_segment = std::any_of(value.path.begin(), value.path.end(), [](const auto& one) { return one.empty(); });
    if (value.path.size() < 3 || value.path.size() > kSegmentsMax || empty_segment) {
      return reject("value", value.place, "no object is named", value.place);
    }
    if (value.path[2].find('@') != std::string::npos) {
      return reject("value", value.place, "a name holds no @", value.place);
    }
    const std::string section = to_lower(value.path[0]) + "/" + to_lower(value.path[1]);
    Gathered& object = objects_[section + "/" + value.path[2]];
    if (object.whole.path.empty()) {
      object.whole.path = {to_lower(value.path[0]), to_lower(value.path[1]), value.path[2]};
      object.whole.object = object_place(value);
      object.whole.key = object.whole.object;
      object.whole.has_value = true;
    }
    // What is not for HTTP is reported once an object.
    if (object.whole.path[0] != "http") return;
    if (section == "http/services" && take_server(object, value)) return;
    take_field(object, value);
  }

  void take_field(Gathered& object, const ConfigValue& value) {
    TraefikField field = object.whole;
    field.value = std::string(trim(value.value));
    field.key = value.place;
    if (value.path.size() > 3 && field.path[1] == "routers" && to_lower(value.path[3]) == "parentrefs") {
      field.problem = "parentRefs are not supported: it would serve without its parent's middlewares";
    }
    for (size_t i = 3; i < value.path.size(); ++i) {
      const bool in_map = field.path.back() == "statusrewrites";  // of errors: by status
      auto number = in_map ? std::nullopt : element_number(value.path[i]);
      bool last = i + 1 == value.path.size();
      if (number && i > 3 && last) {
        std::string path = join(field.path, "/");
        object.lists[path][*number] = field.value;
        object.fields.insert_or_assign(path, std::move(field));
        return;
      }
      // As in tags: tls.domains[0].main
      if (number && i > 3) {
        field.path.back() += "[" + value.path[i] + "]";
      } else {
        field.path.push_back(to_lower(value.path[i]));
      }
    }
    object.fields.insert_or_assign(join(field.path, "/"), std::move(field));
  }

  /// http/services/<name>/loadBalancer/servers/<n>/<field>
  static bool take_server(Gathered& object, const ConfigValue& value) {
    if (value.path.size() < 5 || to_lower(value.path[3]) != "loadbalancer") return false;
    const std::string field = to_lower(value.path[4]);
    if (field == "server") {
      TraefikField bad = object.whole;
      bad.path.insert(bad.path.end(), {"loadbalancer", "server"});
      bad.problem = "unknown field loadbalancer.server; servers are a list";
      object.fields.insert_or_assign("server", std::move(bad));
      return true;
    }
    if (field != "servers") return false;
    Server& server = object.servers[value.path.size() > 5 ? value.path[5] : ""];
    server.place = value.place;
    const std::string member = value.path.size() == 7 ? to_lower(value.path[6]) : "";
    if (member == "url") {
      server.url = std::string(trim(value.value));
    } else if (member == "weight") {
      server.weight = std::string(trim(value.value));
    } else if (member != "preservepath") {
      server.unknown.emplace_back("expected servers/<number>/url or weight");
    } else if (trim(value.value) == "true") {
      server.unknown.emplace_back("preservePath is not supported; its URL's path is left out");
    }
    return true;
  }

  static void flatten(Gathered& object, std::vector<TraefikField>& fields) {
    for (auto& [path, items] : object.lists) {
      std::vector<std::string> texts;
      for (auto& [number, text] : items) texts.push_back(std::move(text));
      object.fields.at(path).value = list_text(texts);
    }
    for (auto& [path, field] : object.fields) fields.push_back(std::move(field));
    bool only_servers = object.fields.empty() && !object.servers.empty();
    if (object.fields.empty() && !only_servers) fields.push_back(object.whole);
  }

  void take_router(RouterDefinition router) {
    auto refuse = [&](const std::string& reason) {
      reject("router", router.name + "@" + provider_, reason, router.origin.text);
    };
    if (router.rule.empty()) return refuse("no rule");
    if (router.service.empty()) return refuse("no service");
    if (auto parsed = parse_expression(router.rule); !parsed) return refuse("rule: " + parsed.error().message);
    out_.routers.push_back(std::move(router));
  }

  void take_services(TraefikTags& decoded) {
    std::set<std::string> done(decoded.broken_services.begin(), decoded.broken_services.end());
    for (TaggedService& service : decoded.services) {
      done.insert(service.options.name);
      add_service(std::move(service.options));
    }
    for (auto& [key, object] : objects_) {
      if (object.servers.empty() || done.contains(object.whole.path[2])) continue;
      ServiceDefinition service;
      service.name = object.whole.path[2];
      service.origin.text = object.whole.object;
      add_service(std::move(service));
    }
  }

  void add_service(ServiceDefinition service) {
    const Gathered& object = objects_["http/services/" + service.name];
    const std::string name = service.name + "@" + provider_;
    for (const auto& [number, server] : object.servers) {
      if (service.endpoints.size() == kConfigListItemsMax) {
        reject("value", name, "more than " + std::to_string(kConfigListItemsMax) + " servers", server.place);
        break;
      }
      auto endpoint = endpoint_of(server);
      if (!endpoint) {
        // The other servers serve.
        reject("value", name, endpoint.error().message, server.place);
        continue;
      }
      for (const std::string& field : server.unknown) reject("value", name, "server: " + field, server.place);
      if (auto weight = weight_of(server)) {
        endpoint->weight = *weight;
      } else {
        reject("value", name, "server: weight: expected a whole number, found \"" + server.weight + "\"", server.place);
      }
      service.endpoints.push_back(std::move(*endpoint));
    }
    // Without any the last good version is better than none.
    if (service.endpoints.empty() && !object.servers.empty()) {
      return reject("service", name, "none of its servers can be read", service.origin.text);
    }
    std::sort(service.endpoints.begin(), service.endpoints.end(), [](const auto& a, const auto& b) {
      return std::tie(a.host, a.port, a.scheme) < std::tie(b.host, b.port, b.scheme);
    });
    out_.services.push_back(std::move(service));
  }

  static Result<EndpointDefinition> endpoint_of(const Server& server) {
    if (server.url.empty()) {
      const std::string reason = server.unknown.empty() ? "no url" : join(server.unknown, "; ");
      return fail(ErrorCode::invalid, "server: " + reason);
    }
    auto url = Url::parse_server(server.url);
    if (!url) return fail(ErrorCode::invalid, "server: " + url.error().message);
    EndpointDefinition out;
    out.scheme = url->scheme;
    out.host = url->host;
    out.port = url->port;
    return out;
  }

  static std::optional<uint32_t> weight_of(const Server& server) {
    return server.weight.empty() ? std::optional(EndpointDefinition().weight) : parse_weight(server.weight);
  }

  const std::string& provider_;
  std::map<std::string, Gathered> objects_;  // by "http/routers/web"
  Definitions out_;
};

}  // namespace

Definitions decode_dynamic_config(const std::vector<ConfigValue>& values, const std::string& provider) {
  return ConfigDecoder(provider).run(values);
}

}  // namespace weir::routing

#include "routing/tag_traefik.h"

#include <algorithm>
#include <map>
#include <set>

#include "routing/default_rule.h"
#include "routing/go_number.h"
#include "routing/left_out_fields.h"
#include "routing/middleware.h"
#include "routing/option_list.h"
#include "routing/rule_rewriter.h"
#include "routing/short_form.h"
#include "weir/base/go_bool.h"
#include "weir/base/text.h"
#include "weir/base/url.h"
#include "weir/routing/qualified_name.h"

namespace weir::routing {

namespace {

// Beyond it the turns of an endpoint are not told apart any more, see Balancer::form_rings.
constexpr int64_t kWeightMax = 100'000'000;

using Tag = TraefikField;

/// An object while its tags are collected.
template <typename T>
struct Draft {
  T object;
  std::vector<std::string> problems;      // for which Traefik does not read the instance at all
  std::vector<std::string> own_problems;  // that cost Traefik no more than this object
  std::string origin;                     // what its tags begin with
};

std::optional<int64_t> parse_signed(std::string_view text) { return parse_i64(without_plus(text)); }

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// "traefik.http.routers.web" of "traefik.http.routers.web.rule"; all of "weir.host".
std::string object_of(const Tag& tag, size_t prefix_bytes) {
  if (tag.path.size() < 3) return tag.key;
  size_t at = prefix_bytes + 1;
  for (int dots = 0; dots < 2; ++dots) at = tag.key.find('.', at) + 1;
  return tag.key.substr(0, at + tag.path[2].size());
}

/// The tags of one prefix in the byte order of their keys. A later tag of the same key wins, as in a map of labels.
std::map<std::string, Tag> read_tags(const std::vector<std::string>& tags, const std::string& prefix, bool trims) {
  std::map<std::string, Tag> out;
  const bool ours = prefix != "traefik";
  // Traefik takes a blank for a part of the name or the value it stands at.
  auto part_of = [&](std::string_view text) { return ours || trims ? trim(text) : text; };
  for (const std::string& whole : tags) {
    std::string_view text = part_of(whole);
    if (!text.starts_with(prefix + ".")) continue;
    size_t equals = text.find('=');
    Tag tag;
    tag.key = std::string(part_of(text.substr(0, equals)));
    tag.has_value = equals != std::string_view::npos;
    tag.ours = ours;
    if (tag.has_value) tag.value = std::string(part_of(text.substr(equals + 1)));
    for (std::string_view part : split(std::string_view(tag.key).substr(prefix.size() + 1), '.')) {
      tag.path.push_back(tag.path.size() == 2 ? std::string(part) : to_lower(part));
    }
    tag.object = object_of(tag, prefix.size());
    std::string key = tag.key;
    out[std::move(key)] = std::move(tag);
  }
  return out;
}

std::vector<Tag> collect(const std::vector<std::string>& tags, const std::vector<std::string>& prefixes, bool trims) {
  std::map<std::string, Tag> by_key;
  // Names that differ in case only are one, as in Traefik: the first in that order.
  std::map<std::string, std::string> names;
  for (const std::string& prefix : prefixes) {
    std::map<std::string, Tag> of_prefix;
    for (auto& [written, tag] : read_tags(tags, prefix, trims)) {
      if (tag.path.size() > 2) {
        const std::string object = tag.path[0] + "." + tag.path[1] + "." + to_lower(tag.path[2]);
        tag.path[2] = names.try_emplace(object, tag.path[2]).first->second;
      }
      std::string key = join(tag.path, ".");
      of_prefix[key] = std::move(tag);  // of two that differ in case only the later
    }
    by_key.merge(of_prefix);  // keeps what an earlier prefix said
  }
  std::vector<Tag> out;
  out.reserve(by_key.size());
  for (auto& [key, tag] : by_key) out.push_back(std::move(tag));
  return out;
}

class Decoder {
 public:
  explicit Decoder(const TagContext& context) : context_(context) {}

  void take(const Tag& tag) {
    const std::string& first = tag.path[0];
    if (!tag.has_value) return reject_tag(tag, "no = and value");
    if (first == "http") return take_http(tag);
    if (first.starts_with("enable")) {
      take_enable(tag);
    } else if (first == "consulcatalog" || first == "nomad") {
      take_catalog(tag);
    } else if (first == "tcp" || first == "udp") {
      take_other_protocol(tag);
    } else if (first == "tls" && tag.path.size() > 1) {
      reject_tag(tag, "certificate stores are not supported yet");
    } else if (is_one_of(first, {"frontend", "frontends", "backend", "port", "protocol", "weight"}) && !tag.ours) {
      // Once for each service.
      if (!std::exchange(speaks_v1_, true)) reject_tag(tag, "tags of Traefik 1 are not read, as by Traefik 2 and 3");
    } else if (!take_short(tag) && first != "docker") {
      reject_tag(tag, "unknown field");
    }
  }

  TraefikTags finish() {
    finish_short();
    finish_drafts(routers_, "router", out_.broken_routers,
                  [&](RouterDefinition& router) { out_.routers.push_back(std::move(router)); });
    finish_drafts(services_, "service", out_.broken_services,
                  [&](TaggedService& service) { out_.services.push_back(std::move(service)); });
    std::vector<std::string> unused;
    finish_drafts(middlewares_, "middleware", unused,
                  [&](MiddlewareDefinition& middleware) { out_.middlewares.push_back(std::move(middleware)); });
    return std::move(out_);
  }

 private:
  static std::string to_upper_protocol(std::string_view protocol) { return protocol == "tcp" ? "TCP" : "UDP"; }

  std::string origin(const std::string& key) const {
    return context_.service_name.empty() ? key : "service " + context_.service_name + ", tag " + key;
  }

  void reject_tag(const Tag& tag, const std::string& reason) {
    const bool names_object = tag.path.size() > 2 && is_one_of(tag.path[0], {"http", "tcp", "udp"});
    std::string name = names_object ? tag.path[2] + "@" + context_.provider : context_.service_name;
    out_.rejected.push_back({"tag", name, reason, origin(tag.key)});
  }

  /// The object can do without this field.
  void leave_out(const Tag& tag, size_t field_at) {
    const std::string field = field_name(tag, field_at);
    const bool asks_for_certificate = field == "tls.certresolver" || field.starts_with("tls.domains");
    reject_tag(tag, "field " + field +
                        (asks_for_certificate ? " is left out: certificates are files (docs/tls.md)"
                                              : " is not supported yet and is left out"));
  }

  static std::string field_name(const Tag& tag, size_t at) {
    return join({tag.path.begin() + static_cast<ptrdiff_t>(std::min(at, tag.path.size())), tag.path.end()}, ".");
  }

  void take_other_protocol(const Tag& tag) {
    // A middleware alone does not make it a service of that protocol.
    const bool is_served = tag.path.size() > 2 && is_one_of(tag.path[1], {"routers", "services"});
    out_.other_protocols = out_.other_protocols || is_served;
    const bool known =
        tag.path.size() > 3 && is_known_elsewhere(tag.path[0] + "." + tag.path[1] + "." + field_name(tag, 3));
    out_.misread = out_.misread || !known;
    const bool is_named = known || (tag.path.size() == 3 && is_served);
    reject_tag(tag, is_named ? to_upper_protocol(tag.path[0]) + " routers are not supported yet" : "unknown field");
  }

  /// Whoever wrote it meant to hide something more often than not: as in Traefik, what is not plainly true hides.
  void take_enable(const Tag& tag) {
    const bool is_field = tag.path.size() == 1 && tag.path[0] == "enable";
    const auto value = parse_go_bool(tag.value);
    if (is_field && value) {
      out_.enable = value;
      return;
    }
    out_.misread = true;
    if (!is_field && (value == true || out_.enable)) return reject_tag(tag, "unknown field");
    out_.enable = false;
    out_.hidden_unread = true;
    const std::string what = is_field ? "\"" + tag.value + "\" is neither true nor false" : "unknown field";
    reject_tag(tag, what + "; its instances are hidden, as if it were enable=false");
  }

  /// Whether it says one place of a list, which is reported.
  bool leave_out_numbered(const Tag& tag, const std::string& field) {
    if (!is_numbered(field)) return false;
    reject_tag(tag, "a list is written with commas; what stands at a number is left out, as by Traefik");
    return true;
  }

  void take_catalog(const Tag& tag) {
    if (tag.path[0] != context_.catalog) return reject_tag(tag, "it is for a catalog of another kind");
    auto value = parse_go_bool(tag.value);
    const bool is_field = tag.path.size() == 2 && is_one_of(tag.path[1], {"connect", "canary"});
    out_.misread = out_.misread || !is_field || !value;
    if (!is_field) return reject_tag(tag, "unknown field");
    if (!value) return reject_tag(tag, "\"" + tag.value + "\" is neither true nor false");
    if (tag.path[1] == "canary") {
      out_.canary = *value;
    } else if (*value && !context_.connect) {
      reject_tag(tag, "providers.consul.connect_service names nobody; the service's plain address is used");
    }
  }

  template <typename T>
  Draft<T>& draft(std::map<std::string, Draft<T>>& drafts, const Tag& tag) {
    Draft<T>& found = drafts[tag.path[2]];
    if (found.origin.empty()) found.origin = tag.object;
    if (!tag.problem.empty()) found.problems.push_back(tag.problem);
    return found;
  }

  void take_http(const Tag& tag) {
    if (std::find(tag.path.begin(), tag.path.end(), "") != tag.path.end()) {
      out_.misread = true;
      return reject_tag(tag, "a part of its name is empty");
    }
    if (tag.path.size() < 3) return reject_tag(tag, "no object is named");
    if (tag.path.size() == 3 && tag.path[1] == "routers") return reject_tag(tag, "no field is named");
    const std::string& section = tag.path[1];
    if (section == "routers") return take_router_field(draft(routers_, tag), tag);
    if (section == "services") return take_service_field(draft(services_, tag), tag);
    if (section == "middlewares") return take_middleware_option(draft(middlewares_, tag), tag);
    if (section == "serverstransports") return reject_tag(tag, "servers transports are not read from tags");
    out_.misread = true;
    reject_tag(tag, "unknown field");
  }

  // weir.host=…, weir.path_prefix=… and so on: one router, for people who write ten lines by hand.
  bool take_short(const Tag& tag) {
    if (!tag.ours || tag.path.size() != 1) return false;
    bool known = is_one_of(tag.path[0], {"host", "path_prefix", "path", "rule", "service", "middlewares",
                                         "entry_points", "priority", "tls"});
    if (!known) return false;
    short_[tag.path[0]] = tag;
    return true;
  }

  std::vector<std::string> short_list(const std::string& field) const {
    auto found = short_.find(field);
    if (found == short_.end()) return {};
    std::vector<std::string> out;
    for (std::string_view one : split_list(found->second.value)) out.emplace_back(one);
    return out;
  }

  void finish_short() {
    if (short_.empty()) return;
    Draft<RouterDefinition>& draft = routers_[normalize_name(context_.service_name)];
    RouterDefinition& router = draft.object;
    draft.origin = short_.begin()->second.object;
    auto rule = short_.find("rule");
    bool lists = short_.contains("host") || short_.contains("path_prefix") || short_.contains("path");
    if (rule != short_.end()) {
      router.rule = rule->second.value;
      if (lists) draft.problems.emplace_back("a rule together with host, path_prefix or path");
    } else if (lists) {
      auto made = short_rule(short_list("host"), short_list("path_prefix"), short_list("path"));
      if (made) router.rule = std::move(*made);
      if (!made) draft.problems.push_back(made.error().message);
    }
    if (auto service = short_.find("service"); service != short_.end())
      router.service = reference(service->second.value);
    for (const std::string& name : short_list("middlewares")) router.middlewares.push_back(reference(name));
    router.entry_points = short_list("entry_points");
    if (auto priority = short_.find("priority"); priority != short_.end()) {
      auto number = parse_i64(priority->second.value);
      bool good = number && *number <= kPriorityMax && *number >= -kPriorityMax;
      if (good) router.priority = *number;
      if (!good) bad_value(draft, priority->second, "a whole number");
    }
    if (auto tls = short_.find("tls"); tls != short_.end()) {
      auto on = parse_go_bool(tls->second.value);
      router.tls = on.value_or(false);
      if (!on) bad_value(draft, tls->second, "true or false");
    }
  }

  void take_router_field(Draft<RouterDefinition>& draft, const Tag& tag) {
    RouterDefinition& router = draft.object;
    std::string field = field_name(tag, 3);
    if (field == "rule") {
      router.rule = tag.value;
    } else if (field == "priority") {
      auto priority = parse_signed(tag.value);
      if (!priority) return bad_value(draft, tag, "a whole number");
      if (*priority > kPriorityMax) {
        return bad_value(tag, "at most " + std::to_string(kPriorityMax), draft.own_problems);
      }
      router.priority = *priority;
    } else if (field == "entrypoints") {
      for (std::string_view name : list_items(tag.value)) router.entry_points.emplace_back(name);
    } else if (field == "middlewares") {
      for (std::string_view name : list_items(tag.value)) router.middlewares.push_back(reference(name));
    } else if (field == "service") {
      router.service = reference(tag.value);
    } else if (field == "tls") {
      take_tls(router, tag);
    } else if (field == "tls.options") {
      router.tls = true;
      router.tls_options = tls_object(tag.value);
    } else if (field == "rulesyntax") {
      // Traefik takes every other word for v3.
      if (equals_ignore_case(tag.value, "v2")) in_v2_.insert(tag.path[2]);
    } else if ((field.starts_with("entrypoints[") || field.starts_with("middlewares[")) &&
               leave_out_numbered(tag, field)) {
      return;
    } else if (take_left_out(draft, tag, 3)) {
      router.tls = router.tls || field.starts_with("tls.");
    } else {
      draft.problems.push_back("unknown field " + (field.empty() ? tag.key : field));
    }
  }

  void take_tls(RouterDefinition& router, const Tag& tag) {
    if (is_object_there(tag.value)) {
      router.tls = true;
      return;
    }
    without_tls_.insert(tag.path[2]);
    if (parse_go_bool(tag.value) != false) reject_tag(tag, "\"" + tag.value + "\" counts as false, as for Traefik");
  }

  /// One of Traefik's that the object can do without, checked as Traefik would.
  template <typename T>
  bool take_left_out(Draft<T>& draft, const Tag& tag, size_t field_at) {
    auto problem = left_out_problem(field_name(tag, field_at), tag.value);
    if (!problem) return false;
    if (!problem->empty()) {
      bad_value(draft, tag, *problem);
    } else {
      leave_out(tag, field_at);
    }
    return true;
  }

  /// TLS options and transports are in the TLS file, whoever names them: "mutual@file" is "mutual".
  static std::string tls_object(std::string_view reference) { return std::string(trim(local_name(reference))); }

  void take_service_field(Draft<TaggedService>& draft, const Tag& tag) {
    if (tag.path.size() < 5 || tag.path[3] != "loadbalancer") {
      std::string field = field_name(tag, 3);
      bool elsewhere =
          tag.path.size() > 3 && is_one_of(tag.path[3], {"weighted", "mirroring", "failover", "highestrandomweight"});
      draft.problems.push_back(elsewhere ? tag.path[3] + " services are not read from tags" : "unknown field " + field);
      return;
    }
    std::string field = field_name(tag, 4);
    if (tag.path[4] == "server") return take_server_field(draft, tag);
    if (tag.path[4] == "healthcheck") return take_read_field(draft, draft.object.health_check, tag);
    if (tag.path[4] == "sticky") return take_read_field(draft, draft.object.sticky, tag);
    if (field == "passhostheader") {
      auto on = parse_go_bool(tag.value);
      if (!on) return bad_value(draft, tag, "true or false");
      draft.object.options.pass_host_header = *on;
    } else if (field == "strategy") {
      draft.object.options.strategy = to_lower(tag.value);
    } else if (field == "proxyprotocol.version") {
      // Traefik has it for TCP services.
      if (!is_one_of(tag.value, {"1", "2"})) return bad_value(draft, tag, "1 or 2");
      draft.object.options.proxy_protocol = static_cast<uint8_t>(tag.value[0] - '0');
    } else if (field == "serverstransport") {
      draft.object.options.servers_transport = tls_object(tag.value);
    } else if (!take_left_out(draft, tag, 4)) {
      draft.problems.push_back("unknown field loadbalancer." + field);
    }
  }

  /// Of an object that has a reader of its own.
  template <typename Reader>
  void take_read_field(Draft<TaggedService>& draft, Reader& reader, const Tag& tag) {
    auto expected = reader.read(field_name(tag, 5), tag.value);
    if (!expected) {
      draft.problems.push_back("unknown field loadbalancer." + field_name(tag, 4));
    } else if (!expected->empty()) {
      bad_value(draft, tag, *expected);
    }
  }

  void take_server_field(Draft<TaggedService>& draft, const Tag& tag) {
    TaggedService& service = draft.object;
    std::string field = field_name(tag, 5);
    // Traefik's empty text is none: what the instance has counts.
    if (tag.value.empty() && is_one_of(field, {"port", "scheme", "url"})) return;
    if (field == "port") {
      auto port = parse_u64(tag.value);
      // To Traefik it is a text, of a server that nobody reaches.
      if (!port || *port == 0 || *port > 65535) return bad_value(tag, "a port, 1 to 65535", draft.own_problems);
      service.port = static_cast<uint16_t>(*port);
    } else if (field == "scheme") {
      service.scheme = to_lower(tag.value);
      const bool known = is_one_of(service.scheme, {"http", "https", "h2c"});
      if (!known) bad_value(tag, "http, https or h2c", draft.own_problems);
    } else if (field == "weight") {
      service.weight = parse_weight(tag.value);
      if (!service.weight) return bad_value(draft, tag, "a whole number");
    } else if (field == "url") {
      if (auto url = Url::parse_server(tag.value); !url) {
        draft.own_problems.push_back("field server.url: " + url.error().message);
      } else {
        service.url = tag.value;
      }
    } else if (field == "preservepath") {
      auto on = parse_go_bool(tag.value);
      if (!on) return bad_value(draft, tag, "true or false");
      if (*on) leave_out(tag, 4);
    } else if (!take_left_out(draft, tag, 4)) {
      draft.problems.push_back("unknown field loadbalancer.server." + field);
    }
  }

  void take_middleware_option(Draft<MiddlewareDefinition>& draft, const Tag& tag) {
    if (tag.path.size() < 4 || tag.path[3].empty()) {
      draft.problems.push_back("no type");
      return;
    }
    MiddlewareDefinition& middleware = draft.object;
    std::string type = middleware_type_name(tag.path[3]);
    if (!middleware.type.empty() && middleware.type != type) {
      draft.own_problems.push_back("two types, " + middleware.type + " and " + type);
      return;
    }
    middleware.type = type;
    std::string option = field_name(tag, 4);
    if (leave_out_numbered(tag, option)) return;
    if (!option.empty()) {
      middleware.options[option] = type == "chain" ? references(tag.value) : tag.value;
    } else if (auto on = parse_go_bool(tag.value); !on || !*on) {
      draft.problems.push_back("type " + type + " is given the value \"" + tag.value + "\"");
    }
  }

  template <typename T>
  void bad_value(Draft<T>& draft, const Tag& tag, const std::string& expected) {
    bad_value(tag, expected, draft.problems);
  }
  static void bad_value(const Tag& tag, const std::string& expected, std::vector<std::string>& problems) {
    std::string field = tag.path.size() > 3 ? field_name(tag, 3) : tag.key;
    problems.push_back("field " + field + ": expected " + expected + ", found \"" + tag.value + "\"");
  }

  /// Traefik calls the catalog consulcatalog; tags written for it must find their objects here.
  static std::string reference(std::string_view name) {
    return provider_of(name) == "consulcatalog" ? qualify(local_name(name), "consul") : std::string(name);
  }

  static std::string references(std::string_view list) {
    std::vector<std::string> out;
    for (std::string_view name : split_list(list)) out.push_back(reference(name));
    return join(out, ",");
  }

  static void set_name(RouterDefinition& router, const std::string& name, const std::string& origin) {
    router.name = name;
    router.origin.text = origin;
  }
  static void set_name(MiddlewareDefinition& middleware, const std::string& name, const std::string& origin) {
    middleware.name = name;
    middleware.origin.text = origin;
  }
  static void set_name(TaggedService& service, const std::string& name, const std::string& origin) {
    service.options.name = name;
    service.options.origin.text = origin;
  }

  /// A rule of v2 becomes the one of v3 that says the same, with the priority that its own length gives it.
  void check_whole(Draft<RouterDefinition>& draft) const {
    RouterDefinition& router = draft.object;
    if (without_tls_.contains(router.name)) {
      router.tls = false;
      router.tls_options.clear();
    }
    if (!in_v2_.contains(router.name) || router.rule.empty()) return;
    auto rule = rule_of_v2(router.rule);
    if (!rule) {
      draft.own_problems.push_back("rule: " + rule.error().message);
      return;
    }
    if (router.priority == 0) router.priority = static_cast<int64_t>(router.rule.size());
    router.rule = std::move(*rule);
  }
  static void check_whole(Draft<MiddlewareDefinition>&) {}
  void check_whole(Draft<TaggedService>& draft) {
    TaggedService& service = draft.object;
    service.options.health_check = service.health_check.check();
    service.options.sticky = service.sticky.cookie();
    // Traefik reads these: the service is there, with what can be made of its check.
    for (const std::string& note : service.health_check.notes()) {
      out_.rejected.push_back(
          {"tag", service.options.name + "@" + context_.provider, "healthcheck: " + note, service.options.origin.text});
    }
    if (!service.url.empty() && (service.port != 0 || service.scheme != "http")) {
      draft.problems.push_back("server.url together with server.port or server.scheme");
    }
  }

  template <typename T, typename Accept>
  void finish_drafts(std::map<std::string, Draft<T>>& drafts, const std::string& kind, std::vector<std::string>& broken,
                     Accept accept) {
    for (auto& [name, draft] : drafts) {
      std::string from = origin(draft.origin);
      set_name(draft.object, name, from);
      check_whole(draft);
      if (draft.problems.empty() && draft.own_problems.empty()) {
        accept(draft.object);
        continue;
      }
      broken.push_back(name);
      out_.misread = out_.misread || !draft.problems.empty();
      std::move(draft.own_problems.begin(), draft.own_problems.end(), std::back_inserter(draft.problems));
      out_.rejected.push_back({kind, name + "@" + context_.provider, join(draft.problems, "; "), from});
    }
  }

  const TagContext& context_;
  bool speaks_v1_ = false;  // and it has been told
  TraefikTags out_;
  std::map<std::string, Tag> short_;                // fields of the short form
  std::set<std::string, std::less<>> in_v2_;        // routers whose rule is of that syntax
  std::set<std::string, std::less<>> without_tls_;  // routers that say so
  std::map<std::string, Draft<RouterDefinition>> routers_;
  std::map<std::string, Draft<TaggedService>> services_;
  std::map<std::string, Draft<MiddlewareDefinition>> middlewares_;
};

}  // namespace

std::optional<uint32_t> parse_weight(std::string_view text) {
  auto weight = parse_signed(text);
  return weight ? std::optional(static_cast<uint32_t>(std::clamp<int64_t>(*weight, 0, kWeightMax))) : std::nullopt;
}

TraefikTags decode_traefik_tags(const std::vector<std::string>& tags, const std::vector<std::string>& prefixes,
                                const TagContext& context) {
  Decoder decoder(context);
  for (const Tag& tag : collect(tags, prefixes, context.trims)) decoder.take(tag);
  return decoder.finish();
}

TraefikTags decode_traefik_fields(const std::vector<TraefikField>& fields, const TagContext& context) {
  Decoder decoder(context);
  for (const TraefikField& field : fields) decoder.take(field);
  return decoder.finish();
}

}  // namespace weir::routing

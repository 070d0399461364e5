#include "weir/routing/route_file.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <set>

#include "routing/expression.h"
#include "routing/health_check.h"
#include "routing/option_list.h"
#include "routing/short_form.h"
#include "routing/sticky_cookie.h"
#include "weir/base/text.h"
#include "weir/base/url.h"
#include "weir/config/document.h"

namespace weir::routing {

namespace {

using config::Node;

constexpr std::string_view kProvider = "file";
constexpr int64_t kWeightMax = 1'000'000;

std::string at_provider(std::string_view name) { return std::string(name) + "@" + std::string(kProvider); }

/// "routes.d/shop.toml" -> "shop".
std::string stem_of(std::string_view file_name) {
  size_t slash = file_name.rfind('/');
  if (slash != std::string_view::npos) file_name.remove_prefix(slash + 1);
  return std::string(file_name.substr(0, file_name.rfind('.')));
}

std::string place_of(const Node& node) {
  Error error = node.key_error("");
  return error.file + ":" + std::to_string(error.line) + ":" + std::to_string(error.column);
}

/// Reads the members of one table and collects what is wrong with them.
class TableReader {
 public:
  TableReader(const Node& table, std::initializer_list<std::string_view> known_keys) : table_(table) {
    for (const Node& member : table.members) {
      if (std::find(known_keys.begin(), known_keys.end(), member.key) != known_keys.end()) continue;
      std::string known = join({known_keys.begin(), known_keys.end()}, ", ");
      errors.push_back(member.key_error("unknown key \"" + member.key + "\"; known are " + known));
    }
  }

  std::string text(std::string_view key) {
    const Node* node = expect(key, Node::Kind::string);
    return node ? node->text : "";
  }

  /// A string, or a list of strings.
  std::vector<std::string> texts(std::string_view key) {
    const Node* node = table_.find(key);
    if (node == nullptr) return {};
    if (node->kind == Node::Kind::string) return {node->text};
    std::vector<std::string> out;
    if (node->kind != Node::Kind::array)
      errors.push_back(node->error(mismatch(*node, "a string or a list of strings")));
    for (const Node& item : node->items) {
      if (item.kind == Node::Kind::string) {
        out.push_back(item.text);
      } else {
        errors.push_back(item.error(mismatch(item, "a string")));
      }
    }
    return out;
  }

  int64_t number(std::string_view key, int64_t min, int64_t max, int64_t fallback) {
    const Node* node = expect(key, Node::Kind::integer);
    if (node == nullptr) return fallback;
    if (node->integer >= min && node->integer <= max) return node->integer;
    errors.push_back(node->error("expected " + std::to_string(min) + " to " + std::to_string(max)));
    return fallback;
  }

  bool boolean(std::string_view key, bool fallback) {
    const Node* node = expect(key, Node::Kind::boolean);
    return node ? node->boolean : fallback;
  }

  static std::string mismatch(const Node& node, std::string_view expected) {
    return "expected " + std::string(expected) + ", found " + std::string(to_string(node.kind));
  }

  std::vector<Error> errors;

 private:
  const Node* expect(std::string_view key, Node::Kind kind) {
    const Node* node = table_.find(key);
    if (node == nullptr || node->kind == kind) return node;
    errors.push_back(node->error(mismatch(*node, to_string(kind))));
    return nullptr;
  }

  const Node& table_;
};

/// Decodes one file. Used once.
class FileDecoder {
 public:
  explicit FileDecoder(const std::string& file_name) : file_name_(file_name), stem_(stem_of(file_name)) {
    out_.provider = kProvider;
  }

  Definitions run(const Node& root) {
    for (const Node& member : root.members) {
      if (member.key == "route") {
        each_route(member);
      } else if (member.key == "services") {
        each_of(member, &FileDecoder::read_service);
      } else if (member.key == "middlewares") {
        each_of(member, &FileDecoder::read_middleware);
      } else {
        reject("file", file_name_,
               member.key_error("unknown key \"" + member.key + "\"; known are route, services, middlewares"));
      }
    }
    return std::move(out_);
  }

 private:
  void reject(std::string kind, std::string name, const Error& error) {
    std::string origin = error.file + ":" + std::to_string(error.line) + ":" + std::to_string(error.column);
    out_.rejected.push_back({std::move(kind), std::move(name), error.message, std::move(origin)});
  }

  void reject_all(const std::string& kind, const std::string& name, const std::vector<Error>& errors) {
    for (const Error& error : errors) reject(kind, name, error);
  }

  void each_of(const Node& table, void (FileDecoder::*read)(const Node&)) {
    if (table.kind != Node::Kind::table) {
      return reject("file", file_name_,
                    table.error(table.key + ": " + TableReader::mismatch(table, "a table of names")));
    }
    for (const Node& member : table.members) (this->*read)(member);
  }

  void each_route(const Node& routes) {
    if (routes.kind != Node::Kind::array) {
      return reject("file", file_name_, routes.key_error("write [[route]], with two brackets"));
    }
    size_t number = 0;
    for (const Node& route : routes.items) read_route(route, ++number);
  }

  void read_route(const Node& node, size_t number) {
    std::string ordinal = stem_ + ", route " + std::to_string(number);
    if (node.kind != Node::Kind::table)
      return reject("router", ordinal, node.error(TableReader::mismatch(node, "a table")));
    TableReader reader(node, {"name", "host", "path_prefix", "path", "rule", "service", "middlewares", "entry_points",
                              "priority", "tls", "tls_options"});
    RouterDefinition router;
    router.rule = rule_of(node, reader);
    router.name = reader.text("name");
    if (router.name.empty()) router.name = name_from_match(node, reader, router.rule);
    router.priority = reader.number("priority", INT64_MIN, kPriorityMax, 0);
    router.entry_points = reader.texts("entry_points");
    router.middlewares = reader.texts("middlewares");
    router.service = reader.text("service");
    router.tls_options = reader.text("tls_options");
    router.tls = reader.boolean("tls", !router.tls_options.empty());
    router.origin.text = place_of(node);
    if (node.find("service") == nullptr) reader.errors.push_back(node.error("no service"));
    if (router.name.find('@') != std::string::npos) reader.errors.push_back(node.error("a name holds no @"));
    if (reader.errors.empty() && !router_names_.insert(router.name).second) {
      // Not of kind router: the first of this name is there and good.
      return reject("file", at_provider(router.name),
                    node.error("this file has a route named \"" + router.name + "\" before; give it another name"));
    }
    if (!reader.errors.empty())
      return reject_all("router", router.name.empty() ? ordinal : at_provider(router.name), reader.errors);
    out_.routers.push_back(std::move(router));
  }

  /// "shop/shop.example.com/api": the same as long as it matches the same, wherever in the file it stands, so that one
  /// route is never taken for another.
  std::string name_from_match(const Node& node, TableReader& reader, const std::string& rule) const {
    if (rule.empty()) return "";
    if (node.find("rule") != nullptr) return stem_ + "/rule-" + std::to_string(fnv1a(rule));
    size_t errors_before = reader.errors.size();
    std::string match = join(reader.texts("host"), ",") + join(reader.texts("path_prefix"), ",");
    std::string paths = join(reader.texts("path"), ",");
    reader.errors.resize(errors_before);  // rule_of has reported them
    if (!paths.empty()) match += "=" + paths;
    return stem_ + "/" + replace_all(match, "@", "%40");
  }

  /// The rule as given, or made of host and path. Its errors point at the value that is wrong.
  static std::string rule_of(const Node& node, TableReader& reader) {
    const Node* rule = node.find("rule");
    bool short_form =
        node.find("host") != nullptr || node.find("path_prefix") != nullptr || node.find("path") != nullptr;
    if (rule != nullptr && short_form) {
      reader.errors.push_back(rule->key_error("a rule together with host, path_prefix or path"));
      return "";
    }
    if (rule != nullptr) {
      std::string text = reader.text("rule");
      if (auto parsed = parse_expression(text); rule->kind == Node::Kind::string && !parsed) {
        reader.errors.push_back(rule->error("rule: " + parsed.error().message));
      }
      return text;
    }
    if (!short_form) {
      reader.errors.push_back(node.error("no host, path_prefix, path or rule"));
      return "";
    }
    std::vector<std::string> terms;
    for (auto [key, matcher] : {std::pair{"host", "Host"}, {"path_prefix", "PathPrefix"}, {"path", "Path"}}) {
      std::string term = any_of(node, reader, key, matcher);
      if (!term.empty()) terms.push_back(std::move(term));
    }
    return join(terms, " && ");
  }

  /// (Host(`a`) || Host(`b`)); "" where the key is not there or has an error.
  static std::string any_of(const Node& node, TableReader& reader, std::string_view key, std::string_view matcher) {
    const Node* value = node.find(key);
    std::vector<std::string> texts = reader.texts(key);
    for (const std::string& text : texts) {
      auto parsed = text.find('`') == std::string::npos ? parse_expression(any_of_term(matcher, {text}))
                                                        : Result<Expression>(fail(ErrorCode::invalid, "it holds a `"));
      if (!parsed) reader.errors.push_back(value->error("\"" + text + "\": " + parsed.error().message));
    }
    if (value != nullptr && value->kind == Node::Kind::array && value->items.empty()) {
      reader.errors.push_back(value->error("an empty list"));
    }
    return any_of_term(matcher, texts);
  }

  void read_service(const Node& node) {
    if (!check_named_table(node, "service")) return;
    TableReader reader(node, {"servers", "pass_host_header", "strategy", "proxy_protocol", "servers_transport",
                              "health_check", "sticky_cookie"});
    ServiceDefinition service;
    service.name = node.key;
    service.pass_host_header = reader.boolean("pass_host_header", true);
    if (node.find("strategy") != nullptr) service.strategy = reader.text("strategy");
    service.proxy_protocol = static_cast<uint8_t>(reader.number("proxy_protocol", 0, 2, 0));
    service.servers_transport = reader.text("servers_transport");
    if (const Node* check = node.find("health_check")) service.health_check = read_health_check(*check, reader.errors);
    if (const Node* cookie = node.find("sticky_cookie")) service.sticky = read_sticky_cookie(*cookie, reader.errors);
    service.origin.text = place_of(node);
    const Node* servers = node.find("servers");
    if (servers == nullptr || servers->kind != Node::Kind::array) {
      reader.errors.push_back((servers ? *servers : node).key_error("servers: expected a list of URLs"));
    }
    if (!reader.errors.empty()) return reject_all("service", at_provider(node.key), reader.errors);
    for (const Node& server : servers->items) {
      auto endpoint = read_server(server);
      if (endpoint) {
        service.endpoints.push_back(std::move(*endpoint));
      } else {
        reject("file", at_provider(node.key), endpoint.error());  // the other servers serve
      }
    }
    // Without any the last good version is better than none.
    if (service.endpoints.empty() && !servers->items.empty()) {
      return reject("service", at_provider(node.key), servers->error("none of its servers can be read"));
    }
    std::sort(service.endpoints.begin(), service.endpoints.end(), [](const auto& a, const auto& b) {
      return std::tie(a.host, a.port, a.scheme) < std::tie(b.host, b.port, b.scheme);
    });
    out_.services.push_back(std::move(service));
  }

  /// False where it is no table. Keys that are none of those are errors.
  static bool check_table(const Node& node, const char* wanted, std::initializer_list<std::string_view> known_keys,
                          std::vector<Error>& errors) {
    if (node.kind != Node::Kind::table) {
      errors.push_back(node.error(TableReader::mismatch(node, wanted)));
      return false;
    }
    TableReader known(node, known_keys);
    errors.insert(errors.end(), known.errors.begin(), known.errors.end());
    return true;
  }

  /// Traefik's fields by our names. What it would read and could not follow is an error here.
  static HealthCheckRef read_health_check(const Node& node, std::vector<Error>& errors) {
    if (!check_table(node, "a table such as { path = \"/health\" }",
                     {"mode", "scheme", "path", "method", "status", "port", "interval", "unhealthy_interval", "timeout",
                      "hostname", "follow_redirects", "headers"},
                     errors)) {
      return {};
    }
    HealthCheckReader reader;
    reader.read("mode", "");  // without any key it is a check of "/"
    for (const Node& member : node.members) {
      std::map<std::string, std::string> texts;
      std::vector<Error> wrong;
      flatten(member, to_lower(replace_all(member.key, "_", "")), texts, wrong);
      for (const auto& [field, text] : texts) {
        const size_t notes_before = reader.notes().size();
        auto expected = reader.read(field, text);
        if (!expected && member.key == "headers") wrong.push_back(member.error("expected a table of names"));
        if (expected && !expected->empty()) wrong.push_back(member.error("expected " + *expected));
        if (reader.notes().size() > notes_before) wrong.push_back(member.error(reader.notes().back()));
      }
      errors.insert(errors.end(), wrong.begin(), wrong.end());
    }
    return reader.check();
  }

  /// Likewise.
  static StickyCookieRef read_sticky_cookie(const Node& node, std::vector<Error>& errors) {
    if (!check_table(node, "a table such as { name = \"lb\" }",
                     {"name", "path", "domain", "same_site", "secure", "http_only", "max_age"}, errors)) {
      return {};
    }
    StickyCookieReader reader;
    reader.read("cookie", "");
    for (const Node& member : node.members) {
      std::map<std::string, std::string> texts;
      flatten(member, "cookie." + replace_all(member.key, "_", ""), texts, errors);
      for (const auto& [field, text] : texts) {
        auto expected = reader.read(field, text);
        if (expected && !expected->empty()) errors.push_back(member.error("expected " + *expected));
      }
    }
    return reader.cookie();
  }

  static Result<EndpointDefinition> read_server(const Node& node) {
    EndpointDefinition endpoint;
    const Node* url_node = &node;
    if (node.kind == Node::Kind::table) {
      TableReader reader(node, {"url", "weight"});
      endpoint.weight = static_cast<uint32_t>(reader.number("weight", 0, kWeightMax, 1));
      if (!reader.errors.empty()) return fail(reader.errors[0]);
      url_node = node.find("url");
      if (url_node == nullptr) return fail(node.error("a server needs a url"));
    }
    if (url_node->kind != Node::Kind::string) return fail(url_node->error(TableReader::mismatch(*url_node, "a URL")));
    auto url = Url::parse_server(url_node->text);
    if (!url) return fail(url_node->error(url.error().message));
    if (url->target != "/" || !url->user_info.empty()) {
      return fail(url_node->error("a server is scheme, host and port; \"" + url_node->text + "\" has more"));
    }
    endpoint.scheme = url->scheme;
    endpoint.host = url->host;
    endpoint.port = url->port;
    return endpoint;
  }

  void read_middleware(const Node& node) {
    if (!check_named_table(node, "middleware")) return;
    MiddlewareDefinition middleware;
    middleware.name = node.key;
    middleware.origin.text = place_of(node);
    std::vector<Error> errors;
    const Node* type = node.find("type");
    const Node* options = &node;
    if (type != nullptr && type->kind == Node::Kind::string) {
      middleware.type = type->text;
    } else if (type == nullptr && node.members.size() == 1 && node.members[0].kind == Node::Kind::table) {
      options = &node.members[0];  // Traefik's form: [middlewares.strip.stripPrefix]
      middleware.type = options->key;
    } else {
      errors.push_back((type ? *type : node).key_error("type: expected a middleware's type, such as \"stripPrefix\""));
    }
    for (const Node& member : options->members) {
      if (&member != type) flatten(member, to_lower(member.key), middleware.options, errors);
    }
    if (!errors.empty()) return reject_all("middleware", at_provider(node.key), errors);
    out_.middlewares.push_back(std::move(middleware));
  }

  /// Options as tags give them: dotted keys, lists with commas.
  static void flatten(const Node& node, const std::string& key, std::map<std::string, std::string>& options,
                      std::vector<Error>& errors) {
    switch (node.kind) {
      case Node::Kind::string: options[key] = node.text; return;
      case Node::Kind::integer: options[key] = std::to_string(node.integer); return;
      case Node::Kind::boolean: options[key] = node.boolean ? "true" : "false"; return;
      case Node::Kind::table:
        for (const Node& member : node.members) flatten(member, key + "." + to_lower(member.key), options, errors);
        return;
      case Node::Kind::array: {
        std::vector<std::string> texts;
        for (const Node& item : node.items) {
          if (item.kind != Node::Kind::string) errors.push_back(item.error(TableReader::mismatch(item, "a string")));
          texts.push_back(item.text);
        }
        options[key] = list_text(texts);
        return;
      }
      case Node::Kind::real: break;
    }
    errors.push_back(node.error(TableReader::mismatch(node, "a string, a whole number, true or false, or a list")));
  }

  bool check_named_table(const Node& node, const std::string& kind) {
    if (node.kind != Node::Kind::table) {
      reject(kind, at_provider(node.key), node.error(TableReader::mismatch(node, "a table")));
      return false;
    }
    if (node.key.empty() || node.key.find('@') != std::string::npos) {
      reject(kind, at_provider(node.key), node.key_error("a name is not empty and holds no @"));
      return false;
    }
    return true;
  }

  const std::string& file_name_;
  std::string stem_;
  std::set<std::string> router_names_;
  Definitions out_;
};

template <typename T>
void append_new(const std::vector<T>& from, std::vector<T>& to, std::map<std::string, std::string>& origins,
                Definitions& merged) {
  for (const T& object : from) {
    auto [at, added] = origins.emplace(object.name, object.origin.text);
    if (added) {
      to.push_back(object);
    } else {
      merged.rejected.push_back(
          {"file", at_provider(object.name), "the name is taken by " + at->second, object.origin.text});
    }
  }
}

}  // namespace

Result<Definitions> decode_route_file(std::string_view text, const std::string& file_name) {
  auto document = config::parse_toml(text, file_name);
  if (!document) return fail(document.error());
  return FileDecoder(file_name).run(document->root);
}

Definitions merge_route_files(std::span<const std::shared_ptr<const Definitions>> files) {
  Definitions merged;
  merged.provider = kProvider;
  std::map<std::string, std::string> routers;
  std::map<std::string, std::string> services;
  std::map<std::string, std::string> middlewares;
  for (const auto& file : files) {
    append_new(file->routers, merged.routers, routers, merged);
    append_new(file->services, merged.services, services, merged);
    append_new(file->middlewares, merged.middlewares, middlewares, merged);
    merged.rejected.insert(merged.rejected.end(), file->rejected.begin(), file->rejected.end());
  }
  return merged;
}

}  // namespace weir::routing

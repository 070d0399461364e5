#include <algorithm>
#include <map>

#include "config/option_table.h"
#include "config/option_value.h"
#include "weir/base/check.h"
#include "weir/base/nearest_word.h"
#include "weir/base/text.h"
#include "weir/base/url.h"
#include "weir/config/config.h"
#include "weir/config/document.h"

namespace weir::config {

namespace {

constexpr std::string_view kEntryPoints = "entrypoints";
constexpr size_t kEntryPointsMax = 64;
constexpr std::string_view kDefaultEntryPointAddress = "0.0.0.0:8080";

/// The defaults, parsed once: one value a row of the table, in its order. A row without one has an empty table here.
const std::vector<Node>& default_values() {
  static const std::vector<Node> values = [] {
    std::vector<Node> nodes;
    for (const Option& option : option_table()) {
      Node& node = nodes.emplace_back();
      if (option.fallback.empty()) continue;
      auto document = parse_toml("value = " + std::string(option.fallback), std::string(option.key));
      CHECK(document.has_value());
      node = std::move(document->root.members[0]);
    }
    return nodes;
  }();
  return values;
}

bool belongs_to_entry_point(std::string_view pattern) { return pattern.starts_with("entrypoints.*."); }

/// Sets every option of the configuration, or every option of one entry point, to its default.
void set_defaults(Config& config, EntryPointConfig* entry_point) {
  EntryPointConfig unused;
  std::vector<Error> errors;
  std::span<const Option> options = option_table();
  for (size_t i = 0; i < options.size(); ++i) {
    if (options[i].fallback.empty() || belongs_to_entry_point(options[i].key) != (entry_point != nullptr)) continue;
    Slot slot = options[i].slot(config, entry_point ? *entry_point : unused);
    set_option(options[i], options[i].key, default_values()[i], "", slot, errors);
  }
  CHECK(errors.empty());
}

bool is_entry_point_name(std::string_view name) {
  if (name.empty() || name.size() > 64) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    char lower = ascii_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

/// "entrypoints.web.address" -> "entrypoints.*.address", and the name of the entry point.
std::string pattern_of(std::string_view key, std::string& entry_point_name) {
  std::vector<std::string_view> parts = split(key, '.');
  if (parts.size() < 2 || parts[0] != kEntryPoints) return std::string(key);
  entry_point_name = parts[1];
  parts[1] = "*";
  return join({parts.begin(), parts.end()}, ".");
}

const Option* find_option(std::string_view pattern) {
  for (const Option& option : option_table()) {
    if (option.key == pattern) return &option;
  }
  return nullptr;
}

bool is_section(std::string_view pattern) {
  std::string prefix = std::string(pattern) + ".";
  return std::any_of(option_table().begin(), option_table().end(),
                     [&](const Option& option) { return option.key.starts_with(prefix); });
}

/// "; did you mean …" for a key that no row has: a neighbour with nearly this name, or the same name elsewhere.
std::string suggestion(std::string_view section_pattern, std::string_view word) {
  std::string prefix = section_pattern.empty() ? "" : std::string(section_pattern) + ".";
  std::vector<std::string> siblings;
  std::string elsewhere;
  for (const Option& option : option_table()) {
    if (option.key.starts_with(prefix)) {
      siblings.emplace_back(split(option.key.substr(prefix.size()), '.')[0]);
    }
    if (split(option.key, '.').back() == word) elsewhere = option.key;
  }
  std::string sibling = nearest_word(word, siblings);
  if (!sibling.empty()) return "; did you mean \"" + sibling + "\"?";
  if (!elsewhere.empty()) return "; did you mean " + elsewhere + "?";
  return "";
}

/// Builds a Config from a document and overrides, collecting every error.
class Loader {
 public:
  explicit Loader(std::string folder) : folder_(std::move(folder)) {}

  void read_table(const Node& table, const std::string& key_so_far) {
    for (const Node& member : table.members) {
      std::string key = key_so_far.empty() ? member.key : key_so_far + "." + member.key;
      if (key_so_far == kEntryPoints && !begin_entry_point(member)) continue;
      read_member(member, key, key_so_far);
    }
  }

  void override_with(const Override& change) {
    std::string name;
    std::string pattern = pattern_of(change.key, name);
    const Option* option = find_option(pattern);
    Error place{ErrorCode::invalid, "", change.flag};
    if (option == nullptr) {
      size_t dot = pattern.rfind('.');
      std::string section = dot == std::string::npos ? "" : pattern.substr(0, dot);
      place.message =
          "unknown option " + change.key + suggestion(section, pattern.substr(section.empty() ? 0 : dot + 1));
      errors.push_back(place);
      return;
    }
    if (belongs_to_entry_point(pattern) && !is_entry_point_name(name)) {
      place.message = bad_name(name);
      errors.push_back(place);
      return;
    }
    set(*option, change.key, name, nullptr, &change);
  }

  /// What only the whole can tell. Run after everything was read.
  void finish() {
    check_entry_points();
    check_consul();
    if (config.entry_points.empty() && errors.empty()) {
      EntryPointConfig& web = entry_point("web");
      web.address = *SocketAddress::parse(kDefaultEntryPointAddress);
    }
    std::sort(config.entry_points.begin(), config.entry_points.end(),
              [](const EntryPointConfig& a, const EntryPointConfig& b) { return a.name < b.name; });
  }

  Config config;
  std::vector<Error> errors;

 private:
  static std::string bad_name(std::string_view name) {
    return "the entry point's name \"" + std::string(name) + "\" must be 1 to 64 letters, digits, - or _";
  }

  bool begin_entry_point(const Node& node) {
    if (!is_entry_point_name(node.key)) {
      errors.push_back(node.key_error(bad_name(node.key)));
      return false;
    }
    if (node.kind == Node::Kind::table) {
      entry_point(node.key);
      places_["entrypoints." + node.key] = node.key_error("");
    }
    return true;
  }

  void read_member(const Node& member, const std::string& key, const std::string& section) {
    std::string name;
    std::string pattern = pattern_of(key, name);
    if (const Option* option = find_option(pattern)) return set(*option, key, name, &member, nullptr);
    if (is_section(pattern)) {
      if (member.kind == Node::Kind::table) return read_table(member, key);
      errors.push_back(member.error(key + ": expected a table, found " + std::string(to_string(member.kind))));
      return;
    }
    std::string unused;
    errors.push_back(member.key_error("unknown key " + key + suggestion(pattern_of(section, unused), member.key)));
  }

  /// From the file (`node`) or from a flag (`change`).
  void set(const Option& option, const std::string& key, const std::string& name, const Node* node,
           const Override* change) {
    EntryPointConfig unused;
    bool of_entry_point = belongs_to_entry_point(option.key);
    Slot slot = option.slot(config, of_entry_point ? entry_point(name) : unused);
    Node flag_value;
    if (change != nullptr) {
      flag_value = value_from_text(slot, change->value, change->flag);
      node = &flag_value;
    }
    set_option(option, key, *node, change != nullptr ? "" : folder_, slot, errors);
    places_[key] = node->error("");
  }

  EntryPointConfig& entry_point(const std::string& name) {
    for (EntryPointConfig& known : config.entry_points) {
      if (known.name == name) return known;
    }
    EntryPointConfig& added = config.entry_points.emplace_back();
    added.name = name;
    set_defaults(config, &added);
    return added;
  }

  void check_entry_points() {
    std::map<SocketAddress, std::string> taken;
    auto place = [](const SocketAddress& address) {  // [::] is every address, those of IPv4 too
      return address.ip == IpAddress{} ? SocketAddress{{{}, true}, address.port} : address;
    };
    if (config.admin_address && config.admin_address->port != 0) taken[place(*config.admin_address)] = "admin";
    for (const EntryPointConfig& point : config.entry_points) {
      std::string key = "entrypoints." + point.name;
      if (!places_.contains(key + ".address")) {
        complain(key, key + ": no address");
      } else if (point.address.port != 0 && !taken.emplace(place(point.address), key).second) {
        complain(key + ".address",
                 key + ".address: " + point.address.text() + " is also the address of " + taken[place(point.address)]);
      }
    }
    for (const EntryPointConfig& point : config.entry_points) check_redirect(point);
    if (config.entry_points.size() > kEntryPointsMax) {
      complain("entrypoints." + config.entry_points[kEntryPointsMax].name,
               "more than " + std::to_string(kEntryPointsMax) + " entry points");
    }
  }

  void check_token(const std::string& provider, const std::string& token, const std::string& token_file) {
    if (token.empty() || token_file.empty()) return;
    const std::string key = "providers." + provider + ".token_file";
    complain(key, key + ": there is a token as well; give one of them");
  }

  void check_redirect(const EntryPointConfig& point) {
    if (point.redirect_to.empty()) return;
    bool known = std::any_of(config.entry_points.begin(), config.entry_points.end(),
                             [&](const EntryPointConfig& other) { return other.name == point.redirect_to; });
    std::string key = "entrypoints." + point.name + ".redirect_to";
    if (!known) complain(key, key + ": there is no entry point \"" + point.redirect_to + "\"");
    if (point.redirect_to == point.name) return complain(key, key + ": an entry point cannot redirect to itself");
    if (leads_back(point)) complain(key, key + ": the redirects lead back to \"" + point.name + "\"");
  }

  /// No client would ever get anything but redirects.
  [[nodiscard]] bool leads_back(const EntryPointConfig& point) const {
    const EntryPointConfig* at = &point;
    for (size_t steps = 0; steps < config.entry_points.size(); ++steps) {
      auto next = std::find_if(config.entry_points.begin(), config.entry_points.end(),
                               [&](const EntryPointConfig& other) { return other.name == at->redirect_to; });
      if (next == config.entry_points.end()) return false;
      at = &*next;
      if (at == &point) return true;
    }
    return false;
  }

  void check_datacenters() {
    const std::string key = "providers.consul.datacenters";
    const auto& all = config.consul.datacenters;
    if (!all.empty() && !config.consul.datacenter.empty()) {
      complain(key, key + ": there is a datacenter as well; give one of them");
    }
    for (auto at = all.begin(); at != all.end(); ++at) {
      if (at->empty() || std::find(all.begin(), at, *at) != at) complain(key, key + ": a name that is empty or twice");
    }
  }

  void check_document() {
    const HttpDocumentConfig& http = config.http;
    const std::string key = "providers.http.";
    if (auto url = Url::parse(http.endpoint); !http.endpoint.empty() && !url) {
      complain(key + "endpoint", key + "endpoint: " + url.error().message);
    }
    for (const std::string& header : http.headers) {
      const size_t colon = header.find(':');
      if (colon == 0 || colon == std::string::npos) {
        complain(key + "headers", key + "headers: \"" + header + "\": expected Name: value");
      }
    }
  }

  void check_consul() {
    check_token("consul", config.consul.token, config.consul.token_file);
    check_token("consulkv", config.consul_kv.token, config.consul_kv.token_file);
    check_token("nomad", config.nomad.token, config.nomad.token_file);
    check_datacenters();
    check_document();
    if (config.consul.strict_checks.empty()) {
      complain("providers.consul.strict_checks", "providers.consul.strict_checks: an empty list lets nothing serve");
    }
    check_tag_prefixes("consul", config.consul.tag_prefixes);
    check_tag_prefixes("nomad", config.nomad.tag_prefixes);
  }

  void check_tag_prefixes(const std::string& provider, const std::vector<std::string>& prefixes) {
    const std::string key = "providers." + provider + ".tag_prefixes";
    for (const std::string& prefix : prefixes) {
      const auto words = split(prefix, '.');
      if (std::all_of(words.begin(), words.end(), is_entry_point_name)) continue;
      complain(key, key + ": \"" + prefix + "\" must be letters, digits, - or _, with single dots between them");
    }
  }

  void complain(const std::string& key, std::string message) {
    Error error = places_[key];
    error.code = ErrorCode::invalid;
    error.message = std::move(message);
    errors.push_back(std::move(error));
  }

  std::string folder_;
  std::map<std::string, Error> places_;  // key -> where it was set, for errors that show up later
};

std::string folder_of(const std::string& file_name) {
  size_t slash = file_name.rfind('/');
  return slash == std::string::npos ? "" : file_name.substr(0, slash == 0 ? 1 : slash);
}

}  // namespace

Config::Config() { set_defaults(*this, nullptr); }

LoadOutcome load_config(std::string_view text, const std::string& file_name, std::span<const Override> overrides) {
  Loader loader(folder_of(file_name));
  auto document = parse_toml(text, file_name);
  if (!document) {
    loader.errors.push_back(document.error());
    return {std::move(loader.config), std::move(loader.errors)};
  }
  loader.read_table(document->root, "");
  for (const Override& change : overrides) loader.override_with(change);
  loader.finish();
  return {std::move(loader.config), std::move(loader.errors)};
}

}  // namespace weir::config

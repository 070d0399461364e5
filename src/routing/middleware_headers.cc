// The headers middleware: fields that are set, what pages of other sites may do (CORS), what browsers insist on.

#include <algorithm>
#include <optional>

#include "routing/go_number.h"
#include "routing/middleware_options.h"
#include "routing/option_list.h"
#include "weir/base/text.h"

namespace weir::routing {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// The options as they are written.
struct HeaderOptions {
  Pairs request;
  Pairs response;
  Pairs ssl_proxy;
  bool credentials = false;
  bool vary = false;
  bool sts_subdomains = false;
  bool sts_preload = false;
  bool sts_forced = false;
  bool frame_deny = false;
  bool nosniff = false;
  bool xss_filter = false;
  bool development = false;
  bool no_effect = false;  // Traefik 3 knows them and does nothing
  std::string frame_options;
  std::string xss;
  std::string csp;
  std::string csp_report;
  std::string public_key;
  std::string referrer;
  std::string permissions;
  std::string no_effect_text;
  std::vector<std::string> allow_headers;
  std::vector<std::string> allow_methods;
  std::vector<std::string> origins;
  std::vector<std::string> origin_patterns;
  std::vector<std::string> expose;
  std::vector<std::string> hosts;
  std::vector<std::string> host_fields;
  std::optional<int64_t> sts_s;
  std::optional<int64_t> max_age_s;
};

template <typename Member>
struct OptionRow {
  std::string_view name;
  Member HeaderOptions::*member;
};
constexpr OptionRow<Pairs> kMaps[] = {{"customrequestheaders.", &HeaderOptions::request},
                                      {"customresponseheaders.", &HeaderOptions::response},
                                      {"sslproxyheaders.", &HeaderOptions::ssl_proxy}};
constexpr OptionRow<bool> kFlags[] = {{"accesscontrolallowcredentials", &HeaderOptions::credentials},
                                      {"addvaryheader", &HeaderOptions::vary},
                                      {"stsincludesubdomains", &HeaderOptions::sts_subdomains},
                                      {"stspreload", &HeaderOptions::sts_preload},
                                      {"forcestsheader", &HeaderOptions::sts_forced},
                                      {"framedeny", &HeaderOptions::frame_deny},
                                      {"contenttypenosniff", &HeaderOptions::nosniff},
                                      {"browserxssfilter", &HeaderOptions::xss_filter},
                                      {"isdevelopment", &HeaderOptions::development},
                                      {"sslredirect", &HeaderOptions::no_effect},
                                      {"ssltemporaryredirect", &HeaderOptions::no_effect},
                                      {"sslforcehost", &HeaderOptions::no_effect}};
constexpr OptionRow<std::string> kTexts[] = {{"customframeoptionsvalue", &HeaderOptions::frame_options},
                                             {"custombrowserxssvalue", &HeaderOptions::xss},
                                             {"contentsecuritypolicy", &HeaderOptions::csp},
                                             {"contentsecuritypolicyreportonly", &HeaderOptions::csp_report},
                                             {"publickey", &HeaderOptions::public_key},
                                             {"referrerpolicy", &HeaderOptions::referrer},
                                             {"permissionspolicy", &HeaderOptions::permissions},
                                             {"featurepolicy", &HeaderOptions::no_effect_text},
                                             {"sslhost", &HeaderOptions::no_effect_text}};
constexpr OptionRow<std::vector<std::string>> kLists[] = {
    {"accesscontrolallowheaders", &HeaderOptions::allow_headers},
    {"accesscontrolallowmethods", &HeaderOptions::allow_methods},
    {"accesscontrolalloworiginlist", &HeaderOptions::origins},
    {"accesscontrolalloworiginlistregex", &HeaderOptions::origin_patterns},
    {"accesscontrolexposeheaders", &HeaderOptions::expose},
    {"allowedhosts", &HeaderOptions::hosts},
    {"hostsproxyheaders", &HeaderOptions::host_fields}};
constexpr OptionRow<std::optional<int64_t>> kNumbers[] = {{"stsseconds", &HeaderOptions::sts_s},
                                                          {"accesscontrolmaxage", &HeaderOptions::max_age_s}};

template <typename Member, size_t kCount>
Member* find_option(const OptionRow<Member> (&rows)[kCount], std::string_view key, HeaderOptions& in) {
  for (const auto& row : rows) {
    if (row.name == key) return &(in.*row.member);
  }
  return nullptr;
}

Status take_option(const std::string& key, const std::string& value, HeaderOptions& out) {
  for (const auto& row : kMaps) {
    if (!key.starts_with(row.name)) continue;
    std::string name = key.substr(row.name.size());
    if (Status checked = check_header(name, value); !checked) return checked;
    (out.*row.member).emplace_back(std::move(name), value);
    return {};
  }
  if (bool* flag = find_option(kFlags, key, out)) return take_flag(key, value, *flag);
  if (std::string* text = find_option(kTexts, key, out)) {
    *text = value;
    return check_header("x", value);
  }
  if (auto* number = find_option(kNumbers, key, out)) {
    *number = parse_i64(without_plus(value));
    return number->has_value() ? Status() : bad_option(key, "a whole number");
  }
  auto* list = find_option(kLists, key, out);
  if (list == nullptr) return unknown_option(key);
  for (std::string_view item : list_items(value)) {
    if (Status checked = check_header("x", item); !checked) return checked;
    list->emplace_back(item);
  }
  return check_count(list->size(), "elements");
}

bool holds_any(const std::vector<std::string>& list) { return std::find(list.begin(), list.end(), "*") != list.end(); }

Status take_cross_origin(HeaderOptions& from, Middleware& out) {
  CrossOrigin& cors = out.cross_origin;
  cors.defined = from.credentials || from.vary || from.max_age_s || !from.allow_headers.empty() ||
                 !from.allow_methods.empty() || !from.origins.empty() || !from.origin_patterns.empty() ||
                 !from.expose.empty();
  cors.credentials = from.credentials;
  cors.vary = from.vary;
  cors.any_method = holds_any(from.allow_methods);
  cors.any_field = holds_any(from.allow_headers);
  cors.any_exposed = holds_any(from.expose);
  cors.methods = join(from.allow_methods, ",");
  cors.fields = join(from.allow_headers, ",");
  cors.exposed = join(from.expose, ",");
  if (from.max_age_s) cors.max_age_s = std::to_string(*from.max_age_s);
  cors.origins = std::move(from.origins);
  for (const std::string& text : from.origin_patterns) {
    auto pattern = Regexp::compile(text);
    if (!pattern) return fail(pattern.error());
    out.patterns.push_back(std::move(*pattern));
  }
  return {};
}

/// As unrolled/secure has it, which Traefik uses. What is set by name comes behind it and wins.
void take_browser_policy(HeaderOptions& from, Middleware& out) {
  auto say = [](Pairs& where, const char* name, const std::string& value) {
    if (!value.empty()) where.emplace_back(name, value);
  };
  BrowserPolicy& policy = out.browser_policy;
  auto& always = out.response_headers;
  auto& over_tls = policy.tls_response_headers;
  if (from.sts_s.value_or(0) != 0 && !from.development) {
    std::string value = "max-age=" + std::to_string(*from.sts_s);
    if (from.sts_subdomains) value += "; includeSubDomains";
    if (from.sts_preload) value += "; preload";
    say(from.sts_forced ? always : over_tls, "Strict-Transport-Security", value);
  }
  const char* frame = from.frame_deny ? "DENY" : "";
  const char* xss = from.xss_filter ? "1; mode=block" : "";
  say(always, "X-Frame-Options", from.frame_options.empty() ? frame : from.frame_options);
  say(always, "X-Content-Type-Options", from.nosniff ? "nosniff" : "");
  say(always, "X-XSS-Protection", from.xss.empty() ? xss : from.xss);
  if (!from.development) say(over_tls, "Public-Key-Pins", from.public_key);
  say(always, "Content-Security-Policy", from.csp);
  say(always, "Content-Security-Policy-Report-Only", from.csp_report);
  say(always, "Referrer-Policy", from.referrer);
  say(always, "Permissions-Policy", from.permissions);
  policy.tls_told_by = std::move(from.ssl_proxy);
  if (!from.development) policy.hosts = std::move(from.hosts);
  policy.host_fields = std::move(from.host_fields);
}

}  // namespace

Status compile_headers(const Options& options, Middleware& out) {
  if (options.empty()) return fail(ErrorCode::invalid, "no option, such as customRequestHeaders, is given");
  HeaderOptions given;
  for (const auto& [key, value] : options) {
    if (Status taken = take_option(key, value, given); !taken) return taken;
  }
  out.request_headers = std::move(given.request);
  take_browser_policy(given, out);
  for (auto& one : given.response) out.response_headers.push_back(std::move(one));
  if (Status taken = take_cross_origin(given, out); !taken) return taken;
  return check_count(std::max(out.request_headers.size(), out.response_headers.size()), "headers");
}

}  // namespace weir::routing

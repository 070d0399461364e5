#include "routing/predicate_parser.h"

#include <algorithm>
#include <array>

#include "weir/base/text.h"
#include "weir/routing/path_text.h"

namespace weir::routing {

namespace {

using Kind = Predicate::Kind;
using Arguments = std::vector<RuleToken>;

struct MatcherForm {
  std::string_view name;
  Kind kind;
  size_t arguments_min;
  size_t arguments_max;
};
constexpr std::array kForms = {
    MatcherForm{"Host", Kind::host, 1, 1},
    MatcherForm{"HostRegexp", Kind::host_regexp, 1, 1},
    MatcherForm{"Path", Kind::path, 1, 1},
    MatcherForm{"PathPrefix", Kind::path_prefix, 1, 1},
    MatcherForm{"PathRegexp", Kind::path_regexp, 1, 1},
    MatcherForm{"Method", Kind::method, 1, 1},
    MatcherForm{"Header", Kind::header, 2, 2},
    MatcherForm{"HeaderRegexp", Kind::header_regexp, 2, 2},
    MatcherForm{"Query", Kind::query, 1, 2},
    MatcherForm{"QueryRegexp", Kind::query_regexp, 1, 2},
    MatcherForm{"ClientIP", Kind::client_ip, 1, 1},
    MatcherForm{"HostPort", Kind::host_port, 1, 1},
};

Result<const MatcherForm*> find_form(const RuleToken& name, const Arguments& arguments) {
  // Traefik takes Host, host and HOST.
  const auto* form = std::find_if(kForms.begin(), kForms.end(),
                                  [&](const MatcherForm& one) { return equals_ignore_case(one.name, name.text); });
  if (form == kForms.end()) {
    std::string known;
    for (const MatcherForm& one : kForms) known.append(known.empty() ? "" : ", ").append(one.name);
    return fail_at(name.column, "unknown matcher `" + name.text + "`; known are " + known);
  }
  if (arguments.size() < form->arguments_min || arguments.size() > form->arguments_max) {
    std::string wanted = form->arguments_min == form->arguments_max ? "" : std::to_string(form->arguments_min) + " or ";
    wanted += std::to_string(form->arguments_max) + (form->arguments_max == 1 ? " value" : " values");
    return fail_at(name.column, std::string(form->name) + " takes " + wanted);
  }
  // An empty expression would hold for every request: what a template has not filled in is no catch-all.
  for (const RuleToken& argument : arguments) {
    if (argument.text.empty()) return fail_at(argument.column, "an empty value");
  }
  return form;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

Result<Expression> parse_host(const RuleToken& argument) {
  std::string host = to_lower(argument.text);
  if (!is_ascii(host)) return fail_at(argument.column, "a host name is ASCII; write it as xn--");
  if (host == "*") return Expression{Expression::Kind::always, {}, {}};
  if (host.ends_with('.')) host.pop_back();
  // "**." is ours: Traefik's "*." stands for one label, fabio's for any number.
  bool suffix = host.starts_with("**.");
  bool wildcard = host.starts_with("*.");
  host.erase(0, suffix ? 3 : wildcard ? 2 : 0);
  if (host.empty()) return fail_at(argument.column, "an empty host name");
  if (host.find('*') != std::string::npos) {
    return fail_at(argument.column,
                   "`*` stands for the whole first label only, as in `*.example.com`, and `**` for one or more");
  }
  if (host.find_first_of(" \t/") != std::string::npos) return fail_at(argument.column, "not a host name");
  if (host.front() != '[' && host.find(':') != std::string::npos) host = "[" + host + "]";  // as requests write IPv6
  Kind kind = suffix ? Kind::host_suffix : wildcard ? Kind::host_wildcard : Kind::host;
  return Expression{Expression::Kind::predicate, {kind, {}, host}, {}};
}

Result<Regexp> parse_regexp(const RuleToken& argument) {
  auto regexp = Regexp::compile(argument.text);
  if (!regexp) return fail_at(argument.column, regexp.error().message);
  return *regexp;
}

// Header and Query: a key and what its value must be.
Result<Predicate> parse_keyed(Kind kind, const Arguments& arguments) {
  const RuleToken& key = arguments[0];
  Predicate out{kind, key.text};
  if (kind == Kind::header || kind == Kind::header_regexp) out.key = to_lower(key.text);
  if (arguments.size() == 1) {
    // Traefik: without a value (also of QueryRegexp) the key must be there with an empty value.
    out.kind = Kind::query;
    return out;
  }
  out.value = arguments[1].text;
  if (kind == Kind::header || kind == Kind::query) return out;
  auto regexp = parse_regexp(arguments[1]);
  if (!regexp) return fail(regexp.error());
  out.regexp = *regexp;
  return out;
}

Result<Predicate> parse_plain(Kind kind, const RuleToken& argument) {
  Predicate out{kind, {}, argument.text};
  switch (kind) {
    case Kind::path:
    case Kind::path_prefix:
      if (!out.value.starts_with('/')) return fail_at(argument.column, "a path begins with `/`");
      out.value = path_text(out.value);
      return out;
    case Kind::host_port:
      if (!parse_u64(out.value)) return fail_at(argument.column, "a port is a number");
      return out;
    case Kind::method:
      std::transform(out.value.begin(), out.value.end(), out.value.begin(),
                     [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
      return out;
    case Kind::client_ip: {
      auto network = Cidr::parse(out.value);
      if (!network) return fail_at(argument.column, network.error().message);
      out.network = *network;
      return out;
    }
    case Kind::host_regexp:
    case Kind::path_regexp: {
      if (kind == Kind::host_regexp && !is_ascii(out.value)) return fail_at(argument.column, "a host name is ASCII");
      auto regexp = parse_regexp(argument);
      if (!regexp) return fail(regexp.error());
      out.regexp = *regexp;
      return out;
    }
    case Kind::host:
    case Kind::host_wildcard:
    case Kind::host_suffix:
    case Kind::header:
    case Kind::header_regexp:
    case Kind::query:
    case Kind::query_regexp: break;
  }
  return fail_at(argument.column, "not a matcher of one value");
}

}  // namespace

Result<Expression> parse_predicate(const RuleToken& name, const std::vector<RuleToken>& arguments) {
  auto form = find_form(name, arguments);
  if (!form) return fail(form.error());
  Kind kind = (*form)->kind;
  if (kind == Kind::host) return parse_host(arguments[0]);
  bool keyed = (*form)->arguments_max == 2;
  auto predicate = keyed ? parse_keyed(kind, arguments) : parse_plain(kind, arguments[0]);
  if (!predicate) return fail(predicate.error());
  return Expression{Expression::Kind::predicate, std::move(*predicate), {}};
}

}  // namespace weir::routing

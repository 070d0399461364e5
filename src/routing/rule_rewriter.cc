#include "routing/rule_rewriter.h"

#include <functional>
#include <optional>

#include "routing/glob.h"
#include "routing/rule_lexer.h"
#include "weir/base/text.h"

namespace weir::routing {
namespace {

using Values = std::vector<RuleToken>;
using Rewrite = std::function<Result<std::string>(const RuleToken& name, const Values& values)>;

std::string quoted(std::string_view value) {
  if (value.find('`') == std::string_view::npos) return "`" + std::string(value) + "`";
  std::string out = "\"";
  for (char c : value) {
    switch (c) {
      case '\\':
      case '"': out.append(1, '\\').append(1, c); break;
      case '\n': out += "\\n"; break;
      case '\t': out += "\\t"; break;
      case '\r': out += "\\r"; break;
      default: out += c;
    }
  }
  return out + "\"";
}

std::string call(std::string_view name, std::string_view value) {
  return std::string(name).append("(").append(quoted(value)).append(")");
}
std::string call(std::string_view name, std::string_view key, std::string_view value) {
  return std::string(name).append("(").append(quoted(key)).append(", ").append(quoted(value)).append(")");
}

std::string joined(const std::vector<std::string>& parts, std::string_view by) {
  return parts.size() == 1 ? parts[0] : "(" + join(parts, by) + ")";
}

/// The text with each matcher told anew; operators stay, what is no rule is left for the parser to find.
Result<std::string> rewritten(std::string_view text, const Rewrite& rewrite) {
  if (text.size() > kRuleBytesMax) return fail_at(kRuleBytesMax + 1, "the text is too long for a rule");
  RuleLexer lexer(text);
  std::string out;
  std::optional<RuleToken> name;
  Values values;
  while (true) {
    auto token = lexer.next();
    if (!token) return fail(token.error());
    if (name) {
      if (token->kind == RuleToken::Kind::text)
        values.push_back(std::move(*token));
      else if (token->kind == RuleToken::Kind::close) {
        if (values.empty()) return fail_at(name->column, name->text + " takes a value");
        auto made = rewrite(*name, values);
        if (!made) return made;
        out += *made;
        name.reset();
      } else if (token->kind != RuleToken::Kind::open && token->kind != RuleToken::Kind::comma) {
        return fail_at(token->column, "expected a value in backticks or double quotes");
      }
      continue;
    }
    switch (token->kind) {
      case RuleToken::Kind::name:
        name = std::move(*token);
        values.clear();
        break;
      case RuleToken::Kind::open: out += "("; break;
      case RuleToken::Kind::close: out += ")"; break;
      case RuleToken::Kind::both: out += " && "; break;
      case RuleToken::Kind::either: out += " || "; break;
      case RuleToken::Kind::negate: out += "!"; break;
      case RuleToken::Kind::end: return out;
      case RuleToken::Kind::text:
      case RuleToken::Kind::comma: return fail_at(token->column, "expected a matcher, `!` or `(`");
    }
  }
}

bool has_template(std::string_view text) { return text.find_first_of("{}") != std::string_view::npos; }

/// "/a/{id:[0-9]+}" as a regular expression without anchors; {id} alone stands for `any`.
Result<std::string> template_regexp(const RuleToken& value, std::string_view any) {
  std::string out;
  std::string_view rest = value.text;
  while (!rest.empty()) {
    const size_t open = rest.find_first_of("{}");
    out += regexp_literal(std::string(rest.substr(0, open)));
    if (open == std::string_view::npos) break;
    size_t depth = 0;
    size_t end = open;
    for (; end < rest.size(); ++end) {
      if (rest[end] == '{') ++depth;
      if (rest[end] == '}' && (depth == 0 || --depth == 0)) break;
    }
    const std::string_view inner = end < rest.size() && end > open ? rest.substr(open + 1, end - open - 1) : "";
    const size_t colon = inner.find(':');
    if (inner.empty() || colon == 0) return fail_at(value.column, "expected {name} or {name:regexp}");
    out.append("(?:").append(colon == std::string_view::npos ? any : inner.substr(colon + 1)).append(")");
    rest.remove_prefix(end + 1);
  }
  return out;
}

Result<std::string> of_hosts(const Values& values, bool regexp) {
  std::vector<std::string> parts;
  for (const RuleToken& value : values) {
    if (!regexp) {
      if (value.text.find('*') != std::string::npos) return fail_at(value.column, "in v2 a host has no `*`");
      parts.push_back(call("Host", value.text));
      continue;
    }
    auto made = template_regexp(value, "[^.]+");
    if (!made) return made;
    parts.push_back(call("HostRegexp", "(?i)^" + *made + "$"));
  }
  return joined(parts, " || ");
}

Result<std::string> of_paths(const Values& values, bool whole) {
  std::vector<std::string> parts;
  for (const RuleToken& value : values) {
    if (!value.text.starts_with('/')) return fail_at(value.column, "a path begins with `/`");
    if (!has_template(value.text)) {
      parts.push_back(call(whole ? "Path" : "PathPrefix", value.text));
      continue;
    }
    auto made = template_regexp(value, "[^/]+");
    if (!made) return made;
    parts.push_back(call("PathRegexp", "^" + *made + (whole ? "$" : "")));
  }
  return joined(parts, " || ");
}

/// Names and values in turn; all must hold.
Result<std::string> of_headers(const RuleToken& name, const Values& values, bool regexp) {
  if (values.size() % 2 != 0) return fail_at(name.column, name.text + " takes names and values in turn");
  std::vector<std::string> parts;
  for (size_t i = 0; i < values.size(); i += 2) {
    parts.push_back(call(regexp ? "HeaderRegexp" : "Header", values[i].text, values[i + 1].text));
  }
  return joined(parts, " && ");
}

/// "key=value" each; all must hold. Without a value the key need only be there.
Result<std::string> of_queries(const Values& values) {
  std::vector<std::string> parts;
  for (const RuleToken& value : values) {
    const size_t equals = value.text.find('=');
    if (equals == std::string::npos || equals == 0) return fail_at(value.column, "expected key=value");
    const std::string key = value.text.substr(0, equals);
    RuleToken wanted = value;
    wanted.text = value.text.substr(equals + 1);
    if (!wanted.text.empty() && !has_template(wanted.text)) {
      parts.push_back(call("Query", key, wanted.text));
      continue;
    }
    auto made = template_regexp(wanted, ".*");
    if (!made) return made;
    parts.push_back(call("QueryRegexp", key, wanted.text.empty() ? ".*" : "^" + *made + "$"));
  }
  return joined(parts, " && ");
}

Result<std::string> of_v2(const RuleToken& name, const Values& values) {
  for (const RuleToken& value : values) {
    if (value.text.empty()) return fail_at(value.column, "an empty value");
  }
  const std::string word = to_lower(name.text);
  if (word == "host" || word == "hostheader") return of_hosts(values, false);
  if (word == "hostregexp") return of_hosts(values, true);
  if (word == "path") return of_paths(values, true);
  if (word == "pathprefix") return of_paths(values, false);
  if (word == "headers") return of_headers(name, values, false);
  if (word == "headersregexp") return of_headers(name, values, true);
  if (word == "query") return of_queries(values);
  if (word == "method" || word == "clientip") {
    std::vector<std::string> parts;
    for (const RuleToken& value : values) parts.push_back(call(word == "method" ? "Method" : "ClientIP", value.text));
    return joined(parts, " || ");
  }
  return fail_at(name.column, "unknown matcher `" + name.text +
                                  "`; v2 has Host, HostHeader, HostRegexp, Path, PathPrefix, Method, Headers, "
                                  "HeadersRegexp, Query, ClientIP");
}

Result<std::string> of_constraint(const RuleToken& name, const Values& values) {
  const bool regexp = name.text == "TagRegex";
  if (!regexp && name.text != "Tag") return fail_at(name.column, "expected Tag or TagRegex, not `" + name.text + "`");
  if (values.size() != 1) return fail_at(name.column, name.text + " takes one value");
  if (values[0].text.empty()) return call("HeaderRegexp", "Tag", regexp ? ".*" : "^$");
  return call(regexp ? "HeaderRegexp" : "Header", "Tag", values[0].text);
}

}  // namespace

Result<std::string> rule_of_v2(std::string_view text) { return rewritten(text, of_v2); }

Result<Constraints> Constraints::parse(std::string_view text) {
  Constraints out;
  if (trim(text).empty()) return out;
  auto rule = rewritten(text, of_constraint);
  if (!rule) return fail(rule.error());
  auto parsed = parse_expression(*rule);
  if (!parsed) return fail(parsed.error());
  out.expression_ = std::make_shared<const Expression>(std::move(*parsed));
  return out;
}

bool Constraints::hold(const std::vector<std::string>& tags) const {
  if (expression_ == nullptr) return true;
  std::vector<Header> headers;
  headers.reserve(tags.size());
  for (const std::string& tag : tags) headers.push_back({"Tag", tag});
  RequestView view;
  view.headers = headers;
  return holds(*expression_, view);
}

}  // namespace weir::routing

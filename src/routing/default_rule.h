#pragma once
// The rule of a router that was given none: a template over its service, as Go's text/template and sprig have it.

#include <map>
#include <string>
#include <string_view>

#include "weir/base/result.h"

namespace weir::routing {

/// Runs of anything but letters and digits become one '-', none at the ends: "my_svc." -> "my-svc". Bytes of other
/// alphabets stay.
std::string normalize_name(std::string_view name);

/// What a template may ask for.
struct RuleSubject {
  std::string name;                           // .Name
  std::map<std::string, std::string> labels;  // .Labels: the routing tags, "traefik.enable" -> "true"
};

/// The template with its actions done: {{ .Name }}, {{ index .Labels "key" }}, functions and pipes of them,
/// {{ if }}, {{ else if }}, {{ else }}, {{ end }}, {{- and -}}, comments. Values are texts; "" and "false" are not
/// true. An unknown function is an error that names those there are; a place that a list does not have is one of code
/// not_found, for it depends on the subject.
Result<std::string> expand_default_rule(std::string_view rule_template, const RuleSubject& subject);

}  // namespace weir::routing

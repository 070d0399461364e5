// The default rule's template.

#include "routing/default_rule.h"

#include "catch.h"

using namespace weir::routing;

namespace {

const RuleSubject kWeb{"My_Web", {{"traefik.zone", "eu"}, {"traefik.port", "80"}, {"traefik.none", ""}}};

std::string expanded(std::string_view text) {
  auto made = expand_default_rule(text, kWeb);
  return made ? *made : made.error().message;
}

}  // namespace

TEST_CASE("default rule: the name, tags, and functions of both") {
  CHECK(expanded("Host(`{{ .Name }}.{{ index .Labels \"traefik.zone\" }}.test`)") == "Host(`My_Web.eu.test`)");
  CHECK(expanded("{{ .Name | lower | replace \"_\" \"-\" }}") == "my-web");
  CHECK(expanded("{{ normalize (lower .Name) }}") == "my-web");
  CHECK(expanded("{{ trimSuffix \"_Web\" .Name }}{{ .Name | trimPrefix \"My\" }}") == "My_Web");
  CHECK(expanded("{{ printf \"%s-%s!\" .Name (index .Labels \"traefik.zone\") }}") == "My_Web-eu!");
  CHECK(expanded("{{ index .Labels \"nobody\" | default \"x\" }}{{ default \"x\" .Name }}") == "xMy_Web");
  CHECK(expanded("{{ trunc 2 .Name }}{{ trunc -2 .Name }}{{ upper `a\"` }}") == "MyebA\"");
  CHECK(expanded("{{ coalesce \"\" (index .Labels \"traefik.none\") \"z\" }}{{ ternary 1 2 true }}") == "z1");
}

TEST_CASE("default rule: parts of texts, lists and expressions") {
  CHECK(expanded("{{ splitList \"_\" .Name | first }}.{{ splitList \"_\" .Name | last | lower }}") == "My.web");
  CHECK(expanded("{{ (split \"_\" .Name)._1 }}{{ index (splitList \"_\" .Name) 0 }}") == "WebMy");
  // As Go writes it: a path of nothing would match everything. Functions and conditions get nothing.
  CHECK(expanded("{{ (split \"_\" .Name)._9 }}") == "<no value>");
  CHECK(expanded("{{ (split \"_\" .Name)._9 | default \"x\" }}{{ if (split \"_\" .Name)._9 }}y{{ end }}") == "x");
  CHECK(expanded("{{ splitList \"_\" .Name | join \".\" }}") == "My.Web");
  CHECK(expanded("{{ substr 0 2 .Name }}{{ substr 3 -1 .Name }}{{ substr 5 99 .Name }}{{ substr 9 2 .Name }}") ==
        "MyWebb");
  CHECK(expanded("{{ trimAll \"Mb\" .Name }}{{ trimAll \"a\" \"aa\" }}") == "y_We");
  CHECK(expanded("{{ regexReplaceAll \"_(W.b)$\" .Name \"-${1}\" }}") == "My-Web");
  CHECK(expanded("{{ if regexMatch \"^My\" .Name }}{{ regexFind \"W.\" .Name }}{{ end }}") == "We");
  CHECK(expanded("{{ regexReplaceAll \"(\" .Name \"x\" }}") == "");
}

TEST_CASE("default rule: a place that a list does not have spoils the rule where it is asked for, as in Go") {
  const std::string seventh = "index (splitList \"_\" .Name) 7";
  const std::string refused = "default rule: index 7 of a list of 2 elements";
  CHECK(expanded("PathPrefix(`/{{ " + seventh + " }}`)") == refused);
  CHECK(expanded("{{ if eq (" + seventh + ") \"x\" }}a{{ end }}") == refused);
  CHECK(expanded("{{ " + seventh + " | default \"x\" }}") == refused);
  CHECK(expanded("{{ if or true (eq (" + seventh + ") \"x\") }}a{{ end }}") == "a");
  CHECK(expanded("{{ if and false (" + seventh + ") }}a{{ else if and true (" + seventh + ") }}b{{ end }}") == refused);
  CHECK(expanded("{{ if false }}{{ " + seventh + " }}{{ else if true }}a{{ else if " + seventh + " }}{{ end }}") ==
        "a");
  CHECK(expanded("{{ index .Name 1 }}") == "default rule: index 1 of a list of 1 element");
}

TEST_CASE("default rule: choices, comments and trimmed blanks") {
  CHECK(expanded("{{ if eq (index .Labels \"traefik.zone\") \"eu\" }}a{{ else }}b{{ end }}") == "a");
  CHECK(expanded("{{ if hasPrefix \"x\" .Name }}a{{ else if contains \"Web\" .Name }}b{{ else }}c{{ end }}") == "b");
  CHECK(expanded("{{ if index .Labels \"traefik.none\" }}a{{ if true }}x{{ end }}{{ end }}b") == "b");
  CHECK(expanded("{{ if and true (not false) (or false true) (ne \"a\" \"b\") }}a{{ end }}") == "a");
  CHECK(expanded("a  {{- /* nothing */ -}}  b") == "ab");
  CHECK(expanded("{{/* x */}}") == "");
}

TEST_CASE("default rule: what is no template is refused with the reason") {
  CHECK(expanded("{{ .Name") == "default rule: {{ without }}");
  CHECK(expanded("{{ if true }}x") == "default rule: {{ if }} without {{ end }}");
  CHECK(expanded("{{ end }}") == "default rule: {{ end }} without {{ if }}");
  CHECK(expanded("{{ .Env }}").starts_with("default rule: unknown value .Env"));
  CHECK(expanded("{{ shout .Name }}").starts_with("default rule: unknown function \"shout\"; known are index, "));
  CHECK(expanded("{{ replace \"a\" .Name }}") == "default rule: wrong number of values for replace");
  CHECK(expanded("{{ .Name | .Name }}") == "default rule: a pipe leads to a function");
  CHECK(expanded("{{ \"a }}") == "default rule: a text that does not end");
  CHECK(expanded("{{ (.Name }}") == "default rule: expected )");
  CHECK(expanded("{{ index x \"a\" }}") == "default rule: unknown value x; known are .Name and index .Labels \"key\"");
  CHECK(expanded("{{ index .Name \"a\" \"b\" }}") == "default rule: index is for .Labels, or for one place of a list");
  CHECK(expanded("{{ .Name .Name }}").starts_with("default rule: unexpected"));
  CHECK(expanded("{{ }}") == "default rule: nothing between {{ and }}");
  CHECK(expanded("{{" + std::string(100, '(') + "}}") == "default rule: nested too deep");
  CHECK(expanded(std::string(16 * 1024 + 1, 'x')) == "default rule: its result is too long");
}

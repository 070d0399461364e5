#include <cstdio>

#include "app/api_client.h"
#include "app/json_members.h"
#include "app/output.h"
#include "app/json_routes.h"
#include "app/routes_files.h"
#include "app/service_runner.h"
#include "weir/routing/lint.h"
#include "weir/base/text.h"

namespace weir::app {
namespace {

using nlohmann::json;

std::string join_texts(const json& list) {
  std::string out;
  for (const auto& value : list) {
    if (value.is_string()) out += (out.empty() ? "" : " ") + value.get<std::string>();
  }
  return out.empty() ? "-" : out;
}

/// What an edge answers; where it refuses, its reason without the JSON around it.
Result<json> ask(ApiClient& api, const std::string& path) {
  auto answer = api.ask(path);
  if (!answer) return fail(answer.error());
  auto document = parse_json(answer->body);
  if (answer->status == 200) return document;
  const std::string reason = document ? text_member(*document, "error") : "";
  return fail(ErrorCode::refused,
              reason.empty() ? "the edge answers with status " + std::to_string(answer->status) : reason);
}

}  // namespace

int route_list(const RouteOptions& options) {
  ApiClient api(options.api, "Authorization");
  auto routers = ask(api, "/api/routers");
  if (!routers) return print_error(routers.error());
  auto services = ask(api, "/api/services");
  if (!services) return print_error(services.error());
  std::vector<std::vector<std::string>> rows{{"Router", "Rule", "Priority", "Service", "Endpoints"}};
  for (const auto& router : *routers) {
    std::string service = text_member(router, "service");
    size_t live = 0;
    size_t all = 0;
    for (const auto& candidate : *services) {
      if (text_member(candidate, "name") != service) continue;
      for (const auto& endpoint : member(candidate, "endpoints")) {
        ++all;
        live += flag_member(endpoint, "live") ? 1 : 0;
      }
    }
    std::string endpoints = std::to_string(live) + "/" + std::to_string(all) + " live";
    if (std::string problem = text_member(router, "problem"); !problem.empty()) endpoints += " (" + problem + ")";
    rows.push_back({text_member(router, "name"), text_member(router, "rule"),
                    std::to_string(number_member(router, "priority")), service, endpoints});
  }
  std::printf("%s", rows.size() > 1 ? columns(rows).c_str() : "No routes\n");
  return 0;
}

namespace {

/// The answer of an edge, or of the routes files where a folder is named.
Result<json> ask_about_route(const RouteOptions& options) {
  if (!options.routes.empty()) {
    auto files = read_routes_files(options.routes);
    if (!files) return fail(files.error());
    for (const Error& error : files->errors) print_error(error);
    RouteQuestion question{options.url, options.method, options.headers, options.entry_point, options.client_ip};
    if (question.entry_point.empty()) question.entry_point = "web";
    auto answer = explain_route(*files->table, question, config::Config(), nullptr);
    if (!answer) return fail(answer.error());
    return json(*answer);
  }
  std::string path = "/api/explain?url=" + percent_encode(options.url) + "&method=" + percent_encode(options.method) +
                     "&client=" + percent_encode(options.client_ip);
  if (!options.entry_point.empty()) path += "&entrypoint=" + percent_encode(options.entry_point);
  for (const std::string& header : options.headers) path += "&header=" + percent_encode(header);
  ApiClient api(options.api, "Authorization");
  return ask(api, path);
}

Result<json> ask_for_lint(const RouteOptions& options) {
  if (!options.routes.empty()) {
    auto files = read_routes_files(options.routes);
    if (!files) return fail(files.error());
    for (const Error& error : files->errors) print_error(error);
    return json(lint_routes(*files->table, config::Config()));
  }
  ApiClient api(options.api, "Authorization");
  return ask(api, "/api/lint");
}

}  // namespace

int route_explain(const RouteOptions& options) {
  auto document = ask_about_route(options);
  if (!document) return print_error(document.error());
  std::printf("%s %s on entry point %s\n\n", options.method.c_str(), options.url.c_str(),
              text_member(*document, "entryPoint").c_str());
  if (std::string path = text_member(*document, "path"); !path.empty()) {
    std::printf("The edge matches, and sends on, the path %s\n\n", path.c_str());
  }
  const auto& candidates = member(*document, "candidates");
  if (!member(*document, "winner").is_string()) std::printf("No router matches: 404.\n");
  std::vector<std::vector<std::string>> rows;
  for (const auto& candidate : candidates) {
    bool wins = text_member(candidate, "verdict") == "wins";
    rows.push_back({wins ? "=> " + text_member(candidate, "name") : "   " + text_member(candidate, "name"),
                    text_member(candidate, "rule"), std::to_string(number_member(candidate, "priority")),
                    wins ? "wins" : text_member(candidate, "reason")});
  }
  std::printf("%s", columns(rows).c_str());
  if (!member(*document, "winner").is_string()) return 1;
  const auto& winner = candidates.at(0);
  std::printf("\n%s", key_values({{"Middlewares", join_texts(member(winner, "middlewares"))},
                                  {"Service", text_member(winner, "service")}})
                          .c_str());
  for (const auto& endpoint : member(*document, "endpoints")) {
    std::string why = text_member(endpoint, "why");
    if (!why.empty()) why.insert(0, ": ");
    std::printf("  %s  %s%s\n", text_member(endpoint, "url").c_str(),
                flag_member(endpoint, "live") ? "live" : "not live", why.c_str());
  }
  const std::string problem = text_member(winner, "problem");
  if (document->contains("answer")) {
    const json& answer = (*document)["answer"];
    const std::string location = text_member(answer, "location");
    std::printf("  a middleware answers: %s%s%s\n", std::to_string(number_member(answer, "status")).c_str(),
                location.empty() ? "" : ", Location: ", location.c_str());
  } else if (!problem.empty() || member(*document, "endpoints").empty()) {
    std::printf("  %s: 503\n", problem.empty() ? "no endpoints" : problem.c_str());
  }
  return 0;
}

int route_lint(const RouteOptions& options) {
  auto findings = ask_for_lint(options);
  if (!findings) return print_error(findings.error());
  size_t wrong = 0;
  for (const auto& finding : *findings) {
    std::string kind = text_member(finding, "kind");
    if (kind != "note") ++wrong;
    std::printf("%s: %s: router %s: %s\n", text_member(finding, "origin").c_str(), kind.c_str(),
                text_member(finding, "router").c_str(), text_member(finding, "reason").c_str());
  }
  const size_t notes = findings->size() - wrong;
  const auto more = [](size_t count) { return count < routing::kLintFindingsMax ? "" : " or more"; };
  std::printf("%zu%s to mend, %zu%s to know\n", wrong, more(wrong), notes, more(notes));
  return wrong == 0 ? 0 : 1;
}

}  // namespace weir::app

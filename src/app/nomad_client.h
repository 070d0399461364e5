#pragma once
// What several subcommands ask a scheduler: ids from their beginnings, and how an evaluation goes on.

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "app/api_client.h"
#include "weir/base/result.h"

namespace weir::app {

class NomadClient {
 public:
  explicit NomadClient(const ApiOptions& options) : api_(options, "X-Nomad-Token") {}

  [[nodiscard]] ApiClient& api() { return api_; }
  /// The one object of a list ("/v1/jobs", "/v1/allocations", "/v1/nodes") whose id begins with `beginning`; an exact
  /// match wins. Several: an Error that lists them.
  Result<std::string> find_id(const std::string& list, const std::string& what, const std::string& beginning);
  /// Prints what happens until the evaluation, and the deployment it started, are over. Exit code: 0, 1 failed, 2 not
  /// all placed.
  int monitor(const std::string& evaluation, bool verbose);

 private:
  /// Of an evaluation that is over: what it could not place, and what comes of it. An exit code.
  int follow(const nlohmann::json& eval, bool verbose);
  int monitor_deployment(const std::string& deployment, bool verbose);
  /// Of a deployment that failed: which allocations did not become healthy, and why.
  void say_unhealthy(const std::string& deployment, bool verbose);
  ApiClient api_;
};

}  // namespace weir::app

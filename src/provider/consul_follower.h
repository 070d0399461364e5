#pragma once
// A few resources of one Consul, each followed by a blocking query: for what is no catalog and no routes.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "provider/blocking_query.h"
#include "provider/source_link.h"
#include "weir/base/random.h"

namespace weir::provider {

/// Logs when a resource stops and begins to answer. Loop's thread.
class ConsulFollower {
 public:
  ConsulFollower(event::Loop& loop, LinkOptions options, QueryTiming timing);
  ConsulFollower(const ConsulFollower&) = delete;
  ConsulFollower& operator=(const ConsulFollower&) = delete;

  /// Asks from the loop's next turn on. `on_body` hears of each body that is another than the last it took.
  void follow(QuerySubject subject, std::function<Status(std::string_view body)> on_body);

 private:
  struct Followed {
    std::string path;
    std::function<Status(std::string_view body)> on_body;
    std::unique_ptr<BlockingQuery> query;
    bool failing = false;
  };

  Status on_answer(Followed& one, const QueryAnswer& answer);
  void on_failure(Followed& one, const Error& error);

  // constant after construction
  event::Loop& loop_;
  const QueryTiming timing_;
  // loop's thread; what uses something else stands below it
  Random random_;
  SourceLink link_;
  std::vector<std::unique_ptr<Followed>> all_;
};

}  // namespace weir::provider

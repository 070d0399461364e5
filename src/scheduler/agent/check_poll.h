#pragma once
// The registry's view of our checks, read while somebody needs it.

#include <list>
#include <map>
#include <memory>
#include <string>

#include "scheduler/agent/registration.h"
#include "weir/base/url.h"
#include "weir/event/timer.h"
#include "weir/http/client.h"

namespace weir::scheduler {

using CheckStatuses = std::map<std::string, CheckStatus>;

/// Asks every period for all checks of the registry's agent, one request for all readers. Owned by the agent; loop's
/// thread; outlives its readers.
class CheckPoll {
 public:
  class Reader {
   public:
    /// nullptr: the registry did not answer this time. A reader may be removed in here.
    virtual void on_check_statuses(const CheckStatuses* statuses) = 0;

   protected:
    ~Reader() = default;
  };
  struct Options {
    Url registry;
    std::string token = {};
    uint64_t period_ms = 500;
    uint64_t call_timeout_ms = 2'000;
  };

  CheckPoll(event::Loop& loop, http::Client& client, Options options);
  void add(Reader& reader);
  void remove(Reader& reader);

 private:
  void ask();
  void tell(const CheckStatuses* statuses);

  http::Client& client_;
  const Options options_;
  std::list<Reader*> readers_;
  std::unique_ptr<http::Call> call_;
  event::Timer timer_;
};

}  // namespace weir::scheduler

#pragma once
// A small Consul for tests: tells the truth with blocking queries until it is told to lie.

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "weir/base/text.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"
#include "weir/http/server.h"
#include "weir/provider/provider.h"

namespace weir::provider::test {

/// Runs the loop until `done` holds; false when it does not within the limit.
bool run_until(event::Loop& loop, const std::function<bool()>& done, uint64_t limit_ms = 20'000);
/// Runs the loop for a while: only to show that something does not happen.
void run_for(event::Loop& loop, uint64_t ms);

struct FakeInstance {
  std::string service;
  std::string id;
  uint16_t port = 80;
  std::string tag = "urlprefix-/";
  std::string status = "passing";  // of its one check; "": no check
  std::string node = "n1";
  std::string address = "10.0.0.1";
};

/// Owned by the test; its loop's thread.
class ScriptedCatalog {
 public:
  /// Looks at a request before it is answered truly. True: it has answered, or kept silent on purpose.
  using Lie = std::function<bool(const http::Request& request, const std::shared_ptr<http::Responder>& responder)>;

  explicit ScriptedCatalog(event::Loop& loop);
  ~ScriptedCatalog();

  [[nodiscard]] std::string url() const { return "http://" + address_.text(); }

  void put(const FakeInstance& instance);
  void remove(const std::string& service, const std::string& id);
  /// As a server that was restored from nothing: no services, indexes from the start.
  void lose_everything();
  /// Answers every waiting query with what there is.
  void wake_all();
  void stop_listening();
  void listen_again();

  /// Tokens accepted; empty: any.
  std::string token;
  Lie lie;
  /// What X-Consul-Index says instead of the truth: "" leaves it out.
  std::function<std::string(const std::string& truth)> index_lie;
  std::vector<http::Request> requests;

  [[nodiscard]] size_t count(std::string_view path) const;
  [[nodiscard]] size_t waiting() const { return waiters_.size(); }
  [[nodiscard]] std::string body(const std::string& path) const;

 private:
  struct Waiter {
    std::string path;
    uint64_t index;
    uint64_t due_ms;
    std::shared_ptr<http::Responder> responder;
  };

  void on_request(http::Request request, std::shared_ptr<http::Responder> responder);
  void answer(const std::string& path, http::Responder& responder);
  void moved(const std::vector<std::string>& paths);
  void sweep();
  [[nodiscard]] uint64_t index_of(const std::string& path) const;
  [[nodiscard]] std::string names_body() const;
  [[nodiscard]] std::string service_body(const std::string& name) const;
  [[nodiscard]] std::string checks_body() const;
  [[nodiscard]] std::string nodes_body() const;

  event::Loop& loop_;
  SocketAddress address_;
  std::unique_ptr<http::Server> server_;
  std::list<Waiter> waiters_;
  std::map<std::string, std::map<std::string, FakeInstance>> services_;
  std::map<std::string, uint64_t> indexes_;  // by path
  uint64_t last_index_ = 10;
  uint64_t extinction_index_ = 10;
  event::Timer sweeper_;
};

/// Keeps what a provider hands over.
class Recorder final : public Observer {
 public:
  void on_catalog(std::shared_ptr<const catalog::CatalogSnapshot> snapshot, uint64_t) override {
    snapshots.push_back(std::move(snapshot));
  }
  void on_definitions(std::shared_ptr<const routing::Definitions> given, uint64_t) override {
    definitions.push_back(std::move(given));
  }
  [[nodiscard]] size_t live() const { return snapshots.empty() ? 0 : catalog::count_live_instances(*snapshots.back()); }
  /// "web:web-1,web-2 db:db-1" of the newest snapshot.
  [[nodiscard]] std::string text() const;

  std::vector<std::shared_ptr<const catalog::CatalogSnapshot>> snapshots;
  std::vector<std::shared_ptr<const routing::Definitions>> definitions;
};

/// A folder of its own that is removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return path + "/" + name; }
  void write(const std::string& name, const std::string& content) const;
  void remove(const std::string& name) const;

  std::string path;
};

}  // namespace weir::provider::test

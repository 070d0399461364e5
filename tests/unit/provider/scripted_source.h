#pragma once
// A server of blocking queries for tests, whatever the paths: Consul's key-value store, Nomad's services.

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "scripted_catalog.h"

namespace weir::provider::test {

/// Owned by the test; its loop's thread. What was never set is answered with 404 and an index.
class ScriptedSource {
 public:
  using Lie = std::function<bool(const http::Request& request, const std::shared_ptr<http::Responder>& responder)>;

  explicit ScriptedSource(event::Loop& loop, std::string index_header = "X-Consul-Index");
  ~ScriptedSource();

  [[nodiscard]] std::string url() const { return "http://" + address_.text(); }
  void set(const std::string& path, std::string body);
  /// 404 from now on.
  void unset(const std::string& path);
  void stop_listening();
  void listen_again();
  [[nodiscard]] size_t waiting() const { return waiters_.size(); }

  std::string token_header = "X-Consul-Token";
  std::string token;  // accepted; "": any
  Lie lie;
  std::vector<http::Request> requests;

 private:
  struct Waiter {
    std::string path;
    uint64_t index;
    std::shared_ptr<http::Responder> responder;
  };

  void on_request(const http::Request& request, std::shared_ptr<http::Responder> responder);
  void answer(const std::string& path, http::Responder& responder);
  void moved(const std::string& path);
  [[nodiscard]] uint64_t index_of(const std::string& path) const;

  event::Loop& loop_;
  const std::string index_header_;
  SocketAddress address_;
  std::unique_ptr<http::Server> server_;
  std::list<Waiter> waiters_;
  std::map<std::string, std::string> bodies_;
  std::map<std::string, uint64_t> indexes_;
  uint64_t last_index_ = 10;
};

/// [{"Key":…,"Value":…}], as Consul lists keys.
std::string kv_json(const std::vector<std::pair<std::string, std::string>>& pairs);

}  // namespace weir::provider::test

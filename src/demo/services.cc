#include <map>
#include <utility>

#include "demo/demo.h"
#include "weir/base/random.h"
#include "weir/base/text.h"

namespace weir::demo {
namespace {

void send_json(http::Responder& responder, std::string body, int status = 200) {
  responder.respond({status, {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}}, std::move(body)});
}

class Backend final : public Service {
 public:
  explicit Backend(Identity& identity) : identity_(identity) {}
  void serve(http::Request, std::shared_ptr<http::Responder> responder) override {
    send_json(*responder, identity_json(identity_));
  }

 private:
  Identity& identity_;
};

class Fib final : public Service {
 public:
  explicit Fib(Identity& identity) : identity_(identity) {}
  void serve(http::Request request, std::shared_ptr<http::Responder> responder) override {
    if (request.path != "/fib") return responder->respond({404, {}, "try /fib?n=30\n"});
    constexpr uint64_t kLargest = 93;  // the last that fits 64 bits
    const std::string* text = request.parameter("n");
    auto n = text != nullptr ? parse_u64(*text) : std::nullopt;
    if (!n || *n > kLargest) return responder->respond({400, {}, "n must be a number from 0 to 93\n"});
    uint64_t value = 0;
    uint64_t next = 1;
    for (uint64_t i = 0; i < *n; ++i) value = std::exchange(next, value + next);
    send_json(*responder, fib_json(identity_, *n, value));
  }

 private:
  Identity& identity_;
};

/// Asks the registry for backends at each request and one of them for its answer.
class Frontend final : public Service {
 public:
  Frontend(event::Loop& loop, Identity& identity, Url registry)
      : client_(loop), identity_(identity), registry_(std::move(registry)) {}

  void serve(http::Request request, std::shared_ptr<http::Responder> responder) override {
    if (request.path != "/" && request.path != "/api") return responder->respond({404, {}, "nothing here\n"});
    uint64_t id = next_id_++;
    Asking& asking = asking_[id];
    asking.page = request.path == "/";
    asking.responder = std::move(responder);
    http::ClientRequest lookup;
    lookup.url = registry_;
    lookup.url.target = "/v1/health/service/backend?passing=1";
    lookup.timeout_ms = 2'000;
    asking.call = client_.send(
        std::move(lookup), [this, id](Result<http::ClientResponse> answer) { on_instances(id, std::move(answer)); });
  }

 private:
  struct Asking {
    bool page = false;
    std::shared_ptr<http::Responder> responder;
    std::vector<Instance> instances;
    std::unique_ptr<http::Call> call;
  };

  void on_instances(uint64_t id, Result<http::ClientResponse> answer) {
    Result<std::vector<Instance>> instances = read_instances(answer);
    // A registry that is away has not moved the backends: those it named last are as good a guess as any.
    if (instances) last_known_ = std::move(*instances);
    asking_[id].instances = last_known_;
    ask_next(id, instances ? "no backend is passing" : "registry: " + instances.error().message);
  }

  static Result<std::vector<Instance>> read_instances(const Result<http::ClientResponse>& answer) {
    if (!answer) return fail(answer.error());
    if (answer->status != 200) return fail(ErrorCode::unavailable, "status " + std::to_string(answer->status));
    return parse_instances(answer->body);
  }

  /// Any of those left; one that is gone by now is not the end.
  void ask_next(uint64_t id, const std::string& error) {
    Asking& asking = asking_[id];
    if (asking.instances.empty()) return finish(id, {}, error);
    size_t chosen = random_.below(asking.instances.size());
    Instance instance = asking.instances[chosen];
    asking.instances.erase(asking.instances.begin() + static_cast<std::ptrdiff_t>(chosen));
    http::ClientRequest request;
    request.url.scheme = "http";
    request.url.host = instance.address;
    request.url.port = instance.port;
    request.url.target = "/";
    request.timeout_ms = 2'000;
    asking.call = client_.send(std::move(request), [this, id](Result<http::ClientResponse> answer) {
      if (!answer) return ask_next(id, "backend: " + answer.error().message);
      finish(id, answer->body, {});
    });
  }

  void finish(uint64_t id, const std::string& backend_body, const std::string& error) {
    Asking asking = std::move(asking_[id]);
    asking_.erase(id);
    std::string answer = frontend_json(identity_, backend_body, error);
    int status = error.empty() ? 200 : 502;
    if (!asking.page) return send_json(*asking.responder, std::move(answer), status);
    asking.responder->respond({200,
                               {{"Content-Type", "text/html; charset=utf-8"}, {"Cache-Control", "no-store"}},
                               frontend_page(identity_, answer)});
  }

  http::Client client_;
  Identity& identity_;
  const Url registry_;
  Random random_;
  uint64_t next_id_ = 1;
  std::map<uint64_t, Asking> asking_;
  std::vector<Instance> last_known_;
};

}  // namespace

std::unique_ptr<Service> make_backend(Identity& identity) { return std::make_unique<Backend>(identity); }
std::unique_ptr<Service> make_fib(Identity& identity) { return std::make_unique<Fib>(identity); }
std::unique_ptr<Service> make_frontend(event::Loop& loop, Identity& identity, Url registry) {
  return std::make_unique<Frontend>(loop, identity, std::move(registry));
}

}  // namespace weir::demo

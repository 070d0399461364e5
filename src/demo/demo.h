#pragma once
// weir-demo: three small services to deploy, so that a request has somewhere to go.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weir/base/ip.h"
#include "weir/base/result.h"
#include "weir/event/loop.h"
#include "weir/http/client.h"
#include "weir/http/server.h"

namespace weir::demo {

/// Who answers: from the environment a scheduler gives its tasks.
struct Identity {
  std::string service;     // "backend"
  std::string address;     // "127.0.0.2:23456", as bound
  std::string node;        // the host part of the address where the scheduler says nothing
  std::string allocation;  // NOMAD_ALLOC_ID
  std::string version;     // VERSION
  std::string greeting;    // GREETING
  uint64_t requests = 0;   // answered so far
};

/// An instance that the registry says is passing.
struct Instance {
  std::string address;
  uint16_t port = 0;
};

/// A service's handler. Owned by run(); loop's thread.
class Service {
 public:
  virtual ~Service() = default;
  virtual void serve(http::Request request, std::shared_ptr<http::Responder> responder) = 0;
};
std::unique_ptr<Service> make_backend(Identity& identity);
std::unique_ptr<Service> make_fib(Identity& identity);
/// `registry`: where it looks for a backend, at each request.
std::unique_ptr<Service> make_frontend(event::Loop& loop, Identity& identity, Url registry);

// demo_json.cc
std::string identity_json(const Identity& identity);
std::string fib_json(const Identity& identity, uint64_t n, uint64_t value);
/// `backend_body`: what the backend answered, JSON; "" with `error` when none could be had.
std::string frontend_json(const Identity& identity, const std::string& backend_body, const std::string& error);
/// The answer of /v1/health/service/NAME?passing; an error where it is no such thing.
Result<std::vector<Instance>> parse_instances(const std::string& body);

/// frontend_page.cc: `answer` is frontend_json's document.
std::string frontend_page(const Identity& identity, const std::string& answer);

}  // namespace weir::demo

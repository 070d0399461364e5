// weir-demo frontend|backend|fib --listen IP:PORT

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "demo/demo.h"
#include "weir/event/signal.h"
#include "weir/event/timer.h"

namespace {

using namespace weir;
using namespace weir::demo;

constexpr const char* kUsage =
    "usage: weir-demo frontend|backend|fib [--listen IP:PORT]\n\n"
    "  backend   JSON with its own values at /\n"
    "  frontend  a page at / with its values and a backend's, and the same as JSON at /api;\n"
    "            looks the backend up in the registry at each request (CONSUL_HTTP_ADDR)\n"
    "  fib       /fib?n=30\n\n"
    "All answer 200 at /health. NODE, VERSION, GREETING and NOMAD_ALLOC_ID are shown, where they are set.\n";

std::string environment(const char* name, const std::string& fallback = {}) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : fallback;
}

Identity identify(const std::string& service, const SocketAddress& address) {
  Identity identity;
  identity.service = service;
  identity.address = address.text();
  identity.node = environment("NODE", address.ip.text());
  identity.allocation = environment("NOMAD_ALLOC_ID", "pid-" + std::to_string(::getpid()));
  identity.version = environment("VERSION", "1");
  identity.greeting = environment("GREETING", "Hello");
  return identity;
}

int run(const std::string& name, const SocketAddress& listen) {
  std::signal(SIGPIPE, SIG_IGN);
  event::Loop loop;
  Identity identity;
  std::unique_ptr<Service> service;
  auto server =
      http::Server::listen(loop, listen, [&](http::Request request, std::shared_ptr<http::Responder> responder) {
        if (request.path == "/health") return responder->respond({200, {{"Content-Type", "text/plain"}}, "OK\n"});
        ++identity.requests;
        service->serve(std::move(request), std::move(responder));
      });
  if (!server) {
    std::fprintf(stderr, "weir-demo: %s\n", server.error().text().c_str());
    return 1;
  }
  identity = identify(name, (*server)->address());
  if (name == "backend") service = make_backend(identity);
  if (name == "fib") service = make_fib(identity);
  if (name == "frontend") {
    auto registry = Url::parse(environment("CONSUL_HTTP_ADDR", "http://127.0.0.1:8500"));
    if (!registry) {
      std::fprintf(stderr, "weir-demo: CONSUL_HTTP_ADDR: %s\n", registry.error().text().c_str());
      return 1;
    }
    service = make_frontend(loop, identity, *registry);
  }
  std::printf("weir-demo %s on http://%s\n", name.c_str(), identity.address.c_str());
  std::fflush(stdout);

  // Answers under way are finished; whoever is still connected after that is let go.
  event::Timer grace(loop, [&] { loop.stop(); });
  auto stop = [&] {
    (*server)->drain();
    grace.start_once(1000);
  };
  event::Signal terminate(loop, SIGTERM, stop);
  event::Signal interrupt(loop, SIGINT, stop);
  loop.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string name = argc > 1 ? argv[1] : "";
  std::string listen = "127.0.0.1:0";
  bool understood = name == "frontend" || name == "backend" || name == "fib";
  for (int i = 2; i < argc && understood; ++i) {
    understood = std::strcmp(argv[i], "--listen") == 0 && i + 1 < argc;
    if (understood) listen = argv[++i];
  }
  if (!understood) {
    bool asked = name == "--help" || name == "-h";
    std::fputs(kUsage, asked ? stdout : stderr);
    return asked ? 0 : 2;
  }
  auto address = weir::SocketAddress::parse(listen);
  if (!address) {
    std::fprintf(stderr, "weir-demo: --listen: %s\n", address.error().text().c_str());
    return 2;
  }
  return run(name, *address);
}

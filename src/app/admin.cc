#include "app/admin.h"

#include "app/admin_json.h"
#include "app/version.h"

namespace weir::app {
namespace {

void send_json(http::Responder& responder, std::string body, int status = 200) {
  responder.respond({status, {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}}, std::move(body)});
}

void send_text(http::Responder& responder, int status, std::string body) {
  responder.respond(
      {status, {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}}, std::move(body)});
}

constexpr std::string_view kIndex =
    "weir: the admin API of an edge\n\n"
    "  /ping           200 while this edge takes requests, 503 while it drains\n"
    "  /ready          200 once every worker has routes, with their source and age\n"
    "  /api/routers    what is routed where\n"
    "  /api/services   and to which endpoints\n"
    "  /api/endpoints  each with what it has served\n"
    "  /api/rejected   what is not routed, and why\n"
    "  /api/providers  where routes come from, and how fresh they are\n"
    "  /api/tls        certificates, when they end, and what is wrong with them\n"
    "  /api/explain    ?url=http://host/path: which router wins, and why the others lose\n"
    "  /api/lint       shadowed routers, equal priorities and overlaps\n"
    "  /api/version\n"
    "  /metrics        Prometheus text\n";

}  // namespace

Result<std::unique_ptr<Admin>> Admin::start(event::Loop& loop, const SocketAddress& address, http::ServerTls tls,
                                            AdminSource& source) {
  std::unique_ptr<Admin> admin(new Admin(source));
  auto server = http::Server::listen(
      loop, address,
      [&admin = *admin](http::Request request, std::shared_ptr<http::Responder> responder) {
        admin.serve(request, responder);
      },
      {}, std::move(tls));
  if (!server) return fail(server.error());
  admin->server_ = std::move(*server);
  return admin;
}

void Admin::serve(const http::Request& request, const std::shared_ptr<http::Responder>& responder) {
  if (request.method != "GET" && request.method != "HEAD") {
    return responder->respond({405, {{"Allow", "GET, HEAD"}}, "this API is read-only\n"});
  }
  const provider::TableAssembler& assembler = source_.assembler();
  const std::string& path = request.path;
  if (path == "/ping" || path == "/ready") return serve_health(request, responder);
  if (path == "/") return send_text(*responder, 200, std::string(kIndex));
  if (path == "/api/version") return send_json(*responder, version_json());
  if (path == "/api/routers") return send_json(*responder, routers_json(assembler));
  if (path == "/api/services") return send_json(*responder, services_json(assembler, source_.checker()));
  if (path == "/api/rejected") return send_json(*responder, rejected_json(assembler, source_.config()));
  if (path == "/api/providers") return send_json(*responder, providers_json(assembler));
  if (path == "/api/tls") return send_json(*responder, tls_json(source_.tls_status()));
  if (path == "/api/explain") {
    auto answer = explain_json(assembler, source_.checker(), source_.config(), request);
    return send_json(*responder, std::move(answer.body), answer.status);
  }
  if (path == "/api/lint") {
    auto answer = lint_json(assembler, source_.config());
    return send_json(*responder, std::move(answer.body), answer.status);
  }
  if (path == "/api/endpoints") {
    return source_.collect([this, &assembler, responder](const proxy::Stats& stats) {
      send_json(*responder, endpoints_json(assembler, source_.checker(), stats));
    });
  }
  if (path == "/metrics") {
    return source_.collect([this, &assembler, responder](const proxy::Stats& stats) {
      responder->respond({200,
                          {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}},
                          metrics_text(stats, assembler, source_.checker().counts(), source_.tls_status())});
    });
  }
  send_text(*responder, 404, "no such page; / lists what there is\n");
}

void Admin::serve_health(const http::Request& request, const std::shared_ptr<http::Responder>& responder) {
  if (request.path == "/ping") {
    return source_.draining() ? send_text(*responder, 503, "draining\n") : send_text(*responder, 200, "OK\n");
  }
  auto answer = [this, responder] {
    bool ready = source_.assembler().readiness().ready && !source_.draining();
    send_json(*responder, ready_json(source_.assembler(), source_.draining()), ready ? 200 : 503);
  };
  if (!source_.assembler().readiness().ready) return answer();
  // Who hears "ready" may send a request to any worker at once: each must have the table that this is said of.
  source_.when_installed(answer);
}

}  // namespace weir::app

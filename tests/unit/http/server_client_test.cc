// Server and client against each other.

#include "catch.h"
#include "weir/event/listener.h"
#include "weir/event/timer.h"
#include "weir/http/client.h"
#include "weir/http/server.h"

using namespace weir;
using namespace weir::http;

namespace {

struct World {
  event::Loop loop;
  std::unique_ptr<Server> server;
  std::optional<Client> client;
  Server::Handler handler = [](Request request, std::shared_ptr<Responder> responder) {
    responder->respond({200, {{"X-Method", request.method}}, request.body.empty() ? request.path : request.body});
  };

  World() {
    server = Server::listen(loop, SocketAddress::parse("127.0.0.1:0").value(),
                            [this](Request request, std::shared_ptr<Responder> responder) {
                              handler(std::move(request), std::move(responder));
                            })
                 .value();
    client.emplace(loop);
  }
  ~World() {
    client.reset();
    server.reset();
  }
  ClientRequest request(const std::string& path) const {
    ClientRequest made;
    made.url = Url::parse("http://" + server->address().text() + path).value();
    made.timeout_ms = 10'000;
    return made;
  }
  Result<ClientResponse> fetch(ClientRequest wanted, Client::OnChunk on_chunk = {}) {
    Result<ClientResponse> out = fail(ErrorCode::cancelled, "no callback");
    auto call = client->send(
        std::move(wanted),
        [&](Result<ClientResponse> response) {
          out = std::move(response);
          loop.stop();
        },
        std::move(on_chunk));
    loop.run();
    return out;
  }
};

}  // namespace

TEST_CASE("client: bodies of every size come back whole over one connection") {
  World world;
  for (size_t size : {0, 1, 1000, 4096, 65536, 3'000'000}) {
    auto request = world.request("/size");
    request.method = "PUT";
    request.body = std::string(size, 'b');
    auto response = world.fetch(request);
    REQUIRE(response);
    CHECK(response->status == 200);
    CHECK(response->header("x-method") == "PUT");
    CHECK(response->body.size() == (size == 0 ? 5 : size));
  }
}

TEST_CASE("client: nobody listening, no name and no answer are three different errors") {
  World world;
  auto request = world.request("/");
  auto closed =
      event::Listener::listen(world.loop, {SocketAddress::parse("127.0.0.1:0").value()}, [](event::TcpStream) {
      })->address();
  request.url.port = closed.port;
  CHECK(world.fetch(request).error().code == ErrorCode::refused);
  request.url.host = "no-such-host.invalid";
  CHECK(world.fetch(request).error().code == ErrorCode::not_found);
  std::shared_ptr<Responder> kept;
  world.handler = [&](Request, std::shared_ptr<Responder> responder) { kept = responder; };
  auto silent = world.request("/");
  silent.timeout_ms = 50;
  CHECK(world.fetch(silent).error().code == ErrorCode::timeout);
  kept.reset();
}

TEST_CASE("client: an answer above the limit is an error, at the limit it is not") {
  World world;
  world.handler = [](Request, std::shared_ptr<Responder> responder) {
    responder->respond({200, {}, std::string(10, 'x')});
  };
  auto request = world.request("/");
  request.body_bytes_max = 10;
  CHECK(world.fetch(request));
  request.body_bytes_max = 9;
  CHECK(world.fetch(request).error().code == ErrorCode::too_large);
  request.body_bytes_max = 10;
  CHECK(world.fetch(request));
}

TEST_CASE("client: a streamed answer comes in pieces") {
  World world;
  world.handler = [](Request, std::shared_ptr<Responder> responder) {
    responder->start(200, {});
    responder->write("one ");
    responder->write("two ");
    responder->end();
  };
  std::string pieces;
  auto response = world.fetch(world.request("/"), [&](std::string_view piece) { pieces += piece; });
  REQUIRE(response);
  CHECK(pieces == "one two ");
  CHECK(response->body.empty());
}

TEST_CASE("client: an answer that is paused comes no further, and whole when it goes on") {
  World world;
  std::shared_ptr<Responder> writer;
  const std::string piece(64 * 1024, 'x');
  size_t written = 0, drained = 0;
  const size_t total = 256 * piece.size();
  auto fill = [&] {
    while (written < total && writer->queued_bytes() == 0) {
      writer->write(piece);
      written += piece.size();
    }
    if (written == total) writer->end();
  };
  world.handler = [&](Request, std::shared_ptr<Responder> responder) {
    writer = std::move(responder);
    writer->on_drained([&] {
      ++drained;
      fill();
    });
    writer->start(200, {});
    fill();
  };
  size_t read = 0;
  bool complete = false;
  std::unique_ptr<Call> call;
  event::Timer look(world.loop, [&] { world.loop.stop(); });
  ClientRequest stream = world.request("/");
  stream.timeout_ms = 0;
  call = world.client->send(
      std::move(stream),
      [&](Result<ClientResponse> response) {
        complete = response.has_value();
        world.loop.stop();
      },
      [&](std::string_view bytes) {
        if (read == 0) {
          call->pause_body();
          look.start_once(50);
        }
        read += bytes.size();
      });
  world.loop.run();
  CHECK(written < total);  // the sockets between them hold some, not all
  CHECK(read <= 256 * 1024);
  call->resume_body();
  world.loop.run();
  CHECK(complete);
  CHECK(read == total);
  CHECK(drained > 0);
}

TEST_CASE("client: who wants the head alone waits for no body, however long, and names another host") {
  World world;
  std::shared_ptr<Responder> endless;
  std::string host;
  world.handler = [&](const Request& request, std::shared_ptr<Responder> responder) {
    host = request.header("host");
    responder->start(200, {{"X-A", "b"}});
    responder->write(std::string(100'000, 'x'));
    endless = std::move(responder);
  };
  auto request = world.request("/");
  request.head_only = true;
  request.keep_alive = false;
  request.host = "other.test";
  request.body_bytes_max = 10;
  auto response = world.fetch(request);
  REQUIRE(response);
  CHECK(response->status == 200);
  CHECK(response->header("x-a") == "b");
  CHECK(response->body.empty());
  CHECK(host == "other.test");
  endless.reset();
}

TEST_CASE("client: an answer that is cut is an error, not a short body") {
  World world;
  world.handler = [](Request, std::shared_ptr<Responder> responder) {
    responder->start(200, {});
    responder->write("half");
  };
  auto response = world.fetch(world.request("/"));
  REQUIRE_FALSE(response);
  CHECK(response.error().code == ErrorCode::closed);
}

TEST_CASE("client: a cancelled call is silent and tells the server") {
  World world;
  std::shared_ptr<Responder> kept;
  bool gone = false;
  world.handler = [&](Request, std::shared_ptr<Responder> responder) {
    kept = responder;
    kept->on_disconnect([&] {
      gone = true;
      world.loop.stop();
    });
  };
  bool called = false;
  auto call = world.client->send(world.request("/"), [&](Result<ClientResponse>) { called = true; });
  event::Timer cancel(world.loop, [&] {
    if (kept) call.reset();
  });
  cancel.start_every(1);
  world.loop.run();
  CHECK(gone);
  CHECK_FALSE(called);
}

TEST_CASE("client: a pooled connection that the server has closed meanwhile is replaced without an error") {
  World world;
  CHECK(world.fetch(world.request("/1")));
  auto address = world.server->address();
  world.server.reset();
  world.server = Server::listen(world.loop, address, [](Request, std::shared_ptr<Responder> responder) {
                   responder->respond({200, {}, "second server"});
                 }).value();
  auto response = world.fetch(world.request("/2"));
  REQUIRE(response);
  CHECK(response->body == "second server");
}

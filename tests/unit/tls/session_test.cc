// Resumption: tickets, their keys, and who may come back with one.

#include "tls_fixture.h"

using namespace weir;
using namespace weir::tls;

namespace {

ClientOptions blind() {
  ClientOptions options;
  options.insecure_skip_verify = true;
  return options;
}

/// Connects, and reads something, so that the ticket behind the handshake has come too.
std::unique_ptr<End> visit(World& world, const std::shared_ptr<ClientContext>& context, const std::string& host) {
  auto client = world.shake(context, host);
  REQUIRE(client->connected);
  world.newest().stream.write("hello");
  world.run_until([&] { return client->got == "hello"; });
  return client;
}

}  // namespace

TEST_CASE("tls: who comes back resumes its session, also with TLS 1.2") {
  for (uint8_t version : {uint8_t{2}, uint8_t{3}}) {
    ServerMaterial material = server_material({});
    material.profiles[0].options.max_version_minor = version;
    World world(material);
    auto context = world.client_context(blind());
    CHECK_FALSE(visit(world, context, "a.example")->tls().resumed());
    CHECK(visit(world, context, "a.example")->tls().resumed());
    CHECK(visit(world, context, "a.example")->tls().resumed());
    CHECK(world.server.counters().handshakes == 3);
    CHECK(world.server.counters().resumed == 2);
    CHECK(world.client.counters().upstream_resumed == 2);
  }
}

TEST_CASE("tls: a ticket is good as long as its key is kept, on every edge that has it") {
  World world(server_material({}));
  auto context = world.client_context(blind());
  TicketKeys keys = rotate({}, 2);
  world.server.use(std::make_shared<const TicketKeys>(keys));
  visit(world, context, "a.example");
  TicketKeys next = rotate(keys, 1);
  world.server.use(std::make_shared<const TicketKeys>(next));
  CHECK(visit(world, context, "a.example")->tls().resumed());  // the old key opens; the new ticket is of the new one
  World other(server_material({}));
  other.server.use(std::make_shared<const TicketKeys>(next));
  auto second = std::make_unique<End>();
  second->stream = event::TcpStream::connect(other.loop, other.listener->address(), *second,
                                             other.client.connect(context, {"a.example", "one endpoint", {}}));
  other.run_until([&] { return second->over(); });
  CHECK(second->tls().resumed());

  visit(world, context, "a.example");
  world.server.use(std::make_shared<const TicketKeys>(rotate({}, 0)));
  CHECK_FALSE(visit(world, context, "a.example")->tls().resumed());
  CHECK(visit(world, context, "a.example")->tls().resumed());
}

TEST_CASE("tls: options without tickets resume nothing, also where only some hosts have them") {
  for (uint8_t version : {uint8_t{2}, uint8_t{3}}) {
    for (bool for_all : {true, false}) {
      ServerMaterial material = server_material({make_certificate("tickets", "a.example b.example")});
      material.profiles.emplace_back();
      material.profiles[1].options.name = "other";
      for (auto& profile : material.profiles) profile.options.max_version_minor = version;
      material.profiles[for_all ? 0 : 1].options.tickets_off = true;
      World world(material);
      HostOptions by_host{{"b.example", "other"}};
      world.server.use(std::make_shared<const HostOptions>(by_host));
      // One client for each host: sessions are kept by endpoint.
      for (const char* host : {"a.example", "b.example"}) {
        auto context = world.client_context(blind());
        visit(world, context, host);
        const bool resumes = for_all == (std::string_view(host) == "b.example");
        CHECK(visit(world, context, host)->tls().resumed() == resumes);
      }
    }
  }
}

TEST_CASE("tls: a session does not open an entry that asks for certificates") {
  ServerMaterial material = server_material({make_certificate("two-hosts", "a.example b.example")});
  material.profiles.emplace_back();
  material.profiles[1].options.name = "mutual";
  material.profiles[1].options.client_auth = ClientAuth::require_any;
  World world(material);
  HostOptions by_host{{"b.example", "mutual"}};
  world.server.use(std::make_shared<const HostOptions>(by_host));
  auto context = world.client_context(blind());
  visit(world, context, "a.example");
  // The session of a.example is offered (one endpoint), but its options would let anybody in.
  auto client = world.shake(context, "b.example");
  CHECK_FALSE(world.newest().connected);
  CHECK(world.newest().failure.find("peer did not return a certificate") != std::string::npos);
}

TEST_CASE("tls: new certificates reach new connections; those that exist do not notice") {
  World world(server_material({make_certificate("before", "a.example")}));
  auto old_client = visit(world, world.client_context(blind()), "a.example");
  End& old_server = world.newest();
  world.serve(server_material({make_certificate("after", "a.example")}));
  auto new_client = visit(world, world.client_context(blind()), "a.example");
  CHECK(new_client->tls().peer_certificate().subject == "CN=after");
  CHECK(old_client->tls().peer_certificate().subject == "CN=before");
  old_client->stream.write("still there");
  world.run_until([&] { return old_server.got == "still there"; });
}

// Messages about an open connection itself, which make work and carry nothing: from a client made of OpenSSL alone.

#include <openssl/ssl.h>

#include "tls_fixture.h"

using namespace weir;
using namespace weir::tls;

namespace {

/// OpenSSL's client over a plain stream.
struct BareClient {
  explicit BareClient(World& its_world) : world(its_world), end(world.connect_plain()) {
    SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl.get());
    end->after = [this, before = end->after] {
      before();
      if (!end->got.empty()) BIO_write(SSL_get_rbio(ssl.get()), end->got.data(), static_cast<int>(end->got.size()));
      end->got.clear();
    };
    world.run_until([&] { return SSL_do_handshake(ssl.get()) == 1 || (leave(), false); });
    leave();
  }
  /// What OpenSSL has to say goes to the socket.
  void leave() {
    char bytes[16 * 1024];
    for (int size = 0; (size = BIO_read(SSL_get_wbio(ssl.get()), bytes, sizeof bytes)) > 0;) {
      end->stream.write({bytes, static_cast<size_t>(size)});
    }
  }
  void update_keys(int times) {
    for (int i = 0; i < times; ++i) {
      REQUIRE(SSL_key_update(ssl.get(), SSL_KEY_UPDATE_REQUESTED) == 1);
      REQUIRE(SSL_do_handshake(ssl.get()) == 1);
    }
    leave();
  }
  void say(std::string_view text) {
    REQUIRE(SSL_write(ssl.get(), text.data(), static_cast<int>(text.size())) > 0);
    leave();
  }

  World& world;
  std::unique_ptr<End> end;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl{SSL_new(context.get()), SSL_free};
};

}  // namespace

TEST_CASE("tls: 32 KeyUpdates a second are answered by as many, and bytes go on under the new keys") {
  World world(server_material({}));
  BareClient client(world);
  for (int i = 0; i < 16; ++i) {
    client.update_keys(2);
    client.say(".");
  }
  world.run_until([&] { return world.newest().got == "................"; });
  world.newest().stream.write("here too");
  char text[32];
  int size = 0;
  world.run_until([&] { return size > 0 || (size = SSL_read(client.ssl.get(), text, sizeof text)) > 0; });
  CHECK(std::string_view(text, static_cast<size_t>(size)) == "here too");
}

TEST_CASE("tls: a flood of KeyUpdates ends its connection within the read that brings it; others go on") {
  World world(server_material({}));
  BareClient client(world);
  End& attacked = world.newest();
  BareClient bystander(world);
  End& other = world.newest();
  client.update_keys(2'000);
  client.say("never heard");
  world.run_until([&] { return !attacked.failure.empty(); });
  CHECK(attacked.failure == "TLS: a flood of KeyUpdates, tickets or alerts");
  CHECK(attacked.got.empty());
  bystander.say("still here");
  world.run_until([&] { return other.got == "still here"; });
}

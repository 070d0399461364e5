// Who a mesh says we are, and that its members are checked by their URIs.

#include "weir/tls/mesh.h"

#include "tls_fixture.h"
#include "weir/base/file.h"

using namespace weir;
using namespace weir::tls;

namespace {

MeshIdentity identity_of(const MadeCertificate& made, const std::string& ca) {
  return {"edge", "spiffe://t.consul/ns/default/dc/dc1/svc/edge", read_file(made.cert).value(),
          read_file(made.key).value(), read_file(ca).value()};
}

}  // namespace

TEST_CASE("mesh: an identity is whole or refused with the part that is not") {
  std::string ca = make_ca("ca-mesh-check");
  MadeCertificate made = make_certificate("mesh-check", "a.example", "ca-mesh-check");
  MadeCertificate other = make_certificate("mesh-other", "a.example", "ca-mesh-check");
  MeshIdentity good = identity_of(made, ca);
  REQUIRE(check(good));
  CHECK(check(good)->subject == "CN=mesh-check");
  auto reason = [&](auto change) {
    MeshIdentity bad = good;
    change(bad);
    auto checked = check(bad);
    return checked ? "taken" : checked.error().message;
  };
  CHECK(reason([](MeshIdentity& one) { one.chain_pem = "x"; }) == "mesh leaf: there is no certificate in it");
  CHECK(reason([](MeshIdentity& one) { one.key_pem = "x"; }).starts_with("mesh key: "));
  CHECK(reason([&](MeshIdentity& one) { one.key_pem = read_file(other.key).value(); }) ==
        "mesh key: it is not the leaf's");
  CHECK(reason([](MeshIdentity& one) { one.roots_pem = ""; }) == "mesh roots: there is no certificate in it");
}

TEST_CASE("mesh: another service's URI is ours with its name") {
  MeshIdentity identity;
  identity.uri = "spiffe://t.consul/ns/default/dc/dc1/svc/edge";
  CHECK(mesh_uri(identity, "web") == "spiffe://t.consul/ns/default/dc/dc1/svc/web");
  for (const char* odd : {"", "https://t/svc/edge", "spiffe://t.consul/agent/x"}) {
    identity.uri = odd;
    CHECK(mesh_uri(identity, "web").empty());
    CHECK_FALSE(mesh_client_material({}, "web", identity));
  }
  CHECK_FALSE(mesh_client_material({}, "web", std::nullopt));
}

TEST_CASE("mesh: both sides show their leaves, and only the service that was meant is spoken to") {
  std::string ca = make_ca("ca-mesh");
  ServerMaterial material = server_material({});
  material.default_certificate =
      material_of(make_certificate("mesh-web", "spiffe://t.consul/ns/default/dc/dc1/svc/web", "ca-mesh"));
  material.profiles[0].options.client_auth = ClientAuth::require_and_verify;
  material.profiles[0].ca_pem = read_file(ca).value();
  World world(material);
  MeshIdentity identity =
      identity_of(make_certificate("mesh-edge", "spiffe://t.consul/ns/default/dc/dc1/svc/edge", "ca-mesh"), ca);
  auto shake = [&](const std::string& service) {
    auto client = mesh_client_material({}, service, identity);
    REQUIRE(client);
    auto context = make_client_context(world.client.library(), *client);
    REQUIRE(context);
    return world.shake(*context, "127.0.0.1");
  };
  CHECK(shake("web")->connected);
  const std::vector<PeerCertificate>& shown = world.newest().tls().client_certificates();
  REQUIRE(shown.size() == 1);
  CHECK(shown[0].alternatives == std::vector<std::string>{"spiffe://t.consul/ns/default/dc/dc1/svc/edge"});
  CHECK_FALSE(shake("db")->connected);
  CHECK_FALSE(shake("we")->connected);
}

// Which certificate, protocol and options a client gets, and who is let in.

#include "tls_fixture.h"
#include "weir/base/file.h"

using namespace weir;
using namespace weir::tls;

namespace {

std::shared_ptr<ClientContext> trusting(World& world, const std::string& ca, const MadeCertificate* own = nullptr) {
  ClientOptions options;
  options.root_cas = {ca};
  if (own != nullptr) options.certificates.push_back({own->cert, own->key, ""});
  return world.client_context(options);
}

std::string common_name(const End& end) { return end.tls().peer_certificate().subject; }

struct MutualWorld {
  std::string ca = make_ca("ca-mutual");
  std::string stranger_ca = make_ca("ca-stranger");
  MadeCertificate site = make_certificate("mutual-site", "a.example", "ca-mutual");
  MadeCertificate known = make_certificate("known-client", "known.example", "ca-mutual");
  MadeCertificate stranger = make_certificate("stranger-client", "stranger.example", "ca-stranger");

  /// Whether the client was let in: without a certificate, with a stranger's, with a known one.
  std::string let_in(ClientAuth auth) {
    ServerMaterial material = server_material({site});
    material.profiles[0].options.client_auth = auth;
    if (auth == ClientAuth::verify_if_given || auth == ClientAuth::require_and_verify) {
      material.profiles[0].ca_pem = load_ca_file(ca).value();
    }
    World world(material);
    std::string out;
    const MadeCertificate* shown[] = {nullptr, &stranger, &known};
    for (const MadeCertificate* own : shown) {
      auto client = world.shake(trusting(world, ca, own), "a.example");
      out += world.newest().connected ? "yes " : "no ";
    }
    return out;
  }
};

}  // namespace

TEST_CASE("tls: the certificate is chosen by name: exact, wildcard, default") {
  std::string ca = make_ca("ca-sni");
  World world(server_material(
      {make_certificate("exact", "a.example b.example", "ca-sni"), make_certificate("wild", "*.b.example", "ca-sni")}));
  auto context = trusting(world, ca);
  CHECK(common_name(*world.shake(context, "a.example")) == "CN=exact");
  CHECK(common_name(*world.shake(context, "B.EXAMPLE")) == "CN=exact");
  CHECK(common_name(*world.shake(context, "c.b.example")) == "CN=wild");
  ClientOptions blind;
  blind.insecure_skip_verify = true;
  auto any = world.client_context(blind);
  CHECK(common_name(*world.shake(any, "deep.c.b.example")) == "CN=weir.default");  // a wildcard is one label
  CHECK(common_name(*world.shake(any, "127.0.0.1")) == "CN=weir.default");         // no name is sent for an address
  CHECK(world.newest().tls().server_name().empty());
}

TEST_CASE("tls: a client without a name gets the certificate for the address it has come to") {
  ServerMaterial material = server_material(
      {make_certificate("by-name", "a.example 127.0.0.2"), make_certificate("by-address", "b.example 127.0.0.1")});
  World world(material);
  ClientOptions blind;
  blind.insecure_skip_verify = true;
  auto any = world.client_context(blind);
  CHECK(common_name(*world.shake(any, "127.0.0.1")) == "CN=by-address");
  CHECK(world.newest().tls().server_name().empty());
  CHECK(common_name(*world.shake(any, "a.example")) == "CN=by-name");
  material.profiles[0].options.sni_strict = true;
  world.serve(material);
  CHECK(common_name(*world.shake(any, "127.0.0.1")) == "CN=by-address");
}

TEST_CASE("tls: of several certificates for a name the client gets the kind of key it can use") {
  World world(server_material(
      {make_certificate("both-ec", "a.example"), make_certificate("both-rsa", "a.example", "", "rsa")}));
  ClientOptions blind;
  blind.insecure_skip_verify = true;
  CHECK(common_name(*world.shake(world.client_context(blind), "a.example")) == "CN=both-ec");
  ServerMaterial rsa_only =
      server_material({make_certificate("both-ec", "a.example"), make_certificate("both-rsa", "a.example", "", "rsa")});
  rsa_only.profiles[0].options.max_version_minor = 2;
  rsa_only.profiles[0].options.cipher_suites = {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"};
  world.serve(rsa_only);
  auto client = world.shake(world.client_context(blind), "a.example");
  CHECK(common_name(*client) == "CN=both-rsa");
  CHECK(client->tls().version() == "TLSv1.2");
  CHECK(client->tls().cipher() == "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
}

TEST_CASE("tls: a strict entry point refuses names it has no certificate for") {
  ServerMaterial material = server_material({make_certificate("strict", "a.example")});
  material.profiles[0].options.sni_strict = true;
  World world(material);
  ClientOptions blind;
  blind.insecure_skip_verify = true;
  CHECK(world.shake(world.client_context(blind), "a.example")->connected);
  auto refused = world.shake(world.client_context(blind), "other.example");
  CHECK_FALSE(refused->connected);
  CHECK(refused->failure.find("unrecognized name") != std::string::npos);
  CHECK(world.server.counters().failed == 1);
}

TEST_CASE("tls: ALPN: the first of ours that the client speaks; none in common is refused") {
  ServerMaterial material = server_material({});
  material.alpn_protocols = {"h2", "http/1.1"};
  World world(material);
  ClientOptions blind;
  blind.insecure_skip_verify = true;
  auto context = world.client_context(blind);
  CHECK(world.shake(context, "a.example", {"http/1.1", "h2"})->stream.protocol() == "h2");
  CHECK(world.newest().stream.protocol() == "h2");
  CHECK(world.shake(context, "a.example", {"http/1.1"})->stream.protocol() == "http/1.1");
  CHECK(world.shake(context, "a.example")->stream.protocol().empty());
  CHECK_FALSE(world.shake(context, "a.example", {"spdy/1"})->connected);
}

TEST_CASE("tls: a host's routers may ask for other options than the entry point's") {
  MadeCertificate site = make_certificate("per-host", "a.example b.example");
  ServerMaterial material = server_material({site});
  material.profiles.emplace_back();
  material.profiles[1].options.name = "old";
  material.profiles[1].options.max_version_minor = 2;
  material.profiles[1].options.curves = {"CurveP384"};
  World world(material);
  HostOptions by_host{{"b.example", "old"}};
  world.server.use(std::make_shared<const HostOptions>(by_host));
  ClientOptions blind;
  blind.insecure_skip_verify = true;
  auto context = world.client_context(blind);
  CHECK(world.shake(context, "a.example")->tls().version() == "TLSv1.3");
  CHECK(world.newest().tls().options_name() == "default");
  CHECK(world.shake(context, "b.example")->tls().version() == "TLSv1.2");
  CHECK(world.newest().tls().options_name() == "old");
}

TEST_CASE("tls: client certificates in the five modes") {
  MutualWorld mutual;
  CHECK(mutual.let_in(ClientAuth::none) == "yes yes yes ");
  CHECK(mutual.let_in(ClientAuth::request) == "yes yes yes ");
  CHECK(mutual.let_in(ClientAuth::require_any) == "no yes yes ");
  CHECK(mutual.let_in(ClientAuth::verify_if_given) == "yes no yes ");
  CHECK(mutual.let_in(ClientAuth::require_and_verify) == "no no yes ");
}

TEST_CASE("tls: options of a host check client certificates where the entry point's do not") {
  MutualWorld mutual;
  ServerMaterial material = server_material({mutual.site});
  material.profiles.emplace_back();
  material.profiles[1].options.name = "mutual";
  material.profiles[1].options.client_auth = ClientAuth::require_and_verify;
  material.profiles[1].ca_pem = load_ca_file(mutual.ca).value();
  World world(material);
  HostOptions by_host{{"*.example", "mutual"}};
  world.server.use(std::make_shared<const HostOptions>(by_host));
  auto let_in = [&](const MadeCertificate* own) {
    auto client = world.shake(trusting(world, mutual.ca, own), "a.example");
    return world.newest().connected;
  };
  CHECK(let_in(&mutual.known));
  CHECK_FALSE(let_in(&mutual.stranger));
  CHECK_FALSE(let_in(nullptr));
}

TEST_CASE("tls: the client's certificate is there to be passed on") {
  MutualWorld mutual;
  ServerMaterial material = server_material({mutual.site});
  material.profiles[0].options.client_auth = ClientAuth::require_and_verify;
  material.profiles[0].ca_pem = load_ca_file(mutual.ca).value();
  World world(material);
  auto client = world.shake(trusting(world, mutual.ca, &mutual.known), "a.example");
  REQUIRE(world.newest().connected);
  CHECK(world.newest().tls().peer_certificate().subject == "CN=known-client");
  const std::vector<PeerCertificate>& shown = world.newest().tls().client_certificates();
  REQUIRE(shown.size() == 1);
  CHECK(shown[0].subject == NameParts{{"CN", "known-client"}});
  CHECK(shown[0].issuer == NameParts{{"CN", "ca-mutual"}});
  CHECK(lasts_days(shown[0].not_before_s, shown[0].not_after_s, 30));
  std::string pem = read_file(mutual.known.cert).value();
  std::erase(pem, '\n');
  CHECK(pem == "-----BEGIN CERTIFICATE-----" + shown[0].der_base64 + "-----END CERTIFICATE-----");
  CHECK(&world.newest().tls().client_certificates() == &shown);
}

TEST_CASE("tls: a client's subject is told as Go writes it") {
  ServerMaterial material = server_material({make_certificate("asks", "a.example")});
  material.profiles[0].options.client_auth = ClientAuth::require_any;
  World world(material);
  auto subject_of = [&](const std::string& file, const std::string& subject) {
    MadeCertificate made = make_certificate(file, "c.example", "", "ec", 30, subject);
    ClientOptions options;
    options.insecure_skip_verify = true;
    options.certificates = {{made.cert, made.key, ""}};
    auto client = world.shake(world.client_context(options), "a.example");
    REQUIRE(world.newest().connected);
    return std::string(world.newest().tls().client_subject());
  };
  CHECK(subject_of("go-plain", "/CN=app") == "CN=app");
  // Its own order, parts of one type together, the last of the common names.
  CHECK(subject_of("go-order",
                   "/CN=first/OU=b/C=DE/ST=S/L=City/street=Way/postalCode=1/O=Org/OU=a/serialNumber=7/CN=app") ==
        "SERIALNUMBER=7,CN=app,POSTALCODE=1,STREET=Way,ST=S,L=City,OU=b+OU=a,O=Org,C=DE");
  CHECK(subject_of("go-escape", "/CN=#a, b\\+\"c\" <d>;\\\\ü/O= x ") ==
        "CN=\\#a\\, b\\+\\\"c\\\" \\<d\\>\\;\\\\ü,O=\\ x\\ ");
  CHECK(subject_of("go-unnamed", "/DC=org/DC=example/CN=app/emailAddress=a@b") ==
        "CN=app,1.2.840.113549.1.9.1=#0c03614062,0.9.2342.19200300.100.1.25=#13076578616d706c65,"
        "0.9.2342.19200300.100.1.25=#13036f7267");
  CHECK(
      subject_of("go-long", "/CN=app/description=" + std::string(200, 'x')).starts_with("CN=app,2.5.4.13=#1381c87878"));

  ServerMaterial open = server_material({make_certificate("asks-not", "a.example")});
  world.serve(open);
  ClientOptions none;
  none.insecure_skip_verify = true;
  auto client = world.shake(world.client_context(none), "a.example");
  CHECK(world.newest().tls().client_subject().empty());
}

TEST_CASE("tls: a client checks who it speaks to") {
  std::string ca = make_ca("ca-verify");
  std::string other_ca = make_ca("ca-other");
  World world(server_material({make_certificate("verified", "a.example 127.0.0.1 spiffe://mesh/web", "ca-verify")}));
  CHECK(world.shake(trusting(world, ca), "a.example")->connected);

  auto wrong_ca = world.shake(trusting(world, other_ca), "a.example");
  CHECK(wrong_ca->failure.find("unable to get local issuer") != std::string::npos);
  CHECK(world.client.counters().upstream_failed == 1);

  ClientOptions named;
  named.root_cas = {ca};
  named.server_name = "a.example";
  CHECK(world.shake(world.client_context(named), "127.0.0.1")->connected);
  named.server_name = "";
  auto unnamed = world.shake(world.client_context(named), "other.example");
  CHECK_FALSE(unnamed->connected);

  ServerMaterial material = server_material({});
  material.default_certificate = world.accepted.empty()
                                     ? nullptr
                                     : material_of({test_folder() + "/verified.pem", test_folder() + "/verified.key"});
  world.serve(material);
  CHECK(world.shake(trusting(world, ca), "127.0.0.1")->connected);  // by the address in it
  auto wrong_name = world.shake(trusting(world, ca), "other.example");
  CHECK(wrong_name->failure.find("hostname mismatch") != std::string::npos);

  ClientOptions mesh;
  mesh.root_cas = {ca};
  mesh.peer_uri = "spiffe://mesh/web";
  CHECK(world.shake(world.client_context(mesh), "other.example")->connected);
  mesh.peer_uri = "spiffe://mesh/db";
  CHECK_FALSE(world.shake(world.client_context(mesh), "other.example")->connected);
}

TEST_CASE("tls: a URI that the peer must have is looked for in a verified certificate, also with insecureSkipVerify") {
  std::string ca = make_ca("ca-uri");
  std::string other_ca = make_ca("ca-uri-other");
  World world(server_material({make_certificate("by-uri", "a.example spiffe://mesh/web", "ca-uri")}));
  auto speaks = [&](const std::string& trusted, const std::string& uri) {
    ClientOptions options;
    options.insecure_skip_verify = true;
    options.root_cas = {trusted};
    options.peer_uri = uri;
    return world.shake(world.client_context(options), "a.example")->connected;
  };
  CHECK(speaks(ca, "spiffe://mesh/web"));
  CHECK_FALSE(speaks(ca, "spiffe://mesh/db"));
  CHECK_FALSE(speaks(other_ca, "spiffe://mesh/web"));
}

TEST_CASE("tls: a client that is to speak no HTTP/2 does not offer it") {
  ServerMaterial material = server_material({});
  material.alpn_protocols = {"h2", "http/1.1"};
  World world(material);
  ClientOptions options;
  options.insecure_skip_verify = true;
  options.http2_off = true;
  auto context = world.client_context(options);
  CHECK(world.shake(context, "a.example", {"h2", "http/1.1"})->stream.protocol() == "http/1.1");
  CHECK(world.newest().stream.protocol() == "http/1.1");
}

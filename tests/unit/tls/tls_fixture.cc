#include "tls_fixture.h"

#include <cstdlib>
#include <filesystem>

namespace weir::tls {
namespace {

void run(const std::string& command) {
  INFO(command);
  REQUIRE(std::system((command + " 2>/dev/null").c_str()) == 0);
}

struct Folder {
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "weir-tls-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

std::string alternative_names(const std::string& names) {
  std::string out;
  size_t at = 0;
  while (at < names.size()) {
    size_t end = std::min(names.find(' ', at), names.size());
    std::string name = names.substr(at, end - at);
    std::string kind = name.starts_with("127.") ? "IP:" : name.starts_with("spiffe:") ? "URI:" : "DNS:";
    out += (out.empty() ? "" : ",") + kind + name;
    at = end + 1;
  }
  return out;
}

}  // namespace

const std::string& test_folder() {
  static const Folder folder;
  return folder.path;
}

MadeCertificate make_certificate(const std::string& file, const std::string& names, const std::string& issuer,
                                 const std::string& kind, int days, const std::string& subject) {
  std::string base = test_folder() + "/" + file;
  std::string ca = test_folder() + "/" + issuer;
  std::string key = kind == "ec" ? "-newkey ec -pkeyopt ec_paramgen_curve:P-256" : "-newkey rsa:2048";
  run("openssl req -x509 " + key + " -nodes -keyout " + base + ".key -out " + base + ".pem -utf8 -subj '" +
      (subject.empty() ? "/CN=" + file : subject) + "' -days " + std::to_string(days) +
      " -addext subjectAltName=" + alternative_names(names) +
      (issuer.empty() ? "" : " -CA " + ca + ".pem -CAkey " + ca + ".key -addext basicConstraints=critical,CA:FALSE"));
  return {base + ".pem", base + ".key"};
}

std::string make_ca(const std::string& file) {
  std::string base = test_folder() + "/" + file;
  run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout " + base + ".key -out " + base +
      ".pem -subj /CN=" + file + " -days 30 -addext keyUsage=critical,keyCertSign");
  return base + ".pem";
}

std::shared_ptr<const CertificateMaterial> material_of(const MadeCertificate& made) {
  auto loaded = load_certificate({made.cert, made.key, ""});
  REQUIRE(loaded);
  return *loaded;
}

ServerMaterial server_material(const std::vector<MadeCertificate>& certificates) {
  ServerMaterial material;
  material.profiles.emplace_back();
  material.alpn_protocols = {"http/1.1"};
  for (const MadeCertificate& made : certificates) material.certificates.push_back(material_of(made));
  static const auto fallback = make_default_certificate().value();
  material.default_certificate = fallback;
  return material;
}

World::World(const ServerMaterial& material) {
  serve(material);
  server.use(std::make_shared<const TicketKeys>(rotate({}, 0)));
  auto made =
      event::Listener::listen(loop, {SocketAddress::parse("127.0.0.1:0").value()}, [this](event::TcpStream stream) {
        End& end = *accepted.emplace_back(std::make_unique<End>());
        end.stream = std::move(stream);
        end.stream.set_observer(end);
        end.after = [&end] {
          if (!end.failure.empty()) end.stream = event::TcpStream();
        };
        end.stream.put_layer(server.accept("default"));
      });
  REQUIRE(made);
  listener = std::make_unique<event::Listener>(std::move(*made));
}

void World::serve(const ServerMaterial& material) {
  auto context = make_server_context(server.library(), material);
  if (!context) FAIL(context.error().message);
  server.use(*context);
}

std::unique_ptr<End> World::connect(const std::shared_ptr<ClientContext>& context, const std::string& host,
                                    const std::vector<std::string>& protocols) {
  auto end = std::make_unique<End>();
  end->stream = event::TcpStream::connect(loop, listener->address(), *end,
                                          client.connect(context, {host, "one endpoint", protocols}));
  return end;
}

std::unique_ptr<End> World::connect_plain() {
  auto end = std::make_unique<End>();
  end->after = [raw = end.get()] {
    if (raw->connected && !raw->ended && raw->failure.empty()) raw->stream.start_reading();
  };
  end->stream = event::TcpStream::connect(loop, listener->address(), *end);
  return end;
}

std::unique_ptr<End> World::shake(const std::shared_ptr<ClientContext>& context, const std::string& host,
                                  const std::vector<std::string>& protocols) {
  size_t before = accepted.size();
  auto end = connect(context, host, protocols);
  run_until([&] { return end->over() && accepted.size() > before && newest().over(); });
  return end;
}

std::shared_ptr<ClientContext> World::client_context(const ClientOptions& options) {
  auto material = load_client_material(options);
  REQUIRE(material);
  auto context = make_client_context(client.library(), *material);
  REQUIRE(context);
  return *context;
}

}  // namespace weir::tls

#include "proxy/tls_file.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "weir/base/text.h"
#include "weir/config/document.h"

namespace weir::proxy {
namespace {

using config::Node;

/// Reads one file, collecting what is wrong. Used once.
class Decoder {
 public:
  explicit Decoder(const std::string& file_name) {
    size_t slash = file_name.rfind('/');
    if (slash != std::string::npos) folder_ = file_name.substr(0, slash + 1);
  }

  TlsFileOutcome run(const Node& root) {
    known(root, {"tls", "serversTransports", "http"});
    if (const Node* tls = table(root, "tls")) read_tls(*tls);
    each(root, "serversTransports", [&](const Node& node) { read_transport(node); });
    if (const Node* http = table(root, "http")) {  // where Traefik has it
      known(*http, {"serversTransports"});
      each(*http, "serversTransports", [&](const Node& node) { read_transport(node); });
    }
    add_default(out_.file.options);
    add_default(out_.file.transports);
    tls::ClientOptions blind;  // what fabio's tlsskipverify=true names
    blind.name = "insecureSkipVerify";
    blind.insecure_skip_verify = true;
    bool named = std::any_of(out_.file.transports.begin(), out_.file.transports.end(),
                             [&](const tls::ClientOptions& one) { return one.name == blind.name; });
    if (!named) out_.file.transports.push_back(std::move(blind));
    return std::move(out_);
  }

 private:
  template <typename T>
  static void add_default(std::vector<T>& all) {
    bool there = std::any_of(all.begin(), all.end(), [](const T& one) { return one.name == "default"; });
    if (!there) all.emplace_back();
  }

  void complain(Error error) { out_.errors.push_back(std::move(error)); }

  void known(const Node& node, std::initializer_list<std::string_view> keys) {
    for (const Node& member : node.members) {
      if (std::find(keys.begin(), keys.end(), member.key) != keys.end()) continue;
      complain(
          member.key_error("unknown key \"" + member.key + "\"; known are " + join({keys.begin(), keys.end()}, ", ")));
    }
  }

  // Traefik's files are taken as they are where nobody is let in, and nothing is sent elsewhere, for lack of it.
  void ignore(const Node& node, std::string_view key, const std::string& reason) {
    if (const Node* found = node.find(key)) {
      out_.ignored.push_back(found->key_error(std::string(key) + ": " + reason));
    }
  }

  const Node* member(const Node& node, std::string_view key, Node::Kind kind) {
    const Node* found = node.find(key);
    if (found == nullptr || found->kind == kind) return found;
    complain(found->error(std::string(key) + ": expected " + std::string(config::to_string(kind)) + ", found " +
                          std::string(config::to_string(found->kind))));
    return nullptr;
  }
  const Node* table(const Node& node, std::string_view key) { return member(node, key, Node::Kind::table); }

  template <typename Read>
  void each(const Node& node, std::string_view key, Read read) {
    const Node* all = table(node, key);
    if (all == nullptr) return;
    for (const Node& one : all->members) {
      if (one.kind == Node::Kind::table) {
        read(one);
      } else {
        complain(one.error(one.key + ": expected a table, found " + std::string(config::to_string(one.kind))));
      }
    }
  }

  std::string text(const Node& node, std::string_view key) {
    const Node* found = member(node, key, Node::Kind::string);
    return found == nullptr ? "" : found->text;
  }
  bool boolean(const Node& node, std::string_view key) {
    const Node* found = member(node, key, Node::Kind::boolean);
    return found != nullptr && found->boolean;
  }
  std::vector<std::string> texts(const Node& node, std::string_view key) {
    std::vector<std::string> out;
    const Node* found = member(node, key, Node::Kind::array);
    if (found == nullptr) return out;
    for (const Node& item : found->items) {
      if (item.kind == Node::Kind::string) {
        out.push_back(item.text);
      } else {
        complain(item.error(std::string(key) + ": expected a list of strings"));
      }
    }
    return out;
  }
  std::string path(std::string text) const { return text.empty() || text[0] == '/' ? text : folder_ + text; }
  std::vector<std::string> paths(const Node& node, std::string_view key) {
    std::vector<std::string> out = texts(node, key);
    for (std::string& one : out) one = path(std::move(one));
    return out;
  }

  void read_tls(const Node& tls) {
    known(tls, {"certificates", "options", "stores"});
    if (const Node* all = member(tls, "certificates", Node::Kind::array)) {
      for (const Node& one : all->items) out_.file.certificates.push_back(read_certificate(one));
    }
    each(tls, "options", [&](const Node& node) { read_options(node); });
    each(tls, "stores", [&](const Node& node) {
      known(node, {"defaultCertificate"});
      if (node.key != "default") return complain(node.key_error("there is one store, \"default\""));
      if (const Node* one = table(node, "defaultCertificate")) out_.file.default_certificate = read_certificate(*one);
    });
  }

  tls::CertificateFiles read_certificate(const Node& node) {
    tls::CertificateFiles files;
    if (node.kind != Node::Kind::table) {
      complain(node.error("a certificate is a table with certFile and keyFile"));
      return files;
    }
    known(node, {"certFile", "keyFile", "ocspFile", "stores"});  // stores: there is one
    files.cert_file = path(text(node, "certFile"));
    files.key_file = path(text(node, "keyFile"));
    files.ocsp_file = path(text(node, "ocspFile"));
    if (files.cert_file.empty()) complain(node.error("a certificate needs a certFile"));
    if (files.key_file.empty()) files.key_file = files.cert_file;
    return files;
  }

  void read_options(const Node& node) {
    known(node, {"minVersion", "maxVersion", "cipherSuites", "curvePreferences", "alpnProtocols", "sniStrict",
                 "clientAuth", "disableSessionTickets", "preferServerCipherSuites"});
    ignore(node, "preferServerCipherSuites", "it does nothing in Traefik 3 either");
    tls::ServerOptions options;
    options.name = node.key;
    options.min_version_minor = version(node, "minVersion", 2);
    options.max_version_minor = version(node, "maxVersion", 3);
    if (options.min_version_minor > options.max_version_minor) {
      complain(node.find("minVersion")->error("minVersion is above maxVersion"));
    }
    options.cipher_suites = texts(node, "cipherSuites");
    options.curves = texts(node, "curvePreferences");
    options.alpn_protocols = texts(node, "alpnProtocols");
    options.sni_strict = boolean(node, "sniStrict");
    options.tickets_off = boolean(node, "disableSessionTickets");
    for (const std::string& protocol : options.alpn_protocols) {
      if (protocol.empty() || protocol.size() > 255) {
        complain(node.find("alpnProtocols")->error("alpnProtocols: a name has 1 to 255 bytes"));
      }
    }
    if (const Node* auth = table(node, "clientAuth")) read_client_auth(*auth, options);
    out_.file.options.push_back(std::move(options));
  }

  uint8_t version(const Node& node, std::string_view key, uint8_t fallback) {
    std::string name = text(node, key);
    if (name.empty()) return fallback;
    if (name == "VersionTLS12") return 2;
    if (name == "VersionTLS13") return 3;
    bool old = name == "VersionTLS10" || name == "VersionTLS11";
    complain(node.find(key)->error(std::string(key) + ": " +
                                   (old ? "TLS 1.0 and 1.1 are not spoken any more (RFC 8996)"
                                        : "expected VersionTLS12 or VersionTLS13, found \"" + name + "\"")));
    return fallback;
  }

  void read_client_auth(const Node& node, tls::ServerOptions& options) {
    static constexpr std::pair<std::string_view, tls::ClientAuth> kModes[] = {
        {"NoClientCert", tls::ClientAuth::none},
        {"RequestClientCert", tls::ClientAuth::request},
        {"RequireAnyClientCert", tls::ClientAuth::require_any},
        {"VerifyClientCertIfGiven", tls::ClientAuth::verify_if_given},
        {"RequireAndVerifyClientCert", tls::ClientAuth::require_and_verify},
    };
    known(node, {"caFiles", "clientAuthType"});
    options.ca_files = paths(node, "caFiles");
    std::string type = text(node, "clientAuthType");
    if (type.empty()) {
      // Traefik takes caFiles without a type for a requirement: the safe reading.
      options.client_auth = options.ca_files.empty() ? tls::ClientAuth::none : tls::ClientAuth::require_and_verify;
      return;
    }
    for (const auto& [name, mode] : kModes) {
      if (name == type) {
        options.client_auth = mode;
        return;
      }
    }
    complain(node.find("clientAuthType")->error("clientAuthType: unknown mode \"" + type + "\""));
  }

  void read_transport(const Node& node) {
    known(node, {"serverName", "rootCAs", "insecureSkipVerify", "certificates", "peerCertURI", "connectService",
                 "disableHTTP2", "maxIdleConnsPerHost", "forwardingTimeouts", "spiffe"});
    ignore(node, "maxIdleConnsPerHost", "limits.upstream_idle_per_endpoint_max of weir.toml holds for all endpoints");
    ignore(node, "forwardingTimeouts", "the [timeouts] of weir.toml hold for all endpoints");
    if (const Node* spiffe = node.find("spiffe")) {  // whom it trusts would be anybody's guess
      complain(
          spiffe->key_error("spiffe: there is no Workload API here; peerCertURI names the URI that the upstream "
                            "must have, rootCAs and certificates the rest"));
    }
    tls::ClientOptions transport;
    transport.name = node.key;
    transport.server_name = text(node, "serverName");
    transport.root_cas = paths(node, "rootCAs");
    transport.insecure_skip_verify = boolean(node, "insecureSkipVerify");
    transport.peer_uri = text(node, "peerCertURI");
    transport.http2_off = boolean(node, "disableHTTP2");
    if (std::string service = text(node, "connectService"); !service.empty()) {
      const Node* mesh = node.find("connectService");
      out_.file.mesh_services[node.key] = std::move(service);
      for (const char* other : {"rootCAs", "certificates", "peerCertURI", "insecureSkipVerify"}) {
        if (node.find(other) != nullptr) complain(mesh->error(std::string("connectService together with ") + other));
      }
    }
    if (const Node* all = member(node, "certificates", Node::Kind::array)) {
      for (const Node& one : all->items) transport.certificates.push_back(read_certificate(one));
    }
    out_.file.transports.push_back(std::move(transport));
  }

  std::string folder_;
  TlsFileOutcome out_;
};

}  // namespace

TlsFileOutcome decode_tls_file(std::string_view text, const std::string& file_name) {
  auto document = config::parse_toml(text, file_name);
  if (!document) return {{}, {document.error()}, {}};
  return Decoder(file_name).run(document->root);
}

}  // namespace weir::proxy

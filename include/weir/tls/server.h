#pragma once
// TLS of the client side: what connections are accepted with. Built on the control thread, used by one worker each.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "weir/base/result.h"
#include "weir/tls/certificate.h"
#include "weir/tls/options.h"

namespace weir::tls {

/// OpenSSL's own state: one a worker, since what is shared within one is counted and locked atomically. Outlived by
/// nothing that was made with it. Any thread.
class Library;
std::shared_ptr<Library> make_library();

/// One key that tickets are sealed with.
struct TicketKey {
  std::array<unsigned char, 16> name{};
  std::array<unsigned char, 32> cipher_key{};
  std::array<unsigned char, 32> mac_key{};
  bool operator==(const TicketKey&) const = default;
};

/// The first key seals; all of them open. Shared by the workers; never changed, only replaced.
struct TicketKeys {
  static constexpr size_t kKeysMax = 16;
  std::vector<TicketKey> keys;
};
/// Lines of base64, 80 bytes each: nginx's and HAProxy's key. The first line seals; `#` begins a comment.
Result<TicketKeys> parse_ticket_keys(std::string_view text);
/// A new key before the old ones, of which `kept` stay.
TicketKeys rotate(const TicketKeys& keys, size_t kept);

/// Everything a server context is made from, read and checked. A value; shared by the workers.
struct ServerMaterial {
  struct Profile {
    ServerOptions options;
    std::string ca_pem;  // the text of all its CA files
  };
  std::vector<Profile> profiles;  // one is named "default"
  std::vector<std::shared_ptr<const CertificateMaterial>> certificates;
  std::shared_ptr<const CertificateMaterial> default_certificate;  // for names that no other has
  std::vector<std::string> alpn_protocols;                         // where the options name none
  std::string keylog_file;  // for debugging: the secrets of every connection; "": none
};

/// Contexts for all options and all certificates: const, so it is swapped under connections that use the old one.
class ServerContext;
/// The error names the certificate or the options that cannot be used.
Result<std::shared_ptr<const ServerContext>> make_server_context(std::shared_ptr<Library> library,
                                                                 const ServerMaterial& material);

/// Host -> name of the options that its routers ask for, where they ask for any.
using HostOptions = std::unordered_map<std::string, std::string>;  // "*.example": all names one label below
/// Null: none of its own. `host` in lower case.
[[nodiscard]] const std::string* options_of(const HostOptions& by_host, std::string_view host);

/// The name a cipher suite of TLS 1.2 has in OpenSSL, from that or from its IANA name; "" when unknown.
std::string openssl_cipher_name(std::string_view name);
/// The same for a curve ("CurveP256" -> "P-256").
std::string openssl_curve_name(std::string_view name);

}  // namespace weir::tls

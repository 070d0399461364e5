#pragma once
// A TLS server and its clients in one loop; certificates are made by the openssl program when the tests run.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "catch.h"
#include "weir/event/listener.h"
#include "weir/event/loop.h"
#include "weir/event/tcp_stream.h"
#include "weir/tls/engine.h"

namespace weir::tls {

/// The openssl program reads the clock for the beginning and again for the end.
inline bool lasts_days(int64_t from_s, int64_t until_s, int64_t days) {
  const int64_t lasts_s = until_s - from_s;
  return lasts_s == days * 86'400 || lasts_s == days * 86'400 + 1;
}

/// A folder of this process's own, removed at its end.
const std::string& test_folder();
/// Paths of a new certificate and key: self-signed, or by the CA of that name. `kind` is "ec" or "rsa", `subject` as
/// the openssl program reads it ("/C=DE/CN=a"; else "/CN=" and the file).
struct MadeCertificate {
  std::string cert;
  std::string key;
};
MadeCertificate make_certificate(const std::string& file, const std::string& names, const std::string& issuer = "",
                                 const std::string& kind = "ec", int days = 30, const std::string& subject = "");
/// A CA that make_certificate can name; its certificate's path.
std::string make_ca(const std::string& file);
std::shared_ptr<const CertificateMaterial> material_of(const MadeCertificate& made);
/// One "default" profile, a default certificate and these.
ServerMaterial server_material(const std::vector<MadeCertificate>& certificates);

/// One end of a connection that notes what happens to it.
struct End final : event::TcpStream::Observer {
  event::TcpStream stream;
  bool connected = false;
  bool ended = false;
  int reads = 0;
  std::string got;
  std::string failure;
  std::function<void()> after = [] {};

  void on_connected() override { connected = true, after(); }
  void on_read(std::span<char> bytes) override { ++reads, got.append(bytes.data(), bytes.size()), after(); }
  void on_read_end() override { ended = true, after(); }
  void on_drained() override {}
  void on_failed(const Error& error) override { failure = error.message, after(); }
  [[nodiscard]] bool over() const { return connected || !failure.empty(); }
  [[nodiscard]] const Connection& tls() const { return *connection_of(stream); }
};

/// Accepts with `server`; clients connect with `client`, or plain.
struct World {
  event::Loop loop;
  Engine server{loop};
  Engine client{loop};
  std::vector<std::unique_ptr<End>> accepted;
  std::unique_ptr<event::Listener> listener;

  explicit World(const ServerMaterial& material);
  void serve(const ServerMaterial& material);
  std::unique_ptr<End> connect(const std::shared_ptr<ClientContext>& context, const std::string& host,
                               const std::vector<std::string>& protocols = {});
  std::unique_ptr<End> connect_plain();
  /// Runs until both ends of the newest connection have heard how it went.
  std::unique_ptr<End> shake(const std::shared_ptr<ClientContext>& context, const std::string& host,
                             const std::vector<std::string>& protocols = {});
  End& newest() { return *accepted.back(); }
  std::shared_ptr<ClientContext> client_context(const ClientOptions& options);

  template <typename Condition>
  void run_until(Condition holds) {
    for (int turn = 0; turn < 2'000'000 && !holds(); ++turn) loop.run_ready();
    REQUIRE(holds());
  }
};

}  // namespace weir::tls

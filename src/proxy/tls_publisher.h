#pragma once
// Reads what TLS needs from files and gives it to the workers.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "proxy/ocsp_fetcher.h"
#include "proxy/tls_file.h"
#include "proxy/transport_publisher.h"
#include "weir/config/config.h"
#include "weir/event/loop.h"
#include "weir/event/signal.h"
#include "weir/event/timer.h"
#include "weir/proxy/tls_status.h"
#include "weir/routing/table.h"
#include "weir/tls/client.h"
#include "weir/tls/engine.h"
#include "weir/tls/mesh.h"
#include "weir/tls/server.h"

namespace weir::proxy {

class Worker;

/// Reads the TLS file and all it names, at the start, when one of them changes and when told to. What is bad is said
/// and left out; what was good before goes on serving. Control loop's thread; contexts are built here, so that no
/// worker waits for it.
class TlsPublisher {
 public:
  TlsPublisher(event::Loop& control, const config::Config& config, std::vector<Worker*> workers);
  TlsPublisher(const TlsPublisher&) = delete;
  TlsPublisher& operator=(const TlsPublisher&) = delete;

  /// The first reading. An error where the TLS file or the ticket keys cannot be used at all.
  Status start();
  /// Only reads what start() cannot do without.
  Status check();
  void reload();
  /// Tells the workers which hosts ask for other options than their entry point's, and makes transports for the
  /// services of Consul Connect that the table names, and for servers of forwardAuth.
  void use_table(const std::shared_ptr<const routing::RoutingTable>& table);
  /// As Proxy has them.
  Status use_mesh(tls::MeshIdentity identity);
  Status use_ticket_keys(std::string_view text);
  [[nodiscard]] const TlsStatus& status() const { return status_; }
  /// As Proxy has it.
  [[nodiscard]] const tls::ClientMaterial* transport(const std::string& name) const { return transports_.find(name); }
  /// What servers on the control loop speak TLS with: HTTP/1.1 only. Null unless the configuration asks for it.
  [[nodiscard]] tls::Engine* control_tls() { return engine_ ? &*engine_ : nullptr; }

 private:
  void tell_ignored(const std::vector<Error>& keys);
  void tell_keylog() const;
  Status read_file();
  void check_options(TlsFileOutcome& outcome) const;
  [[nodiscard]] std::shared_ptr<const tls::CertificateMaterial> read_certificate(const tls::CertificateFiles& files,
                                                                                 bool is_default);
  [[nodiscard]] std::shared_ptr<const tls::CertificateMaterial> with_staple(
      std::shared_ptr<const tls::CertificateMaterial> material, CertificateStatus& status);
  void read_certificates(tls::ServerMaterial& material);
  Status read_profiles(tls::ServerMaterial& material);
  [[nodiscard]] static Result<tls::ServerMaterial::Profile> read_profile(const tls::ServerOptions& options);
  Status read_ticket_keys();
  void rotate_ticket_keys();
  Status publish(const tls::ServerMaterial& material);
  Status publish_server(const tls::ServerMaterial& material);
  Status publish_to_control(tls::ServerMaterial material);
  void tell_problems();
  void send_ticket_keys();
  void watch();
  void warn_of_expiry();
  void note(const std::string& problem);

  // constant after construction
  event::Loop& control_;
  const config::Config& config_;
  const std::vector<Worker*> workers_;

  std::optional<tls::Engine> engine_;  // of the control loop
  TlsFile file_;
  std::string file_text_;                                                             // that file_ was read from
  std::map<std::string, std::shared_ptr<const tls::CertificateMaterial>> last_good_;  // by certificate file
  std::shared_ptr<const tls::CertificateMaterial> own_certificate_;
  std::map<std::string, tls::ServerMaterial::Profile> profiles_;  // by name, as they were last good
  TransportPublisher transports_;
  std::string published_;  // a digest of what the workers have: the same again is not published
  tls::TicketKeys ticket_keys_;
  tls::HostOptions host_options_;
  std::vector<std::string> stapled_;  // chains that want a staple, as they were last read
  TlsStatus status_;
  std::vector<std::string> problems_;    // of the last reading, those of certificates and transports aside
  std::set<std::string> problems_told_;  // each is logged when it appears
  std::set<std::string> ignored_;        // keys of the TLS file, as they were told
  std::map<std::string, event::FolderWatch> watches_;
  event::Timer settled_;  // after a change: files are seldom written alone
  event::Timer rotation_;
  event::Timer expiry_;
  std::optional<OcspFetcher> ocsp_;  // where it is wanted
};

}  // namespace weir::proxy

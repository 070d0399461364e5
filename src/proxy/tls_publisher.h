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

/// What a worker is given: made for it, complete, to be used from the next connection on. A transport that has not
/// changed is the same context as before.
struct WorkerTls {
  std::shared_ptr<const tls::ServerContext> server;
  std::map<std::string, std::shared_ptr<tls::ClientContext>> transports;  // by name
  std::map<std::string, tls::ClientMaterial> auth_servers;                // by auth_transport()
};

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
  void use_table(const routing::RoutingTable& table);
  /// As Proxy has them.
  Status use_mesh(tls::MeshIdentity identity);
  Status use_ticket_keys(std::string_view text);
  [[nodiscard]] const TlsStatus& status() const { return status_; }
  /// As Proxy has it.
  [[nodiscard]] const tls::ClientMaterial* transport(const std::string& name) const {
    auto found = transports_.find(name);
    return found != transports_.end() ? &found->second : nullptr;
  }
  /// What servers on the control loop speak TLS with: HTTP/1.1 only. Null unless the configuration asks for it.
  [[nodiscard]] tls::Engine* control_tls() { return engine_ ? &*engine_ : nullptr; }

 private:
  void tell_keylog() const;
  Status read_file();
  void check_options(TlsFileOutcome& outcome) const;
  [[nodiscard]] std::shared_ptr<const tls::CertificateMaterial> read_certificate(const tls::CertificateFiles& files,
                                                                                 bool is_default);
  [[nodiscard]] std::shared_ptr<const tls::CertificateMaterial> with_staple(
      std::shared_ptr<const tls::CertificateMaterial> material, CertificateStatus& status);
  Status read_certificates(tls::ServerMaterial& material);
  Status read_profiles(tls::ServerMaterial& material);
  [[nodiscard]] static Result<tls::ServerMaterial::Profile> read_profile(const tls::ServerOptions& options);
  [[nodiscard]] bool note_auth_servers(const SharedList<routing::Middleware>& middlewares);
  [[nodiscard]] bool note_named_transports(const SharedList<routing::Service>& services);
  [[nodiscard]] std::vector<tls::ClientOptions> wanted_transports() const;
  [[nodiscard]] std::set<std::string> missing_transports() const;
  void read_transports();
  Status read_ticket_keys();
  void rotate_ticket_keys();
  Status publish(const tls::ServerMaterial& material);
  Status publish_to(Worker& worker, const tls::ServerMaterial& material);
  Status publish_to_control(tls::ServerMaterial material);
  void make_transports(Worker& worker, WorkerTls& made);
  [[nodiscard]] Result<tls::ClientMaterial> read_transport(const tls::ClientOptions& options);
  void tell_problems(const std::set<std::string>& told);
  void send_ticket_keys();
  void watch();
  void warn_of_expiry();
  void note(const std::string& problem);
  void note_transport(const std::string& name, const Error& error);

  // constant after construction
  event::Loop& control_;
  const config::Config& config_;
  const std::vector<Worker*> workers_;

  std::optional<tls::Engine> engine_;  // of the control loop
  TlsFile file_;
  std::map<std::string, std::shared_ptr<const tls::CertificateMaterial>> last_good_;  // by certificate file
  std::shared_ptr<const tls::CertificateMaterial> own_certificate_;
  std::map<std::string, tls::ServerMaterial::Profile> profiles_;  // by name, as they were last good
  std::map<std::string, tls::ClientMaterial> transports_;
  struct Given {
    tls::ClientMaterial material;
    std::shared_ptr<tls::ClientContext> context;
  };
  std::map<const Worker*, std::map<std::string, Given>> given_;  // the transports that a worker has, by name
  std::shared_ptr<tls::Library> trial_;                          // where transports are tried before a worker gets them
  std::optional<tls::MeshIdentity> mesh_;
  std::string published_;  // a digest of what the workers have: the same again is not published
  tls::TicketKeys ticket_keys_;
  tls::HostOptions host_options_;
  std::map<std::string, std::string> table_mesh_;  // whom the table's transports of Connect speak to, by transport
  std::map<std::string, tls::ClientOptions> auth_servers_;  // of the table's forwardAuth, by auth_transport()
  SharedList<routing::Middleware> seen_middlewares_;        // those auth_servers_ was made of
  std::map<std::string, std::set<std::string>> named_;      // transports, and the table's services that name each
  SharedList<routing::Service> seen_services_;              // those named_ was made of
  std::set<std::string> missing_;                           // those of named_ that were not there at the last reading
  std::vector<std::string> stapled_;                        // chains that want a staple, as they were last read
  TlsStatus status_;
  std::set<std::string> problems_told_;  // each is logged when it appears
  std::map<std::string, event::FolderWatch> watches_;
  event::Timer settled_;  // after a change: files are seldom written alone
  event::Timer rotation_;
  event::Timer expiry_;
  std::optional<OcspFetcher> ocsp_;  // where it is wanted
};

}  // namespace weir::proxy

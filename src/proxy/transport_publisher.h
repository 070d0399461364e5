#pragma once
// What upstreams, and servers of forwardAuth, are spoken to with over TLS.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "proxy/tls_file.h"
#include "weir/base/shared_list.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"
#include "weir/routing/table.h"
#include "weir/tls/client.h"
#include "weir/tls/engine.h"
#include "weir/tls/mesh.h"

namespace weir::proxy {

class Worker;

/// What a worker is given: made for it, complete, to be used from the next connection on. One that has not changed is
/// the same context as before.
struct WorkerTransports {
  std::map<std::string, std::shared_ptr<tls::ClientContext>> transports;  // by name
  std::map<std::string, tls::ClientMaterial> auth_servers;                // by auth_transport()
};

/// Makes transports of the TLS file and for what the table names: services of Consul Connect, servers of forwardAuth.
/// One that is bad stops nothing but itself, and what was good before goes on. One that the table names no more stays
/// as long as a request may be under way by an older table. Owned by TlsPublisher; control loop's thread.
class TransportPublisher {
 public:
  /// `file` lives as long as this, and is read again with each read().
  TransportPublisher(event::Loop& control, std::vector<Worker*> workers, const TlsFile& file);
  TransportPublisher(const TransportPublisher&) = delete;
  TransportPublisher& operator=(const TransportPublisher&) = delete;

  /// Reads all files that are named. Whether the workers have been given others than they had.
  bool read();
  /// Comes before the workers get that table. Whether other transports are wanted than before; they are read then.
  bool use_table(const std::shared_ptr<const routing::RoutingTable>& table);
  /// For the next read().
  void use_mesh(tls::MeshIdentity identity) { mesh_ = std::move(identity); }

  /// As they were last read; those that are as they were before are among them.
  [[nodiscard]] std::vector<tls::ClientOptions> wanted() const;
  [[nodiscard]] std::vector<std::string> names() const;
  /// By transport: why its newest version is not in use.
  [[nodiscard]] const std::map<std::string, std::string>& unreadable() const { return unreadable_; }
  /// By transport that is not there: why it is missed.
  [[nodiscard]] std::map<std::string, std::string> missing() const;
  [[nodiscard]] const tls::ClientMaterial* find(const std::string& name) const;

 private:
  struct Transport {
    tls::ClientMaterial material;
    enum class From { file, mesh, auth_server } from = From::file;  // the last two: a table names it
    /// Not empty: no newer table names it.
    std::vector<std::weak_ptr<const routing::RoutingTable>> left_by = {};
  };
  struct Given {
    tls::ClientMaterial material;
    std::shared_ptr<tls::ClientContext> context;
  };

  bool note_auth_servers(const SharedList<routing::Middleware>& middlewares);
  bool note_mesh(const routing::RoutingTable& table);
  void note_named(const SharedList<routing::Service>& services);
  [[nodiscard]] Transport::From origin_of(const std::string& name) const;
  [[nodiscard]] Result<tls::ClientMaterial> read_one(const tls::ClientOptions& options);
  void keep_what_is_left(std::map<std::string, Transport> before);
  void let_go();
  bool publish();
  [[nodiscard]] std::string identity() const;
  void make_for(Worker& worker, WorkerTransports& made);

  // constant after construction
  const std::vector<Worker*> workers_;
  const TlsFile& file_;

  std::map<std::string, Transport> transports_;
  std::map<std::string, std::string> unreadable_;
  std::map<const Worker*, std::map<std::string, Given>> given_;  // what a worker has, by name
  std::string published_;                                        // a digest of it
  std::shared_ptr<tls::Library> trial_;                          // where transports are tried before a worker gets them
  std::optional<tls::MeshIdentity> mesh_;
  std::map<std::string, std::string> table_mesh_;  // whom the table's transports of Connect speak to, by transport
  std::map<std::string, tls::ClientOptions> auth_servers_;  // of the table's forwardAuth, by auth_transport()
  SharedList<routing::Middleware> seen_middlewares_;        // those auth_servers_ was made of
  std::map<std::string, std::set<std::string>> named_;      // transports, and the table's services that name each
  SharedList<routing::Service> seen_services_;              // those named_ was made of
  std::vector<std::weak_ptr<const routing::RoutingTable>> tables_;  // that a request may be under way by
  event::Timer let_go_;
};

}  // namespace weir::proxy

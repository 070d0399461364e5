#pragma once
// TLS towards upstreams and catalogs.

#include <memory>
#include <string>
#include <vector>

#include "weir/base/result.h"
#include "weir/tls/options.h"

namespace weir::tls {

class Library;

/// What a client context is made from, read and checked. A value.
struct ClientMaterial {
  ClientOptions options;
  std::string ca_pem;  // of options.root_cas; "": the system's
  struct Pair {
    std::string chain_pem;
    std::string key_pem;
    bool operator==(const Pair&) const = default;
  };
  std::vector<Pair> certificates;
  bool operator==(const ClientMaterial&) const = default;
};
/// Reads the files that the options name. Control thread.
Result<ClientMaterial> load_client_material(const ClientOptions& options);

/// Whom to connect to.
struct ClientTarget {
  std::string host;         // as in the URL: a name, or an address without brackets
  std::string session_key;  // sessions are kept by this: connections to one endpoint resume each other's
  std::vector<std::string> alpn_protocols;  // in our order; empty: none is negotiated
};

/// One set of options on one worker, with the sessions its connections may resume. The worker's thread only, once made.
class ClientContext;
/// Any thread, and the last owner may be on any.
Result<std::shared_ptr<ClientContext>> make_client_context(std::shared_ptr<Library> library,
                                                           const ClientMaterial& material);

}  // namespace weir::tls

#pragma once
// What the layers of one loop share.

#include <array>
#include <list>
#include <memory>
#include <span>
#include <string>

#include "tls/openssl.h"
#include "tls/server_context.h"
#include "weir/event/loop.h"
#include "weir/tls/engine.h"

namespace weir::tls {

class Layer;

/// Held by the engine and by each of its layers, so the last layer may go after the engine. Loop's thread.
struct Engine::State : std::enable_shared_from_this<Engine::State> {
  // As much as one read of the loop brings, and what was left of a record before it.
  static constexpr size_t kPlainBytes = 64 * 1024 + 16 * 1024;
  // Sealed bytes go to the socket when this many are there: a large write leaves in pieces that the kernel takes whole.
  static constexpr size_t kSealedFlushBytes = 64 * 1024;

  State(event::Loop& its_loop, std::shared_ptr<Library> its_library, uint32_t per_turn_max);
  ~State() = default;

  /// Whether a handshake may begin in this turn. If not, its layer is told by resume(), in a later one.
  [[nodiscard]] bool admit(Layer& layer);
  void forget(Layer& layer);

  // constant after construction
  event::Loop& loop;
  const std::shared_ptr<Library> library;
  const uint32_t handshakes_per_turn_max;
  BioPtr bio;  // shared by all connections: reads from `sealed_in`, writes to `sealed_out`

  // loop thread only
  std::shared_ptr<const ServerContext> server;
  std::shared_ptr<const TicketKeys> ticket_keys;
  std::shared_ptr<const HostOptions> host_options;
  Counters counters;
  std::span<char> sealed_in;  // what is left of the read under way
  std::string sealed_out;
  std::array<char, kPlainBytes> plain;
  std::string record;  // the pieces of one record, gathered
  std::list<Layer*> waiting;
  uint32_t begun_this_turn = 0;

 private:
  void begin_turn();
};

}  // namespace weir::tls

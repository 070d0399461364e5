#pragma once
// A client's connection that has been idle for long, in few bytes.

#include <list>
#include <memory_resource>

#include "proxy/client_facts.h"
#include "weir/event/idle_watch.h"
#include "weir/event/tcp_stream.h"
#include "weir/event/wheel.h"

namespace weir::proxy {

class EntryPoint;

class ParkedClient;
/// In memory of their own: among what the connections leave behind, one of them would keep a whole page.
using ParkedClients = std::pmr::list<ParkedClient>;

/// A socket and its facts, 128 bytes in the list where a ClientConnection takes 1,700: ten thousand idle clients cost
/// little more than a megabyte. Parking and waking take eight system calls, so only connections that were idle for a
/// second are parked, and only where there are many. Owned by its EntryPoint; worker thread only.
class ParkedClient final : private event::Deadline, private event::IdleWatch::Sleeper {
 public:
  ParkedClient(EntryPoint& entry_point, int fd, ClientFacts facts);
  ~ParkedClient() override;
  ParkedClient(const ParkedClient&) = delete;
  ParkedClient& operator=(const ParkedClient&) = delete;

  /// Begins to listen; it closes when `idle_ms` have passed. False: the system has no memory to spare.
  [[nodiscard]] bool start(uint64_t idle_ms);
  /// It closes after that time at the latest, from now.
  void expire_within(uint64_t idle_ms);
  /// The connection, awake again; empty where that failed. This object holds nothing afterwards.
  [[nodiscard]] event::TcpStream wake();
  [[nodiscard]] ClientFacts& facts() { return facts_; }
  ParkedClients::iterator place;  // in the entry point's list

 private:
  void on_awake() override;
  void on_deadline() override;

  EntryPoint& entry_point_;
  int fd_;
  ClientFacts facts_;
};

}  // namespace weir::proxy

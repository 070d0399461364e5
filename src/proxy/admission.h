#pragma once
// How many client connections there may be.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "weir/base/ip.h"
#include "weir/config/config.h"

namespace weir::proxy {

/// Counts connections over all workers: of the edge, of each entry point, of each client of an entry point. Shared by
/// the workers and touched when a connection comes and goes, never by a request. Any thread.
class Admission {
 public:
  explicit Admission(const config::Config& config);
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  /// One connection's place. Gives it back in its destructor.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept;
    Ticket& operator=(Ticket&& other) noexcept;
    ~Ticket();
    [[nodiscard]] explicit operator bool() const { return admission_ != nullptr; }

   private:
    friend class Admission;
    Admission* admission_ = nullptr;
    IpAddress client_;
    bool of_client_ = false;
    uint16_t entry_point_ = 0;  // there are 64 at most
  };

  /// A place at an entry point, by its position in the configuration; empty where there is none left.
  [[nodiscard]] Ticket enter(size_t entry_point);
  /// Counts the place as this client's (subscriber_of()), now that it is known; false where the client has too many.
  [[nodiscard]] bool count_client(Ticket& ticket, const IpAddress& client);

 private:
  struct Place {
    uint32_t connections_max = 0;  // 0: no limit of its own
    uint32_t connections_per_client_max = 0;
    std::atomic<uint32_t> connections{0};
  };
  struct Client {
    IpAddress ip;
    size_t entry_point = 0;
    bool operator==(const Client&) const = default;
  };
  struct ClientHash {
    size_t operator()(const Client& client) const;
  };
  /// Those clients whose hash ends in its number: so that workers seldom wait for each other.
  struct Shard {
    std::mutex mutex;
    std::unordered_map<Client, uint32_t, ClientHash> connections;
  };
  static constexpr size_t kShards = 16;

  [[nodiscard]] Shard& shard_of(const Client& client) { return shards_[ClientHash()(client) % kShards]; }
  void leave(const Ticket& ticket);

  // constant after construction
  const uint32_t connections_max_;
  std::vector<std::unique_ptr<Place>> places_;

  // shared
  std::atomic<uint32_t> connections_{0};
  std::array<Shard, kShards> shards_;
};

}  // namespace weir::proxy

#pragma once
// How often clients may ask, and how many of their requests may be under way: the memory of rateLimit and inFlightReq.

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "weir/routing/middleware.h"

namespace weir::proxy {

/// Counts over all workers, by a key that names the middleware and whom its requests come from; so a table that comes
/// changes no count. Shared by the workers, touched by requests of routers with such a middleware only. Any thread.
class RequestLimits {
 public:
  /// Sources that are remembered at the least. Whoever has not been seen while as many others were begins anew.
  static constexpr size_t kSourcesMax = 65'536;

  RequestLimits() = default;
  RequestLimits(const RequestLimits&) = delete;
  RequestLimits& operator=(const RequestLimits&) = delete;

  class Seat;

  /// Takes a token from the source's bucket: 0. Else it is left as it is, and there will be one in so many nanoseconds.
  [[nodiscard]] int64_t take_token(const routing::RateLimit& rate, std::string_view key, uint64_t now_us);
  /// Empty where `requests_max` of the source are under way.
  [[nodiscard]] Seat enter(uint64_t requests_max, std::string_view key);

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  template <typename Value>
  using BySource = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;
  struct Bucket {
    double tokens;
    uint64_t filled_us;
  };
  /// Those sources whose hash ends in its number: so that workers seldom wait for each other.
  struct Shard {
    std::mutex mutex;
    BySource<Bucket> buckets;
    BySource<Bucket> older_buckets;  // those not used since `buckets` was full
    BySource<uint64_t> under_way;
  };
  static constexpr size_t kShards = 16;

  [[nodiscard]] Shard& shard_of(std::string_view key) { return shards_[Hash()(key) % kShards]; }
  static Bucket& bucket_of(Shard& shard, std::string_view key, const Bucket& full);

  std::array<Shard, kShards> shards_;
};

/// A request's place among those under way, in limits that outlive it. Gives it back in its destructor.
class RequestLimits::Seat {
 public:
  Seat() = default;
  Seat(Seat&& other) noexcept : shard_(std::exchange(other.shard_, nullptr)), key_(other.key_) {}
  Seat& operator=(Seat&& other) noexcept;
  ~Seat();
  [[nodiscard]] explicit operator bool() const { return shard_ != nullptr; }

 private:
  friend class RequestLimits;
  Shard* shard_ = nullptr;
  const std::string* key_ = nullptr;  // of the shard's map
};

}  // namespace weir::proxy

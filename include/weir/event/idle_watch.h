#pragma once
// Sockets that no libuv handle watches for what is waited for: to be read, to break, or to have room.

#include <cstdint>

namespace weir::event {

class Loop;

/// An epoll instance of its own below the loop's: a socket in it has no libuv handle (248 bytes and more), and all of
/// them cost the loop one descriptor. For connections that have been idle for long, where there are many; and for what
/// libuv does not tell of a socket that it has.
/// Owned by the Loop; loop thread only.
class IdleWatch {
 public:
  class Sleeper {
   public:
    /// What was waited for has come. The socket is still watched. The sleeper may be destroyed in here.
    virtual void on_awake() = 0;

   protected:
    ~Sleeper() = default;
  };

  explicit IdleWatch(Loop& loop);
  ~IdleWatch();
  IdleWatch(const IdleWatch&) = delete;
  IdleWatch& operator=(const IdleWatch&) = delete;

  enum class For : uint8_t {
    bytes,  // the socket can be read: bytes, or its end, have come
    reset,  // the connection is over for both sides; bytes may wait as long as they like
    room,   // something can be written, or the connection is over
  };

  /// False: the system has no memory to spare for one more.
  [[nodiscard]] bool add(int fd, Sleeper& sleeper, For wanted = For::bytes);
  void remove(int fd);

 private:
  struct Cell;
  Cell* cell_ = nullptr;  // from the first add() on
  Loop& loop_;
};

}  // namespace weir::event

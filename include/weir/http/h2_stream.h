#pragma once
// What the streams of both sides of HTTP/2 have in common: a body on its way out, and how much of the one coming in
// has been used.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weir/base/result.h"
#include "weir/http/message.h"

namespace weir::http {

class H2Session;

/// One stream. Owned by its session from the first header block to the moment when both nghttp2 and the observer above
/// are done with it. Loop's thread.
class H2Stream {
 public:
  H2Stream() = default;
  virtual ~H2Stream() = default;
  // They come and go with each request, as what nghttp2 keeps of them does: from the same lists.
  static void* operator new(size_t bytes);
  static void operator delete(void* piece);
  H2Stream(const H2Stream&) = delete;
  H2Stream& operator=(const H2Stream&) = delete;

 protected:
  enum class Out : uint8_t {
    head,    // our head is not submitted
    body,    // it is; our body or its end are still to come
    ending,  // all that is to be sent has been given to us
    ended,   // END_STREAM or RST_STREAM has been sent, or will be with what is submitted
  };

  /// Whether somebody above listens.
  [[nodiscard]] virtual bool attached() const = 0;
  virtual void deliver_body(std::string_view bytes) = 0;
  virtual void deliver_end(std::span<const Header> trailers) = 0;
  virtual void deliver_drained() = 0;
  /// The stream is gone before its time. `code`: of RST_STREAM; REFUSED_STREAM where nothing was done with it.
  virtual void deliver_gone(uint32_t code, const Error& error) = 0;

  [[nodiscard]] size_t queued() const { return queue_.size() - queue_sent_; }
  [[nodiscard]] size_t to_send() const { return queued() + offered_.size(); }

  int32_t id_ = -1;
  Method method_ = Method::get;
  Out out_ = Out::head;
  bool head_in_ = false;   // the peer's head has come: a further block is its trailers
  bool in_ended_ = false;  // the peer's END_STREAM has come

 private:
  friend class H2Session;

  // Out.
  std::string queue_;  // what waits for a window, from queue_sent_ on
  size_t queue_sent_ = 0;
  std::string_view offered_;  // of the send under way: goes past the queue where it can
  std::vector<std::pair<std::string, std::string>> trailers_;
  size_t queued_before_ = 0;  // at the last look for streams that stand still
  // What of its body has gone to the socket and may not have arrived: up to the last time that anybody asked, and since
  // then; each with where it ends among all that the connection has sent.
  struct Sent {
    uint64_t end = 0;
    size_t bytes = 0;
  };
  mutable Sent sent_asked_;
  mutable Sent sent_since_;
  uint64_t promised_left_ = 0;  // of a body whose length our head gave
  bool by_length_ = false;
  bool known_ = false;              // nghttp2 knows the stream
  bool end_sent_ = false;           // END_STREAM has left
  bool body_submitted_ = false;     // nghttp2 asks for the body
  bool body_waits_ = false;         // it was told that there is nothing now
  bool blocked_ = false;            // the connection has too much queued
  mutable bool lag_shown_ = false;  // somebody was told that bytes are queued and may wait for them to go

  // In.
  size_t unconsumed_ = 0;  // bytes that no window update was given for
  uint64_t consumed_ = 0;  // those that one was given for, until the window has grown
  bool paused_ = false;

  // Both.
  size_t place_ = 0;     // among the session's streams
  bool closed_ = false;  // nghttp2 has forgotten it
  bool gone_told_ = false;
  bool reset_by_us_ = false;
  bool noticed_ = false;  // in the session's list of those who are to be told something
  bool tell_drained_ = false;
  bool tell_gone_ = false;
  uint32_t gone_code_ = 0;
  uint64_t reset_due_ms_ = 0;  // answered before the request's end: when it is reset, unless it ends by itself; 0: not
};

}  // namespace weir::http

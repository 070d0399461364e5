#include "http/h2_callbacks.h"

#include <memory>

#include "http/h2_memory.h"
#include "weir/base/check.h"

namespace weir::http {
namespace {

H2Session& self(void* user) { return *static_cast<H2Session*>(user); }
std::string_view text(const uint8_t* at, size_t length) { return {reinterpret_cast<const char*>(at), length}; }

struct Deleter {
  void operator()(nghttp2_session_callbacks* callbacks) const { nghttp2_session_callbacks_del(callbacks); }
  void operator()(nghttp2_option* options) const { nghttp2_option_del(options); }
};

}  // namespace

struct H2Callbacks::Table {
  static int begin_block(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    self(user).block_begins(frame->hd.stream_id, frame->headers.cat == NGHTTP2_HCAT_REQUEST);
    return 0;
  }
  static int field(nghttp2_session*, const nghttp2_frame*, const uint8_t* name, size_t name_length,
                   const uint8_t* value, size_t value_length, uint8_t, void* user) {
    bool taken = self(user).field_came(text(name, name_length), text(value, value_length));
    return taken ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
  }
  // nghttp2 would leave such a field out; RFC 9113 section 8.2.1 calls the whole message malformed.
  static int bad_field(nghttp2_session*, const nghttp2_frame*, const uint8_t*, size_t, const uint8_t*, size_t, uint8_t,
                       void*) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    bool ended = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_HEADERS) self(user).block_ends(frame->hd.stream_id, ended);
    bool settings = frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0;
    if (settings) self(user).settings_came();
    if (frame->hd.type != NGHTTP2_DATA) return 0;
    if (ended) {
      self(user).body_ends(frame->hd.stream_id);
    } else if (frame->hd.length > 0 && frame->data.padlen == frame->hd.length) {
      self(user).padding_came();
    }
    return 0;
  }
  static int bad_frame(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
    self(user).frame_breaks(frame->hd.stream_id);
    return 0;
  }
  static int body(nghttp2_session*, uint8_t, int32_t id, const uint8_t* bytes, size_t length, void* user) {
    self(user).body_came(id, text(bytes, length));
    return 0;
  }
  static int sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY) self(user).goaway_sent(frame->goaway.error_code);
    self(user).frame_sent(frame->hd.type, frame->hd.flags, frame->hd.stream_id);
    return 0;
  }
  static int not_sent(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
    if (frame->hd.type == NGHTTP2_HEADERS) self(user).head_not_sent(frame->hd.stream_id);
    return 0;
  }
  static int closed(nghttp2_session*, int32_t id, uint32_t code, void* user) {
    self(user).stream_closes(id, code);
    return 0;
  }
  static ssize_t read_body(nghttp2_session*, int32_t, uint8_t*, size_t most, uint32_t* flags,
                           nghttp2_data_source* source, void* user) {
    return self(user).next_body(*static_cast<H2Stream*>(source->ptr), most, *flags);
  }
  static int send_body(nghttp2_session*, nghttp2_frame*, const uint8_t* head, size_t length,
                       nghttp2_data_source* source, void* user) {
    constexpr size_t kFrameHeadBytes = 9;
    self(user).body_leaves(*static_cast<H2Stream*>(source->ptr), text(head, kFrameHeadBytes), length);
    return 0;
  }

  static const nghttp2_session_callbacks* callbacks() {
    static const std::unique_ptr<nghttp2_session_callbacks, Deleter> all = [] {
      nghttp2_session_callbacks* made = nullptr;
      CHECK(nghttp2_session_callbacks_new(&made) == 0);
      nghttp2_session_callbacks_set_on_begin_headers_callback(made, begin_block);
      nghttp2_session_callbacks_set_on_header_callback(made, field);
      nghttp2_session_callbacks_set_on_invalid_header_callback(made, bad_field);
      nghttp2_session_callbacks_set_on_frame_recv_callback(made, frame);
      nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, bad_frame);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, body);
      nghttp2_session_callbacks_set_on_frame_send_callback(made, sent);
      nghttp2_session_callbacks_set_on_frame_not_send_callback(made, not_sent);
      nghttp2_session_callbacks_set_on_stream_close_callback(made, closed);
      nghttp2_session_callbacks_set_send_data_callback(made, send_body);
      return std::unique_ptr<nghttp2_session_callbacks, Deleter>(made);
    }();
    return all.get();
  }
  static const nghttp2_option* options() {
    static const std::unique_ptr<nghttp2_option, Deleter> all = [] {
      nghttp2_option* made = nullptr;
      CHECK(nghttp2_option_new(&made) == 0);
      nghttp2_option_set_no_auto_window_update(made, 1);
      nghttp2_option_set_no_closed_streams(made, 1);
      nghttp2_option_set_max_settings(made, 32);
      // Blanks around a value are malformed by RFC 9113 section 8.2.1, and sent by many; H2Fields takes them off.
      nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(made, 1);
      // Else nghttp2 would not even look whether a PRIORITY frame is well-formed.
      nghttp2_option_set_server_fallback_rfc7540_priorities(made, 1);
      return std::unique_ptr<nghttp2_option, Deleter>(made);
    }();
    return all.get();
  }
};

nghttp2_session* H2Callbacks::make(H2Session& session, bool server) {
  nghttp2_session* made = nullptr;
  auto create = server ? nghttp2_session_server_new3 : nghttp2_session_client_new3;
  CHECK(create(&made, Table::callbacks(), &session, Table::options(), h2_memory()) == 0);
  return made;
}

nghttp2_data_provider H2Callbacks::body_of(H2Stream& stream) {
  nghttp2_data_provider provider{};
  provider.source.ptr = &stream;
  provider.read_callback = Table::read_body;
  return provider;
}

}  // namespace weir::http

// Chunked bodies. However one is cut it comes to the same; and what is accepted plain llhttp accepts too, with the same
// bytes and the same end.

#include <llhttp.h>

#include <string>
#include <vector>

#include "fuzz.h"
#include "weir/base/check.h"
#include "weir/http/chunk_reader.h"
#include "weir/http/session.h"

using namespace weir;
using namespace weir::http;

namespace {

struct Collected final : BodySink {
  std::string body;
  void on_body(std::string_view bytes) override {
    CHECK(!bytes.empty());
    body += bytes;
  }
};

struct Reading {
  Parsed parsed{ParseOutcome::incomplete, 0};
  std::string body;
  std::string trailers;
};

/// Reads in pieces of that size.
Reading read(std::string_view input, size_t piece_bytes, const H1Limits& limits) {
  ChunkReader reader;
  reader.begin();
  Collected sink;
  Reading out;
  size_t at = 0;
  while (at < input.size() && out.parsed.outcome == ParseOutcome::incomplete) {
    std::vector<char> exact(input.begin() + static_cast<long>(at),
                            input.begin() + static_cast<long>(std::min(input.size(), at + piece_bytes)));
    out.parsed = reader.read({exact.data(), exact.size()}, limits, sink);
    if (out.parsed.outcome == ParseOutcome::incomplete) CHECK(out.parsed.consumed == exact.size());
    at += out.parsed.consumed;
  }
  out.parsed.consumed = at;
  out.body = sink.body;
  if (out.parsed.outcome == ParseOutcome::complete) {
    for (const Header& header : reader.trailers()) {
      ((out.trailers += header.name) += '=') += header.value;
      out.trailers += '\n';
    }
  }
  return out;
}

struct Reference {
  std::string body;
  bool complete = false;
};

Reference read_by_llhttp(std::string_view input, size_t& consumed) {
  Reference out;
  llhttp_settings_t settings{};
  settings.on_body = [](llhttp_t* parser, const char* at, size_t size) {
    static_cast<Reference*>(parser->data)->body.append(at, size);
    return 0;
  };
  settings.on_message_complete = [](llhttp_t* parser) {
    static_cast<Reference*>(parser->data)->complete = true;
    return static_cast<int>(HPE_PAUSED);
  };
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, &settings);
  parser.data = &out;
  std::string_view head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  llhttp_execute(&parser, head.data(), head.size());
  llhttp_execute(&parser, input.data(), input.size());
  if (out.complete) consumed = static_cast<size_t>(llhttp_get_error_pos(&parser) - input.data());
  return out;
}

}  // namespace

void fuzz::run(std::string_view input) {
  if (input.empty()) return;
  H1Limits limits;
  limits.chunk_extension_bytes_max = 64;
  limits.trailer_bytes_max = 256;
  size_t piece = static_cast<unsigned char>(input[0]) % 16 + 1;
  input.remove_prefix(1);
  Reading whole = read(input, input.size() + 1, limits);
  Reading cut = read(input, piece, limits);
  CHECK(whole.parsed.outcome == cut.parsed.outcome && whole.parsed.consumed == cut.parsed.consumed);
  CHECK(whole.body == cut.body && whole.trailers == cut.trailers);
  // Of extensions we are content to see no control byte; nobody acts on them.
  if (whole.parsed.outcome != ParseOutcome::complete || input.find(';') != std::string_view::npos) return;
  size_t consumed = 0;
  Reference reference = read_by_llhttp(input, consumed);
  CHECK(reference.complete && reference.body == whole.body && consumed == whole.parsed.consumed);
}

#pragma once
// fabio's route commands, as they stand in its KV tree:
//
//   route add <service> <src> <dst>[ weight <w>][ tags "<t1>,<t2>"][ opts "k1=v1 k2=v2"]
//   route del <service>[ <src>[ <dst>]] | route del <service> tags "<t>" | route del tags "<t>"
//   route weight [<service>] <src> weight <w>[ tags "<t>"]
//
// and lines that begin with # or //.

#include <string>
#include <string_view>
#include <vector>

#include "weir/routing/definitions.h"

namespace weir::routing {

struct RouteCommandOptions {
  std::string provider = "consulkv";  // the name behind @
  std::string matcher = "prefix";     // of paths, as for tags: "prefix", "iprefix", "glob"
};

/// Commands of one key, or of one file.
struct CommandText {
  std::string origin;  // for messages: "key fabio/config/a"
  std::string text;
};

/// What is routed when all commands have run, in their order. Pure. A line that cannot be read is dropped and reported
/// with `origin` and its number; the others count. `del` and `weight` act on
/// what stands before them, and on the routes of fabio's tags: for those they are in `edits`. A source is a router of
/// that name, `www.example.com/x@kv`.
Definitions decode_route_commands(std::string_view text, const std::string& origin,
                                  const RouteCommandOptions& options = {});
/// The same of several texts, as if they were one in this order; each counts its own lines.
Definitions decode_route_commands(const std::vector<CommandText>& texts, const RouteCommandOptions& options = {});

}  // namespace weir::routing

#pragma once
// Routes files: routes.d/*.toml.
//
//   [[route]]
//   host = "shop.example.com"          # or a list; or rule = "Host(`a`) && PathPrefix(`/b`)"
//   path_prefix = "/api"
//   service = "web@consul"
//   middlewares = ["strip"]
//   [services.static]
//   servers = ["http://127.0.0.1:9000", { url = "http://127.0.0.1:9001", weight = 3 }]
//   [middlewares.strip]
//   type = "stripPrefix"
//   prefixes = ["/api"]

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "weir/base/result.h"
#include "weir/routing/definitions.h"

namespace weir::routing {

/// One file's definitions. Pure. An error only where the text is no TOML at all: keep the last good of that file then.
/// A bad item drops only itself and is in `rejected` with file, line and column as its origin.
/// `file_name` is for messages; a router without a name is called after the file's own name and what it matches.
Result<Definitions> decode_route_file(std::string_view text, const std::string& file_name);

/// The files of a folder as one provider, "file". Of two that define the same name the first in the given order stays.
Definitions merge_route_files(std::span<const std::shared_ptr<const Definitions>> files);

}  // namespace weir::routing

// `warmstart report --live`: the page of runs that go on, on a local address.
#pragma once
#include <functional>
#include <string>

namespace warmstart {

struct LivePage {
  int port = 0;                          ///< 0 = any that is free
  std::string page;                      ///< the HTML
  std::function<std::string()> version;  ///< changes whenever `data` would; cheap
  std::function<std::string()> data;     ///< JSON text; what it throws is shown on the page
};

/// Serves on 127.0.0.1 until Ctrl-C; `ready` gets the address. Throws Error(kMachine) when the port is taken.
void serve(const LivePage& live, const std::function<void(const std::string& address)>& ready);

}  // namespace warmstart

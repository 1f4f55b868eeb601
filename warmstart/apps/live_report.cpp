#include "warmstart/apps/live_report.h"

#include <fmt/format.h>
#include <httplib.h>

#include <cerrno>
#include <chrono>
#include <mutex>
#include <thread>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/core/stop.h"
#include "warmstart/phases/run.h"

namespace warmstart {
namespace {

const char* const kHost = "127.0.0.1";

// A page of another site may reach this address under a name of its own: only ours are answered.
bool asked_for_us(const httplib::Request& request) {
  const std::string host = request.get_header_value("Host"), name = host.substr(0, host.find(':'));
  return name == kHost || name == "localhost";
}

}  // namespace

void serve(const LivePage& live, const std::function<void(const std::string& address)>& ready) {
  httplib::Server server;
  // a port that another program listens on must be refused, one that was just given back must not
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  server.new_task_queue = [] { return new httplib::ThreadPool(2); };
  server.set_default_headers({{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}});
  server.set_pre_routing_handler([](const httplib::Request& request, httplib::Response& response) {
    if (asked_for_us(request)) return httplib::Server::HandlerResponse::Unhandled;
    response.status = 403;
    return httplib::Server::HandlerResponse::Handled;
  });
  server.Get("/",
             [&](const httplib::Request&, httplib::Response& response) { response.set_content(live.page, "text/html; charset=utf-8"); });
  std::mutex reading;
  std::string version, data;
  server.Get("/data.json", [&](const httplib::Request& request, httplib::Response& response) {
    const std::lock_guard<std::mutex> lock(reading);
    try {
      const std::string now = live.version();
      if (request.get_param_value("have") == now) {
        response.status = 204;
        return;
      }
      if (version != now) data = live.data(), version = now;
      response.set_header("ETag", version);
      response.set_content(data, "application/json");
    } catch (const std::exception& e) {
      response.status = 500;
      response.set_content(e.what(), "text/plain; charset=utf-8");
    }
  });

  int port = live.port;
  errno = 0;
  const bool bound = port == 0 ? (port = server.bind_to_any_port(kHost)) > 0 : server.bind_to_port(kHost, port);
  if (!bound)
    throw machine_error("cannot listen: " + errno_text(errno), fmt::format("{}:{}", kHost, live.port),
                        "end the program that uses the port, or give another with --port (0 = any that is free)");
  std::thread listening([&] { server.listen_after_bind(); });
  ready(fmt::format("http://{}:{}/", kHost, port));
  while (!stop_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  server.stop();
  listening.join();
}

}  // namespace warmstart

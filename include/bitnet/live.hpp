/// A page that shows a job while it runs. Needs cpp-httplib and simdjson; no other public header includes it.
#pragma once

#include <bitnet/report/live_server.hpp>
#include <bitnet/report/live_sink.hpp>

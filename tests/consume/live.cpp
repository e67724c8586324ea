#include <bitnet/live.hpp>

int main() {
    bitnet::LiveServer server;
    server.event("log", bitnet::Json::object({{"text", "hello"}}));
    return server.port() > 0 ? 0 : 1;
}

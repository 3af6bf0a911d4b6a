// The text by uWebSockets, on 127.0.0.1 and the port that is given.
//
//     c++ -O3 -march=x86-64-v2 -flto -std=c++20 -DUWS_NO_ZLIB -DLIBUS_NO_SSL -o peer-uwebsockets \
//         uwebsockets.cpp -I uWebSockets/src -I uSockets/src uSockets.a

#include <App.h>

#include <cstdlib>

int main(int count, char **arguments)
{
    if (count != 2) {
        return 2;
    }
    auto answer = [](auto *response, auto *) {
        response->writeHeader("Content-Type", "text/plain; charset=utf-8")
            ->end("This is the server respose! :)\n");
    };
    uWS::App()
        .any("/*", answer)
        .listen("127.0.0.1", std::atoi(arguments[1]), [](auto *) {})
        .run();
}

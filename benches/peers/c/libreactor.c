// The text by libreactor 3, on 127.0.0.1 and the port that is given. Closes no connection of its own
// accord, and reads no content of requests.
//
//     cc -O3 -march=x86-64-v2 -flto -o peer-libreactor libreactor.c -lreactor -lssl -lcrypto

#include <netdb.h>
#include <reactor.h>

static data text, content_type;

static void answer(reactor_event *event)
{
  server_ok((server_request *) event->data, content_type, text);
}

int main(int argc, char **argv)
{
  server server;

  if (argc != 2)
    return 2;
  text = data_string("This is the server respose! :)\n");
  content_type = data_string("text/plain; charset=utf-8");
  reactor_construct();
  server_construct(&server, answer, &server);
  server_open(&server,
              net_socket(net_resolve("127.0.0.1", argv[1], AF_INET, SOCK_STREAM, AI_PASSIVE)),
              NULL);
  reactor_loop();
  server_destruct(&server);
  reactor_destruct();
}

// Command redis-server is miniredis as a program: the Redis protocol on loopback, for tests of what talks to Redis.
// It takes the flags of the real one that the tests use.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/alicebob/miniredis/v2"
)

var version = "unknown"

func main() {
	port := flag.Int("port", 6379, "port to listen on")
	bind := flag.String("bind", "127.0.0.1", "address to listen on")
	password := flag.String("requirepass", "", "password that clients have to give")
	flag.String("save", "", "accepted and without effect: nothing is ever written to a disk")
	asked := flag.Bool("version", false, "print the version and end")
	flag.Parse()
	if *asked {
		fmt.Printf("miniredis v=%s\n", version)
		return
	}

	server := miniredis.NewMiniRedis()
	if *password != "" {
		server.RequireAuth(*password)
	}
	if err := server.StartAddr(fmt.Sprintf("%s:%d", *bind, *port)); err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	<-stop
}

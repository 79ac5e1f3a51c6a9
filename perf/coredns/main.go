// CoreDNS with the plugins that the benchmark needs, and no others.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/file"
	_ "github.com/coredns/coredns/plugin/forward"
)

func main() {
	dnsserver.Directives = []string{"bind", "cache", "file", "forward"}
	coremain.Run()
}

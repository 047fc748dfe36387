package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// network stands for what containers see of each other and of their files: each port is one of loopback, and each
// volume a directory. It is one goroutine's.
type network struct {
	dir   string
	names map[string]string // To names of containers.
	ports map[string]string // To addresses, by "CONTAINER:PORT".
}

func newNetwork(dir string, d *deployment) (*network, error) {
	n := &network{dir: dir, names: map[string]string{}, ports: map[string]string{}}
	for _, c := range slices.Concat(d.nats, d.nodes) {
		names := append([]string{c.name}, c.names...)
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			if n.names[name] != "" {
				return nil, fmt.Errorf("two containers are called %s", name)
			}
			n.names[name] = c.name
		}
	}
	return n, nil
}

// address returns where a port of a container is, "127.0.0.1:PORT".
func (n *network) address(container, port string) (string, error) {
	key := container + ":" + port
	var err error
	for tries := 0; n.ports[key] == "" && tries < 100; tries++ {
		var lis net.Listener
		// Not one of those that the system gives away for connections: it would be taken before the container listens.
		if lis, err = net.Listen("tcp", fmt.Sprint("127.0.0.1:", 10_000+rand.IntN(20_000))); err == nil {
			n.ports[key] = lis.Addr().String()
			err = lis.Close()
		}
	}
	return n.ports[key], err
}

// withAddress is a word that ends in an address: its beginning, the host and the port.
var withAddress = regexp.MustCompile(`^(|.*[=/@])([A-Za-z0-9._-]*|\[::\]):([0-9]{1,5})$`)

// translate returns an argument or a variable of a container as it is to be outside of it.
func (n *network) translate(c *container, text string) (string, error) {
	flag, value := "", text
	if before, after, ok := strings.Cut(text, "="); ok {
		flag, value = before+"=", after
	}
	if strings.HasPrefix(value, "/") {
		file, err := n.file(c, value)
		if err != nil {
			return "", fmt.Errorf("%s: %s: %w", c.name, text, err)
		}
		return flag + file, nil
	}
	words := strings.Split(text, ",")
	for i, word := range words {
		m := withAddress.FindStringSubmatch(word)
		if m == nil {
			continue
		}
		to, host := c.name, m[2]
		everywhere := host == "" || host == "[::]" || host == "0.0.0.0"
		if !everywhere && host != "localhost" && net.ParseIP(host) == nil {
			var ok bool
			if to, ok = n.names[host]; !ok {
				return "", fmt.Errorf("%s: %s: nobody is called %s", c.name, text, host)
			}
		}
		address, err := n.address(to, m[3])
		if err != nil {
			return "", err
		}
		if _, port, _ := net.SplitHostPort(address); everywhere {
			// The same address, but by a name that does not look as if nobody else could reach it: what a node asks for before
			// it listens to others it is to ask for here.
			address = net.JoinHostPort("LOCALHOST", port)
		}
		words[i] = m[1] + address
	}
	return strings.Join(words, ","), nil
}

// file returns where what a container has as name is.
func (n *network) file(c *container, name string) (string, error) {
	for _, m := range c.mounts {
		below, ok := strings.CutPrefix(name, m.path)
		if !ok || below != "" && below[0] != '/' {
			continue
		}
		below = strings.TrimPrefix(below, "/")
		if m.volume != "" {
			dir := filepath.Join(n.dir, "volumes", hex.EncodeToString([]byte(m.volume)))
			return filepath.Join(dir, below), os.MkdirAll(dir, 0o700)
		}
		for _, file := range m.files {
			if file == below {
				return n.secret(path.Base(name))
			}
		}
		return "", fmt.Errorf("the secret at %s has no such file", m.path)
	}
	return "", fmt.Errorf("nothing is mounted there")
}

// secret returns a file with a secret, the same for all who ask for that name.
func (n *network) secret(name string) (string, error) {
	file := filepath.Join(n.dir, "secrets", name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", err
	}
	if _, err := os.Stat(file); err == nil {
		return file, nil // A node may be reading it.
	}
	sum := sha256.Sum256([]byte(name))
	return file, os.WriteFile(file, []byte(hex.EncodeToString(sum[:])), 0o600)
}

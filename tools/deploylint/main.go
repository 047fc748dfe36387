// Deploylint checks what deploy/ has for containers: it builds Beckon as the Dockerfile does, reads the compose files and
// the Kubernetes manifests as strictly as those who will read them, and runs what they run, on loopback: each node with its
// own command line, with NATS servers of this process where they are not inside the nodes. It needs neither a container
// runtime nor a network.
//
//	go run . ../../deploy
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: deploylint DIRECTORY, that of Dockerfile, compose*.yaml and kubernetes/*.yaml in Beckon's tree")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	n, err := lint(ctx, os.Args[1], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "deploylint:", err)
		os.Exit(2)
	}
	if n > 0 {
		os.Exit(1)
	}
}

// lint writes what is wrong in dir, a line each, and returns how many those are. An error tells why it cannot know.
func lint(ctx context.Context, dir string, out io.Writer) (wrong int, err error) {
	work, err := os.MkdirTemp("", "deploylint")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(work)

	image, findings, err := buildImage(ctx, filepath.Join(dir, "Dockerfile"), filepath.Dir(filepath.Clean(dir)), work)
	if err != nil {
		return 0, err
	}
	composes, _ := filepath.Glob(filepath.Join(dir, "compose*.yaml"))         // The pattern is sound.
	manifests, _ := filepath.Glob(filepath.Join(dir, "kubernetes", "*.yaml")) // Likewise.
	if len(composes) == 0 || len(manifests) == 0 {
		return 0, fmt.Errorf("%s: expected compose*.yaml and kubernetes/*.yaml", dir)
	}
	var checks sync.WaitGroup
	found := make(chan []string)
	check := func(path string, load func(string) (*deployment, []string)) {
		checks.Go(func() { found <- checkFile(ctx, path, load, image) })
	}
	for _, path := range composes {
		check(path, func(path string) (*deployment, []string) { return loadCompose(ctx, path) })
	}
	for _, path := range manifests {
		check(path, loadKubernetes)
	}
	go func() { checks.Wait(); close(found) }()
	for more := range found {
		findings = append(findings, more...)
	}
	for _, text := range findings {
		fmt.Fprintln(out, text)
	}
	if len(findings) == 0 {
		fmt.Fprintf(out, "%s and %d files that start it are sound\n", filepath.Join(dir, "Dockerfile"), len(composes)+len(manifests))
	}
	return len(findings), nil
}

// checkFile returns what is wrong in a file. What is not even sound to read is not run.
func checkFile(ctx context.Context, path string, load func(string) (*deployment, []string), image *image) []string {
	d, findings := load(path)
	if len(findings) == 0 {
		findings = append(findings, d.check(image)...)
	}
	if len(findings) == 0 {
		findings = append(findings, d.run(ctx, image.binary)...)
	}
	for i, text := range findings {
		findings[i] = path + ": " + strings.TrimSpace(text)
	}
	return findings
}

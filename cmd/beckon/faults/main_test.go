package faults

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// binary is the beckon command, built by TestMain.
var binary string

// long has all scenarios of clusters run, and on three NATS servers.
var long = flag.Bool("long", false, "run all scenarios of clusters, which takes minutes")

func TestMain(m *testing.M) {
	runChild()
	flag.Parse()
	// Scenarios wait most of the time: more of them can run at once than there are processors.
	atOnce := "16"
	if *long {
		atOnce = "4" // Of clusters, each of which is six processes.
	}
	if err := flag.Set("test.parallel", atOnce); err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "beckon-faults-")
	if err != nil {
		log.Fatal(err)
	}
	code := 1
	if err := build(dir); err != nil {
		log.Print(err)
	} else if code = m.Run(); code == 0 {
		if left := goroutinesLeft(patience); left != nil {
			log.Printf("goroutines of clients are left:\n%s", bytes.Join(left, []byte("\n\n")))
			code = 1
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		log.Print(err)
	}
	os.Exit(code)
}

// build makes the binary, with the race detector if the test has it, too.
func build(dir string) error {
	if err := readSources(); err != nil {
		return err
	}
	binary = filepath.Join(dir, "beckon")
	args := []string{"build", "-o", binary}
	if raceDetector {
		args = append(args, "-race")
	}
	command := exec.Command("go", append(args, "github.com/beckonrtc/beckon/cmd/beckon")...)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", command.Args, err, out)
	}
	return nil
}

// readSources looks at the folders that the binary is made of. The go command remembers what a test has read, and does not
// take the result of an earlier run for that of this one if it has changed; what another go command read it does not see.
func readSources() error {
	root := filepath.Join("..", "..", "..")
	if _, err := os.ReadFile(filepath.Join(root, "go.mod")); err != nil {
		return err
	}
	for _, part := range []string{"cmd", "gen", "server"} {
		err := filepath.WalkDir(filepath.Join(root, part), func(_ string, _ fs.DirEntry, err error) error { return err })
		if err != nil {
			return err
		}
	}
	return nil
}

// goroutinesLeft gives clients and their connections some time to end, and returns the stacks of those that do not. The
// proxies are not looked at: theirs may wait forever to hand on what a connection that is closed would have carried.
func goroutinesLeft(patience time.Duration) [][]byte {
	deadline := time.Now().Add(patience)
	for tick := time.NewTicker(10 * time.Millisecond); ; <-tick.C {
		stacks := make([]byte, 16<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		var left [][]byte
		for stack := range bytes.SplitSeq(stacks, []byte("\n\n")) {
			if bytes.Contains(stack, []byte("beckon/clients/go")) || bytes.Contains(stack, []byte("google.golang.org/grpc")) {
				left = append(left, stack)
			}
		}
		if left == nil || time.Now().After(deadline) {
			return left
		}
	}
}
